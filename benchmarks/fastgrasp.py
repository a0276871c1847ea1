"""FastGrasp's grasps: seconds, exact measures, physics, diversity; raw and polished. Writes fastgrasp.md and .json.

    python benchmarks/fastgrasp.py [MESHES ...] [--model DIR] [--only time,meshes,...] [--out benchmarks]

Household objects are drawn with a seed that no shipped set has; three of each category that was never trained on, one
of each other. MESHES are folders of mesh files at real scale, none of them in the set; ours are 65 household meshes
(pybullet-URDF-models, MIT; its YCB part CC BY 4.0) and 41 ContactDB-style meshes (object_sim, Apache-2.0), not part of
this repository. Without --model the shipped weights are measured. Times are taken in one process with two threads while
nothing else runs; the rest is done by two processes with one thread each. A section is written as soon as it is done;
sections that were not run again keep their figures from the file.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fastgrasp_page import page
from section_file import SectionFile, options_of

import handhold
from handhold.batch.drawn_grasps import draw_grasps
from handhold.data.grasp_set_split import HELD_OUT
from handhold.errors import HandholdError
from handhold.evaluate import score_pair, select
from handhold.evaluate.metrics.diversity import ClusterDiversity, fastgrasp_diversity
from handhold.hand import Hand
from handhold.interaction.grasp import Grasp
from handhold.interaction.hand_object import HandObject
from handhold.methods.refine.gravity import refine_gravity
from handhold.methods.synthesize.accept import EFFORT, MOST_EFFORT, STIFF, STRONG
from handhold.methods.synthesize.drafts import Drafts
from handhold.methods.synthesize.fastgrasp import FastGraspSampling, fastgrasp
from handhold.methods.synthesize.holdable import heaviness, mesh_of
from handhold.methods.synthesize.optimize import OptimizeConfig, optimize_grasps
from handhold.models.fastgrasp import FastGrasp
from handhold.objects import ObjectMesh
from handhold.objects.household import CATEGORIES, PartedObject
from handhold.physics import Balance, SixWayConfig, SqueezeConfig, grasp_verdict

PROCESSES = THREADS = 2
SEED = 8_000_000
INSTANCES = 3
"""Of a category that is held out."""
WHOLE = ("whole", "whole_polished")
EACH, BATCH, OPTIMIZED = 12, 128, 16
MANY, AS_PUBLISHED, STARTS = 100, 20, 4
"""Grasps of one object for diversity, how many of them are pooled, as FastGrasp does on GRAB, and starts of k-means."""
TIMED_MESHES, DIVERSE_MESHES = 4, 8
DRIFT = 0.02
"""Most that an object may move while fingers close [m], as in `handhold evaluate`."""
SECTIONS = ("time", "categories", "meshes", "diversity")
PROTOCOLS = select(["exact", "contact_ratio@grasptta", "obman-drop"])
FIGURES = {
    "iv_cm3": "iv_cm3",
    "pd_mm": "pd_mm",
    "fingers": "fingers_in_contact",
    "bones_through": "bones_through",
    "contact": "contact_ratio@grasptta",
    "drop_cm": "stability_cm@obman-drop",
}
"""What is kept of an evaluation, by the name in our tables."""
VERDICTS = ("held", "either", "still")


@dataclass(frozen=True)
class Thing:
    """An object to be measured, made or read anew at each `load`, so that it brings nothing computed along."""

    group: str
    category: str = ""
    turn: int = 0
    path: Path | None = None

    @property
    def name(self) -> str:
        """What tables call it."""
        if self.path is not None:
            return f"{self.path.parent.name}/{self.path.stem}"
        return f"{self.category} {self.turn + 1}" if self.category in HELD_OUT else self.category

    def load(self) -> ObjectMesh | PartedObject:
        """The object, fresh."""
        if self.path is not None:
            return ObjectMesh.load(self.path)
        seed = SEED + 1000 * self.turn + list(CATEGORIES).index(self.category)
        return CATEGORIES[self.category].sample(torch.Generator().manual_seed(seed))


Job = tuple[str | None, Thing]


def main() -> None:
    """Run what is asked for and write all that is known."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("meshes", type=Path, nargs="*")
    parser.add_argument("--model", help="folder of save_pretrained; by default the shipped weights")
    options = options_of(parser, SECTIONS)
    sections, file = options.only, SectionFile(options.out, "fastgrasp", page)
    files = sorted(path for folder in options.meshes for path in folder.rglob("*.ply"))
    about = {"machine": machine(), "model": told_model(options.model)}

    def done(section: str, rows: dict) -> None:
        file.write(section, about | rows)

    if "time" in sections:  # before there is any other process
        done(
            "time", {"grasps": BATCH, "optimized": OPTIMIZED, "rows": list(timed_rows(options.model, files))}
        )
    with ProcessPoolExecutor(
        PROCESSES, mp_context=get_context("spawn"), initializer=one_thread, initargs=(options.model,)
    ) as pool:
        if "categories" in sections:
            done("categories", {"grasps": EACH, "rows": run(pool, object_row, options.model, household())})
        if "meshes" in sections and files:
            things = [Thing("real", path=path) for path in files]
            done("meshes", {"grasps": EACH, "rows": run(pool, object_row, options.model, things)})
        if "diversity" in sections:
            done("diversity", diversity(pool, options.model, files))
    file.print()


