"""The page that benchmarks/choir.py writes."""

from __future__ import annotations

from typing import Any

HEADS = {
    "mpjpe": "MPJPE mm",
    "r_mpjpe": "R-MPJPE mm",
    "iv_cm3": "IV cm³",
    "f1": "F1 %",
    "precision": "precision %",
    "recall": "recall %",
    "fingers": "fingers",
    "seconds": "s a grasp",
}
PUBLISHED = (
    ("paper: perturbed ContactPose, object split", 83.02, 21.55, 6.99, 1.55, 1.88, 2.74),
    ("paper: ContactOpt", 35.05, 29.13, 12.83, 15.39, 12.04, 30.36),
    ("paper: TOCH", 48.27, 51.13, 17.63, 11.18, 10.74, 13.54),
    ("paper: JointDiffusion", 42.54, 29.55, 2.90, 21.40, 21.94, 23.05),
)
"""Table 5 of Morales et al., on other data."""
SPLITS = {
    "test_instance": "new objects of trained categories",
    "test_category": "categories never trained on",
}
WORDS = {
    "refine": "Grasps of sets/household with the noise of CHOIR's code (`choir-level2-open`: 5 cm, 0.15 rad, 0.5 on 15 "
    "pose components). Contact is CHOIR's: skin within 2 mm of 5,000 points of the object, prediction against truth.",
    "real": "Captured grasps (every second of 326 on 17 YCB objects), hands fitted to the captured keypoints and "
    "disturbed. The error is to the captured keypoints: 3.4 mm are the fit's own. Captured hands lie 6.8 mm deep in "
    "their objects, so their contact is a rim around what is too deep: gravity, given the captured hand itself, agrees "
    "with it to an F1 of 20 %.",
    "ablation": "Models trained alike and shortly (1,500 steps of 64 grasps), measured on categories never trained on. "
    "`keypoints` draws 21 joints and 32 anchors by residual layers (the paper's baseline), `bps` distances without "
    "contacts, `pair` with them, `both` also objects alone; `objframe` is `pair` in the object's frame, as published. "
    "Made by `handhold train choir --data sets/household --out arms/NAME --precision bf16 --diffusion-steps 1500` with "
    "`--choir.known pair`, and `--choir.form keypoints`, `--choir.no-contacts`, `--choir.frame object`.",
    "synthesis": "New hands for objects alone: two new instances of every category never trained on, 12 hands each, as "
    "they were drawn (unselected but for the quick look that ranks them) and polished by gravity. FastGrasp in the "
    "same run.",
}


def page(known: dict[str, Any]) -> str:
    """The whole page, of the sections that are known."""
    parts = ["# CHOIR and JointDiffusion", "", "Written by `benchmarks/choir.py`."]
    for section, write in (("times", _times), ("refine", _refine), ("real", _real), ("ablation", _ablation)):
        if section in known:
            parts += ["", *write(known[section]["rows"])]
    if "synthesis" in known:
        parts += ["", *_synthesis(known["synthesis"]["rows"])]
    machines = sorted({own["machine"] for own in known.values()})
    return "\n".join([*parts, "", *(f"Machine: {machine}." for machine in machines), ""])


