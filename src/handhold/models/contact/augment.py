"""Objects turned, moved, scaled and bent, so that the network knows parts by their shape and not by their place."""

from __future__ import annotations

import math

import roma
import torch
from torch import Tensor

UPRIGHT, TILT = 0.35, 0.15
"""Share of objects that stay upright, and by how much those tilt [rad]."""
STRETCH, BEND, SCALE, SHIFT = 0.16, 0.12, 0.08, 0.05
"""Standard deviations: of the log of each axis' length, of the quadratic terms of a bend (for an object of size one),
of the log of the size; the shift [m]."""
NOISE = 0.0006
"""Standard deviation of points, for some of the objects [m]: scans are rough."""


def turns(count: int, generator: torch.Generator) -> Tensor:
    """Random rotations (count, 3, 3), a third of them about the vertical."""
    free = roma.unitquat_to_rotmat(_quaternions(count, generator))
    yaw = torch.rand(count, generator=generator) * 2 * math.pi
    lean = torch.randn(count, 3, generator=generator) * TILT * torch.tensor([1.0, 1.0, 0.0])
    upright = roma.rotvec_to_rotmat(lean) @ roma.rotvec_to_rotmat(
        yaw[:, None] * torch.tensor([0.0, 0.0, 1.0])
    )
    return torch.where((torch.rand(count, generator=generator) < UPRIGHT)[:, None, None], upright, free)


def bent(points: Tensor, normals: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Objects (B, P, 3) stretched along their axes and bent by a quadratic map, and their normals."""
    middle = (points.amin(1) + points.amax(1)) / 2
    size = ((points.amax(1) - points.amin(1)).norm(dim=-1) / 2)[:, None, None]
    x = (points - middle[:, None]) / size
    count = len(points)
    stretch = torch.exp(STRETCH * torch.randn(count, 3, generator=generator)).to(x)
    bend = (BEND * torch.randn(count, 3, 3, 3, generator=generator)).to(x)
    bend = (bend + bend.transpose(1, 2)) / 2  # third axis: of the result; first two: of the product
    slope = 2 * torch.einsum("bijk,bpi->bpjk", bend, x) + torch.diag_embed(stretch)[:, None]
    moved = stretch[:, None] * x + torch.einsum("bijk,bpi,bpj->bpk", bend, x, x)
    # (B, P, j, k): how the result's k changes along j; normals follow the cofactors
    columns = slope.unbind(-1)
    cofactors = torch.stack(
        [torch.linalg.cross(columns[(k + 1) % 3], columns[(k + 2) % 3]) for k in range(3)], -1
    )
    turned = torch.einsum("bpj,bpjk->bpk", normals, cofactors)
    return moved * size + middle[:, None], torch.nn.functional.normalize(turned, dim=-1)


def roughened(points: Tensor, normals: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Points and normals with noise, of a third of the objects."""
    some = (torch.rand(len(points), generator=generator) < 1 / 3).to(points)[:, None, None]
    shaken = points + some * NOISE * torch.randn(points.shape, generator=generator).to(points)
    turned = normals + some * 0.15 * torch.randn(normals.shape, generator=generator).to(normals)
    return shaken, torch.nn.functional.normalize(turned, dim=-1)


def _quaternions(count: int, generator: torch.Generator) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(count, 4, generator=generator), dim=-1)
