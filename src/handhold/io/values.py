"""Values of a scene file, checked: numbers, choices, poses."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from handhold.errors import InputError
from handhold.io.document import describe

ROTATION_TOLERANCE = 1e-3
LARGEST_COORDINATE = 1000.0
"""[m] Beyond this, float32 cannot hold a tenth of a millimetre."""


def check_keys(
    section: Any, *, where: str, required: Iterable[str], optional: Iterable[str]
) -> dict[str, Any]:
    """The section, if it is an object with all required keys and no unknown one."""
    if not isinstance(section, dict):
        raise InputError("is not an object", where=where, expected="{...}", got=describe(section))
    known = [*required, *optional]
    for key in section:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.6)
            raise InputError(
                f"unknown key '{key}'",
                where=where,
                expected="only " + ", ".join(known),
                remedy=f"Did you mean '{near[0]}'?" if near else None,
            )
    for key in required:
        if key not in section:
            raise InputError(
                f"the key '{key}' is missing", where=where, expected=f"the keys {', '.join(required)}"
            )
    return section


def choice(value: Any, *, where: str, among: tuple[str, ...]) -> str:
    """The value, if it is one of the names."""
    if not isinstance(value, str) or value not in among:
        raise InputError("unknown value", where=where, expected=" or ".join(among), got=describe(value))
    return value


def text(value: Any, *, where: str) -> str:
    """The value, if it is a string with something in it."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise InputError(
            "is not usable text", where=where, expected="a string that is not empty", got=describe(value)
        )
    return value


def existing(path: Path, *, where: str) -> Path:
    """The path, if a file is there."""
    if not path.is_file():
        got = "a folder" if path.is_dir() else f"nothing at {path}"
        raise InputError("the file does not exist", where=where, expected="an existing file", got=got)
    return path


