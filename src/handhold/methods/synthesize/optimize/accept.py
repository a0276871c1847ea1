"""Soft tissue, and what is a grasp and what is not."""

from __future__ import annotations

import torch

from handhold.hand import BONES, Hand
from handhold.hand.kinematics import HandState, forward, keypoint_points, place, surface_points
from handhold.interaction.flesh import bone_of_skin, flesh_points
from handhold.interaction.grasp import Grasp
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import bones_through, fingers_touching, limit_violation_deg
from handhold.interaction.rows import Rows
from handhold.interaction.soft_contact import yield_to
from handhold.methods.synthesize.optimize.config import OptimizeConfig
from handhold.methods.synthesize.optimize.watched import Watched
from handhold.objects import ObjectMesh

LIMIT_DEG = 0.1
"""What single precision may make of an angle at its limit."""
CAUSES = ("limits", "fingers_cross", "too_few_fingers", "no_thumb", "bone_through", "volume", "physics")
"""Why a grasp is refused, in the order in which it is looked at."""


@torch.no_grad()
def as_grasps(obj: ObjectMesh, hand: Hand, state: HandState) -> list[Grasp]:
    """Hands in the object's frame as grasps, their skin yielding to the surface."""
    keypoints = place(forward(hand, state), keypoint_points(hand, state.betas))
    index = torch.zeros(len(keypoints), dtype=torch.long)
    rows = Rows(hand, state, keypoints, (obj,), index, "exact")
    skin = place(forward(hand, state), surface_points(hand, state.betas))
    flesh = place(forward(hand, state), flesh_points(hand, state.betas))[:, bone_of_skin(hand)]
    offsets = yield_to(rows, skin, flesh=flesh)
    params = state.params(hand)
    return [
        Grasp(hand, params[k], obj, torch.eye(4), offsets=offsets[k], name=obj.name)
        for k in range(len(offsets))
    ]


@torch.no_grad()
def nearest_bones(hand: Hand, watched: Watched, state: HandState) -> torch.Tensor:
    """How near the bones of two fingers come to each other, (B,) [m]."""
    bones = place(forward(hand, state), watched.of(len(state.wrist))[watched.bones])
    return (bones[:, watched.pairs[:, 0]] - bones[:, watched.pairs[:, 1]]).norm(dim=-1).amin(-1)


@torch.no_grad()
def pierced(obj: ObjectMesh, hand: Hand, state: HandState) -> torch.Tensor:
    """Which hands have a bone that crosses the surface, (B,) bool."""
    keypoints = place(forward(hand, state), keypoint_points(hand, state.betas)).double().numpy()
    start, end = (keypoints[:, list(side)].reshape(-1, 3) for side in zip(*BONES, strict=True))
    return torch.from_numpy(obj.distance.crosses(start, end).reshape(-1, len(BONES)).any(-1))


def refusal(grasp: Grasp, *, bones_apart: float, config: OptimizeConfig) -> str | None:
    """Why a grasp is not accepted, one of `CAUSES`; None if it is. All measures are exact.

    Args:
        grasp: one grasp.
        bones_apart: how near the bones of two of its fingers are [m].
        config: the bounds.

    Raises:
        SimulationError, MissingExtra: physics is asked for, and cannot be done.
    """
    pair = HandObject.of_grasp(grasp)
    if limit_violation_deg(pair) > LIMIT_DEG:
        return "limits"
    if bones_apart < config.bones_apart:
        return "fingers_cross"
    (frame,) = pair.frames()
    touching = fingers_touching(frame.signed * 1e3, grasp.hand.finger_labels.numpy())
    if not touching[0]:
        return "no_thumb"
    if touching.sum() < config.fingers:
        return "too_few_fingers"
    if frame.joints is None or bones_through(frame.joints, grasp.object).any():
        return "bone_through"
    if not frame.volume_cm3 <= config.iv_cm3:
        return "volume"
    if config.physics:
        from handhold.physics import six_way_grasp

        trial = six_way_grasp(grasp, squeeze=True)
        if not (trial.held and trial.drift_cm <= config.drift_cm):
            return "physics"
    return None
