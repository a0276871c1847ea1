"""A ball that stands for the hand, in a block: volumes and depths that are known."""

import numpy as np
import trimesh

from handhold.interaction.hand_object import HandObject
from handhold.objects import ObjectMesh

RADIUS = 0.03


def block(*, size: float = 0.2) -> ObjectMesh:
    mesh = trimesh.creation.box(extents=(size, size, size))
    return ObjectMesh.from_arrays(np.asarray(mesh.vertices), np.asarray(mesh.faces), name="block")


def ball_in_block(depth: float, *, name: str = "ball", **more) -> HandObject:
    """A ball that is `depth` [m] deep in the top of a block."""
    ball = trimesh.creation.icosphere(subdivisions=4, radius=RADIUS)
    vertices = np.asarray(ball.vertices) + np.array([0, 0, 0.1 + RADIUS - depth])
    return HandObject(name, vertices, np.asarray(ball.faces), block(), np.eye(4), **more)


def moved(pair: HandObject, matrix: np.ndarray) -> HandObject:
    """The whole scene moved by a rigid pose (4, 4)."""
    from dataclasses import replace

    def place(points):
        return None if points is None else points @ matrix[:3, :3].T + matrix[:3, 3]

    points = {k: place(getattr(pair, k)) for k in ("hand_vertices", "joints", "fitted_vertices", "keypoints")}
    return replace(pair, **points, T_world_object=matrix @ pair.T_world_object)
