"""What was told of an object and its hand, as painted meshes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from handhold.cli.panels import UP
from handhold.geometry.painted import Carrier, PaintedMesh, carrier, fine_mesh
from handhold.hand import Hand
from handhold.io.scene import Up
from handhold.models.contact.tell import ToldContact
from handhold.objects import ObjectMesh
from handhold.view.colours import heat_colours

FACES = 80_000
"""Faces of a painted object at most."""
BESIDE = 0.04
"""Gap between the object and the hand beside it [m]."""
FRONT = {"z": (0.0, -1.0, 0.0), "y": (0.0, 0.0, 1.0)}
"""Where one stands to look at a thing from the front, for each upward axis."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """An object and a hand that any number of sentences are painted on.

    Attributes:
        obj: the object.
        T_world_object: (4, 4).
        up: the world's upward axis.
        hand: the hand whose vertices the sentences' masks are for; it is drawn at rest.
        points, normals: (P, 3) of the object, of which contact is known [m].
    """

    obj: ObjectMesh
    T_world_object: np.ndarray
    up: Up
    hand: Hand
    points: np.ndarray
    normals: np.ndarray

    @property
    def spacing(self) -> float:
        """How far the points are apart, about [m]: finer faces would show no more."""
        triangles = self.obj.vertices[self.obj.faces]
        area = np.linalg.norm(
            np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=-1
        )
        return float(np.sqrt(0.5 * area.sum() / len(self.points)))

    @cached_property
    def _thing(self) -> tuple[PaintedMesh, Carrier]:
        vertices, normals, faces = fine_mesh(
            self.obj.vertices, self.obj.faces, edge=1.2 * self.spacing, most=FACES
        )
        plain = PaintedMesh(
            self.obj.name, vertices, normals, faces, np.ones_like(vertices), self.T_world_object
        )
        return plain, carrier(self.points, self.normals, vertices, normals)

    @cached_property
    def _on_vertices(self) -> Carrier:
        import torch

        from handhold.geometry.mesh import vertex_normals

        vertices, faces = torch.from_numpy(self.obj.vertices), torch.from_numpy(self.obj.faces)
        return carrier(self.points, self.normals, self.obj.vertices, vertex_normals(vertices, faces).numpy())

    @cached_property
    def _hand(self) -> PaintedMesh:
        """The hand at rest, as it stands beside the object: fingers up, palm to the front."""
        import torch

        from handhold.geometry.mesh import vertex_normals

        vertices = self.hand.template.double()
        faces = self.hand.faces
        normals = vertex_normals(vertices, faces)
        surface = self.hand(self.hand.zeros())
        fingers = (surface.joints[[4, 1, 10]].mean(0) - surface.joints[0]).double()  # knuckles, and the wrist
        facing = normals[self.hand.palmar].mean(0)
        frame = _frame(fingers.numpy(), facing.numpy())
        turn = _frame(np.asarray(UP[self.up]), np.asarray(FRONT[self.up])) @ frame.T
        pose = np.eye(4)
        pose[:3, :3] = turn
        pose[:3, 3] = self._beside(vertices.numpy() @ turn.T)
        colours = torch.ones_like(vertices).numpy()
        name = f"{self.hand.side}_hand"
        return PaintedMesh(name, vertices.numpy(), normals.numpy(), faces.numpy(), colours, pose)

    def _beside(self, turned: np.ndarray) -> np.ndarray:
        """Where the hand's own origin goes, so that it stands to the object's right, level with its middle."""
        thing = self.obj.vertices @ self.T_world_object[:3, :3].T + self.T_world_object[:3, 3]
        shift = (thing.min(0) + thing.max(0)) / 2 - (turned.min(0) + turned.max(0)) / 2
        shift[0] = thing[:, 0].max() + BESIDE - turned[:, 0].min()
        return shift

    @cached_property
    def points_world(self) -> tuple[np.ndarray, np.ndarray]:
        """The points and their normals in the world frame, (P, 3) each [m]."""
        turn, shift = self.T_world_object[:3, :3], self.T_world_object[:3, 3]
        return self.points @ turn.T + shift, self.normals @ turn.T

    def thing(self, told: ToldContact) -> PaintedMesh:
        """The object, painted; in its own frame."""
        return replace(self._thing[0], colours=heat_colours(self._thing[1](told.object.numpy())))

    def resting(self, told: ToldContact) -> PaintedMesh:
        """The hand, painted; in its own frame."""
        return replace(self._hand, colours=heat_colours(told.hand.numpy()))

    def on_vertices(self, told: ToldContact) -> np.ndarray:
        """Weights of the object's own vertices, (N,)."""
        return self._on_vertices(told.object.numpy())


def _frame(up: np.ndarray, front: np.ndarray) -> np.ndarray:
    """Right-handed axes as columns: the second is `up`, the third as near to `front` as can be."""
    up = up / np.linalg.norm(up)
    front = front - (front @ up) * up
    front = front / np.linalg.norm(front)
    return np.stack((np.cross(up, front), up, front), axis=1)
