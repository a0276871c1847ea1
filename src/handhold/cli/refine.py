"""Mend noisy grasps: a hand that touches the object and does not cut through it.

Takes a scene (.json or .npz) with 21 keypoints, hand parameters or hand vertices and an object mesh, or a
folder of scenes. Writes for each scene NAME.npz and NAME.glb, and once report.json and a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from handhold.batch import Failure, Outcome, refine_scenes
from handhold.cli.instruction import OneSentence
from handhold.cli.output import all_or_none, check_json, check_ours, output_folder, tell_failures
from handhold.cli.progress import progress
from handhold.cli.refine_methods import (
    device_of,
    instruct_of,
    name_of,
    notes_of,
    refiner,
    settings_of,
    settled,
    unfollowed,
)
from handhold.cli.refine_report import SceneDone, make_report, print_report
from handhold.errors import HandholdError, InputError
from handhold.io import save_glb, save_grasp, write_json
from handhold.io.scene import Up, find_scenes
from handhold.methods.refine.choir.config import RefineChoirConfig
from handhold.methods.refine.energy import EnergyConfig
from handhold.methods.refine.gravity import GravityConfig

if TYPE_CHECKING:
    from handhold.batch.instructing import Instruct
    from handhold.view.panel import Panel

MOST_PAIRS = 24
"""Scenes drawn in a picture of many."""


@dataclass(frozen=True)
class Options:
    """Options of `handhold refine`.

    Attributes:
        scene: a scene file, or a folder of them.
        out: folder for the results; made if it is not there.
        method: gravity keeps the pose that is there and mends contact; choir asks a learnt model where a hand that is
            centimetres off was meant to be; energy is penalties and Adam.
        then: what mends the result of choir.
        instruction: how to hold it: "hold the mug by its handle". The hand goes where the sentence has it (gravity, or
            choir --then gravity).
        image: a picture of the hand from which a vision-language model writes the instruction.
        vlm_endpoint: of that model, OpenAI-compatible; without one a local transformers pipeline.
        vlm_model: its name, or folder.
        contact_model: folder of weights in place of those that read instructions.
        solver: the gravity method's solver: coupled is the default, sde is the paper's.
        samples: start so many times, all but once from noise, and keep the best by measure (gravity, choir).
        model: folder of weights in place of those that come with handhold (choir).
        units: overrides the scenes' unit.
        mano: your MANO file; the hands are then MANO's.
        seed: of everything random.
        device: auto takes a GPU for many scenes.
        json: also write the report here.
        mjcf: also write each grasp as a MuJoCo scene, NAME.xml.
        no_picture: draw no picture.
        quiet: print nothing but errors.
        gravity: settings of the gravity method.
        choir: settings of the choir method.
        energy: settings of the energy method.
    """

    scene: Annotated[Path, tyro.conf.Positional]
    out: Path
    method: Literal["gravity", "choir", "energy"] = "gravity"
    then: Literal["gravity"] | None = None
    instruction: OneSentence = ()
    image: Path | None = None
    vlm_endpoint: str | None = None
    vlm_model: str | None = None
    contact_model: Path | None = None
    solver: Literal["coupled", "sde"] | None = None
    samples: int | None = None
    model: Path | None = None
    units: Literal["m", "mm"] | None = None
    mano: Path | None = None
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    json: Path | None = None
    mjcf: bool = False
    no_picture: bool = False
    quiet: bool = False
    gravity: GravityConfig = field(default_factory=GravityConfig)
    choir: RefineChoirConfig = field(default_factory=RefineChoirConfig)
    energy: EnergyConfig = field(default_factory=EnergyConfig)


@dataclass
class _Refined:
    """What came of the scenes.

    Attributes:
        done: those that were refined and written.
        failures: the others.
        notes: what is to be said of all together.
        picture: of before and after, if there is one.
    """

    done: list[SceneDone] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    picture: Path | None = None


def run(options: Options) -> int:
    """Refine, write, print. Returns the exit code."""
    options = settled(options)
    paths = find_scenes(options.scene)
    check_json(options.json)
    with output_folder(options.out) as folder:
        check_ours(folder / "report.json")
        instruct = instruct_of(options)
        refined = _refine_all(paths, options, folder, instruct)
        if refined.done:
            report = make_report(
                refined.done,
                refined.failures,
                method=name_of(options),
                settings=settings_of(options, instruct),
                seed=options.seed,
                warnings=[*notes_of(options), *refined.notes],
            )
            for path in filter(None, (folder / "report.json", options.json)):
                write_json(report, path)
            if not options.quiet:
                print_report(report, folder, picture=refined.picture)
    return tell_failures(refined.failures, len(paths), what="scenes")


def _refine_all(paths: Sequence[Path], options: Options, folder: Path, instruct: Instruct | None) -> _Refined:
    """Results are written while the next scenes are refined; of each only its figures stay in memory."""
    outcomes = refine_scenes(
        paths,
        refiner(options),
        units=options.units,
        mano=options.mano,
        device=device_of(options, len(paths)),
        instruct=instruct,
    )
    refined, pairs, sentences = _Refined(), [], {}
    pending: list[tuple[SceneDone, Future[None]]] = []

    def settle(most: int) -> None:
        while len(pending) > most:
            scene, future = pending.pop(0)
            try:
                future.result()
                refined.done.append(scene)
            except HandholdError as error:
                refined.failures.append(Failure(scene.name, scene.path, str(error)))

    with (
        ThreadPoolExecutor(max_workers=1) as writer,
        progress("refining", len(paths), quiet=options.quiet) as step,
    ):
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                refined.failures.append(outcome)
            else:
                one = SceneDone.of(outcome)
                pending.append((one, writer.submit(_write, outcome, folder, mjcf=options.mjcf)))
                sentences[one.path.name] = outcome.scene.instruction
                if not options.no_picture and len(pairs) < MOST_PAIRS:
                    pairs.append(_pair(outcome, one))
            settle(most=8)
            step()
        count = len(refined.done) + len(pending)
        refined.picture, trouble = _draw(pairs, count, folder)  # while the last files are written
        settle(most=0)
    if refined.picture and not refined.done:
        refined.picture.unlink()
    refined.notes += filter(None, [unfollowed(options, sentences), trouble])
    return refined


def _write(outcome: Outcome, folder: Path, *, mjcf: bool) -> None:
    """The files of one scene, all or none."""
    from handhold.io import save_mjcf

    grasp, up = outcome.after, outcome.scene.up
    targets = [
        check_ours(folder / f"{grasp.name}{suffix}") for suffix in (".npz", ".glb", ".xml")[: 2 + mjcf]
    ]
    with all_or_none() as note:
        save_grasp(grasp, note(targets[0]))
        save_glb(grasp, note(targets[1]), up=up)
        if mjcf:
            save_mjcf(grasp, note(targets[2]), up=up)


def _pair(outcome: Outcome, done: SceneDone) -> tuple[Panel, Panel]:
    from handhold.cli.panels import panel_of

    up: Up = outcome.scene.up
    before = panel_of(outcome.before, up=up, figures=done.before.values)
    return before, panel_of(outcome.after, up=up, figures=done.after.values)


def _draw(pairs: list[tuple[Panel, Panel]], count: int, folder: Path) -> tuple[Path | None, str | None]:
    """Before and after, if this machine can draw; else why not: results do not wait for OpenGL."""
    from handhold.cli.panels import draw_pairs

    if not pairs:
        return None, None
    try:
        return draw_pairs(pairs, folder, count=count), None
    except InputError:
        raise
    except (HandholdError, ImportError) as error:
        return None, f"no picture: {error}"
