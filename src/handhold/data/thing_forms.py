"""Bodies of things, places on them, and the forms of what sits there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from handhold.data.plain_shapes import Block, Rod, Solid

Draw = np.random.Generator
Range = tuple[float, float]
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Anchor:
    """A place on a solid.

    Attributes:
        point: (3,) on its surface.
        out: (3,) unit, which way a part grows from there.
    """

    point: np.ndarray
    out: np.ndarray


# Bodies.


def _block(draw: Draw, half: Sequence[float] | np.ndarray, **how) -> Block:
    return Block(np.zeros(3), np.array(half), **how)


def _lying(draw: Draw) -> Solid:
    return _block(
        draw, (draw.uniform(1, 2.5), draw.uniform(0.6, 1), draw.uniform(0.6, 1)), square=_square(draw, 2, 6)
    )


def _lying_box(draw: Draw) -> Solid:
    return _block(
        draw, (draw.uniform(1, 2), draw.uniform(0.5, 1), draw.uniform(0.4, 0.9)), square=_square(draw, 5, 10)
    )


def _upright(draw: Draw) -> Solid:
    wide = draw.uniform(0.5, 1)
    return _block(
        draw,
        (wide, wide * draw.uniform(0.6, 1), draw.uniform(0.9, 2.2)),
        square=_square(draw, 2, 10),
        taper=draw.uniform(-0.4, 0.2),
    )


def _upright_box(draw: Draw) -> Solid:
    return _block(
        draw,
        (draw.uniform(0.3, 0.9), draw.uniform(0.6, 1.3), draw.uniform(0.8, 1.8)),
        square=_square(draw, 5, 10),
    )


def _facing(draw: Draw) -> Solid:
    """A disc or flat block that faces ahead."""
    axes = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # its own z is ahead
    return _block(
        draw,
        (draw.uniform(0.7, 1.1), draw.uniform(0.7, 1.1), draw.uniform(0.15, 0.6)),
        axes=axes,
        square=(draw.choice([2.0, 2.0, 6.0]), 8.0),
    )


def _hub(draw: Draw) -> Solid:
    return _block(draw, draw.uniform(0.25, 0.5, 3), square=_square(draw, 2, 6))


def _flat(draw: Draw) -> Solid:
    return _block(
        draw,
        (draw.uniform(0.7, 1.2), draw.uniform(0.6, 1.2), draw.uniform(0.08, 0.3)),
        square=(draw.choice([2.0, 8.0]), 8.0),
    )


def _sheet(draw: Draw) -> Solid:
    return _block(
        draw,
        (draw.uniform(0.6, 1.2), draw.uniform(0.4, 0.9), draw.uniform(0.04, 0.2)),
        square=(draw.choice([2.0, 3.0, 8.0]), 8.0),
    )


def _vessel(draw: Draw) -> Solid:
    wide = draw.uniform(0.7, 1.2)
    return _block(
        draw,
        (wide, wide * draw.uniform(0.6, 1), draw.uniform(0.6, 1.4)),
        square=(draw.choice([2.0, 2.0, 6.0]), draw.uniform(3, 8)),
        taper=draw.uniform(-0.1, 0.4),
        open=bool(draw.random() < 0.8),
    )


def _tube(draw: Draw) -> Solid:
    axes = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    wide = draw.uniform(0.1, 0.3)
    return _block(
        draw,
        (wide, wide * draw.uniform(0.7, 1), draw.uniform(0.8, 2.2)),
        axes=axes,
        square=(draw.choice([2.0, 2.0, 4.0]), 8.0),
        taper=draw.uniform(-0.2, 0.2),
    )


def _grip(draw: Draw) -> Solid:
    axes = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    wide = draw.uniform(0.1, 0.2)
    return _block(
        draw,
        (wide, wide * draw.uniform(0.6, 1), draw.uniform(0.4, 0.9)),
        axes=axes,
        square=_square(draw, 2, 6),
    )


def _bar(draw: Draw) -> Solid:
    return _block(
        draw,
        (draw.uniform(0.2, 0.4), draw.uniform(0.4, 1.1), draw.uniform(0.2, 0.4)),
        square=_square(draw, 2, 8),
    )


def _dome(draw: Draw) -> Solid:
    wide = draw.uniform(0.7, 1.1)
    return _block(
        draw,
        (wide, wide, draw.uniform(0.5, 1)),
        square=(2.0, draw.uniform(2.5, 5)),
        taper=draw.uniform(-0.6, -0.3),
    )


def _dropped(draw: Draw) -> Solid:
    wide = draw.uniform(0.7, 1)
    return _block(
        draw,
        (wide, wide, draw.uniform(0.7, 1.4)),
        square=(2.0, draw.uniform(2, 2.6)),
        taper=draw.uniform(-0.55, 0.3),
    )


def _arch(draw: Draw) -> Solid:
    turn = np.linspace(-0.15, np.pi + 0.15, 15)
    thick = draw.uniform(0.05, 0.14)
    line = np.stack(
        [0 * turn, np.cos(turn) * draw.uniform(0.8, 1), np.sin(turn) * draw.uniform(0.8, 1.2)], -1
    )
    return Rod(line, np.full(len(turn), thick), draw.uniform(0.4, 1), np.array([0.0, 0.3, 0.95]))


def _any(draw: Draw) -> Solid:
    return BODIES[draw.choice(_PLAIN)](draw)


def _square(draw: Draw, low: float, high: float) -> Range:
    return draw.uniform(low, high), draw.uniform(low, high)


_PLAIN = ("lying", "lying box", "upright", "upright box", "tube", "flat", "facing", "dropped")
BODIES: dict[str, Callable[[Draw], Solid]] = {
    "lying": _lying, "lying box": _lying_box, "upright": _upright, "upright box": _upright_box, "facing": _facing,
    "hub": _hub, "flat": _flat, "sheet": _sheet, "vessel": _vessel, "tube": _tube, "grip": _grip, "bar": _bar,
    "dome": _dome, "dropped": _dropped, "arch": _arch, "any": _any,
}  # fmt: skip
"""Shapes of bodies, some 1 in half size."""


# Places.


def extent(solid: Solid) -> np.ndarray:
    """Half extents along x, y, z, (3,)."""
    return np.ptp(solid.mesh()[0], axis=0) / 2


def anchors(where: str, solid: Solid, draw: Draw) -> list[Anchor]:
    """The anchors of a place on a solid: one, a pair, four, a row."""
    if where == "tips" and isinstance(solid, Rod):
        ends = [
            (solid.line[0], solid.line[0] - solid.line[1]),
            (solid.line[-1], solid.line[-1] - solid.line[-2]),
        ]
        inwards = lambda at: np.array([0.0, -np.sign(at[1]), 0.0])
        return [Anchor(at, inwards(at)) for at, _ in ends]
    found = _PLACES[where](draw)
    places = [(np.array(origin, float), _unit(np.array(out, float))) for origin, out in found]
    if isinstance(solid, Rod):
        return [_on_rod(solid, out, draw) for _, out in places]
    return [_on_block(solid, origin, out) for origin, out in places]


def _on_block(solid: Solid, origin: np.ndarray, out: np.ndarray) -> Anchor:
    """Where a ray leaves a block: from a point told in half extents."""
    low, high = (f(solid.mesh()[0], axis=0) for f in (np.min, np.max))
    half, centre = (high - low) / 2, (high + low) / 2
    for shrink in (1.0, 0.8, 0.6, 0.3, 0.0):
        start = centre + shrink * origin * half
        along = start + np.linspace(0, 2.5 * half.max(), 200)[:, None] * out
        within = np.flatnonzero(solid.inside(along))
        if len(within):
            return Anchor(along[within[-1]], out)
    return Anchor(centre + out * (abs(out) @ half), out)  # a vessel is nowhere met: its hull


def _on_rod(solid: Rod, out: np.ndarray, draw: Draw) -> Anchor:
    """The free end of a rod, for what goes its way; else its side."""
    end = _unit(solid.line[-1] - solid.line[-2])
    if out @ end > 0.5:
        return Anchor(solid.line[-1] + end * 0.5 * solid.radius[-1], end)
    k = int(len(solid.line) * draw.uniform(0.3, 0.6))
    return Anchor(solid.line[k] + out * solid.radius[k] * 0.8, out)


def _pair(origin: Sequence[float], out: Sequence[float]) -> list[tuple]:
    """A place and its mirror image to the right."""
    mirror = lambda v: (v[0], -v[1], v[2])
    return [(origin, out), (mirror(origin), mirror(out))]


def _wheels(draw: Draw) -> list[tuple]:
    many, wide = int(draw.integers(2, 5)), draw.uniform(0.5, 0.8)
    return [each for x in np.linspace(-wide, wide, many) for each in _pair((x, 0.01, -0.6), (0, 1, 0))]


def _around(draw: Draw) -> list[tuple]:
    many, first = int(draw.integers(3, 5)), draw.uniform(0, 2 * np.pi)
    turn = first + np.arange(many) * 2 * np.pi / many
    return [((0, 0, -0.7), (math.cos(t), math.sin(t), 0)) for t in turn]


def _anywhere(draw: Draw) -> list[tuple]:
    return [((0, 0, 0), _unit(draw.normal(size=3)))]


_PLACES: dict[str, Callable[[Draw], list[tuple]]] = {
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
    "any": _anywhere,
    "tips": _anywhere,
}  # fmt: skip


# Forms. Each takes an anchor, the solid it is on, the half extents of the body, and randomness.


def _unit(v: np.ndarray) -> np.ndarray:
    return v / max(float(np.linalg.norm(v)), 1e-9)


def _mean(of: np.ndarray) -> float:
    return float(np.prod(of) ** (1 / 3))


def _cross(solid: Solid, out: np.ndarray) -> float:
    """Half the width of a solid across a direction."""
    if isinstance(solid, Rod):
        return float(solid.radius.mean())
    half = extent(solid)
    return float(np.sort(half + 1e3 * (abs(out) > 0.8))[:2].mean()) if (abs(out) > 0.8).any() else _mean(half)


def _axes(out: np.ndarray, thin: np.ndarray | None = None) -> np.ndarray:
    """A frame whose third axis points outwards; its second is as near `thin` as can be."""
    thin = np.array([0.0, 1.0, 0.0]) if thin is None else thin
    if abs(thin @ out) > 0.9:
        thin = np.roll(thin, 1)
    second = _unit(thin - (thin @ out) * out)
    return np.stack([np.cross(second, out), second, out], -1)


def _grown(
    at: Anchor, half: Sequence[float] | np.ndarray, *, sunk: float = 0.15, thin=None, **how
) -> list[Solid]:
    """A block that stands on an anchor; its third axis points outwards."""
    return [Block(at.point + at.out * half[2] * (1 - sunk), np.array(half), _axes(at.out, thin), **how)]


def _size_on(solid: Solid, body: np.ndarray) -> float:
    """A measure for what sits on a solid."""
    return 0.7 * _mean(body) if isinstance(solid, Rod) else 0.5 * (_mean(extent(solid)) + _mean(body))


def _ball(at, on, body, d):
    r = _size_on(on, body) * d.uniform(0.3, 0.65)
    return _grown(at, r * d.uniform(0.75, 1.25, 3), sunk=0.3, square=_square(d, 2, 3))


def _box(at, on, body, d):
    s = _size_on(on, body)
    return _grown(at, s * d.uniform(0.3, 0.8, 3), square=_square(d, 5, 10))


def _round(wide: Range, high: Range, *, by_cross: bool = False, taper=(-0.2, 0.1)):
    """A cylinder that stands on the anchor, its radius and half height in shares of what it is on."""

    def form(at, on, body, d):
        s = _cross(on, at.out) if by_cross else _size_on(on, body)
        r = s * d.uniform(*wide)
        return _grown(
            at, (r, r, s * d.uniform(*high)), square=(2.0, d.uniform(4, 9)), taper=d.uniform(*taper)
        )

    return form


def _dome_on(at, on, body, d):
    r = _size_on(on, body) * d.uniform(0.3, 0.6)
    return _grown(at, (r, r, r * d.uniform(0.5, 0.9)), sunk=0.5)


def _straight(
    length: Range,
    radius: Range,
    end: Range,
    bend: float = 0.0,
    flat: float = 1.0,
):
    """A rod that grows from the anchor; its end's radius as a share of its first."""

    def form(at, on, body, d):
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


