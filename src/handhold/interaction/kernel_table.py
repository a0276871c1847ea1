"""Sums of Gaussians over thousands of points, tabulated exactly on a grid and read off cubic B-splines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

STEP = 0.3
"""Grid step over sigma; the gradient's error goes with its third to fourth power (benchmarks/gravity_field.md)."""
REACH = 3.5
"""Where the table ends, in sigmas from the outermost points: the kernel is 5e-6 there and zero beyond."""
MOST_NODES = 16_000_000
"""Larger tables are not built (64 MB)."""
BLOCK = 16
CACHED = 2048
"""Points read at a time, so that their 64 values each stay in a processor's cache."""


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
            sums = torch.movedim(
                torch.tensordot(sums, _prefilter(sums.shape[axis], sums), ([axis], [1])), -1, axis
            )
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

    def query(self, points: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
        """Sums (M,) and their gradients (M, 3) [1/m] at points (M, 3) of the sets (M,)."""
        if points.device.type != "cpu" or len(points) <= CACHED:
            return self._query(points, which)
        parts = [self._query(p, w) for p, w in zip(points.split(CACHED), which.split(CACHED))]
        return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])

    def _query(self, points: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
        u = (points - self.origin[which]) / self.step
        cell = u.detach().floor()
        count = self.shape[which]
        inside = ((cell >= 1) & (cell < count - 2)).all(-1)
        first = torch.where(inside[:, None], cell.long() - 1, 0)
        stride = torch.stack((count[:, 1] * count[:, 2], count[:, 2], torch.ones_like(count[:, 2])))  # (3, M)
        base = self.start[which] + (first.T * stride).sum(0)
        four = torch.arange(4, device=points.device)
        line = (four[:, None] * stride[0])[:, None] + (four[:, None] * stride[1])[None]  # (4, 4, M)
        index = (base + line)[:, :, None] + four[:, None]
        values = self.coefficients[index]  # (4, 4, 4, M)
        (bx, by, bz), (dx, dy, dz) = _basis((u - cell).T)
        along, slope = (values * bz).sum(2), (values * dz).sum(2)
        plain, of_y, of_z = (along * by).sum(1), (along * dy).sum(1), (slope * by).sum(1)
        value = (plain * bx).sum(0)
        gradient = torch.stack(((plain * dx).sum(0), (of_y * bx).sum(0), (of_z * bx).sum(0)), -1) / self.step
        return value * inside, gradient * inside[:, None]


def _node_sums(points: Tensor, weights: Tensor, *, sigma: float, low: Tensor, step: float, shape) -> Tensor:
    """The sums at all nodes, (nx, ny, nz), block by block over x and y with the points that reach each block."""
    factors, centres = [], []
    for axis in range(3):
        nodes = low[axis] + step * torch.arange(shape[axis], device=points.device, dtype=torch.float64)
        away = (nodes[:, None] - points[:, axis].double()) / sigma
        factors.append(torch.exp(-away.square()).to(points.dtype))
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
    """(n, n): from values at nodes to coefficients of the cubic B-spline through them, zero beyond the ends."""
    eye = torch.eye(count, dtype=torch.float64, device=like.device)
    off = torch.diag(torch.ones(count - 1, dtype=torch.float64, device=like.device), 1)
    return torch.linalg.inv((4 * eye + off + off.T) / 6).to(like.dtype)


def _basis(f: Tensor) -> tuple[Tensor, Tensor]:
    """The four cubic B-splines and their slopes at fractions (3, M), each (3, 4, M)."""
    g = 1 - f
    f2, g2 = f * f, g * g
    value = torch.stack((g2 * g, 3 * f2 * f - 6 * f2 + 4, 3 * g2 * g - 6 * g2 + 4, f2 * f), 1) / 6
    slope = torch.stack((-g2, 3 * f2 - 4 * f, 4 * g - 3 * g2, f2), 1) / 2
    return value, slope
