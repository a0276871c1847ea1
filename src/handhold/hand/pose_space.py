"""Principal components of hand poses: what published noise is counted in.

The protocols of the field add Gaussian noise to the first 15 or 24 coefficients of MANO's pose space. MANO's
components are orthonormal rows over the 45 axis-angle values, so noise of one sigma on n coefficients puts
n sigma^2 [rad^2] of variance into the pose, whatever the components are. The open hand's components are
orthonormal rows too: the same sigma on as many of them puts in the same total variance. What differs is where it
goes: MANO's components come from MANO's scans, ours from the poses named in assets/POSE_SPACE.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from handhold.errors import InputError
from handhold.hand.skeleton import Side

ASSET = Path(__file__).parent / "assets" / "pose_space.safetensors"


@dataclass(frozen=True)
class PoseSpace:
    """Mean and principal components of a hand's poses.

    Get one with `PoseSpace.open(side)` (ships with handhold) or `PoseSpace.mano(path, side=...)` (the user's own
    MANO file).

    Attributes:
        model: the hand model that the poses are of, "open" or "mano".
        side: "right" or "left".
        version: version of the asset, or "mano-" and the first digits of the file's SHA-256.
        mean: (45,) mean pose, axis-angle, counted from the flat hand [rad].
        components: (K, 45) orthonormal rows, by falling variance.
        standard_deviations: (K,) of the poses along each component [rad]; None where the file does not say.
    """

    model: str
    side: Side
    version: str
    mean: Tensor
    components: Tensor
    standard_deviations: Tensor | None = None

    @staticmethod
    def open(side: Side = "right") -> PoseSpace:
        """The open hand's, float32 on the CPU, 30 components; the left hand's is the right one's mirrored.

        Raises:
            InputError: the side is neither "right" nor "left".
        """
        return _load_open(side)

    @staticmethod
    def mano(path: str | Path, *, side: Side) -> PoseSpace:
        """All 45 components of the user's own MANO file, float32; nothing in the file is run.

        Args:
            path: as for `Hand.mano`.
            side: the side of the file's hand, which `Hand.mano` finds or checks.

        Raises:
            InputError: as for `Hand.mano`, or the file holds no `hands_mean` or `hands_components`.
        """
        from handhold.hand.mano import load_mano_poses
        from handhold.hand.mano_file import read_mano_file

        poses = load_mano_poses(path)
        version = f"mano-{read_mano_file(path).sha256[:12]}"
        return PoseSpace("mano", side, version, poses.mean, poses.components)

    def directions(self, count: int) -> Tensor:
        """The first `count` components, (count, 45).

        Raises:
            InputError: there are not so many.
        """
        if not 1 <= count <= len(self.components):
            raise InputError(
                "wrong number of pose components",
                where=f"pose space {self.version}",
                expected=f"1 to {len(self.components)}",
                got=count,
            )
        return self.components[:count]


def mirror_poses(poses: Tensor) -> Tensor:
    """The other side's poses: axis-angle (*, 3) mirrored in x [rad]."""
    return poses * poses.new_tensor([1.0, -1.0, -1.0])


@lru_cache
def _load_open(side: Side) -> PoseSpace:
    if side not in ("right", "left"):
        raise InputError("unknown side", where="PoseSpace.open", expected="right or left", got=repr(side))
    with safe_open(ASSET, framework="pt") as file:
        version = file.metadata()["version"]
        tensors = {key: file.get_tensor(key) for key in ("mean", "components", "standard_deviations")}
    space = PoseSpace("open", "right", version, **tensors)
    return space if side == "right" else mirrored(space)


def mirrored(space: PoseSpace) -> PoseSpace:
    """The other side's pose space."""
    mean, components = (
        mirror_poses(t.unflatten(-1, (15, 3))).flatten(-2) for t in (space.mean, space.components)
    )
    other: Side = "left" if space.side == "right" else "right"
    return replace(space, side=other, mean=mean, components=components)