def household() -> list[Thing]:
    """New instances of every category."""
    held = [Thing("held_out", name, turn) for name in HELD_OUT for turn in range(INSTANCES)]
    return held + [Thing("trained", name) for name in CATEGORIES if name not in HELD_OUT]


def spread(files: Sequence[Path], count: int) -> list[Thing]:
    """At most so many of the meshes, evenly by name."""
    places = np.linspace(0, len(files) - 1, min(count, len(files))).round().astype(int)
    return [Thing("real", path=files[k]) for k in places]


def run(pool: ProcessPoolExecutor, work: Callable, folder: str | None, things: Iterable[Thing]) -> list[dict]:
    """A row of each, told as they come."""
    rows = []
    for row in pool.map(work, [(folder, thing) for thing in things]):
        print({key: value for key, value in row.items() if key != "joints"}, flush=True)
        rows.append(row)
    return rows


def one_thread(folder: str | None) -> None:
    """As many processes as cores, each with one thread."""
    torch.set_num_threads(1)
    warm_up(folder)


def warm_up(folder: str | None) -> None:
    """Import, load and compile what only the first grasp pays for."""
    obj = Thing("trained", "cylinder").load()
    quick = OptimizeConfig(starts=16, steps=1, candidates=1, batch=1)
    optimize_grasps(obj, Hand.open("right"), count=1, config=quick)
    polish(generate(folder, obj, count=1).grasps)


@cache
def model_in(folder: str | None) -> FastGrasp:
    """The model, loaded once in a process."""
    if folder is None:
        from handhold.models.fastgrasp import shipped

        return shipped().eval()
    return FastGrasp.from_pretrained(folder).eval()


def generate(folder: str | None, obj: ObjectMesh | PartedObject, *, count: int) -> Drafts:
    """By the right mean hand, seed 0, default settings, nothing asked for."""
    return fastgrasp(obj, Hand.open("right"), model_in(folder), count=count)


def polish(grasps: Sequence[Grasp]) -> list[Grasp]:
    """All grasps of an object mended as one batch."""
    return refine_gravity(list(grasps), generator=torch.Generator().manual_seed(0))


def timed_rows(folder: str | None, files: Sequence[Path]) -> Iterable[dict]:
    """Seconds on objects of held-out categories and on real meshes, after a warm-up on another object."""
    torch.set_num_threads(THREADS)
    warm_up(folder)
    generate(folder, Thing("trained", "cylinder").load(), count=BATCH)
    for thing in [*(Thing("held_out", name) for name in HELD_OUT), *spread(files, TIMED_MESHES)]:
        row = {"name": thing.name, "group": thing.group}
        try:
            row |= timed_row(folder, thing)
        except HandholdError as error:
            row["refused"] = told(error, thing)
        print(row, flush=True)
        yield row


