"""Score grasps by the field's metrics, each under its name.

Takes a result of `refine` (.npz), a scene, another tool's set (.npz, .json), a folder of any of these, or a folder
of meshes (<name>_hand.ply with <name>_object.ply, or hands alone with --object). A folder that holds results is
scored by them, not by scenes. Without --protocol everything is measured that needs no reference, with
--reference everything.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from handhold.batch.loading import Failure
from handhold.batch.pairs import match, read_pairs
from handhold.batch.scoring import Task, score_all
from handhold.cli.evaluate_report import check_folder, make_report, print_report, write_report
from handhold.cli.output import check_json, output_folder
from handhold.cli.progress import progress
from handhold.errors import InputError, MissingExtra
from handhold.evaluate import PROTOCOLS, Protocol, Score, score_set, select
from handhold.interaction.hand_object import HandObject
from handhold.io.kinds import find_grasps
from handhold.io.mesh_folders import looks_like_mesh_folder, read_mesh_folder
from handhold.optional import require


@dataclass(frozen=True)
class Options:
    """Options of `handhold evaluate`.

    Attributes:
        pred: results, scenes or sets, or a folder of them.
        reference: the same grasps as they should be, matched by name.
        protocol: only these: names of protocols, of families (pose, penetration, contact, stability, diversity,
            motion, refinement) or of metrics.
        object: the object's mesh, for a folder of hand meshes.
        out: also write report.json, report.html, grasps.csv and table.tex to this folder.
        json: also write the report here.
        units: overrides the scenes' unit; unit of the meshes.
        mano: your MANO file, for scenes, results and sets on its hand.
        seed: of the bootstrap intervals and of what is sampled.
        workers: processes; as many as there are cores by default. The figures do not depend on it.
        no_picture: leave the pictures out of report.html.
        quiet: print nothing but errors.
    """

    pred: Annotated[Path, tyro.conf.Positional]
    reference: Path | None = None
    protocol: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    object: Path | None = None
    out: Path | None = None
    json: Path | None = None
    units: Literal["m", "mm"] | None = None
    mano: Path | None = None
    seed: int = 0
    workers: int | None = None
    no_picture: bool = False
    quiet: bool = False


def run(options: Options) -> int:
    """Score, write, print. Returns the exit code."""
    if options.workers is not None and options.workers < 1:
        raise InputError("is no number of processes", where="--workers", expected="1 or more")
    protocols, notes = choose(options)
    check_json(options.json)
    if options.out is None:
        return evaluate(protocols, notes, options)
    with output_folder(options.out) as folder:
        check_folder(folder)
        return evaluate(protocols, notes, options)


def evaluate(protocols: tuple[Protocol, ...], notes: list[str], options: Options) -> int:
    """Read, score, write, print. Returns the exit code."""
    pairs, failures, passed_over = read(options.pred, options)
    for failure in failures:
        print(f"handhold: {failure.error}", file=sys.stderr)
    if not pairs:
        return 2
    if passed_over:
        notes.append(f"the folder's {passed_over} scenes were passed over, for it holds results")
    shared = [name for name, count in Counter(p.name for p in pairs).items() if count > 1]
    notes += [f"several grasps have the name {name}" for name in shared]
    if options.protocol:
        check_motions(protocols, pairs, notes)
    else:
        protocols = fitting(protocols, pairs)
    references: list[HandObject | None] = [None] * len(pairs)
    if options.reference is not None:
        references, missing = find_references(pairs, options)
        failures += missing
    scores = score(pairs, references, protocols, options)
    report = make_report(
        scores,
        score_set(pairs, protocols, seed=options.seed),
        failures,
        notes=notes,
        pairs=pairs,
        protocols=protocols,
        seed=options.seed,
    )
    write_report(report, scores, pairs, out=options.out, json=options.json, pictures=not options.no_picture)
    if not options.quiet:
        print_report(report, options.out)
    return 2 if failures else 0


def choose(options: Options) -> tuple[tuple[Protocol, ...], list[str]]:
    """The protocols to run, and what the user should know of those that are not.

    Raises:
        InputError: an unknown name, or one that needs a reference where none is given.
        MissingExtra: one that was asked for needs a package that is not installed.
    """
    asked = [name.strip() for group in options.protocol for names in group for name in names.split(",")]
    if options.protocol and not any(asked):
        raise InputError("names no protocol", where="--protocol", expected="one name or more")
    asked = [name for name in asked if name]
    protocols = select(asked) if asked else PROTOCOLS
    if options.reference is None:
        for name in asked:
            if all(p.reference for p in select([name])):
                raise InputError("needs a reference", where=f"--protocol {name}", remedy="Give --reference.")
        protocols = tuple(p for p in protocols if not p.reference)
    try:
        if any(p.physics for p in protocols):
            require("mujoco", extra="physics")
            require("coacd", extra="physics")
    except MissingExtra as error:
        if asked:
            raise
        return tuple(p for p in protocols if not p.physics), [f"stability was left out: {error}"]
    return protocols, []


def check_motions(protocols: Sequence[Protocol], pairs: Sequence[HandObject], notes: list[str]) -> None:
    """Protocols that were asked for and read motions, where there is none.

    Raises:
        InputError: there are no others.
    """
    moving = [p.name for p in protocols if p.scope == "motion"]
    if not moving or any(pair.is_motion for pair in pairs):
        return
    if len(moving) == len(protocols):
        raise InputError(
            "needs a motion",
            where=f"--protocol {' '.join(moving)}",
            got="single grasps",
            remedy="Of a motion, arrays have a leading axis of frames, and the file says fps.",
        )
    notes.append(f"left out, for there is no motion: {', '.join(moving)}")


def fitting(protocols: Sequence[Protocol], pairs: Sequence[HandObject]) -> tuple[Protocol, ...]:
    """Of protocols that nobody asked for, those that have something to read."""
    there = {
        "refinement": any(p.hand is not None or p.fitted_vertices is not None for p in pairs),
        "diffh2o-transition": any(p.transition_frame is not None for p in pairs),
    }
    stills = not any(p.is_motion for p in pairs)
    there |= dict.fromkeys(("halo-diversity", "fastgrasp-diversity"), stills)
    return tuple(
        p for p in protocols if there.get(p.name, True) and (p.scope != "set" or len(pairs) >= p.least)
    )


def read(path: Path, options: Options, *, truth: bool = False) -> tuple[list[HandObject], list[Failure], int]:
    """All grasps at a path, what could not be read, and how many scenes were passed over for results."""
    if path.is_dir() and (options.object is not None or looks_like_mesh_folder(path)):
        bad: list[Failure] = []
        found = read_mesh_folder(
            path,
            object_path=options.object,
            units=options.units,
            failed=lambda hand, error: bad.append(Failure.of(hand, error)),
        )
        return found, bad, 0
    if options.object is not None:
        raise InputError("is for a folder of hand meshes", where="--object", got=path)
    paths, passed_over = find_grasps(path)
    pairs: list[HandObject] = []
    failures: list[Failure] = []
    with progress("reading", len(paths), quiet=options.quiet) as step:
        for _, found in read_pairs(paths, units=options.units, mano=options.mano, truth=truth):
            if isinstance(found, Failure):
                failures.append(found)
            else:
                pairs += found
            step()
    return pairs, failures, passed_over


def find_references(
    pairs: Sequence[HandObject], options: Options
) -> tuple[list[HandObject | None], list[Failure]]:
    """The reference of each grasp; those that have none, or cannot be read, are failures."""
    assert options.reference is not None
    truths, failures, _ = read(options.reference, options, truth=True)
    if not truths:
        why = failures[0].error.rstrip(".")
        raise InputError("no reference can be read", where="--reference", got=why)
    references = match(pairs, truths)
    for pair, reference in zip(pairs, references, strict=True):
        if reference is None:
            text = f"{options.reference}: holds no reference for {pair.name}."
            failures.append(Failure(pair.name, options.reference, text))
    for failure in failures:
        print(f"handhold: {failure.error}", file=sys.stderr)
    return references, failures


def score(
    pairs: Sequence[HandObject],
    references: Sequence[HandObject | None],
    protocols: Sequence[Protocol],
    options: Options,
) -> list[Score]:
    """The figures of every grasp, in order."""
    tasks = [Task(pair, reference) for pair, reference in zip(pairs, references, strict=True)]
    scores = []
    with progress("scoring", len(tasks), quiet=options.quiet) as step:
        for one in score_all(tasks, protocols, workers=options.workers, seed=options.seed):
            scores.append(one)
            step()
    return scores
