"""A surface with a colour at every vertex, as pictures and files show it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from handhold.geometry.finer import split_long_edges

CREASE = float(np.radians(35.0))
"""[rad] Edges sharper than this stay sharp."""


@dataclass(frozen=True, eq=False)
class PaintedMesh:
    """Triangles with normals and colours.

    Attributes:
        name: what viewers call it.
        vertices: (N, 3) in its own frame [m].
        normals: (N, 3) unit.
        faces: (M, 3), outward.
        colours: (N, 3) red, green, blue in [0, 1], as screens take them (sRGB).
        T_world_mesh: (4, 4) where it stands.
    """

    name: str
    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    T_world_mesh: np.ndarray = field(default_factory=lambda: np.eye(4))

    def in_world(self) -> PaintedMesh:
        """The same surface with its vertices in the world frame."""
        turn, shift = self.T_world_mesh[:3, :3], self.T_world_mesh[:3, 3]
        return replace(
            self,
            vertices=self.vertices @ turn.T + shift,
            normals=self.normals @ turn.T,
            T_world_mesh=np.eye(4),
        )


def fine_mesh(
    vertices: np.ndarray, faces: np.ndarray, *, edge: float, most: int = 100_000
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A mesh cut so small that colours at its vertices show what happens within its faces.

    Edges are split until none is too long, all that are at once, so that a cut face meets its neighbour without a
    seam. Creases stay sharp: a vertex on one becomes several, each with its own normal. A mesh of more than `most`
    faces is simplified first.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3).
        edge: longest edge wanted [m]; more where there would be too many faces.
        most: faces at most.

    Returns:
        Vertices (N', 3) [m], unit normals (N', 3), faces (M', 3).
    """
    import torch
    import trimesh

    from handhold.geometry.mesh import vertex_normals

    if len(faces) > most:
        vertices, faces = _fewer(vertices, faces, most)
    smooth = trimesh.graph.smooth_shade(trimesh.Trimesh(vertices, faces, process=False), angle=CREASE)
    vertices, faces = np.asarray(smooth.vertices, float), np.asarray(smooth.faces, np.int64)
    normals = vertex_normals(torch.from_numpy(vertices), torch.from_numpy(faces)).numpy()
    normals[np.linalg.norm(normals, axis=-1) < 0.5] = (0, 0, 1)  # of vertices without area
    cut, pieces, origin = split_long_edges(vertices, faces, longest=edge, most=most)
    return cut, _carried_normals(cut, pieces, (vertices, normals, faces[origin])), pieces


def _carried_normals(
    cut: np.ndarray, pieces: np.ndarray, whole: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """Normals at the vertices of pieces: those of the faces they were cut of, which are rounder than the pieces are."""
    vertices, normals, faces = whole
    corners = vertices[faces]
    along, beside = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(along, beside)
    area = np.maximum((across**2).sum(-1), 1e-300)
    smooth = np.zeros_like(cut)
    for k in range(3):
        place = cut[pieces[:, k]] - corners[:, 0]
        second = (np.cross(place, beside) * across).sum(-1) / area
        third = (np.cross(along, place) * across).sum(-1) / area
        shares = np.stack((1 - second - third, second, third), -1)
        smooth[pieces[:, k]] = (shares[..., None] * normals[faces]).sum(1)
    smooth[: len(normals)] = normals
    return smooth / np.maximum(np.linalg.norm(smooth, axis=-1, keepdims=True), 1e-12)


def _fewer(vertices: np.ndarray, faces: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    from fast_simplification import simplify

    centre = vertices.mean(0)  # the package works in single precision
    points, triangles = simplify(
        (vertices - centre).astype(np.float32), faces.astype(np.int32), target_count=most // 2
    )[:2]
    return points.astype(float) + centre, np.asarray(triangles, np.int64)


@dataclass(frozen=True, eq=False)
class Carrier:
    """Carries values of points on a surface to other places on it.

    Attributes:
        index: (N, k) the points that speak for each place.
        weights: (N, k), rows sum to one.
    """

    index: np.ndarray
    weights: np.ndarray

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Values (P,) of the points at the places, (N,), between the least and the largest of them."""
        values = np.asarray(values)
        return (self.weights * values[self.index]).sum(1).clip(values.min(), values.max())


def carrier(
    points: np.ndarray,
    normals: np.ndarray,
    places: np.ndarray,
    place_normals: np.ndarray,
    *,
    neighbours: int = 6,
) -> Carrier:
    """From points (P, 3) of a surface to places (N, 3) on it: near ones that face the same way speak for a place.

    Opposite normals count as `TURN` spacings apart, so a thin wall's inside does not take on its outside's values.

    Args:
        points: (P, 3), spread evenly [m].
        normals: (P, 3) unit.
        places: (N, 3) [m].
        place_normals: (N, 3) unit.
        neighbours: points for a place.
    """
    from scipy.spatial import KDTree

    spacing = float(np.median(KDTree(points).query(points, k=2)[0][:, 1]))
    turned = 0.5 * TURN * spacing
    tree = KDTree(np.concatenate((points, turned * normals), 1))
    query = np.concatenate((places, turned * place_normals), 1)
    apart, index = tree.query(query, k=min(neighbours, len(points)))
    apart, index = apart.reshape(len(places), -1), index.reshape(len(places), -1)
    weights = 1.0 / (apart**2 + max(spacing, 1e-9) ** 2)
    return Carrier(index, weights / weights.sum(1, keepdims=True))


TURN = 8.0
"""Spacings of points that opposite normals count for."""
