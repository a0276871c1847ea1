"""Penetration as published: each protocol's volume and depth under its name; lower is better for all.

The exact volume, which nothing here replaces, is `interaction.volume.intersection_volume_cm3`.

Hands are batched, (*B, V, 3) with one set of faces; the object, (N, 3) and (M, 3), is in the same frame. The volumes
depend on that frame: their grids are aligned with its axes. A hand must be closed and face outward; inside is
where its winding number is positive, so that what lies in two overlapping fingers counts once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from handhold.errors import InputError
from handhold.evaluate.metrics.arguments import numbers, require_same_shape
from handhold.geometry.distance import ExactDistance
from handhold.geometry.voxels import VoxelBlock, inside_grid, solid_block, surface_voxels
from handhold.objects.repair import edge_use, merge_seams, signed_volume

OBMAN_PITCH_M = 0.005
HALO_PITCH_M = 0.001
CHOIR_PITCH_M = 0.002
CHOIR_RADIUS = 100
"""CHOIR's cube has so many voxels on either side of its middle one."""


@dataclass(frozen=True, eq=False)
class ObjectVoxels:
    """An object with what the protocols compute of it, each once, when it is first asked for.

    Who scores many hands against one object in one frame, call by call, makes one and hands it to every call as
    `prepared`.

    Attributes:
        vertices: (N, 3) [m].
        faces: (M, 3), counter-clockwise seen from outside.

    Raises:
        InputError: wrong shapes, faces of vertices that do not exist, or numbers that are not finite.
    """

    vertices: np.ndarray
    faces: np.ndarray

    def __post_init__(self) -> None:
        vertices = numbers(self.vertices, (None, 3), where="object_vertices", exact=True)
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "faces", _faces(self.faces, len(vertices), where="object_faces"))
        object.__setattr__(self, "_made", {})

    def surface(self, pitch_m: float) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Surface voxels as trimesh finds them: places along the axes (n, 3), and the axes' coordinates [m]."""
        return self._once(
            ("surface", pitch_m), lambda: surface_voxels(self.vertices, self.faces, pitch=pitch_m)
        )

    def block(self, pitch_m: float, radius: int) -> VoxelBlock:
        """Filled voxels in a cube around the mean of the vertices."""
        centre = self.vertices.mean(0)
        make = lambda: solid_block(self.vertices, self.faces, origin=centre, pitch=pitch_m, radius=radius)
        block = self._once(("block", pitch_m, radius), make)
        if block is None:
            raise InputError(
                "nothing of the object lies near the mean of its vertices",
                where="object_vertices",
                expected=f"a part of it within {radius * pitch_m * 1000:.0f} mm along each axis",
            )
        return block

    @cached_property
    def solid(self) -> ObjectVoxels:
        """Itself, checked.

        Raises:
            InputError: it is not closed, or inside out.
        """
        _check_closed(self.vertices, self.faces, where="object")
        _check_outward(self.vertices, self.faces, where="object")
        return self

    @cached_property
    def hull(self) -> ObjectVoxels:
        """Its convex hull."""
        import trimesh

        hull = trimesh.convex.convex_hull(self.vertices[np.unique(self.faces)])
        return ObjectVoxels(np.array(hull.vertices), np.array(hull.faces))

    @cached_property
    def distance(self) -> ExactDistance:
        """Signed distance and winding number."""
        return ExactDistance(self.vertices, self.faces)

    def _once(self, key: tuple, make: Callable):
        made: dict = self.__dict__["_made"]
        if key not in made:
            made[key] = make()
        return made[key]


