"""From where a heat map on an object is seen best: told from points on its surface, before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handhold.view.camera import Camera, choose_cameras, fit_camera

CELL = 1.8
"""Side of the cells that points hide each other in, in mean distances between points: few cells stay empty."""
BEHIND = 2.0
"""So many cells behind the foremost point of its cell, a point is hidden."""


def front_and_back(
    points: np.ndarray,
    normals: np.ndarray,
    marks: Sequence[np.ndarray],
    *,
    frame: np.ndarray,
    up: np.ndarray,
    aspect: float,
) -> tuple[Camera, Camera]:
    """The camera that sees most of what is marked, and one from behind at the same height.

    Args:
        points: (P, 3) spread evenly by area over the object, in the world frame [m].
        normals: (P, 3) unit, outward.
        marks: (P,) bool each, points to be seen; each mark counts alike, however much it covers. None: any view.
        frame: (n, 3) all that must be in the picture [m].
        up: (3,) which way is up in the world.
        aspect: width of the picture divided by its height.
    """
    marks = [mark for mark in marks if mark.any()]
    spacing = float(np.linalg.norm(np.ptp(points, axis=0))) / np.sqrt(len(points))

    def look(camera: Camera) -> np.ndarray:
        away = camera.position - camera.target
        distance = float(np.linalg.norm(away))
        seen = seen_area(points, normals, away / distance, cell=CELL * spacing) / distance**2
        marked = sum((seen[mark].sum() / seen.sum() for mark in marks), 0.0) / max(len(marks), 1)
        return 1e6 * np.array([marked * seen.sum(), 0.0, seen.sum()])  # pixels, but for a factor

    (front,) = choose_cameras(frame, look, up=up, aspect=aspect, count=1)
    up = up / np.linalg.norm(up)
    direction = front.position - front.target
    behind = 2 * (direction @ up) * up - direction
    return front, fit_camera(frame, behind, up=up, aspect=aspect)


def seen_area(points: np.ndarray, normals: np.ndarray, towards: np.ndarray, *, cell: float) -> np.ndarray:
    """How large each point's piece of surface looks from afar, 0 where it faces away or something hides it.

    Args:
        points: (P, 3) [m].
        normals: (P, 3) unit.
        towards: (3,) unit, from the object to who looks at it.
        cell: points hide each other in square cells of this side [m].

    Returns:
        (P,) in [0, 1].
    """
    facing = normals @ towards
    across = np.linalg.svd(towards[None])[2][1:]
    place = np.floor(points @ across.T / cell).astype(np.int64)
    place -= place.min(0)
    which = place[:, 0] * (place[:, 1].max() + 1) + place[:, 1]
    depth = points @ towards
    foremost = np.full(which.max() + 1, -np.inf)
    np.maximum.at(foremost, which, depth)
    return np.where(depth > foremost[which] - BEHIND * cell, np.maximum(facing, 0.0), 0.0)
