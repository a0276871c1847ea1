"""Exact signed distance to a triangle mesh, and where segments cross it, on the CPU by libigl."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import igl
import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from handhold.errors import InputError

CONTACT = 1e-7
"""Nearer than this to the surface [m] the direction to it is noise, and the surface's own normal is used."""
FEATURE = 1e-6
"""Barycentric weight under which a closest point counts as lying on an edge or a corner."""
PROBES = 20_000
"""At most so many points tell whether the mesh's pseudonormals may be trusted for the sign."""


@dataclass(frozen=True)
class Closest:
    """Where points lie with respect to a surface.

    Attributes:
        distance: (n,) signed distance, positive outside [m].
        closest: (n, 3) closest point of the surface [m].
        normal: (n, 3) unit gradient of the distance; at the surface, its normal.
        face: (n,) the face that holds the closest point.
    """

    distance: np.ndarray
    closest: np.ndarray
    normal: np.ndarray
    face: np.ndarray


@dataclass(frozen=True)
class SegmentHit:
    """Where segments first cross a surface.

    Attributes:
        fraction: (n,) from 0 at the start to 1 at the end; inf where the segment does not cross.
        point: (n, 3) the crossing [m]; NaN where there is none.
        normal: (n, 3) outward unit normal of the face that is hit; NaN where there is none.
    """

    fraction: np.ndarray
    point: np.ndarray
    normal: np.ndarray