def _plate(length: Range, width: Range, *, thin_ahead: bool = False):
    """A flat block that grows outwards: a wing lies flat, a fin on top stands along, a back across."""

    def form(at, on, body, d):
        s = _size_on(on, body)
        sideways = abs(at.out[1]) > 0.6
        thin = UP if sideways or (abs(at.out[0]) > 0.6 and d.random() < 0.5) else np.array([0.0, 1.0, 0.0])
        if thin_ahead or (abs(at.out[1]) > 0.2 and not sideways):
            thin = np.array([1.0, 0.0, 0.0])
        half = s * np.array([d.uniform(*width), d.uniform(0.04, 0.12), d.uniform(*length)])
        return _grown(
            at, half, thin=thin, square=(d.uniform(3, 8), d.uniform(2, 8)), taper=d.uniform(-0.6, 0.2)
        )

    return form


def _loop(at, on, body, d):
    """A bent rod with both ends in what it is on: the handle of a cup."""
    s = _size_on(on, body)
    axes = _axes(at.out, np.array([0.0, 1.0, 0.0]) if abs(at.out[1]) < 0.7 else np.array([1.0, 0.0, 0.0]))
    wide, deep = s * d.uniform(0.4, 0.8), s * d.uniform(0.4, 0.9)
    turn, full = np.linspace(0, np.pi, 15), d.uniform(0.5, 1)
    power = lambda x: np.sign(x) * abs(x) ** full
    line = (
        at.point
        + (power(np.sin(turn)) * deep - 0.12 * s)[:, None] * at.out
        + (np.cos(turn) * wide)[:, None] * axes[:, 0]
    )
    return [Rod(line, np.full(15, s * d.uniform(0.05, 0.16)), d.uniform(0.4, 1), axes[:, 1])]


