"""Places on the ground for many things at once."""

from __future__ import annotations

import numpy as np


def grid_places(sizes: np.ndarray, *, columns: int, gap: float) -> np.ndarray:
    """Middles of things in rows, the first row farthest along +y; every column and row as wide as its widest.

    Args:
        sizes: (n, 2) extents along x and y [m].
        columns: things a row.
        gap: air between neighbours [m].

    Returns:
        (n, 2) around the origin [m].
    """
    sizes = np.asarray(sizes, float).reshape(-1, 2)
    count = len(sizes)
    column, row = np.arange(count) % columns, np.arange(count) // columns
    middles = np.zeros((count, 2))
    for axis, line in ((0, column), (1, row)):
        widths = np.zeros(line.max(initial=0) + 1)
        np.maximum.at(widths, line, sizes[:, axis])
        ends = np.cumsum(widths + gap)
        middles[:, axis] = (ends - (widths + gap) / 2 - ends[-1] / 2)[line]
    return middles * (1.0, -1.0)
