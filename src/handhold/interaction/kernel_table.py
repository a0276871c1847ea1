"""Sums of Gaussians over thousands of points, tabulated exactly on a grid and read off cubic B-splines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

STEP = 0.3
"""Grid step over sigma; the gradient's error goes with its third to fourth power
(benchmarks/gravity_field.md)."""
REACH = 3.5
"""Where the table ends, in sigmas from the outermost points: the kernel is 5e-6 there and zero beyond."""
MOST_NODES = 16_000_000
"""Larger tables are not built (64 MB)."""
CUT = 4.2
"""The kernel is zero so many sigmas away along an axis (2e-8); products of smaller numbers would be
subnormal, and those are slow."""
NEGLIGIBLE = 1e-10
BLOCK = 16
CACHED = 2048
"""From so many points on, sets are read one after another: 64 values a point must stay in a processor's
cache."""
SPLINE = (
    (1 / 6, -0.5, 0.5, -1 / 6), (2 / 3, 0.0, -1.0, 0.5), (1 / 6, 0.5, 0.5, -0.5), (0.0, 0.0, 0.0, 1 / 6),
    (-0.5, 1.0, -0.5, 0.0), (0.0, -2.0, 1.5, 0.0), (0.5, 1.0, -1.5, 0.0), (0.0, 0.0, 0.5, 0.0),
)  # fmt: skip
"""Cubic B-splines by powers of the fraction, then their slopes."""


@dataclass(frozen=True)
class KernelTable:
    """B-spline coefficients of S(x) = sum_p w_p exp(-|x - p|²/sigma²) for F point sets and one sigma.

    Attributes:
        step: grid step [m].
        origin: (F, 3) first node [m].
        shape: (F, 3) long, nodes along the axes.
        start: (F,) long, where each set's coefficients begin.
        coefficients: (total,).
    """

    step: float
    origin: Tensor
    shape: Tensor
    start: Tensor
    coefficients: Tensor

    @staticmethod
    def build(points: Tensor, weights: Tensor, *, sigma: float) -> KernelTable | None:
        """Tabulate; None if the table would be too large.

        Args:
            points: (N, 3) [m].
            weights: (N,).
            sigma: [m].
        """
        step = STEP * sigma
        if not len(points):
            zero = torch.zeros(1, 3, dtype=torch.long, device=points.device)
            return KernelTable(step, points.new_zeros(1, 3), zero + 4, zero[:, 0], points.new_zeros(64))
        low = points.amin(0).double() - REACH * sigma - step
        shape = ((points.amax(0).double() + REACH * sigma + step - low) / step).ceil().long() + 1
        if int(shape.prod()) > MOST_NODES:
            return None
        sums = _node_sums(points, weights, sigma=sigma, low=low, step=step, shape=shape.tolist())
        for axis in range(3):
            sums = torch.movedim(sums.movedim(axis, -1) @ _prefilter(sums.shape[axis], sums), -1, axis)
        start = torch.zeros(1, dtype=torch.long, device=points.device)
        return KernelTable(step, low.to(points)[None], shape[None], start, sums.contiguous().flatten())

    @staticmethod
    def stack(tables: Sequence[KernelTable]) -> KernelTable:
        """Tables of one sigma as one."""
        sizes = torch.stack(
            [t.coefficients.new_tensor(len(t.coefficients), dtype=torch.long) for t in tables]
        )
        begins = sizes.cumsum(0) - sizes
        return KernelTable(
            tables[0].step,
            torch.cat([t.origin for t in tables]),
            torch.cat([t.shape for t in tables]),
            torch.cat([t.start + b for t, b in zip(tables, begins)]),
            torch.cat([t.coefficients for t in tables]),
        )

    def query(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Sums (F, M) and their gradients (F, M, 3) [1/m] at points (F, M, 3), each set's own."""
        fields, count = points.shape[:2]
        if points.device.type != "cpu" or fields == 1 or fields * count <= CACHED:
            return self._query(points, slice(0, fields))
        parts = [self._query(points[k : k + 1], slice(k, k + 1)) for k in range(fields)]
        return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])

    def _query(self, points: Tensor, fields: slice) -> tuple[Tensor, Tensor]:
        last = (self.shape[fields] - 4).T[..., None]  # (3, F, 1)
        u = (points.movedim(-1, 0) - self.origin[fields].T[..., None]).contiguous() / self.step
        cell = u.detach().floor()
        corner = cell.long() - 1
        first = torch.minimum(corner.clamp_min(0), last)
        inside = (first == corner).all(0)
        plane, row = self.shape[fields, 1] * self.shape[fields, 2], self.shape[fields, 2]
        base = self.start[fields, None] + first[0] * plane[:, None] + first[1] * row[:, None] + first[2]
        four = torch.arange(4, device=points.device)
        offset = four[:, None, None, None] * plane + four[:, None, None] * row + four[:, None]  # (4, 4, 4, F)
        index = offset[..., None] + base
        values = self.coefficients.index_select(0, index.flatten()).view(index.shape)
        basis, ramp = _basis(u - cell)
        along, slope = (values * basis[:, 2]).sum(2), (values * ramp[:, 2]).sum(2)  # (4, 4, F, M)
        plain, of_y, of_z = (
            (along * basis[:, 1]).sum(1),
            (along * ramp[:, 1]).sum(1),
            (slope * basis[:, 1]).sum(1),
        )
        value = (plain * basis[:, 0]).sum(0)
        gradient = torch.stack(
            ((plain * ramp[:, 0]).sum(0), (of_y * basis[:, 0]).sum(0), (of_z * basis[:, 0]).sum(0)), -1
        )
        return value * inside, gradient * (inside / self.step)[..., None]