def _times(rows: dict[str, float]) -> list[str]:
    lines = [
        ("encode one grasp", f"{rows['encode'] * 1e3:.1f} ms", "≤ 5 ms", "0.13 s (GPU); TOCH 8.9 s"),
        ("encode, of a batch of 32", f"{rows['encode_batch'] * 1e3:.1f} ms", "", ""),
        (
            "fit to a true CHOIR, MPJPE",
            f"{rows['fit_mpjpe_mm']:.2f} mm (residual {rows['fit_residual_mm']:.2f})",
            "≤ 0.5 mm",
            "< 1 mm",
        ),
        ("  one, of a batch", f"{rows['fit_alone'] * 1e3:.0f} ms, {rows['fit_batch'] * 1e3:.1f} ms", "", ""),
        (
            "the same by Adam, 400 steps",
            f"{rows['adam_mpjpe_mm']:.2f} mm (residual {rows['adam_residual_mm']:.2f})",
            "",
            "",
        ),
        (
            "  one, of a batch",
            f"{rows['adam_alone'] * 1e3:.0f} ms, {rows['adam_batch'] * 1e3:.0f} ms",
            "",
            "",
        ),
        ("refine one grasp, object never seen", f"{rows['alone']:.2f} s", "≤ 3 s", "49 s; TOCH 23 s"),
        ("refine one grasp, object known", f"{rows['alone_known_object']:.2f} s", "", ""),
        ("refine, of a batch of 32", f"{rows['batch']:.3f} s", "≤ 0.3 s", ""),
        ("gravity, of the same batch", f"{rows['gravity_batch']:.3f} s", "", ""),
    ]
    head = ["## Times", "", "Two threads, nothing else running; the least of three.", ""]
    return [*head, *_table(("", "ours", "required", "published (2080 Ti)"), lines)]


def _refine(tables: dict[str, list[dict]]) -> list[str]:
    lines = ["## Refinement", "", WORDS["refine"]]
    for split, rows in tables.items():
        lines += ["", f"### {SPLITS[split]} (n = {rows[0]['n']})", "", *_methods(rows, published=True)]
    return lines


def _real(tables: dict[str, list[dict]]) -> list[str]:
    lines = ["## Captured grasps", "", WORDS["real"]]
    for noise, rows in tables.items():
        lines += ["", f"### {noise}-open (n = {rows[0]['n']})", "", *_methods(rows)]
        first, own = rows[0], next(row for row in rows if row["name"] == "choir")
        lines += [
            "",
            f"choir to input: MPJPE {own['mpjpe'] / first['mpjpe']:.2f} (required with contactopt: 0.6), "
            f"F1 {own['f1'] / first['f1']:.1f} times (required: 10).",
            "",
            *_objects(rows),
        ]
    return lines


def _objects(rows: list[dict]) -> list[str]:
    named = {row["name"]: row["objects"] for row in rows}
    columns = [name for name in ("input", "gravity", "choir", "choir, then gravity") if name in named]
    body = [
        (name, *(f"{named[c][name]['mpjpe']:.1f} / {named[c][name]['f1']:.1f}" for c in columns))
        for name in named["input"]
    ]
    return _table(("MPJPE mm / F1 %", *columns), body)


def _ablation(rows: list[dict]) -> list[str]:
    return ["## Ablation", "", WORDS["ablation"], "", *_methods(rows)]


def _synthesis(rows: list[dict]) -> list[str]:
    heads = ("", "n", "IV cm³", "obman-drop cm", "contact %", "fingers", "bone through", "s a hand")
    body = [
        (
            row["name"],
            str(row["n"]),
            f"{row['iv_cm3']:.2f}",
            f"{row['drop_cm']:.2f}",
            f"{100 * row['contact']:.0f}",
            f"{row['fingers']:.1f}",
            f"{row['bones_through']:.2f}",
            f"{row['seconds']:.3f}" if "gravity" not in row["name"] else "",
        )
        for row in rows
    ]
    required = ("required", "", "2.5", "2.0", "", "", "", "")
    published = ("paper: JointDiffusion, objects it was trained on", "", "5.13", "5.80", "", "", "", "")
    return ["## Synthesis", "", WORDS["synthesis"], "", *_table(heads, [*body, required, published])]


def _methods(rows: list[dict], *, published: bool = False) -> list[str]:
    body = [(row["name"], *(_figure(key, row[key]) for key in HEADS)) for row in rows]
    if published:
        body += [(name, *(f"{value:.2f}" for value in values), "", "") for name, *values in PUBLISHED]
    return _table(("", *HEADS.values()), body)


def _figure(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if key == "seconds" else f"{value:.2f}"


def _table(heads: tuple[str, ...], body: list[tuple[str, ...]]) -> list[str]:
    line = lambda cells: "| " + " | ".join(cells) + " |"
    return [line(heads), "|" + "---|" * len(heads), *(line(cells) for cells in body)]
