"""Tables on the terminal; plain text where the output is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

LABELS = {
    "iv_cm3": ("volume of hand in object", "cm³", 2),
    "pd_mm": ("deepest point of the hand", "mm", 2),
    "fingers_in_contact": ("fingers that touch", "", 1),
    "bones_through": ("bones through the surface", "", 2),
    "moved_mm": ("keypoints moved", "mm", 2),
    "tissue_p99_mm": ("soft tissue gives way, p99", "mm", 2),
    "tissue_max_mm": ("soft tissue gives way, most", "mm", 2),
    "flipped_faces": ("faces flipped", "", 1),
    "limit_violation_deg": ("beyond joint limits", "°", 2),
}
BRIEF = ("iv_cm3", "pd_mm", "fingers_in_contact", "bones_through", "moved_mm")
BETTER_HIGHER = ("fingers_in_contact",)
NO_CHANGE_MEANT = ("moved_mm", "tissue_p99_mm", "tissue_max_mm")


def console() -> Console:
    """Standard output; wide enough for our tables where it is no terminal."""
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            """Leave it to `main`, where rich would end the process with an error."""
            raise BrokenPipeError

    return Piped(highlight=False, width=None if sys.stdout.isatty() else 110)


def number(value: float | None, metric: str) -> str:
    """A figure as tables show it."""
    if value is None:
        return "–"
    text = f"{value:.{LABELS[metric][2]}f}"
    return text.removesuffix(".0") if LABELS[metric][2] == 1 else text


def before_after_table(before: dict[str, Any], after: dict[str, Any]) -> Table:
    """One row a metric; green where it became better, red where worse."""
    table = _table(("", "before", "after", ""))
    for metric, (label, unit, _) in LABELS.items():
        old, new = before.get(metric), after.get(metric)
        shown = number(new, metric)
        table.add_row(label, number(old, metric), f"[{_colour(metric, old, new)}]{shown}[/]", unit)
    return table


def scenes_table(rows: Sequence[tuple[str, dict[str, Any], dict[str, Any]]]) -> Table:
    """One row a scene, (name, before, after), with the figures that matter most."""
    from rich.markup import escape

    table = _table(("scene", *BRIEF))
    for name, before, after in rows:
        cells = []
        for metric in BRIEF:
            old, new = before.get(metric), after.get(metric)
            change = f"{number(old, metric)} → [{_colour(metric, old, new)}]{number(new, metric)}[/]"
            cells.append(change)
        table.add_row(escape(name), *cells)
    return table


def scores_table(aggregate: dict[str, dict[str, Any]]) -> Table:
    """One row a metric: mean, interval, count, failures."""
    table = _table(("", "mean", "95 % interval", "n", "failed", ""))
    for metric, (label, unit, _) in LABELS.items():
        entry = aggregate[metric]
        low, high = entry["ci"]
        interval = "–" if low is None else f"{number(low, metric)} to {number(high, metric)}"
        table.add_row(
            label, number(entry["mean"], metric), interval, str(entry["n"]), str(entry["failed"]), unit
        )
    return table


def plain_table(rows: Sequence[Sequence[str]], *, heads: Sequence[str]) -> Table:
    """Text cells, left-aligned and shown as they are."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(*heads, box=None, pad_edge=False, show_header=any(heads))
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _table(heads: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for k, head in enumerate(heads):
        table.add_column(head, justify="right" if k and head else "left", overflow="fold")
    return table


def _colour(metric: str, old: float | None, new: float | None) -> str:
    if old is None or new is None or metric in NO_CHANGE_MEANT or abs(new - old) < 0.005:
        return "default"
    return "green" if (new > old) == (metric in BETTER_HIGHER) else "red"
