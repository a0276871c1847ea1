"""Protocols that read a hand and an object at one moment: a function for each, by the protocol's name.

Each takes the frame, the reference's frame (None where the protocol needs none) and a seed, and gives its metrics'
figures by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache

import numpy as np
import torch

from handhold.errors import InputError
from handhold.evaluate.metrics import contact, penetration, pose, stability
from handhold.geometry.mesh import vertex_normals
from handhold.interaction.hand_object import Frame, HandObject
from handhold.interaction.measures import measure_frame
from handhold.objects import ObjectMesh

Figures = dict[str, float]

OBJECT_POINTS = 5000
"""Points of the object's surface in the protocols that sample it (CHOIR's contact, GeneOH's)."""
BEHIND = 1e-3
"""So far behind a face, as a share of the object's size, it is asked whether there is an inside."""
SAME_OBJECT = 1e-3
"""Objects whose extents differ by more than this are two [m]."""


def _exact(frame: Frame, truth: Frame | None, seed: int) -> Figures:
    figures = asdict(measure_frame(frame))
    return figures if has_inside(frame.object) else figures | dict.fromkeys(("iv_cm3", "pd_mm"), np.nan)


@lru_cache(maxsize=16)
def has_inside(obj: ObjectMesh) -> bool:
    """Whether there is a place behind some face that counts as inside: a sheet has none, a can without a lid has."""
    if not obj.watertight_or_reason:
        return True
    corners = obj.vertices[obj.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=-1, keepdims=True)
    behind = corners.mean(1) - BEHIND * obj.extents.max() * normals / np.maximum(lengths, 1e-300)
    return bool((obj.distance.query(behind).distance < 0).any())


def _volume(name: str, function: Callable) -> Callable[[Frame, Frame | None, int], Figures]:
    """A voxel protocol, in the frame that the scene is given in."""

    def run(frame: Frame, truth: Frame | None, seed: int) -> Figures:
        voxels = _voxels(frame.object, np.asarray(frame.pair.T_world_object, float).tobytes())
        hand = frame.pair.hand_vertices, frame.faces
        return {name: float(function(*hand, voxels.vertices, voxels.faces, prepared=voxels))}

    return run


_obman = _volume("iv_cm3@obman-surface-5mm", penetration.obman_surface_volume_cm3)


@lru_cache(maxsize=4)
def _voxels(obj: ObjectMesh, pose: bytes) -> penetration.ObjectVoxels:
    """An object in the world, with its voxels; sets share it."""
    matrix = np.frombuffer(pose).reshape(4, 4)
    return penetration.ObjectVoxels(obj.vertices @ matrix[:3, :3].T + matrix[:3, 3], obj.faces)


