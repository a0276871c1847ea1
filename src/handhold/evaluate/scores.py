"""The figures of one grasp or motion, from hand parameters or from bare arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand import reorder_joints
from handhold.interaction.grasp import Grasp
from handhold.interaction.measures import (
    Measures,
    bones_through,
    flipped_faces,
    intersection_volume_cm3,
    measure,
    measure_frames,
    moved_mm,
    to_object_frame,
)
from handhold.io.document import read_arrays
from handhold.io.results import Result
from handhold.io.values import array, pose
from handhold.objects import ObjectMesh
from handhold.objects.solid import to_manifold

NEEDED = ("hand_vertices", "hand_faces", "object_vertices", "object_faces")


@dataclass(frozen=True)
class Score:
    """Figures of one grasp; of a motion, their means over its frames.

    Attributes:
        name: the grasp's name.
        frames: number of frames; 1 for a single grasp.
        values: by metric; None where it could not be had.
        causes: why not, by metric.
    """

    name: str
    frames: int
    values: dict[str, float | None]
    causes: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: name, frames, a key for each metric, and the causes of those missing."""
        plain: dict[str, Any] = {"name": self.name, "frames": self.frames, **self.values}
        return plain | {"causes": self.causes} if self.causes else plain


@dataclass(frozen=True, eq=False)
class HandObject:
    """A hand and an object as surfaces, from any tool; a motion has a leading T.

    Attributes:
        name: what reports call it.
        hand_vertices: (T?, V, 3) world frame [m].
        hand_faces: (F, 3).
        object: the object, in its own frame.
        T_world_object: (T?, 4, 4).
        joints: (T?, 21, 3) OpenPose order [m], or None.
        fitted_vertices: (T?, V, 3) before soft tissue [m], or None.
        keypoints: (T?, 21, 3) observed, OpenPose order [m], NaN where missing, or None.
    """

    name: str
    hand_vertices: np.ndarray
    hand_faces: np.ndarray
    object: ObjectMesh
    T_world_object: np.ndarray
    joints: np.ndarray | None = None
    fitted_vertices: np.ndarray | None = None
    keypoints: np.ndarray | None = None

    @staticmethod
    def of_result(result: Result) -> HandObject:
        """The surfaces of a result."""
        return HandObject(
            name=result.name,
            hand_vertices=result.hand_vertices,
            hand_faces=result.hand_faces,
            object=result.object(),
            T_world_object=result.T_world_object,
            joints=result.joints,
            fitted_vertices=result.fitted_vertices,
            keypoints=result.keypoints,
        )


def score_grasp(grasp: Grasp) -> Score:
    """Measure a grasp, or every frame of a motion."""
    return score_measures(grasp.name, measure_frames(grasp) if grasp.is_motion else [measure(grasp)])


def score_measures(name: str, frames: Sequence[Measures]) -> Score:
    """Means over frames; NaN is left out, and nothing but NaN is None."""
    return _means(name, [asdict(frame) for frame in frames], {"moved_mm": "no observed keypoints"})


