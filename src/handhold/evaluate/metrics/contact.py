"""Contact of a hand and an object, in each of the forms in which it was published.

Distances are those that `ExactDistance.query` gives: signed, positive outside, to the surface [m]. Published code
measures to vertices or samples in places; each function says where that makes a difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from handhold.errors import InputError
from handhold.evaluate.metrics.arguments import mask, numbers, require_same_shape
from handhold.geometry.distance import ExactDistance

GRASPTTA_M = 0.005
DIFFH2O_M = 0.005
FGS_M = 0.01
CHOIR_M = 0.002
CHOIR_POINTS = 5000
"""CHOIR draws so many points on the object's surface, evenly by area."""
CHOIR_UPSAMPLINGS = 2


@dataclass(frozen=True)
class HandContactScores:
    """How well a contact map of the hand meets the reference's, in percent; higher is better.

    Attributes:
        precision_pct: (*) share of the predicted contacts that are in the reference.
        recall_pct: (*) share of the reference's contacts that are predicted.
        f1_pct: (*) harmonic mean of both.
    """

    precision_pct: np.ndarray
    recall_pct: np.ndarray
    f1_pct: np.ndarray


def grasptta_contact(signed: np.ndarray) -> np.ndarray:
    """Whether a hand touches: a vertex is inside the object or at most 5 mm away. Higher (true) is better.

    GraspTTA, and FastGrasp on HO3D; the mean over grasps is their contact ratio. A hand that is buried in the
    object touches too.

    Args:
        signed: (*, V) signed distances of the hand's vertices to the object [m].

    Returns:
        (*) bool.

    Raises:
        InputError: no vertices, or distances that are not finite.
    """
    return np.any(numbers(signed, (None,), where="signed") <= GRASPTTA_M, axis=-1)


def fastgrasp_contact(volume_cm3: np.ndarray) -> np.ndarray:
    """Whether a hand touches: hand and object share a volume. Higher (true) is better.

    FastGrasp on GRAB and OakInk (`eval_adapt.py`: the intersection volume is not zero). Its volume is
    `obman-surface-5mm`, which misses overlaps that hold no centre of a voxel of the object's surface; a hand that
    touches without penetrating does not count.

    Args:
        volume_cm3: (*) intersection volumes [cm3].

    Returns:
        (*) bool.

    Raises:
        InputError: a volume that is negative or not finite; one that could not be had is a failure, to be left out.
    """
    volume = numbers(volume_cm3, (), where="volume_cm3")
    if (volume < 0).any():
        raise InputError("is negative", where="volume_cm3", expected="volumes of 0 or more", got=volume.min())
    return np.not_equal(volume, 0)


def halo_contact(signed: np.ndarray) -> np.ndarray:
    """Whether a hand touches: a vertex is inside the object. Higher (true) is better.

    HALO (signed distance below zero). Arguments, result and errors are those of `grasptta_contact`.
    """
    return np.any(numbers(signed, (None,), where="signed") < 0, axis=-1)


def diffh2o_contact_ratio(signed: np.ndarray) -> np.ndarray:
    """Share of a hand's vertices that are less than 5 mm from the object's surface, in [0, 1]; higher is better.

    DiffH2O (`compute_contact_ratio`). Only frames in which a vertex is inside the object count, and the mean is
    taken over these; if there is none, the figure is 0, the worst, as in the published code. So a hand that touches
    without penetrating has no contact, and vertices deeper than 5 mm are not in contact. The code takes the mean of
    both hands' figures afterwards, an idle hand's 0 included, on objects decimated to 1 %.

    Args:
        signed: (*, T, V) signed distances of one hand's vertices to the object [m]; a still grasp has T = 1.

    Returns:
        (*), in [0, 1].

    Raises:
        InputError: no frames, no vertices, or distances that are not finite.
    """
    signed = numbers(signed, (None, None), where="signed")
    near = (np.abs(signed) < DIFFH2O_M).mean(-1)
    frames = (signed < 0).any(-1)
    return np.where(frames, near, 0.0).sum(-1) / np.maximum(frames.sum(-1), 1)


def fgs_contact_ratio(object_to_hand_distance: np.ndarray) -> np.ndarray:
    """Share of an object's vertices that are less than 1 cm from the hand, in [0, 1]; higher is better.

    FGS-Net, appendix C (its CR is in percent). It leaves open whether the distance is to the hand's surface or to
    its nearest vertex (here it is what the caller measured; the surface is meant), and what becomes of vertices
    deeper in the hand than 1 cm (here they are not in contact). There is no code. A share of vertices depends on
    how the object is meshed.

    Args:
        object_to_hand_distance: (*, N) distances of the object's vertices to the hand [m]; a sign is ignored.

    Returns:
        (*), in [0, 1].

    Raises:
        InputError: no vertices, or distances that are not finite.
    """
    distance = numbers(object_to_hand_distance, (None,), where="object_to_hand_distance")
    return (np.abs(distance) < FGS_M).mean(-1)