def obman_surface_volume_cm3(
    hand_vertices: np.ndarray,
    hand_faces: np.ndarray,
    object_vertices: np.ndarray,
    object_faces: np.ndarray,
    *,
    pitch_m: float = OBMAN_PITCH_M,
    prepared: ObjectVoxels | None = None,
) -> np.ndarray:
    """Volume of the object's surface voxels whose centres lie in the hand, (*B,) [cm³].

    obman_train (`netscripts/intersect.py`), copied by GraspTTA, FastGrasp and DiffH2O, with trimesh 3 or later:
    voxelize the object (5 mm, surface only), count the centres inside the hand, times pitch³. As only the
    surface counts, going deeper soon costs nothing: use it only beside figures published so. The grid starts at
    the frame's origin, so shifting the whole scene by part of a pitch changes the figure; by whole pitches, not.
    Where a hand overlaps itself, the protocol's parity of ray crossings says outside, and this inside.

    Args:
        hand_vertices: (*B, V, 3) [m].
        hand_faces: (F, 3), closed, outward.
        object_vertices: (N, 3), same frame [m].
        object_faces: (M, 3); may be open.
        pitch_m: side of a voxel.
        prepared: the same object, if several calls share it.

    Raises:
        InputError: a hand that is empty, not closed or inside out; wrong shapes; numbers that are not finite.
    """
    cells, axes = _object(object_vertices, object_faces, prepared).surface(pitch_m)

    def count(vertices: np.ndarray, faces: np.ndarray) -> float:
        low, high = vertices.min(0), vertices.max(0)
        first = np.array([np.searchsorted(axis, a) for axis, a in zip(axes, low, strict=True)])
        last = np.array([np.searchsorted(axis, b, "right") for axis, b in zip(axes, high, strict=True)])
        near = cells[((cells >= first) & (cells < last)).all(1)] - first
        if not len(near):
            return 0
        x, y, z = (axis[a:b] for axis, a, b in zip(axes, first, last, strict=True))
        return int(inside_grid(vertices, faces, (x, y, z))[tuple(near.T)].sum())

    return _for_each_hand(hand_vertices, hand_faces, count) * (pitch_m * 100) ** 3


def halo_volume_cm3(
    hand_vertices: np.ndarray,
    hand_faces: np.ndarray,
    object_vertices: np.ndarray,
    object_faces: np.ndarray,
    *,
    pitch_m: float = HALO_PITCH_M,
    convex_hull: bool = False,
    prepared: ObjectVoxels | None = None,
) -> np.ndarray:
    """Volume of the points of a grid that lie in both hand and object, (*B,) [cm³].

    HALO (`halo/utils/intersection.py`), copied by FastGrasp; ContactGen says it uses it: a 1 mm grid from a step
    below the bounding boxes' intersection to a step above it. As there, the figure is 0 where no vertex of the hand
    lies in the object, even if faces cut it. Unlike there, coordinates are doubles, and inside is by winding number
    instead of libigl's signed distance. Shifting the whole scene changes nothing, turning it does.

    Args:
        hand_vertices: (*B, V, 3) [m].
        hand_faces: (F, 3), closed, outward.
        object_vertices: (N, 3), same frame [m].
        object_faces: (M, 3), closed, outward; any with `convex_hull`.
        pitch_m: step of the grid.
        convex_hull: take the object's hull in its place, as HALO does for ObMan's objects.
        prepared: the same object, if several calls share it.

    Raises:
        InputError: a hand or object that is empty, not closed or inside out; wrong shapes; numbers that are not
            finite.
    """
    given = _object(object_vertices, object_faces, prepared)
    solid = given.hull if convex_hull else given.solid
    object_low, object_high = solid.vertices.min(0), solid.vertices.max(0)

    def count(vertices: np.ndarray, faces: np.ndarray) -> float:
        low, high = np.maximum(vertices.min(0), object_low), np.minimum(vertices.max(0), object_high)
        near = vertices[((vertices >= low) & (vertices <= high)).all(1)]
        if (low >= high).any() or not (solid.distance.winding(near) > 0.5).any():
            return 0
        steps = ((high - low + 2 * pitch_m) / pitch_m).astype(np.int64) + 1
        x, y, z = (a - pitch_m + np.arange(n) * pitch_m for a, n in zip(low, steps, strict=True))
        both = inside_grid(vertices, faces, (x, y, z)) & inside_grid(solid.vertices, solid.faces, (x, y, z))
        return int(both.sum())

    return _for_each_hand(hand_vertices, hand_faces, count) * (pitch_m * 100) ** 3


