"""Outlines raised to solids with rounded edges and evenly triangulated faces."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from manifold3d import Manifold, triangulate

from handhold.objects.household.curves import Points, divided, rectangle
from handhold.objects.household.shapes import solid_of


def slab(
    outline: Points,
    low: float,
    high: float,
    *,
    rounding: float,
    part: int = 0,
    top: int | None = None,
    bottom: int | None = None,
    step: float = 0.006,
) -> Manifold:
    """An outline raised from z = low to high, its edges rounded.

    Args:
        outline: (n, 2), counter-clockwise, its own corners rounded by more than `rounding` [m].
        low: bottom [m].
        high: top [m].
        rounding: radius of the edges, less than half the height [m].
        part: of the sides.
        top: part of the top face; None: as the sides.
        bottom: part of the bottom face; None: as the sides.
        step: longest edge, about [m].
    """
    outline = divided(outline, step, closed=True)
    inward = _inward(outline)
    # A quarter circle in as many steps as it is worth: fine rounding would only make thin bands.
    steps = 4 if rounding > 0.0025 else 3 if rounding > 0.0012 else 2
    turn = np.linspace(0, np.pi / 2, steps + 1) if rounding > 0 else np.zeros(1)
    inset, drop = rounding * (1 - np.cos(turn)), rounding * (1 - np.sin(turn))
    levels = np.linspace(low + rounding, high - rounding, max(2, math.ceil((high - low) / step)))
    heights = np.concatenate((low + drop[::-1], levels[1:-1], high - drop))
    insets = np.concatenate((inset[::-1], np.zeros(len(levels) - 2), inset))
    count = len(outline)
    vertices = [
        np.column_stack((outline + d * inward, np.full(count, z)))
        for d, z in zip(insets, heights, strict=True)
    ]
    a = np.arange(count)
    b = np.roll(a, -1)
    faces, owner = [], []
    for i in range(len(heights) - 1):
        faces += [
            np.stack((a, b, b + count), 1) + i * count,
            np.stack((a, b + count, a + count), 1) + i * count,
        ]
    owner.append(np.full(2 * count * (len(heights) - 1), part))
    total = count * len(heights)
    rim = outline + insets[0] * inward
    inside, cap = _filled(rim, step)
    for z, ring, flip, label in ((low, 0, True, bottom), (high, total - count, False, top)):
        numbers = np.concatenate((ring + a, total + np.arange(len(inside))))
        vertices.append(np.column_stack((inside, np.full(len(inside), z))))
        total += len(inside)
        faces.append(numbers[cap[:, ::-1] if flip else cap])
        owner.append(np.full(len(cap), part if label is None else label))
    return solid_of(np.concatenate(vertices), np.concatenate(faces), np.concatenate(owner))


def box(
    size: Sequence[float],
    *,
    rounding: float,
    corner: float | None = None,
    part: int = 0,
    top: int | None = None,
    bottom: int | None = None,
    step: float = 0.006,
) -> Manifold:
    """A rounded box about the z axis that stands on z = 0.

    Args:
        size: along x, y, z [m].
        rounding: radius of the level edges [m].
        corner: radius of the upright edges; None: a little more than `rounding` [m].
        part: of the sides; `top` and `bottom` as in `slab`.
        top: part of the top face.
        bottom: part of the bottom face.
        step: longest edge, about [m].
    """
    outline = rectangle(size[0], size[1], radius=max(corner or 0.0, 1.15 * rounding))
    return slab(outline, 0.0, size[2], rounding=rounding, part=part, top=top, bottom=bottom, step=step)


def _inward(outline: np.ndarray) -> np.ndarray:
    """At each corner of an outline the step that moves both of its edges inward by one, (n, 2)."""
    edge = np.roll(outline, -1, 0) - outline
    normal = np.stack((-edge[:, 1], edge[:, 0]), 1) / np.linalg.norm(edge, axis=1, keepdims=True)
    both = normal + np.roll(normal, 1, 0)
    return 2 * both / np.maximum((both**2).sum(1, keepdims=True), 1.0)


def _filled(outline: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Points inside an outline and triangles over both, so that none is long and thin."""
    from scipy.spatial import Delaunay, KDTree

    low, high = outline.min(0), outline.max(0)
    rows = np.arange(low[1], high[1], step * math.sqrt(3) / 2)
    grid = np.concatenate(
        [
            np.column_stack((x := np.arange(low[0] + (i % 2) * step / 2, high[0], step), np.full(len(x), y)))
            for i, y in enumerate(rows)
        ]
    )
    fine = divided(outline, step / 4, closed=True)
    grid = grid[_within(grid, outline) & (KDTree(fine).query(grid)[0] > 0.55 * step)]
    points = np.concatenate((outline, grid))
    cap = Delaunay(points).simplices.astype(np.int64)
    cap = cap[_within(points[cap].mean(1), outline)]
    corners = points[cap]
    area = 0.5 * np.linalg.det(np.stack((corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), 1))
    cap = np.where((area < 0)[:, None], cap[:, ::-1], cap)[np.abs(area) > 1e-14]
    if not _bounded_by(cap, len(outline)):  # two sides nearer than a step: their points take each other
        return np.zeros((0, 2)), np.asarray(triangulate([outline]), np.int64)
    return grid, cap


def _bounded_by(cap: np.ndarray, count: int) -> bool:
    """Whether the triangles' boundary is exactly the outline's edges."""
    edges = np.concatenate([cap[:, [i, (i + 1) % 3]] for i in range(3)])
    there = {tuple(e) for e in edges.tolist()}
    alone = {e for e in there if e[::-1] not in there}
    return alone == {(i, (i + 1) % count) for i in range(count)} and len(there) == len(edges)


def _within(points: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """Whether points are inside an outline (crossings of a ray)."""
    a, b = outline, np.roll(outline, -1, 0)
    x, y = points[:, :1], points[:, 1:]
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    rise = np.where(b[:, 1] == a[:, 1], 1.0, b[:, 1] - a[:, 1])
    return ((x < (b[:, 0] - a[:, 0]) * (y - a[:, 1]) / rise + a[:, 0]) & crosses).sum(1) % 2 == 1
