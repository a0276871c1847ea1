"""The page of fastgrasp.py: its figures as Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

GROUPS = {"held_out": "held-out categories", "trained": "trained categories", "real": "real meshes"}
SETS = ("raw", "polished")
COLUMNS = {
    "iv_cm3": ("volume cm³", "{:.2f}", 1, False),
    "pd_mm": ("depth mm", "{:.1f}", 1, False),
    "fingers": ("fingers", "{:.1f}", 1, True),
    "bones_through": ("bones through", "{:.2f}", 1, False),
    "contact": ("contact %", "{:.0f}", 100, True),
    "drop_cm": ("drop cm", "{:.2f}", 1, False),
    "held": ("held %", "{:.0f}", 100, True),
    "either": ("held either way %", "{:.0f}", 100, True),
    "still": ("held still %", "{:.0f}", 100, True),
}
"""By figure: its heading, its form, what it is multiplied by, and whether more is better."""


@dataclass(frozen=True)
class Goal:
    """A figure of the issue's table.

    Attributes:
        name: the figure.
        published: what the paper and its code give, of other data.
        bounds: by set, what is required.
        least: whether more is better.
        form: of the figure.
    """

    name: str
    published: str
    bounds: dict[str, float]
    least: bool = False
    form: str = "{:.2f}"

    def row(self, of: str, values: Mapping[str, float | None]) -> str:
        """A row of the table."""
        sign = "≥" if self.least else "≤"
        required = ", ".join(f"{key} {sign} {bound:g}" for key, bound in self.bounds.items())
        met = ", ".join(f"{key} {self._met(values.get(key), bound)}" for key, bound in self.bounds.items())
        cells = [shown(values.get(key), self.form) for key in SETS]
        return f"| {self.name} | {self.published} | {required} | {of} | {' | '.join(cells)} | {met} |"

    def _met(self, value: float | None, bound: float) -> str:
        if value is None or math.isnan(value):
            return "unknown"
        return "yes" if (value >= bound if self.least else value <= bound) else "**no**"


FAST = Goal("seconds a grasp, 128 at once", "0.14 on an A40", {"raw": 0.02}, form="{:.3f}")
ALONE = Goal("seconds, one alone", "none", {"raw": 0.3}, form="{:.3f}")
OF_OBJECTS = {
    "iv_cm3": Goal("penetration volume cm³", "1.25 to 5.23", {"raw": 3.0, "polished": 0.5}),
    "drop_cm": Goal("obman-drop displacement cm", "1.45 to 2.14", {"raw": 1.8}),
    "contact": Goal("contact ratio %, 5 mm", "94 to 100", {"raw": 97}, least=True, form="{:.1f}"),
    "held": Goal("six-way held %, squeeze", "none", {"polished": 60}, least=True, form="{:.1f}"),
}
ENTROPY = Goal("entropy", "2.88 to 2.93", {"raw": 2.88}, least=True)
SIZE = Goal("cluster size", "1.9 to 5", {"raw": 3.0}, least=True)


def page(known: dict) -> str:
    """The tables as Markdown."""
    parts = ["# FastGrasp\n", sources(known), goals(known)]
    sections: dict[str, Callable[[dict], str]] = {
        "time": time_page,
        "categories": lambda section: objects_page("Household objects", section),
        "meshes": lambda section: objects_page("Real meshes", section),
        "diversity": diversity_page,
    }
    parts += [make(known[name]) for name, make in sections.items() if name in known]
    return "\n".join(parts)


def sources(known: dict) -> str:
    """What the figures were made with, once for sections that agree."""
    made: dict[str, list[str]] = {}
    for name, section in known.items():
        made.setdefault(f"{section['machine']}; {section['model']}", []).append(name)
    return "\n".join(f"{', '.join(names)}: {how}." for how, names in made.items()) + "\n"


def goals(known: dict) -> str:
    """The table of what is to be reached."""
    lines = [
        "## Figures to reach\n",
        "Published figures are of other data (by its code, FastGrasp's volume counts 5 mm voxels of the object's "
        "surface only; ours is exact). Means over objects of the means over an object's grasps; times are medians over "
        "objects, and polished ones include making the grasps.\n",
        "| figure | published | required | of | raw | polished | met |",
        "|---|---|---|---|---|---|---|",
    ]
    if "time" in known:
        rows = measured(known["time"])
        of = f"{len(rows)} of {len(known['time']['rows'])} objects"
        for goal, key in ((FAST, "batch"), (ALONE, "alone")):
            polished = median([row["batch"] + row["polish"] for row in rows]) if key == "batch" else None
            lines.append(goal.row(of, {"raw": median([row[key] for row in rows]), "polished": polished}))
    for key, goal in OF_OBJECTS.items():
        for group, rows in groups(known).items():
            own = [row for row in rows if "refused" not in row]
            values = {one: mean(column(own, one, key)) for one in SETS}
            lines.append(goal.row(f"{GROUPS[group]} ({len(own)} of {len(rows)} objects)", values))
    for goal, key in ((ENTROPY, "entropy"), (SIZE, "cluster_size")):
        found = known.get("diversity", {"pooled": []})
        for pool in [pool for pool in found["pooled"] if pool["each"] == found["published"]]:
            of = f"{GROUPS[pool['group']]} ({pool['n']} grasps pooled)"
            lines.append(goal.row(of, {"raw": pool[key]}))
    return "\n".join([*lines, ""])


def time_page(section: dict) -> str:
    """Seconds by object."""
    rows = measured(section)
    keys = ("load", "batch", "alone", "polish", "optimize", "ratio")
    forms = ("{:.2f}", "{:.4f}", "{:.3f}", "{:.3f}", "{:.3f}", "{:.0f}")
    lines = [
        "## Time\n",
        "One process with two threads and nothing else running, after a warm-up on another object; every object is "
        "loaded anew before each figure, so that its distance field is built within it; only polishing follows on the "
        "grasps of the batch. Seconds a grasp: of "
        f"{section['grasps']} at once; of one alone; of polishing as many at once; of `optimize_grasps` without "
        f"physics, {section['optimized']} asked for, by accepted grasp. The ratio is that of `optimize` to many at "
        "once. What `optimize` gives has been measured exactly and accepted; what FastGrasp gives raw has not. Loading "
        "(for household objects, making) is apart.\n",
        "Whole: all that the command does but pictures and files, exact measures included, by accepted grasp, as it is "
        "and polished, and how many of as many as `optimize` was asked for were accepted.\n",
        "| object | faces | load s | at once | one alone | polish | optimize | ratio | whole | accepted | polished "
        "| accepted |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [shown(row[key], form) for key, form in zip(keys, forms, strict=True)]
        for key in ("whole", "whole_polished"):
            cells += [f"{row[key]['seconds']:.3f}", str(row[key]["accepted"])]
        lines.append(f"| {row['name']} | {row['faces']} | {' | '.join(cells)} |")
    worst: Sequence[Callable] = (max, max, max, max, max, min)
    for name, pick in (("median", [median] * len(keys)), ("worst", worst)):
        values = [[row[key] for row in rows if row[key] is not None] for key in keys]
        cells = [shown(f(v) if v else None, form) for f, v, form in zip(pick, values, forms, strict=True)]
        for key in ("whole", "whole_polished"):
            last = max if name == "worst" else median
            cells += [shown(last([row[key]["seconds"] for row in rows]) if rows else None, "{:.3f}"), ""]
        lines.append(f"| **{name}** | | {' | '.join(cells)} |")
    stages = [
        f"{what}: "
        + ", ".join(f"{stage} {scale * mean([row[key][stage] for row in rows]):.1f}" for stage in first)
        for what, key, scale in (
            ("Mean milliseconds a grasp by stage, many at once", "stages", 1e3),
            ("one alone", "alone_stages", 1e3),
        )
        if rows and (first := rows[0][key])
    ]
    return "\n".join([*lines, "", "; ".join(stages) + ".\n", *refused(section)])


def objects_page(title: str, section: dict) -> str:
    """Figures by group, then by object."""
    rows = measured(section)
    lines = [
        f"## {title}\n",
        f"{section['grasps']} grasps of each, the right mean hand, seed 0, nothing asked for. Volume and depth: exact, "
        "of hand and object together; fingers that touch within 3 mm; of 20 bones, those that cross the surface; "
        "contact: some skin inside or within 5 mm (GraspTTA); drop: `obman-drop`. Held: six-way physics with a "
        "squeezing hand, under 2 cm in all directions and while the fingers close, each joint flexing for itself as in "
        "`handhold evaluate` (the trial ends where its outcome is clear); held either way: so, or in concert as "
        "`optimize` also tries; held still: by a hand that does not move. Raw → polished. A trial that gave no verdict "
        "counts as not held; any other figure that could not be had is left out of its mean.\n",
    ]
    names = [heading for heading, *_ in COLUMNS.values()]
    head = [f"| {' | '.join(names)} | no figure |", "|---" * (len(names) + 1) + "|"]
    lines += ["| group | n " + head[0], "|---|---" + head[1]]
    for group in GROUPS:
        own = [row for row in rows if row["group"] == group]
        if own:
            lines.append(f"| {GROUPS[group]}, mean | {len(own)} | {cells(own, mean_of)} | {failures(own)} |")
            lines.append(f"| its worst tenth begins at | | {cells(own, tenth_of)} | |")
    lines += ["", *(worst(group, rows) for group in GROUPS if any(r["group"] == group for r in rows))]
    lines += ["| object | size mm " + head[0], "|---|---" + head[1]]
    for row in rows:
        solid = "" if row["solid"] else " (no solid)"
        size = " x ".join(map(str, row["size_mm"]))
        lines.append(f"| {row['name']}{solid} | {size} | {cells([row], mean_of)} | {failures([row])} |")
    if any(not row["solid"] for row in rows):
        lines += ["", "The volume of hand and what is no solid is counted on a 1 mm grid."]
    seconds = sum(row["seconds"] for row in rows) / max(len(rows), 1)
    lines += ["", f"{len(rows)} objects, {seconds:.0f} s each with all measures, on one thread.\n"]
    return "\n".join([*lines, *refused(section)])


def worst(group: str, rows: Sequence[dict]) -> str:
    """The five objects of a group that come off worst."""
    own = [row for row in rows if row["group"] == group]
    told = []
    for one in SETS:
        for key, sign in (("iv_cm3", -1), ("held", 1)):
            heading, form, scale, _ = COLUMNS[key]
            known = [row for row in own if row[one][key] is not None]
            five = sorted(known, key=lambda row, one=one, key=key, sign=sign: sign * row[one][key])[:5]
            listed = ", ".join(f"{row['name']} {form.format(scale * row[one][key])}" for row in five)
            told.append(f"{heading} {one}: {listed}")
    return f"Worst of {GROUPS[group]}. " + "; ".join(told) + ".\n"


def cells(rows: Sequence[dict], of: Callable[[Sequence[float], bool], float | None]) -> str:
    """Cells of a row, raw → polished."""
    found = []
    for key, (_, form, scale, more) in COLUMNS.items():
        values = [of(column(rows, one, key, scale=scale), more) for one in SETS]
        found.append(" → ".join(shown(value, form) for value in values))
    return " | ".join(found)


def failures(rows: Sequence[dict]) -> str:
    """How many grasps' figures could not be had."""
    failed: dict[str, int] = {}
    for row in rows:
        for one in SETS:
            for key, count in row[one]["failed"].items():
                name = f"{one} {COLUMNS[key][0].removesuffix(' %')}"
                failed[name] = failed.get(name, 0) + count
    return ", ".join(f"{name} {count}" for name, count in failed.items())


