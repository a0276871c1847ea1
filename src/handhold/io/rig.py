"""A posed hand taken apart for export: rest mesh, skeleton, skin weights, joint motion, corrections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import roma
import torch
from torch import Tensor

from handhold.hand.model import chain
from handhold.interaction.grasp import Grasp

TAIL = 1e-3
"""Skin weight beyond the fourth that makes more than four a vertex worth keeping."""
CORRECTION = 1e-5
"""[m] Corrections smaller than this are left out."""
SINGULAR = 1e-3
"""Determinant of a blended matrix below which it is not inverted: the skin is folded flat there."""


@dataclass(frozen=True)
class Rig:
    """A hand in its rest pose, and how it moves; float64.

    Attributes:
        vertices: (V, 3) flat hand of this shape [m].
        joints: (16, 3) its joints, MANO's order [m].
        tips: (5, 3) its finger tips [m].
        skin_joints: (V, K) joints that move each vertex, K 4 or 8.
        skin_weights: (V, K), rows sum to one.
        rotations: (T, 16, 4) relative to the parent joint, quaternions xyzw as glTF has them.
        wrist: (T, 3) [m], world frame.
        corrections: (T, V, 3) added to the rest vertices before skinning: soft tissue, pose correctives [m];
            None if there are none, or were not asked for.
    """

    vertices: np.ndarray
    joints: np.ndarray
    tips: np.ndarray
    skin_joints: np.ndarray
    skin_weights: np.ndarray
    rotations: np.ndarray
    wrist: np.ndarray
    corrections: np.ndarray | None


@torch.no_grad()
def make_rig(grasp: Grasp, *, most_corrected: int) -> Rig:
    """Take the hand of a grasp or motion apart.

    Args:
        grasp: one grasp or a motion; a motion's shape is that of its first frame.
        most_corrected: leave the corrections out if there are more frames than this.
    """
    double = {"device": "cpu", "dtype": torch.float64}
    hand = grasp.hand.to(**double)
    params = grasp.params.map(lambda t: t.detach().to(**double))
    if not grasp.is_motion:
        params = params.map(lambda t: t[None])
    vertices, joints = hand.rest(params.betas[0])
    index, weights = _strongest(hand.skin_weights)
    local = roma.rotvec_to_rotmat(torch.cat((params.global_orient[:, None], params.hand_pose), 1))
    corrections = None
    if len(local) <= most_corrected:
        surface = hand(params).vertices
        offsets = 0.0 if grasp.offsets is None else grasp.offsets.detach().to(**double)
        blended = _blended(local, joints, params.transl, index, weights)
        corrections = _unskin(blended, surface + offsets, vertices)
    return Rig(
        vertices=vertices.numpy(),
        joints=joints.numpy(),
        tips=vertices[hand.tip_vertices].numpy(),
        skin_joints=index.numpy(),
        skin_weights=weights.numpy(),
        rotations=_continuous(roma.rotmat_to_unitquat(local)).numpy(),
        wrist=(joints[0] + params.transl).numpy(),
        corrections=corrections,
    )


def _strongest(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Joints and weights (V, K): the four strongest of each vertex, or eight if four do not tell enough."""
    ordered, index = weights.sort(dim=-1, descending=True, stable=True)
    count = 8 if float(ordered[:, 4:].sum(-1).max()) > TAIL else 4
    kept = ordered[:, :count].to(torch.float32).double()
    # A joint without weight must be joint 0, so that readers do not count it.
    index = torch.where(kept > 0, index[:, :count], 0)
    return index, kept / kept.sum(-1, keepdim=True)


def _blended(local: Tensor, joints: Tensor, transl: Tensor, index: Tensor, weights: Tensor) -> Tensor:
    """(T, V, 3, 4) the matrix that moves each vertex."""
    rotation, position = chain(local, joints.expand(len(local), -1, -1))
    position = position + transl[:, None]
    affine = torch.cat((rotation, (position - (rotation @ joints[..., None]).squeeze(-1))[..., None]), -1)
    full = torch.zeros(len(index), 16, dtype=weights.dtype).scatter_add(1, index, weights)
    return (full @ affine.flatten(-2)).unflatten(-1, (3, 4))


def _unskin(blended: Tensor, target: Tensor, rest: Tensor) -> np.ndarray | None:
    """Rest-frame displacements (T, V, 3) that skinning carries to the target (T, V, 3)."""
    matrix = blended[..., :3]
    moved = (target.expand(len(matrix), -1, -1) - blended[..., 3])[..., None]
    flat = torch.linalg.det(matrix).abs() < SINGULAR
    sound = torch.where(flat[..., None, None], torch.eye(3, dtype=matrix.dtype), matrix)
    source = torch.linalg.solve(sound, moved)
    if flat.any():
        source[flat] = torch.linalg.pinv(matrix[flat], rtol=1e-2) @ moved[flat]
    corrections = source.squeeze(-1) - rest
    corrections[corrections.norm(dim=-1) < CORRECTION] = 0
    return corrections.numpy() if corrections.any() else None


def _continuous(quaternions: Tensor) -> Tensor:
    """Quaternions (T, J, 4) with signs such that each lies nearest the one before."""
    flips = (quaternions[1:] * quaternions[:-1]).sum(-1) < 0
    sign = torch.where(flips, -1.0, 1.0).cumprod(0)
    return torch.cat((quaternions[:1], quaternions[1:] * sign[..., None]))
