"""CHOIR and JointDiffusion: the paper's tables in form, and times. Writes choir.md and choir.json.

    python benchmarks/choir.py [SCENES] [--arms DIR] [--only times,refine,...] [--each 160] [--out benchmarks]

SCENES is a folder of handhold scenes with captured grasps; ours are 326 on 17 YCB objects (D-Grasp's DexYCB labels,
CC BY-NC 4.0; not part of this repository). --arms is a folder of models that were trained alike and shortly, as
tools/train_choir_arms.py makes them; without it the ablation is left out. Grasps of sets/household are drawn evenly
from its splits. Times are taken with two threads while nothing else runs; the rest runs in batches of 32. Measures are
exact, on the meshes. A section is written as soon as it is done; sections that were not run again keep their figures
from the file.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from choir_page import page
from choir_synthesis import synthesis_rows
from refine_real import load as load_scenes
from section_file import SectionFile, machine, options_of

from handhold.batch.refine_bench import disturbed
from handhold.batch.scoring import Task, score_all
from handhold.data import GraspSet
from handhold.evaluate import Score, aggregate, select
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, keypoint_points, place, surface_points
from handhold.interaction.choir import (
    ChoirConfig,
    ChoirSampling,
    choir_objects,
    encode,
    fit_choir,
    fit_published,
)
from handhold.interaction.choir.config import PublishedFitConfig
from handhold.interaction.grasp import Grasp
from handhold.interaction.hand_object import HandObject
from handhold.methods.refine.choir import RefineChoirConfig
from handhold.methods.refine.choir.refine import refine_choir
from handhold.methods.refine.gravity import refine_gravity
from handhold.models.choir import JointDiffusion, load_model, shipped

SECTIONS = ("times", "refine", "real", "ablation", "synthesis")
SPLITS = {"test_instance": "held-out instances", "test_category": "held-out categories"}
NOISE, REAL_NOISES = "choir-level2", ("contactopt", "choir-level2")
BATCH, THREADS, FITTED, SAMPLES = 32, 2, 32, 4
MEASURED = select(("exact", "pose", "choir-contact"))
FIGURES = {
    "mpjpe": "mpjpe_mm",
    "r_mpjpe": "mpjpe_mm@root",
    "iv_cm3": "iv_cm3",
    "f1": "contact_f1_pct@choir-2mm",
    "precision": "contact_precision_pct@choir-2mm",
    "recall": "contact_recall_pct@choir-2mm",
    "fingers": "fingers_in_contact",
    "bones_through": "bones_through",
}
"""What is kept of an evaluation, by the name in our tables."""
Method = Callable[[list[Grasp]], list[Grasp]]


def main() -> None:
    """Run what is asked for and write all that is known."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenes", type=Path, nargs="?")
    parser.add_argument("--arms", type=Path)
    parser.add_argument("--model", help="folder of save_pretrained; by default the shipped weights")
    parser.add_argument("--set", type=Path, default=Path(__file__).parents[1] / "sets/household")
    parser.add_argument("--each", type=int, default=160, help="grasps of a split")
    parser.add_argument("--every", type=int, default=2, help="of the captured scenes")
    options = options_of(parser, SECTIONS)
    sections, file = options.only, SectionFile(options.out, "choir", page)
    model = shipped() if options.model is None else load_model(options.model)
    grasps = GraspSet.open(options.set)

    def done(section: str, rows: Any) -> None:
        file.write(section, {"machine": machine(THREADS), "rows": rows})

    if "times" in sections:
        done("times", times(model, grasps))
    if "refine" in sections:
        tables = {
            split: table(clean_grasps(grasps, split, options.each), NOISE, methods(model)) for split in SPLITS
        }
        done("refine", tables)
    if "real" in sections and options.scenes is not None:
        clean = load_scenes(options.scenes)[:: options.every]
        done("real", {noise: table(clean, noise, methods(model), objects=True) for noise in REAL_NOISES})
    if "ablation" in sections and options.arms is not None:
        clean = clean_grasps(grasps, "test_category", options.each)
        done("ablation", table(clean, NOISE, arms(options.arms)))
    if "synthesis" in sections:
        done("synthesis", synthesis_rows(model))
    file.print()