def diversity_page(section: dict) -> str:
    """Entropy and cluster size, of all objects together and of each."""
    rows = measured(section)
    lines = [
        "## Diversity\n",
        "FastGrasp's code: joints in the object's frame, whitened, k-means of 20; the entropy of the clusters' shares "
        "(at most 3.00) and the mean distance to the centre. It pools the grasps of all objects, on GRAB 20 of each "
        f"of six; so do we, {section['published']} of each, spread over the {section['grasps']} that are made, seen "
        "from the middle of each object's box. The number of grasps matters: compare like with like. One such pool is "
        "off by chance; means and deviations are of all disjoint pools, k-means from several starts. "
        "The same code also prints both for hands turned into their own frame; the paper does not say which it gives. "
        "Raw.\n",
        "| pooled | grasps of each | n | times | entropy | cluster size |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {GROUPS[p['group']]} | {p['each']} | {p['n']} | {p['times']} | {spread(p, 'entropy')} "
        f"| {spread(p, 'cluster_size')} |"
        for p in section["pooled"]
    ]
    lines += ["", "Each object by itself:\n", "| object | n | entropy | cluster size |", "|---|---|---|---|"]
    lines += [f"| {r['name']} | {r['n']} | {r['entropy']:.2f} | {r['cluster_size']:.2f} |" for r in rows]
    means = [shown(mean([row[key] for row in rows]), "{:.2f}") for key in ("entropy", "cluster_size")]
    return "\n".join([*lines, f"| mean | | {' | '.join(means)} |\n", *refused(section)])


