"""Triangle meshes with long edges split: more faces, the same surface."""

from __future__ import annotations

import numpy as np

CORNERS = np.array([[0, 1], [1, 2], [2, 0]])


def split_long_edges(
    vertices: np.ndarray, faces: np.ndarray, *, longest: float, most: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split edges in the middle until none is longer; faces on both sides of an edge get the same new vertex, so that
    what was closed stays closed.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3) int64.
        longest: an edge may be so long [m]; positive.
        most: where there would be more faces, edges may be longer; None for any number.

    Returns:
        Vertices (N', 3), the old ones first, faces (M', 3) that look the same way, and for each the number of the face
        that it is a piece of (M',).
    """
    origin = np.arange(len(faces))
    while True:
        edges, which = _edges(faces)
        long = np.linalg.norm(np.diff(vertices[edges], axis=1)[:, 0], axis=-1) > longest
        if not long.any():
            return vertices, faces, origin
        if most is not None and len(faces) + long[which].sum() > most:
            longest *= 1.25
            continue
        middle = np.full(len(edges), -1)
        middle[long] = len(vertices) + np.arange(long.sum())
        vertices = np.concatenate((vertices, vertices[edges[long]].mean(1)))
        faces, pieces = _split(faces, middle[which])
        origin = origin[pieces]


def _edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges (E, 2), each once, and the three of each face (M, 3): from its first corner to its second, and on."""
    ends = np.sort(faces[:, CORNERS], -1)
    count = int(faces.max()) + 1
    keys, which = np.unique(ends[..., 0] * count + ends[..., 1], return_inverse=True)
    return np.stack(np.divmod(keys, count), -1), which.reshape(-1, 3)


def _split(faces: np.ndarray, middle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Faces (M, 3) cut where their edges have a middle (M, 3), else -1: pieces, and the face of each."""
    cut = middle >= 0
    many = cut.sum(1)
    # turned so that of one cut edge it is the first, and of two the last is whole
    first = np.where(many == 1, cut.argmax(1), np.where(many == 2, (cut.argmin(1) + 1) % 3, 0))
    turn = (first[:, None] + np.arange(3)) % 3
    (a, b, c), (ab, bc, ca) = (np.take_along_axis(x, turn, 1).T for x in (faces, middle))
    made = {
        0: [(a, b, c)],
        1: [(a, ab, c), (ab, b, c)],
        2: [(ab, b, bc), (a, ab, bc), (a, bc, c)],
        3: [(a, ab, ca), (ab, b, bc), (bc, c, ca), (ab, bc, ca)],
    }
    pieces, whose = [], []
    for number, triangles in made.items():
        own = np.flatnonzero(many == number)
        pieces += [np.stack(corners, -1)[own] for corners in triangles]
        whose += [own] * len(triangles)
    order = np.concatenate(whose).argsort(kind="stable")
    return np.concatenate(pieces)[order], np.concatenate(whose)[order]
