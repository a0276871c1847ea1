"""The arrays that one result and a set of grasps have in common, written and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from handhold.errors import InputError
from handhold.hand.skeleton import Side
from handhold.io.document import describe, read_arrays
from handhold.io.files import writing
from handhold.io.values import array, check_keys, choice
from handhold.objects import ObjectMesh

PARAMS = {"global_orient": (3,), "hand_pose": (15, 3), "betas": (None,), "transl": (3,)}
REQUIRED = (
    *("format", "side", "model", "model_version", "hand_vertices", "hand_faces", "fitted_vertices"),
    *("joints", *PARAMS, "object_vertices", "object_faces", "object_name", "T_world_object"),
)


def write_arrays(values: Mapping[str, Any], path: str | Path) -> None:
    """Write tensors, arrays, strings and numbers as a compressed `.npz`; what is None is left out.

    Raises:
        InputError: the file cannot be written.
    """
    arrays = {k: _plain(v) for k, v in values.items() if v is not None}
    with writing(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_format(
    path: Path, name: str, *, required: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """All arrays of an `.npz` of one of our formats, by keys that it knows.

    Args:
        path: the file.
        name: of the format, as its key "format" tells it.
        required, optional: keys.

    Raises:
        InputError: damaged, of another format, or with other keys.
    """
    arrays = read_arrays(path)
    found = str(arrays.get("format", "none"))
    if found != name:
        raise InputError("unknown format", where=f"{path}: format", expected=name, got=found)
    check_keys(arrays, where=str(path), required=required, optional=optional)
    return arrays


def leading(values: np.ndarray) -> int | None:
    """Length of the leading axis of `transl`; None if it has none."""
    return values.shape[0] if values.ndim == 2 else None


def check_arrays(
    arrays: Mapping[str, np.ndarray], path: Path, *, count: int | None, axis: str
) -> dict[str, Any]:
    """Hand and object of a file, checked: what `REQUIRED` names but the format and the pose, and `offsets`.

    Args:
        arrays: the file's; none of `REQUIRED` is missing.
        path: the file.
        count: length of the leading axis of what belongs to the hand; None for none.
        axis: what messages call that axis.

    Raises:
        InputError: shapes that do not fit each other, numbers that are not finite, or faces of no vertices.
    """
    hand, thing = (_vertex_count(arrays[k], path, k) for k in ("hand_vertices", "object_vertices"))
    of_hand = {
        **dict.fromkeys(("hand_vertices", "fitted_vertices", "offsets"), (hand, 3)),
        "joints": (21, 3),
        **PARAMS,
    }
    values: dict[str, Any] = {
        k: check_rows(arrays[k], shape, where=f"{path}: {k}", count=count, axis=axis)
        for k, shape in of_hand.items()
        if k in arrays
    }
    where = f"{path}: object_vertices"
    values["object_vertices"] = check_rows(
        arrays["object_vertices"], (thing, 3), where=where, count=None, axis=axis
    )
    values["hand_faces"] = _faces(arrays["hand_faces"], hand, path, "hand_faces")
    values["object_faces"] = _faces(arrays["object_faces"], thing, path, "object_faces")
    names = ("side", "model", "model_version", "object_name")
    values |= {k: check_word(arrays[k], where=f"{path}: {k}") for k in names}
    choice(values["side"], where=f"{path}: side", among=get_args(Side))
    return values


def check_rows(
    values: np.ndarray,
    shape: tuple[int | None, ...],
    *,
    where: str,
    count: int | None,
    axis: str,
    missing: bool = False,
) -> np.ndarray:
    """Numbers of a shape with a leading axis of `count`, or without one for None; in float64.

    Raises:
        InputError: not numbers, not finite (NaN is let through if `missing`), or of another shape.
    """
    checked = array(values, shape, where=where, missing=missing)
    length = checked.shape[0] if checked.ndim > len(shape) else None
    if length != count:
        expected, got = ("none" if n is None else n for n in (count, length))
        raise InputError(f"has the wrong {axis}", where=where, expected=expected, got=got)
    return checked


def check_word(value: np.ndarray, *, where: str) -> str:
    """One string.

    Raises:
        InputError: anything else.
    """
    if value.dtype.kind != "U" or value.ndim:
        raise InputError("is no text", where=where, expected="one string", got=describe(value))
    return str(value)


def object_of(values: Any) -> ObjectMesh:
    """The object as it was saved: mended before, and not again."""
    return ObjectMesh.from_arrays(
        values.object_vertices, values.object_faces, name=values.object_name, mend=False
    )


def _plain(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def _vertex_count(values: np.ndarray, path: Path, key: str) -> int:
    if values.ndim < 2 or values.shape[-1] != 3:
        raise InputError("has the wrong shape", where=f"{path}: {key}", expected="Nx3", got=values.shape)
    return values.shape[-2]


def _faces(values: np.ndarray, count: int, path: Path, key: str) -> np.ndarray:
    if values.dtype.kind not in "iu" or values.ndim != 2 or values.shape[1] != 3 or not values.size:
        raise InputError(
            "has the wrong shape", where=f"{path}: {key}", expected="Mx3 whole numbers", got=values.shape
        )
    if values.min() < 0 or values.max() >= count:
        raise InputError(
            "names vertices that are not there", where=f"{path}: {key}", expected=f"0 to {count - 1}"
        )
    return values.astype(np.int64)
