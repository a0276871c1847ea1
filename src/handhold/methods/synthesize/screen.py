"""Quick looks at many hands: which go through the object, and which differ."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from handhold.hand import BONES, Hand
from handhold.hand.kinematics import HandState, forward, keypoint_points, place
from handhold.hand.skeleton import FINGER_JOINTS
from handhold.interaction.table import Table
from handhold.objects import ObjectMesh

FROM_SIDE = 0.5
"""A forearm comes from the side if its cosine to the vertical is below this."""
ALIKE = (0.05, 0.8)
"""Hands whose wrists differ by less than this, or whose rotations do, are alike [m, rad]."""


@torch.no_grad()
def pierced(obj: ObjectMesh, hand: Hand, state: HandState) -> Tensor:
    """Which hands have a bone that crosses the surface, (B,) bool."""
    keypoints = place(forward(hand, state), keypoint_points(hand, state.betas)).double().numpy()
    start, end = (keypoints[:, list(side)].reshape(-1, 3) for side in zip(*BONES, strict=True))
    return torch.from_numpy(obj.distance.crosses(start, end).reshape(-1, len(BONES)).any(-1))


def from_side(table: Table, hand: Hand, state: HandState) -> Tensor:
    """Which forearms come from the side of what stands, not from above, (B,) bool."""
    back = hand.joint_template[0] - hand.joint_template[FINGER_JOINTS["middle"][0]]
    forearm = normalize(state.rotation @ back, dim=-1)
    return (forearm @ forearm.new_tensor(table.up)).abs() < FROM_SIDE


@torch.no_grad()
def most_varied(state: HandState, cost: Tensor, *, keep: int) -> Tensor:
    """Indices (keep,) of cheap hands that differ: in order of cost, passing over those too like one before.

    Args:
        state: B hands.
        cost: (B,), inf for those that are useless.
        keep: at most how many; fewer come if fewer are of use.
    """
    order = cost.argsort(stable=True)[: int(cost.isfinite().sum())]
    cosine = torch.einsum("aij,bij->ab", state.rotation[order], state.rotation[order]) / 2 - 0.5
    apart = torch.cdist(state.wrist[order], state.wrist[order]) / ALIKE[0]
    apart = (apart + torch.acos(cosine.clamp(-1, 1)) / ALIKE[1]).numpy()
    chosen: list[int] = []
    for least in (1.0, 0.5, 0.25, 0.0):
        for k in range(len(order)):
            if len(chosen) < keep and k not in chosen and (apart[k, chosen] >= least).all():
                chosen.append(k)
    return order[chosen]
