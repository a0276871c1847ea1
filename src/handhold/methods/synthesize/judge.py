"""How good a hand looks before anything is measured exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from handhold.hand import Hand
from handhold.hand.regions import REGIONS, region_masks
from handhold.hand.skeleton import FINGERS
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.interaction.table import Table

GIVE = 0.0015
"""Depth that soft tissue takes up [m]."""
DEEP, GAP, BELOW, SLIPS, THROUGH = 1.0, 0.3, 1.0, 5.0, 100.0
"""Cost of a millimetre of the deepest skin, of a finger's distance, of skin below the table [1/mm]; of a hand that will
surely not hold; of a bone that goes through the surface."""
REACH = 0.02
"""A finger further off than this costs no more [m]."""
TOUCH = 0.004
"""At this distance skin touches less by a factor e [m]."""
NEARLY = 0.005
"""Of some points of the skin, at this distance a region touches [m]; the nearest point lies between them."""
HOLD = (1.06, -47.0, 3.28)
"""Log odds that a squeezing hand holds an object: for any; for a metre between what touches and the centre of mass; for
skin that fully opposes other skin. A logistic regression on trials of the model's own hands on household
objects of training categories (tools/fit_hold.py)."""


@dataclass(frozen=True, eq=False)
class Near:
    """B hands at an object, in its frame.

    Attributes:
        points: (B, n, 3) the hands' points [m].
        distance: (B, n) signed distance of each [m].
        normal: (B, n, 3) its gradient, outward from the object.
    """

    points: Tensor
    distance: Tensor
    normal: Tensor


class Judge:
    """What is known of a hand's points, once for all hands.

    Args:
        hand: the hand.
        chosen: (n,) its vertices that are looked at.
    """

    def __init__(self, hand: Hand, chosen: Tensor) -> None:
        self.regions = masks = region_masks(hand)[:, chosen]
        self.areas = torch.stack([masks[REGIONS.index(name)] for name in (*FINGERS, "palm")])

    def cost(self, near: Near, *, centre: Tensor, table: Table | None) -> Tensor:
        """What is wrong with each of B hands, (B,); the least is best.

        The deepest skin beyond what tissue takes up and its mean over all, the distance of the thumb and of the two
        other fingers that come nearest, how likely the object is lost, skin below the table.

        Args:
            near: the hands.
            centre: (3,) the object's centre of mass, or (B, 3) each object's [m].
            table: what the object stands on.
        """
        depth = (-near.distance - GIVE).clamp_min(0)
        cost = DEEP * 1e3 * (depth.amax(-1) + 8 * depth.mean(-1))
        gaps = _least(near.distance, self.areas[:5]).clamp(0, REACH)
        others = gaps[:, 1:].sort(-1).values[:, :2]
        cost = cost + GAP * 1e3 * (gaps[:, 0] + others.sum(-1))
        cost = cost + SLIPS * (1 - self.holds(near, centre=centre))
        if table is not None:
            below = (-table.above(near.points)).clamp_min(0).amax(-1)
            cost = cost + BELOW * 1e3 * below
        return cost

    def first_met(self, near: Near, types: Sequence[str]) -> Tensor:
        """The first of some types whose rule each hand meets, as a number in `GRASP_TYPES`, (B,) long; -1 if none."""
        touched = (near.distance < NEARLY)[:, None] & self.regions
        touched, kinds = touched.any(-1), list(GRASP_TYPES)
        met = torch.full((len(touched),), -1)
        for name in reversed(types):
            met = torch.where(GRASP_TYPES[name].accepts(touched), kinds.index(name), met)
        return met

    def holds(self, near: Near, *, centre: Tensor) -> Tensor:
        """How likely squeezing fingers hold the object in six-way physics, (B,)."""
        lever, opposed = self.grip(near, centre=centre)
        return torch.sigmoid(HOLD[0] + HOLD[1] * lever + HOLD[2] * opposed)

    def grip(self, near: Near, *, centre: Tensor) -> tuple[Tensor, Tensor]:
        """What decides whether a hand holds.

        Args:
            near: the hands.
            centre: (3,) the object's centre of mass [m].

        Returns:
            (B,) how far the middle of what touches is from the centre [m]; (B,) how far two of thumb, fingers and palm
            oppose each other, 1 if both touch and face each other.
        """
        touching = torch.exp(-(near.distance.clamp_min(0) / TOUCH).square())
        each = touching[:, None] * self.areas  # (B, 6, n)
        weight = each.amax(-1)
        total = each.sum(-1, keepdim=True).clamp_min(1e-9)
        place = each @ near.points / total
        facing = normalize(each @ near.normal, dim=-1)
        middle = (weight[..., None] * place).sum(1) / weight.sum(-1, keepdim=True).clamp_min(1e-9)
        opposed = -(facing @ facing.mT) * weight[:, :, None] * weight[:, None]
        return (middle - centre).norm(dim=-1), opposed.amax((1, 2)).clamp_min(0)


def _least(distance: Tensor, areas: Tensor) -> Tensor:
    """(B, areas) distance of the nearest point of each area."""
    return torch.stack([distance[:, area].amin(-1) for area in areas], -1)
