"""Grasps as tensors, for training: hands, what they hold, and where."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from handhold.geometry.grid_distance import GridDistance
from handhold.geometry.surface_frames import frames_on
from handhold.hand.kinematics import HandState

POINTS, PART_POINTS, RESOLUTION = 2048, 128, 48
"""Points of an object, points of a part, nodes along the longest side of an object's grid: in training and after."""


@dataclass(frozen=True)
class ObjectRows:
    """Objects, each in its own frame.

    Attributes:
        points, normals: (O, P, 3) of their surfaces, evenly by area [m].
        grid: their signed distances.
        part_points: (Q, S, 3) points of single parts of single objects [m].
        names: O of them.
    """

    points: Tensor
    normals: Tensor
    grid: GridDistance
    part_points: Tensor
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.points)

    def to(self, device: torch.device | str) -> ObjectRows:
        """The same on another device."""
        return ObjectRows(
            self.points.to(device),
            self.normals.to(device),
            self.grid.to(device),
            self.part_points.to(device),
            self.names,
        )


@dataclass(frozen=True)
class GraspRows:
    """N grasps by right hands; a left hand's grasp is read in the mirror, its object with it.

    Attributes:
        hands: in the object's frame, mirrored where that is said.
        mirrored: (N,) bool, whether x is to be taken negative in all that is of the object.
        object: (N,) long.
        type: (N,) long, number in `GRASP_TYPES`.
        part: (N,) long, row of `ObjectRows.part_points` that is held; -1 where none is said.
        places: (N, K) long, points of the object near to where the thumb touches.
        objects: what is held.
    """

    hands: HandState
    mirrored: Tensor
    object: Tensor
    type: Tensor
    part: Tensor
    places: Tensor
    objects: ObjectRows

    def __len__(self) -> int:
        return len(self.object)

    def to(self, device: torch.device | str) -> GraspRows:
        """The same on another device."""
        own = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "hands"}
        hands = HandState(*(getattr(self.hands, f.name).to(device) for f in fields(HandState)))
        return GraspRows(hands=hands, **own)

    def select(self, rows: Tensor) -> GraspRows:
        """Some of the grasps; the objects stay."""
        own = {
            f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name not in ("hands", "objects")
        }
        return replace(self, hands=self.hands.select(rows), **own)


@dataclass(frozen=True)
class Placed:
    """B objects seen from places on them: a place's frame has its origin on the surface, its third axis outwards.

    Attributes:
        objects: all objects.
        object: (B,) long.
        mirrored: (B,) bool.
        origin: (B, 3) of the places in the objects' (mirrored) frames [m].
        axes: (B, 3, 3) columns are the places' axes.
    """

    objects: ObjectRows
    object: Tensor
    mirrored: Tensor
    origin: Tensor
    axes: Tensor

    def select(self, rows: Tensor) -> Placed:
        """Some of the rows."""
        return Placed(
            self.objects, self.object[rows], self.mirrored[rows], self.origin[rows], self.axes[rows]
        )

    def to_object(self, points: Tensor) -> Tensor:
        """Points (B, n, 3) of the places' frames in the objects' own frames, not mirrored."""
        return mirror_rows(points @ self.axes.mT + self.origin[:, None], self.mirrored)

    def from_object(self, points: Tensor) -> Tensor:
        """Points (B, n, 3) of the objects' own frames in the places' frames."""
        return (mirror_rows(points, self.mirrored) - self.origin[:, None]) @ self.axes

    def turn_from_object(self, directions: Tensor) -> Tensor:
        """Directions (B, n, 3), as `from_object` does points."""
        return mirror_rows(directions, self.mirrored) @ self.axes

    def distances(self, points: Tensor) -> Tensor:
        """Signed distances (B, n) [m] at points (B, n, 3) of the places' frames, differentiable."""
        return self.objects.grid.query(self.to_object(points), self.object)[0]

    def hands(self, state: HandState) -> HandState:
        """Hands of the objects' (mirrored) frames in the places' frames."""
        wrist = ((state.wrist - self.origin)[:, None] @ self.axes).squeeze(1)
        return replace(state, rotation=self.axes.mT @ state.rotation, wrist=wrist)

    def hands_back(self, state: HandState) -> HandState:
        """The reverse of `hands`."""
        wrist = (self.axes @ state.wrist[..., None]).squeeze(-1) + self.origin
        return replace(state, rotation=self.axes @ state.rotation, wrist=wrist)


def place_grasps(rows: GraspRows, chosen: Tensor, generator: torch.Generator) -> tuple[Placed, HandState]:
    """Grasps seen from where their thumbs touch, the frames turned at random about the normals.

    Args:
        rows: all grasps.
        chosen: (B,) long.
        generator: source of randomness, on the CPU.

    Returns:
        The places, and the hands in their frames.
    """
    chosen = chosen.to(rows.object.device)
    count, choices = len(chosen), rows.places.shape[1]
    pick = torch.randint(choices, (count,), generator=generator).to(chosen.device)
    turn = (2 * torch.pi * torch.rand(count, generator=generator)).to(rows.hands.wrist)
    point = rows.places[chosen, pick]
    placed = place_at(rows.objects, rows.object[chosen], point, rows.mirrored[chosen], turn)
    return placed, placed.hands(rows.hands.select(chosen))


def place_at(objects: ObjectRows, object: Tensor, point: Tensor, mirrored: Tensor, turn: Tensor) -> Placed:
    """Places at numbered points (B,) of numbered objects (B,), turned by angles (B,) [rad]."""
    origin = mirror_rows(objects.points[object, point], mirrored)
    normal = mirror_rows(objects.normals[object, point], mirrored)
    return Placed(objects, object, mirrored, origin, frames_on(normal, turn))


def mirror_hands(state: HandState, rows: Tensor) -> HandState:
    """Right hands as the left hands that they stand for, or back, in some rows (B,) bool."""
    sign = mirror_rows(torch.ones_like(state.wrist), rows)
    turned = sign[:, :, None] * state.rotation * sign[:, None]
    return replace(state, rotation=turned, wrist=state.wrist * sign)


def mirror_rows(vectors: Tensor, rows: Tensor) -> Tensor:
    """Vectors (B, 3) or (B, n, 3) with x taken negative in some rows (B,) bool: seen in the mirror."""
    sign = torch.where(rows, -1.0, 1.0).to(vectors)
    sign = torch.stack((sign, torch.ones_like(sign), torch.ones_like(sign)), -1)
    return vectors * sign.view(-1, *[1] * (vectors.ndim - 2), 3)