class ExactDistance:
    """Exact signed distance to a triangle mesh; everything is built at the first query.

    The sign comes from the pseudonormal of the closest feature (Baerentzen and Aanaes 2005) where a check of
    the mesh shows that it can be trusted, and else from the fast winding number (Barill et al. 2018). That a
    mesh is closed is not enough: near folds of the surface through itself, pseudonormals turn far-away points
    inside out.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3) counter-clockwise seen from outside.

    Raises:
        InputError: wrong shapes, no faces, or numbers that are not finite.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        self.vertices = np.ascontiguousarray(vertices, np.float64)
        self.faces = np.ascontiguousarray(faces, np.int64)
        for name, value in (("vertices", self.vertices), ("faces", self.faces)):
            if value.ndim != 2 or value.shape[1] != 3 or not len(value):
                raise InputError("wrong shape", where=name, expected="(n, 3), n > 0", got=value.shape)
        if not np.isfinite(self.vertices).all():
            raise InputError("there are numbers that are not finite", where="vertices")

    def __getstate__(self) -> dict:
        """The trees stay behind: another process builds its own."""
        return {"vertices": self.vertices, "faces": self.faces}

    def query(self, points: np.ndarray) -> Closest:
        """Closest point, signed distance and its gradient.

        Args:
            points: (n, 3) [m].

        Raises:
            InputError: not (n, 3), or not finite.
        """
        points = _points(points, name="points")
        if not len(points):
            return Closest(np.zeros(0), points.copy(), points.copy(), np.zeros(0, np.int64))
        found = self._tree.squared_distance(self.vertices, self.faces, points)
        squared, face, closest = (np.asarray(part) for part in found)
        offset = points - closest
        reach = np.sqrt(squared)
        if self.sign_rule == "pseudonormal":
            normal, inside = self._by_pseudonormal(offset, reach, face, closest)
        else:
            inside = self.winding(points) > 0.5
            normal = self._face_normals[face]
            near = reach < CONTACT
            normal[near] = self._pseudonormals(face[near], closest[near])
        sign = np.where(inside, -1.0, 1.0)
        far = reach >= CONTACT
        normal[far] = offset[far] * (sign[far] / reach[far])[:, None]
        return Closest(sign * reach, closest, normal, face)

    def winding(self, points: np.ndarray) -> np.ndarray:
        """Generalized winding number of points (n, 3): 1 inside a closed mesh, 0 outside, between if open."""
        return np.asarray(self._winding_tree.winding_number(_points(points, name="points")))

    def first_hit(self, start: np.ndarray, end: np.ndarray) -> SegmentHit:
        """Where segments first cross the surface, whichever side they come from.

        Args:
            start: (n, 3) [m].
            end: (n, 3) [m].

        Raises:
            InputError: not (n, 3), not equally many, or not finite.
        """
        start, end = _points(start, name="start"), _points(end, name="end")
        if start.shape != end.shape:
            raise InputError("not as many ends as starts", expected=start.shape, got=end.shape)
        fraction = np.full(len(start), np.inf)
        normal = np.full(start.shape, np.nan)
        if len(start):
            tree, vertices, centre, scale = self._ray_tree
            origin, along = (start - centre) * scale, (end - start) * scale
            found = tree.intersect_ray_first(vertices, self.faces, origin, along, min_t=1.0)
            face, t = np.asarray(found[0]), np.asarray(found[1])
            hit = (face >= 0) & (t <= 1.0)
            fraction[hit] = t[hit]
            normal[hit] = self._face_normals[face[hit]]
        point = start + np.where(np.isfinite(fraction), fraction, np.nan)[:, None] * (end - start)
        return SegmentHit(fraction, point, normal)

    def crosses(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Whether segments from (n, 3) to (n, 3) cross the surface, (n,) bool."""
        return np.isfinite(self.first_hit(start, end).fraction)

    @cached_property
    def sign_rule(self) -> str:
        """ "pseudonormal" (faster) where the mesh is closed and free of folds, else "winding"."""
        edge_use = self._edges[2]
        return "winding" if (edge_use != 2).any() or self.folds else "pseudonormal"

    @cached_property
    def folds(self) -> int:
        """Faces, edges and corners whose normal points to the wrong side by the winding number.

        Above 20,000 of them, the count is of a random subset.
        """
        anchor, direction = self._features()
        if len(anchor) > PROBES:
            chosen = np.random.default_rng(0).choice(len(anchor), PROBES, replace=False)
            anchor, direction = anchor[chosen], direction[chosen]
        step = 1e-5 * np.ptp(self.vertices, axis=0).max()
        outside = self.winding(anchor + step * direction) < 0.5
        inside = self.winding(anchor - step * direction) > 0.5
        return int((~(outside & inside)).sum())

    def _by_pseudonormal(self, offset, reach, face, closest) -> tuple[np.ndarray, np.ndarray]:
        """Normals at the closest points, and which points are inside."""
        normal = self._face_normals[face]
        height = np.einsum("ij,ij->i", offset, normal)
        # Straight above a face its own normal decides; only beside edges and corners are theirs needed.
        beside = np.flatnonzero((np.abs(height) < 0.999999 * reach) | (reach < CONTACT))
        normal[beside] = self._pseudonormals(face[beside], closest[beside])
        height[beside] = np.einsum("ij,ij->i", offset[beside], normal[beside])
        return normal, height < 0

    def _pseudonormals(self, face: np.ndarray, closest: np.ndarray) -> np.ndarray:
        """Unit normals of the face, edge or vertex on which the closest points lie."""
        corners = self.vertices[self.faces[face]]
        low = _barycentric(corners, closest) < FEATURE
        normal = self._face_normals[face]
        edge_normals, vertex_normals = self._feature_normals
        for k in range(3):  # opposite corner k lies edge k
            on_edge = low[:, k] & (low.sum(1) == 1)
            normal[on_edge] = edge_normals[self._edges[1][face[on_edge], k]]
        at_corner = low.sum(1) == 2
        normal[at_corner] = vertex_normals[self.faces[face[at_corner], np.argmin(low[at_corner], axis=1)]]
        return normal

    def _features(self) -> tuple[np.ndarray, np.ndarray]:
        """A point on every face, edge and used vertex, and the pseudonormal there."""
        edges, _, _ = self._edges
        edge_normals, vertex_normals = self._feature_normals
        used = np.unique(self.faces)
        corners = self.vertices[self.faces]
        real = np.linalg.norm(self._face_normals, axis=1) > 0.5
        anchor = (corners[real].mean(1), self.vertices[edges].mean(1), self.vertices[used])
        return np.concatenate(anchor), np.concatenate(
            (self._face_normals[real], edge_normals, vertex_normals[used])
        )

    @cached_property
    def _tree(self) -> igl.AABB:
        tree = igl.AABB()
        tree.init(self.vertices, self.faces)
        return tree

    @cached_property
    def _ray_tree(self) -> tuple[igl.AABB, np.ndarray, np.ndarray, float]:
        """A tree of the enlarged mesh, its vertices, centre and scale."""
        # libigl drops hits whose determinant is under an absolute 1e-10: in metres, those of small triangles.
        low, high = self.vertices.min(0), self.vertices.max(0)
        centre, scale = (low + high) / 2, 1e4 / max((high - low).max(), 1e-9)
        vertices = (self.vertices - centre) * scale
        tree = igl.AABB()
        tree.init(vertices, self.faces)
        return tree, vertices, centre, scale

    @cached_property
    def _winding_tree(self) -> igl.FastWindingNumberBVH:
        tree = igl.FastWindingNumberBVH()
        tree.init(self.vertices, self.faces)
        return tree

    @cached_property
    def _face_normals(self) -> np.ndarray:
        """(M, 3) unit; zero for a face without area."""
        a, b, c = np.moveaxis(self.vertices[self.faces], 1, 0)
        return _unit(np.cross(b - a, c - a))

    @cached_property
    def _edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Edges (E, 2), each face's edges (M, 3) opposite its corners, and the edges' use counts (E,)."""
        half = self.faces[:, [1, 2, 2, 0, 0, 1]].reshape(-1, 2)
        key = half.min(1) * len(self.vertices) + half.max(1)
        key, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
        edges = np.stack((key // len(self.vertices), key % len(self.vertices)), 1)
        return edges, inverse.reshape(-1, 3), count

    @cached_property
    def _feature_normals(self) -> tuple[np.ndarray, np.ndarray]:
        """Edge (E, 3) and angle-weighted vertex (N, 3) pseudonormals, unit."""
        edges, face_edges, _ = self._edges
        edge_normals = np.zeros((len(edges), 3))
        vertex_normals = np.zeros_like(self.vertices)
        corners = self.vertices[self.faces]
        for k in range(3):
            one = _unit(corners[:, (k + 1) % 3] - corners[:, k])
            two = _unit(corners[:, (k + 2) % 3] - corners[:, k])
            angle = np.arctan2(np.linalg.norm(np.cross(one, two), axis=1), np.einsum("ij,ij->i", one, two))
            for axis in range(3):
                n = self._face_normals[:, axis]
                edge_normals[:, axis] += np.bincount(face_edges[:, k], n, len(edges))
                vertex_normals[:, axis] += np.bincount(self.faces[:, k], n * angle, len(self.vertices))
        return _unit(edge_normals), _unit(vertex_normals)


def signed_distance(field: ExactDistance, points: Tensor) -> Tensor:
    """Exact signed distance, differentiable with respect to the points (once; the gradient is the normal).

    Args:
        field: the surface.
        points: (*, 3) in the surface's frame [m], on any device.

    Returns:
        (*), positive outside [m].
    """
    return _SignedDistance.apply(points, field)


class _SignedDistance(torch.autograd.Function):
    @staticmethod
    def forward(ctx, points: Tensor, field: ExactDistance) -> Tensor:
        flat = points.detach().reshape(-1, 3).to("cpu", torch.float64).numpy()
        found = field.query(flat)
        ctx.save_for_backward(torch.from_numpy(found.normal).to(points).view(points.shape))
        return torch.from_numpy(found.distance).to(points).view(points.shape[:-1])

    @staticmethod
    @once_differentiable
    def backward(ctx, *grads: Tensor) -> tuple[Tensor, None]:
        (normal,) = ctx.saved_tensors
        return grads[0][..., None] * normal, None


def _points(points: np.ndarray, *, name: str) -> np.ndarray:
    points = np.ascontiguousarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError("wrong shape", where=name, expected="(n, 3)", got=points.shape)
    if not np.isfinite(points).all():
        bad = int((~np.isfinite(points).all(1)).sum())
        raise InputError(
            "not finite", where=name, expected="numbers", got=f"NaN or inf in {bad} of {len(points)}"
        )
    return points


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
