"""Grasps by optimization: rate, real meshes, parts, diversity. Writes synthesize_optimize.md and .json.

    python benchmarks/synthesize_optimize.py [MESHES ...] [--only geometry,physics,...] [--out benchmarks]

Household objects are drawn with a seed that no shipped set has. MESHES are folders of mesh files at real scale, none of
them in the set; ours are 65 household meshes (pybullet-URDF-models, MIT; its YCB part CC BY 4.0) and 41 ContactDB-style
meshes (object_sim, Apache-2.0), not part of this repository. Two processes with one thread each. Sections that were not
run again keep their figures from the file.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

import handhold
from handhold.batch.purposes import asks_for
from handhold.errors import HandholdError
from handhold.evaluate.metrics.diversity import fastgrasp_diversity, halo_diversity
from handhold.hand import Hand
from handhold.io import write_json
from handhold.methods.synthesize.optimize import OptimizeConfig, Synthesis, optimize_grasps
from handhold.objects import ObjectMesh
from handhold.objects.household import CATEGORIES, HouseholdObject

PROCESSES = 2
SEED = 7_000_000
EACH, ON_MESH, WITHIN_S, MANY = 24, 10, 30.0, 100
DIVERSE = ("mug", "bottle", "box", "knife", "ball", "phone", "frying pan", "apple")
SECTIONS = ("geometry", "physics", "meshes", "diversity", "ablation")
ABLATED = ("mug", "knife", "box", "frying pan", "headphones", "apple")
ABLATION = {
    "as it is": {},
    "250 steps": {"steps": 250},
    "closed, not optimized (1 step)": {"steps": 1},
    "half the starts": {"starts": 512},
    "no balls": {"balls": 0.0},
    "no force closure": {"force_closure": 0.0},
    "no posture": {"posture": 0.0},
    "annealed Langevin, 150 steps": {"method": "langevin"},
    "annealed Langevin, 600 steps": {"method": "langevin", "steps": 600},
}


def main() -> None:
    """Run what is asked for and write all that is known."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("meshes", type=Path, nargs="*")
    parser.add_argument("--only", default=",".join(SECTIONS))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    file = options.out / "synthesize_optimize.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    files = sorted(path for folder in options.meshes for path in folder.rglob("*.ply"))
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        for section in options.only.split(","):
            if section in ("geometry", "physics"):
                known[section] = rate(pool, physics=section == "physics")
            elif section == "meshes" and files:
                known["meshes"] = list(pool.map(mesh_row, files))
            elif section == "ablation":
                known["ablation"] = list(pool.map(ablation_row, ABLATION.items()))
            elif section == "diversity":
                known["diversity"] = list(pool.map(diversity_row, DIVERSE))
            known["machine"] = machine()
            write_json(known, file)
    (options.out / "synthesize_optimize.md").write_text(page(known))
    print(page(known))


def one_thread() -> None:
    """As many processes as cores, each with one thread."""
    torch.set_num_threads(1)
    warm_up()


def warm_up() -> None:
    """Import, load and compile what only the first grasp pays for."""
    quick = OptimizeConfig(starts=16, steps=1, candidates=1, batch=1)
    optimize_grasps(drawn("cylinder"), Hand.open("right"), count=1, config=quick)


def drawn(category: str) -> HouseholdObject:
    """The object of a category that the benchmark uses."""
    place = list(CATEGORIES).index(category)
    return CATEGORIES[category].sample(torch.Generator().manual_seed(SEED + place))


def rate(pool: ProcessPoolExecutor, *, physics: bool) -> dict:
    """Grasps of every category with all its asks, as `data make` asks: how many are accepted, and how fast."""
    jobs = [(category, physics) for category in CATEGORIES]
    start = time.perf_counter()
    rows = list(pool.map(category_row, jobs))
    seconds = time.perf_counter() - start
    accepted = sum(row["accepted"] for row in rows)
    return {"seconds": seconds, "accepted": accepted, "per_second": accepted / seconds, "rows": rows}


