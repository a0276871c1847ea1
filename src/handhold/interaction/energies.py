"""Energies of a hand that holds an object, as pure functions: what classical grasp optimizers add up.

The forms are those of FGS-Net (its equation 12 and E_h) and of DexGraspNet (Wang et al. 2023), which it
follows. All are batched, one number a hand, and differentiable with respect to everything they are given;
distances are signed, positive outside. Weights belong to the caller.
"""

from __future__ import annotations

import torch
from torch import Tensor


def attraction(distance: Tensor, chosen: Tensor) -> Tensor:
    """E_dis, the sum of |d(x_i, M_o)| over the points that should touch (FGS-Net eq. 12; DexGraspNet E_dis).

    Args:
        distance: (B, N) signed distances [m].
        chosen: (B, N) bool, or weights: which points should touch.

    Returns:
        (B,) [m].
    """
    return (distance.abs() * chosen).sum(-1)


def penetration(distance: Tensor) -> Tensor:
    """E_pen, the sum of depths over points inside (FGS-Net eq. 12; DexGraspNet E_pen).

    Args:
        distance: (B, N) signed distances of points of the hand's surface [m].

    Returns:
        (B,) [m].
    """
    return (-distance).clamp_min(0).sum(-1)


def clearance(distance: Tensor, least: Tensor | float) -> Tensor:
    """How far points are short of a least distance, summed: keeps bones, and so whole fingers, on their side.

    Not in the papers; without it a finger may be pushed out through the far side of a thin wall.

    Args:
        distance: (B, N) signed distances of points inside the bones [m].
        least: what they should have, broadcast against them [m].

    Returns:
        (B,) [m].
    """
    return (least - distance).clamp_min(0).sum(-1)


def self_penetration(points: Tensor, *, pairs: Tensor, gap: float) -> Tensor:
    """E_spen, the sum of max(0, gap - |p_i - p_j|) over pairs of points of one hand (DexGraspNet E_spen).

    DexGraspNet sums ordered pairs, so that each counts twice; here each counts once.

    Args:
        points: (B, N, 3) points along the fingers [m].
        pairs: (P, 2) long, pairs of points that must keep apart.
        gap: how far [m].

    Returns:
        (B,) [m].
    """
    first, second = points[:, pairs[:, 0]], points[:, pairs[:, 1]]
    # The square root's slope is infinite for points in one place, and no direction parts them.
    apart = (first - second).square().sum(-1).clamp_min(1e-12).sqrt()
    return (gap - apart).clamp_min(0).sum(-1)


def beyond_limits(angles: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """E_joints, the sum of how far angles lie outside their limits (DexGraspNet E_joints).

    Args:
        angles: (B, J, 3) [rad].
        lower: (J, 3) [rad].
        upper: (J, 3) [rad].

    Returns:
        (B,) [rad].
    """
    return ((lower - angles).clamp_min(0) + (angles - upper).clamp_min(0)).sum((-1, -2))


def pose_prior(angles: Tensor, expected: Tensor) -> Tensor:
    """E_prior and the pose part of E_h, the squared distance of angles to expected ones (FGS-Net, L2).

    Args:
        angles: (B, J, 3) [rad].
        expected: (B, J, 3) [rad].

    Returns:
        (B,) [rad²].
    """
    return (angles - expected).square().sum((-1, -2))


def kept_keypoints(keypoints: Tensor, observed: Tensor) -> Tensor:
    """E_h, the squared distance of the keypoints to the observed ones (FGS-Net: L2 to the estimated hand).

    Args:
        keypoints: (B, K, 3) [m].
        observed: (B, K, 3) [m]; NaN where missing, which counts nothing.

    Returns:
        (B,) [m²].
    """
    seen = ~observed.isnan().any(-1, keepdim=True)
    apart = torch.where(seen, keypoints - observed.nan_to_num(), 0.0)
    return apart.square().sum((-1, -2))
