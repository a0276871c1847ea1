"""Normals of a mesh's faces, edges and corners, weighted so that they tell inside from outside."""

from __future__ import annotations

from functools import cached_property

import numpy as np

FEATURE = 1e-6
"""Barycentric weight under which a closest point counts as lying on an edge or a corner."""


class Pseudonormals:
    """Unit normals of every face, edge and vertex (Baerentzen and Aanaes 2005), computed when needed.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3).
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        self.vertices, self.faces = vertices, faces

    def at(self, face: np.ndarray, closest: np.ndarray) -> np.ndarray:
        """Unit normals of the face, edge or vertex on which the closest points lie."""
        corners = self.vertices[self.faces[face]]
        low = _barycentric(corners, closest) < FEATURE
        normal = self.of_faces[face]
        edge_normals, vertex_normals = self.of_edges_and_vertices
        for k in range(3):  # opposite corner k lies edge k
            on_edge = low[:, k] & (low.sum(1) == 1)
            normal[on_edge] = edge_normals[self.edges[1][face[on_edge], k]]
        at_corner = low.sum(1) == 2
        normal[at_corner] = vertex_normals[self.faces[face[at_corner], np.argmin(low[at_corner], axis=1)]]
        return normal

    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """A point on every face, edge and used vertex, and the pseudonormal there."""
        edges, _, _ = self.edges
        edge_normals, vertex_normals = self.of_edges_and_vertices
        used = np.bincount(self.faces.reshape(-1), minlength=len(self.vertices)) > 0
        corners = self.vertices[self.faces]
        real = np.linalg.norm(self.of_faces, axis=1) > 0.5
        anchor = (corners[real].mean(1), self.vertices[edges].mean(1), self.vertices[used])
        return np.concatenate(anchor), np.concatenate(
            (self.of_faces[real], edge_normals, vertex_normals[used])
        )

    @cached_property
    def of_faces(self) -> np.ndarray:
        """(M, 3) unit; zero for a face without area."""
        a, b, c = np.moveaxis(self.vertices[self.faces], 1, 0)
        return _unit(np.cross(b - a, c - a))

    @cached_property
    def edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Edges (E, 2), each face's edges (M, 3) opposite its corners, and the edges' use counts (E,)."""
        half = self.faces[:, [1, 2, 2, 0, 0, 1]].reshape(-1, 2)
        key = half.min(1) * len(self.vertices) + half.max(1)
        key, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
        edges = np.stack((key // len(self.vertices), key % len(self.vertices)), 1)
        return edges, inverse.reshape(-1, 3), count

    @cached_property
    def of_edges_and_vertices(self) -> tuple[np.ndarray, np.ndarray]:
        """Edge (E, 3) and angle-weighted vertex (N, 3) pseudonormals, unit."""
        edges, face_edges, _ = self.edges
        edge_normals = np.zeros((len(edges), 3))
        vertex_normals = np.zeros_like(self.vertices)
        corners = self.vertices[self.faces]
        for k in range(3):
            one = _unit(corners[:, (k + 1) % 3] - corners[:, k])
            two = _unit(corners[:, (k + 2) % 3] - corners[:, k])
            angle = np.arctan2(np.linalg.norm(np.cross(one, two), axis=1), np.einsum("ij,ij->i", one, two))
            for axis in range(3):
                n = self.of_faces[:, axis]
                edge_normals[:, axis] += np.bincount(face_edges[:, k], n, len(edges))
                vertex_normals[:, axis] += np.bincount(self.faces[:, k], n * angle, len(self.vertices))
        return _unit(edge_normals), _unit(vertex_normals)


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def _barycentric(corners: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Weights (n, 3) of points lying in triangles (n, 3, 3); all on the first corner if it is flat."""
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(one, two)
    area = np.einsum("ij,ij->i", normal, normal)
    area = np.where(area > 0, area, np.inf)
    to = points - corners[:, 0]
    second = np.einsum("ij,ij->i", np.cross(to, two), normal) / area
    third = np.einsum("ij,ij->i", np.cross(one, to), normal) / area
    return np.stack((1 - second - third, second, third), 1)
