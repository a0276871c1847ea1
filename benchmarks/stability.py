"""Drop real captured grasps in MuJoCo, refined, with a still and a squeezing hand, and write the table.

    python benchmarks/stability.py SCENES [--every N] [--out benchmarks]

SCENES is a folder of handhold scenes; ours are 326 captured right-hand grasps on 17 YCB objects (D-Grasp's DexYCB
labels, CC BY-NC 4.0; not part of this repository). Writes stability.md and stability.json beside this script.
Controls: the captured grasps before refining, the refined hand 2 cm further back, and no hand at all. Seconds are
of one grasp and trial on one thread, the object's pieces cut and loaded; cutting them is a table of its own.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import mujoco
import numpy as np
import torch
from refine_real import BATCH, load, seeded

import handhold
from handhold.geometry.convex import piece_volume
from handhold.hand.skeleton import FINGER_JOINTS
from handhold.interaction.grasp import Grasp
from handhold.io import write_json
from handhold.methods.refine.gravity import refine_gravity
from handhold.objects import ObjectMesh
from handhold.objects.pieces import convex_pieces
from handhold.physics import (
    DropTrial,
    SimulationError,
    SixWayConfig,
    SixWayTrial,
    SqueezeConfig,
    drop_grasp,
    free_object,
    six_way_grasp,
)

BACK_M = 0.02
COLUMNS = {
    "cm": "moved cm",
    "success": "under 2 cm %",
    "deg": "turned °",
    "drift_cm": "drift cm",
    "overlap_mm": "overlap mm",
    "seconds": "s a grasp",
    "slowest": "slowest s",
}
FORMS = ("{:.2f}", "{:.0f}", "{:.1f}", "{:.2f}", "{:.1f}", "{:.2f}", "{:.2f}")
TRIALS: dict[str, tuple[Callable, bool]] = {
    "obman-drop, still": (drop_grasp, False),
    "obman-drop, squeeze": (drop_grasp, True),
    "six-way, still": (six_way_grasp, False),
    "six-way, squeeze": (six_way_grasp, True),
}


def main() -> None:
    """Load, refine, let fall, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every N-th scene")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    captured = load(options.scenes)[:: options.every]
    refined = []
    for k in range(0, len(captured), BATCH):
        refined += refine_gravity(captured[k : k + BATCH], generator=seeded())
    cuts = [cut(item) for item in {g.object.name: g.object for g in refined}.values()]
    sets = {
        "refined": refined,
        "captured": captured,
        f"refined, hand {BACK_M * 100:.0f} cm back": [back(g, BACK_M) for g in refined],
        "no hand": [back(g, 5.0) for g in refined],
    }
    rows = []
    for name, grasps in sets.items():
        for trial in TRIALS:
            rows.append(run(name, trial, grasps))
            print(line(rows[-1]), flush=True)
    write(rows, cuts, options)


def back(grasp: Grasp, distance: float) -> Grasp:
    """The hand moved away along the back of its palm [m]."""
    joints = grasp.surface().joints
    wrist, index, pinky = joints[0], *(joints[FINGER_JOINTS[f][0]] for f in ("index", "pinky"))
    dorsal = torch.linalg.cross(pinky - wrist, index - wrist)
    dorsal = dorsal / dorsal.norm() * (1 if grasp.hand.side == "right" else -1)
    return grasp.with_(params=replace(grasp.params, transl=grasp.params.transl + distance * dorsal))


def run(name: str, trial: str, grasps: list[Grasp]) -> dict:
    """One line of the table, and what each grasp gave."""
    function, squeeze = TRIALS[trial]
    figures, causes, seconds = [], Counter(), []
    for grasp in grasps:
        start = time.perf_counter()
        try:
            found = function(grasp, squeeze=squeeze)
        except SimulationError as error:
            causes[str(error)] += 1
            continue
        seconds.append(time.perf_counter() - start)
        figures.append({"name": grasp.name, **flat(found)})
    keys = [key for key in COLUMNS if figures and key in figures[0]]
    means = {key: float(np.mean([f[key] for f in figures])) for key in keys}
    means |= {"seconds": float(np.mean(seconds)), "slowest": max(seconds)} if seconds else {}
    return {
        "grasps": name,
        "trial": trial,
        "n": len(figures),
        "failed": dict(causes),
        "means": means,
        "each": figures,
    }


def flat(trial: DropTrial | SixWayTrial) -> dict:
    """The figures of one trial."""
    if isinstance(trial, DropTrial):
        success = 100.0 * (trial.displacement_cm < 2)
        return {"cm": trial.displacement_cm, "success": success, **rest(trial)}
    more = {"success": 100.0 * trial.held, "deg": trial.mean_deg, "six_cm": trial.displacement_cm}
    return {"cm": trial.mean_cm, **more, **rest(trial)}


