"""Tables on the terminal; plain text where the output is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from handhold.evaluate import METRICS
from handhold.evaluate.report import summary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

BRIEF = ("iv_cm3", "pd_mm", "fingers_in_contact", "bones_through", "moved_mm")
"""What a row of many scenes has room for."""


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
    text = summary.number(value, METRICS[metric])
    return text.removesuffix(".0") if METRICS[metric].digits == 1 else text


def before_after_table(before: dict[str, Any], after: dict[str, Any]) -> Table:
    """One row a metric; green where it became better, red where worse."""
    table = _table(("", "before", "after", ""))
    for metric in after:
        old, new, told = before.get(metric), after[metric], METRICS[metric]
        shown = f"[{_colour(metric, old, new)}]{number(new, metric)}[/]"
        table.add_row(told.label, number(old, metric), shown, told.unit)
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


def scores_table(report: dict[str, Any]) -> Table:
    """One row a metric: mean, interval, count, failures; families parted by a blank line."""
    table, family = _table(("", "mean", "95 % interval", "n", "failed", "")), None
    for row in summary.summary_rows(report):
        if family not in (None, row.family):
            table.add_row()
        family, name = row.family, row.metric.name
        interval = "–" if row.low is None else f"{number(row.low, name)} to {number(row.high, name)}"
        failed = f"[yellow]{row.failed}[/]" if row.failed else "0"
        mean = number(row.mean, name)
        table.add_row(row.metric.label, mean, interval, str(row.n), failed, row.metric.unit)
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
    better = METRICS[metric].higher_is_better
    if old is None or new is None or better is None or abs(new - old) < 0.005:
        return "default"
    return "green" if (new > old) == better else "red"
