"""Protocols that read all grasps together: a function for each, by the protocol's name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handhold.errors import InputError
from handhold.evaluate.metrics import diversity
from handhold.evaluate.per_frame import Figures, joints_of
from handhold.interaction.hand_object import HandObject


def object_joints(pair: HandObject) -> np.ndarray:
    """(T, 21, 3) joints in the object's frame; those of left hands as the right hand's that they mirror."""
    if pair.joints is None:
        raise InputError("has no joints", where=pair.name)
    frames = [joints_of(frame) for frame in pair.frames()]
    return np.stack(frames) * ([-1.0, 1.0, 1.0] if pair.side == "left" else 1.0)


def _halo_diversity(joints: np.ndarray, seed: int) -> Figures:
    found = diversity.halo_diversity(joints, seed=seed)
    return {"entropy@halo": found.entropy, "cluster_size_cm@halo": found.cluster_size}


def _fastgrasp_diversity(joints: np.ndarray, seed: int) -> Figures:
    figures = {}
    for canonical, ending in ((False, ""), (True, "-canonical")):
        found = diversity.fastgrasp_diversity(joints, canonical=canonical, seed=seed)
        figures[f"entropy@fastgrasp{ending}"] = found.entropy
        figures[f"cluster_size@fastgrasp{ending}"] = found.cluster_size
    return figures


def _diffh2o_diversity(joints: np.ndarray, seed: int) -> Figures:
    return {
        "overall_diversity_m@diffh2o": diversity.pairwise_diversity(joints[:, None, :1]),
        "sample_diversity_m@diffh2o": diversity.pairwise_diversity(joints[:, None, :16]),
    }


SET: dict[str, Callable[[np.ndarray, int], Figures]] = {
    "halo-diversity": _halo_diversity,
    "fastgrasp-diversity": _fastgrasp_diversity,
    "diffh2o-diversity": _diffh2o_diversity,
}