def category_row(job: tuple[str, bool]) -> dict:
    """One object of a category."""
    category, physics = job
    obj = drawn(category)
    start = time.perf_counter()
    found = synthesize(obj, count=EACH, physics=physics, asks=asks_for(obj), rounds=1)
    return {"name": category, "seconds": time.perf_counter() - start, **figures(found)}


def mesh_row(path: Path) -> dict:
    """One real mesh: how many grasps, and how long they took."""
    start = time.perf_counter()
    try:
        obj = ObjectMesh.load(path)
        found = synthesize(obj, count=ON_MESH, physics=True)
    except HandholdError as error:
        print(path.stem, error, flush=True)
        return {"name": f"{path.parent.name}/{path.stem}", "refused": " ".join(str(error).split())}
    seconds = time.perf_counter() - start
    print(path.stem, len(found.found), round(seconds, 1), found.rejected, flush=True)
    size = (obj.extents * 1e3).round().astype(int).tolist()
    return {
        "name": f"{path.parent.name}/{path.stem}",
        "size_mm": size,
        "seconds": seconds,
        **figures(found),
    }


def diversity_row(category: str) -> dict:
    """Many grasps of one object, in 20 clusters."""
    obj = drawn(category)
    found = synthesize(obj, count=MANY, physics=False, asks=asks_for(obj))
    joints = np.stack([grasp.surface().joints.double().numpy() for grasp in found.grasps])
    return {
        "name": category,
        "n": len(joints),
        "entropy": fastgrasp_diversity(joints, canonical=False).entropy,
        "entropy_halo": halo_diversity(joints).entropy,
    }


def ablation_row(variant: tuple[str, dict]) -> dict:
    """Six objects with one setting changed: what is accepted by geometry, and held by physics, of how many."""
    name, changes = variant
    config = OptimizeConfig(physics=True, rounds=1, **changes)
    accepted, physics, tried, seconds, still = 0, 0, 0, 0.0, 0
    for category in ABLATED:
        obj = drawn(category)
        found = optimize_grasps(obj, Hand.open("right"), count=16, asks=asks_for(obj), config=config)
        accepted += len(found.found)
        physics += found.rejected.get("physics", 0)
        tried += len(found.found) + sum(found.rejected.values())
        still += sum(one.still is not None and one.still.held for one in found.found)
        seconds += sum(found.seconds.values())
    return {
        "name": name,
        "tried": tried,
        "geometry": (accepted + physics) / max(tried, 1),
        "held": accepted / max(accepted + physics, 1),
        "still": still / max(accepted, 1),
        "accepted": accepted,
        "per_second": accepted / seconds,
    }


def synthesize(obj, *, count: int, physics: bool, asks=None, **changes) -> Synthesis:
    """By the right mean hand, seed 0."""
    config = OptimizeConfig(physics=physics, **changes)
    return optimize_grasps(obj, Hand.open("right"), count=count, asks=asks, config=config)


def figures(found: Synthesis) -> dict:
    """What a table tells of a synthesis."""
    asked = [one.on_part for one in found.found if one.on_part is not None]
    return {
        "accepted": len(found.found),
        "rejected": found.rejected,
        "types": dict(Counter(one.type for one in found.found)),
        "still_held": sum(one.still is not None and one.still.held for one in found.found),
        "on_part": float(np.mean(asked)) if asked else None,
        "with_part": len(asked),
        "stages": found.seconds,
    }


def page(known: dict) -> str:
    """The tables as Markdown."""
    parts = [f"# Grasps by optimization\n\n{known['machine']}\n"]
    if "geometry" in known or "physics" in known:
        parts.append(rate_page(known))
    if "meshes" in known:
        parts.append(mesh_page(known["meshes"]))
    if "diversity" in known:
        parts.append(diversity_page(known["diversity"]))
    if "ablation" in known:
        parts.append(ablation_page(known["ablation"]))
    return "\n".join(parts)


def ablation_page(rows: list[dict]) -> str:
    """What each part is good for."""
    lines = [
        "## Ablation\n",
        f"{len(ABLATED)} objects, 16 grasps asked of each, one round of starts. Geometry: accepted by exact measures "
        "of those optimized; held: by physics, of those; still: by a hand that does not move, of those held.\n",
        "| | optimized | geometry | held | still | accepted | a second, one thread |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['name']} | {r['tried']} | {r['geometry']:.2f} | {r['held']:.2f} | {r['still']:.2f} | {r['accepted']} "
        f"| {r['per_second']:.2f} |"
        for r in rows
    ]
    return "\n".join([*lines, ""])


