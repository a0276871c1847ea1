"""Soft tissue, and what is a grasp and what is not."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place
from handhold.interaction.grasp import Grasp
from handhold.interaction.grasp_types import GRASP_TYPES, touched_regions
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import CONTACT_MM, bones_through, fingers_touching, limit_violation_deg
from handhold.interaction.soft_skin import soft_skin
from handhold.methods.synthesize.holdable import heaviness
from handhold.methods.synthesize.optimize.config import OptimizeConfig
from handhold.methods.synthesize.optimize.target import Target
from handhold.methods.synthesize.optimize.watched import Watched
from handhold.methods.synthesize.result import Ask, Found
from handhold.objects import ObjectMesh

LIMIT_DEG = 0.1
"""What single precision may make of an angle at its limit."""
CAUSES = (
    *("limits", "fingers_cross", "table", "touch", "bone_through"),
    *("volume", "forbidden", "off_part", "physics"),
)
"""Why a grasp is refused, in the order in which it is looked at; of what is no solid, the volume comes last."""
STRAY = 0.03
"""Most of the touching skin that may touch what is not to be held: at the border of two parts some always does."""
EFFORT, MOST_EFFORT, STRONG, STIFF = 0.35, 0.85, (1.56, 0.9, 0.45), 15.0
"""Of fingers that squeeze in concert: share of the greatest torques for a light object and for a heavy one, these
[N m], stiffness [N m/rad]. They press a light one as the others do (`SqueezeConfig`), and give way less: a knuckle's
torque of 1.5 N m is 20 N at the finger's tip."""
SINKS = 0.001
"""How far skin may be below the table [m]."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A hand after optimization: its grasp, energy, and how near the bones of two fingers come [m]."""

    grasp: Grasp
    energy: float
    bones_apart: float


def as_grasps(obj: ObjectMesh, hand: Hand, state: HandState) -> list[Grasp]:
    """Hands in the object's frame as grasps, their skin yielding to the surface."""
    offsets, params = soft_skin(hand, state, obj), state.params(hand)
    return [
        Grasp(hand, params[k], obj, torch.eye(4), offsets=offsets[k], name=obj.name)
        for k in range(len(offsets))
    ]


@torch.no_grad()
def nearest_bones(hand: Hand, watched: Watched, state: HandState) -> torch.Tensor:
    """How near the bones of two fingers come to each other, (B,) [m]."""
    bones = place(forward(hand, state), watched.of(len(state.wrist))[watched.bones])
    return (bones[:, watched.pairs[:, 0]] - bones[:, watched.pairs[:, 1]]).norm(dim=-1).amin(-1)


def judge(
    candidate: Candidate,
    target: Target,
    forbidden: np.ndarray,
    *,
    type: str,
    ask: Ask,
    config: OptimizeConfig,
) -> Found | str:
    """A grasp with its figures if it is accepted, else the cause, one of `CAUSES`. All measures are exact.

    Args:
        candidate: one grasp.
        target: where it was asked for.
        forbidden: (M,) bool, faces that may not be touched.
        type: its grasp type.
        ask: what it is to answer.
        config: the bounds.

    Raises:
        SimulationError, MissingExtra: physics is asked for, and cannot be done.
    """
    pair = HandObject.of_grasp(candidate.grasp)
    kind = GRASP_TYPES[type]
    if limit_violation_deg(pair) > LIMIT_DEG:
        return "limits"
    if candidate.bones_apart < config.bones_apart:
        return "fingers_cross"
    (frame,) = pair.frames()
    vertices = torch.from_numpy(frame.vertices)
    if target.table is not None and target.table.above(vertices).min() < -SINKS:
        return "table"
    nearest = frame.object.distance.query(frame.vertices)
    if not kind.accepts(touched_regions(candidate.grasp.hand, torch.from_numpy(nearest.distance))):
        return "touch"
    if frame.joints is None or bones_through(frame.joints, frame.object).any():
        return "bone_through"
    counted = frame.object.manifold() is None  # on a grid, which takes longer than physics
    volume = math.nan if counted else frame.volume_cm3
    if not counted and not volume <= config.iv_cm3:
        return "volume"
    touched = nearest.face[np.abs(nearest.distance) * 1e3 <= CONTACT_MM]
    if forbidden[touched].mean() > STRAY:
        return "forbidden"
    on_part = float(target.wanted[touched].mean()) if target.part is not None else None
    if on_part is not None and on_part < config.on_part:
        return "off_part"
    fingers = fingers_touching(nearest.distance * 1e3, candidate.grasp.hand.finger_labels.numpy())
    found = Found(
        candidate.grasp,
        type,
        ask,
        candidate.energy,
        on_part,
        volume,
        int(fingers.sum()),
    )
    outcome = _held(found, config) if config.physics else found
    if counted and not isinstance(outcome, str):
        volume = frame.volume_cm3
        return replace(outcome, iv_cm3=volume) if volume <= config.iv_cm3 else "volume"
    return outcome


def _held(found: Found, config: OptimizeConfig) -> Found | str:
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
        trial = grasp_verdict(found.grasp, drift=config.drift_cm / 100, closing=closing)
        if trial.held:
            # Longer steps let one in nine objects lie in a still hand that shorter ones let fall.
            still = grasp_verdict(found.grasp, squeeze=False, config=SixWayConfig())
            return replace(found, six_way=trial, squeeze=squeeze, still=still)
    return "physics"
