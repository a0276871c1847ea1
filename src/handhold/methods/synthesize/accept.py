"""What is a grasp and what is not, by exact measures and by physics."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import torch

from handhold.errors import demand
from handhold.hand import BONES
from handhold.interaction.grasp import Grasp
from handhold.interaction.grasp_types import GRASP_TYPES, touched_regions
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import CONTACT_MM, bones_through, fingers_touching, limit_violation_deg
from handhold.methods.synthesize.holdable import heaviness
from handhold.methods.synthesize.result import Ask, Found

LIMIT_DEG = 0.1
"""What single precision may make of an angle at its limit."""
CAUSES = (
    *("limits", "fingers_cross", "table", "touch", "bone_through", "forearm"),
    *("volume", "forbidden", "off_part", "physics"),
)
"""Why a grasp is refused, in the order in which it is looked at; of what is no solid, the volume comes last. `forearm`
(from above, where it is to come from the side) is for methods that cannot choose where it comes from."""
STRAY = 0.03
"""Most of the touching skin that may touch what is not to be held: at the border of two parts some always does."""
EFFORT, MOST_EFFORT, STRONG, STIFF = 0.35, 0.85, (1.56, 0.9, 0.45), 15.0
"""Of fingers that squeeze in concert: share of the greatest torques for a light object and for a heavy one, these
[N m], stiffness [N m/rad]. They press a light one as the others do (`SqueezeConfig`), and give way less: a knuckle's
torque of 1.5 N m is 20 N at the finger's tip."""
PER_BONE = 4
"""Points of a finger's bone that are looked at for fingers that cross."""


@dataclass(frozen=True)
class Bounds:
    """What a grasp may be.

    Attributes:
        iv_cm3: most intersection volume [cm³]; if it is infinite, no volume is taken.
        on_part: least share of the hand's touching skin that touches the part asked for.
        bones_apart: least distance of the bones of two fingers [m].
        sinks: how far skin may be below the table [m].
        physics: whether it must also hold the object in six-way physics, fingers squeezing (needs mujoco).
        drift_cm: most that the object may move in it while the fingers close [cm].
    """

    iv_cm3: float
    on_part: float
    bones_apart: float
    sinks: float = 0.001
    physics: bool = False
    drift_cm: float = 0.6

    def __post_init__(self) -> None:
        for name in ("iv_cm3", "on_part", "bones_apart", "sinks", "drift_cm"):
            value = getattr(self, name)
            demand(self, name, "a number", value, holds=not math.isnan(value))


@dataclass(frozen=True, eq=False)
class Wanted:
    """What a grasp is to answer, and where.

    Attributes:
        ask: the ask.
        type: which of its types; empty for any, and then two fingers must touch.
        part: (M,) bool, faces of the part that is asked for; None without one.
        forbidden: (M,) bool, faces that may not be touched.
    """

    ask: Ask
    type: str
    part: np.ndarray | None
    forbidden: np.ndarray


def judge(grasp: Grasp, wanted: Wanted, *, energy: float, bounds: Bounds) -> Found | str:
    """A grasp with its figures if it is accepted, else the cause, one of `CAUSES`. All measures are exact.

    Args:
        grasp: a single grasp.
        wanted: what it is to answer.
        energy: what its method thinks of it.
        bounds: what it may be.

    Raises:
        SimulationError, MissingExtra: physics is asked for, and cannot be done.
    """
    pair = HandObject.of_grasp(grasp)
    if not limit_violation_deg(pair) <= LIMIT_DEG:  # nor if it is NaN
        return "limits"
    (frame,) = pair.frames()
    assert frame.joints is not None
    if not nearest_bones(frame.joints) >= bounds.bones_apart:
        return "fingers_cross"
    table = wanted.ask.table
    if table is not None and table.above(torch.from_numpy(frame.vertices)).min() < -bounds.sinks:
        return "table"
    nearest = frame.object.distance.query(frame.vertices)
    fingers = fingers_touching(nearest.distance * 1e3, grasp.hand.finger_labels.numpy())
    if not _touches(grasp, wanted.type, nearest.distance, fingers):
        return "touch"
    if bones_through(frame.joints, frame.object).any():
        return "bone_through"
    bounded = math.isfinite(bounds.iv_cm3)
    counted = bounded and frame.object.manifold() is None  # on a grid, which takes longer than physics
    volume = frame.volume_cm3 if bounded and not counted else math.nan
    if bounded and not counted and not volume <= bounds.iv_cm3:
        return "volume"
    touched = nearest.face[np.abs(nearest.distance) * 1e3 <= CONTACT_MM]
    if not len(touched):
        return "touch"
    if wanted.forbidden[touched].mean() > STRAY:
        return "forbidden"
    on_part = None if wanted.part is None else float(wanted.part[touched].mean())
    if on_part is not None and on_part < bounds.on_part:
        return "off_part"
    found = Found(grasp, wanted.type, wanted.ask, energy, on_part, volume, int(fingers.sum()))
    outcome = _held(found, bounds) if bounds.physics else found
    if counted and not isinstance(outcome, str):
        volume = frame.volume_cm3
        return replace(outcome, iv_cm3=volume) if volume <= bounds.iv_cm3 else "volume"
    return outcome


def nearest_bones(joints: np.ndarray) -> float:
    """How near the bones of two fingers come to each other [m]; metacarpals have no part in it.

    Args:
        joints: (21, 3) MANO's order [m].
    """
    bones = [bone for k, bone in enumerate(BONES) if k % 4]
    start, end = (joints[list(side)][:, None] for side in zip(*bones, strict=True))
    along = (np.arange(PER_BONE) + 0.5)[:, None] / PER_BONE
    points = (start + along * (end - start)).reshape(5, -1, 3)
    apart = (
        np.linalg.norm(points[one][:, None] - points[other], axis=-1).min()
        for one, other in combinations(range(5), 2)
    )
    return float(min(apart))


def _touches(grasp: Grasp, type: str, distance: np.ndarray, fingers: np.ndarray) -> bool:
    """Whether those regions touch that the type asks for; of any type, two fingers."""
    if not type:
        return bool(fingers.sum() >= 2)
    touched = touched_regions(grasp.hand, torch.from_numpy(distance))  # also what lies deep inside
    return bool(fingers.any() and GRASP_TYPES[type].accepts(touched))


def _held(found: Found, bounds: Bounds) -> Found | str:
    """With the outcome of physics, if a squeezing hand holds the object and hardly moves it.

    A hand may squeeze in two ways: every joint flexes a little for itself, or all in concert, stiffer. Of 50 grasps
    either held .48 and one of the two .60; of the same with the hand 2 cm off .26 and .28, so that the second try
    finds more grasps, hardly more that are none. The second is the firmer the heavier the object, as people's grip is
    (Johansson, Westling, Experimental Brain Research 56, 1984).
    """
    from handhold.physics import Balance, SixWayConfig, SqueezeConfig, grasp_verdict

    effort = min(EFFORT * heaviness(found.grasp.object), MOST_EFFORT)
    concert = SqueezeConfig(balance=Balance(effort=effort), torques=STRONG, stiffness=STIFF)
    for squeeze, closing in (("each", SqueezeConfig()), ("in concert", concert)):
        trial = grasp_verdict(found.grasp, drift=bounds.drift_cm / 100, closing=closing)
        if trial.held:
            # Longer steps let one in nine objects lie in a still hand that shorter ones let fall.
            still = grasp_verdict(found.grasp, squeeze=False, config=SixWayConfig())
            return replace(found, six_way=trial, squeeze=squeeze, still=still)
    return "physics"
