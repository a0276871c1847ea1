"""Make grasps for an object, by trained models at once, or by optimization and tried in physics.

Takes a mesh, a folder of meshes, or a household object by name (household:mug, household:mug,radius=0.042,handle=ear).
Writes grasps.npz, best.glb, contact_sheet.png and report.json; for a folder, NAME_grasps.npz and so on for each mesh.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from handhold.batch import Failure, load_hand
from handhold.cli.instruction import OneSentence, is_asked, sentence_of
from handhold.cli.output import all_or_none, check_json, check_ours, output_folder, tell_failures
from handhold.cli.progress import progress
from handhold.cli.synthesize_methods import (
    Synthesize,
    check_instruction,
    check_options,
    method_of,
    settings_of,
    settle_physics,
    strange_size,
)
from handhold.cli.synthesize_objects import HOUSEHOLD, Source, Wish, find_objects
from handhold.cli.synthesize_report import (
    ObjectDone,
    facts_of,
    grasp_entry,
    make_report,
    print_report,
    refused,
)
from handhold.errors import HandholdError, InputError
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.io import save_glb, save_grasps, write_json
from handhold.methods.synthesize.choir import ChoirSynthesis
from handhold.methods.synthesize.fastgrasp import FastGraspSampling
from handhold.methods.synthesize.optimize import OptimizeConfig, Synthesis
from handhold.objects import ObjectMesh

GRASPS, BEST, SHEET = "grasps.npz", "best.glb", "contact_sheet.png"
UNSOUND = ("openings", "no solid")
"""Findings by which volume is not exact, and physics slow: its pieces are CoACD's."""
MOST_DRAWN = 48
"""Grasps on a contact sheet."""


@dataclass(frozen=True)
class Options:
    """Options of `handhold synthesize`.

    Attributes:
        object: a mesh, a folder of meshes, or household:NAME.
        out: folder for the results; made if it is not there.
        method: fastgrasp draws them from a trained model, in milliseconds; choir from one of whole interaction fields,
            each fitted by a hand; optimize searches for seconds, takes any hand, and keeps what holds in physics.
        count: grasps of each object.
        polish: refine them (fastgrasp, choir).
        model: a model of your own, DIR/model of `handhold train` (fastgrasp, choir).
        part: the part to be touched, of a household object or one with --parts.
        parts: a file that names the parts of the mesh (see docs/household.md).
        type: only these grasp types (see docs/grasp_types.md).
        purpose: what for: the parts that serve it are touched.
        instruction: how to hold it, as a sentence: "hold the mug by its handle".
        image: a picture of a hand and its object from which a vision-language model writes the instruction.
        vlm_endpoint: of that model, OpenAI-compatible; without one a local transformers pipeline.
        vlm_model: its name, or folder.
        contact_model: a network of your own for the sentence, DIR/model of `handhold train contact`.
        side: which hand.
        mano: your MANO file; the hand is then MANO's.
        table: the object stands on a table at its lowest point, and no finger comes under it.
        up: the meshes' upward axis.
        units: of the meshes.
        physics: keep only grasps that hold; optimize does so where physics is installed.
        no_physics: do not try whether the grasps hold.
        seed: of everything random; each object starts from it anew.
        device: auto is the CPU.
        json: also write the report here.
        no_picture: draw no contact sheet.
        quiet: print nothing but errors.
        fastgrasp: settings of this method.
        choir: settings of this method.
        optimize: settings of this method.
    """

    object: Annotated[str, tyro.conf.Positional]
    out: Path
    method: Literal["fastgrasp", "choir", "optimize"] = "fastgrasp"
    count: int = 16
    polish: bool = False
    model: Path | None = None
    part: str | None = None
    parts: Path | None = None
    type: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    purpose: str | None = None
    instruction: OneSentence = ()
    image: Path | None = None
    vlm_endpoint: str | None = None
    vlm_model: str | None = None
    contact_model: Path | None = None
    side: Literal["right", "left"] = "right"
    mano: Path | None = None
    table: bool = False
    up: Literal["z", "y"] = "z"
    units: Literal["m", "mm", "cm", "in"] | None = None
    physics: bool = False
    no_physics: bool = False
    seed: int = 0
    device: Literal["auto", "cpu"] = "auto"
    json: Path | None = None
    no_picture: bool = False
    quiet: bool = False
    fastgrasp: FastGraspSampling = field(default_factory=FastGraspSampling)
    choir: ChoirSynthesis = field(default_factory=ChoirSynthesis)
    optimize: OptimizeConfig = field(default_factory=OptimizeConfig)