def _ring(at, on, body, d):
    s = _size_on(on, body)
    radius, thick = s * d.uniform(0.2, 0.5), s * d.uniform(0.04, 0.12)
    axes = _axes(at.out, UP if d.random() < 0.5 else None)
    turn = np.linspace(-np.pi / 2, 1.5 * np.pi, 21)
    line = at.point + radius * ((1 + np.sin(turn))[:, None] * at.out + np.cos(turn)[:, None] * axes[:, 0])
    return [Rod(line, np.full(21, thick), 1.0, axes[:, 1])]


def _bow(high: Range, thick: Range, flat: Range):
    """A rod from one side over the top to the other."""

    def form(at, on, body, d):
        half, s = extent(on), _size_on(on, body)
        axis = 0 if half[0] > 1.5 * half[1] else 1
        top = max(on.mesh()[0][:, 2].max(), at.point[2] - 0.1 * s)
        foot = top - 0.2 * half[2]
        wide = half[axis] * d.uniform(0.6, 0.95)
        turn = np.linspace(0, np.pi, 17)
        line = np.zeros((17, 3))
        line[:, axis] = np.cos(turn) * wide
        line[:, 2] = foot + np.sin(turn) ** d.uniform(0.4, 1) * (s * d.uniform(*high) + top - foot)
        across = np.zeros(3)
        across[2] = 1.0
        return [Rod(line, np.full(17, s * d.uniform(*thick)), d.uniform(*flat), across)]

    return form


