"""Places on an object that two sides of a hand can press from two sides."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from handhold.methods.synthesize.optimize.target import Target

FACING = -0.55
"""Cosine between the normals of two sides that a hand can press: slopes of 28 degrees do not slip yet."""
JUST_UNDER = 2e-4
"""Rays start so far under the surface [m]."""
AROUND = 0.035
"""The direction of a shaft is that of the surface within about this distance [m]."""
LONG = 1.5
"""A place is long if it is so many times longer than wide."""
SIDEWAYS = 0.5
"""A shaft stands if its direction's cosine to the vertical is above this."""


@dataclass(frozen=True)
class Places:
    """N places to hold.

    Attributes:
        centre: (N, 3) half way between the two sides [m].
        across: (N, 3) unit, from the side of palm or thumb to that of the fingers.
        width: (N,) between the two sides [m]; NaN where there is one side only.
        along: (N, 3) unit, across to `across`: the direction of the shaft, head last.
        long: (N,) bool, whether it has such a direction.
    """

    centre: Tensor
    across: Tensor
    width: Tensor
    along: Tensor
    long: Tensor

    def __len__(self) -> int:
        return len(self.centre)

    def select(self, rows: Tensor) -> Places:
        """Some of them."""
        return Places(*(getattr(self, f.name)[rows] for f in fields(Places)))


def pairs(target: Target, sizes: tuple[float, float], *, count: int, generator: torch.Generator) -> Places:
    """Places between two sides that face each other, at most `count`.

    The other side is where a ray first comes out, as across a rim or a handle, or where it comes out at last, as
    across a cup. Where enough pairs have both sides on the wanted part, others are left out.

    Args:
        target: the object and its part.
        sizes: smallest and largest width [m].
        count: how many at most.
        generator: source of randomness.
    """
    tries = 4 * count
    points, normals = _drawn(target, tries, generator)
    inward = -normals
    reach = float(np.linalg.norm(target.mesh.extents)) + 0.02
    nearby, far = points + JUST_UNDER * inward, points + reach * inward
    from_far = torch.rand(tries, generator=generator).numpy() < 0.5
    near = target.mesh.distance.first_hit(nearby, far)
    last = target.mesh.distance.first_hit(far, nearby)
    way = reach - JUST_UNDER
    width = np.where(from_far, reach - last.fraction * way, JUST_UNDER + near.fraction * way)
    normal = np.where(from_far[:, None], last.normal, near.normal)
    face = np.where(from_far, last.face, near.face)
    facing = np.nan_to_num((normal * normals).sum(-1), nan=1.0)
    fits = np.isfinite(width) & (width >= sizes[0]) & (width <= sizes[1]) & (facing < FACING) & (face >= 0)
    fits &= target.allowed[face]
    both = fits & target.wanted[face]
    chosen = np.flatnonzero(both if both.sum() >= min(count, 64) else fits)[:count]
    centre = points[chosen] + 0.5 * width[chosen, None] * inward[chosen]
    return _along(target, centre, inward[chosen], width[chosen], generator)


def patches(target: Target, *, least: float, count: int, generator: torch.Generator) -> Places:
    """Places on the surface, for a hand laid onto it, with one side only: at most `count`, none where the object
    is thinner than `least` [m] behind it."""
    points, normals = _drawn(target, 2 * count, generator)
    reach = float(np.linalg.norm(target.mesh.extents)) + 0.02
    last = target.mesh.distance.first_hit(points - reach * normals, points - JUST_UNDER * normals)
    thick = np.flatnonzero(~((1 - last.fraction) * reach < least))[:count]
    points, normals = points[thick], normals[thick]
    count = len(points)
    return _along(target, points, -normals, np.full(count, np.nan), generator)


def _drawn(target: Target, count: int, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
    rows = torch.randint(len(target.points), (count,), generator=generator)
    return target.points[rows].double().numpy(), target.normals[rows].double().numpy()


def _along(
    target: Target, centre: np.ndarray, across: np.ndarray, width: np.ndarray, generator: torch.Generator
) -> Places:
    """Which way the object runs at each place, across to `across`, and which end is the head."""
    middle, n = torch.from_numpy(centre).float(), torch.from_numpy(across).float()
    some = torch.randperm(len(target.points), generator=generator)[:1200]
    offset = target.points[some] - middle[:, None]
    offset = offset - (offset @ n[..., None]) * n[:, None]  # seen along `across`
    weight = torch.exp(-offset.square().sum(-1) / (2 * AROUND**2))
    weight = weight / weight.sum(-1, keepdim=True).clamp_min(1e-9)
    mean = (weight[..., None] * offset).sum(1, keepdim=True)
    spread = torch.einsum("bs,bsi,bsj->bij", weight, offset - mean, offset - mean)
    values, vectors = torch.linalg.eigh(spread)
    along = vectors[..., 2]
    along = normalize(along - (along * n).sum(-1, keepdim=True) * n, dim=-1)
    long = values[:, 2] > LONG**2 * values[:, 1].clamp_min(1e-9)
    towards = torch.zeros(len(along))
    if target.table is not None:
        up = along.new_tensor(target.table.up)
        upright = normalize(up - (n @ up)[:, None] * n, dim=-1)
        steep = (n @ up).abs() < SIDEWAYS
        # What is not long is held as it stands: thumb and index above.
        along = torch.where((~long & steep)[:, None], upright, along)
        towards = along @ up
    if target.head is not None:
        towards = torch.where(towards.abs() < SIDEWAYS, along @ target.head, towards)
    chance = torch.rand(len(along), generator=generator) < 0.5
    back = torch.where(towards.abs() < 0.1, chance, towards < 0)
    along = torch.where(back[:, None], -along, along)
    return Places(middle, n, torch.from_numpy(width).float(), along, long)