def run(options: Options) -> int:
    """Synthesize, write, print. Returns the exit code."""
    start = time.perf_counter()
    wish = wish_of(options)
    check_options(options)
    physics, warnings = settle_physics(options)
    options = replace(options, optimize=replace(options.optimize, physics=physics))
    sources = find_objects(options.object, units=options.units, parts=options.parts)
    results = [path for source in sources for path in files_of(source, options.out, options).values()]
    check_json(options.json, results=results)
    hand = load_hand("open" if options.mano is None else "mano", options.mano, options.side)
    with output_folder(options.out) as folder:
        for path in (folder / "report.json", *results):
            check_ours(path)
        sentence = sentence_of(options)  # a picture's takes its time: all else is proven first
        synthesize = method_of(options, hand, physics=physics, sentence=sentence)
        done, failures = _synthesize_all(sources, wish, synthesize, options, folder)
        if done:
            report = make_report(
                done,
                failures,
                method=options.method,
                settings=settings_of(options, sentence),
                seed=options.seed,
                seconds=time.perf_counter() - start,
                warnings=warnings,
            )
            for path in filter(None, (folder / "report.json", options.json)):
                write_json(report, path)
            if not options.quiet:
                print_report(report, folder)
    return tell_failures(failures, len(sources), what="objects")


def wish_of(options: Options) -> Wish:
    """What is asked of every object.

    Raises:
        InputError: a count below one, an unknown grasp type, another upward axis of a household object, or a sentence
            together with a part or a purpose.
    """
    from handhold.cli.panels import UP

    if options.up != "z" and options.object.startswith(HOUSEHOLD):
        raise InputError("is for meshes", where="--up", expected="z", got=options.up)
    if options.count < 1:
        raise InputError("must be positive", where="--count", expected="1 or more", got=options.count)
    types = tuple(name.strip() for group in options.type for names in group for name in names.split(","))
    for name in types:
        if name not in GRASP_TYPES:
            raise InputError(
                "no such grasp type", where="--type", expected=", ".join(GRASP_TYPES), got=repr(name)
            )
    check_instruction(options)
    return Wish(
        part=options.part,
        purpose=options.purpose,
        types=types,
        table=options.table,
        up=UP[options.up],
        instructed=is_asked(options),
    )


def files_of(source: Source, folder: Path, options: Options) -> dict[str, Path]:
    """Where the results of an object go, by kind; those of a folder's meshes begin with their names."""
    prefix = f"{source.name}_" if Path(options.object).is_dir() else ""
    return {name.split(".")[0]: folder / f"{prefix}{name}" for name in (GRASPS, BEST, SHEET)}


def _synthesize_all(
    sources: Sequence[Source], wish: Wish, synthesize: Synthesize, options: Options, folder: Path
) -> tuple[list[ObjectDone], list[Failure]]:
    """One object after another; of each only its figures stay in memory."""
    done, failures = [], []
    with progress("synthesizing", len(sources) * options.count, quiet=options.quiet) as step:
        for k, source in enumerate(sources):
            before = k * options.count
            files = files_of(source, folder, options)
            try:
                one = _synthesize(
                    source, wish, synthesize, options, lambda now, _, b=before: step(to=b + now), files
                )
                done.append(one)
            except Exception as error:  # one bad mesh must not cost the others
                failures.append(Failure.of(source.path, _of_file(source, error)))
            step(to=before + options.count)
    return done, failures


