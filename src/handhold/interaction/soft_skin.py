"""Soft tissue as a function of hand and object alone."""

from __future__ import annotations

import torch
from torch import Tensor

from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place, surface_points
from handhold.interaction.flesh import bone_of_skin, flesh_points
from handhold.interaction.rows import Rows
from handhold.interaction.soft_contact import yield_to
from handhold.objects import ObjectMesh


@torch.no_grad()
def soft_skin(hand: Hand, state: HandState, obj: ObjectMesh) -> Tensor:
    """How skin yields to an object's surface, and comes back through thin walls (`yield_to`), (B, V, 3) [m].

    Args:
        hand: the hand.
        state: B hands in the object's frame.
        obj: the object.
    """
    pose = forward(hand, state)
    skin = place(pose, surface_points(hand, state.betas))
    flesh = place(pose, flesh_points(hand, state.betas))[:, bone_of_skin(hand)]
    rows = len(state.wrist)
    unseen = torch.full((rows, 21, 3), torch.nan)  # keypoints, at which `yield_to` does not look
    every = Rows(hand, state, unseen, (obj,), torch.zeros(rows, dtype=torch.long), "exact")
    return yield_to(every, skin, flesh=flesh)