def positive(value: Any, *, where: str) -> float:
    """The value, if it is a finite number above zero."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < 1e6:
        raise InputError(
            "is not a usable number", where=where, expected="a number above 0", got=describe(value)
        )
    return float(value)


def array(value: Any, shape: tuple[int | None, ...], *, where: str, missing: bool = False) -> np.ndarray:
    """Numbers of the given shape, with or without a leading time axis, in float64.

    Args:
        value: nested lists of numbers, or an array of numbers.
        shape: the shape without time; None for any length above zero.
        where: file and key.
        missing: let null and NaN stand for what is not known (infinity never is).

    Raises:
        InputError: not numbers, not rectangular, not finite, or another shape.
    """
    numbers = (
        _from_array(value, where)
        if isinstance(value, np.ndarray)
        else _from_lists(value, where, missing=missing)
    )
    wanted = "x".join("N" if n is None else str(n) for n in shape)
    fits = numbers.ndim - len(shape) in (0, 1) and all(
        n in (None, m) for n, m in zip(shape, numbers.shape[numbers.ndim - len(shape) :])
    )
    if not fits or 0 in numbers.shape:
        got = "x".join(map(str, numbers.shape)) or "one number"
        raise InputError(
            "has the wrong shape", where=where, expected=f"{wanted}, or Tx{wanted} for a motion", got=got
        )
    allowed = ~np.isinf(numbers) if missing else np.isfinite(numbers)
    if not allowed.all():
        place = tuple(int(i) for i in np.argwhere(~allowed)[0])
        raise InputError(
            "is not finite", where=where, expected="finite numbers", got=f"{numbers[place]} at {list(place)}"
        )
    return numbers


def within(numbers: np.ndarray, *, limit: float, where: str, remedy: str) -> np.ndarray:
    """The numbers, if none is larger than the limit."""
    largest = float(np.nanmax(np.abs(numbers)))
    if largest > limit:
        raise InputError(
            "is out of scale", where=where, expected=f"at most {limit:g}", got=f"{largest:g}", remedy=remedy
        )
    return numbers


def pose(value: Any, *, scale: float, where: str) -> np.ndarray:
    """Rigid 4x4 poses, (4, 4) or (T, 4, 4); the translation comes out in metres.

    Rotations that have drifted by less than the tolerance are projected on the nearest one.

    Raises:
        InputError: not 4x4, not finite, not rigid; a scale, a mirror or a transposed matrix is named as such.
    """
    matrix = array(value, (4, 4), where=where)
    rotation, bottom = matrix[..., :3, :3], matrix[..., 3, :]
    if np.abs(bottom - [0, 0, 0, 1]).max() > 1e-6:
        transposed = np.abs(matrix[..., :, 3] - [0, 0, 0, 1]).max() <= 1e-6
        raise InputError(
            "is not a rigid pose",
            where=where,
            expected="a last row of 0 0 0 1",
            got=np.array2string(bottom.reshape(-1, 4)[0]),
            remedy="It looks transposed: the translation belongs in the last column." if transposed else None,
        )
    rigid = matrix.copy()
    rigid[..., :3, :3] = _nearest_rotation(rotation, where)
    rigid[..., :3, 3] *= scale
    return within(
        rigid, limit=LARGEST_COORDINATE, where=where, remedy="Check `units`; translations are in them."
    )


def _nearest_rotation(matrix: np.ndarray, where: str) -> np.ndarray:
    """Matrices (*, 3, 3) projected on SO(3), if they are nearly there."""
    u, singular, vt = np.linalg.svd(matrix)
    expected = "a rotation: orthonormal, determinant +1"
    if (singular.min(-1) < 1e-6).any() or singular.max() > 1e6:
        raise InputError(
            "the pose's 3x3 part is not a rotation", where=where, expected=expected, got="a singular matrix"
        )
    if (np.linalg.det(matrix) < 0).any():
        raise InputError(
            "the pose mirrors the object",
            where=where,
            expected=expected,
            got="a negative determinant (a reflection)",
            remedy="Check the handedness of the frames; if a mirror was meant, mirror the mesh.",
        )
    error = np.abs(singular - 1).max()
    if error > ROTATION_TOLERANCE:
        mean = singular.mean(-1)
        uniform = (np.abs(singular - mean[..., None]).max(-1) <= ROTATION_TOLERANCE * mean).all()
        worst = float(mean.reshape(-1)[np.abs(mean.reshape(-1) - 1).argmax()])
        raise InputError(
            "the pose has a scale in it" if uniform else "the pose's 3x3 part is not a rotation",
            where=where,
            expected=expected,
            got=f"a scale of {worst:.6g}" if uniform else f"singular values off 1 by {error:.3g}",
            remedy="Scale the mesh instead, or set its units." if uniform else None,
        )
    return u @ vt


def _from_array(value: np.ndarray, where: str) -> np.ndarray:
    if value.dtype.kind not in "fiu":
        raise InputError("is not made of numbers", where=where, expected="real numbers", got=describe(value))
    return value.astype(np.float64)


def _from_lists(value: Any, where: str, *, missing: bool) -> np.ndarray:
    """Nested lists to an array; null may stand for a number or for a whole row if `missing`."""
    shape = _shape(value)
    flat: list[float] = []

    def fill(item: Any, depth: int) -> None:
        if item is None and missing and depth > 0:
            flat.extend([math.nan] * math.prod(shape[depth:]))
        elif depth < len(shape):
            if not isinstance(item, list):
                raise InputError(
                    "is not made of numbers, evenly", where=where, expected=_lists(shape), got=describe(item)
                )
            if len(item) != shape[depth]:
                got = f"one of {shape[depth]} and one of {len(item)}"
                raise InputError("has rows of different lengths", where=where, expected="equal rows", got=got)
            for child in item:
                fill(child, depth + 1)
        elif isinstance(item, int | float) and not isinstance(item, bool):
            flat.append(_float(item))
        else:
            raise InputError("is not made of numbers", where=where, expected="numbers", got=describe(item))

    fill(value, 0)
    return np.array(flat, dtype=np.float64).reshape(shape)


def _shape(value: Any) -> tuple[int, ...]:
    """Lengths of the lists, read along the first entries that are not null."""
    lengths = []
    while isinstance(value, list):
        lengths.append(len(value))
        value = next((child for child in value if child is not None), None)
    return tuple(lengths)


def _lists(shape: tuple[int, ...]) -> str:
    return "lists of " + "x".join(map(str, shape)) + " numbers"


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf
