"""The reference solver: GravityDB's stochastic differential equation on free hand vertices, eq. 3 to 8.

The paper's symbols beside our names:

    X_t   skin, free vertices (B, V, 3)         M(theta, beta)   model, the hand's own surface
    phi   GravityField (its sign mended)        P_v^c, P_h^c     ContactRegions.object, .hand
    lambda_1, lambda_2   prior, normal          alpha, epsilon, T_max   alpha, epsilon, max_steps
    g     noise                                 sigma_l          sigma of a stage

What the paper leaves open is decided here: M is refitted to X as X moves (else the prior ties X to the
input); the direction of eq. 6 fades within `safe_length` of the surface, as the gradient of (1 - <n,
d/sqrt(|d|² + l²)>)²; the noise fades where the field says that skin is at the contact region, and with
time; the step size keeps every displacement below `step_limit` and stays below the inverse stiffness of the
drift.

It is the paper's method made to run, and the bench on which its terms are taken away; `coupled.solve`
refines better and faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from handhold.diffusion.bridge import annealed, bounded_increment, euler_maruyama_step, limited_dt
from handhold.hand.kinematics import (
    HandState,
    SkinnedPoints,
    damped_step,
    directional_jacobian,
    forward,
    place,
    surface_points,
)
from handhold.hand.skeleton import FINGERS
from handhold.interaction.contact import ContactRegions, contact_regions
from handhold.interaction.grasp import Contact
from handhold.interaction.gravity_field import GravityField
from handhold.interaction.measures import CONTACT_MM
from handhold.interaction.rows import Rows
from handhold.interaction.soft_contact import SoftContactConfig, capped, unfolded, yield_to
from handhold.methods.refine.gravity.sde_config import SdeConfig

if TYPE_CHECKING:
    from scipy.spatial import KDTree

MM = 1e3
LARGEST_TURN = 0.25
"""Largest turn of a joint in one refit [rad]."""
LOST = 1.0
"""Skin that has left the input by so much [m] will not come back."""

StopReason = Literal["force", "steps", "contact", "diverged"]


class Stop(NamedTuple):
    """Why and when a row stopped: (i) the force fell below epsilon, (ii) the steps ran out, (iii) contact
    is valid (nothing penetrates, all assigned fingers touch); or skin was lost, and the state before is
    kept."""

    reason: StopReason
    step: int


class SdeResult(NamedTuple):
    """The refined hands, their soft tissue (B, V, 3) in the objects' frames [m], and why each row stopped."""

    state: HandState
    offsets: Tensor
    stops: tuple[Stop, ...]


@dataclass(frozen=True)
class _Stage:
    """One stage: its field, weights and share of the steps."""

    field: GravityField
    prior: float
    normal: float
    stiffness: Tensor
    """(B,) largest rate at which the drift takes points back [1/time]."""