def capsule_contact(
    object_vertices: np.ndarray,
    object_normals: np.ndarray,
    *,
    hand_vertices: np.ndarray,
    top_m: float = 0.0005,
    bottom_m: float = -0.0015,
    scale_m: float = 0.001,
) -> np.ndarray:
    """ContactOpt's soft contact of each object vertex, in [0, 1].

    `diffcontact.py`: v is an object vertex, n its normal, h the hand vertex nearest to v, d the distance of h to
    the segment from v + n top to v + n bottom; the contact is clip(1 / (d / scale + 1e-4), 0, 1). It is 1 up to 1 mm
    from the segment and falls off as 1/d, so it never reaches 0. h is nearest to the vertex, as in that code; the
    hand vertex nearest to the segment may be another. The defaults are the function's; ContactOpt's optimizer uses
    bottom_m=-0.001.

    Args:
        object_vertices: (N, 3) [m].
        object_normals: (N, 3) outward unit normals.
        hand_vertices: (V, 3) [m].
        top_m: how far the segment reaches out of the object [m].
        bottom_m: where it ends inside, negative [m].
        scale_m: the capsule's radius [m].

    Returns:
        (N,), in [0, 1].

    Raises:
        InputError: wrong shapes, numbers that are not finite, or no capsule.
    """
    from scipy.spatial import KDTree

    vertices = numbers(object_vertices, (None, 3), where="object_vertices", exact=True)
    normals = numbers(object_normals, (None, 3), where="object_normals", exact=True)
    hand = numbers(hand_vertices, (None, 3), where="hand_vertices", exact=True)
    require_same_shape(normals, vertices, where="object_normals")
    if not (bottom_m <= top_m and scale_m > 0):
        raise InputError(
            "is no capsule",
            where="top_m, bottom_m, scale_m",
            expected="bottom_m <= top_m, scale_m > 0",
            got=(top_m, bottom_m, scale_m),
        )
    offset = hand[KDTree(hand).query(vertices)[1]] - vertices
    # Squared lengths are 1, or 0 for a vertex without faces, whose segment is the vertex itself.
    squared = np.square(normals).sum(-1)
    along = np.einsum("ij,ij->i", offset, normals) / np.where(squared > 0, squared, 1.0)
    distance = np.linalg.norm(offset - np.clip(along, bottom_m, top_m)[:, None] * normals, axis=-1)
    return np.clip(1.0 / (distance / scale_m + 1e-4), 0.0, 1.0)