def choir_volume_cm3(
    hand_vertices: np.ndarray,
    hand_faces: np.ndarray,
    object_vertices: np.ndarray,
    object_faces: np.ndarray,
    *,
    pitch_m: float = CHOIR_PITCH_M,
    radius: int = CHOIR_RADIUS,
    prepared: ObjectVoxels | None = None,
) -> np.ndarray:
    """Volume of the voxels that hand and object both fill, (*B,) [cm³].

    CHOIR (`utils/testing.py`): trimesh's `local_voxelize(mesh, centre, pitch, radius).fill()` of both; the centre is
    the mean of the object's vertices. Surface voxels count whole, which adds a layer of about a pitch. Shifting the
    whole scene changes nothing, turning it does. Only what lies within `radius` voxels of the centre along
    each axis is seen: a hand beyond has 0 if the object ends before, else NaN, where CHOIR says 0.

    Args:
        hand_vertices: (*B, V, 3) [m].
        hand_faces: (F, 3), closed, outward.
        object_vertices: (N, 3), same frame [m].
        object_faces: (M, 3), closed, outward.
        pitch_m: side of a voxel.
        radius: the cube has 2 radius + 1 voxels a side.
        prepared: the same object, if several calls share it.

    Raises:
        InputError: a hand or object that is empty, not closed or inside out; wrong shapes; numbers that are not
            finite.
    """
    solid = _object(object_vertices, object_faces, prepared).solid
    block, centre = solid.block(pitch_m, radius), solid.vertices.mean(0)
    whole = (np.abs(solid.vertices - centre) < (radius + 0.5) * pitch_m).all()

    def count(vertices: np.ndarray, faces: np.ndarray) -> float:
        hand = solid_block(vertices, faces, origin=centre, pitch=pitch_m, radius=radius)
        return block.shared(hand) if hand is not None else 0 if whole else np.nan

    return _for_each_hand(hand_vertices, hand_faces, count) * (pitch_m * 100) ** 3


def depth_mm(signed_distance: np.ndarray) -> np.ndarray:
    """How deep the deepest hand vertex lies in the object, (*B,) [mm]; 0 where none does.

    GraspTTA, FastGrasp and DiffH2O; FGS-Net's MPD.

    Args:
        signed_distance: (*B, V) of hand vertices to the object's surface, positive outside [m].

    Raises:
        InputError: wrong shape, or numbers that are not finite.
    """
    signed = numbers(signed_distance, (None,), where="signed_distance")
    return np.maximum(-signed.min(-1), 0.0) * 1e3


def halo_depth_mm(
    hand_vertices: np.ndarray,
    object_vertices: np.ndarray,
    object_faces: np.ndarray,
    *,
    convex_hull: bool = False,
    prepared: ObjectVoxels | None = None,
) -> np.ndarray:
    """How deep the deepest hand vertex lies in the object or its hull, (*B,) [mm]; 0 where none does.

    HALO (`halo/utils/intersection.py`); its scripts then average the lowest signed distance [cm], in which hands
    that do not touch count as negative depths. Without the hull it is `depth_mm`.

    Args:
        hand_vertices: (*B, V, 3) [m].
        object_vertices: (N, 3), same frame [m].
        object_faces: (M, 3).
        convex_hull: take the object's hull in its place, as HALO does for ObMan's objects.
        prepared: the same object, if several calls share it.

    Raises:
        InputError: wrong shapes, or numbers that are not finite.
    """
    given = _object(object_vertices, object_faces, prepared)
    points = numbers(hand_vertices, (None, 3), where="hand_vertices")
    field = (given.hull if convex_hull else given).distance
    return depth_mm(field.query(points.reshape(-1, 3)).distance.reshape(points.shape[:-1]))


def oakink_depth_mm(
    hand_vertices: np.ndarray, signed_distance: np.ndarray, object_vertices: np.ndarray
) -> np.ndarray:
    """Largest distance from a hand vertex in the object to the nearest object vertex, (*B,) [mm]; 0 if none is in.

    OakInk. It exceeds the distance to the surface, the more the coarser the object's mesh.

    Args:
        hand_vertices: (*B, V, 3) [m].
        signed_distance: (*B, V) to the object's surface, positive outside [m].
        object_vertices: (N, 3), same frame [m].

    Raises:
        InputError: wrong shapes, or numbers that are not finite.
    """
    from scipy.spatial import KDTree

    points = numbers(hand_vertices, (None, 3), where="hand_vertices")
    signed = numbers(signed_distance, (None,), where="signed_distance")
    require_same_shape(signed, points[..., 0], where="signed_distance")
    tree = KDTree(numbers(object_vertices, (None, 3), where="object_vertices", exact=True))
    depth, inside = np.zeros(signed.shape), signed < 0
    if inside.any():
        depth[inside] = tree.query(points[inside])[0]
    return depth.max(-1) * 1e3


