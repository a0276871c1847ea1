"""The exact volume that a hand and an object share."""

from __future__ import annotations

import numpy as np

from handhold.geometry.distance import ExactDistance
from handhold.objects import ObjectMesh

VOXEL_M = 0.001
"""Pitch of the volume count where the object is no solid [m]."""


def intersection_volume_cm3(vertices: np.ndarray, faces: np.ndarray, obj: ObjectMesh) -> float:
    """Exact volume of the hand inside the object [cm3], by manifold3d's booleans.

    Where the object's mesh is no solid (`ObjectMesh.watertight_or_reason`), points of a 1 mm grid are counted
    that lie inside both by winding number.

    Args:
        vertices: (V, 3) hand surface in the object's frame [m].
        faces: (F, 3), closed.
        obj: the object.
    """
    import manifold3d

    points, triangles = np.asarray(vertices, float), np.asarray(faces)
    low, high = np.maximum(points.min(0), obj.vertices.min(0)), np.minimum(points.max(0), obj.vertices.max(0))
    if (low >= high).any():
        return 0.0
    solid = obj.manifold()
    if solid is None:
        return _counted_volume_cm3(points, triangles, obj, low, high)
    mesh = manifold3d.Mesh64(np.ascontiguousarray(points), triangles.astype(np.uint64))
    return float((manifold3d.Manifold(mesh) ^ solid).volume()) * 1e6


def _counted_volume_cm3(points: np.ndarray, faces: np.ndarray, obj: ObjectMesh, low, high) -> float:
    axes = [np.arange(a + VOXEL_M / 2, b, VOXEL_M) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    if not len(grid):
        return 0.0
    grid = grid[ExactDistance(points, faces).winding(grid) > 0.5]
    inside = obj.distance.winding(grid) > 0.5 if len(grid) else np.zeros(0)
    return float(inside.sum()) * VOXEL_M**3 * 1e6
