"""The page's table of all grasps: one row each, sortable by the page's script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from handhold.evaluate.registry import Metric
from handhold.evaluate.report.summary import MISSING, NO_CAUSE, SummaryRow, known, number, plain

TOOLS = (
    '<div class="tools" hidden><input id="filter" type="search" placeholder="filter by name" '
    'aria-label="filter by name"><span class="quiet">A click on a heading sorts.</span>'
    '<output id="shown" for="filter" class="quiet"></output>'
    '<button type="button" id="all" hidden>show all</button></div>\n'
)


def grasp_table(grasps: Sequence[Mapping[str, Any]], rows: Sequence[SummaryRow]) -> str:
    """The table with its filter.

    Args:
        grasps: the report's.
        rows: the summary's, which give the columns; figures of a whole set are no column.

    Returns:
        HTML; row k has the id `grasp-k`. A figure's cell has the full value in `data-value`; one that is missing
        has a dash, and its cause in `title`.
    """
    if not grasps:
        return ""
    columns = [row for row in rows if any(row.metric.name in grasp for grasp in grasps)]
    frames = any(grasp.get("frames", 1) != 1 for grasp in grasps)
    notes = any(grasp.get("notes") for grasp in grasps)
    body = "\n".join(
        _row(k, grasp, [row.metric for row in columns], frames=frames, notes=notes)
        for k, grasp in enumerate(grasps)
    )
    return (
        f'{TOOLS}<div class="scroll all" tabindex="0" role="region" aria-label="all grasps">'
        f'<table class="grasps" id="grasps">\n<thead>{_heads(columns, frames=frames, notes=notes)}</thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _heads(columns: Sequence[SummaryRow], *, frames: bool, notes: bool) -> str:
    families = ['<th class="name"></th>', *(["<th></th>"] if frames else [])]
    cells = [_head("grasp", "text", klass="name")]
    cells += [_head("frames", "number", klass="figure")] if frames else []
    for family, members in groupby(columns, key=lambda row: row.family):
        group = [row.metric for row in members]
        families.append(
            f'<th scope="colgroup" class="starts" colspan="{len(group)}"><span>{escape(family)}</span></th>'
        )
        for k, of in enumerate(group):
            klass = "figure starts" if k == 0 else "figure"
            cells.append(_head(of.label, "number", klass=klass, small=of.unit, title=of.name))
    if notes:
        families.append('<th class="starts"></th>')
        cells.append(_head("notes", "text", klass="starts"))
    return f'<tr class="families">{"".join(families)}</tr>\n<tr>{"".join(cells)}</tr>'


def _head(label: str, kind: str, *, klass: str, small: str = "", title: str = "") -> str:
    unit = f"<small>{escape(small)}</small>" if kind == "number" else ""
    tip = f' title="{escape(title)}"' if title else ""
    return (
        f'<th scope="col" class="{klass}" data-kind="{kind}" aria-sort="none"{tip}>'
        f'<button type="button">{escape(label)}{unit}</button></th>'
    )


def _row(k: int, grasp: Mapping[str, Any], metrics: Sequence[Metric], *, frames: bool, notes: bool) -> str:
    cells = [f'<tr id="grasp-{k}"><th scope="row" class="name">{escape(grasp["name"])}</th>']
    if frames:
        count = grasp.get("frames", 1)
        cells.append(f'<td class="figure" data-value="{count}">{count}</td>')
    causes = grasp.get("causes", {})
    cells += [_figure(grasp.get(of.name), of, causes) for of in metrics]
    if notes:
        cells.append(f'<td class="note">{escape(" · ".join(map(plain, grasp.get("notes", []))))}</td>')
    return "".join([*cells, "</tr>"])


def _figure(value: Any, of: Metric, causes: Mapping[str, str]) -> str:
    value = known(value)
    if value is None:
        why = escape(plain(causes.get(of.name, NO_CAUSE)))
        return f'<td class="figure missing" title="{why}">{MISSING}</td>'
    return f'<td class="figure" data-value="{value!r}">{number(value, of)}</td>'
