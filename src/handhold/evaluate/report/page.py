"""A report as one HTML file that needs nothing else: tables, histograms, pictures.

Every table is plain HTML; the script only sorts, filters and enlarges. A content security policy lets the page
load nothing and run no script but its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from handhold.evaluate.registry import PROTOCOLS, Metric
from handhold.evaluate.report.histogram import histogram_svg
from handhold.evaluate.report.page_grasps import grasp_table
from handhold.evaluate.report.summary import (
    MISSING,
    NO_CAUSE,
    SummaryRow,
    known,
    number,
    plain,
    provenance_items,
    summary_rows,
)

STYLE, SCRIPT = Path(__file__).with_name("page.css"), Path(__file__).with_name("page.js")
ARROWS = {
    True: ' <span class="quiet" title="higher is better">↑</span>',
    False: ' <span class="quiet" title="lower is better">↓</span>',
    None: "",
}
NAMED = 10
"""How many grasps a failure names; the table of all grasps has the others."""


@dataclass(frozen=True)
class Picture:
    """A picture of a grasp.

    Attributes:
        name: the grasp's name, as in the report.
        caption: why it is shown ("worst pd_mm: 14.2 mm").
        png: the file's bytes.
    """

    name: str
    caption: str
    png: bytes


def html_page(report: Mapping[str, Any], *, pictures: Sequence[Picture] = ()) -> str:
    """Write a report as a self-contained HTML page.

    Args:
        report: what `handhold evaluate` writes as report.json.
        pictures: of some of its grasps, in the order to be shown.

    Returns:
        The file's text. Names, causes and notes are escaped: none of them can become markup.

    Raises:
        InputError: the report has a metric that is not in the registry.
    """
    rows, grasps = summary_rows(report), report["grasps"]
    script = SCRIPT.read_text(encoding="utf-8")
    title = escape(f"{_count(grasps)} scored")
    sections = (
        _section("Summary", _summary(rows, grasps)),
        _section("Pictures", _pictures(pictures, [g["name"] for g in grasps])),
        _section("Failures", _failures(report, rows)),
        _section("All grasps", grasp_table(grasps, rows)),
        _section("What the figures mean", _sources(rows)),
        _section("Notes", _list(map(plain, report.get("notes", [])))),
        _section("Where the figures come from", _provenance(report)),
    )
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title} – handhold</title>",
            f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>",
            f'<header>\n<h1>{title}</h1>\n<p class="lede">{escape(_lede(report, rows))}</p>\n</header>\n<main>',
            *filter(None, sections),
            f"</main>\n<script>{script}</script>\n</body>\n</html>\n",
        )
    )


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n{content}\n</section>" if content else ""


def _list(items: Iterable[str]) -> str:
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else ""


def _plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _count(grasps: Sequence[Mapping[str, Any]]) -> str:
    moving = sum(g.get("frames", 1) > 1 for g in grasps)
    still = len(grasps) - moving
    words = [_plural(still, "grasp")] if still or not moving else []
    return " and ".join([*words, _plural(moving, "motion")] if moving else words)


def _lede(report: Mapping[str, Any], rows: Sequence[SummaryRow]) -> str:
    unread, missing = len(report.get("failures", [])), sum(row.failed for row in rows)
    said = [f"{_plural(len(rows), 'metric')}, each a mean with its 95 % bootstrap interval."]
    if unread:
        said.append(f"{_plural(unread, 'input')} could not be scored.")
    if missing:
        said.append(
            f"{_plural(missing, 'figure')} could not be had; a failure is counted and enters no mean."
        )
    return " ".join(said)


def _summary(rows: Sequence[SummaryRow], grasps: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    heads = "".join(
        f'<th scope="col"{klass}>{head}</th>'
        for head, klass in (
            ("metric", ""),
            ("mean", ' class="figure"'),
            ("95 % interval", ' class="figure"'),
            ("n", ' class="figure"'),
            ("failed", ' class="figure"'),
            ("grasps", ""),
        )
    )
    lines = [f'<div class="scroll"><table class="summary">\n<thead><tr>{heads}</tr></thead>']
    for family, members in groupby(rows, key=lambda row: row.family):
        lines.append(
            f'<tbody>\n<tr class="family"><th scope="rowgroup" colspan="6">{escape(family)}</th></tr>'
        )
        lines += [_summary_row(row, grasps) for row in members]
        lines.append("</tbody>")
    return "\n".join([*lines, "</table></div>"])


def _summary_row(row: SummaryRow, grasps: Sequence[Mapping[str, Any]]) -> str:
    of = row.metric
    values = np.array([v for g in grasps if (v := known(g.get(of.name))) is not None])
    unit = f'<span class="unit">{escape(of.unit)}</span>'
    no_interval = row.low is None or row.high is None
    interval = MISSING if no_interval else f"{number(row.low, of)} to {number(row.high, of)}"
    return (
        f'<tr><th scope="row">{escape(of.label)}{ARROWS[of.higher_is_better]}'
        f'<span class="key">{escape(of.name)}</span></th>'
        f'<td class="figure mean">{number(row.mean, of)}{unit}</td><td class="figure">{interval}</td>'
        f'<td class="figure">{row.n}</td><td class="figure">{_failed(row)}</td>'
        f"<td>{histogram_svg(values, of, mean=row.mean)}</td></tr>"
    )


def _failed(row: SummaryRow) -> str:
    if not row.failed:
        return "0"
    causes = _complete(row)
    said = [f"{count} × {plain(cause)}" for cause, count in causes.items()]
    return (
        f'<details title="{escape(chr(10).join(said))}"><summary class="failed">{row.failed}</summary>'
        f"{_list(said)}</details>"
    )


def _complete(row: SummaryRow) -> dict[str, int]:
    """A metric's causes, those that nobody named with them."""
    unknown = row.failed - sum(row.causes.values())
    return row.causes | ({NO_CAUSE: unknown} if unknown > 0 else {})


