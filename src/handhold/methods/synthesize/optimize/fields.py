"""Distances to several targets at once, so that hands of one batch may have different ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from handhold.geometry.grid_distance import GridDistance
from handhold.methods.synthesize.optimize.target import Target, plane

SAMPLED = 0.003
"""Distances to a part are to points on it, which lie so far apart [m]."""


@dataclass(frozen=True)
class Fields:
    """What hands feel of K targets; rows say which by their number (B,) long.

    Attributes:
        solid: distance to the O objects.
        object: (K,) long, the object of each target.
        part: distance to the wanted faces of each target.
        room: room to what is in the way, negative where there is none.
        tables: (K, 4) up and height.
        parted: (K,) bool, whether a part was asked for.
        crowded: (K,) bool, whether anything is in the way.
    """

    solid: GridDistance
    object: Tensor
    part: GridDistance
    room: GridDistance
    tables: Tensor
    parted: Tensor
    crowded: Tensor

    @staticmethod
    def of(targets: list[Target]) -> Fields:
        """The fields of targets, in order; targets on one mesh share its grid."""
        meshes = list(dict.fromkeys(target.mesh for target in targets))
        return Fields(
            GridDistance.stack([mesh.grid() for mesh in meshes]),
            torch.tensor([meshes.index(target.mesh) for target in targets]),
            GridDistance.stack([target.distance for target in targets]),
            GridDistance.stack([target.room for target in targets]),
            torch.stack([plane(target.table) for target in targets]),
            torch.tensor([target.part is not None for target in targets]),
            torch.tensor([bool((target.room.values < 0).any()) for target in targets]),
        )

    def surface(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Signed distance (B, n) and its gradient (B, n, 3) at points (B, n, 3) [m]."""
        return self.solid.query(points, self.object[rows])

    def beyond_part(self, points: Tensor, distance: Tensor, rows: Tensor) -> Tensor:
        """How much further the part is than the object, whose distance (B, n) is known, (B, n) [m]."""
        if not self.parted[rows].any():
            return torch.zeros_like(distance)
        further = self.part.query(points, rows)[0] - distance.abs() - SAMPLED
        return further.clamp_min(0) * self.parted[rows][:, None]

    def crowding(self, points: Tensor, rows: Tensor) -> Tensor:
        """How much points are too near to what is in the way, (B, n) [m]."""
        if not self.crowded[rows].any():
            return torch.zeros_like(points[..., 0])
        return (-self.room.query(points, rows)[0]).clamp_min(0)

    def above_table(self, points: Tensor, rows: Tensor) -> Tensor:
        """How far points are above what the object stands on, (B, n) [m]."""
        tables = self.tables[rows].to(points)
        return (points @ tables[:, :3, None]).squeeze(-1) - tables[:, 3:]