def geneoh_depth_mm(
    hand_vertices: np.ndarray, object_points: np.ndarray, object_normals: np.ndarray
) -> np.ndarray:
    """Mean over all hand vertices and frames, zeros included, of how deep they lie in the object, (*B,) [mm].

    GeneOH (`utils/common_tests.py`, its second version): the distance to the nearest of the object's points, where
    that point's normal says that the vertex is inside.

    Args:
        hand_vertices: (*B, T, V, 3), every frame in the object's frame [m].
        object_points: (P, 3) on the object's surface [m].
        object_normals: (P, 3), outward, of any length.

    Raises:
        InputError: wrong shapes, or numbers that are not finite.
    """
    from scipy.spatial import KDTree

    points = numbers(hand_vertices, (None, None, 3), where="hand_vertices")
    targets = numbers(object_points, (None, 3), where="object_points", exact=True)
    normals = numbers(object_normals, (None, 3), where="object_normals", exact=True)
    require_same_shape(normals, targets, where="object_normals")
    distance, nearest = KDTree(targets).query(points)
    inside = ((points - targets[nearest]) * normals[nearest]).sum(-1) < 0
    return np.where(inside, distance, 0.0).mean((-2, -1)) * 1e3


def _for_each_hand(
    hand_vertices: np.ndarray, hand_faces: np.ndarray, count: Callable[[np.ndarray, np.ndarray], float]
) -> np.ndarray:
    """What `count` says of every hand, (*B,), once all of them have been checked."""
    vertices = numbers(hand_vertices, (None, 3), where="hand_vertices")
    faces = _faces(hand_faces, vertices.shape[-2], where="hand_faces")
    hands = vertices.reshape(-1, *vertices.shape[-2:])
    for number, hand in enumerate(hands):
        if number == 0:
            _check_closed(hand, faces, where="hand")
        _check_outward(hand, faces, where="hand" if len(hands) == 1 else f"hand {number}")
    return np.array([count(hand, faces) for hand in hands], float).reshape(vertices.shape[:-2])


def _object(vertices: np.ndarray, faces: np.ndarray, prepared: ObjectVoxels | None) -> ObjectVoxels:
    if prepared is None:
        return ObjectVoxels(vertices, faces)
    if not (np.array_equal(prepared.vertices, vertices) and np.array_equal(prepared.faces, faces)):
        raise InputError("was made of another object, or in another frame", where="prepared")
    return prepared


def _faces(faces: np.ndarray, vertices: int, *, where: str) -> np.ndarray:
    faces = np.asarray(faces)
    whole = faces.dtype.kind in "iu" and faces.ndim == 2 and faces.shape[1] == 3 and len(faces) > 0
    if not whole or faces.min() < 0 or faces.max() >= vertices:
        expected = f"(n, 3) whole numbers under {vertices}, n > 0"
        raise InputError("are no triangles of the vertices", where=where, expected=expected, got=faces.shape)
    return faces.astype(np.int64)


def _check_closed(vertices: np.ndarray, faces: np.ndarray, *, where: str) -> None:
    excess = edge_use(faces)[2]
    if excess.any():  # seams of vertices at the very same place are no openings
        excess = edge_use(merge_seams(vertices, faces, tolerance=0.0)[0])[2]
    if excess.any():
        raise InputError(
            "the mesh is not closed and has no inside",
            where=where,
            expected="every edge used as often in one direction as in the other",
            got=f"{np.count_nonzero(excess)} open edges in {len(faces)} faces",
            remedy="Close it: a hand at the wrist, by geometry.mesh.close_boundary; an object by ObjectMesh.load.",
        )


def _check_outward(vertices: np.ndarray, faces: np.ndarray, *, where: str) -> None:
    volume = signed_volume(vertices, faces)
    if not volume > 0:
        raise InputError(
            "the mesh is inside out or flat",
            where=where,
            expected="faces counter-clockwise seen from outside",
            got=f"a volume of {volume * 1e6:.4g} cm³",
            remedy="A mirrored mesh needs its faces turned: faces[:, ::-1].",
        )
