"""Which of several results is best, by exact measure."""

from __future__ import annotations

import torch
from torch import Tensor

from handhold.hand.kinematics import HandState, forward, keypoint_points, place, surface_points
from handhold.hand.skeleton import BONES, FINGERS
from handhold.interaction.rows import Rows

TOUCH_MM = 3.0
TISSUE_MM = 4.0
"""Skin deeper than this cannot be mended by soft tissue."""


def bones_cut(rows: Rows, state: HandState) -> Tensor:
    """Which fingers have a bone through the surface, (B, 5) bool. A tip within soft tissue's reach is none."""
    keypoints = place(forward(rows.hand, state), keypoint_points(rows.hand, state.betas))
    start, end = (torch.tensor(side) for side in zip(*BONES, strict=True))
    a, b = keypoints[:, start], keypoints[:, end]
    tips = torch.tensor([4 * k + 3 for k in range(len(FINGERS))])
    bone = b[:, tips] - a[:, tips]
    b[:, tips] -= bone * (TISSUE_MM * 1e-3 / bone.norm(dim=-1, keepdim=True))
    return rows.crossings(a, b)[0].isfinite().unflatten(-1, (len(FINGERS), 4)).any(-1)


def cost(rows: Rows, state: HandState) -> Tensor:
    """(B,) lower is better: a bone through the surface outweighs deep skin, that a lost contact, that a move."""
    pose = forward(rows.hand, state)
    skin = place(pose, surface_points(rows.hand, state.betas))
    distance = rows.distance(skin)[0] * 1e3
    too_deep = (-TISSUE_MM - distance).clamp_min(0).sum(-1)
    labels = rows.hand.finger_labels
    touching = sum((distance[:, labels == k + 1].amin(-1) < TOUCH_MM).float() for k in range(len(FINGERS)))
    keypoints = place(pose, keypoint_points(rows.hand, state.betas))
    moved = (keypoints - rows.observed).norm(dim=-1).nanmean(-1) * 1e3
    return 20.0 * bones_cut(rows, state).sum(-1) + 0.05 * too_deep - 1.0 * touching + 0.3 * moved