def capsule_contact_error(contact: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mean absolute difference of two contact maps, in [0, 1]; lower is better.

    Args:
        contact: (*, N) in [0, 1].
        reference: (*, N) in [0, 1], of the same vertices.

    Returns:
        (*).

    Raises:
        InputError: shapes that differ, or values outside [0, 1].
    """
    maps = []
    for where, value in (("contact", contact), ("reference", reference)):
        array = numbers(value, (None,), where=where)
        if array.min(initial=0.0) < 0 or array.max(initial=0.0) > 1:
            raise InputError(
                "is no contact map", where=where, expected="0 to 1", got=(array.min(), array.max())
            )
        maps.append(array)
    require_same_shape(maps[0], maps[1], where="contact")
    return np.abs(maps[0] - maps[1]).mean(-1)


def choir_hand_contact(
    hand_vertices: np.ndarray,
    hand_faces: np.ndarray,
    *,
    object_points: np.ndarray,
    threshold_m: float = CHOIR_M,
) -> np.ndarray:
    """Which points of a hand touch, as CHOIR has it: within 2 mm of the nearest of 5,000 points on the object.

    CHOIR, appendix C.1 and code: the hand's mesh is upsampled twice (every triangle into four). Points deeper in the
    object than 2 mm do not touch. On a large object 5,000 points lie further apart than 2 mm (on a 20 cm cube 7 mm),
    and most of a perfect contact is missed: `surface_hand_contact` has no such limit.

    Args:
        hand_vertices: (V, 3) [m].
        hand_faces: (F, 3) whole numbers.
        object_points: (P, 3) points spread evenly over the object's surface, in the hand's frame [m]; the same ones,
            in the object's frame, for prediction and reference.
        threshold_m: contact distance [m].

    Returns:
        (U,) bool over the upsampled vertices, the hand's own first. The order depends on the faces alone.

    Raises:
        InputError: wrong shapes, numbers that are not finite, or faces that are not of these vertices.
    """
    from scipy.spatial import KDTree

    points = numbers(object_points, (None, 3), where="object_points", exact=True)
    reach = _reach(threshold_m)
    bound = np.nextafter(reach, np.inf)  # the tree leaves out what is exactly at its bound
    distance, _ = KDTree(points).query(_upsampled(hand_vertices, hand_faces), distance_upper_bound=bound)
    return np.less_equal(distance, reach)


def surface_hand_contact(
    hand_vertices: np.ndarray,
    hand_faces: np.ndarray,
    *,
    surface: ExactDistance,
    threshold_m: float = CHOIR_M,
) -> np.ndarray:
    """Which points of a hand touch: as `choir_hand_contact`, with the exact distance to the object's surface.

    Args:
        hand_vertices: (V, 3) in the object's frame [m].
        hand_faces: (F, 3) whole numbers.
        surface: the object's.
        threshold_m: contact distance, on either side of the surface [m].

    Returns:
        (U,) bool over the upsampled vertices.

    Raises:
        InputError: as `choir_hand_contact`.
    """
    reach = _reach(threshold_m)
    return np.abs(surface.query(_upsampled(hand_vertices, hand_faces)).distance) <= reach


def hand_contact_scores(contact: np.ndarray, reference: np.ndarray) -> HandContactScores:
    """Precision, recall and F1 of a hand's contact against the reference's [%]; higher is better.

    CHOIR, appendix C.1. Where only one of the two has contact, nothing agrees and all three are 0, also the one
    that would be 0/0. Where neither has, all are NaN: nothing was asked and nothing can be scored.

    Args:
        contact: (*, V) bool.
        reference: (*, V) bool, of the same points.

    Raises:
        InputError: shapes that differ, or no booleans.
    """
    contact = mask(contact, (None,), where="contact")
    reference = mask(reference, (None,), where="reference")
    require_same_shape(contact, reference, where="contact")
    both, found, wanted = ((m).sum(-1) for m in (contact & reference, contact, reference))

    def percent(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return np.where(found + wanted > 0, 100.0 * part / np.maximum(whole, 1), np.nan)[()]

    return HandContactScores(percent(both, found), percent(both, wanted), percent(2 * both, found + wanted))


def proximity_error_mm(distance: np.ndarray, reference_distance: np.ndarray) -> np.ndarray:
    """Mean difference of the hand's distances to the object from those of a reference [mm]; lower is better.

    GravityDB and GeneOH: "the difference of the hand-object proximity" between prediction and truth. Here, for each
    point of the hand, |d - d_reference| with d its unsigned distance to the object's surface, averaged over points
    (and frames, if they are among the last axis). Neither paper's evaluation was released; GeneOH's repository holds
    a draft (`calculate_proximity_dist`) that squares the difference of squared distances to the object's vertices,
    for two keypoints after frame 46, and is not what its paper reports in mm. A point that passes from outside to
    as deep inside has an error of 0; penetration is for other metrics.

    Args:
        distance: (*, P) distances of the hand's keypoints or vertices to the object [m]; a sign is ignored; NaN
            where missing.
        reference_distance: (*, P) those of the reference to its object [m], NaN where missing.

    Returns:
        (*), NaN where no point is known in both.

    Raises:
        InputError: shapes that differ, or infinite distances.
    """
    distance = numbers(distance, (None,), where="distance", missing=True)
    reference = numbers(reference_distance, (None,), where="reference_distance", missing=True)
    require_same_shape(distance, reference, where="distance")
    error = np.abs(np.abs(distance) - np.abs(reference))
    known = ~np.isnan(error)
    count = known.sum(-1)
    total = np.where(known, error, 0.0).sum(-1)
    return 1e3 * np.where(count > 0, total / np.maximum(count, 1), np.nan)[()]


def _reach(threshold_m: float) -> float:
    if not 0 < threshold_m < np.inf:
        raise InputError("is no distance", where="threshold_m", expected="more than 0", got=threshold_m)
    return threshold_m


def _upsampled(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Vertices of the mesh with every triangle split into four at the middles of its edges, twice."""
    vertices = numbers(vertices, (None, 3), where="hand_vertices", exact=True)
    faces = np.asarray(faces)
    whole = faces.dtype.kind in "iu" and faces.ndim == 2 and faces.shape[1] == 3 and len(faces)
    if not whole or faces.min() < 0 or faces.max() >= len(vertices):
        raise InputError(
            "are no triangles of these vertices",
            where="hand_faces",
            expected="(F, 3) indices",
            got=faces.shape,
        )
    for edges in _edges_to_split(np.ascontiguousarray(faces, np.int64).tobytes(), len(vertices)):
        vertices = np.concatenate((vertices, vertices[edges].mean(1)))
    return vertices


@lru_cache(maxsize=8)
def _edges_to_split(faces: bytes, count: int) -> tuple[np.ndarray, ...]:
    """The edges (E, 2) whose middles become vertices, for each round; kept, as all grasps of a hand share them."""
    triangles = np.frombuffer(faces, np.int64).reshape(-1, 3)
    rounds = []
    for _ in range(CHOIR_UPSAMPLINGS):
        a, b, c = triangles.T
        sides = np.sort(np.stack((a, b, b, c, c, a), 1).reshape(-1, 2))
        edges, which = np.unique(sides, axis=0, return_inverse=True)
        ab, bc, ca = (count + which.reshape(-1, 3)).T
        parts = (a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca)
        triangles = np.stack(parts, 1).reshape(-1, 3)
        count += len(edges)
        rounds.append(edges)
    return tuple(rounds)