def score_arrays(pair: HandObject, *, no_model: str) -> Score:
    """Measure what needs no hand model.

    Args:
        pair: the surfaces.
        no_model: why there is no hand model, told as the cause of what needs one.
    """
    still = pair.hand_vertices.ndim == 2
    vertices = torch.from_numpy(np.asarray(pair.hand_vertices[None] if still else pair.hand_vertices, float))
    faces = torch.from_numpy(pair.hand_faces)
    causes = {"fingers_in_contact": no_model, "limit_violation_deg": no_model}
    solid, reason = to_manifold(vertices[0].numpy(), pair.hand_faces)
    if solid is None:
        causes["iv_cm3"] = f"the hand's surface is no solid: {reason}"
    poses = torch.from_numpy(pair.T_world_object).double().expand(len(vertices), 4, 4)
    fitted = _frames(pair.fitted_vertices, still)
    joints, observed = (_in_mano_order(_frames(v, still)) for v in (pair.joints, pair.keypoints))
    if joints is None:
        causes["bones_through"] = causes["moved_mm"] = "no joints"
    elif observed is None:
        causes["moved_mm"] = "no observed keypoints"
    if fitted is None:
        causes |= dict.fromkeys(
            ("tissue_p99_mm", "tissue_max_mm", "flipped_faces"), "no surface before soft tissue"
        )
    frames = []
    for t, own in enumerate(vertices):
        surface = to_object_frame(own, poses[t])
        signed = pair.object.distance.query(surface.numpy()).distance * 1e3
        values: dict[str, float] = {"pd_mm": float(max(0.0, -signed.min()))}
        if solid is not None:
            values["iv_cm3"] = intersection_volume_cm3(surface, faces, pair.object)
        if joints is not None:
            values["bones_through"] = int(
                bones_through(to_object_frame(joints[t], poses[t]), pair.object).sum()
            )
            values["moved_mm"] = moved_mm(joints[t], None if observed is None else observed[t])
        if fitted is not None:
            tissue = (own - fitted[t]).norm(dim=-1) * 1e3
            values["tissue_p99_mm"], values["tissue_max_mm"] = (
                float(tissue.quantile(0.99)),
                float(tissue.max()),
            )
            values["flipped_faces"] = flipped_faces(fitted[t], own, faces)
        frames.append(values)
    return _means(pair.name, frames, causes)


def read_arrays_of_grasp(path: Path) -> HandObject:
    """An `.npz` of another tool: hand_vertices, hand_faces, object_vertices and object_faces; if there,
    T_world_object, joints (OpenPose order), fitted_vertices and keypoints.

    Raises:
        InputError: damaged, a key missing, wrong shapes, or values that are not finite.
    """
    arrays = read_arrays(path)
    for key in NEEDED:
        if key not in arrays:
            raise InputError(f"the key '{key}' is missing", where=path, expected=", ".join(NEEDED))
    vertices = array(arrays["hand_vertices"], (None, 3), where=f"{path}: hand_vertices")
    time, count = vertices.shape[:-2], vertices.shape[-2]
    faces = arrays["hand_faces"]
    whole = faces.dtype.kind in "iu" and faces.ndim == 2 and faces.shape[1] == 3 and faces.size
    if not whole or faces.min() < 0 or faces.max() >= count:
        raise InputError(
            "no triangles of the hand's vertices", where=f"{path}: hand_faces", expected="Mx3 whole numbers"
        )
    obj = ObjectMesh.from_arrays(arrays["object_vertices"], arrays["object_faces"], name=path.stem)
    matrix = pose(arrays.get("T_world_object", np.eye(4)), scale=1.0, where=f"{path}: T_world_object")
    shapes = {"joints": (21, 3), "fitted_vertices": (count, 3), "keypoints": (21, 3)}
    more = {
        k: array(arrays[k], s, where=f"{path}: {k}", missing=k == "keypoints")
        for k, s in shapes.items()
        if k in arrays
    }
    for key, value in {**more, "T_world_object": matrix}.items():
        if value.shape[:-2] != time and not (key == "T_world_object" and matrix.ndim == 2):
            raise InputError("has another time axis than the hand", where=f"{path}: {key}", got=value.shape)
    return HandObject(path.stem, vertices, faces.astype(np.int64), obj, matrix, **more)


def _frames(values: np.ndarray | None, still: bool) -> Tensor | None:
    return None if values is None else torch.from_numpy(np.asarray(values[None] if still else values, float))


def _in_mano_order(keypoints: Tensor | None) -> Tensor | None:
    return None if keypoints is None else reorder_joints(keypoints, source="openpose", target="mano")


def _means(name: str, frames: Sequence[dict[str, float]], causes: dict[str, str]) -> Score:
    values: dict[str, float | None] = {}
    why = {}
    for metric in Measures.names():
        numbers = np.array([frame.get(metric, np.nan) for frame in frames], float)
        known = numbers[np.isfinite(numbers)]
        values[metric] = float(known.mean()) if len(known) else None
        if not len(known):
            why[metric] = causes.get(metric, "could not be measured")
    return Score(name, len(frames), values, why)
