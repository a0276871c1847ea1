"""Solids with a part number on every face: lofts, revolved profiles, tubes, rounded slabs.

The part number travels as manifold3d's original mesh id, so booleans carry it exactly to every face they cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from manifold3d import Manifold, Mesh64

from handhold.objects.household.curves import Points

MOST_PARTS = 32
_FIRST_ID = Manifold.reserve_ids(MOST_PARTS)
"""Mesh id of part 0; the others follow. Reserved once, so that no other solid of this process has them."""


def solid_of(vertices: np.ndarray, faces: np.ndarray, parts: int | np.ndarray = 0) -> Manifold:
    """A solid from a closed mesh, with the part of each face.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3); turned outward if they are inside out.
        parts: (M,) part numbers, or one for all.
    """
    parts = np.broadcast_to(parts, len(faces))
    order = np.argsort(parts, kind="stable")
    numbers, starts = np.unique(parts[order], return_index=True)
    corners = vertices[faces]
    if np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) < 0:
        faces = faces[:, ::-1]
    return Manifold(
        Mesh64(
            np.ascontiguousarray(vertices, np.float64),
            np.ascontiguousarray(faces[order], np.uint64),
            run_index=3 * np.append(starts, len(faces)).astype(np.uint64),
            run_original_id=(_FIRST_ID + numbers).astype(np.uint32),
        )
    )


def mesh_of(solid: Manifold) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (N, 3), faces (M, 3) and the part number of each face (M,) of a solid."""
    mesh = solid.to_mesh64()
    lengths = np.diff(np.asarray(mesh.run_index, np.int64)) // 3
    parts = np.repeat(np.asarray(mesh.run_original_id, np.int64) - _FIRST_ID, lengths)
    return np.array(mesh.vert_properties)[:, :3], np.array(mesh.tri_verts).astype(np.int64), parts


def as_part(solid: Manifold, part: int) -> Manifold:
    """The solid with all its faces in one part."""
    vertices, faces, _ = mesh_of(solid)
    return solid_of(vertices, faces, part)


def repart(solid: Manifold, value: Callable[[np.ndarray], np.ndarray], part: int) -> Manifold:
    """Give the faces where a function is positive another part; faces are cut along its zero.

    Args:
        solid: what is relabelled.
        value: from points (n, 3) to numbers (n,); linear along each edge, as that of a plane is.
        part: the part where the function is positive.
    """
    vertices, faces, parts = mesh_of(solid)
    at = value(vertices)
    at = np.where(np.abs(at) < 1e-6, 0.0, at)
    above, below = (at > 0)[faces], (at < 0)[faces]
    crossed = above.any(1) & below.any(1)
    inner = np.where(above.any(1), part, parts)
    cut, owner = faces[crossed], parts[crossed]
    # Turned so that corner 0 is alone on its side of the cut (a corner on the cut counts as below).
    up = (at > 0)[cut]
    alone = np.where(up.sum(1) == 1, up.argmax(1), (~up).argmax(1))
    a, b, c = (cut[np.arange(len(cut)), (alone + k) % 3] for k in range(3))
    edges = np.sort(np.stack((np.stack((a, b), 1), np.stack((a, c), 1))), 2).reshape(-1, 2)
    unique, place = np.unique(edges, axis=0, return_inverse=True)
    share = np.clip(at[unique[:, 0]] / (at[unique[:, 0]] - at[unique[:, 1]]), 0, 1)
    middle = vertices[unique[:, 0]] + share[:, None] * (vertices[unique[:, 1]] - vertices[unique[:, 0]])
    # A corner that lies on the cut stays the one vertex that its other faces know.
    ends_on = at[unique] == 0
    number = np.where(
        ends_on.any(1),
        unique[np.arange(len(unique)), ends_on.argmax(1)],
        len(vertices) + np.arange(len(unique)),
    )
    p, q = number[place.reshape(2, -1)]
    tip = np.where(at[a] > 0, part, owner)
    rest = np.where(at[a] > 0, owner, part)
    faces = np.concatenate(
        (faces[~crossed], np.stack((a, p, q), 1), np.stack((p, b, c), 1), np.stack((p, c, q), 1))
    )
    owner = np.concatenate((inner[~crossed], tip, rest, rest))
    whole = (faces != np.roll(faces, 1, 1)).all(1)
    return solid_of(np.concatenate((vertices, middle)), faces[whole], owner[whole])


