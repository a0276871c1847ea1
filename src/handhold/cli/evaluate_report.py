"""What `handhold evaluate` says: the report, its files, the table."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handhold.batch.loading import Failure
from handhold.cli.output import REPORT_FORMAT, all_or_none, check_ours
from handhold.cli.panels import figures_of, panel_of_pair
from handhold.cli.tables import console, scores_table
from handhold.errors import HandholdError, InputError
from handhold.evaluate import METRICS, Protocol, Score, aggregate, provenance, write_csv
from handhold.evaluate.report.latex import latex_table
from handhold.evaluate.report.page import Picture, html_page
from handhold.interaction.hand_object import HandObject
from handhold.io import write_json
from handhold.io.document import read_document
from handhold.io.files import writing

REPORT = "report.json"
FILES = ("grasps.csv", "table.tex", "report.html", REPORT)
WORST = 3
"""So many of the worst grasps are drawn."""
FEW = 12
"""At most so many notes are printed."""


def make_report(
    scores: Sequence[Score],
    of_set: dict[str, Any],
    failures: Sequence[Failure],
    *,
    notes: Sequence[str],
    pairs: Sequence[HandObject],
    protocols: Sequence[Protocol],
    seed: int,
) -> dict[str, Any]:
    """The report's JSON.

    Args:
        scores: one for each grasp.
        of_set: entries of the metrics that read all grasps together.
        failures: files that could not be read, and grasps without their reference.
        notes: what concerns the whole run.
        pairs: the grasps.
        protocols: what was measured.
        seed: the seed.
    """
    hands = {("unknown", "") if p.hand is None else (p.hand.name, p.hand.version) for p in pairs}
    return {
        "format": REPORT_FORMAT,
        "command": "evaluate",
        "aggregate": _in_order(aggregate(scores, seed=seed) | of_set),
        "grasps": [score.as_dict() for score in scores],
        "failures": [{"name": f.name, "path": f.path, "error": f.error} for f in failures],
        "notes": list(notes),
        "provenance": provenance(
            hands=hands,
            seed=seed,
            protocol=[p.name for p in protocols],
            definitions={p.name: p.source for p in protocols},
        ),
    }


def check_folder(folder: Path) -> None:
    """Prove early that the folder's report may be written: none of its files is there, or an earlier one's are.

    Raises:
        InputError: a file is there that no `handhold evaluate` wrote.
    """
    path = folder / REPORT
    if check_ours(path).exists() and read_document(path).get("command") == "evaluate":
        return
    for name in FILES:
        if os.path.lexists(folder / name):
            raise InputError(
                "is there and was not written by handhold evaluate",
                where=folder / name,
                remedy="Choose another --out, or move it.",
            )


def write_report(
    report: dict[str, Any],
    scores: Sequence[Score],
    pairs: Sequence[HandObject],
    *,
    out: Path | None,
    json: Path | None,
    pictures: bool,
) -> None:
    """The files: report.json, report.html, grasps.csv and table.tex in a folder, and a copy of the first.

    Raises:
        InputError: a file cannot be written.
    """
    if out is not None:
        drawn = draw(scores, pairs) if pictures else []
        texts = {"table.tex": latex_table(report), "report.html": html_page(report, pictures=drawn)}
        with all_or_none() as note:
            write_csv(scores, note(out / "grasps.csv"))
            for name, text in texts.items():
                with writing(note(out / name)) as draft:
                    draft.write_text(text, encoding="utf-8")
            write_json(report, note(out / REPORT))
    if json is not None:
        write_json(report, json)


def draw(scores: Sequence[Score], pairs: Sequence[HandObject]) -> list[Picture]:
    """The worst grasps and the median one, by the first metric of which more is worse; none without OpenGL."""
    from handhold.view.figures import portrait_png

    order, name = ranked(scores)
    median = [order[len(order) // 2]] if len(order) > WORST else []
    drawn = []
    try:
        for place, k in enumerate((*order[:WORST], *median)):
            rank = "median" if place >= WORST else ("worst", "second worst", "third worst")[place]
            values = scores[k].values
            caption = "" if len(order) == 1 else f"{rank} by {METRICS[name].label}"
            panel = panel_of_pair(pairs[k], figures=figures_of(values))
            drawn.append(Picture(name=scores[k].name, caption=caption, png=portrait_png(panel)))
    except HandholdError:  # this machine has no OpenGL: the page does without pictures
        return []
    return drawn


def ranked(scores: Sequence[Score]) -> tuple[list[int], str]:
    """Grasps from the worst on, by the first metric that has a sense and tells them apart; and its name."""
    for name, told in METRICS.items():
        values = {k: v for k, s in enumerate(scores) if (v := s.values.get(name)) is not None}
        if told.higher_is_better is not None and len(set(values.values())) > 1:
            sign = 1 if told.higher_is_better else -1
            return sorted(values, key=lambda k: (sign * values[k], k)), name
    return list(range(len(scores))), next(iter(METRICS))


def print_report(report: dict[str, Any], out: Path | None) -> None:
    """The table, the causes of failures, the notes, and where the files are."""
    screen, grasps = console(), report["grasps"]
    title = grasps[0]["name"] if len(grasps) == 1 else f"{len(grasps)} grasps"
    screen.print(f"{title}\n", markup=False)
    screen.print(scores_table(report))
    notes = [*report["notes"], *_causes(report["aggregate"])]
    notes += [f"{name}: {note}" for name, note in _grasps_notes(grasps)]
    for note in notes[:FEW]:
        screen.print(f"note: {note}", markup=False)
    if len(notes) > FEW:
        screen.print(f"note: {len(notes) - FEW} more in the report (--out, --json)")
    if out is not None:
        screen.print(f"\nreport: {out / 'report.html'}", markup=False, soft_wrap=True)


def _causes(table: dict[str, Any]) -> list[str]:
    """Causes of failures, and what failed by them."""
    metrics: dict[str, list[str]] = {}
    counts: Counter[str] = Counter()
    for name, entry in table.items():
        for cause, count in entry.get("causes", {}).items():
            metrics.setdefault(cause, []).append(name)
            counts[cause] = max(counts[cause], count)
    return [f"{', '.join(names)}: {cause} ({counts[cause]})" for cause, names in metrics.items()]


def _grasps_notes(grasps: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Each note once, with the first grasp that has it, or how many do."""
    owners: dict[str, list[str]] = {}
    for grasp in grasps:
        for note in grasp.get("notes", ()):
            owners.setdefault(note, []).append(grasp["name"])
    return [(names[0] if len(names) == 1 else f"{len(names)} grasps", note) for note, names in owners.items()]


def _in_order(table: dict[str, Any]) -> dict[str, Any]:
    return {name: table[name] for name in METRICS if name in table}
