"""Score grasps: how deep, how much, how many fingers, how far.

Takes a result of `refine` (.npz), a scene, a folder of either, or an .npz of another tool with hand_vertices,
hand_faces, object_vertices and object_faces. A folder that holds results is scored by them, not by scenes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from handhold.batch import load_grasp, load_hand
from handhold.cli.inputs import find_grasps, kind_of
from handhold.cli.output import REPORT_FORMAT, check_ours, check_writable, output_folder
from handhold.cli.progress import progress
from handhold.errors import HandholdError, InputError
from handhold.evaluate import (
    HandObject,
    Score,
    aggregate,
    provenance,
    read_arrays_of_grasp,
    score_arrays,
    score_grasp,
    write_csv,
)
from handhold.hand import Hand
from handhold.io import load_result, write_json
from handhold.io.results import Result


@dataclass(frozen=True)
class Options:
    """Options of `handhold evaluate`.

    Attributes:
        pred: a result, a scene, or a folder of either.
        out: also write report.json and grasps.csv to this folder.
        json: also write the report here.
        units: overrides the scenes' unit.
        mano: your MANO file, for scenes and results on its hand.
        seed: of the bootstrap intervals.
        quiet: print nothing but errors.
    """

    pred: Annotated[Path, tyro.conf.Positional]
    out: Path | None = None
    json: Path | None = None
    units: Literal["m", "mm"] | None = None
    mano: Path | None = None
    seed: int = 0
    quiet: bool = False


def run(options: Options) -> int:
    """Score, write, print. Returns the exit code."""
    paths, passed_over = find_grasps(options.pred)
    check_writable(options.json, "--json")
    scores, failures, hands = _score_all(paths, options)
    for path, error in failures:
        print(
            f"handhold: {error}" if str(path) in str(error) else f"handhold: {path}: {error}", file=sys.stderr
        )
    if not scores:
        return 2
    report = {
        "format": REPORT_FORMAT,
        "command": "evaluate",
        "aggregate": aggregate(scores, seed=options.seed),
        "grasps": [score.as_dict() for score in scores],
        "failures": [{"name": path.stem, "path": path, "error": str(error)} for path, error in failures],
        "provenance": provenance(
            hands=hands, seed=options.seed, protocol="exact meshes, contact within 3 mm"
        ),
    }
    _write(report, scores, options)
    if not options.quiet:
        _print(report, passed_over)
    return 2 if failures else 0


def _score_all(
    paths: list[Path], options: Options
) -> tuple[list[Score], list[tuple[Path, HandholdError]], set[tuple[str, str]]]:
    scores, failures, hands = [], [], set()
    with progress("scoring", len(paths), quiet=options.quiet) as step:
        for path in paths:
            try:
                score, hand = _score(path, options)
            except HandholdError as error:
                failures.append((path, error))
            else:
                scores.append(score)
                hands |= {hand} if hand else set()
            step()
    return scores, failures, hands


def _score(path: Path, options: Options) -> tuple[Score, tuple[str, str] | None]:
    """A file's figures, and the name and version of its hand model if known."""
    kind = kind_of(path)
    if kind == "mesh":
        raise InputError("a mesh alone is no grasp", where=path, expected="a result or a scene")
    if kind == "arrays":
        return score_arrays(read_arrays_of_grasp(path), no_model="the file names no hand model"), None
    if kind == "result":
        result = load_result(path)
        made = (result.model, result.model_version)
        hand, why = hand_of_result(result, options.mano)
        if hand is None:
            return score_arrays(HandObject.of_result(result), no_model=why), made
        return score_grasp(result.grasp(hand)), made
    grasp, _ = load_grasp(path, units=options.units, mano=options.mano)
    return score_grasp(grasp), (grasp.hand.name, grasp.hand.version)


def hand_of_result(result: Result, mano: Path | None) -> tuple[Hand | None, str]:
    """The hand model that a result was made with, or None and why it is not to be had."""
    if result.model != "open" and mano is None:
        return None, f"made with a {result.model} hand, whose file was not given (--mano)"
    hand = load_hand(result.model, mano if result.model != "open" else None, result.side, "cpu")
    if hand.version != result.model_version:
        return None, f"made with the {result.model} hand {result.model_version}, and this is {hand.version}"
    return hand, ""


def _write(report: dict[str, Any], scores: list[Score], options: Options) -> None:
    if options.out is not None:
        with output_folder(options.out) as folder:
            write_csv(scores, folder / "grasps.csv")
            write_json(report, check_ours(folder / "report.json"))
    if options.json is not None:
        write_json(report, options.json)


def _print(report: dict[str, Any], passed_over: int) -> None:
    from handhold.cli.tables import console, scores_table

    out, grasps = console(), report["grasps"]
    title = grasps[0]["name"] if len(grasps) == 1 else f"{len(grasps)} grasps"
    out.print(f"{title}\n", markup=False)
    out.print(scores_table(report["aggregate"]))
    causes = sorted({f"{m}: {why}" for g in grasps for m, why in g.get("causes", {}).items()})
    for cause in causes[:12]:
        out.print(f"note: {cause}", markup=False)
    if passed_over:
        out.print(
            f"note: the folder's {passed_over} scenes were passed over, for it holds results", markup=False
        )