def _of_file(source: Source, error: Exception) -> Exception:
    """An error about the object as one about its file: a message need not name both."""
    if not isinstance(error, InputError) or error.where != source.name:
        return error
    return InputError(
        error.what, where=source.path, expected=error.expected, got=error.got, remedy=error.remedy
    )


def _synthesize(
    source: Source,
    wish: Wish,
    synthesize: Synthesize,
    options: Options,
    step: Callable[[int, int], None],
    files: dict[str, Path],
) -> ObjectDone:
    """Grasps of one object, and their files.

    Raises:
        InputError: the object cannot be used or held, no grasp was accepted, or a file cannot be written.
    """
    start = time.perf_counter()
    obj = source.load()
    mesh = obj if isinstance(obj, ObjectMesh) else obj.mesh
    made = synthesize(obj, wish.asks(obj), step)
    if not made.found:
        raise InputError(
            "no grasp was accepted",
            where=source.path,
            expected=f"{options.count}",
            got=f"none; refused were {refused(made.rejected) or 'none'}",
            remedy=_remedy(made, options),
        )
    told = [f.message for f in mesh.report.findings if f.action == "mended" or f.kind in UNSOUND]
    warnings = [f"the mesh: {message}" for message in told]
    warnings += filter(None, [strange_size(options, mesh)])
    if len(made.found) < options.count:
        why = refused(made.rejected)
        warnings.append(f"{len(made.found)} of {options.count} grasps were found; refused: {why or 'none'}")
    trouble = _write(made, files, options)
    return ObjectDone(
        name=mesh.name,
        path=source.path,
        asked=options.count,
        grasps=tuple(map(grasp_entry, made.found)),
        rejected=made.rejected,
        seconds=made.seconds,
        total=time.perf_counter() - start,
        files={kind: path.name for kind, path in files.items() if path.exists()},
        warnings=(*warnings, *filter(None, [trouble])),
        hand=(made.found[0].grasp.hand.name, made.found[0].grasp.hand.version),
    )


def _remedy(made: Synthesis, options: Options) -> str:
    more = "more starts (--optimize.starts)" if options.method == "optimize" else "--method optimize"
    without = ", or leave physics out (--no-physics)" if made.rejected.get("physics") else ""
    other = "words or types" if is_asked(options) else "parts or types"
    return f"Ask for other {other}, or {more}{without}."


def _write(made: Synthesis, files: dict[str, Path], options: Options) -> str | None:
    """The files of one object, all or none; why there is no picture, if one was wanted."""
    grasps, best, sheet = files.values()
    with all_or_none() as note:
        save_grasps([f.grasp for f in made.found], note(grasps), facts=[facts_of(f) for f in made.found])
        save_glb(made.found[0].grasp, note(best), up=options.up)
        trouble = None if options.no_picture else _draw(made, note(sheet), options)
        if options.no_picture or trouble:
            sheet.unlink(missing_ok=True)  # an earlier one shows other grasps
    return trouble


def _draw(made: Synthesis, path: Path, options: Options) -> str | None:
    """The contact sheet, if this machine can: results do not wait for OpenGL."""
    from handhold.cli.panels import figures_of_facts, panel_of
    from handhold.view import contact_sheet

    panels = []
    for found in made.found[:MOST_DRAWN]:
        figures = figures_of_facts(facts_of(found), brief=True)
        panels.append(replace(panel_of(found.grasp, up=options.up), figures=figures))
    count = len(made.found)
    title = f"{made.found[0].grasp.object.name}: {count} grasp{'s' * (count > 1)}"
    try:
        contact_sheet(panels, path, max_panels=MOST_DRAWN, title=title)
    except InputError:
        raise
    except (HandholdError, ImportError) as error:
        return f"no picture: {error}"
    return None
