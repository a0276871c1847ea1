"""A hand as numbers of about one, and back."""

from __future__ import annotations

import roma
import torch
from torch import Tensor, nn

from handhold.geometry.sampling import farthest_points
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, SkinnedPoints, forward, place, surface_points

SIZE = 54
"""Two columns of the rotation, the wrist's place, 45 anatomical angles."""
WRIST_SCALE = 0.06
"""[m] of one unit of the wrist's place; wrists are some 12 cm from where a thumb touches."""


class HandCode(nn.Module):
    """Between a hand in a place's frame and a vector of `SIZE` numbers, and its points.

    Angles count from the middle of their range in half ranges, so that -1 to 1 keeps the joints' limits.

    Args:
        hand: a right hand, float32 on the CPU; its own tensors are not saved.
        count: how many of its vertices are looked at, spread over the skin, twice as densely on the palmar side.
    """

    seen: Tensor

    def __init__(self, hand: Hand, *, count: int) -> None:
        super().__init__()
        self.hand = hand
        self.register_buffer("seen", _spread(hand, count))

    def _apply(self, fn, recurse=True):
        moved = super()._apply(fn, recurse)
        self.hand = self.hand.to(device=self.seen.device)
        return moved

    @property
    def _range(self) -> tuple[Tensor, Tensor]:
        lower, upper = self.hand.anatomy.lower, self.hand.anatomy.upper
        return (lower + upper) / 2, ((upper - lower) / 2).clamp_min(0.05)

    def encode(self, state: HandState) -> Tensor:
        """(B, SIZE)."""
        middle, half = self._range
        wrist = state.wrist / WRIST_SCALE
        angles = (state.angles - middle) / half
        return torch.cat((state.rotation[..., :2].flatten(1), wrist, angles.flatten(1)), -1)

    def decode(self, code: Tensor, betas: Tensor) -> HandState:
        """Hands (B) of vectors (B, SIZE) and shapes (B, S), angles kept within their limits."""
        middle, half = self._range
        columns = code[:, :6].unflatten(-1, (3, 2))
        rotation = roma.special_gramschmidt(columns)
        angles = self.hand.anatomy.clamp(middle + half * code[:, 9:].unflatten(-1, (15, 3)))
        return HandState(rotation, WRIST_SCALE * code[:, 6:9], angles, betas)

    def points(self, state: HandState, *, all: bool = False) -> Tensor:
        """The vertices that are looked at, (B, n, 3) [m]; or all of them."""
        points = surface_points(self.hand, state.betas)
        return place(forward(self.hand, state), points if all else _some(points, self.seen))


def _some(points: SkinnedPoints, rows: Tensor) -> SkinnedPoints:
    return SkinnedPoints(points.rest[:, rows], points.weights[rows])


def _spread(hand: Hand, count: int) -> Tensor:
    """Vertices that spread out, two of three on the palmar side."""
    palmar, back = (torch.nonzero(side).squeeze(-1) for side in (hand.palmar, ~hand.palmar))
    front = min(2 * count // 3, len(palmar))
    parts = [
        side[farthest_points(hand.template[side], count=min(n, len(side)))]
        for side, n in ((palmar, front), (back, count - front))
    ]
    return torch.cat(parts)
