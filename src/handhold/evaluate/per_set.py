"""Protocols that read all grasps together: a function for each, by the protocol's name.

Each takes the joints of every grasp (21, 3) or motion (T, 21, 3) in the object's frame, and a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from handhold.errors import InputError
from handhold.evaluate.metrics import diversity
from handhold.evaluate.per_frame import Figures, joints_of
from handhold.interaction.hand_object import HandObject

DIFFH2O_FRAMES = 15
"""DiffH2O compares so many frames of each motion."""

Joints = Sequence[np.ndarray]


def object_joints(pair: HandObject) -> np.ndarray:
    """(T?, 21, 3) joints in the object's frame; those of left hands as the right hand's that they mirror."""
    if pair.joints is None:
        raise InputError("has no joints", where=pair.name)
    frames = np.stack([joints_of(frame) for frame in pair.frames()])
    frames = frames * ([-1.0, 1.0, 1.0] if pair.side == "left" else 1.0)
    return frames if pair.is_motion else frames[0]


def _grasps(joints: Joints) -> np.ndarray:
    """(n, 21, 3) of single grasps: frames of one motion resemble each other and are no grasps of a set."""
    moving = sum(one.ndim == 3 for one in joints)
    if moving:
        raise InputError(
            "compares single grasps",
            got=f"{moving} motions among {len(joints)}",
            remedy="Score the frames that you mean as a set of grasps.",
        )
    return np.stack(joints)


def _tracks(joints: Joints) -> np.ndarray:
    """(n, T, 21, 3): of motions `DIFFH2O_FRAMES` frames each, spread evenly; a single grasp is one frame."""
    if len({one.ndim for one in joints}) > 1:
        raise InputError("compares motions with motions", got="motions and single grasps")
    if joints[0].ndim == 2:
        return np.stack(joints)[:, None]
    shares = np.linspace(0, 1, DIFFH2O_FRAMES)
    return np.stack([one[(shares * (len(one) - 1)).round().astype(int)] for one in joints])


def _halo_diversity(joints: Joints, seed: int) -> Figures:
    found = diversity.halo_diversity(_grasps(joints), seed=seed)
    return {"entropy@halo": found.entropy, "cluster_size_cm@halo": found.cluster_size}


def _fastgrasp_diversity(joints: Joints, seed: int) -> Figures:
    figures = {}
    for canonical, ending in ((False, ""), (True, "-canonical")):
        found = diversity.fastgrasp_diversity(_grasps(joints), canonical=canonical, seed=seed)
        figures[f"entropy@fastgrasp{ending}"] = found.entropy
        figures[f"cluster_size@fastgrasp{ending}"] = found.cluster_size
    return figures


def _diffh2o_diversity(joints: Joints, seed: int) -> Figures:
    tracks = _tracks(joints)
    return {
        "overall_diversity_m@diffh2o": diversity.pairwise_diversity(tracks[:, :, :1]),
        "sample_diversity_m@diffh2o": diversity.pairwise_diversity(tracks[:, :, :16]),
    }


SET: dict[str, Callable[[Joints, int], Figures]] = {
    "halo-diversity": _halo_diversity,
    "fastgrasp-diversity": _fastgrasp_diversity,
    "diffh2o-diversity": _diffh2o_diversity,
}
