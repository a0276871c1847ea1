"""Where to look from: cameras that frame a grasp, and the choice of those that see the contact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from handhold.view.panel import Panel

ANGLE = np.deg2rad(24.0)
"""Vertical opening of the camera: long enough a lens that fingers near it do not swell."""
REACH = 2.6
"""Parts of the object farther from the hand's middle than this many hand diagonals may be cut off."""
SHOWS = (1.0, 0.6, 0.5)
"""How much it counts that contact, hand and object are seen."""
BELOW = 0.25
"""How much it counts against a view that it is from below."""
ELBOW = 2.0
"""How much it counts against a view that it is the elbow's."""
END_ON = 2.0
"""How much it counts against a view that it is along a shaft."""
APART = np.deg2rad(75.0)
"""Views of one scene differ by at least this angle [rad]."""


@dataclass(frozen=True)
class Camera:
    """A perspective camera.

    Attributes:
        position: (3,) where it stands [m].
        target: (3,) what it looks at [m].
        up: (3,) what is up in the picture.
    """

    position: np.ndarray
    target: np.ndarray
    up: np.ndarray


def fit_camera(
    points: np.ndarray, direction: np.ndarray, *, up: np.ndarray, aspect: float, margin: float = 1.08
) -> Camera:
    """The nearest camera on a given side that sees all points.

    Args:
        points: (n, 3) [m].
        direction: (3,) from the scene to the camera.
        up: (3,) what shall be up in the picture.
        aspect: width of the picture divided by its height.
        margin: air around the points; 1 for none.
    """
    back = direction / np.linalg.norm(direction)
    side = np.cross(up, back)
    if np.linalg.norm(side) < 1e-6:  # looking along the up axis
        side = np.cross([1.0, 0.0, 0.0] if abs(back[0]) < 0.9 else [0.0, 1.0, 0.0], back)
    side = side / np.linalg.norm(side)
    above = np.cross(back, side)
    depth = points @ back
    centre, distance = [], -np.inf
    # A point is seen if |x - centre| <= slope (distance - depth); the tightest pair of planes is exact.
    for axis, slope in ((side, np.tan(ANGLE / 2) * aspect / margin), (above, np.tan(ANGLE / 2) / margin)):
        low, high = np.max(slope * depth - points @ axis), np.max(slope * depth + points @ axis)
        centre.append((high - low) / 2)
        distance = max(distance, (high + low) / (2 * slope))
    target = centre[0] * side + centre[1] * above + np.median(depth) * back
    position = centre[0] * side + centre[1] * above + distance * back
    return Camera(position, target, above)


def framed_points(panels: Sequence[Panel]) -> np.ndarray:
    """The points that must be seen, (n, 3) [m]: whole hands, and the object as far as it is near them."""
    hand = np.concatenate([np.reshape(panel.hand_vertices, (-1, 3)) for panel in panels])
    thing = np.concatenate([np.reshape(panel.object_vertices, (-1, 3)) for panel in panels])
    still = panels[0].frame(0).hand_vertices
    reach = REACH * np.linalg.norm(np.ptp(still, axis=0))
    middle = (hand.min(0) + hand.max(0)) / 2
    spread = np.linalg.norm(hand - middle, axis=1).max()
    near = thing[np.linalg.norm(thing - middle, axis=1) < max(reach, spread)]
    return np.concatenate((hand, near))


def shaft_near(points: np.ndarray, hand: np.ndarray, *, within: float) -> np.ndarray | None:
    """The direction of what a hand holds, (3,), as long as that is slender: 0 for a ball, 1 for a line.

    Args:
        points: (n, 3) of the object [m].
        hand: (m, 3) where the hand touches it [m].
        within: how far from there the object counts [m].

    Returns:
        None where nothing is near.
    """
    if not len(hand):
        return None
    near = points[np.linalg.norm(points - hand.mean(0), axis=1) < within]
    if len(near) < 4:
        return None
    spread, axes = np.linalg.eigh(np.cov(near.T))
    return axes[:, 2] * (1.0 - np.sqrt(max(spread[1], 0.0) / max(spread[2], 1e-12)))


def choose_cameras(
    points: np.ndarray,
    look: Callable[[Camera], np.ndarray],
    *,
    up: np.ndarray,
    aspect: float,
    count: int = 2,
    forearm: np.ndarray | None = None,
    shaft: np.ndarray | None = None,
) -> list[Camera]:
    """Cameras from which the contact is seen best; the same input gives the same cameras.

    Args:
        points: (n, 3) all that must be in the picture [m].
        look: counts the pixels that a camera sees, (3,): what should be seen, hand, object.
        up: (3,) which way is up in the world.
        aspect: width of the picture divided by its height.
        count: how many; each is well apart from the others.
        forearm: (3,) unit direction from the hand to the elbow: from there, the wrist hides the fingers.
        shaft: (3,) direction of what is held, as long as that is slender (0 to 1): from its ends, it is a dot.
    """
    up = up / np.linalg.norm(up)
    directions = _directions(up)
    cameras = [fit_camera(points, direction, up=up, aspect=aspect) for direction in directions]
    seen = np.array([look(camera) for camera in cameras], float)
    # Seen along its length a long thing is near, and fills the picture: what counts is nearer to true area.
    away = np.array([np.linalg.norm(camera.position - camera.target) for camera in cameras])
    seen *= (away / away.max())[:, None]
    # Contact counts most; a view that hides the hand or the object entirely is poor whatever else it shows.
    score = (np.sqrt(seen / np.maximum(seen.max(0), 1.0)) * SHOWS).sum(1)
    score -= BELOW * (directions @ up < 0)
    if forearm is not None:
        score -= ELBOW * np.maximum(directions @ forearm - 0.5, 0.0)
    if shaft is not None:
        score -= END_ON * np.maximum(np.abs(directions @ shaft) - 0.3, 0.0)
    chosen: list[int] = []
    for _ in range(count):
        near = (directions @ directions[chosen].T > np.cos(APART)).any(1)
        chosen.append(int(np.argmax(score - 10.0 * near)))
    return [cameras[i] for i in chosen]


def _directions(up: np.ndarray) -> np.ndarray:
    """Unit directions around the up axis from slightly below to well above, (n, 3)."""
    first = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.9 else [0.0, 1.0, 0.0])
    first = first / np.linalg.norm(first)
    second = np.cross(up, first)
    found = []
    for height, around in ((-0.2, 10), (0.3, 12), (0.8, 8)):
        for turn in 2 * np.pi * np.arange(around) / around:
            flat = np.cos(turn) * first + np.sin(turn) * second
            found.append(np.cos(height) * flat + np.sin(height) * up)
    return np.array(found)
