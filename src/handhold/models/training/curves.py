"""The curves of a training: a CSV of means, and a picture of it."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from handhold.errors import InputError
from handhold.models.training.learner import Step
from handhold.optional import require

Row = dict[str, float]

FIRST = ("step", "seconds", "learning_rate", "gradient_norm", "skipped")
TRAIN, VALIDATION = "train_", "validation_"
DECADE = 10.0  # a panel has a logarithmic axis where its values span more than this factor


class Curves:
    """Rows of figures so far, and the sums of the row to come.

    Attributes:
        rows: each has `step`, `seconds` [s], `learning_rate`, `gradient_norm` (mean before it was cut), `skipped`
            (steps), `train_NAME` for each loss and, where there was a validation, `validation_NAME`. Means and counts
            are over the steps since the row before; what there is none of is left out.
        sums: by name, sum and count since the last row.
        skipped: steps skipped since the last row.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.sums: dict[str, tuple[float, int]] = {}
        self.skipped = 0

    def add(self, step: Step) -> None:
        """Count a step into the row to come."""
        if not step.taken:
            self.skipped += 1
            return
        for name, value in {"gradient_norm": step.norm, **_named(TRAIN, step.losses)}.items():
            total, count = self.sums.get(name, (0.0, 0))
            self.sums[name] = (total + value, count + 1)

    def end_row(self, step: Step, *, seconds: float, validation: Mapping[str, float]) -> None:
        """Make a row of what was counted."""
        means = {name: total / count for name, (total, count) in self.sums.items()}
        head = {"step": step.number, "seconds": seconds, "learning_rate": step.rate, "skipped": self.skipped}
        self.rows.append({**head, **means, **_named(VALIDATION, validation)})
        self.sums, self.skipped = {}, 0

    def last(self, prefix: str) -> dict[str, float]:
        """The figures of the last row that has any with this prefix, by name without it."""
        for row in reversed(self.rows):
            found = {k.removeprefix(prefix): v for k, v in row.items() if k.startswith(prefix)}
            if found:
                return found
        return {}

    def text(self) -> str:
        """The rows as CSV; numbers come back exactly from it."""
        columns = _columns(self.rows)
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        table.writerow(columns)
        for row in self.rows:
            table.writerow([repr(row[c]) if c in row else "" for c in columns])
        return out.getvalue()

    def write(self, path: Path) -> None:
        """Write the CSV, whole or not at all.

        Raises:
            InputError: it cannot be written.
        """
        with _drafted(path) as draft:
            draft.write_text(self.text(), encoding="utf-8")


def read_rows(text: str) -> list[Row]:
    """The rows of a CSV that `Curves.text` gave."""
    whole = ("step", "skipped")
    return [
        {c: int(value) if c in whole else float(value) for c, value in row.items() if value}
        for row in csv.DictReader(io.StringIO(text))
    ]


def draw_curves(rows: list[Row], path: Path) -> None:
    """Draw a PNG with one panel for each loss and each figure of the validation; nothing where there is no row.

    Raises:
        InputError: it cannot be written.
        MissingExtra: matplotlib is not installed.
    """
    figures = require("matplotlib.figure", extra="train")
    names = list(dict.fromkeys(_bare(c) for c in _columns(rows) if c.startswith((TRAIN, VALIDATION))))
    if not names:
        return
    across = min(len(names), 4)
    down = math.ceil(len(names) / across)
    figure = figures.Figure(figsize=(3.6 * across, 2.6 * down), layout="constrained")
    for place, name in enumerate(names):
        _draw_panel(figure.add_subplot(down, across, place + 1), rows, name)
    with _drafted(path) as draft:
        figure.savefig(draft, dpi=110)


def _draw_panel(axes: Any, rows: list[Row], name: str) -> None:
    shown: list[float] = []
    for prefix, label, look in ((TRAIN, "training", "C0.-"), (VALIDATION, "validation", "C1o-")):
        values = {row["step"]: row[prefix + name] for row in rows if prefix + name in row}
        finite = {step: value for step, value in values.items() if math.isfinite(value)}
        if finite:
            axes.plot(list(finite), list(finite.values()), look, label=label, linewidth=1, markersize=3)
            shown += finite.values()
    if shown and min(shown) > 0 and max(shown) > DECADE * min(shown):
        axes.set_yscale("log")
    axes.set_title(name, fontsize=9)
    axes.set_xlabel("step", fontsize=8)
    axes.tick_params(which="both", labelsize=7)
    axes.grid(alpha=0.3)
    if shown:
        axes.legend(fontsize=7)


@contextmanager
def _drafted(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to, moved into its place at the end."""
    draft = path.with_name(f".{path.stem}.new{path.suffix}")
    try:
        yield draft
        os.replace(draft, path)
    except OSError as error:
        raise InputError("cannot write the file", where=path, got=error.strerror or error) from error
    finally:
        with suppress(OSError):
            draft.unlink()


def _columns(rows: list[Row]) -> list[str]:
    """All names in the rows: the fixed ones, then the losses, then the validation's, each by first appearance."""
    names = dict.fromkeys(name for row in rows for name in row)
    named = [[n for n in names if n.startswith(prefix)] for prefix in (TRAIN, VALIDATION)]
    return [*FIRST, *named[0], *named[1]]


def _named(prefix: str, figures: Mapping[str, float]) -> dict[str, float]:
    return {prefix + name: float(value) for name, value in figures.items() if value is not None}


def _bare(column: str) -> str:
    return column.removeprefix(TRAIN).removeprefix(VALIDATION)
