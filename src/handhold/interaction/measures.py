"""What a method needs to judge a grasp, measured exactly on the meshes.

The full suite of published metrics lies in `evaluate`; these are the few that methods and reports share.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import roma
import torch

from handhold.geometry.mesh import face_vectors
from handhold.hand import BONES, FINGERS
from handhold.interaction.grasp import Grasp
from handhold.interaction.hand_object import Frame, HandObject
from handhold.objects import ObjectMesh

CONTACT_MM = 3.0
"""A finger touches if one of its vertices is within this distance of the surface, on either side."""


@dataclass(frozen=True)
class Measures:
    """Figures of one grasp. NaN: could not be had, for want of a hand model, joints, or a closed hand.

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
    fingers_in_contact: float
    bones_through: float
    moved_mm: float
    tissue_p99_mm: float
    tissue_max_mm: float
    flipped_faces: float
    limit_violation_deg: float

    @staticmethod
    def names() -> tuple[str, ...]:
        """Names of the figures."""
        return tuple(f.name for f in fields(Measures))


def measure(grasp: Grasp) -> Measures:
    """Measure a grasp; for a motion, see `measure_frames`."""
    (frame,) = HandObject.of_grasp(grasp).frames()
    return measure_frame(frame)


def measure_frames(motion: Grasp) -> list[Measures]:
    """Measure every frame of a motion (leading time axis)."""
    return [measure_frame(frame) for frame in HandObject.of_grasp(motion).frames()]


def measure_frame(frame: Frame) -> Measures:
    """Measure surfaces; what needs a hand model, joints or soft tissue that are not there is NaN."""
    pair, values = frame.pair, dict.fromkeys(Measures.names(), float("nan"))
    values["iv_cm3"] = frame.volume_cm3
    values["pd_mm"] = float(max(0.0, -frame.signed.min() * 1e3))
    values["limit_violation_deg"] = limit_violation_deg(pair)
    if frame.finger_labels is not None:
        values["fingers_in_contact"] = float(fingers_touching(frame.signed * 1e3, frame.finger_labels).sum())
    if pair.joints is not None and frame.joints is not None:
        if np.isfinite(frame.joints).all():
            values["bones_through"] = float(bones_through(frame.joints, frame.object).sum())
        values["moved_mm"] = moved_mm(pair.joints, pair.keypoints)
    if pair.fitted_vertices is not None:
        tissue = np.linalg.norm(pair.hand_vertices - pair.fitted_vertices, axis=-1) * 1e3
        values["tissue_p99_mm"], values["tissue_max_mm"] = (
            float(np.quantile(tissue, 0.99)),
            float(tissue.max()),
        )
        values["flipped_faces"] = float(flipped_faces(pair.fitted_vertices, pair.hand_vertices, frame.faces))
    return Measures(**values)


def limit_violation_deg(pair: HandObject) -> float:
    """How far the worst joint angle lies outside its limits; NaN without a hand model."""
    if pair.hand is None or pair.params is None:
        return float("nan")
    anatomy = pair.hand.anatomy
    violation = anatomy.violation(anatomy.angles(roma.rotvec_to_rotmat(pair.params.hand_pose)))
    return float(torch.rad2deg(violation.max()))


def fingers_touching(signed_mm: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which fingers touch, (5,) bool, thumb to pinky, from signed distances of all vertices (V,) [mm] and the
    finger that each belongs to (V,), 0 none, 1 to 5."""
    near = np.abs(signed_mm) <= CONTACT_MM
    return np.array([near[labels == k + 1].any() for k in range(len(FINGERS))])


def bones_through(joints: np.ndarray, obj: ObjectMesh) -> np.ndarray:
    """Which of the 20 bones cross the object's surface, (20,) bool, from joints (21, 3), MANO's order, in the
    object's frame [m]."""
    points = np.asarray(joints, float)
    start, end = zip(*BONES, strict=True)
    return obj.distance.crosses(points[list(start)], points[list(end)])


def moved_mm(joints: np.ndarray, observed: np.ndarray | None) -> float:
    """Mean distance of keypoints (21, 3) to the observed ones [mm]; missing ones are left out; NaN if none."""
    if observed is None:
        return float("nan")
    distance = np.linalg.norm(np.asarray(joints, float) - np.asarray(observed, float), axis=-1)
    known = distance[~np.isnan(distance)]
    return float(known.mean() * 1e3) if len(known) else float("nan")


def flipped_faces(before: np.ndarray, after: np.ndarray, faces: np.ndarray) -> int:
    """Faces (F, 3) whose normal turned by more than a right angle between two vertex sets (V, 3)."""
    triangles = torch.as_tensor(faces)
    first, last = (face_vectors(torch.as_tensor(v, dtype=torch.float64), triangles) for v in (before, after))
    return int(((first * last).sum(-1) < 0).sum())
