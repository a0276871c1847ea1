"""A report's summary as a LaTeX table."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from handhold.evaluate.registry import Metric
from handhold.evaluate.report.summary import SummaryRow, number, provenance_items, summary_rows

ARROWS = {True: r" $\uparrow$", False: r" $\downarrow$", None: ""}
# T1 is not assumed: in OT1 a bare < prints an inverted exclamation mark.
SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': "''",
        **{c: f"\\{c}" for c in "{}$&#_%"},
        "²": "$^2$",
        "³": "$^3$",
        "°": r"$^\circ$",
        "–": "--",
        "−": "$-$",
    }
)


def latex_table(report: Mapping[str, Any]) -> str:
    r"""A booktabs table of the report's aggregate, to paste into a paper.

    It needs `\usepackage{booktabs}` and nothing else. Arrows say whether higher or lower is better; the comment
    above the table says what made the figures.

    Args:
        report: what `handhold evaluate` writes as report.json.

    Returns:
        A `table` environment, ending with a newline.

    Raises:
        InputError: the report has a metric that is not in the registry.
    """
    count = len(report["grasps"])
    made = "; ".join(f"{key} {text}" for key, text in provenance_items(report))
    # All metrics together are longer than a page at the size of the text.
    size = r"\small" if len(report["aggregate"]) <= 36 else r"\scriptsize"
    lines = [
        rf"% {' '.join(made.split())}",
        r"% \usepackage{booktabs}",
        r"\begin{table}[t]",
        rf"  \centering{size}",
        rf"  \caption{{Scores of {count} grasp{'' if count == 1 else 's'}: mean with its 95\,\% bootstrap "
        r"interval, number scored ($n$) and number that failed. Failures enter no mean.}",
        r"  \label{tab:handhold-scores}",
        r"  \begin{tabular}{@{}llrcrr@{}}",
        r"    \toprule",
        r"    metric & unit & mean & 95\,\% interval & $n$ & failed \\",
    ]
    for family, rows in groupby(summary_rows(report), key=lambda row: row.family):
        lines += [r"    \midrule", rf"    \multicolumn{{6}}{{@{{}}l}}{{\emph{{{escape(family)}}}}} \\"]
        lines += [f"    {_line(row)}" for row in rows]
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]) + "\n"


def escape(text: str) -> str:
    """Text as LaTeX prints it literally, on one line."""
    return " ".join(text.split()).translate(SPECIAL)


def _line(row: SummaryRow) -> str:
    ends = [_figure(end, row.metric) for end in (row.low, row.high)]
    cells = (
        escape(row.metric.label) + ARROWS[row.metric.higher_is_better],
        escape(row.metric.unit),
        _figure(row.mean, row.metric),
        "--" if row.low is None or row.high is None else f"[{ends[0]}, {ends[1]}]",
        str(row.n),
        str(row.failed),
    )
    return " & ".join(cells) + r" \\"


def _figure(value: float | None, of: Metric) -> str:
    """A hyphen before a figure must be a minus sign."""
    text = number(value, of)
    return f"$-${text[1:]}" if text.startswith("-") else escape(text)