def rate_page(known: dict) -> str:
    """Rates over all categories, and the share on the part asked for."""
    head = [
        "## Household objects\n",
        f"One object a category, {EACH} grasps asked for, one round of starts as in `data make`, two processes.\n",
    ]
    head += ["| | accepted | of optimized | a second | off the part, of all that were else accepted |"]
    head += ["|---|---|---|---|---|"]
    for key, name in (("geometry", "geometry alone"), ("physics", "with physics")):
        if key not in known:
            continue
        rows = known[key]["rows"]
        tried = sum(row["accepted"] + sum(row["rejected"].values()) for row in rows)
        off = sum(row["rejected"].get("off_part", 0) for row in rows)
        parted = sum(row["with_part"] for row in rows)
        accepted = known[key]["accepted"]
        head.append(
            f"| {name} | {accepted} | {accepted / tried:.0%} | {known[key]['per_second']:.2f} "
            f"| {off / max(off + parted, 1):.1%} |"
        )
    head += [
        "",
        "| category | accepted | rejected | held still | on the part | s |",
        "|---|---|---|---|---|---|",
    ]
    for row in known["physics" if "physics" in known else "geometry"]["rows"]:
        part = "" if row["on_part"] is None else f"{row['on_part']:.0%}"
        head.append(
            f"| {row['name']} | {row['accepted']} | {told(row['rejected'])} | {row['still_held']} | {part} "
            f"| {row['seconds']:.0f} |"
        )
    return "\n".join([*head, ""])


def mesh_page(rows: list[dict]) -> str:
    """Every real mesh."""
    tried = [row for row in rows if "refused" not in row]
    enough = [row for row in tried if row["accepted"] >= ON_MESH and row["seconds"] <= WITHIN_S]
    lines = [
        "## Real meshes\n",
        f"{len(rows)} meshes, {len(rows) - len(tried)} refused as too large or too small, or with no place to hold; "
        f"of {len(tried)}, {len(enough)} ({len(enough) / max(len(tried), 1):.0%}) gave {ON_MESH} accepted grasps "
        f"(physics included) within {WITHIN_S:.0f} s. Loading and mending is in the seconds.\n",
        "| mesh | size mm | accepted | rejected | held still | types | s |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if "refused" in row:
            lines.append(f"| {row['name']} | | refused | {row['refused'][:120]} | | | |")
            continue
        lines.append(
            f"| {row['name']} | {' x '.join(map(str, row['size_mm']))} | {row['accepted']} "
            f"| {told(row['rejected'])} | {row['still_held']} | {told(row['types'])} | {row['seconds']:.1f} |"
        )
    return "\n".join([*lines, ""])


def diversity_page(rows: list[dict]) -> str:
    """Entropy over 20 clusters of each object's grasps."""
    lines = [
        "## Diversity\n",
        f"Entropy of the shares of 20 clusters, at most 3.00, of {MANY} grasps of one object: of joints in the "
        "object's frame (FastGrasp), of joints turned into the hand's frame (HALO).\n",
        "| object | n | FastGrasp | HALO |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['name']} | {row['n']} | {row['entropy']:.2f} | {row['entropy_halo']:.2f} |" for row in rows
    ]
    mean = np.mean([row["entropy"] for row in rows])
    return "\n".join(
        [*lines, f"| mean | | {mean:.2f} | {np.mean([r['entropy_halo'] for r in rows]):.2f} |", ""]
    )


def told(counts: dict) -> str:
    """Counts as text."""
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))


def machine() -> str:
    """Where and with what the figures were made."""
    return (
        f"handhold {handhold.__version__}, torch {torch.__version__}, Python {platform.python_version()}, "
        f"{platform.machine()}, {PROCESSES} processes of one thread, seed 0."
    )


if __name__ == "__main__":
    main()
