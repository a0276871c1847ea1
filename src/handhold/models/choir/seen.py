"""What JointDiffusion sees of a grasp, and from where."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, keypoint_points, place, surface_points
from handhold.interaction.choir.basis import anchor_distances, assigned_anchors
from handhold.interaction.choir.encode import Surfaces, frame_objects, place_basis
from handhold.models.choir.config import JointDiffusionConfig
from handhold.models.grasp_rows import mirror_rows


@dataclass(frozen=True)
class View:
    """From where B grasps are seen; everything in the frames of their objects (mirrored where that is said).

    Attributes:
        centre: (B, 3) of the basis points [m].
        axes: (B, 3, 3) of the basis points, as columns.
        reach: (B,) of the basis points [m].
    """

    centre: Tensor
    axes: Tensor
    reach: Tensor

    def __len__(self) -> int:
        return len(self.centre)

    def into(self, points: Tensor) -> Tensor:
        """Points (B, n, 3) of the objects' frames, in the view's."""
        return (points - self.centre[:, None]) @ self.axes

    def out(self, points: Tensor) -> Tensor:
        """The reverse of `into`."""
        return points @ self.axes.mT + self.centre[:, None]


@dataclass(frozen=True)
class Seen:
    """B grasps that are to be drawn.

    Attributes:
        view: from where.
        object: (B, M) distance of the basis points to the objects [m].
        hand: (B, M) distance of the basis points to the anchors of the noisy hands [m].
        keypoints: (B, 53, 3) joints and anchors of the noisy hands in the view [m].
        points: (B, P, 3) of the objects in the view [m].
        known: (B,) bool, whether a noisy hand is known; where not, nothing of it is looked at but its view.
        betas: (B, S) the hands' shapes.
    """

    view: View
    object: Tensor
    hand: Tensor
    keypoints: Tensor
    points: Tensor
    known: Tensor
    betas: Tensor

    def __len__(self) -> int:
        return len(self.view)

    def select(self, rows: Tensor) -> Seen:
        """Some of the rows."""
        own = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "view"}
        return Seen(View(*(getattr(self.view, f.name)[rows] for f in fields(View))), **own)


def keypoints_of(hand: Hand, state: HandState) -> Tensor:
    """21 joints (MANO's order) and 32 anchors of hands, (B, 53, 3) [m]."""
    pose = forward(hand, state)
    anchors = surface_points(hand, state.betas)[hand.anchors.vertices]
    return torch.cat([place(pose, points) for points in (keypoint_points(hand, state.betas), anchors)], 1)


def view_of(
    config: JointDiffusionConfig,
    things: Surfaces,
    object: Tensor,
    mirrored: Tensor,
    keypoints: Tensor,
    turn: Tensor,
) -> View:
    """Where grasps are seen from, as a configuration says.

    Args:
        config: the model's.
        things: objects.
        object: (B,) long.
        mirrored: (B,) bool, rows whose object is meant in the mirror.
        keypoints: (B, 53, 3) of the noisy hands [m].
        turn: (B, 3, 3) of the noisy hands.
    """
    if config.frame == "hand":
        centre = keypoints[:, 21:].mean(1)
        return View(centre, turn, torch.full_like(centre[:, 0], config.reach))
    low, high = things.points.amin(1), things.points.amax(1)
    middle, reach = frame_objects(low, high, names=(), config=config.choir)
    eye = torch.eye(3).to(turn).expand_as(turn)
    return View(mirror_rows(middle[object], mirrored), eye, reach[object])


def look(
    config: JointDiffusionConfig,
    things: Surfaces,
    object: Tensor,
    mirrored: Tensor,
    view: View,
    *,
    keypoints: Tensor,
    known: Tensor,
    betas: Tensor,
) -> Seen:
    """What is seen of B grasps.

    Args:
        config: the model's.
        things: objects.
        object: (B,) long.
        mirrored: (B,) bool.
        view: from where.
        keypoints: (B, 53, 3) of the noisy hands in the objects' (mirrored) frames [m].
        known: (B,) bool.
        betas: (B, S).
    """
    basis = place_basis(view.centre, view.reach, view.axes, config=config.choir)
    distance = things.grid.query(mirror_rows(basis, mirrored), object)[0]
    assigned = assigned_anchors(config.choir).to(basis.device)
    every = things.points[object][:, : config.points] if config.form == "keypoints" else things.points[:1, :0]
    every = every.expand(len(view), -1, -1)
    return Seen(
        view,
        distance if config.signed else distance.abs(),
        anchor_distances(basis, keypoints[:, 21:], assigned),
        view.into(keypoints),
        view.into(mirror_rows(every, mirrored)),
        known,
        betas,
    )