def _spout(at, on, body, d):
    s = _size_on(on, body)
    long, r, t = s * d.uniform(0.8, 1.8), s * d.uniform(0.1, 0.2), np.linspace(0, 1, 9)[:, None]
    rise = UP * d.uniform(0.3, 1.0) if abs(at.out[2]) < 0.7 else np.array([1.0, 0, 0]) * d.uniform(0, 0.5)
    line = at.point + long * ((t - 0.08) * at.out + t**1.5 * rise)
    return [Rod(line, r * (1 - 0.5 * t[:, 0]))]


def _crank(at, on, body, d):
    """Out, aside, and out again."""
    s = _size_on(on, body)
    r, aside = s * d.uniform(0.05, 0.12), _axes(at.out)[:, 0]
    a, b, c = s * d.uniform(0.2, 0.5), s * d.uniform(0.5, 1.2), s * d.uniform(0.3, 0.7)
    corners = np.array([-0.1 * a * at.out, a * at.out, a * at.out + b * aside, (a + c) * at.out + b * aside])
    t = np.linspace(0, 3, 16)
    line = at.point + np.stack([np.interp(t, range(4), corners[:, k]) for k in range(3)], -1)
    return [Rod(line, np.full(16, r))]


def _blades(at, on, body, d):
    s, many = _size_on(on, body), int(d.integers(2, 5))
    axes, long, wide = _axes(at.out), s * d.uniform(0.6, 1.3), s * d.uniform(0.08, 0.2)
    found: list[Solid] = []
    for k in range(many):
        turn = d.uniform(0, 0.1) + 2 * np.pi * k / many
        out = math.cos(turn) * axes[:, 0] + math.sin(turn) * axes[:, 1]
        tip = Anchor(at.point + at.out * 0.1 * s, out)
        found += _grown(tip, (wide, 0.05 * s, long / 2), thin=at.out, square=(4.0, 4.0))
    return found


