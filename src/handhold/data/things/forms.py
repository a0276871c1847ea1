"""Forms of parts, grown from places on what they sit on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from handhold.data.things.bodies import Draw, Range, rounding
from handhold.data.things.places import Anchor, extent, unit
from handhold.data.things.shapes import Block, Rod, Solid

AHEAD, LEFT, UP = np.eye(3)
Form = Callable[[Anchor, Solid, np.ndarray, Draw], list[Solid]]
"""Where the part is, the solid it is on, half extents of the body (3,), and randomness, to the part's solids."""


def _mean(of: np.ndarray) -> float:
    return float(np.prod(of) ** (1 / 3))


def _cross(solid: Solid, out: np.ndarray) -> float:
    """Half the width of a solid across a direction."""
    if isinstance(solid, Rod):
        return float(solid.radius.mean())
    half, along = extent(solid), abs(out) > 0.8
    return float(half[~along].mean()) if along.any() else _mean(half)


def _axes(out: np.ndarray, thin: np.ndarray = LEFT) -> np.ndarray:
    """A frame whose third axis points outwards; its second is as near `thin` as can be."""
    if abs(thin @ out) > 0.9:
        thin = np.roll(thin, 1)
    second = unit(thin - (thin @ out) * out)
    return np.stack([np.cross(second, out), second, out], -1)


def _grown(
    at: Anchor, half: Sequence[float] | np.ndarray, *, sunk: float = 0.15, thin: np.ndarray = LEFT, **how: Any
) -> list[Solid]:
    """A block that stands on an anchor; its third axis points outwards."""
    return [Block(at.point + at.out * half[2] * (1 - sunk), np.array(half), _axes(at.out, thin), **how)]


def _size_on(solid: Solid, body: np.ndarray) -> float:
    """A measure for what sits on a solid."""
    return 0.7 * _mean(body) if isinstance(solid, Rod) else 0.5 * (_mean(extent(solid)) + _mean(body))


