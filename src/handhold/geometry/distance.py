"""Exact signed distance to a triangle mesh, and where segments cross it, on the CPU by libigl."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import igl
import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from handhold.errors import InputError
from handhold.geometry.pseudonormals import Pseudonormals

SignRule = Literal["pseudonormal", "winding"]
CONTACT = 1e-7
"""Nearer than this to the surface [m] the direction to it is noise, and the surface's own normal is used."""
LARGE = 20_000
"""From so many faces on, neighbouring points are asked for one after another: the tree no longer fits in the
processor's cache, and jumping about in it takes three times as long."""
PROBES = 20_000
"""At most so many points tell whether the mesh's pseudonormals may be trusted for the sign."""
ROUGH, UNSURE = 1.25, 0.25
"""A rougher winding number takes a third of the time and was never more than 0.06 off on 36 real meshes; nearer to a
half than this it is asked for anew, at the tree's usual accuracy."""


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
        face: (n,) the face that is hit, -1 where there is none.
    """

    fraction: np.ndarray
    point: np.ndarray
    normal: np.ndarray
    face: np.ndarray


class ExactDistance:
    """Exact signed distance to a triangle mesh; everything is built at the first query.

    The sign comes from the pseudonormal of the closest feature (Baerentzen and Aanaes 2005) where a check of
    the mesh shows that it can be trusted, and else from the fast winding number (Barill et al. 2018). That a
    mesh is closed is not enough: near folds of the surface through itself, pseudonormals turn far-away points
    inside out.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3) counter-clockwise seen from outside.
        sign_rule: "pseudonormal" or "winding" where somebody has checked the mesh already; None: it is checked at the
            first query.

    Raises:
        InputError: wrong shapes, no faces, or numbers that are not finite.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, *, sign_rule: SignRule | None = None) -> None:
        self.vertices = np.ascontiguousarray(vertices, np.float64)
        self.faces = np.ascontiguousarray(faces, np.int64)
        for name, value in (("vertices", self.vertices), ("faces", self.faces)):
            if value.ndim != 2 or value.shape[1] != 3 or not len(value):
                raise InputError("wrong shape", where=name, expected="(n, 3), n > 0", got=value.shape)
        if not np.isfinite(self.vertices).all():
            raise InputError("there are numbers that are not finite", where="vertices")
        if sign_rule is not None:
            self.__dict__["sign_rule"] = sign_rule

    def __getstate__(self) -> dict:
        """The trees stay behind: another process builds its own."""
        kept = ("vertices", "faces", "sign_rule")
        return {name: value for name, value in self.__dict__.items() if name in kept}

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
        squared, face, closest = self._nearest(points)
        offset = points - closest
        reach = np.sqrt(squared)
        if self.sign_rule == "pseudonormal":
            normal, inside = self._by_pseudonormal(offset, reach, face, closest)
        else:
            inside = self._inside(points)
            normal = self._normals.of_faces[face]
            near = reach < CONTACT
            normal[near] = self._normals.at(face[near], closest[near])
        sign = np.where(inside, -1.0, 1.0)
        far = reach >= CONTACT
        normal[far] = offset[far] * (sign[far] / reach[far])[:, None]
        return Closest(sign * reach, closest, normal, face)

    def unsigned(self, points: np.ndarray) -> np.ndarray:
        """Distance of points (n, 3) to the surface, (n,) [m]; quick, for no side has to be found.

        Raises:
            InputError: not (n, 3), or not finite.
        """
        points = _points(points, name="points")
        return np.sqrt(self._nearest(points)[0]) if len(points) else np.zeros(0)

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
        face = np.full(len(start), -1)
        if len(start):
            tree, vertices, centre, scale = self._ray_tree
            origin, along = (start - centre) * scale, (end - start) * scale
            found = tree.intersect_ray_first(vertices, self.faces, origin, along, min_t=1.0)
            struck, t = np.asarray(found[0]), np.asarray(found[1])
            hit = (struck >= 0) & (t <= 1.0)
            fraction[hit], face[hit] = t[hit], struck[hit]
            normal[hit] = self._normals.of_faces[face[hit]]
        point = start + np.where(np.isfinite(fraction), fraction, np.nan)[:, None] * (end - start)
        return SegmentHit(fraction, point, normal, face)

    def crosses(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Whether segments from (n, 3) to (n, 3) cross the surface, (n,) bool."""
        return np.isfinite(self.first_hit(start, end).fraction)

    @cached_property
    def sign_rule(self) -> SignRule:
        """ "pseudonormal" (faster) where the mesh is closed and free of folds, else "winding"."""
        edge_use = self._normals.edges[2]
        return "winding" if (edge_use != 2).any() or self.folds else "pseudonormal"

    @cached_property
    def folds(self) -> int:
        """Faces, edges and corners whose normal points to the wrong side by the winding number.

        Above 20,000 of them, the count is of a random subset.
        """
        anchor, direction = self._normals.features()
        if len(anchor) > PROBES:
            chosen = np.random.default_rng(0).choice(len(anchor), PROBES, replace=False)
            anchor, direction = anchor[chosen], direction[chosen]
        step = 1e-5 * np.ptp(self.vertices, axis=0).max()
        sides = np.concatenate((anchor + step * direction, anchor - step * direction))
        outside, inside = np.split(self._inside(sides), 2)
        return int((outside | ~inside).sum())

    def _inside(self, points: np.ndarray) -> np.ndarray:
        """Which points (n, 3) have a winding number above a half, (n,) bool; the exact number only where it matters."""
        number = np.asarray(self._winding_tree.winding_number(points, ROUGH))
        unsure = np.flatnonzero(np.abs(number - 0.5) < UNSURE)
        number[unsure] = self.winding(points[unsure])
        return number > 0.5

    def _nearest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Squared distance, face and closest point."""
        if len(self.faces) < LARGE:
            found = self._tree.squared_distance(self.vertices, self.faces, points)
            return np.asarray(found[0]), np.asarray(found[1]), np.asarray(found[2])
        order = _along_a_curve(points)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        found = self._tree.squared_distance(self.vertices, self.faces, points[order])
        return np.asarray(found[0])[back], np.asarray(found[1])[back], np.asarray(found[2])[back]

    def _by_pseudonormal(self, offset, reach, face, closest) -> tuple[np.ndarray, np.ndarray]:
        """Normals at the closest points, and which points are inside."""
        normal = self._normals.of_faces[face]
        height = np.einsum("ij,ij->i", offset, normal)
        # Straight above a face its own normal decides; only beside edges and corners are theirs needed.
        beside = np.flatnonzero((np.abs(height) < 0.999999 * reach) | (reach < CONTACT))
        normal[beside] = self._normals.at(face[beside], closest[beside])
        height[beside] = np.einsum("ij,ij->i", offset[beside], normal[beside])
        return normal, height < 0

    @cached_property
    def _normals(self) -> Pseudonormals:
        return Pseudonormals(self.vertices, self.faces)

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


def _along_a_curve(points: np.ndarray) -> np.ndarray:
    """An order (n,) of points in which neighbours come close to one another (Morton's curve)."""
    extent = np.maximum(np.ptp(points, axis=0), 1e-12)
    cell = ((points - points.min(0)) / extent * 255).astype(np.int64)
    code = np.zeros(len(points), np.int64)
    for bit in range(8):
        for axis in range(3):
            code |= ((cell[:, axis] >> bit) & 1) << (3 * bit + axis)
    return np.argsort(code)