def solve_sde(
    rows: Rows,
    config: SdeConfig,
    *,
    generator: torch.Generator | None,
    given: Sequence[Contact | None] | None = None,
) -> SdeResult:
    """Refine all rows by the SDE.

    Args:
        rows: hands and objects.
        config: settings and ablation switches.
        generator: source of the noise, on the rows' device.
        given: known contact masks, one for each row (`contact.given_contacts`).
    """
    regions = contact_regions(
        rows, source=config.contact, given=given, count=config.contact_points, reach=config.contact_reach
    )
    points = surface_points(rows.hand, rows.state.betas)
    state, model = rows.state, place(forward(rows.hand, rows.state), points)
    start = skin = model
    pull = regions.hand if config.pull_contact_only else torch.ones_like(regions.hand)
    align = _NormalAlignment.of(regions, config) if config.use_normal else None
    running = torch.ones(len(rows), dtype=torch.bool, device=skin.device)
    stops = [Stop("steps", config.max_steps)] * len(rows)
    stages = [_stage(regions, config, k) for k in range(config.stages)]
    for step in range(config.max_steps):
        stage = stages[step * config.stages // config.max_steps]
        field = stage.field.sample(skin)
        force = field.force
        ended: dict[StopReason, Tensor] = {}
        if step % config.check_every == 0:
            ended["contact"] = _valid_contact(rows, skin, regions, config)
        ended["force"] = _rms(force, pull) < config.epsilon
        drift = _drift(config, stage, skin, model, force * pull[..., None], align)
        noise = _noise(config, field.closeness, progress=step / config.max_steps)
        moved = _move(config, stage, skin, drift, noise=noise, generator=generator)
        ended["diverged"] = ~((moved - start).abs().flatten(1).amax(-1) < LOST)
        for reason, rows_ended in ended.items():
            for b in torch.nonzero(running & rows_ended).flatten().tolist():
                stops[b] = Stop(reason, step)
            running = running & ~rows_ended
        if not running.any():
            break
        skin = torch.where(running[:, None, None], moved, skin)
        if config.use_refit and step % config.refit_every == 0:
            state = _refit(rows, config, state, points, skin).where(running, state)
            model = place(forward(rows.hand, state), points)
    return SdeResult(state, _tissue(rows, config, model, skin), tuple(stops))


def _stage(regions: ContactRegions, config: SdeConfig, number: int) -> _Stage:
    progress = number / max(config.stages - 1, 1)
    sigma = annealed(config.sigma_coarse, config.sigma_fine, progress=progress, kind="geometric")
    share = annealed(config.relaxed, 1.0, progress=progress)
    fields = [
        GravityField.build(p, w, sigmas=(sigma,), strengths=(config.strength,), normalize=config.normalize)
        for p, w in zip(regions.points, regions.object)
    ]
    field = GravityField.stack(fields)
    rate = 2 / sigma**2
    if config.normalize == "raw":
        curvature = rate * field.peaks[:, 0]
    elif config.normalize == "weights":
        curvature = rate * field.peaks[:, 0] / field.totals[:, 0].clamp_min(1e-12)
    else:
        curvature = torch.ones_like(field.peaks[:, 0])
    gravity = config.use_gravity * config.alpha * config.strength
    prior = config.use_prior * config.lambda_prior * share
    stiffness = gravity * curvature + 2 * prior
    return _Stage(field, prior, config.use_normal * config.lambda_normal * share, stiffness)


def _drift(
    config: SdeConfig,
    stage: _Stage,
    skin: Tensor,
    model: Tensor,
    force: Tensor,
    align: _NormalAlignment | None,
) -> Tensor:
    """The three deterministic terms of eq. 7 and 8."""
    drift = torch.zeros_like(skin)
    if config.use_gravity:
        drift = drift + config.alpha * force
    if config.use_prior:
        drift = drift - stage.prior * 2 * (skin - model)
    if align is not None:
        drift = drift - stage.normal * align.gradient(skin)
    return drift


def _noise(config: SdeConfig, closeness: Tensor, *, progress: float) -> Tensor:
    """g (B, V) of eq. 3: less near the contact region, and less with time."""
    if not config.use_noise:
        return torch.zeros_like(closeness)
    return annealed(config.noise, 0.0, progress=progress, kind="cosine") * (1 - closeness)


def _move(
    config: SdeConfig,
    stage: _Stage,
    skin: Tensor,
    drift: Tensor,
    *,
    noise: Tensor,
    generator: torch.Generator | None,
) -> Tensor:
    """One Euler-Maruyama step, eq. 8, each row with its own step size."""
    if config.use_adaptive:
        dt = limited_dt(drift, noise_scale=noise, bound=config.step_limit, largest=config.largest_dt)
        dt = torch.minimum(dt, 1 / stage.stiffness.clamp_min(1e-12))
    else:
        dt = skin.new_full((len(skin),), config.largest_dt)
    dt = dt.nan_to_num(nan=0.0)
    increment = (
        bounded_increment(skin, dt, generator=generator) if config.use_noise else torch.zeros_like(skin)
    )
    return euler_maruyama_step(
        skin, drift, noise_scale=noise[..., None], dt=dt[:, None, None], increment=increment
    )


class _NormalAlignment:
    """Eq. 6 over the hand's contact vertices, against the nearest of the contact region's points."""

    def __init__(
        self, trees: list[KDTree | None], points: list[Tensor], normals: list[Tensor], hand: Tensor, safe
    ):
        self.trees, self.points, self.normals, self.hand, self.safe = trees, points, normals, hand, safe

    @staticmethod
    def of(regions: ContactRegions, config: SdeConfig) -> _NormalAlignment:
        """Search trees over the points that have weight."""
        from scipy.spatial import KDTree

        points = [p[w > 0] for p, w in zip(regions.points, regions.object)]
        normals = [n[w > 0] for n, w in zip(regions.normals, regions.object)]
        trees = [KDTree(p.cpu().numpy()) if len(p) else None for p in points]
        return _NormalAlignment(trees, points, normals, regions.hand > 0, config.safe_length)

    def gradient(self, skin: Tensor) -> Tensor:
        """Gradient (B, V, 3) of the loss [1/m], the nearest points held."""
        slope = torch.zeros_like(skin)
        for b, tree in enumerate(self.trees):
            if tree is None or not skin[b].isfinite().all():
                continue
            own = self.hand[b]
            nearest = torch.from_numpy(np.asarray(tree.query(skin[b, own].cpu().numpy())[1])).to(own.device)
            away, normal = skin[b, own] - self.points[b][nearest], self.normals[b][nearest]
            slope[b, own] = normal_alignment_gradient(away, normal, safe_length=self.safe)
        return slope


def normal_alignment_gradient(away: Tensor, normal: Tensor, *, safe_length: float) -> Tensor:
    """Gradient of (1 - <n, d/r>)², r = sqrt(|d|² + safe_length²), with respect to d.

    Args:
        away: (*, 3) d = X - p, from the nearest surface point to the hand point [m].
        normal: (*, 3) unit normals n.
        safe_length: [m].

    Returns:
        (*, 3) [1/m], finite everywhere.
    """
    length = (away.square().sum(-1, keepdim=True) + safe_length**2).sqrt()
    direction = away / length
    cosine = (normal * direction).sum(-1, keepdim=True)
    return -2 * (1 - cosine) * (normal - cosine * direction) / length


def _refit(rows: Rows, config: SdeConfig, state: HandState, points: SkinnedPoints, skin: Tensor) -> HandState:
    """One damped Gauss-Newton step of the hand's parameters towards the skin."""
    fitted = points[:: config.refit_stride]
    target = skin[:, :: config.refit_stride]
    pose = forward(rows.hand, state)
    residual = (place(pose, fitted) - target) * MM
    count = target.shape[1]
    hessian = residual.new_zeros(len(skin), 51, 51)
    gradient = residual.new_zeros(len(skin), 51)
    for axis in torch.eye(3, dtype=skin.dtype, device=skin.device):
        jacobian = directional_jacobian(rows.hand, pose, fitted, axis.expand_as(residual)) * MM
        hessian += jacobian.mT @ jacobian / count
        gradient += (jacobian * (residual * axis).sum(-1, keepdim=True)).sum(1) / count
    prior = torch.zeros_like(gradient)
    prior[:, 6:] = config.pose_prior
    gradient[:, 6:] += config.pose_prior * (state.angles - rows.state.angles).flatten(1)
    step = damped_step(
        rows.hand,
        state,
        hessian + torch.diag_embed(prior),
        gradient,
        damping=config.damping,
        limit=LARGEST_TURN,
    )
    return state.moved(rows.hand, step)


def _rms(force: Tensor, weight: Tensor) -> Tensor:
    """(B,) root mean square of vectors (B, V, 3) with weights (B, V); 0 without weight."""
    mean = (force.square().sum(-1) * weight).sum(-1) / weight.sum(-1).clamp_min(1e-12)
    return mean.sqrt()


def _valid_contact(rows: Rows, skin: Tensor, regions: ContactRegions, config: SdeConfig) -> Tensor:
    """(B,) nothing penetrates, and every finger with a contact weight touches (there is at least one)."""
    distance = rows.distance(skin.nan_to_num())[0]
    labels = rows.hand.finger_labels
    clear = distance.amin(-1) > -config.penetration_tolerance
    touching, assigned = [], []
    for k in range(len(FINGERS)):
        own = labels == k + 1
        touching.append(distance[:, own].abs().amin(-1) <= CONTACT_MM / MM)
        assigned.append(regions.hand[:, own].amax(-1) > 0)
    touches, asked = torch.stack(touching, -1), torch.stack(assigned, -1)
    return clear & (touches | ~asked).all(-1) & asked.any(-1)


def _tissue(rows: Rows, config: SdeConfig, model: Tensor, skin: Tensor) -> Tensor:
    if config.tissue == "none":
        return torch.zeros_like(model)
    if config.tissue == "yield":
        return yield_to(rows, model, config=SoftContactConfig(cap=config.tissue_cap))
    return unfolded(model, capped(skin - model, config.tissue_cap), rows.hand.faces)
