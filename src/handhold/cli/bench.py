"""Measure the methods on your own scenes, and print the papers' tables in form.

refine: the scenes' hands are disturbed by named noise and refined; scores are taken against the scenes as they were.
Prints GravityDB's tables 1 (methods), 3 (ablations) and 4 (sources of contact), with the paper's own figures under
ours: those are of other data, and show the form of the table, not who is better. Without SCENES a built-in grasp
of a mug is disturbed 32 times.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from handhold.batch import Failure, fitted_scenes
from handhold.batch.refine_bench import TABLES, Row, run_bench
from handhold.cli.output import REPORT_FORMAT, all_or_none, check_json, check_ours, output_folder
from handhold.cli.progress import progress
from handhold.cli.tables import console, plain_table
from handhold.errors import InputError
from handhold.evaluate import METRICS, provenance
from handhold.evaluate.report import summary
from handhold.hand.pose_space import PoseSpace
from handhold.interaction.grasp import Grasp
from handhold.interaction.noise import check_protocol
from handhold.io import write_json
from handhold.io.files import writing
from handhold.io.scene import find_scenes

SHOWN = (
    "mpjpe_mm",
    "mpvpe_mm",
    "iv_cm3",
    "pd_mm",
    "proximity_error_mm",
    "fingers_in_contact",
    "bones_through",
)
HEADS = ("MPJPE mm", "MPVPE mm", "IV cm³", "PD mm", "PE mm", "fingers", "bones through")
TITLES = {"1": "methods", "3": "ablations", "4": "sources of contact"}
PUBLISHED = {
    "1": {
        "input": ("25.42", "24.93", "5.13", "6.02", "14.77"),
        "TOCH": ("15.29", "15.01", "2.60", "2.88", "3.84"),
        "GeneOH": ("10.10", "10.21", "1.44", "1.95", "2.81"),
        "GravityDB": ("9.74", "8.23", "0.62", "0.77", "1.53"),
    },
    "3": {
        "input": ("", "24.93", "5.13", "", "14.77"),
        "w/o gravity": ("", "14.36", "1.65", "", "4.30"),
        "w/o L_MANO": ("", "17.43", "2.40", "", "6.10"),
        "w/o L_normal": ("", "12.18", "1.05", "", "2.50"),
        "GravityDB": ("", "8.23", "0.62", "", "1.53"),
    },
    "4": {
        "input": ("", "24.93", "5.13", "", "14.77"),
        "nearest (Gene)": ("", "18.21", "2.90", "", "8.60"),
        "ray": ("", "15.32", "1.85", "", "5.10"),
        "language model (PLLM)": ("", "8.23", "0.62", "", "1.53"),
        "true contact (GT)": ("", "7.90", "0.58", "", "1.42"),
    },
}
"""GravityDB's tables 1, 3 and 4, SHOWMe, in the order of SHOWN."""
BUILT_IN = 32
"""Times the built-in grasp is disturbed."""


@dataclass(frozen=True)
class Options:
    """Options of `handhold bench`.

    Attributes:
        name: which benchmark; there is refine.
        scenes: a scene or a folder of scenes whose hands are taken for true.
        noise: protocols; table 1 is made for each, the others for the first.
        table: 1, 3 or 4, or several.
        every: take every so-many-th scene.
        out: also write bench_refine.json and bench_refine.md to this folder.
        json: also write the report here.
        units: overrides the scenes' unit.
        mano: your MANO file.
        seed: of noise and methods.
        quiet: print nothing but errors.
    """

    name: Annotated[Literal["refine"], tyro.conf.Positional]
    scenes: Annotated[Path | None, tyro.conf.Positional] = None
    noise: tuple[str, ...] = ("gravitydb", "toch-grab", "contactopt")
    table: tuple[Literal["1", "3", "4"], ...] = ("1", "3", "4")
    every: int = 1
    out: Path | None = None
    json: Path | None = None
    units: Literal["m", "mm"] | None = None
    mano: Path | None = None
    seed: int = 0
    quiet: bool = False


def run(options: Options) -> int:
    """Disturb, refine, score, print. Returns the exit code."""
    for name in options.noise:
        check_protocol(name)
    if options.every < 1:
        raise InputError("must be positive", where="--every", expected="1 or more", got=options.every)
    for option, given in (("--noise", options.noise), ("--table", options.table)):
        if not given:
            raise InputError("names none", where=option, expected="one name or more")
    check_json(options.json)
    if options.out is None:
        return _bench(options)
    with output_folder(options.out) as folder:
        notes = folder / "bench_refine.md"
        if not check_ours(folder / "bench_refine.json").exists() and notes.exists():
            raise InputError(
                "is there and was not written by handhold",
                where=notes,
                remedy="Choose another --out, or move it.",
            )
        return _bench(options)


def _bench(options: Options) -> int:
    grasps, failures, model = _grasps(options)
    for failure in failures:
        print(f"handhold: {failure.error}", file=sys.stderr)
    if not grasps:
        return 2
    space = None if model is None else PoseSpace.mano(model, side=grasps[0].hand.side)
    tables = [table for table in TABLES if table in options.table]
    noises = tuple(dict.fromkeys(options.noise))
    total = sum(len(TABLES[t]()) for t in tables) + (len(noises) - 1) * len(TABLES["1"]()) * ("1" in tables)
    rows = []
    with progress("refining", total, quiet=options.quiet) as step:
        for row in run_bench(grasps, noises=noises, tables=tables, seed=options.seed, pose_space=space):
            rows.append(row)
            step()
    report = _report(rows, grasps, failures, options)
    _write(report, rows, options)
    if not options.quiet:
        _print(rows)
    return 2 if failures else 0