def timed_row(folder: str | None, thing: Thing) -> dict[str, Any]:
    """One object, fresh for every figure."""
    hand, geometry = Hand.open("right"), OptimizeConfig(physics=False)
    obj, load = timed(thing.load)
    found, batch = timed(lambda: generate(folder, obj, count=BATCH))
    polished = timed(lambda: polish(found.grasps))[1]
    obj = thing.load()
    alone, one = timed(lambda: generate(folder, obj, count=1))
    obj = thing.load()
    optimized, rival = timed(lambda: optimize_grasps(obj, hand, count=OPTIMIZED, config=geometry))
    count = len(optimized.found)
    whole = {key: whole_row(folder, thing, polish=key == "whole_polished") for key in WHOLE}
    return {
        **whole,
        "faces": len(mesh_of(obj).faces),
        "load": load,
        "batch": batch / len(found.grasps),
        "stages": {stage: seconds / len(found.grasps) for stage, seconds in found.seconds.items()},
        "alone": one,
        "alone_stages": alone.seconds,
        "polish": polished / len(found.grasps),
        "optimized": count,
        "optimize": rival / count if count else None,
        "ratio": rival / count / (batch / len(found.grasps)) if count else None,
    }


def whole_row(folder: str | None, thing: Thing, *, polish: bool) -> dict[str, float]:
    """All that the command does of an object but pictures and files: drawn, polished, judged exactly."""
    obj, config = thing.load(), FastGraspSampling()
    draft = partial(fastgrasp, model=model_in(folder))
    made, seconds = timed(
        lambda: draw_grasps(
            obj, Hand.open("right"), draft=draft, config=config, count=OPTIMIZED, polish=polish
        )
    )
    return {"accepted": len(made.found), "seconds": seconds / max(len(made.found), 1)}


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and its seconds."""
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def object_row(job: Job) -> dict:
    """One object: figures of its grasps, raw and polished."""
    folder, thing = job
    row: dict[str, Any] = {"name": thing.name, "group": thing.group}
    start = time.perf_counter()
    try:
        obj = thing.load()
        mesh = mesh_of(obj)
        grasps = generate(folder, obj, count=EACH).grasps
        row |= {"size_mm": (mesh.extents * 1e3).round().astype(int).tolist(), "n": len(grasps)}
        row["solid"] = mesh.manifold() is not None
        for key, some in (("raw", grasps), ("polished", polish(grasps))):
            row[key] = figures(some)
    except Exception as error:  # told in the page; the others' figures must not be lost with it
        return row | {"refused": told(error, thing)}
    return row | {"seconds": time.perf_counter() - start}


def figures(grasps: Sequence[Grasp]) -> dict[str, Any]:
    """Means over the grasps of an object. A figure that could not be had is left out of its mean and counted in
    `failed`; a trial that gave no verdict counts as not held, too."""
    failed: dict[str, int] = {}
    each: dict[str, list[float]] = {key: [] for key in (*FIGURES, *VERDICTS)}
    for grasp in grasps:
        score = score_pair(HandObject.of_grasp(grasp), PROTOCOLS)
        found = {key: score.values[name] for key, name in FIGURES.items()} | verdicts(grasp)
        for key, value in found.items():
            if value is None:
                failed[key] = failed.get(key, 0) + 1
            if value is not None or key in VERDICTS:
                each[key].append(float(value or 0))
    means = {key: float(np.mean(values)) if values else None for key, values in each.items()}
    return means | {"failed": failed}


def verdicts(grasp: Grasp) -> dict[str, bool | None]:
    """Whether six-way physics holds the object: by fingers that squeeze each joint for itself, by these or by fingers
    in concert, and by a hand that stands still; None where there was no verdict."""
    effort = min(EFFORT * heaviness(grasp.object), MOST_EFFORT)
    concert = SqueezeConfig(balance=Balance(effort=effort), torques=STRONG, stiffness=STIFF)

    def held(**options: Any) -> bool | None:
        try:
            return grasp_verdict(grasp, drift=DRIFT, config=SixWayConfig(), **options).held
        except Exception as error:
            print(grasp.name, repr(error), flush=True)
            return None

    one = held(closing=SqueezeConfig())
    return {"held": one, "either": one or held(closing=concert), "still": held(squeeze=False)}


def diversity(pool: ProcessPoolExecutor, folder: str | None, files: Sequence[Path]) -> dict:
    """Clusters of many grasps of each object, and of all objects' grasps together, as FastGrasp's code pools them."""
    things = [*(Thing("held_out", name) for name in HELD_OUT), *spread(files, DIVERSE_MESHES)]
    rows = run(pool, diversity_row, folder, things)
    pooled = []
    for group in ("held_out", "real"):
        joints = [row["joints"] for row in rows if row["group"] == group and "joints" in row]
        for each in (AS_PUBLISHED, MANY) if joints else ():
            # Every so many, not the first: those are the most promising. k-means starts at random.
            parts = [np.concatenate([one[k :: MANY // each] for one in joints]) for k in range(MANY // each)]
            found = [clusters(part, seed=seed) for part in parts for seed in range(STARTS)]
            figures = {key: [one[key] for one in found] for key in found[0]}
            pooled.append(
                {
                    "group": group,
                    "each": each,
                    "n": len(parts[0]),
                    **{key: float(np.mean(values)) for key, values in figures.items()},
                    "deviation": {key: float(np.std(values)) for key, values in figures.items()},
                    "times": len(found),
                }
            )
    return {
        "grasps": MANY,
        "published": AS_PUBLISHED,
        "pooled": pooled,
        "rows": [{k: v for k, v in row.items() if k != "joints"} for row in rows],
    }


def diversity_row(job: Job) -> dict:
    """Many grasps of one object: their clusters, and their joints seen from the middle of the object's box."""
    folder, thing = job
    row: dict[str, Any] = {"name": thing.name, "group": thing.group}
    try:
        obj = thing.load()
        grasps = generate(folder, obj, count=MANY).grasps
        joints = np.stack([grasp.surface().joints.double().numpy() for grasp in grasps])
        vertices = mesh_of(obj).vertices
        joints = joints - (vertices.min(0) + vertices.max(0)) / 2
        return row | {"n": len(joints), **clusters(joints), "joints": joints}
    except HandholdError as error:
        return row | {"refused": told(error, thing)}


