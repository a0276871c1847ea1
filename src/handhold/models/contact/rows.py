"""Objects, what is asked of them in words, and where hands touch them for it: as tensors, for training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from handhold.hand.kinematics import HandState

POINTS = 8192
"""Points of an object: n of the paper (GravityDB §4.2)."""


@dataclass(frozen=True)
class AskRows:
    """A sentences, each asked of one object, sorted by object; -1 where there is none.

    Attributes:
        sentence: (A,) long, index in `ContactRows.sentences`.
        object: (A,) long.
        target: (A,) long, row of `maps` and `groups`: where hands touch. Without one, it is not known, or nowhere
            (`absent`).
        skin: (A,) long, row of `skin_maps`.
        part: (A,) long, number of the part that is named.
        absent: (A,) bool, whether a part is named that the object has not.
    """

    sentence: Tensor
    object: Tensor
    target: Tensor
    skin: Tensor
    part: Tensor
    absent: Tensor

    def __len__(self) -> int:
        return len(self.sentence)


@dataclass(frozen=True)
class TouchRows:
    """N grasps by right hands and what they touch; a left hand's is read in the mirror, its object with it.

    Attributes:
        hands: in the object's frame, mirrored where that is said.
        mirrored: (N,) bool.
        object: (N, P / 8) uint8, packed: points of the object within 3 mm of the hand.
        skin: (N, ceil(V / 8)) uint8, packed: vertices of the hand within 3 mm of the object.
    """

    hands: HandState
    mirrored: Tensor
    object: Tensor
    skin: Tensor

    def __len__(self) -> int:
        return len(self.mirrored)


@dataclass(frozen=True)
class ContactRows:
    """What `ContactTask` trains on.

    Attributes:
        points, normals: (O, P, 3) of the objects' surfaces, evenly by area, in their own frames [m].
        parts: (O, P) int16, number of the part that each point belongs to, in its own object.
        maps: (M, P) uint8, 255 where a hand is most likely to touch for what is asked.
        skin_maps: (H, V) uint8, 255 for vertices that always touch.
        groups: M tensors of the grasps that a map is the mean of.
        asks: sentences and what they mean.
        touches: the grasps.
        sentences: all different ones.
        names: of the objects.
    """

    points: Tensor
    normals: Tensor
    parts: Tensor
    maps: Tensor
    skin_maps: Tensor
    groups: tuple[Tensor, ...]
    asks: AskRows
    touches: TouchRows
    sentences: tuple[str, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.points)

    def to(self, device: torch.device | str) -> ContactRows:
        """The same: it stays on the CPU, where batches are drawn."""
        return self


def unpacked(bits: Tensor, count: int) -> Tensor:
    """Masks (N, count) bool of their bits (N, ceil(count / 8)) uint8, as `numpy.packbits` packs them."""
    import numpy as np

    return torch.from_numpy(np.unpackbits(bits.numpy(), axis=-1, count=count)).bool()
