"""A report's aggregate as rows of a table, and its figures and provenance as text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from handhold.evaluate.registry import METRICS, PROTOCOLS, Family, Metric, metric

MISSING = "–"
NO_CAUSE = "no cause given"
FAMILIES: tuple[str, ...] = get_args(Family)
_FAMILY_OF = {m.name: p.family for p in PROTOCOLS for m in p.metrics}


@dataclass(frozen=True)
class SummaryRow:
    """A metric over all grasps.

    Attributes:
        metric: which.
        family: which it belongs to.
        mean: None if no grasp has it.
        low, high: ends of the mean's 95 % interval, or None.
        n: how many have it.
        failed: how many do not.
        causes: how often for which cause, the most frequent first.
    """

    metric: Metric
    family: str
    mean: float | None
    low: float | None
    high: float | None
    n: int
    failed: int
    causes: dict[str, int]


def summary_rows(report: Mapping[str, Any]) -> list[SummaryRow]:
    """The report's aggregate, one row for each metric, by family and in the registry's order.

    Raises:
        InputError: the report has a metric that is not in the registry.
    """
    order = {name: (FAMILIES.index(_FAMILY_OF[name]), k) for k, name in enumerate(METRICS)}
    names = sorted(report["aggregate"], key=lambda name: order[metric(name).name])
    return [_row(name, report) for name in names]


def _row(name: str, report: Mapping[str, Any]) -> SummaryRow:
    entry = report["aggregate"][name]
    causes = entry.get("causes")
    if causes is None:
        causes = Counter(g["causes"][name] for g in report["grasps"] if name in g.get("causes", {}))
    low, high = (known(end) for end in entry["ci"])
    ranked = dict(sorted(causes.items(), key=lambda item: -item[1]))
    return SummaryRow(
        metric(name), _FAMILY_OF[name], known(entry["mean"]), low, high, entry["n"], entry["failed"], ranked
    )


def known(value: Any) -> float | None:
    """A figure, or None if there is none: a NaN or an infinity is no figure."""
    return None if value is None or not math.isfinite(value) else float(value)


def number(value: float | None, of: Metric) -> str:
    """A figure with the metric's decimals; a dash where there is none."""
    value = known(value)
    if value is None:
        return MISSING
    if abs(value) >= 1e7:
        return f"{value:.3e}"
    text = f"{value:.{of.digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def provenance_items(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What made the figures, as pairs of words."""
    return [(key.replace("_", " "), plain(value)) for key, value in report.get("provenance", {}).items()]


def plain(value: Any) -> str:
    """A value of a report as one line of text: {"name": "open", "version": "1"} is "open 1"."""
    if value is None:
        return MISSING
    if isinstance(value, Mapping):
        if set(value) == {"name", "version"}:
            return f"{plain(value['name'])} {plain(value['version'])}".strip()
        return "; ".join(f"{key}: {plain(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value)) or MISSING
    return " ".join(str(value).split())