def _pictures(pictures: Sequence[Picture], names: Sequence[str]) -> str:
    rows = {name: k for k, name in reversed(list(enumerate(names)))}
    figures = []
    for picture in pictures:
        name, caption = escape(picture.name), escape(picture.caption)
        if picture.name in rows:
            name = f'<a href="#grasp-{rows[picture.name]}">{name}</a>'
        data = base64.b64encode(picture.png).decode("ascii")
        figures.append(
            f'<figure><button type="button" aria-expanded="false" title="larger or smaller">'
            f'<img alt="{escape(picture.name)}: {caption}" src="data:image/png;base64,{data}"></button>'
            f"<figcaption>{name}<br>{caption}</figcaption></figure>"
        )
    return '<div class="pictures">\n' + "\n".join(figures) + "\n</div>" if figures else ""


def _failures(report: Mapping[str, Any], rows: Sequence[SummaryRow]) -> str:
    """Inputs by what was wrong with them, then figures by what they lacked."""
    files: dict[str, list[str]] = {}
    for failure in report.get("failures", []):
        path = str(failure["path"])
        # The message names the path, without which the same mistake in many files reads the same.
        error = plain(str(failure["error"]).removeprefix(f"{path}: "))
        files.setdefault(error, []).append(path)
    figures: dict[str, Counter[str]] = {}
    for row in rows:
        for cause, count in _complete(row).items():
            figures.setdefault(plain(cause), Counter())[row.metric.name] += count
    items = [_failure(error, _plural(len(paths), "input"), paths) for error, paths in files.items()]
    for cause, counts in sorted(figures.items(), key=lambda item: -item[1].total()):
        lacking = [f"{name}: {count}" for name, count in counts.items()]
        items.append(_failure(cause, _plural(counts.total(), "figure"), lacking))
    return f'<ul class="failures">{"".join(items)}</ul>' if items else ""


def _failure(cause: str, count: str, named: Sequence[str]) -> str:
    more = [f"and {len(named) - NAMED} more"] if len(named) > NAMED else []
    return (
        f'<li><details><summary><span class="failed">{count}</span> · {escape(cause)}</summary>'
        f"{_list([*named[:NAMED], *more])}</details></li>"
    )


def _sources(rows: Sequence[SummaryRow]) -> str:
    shown = {row.metric.name for row in rows}
    lines = []
    for protocol in PROTOCOLS:
        metrics = [m for m in protocol.metrics if m.name in shown]
        if metrics:
            flags = [
                said
                for said, holds in (
                    ("compares with a reference", protocol.reference),
                    ("simulated", protocol.physics),
                    ("changes when the whole scene is moved", protocol.frame_dependent),
                )
                if holds
            ]
            remark = f'<br><span class="quiet">{"; ".join(flags)}</span>' if flags else ""
            lines.append(
                f'<tr><th scope="row">{escape(protocol.name)}</th><td>{escape(protocol.source)}{remark}</td>'
                f"<td>{_keys(metrics)}</td></tr>"
            )
    if not lines:
        return ""
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("protocol", "definition", "metrics"))
    return (
        f'<div class="scroll"><table class="sources"><thead><tr>{heads}</tr></thead>\n<tbody>'
        + "\n".join(lines)
        + "</tbody></table></div>"
    )


def _keys(metrics: Sequence[Metric]) -> str:
    return "".join(f'<span class="key">{escape(m.name)}</span>' for m in metrics)


def _provenance(report: Mapping[str, Any]) -> str:
    items = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in provenance_items(report))
    return f'<dl class="provenance">{items}</dl>' if items else ""