def spread(pool: Mapping[str, Any], key: str) -> str:
    """Mean and deviation."""
    return f"{pool[key]:.2f} ± {pool['deviation'][key]:.2f}"


def refused(section: dict) -> list[str]:
    """Objects of which there are no figures, and why."""
    lines = [f"- {row['name']}: {row['refused']}" for row in section["rows"] if "refused" in row]
    return [f"Objects without figures ({len(lines)}):\n", *lines, ""] if lines else []


def measured(section: dict) -> list[dict]:
    """Rows that have figures."""
    return [row for row in section["rows"] if "refused" not in row]


def groups(known: dict) -> dict[str, list[dict]]:
    """Rows of objects by group, those without figures among them."""
    rows = [row for name in ("categories", "meshes") if name in known for row in known[name]["rows"]]
    found = {group: [row for row in rows if row["group"] == group] for group in GROUPS}
    return {group: own for group, own in found.items() if own}


def column(rows: Sequence[dict], one: str, key: str, *, scale: float | None = None) -> list[float]:
    """A figure of every object that has it."""
    scale = COLUMNS[key][2] if scale is None else scale
    return [scale * row[one][key] for row in rows if row[one][key] is not None]


def mean_of(values: Sequence[float], more: bool) -> float | None:
    """Over objects."""
    return mean(values)


def tenth_of(values: Sequence[float], more: bool) -> float | None:
    """What nine objects of ten are better than."""
    return float(np.quantile(values, 0.1 if more else 0.9)) if values else None


def mean(values: Sequence[float]) -> float:
    """NaN of none."""
    return float(np.mean(values)) if values else math.nan


def median(values: Sequence[float]) -> float:
    """NaN of none."""
    return float(np.median(values)) if values else math.nan


def shown(value: Any, form: str) -> str:
    """A figure as text; nothing for one that is not known."""
    return "" if value is None or math.isnan(value) else form.format(value)
