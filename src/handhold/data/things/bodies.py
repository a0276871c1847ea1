"""Bodies of things: what all else sits on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from handhold.data.things.shapes import Block, Rod, Solid

Draw = np.random.Generator
Range = tuple[float, float]
FACING = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
"""Axes of a block whose third is the thing's x."""


def _block(half: Sequence[float] | np.ndarray, **how: Any) -> Block:
    return Block(np.zeros(3), np.array(half), **how)


def _lying(draw: Draw) -> Solid:
    return _block(
        (draw.uniform(1, 2.5), draw.uniform(0.6, 1), draw.uniform(0.6, 1)), square=rounding(draw, 2, 6)
    )


def _lying_box(draw: Draw) -> Solid:
    return _block(
        (draw.uniform(1, 2), draw.uniform(0.5, 1), draw.uniform(0.4, 0.9)), square=rounding(draw, 5, 10)
    )


def _upright(draw: Draw) -> Solid:
    wide = draw.uniform(0.5, 1)
    return _block(
        (wide, wide * draw.uniform(0.6, 1), draw.uniform(0.9, 2.2)),
        square=rounding(draw, 2, 10),
        taper=draw.uniform(-0.4, 0.2),
    )


def _upright_box(draw: Draw) -> Solid:
    return _block(
        (draw.uniform(0.3, 0.9), draw.uniform(0.6, 1.3), draw.uniform(0.8, 1.8)),
        square=rounding(draw, 5, 10),
    )


def _facing(draw: Draw) -> Solid:
    """A disc or flat block that faces ahead."""
    return _block(
        (draw.uniform(0.7, 1.1), draw.uniform(0.7, 1.1), draw.uniform(0.15, 0.6)),
        axes=FACING,
        square=(draw.choice([2.0, 2.0, 6.0]), 8.0),
    )


def _hub(draw: Draw) -> Solid:
    return _block(draw.uniform(0.25, 0.5, 3), square=rounding(draw, 2, 6))


def _flat(draw: Draw) -> Solid:
    return _block(
        (draw.uniform(0.7, 1.2), draw.uniform(0.6, 1.2), draw.uniform(0.08, 0.3)),
        square=(draw.choice([2.0, 8.0]), 8.0),
    )


def _sheet(draw: Draw) -> Solid:
    return _block(
        (draw.uniform(0.6, 1.2), draw.uniform(0.4, 0.9), draw.uniform(0.04, 0.2)),
        square=(draw.choice([2.0, 3.0, 8.0]), 8.0),
    )


def _vessel(draw: Draw) -> Solid:
    wide = draw.uniform(0.7, 1.2)
    return _block(
        (wide, wide * draw.uniform(0.6, 1), draw.uniform(0.6, 1.4)),
        square=(draw.choice([2.0, 2.0, 6.0]), draw.uniform(3, 8)),
        taper=draw.uniform(-0.1, 0.4),
        open=bool(draw.random() < 0.8),
    )


def _dish(draw: Draw) -> Solid:
    wide = draw.uniform(0.7, 1.2)
    return _block(
        (wide, wide * draw.uniform(0.6, 1), wide * draw.uniform(0.12, 0.45)),
        square=(draw.choice([2.0, 2.0, 6.0]), draw.uniform(2, 6)),
        taper=draw.uniform(0, 0.5),
        open=True,
    )


def _tube(draw: Draw) -> Solid:
    wide = draw.uniform(0.1, 0.3)
    return _block(
        (wide, wide * draw.uniform(0.7, 1), draw.uniform(0.8, 2.2)),
        axes=FACING,
        square=(draw.choice([2.0, 2.0, 4.0]), 8.0),
        taper=draw.uniform(-0.2, 0.2),
    )


def _grip(draw: Draw) -> Solid:
    wide = draw.uniform(0.1, 0.2)
    return _block(
        (wide, wide * draw.uniform(0.6, 1), draw.uniform(0.4, 0.9)),
        axes=FACING,
        square=rounding(draw, 2, 6),
    )


def _bar(draw: Draw) -> Solid:
    return _block(
        (draw.uniform(0.2, 0.4), draw.uniform(0.4, 1.1), draw.uniform(0.2, 0.4)),
        square=rounding(draw, 2, 8),
    )


def _dome(draw: Draw) -> Solid:
    wide = draw.uniform(0.7, 1.1)
    return _block(
        (wide, wide, draw.uniform(0.5, 1)),
        square=(2.0, draw.uniform(2.5, 5)),
        taper=draw.uniform(-0.6, -0.3),
    )


def _dropped(draw: Draw) -> Solid:
    wide = draw.uniform(0.7, 1)
    return _block(
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


def rounding(draw: Draw, low: float, high: float) -> Range:
    """Powers of a block, across and along: `Block.square`."""
    return draw.uniform(low, high), draw.uniform(low, high)


_PLAIN = ("lying", "lying box", "upright", "upright box", "tube", "flat", "facing", "dropped")
BODIES: dict[str, Callable[[Draw], Solid]] = {
    "lying": _lying, "lying box": _lying_box, "upright": _upright, "upright box": _upright_box, "facing": _facing,
    "hub": _hub, "flat": _flat, "sheet": _sheet, "vessel": _vessel, "dish": _dish, "tube": _tube,
    "grip": _grip, "bar": _bar, "dome": _dome, "dropped": _dropped, "arch": _arch, "any": _any,
}  # fmt: skip
"""Bodies by their names in the table of words; each is about the origin, some 1 in half size."""
