"""Plain solids that things are put together from: rounded blocks and bent rods, and points on what they make together.

Only for teaching what parts are called (`handhold.data.things`): points are drawn on each solid, and those inside
another are dropped, which needs no exact union.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch

from handhold.geometry.sampling import sample_surface

AROUND, ALONG = 32, 17
"""Corners of a block's mesh about its third axis, and along it."""
RING = 14
"""Corners around a rod."""
MOUTH = 0.75
"""Where a vessel ends, as a share of its half height."""


class Solid(Protocol):
    """A solid that can be drawn on and told from its outside."""

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Which points (n, 3) are inside, (n,) bool."""
        ...

    def mesh(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (V, 3) [m] and faces (F, 3), counter-clockwise from outside."""
        ...


@dataclass(frozen=True)
class Block:
    """A superellipsoid: from ball over cylinder to box, with one end narrower than the other if so wanted.

    Attributes:
        centre: (3,) [m].
        half: (3,) half lengths along its own axes [m].
        axes: (3, 3) its axes, as columns.
        square: (across, along) powers: 2 is round, 8 almost square.
        taper: the end of the third axis is 1 + this wide, the other end 1 - this.
        open: a vessel: hollow, without the end of the third axis.
    """

    centre: np.ndarray
    half: np.ndarray
    axes: np.ndarray = field(default_factory=lambda: np.eye(3))
    square: tuple[float, float] = (2.0, 2.0)
    taper: float = 0.0
    open: bool = False

    def own(self, points: np.ndarray) -> np.ndarray:
        """Points (n, 3) in the block's frame, from -1 to 1."""
        return (points - self.centre) @ self.axes / self.half

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Which points (n, 3) are inside, (n,) bool; a vessel's hollow is outside."""
        x, y, z = self.own(points).T
        p, q = self.square
        wide = np.maximum(1 + self.taper * z, 1e-3)
        level = (np.abs(x / wide) ** p + np.abs(y / wide) ** p) ** (q / p) + np.abs(z) ** q
        if self.open:
            return (level <= 1) & (z < MOUTH) & ((level > 0.6) | (z < -0.8))
        return level <= 1

    def mesh(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (V, 3) [m] and faces (F, 3), counter-clockwise from outside."""
        p, q = self.square
        power = lambda x, of: np.sign(x) * np.abs(x) ** (2 / of)
        turn = np.arange(AROUND) * 2 * np.pi / AROUND
        rise = np.linspace(-np.pi / 2, np.pi / 2, ALONG)
        ring = np.stack([power(np.cos(turn), p), power(np.sin(turn), p)], -1)
        radius, height = power(np.cos(rise), q), power(np.sin(rise), q)
        if self.open:  # up the outside, and down again inside
            up = height < MOUTH
            radius = np.concatenate([radius[up], 0.9 * radius[up][::-1]])
            height = np.concatenate([height[up], np.maximum(height[up][::-1], height[0] + 0.1)])
        wide = radius * np.maximum(1 + self.taper * height, 1e-3)
        rings = np.concatenate(
            [ring * wide[:, None, None], np.broadcast_to(height[:, None, None], (len(wide), AROUND, 1))], -1
        )
        return rings.reshape(-1, 3) * self.half @ self.axes.T + self.centre, _strips(len(wide), AROUND)


@dataclass(frozen=True)
class Rod:
    """A round or flat rod along a line, its ends rounded.

    Attributes:
        line: (n, 3) [m].
        radius: (n,) [m].
        flat: how much thinner it is along `across` than along the rest.
        across: (3,) unit vector.
    """

    line: np.ndarray
    radius: np.ndarray
    flat: float = 1.0
    across: np.ndarray = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Which points (n, 3) are inside, (n,) bool."""
        found = np.zeros(len(points), bool)
        for (a, b), (r, s) in zip(pairwise(self.line), pairwise(self.radius), strict=True):
            step = b - a
            along = np.clip((points - a) @ step / max(step @ step, 1e-12), 0, 1)
            off = points - a - along[:, None] * step
            off = off + (1 / self.flat - 1) * (off @ self.across)[:, None] * self.across
            found |= (off**2).sum(-1) <= (r + along * (s - r)) ** 2
        return found

    def mesh(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (V, 3) [m] and faces (F, 3), counter-clockwise from outside."""
        ahead = np.gradient(self.line, axis=0)
        ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
        round_end = np.array([1.0, 0.7, 0.0])  # how far beyond the end, and how narrow
        narrow = np.array([0.0, 0.7, 1.0])
        centres = [
            self.line[0] - self.radius[0] * round_end[:, None] * ahead[0],
            self.line[1:-1],
            self.line[-1] + self.radius[-1] * round_end[::-1, None] * ahead[-1],
        ]
        radii = np.concatenate([self.radius[0] * narrow, self.radius[1:-1], self.radius[-1] * narrow[::-1]])
        along = np.concatenate([np.repeat(ahead[:1], 3, 0), ahead[1:-1], np.repeat(ahead[-1:], 3, 0)])
        first = _perpendicular(along, self.across)
        second = np.cross(along, first)
        turn = np.arange(RING) * 2 * np.pi / RING
        offset = np.cos(turn)[:, None] * first[:, None] * self.flat + np.sin(turn)[:, None] * second[:, None]
        rings = np.concatenate(centres)[:, None] + radii[:, None, None] * offset
        return rings.reshape(-1, 3), _strips(len(radii), RING)


def points_on(
    solids: Sequence[Solid], count: int, generator: torch.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points spread evenly over what solids make together.

    Args:
        solids: one at least.
        count: how many points.
        generator: source of randomness.

    Returns:
        Points (count, 3) [m], normals (count, 3), and the number of the solid that each is on (count,).
    """
    meshes = [solid.mesh() for solid in solids]
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in meshes)])
    vertices = torch.from_numpy(np.concatenate([v for v, _ in meshes]))
    faces = torch.from_numpy(np.concatenate([f + k for (_, f), k in zip(meshes, starts, strict=False)]))
    owner = np.repeat(np.arange(len(meshes)), [len(f) for _, f in meshes])
    many = 2 * count
    while True:
        drawn = sample_surface(vertices, faces, count=many, generator=generator)
        points, on = drawn.points.numpy(), owner[drawn.face.numpy()]
        bare = np.ones(len(points), bool)
        for k, solid in enumerate(solids):
            others = np.flatnonzero(bare & (on != k))
            bare[others[solid.inside(points[others])]] = False
        left = np.flatnonzero(bare)
        if len(left) >= count:
            kept = left[torch.randperm(len(left), generator=generator)[:count].numpy()]
            return points[kept], drawn.normals.numpy()[kept], on[kept]
        many *= 2


def _perpendicular(along: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Unit vectors (n, 3) across others, the first as near to one direction as can be, each turned no more from the
    last than it must."""
    across = np.empty_like(along)
    last = towards if abs(along[0] @ towards) < 0.95 else np.roll(towards, 1)
    for k, one in enumerate(along):
        last = last - (last @ one) * one
        across[k] = last = last / np.linalg.norm(last)
    return across


def _strips(rings: int, size: int) -> np.ndarray:
    """Faces between rings of corners, one after the other."""
    a = np.arange(rings - 1)[:, None] * size + np.arange(size)
    b = np.arange(rings - 1)[:, None] * size + (np.arange(size) + 1) % size
    quads = np.stack([a, b, b + size, a + size], -1).reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