def clusters(joints: np.ndarray, *, seed: int = 0) -> dict[str, float]:
    """FastGrasp's entropy and cluster size of joints (n, 21, 3)."""
    found: ClusterDiversity = fastgrasp_diversity(joints, canonical=False, seed=seed)
    return {"entropy": found.entropy, "cluster_size": found.cluster_size}


def told(error: Exception, thing: Thing) -> str:
    """Why there are no figures, in a line without the place of our files."""
    text = " ".join(str(error).split())
    if thing.path is not None:
        text = text.replace(str(thing.path), thing.path.name)
    return text if isinstance(error, HandholdError) else f"internal error ({type(error).__name__}: {text})"


def told_model(folder: str | None) -> str:
    """Which weights: their folder's name, how many, and a digest of their bytes."""
    model, digest = model_in(folder), hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    count = sum(tensor.numel() for tensor in model.parameters())
    name = "the shipped weights" if folder is None else f"the weights in `{Path(folder).name}`"
    return f"{name}, {count:,} numbers, sha256 {digest.hexdigest()[:12]}"


def machine() -> str:
    """Where and with what the figures were made."""
    return (
        f"handhold {handhold.__version__}, torch {torch.__version__}, Python {platform.python_version()}, "
        f"{platform.machine()}, seed 0"
    )


if __name__ == "__main__":
    main()
