"""Refine real captured grasps with both methods and their ablations, and write the table.

    python benchmarks/refine_real.py SCENES [--every N] [--out benchmarks]

SCENES is a folder of handhold scenes; ours are 326 captured right-hand grasps on 17 YCB objects (D-Grasp's DexYCB
labels, CC BY-NC 4.0; not part of this repository). Writes refine_real.md and refine_real.json beside this script.
Seconds are of the method alone, hands fitted and meshes loaded, in batches of 32, with the signed distance's
trees built within; the measures are exact, on the meshes.
"""

from __future__ import annotations

import argparse
import platform
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

import handhold
from handhold.batch import hand_of, make_grasps
from handhold.hand.keypoints import fit_hand
from handhold.interaction.grasp import Grasp
from handhold.interaction.measures import Measures, measure
from handhold.io import find_scenes, load_scene, write_json
from handhold.methods.refine.energy import EnergyConfig, refine_energy
from handhold.methods.refine.gravity import GravityConfig, refine_gravity

BATCH = 32
NOISE_M = (0.005, 0.010)
DEFAULT = GravityConfig()
GRAVITY = {
    "gravity (default)": DEFAULT,
    "  model before soft tissue": replace(DEFAULT, soft=None),
    "  no gravity": replace(DEFAULT, gravity=0.0),
    "  no penetration term": replace(DEFAULT, penetration=0.0),
    "  no bones term": replace(DEFAULT, bones=0.0),
    "  no reopening": replace(DEFAULT, reopen=()),
    "  keypoints not kept": replace(DEFAULT, keep=0.0),
    "  no pose prior": replace(DEFAULT, pose=0.0),
    "  contact: nearest": replace(DEFAULT, contact="nearest"),
    "  contact: ray": replace(DEFAULT, contact="ray"),
    "  best of 4 starts": replace(DEFAULT, samples=4),
}
COLUMNS = {
    "iv_cm3": ("IV cm³", "{:.2f}"),
    "pd_mm": ("depth mm", "{:.2f}"),
    "fingers_in_contact": ("fingers", "{:.2f}"),
    "through": ("bone through %", "{:.1f}"),
    "moved_mm": ("moved mm", "{:.2f}"),
    "tissue_p99_mm": ("tissue p99 mm", "{:.2f}"),
    "tissue_max_mm": ("tissue max mm", "{:.2f}"),
    "flipped_faces": ("flipped faces", "{:.2f}"),
    "limits_kept": ("limits kept %", "{:.1f}"),
    "seconds": ("s a grasp", "{:.3f}"),
}


def main() -> None:
    """Load, refine, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every N-th scene for the ablations")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    torch.manual_seed(0)
    grasps = load(options.scenes)
    few = grasps[:: options.every]
    rows = [run("input", grasps, lambda batch: batch)]
    print(line(rows[-1]), flush=True)
    settings = [*GRAVITY.items(), *energies().items(), *bridges().items()]
    for name, config in settings:
        refine = refine_energy if isinstance(config, EnergyConfig) else refine_gravity
        some = grasps if name == "gravity (default)" else few
        rows.append(run(name, some, partial(refine, config=config, generator=seeded())))
        print(line(rows[-1]), flush=True)
    for sd in NOISE_M:
        bad = noised(few, sd)
        rows.append(run(f"keypoints noised by {sd * 1000:.0f} mm", bad, lambda batch, generator=None: batch))
        rows.append(run("  gravity (default) ", bad, refine_gravity))
        rows.append(run("  energy (Adam) ", bad, refine_energy))
        print(*(line(row) for row in rows[-3:]), sep="\n", flush=True)
    write(rows, options)


def noised(grasps: list[Grasp], sd: float) -> list[Grasp]:
    """The same grasps as a poor detector would see them: Gaussian noise on every coordinate, hands fitted anew."""
    seen = torch.stack([g.keypoints for g in grasps if g.keypoints is not None])
    seen = seen + sd * torch.randn(seen.shape, generator=seeded())
    params = fit_hand(grasps[0].hand, seen).params
    return [replace(g, params=params[k], keypoints=seen[k]) for k, g in enumerate(grasps)]


def seeded() -> torch.Generator:
    """The same noise for every row of the table."""
    return torch.Generator().manual_seed(0)


def energies() -> dict[str, EnergyConfig]:
    """The classical rival, as it is and without its bone clearance."""
    return {"energy (Adam)": EnergyConfig(), "  no bone clearance": replace(EnergyConfig(), bones=0.0)}


def bridges() -> dict[str, GravityConfig]:
    """The paper's equations: with its constants, normalized, and as they work in metres; each term taken away."""
    from handhold.methods.refine.gravity import SdeConfig

    def sde(config: SdeConfig) -> GravityConfig:
        return replace(DEFAULT, solver="sde", sde=config)

    metres = SdeConfig.metres()
    return {
        "sde, paper's constants": sde(SdeConfig()),
        "sde, for metres": sde(metres),
        "  no gravity ": sde(replace(metres, use_gravity=False)),
        "  no prior ": sde(replace(metres, use_prior=False)),
        "  no noise ": sde(replace(metres, use_noise=False)),
    }


