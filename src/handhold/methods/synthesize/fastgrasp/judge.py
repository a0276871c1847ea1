"""How good a hand looks before anything is measured exactly."""

from __future__ import annotations

import torch
from torch import Tensor

from handhold.hand import Hand
from handhold.hand.regions import REGIONS, region_masks
from handhold.hand.skeleton import FINGERS
from handhold.interaction.table import Table

GIVE = 0.0015
"""Depth that soft tissue takes up [m]."""
DEEP, GAP, BELOW, THROUGH = 1.0, 0.3, 1.0, 100.0
"""Cost of a millimetre of the deepest skin, of a finger's distance, of skin below the table [1/mm]; of a bone that goes
through the surface."""
REACH = 0.02
"""A finger further off than this costs no more [m]."""


def predicted_cost(
    hand: Hand, chosen: Tensor, distances: Tensor, points: Tensor, *, table: Table | None
) -> Tensor:
    """What is wrong with each of B hands, (B,); the least is best.

    The deepest skin beyond what tissue takes up, its mean over all, the distance of the thumb and of the two other
    fingers that come nearest.

    Args:
        hand: the hand.
        chosen: (n,) its vertices that are looked at.
        distances: (B, n) signed distances of these to the object [m].
        points: (B, n, 3) where they are, in the object's frame [m].
        table: what the object stands on.
    """
    depth = (-distances - GIVE).clamp_min(0)
    cost = DEEP * 1e3 * (depth.amax(-1) + 8 * depth.mean(-1))
    masks = region_masks(hand)[:, chosen]
    pads = [masks[REGIONS.index(f)] for f in FINGERS]
    gaps = torch.stack([distances[:, pad].amin(-1) for pad in pads], -1).clamp(0, REACH)
    others = gaps[:, 1:].sort(-1).values[:, :2]
    cost = cost + GAP * 1e3 * (gaps[:, 0] + others.sum(-1))
    if table is not None:
        below = (-table.above(points)).clamp_min(0).amax(-1)
        cost = cost + BELOW * 1e3 * below
    return cost
