"""Objects with their hollows filled, for hands that are to keep out of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from handhold.geometry.grid_distance import GridDistance
from handhold.methods.synthesize.holdable import forbidden_faces, mesh_of
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

RESOLUTION = 96
"""Nodes along the longest side: a wall of 3 mm is one or two nodes thick."""


def filled_grid(obj: ObjectMesh | PartedObject) -> GridDistance:
    """Signed distances of an object as if all were solid that lies within its convex hull next to forbidden faces.

    A finger that is drawn a few millimetres too deep passes through the wall of a mug, and is in nothing behind it:
    whatever pushes hands out leaves it there, or pushes it further. Where the mug is solid, it comes out again.

    Args:
        obj: the object; what is forbidden are parts not to be held, or, without parts, the inside of hollows.

    Returns:
        A grid, kept with the mesh. In hollows it is good to a node or so.
    """
    mesh = mesh_of(obj)
    kept = mesh.__dict__.setdefault("_filled", {})
    parted = isinstance(obj, PartedObject)
    if parted not in kept:
        kept[parted] = _filled(mesh, forbidden_faces(obj, torch.Generator().manual_seed(0)))
    return kept[parted]


def _filled(mesh: ObjectMesh, forbidden: np.ndarray) -> GridDistance:
    grid = mesh.grid(resolution=RESOLUTION)
    values, step = grid.values[0].numpy(), float(grid.spacing[0])
    hollow = _hollow(mesh, forbidden, grid)
    if not hollow.any():
        return grid
    from scipy.ndimage import distance_transform_edt

    solid = hollow | (values <= 0)
    depth = step * (np.asarray(distance_transform_edt(solid)) - 1).clip(0)
    height = step * np.asarray(distance_transform_edt(~solid))
    filled = np.where(solid, -np.maximum(depth, -values), np.minimum(values, height))
    return replace(grid, values=torch.from_numpy(filled).float()[None])


def _hollow(mesh: ObjectMesh, forbidden: np.ndarray, grid: GridDistance) -> np.ndarray:
    """Nodes (X, Y, Z) outside the object, within its convex hull, and nearest to a forbidden face."""
    from scipy.spatial import ConvexHull, Delaunay, QhullError

    values = grid.values[0].numpy()
    hollow = np.zeros(values.shape, bool)
    try:
        hull = Delaunay(mesh.vertices[ConvexHull(mesh.vertices).vertices])
    except QhullError:  # it is flat
        return hollow
    if not forbidden.any():
        return hollow
    nodes = grid.origin[0].numpy() + float(grid.spacing[0]) * np.moveaxis(np.indices(values.shape), 0, -1)
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    within = (values > 0) & ((nodes >= low) & (nodes <= high)).all(-1)
    within[within] = hull.find_simplex(nodes[within]) >= 0
    hollow[within] = forbidden[mesh.distance.query(nodes[within].astype(float)).face]
    return hollow
