"""Signed distance on a grid: approximate, differentiable, batched over objects, on any device."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from handhold.errors import InputError
from handhold.geometry.distance import ExactDistance

BAND = 0.010
"""Nodes within this distance of the surface [m] are exact; the far field is interpolated between every
`STRIDE`-th node."""
STRIDE = 4
CHECKS = 4096
"""Random points at which a grid is held against the exact distance when it is built."""


@dataclass(frozen=True)
class GridDistance:
    """Trilinear signed distance of O objects, each in its own frame.

    Attributes:
        values: (O, X, Y, Z) signed distance at the nodes, positive outside [m]; padded where objects differ.
        origin: (O, 3) place of the first node [m].
        spacing: (O,) between nodes [m].
        shape: (O, 3) long, nodes used along each axis.
        error_m: (O,) largest difference to the exact distance, measured within 10 mm of the surface [m].
        rms_m: (O,) root mean square of the same [m].
    """

    values: Tensor
    origin: Tensor
    spacing: Tensor
    shape: Tensor
    error_m: Tensor
    rms_m: Tensor

    @staticmethod
    def build(
        exact: ExactDistance, *, resolution: int = 64, spacing: float | None = None, margin: float = 0.03
    ) -> GridDistance:
        """A grid of one object, float32 on the CPU.

        Args:
            exact: the exact distance.
            resolution: nodes along the longest side of the box.
            spacing: distance between nodes [m], in place of the resolution.
            margin: how far the box reaches beyond the object [m].

        Raises:
            InputError: fewer than 4 nodes, a margin or spacing that is no length, or over 2**27 nodes.
        """
        low, high = (
            exact.vertices[exact.faces].min((0, 1)) - margin,
            exact.vertices[exact.faces].max((0, 1)) + margin,
        )
        if resolution < 4 or margin < 0 or (spacing is not None and not spacing > 0):
            raise InputError(
                "cannot build such a grid",
                expected="resolution of 4 or more, spacing > 0, margin >= 0",
                got=f"resolution {resolution}, spacing {spacing}, margin {margin}",
            )
        step = float((high - low).max() / (resolution - 1) if spacing is None else spacing)
        counts = np.maximum(np.ceil((high - low) / step - 1e-9).astype(int), 1) + 1
        if counts.astype(float).prod() > 2**27:
            raise InputError("the grid would be too large", expected="under 2**27 nodes", got=counts.tolist())
        origin = (low + high - (counts - 1) * step) / 2
        grid = GridDistance(
            torch.from_numpy(_narrow_band(exact, origin, step, counts)).float()[None],
            torch.from_numpy(origin).float()[None],
            torch.tensor([step], dtype=torch.float32),
            torch.from_numpy(counts)[None],
            torch.zeros(1),
            torch.zeros(1),
        )
        worst, rms = _measure(grid, exact)
        return GridDistance(grid.values, grid.origin, grid.spacing, grid.shape, worst, rms)

    @staticmethod
    def stack(grids: list[GridDistance]) -> GridDistance:
        """Several grids as one, so that rows of a batch may have different objects.

        Raises:
            InputError: no grids.
        """
        if not grids:
            raise InputError("no grids to stack", expected="one or more")
        largest = torch.cat([g.shape for g in grids]).amax(0).tolist()
        padded = []
        for grid in grids:
            missing = [want - have for want, have in zip(largest, grid.values.shape[1:], strict=True)]
            sides = [n for gap in reversed(missing) for n in (0, gap)]
            padded.append(torch.nn.functional.pad(grid.values, sides))
        rest = [torch.cat([getattr(g, f.name) for g in grids]) for f in fields(GridDistance)[1:]]
        return GridDistance(torch.cat(padded), *rest)

    def to(self, device=None, dtype=None) -> GridDistance:
        """The same grids on another device or in another floating dtype."""
        tensors = (getattr(self, f.name) for f in fields(self))
        return GridDistance(*(t.to(device, dtype if t.is_floating_point() else None) for t in tensors))

    def __len__(self) -> int:
        """How many objects."""
        return len(self.values)

    def query(self, points: Tensor, index: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Signed distance and its gradient.

        Outside the box: the value at the nearest point of the box plus the distance to it, which is a little
        more than the truth, and continuous.

        Args:
            points: (B, n, 3) in the frame of each row's object [m].
            index: (B,) long, the object of each row; None if there is one object, or one for each row.

        Returns:
            Distance (B, n) [m], differentiable with respect to the points (once), and gradient (B, n, 3), of
            length about one, not differentiable.

        Raises:
            InputError: not (B, n, 3), or the rows do not say which object is theirs.
        """
        if points.ndim != 3 or points.shape[-1] != 3:
            raise InputError("wrong shape", where="points", expected="(B, n, 3)", got=tuple(points.shape))
        rows = points.shape[0]
        if index is None:
            if len(self) not in (1, rows):
                raise InputError(
                    "which object each row means is not said",
                    where="index",
                    expected=f"({rows},) for {len(self)} objects",
                )
            index = torch.zeros(rows, dtype=torch.long, device=points.device)
            if len(self) > 1:
                index = torch.arange(rows, device=points.device)
        elif index.shape != (rows,):
            raise InputError("wrong shape", where="index", expected=f"({rows},)", got=tuple(index.shape))
        return _Trilinear.apply(points, index, self)