def clean_grasps(grasps: GraspSet, split: str, count: int) -> list[Grasp]:
    """Grasps of a split, evenly, right hands first; batches are of one side."""
    found: list[Grasp] = []
    for side in ("right", "left"):
        some = grasps.where(split=split, side=side)
        share = min(len(some), count // 2)
        chosen = np.linspace(0, len(some) - 1, share).round().astype(int).tolist()
        found += [replace(g, offsets=None) for g in some.grasps(chosen)]
    return found


def methods(model: JointDiffusion) -> dict[str, Method]:
    """Rows of the refinement tables."""
    choir = partial(refine_choir, model=model)
    return {
        "input": lambda grasps: grasps,
        "gravity": gravity,
        "choir, field alone": partial(choir, config=RefineChoirConfig(sampling=ChoirSampling(touch=False))),
        "choir": choir,
        f"choir, best of {SAMPLES}": partial(choir, config=RefineChoirConfig(samples=SAMPLES)),
        "choir, then gravity": lambda grasps: gravity(choir(grasps)),
    }


def arms(folder: Path) -> dict[str, Method]:
    """Rows of the ablation: every model in the folder, by the name of its own folder."""
    rows: dict[str, Method] = {"input": lambda grasps: grasps, "gravity": gravity}
    for path in sorted(folder.iterdir()):
        model = load_model(path)
        if model.config.known != "object":
            rows[path.name] = partial(refine_choir, model=model)
    return rows


def gravity(grasps: list[Grasp]) -> list[Grasp]:
    """The default refiner; what it is given is what it keeps to."""
    seeded = torch.Generator().manual_seed(0)
    return refine_gravity([g.with_(keypoints=None) for g in grasps], generator=seeded)


def table(
    clean: Sequence[Grasp], noise: str, rows: dict[str, Method], *, objects: bool = False
) -> list[dict[str, Any]]:
    """Every method on the same disturbed grasps, scored against the clean ones."""
    references = [HandObject.of_grasp(grasp).observed() for grasp in clean]
    noisy = [disturbed(grasp, noise, seed=0) for grasp in clean]
    found = []
    for name, method in rows.items():
        refined, seconds = in_batches(method, noisy)
        tasks = [Task(HandObject.of_grasp(g), r) for g, r in zip(refined, references, strict=True)]
        scores = list(score_all(tasks, MEASURED, workers=1))
        row = {"name": name, "n": len(scores), "seconds": seconds, **means(scores)}
        if objects:
            row["objects"] = by_object(clean, scores)
        print(noise, {key: value for key, value in row.items() if key != "objects"}, flush=True)
        found.append(row)
    return found


def in_batches(method: Method, grasps: Sequence[Grasp]) -> tuple[list[Grasp], float]:
    """Results in order, and seconds a grasp."""
    refined: list[Grasp] = []
    start = time.perf_counter()
    sides = [[g for g in grasps if g.hand.side == side] for side in ("right", "left")]
    for some in sides:
        for k in range(0, len(some), BATCH):
            refined += method(list(some[k : k + BATCH]))
    return refined, (time.perf_counter() - start) / len(grasps)


def means(scores: Sequence[Score]) -> dict[str, float | None]:
    """Means over grasps, and how wide the interval of the F1 score's is."""
    told = aggregate(list(scores), seed=0)
    return {key: told[name]["mean"] for key, name in FIGURES.items()}


def by_object(clean: Sequence[Grasp], scores: Sequence[Score]) -> dict[str, dict[str, float]]:
    """Mean error and contact of each object's grasps."""
    found: dict[str, list[Score]] = {}
    for grasp, score in zip(clean, scores, strict=True):
        found.setdefault(grasp.object.name, []).append(score)
    told = {name: aggregate(some, seed=0) for name, some in found.items()}
    return {
        name: {key: own[FIGURES[key]]["mean"] for key in ("mpjpe", "f1")}
        for name, own in sorted(told.items())
    }


def times(model: JointDiffusion, grasps: GraspSet) -> dict[str, Any]:
    """Seconds of what a user waits for, the least of several tries; what a fit to a true field leaves."""
    torch.set_num_threads(THREADS)
    clean = clean_grasps(grasps, "test_category", 2 * FITTED)[:FITTED]  # right hands
    noisy = [disturbed(grasp, NOISE, seed=0) for grasp in clean]
    choir = partial(refine_choir, model=model)
    fresh = lambda g: g.with_(object=type(g.object).from_arrays(g.object.vertices, g.object.faces, name="it"))
    choir(noisy[:1])
    return {
        **fitted(clean),
        "alone": least(lambda: choir([fresh(noisy[0])])),
        "alone_known_object": least(lambda: choir(noisy[:1])),
        "batch": least(lambda: choir(noisy[:BATCH])) / BATCH,
        "gravity_batch": least(lambda: gravity(noisy[:BATCH])) / BATCH,
    }


def fitted(clean: Sequence[Grasp]) -> dict[str, float]:
    """Encoding, and both fits to true fields."""
    hand, config = Hand.open("right"), ChoirConfig()
    objects = choir_objects([grasp.object for grasp in clean], config=config)
    state = HandState.cat([HandState.from_params(hand, g.params[None]) for g in clean])
    skin = place(forward(hand, state), surface_points(hand, state.betas))
    index = torch.arange(len(clean))
    choir = encode(hand, skin, objects, index, config=config)
    joints = lambda found: place(forward(hand, found), keypoint_points(hand, found.betas))
    error = lambda found: float((joints(found) - joints(state)).norm(dim=-1).mean() * 1e3)
    print("fitting", flush=True)
    told = {
        "encode": least(lambda: encode(hand, skin[:1], objects, index[:1], config=config)),
        "encode_batch": least(lambda: encode(hand, skin[:BATCH], objects, index[:BATCH], config=config))
        / BATCH,
    }
    for name, tries, fit in (
        ("fit", 3, lambda rows: fit_choir(hand, choir.select(rows), choir_config=config)),
        (
            "adam",
            1,
            lambda rows: fit_published(hand, choir.select(rows), choir_config=config, config=FIELD),
        ),
    ):
        found, first = fit(slice(None)), slice(0, 1)
        told |= {
            f"{name}_mpjpe_mm": error(found.state),
            f"{name}_residual_mm": float(found.residual.mean() * 1e3),
            f"{name}_alone": least(partial(fit, first), tries),
            f"{name}_batch": least(partial(fit, slice(None)), tries) / len(clean),
        }
    return told


FIELD = PublishedFitConfig(field_steps=400, contact_steps=0)


def least(work: Callable[[], Any], tries: int = 3) -> float:
    """Seconds of the quickest of some tries."""
    taken = []
    for _ in range(tries):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


if __name__ == "__main__":
    main()
