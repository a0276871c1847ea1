"""What a set of scores says: means with intervals, failures counted, and where the figures come from."""

from __future__ import annotations

import csv
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from handhold.evaluate.registry import METRICS
from handhold.evaluate.scores import Score
from handhold.io.files import writing
from handhold.version import __version__

RESAMPLES = 2000
PACKAGES = ("numpy", "scipy", "trimesh", "manifold3d", "libigl", "mujoco", "coacd")
"""Whose versions may show in the figures."""
LEVEL = 0.95


def aggregate(scores: Sequence[Score], *, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Mean, interval, count and failures of every metric that a score has.

    Args:
        scores: one for each grasp.
        seed: of the bootstrap.

    Returns:
        By metric, in the registry's order: `mean`; `ci`, the 95 % bootstrap interval of the mean ([None, None]
        for fewer than two grasps); `n`, how many have the metric; `failed`, how many should but do not; and
        if there are such, `causes`, how many failed for each cause. A failure is never a score.
    """
    table = {}
    for name in (m for m in METRICS if any(m in score.values for score in scores)):
        values = [score.values[name] for score in scores if name in score.values]
        known = np.array([v for v in values if v is not None], float)
        table[name] = {
            "mean": float(known.mean()) if len(known) else None,
            "ci": _interval(known, np.random.default_rng(seed)),
            "n": len(known),
            "failed": len(values) - len(known),
        }
        causes = Counter(score.causes.get(name, "") for score in scores if _failed(score, name))
        if causes:
            table[name]["causes"] = dict(causes.most_common())
    return table


def _failed(score: Score, name: str) -> bool:
    return name in score.values and score.values[name] is None


def _interval(values: np.ndarray, generator: np.random.Generator) -> list[float | None]:
    """Bootstrap interval of the mean; resamples are drawn in blocks, which keeps memory small."""
    if len(values) < 2:
        return [None, None]
    block = max(1, 2_000_000 // len(values))
    means = [
        values[generator.integers(len(values), size=(min(block, RESAMPLES - done), len(values)))].mean(1)
        for done in range(0, RESAMPLES, block)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return [float(low), float(high)]


def provenance(*, hands: Iterable[tuple[str, str]], seed: int, **more: Any) -> dict[str, Any]:
    """What made the figures.

    Args:
        hands: name and version of the hand models.
        seed: the seed.
        more: further entries, such as the method and its settings.
    """
    return {
        "handhold": __version__,
        "hand_models": [{"name": name, "version": version} for name, version in sorted(set(hands))],
        **more,
        "seed": seed,
        "torch": torch.__version__,
        "packages": {name: found for name in PACKAGES if (found := _installed(name))},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
    }


def write_csv(scores: Sequence[Score], path: str | Path) -> None:
    """Write one line for each grasp; a figure that could not be had is an empty cell.

    Raises:
        InputError: the file cannot be written.
    """
    metrics = [m for m in METRICS if any(m in score.values for score in scores)]
    with writing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(("name", "frames", *metrics))
        for score in scores:
            values = (score.values.get(m) for m in metrics)
            lines.writerow((score.name, score.frames, *("" if v is None else repr(v) for v in values)))


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