class _Trilinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, points: Tensor, index: Tensor, grid: GridDistance) -> tuple[Tensor, Tensor]:
        distance, gradient = _trilinear(points, index, grid)
        ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(gradient)
        return distance, gradient

    @staticmethod
    @once_differentiable
    def backward(ctx, *grads: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return grads[0][..., None] * gradient, None, None


def _trilinear(points: Tensor, index: Tensor, grid: GridDistance) -> tuple[Tensor, Tensor]:
    """Value and gradient of the cell that holds each point; steps follow the usual order z, y, x."""
    spacing = grid.spacing[index][:, None, None]
    last = (grid.shape[index] - 1)[:, None].to(points.dtype)
    place = (points - grid.origin[index][:, None]) / spacing
    inside = torch.minimum(place.clamp_min(0), last)
    cell = torch.minimum(
        inside.nan_to_num(0).floor(), last - 1
    )  # a NaN is no place; it returns in `fraction`
    fraction = inside - cell

    # 1. the eight corners, (B, n, 2, 2, 2)
    row, along_x, along_y, along_z = grid.values.stride()
    i, j, k = cell.long().unbind(-1)
    first = index[:, None] * row + i * along_x + j * along_y + k * along_z
    bit = torch.arange(2, device=points.device)
    corner = bit[:, None, None] * along_x + bit[:, None] * along_y + bit * along_z
    c = grid.values.reshape(-1)[first[..., None, None, None] + corner].to(points.dtype)

    # 2. interpolate along z, y, x; differences on the way are the slopes
    fx, fy, fz = (f[..., 0] for f in fraction.split(1, -1))
    cz = torch.lerp(c[..., 0], c[..., 1], fz[..., None, None])  # (B, n, x, y)
    cy = torch.lerp(cz[..., 0], cz[..., 1], fy[..., None])  # (B, n, x)
    value = torch.lerp(cy[..., 0], cy[..., 1], fx)
    slope_x = cy[..., 1] - cy[..., 0]
    slope_y = torch.lerp(cz[..., 0, 1] - cz[..., 0, 0], cz[..., 1, 1] - cz[..., 1, 0], fx)
    dz = c[..., 1] - c[..., 0]
    dz = torch.lerp(dz[..., 0], dz[..., 1], fy[..., None])
    slope_z = torch.lerp(dz[..., 0], dz[..., 1], fx)
    gradient = torch.stack((slope_x, slope_y, slope_z), -1) / spacing

    # 3. beyond the box
    beyond = (place - inside) * spacing
    reach = torch.linalg.vector_norm(beyond, dim=-1, keepdim=True)
    away = beyond / reach.clamp_min(torch.finfo(points.dtype).tiny)
    return value + reach[..., 0], torch.where(beyond == 0, gradient, 0) + away


def _narrow_band(exact: ExactDistance, origin: np.ndarray, step: float, counts: np.ndarray) -> np.ndarray:
    """Node values (X, Y, Z): exact near the surface, interpolated between every STRIDE-th node elsewhere."""
    axes = [o + step * np.arange(n) for o, n in zip(origin, counts, strict=True)]
    # The last coarse node lies at or past the end of each axis.
    coarse_counts = [max(-(-(n - 1) // STRIDE), 1) + 1 for n in counts]
    coarse_axes = [o + step * STRIDE * np.arange(n) for o, n in zip(origin, coarse_counts, strict=True)]
    coarse = exact.query(_nodes(coarse_axes)).distance.reshape([len(a) for a in coarse_axes])
    values = coarse
    for axis, count in enumerate(counts):
        at = np.arange(count) / STRIDE
        low = np.minimum(at.astype(int), values.shape[axis] - 2)
        weight = np.expand_dims(at - low, tuple(i for i in range(3) if i != axis))
        values = np.take(values, low, axis) * (1 - weight) + np.take(values, low + 1, axis) * weight
    # Distance changes by at most a metre a metre, so where the interpolated one is larger nothing is near.
    near = np.abs(values) < BAND + 2 * step + 0.5 * STRIDE * step
    x, y, z = np.nonzero(near)
    points = np.stack((axes[0][x], axes[1][y], axes[2][z]), 1)
    values[near] = exact.query(points).distance
    return values


def _nodes(axes: list[np.ndarray]) -> np.ndarray:
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)


def _measure(grid: GridDistance, exact: ExactDistance) -> tuple[Tensor, Tensor]:
    """Largest and root-mean-square difference to the exact distance near the surface, (1,) each [m]."""
    rng = np.random.default_rng(0)
    corners = exact.vertices[exact.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    face = rng.choice(len(area), CHECKS, p=area / area.sum())
    points = np.einsum("ijk,ij->ik", corners[face], rng.dirichlet((1, 1, 1), CHECKS))
    direction = rng.standard_normal((CHECKS, 3))
    direction *= BAND * rng.random((CHECKS, 1)) / np.linalg.norm(direction, axis=1, keepdims=True)
    points = points + direction
    found, _ = grid.query(torch.from_numpy(points).float()[None])
    apart = found[0].double() - torch.from_numpy(exact.query(points).distance)
    return apart.abs().max()[None].float(), apart.square().mean().sqrt()[None].float()