def load(folder: Path) -> list[Grasp]:
    """Scenes as grasps with fitted hands; one mesh object a file."""
    scenes = [load_scene(path) for path in find_scenes(folder)]
    meshes = {str(scene.mesh): scene for scene in scenes}
    objects = {mesh: scene.load_object() for mesh, scene in meshes.items()}
    return [
        grasp for grasp, _ in make_grasps(scenes, [objects[str(s.mesh)] for s in scenes], hand_of(scenes[0]))
    ]


def run(name: str, grasps: list[Grasp], method) -> dict:
    """One line of the table: means over grasps, and what each grasp gave."""
    refined, seconds = [], 0.0
    for k in range(0, len(grasps), BATCH):
        start = time.perf_counter()
        refined += method(grasps[k : k + BATCH])
        seconds += time.perf_counter() - start
    figures = [measure(g) for g in refined]
    table = {key: np.array([getattr(f, key) for f in figures], float) for key in Measures.names()}
    means = {key: float(np.nanmean(values)) for key, values in table.items()}
    means["through"] = 100 * float((table["bones_through"] > 0).mean())
    means["limits_kept"] = 100 * float((table["limit_violation_deg"] < 0.01).mean())
    means["seconds"] = seconds / len(grasps) if seconds > 0.01 else float("nan")
    cut = [g.name for g, f in zip(refined, figures, strict=True) if f.bones_through]
    return {
        "name": name,
        "n": len(grasps),
        "means": means,
        "bone_through": cut,
        "tissue_max_mm_of_all": float(table["tissue_max_mm"].max()),
    }


def line(row: dict) -> str:
    """A row of the markdown table."""
    cells = [form.format(row["means"][key]).replace("nan", "") for key, (_, form) in COLUMNS.items()]
    return f"| {row['name']} | {row['n']} | " + " | ".join(cells) + " |"


def write(rows: list[dict], options) -> None:
    """Table and figures, whole."""
    machine = {
        "handhold": handhold.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "cores": torch.get_num_threads(),
        "machine": platform.machine(),
        "batch": BATCH,
        "seed": 0,
    }
    write_json({"provenance": machine, "rows": rows}, options.out / "refine_real.json")
    head = ["| method | n | " + " | ".join(title for title, _ in COLUMNS.values()) + " |"]
    head.append("|---|---|" + "---|" * len(COLUMNS))
    text = [
        "# Refining real captured grasps",
        "",
        "Means over grasps, exact measures on the meshes; `python benchmarks/refine_real.py SCENES`.",
        f"{machine}",
        "",
        *head,
        *(line(row) for row in rows),
        "",
        "Grasps in which the default keeps a bone through the surface: "
        + (", ".join(next(r for r in rows if r["name"] == "gravity (default)")["bone_through"]) or "none")
        + ".",
        "",
    ]
    (options.out / "refine_real.md").write_text("\n".join(text))


if __name__ == "__main__":
    main()