def loft(
    rings: Sequence[np.ndarray] | np.ndarray,
    parts: int | Sequence[int] | np.ndarray = 0,
    *,
    loop: bool = False,
) -> Manifold:
    """The solid whose surface runs over a sequence of rings.

    Args:
        rings: each (K, 3) [m], around the same way; a ring whose points coincide is a pole.
        parts: of each band between rings, or one for all; ends that are no poles belong to the nearest band.
        loop: whether the last ring joins the first.
    """
    rings = [np.asarray(ring, np.float64) for ring in rings]
    count = len(rings[0])
    bands = len(rings) if loop else len(rings) - 1
    parts = np.broadcast_to(np.asarray(parts), bands)
    poles = [bool(np.ptp(ring, axis=0).max() < 1e-9) for ring in rings]
    starts = np.cumsum([0, *(1 if pole else count for pole in poles)])
    points = np.concatenate([ring[:1] if pole else ring for ring, pole in zip(rings, poles, strict=True)])
    index = [
        np.full(count, start) if pole else start + np.arange(count)
        for start, pole in zip(starts, poles, strict=False)
    ]
    faces, owner = [], []
    for i in range(bands):
        a, b = index[i], index[(i + 1) % len(rings)]
        a_next, b_next = np.roll(a, -1), np.roll(b, -1)
        short = np.linalg.norm(points[a] - points[b_next], axis=1) <= np.linalg.norm(
            points[b] - points[a_next], axis=1
        )
        first = np.where(short[:, None], np.stack((a, a_next, b_next), 1), np.stack((a, a_next, b), 1))
        second = np.where(short[:, None], np.stack((a, b_next, b), 1), np.stack((a_next, b_next, b), 1))
        both = np.concatenate((first, second))
        both = both[(both != np.roll(both, 1, 1)).all(1)]
        faces.append(both)
        owner.append(np.full(len(both), parts[i]))
    if not loop:
        for end, part in ((0, parts[0]), (-1, parts[-1])):
            if not poles[end]:
                ring = index[end]
                centre = np.full(count, len(points))
                points = np.concatenate((points, points[ring].mean(0, keepdims=True)))
                fan = np.stack((ring, centre, np.roll(ring, -1)), 1)
                faces.append(fan if end == 0 else fan[:, ::-1])
                owner.append(np.full(count, part))
    return solid_of(points, np.concatenate(faces), np.concatenate(owner))


def revolved(profile: Points, parts: int | Sequence[int] | np.ndarray = 0, *, around: int = 40) -> Manifold:
    """A half section turned about z.

    Args:
        profile: (n, 2) as (r, z), from the axis to the axis, or closed where it never meets it [m].
        parts: of each segment, (n - 1,), or one for all.
        around: segments of the circle.
    """
    profile = np.asarray(profile, np.float64)
    angle = np.linspace(0, 2 * math.pi, around, endpoint=False)
    circle = np.stack((np.cos(angle), np.sin(angle)), 1)
    rings = [np.column_stack((r * circle, np.full(around, z))) for r, z in profile]
    return loft(rings, parts, loop=bool(profile[0, 0] > 1e-9))


def tube(
    path: Points,
    width: float | Points,
    height: float | Points | None = None,
    *,
    part: int | Sequence[int] | np.ndarray = 0,
    up: Sequence[float] = (0.0, 0.0, 1.0),
    power: float = 2.0,
    around: int = 16,
    ends: tuple[float, float] = (1.0, 1.0),
) -> Manifold:
    """A section swept along a path, with round ends.

    Args:
        path: (S, 3) [m].
        width: of the section, across `up` and the path; (S,) or one for all [m].
        height: of the section, across the path toward `up`; None: as wide.
        part: of each band of the path, (S - 1,), or one for all.
        up: which way the section's height looks; never along the path.
        power: 2 for an ellipse, 4 for a rounded square.
        around: segments of the section.
        ends: how far the ends bulge, in half thicknesses; 0 for flat ones.
    """
    path = np.asarray(path, np.float64)
    count = len(path)
    wide = np.broadcast_to(np.asarray(width, np.float64), count) / 2
    high = wide if height is None else np.broadcast_to(np.asarray(height, np.float64), count) / 2
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.cross(np.asarray(up, np.float64), along)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    rise = np.cross(along, side)
    angle = np.linspace(0, 2 * math.pi, around, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    shape = (np.abs(cos) ** power + np.abs(sin) ** power) ** (-1 / power)
    rings = [
        path[i] + (shape * cos)[:, None] * wide[i] * side[i] + (shape * sin)[:, None] * high[i] * rise[i]
        for i in range(count)
    ]
    bands = list(np.broadcast_to(np.asarray(part), count - 1))
    for end, place in ((0, 0), (1, len(path) - 1)):
        reach = ends[end] * min(wide[place], high[place])
        if reach <= 0:
            continue
        outward = along[place] * (-1 if end == 0 else 1)
        dome = [
            path[place]
            + (rings[place if end == 0 else -1] - path[place]) * math.cos(t)
            + outward * reach * math.sin(t)
            for t in np.radians([25, 50, 72])
        ]
        dome.append(np.repeat((path[place] + outward * reach)[None], around, 0))
        rings = [*dome[::-1], *rings] if end == 0 else [*rings, *dome]
        bands = [bands[0]] * 4 + bands if end == 0 else bands + [bands[-1]] * 4
    return loft(rings, bands)


def lying(solid: Manifold) -> Manifold:
    """The solid with its z axis laid along +x."""
    return solid.rotate((0, 90, 0))


def bent(solid: Manifold, rise: Callable[[np.ndarray], np.ndarray]) -> Manifold:
    """The solid with every point lifted by a function of the points (n, 3), (n,) [m]."""
    return solid.warp_batch(lambda points: points + np.outer(rise(points), [0.0, 0.0, 1.0]))
