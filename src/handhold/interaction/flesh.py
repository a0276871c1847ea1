"""The flesh between bones and skin: how thick it is, and skin that a thin wall has cut off from its bone.

Signed distance cannot see the latter: skin that has passed a bowl's wall or a handle is outside again.
"""

from __future__ import annotations

import torch
from torch import Tensor

from handhold.hand import BONES, Hand
from handhold.hand.kinematics import SkinnedPoints, bone_points
from handhold.interaction.rows import Rows

SAMPLES = 6
"""Points along each bone."""
CLEARANCE = (0.002, 0.015)
"""Bounds of a bone point's clearance [m]: the tip's last point, and the middle of the palm."""
THIN = 0.010
"""Skin further from the surface than this is not behind a wall of the kind that flesh swallows [m]."""


def flesh_points(hand: Hand, betas: Tensor) -> SkinnedPoints:
    """Points within the bones, bone by bone, for shapes (B, S)."""
    return bone_points(hand, betas, BONES, _fractions())


def flesh_thickness(hand: Hand) -> Tensor:
    """How far the skin of the mean hand is from each flesh point, (n,) [m]."""
    return _to_skin(hand).amin(-1)


def bone_of_skin(hand: Hand) -> Tensor:
    """The flesh point nearest to each vertex of the mean hand, (V,) long."""
    return _to_skin(hand).argmin(0)


def behind_walls(
    rows: Rows, skin: Tensor, flesh: Tensor, distance: Tensor, gradient: Tensor
) -> tuple[tuple[Tensor, Tensor], Tensor, Tensor]:
    """Skin that a thin wall parts from its bone: beyond the wall, or within it and nearer to its far face.

    Args:
        rows: the objects.
        skin: (B, N, 3) vertices [m].
        flesh: (B, N, 3) the bone point of each [m].
        distance: (B, N) signed distance of the skin [m].
        gradient: (B, N, 3) its gradient.

    Returns:
        Indices (row, vertex) of M such vertices; how far each lies beyond the wall's near face, (M,) [m]; the
        direction back out, (M, 3).
    """
    beyond_it = (distance >= 0) & (distance < THIN)
    outward_is_away = (distance < 0) & (((flesh - skin) * gradient).sum(-1) < 0)
    row, vertex = torch.nonzero(beyond_it | outward_is_away, as_tuple=True)
    start, end = flesh[row, vertex], skin[row, vertex]
    fraction, point, normal = rows.crossings_at(start, end, row)
    beyond = ((point - end) * normal).sum(-1)
    cut = fraction.isfinite() & (beyond > 0)  # a wall met from its outside
    return (row[cut], vertex[cut]), beyond[cut], normal[cut]


def _fractions() -> Tensor:
    return (torch.arange(SAMPLES) + 0.5) / SAMPLES


def _to_skin(hand: Hand) -> Tensor:
    points = bone_points(hand, hand.zeros(1).betas, BONES, _fractions()).rest[0]
    return torch.cdist(points, hand.template)
