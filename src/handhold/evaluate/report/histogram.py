"""Histograms of a metric's values as inline SVG."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np

from handhold.evaluate.registry import Metric
from handhold.evaluate.report.summary import number

BINS = 20
WIDTH, HEIGHT, BASE = 168.0, 46.0, 33.0
"""Size of the drawing, and the height of the line that the bars stand on."""


@dataclass(frozen=True)
class Histogram:
    """Counts of values in bins side by side.

    Attributes:
        edges: (bins + 1,) ascending; the last bin holds its right edge, the others do not.
        counts: (bins,).
    """

    edges: np.ndarray
    counts: np.ndarray


def histogram(values: np.ndarray) -> Histogram:
    """Count values: in 20 bins from the least to the greatest, or whole numbers one by one if they span few.

    Args:
        values: (n,) finite, n > 0. If all are the same (to 1e-9 of their size) there is one bin, with that value
            in its middle.
    """
    values = np.asarray(values, float)
    low, high = values.min(), values.max()
    size = max(abs(low), abs(high))
    if high - low <= 1e-9 * size:
        middle, half = (low + high) / 2, size or 1.0
        return Histogram(np.array([middle - half, middle + half]), np.array([len(values)]))
    if high - low < BINS and (values == np.round(values)).all():
        edges = np.arange(low - 0.5, high + 1.0)
    else:
        edges = np.linspace(low, high, BINS + 1)
    return Histogram(edges, np.histogram(values, edges)[0])


def histogram_svg(values: np.ndarray, of: Metric, *, mean: float | None = None) -> str:
    """Draw a histogram with the mean marked and the least and greatest value written below.

    Colours come from the page: classes `bar`, `mean`, `base`.

    Args:
        values: (n,) finite.
        of: their metric.
        mean: where the mark stands; None for none.

    Returns:
        An `<svg>` element; "" for no values.
    """
    if not len(values):
        return ""
    counted = histogram(values)
    ascending = np.sort(values)
    ends = [number(end, of) for end in ascending[[0, -1]]]
    said = f"{len(values)} values from {ends[0]} to {ends[1]}"
    parts = [
        f'<svg class="histogram" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
        f'aria-label="{escape(said)}, mean {number(mean, of)}" data-n="{len(values)}">',
        *_bars(counted, ascending, of),
        f'<line class="base" x1="0" y1="{BASE:g}" x2="{WIDTH:g}" y2="{BASE:g}"/>',
    ]
    low, high = float(counted.edges[0]), float(counted.edges[-1])
    if mean is not None and low <= mean <= high:
        x = (mean - low) / (high - low) * WIDTH
        parts.append(f'<line class="mean" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{BASE + 3:g}"/>')
    parts += _labels(ends)
    return "".join([*parts, "</svg>"])


def _bars(counted: Histogram, ascending: np.ndarray, of: Metric) -> list[str]:
    within = np.split(ascending, np.cumsum(counted.counts)[:-1])
    step = WIDTH / len(counted.counts)
    wide = min(step - 1, WIDTH / BINS * 1.5)  # few bins: slim bars in their middles, not blocks
    bars = []
    for k, count in enumerate(counted.counts):
        if count:
            tall = max(1.5, (BASE - 4) * count / counted.counts.max())
            ends = dict.fromkeys(number(end, of) for end in within[k][[0, -1]])
            inside = f"{' to '.join(ends)}: {count}"
            bars.append(
                f'<rect class="bar" data-count="{count}" x="{k * step + (step - wide) / 2:.1f}" '
                f'y="{BASE - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}">'
                f"<title>{escape(inside)}</title></rect>"
            )
    return bars


def _labels(ends: list[str]) -> list[str]:
    if ends[0] == ends[1]:
        return [f'<text x="{WIDTH / 2:g}" y="{HEIGHT - 2:g}" text-anchor="middle">{ends[0]}</text>']
    return [
        f'<text x="0" y="{HEIGHT - 2:g}">{ends[0]}</text>',
        f'<text x="{WIDTH:g}" y="{HEIGHT - 2:g}" text-anchor="end">{ends[1]}</text>',
    ]
