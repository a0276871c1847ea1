"""Settings of the gravity refiner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handhold.errors import InputError
from handhold.interaction.rows import FieldKind
from handhold.interaction.soft_contact import SoftContactConfig
from handhold.methods.refine.gravity.sde_config import SdeConfig


@dataclass(frozen=True)
class GravityConfig:
    """Settings of `refine_gravity`. A weight of zero switches its term off, for ablations.

    Weights count square millimetres: a term of weight 1 that is 1 mm off costs 1.

    Attributes:
        solver: "coupled" solves gravity and hand parameters together; "sde" follows the paper's equations.
        samples: starts per grasp; the first is the input, the others are noised; the best by measure is kept.
        steps: Gauss-Newton steps.
        contact: what is meant to touch, where a grasp brings no contact masks: "reach", whole fingers that are near;
            "nearest" or "ray", regions of skin and object (`interaction.contact`).
        bring: whether a hand that is far from the contact masks given with it is taken there first.
        reach: fingers nearer to the object than this at the input are meant to touch [m].
        sigma_coarse, sigma_fine: width of the field at the first and at the last step [m] (paper: 0.2 and 0.05).
        gravity: weight of the pull, shared by the pulled vertices of a finger.
        pulled: vertices of a finger that are pulled, the nearest.
        press: a finger is pulled until it is so deep in the surface [m].
        penetration: weight of a vertex inside.
        soft_depth: depth from which a vertex inside weighs ever more [m]; soft tissue yields that much.
        bones: weight of a bone point that comes too near to the surface.
        bone_tissue: how much of the flesh between bone and skin may yield [m].
        keep: weight of the observed keypoints.
        trust: part of that weight where contact masks are given with the grasp.
        pose: weight of the fitted joint angles [mm2/rad2].
        damping: added to the normal equations [mm2].
        largest_turn: of a joint in one step [rad].
        vertex_stride: every so-manieth vertex is watched.
        walls: whether skin beyond a thin wall, as seen from its bone, counts as inside.
        reopen: how far fingers that are cut by the surface are opened before they close again, one try each [rad].
        noise_angles, noise_wrist: spread of the noised starts [rad, m].
        field: signed distance: "exact" (libigl), "grid" (any device), "auto" by device.
        soft: soft tissue; None for none.
        sde: settings of the "sde" solver; None for those that work in metres.
    """

    solver: Literal["coupled", "sde"] = "coupled"
    samples: int = 1
    steps: int = 10
    contact: Literal["reach", "nearest", "ray"] = "reach"
    bring: bool = True
    reach: float = 0.015
    sigma_coarse: float = 0.020
    sigma_fine: float = 0.008
    gravity: float = 20.0
    pulled: int = 8
    press: float = 0.0005
    penetration: float = 8.0
    soft_depth: float = 0.002
    bones: float = 30.0
    bone_tissue: float = 0.002
    keep: float = 1.0
    trust: float = 0.3
    pose: float = 16.0
    damping: float = 1.0
    largest_turn: float = 0.25
    vertex_stride: int = 4
    walls: bool = True
    reopen: tuple[float, ...] = (0.3, 0.6, 1.0)
    noise_angles: float = 0.15
    noise_wrist: float = 0.004
    field: FieldKind = "auto"
    soft: SoftContactConfig | None = SoftContactConfig()
    sde: SdeConfig | None = None

    def __post_init__(self) -> None:
        for name in ("samples", "steps", "pulled", "vertex_stride"):
            if not (isinstance(getattr(self, name), int) and getattr(self, name) >= 1):
                raise InputError(
                    "must be a whole number of at least 1",
                    where=f"GravityConfig.{name}",
                    got=getattr(self, name),
                )
        for name in ("reach", "sigma_coarse", "sigma_fine", "soft_depth", "damping", "largest_turn"):
            if not getattr(self, name) > 0:
                raise InputError("must be positive", where=f"GravityConfig.{name}", got=getattr(self, name))
        for name in (
            "gravity",
            "press",
            "penetration",
            "bones",
            "bone_tissue",
            "keep",
            "trust",
            "pose",
            "noise_angles",
            "noise_wrist",
        ):
            if not getattr(self, name) >= 0:
                raise InputError(
                    "must not be negative", where=f"GravityConfig.{name}", got=getattr(self, name)
                )
        if self.vertex_stride > 20:
            raise InputError(
                "too large", where="GravityConfig.vertex_stride", expected="1 to 20", got=self.vertex_stride
            )
        if not all(0 <= amount <= 3 for amount in self.reopen):
            raise InputError(
                "out of range", where="GravityConfig.reopen", expected="angles of 0 to 3", got=self.reopen
            )
        for name, known in (("solver", ("coupled", "sde")), ("contact", ("reach", "nearest", "ray"))):
            if getattr(self, name) not in known:
                expected = " or ".join(known)
                raise InputError(
                    "unknown", where=f"GravityConfig.{name}", expected=expected, got=getattr(self, name)
                )
