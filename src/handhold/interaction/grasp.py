"""The value that travels through the house: a hand, an object, and how they meet."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from handhold.hand import Hand, HandParams, HandSurface
from handhold.objects import ObjectMesh


@dataclass(frozen=True)
class Contact:
    """Where hand and object are meant to touch, as weights in [0, 1].

    Attributes:
        hand: (V,) weight per hand vertex.
        object: (N,) weight per object vertex; or, with points, (P,) one for each of them.
        points: (P, 3) on the object's surface, in its own frame [m].
    """

    hand: Tensor | None = None
    object: Tensor | None = None
    points: Tensor | None = None

    def on_vertices(self, vertices: Tensor) -> Tensor | None:
        """Weights (N,) of the object's vertices (N, 3) in its own frame [m]; each has its nearest point's, if there are
        points."""
        if self.object is None or self.points is None:
            return self.object
        return self.object[nearest_of(vertices, self.points)]


def nearest_of(points: Tensor, others: Tensor) -> Tensor:
    """Index (N,) of the nearest of others (M, 3) to each of points (N, 3)."""
    from scipy.spatial import KDTree

    found = KDTree(others.detach().cpu().numpy()).query(points.detach().cpu().numpy())[1]
    return torch.from_numpy(found).to(others.device)


@dataclass(frozen=True)
class Grasp:
    """A hand holding an object; with a leading time axis and `fps`, a motion.

    Attributes:
        hand: the hand model.
        params: hand parameters in the world frame, no batch axis or one of time.
        object: the object, in its own frame.
        T_world_object: (*, 4, 4) maps object points to world points [m].
        offsets: (*, V, 3) soft tissue, free vertex offsets in the world frame [m]; None for none.
        keypoints: (*, 21, 3) the observed keypoints, MANO's order, world frame [m], NaN where missing.
        contact: contact masks if known.
        instruction: what the grasp is for, if known.
        fps: frames a second; None for a single grasp.
        name: what reports call it.
    """

    hand: Hand
    params: HandParams
    object: ObjectMesh
    T_world_object: Tensor
    offsets: Tensor | None = None
    keypoints: Tensor | None = None
    contact: Contact | None = None
    instruction: str | None = None
    fps: float | None = None
    name: str = "grasp"

    @property
    def is_motion(self) -> bool:
        """Whether there is a time axis."""
        return self.params.transl.ndim == 2

    def fitted(self) -> HandSurface:
        """The hand model's own surface, before soft tissue, in the world frame."""
        return self.hand(self.params)

    def surface(self) -> HandSurface:
        """The hand's surface with its soft tissue, world frame; the five tips are points of this surface."""
        fitted = self.fitted()
        if self.offsets is None:
            return fitted
        vertices = fitted.vertices + self.offsets
        joints = torch.cat((fitted.joints[..., :16, :], vertices[..., self.hand.tip_vertices, :]), -2)
        return HandSurface(vertices, joints, fitted.T_world_joint)

    def object_vertices(self) -> Tensor:
        """The object's vertices in the world frame, (*, N, 3) [m]."""
        pose = self.T_world_object
        vertices = torch.as_tensor(self.object.vertices, dtype=pose.dtype, device=pose.device)
        return vertices @ pose[..., :3, :3].mT + pose[..., None, :3, 3]

    def with_(self, **changes) -> Grasp:
        """A copy with some fields changed."""
        return replace(self, **changes)
