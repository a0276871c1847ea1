"""What a method needs to judge a grasp, measured exactly on the meshes.

The full suite of published metrics lies in `evaluate`; these are the few that methods and reports share.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from handhold.geometry.mesh import face_vectors
from handhold.hand import BONES, FINGERS, Hand
from handhold.interaction.grasp import Grasp
from handhold.objects import ObjectMesh

CONTACT_MM = 3.0
"""A finger touches if one of its vertices is within this distance of the surface, on either side."""
VOXEL_M = 0.001
"""Pitch of the volume count where the object is no solid [m]."""


@dataclass(frozen=True)
class Measures:
    """Figures of one grasp. NaN: could not be had.

    Attributes:
        iv_cm3: volume of hand and object together, exact (lower is better).
        pd_mm: how deep the deepest hand vertex lies in the object (lower is better).
        fingers_in_contact: of five, with a vertex within 3 mm of the surface (higher is better).
        bones_through: of the 20 segments between neighbouring keypoints, how many cross the surface.
        moved_mm: mean distance of the keypoints to the observed ones.
        tissue_p99_mm: 99th percentile over vertices of the soft-tissue offset.
        tissue_max_mm: its maximum.
        flipped_faces: faces that soft tissue turned over.
        limit_violation_deg: how far the worst joint angle lies outside its limits.
    """

    iv_cm3: float
    pd_mm: float
    fingers_in_contact: int
    bones_through: int
    moved_mm: float
    tissue_p99_mm: float
    tissue_max_mm: float
    flipped_faces: int
    limit_violation_deg: float

    @staticmethod
    def names() -> tuple[str, ...]:
        """Names of the figures."""
        return tuple(f.name for f in fields(Measures))


def measure(grasp: Grasp) -> Measures:
    """Measure a grasp; for a motion, see `measure_frames`."""
    (result,) = measure_frames(grasp if grasp.is_motion else _as_frames(grasp))
    return result


def measure_frames(motion: Grasp) -> list[Measures]:
    """Measure every frame of a motion (leading time axis)."""
    hand, surface = motion.hand, motion.surface()
    fitted, final = motion.fitted().vertices, surface.vertices
    angles = _angles(motion)
    violation = torch.rad2deg(hand.anatomy.violation(angles).amax((-1, -2)))
    pose = motion.T_world_object.expand(len(fitted), 4, 4)
    results = []
    for t in range(len(fitted)):
        vertices, joints, flat = (to_object_frame(x[t], pose[t]) for x in (final, surface.joints, fitted))
        tissue = (vertices - flat).norm(dim=-1) * 1e3
        signed = motion.object.distance.query(vertices.double().numpy()).distance * 1e3
        observed = None if motion.keypoints is None else motion.keypoints[t]
        results.append(
            Measures(
                iv_cm3=intersection_volume_cm3(vertices, hand.faces, motion.object),
                pd_mm=float(max(0.0, -signed.min())),
                fingers_in_contact=int(fingers_touching(signed, hand).sum()),
                bones_through=int(bones_through(joints, motion.object).sum()),
                moved_mm=moved_mm(surface.joints[t], observed),
                tissue_p99_mm=float(tissue.quantile(0.99)),
                tissue_max_mm=float(tissue.max()),
                flipped_faces=flipped_faces(flat, vertices, hand.faces),
                limit_violation_deg=float(violation[t]),
            )
        )
    return results


def to_object_frame(points: Tensor, T_world_object: Tensor) -> Tensor:
    """World points (*, 3) to the object's frame of pose (4, 4), on the CPU."""
    pose = T_world_object.detach().cpu().double()
    return ((points.detach().cpu().double() - pose[:3, 3]) @ pose[:3, :3]).to(points.dtype)


def fingers_touching(signed_mm: np.ndarray, hand: Hand) -> np.ndarray:
    """Which fingers touch, (5,) bool, thumb to pinky, from signed distances of all vertices (V,) [mm]."""
    near = np.abs(signed_mm) <= CONTACT_MM
    labels = hand.finger_labels.cpu().numpy()
    return np.array([near[labels == k + 1].any() for k in range(len(FINGERS))])


def bones_through(joints: Tensor, obj: ObjectMesh) -> np.ndarray:
    """Which of the 20 bones cross the object's surface, (20,) bool, from joints (21, 3) in the object's frame."""
    points = joints.double().numpy()
    start, end = zip(*BONES, strict=True)
    return obj.distance.crosses(points[list(start)], points[list(end)])


def moved_mm(joints: Tensor, observed: Tensor | None) -> float:
    """Mean distance of keypoints (21, 3) to the observed ones [mm]; missing ones are left out; NaN if none."""
    if observed is None:
        return float("nan")
    distance = (joints - observed.to(joints)).norm(dim=-1)
    return float(distance.nanmean() * 1e3)


def flipped_faces(before: Tensor, after: Tensor, faces: Tensor) -> int:
    """Faces whose normal turned by more than a right angle between two vertex sets (V, 3)."""
    return int(((face_vectors(before, faces) * face_vectors(after, faces)).sum(-1) < 0).sum())


def intersection_volume_cm3(vertices: Tensor, faces: Tensor, obj: ObjectMesh) -> float:
    """Exact volume of the hand inside the object [cm3], by manifold3d's booleans.

    Where the object's mesh is no solid (`ObjectMesh.watertight_or_reason`), points of a 1 mm grid are counted
    that lie inside both by winding number.

    Args:
        vertices: (V, 3) hand surface in the object's frame [m].
        faces: (F, 3), closed.
        obj: the object.
    """
    import manifold3d

    points = vertices.double().numpy()
    low, high = np.maximum(points.min(0), obj.vertices.min(0)), np.minimum(points.max(0), obj.vertices.max(0))
    if (low >= high).any():
        return 0.0
    solid = obj.manifold()
    if solid is None:
        return _counted_volume_cm3(points, faces.numpy(), obj, low, high)
    mesh = manifold3d.Mesh64(points, faces.numpy().astype(np.uint64))
    return float((manifold3d.Manifold(mesh) ^ solid).volume()) * 1e6


def _counted_volume_cm3(points: np.ndarray, faces: np.ndarray, obj: ObjectMesh, low, high) -> float:
    from handhold.geometry.distance import ExactDistance

    axes = [np.arange(a + VOXEL_M / 2, b, VOXEL_M) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    if not len(grid):
        return 0.0
    grid = grid[ExactDistance(points, faces).winding(grid) > 0.5]
    inside = obj.distance.winding(grid) > 0.5 if len(grid) else np.zeros(0)
    return float(inside.sum()) * VOXEL_M**3 * 1e6


def _angles(grasp: Grasp) -> Tensor:
    import roma

    return grasp.hand.anatomy.angles(roma.rotvec_to_rotmat(grasp.params.hand_pose))


def _as_frames(grasp: Grasp) -> Grasp:
    """A single grasp as a motion of one frame."""

    def lead(x: Tensor | None) -> Tensor | None:
        return None if x is None else x[None]

    return grasp.with_(
        params=grasp.params[None],
        offsets=lead(grasp.offsets),
        keypoints=lead(grasp.keypoints),
        T_world_object=grasp.T_world_object[None] if grasp.T_world_object.ndim == 2 else grasp.T_world_object,
    )
