"""Settings of the reference solver: the paper's constants, and what works in metres."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from handhold.errors import InputError
from handhold.interaction.contact import ContactSource
from handhold.interaction.gravity_field import Normalize

Tissue = Literal["free", "yield", "none"]


@dataclass(frozen=True)
class SdeConfig:
    """Settings of `solve_sde`. The defaults are the paper's constants where it prints them (its section 4.2),
    with the force divided by the weights; `as_printed` keeps the raw sum, `metres` is what works.

    Time in the equation has no unit: rates are per unit of time, step sizes are shares of it.

    Attributes:
        sigma_coarse: receptive radius of the first stage [m] (paper: 0.2).
        sigma_fine: of the last stage [m] (paper: 0.05).
        stages: from coarse to fine, radii in equal ratios (paper: 2).
        strength: k_l, attraction at every scale, no unit (not printed).
        normalize: what the sum over points is divided by (paper: "raw").
        alpha: gravitational step coefficient (paper: 0.01) [m²]; no unit for mean shift.
        lambda_prior: pull towards the hand model in the last stage [1/time] (paper: 0.5).
        lambda_normal: weight of normal alignment in the last stage [m²/time] (paper: 0.2).
        relaxed: share of both weights in the first stage ("relaxed"; not printed).
        epsilon: threshold (i) on the RMS gravity gradient over pulled vertices (paper: 1e-4) [1/m]; [m] for
            mean shift.
        max_steps: threshold (ii), over all stages (paper: 150).
        noise: g at the start, far from the surface [m/sqrt(time)] (not printed).
        largest_dt: largest step size.
        step_limit: the most a point may move in one step [m].
        safe_length: distance below which eq. 6's direction fades instead of becoming undefined [m].
        contact: what tells the contact region.
        contact_points: points on each object.
        contact_reach: hand and object further apart than this at input are not meant to touch [m].
        pull_contact_only: gravity on hand vertices by their contact weight; False pulls all (paper).
        refit_every: steps between refits of the hand model.
        refit_stride: every so many-th vertex is fitted.
        pose_prior: how strongly a refit keeps the angles of the input [mm²/rad²].
        damping: of a refit [mm²].
        penetration_tolerance: condition (iii) calls nothing shallower a penetration [m].
        check_every: steps between checks of condition (iii).
        tissue: what is returned as soft tissue: "free", X - M capped; "yield", the default solver's
            projection of M; "none".
        tissue_cap: longest offset [m].
        use_gravity: ablation switches of the terms of eq. 7, of the step-size control and of the refit
            (off: M stays the input).
    """

    sigma_coarse: float = 0.2
    sigma_fine: float = 0.05
    stages: int = 2
    strength: float = 1.0
    normalize: Normalize = "weights"
    alpha: float = 0.01
    lambda_prior: float = 0.5
    lambda_normal: float = 0.2
    relaxed: float = 0.5
    epsilon: float = 1e-4
    max_steps: int = 150
    noise: float = 1e-3
    largest_dt: float = 1.0
    step_limit: float = 0.005
    safe_length: float = 1e-3
    contact: ContactSource = "nearest"
    contact_points: int = 2048
    contact_reach: float = 0.010
    pull_contact_only: bool = False
    refit_every: int = 1
    refit_stride: int = 8
    pose_prior: float = 1.0
    damping: float = 0.1
    penetration_tolerance: float = 5e-4
    check_every: int = 10
    tissue: Tissue = "free"
    tissue_cap: float = 0.0055
    use_gravity: bool = True
    use_prior: bool = True
    use_normal: bool = True
    use_noise: bool = True
    use_adaptive: bool = True
    use_refit: bool = True

    def __post_init__(self) -> None:
        positive = ("sigma_coarse", "sigma_fine", "step_limit", "largest_dt", "safe_length", "contact_reach")
        for name in (*positive, "tissue_cap"):
            if not getattr(self, name) > 0:
                raise InputError("must be positive", where=f"SdeConfig.{name}", got=getattr(self, name))
        for name in ("stages", "max_steps", "refit_every", "refit_stride", "check_every", "contact_points"):
            if getattr(self, name) < 1:
                raise InputError("must be 1 or more", where=f"SdeConfig.{name}", got=getattr(self, name))
        for name, kind in (("normalize", Normalize), ("contact", ContactSource), ("tissue", Tissue)):
            if getattr(self, name) not in get_args(kind):
                expected = " or ".join(get_args(kind))
                raise InputError(
                    "unknown", where=f"SdeConfig.{name}", expected=expected, got=getattr(self, name)
                )

    @staticmethod
    def as_printed(**changes) -> SdeConfig:
        """The paper's constants and its raw sum over points, steps of one (the sign is mended)."""
        return replace(SdeConfig(normalize="raw", use_adaptive=False), **changes)

    @staticmethod
    def metres(**changes) -> SdeConfig:
        """What works in metres: mean shift from 20 to 5 mm on the vertices near the object; no noise; normal
        alignment, which is what takes skin out of the object, at a weight that does not drown the rest."""
        base = SdeConfig(
            sigma_coarse=0.020,
            sigma_fine=0.005,
            stages=4,
            normalize="mean_shift",
            alpha=0.5,
            lambda_normal=1e-5,
            max_steps=60,
            use_noise=False,
            pull_contact_only=True,
        )
        return replace(base, **changes)