def rest(trial: DropTrial | SixWayTrial) -> dict:
    """What both trials tell."""
    return {"drift_cm": trial.drift_cm, "overlap_mm": trial.overlap_mm}


def cut(item: ObjectMesh) -> dict:
    """Seconds, number and volume of the pieces of one object, by each method, and how far they stick out."""
    row: dict = {"object": item.name, "cm3": (item.volume_m3 or float("nan")) * 1e6}
    for method in ("halves", "coacd"):
        start = time.perf_counter()
        pieces = convex_pieces(item, method=method, cache=False)
        seconds = time.perf_counter() - start
        share = sum(map(piece_volume, pieces)) * 1e6
        row[method] = {"pieces": len(pieces), "cm3": share, "seconds": seconds, **fidelity(pieces, item)}
    free_object(item)
    return row


def fidelity(pieces, item: ObjectMesh) -> dict:
    """How far the pieces' outer surface lies outside the object (95 % of its area), and the object's outside the
    pieces (furthest of 2,000 points) [mm]."""
    import trimesh
    from scipy.spatial import ConvexHull

    planes = [ConvexHull(vertices).equations for vertices, _ in pieces]
    outer, areas = [], []
    for k, piece in enumerate(pieces):
        mesh = trimesh.Trimesh(*piece, process=False)
        points = trimesh.sample.sample_surface(mesh, 200, seed=0)[0]
        others = [beyond(points, p) for j, p in enumerate(planes) if j != k]
        bare = points[np.min(others, axis=0) > -1e-5] if others else points
        outer.append(bare)
        areas.append(np.full(len(bare), mesh.area))
    out, weight = item.distance.query(np.concatenate(outer)).distance, np.concatenate(areas)
    order = np.argsort(out)
    at = np.searchsorted(weight[order].cumsum(), 0.95 * weight.sum())
    surface = item.sample(2000, seeded()).points.numpy()
    bare = np.min([beyond(surface, p) for p in planes], axis=0).max()
    return {"sticks_out_mm": float(out[order][at] * 1e3), "bare_mm": max(0.0, float(bare * 1e3))}


def beyond(points: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """How far points lie outside a convex piece [m], at least."""
    return (points @ planes[:, :3].T + planes[:, 3]).max(1)


def line(row: dict) -> str:
    """A row of the markdown table."""
    means = row["means"]
    cells = [
        form.format(means[key]) if key in means else "" for key, form in zip(COLUMNS, FORMS, strict=True)
    ]
    failed = sum(row["failed"].values())
    return f"| {row['grasps']} | {row['trial']} | {row['n']} | {failed} | " + " | ".join(cells) + " |"


def cut_line(row: dict) -> str:
    """A row of the table of pieces."""
    keys = ("pieces", "cm3", "sticks_out_mm", "bare_mm", "seconds")
    forms = ("{:d}", "{:.1f}", "{:.2f}", "{:.2f}", "{:.2f}")
    cells = [f.format(row[m][k]) for m in ("halves", "coacd") for k, f in zip(keys, forms, strict=True)]
    return f"| {row['object']} | {row['cm3']:.1f} | " + " | ".join(cells) + " |"


def write(rows: list[dict], cuts: list[dict], options) -> None:
    """Table and figures, whole."""
    machine = {
        "handhold": handhold.__version__,
        "mujoco": mujoco.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "every": options.every,
        "seed": 0,
        "six_way": asdict(SixWayConfig()),
        "squeeze": asdict(SqueezeConfig()),
    }
    write_json({"provenance": machine, "rows": rows, "pieces": cuts}, options.out / "stability.json")
    each = "pieces | cm³ | sticks out mm | bare mm | s"
    text = [
        "# Stability of real captured grasps",
        "",
        "Means over grasps; `python benchmarks/stability.py SCENES`. Six-way: the mean over six directions, and the",
        "share of grasps that move under 2 cm in all of them; one that is lost counts 10 cm a direction.",
        f"{machine}",
        "",
        "| grasps | trial | n | failed | " + " | ".join(COLUMNS.values()) + " |",
        "|---|---|" + "---|" * (2 + len(COLUMNS)),
        *map(line, rows),
        "",
        "# Objects as convex pieces",
        "",
        "By halves, and by CoACD on at most 4,000 faces; without cache. Sticks out: the pieces' outer surface beyond",
        "the object's, 95 % of the area; bare: the object's surface beyond the pieces, at most.",
        "",
        f"| object | cm³ | {'halves: ' + each} | {'CoACD: ' + each} |",
        "|---|" + "---|" * 11,
        *map(cut_line, cuts),
        "",
    ]
    (options.out / "stability.md").write_text("\n".join(text))


if __name__ == "__main__":
    main()
