"""What a network sees of an object from a place on it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from handhold.geometry.basis_points import ball_points
from handhold.models.blocks import PointNet, Stack
from handhold.models.fastgrasp.config import FastGraspConfig

NEAR, FAR = -0.02, 0.08
"""Distances are cut to this range [m]: how deep, or how far off, says no more."""
SCALE = 0.04


@dataclass(frozen=True)
class Seen:
    """B objects, each seen from its own place, in the frame of that place.

    Attributes:
        distances: (B, K) signed distance of the object at the basis points [m]; None if the net sees points only.
        points: (B, P, 6) its points and normals nearest to the place [m]; None if the net sees distances only.
        part: (B, K) distance at the basis points to the part that is asked for [m]; NaN in rows that ask for none;
            None if no row does.
        type: (B,) long, the grasp type that is asked for; -1 for any.
        betas: (B, S) the hand's shape.
    """

    distances: Tensor | None
    points: Tensor | None
    part: Tensor | None
    type: Tensor
    betas: Tensor

    def __len__(self) -> int:
        return len(self.type)


class ObjectEncoder(nn.Module):
    """The feature of what is seen: geometry, part, grasp type, hand shape.

    What is not asked for (a part, a type) has a learnt feature of its own. Where nothing at all is to be known of the
    object, which guidance needs, the whole feature is the learnt `null`.

    Args:
        config: sizes.
    """

    basis: Tensor

    def __init__(self, config: FastGraspConfig) -> None:
        super().__init__()
        basis = ball_points(config.basis, radius=config.reach, crowding=config.crowding)
        self.register_buffer("basis", basis)
        self.sight, width = config.sight, config.object_width
        inputs = config.shapes
        if self.sight != "points":
            inputs += 2 * config.basis + 1
        if self.sight != "basis":
            self.pointnet = PointNet(6, config.object_widths)
            inputs += config.object_widths[-1]
        self.types = nn.Embedding(config.grasp_types + 1, 32)
        self.layers = Stack(inputs + 32, config.condition, width=width, depth=config.object_depth)
        self.null = nn.Parameter(0.1 * torch.randn(config.condition))

    def forward(self, seen: Seen) -> Tensor:
        """(B, condition)."""
        inputs = [seen.betas]
        if self.sight != "points":
            assert seen.distances is not None
            inputs += [_scaled(seen.distances), *self._part(seen)]
        if self.sight != "basis":
            assert seen.points is not None
            inputs.append(self.pointnet(seen.points * seen.points.new_tensor([10, 10, 10, 1, 1, 1])))
        inputs.append(self.types(seen.type + 1))
        return self.layers(torch.cat(inputs, -1))

    def forget(self, feature: Tensor, rows: Tensor) -> Tensor:
        """Features (B, condition) with those of some rows (B,) bool replaced by the null condition."""
        return torch.where(rows[:, None], self.null, feature)

    def _part(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Distances to the part, and whether one is asked for."""
        if seen.part is None:
            return seen.betas.new_zeros(len(seen), len(self.basis)), seen.betas.new_zeros(len(seen), 1)
        asked = ~seen.part.isnan().any(-1, keepdim=True)
        return torch.where(asked, _scaled(seen.part), 0.0), asked.to(seen.betas)


def _scaled(distances: Tensor) -> Tensor:
    return distances.clamp(NEAR, FAR) / SCALE - 0.5
