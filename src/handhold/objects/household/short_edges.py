"""Clears away the specks and slivers that booleans leave where two surfaces cross almost at a vertex."""

from __future__ import annotations

import numpy as np

ROUNDS = 6
FLAT = 0.25
"""Height of the triangles that are flat, in shortest edges."""


def without_short_edges(
    vertices: np.ndarray, faces: np.ndarray, parts: np.ndarray, *, shortest: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The closed mesh with short edges drawn together to their middles, where that keeps it a manifold.

    Flat triangles, whose corner lies almost on the opposite edge, give that edge up for one from the corner.

    Exact distances take their sign from the normals of edges and corners; specks of a micrometre have none
    that a probe nearby could confirm.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3), closed.
        parts: (M,) label of each face.
        shortest: edges below this go [m].

    Returns:
        Vertices, faces and parts that remain.
    """
    vertices = vertices.copy()
    for _ in range(ROUNDS):
        faces, parts, flipped = _flipped(vertices, faces, parts, FLAT * shortest)
        target = _collapses(vertices, faces, shortest)
        if not target and not flipped:
            break
        moved = np.arange(len(vertices))
        for gone, kept in target.items():
            vertices[kept] = (vertices[kept] + vertices[gone]) / 2
            moved[gone] = kept
        faces = moved[faces]
        whole = (faces != np.roll(faces, 1, 1)).all(1)
        faces, parts = faces[whole], parts[whole]
    used, faces = np.unique(faces, return_inverse=True)
    return vertices[used], faces.reshape(-1, 3), parts


def _collapses(vertices: np.ndarray, faces: np.ndarray, shortest: float) -> dict[int, int]:
    """Edges that can go at once, as the vertex that goes and the one that stays."""
    edges = np.concatenate([faces[:, [i, (i + 1) % 3]] for i in range(3)])
    edges = edges[edges[:, 0] < edges[:, 1]]  # a closed mesh has each edge once in each direction
    lengths = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    short = edges[lengths < shortest][np.argsort(lengths[lengths < shortest], kind="stable")]
    if not len(short):
        return {}
    near = np.isin(faces, short).any(1)
    around: dict[int, set[int]] = {}
    for face in faces[near].tolist():
        for corner in face:
            around.setdefault(corner, set()).update(face)
    target: dict[int, int] = {}
    busy: set[int] = set()
    for kept, gone in short.tolist():
        # Exactly two common neighbours: the two faces at the edge vanish and nothing else is pinched.
        if len(around[kept] & around[gone]) != 4 or (around[kept] | around[gone]) & busy:
            continue
        busy |= around[kept] | around[gone]
        target[gone] = kept
    return target


def _flipped(
    vertices: np.ndarray, faces: np.ndarray, parts: np.ndarray, flat: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Faces and parts after each flat triangle took a corner of its neighbour; how many did."""
    lengths = np.linalg.norm(
        vertices[faces] - vertices[np.roll(faces, -1, 1)], axis=2
    )  # edge k: corner k to k+1
    doubled = np.linalg.norm(
        np.cross(
            vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]]
        ),
        axis=1,
    )
    thin = np.flatnonzero(doubled < flat * lengths.max(1))
    if not len(thin):
        return faces, parts, 0
    near = np.flatnonzero(np.isin(faces, faces[thin]).any(1))
    owner = {
        (f[k], f[(k + 1) % 3]): i
        for i, f in zip(near.tolist(), faces[near].tolist(), strict=True)
        for k in range(3)
    }
    faces, parts, busy, count = faces.copy(), parts.copy(), set(), 0
    for i in thin.tolist():
        k = int(lengths[i].argmax())
        a, b, c = (int(faces[i, (k + j) % 3]) for j in range(3))
        j = owner.get((b, a), i)
        if i in busy or j in busy or i == j:
            continue
        d = int(next(v for v in faces[j] if v not in (a, b)))
        if c == d or (c, d) in owner or (d, c) in owner:
            continue
        # Both new faces must look the way of the neighbour, and be less thin than the one that goes.
        facing = _cross(vertices, b, a, d)
        size = np.linalg.norm(facing)
        if min(facing @ _cross(vertices, a, d, c), facing @ _cross(vertices, d, b, c)) <= doubled[i] * size:
            continue
        owner[c, d] = owner[d, c] = i
        faces[i], faces[j] = (a, d, c), (d, b, c)
        parts[i] = parts[j]
        busy |= {i, j, *(owner.get(e, i) for e in ((b, c), (c, a), (a, d), (d, b)))}
        count += 1
    return faces, parts, count


def _cross(vertices: np.ndarray, a: int, b: int, c: int) -> np.ndarray:
    """Twice the area of a triangle, along its normal, (3,)."""
    return np.cross(vertices[b] - vertices[a], vertices[c] - vertices[a])