def _node_sums(points: Tensor, weights: Tensor, *, sigma: float, low: Tensor, step: float, shape) -> Tensor:
    """The sums at all nodes, (nx, ny, nz), block by block over x and y with the points that reach each
    block."""
    factors, centres = [], []
    for axis in range(3):
        nodes = low[axis] + step * torch.arange(shape[axis], device=points.device, dtype=torch.float64)
        away = (nodes[:, None] - points[:, axis].double()) / sigma
        factors.append((torch.exp(-away.square()) * (away.abs() < CUT)).to(points.dtype))
        centres.append(nodes.to(points.dtype))
    sums = points.new_zeros(shape)
    reach = (REACH + STEP) * sigma
    for x in range(0, shape[0], BLOCK):
        rows = slice(x, x + BLOCK)
        near_x = _near(points[:, 0], centres[0][rows], reach)
        if not len(near_x):
            continue
        for y in range(0, shape[1], BLOCK):
            columns = slice(y, y + BLOCK)
            near = near_x[_near(points[near_x, 1], centres[1][columns], reach)]
            if len(near):
                fx, fy = factors[0][rows][:, near] * weights[near], factors[1][columns][:, near]
                plane = (fx[:, None] * fy).flatten(0, 1) @ factors[2][:, near].T
                sums[rows, columns] = plane.view(len(fx), len(fy), -1)
    return sums


def _near(coordinates: Tensor, nodes: Tensor, reach: float) -> Tensor:
    return torch.nonzero((coordinates >= nodes[0] - reach) & (coordinates <= nodes[-1] + reach)).squeeze(-1)


def _prefilter(count: int, like: Tensor) -> Tensor:
    """(n, n): from values at nodes to coefficients of the cubic B-spline through them, zero beyond the
    ends."""
    eye = torch.eye(count, dtype=torch.float64, device=like.device)
    off = torch.diag(torch.ones(count - 1, dtype=torch.float64, device=like.device), 1)
    inverse = torch.linalg.inv((4 * eye + off + off.T) / 6)
    return (inverse * (inverse.abs() > NEGLIGIBLE)).to(like.dtype)


def _basis(f: Tensor) -> tuple[Tensor, Tensor]:
    """The four cubic B-splines and their slopes at fractions (3, F, M), each (4, 3, F, M)."""
    squared = f * f
    powers = torch.stack((torch.ones_like(f), f, squared, squared * f)).flatten(1)
    both = (f.new_tensor(SPLINE) @ powers).unflatten(1, f.shape)
    return both[:4], both[4:]
