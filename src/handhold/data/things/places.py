"""Places on solids: where on them a part sits, and which way it grows from there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from handhold.data.things.bodies import Draw
from handhold.data.things.shapes import Rod, Solid

Spot = tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray]
"""A point in half extents of a solid, and a direction of any length."""


@dataclass(frozen=True)
class Anchor:
    """A place on a solid.

    Attributes:
        point: (3,) on its surface.
        out: (3,) unit, which way a part grows from there.
    """

    point: np.ndarray
    out: np.ndarray


def anchors(where: str, solid: Solid, draw: Draw) -> list[Anchor]:
    """The anchors of a place on a solid: one, a pair, four, a row.

    Args:
        where: a key of `PLACES`; "tips" are the ends of a rod, where things grow inwards, across y.
        solid: what a part sits on.
        draw: source of randomness.
    """
    if where == "tips" and isinstance(solid, Rod):
        return [
            Anchor(end, np.array([0.0, -np.sign(end[1]), 0.0])) for end in (solid.line[0], solid.line[-1])
        ]
    spots = [(np.array(origin, float), unit(np.array(out, float))) for origin, out in PLACES[where](draw)]
    if isinstance(solid, Rod):
        return [_on_rod(solid, out, draw) for _, out in spots]
    return [_on_block(solid, origin, out) for origin, out in spots]


def extent(solid: Solid) -> np.ndarray:
    """Half extents along x, y, z, (3,)."""
    return np.ptp(solid.mesh()[0], axis=0) / 2


def unit(v: np.ndarray) -> np.ndarray:
    """A vector at length 1."""
    return v / max(float(np.linalg.norm(v)), 1e-9)


def _on_block(solid: Solid, origin: np.ndarray, out: np.ndarray) -> Anchor:
    """Where a ray leaves a block: from a point told in half extents."""
    low, high = (f(solid.mesh()[0], axis=0) for f in (np.min, np.max))
    half, centre = (high - low) / 2, (high + low) / 2
    for shrink in (1.0, 0.8, 0.6, 0.3, 0.0):  # a point in a corner may be outside
        start = centre + shrink * origin * half
        along = start + np.linspace(0, 2.5 * half.max(), 200)[:, None] * out
        within = np.flatnonzero(solid.inside(along))
        if len(within):
            return Anchor(along[within[-1]], out)
    return Anchor(centre + out * (abs(out) @ half), out)  # the open end of a vessel: its hull


def _on_rod(solid: Rod, out: np.ndarray, draw: Draw) -> Anchor:
    """The free end of a rod, for what goes its way; else its side."""
    end = unit(solid.line[-1] - solid.line[-2])
    if out @ end > 0.5:
        return Anchor(solid.line[-1] + end * 0.5 * solid.radius[-1], end)
    k = int(len(solid.line) * draw.uniform(0.3, 0.6))
    return Anchor(solid.line[k] + out * solid.radius[k] * 0.8, out)


def _pair(origin: Sequence[float], out: Sequence[float]) -> list[Spot]:
    """A place and its mirror image to the right."""
    mirror = lambda v: (v[0], -v[1], v[2])
    return [(origin, out), (mirror(origin), mirror(out))]


def _wheels(draw: Draw) -> list[Spot]:
    many, wide = int(draw.integers(2, 5)), draw.uniform(0.5, 0.8)
    return [each for x in np.linspace(-wide, wide, many) for each in _pair((x, 0.01, -0.6), (0, 1, 0))]


def _around(draw: Draw) -> list[Spot]:
    many, first = int(draw.integers(3, 5)), draw.uniform(0, 2 * np.pi)
    turn = first + np.arange(many) * 2 * np.pi / many
    return [((0, 0, -0.7), (math.cos(t), math.sin(t), 0)) for t in turn]


PLACES: dict[str, Callable[[Draw], list[Spot]]] = {
    "front": lambda d: [((0, 0, d.uniform(-0.3, 0.3)), (1, 0, 0))],
    "back": lambda d: [((0, 0, d.uniform(-0.3, 0.3)), (-1, 0, d.uniform(0, 0.3)))],
    "top": lambda d: [((d.uniform(-0.2, 0.2), 0, 0), (0, 0, 1))],
    "bottom": lambda d: [((0, 0, 0), (0, 0, -1))],
    "sides": lambda d: _pair((d.uniform(-0.3, 0.3), 0.01, d.uniform(-0.2, 0.3)), (0, 1, d.uniform(-0.2, 0.2))),
    "side": lambda d: [((d.uniform(-0.3, 0.3), 0, d.uniform(-0.3, 0.3)), (0, -1, 0))],
    "other side": lambda d: [((0, 0, 0), (0, 1, 0))],
    "front top": lambda d: [((0.6, 0, 0), (d.uniform(0, 0.7), 0, 1))],
    "back top": lambda d: [((-0.7, 0, 0), (d.uniform(-0.4, 0), 0, 1))],
    "front bottom": lambda d: [((0.6, 0, -0.5), (1, 0, -0.3))],
    "back bottom": lambda d: [((d.uniform(-0.8, -0.3), 0, 0), (d.uniform(-0.5, 0.1), 0, -1))],
    "back sides": lambda d: _pair((-0.8, 0.01, 0), (-0.2, 1, 0)),
    "top pair": lambda d: _pair((0, 0.5, 0), (0, 0.4, 1)),
    "front pair": lambda d: _pair((0, d.uniform(0.3, 0.6), 0), (1, d.uniform(0, 0.15), 0)),
    "back pair": lambda d: _pair((0, d.uniform(0.3, 0.6), 0), (-1, d.uniform(0, 0.5), 0)),
    "four below": lambda d: _pair((0.65, 0.6, 0), (0, 0, -1)) + _pair((-0.65, 0.6, 0), (0, 0, -1)),
    "two below": lambda d: _pair((d.uniform(-0.2, 0.2), 0.5, 0), (0, 0, -1)),
    "wheels": _wheels,
    "around below": _around,
    "up and down": lambda d: [((0, 0, 0), (0, 0, 1)), ((0, 0, 0), (0, 0, -1))],
    "ends": lambda d: [((0, 0, 0), (1, 0, 0)), ((0, 0, 0), (-1, 0, 0))],
    "top row": lambda d: [((x, 0, 0), (0, 0, 1)) for x in np.linspace(-0.7, 0.5, int(d.integers(3, 7)))],
    "over": lambda d: [((0, 0, 0), (0, 0, 1))],
    "lengthwise": lambda d: [((0, 0, 0), (0, 0, 1))],
    "any": lambda d: [((0, 0, 0), unit(d.normal(size=3)))],
}  # fmt: skip
"""Places by their names in the table of words."""
