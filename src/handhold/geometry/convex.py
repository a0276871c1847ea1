"""Convex pieces: closed convex surfaces, as physics engines want them."""

from __future__ import annotations

import numpy as np

Piece = tuple[np.ndarray, np.ndarray]
"""Vertices (N, 3) float64 [m] and outward faces (M, 3) int64 of one convex surface."""


def convex_hull(points: np.ndarray) -> Piece | None:
    """The convex hull of points (n, 3) as a piece; None if they are fewer than four or lie in one plane."""
    from scipy.spatial import ConvexHull, QhullError

    if len(points) < 4:
        return None
    try:
        hull = ConvexHull(points, qhull_options="Qt")
    except QhullError:
        return None
    used, faces = np.unique(hull.simplices, return_inverse=True)
    vertices, faces = hull.points[used], faces.reshape(-1, 3)
    a, b, c = vertices[faces].transpose(1, 0, 2)
    inward = (np.cross(b - a, c - a) * hull.equations[:, :3]).sum(1) < 0
    faces[inward] = faces[inward][:, ::-1]
    return vertices, faces


def piece_volume(piece: Piece) -> float:
    """Volume of a closed surface with outward faces [m³]."""
    vertices, faces = piece
    a, b, c = (vertices - vertices.mean(0))[faces].transpose(1, 0, 2)
    return float((np.cross(a, b) * c).sum() / 6)
