"""Which points a PointNet++ gathers: centres, their neighbours, and the way back up.

Chosen once for an object: turning, shifting and scaling it changes none of it, so training chooses ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from handhold.geometry.sampling import farthest_points
from handhold.models.contact.config import ContactNetConfig

UP = 3
"""Centres that a point's features are interpolated from (Qi et al. 2017)."""
GATHERED = 2048
"""Points that neighbours are taken from: enough to tell a surface, and few enough for neighbours to reach far."""


@dataclass(frozen=True)
class Gathering:
    """Indices for B objects.

    Attributes:
        first: (B, C1) centres among the points.
        around_first: (B, C1, K) their neighbours among the points.
        second: (B, C2) centres among the first ones.
        around_second: (B, C2, K) their neighbours among the first ones.
        up_first: (B, C1, 3) second centres near to each first one.
        up: (B, P, 3) first centres near to each point.
    """

    first: Tensor
    around_first: Tensor
    second: Tensor
    around_second: Tensor
    up_first: Tensor
    up: Tensor

    def select(self, rows: Tensor) -> Gathering:
        """Some of the objects."""
        return Gathering(*(getattr(self, f.name)[rows] for f in fields(self)))

    def to(self, device: torch.device | str) -> Gathering:
        """The same on another device."""
        return Gathering(*(getattr(self, f.name).to(device) for f in fields(self)))

    def long(self) -> Gathering:
        """The same as indices."""
        return Gathering(*(getattr(self, f.name).long() for f in fields(self)))


def gather(points: Tensor, config: ContactNetConfig, *, start: int = 0) -> Gathering:
    """Choose for one object.

    Args:
        points: (P, 3).
        config: how many.
        start: number of the first centre; others give another choice.
    """
    stride = max(len(points) // GATHERED, 1)
    few = torch.arange(start % stride, len(points), stride)
    first = few[farthest_points(points[few], count=config.centres[0], start=start % len(few))]
    a = points[first]
    second = farthest_points(a, count=config.centres[1])
    b = a[second]
    found = Gathering(
        first,
        few[nearest(a, points[few], config.neighbours)],
        second,
        nearest(b, a, config.neighbours),
        nearest(a, b, UP),
        nearest(points, a, UP),
    )
    return Gathering(*(getattr(found, f.name)[None] for f in fields(found)))


def gather_all(points: Tensor, config: ContactNetConfig) -> Gathering:
    """Choose for many objects (O, P, 3), each from another start; in 16 bits, to keep.

    Written into one place: kept one by one, between the distances that choosing needs, they would hold 9 MB each.
    """
    every = None
    for k, own in enumerate(points):
        found = gather(own, config, start=k)
        if every is None:
            kept = (getattr(found, f.name) for f in fields(found))
            every = Gathering(*(t.new_empty((len(points), *t.shape[1:]), dtype=torch.short) for t in kept))
        for f in fields(found):
            getattr(every, f.name)[k] = getattr(found, f.name)[0]
    assert every is not None
    return every


def nearest(points: Tensor, others: Tensor, count: int) -> Tensor:
    """The nearest of others (M, 3) to points (N, 3), (N, count), nearest first."""
    return torch.cdist(points, others).topk(min(count, len(others)), largest=False).indices


def take(values: Tensor, index: Tensor) -> Tensor:
    """Rows of values (B, N, C) at indices (B, *), (B, *, C)."""
    flat = index.flatten(1)[..., None].expand(-1, -1, values.shape[-1])
    return values.gather(1, flat).view(*index.shape, values.shape[-1])


def interpolate(features: Tensor, centres: Tensor, points: Tensor, index: Tensor) -> Tensor:
    """Features (B, C, F) of centres (B, C, 3) at points (B, N, 3), from three centres each, by inverse distance."""
    away = (take(centres, index) - points[:, :, None]).square().sum(-1)
    weight = 1 / (away + 1e-6)
    weight = weight / weight.sum(-1, keepdim=True)
    return (take(features, index) * weight[..., None]).sum(-2)
