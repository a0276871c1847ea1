"""Plane and space curves that the objects are drawn with: fillets, splines, outlines, walls."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Points = np.ndarray | Sequence[Sequence[float]]

ARC = math.radians(24)
"""Most that one segment of a rounded corner turns [rad]."""


def fillet(points: Points, radii: float | Sequence[float], *, closed: bool = False) -> np.ndarray:
    """A polyline with rounded corners, (n, 2) [m]; a radius is reduced where its neighbours leave no room.

    Args:
        points: (N, 2) corners [m].
        radii: of each corner, (N,), or one for all [m]; the ends of an open line stay.
        closed: whether the last corner joins the first.
    """
    points = np.asarray(points, np.float64)
    reaches = np.broadcast_to(np.asarray(radii, np.float64), len(points))
    out: list[np.ndarray] = []
    for i, corner in enumerate(points):
        if reaches[i] <= 0 or (not closed and i in (0, len(points) - 1)):
            out.append(corner[None])
            continue
        back, ahead = points[i - 1] - corner, points[(i + 1) % len(points)] - corner
        room = 0.49 * min(np.linalg.norm(back), np.linalg.norm(ahead))
        back, ahead = back / np.linalg.norm(back), ahead / np.linalg.norm(ahead)
        turn = math.pi - math.acos(np.clip(back @ ahead, -1, 1))
        if turn < 1e-3:
            out.append(corner[None])
            continue
        reach = min(reaches[i] * math.tan(turn / 2), room)
        radius = reach / math.tan(turn / 2)
        middle = (back + ahead) / np.linalg.norm(back + ahead)
        centre = corner + middle * math.hypot(reach, radius)
        angles = np.linspace(-turn / 2, turn / 2, max(2, math.ceil(turn / ARC) + 1))
        side = np.array([-middle[1], middle[0]])
        if side @ ahead < 0:
            side = -side
        out.append(centre + radius * (np.outer(np.sin(angles), side) - np.outer(np.cos(angles), middle)))
    return np.concatenate(out)


def spline(points: Points, *, step: float, closed: bool = False) -> np.ndarray:
    """A smooth curve through points of any dimension (centripetal Catmull-Rom), (n, d) [m].

    Args:
        points: (N, d) [m].
        step: distance between the curve's points, about [m].
        closed: whether the curve returns to its first point (which is not repeated).
    """
    points = np.asarray(points, np.float64)
    if closed:
        padded = np.concatenate((points[-1:], points, points[:2]))
    else:
        padded = np.concatenate((2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]))
    out = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        gaps = [max(float(np.linalg.norm(q - p)), 1e-9) ** 0.5 for p, q in ((a, b), (b, c), (c, d))]
        t = np.cumsum([0.0, *gaps])
        count = max(1, round(np.linalg.norm(c - b) / step))
        u = np.linspace(t[1], t[2], count + 1)[:-1, None]
        ab, bc, cd = (
            ((t[i + 1] - u) * p + (u - t[i]) * q) / (t[i + 1] - t[i])
            for i, (p, q) in enumerate(((a, b), (b, c), (c, d)))
        )
        first = ((t[2] - u) * ab + (u - t[0]) * bc) / (t[2] - t[0])
        second = ((t[3] - u) * bc + (u - t[1]) * cd) / (t[3] - t[1])
        out.append(((t[2] - u) * first + (u - t[1]) * second) / (t[2] - t[1]))
    if not closed:
        out.append(points[-1:])
    return np.concatenate(out)


def divided(points: Points, step: float, *, closed: bool = False) -> np.ndarray:
    """The same polyline with points added so that no segment is longer than a step [m]."""
    points = np.asarray(points, np.float64)
    ends = np.roll(points, -1, 0) if closed else points[1:]
    out = []
    for a, b in zip(points, ends, strict=False):
        count = max(1, math.ceil(np.linalg.norm(b - a) / step - 1e-9))
        out.append(a + (b - a) * np.arange(count)[:, None] / count)
    return np.concatenate(out if closed else [*out, points[-1:]])


def oval(width: float, height: float, *, power: float = 2.0, count: int = 24) -> np.ndarray:
    """A superellipse about the origin, (count, 2), counter-clockwise [m]; power 2: an ellipse, 4: a squircle."""
    angle = np.linspace(0, 2 * math.pi, count, endpoint=False)
    x, y = np.cos(angle), np.sin(angle)
    shape = (np.abs(x) ** power + np.abs(y) ** power) ** (-1 / power)
    return np.stack((width / 2 * shape * x, height / 2 * shape * y), 1)


def rectangle(width: float, height: float, *, radius: float) -> np.ndarray:
    """A rounded rectangle about the origin, counter-clockwise, (n, 2) [m]."""
    x, y = width / 2, height / 2
    return fillet([(-x, -y), (x, -y), (x, y), (-x, y)], radius, closed=True)


def arc(
    centre: Sequence[float], radius: float | Sequence[float], start: float, end: float, *, count: int
) -> np.ndarray:
    """Points on a circle or ellipse about a centre, from one angle to another [deg], (count, 2) [m]."""
    angle = np.radians(np.linspace(start, end, count))
    return np.asarray(centre) + np.asarray(radius) * np.stack((np.cos(angle), np.sin(angle)), 1)


def vessel(
    outer: Points, *, wall: float, floor: float, step: float, rim: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The half section of a hollow vessel with an even wall and a round rim.

    Args:
        outer: (N, 2) as (r, z), its outside from the axis at the bottom to the rim [m].
        wall: thickness [m].
        floor: height of the inner floor over z = 0 [m].
        step: longest segment of the section [m].
        rim: how far down from the edge counts as rim [m]; None: as much as the wall is thick.

    Returns:
        Profile (n, 2) from axis to axis, and of each of its n - 1 bands 0 (outside), 1 (rim) or 2 (inside).
    """
    outer = divided(outer, step)
    fine = divided(outer, wall / 2)
    along = np.gradient(fine, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    inner = fine + wall * np.stack((-along[:, 1], along[:, 0]), 1)
    apart = np.linalg.norm(inner[:, None] - fine[None], axis=2).min(1)
    inner = inner[(apart > 0.985 * wall) & (inner[:, 1] > floor + 0.2 * wall) & (inner[:, 0] > wall)]
    inner = _thinned(inner[::-1], 0.8 * step)
    corner = np.array([inner[-1, 0], floor])
    reach = min(0.012, 0.3 * corner[0], 0.5 * (inner[0, 1] - floor))
    inner = np.concatenate((inner[inner[:, 1] > floor + 0.4 * reach], [corner, [0.0, floor]]))
    inner = fillet(inner, [0.0] * (len(inner) - 2) + [reach, 0.0])
    tip, back = outer[-1], inner[0]
    up = outer[-1] - outer[-2]
    up /= np.linalg.norm(up)
    middle, half = (tip + back) / 2, (tip - back) / 2
    turn = np.radians([45, 90, 135])[:, None]
    top = middle + half * np.cos(turn) + up * np.linalg.norm(half) * np.sin(turn)
    edge = max(tip[1], back[1]) - (wall / 2 if rim is None else rim)
    outer, inner = _with_height(outer, edge), _with_height(divided(inner, step), edge)
    profile = np.concatenate((outer, top, inner))
    band = (profile[1:] + profile[:-1])[:, 1] / 2
    kinds = np.where(np.arange(len(band)) < len(outer) + 1, 0, 2)
    kinds[band > edge] = 1
    return profile, kinds


def by_height(profile: np.ndarray, limits: Sequence[float], parts: Sequence[int]) -> np.ndarray:
    """The part of each band of a profile: `parts[0]` below the first limit, and so on, (n - 1,)."""
    middle = (profile[1:] + profile[:-1])[:, 1] / 2
    return np.asarray(parts)[np.searchsorted(np.asarray(limits), middle)]


def _with_height(points: np.ndarray, height: float) -> np.ndarray:
    """The polyline with a point where it crosses a height, unless one is near."""
    below = points[:, 1] < height
    for i in np.flatnonzero(below[1:] != below[:-1])[::-1]:
        share = (height - points[i, 1]) / (points[i + 1, 1] - points[i, 1])
        if 0.1 < share < 0.9:
            points = np.insert(points, i + 1, points[i] + share * (points[i + 1] - points[i]), 0)
    return points


def _thinned(points: np.ndarray, step: float) -> np.ndarray:
    """Every point that is a step from the one kept before it; first and last stay."""
    kept = [0]
    for i in range(1, len(points)):
        if np.linalg.norm(points[i] - points[kept[-1]]) >= step:
            kept.append(i)
    if kept[-1] != len(points) - 1:
        kept[-1 if len(kept) > 1 else len(kept) :] = [len(points) - 1]
    return points[kept]