@lru_cache(maxsize=16)
def surface_points(obj: ObjectMesh, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(5000, 3) points spread over an object, the same for every hand on it, and their outward normals."""
    found = obj.sample(OBJECT_POINTS, torch.Generator().manual_seed(seed))
    return found.points.numpy(), found.normals.numpy()


@lru_cache(maxsize=16)
def _normals(obj: ObjectMesh) -> np.ndarray:
    return vertex_normals(torch.from_numpy(obj.vertices), torch.from_numpy(obj.faces)).numpy()


def _depths(frame: Frame, truth: Frame | None, seed: int) -> Figures:
    obj = frame.object
    on_surface = {
        "pd_mm@geneoh": float(penetration.geneoh_depth_mm(frame.vertices[None], *surface_points(obj, seed)))
    }
    if not has_inside(obj):
        return on_surface
    deepest = float(penetration.depth_mm(frame.signed))
    return on_surface | {
        "pd_mm@halo": deepest,
        "pd_mm@oakink": float(penetration.oakink_depth_mm(frame.vertices, frame.signed, obj.vertices)),
        "mpd_mm@fgs": deepest,
        "siv_cm3@fgs": frame.volume_cm3,
    }


def _contact_ratios(frame: Frame, truth: Frame | None, seed: int) -> Figures:
    to_hand = frame.hand_distance.unsigned(frame.object.vertices)
    return {
        "contact_ratio@grasptta": float(contact.grasptta_contact(frame.signed)),
        "contact_ratio@halo": float(contact.halo_contact(frame.signed))
        if has_inside(frame.object)
        else np.nan,
        "contact_ratio@fgs": float(contact.fgs_contact_ratio(to_hand)),
        "contact_mean@contactopt": float(_capsules(frame).mean()),
    }


def _fastgrasp_contact(frame: Frame, truth: Frame | None, seed: int) -> Figures:
    (volume,) = _obman(frame, truth, seed).values()
    return {"contact_ratio@fastgrasp": float(contact.fastgrasp_contact(np.array(volume)))}


def _capsules(frame: Frame) -> np.ndarray:
    return contact.capsule_contact(
        frame.object.vertices, _normals(frame.object), hand_vertices=frame.vertices
    )


def _contactopt(frame: Frame, truth: Frame, seed: int) -> Figures:
    _check_object(frame.object, truth.object)
    if len(frame.object.vertices) != len(truth.object.vertices):
        raise InputError(
            "the reference's object is another mesh",
            expected=f"{len(frame.object.vertices)} vertices",
            got=len(truth.object.vertices),
        )
    error = contact.capsule_contact_error(_capsules(frame), _capsules(truth))
    return {"contact_error@contactopt": float(error)}


def _check_object(one: ObjectMesh, other: ObjectMesh) -> None:
    """Refuse to compare contact with another object."""
    pairs = (one.vertices, other.vertices)
    if len(one.vertices) != len(other.vertices):
        pairs = (one.extents, other.extents)
    apart = float(np.abs(pairs[0] - pairs[1]).max())
    if apart > SAME_OBJECT:
        raise InputError(
            "the reference is of another object",
            expected=f"one that differs by less than {SAME_OBJECT * 1e3:g} mm",
            got=f"{apart * 1e3:.3g} mm",
        )


def _check_mesh(frame: Frame, truth: Frame) -> None:
    """Refuse to compare vertices of hands that are not one mesh; the order of its faces does not matter."""
    counts = [f"{len(f.vertices)} vertices, {len(f.faces)} faces" for f in (frame, truth)]
    if counts[0] == counts[1]:
        one, other = (faces[np.lexsort(faces.T)] for faces in (np.sort(f.faces, 1) for f in (frame, truth)))
        if np.array_equal(one, other):
            return
        counts[1] += " of other vertices"
    raise InputError(
        "the reference's hand is another mesh",
        expected=counts[0],
        got=counts[1],
        remedy="Vertices can be compared on one hand model only.",
    )


def _choir_contact(frame: Frame, truth: Frame, seed: int) -> Figures:
    _check_object(frame.object, truth.object)
    _check_mesh(frame, truth)
    maps = [
        contact.choir_hand_contact(f.vertices, f.faces, object_points=surface_points(f.object, seed)[0])
        for f in (frame, truth)
    ]
    found = contact.hand_contact_scores(*maps)
    return {
        "contact_precision_pct@choir-2mm": float(found.precision_pct),
        "contact_recall_pct@choir-2mm": float(found.recall_pct),
        "contact_f1_pct@choir-2mm": float(found.f1_pct),
    }


def _proximity(frame: Frame, truth: Frame, seed: int) -> Figures:
    _check_object(frame.object, truth.object)
    distances = [_distance_of_joints(f) for f in (frame, truth)]
    return {"proximity_error_mm": float(contact.proximity_error_mm(*distances))}


def _distance_of_joints(frame: Frame) -> np.ndarray:
    joints = joints_of(frame)
    known = ~np.isnan(joints).any(-1)
    distance = np.full(len(joints), np.nan)
    distance[known] = frame.object.distance.unsigned(joints[known])
    return distance


def joints_of(frame: Frame) -> np.ndarray:
    """(21, 3) in the object's frame.

    Raises:
        InputError: they are not known.
    """
    if frame.joints is None:
        raise InputError("no joints")
    return frame.joints


def world_joints(pair: HandObject) -> np.ndarray:
    """(T?, 21, 3) in the world frame.

    Raises:
        InputError: they are not known.
    """
    if pair.joints is None:
        raise InputError("no joints")
    return pair.joints


def _pose(frame: Frame, truth: Frame, seed: int) -> Figures:
    joints, reference = world_joints(frame.pair), world_joints(truth.pair)
    return {
        "mpjpe_mm": float(pose.mpjpe_mm(joints, reference)),
        "mpjpe_mm@root": float(pose.root_aligned_mpjpe_mm(joints, reference)),
        "mpjpe_mm@pa": float(pose.procrustes_mpjpe_mm(joints, reference, scale=True)),
        "mpjpe_mm@pa-rigid": float(pose.procrustes_mpjpe_mm(joints, reference, scale=False)),
        "pck_auc": float(pose.pck_auc(joints, reference)),
    }


def _vertices(frame: Frame, truth: Frame, seed: int) -> Figures:
    vertices, reference = frame.pair.hand_vertices, truth.pair.hand_vertices
    _check_mesh(frame, truth)
    roots = {"root": vertices.mean(0), "reference_root": reference.mean(0)}
    if frame.pair.joints is not None and truth.pair.joints is not None:
        roots = {"root": frame.pair.joints[0], "reference_root": truth.pair.joints[0]}
    return {
        "mpvpe_mm": float(pose.mpvpe_mm(vertices, reference)),
        "mpvpe_mm@root": float(pose.root_aligned_mpvpe_mm(vertices, reference, **roots)),
        "mpvpe_mm@pa": float(pose.procrustes_mpvpe_mm(vertices, reference, scale=True)),
    }


FRAME: dict[str, Callable[..., Figures]] = {
    "exact": _exact,
    "refinement": _exact,
    "obman-surface-5mm": _obman,
    "halo-1mm": _volume("iv_cm3@halo-1mm", penetration.halo_volume_cm3),
    "choir-2mm": _volume("iv_cm3@choir-2mm", penetration.choir_volume_cm3),
    "depths": _depths,
    "contact-ratios": _contact_ratios,
    "fastgrasp-contact": _fastgrasp_contact,
    "contactopt": _contactopt,
    "choir-contact": _choir_contact,
    "proximity": _proximity,
    "pose": _pose,
    "vertices": _vertices,
    "obman-drop": stability.obman_drop,
    "obman-drop-squeeze": stability.obman_drop_squeeze,
    "six-way": stability.six_way,
    "six-way-squeeze": stability.six_way_squeeze,
}
