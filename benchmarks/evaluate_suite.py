"""How long the metrics take on a thousand grasps, and that the number of processes changes no figure.

    python benchmarks/evaluate_suite.py SCENES [--count 1000] [--workers 2] [--out benchmarks]

SCENES is a folder of handhold scenes; ours are 326 captured right-hand grasps on 17 YCB objects (D-Grasp's DexYCB
labels, CC BY-NC 4.0; not part of this repository), taken as they are and then with `gravitydb` noise of growing
seeds until there are enough. Hands are fitted and meshes loaded before the clock starts; the start of the worker
processes is within. Writes evaluate_suite.md and evaluate_suite.json beside this script.
"""

from __future__ import annotations

import argparse
import platform
import time
from dataclasses import replace
from pathlib import Path

import torch

import handhold
from handhold.batch import Failure, fitted_scenes
from handhold.batch.refine_bench import disturbed
from handhold.batch.scoring import Task, score_all
from handhold.evaluate import PROTOCOLS, Protocol, select
from handhold.interaction.hand_object import HandObject
from handhold.io import find_scenes, write_json

ONE_BY_ONE = 60
"""Grasps on which each protocol is timed alone, and the processes are compared."""


def main() -> None:
    """Load, score, compare, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    tasks = load(options.scenes, options.count)
    families = select(["penetration", "contact"])
    start = time.perf_counter()
    scores = list(score_all(tasks, families, workers=options.workers))
    seconds = time.perf_counter() - start
    few = tasks[:: max(1, len(tasks) // ONE_BY_ONE)]
    alone, shared = (list(score_all(few, families, workers=w)) for w in (1, options.workers))
    rows = [(p.name, timed(few, p)) for p in PROTOCOLS if p in families]
    report = {
        "provenance": {
            "handhold": handhold.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "threads": torch.get_num_threads(),
        },
        "grasps": len(tasks),
        "workers": options.workers,
        "seconds": seconds,
        "failed": sum(v is None for s in scores for v in s.values.values()),
        "identical_for_1_and_more_workers": alone == shared,
        "milliseconds_a_grasp": dict(rows),
    }
    write_json(report, options.out / "evaluate_suite.json")
    text = [
        "# The metrics on a thousand grasps",
        "",
        f"`python benchmarks/evaluate_suite.py SCENES --count {options.count}`; {report['provenance']}",
        "",
        f"All penetration and contact metrics (with a reference) on {len(tasks)} grasps by {options.workers} "
        f"processes: **{seconds:.0f} s**. Figures from 1 and {options.workers} processes on {len(few)} grasps "
        f"identical: {alone == shared}.",
        "",
        "| protocol, alone, one process | ms a grasp |",
        "|---|---|",
        *(f"| {name} | {ms:.1f} |" for name, ms in rows),
        "",
    ]
    (options.out / "evaluate_suite.md").write_text("\n".join(text))
    print("\n".join(text))


def load(folder: Path, count: int) -> list[Task]:
    """The scenes' grasps, and disturbed ones, each with the captured one as its reference."""
    found = list(fitted_scenes(find_scenes(folder)))
    clean = [f.grasp for f in found if not isinstance(f, Failure)]
    truths = [HandObject.of_grasp(grasp).observed() for grasp in clean]
    tasks = [Task(HandObject.of_grasp(g), t) for g, t in zip(clean, truths, strict=True)]
    seed = 0
    while len(tasks) < count:
        tasks += [
            Task(
                replace(HandObject.of_grasp(disturbed(g, "gravitydb", seed=seed)), name=f"{g.name}_{seed}"), t
            )
            for g, t in zip(clean, truths, strict=True)
        ]
        seed += 1
    return tasks[:count]


def timed(tasks: list[Task], protocol: Protocol) -> float:
    """Milliseconds a grasp of one protocol, its own distances and voxels included."""
    start = time.perf_counter()
    for _ in score_all(tasks, (protocol,), workers=1):
        pass
    return (time.perf_counter() - start) / len(tasks) * 1e3


if __name__ == "__main__":
    main()
