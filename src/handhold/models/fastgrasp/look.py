"""Look at placed objects as FastGrasp does."""

from __future__ import annotations

import torch
from torch import Tensor

from handhold.models.fastgrasp.config import FastGraspConfig
from handhold.models.fastgrasp.seen import Seen
from handhold.models.grasp_rows import Placed


def look(
    placed: Placed,
    basis: Tensor,
    config: FastGraspConfig,
    *,
    betas: Tensor,
    type: Tensor | None = None,
    part: Tensor | None = None,
) -> Seen:
    """What is seen of B placed objects.

    Args:
        placed: the objects.
        basis: (K, 3) basis points [m].
        config: what the net looks at.
        betas: (B, S) the hands' shapes.
        type: (B,) long, types that are asked for, -1 for any; None if none is.
        part: (B,) long, rows of `part_points` that are asked for, -1 for none; None if none is.
    """
    count = len(placed.object)
    distances = points = None
    if config.sight != "points":
        distances = placed.distances(basis.expand(count, -1, -1))
    if config.sight != "basis":
        points = _nearest_points(placed, config.seen_points)
    kinds = torch.full_like(placed.object, -1) if type is None else type
    seen_part = None
    if part is not None and config.sight != "points" and bool((part >= 0).any()):
        seen_part = _part_distances(placed, basis, part)
    return Seen(distances, points, seen_part, kinds, betas)


def _nearest_points(placed: Placed, count: int) -> Tensor:
    """(B, count, 6) points and normals of the objects nearest to the places, in their frames."""
    every = placed.from_object(placed.objects.points[placed.object])
    near = every.square().sum(-1).topk(min(count, every.shape[1]), largest=False).indices[..., None]
    normals = placed.turn_from_object(placed.objects.normals[placed.object])
    return torch.cat([torch.take_along_dim(v, near, 1) for v in (every, normals)], -1)


def _part_distances(placed: Placed, basis: Tensor, part: Tensor) -> Tensor:
    """(B, K) distances to parts, NaN where none is asked for."""
    found = basis.new_full((len(part), len(basis)), torch.nan)
    rows = torch.nonzero(part >= 0).squeeze(-1)
    own = placed.select(rows)
    points = own.from_object(placed.objects.part_points[part[rows]])
    found[rows] = torch.cdist(basis.expand(len(rows), -1, -1), points).amin(-1)
    return found