def _ball(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
    r = _size_on(on, body) * d.uniform(0.3, 0.65)
    return _grown(at, r * d.uniform(0.75, 1.25, 3), sunk=0.3, square=rounding(d, 2, 3))


def _box(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
    s = _size_on(on, body)
    return _grown(at, s * d.uniform(0.3, 0.8, 3), square=rounding(d, 5, 10))


def _round(wide: Range, high: Range, *, by_cross: bool = False, taper: Range = (-0.2, 0.1)) -> Form:
    """A cylinder that stands on the anchor, its radius and half height in shares of what it is on."""

    def form(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
        s = _cross(on, at.out) if by_cross else _size_on(on, body)
        r = s * d.uniform(*wide)
        return _grown(
            at, (r, r, s * d.uniform(*high)), square=(2.0, d.uniform(4, 9)), taper=d.uniform(*taper)
        )

    return form


def _dome_on(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
    r = _size_on(on, body) * d.uniform(0.3, 0.6)
    return _grown(at, (r, r, r * d.uniform(0.5, 0.9)), sunk=0.5)


def _straight(length: Range, radius: Range, end: Range, *, bend: float = 0.0, flat: float = 1.0) -> Form:
    """A rod that grows from the anchor; its end's radius as a share of its first."""

    def form(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
        s = _size_on(on, body)
        far = 0.5 * (s + body.max()) if length[1] > 2 else s  # what is long is long beside the body's length
        long, r = far * d.uniform(*length), s * d.uniform(*radius)
        t = np.linspace(0, 1, 9)[:, None]
        axes = _axes(at.out)
        curve = d.normal() * bend * axes[:, 0]
        line = at.point + (t - 0.05) * long * at.out + t**2 * long * curve
        radii = r * (1 + (d.uniform(*end) - 1) * t[:, 0]) * (1 + 0.15 * d.normal() * np.sin(np.pi * t[:, 0]))
        return [Rod(line, radii, d.uniform(flat, 1), axes[:, 1])]

    return form


def _plate(length: Range, width: Range, *, thin_ahead: bool = False) -> Form:
    """A flat block that grows outwards: a wing lies flat, a fin on top stands along, a back across."""

    def form(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
        s = _size_on(on, body)
        sideways = abs(at.out[1]) > 0.6
        thin = UP if sideways or (abs(at.out[0]) > 0.6 and d.random() < 0.5) else LEFT
        if thin_ahead or (abs(at.out[1]) > 0.2 and not sideways):
            thin = AHEAD
        half = s * np.array([d.uniform(*width), d.uniform(0.04, 0.12), d.uniform(*length)])
        return _grown(
            at, half, thin=thin, square=(d.uniform(3, 8), d.uniform(2, 8)), taper=d.uniform(-0.6, 0.2)
        )

    return form


def _loop(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
    """A bent rod with both ends in what it is on: the handle of a cup."""
    s = _size_on(on, body)
    axes = _axes(at.out, LEFT if abs(at.out[1]) < 0.7 else AHEAD)
    wide, deep = s * d.uniform(0.4, 0.8), s * d.uniform(0.4, 0.9)
    turn, full = np.linspace(0, np.pi, 15), d.uniform(0.5, 1)
    power = lambda x: np.sign(x) * abs(x) ** full
    line = (
        at.point
        + (power(np.sin(turn)) * deep - 0.12 * s)[:, None] * at.out
        + (np.cos(turn) * wide)[:, None] * axes[:, 0]
    )
    return [Rod(line, np.full(15, s * d.uniform(0.05, 0.16)), d.uniform(0.4, 1), axes[:, 1])]


def _ring(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
    s = _size_on(on, body)
    radius, thick = s * d.uniform(0.2, 0.5), s * d.uniform(0.04, 0.12)
    axes = _axes(at.out, UP if d.random() < 0.5 else LEFT)
    turn = np.linspace(-np.pi / 2, 1.5 * np.pi, 21)
    line = at.point + radius * ((1 + np.sin(turn))[:, None] * at.out + np.cos(turn)[:, None] * axes[:, 0])
    return [Rod(line, np.full(21, thick), 1.0, axes[:, 1])]


def _bow(high: Range, thick: Range, flat: Range) -> Form:
    """A rod from one side over the top to the other."""

    def form(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
        half, s = extent(on), _size_on(on, body)
        axis = 0 if half[0] > 1.5 * half[1] else 1
        top = max(on.mesh()[0][:, 2].max(), at.point[2] - 0.1 * s)
        foot = top - 0.2 * half[2]
        wide = half[axis] * d.uniform(0.6, 0.95)
        turn = np.linspace(0, np.pi, 17)
        line = np.zeros((17, 3))
        line[:, axis] = np.cos(turn) * wide
        line[:, 2] = foot + np.sin(turn) ** d.uniform(0.4, 1) * (s * d.uniform(*high) + top - foot)
        return [Rod(line, np.full(17, s * d.uniform(*thick)), d.uniform(*flat), UP)]

    return form


def _spout(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
    s = _size_on(on, body)
    long, r, t = s * d.uniform(0.8, 1.8), s * d.uniform(0.1, 0.2), np.linspace(0, 1, 9)[:, None]
    rise = UP * d.uniform(0.3, 1.0) if abs(at.out[2]) < 0.7 else AHEAD * d.uniform(0, 0.5)
    line = at.point + long * ((t - 0.08) * at.out + t**1.5 * rise)
    return [Rod(line, r * (1 - 0.5 * t[:, 0]))]


def _crank(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
    """Out, aside, and out again."""
    s = _size_on(on, body)
    r, aside = s * d.uniform(0.05, 0.12), _axes(at.out)[:, 0]
    a, b, c = s * d.uniform(0.2, 0.5), s * d.uniform(0.5, 1.2), s * d.uniform(0.3, 0.7)
    corners = np.array([-0.1 * a * at.out, a * at.out, a * at.out + b * aside, (a + c) * at.out + b * aside])
    t = np.linspace(0, 3, 16)
    line = at.point + np.stack([np.interp(t, range(4), corners[:, k]) for k in range(3)], -1)
    return [Rod(line, np.full(16, r))]


def _blades(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
    s, many = _size_on(on, body), int(d.integers(2, 5))
    axes, long, wide = _axes(at.out), s * d.uniform(0.6, 1.3), s * d.uniform(0.08, 0.2)
    found: list[Solid] = []
    for k in range(many):
        turn = d.uniform(0, 0.1) + 2 * np.pi * k / many
        out = math.cos(turn) * axes[:, 0] + math.sin(turn) * axes[:, 1]
        tip = Anchor(at.point + at.out * 0.1 * s, out)
        found += _grown(tip, (wide, 0.05 * s, long / 2), thin=at.out, square=(4.0, 4.0))
    return found


def _bar_across(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
    s, axes = _size_on(on, body), _axes(at.out)
    long, r = s * d.uniform(0.4, 1.1), s * d.uniform(0.08, 0.18)
    line = at.point + np.linspace(-long, long, 5)[:, None] * axes[:, 1] + 0.5 * r * at.out
    return [Rod(line, np.full(5, r))]


def _strip(at: Anchor, on: Solid, body: np.ndarray, d: Draw) -> list[Solid]:
    """A band that grows outwards and bends away from the front."""
    s = _size_on(on, body)
    long, wide, curl = s * d.uniform(1.2, 3.5), s * d.uniform(0.3, 0.7), d.uniform(0, 2.2)
    back = -AHEAD if abs(at.out[0]) < 0.7 else -UP
    turn = np.linspace(0, max(curl, 1e-2), 15)[:, None]
    line = at.point + long * (np.sin(turn) * at.out + (1 - np.cos(turn)) * back) / turn[-1]
    line = line - 0.1 * s * at.out
    return [Rod(line, np.full(15, wide), d.uniform(0.08, 0.25), back)]


FORMS: dict[str, Form] = {
    "ball": _ball, "box": _box, "dome": _dome_on, "loop": _loop, "ring": _ring, "spout": _spout, "crank": _crank,
    "blades": _blades, "bar": _bar_across, "strip": _strip,
    "disc": _round((0.3, 0.7), (0.05, 0.18)),
    "cap": _round((0.2, 0.5), (0.15, 0.4)),
    "small-cap": _round((0.08, 0.18), (0.08, 0.2)),
    "wide-cap": _round((0.65, 1.05), (0.2, 0.8), by_cross=True),
    "mouth": _round((0.5, 0.9), (0.5, 1.6), by_cross=True, taper=(-0.5, 0)),
    "flare": _round((1.0, 1.7), (0.4, 1.4), by_cross=True, taper=(0.1, 0.5)),
    "weight": _round((1.4, 3.2), (0.4, 1.6), by_cross=True),
    "button": _round((0.08, 0.2), (0.05, 0.12)),
    "cone": _straight((0.5, 1.2), (0.15, 0.35), (0.05, 0.3)),
    "column": _straight((0.5, 1.3), (0.12, 0.25), (0.7, 1.2), bend=0.05),
    "rod": _straight((0.8, 2.4), (0.03, 0.09), (0.4, 1.1), bend=0.12),
    "stick": _straight((1.5, 4.0), (0.1, 0.28), (0.6, 1.3), bend=0.06, flat=0.5),
    "shank": _straight((2.0, 5.0), (0.05, 0.16), (0.7, 1.1), flat=0.6),
    "long-cone": _straight((2.0, 5.0), (0.08, 0.2), (0.1, 0.7)),
    "jaw": _straight((0.7, 2.0), (0.15, 0.35), (0.3, 0.9), bend=0.1, flat=0.4),
    "plate": _plate((0.3, 0.9), (0.2, 0.6)),
    "wing": _plate((0.6, 1.8), (0.2, 0.5)),
    "long-plate": _plate((1.2, 3.0), (0.12, 0.35)),
    "tall-plate": _plate((0.6, 1.3), (0.5, 1.0), thin_ahead=True),
    "bow": _bow((0.4, 1.2), (0.04, 0.14), (0.4, 1.0)),
    "long-bow": _bow((1.0, 2.5), (0.05, 0.15), (0.15, 0.4)),
}  # fmt: skip
"""Forms by their names in the table of words."""
