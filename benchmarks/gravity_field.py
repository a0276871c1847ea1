"""How much faster the gravity field's table is than the direct sum, and how far off.

    python benchmarks/gravity_field.py

writes benchmarks/gravity_field.md and .json: the force on 1,610 hand points from 8,192 object points of a
mug, for radii from 200 to 5 mm. Blocks of direct (2) and tabulated (10) runs alternate, with the same
threads; medians. The direct sum is chunked matrix products (|x|² - 2 x.p + |p|², exp, kernel times points),
not a loop. Errors are those of the tabulated force in single precision against the direct sum in double
precision. Building the table (and the direct peak that normalizes it) is timed apart; `pays_after` is the
number of evaluations after which it has paid.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from handhold.geometry.sampling import sample_surface
from handhold.interaction.gravity_field import GravityField
from handhold.interaction.kernel_table import REACH, STEP
from handhold.version import __version__

HAND_POINTS, OBJECT_POINTS = 1610, 8192
SIGMAS_MM = (200, 100, 50, 20, 10, 5)
REQUIRED = {200: 50, 100: 50, 50: 50, 20: 15}
"""Speed-ups asked for; the error asked for is 1 %."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(""))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    generator = torch.Generator().manual_seed(options.seed)
    points = mug_points(generator)
    hand = hand_points(points, generator)
    rows = [measure(points, hand, sigma_mm=s, runs=options.runs) for s in SIGMAS_MM]
    report = {"about": about(options), "rows": rows}
    options.out.with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n")
    options.out.with_suffix(".md").write_text(table(report))
    print(table(report))


def mug_points(generator: torch.Generator) -> torch.Tensor:
    """8,192 points, even by area, on a mug of 80 x 95 mm with a wall of 4 mm and a handle."""
    import trimesh

    wall = trimesh.creation.annulus(r_min=0.036, r_max=0.040, height=0.095, sections=64)
    floor = trimesh.creation.cylinder(radius=0.036, height=0.004, sections=64)
    floor.apply_translation((0, 0, -0.0455))
    handle = trimesh.creation.torus(major_radius=0.028, minor_radius=0.006)
    handle.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (1, 0, 0)))
    handle.apply_translation((0.045, 0, 0))
    outside = np.linalg.norm(handle.triangles_center[:, :2], axis=1) > 0.040
    handle.update_faces(outside & (handle.triangles_center[:, 0] > 0))
    mug = trimesh.util.concatenate([wall, floor, handle])
    vertices, faces = torch.from_numpy(np.array(mug.vertices)), torch.from_numpy(np.array(mug.faces))
    return sample_surface(vertices, faces, count=OBJECT_POINTS, generator=generator).points.float()


def hand_points(points: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """1,610 points around one side of the mug, up to a few centimetres off the surface, as a hand's are."""
    side = points[points[:, 0] > 0]
    near = side[torch.randint(len(side), (HAND_POINTS,), generator=generator)]
    away = torch.randn(HAND_POINTS, 3, generator=generator)
    spread = torch.tensor([0.003, 0.015])[torch.randint(2, (HAND_POINTS,), generator=generator)]
    return near + spread[:, None] * away


def measure(points: torch.Tensor, hand: torch.Tensor, *, sigma_mm: float, runs: int) -> dict:
    """One row of the table."""
    sigma = sigma_mm * 1e-3
    built = []
    for _ in range(5):
        start = time.perf_counter()
        fast = GravityField.build(points, sigmas=(sigma,))
        built.append(time.perf_counter() - start)
    direct = GravityField.build(points, sigmas=(sigma,), fast=False)
    truth = GravityField.build(points.double(), sigmas=(sigma,), fast=False).force(hand.double())
    tabulated, summed = [], []
    for _ in range(runs):  # blocks by turns, so that both see the same load
        for field, times, block in ((fast, tabulated, 10), (direct, summed, 2)):
            for _ in range(block):
                start = time.perf_counter()
                field.force(hand)
                times.append(time.perf_counter() - start)
    error = (fast.force(hand).double() - truth).norm(dim=-1)
    scale = truth.square().sum(-1).mean().sqrt()
    fast_s, direct_s, build_s = (statistics.median(t) for t in (tabulated, summed, built))
    nodes = fast.tables[0]
    assert nodes is not None
    return {
        "sigma_mm": sigma_mm,
        "nodes": len(nodes.coefficients),
        "build_ms": build_s * 1e3,
        "direct_ms": direct_s * 1e3,
        "table_ms": fast_s * 1e3,
        "speedup": direct_s / fast_s,
        "speedup_of_fastest_runs": min(summed) / min(tabulated),
        "pays_after": build_s / (direct_s - fast_s),
        "rms_error_percent": float(100 * error.square().mean().sqrt() / scale),
        "p99_error_percent": float(100 * error.quantile(0.99) / scale),
        "required_speedup": REQUIRED.get(int(sigma_mm)),
    }


def about(options: argparse.Namespace) -> dict:
    """What a reader needs to run it again."""
    return {
        "machine": f"{cpu_name()}, {os.cpu_count()} cores",
        "threads": options.threads,
        "load_average": os.getloadavg()[0],
        "handhold": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "seed": options.seed,
        "runs": options.runs,
        "hand_points": HAND_POINTS,
        "object_points": OBJECT_POINTS,
        "step_over_sigma": STEP,
        "reach_over_sigma": REACH,
    }


def cpu_name() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


HEAD = (
    "sigma mm", "nodes", "build ms", "direct ms", "table ms", "speed-up", "asked for", "pays after",
    "RMS error %", "p99 error %",
)  # fmt: skip


def table(report: dict) -> str:
    """The report as a page."""
    a = report["about"]
    facts = [
        f"Force on {a['hand_points']:,} hand points from {a['object_points']:,} object points of a mug,",
        f'`normalize="weights"`, single precision. {a["machine"]}, {a["threads"]} thread(s),',
        f"load {a['load_average']:.1f}; torch {a['torch']}, handhold {a['handhold']}, Python {a['python']};",
        f"seed {a['seed']}, medians over {a['runs']} alternating blocks.",
        "Written by `benchmarks/gravity_field.py`.",
    ]
    lines = ["# The gravity field: table against direct sum", "", *facts, ""]
    lines += [row(HEAD), "|" + "---|" * len(HEAD)]
    for r in report["rows"]:
        asked = "" if r["required_speedup"] is None else f"≥ {r['required_speedup']}"
        lines.append(
            row(
                (
                    str(r["sigma_mm"]),
                    f"{r['nodes']:,}",
                    f"{r['build_ms']:.0f}",
                    f"{r['direct_ms']:.1f}",
                    f"{r['table_ms']:.2f}",
                    f"{r['speedup']:.0f}",
                    asked,
                    f"{r['pays_after']:.1f}",
                    f"{r['rms_error_percent']:.2f}",
                    f"{r['p99_error_percent']:.2f}",
                )
            )
        )
    lines += ["", "Errors are relative to the RMS force over the hand."]
    lines += ["`pays after`: evaluations after which building the table has paid."]
    return "\n".join(lines) + "\n"


def row(cells: tuple[str, ...]) -> str:
    """A line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
