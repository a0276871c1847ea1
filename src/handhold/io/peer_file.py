"""What a file of another tool's grasps holds, checked key by key, in metres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from handhold.errors import InputError
from handhold.hand.skeleton import MANO_FROM_OPENPOSE, JointOrder, Side
from handhold.io.document import describe, read_document
from handhold.io.hand_mesh import check_faces, check_hand_size
from handhold.io.mano_conventions import FLAG_KEYS, PARAM_KEYS, flag, read_params
from handhold.io.plausible import check_keypoints
from handhold.io.scene import UNITS, Units
from handhold.io.values import (
    LARGEST_COORDINATE,
    array,
    check_keys,
    choice,
    existing,
    pose,
    positive,
    text,
    within,
)
from handhold.objects import ObjectMesh
from handhold.objects.formats import UNITS as MESH_UNITS

SURFACE_KEYS = ("hand_vertices", "hand_faces", "joints", "fitted_vertices")
OBJECT_KEYS = (
    *("object_vertices", "object_faces", "object_mesh", "object_units"),
    *("T_world_object", "object_rotation_transposed"),
)
OTHER_KEYS = ("side", "units", "keypoints", "joint_order", "names", "fps", "transition_frame")
KEYS = (*SURFACE_KEYS, *PARAM_KEYS, *FLAG_KEYS, *OBJECT_KEYS, *OTHER_KEYS)


@dataclass(frozen=True, eq=False)
class PeerFile:
    """A file as it is read: its values, and what goes for all of them.

    Attributes:
        path: the file.
        document: its keys and values.
        side: which hand.
        scale: metres in one of its units.
        order: of its joints and keypoints.
        mano: the user's MANO file, or None.
    """

    path: Path
    document: dict[str, Any]
    side: Side
    scale: float
    order: JointOrder
    mano: Path | None

    def where(self, key: str) -> str:
        """How a message names a key."""
        return f"{self.path}: {key}"


def open_peer_file(path: Path, mano: str | Path | None, units: Units | None) -> PeerFile:
    """Keys and choices of a file, checked.

    Raises:
        InputError: unreadable, unknown keys, or no hand, or two.
    """
    document = read_document(path)
    if "format" in document:
        raise InputError(
            "is no set of another tool's grasps",
            where=f"{path}: format",
            expected="no such key",
            got=describe(document["format"]),
        )
    check_keys(document, where=str(path), required=(), optional=KEYS)
    surfaces = [key for key in SURFACE_KEYS if key in document]
    params = [key for key in PARAM_KEYS if key in document]
    if bool(surfaces) == bool(params) or (surfaces and "hand_vertices" not in document):
        raise InputError(
            "needs the hand either as surfaces or as MANO parameters",
            where=f"{path}: hand_vertices",
            expected="hand_vertices and hand_faces; or global_orient, hand_pose, betas, transl; or mano61",
            got=", ".join(surfaces + params) or "neither",
            remedy="Vertices need no parameters and no flags: keep them, if you have both."
            if surfaces and params
            else None,
        )
    if params and "side" not in document:
        expected = "right or left: whose parameters?"
        raise InputError("the key 'side' is missing", where=f"{path}: side", expected=expected)
    unit = units or document.get("units", "m")
    return PeerFile(
        path=path,
        document=document,
        side=cast(Side, choice(document.get("side", "right"), where=f"{path}: side", among=get_args(Side))),
        scale=UNITS[choice(unit, where="units=" if units else f"{path}: units", among=tuple(UNITS))],
        order=cast(
            JointOrder,
            choice(
                document.get("joint_order", "openpose"),
                where=f"{path}: joint_order",
                among=get_args(JointOrder),
            ),
        ),
        mano=None if mano is None else existing(Path(mano), where="--mano"),
    )


def read_object(source: PeerFile) -> ObjectMesh:
    """The object, from the file or from the mesh that it names.

    Raises:
        InputError: none or two, or one that cannot be used.
    """
    document, path = source.document, source.path
    default = next(unit for unit, metres in UNITS.items() if metres == source.scale)
    units = choice(
        document.get("object_units", default), where=source.where("object_units"), among=tuple(MESH_UNITS)
    )
    if ("object_mesh" in document) == ("object_vertices" in document):
        raise InputError(
            "needs exactly one of object_mesh and object_vertices",
            where=source.where("object_mesh"),
            got="both" if "object_mesh" in document else "neither",
        )
    if "object_mesh" in document:
        where = source.where("object_mesh")
        mesh = existing(path.parent / text(document["object_mesh"], where=where), where=where)
        with _named(f"{where} ({mesh})"):
            return ObjectMesh.load(mesh, units=units)
    where = source.where("object_vertices")
    vertices = array(as_array(document["object_vertices"]), (None, 3), where=where)
    if vertices.ndim != 2:
        raise InputError(
            "has the wrong shape",
            where=where,
            expected="Mx3, one object in its own frame",
            got="x".join(map(str, vertices.shape)),
            remedy="Where it moves is told by T_world_object; another object is another file.",
        )
    if "object_faces" not in document:
        raise InputError("the key 'object_faces' is missing", where=source.where("object_faces"))
    faces = check_faces(as_array(document["object_faces"]), len(vertices), where=source.where("object_faces"))
    with _named(where):
        return ObjectMesh.from_arrays(vertices, faces, name=path.stem, units=units)


def object_pose(source: PeerFile) -> np.ndarray:
    """T_world_object, (4, 4) or (N, 4, 4) [m]."""
    where = source.where("T_world_object")
    given = as_array(source.document.get("T_world_object", np.eye(4)))
    matrix = pose(given, scale=source.scale, where=where)
    if flag(source.document, "object_rotation_transposed", source.path):
        matrix[..., :3, :3] = np.swapaxes(matrix[..., :3, :3], -1, -2).copy()
    return matrix


def hand_values(source: PeerFile) -> dict[str, np.ndarray]:
    """The hand's arrays, each with or without a leading axis; points in metres and MANO's order."""
    if "hand_vertices" not in source.document:
        arrays = {key: as_array(value) for key, value in source.document.items() if key in PARAM_KEYS}
        values = read_params(source.document | arrays, source.path)
    else:
        where = source.where("hand_vertices")
        vertices = array(as_array(source.document["hand_vertices"]), (None, 3), where=where) * source.scale
        check_hand_size(vertices, where=where)
        values = {"hand_vertices": _near(vertices, where)}
        if "fitted_vertices" in source.document:
            where = source.where("fitted_vertices")
            fitted = array(as_array(source.document["fitted_vertices"]), vertices.shape[-2:], where=where)
            values["fitted_vertices"] = _near(fitted * source.scale, where)
    for key in ("joints", "keypoints"):
        if key in source.document:
            values[key] = _keypoints(source, key)
    return values


def _keypoints(source: PeerFile, key: str) -> np.ndarray:
    """(N?, 21, 3) in MANO's order [m]."""
    where, missing = source.where(key), key == "keypoints"
    points = array(as_array(source.document[key]), (21, 3), where=where, missing=missing) * source.scale
    points[np.isnan(points).any(-1)] = np.nan
    check_keypoints(points, order=source.order, side=source.side, where=where)
    _near(points, where)
    return points if source.order == "mano" else points[..., MANO_FROM_OPENPOSE, :]