def _bar_across(at, on, body, d):
    s, axes = _size_on(on, body), _axes(at.out)
    long, r = s * d.uniform(0.4, 1.1), s * d.uniform(0.08, 0.18)
    line = at.point + np.linspace(-long, long, 5)[:, None] * axes[:, 1] + 0.5 * r * at.out
    return [Rod(line, np.full(5, r))]


def _strip(at, on, body, d):
    """A band that grows outwards and bends away from the front."""
    s = _size_on(on, body)
    long, wide, curl = s * d.uniform(1.2, 3.5), s * d.uniform(0.3, 0.7), d.uniform(0, 2.2)
    back = np.array([-1.0, 0.0, 0.0]) if abs(at.out[0]) < 0.7 else -UP
    turn = np.linspace(0, max(curl, 1e-2), 15)[:, None]
    line = at.point + long * (np.sin(turn) * at.out + (1 - np.cos(turn)) * back) / turn[-1]
    line = line - 0.1 * s * at.out
    return [Rod(line, np.full(15, wide), d.uniform(0.08, 0.25), back)]


FORMS: dict[str, Callable[..., Sequence[Solid]]] = {
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
    "column": _straight((0.5, 1.3), (0.12, 0.25), (0.7, 1.2), 0.05),
    "rod": _straight((0.8, 2.4), (0.03, 0.09), (0.4, 1.1), 0.12),
    "stick": _straight((1.5, 4.0), (0.1, 0.28), (0.6, 1.3), 0.06, 0.5),
    "long-cone": _straight((2.0, 5.0), (0.08, 0.2), (0.1, 0.7)),
    "jaw": _straight((0.7, 2.0), (0.15, 0.35), (0.3, 0.9), 0.1, 0.4),
    "plate": _plate((0.3, 0.9), (0.2, 0.6)),
    "wing": _plate((0.6, 1.8), (0.2, 0.5)),
    "long-plate": _plate((1.2, 3.0), (0.12, 0.35)),
    "tall-plate": _plate((0.6, 1.3), (0.5, 1.0), thin_ahead=True),
    "bow": _bow((0.4, 1.2), (0.04, 0.14), (0.4, 1.0)),
    "long-bow": _bow((1.0, 2.5), (0.05, 0.15), (0.15, 0.4)),
}  # fmt: skip
"""Forms by their names in the table of words."""