def _grasps(options: Options) -> tuple[list[Grasp], list[Failure], Path | None]:
    """The clean grasps, what could not be read, and the MANO file of their hand if it has one."""
    if options.scenes is None:
        return _built_in(), [], None
    path = options.scenes
    if not path.exists():
        raise InputError("does not exist", where=path, expected="a scene, or a folder of scenes")
    paths = (find_scenes(path) if path.is_dir() else [path])[:: options.every]
    grasps, failures, models = [], [], set()
    with progress("fitting", len(paths), quiet=options.quiet) as step:
        for found in fitted_scenes(paths, units=options.units, mano=options.mano):
            if isinstance(found, Failure):
                failures.append(found)
            elif found.grasp.is_motion:
                text = f"{found.scene.path}: is a motion, and the benchmark reads single grasps."
                failures.append(Failure(found.scene.name, found.scene.path, text))
            else:
                grasps.append(found.grasp)
                models.add(found.scene.model_path)
            step()
    hands = {(g.hand.name, g.hand.side) for g in grasps}
    if len(hands) > 1 or len(models) > 1:
        raise InputError("scenes of different hands", where=path, expected="one model and side", got=hands)
    return grasps, failures, next(iter(models), None)


def _built_in() -> list[Grasp]:
    import torch

    from handhold.cli.demo_scene import make_grasp, make_mug
    from handhold.hand import Hand

    hand = Hand.open()
    params = make_grasp(hand)
    grasp = Grasp(hand, params, make_mug(), torch.eye(4), keypoints=hand(params).joints)
    return [replace(grasp, name=f"mug_{k:02d}") for k in range(BUILT_IN)]


def _report(
    rows: Sequence[Row], grasps: Sequence[Grasp], failures: Sequence[Failure], options: Options
) -> dict[str, Any]:
    return {
        "format": REPORT_FORMAT,
        "command": "bench refine",
        "rows": [asdict(row) for row in rows],
        "published": {"source": "GravityDB, SHOWMe: other data", "metrics": SHOWN, "tables": PUBLISHED},
        "failures": [{"name": f.name, "path": f.path, "error": f.error} for f in failures],
        "provenance": provenance(
            hands=[(g.hand.name, g.hand.version) for g in grasps],
            seed=options.seed,
            scenes="built-in mug" if options.scenes is None else options.scenes.name,
            noise=sorted({row.noise for row in rows}),
        ),
    }


def _write(report: dict[str, Any], rows: Sequence[Row], options: Options) -> None:
    if options.out is not None:
        with all_or_none() as note:
            with writing(note(options.out / "bench_refine.md")) as draft:
                draft.write_text(_markdown(rows, report["provenance"]), encoding="utf-8")
            write_json(report, note(options.out / "bench_refine.json"))
    if options.json is not None:
        write_json(report, options.json)


def _groups(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Rows by table and noise, with a title."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.table, row.noise), []).append(row)
    return [
        (f"Table {table}, {TITLES[table]}: input disturbed by {noise}, {members[0].n} grasps", members)
        for (table, noise), members in sorted(groups.items(), key=lambda item: item[0][0])
    ]


def _cells(row: Row, *, intervals: bool = False) -> list[str]:
    """A row's means; with half the width of their intervals where there is room."""
    cells = [row.name]
    for metric in SHOWN:
        entry = row.figures[metric]
        text = summary.number(entry["mean"], METRICS[metric])
        if intervals and entry["ci"][0] is not None:
            text += f" ±{(entry['ci'][1] - entry['ci'][0]) / 2:.{METRICS[metric].digits}f}"
        cells.append(text)
    return [*cells, "" if row.seconds is None else f"{row.seconds:.3f}"]


def _published(row: Row) -> list[list[str]]:
    """The paper's rows; beside input that is as far off as the paper's was, and nowhere else."""
    if not row.noise.startswith("gravitydb"):
        return []
    table = row.table
    return [[name, *cells, "", "", ""] for name, cells in PUBLISHED[table].items()]


def _print(rows: Sequence[Row]) -> None:
    out = console()
    heads = ("", *HEADS, "s a grasp")
    for title, members in _groups(rows):
        out.print(f"{title}\n", markup=False)
        out.print(plain_table([_cells(row) for row in members], heads=heads))
        if published := _published(members[0]):
            out.print(
                "\npublished by GravityDB on SHOWMe (other data, other noise, images in):", markup=False
            )
            out.print(plain_table(published, heads=heads))
        out.print()


def _markdown(rows: Sequence[Row], provenance: dict[str, Any]) -> str:
    heads = ("method", *HEADS, "s a grasp")
    lines = ["# Refining disturbed grasps", "", f"`handhold bench refine`; {provenance}", ""]
    lines += ["Means, ± half the 95 % bootstrap interval; against the grasps as they were captured.", ""]
    for title, members in _groups(rows):
        lines += [f"## {title}", "", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
        lines += ["| " + " | ".join(_cells(row, intervals=True)) + " |" for row in members]
        lines += [
            f"| *{name}* (published, SHOWMe: other data) | " + " | ".join(cells) + " |"
            for name, *cells in _published(members[0])
        ]
        lines.append("")
    return "\n".join(lines)
