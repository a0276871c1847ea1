"""Where a sentence has hand and object touch, as an `.npz` that stands alone."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from handhold.errors import InputError
from handhold.hand.skeleton import Side
from handhold.io.document import describe
from handhold.io.grasp_arrays import check_rows, check_word, read_format, write_arrays
from handhold.io.values import choice, pose

FORMAT = "handhold-contact/1"
WEIGHTS = ("object_contact", "object_vertex_contact", "hand_contact")
WORDS = ("instruction", "object_name", "hand", "hand_version", "side")


@dataclass(frozen=True, eq=False)
class ContactMap:
    """What a contact file holds; the object's own frame and metres unless said.

    Attributes:
        instruction: the sentence.
        absent: whether it names a part that the object has not; then all weights are low.
        absent_probability: of that.
        object_points: (P, 3) float32, spread evenly by area over the object.
        object_normals: (P, 3) float32, outward.
        object_contact: (P,) float32 in [0, 1].
        object_vertices, object_faces, object_name: the object, (N, 3) and (M, 3).
        object_vertex_contact: (N,) float32 in [0, 1], of the near points that face the same way.
        hand_contact: (V,) float32 in [0, 1].
        hand, hand_version, side: the hand model whose vertices these are.
        hand_vertices, hand_faces: the hand at rest, (V, 3) in its own frame, and (F, 3).
        T_world_object: (4, 4); the identity for a mesh alone.
    """

    instruction: str
    absent: bool
    absent_probability: float
    object_points: np.ndarray
    object_normals: np.ndarray
    object_contact: np.ndarray
    object_vertices: np.ndarray
    object_faces: np.ndarray
    object_name: str
    object_vertex_contact: np.ndarray
    hand_contact: np.ndarray
    hand: str
    hand_version: str
    side: Side
    hand_vertices: np.ndarray
    hand_faces: np.ndarray
    T_world_object: np.ndarray


def save_contact(told: ContactMap, path: str | Path) -> None:
    """Write a contact map as one `.npz` that `load_contact` and plain numpy read; keys and shapes are its fields.

    Raises:
        InputError: the file cannot be written.
    """
    write_arrays({"format": FORMAT, **{f.name: getattr(told, f.name) for f in fields(told)}}, path)


def load_contact(path: str | Path) -> ContactMap:
    """Read and check one contact map of `save_contact`.

    Raises:
        InputError: damaged, of another format, or with arrays that do not fit each other.
    """
    path = Path(path)
    arrays = read_format(path, FORMAT, required=("format", *(f.name for f in fields(ContactMap))))
    values: dict[str, Any] = {key: check_word(arrays[key], where=f"{path}: {key}") for key in WORDS}
    values["side"] = cast(Side, choice(values["side"], where=f"{path}: side", among=get_args(Side)))
    shapes: dict[str, tuple[int | None, ...]] = {
        **dict.fromkeys(("object_points", "object_vertices", "hand_vertices"), (None, 3)),
        "object_normals": (len(arrays["object_points"]), 3),
        "object_contact": (len(arrays["object_points"]),),
        "object_vertex_contact": (len(arrays["object_vertices"]),),
        "hand_contact": (len(arrays["hand_vertices"]),),
    }
    for key, shape in shapes.items():
        values[key] = check_rows(arrays[key], shape, where=f"{path}: {key}", count=None, axis="time axis")
    for key in WEIGHTS:
        _within_one(values[key], where=f"{path}: {key}")
    for key in ("object", "hand"):
        count = len(values[f"{key}_vertices"])
        values[f"{key}_faces"] = _faces(arrays[f"{key}_faces"], count, where=f"{path}: {key}_faces")
    values["T_world_object"] = pose(arrays["T_world_object"], scale=1.0, where=f"{path}: T_world_object")
    doubt = check_rows(
        arrays["absent_probability"].reshape(-1),
        (1,),
        where=f"{path}: absent_probability",
        count=None,
        axis="time axis",
    )
    _within_one(doubt, where=f"{path}: absent_probability")
    absent = arrays["absent"]
    if absent.dtype != bool or absent.size != 1:
        raise InputError(
            "is no truth value", where=f"{path}: absent", expected="one boolean", got=describe(absent)
        )
    return ContactMap(**values, absent=bool(absent.item()), absent_probability=float(doubt[0]))


def _within_one(values: np.ndarray, *, where: str) -> None:
    if values.min() < 0 or values.max() > 1:
        got = f"{values.min():g} to {values.max():g}"
        raise InputError("is no weight", where=where, expected="numbers from 0 to 1", got=got)


def _faces(values: np.ndarray, count: int, *, where: str) -> np.ndarray:
    fits = values.dtype.kind in "iu" and values.ndim == 2 and values.shape[1] == 3 and values.size
    if not fits or values.min() < 0 or values.max() >= count:
        expected = f"Mx3 whole numbers from 0 to {count - 1}"
        raise InputError("are no faces", where=where, expected=expected, got=describe(values))
    return values.astype(np.int64)
