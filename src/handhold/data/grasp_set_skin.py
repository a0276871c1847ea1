"""What a grasp set does not store, since hand and object give it: soft tissue and contact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from handhold.hand import HandParams
from handhold.hand.kinematics import HandState
from handhold.interaction.grasp import Contact, Grasp
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import CONTACT_MM
from handhold.interaction.soft_skin import soft_skin


@torch.no_grad()
def yielding(grasps: Sequence[Grasp]) -> list[Grasp]:
    """Grasps of one object by one hand model with soft tissue, a function of object and hand parameters alone.

    Args:
        grasps: at least one, all with the same object and hand model, in the object's own frame.
    """
    hand, obj = grasps[0].hand, grasps[0].object
    state = HandState.from_params(hand, HandParams.stack([grasp.params for grasp in grasps]))
    offsets = soft_skin(hand, state, obj)
    return [grasp.with_(offsets=offset) for grasp, offset in zip(grasps, offsets, strict=True)]


@torch.no_grad()
def contact_of(grasp: Grasp) -> Contact:
    """Masks of the hand's (V,) and the object's (N,) vertices: 1.0 within 3 mm of the other's surface, else 0.0."""
    (frame,) = HandObject.of_grasp(grasp).frames()
    on_hand = np.abs(frame.signed) * 1e3 <= CONTACT_MM
    on_object = frame.hand_distance.unsigned(grasp.object.vertices) * 1e3 <= CONTACT_MM
    return Contact(torch.from_numpy(on_hand).float(), torch.from_numpy(on_object).float())