def _near(points: np.ndarray, where: str) -> np.ndarray:
    return within(points, limit=LARGEST_COORDINATE, where=where, remedy="Check `units`.")


def frame_rate(source: PeerFile) -> float | None:
    """Frames a second of a motion; None for single grasps and sets."""
    fps = source.document.get("fps")
    return None if fps is None else positive(fps, where=source.where("fps"))


def transition_frame(source: PeerFile, frames: int | None) -> int | None:
    """The first frame of a motion's second stage, if the file says so."""
    if "transition_frame" not in source.document:
        return None
    value = source.document["transition_frame"]
    if frames is None or isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < frames:
        raise InputError(
            "is no frame between two stages",
            where=source.where("transition_frame"),
            expected="a whole number from 1 to the last frame, of a motion (fps)",
            got=describe(value),
        )
    return value


def as_array(value: Any) -> Any:
    """Lists of numbers as an array, fast; what is none stays, for a message that says where it is wrong."""
    if not isinstance(value, list):
        return value
    try:
        numbers = np.array(value)
    except ValueError:
        return value
    return numbers if numbers.dtype.kind in "fiu" else value


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Errors from within name the file and the key."""
    try:
        yield
    except InputError as error:
        raise InputError(
            error.what, where=where, expected=error.expected, got=error.got, remedy=error.remedy
        ) from error
