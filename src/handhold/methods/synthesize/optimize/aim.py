"""Which patches of a hand are to touch, which are to stay clear, and in what posture."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from handhold.hand import Hand
from handhold.hand.kinematics import forward, place
from handhold.hand.regions import LONG_FINGERS, REGIONS
from handhold.hand.skeleton import FINGERS
from handhold.interaction.grasp_types import GRASP_TYPES, GraspType
from handhold.methods.synthesize.optimize.fields import Fields
from handhold.methods.synthesize.optimize.start import Starts
from handhold.methods.synthesize.optimize.watched import Watched

WITHIN = {"palm": 0.030, "pad": 0.020, "side": 0.015}
"""Regions of a type's `touches` that are nearer than this after closing are to touch, by opposition [m]."""
PALM = 1.0
"""How much the palm's touch counts against a finger's."""
TURNED = 0.01
"""A patch that faces the surface squarely counts as this much nearer than one turned away by a right angle [m]."""


@dataclass(frozen=True)
class Aim:
    """What each of B hands is to do.

    Attributes:
        required: (B, P) weights of patches that are to touch.
        idle: (B, P) bool, patches of fingers that are to stay clear.
        open: (B, 15, 3) the type's open posture [rad].
        closing: (B, 15, 3) how it closes, the fastest angle 1 or -1.
    """

    required: Tensor
    idle: Tensor
    open: Tensor
    closing: Tensor

    def select(self, rows: Tensor) -> Aim:
        """Some of the rows."""
        return Aim(*(getattr(self, f.name)[rows] for f in fields(Aim)))


@torch.no_grad()
def aim_at(hand: Hand, watched: Watched, around: Fields, starts: Starts) -> Aim:
    """The nearest patch of each region that a type's rule needs, and of what else it uses and is near enough."""
    pose = forward(hand, starts.state)
    world = place(pose, watched.of(len(starts))[watched.patches])
    distance, gradient = around.surface(world, starts.target)
    distance = distance.abs() + around.beyond_part(world, distance, starts.target)
    outward = (pose.rotation[:, watched.joints] @ watched.normals[..., None]).squeeze(-1)
    cost = distance + TURNED * (1 + (outward * gradient).sum(-1))
    required, idle = torch.zeros_like(distance), torch.zeros_like(distance, dtype=torch.bool)
    for number, kind in enumerate(GRASP_TYPES.values()):
        rows = torch.nonzero(starts.type == number).squeeze(-1)
        if len(rows):
            required[rows] = _required(kind, watched.regions, cost[rows], distance[rows])
            idle[rows] = _idle(kind, watched.regions)
    kinds = list(GRASP_TYPES.values())
    opened = torch.stack([kind.angles for kind in kinds]).to(hand.template)
    closing = torch.stack([kind.closing for kind in kinds]).to(hand.template)
    return Aim(required, idle, opened[starts.type], closing[starts.type])


def _required(kind: GraspType, regions: Tensor, cost: Tensor, distance: Tensor) -> Tensor:
    required = torch.zeros_like(distance)
    own = torch.where(regions[:, None], cost, torch.inf)  # (R, B, P)
    nearest = own.min(-1)

    def want(region: int, rows: Tensor) -> None:
        if regions[region].any():
            weight = PALM if REGIONS[region] in ("palm", "web") else 1.0
            chosen = nearest.indices[region][rows, None]
            required[rows] = required[rows].scatter_reduce(
                1, chosen, torch.full_like(chosen, weight, dtype=required.dtype), "amax"
            )

    for name in kind.touches:
        region = REGIONS.index(_tip_of(name))
        reach = distance.gather(1, nearest.indices[region][:, None]).squeeze(1)
        want(region, torch.nonzero(reach < WITHIN[kind.opposition]).squeeze(-1))
    for need in kind.minimum:
        columns = torch.tensor([REGIONS.index(_tip_of(name)) for name in need.regions])
        best = nearest.values[columns].argsort(0)[: need.count]
        for rank in best:
            for region in columns[rank].unique():
                want(int(region), torch.nonzero(columns[rank] == region).squeeze(-1))
    return required


def _tip_of(name: str) -> str:
    """A thumb presses with its last bone, whatever the rule allows."""
    return "thumb_distal" if name == "thumb" else name


def _idle(kind: GraspType, regions: Tensor) -> Tensor:
    """Patches (P,) of fingers that a type does not use."""
    used = {name.split("_")[0] for name in kind.touches}
    idle = [finger for finger in (*LONG_FINGERS, FINGERS[0]) if finger not in used]
    own = [regions[REGIONS.index(finger)] for finger in idle]
    return torch.stack(own).any(0) if own else torch.zeros_like(regions[0])
