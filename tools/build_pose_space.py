"""Build the open hand's pose space from two openly licensed sets of hand keypoints.

    python tools/build_pose_space.py HANDY_POSES.npz DEX_RETARGETING.npz

HANDY_POSES holds `right` and `left`, (55, 25, 3) WebXR joints of static poses [m] (handy.js, MIT);
DEX_RETARGETING holds `joints`, (621, 21, 3) MediaPipe joints of one video of a right hand [m]
(dex-retargeting, MIT). Each hand is scaled to the open hand's palm, fitted within joint limits, and left out if
it fits badly; left poses are mirrored. Principal components of what remains, each source weighing the same, go to
src/handhold/hand/assets/pose_space.safetensors; a table of what was done is printed.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from handhold.hand import Hand, reorder_joints
from handhold.hand.keypoints import fit_hand
from handhold.hand.pose_space import ASSET, mirror_poses
from handhold.hand.skeleton import Side

VERSION = "open-poses-1"
WEBXR_TO_OPENPOSE = (
    0,
    1,
    2,
    3,
    4,
    6,
    7,
    8,
    9,
    11,
    12,
    13,
    14,
    16,
    17,
    18,
    19,
    21,
    22,
    23,
    24,
)  # no metacarpals
KNUCKLES = (1, 4, 7, 10)
WORST_FIT_M = 0.005
COMPONENTS = 30
"""Those below have standard deviations under 0.03 rad: less than the fits resolve."""


@dataclass(frozen=True)
class Source:
    """Poses of one source.

    Attributes:
        name: what the table calls it.
        poses: (N, 45) of those that fit, as a right hand's [rad].
        error: (M,) mean distance of all M hands' keypoints to the fitted ones [m].
    """

    name: str
    poses: Tensor
    error: Tensor


def main() -> None:
    """Read, fit, decompose, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("handy_poses", type=Path)
    parser.add_argument("dex_retargeting", type=Path)
    options = parser.parse_args()
    with np.load(options.handy_poses) as handy:
        static = [fit(handy[side][:, WEBXR_TO_OPENPOSE], side=side) for side in ("right", "left")]
    with np.load(options.dex_retargeting) as video:
        moving = [fit(video["joints"], side="right")]
    sources = [gather("handy.js", static), gather("dex-retargeting", moving)]
    mean, components, deviations = decompose([source.poses for source in sources])
    tensors = {
        "mean": mean,
        "components": components[:COMPONENTS],
        "standard_deviations": deviations[:COMPONENTS],
    }
    metadata = {
        "version": VERSION,
        "hand_version": Hand.open().version,
        "licence": "MIT",
        "source": "handy.js, (c) 2020 Stewart Smith; dex-retargeting, (c) 2023 Yuzhe Qin",
    }
    save_file({k: v.float().contiguous() for k, v in tensors.items()}, ASSET, metadata=metadata)
    report(sources, deviations)


def fit(keypoints: np.ndarray, *, side: Side) -> tuple[Tensor, Tensor]:
    """Right-hand poses (N, 45) [rad] and errors (N,) [m] of keypoints (N, 21, 3) in OpenPose's order [m]."""
    hand = Hand.open(side)
    points = reorder_joints(torch.tensor(keypoints, dtype=hand.dtype), source="openpose", target="mano")
    own = palm(hand(hand.zeros()).joints)
    fitted = fit_hand(hand, points * (own / palm(points))[..., None, None])
    poses = fitted.params.hand_pose
    return (mirror_poses(poses) if side == "left" else poses).flatten(1), fitted.error


def palm(points: Tensor) -> Tensor:
    """Mean distance (*) of the four knuckles to the wrist, of keypoints (*, 21, 3) in MANO's order."""
    return (points[..., KNUCKLES, :] - points[..., :1, :]).norm(dim=-1).mean(-1)


def gather(name: str, parts: list[tuple[Tensor, Tensor]]) -> Source:
    """One source of what was fitted, without the bad fits."""
    poses, error = (torch.cat(part) for part in zip(*parts, strict=True))
    return Source(name, poses[error <= WORST_FIT_M], error)


def decompose(sets: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (45,), orthonormal components (45, 45) by falling variance, and their standard deviations (45,) [rad].

    Each set (N, 45) weighs the same: frames of a video resemble each other, static poses do not. A component's
    largest entry is positive.
    """
    poses = torch.cat(sets).double()
    weight = torch.cat([torch.full((len(s),), 1 / (len(s) * len(sets))) for s in sets]).double()
    mean = weight @ poses
    centred = poses - mean
    variances, vectors = torch.linalg.eigh(centred.T @ (weight[:, None] * centred))
    components = vectors.T.flip(0)
    largest = components.gather(1, components.abs().argmax(1, keepdim=True))
    return mean, components * largest.sign(), variances.flip(0).clamp_min(0).sqrt()


def report(sources: list[Source], deviations: Tensor) -> None:
    """Print what was fitted and what the components hold."""
    for source in sources:
        quantiles = (source.error * 1e3).quantile(torch.tensor([0.5, 0.95, 1.0])).tolist()
        print(
            f"{source.name:16s} {len(source.poses)} of {len(source.error)} hands kept; fit error median, 95 %, worst: "
            + ", ".join(f"{q:.2f}" for q in quantiles)
            + f" mm; total variance {float(source.poses.var(0, correction=0).sum()):.2f} rad^2"
        )
    variances = deviations**2
    print(f"together: total variance {float(variances.sum()):.2f} rad^2")
    for count in (6, 15, 24, COMPONENTS):
        share = float(variances[:count].sum() / variances.sum())
        print(
            f"{count:3d} components hold {share:.4f} of it; the last has s.d. {float(deviations[count - 1]):.3f} rad"
        )
    print(f"{ASSET}: {ASSET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
