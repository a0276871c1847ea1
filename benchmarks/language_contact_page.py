"""The page that language_contact.py writes."""

from __future__ import annotations

from typing import Any

SPLITS = {"test_instance": "held-out instances", "test_category": "held-out categories"}
PUBLISHED = {
    "input": ("24.93", "5.13", "14.77"),
    "nearest points (Gene)": ("18.21", "2.90", "8.60"),
    "rays (TOCH)": ("15.32", "1.85", "5.10"),
    "language (ours)": ("8.23", "0.62", "1.53"),
    "truth": ("7.90", "0.58", "1.42"),
}
"""GravityDB's table 4, SHOWMe: MPVPE, IV, PE."""


def page(known: dict[str, Any]) -> str:
    """All that is known, as Markdown."""
    parts = ["# Contact from language\n\nMade by `benchmarks/language_contact.py`.\n"]
    for section, write in (
        ("masks", _masks),
        ("follow", _follow),
        ("absent", _absent),
        ("real", _real),
        ("refine", _refine),
        ("times", _times),
    ):
        if section in known:
            parts.append(write(known[section]["rows"]) + f"\n*{known[section]['machine']}*\n")
    return "\n".join(parts)


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _masks(rows: dict[str, Any]) -> str:
    names = list(dict.fromkeys(name for split in rows.values() for name in split))
    lines = [[name, *(_iou(rows[split].get(name)) for split in SPLITS)] for name in names]
    return (
        "## Object masks, IoU\n\n`as defined`: contact within 3 mm, mean over the grasps of an instance, part and "
        "purpose, cut at half its maximum. `pad`: the same mean seen through a Gaussian window of 10 mm. The lines "
        "`truth, ...` say how well truth agrees with itself: halves of the grasps with each other, and all grasps "
        "with as many drawn from them again.\n\n" + _table(["window: masks", *SPLITS.values()], lines)
    )


def _iou(entry: dict[str, Any] | None) -> str:
    return "" if entry is None else f"{entry['iou']:.3f} ({entry['n']})"


def _follow(rows: dict[str, Any]) -> str:
    names = list(dict.fromkeys(name for split in rows.values() for name in split))
    lines = [[name, *(_percent(rows[split].get(name)) for split in SPLITS)] for name in names]
    return (
        "## Following the sentence\n\nOf two sentences on one object that ask for different parts: how often the "
        "first puts more of its mass on its own part than the second does (0.5 ignores the sentence).\n\n"
        + _table(["sentences", *SPLITS.values()], lines)
    )


def _absent(rows: dict[str, Any]) -> str:
    names = list(dict.fromkeys(name for split in rows.values() for name in split))
    lines = [[name, *(_percent(rows[split].get(name)) for split in SPLITS)] for name in names]
    return "## Parts that are not there\n\n" + _table(["", *SPLITS.values()], lines)


def _real(rows: dict[str, Any]) -> str:
    lines = [["follow, all pairs", _percent(rows["follow"])]]
    lines += [[f"follow, {kind}", _percent(value)] for kind, value in rows["by kind"].items()]
    lines += [
        ["absent parts admitted", _percent(rows["admitted"])],
        ["false alarms", _percent(rows["false alarms"])],
    ]
    lines += [["IoU with the whole part", f"{rows['iou with the whole part']:.3f}"]]
    objects = [[name, _percent(value)] for name, value in rows["objects"].items()]
    return (
        "## Real meshes\n\nSentences and part rules of `language_real.py`, written without sight of the training's "
        "wordings.\n\n" + _table(["", ""], lines) + "\n" + _table(["mesh", "follow"], objects)
    )


def _percent(entry: dict[str, Any] | None) -> str:
    return "" if entry is None else f"{entry['share']:.1%} ({entry['n']})"


def _refine(rows: dict[str, Any]) -> str:
    text = (
        "## Refining (GravityDB's table 4 in form)\n\nThe same solver with masks from four sources; the hands are "
        "disturbed by `gravitydb` noise. `closed`: of the gap between nearest points and truth. The paper's figures "
        "(SHOWMe, other data) stand below for the form.\n"
    )
    heads = [
        "",
        "MPVPE mm",
        "IV cm³",
        "PE mm",
        "contact F1 %",
        "fingers",
        "bones through",
        "PE closed",
        "F1 closed",
    ]
    keys = ("mpvpe", "iv_cm3", "pe", "f1", "fingers", "bones_through")
    for split, title in SPLITS.items():
        if split not in rows:
            continue
        by_name = {row["name"]: row for row in rows[split]}
        low, high = by_name["nearest points (Gene)"], by_name["truth"]
        lines = []
        for name, row in by_name.items():
            closed = [_closed(row[key], low[key], high[key]) for key in ("pe", "f1")]
            lines.append([name, *(f"{row[key]:.2f}" for key in keys), *closed])
        text += f"\n### {title}, {len(rows[split]) and rows[split][0]['n']} grasps\n\n" + _table(heads, lines)
    paper = [[f"paper: {name}", *figures] for name, figures in PUBLISHED.items()]
    return text + "\n" + _table(["", "MPVPE mm", "IV cm³", "PE mm"], paper)


def _closed(value: float, low: float, high: float) -> str:
    return f"{(value - low) / (high - low):.0%}" if high != low else ""


def _times(rows: dict[str, Any]) -> str:
    lines = [[name, f"{row['median_s']:.2f}", f"{row['worst_s']:.2f}"] for name, row in rows.items()]
    return "## Seconds a sentence and an object\n\n" + _table(["object", "median", "worst of ten"], lines)
