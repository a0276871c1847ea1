"""The numpy arrays in a pickle, worked out from their stored state; nothing in the file is run."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from typing import Any

import numpy as np

from handhold.errors import InputError
from handhold.hand.safe_pickle import Note, Unreadable, kind_of, printable, read_pickle

MAX_NESTING = 8  # of chumpy expressions
MAX_DENSE = 2**24  # entries of a sparse matrix, with its zeros


def read_pickled_arrays(data: bytes, keys: Collection[str], *, where: object) -> dict[str, Any]:
    """The top dictionary of a pickle (protocols 0 to 5), with the values of the keys asked for.

    A value is a numpy array (chumpy objects and sparse matrices come as the dense array they stand for,
    strings of Python 2 as latin-1), a string, a number, or None for anything else and for keys not asked for.

    Args:
        data: the whole file.
        keys: the keys whose values are wanted.
        where: the file's name, for messages.

    Raises:
        InputError: the data are no pickle, end early, are no dictionary, or hold anything but arrays and
            plain values; the message names the global that was refused. Nothing in the file was run.
    """
    key = None
    try:
        top = read_pickle(data, where=where)
        if not isinstance(top, dict):
            raise Unreadable(f"it holds a {kind_of(top)}")
        values = dict.fromkeys(name for name in top if isinstance(name, str))
        for key in keys:
            if key in values:
                values[key] = _plain(top[key])
    except InputError:
        raise
    except (Unreadable, ValueError, OverflowError, MemoryError) as error:
        raise InputError(
            "is not a pickle of arrays" if key is None else f"'{key}' cannot be read",
            where=where,
            expected="a pickled dictionary of numeric arrays",
            got=printable(str(error)),
        ) from None
    return values


def _plain(value: Any) -> Any:
    """A value as the array, string or number it is; None for anything else."""
    if isinstance(value, Note):
        return None if value.kind == "dtype" else _array(value)
    return value if isinstance(value, str | int | float) else None


def _array(value: Any, depth: int = 0) -> np.ndarray:
    """The array that a note stands for."""
    if not isinstance(value, Note) or depth > MAX_NESTING:
        raise Unreadable(f"a {kind_of(value)} where an array should be")
    state = value.state
    match value.kind, value.args, state:
        case "array", _, (_, tuple(shape), Note(kind="dtype") as dtype, bool() | int() as fortran, raw):
            return _from_bytes(raw, dtype, shape, order="F" if fortran else "C")
        case "frombuffer", (raw, Note(kind="dtype") as dtype, tuple(shape), "C" | "F" as order), None:
            return _from_bytes(raw, dtype, shape, order=order)
        case "scalar", (Note(kind="dtype") as dtype, raw), None:
            return _from_bytes(raw, dtype, (), order="C")
        case "chumpy", _, {"x": inner}:
            return _array(inner, depth + 1)
        case "select", _, {"a": inner, "idxs": chosen}:
            return _selected(
                _array(inner, depth + 1), _array(chosen, depth + 1), state.get("preferred_shape")
            )
        case (("csc" | "csr"), _, dict()):
            return _dense(value.kind, state)
    raise Unreadable(f"a '{value.kind}' whose state is not understood")


def _from_bytes(raw: Any, dtype: Note, shape: tuple, *, order: Any) -> np.ndarray:
    """An array over raw bytes (Python 2 kept them in strings)."""
    if isinstance(raw, list):
        raise Unreadable("an array of Python objects")
    if not isinstance(raw, str | bytes) or not _is_shape(shape):
        raise Unreadable("an array without bytes or shape")
    content = raw.encode("latin-1") if isinstance(raw, str) else raw
    kind = _dtype(dtype)
    if math.prod(shape) * kind.itemsize != len(content):
        raise Unreadable(f"an array whose shape does not fit its {len(content)} bytes")
    return np.frombuffer(content, kind).reshape(shape, order=order)


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)


def _dtype(node: Note) -> np.dtype:
    code = node.args[0] if node.args else None
    order = node.state[1] if isinstance(node.state, tuple) and len(node.state) > 1 else "="
    if not isinstance(code, str) or not re.fullmatch(r"b1|[iu][1248]|f[248]|[SU][1-9]\d{0,3}", code):
        raise Unreadable(
            f"an array of type {printable(str(code)) if isinstance(code, str) else kind_of(code)}"
        )
    if order not in ("<", ">", "=", "|"):
        raise Unreadable("an array of unknown byte order")
    return np.dtype(order + code)


def _selected(array: np.ndarray, chosen: np.ndarray, shape: Any) -> np.ndarray:
    """chumpy's Select: `array.ravel()[chosen]`, in a shape if one is preferred."""
    if chosen.dtype.kind not in "iu" or (
        chosen.size and not (0 <= chosen.min() <= chosen.max() < array.size)
    ):
        raise Unreadable("a chumpy Select beyond its array")
    out = array.ravel()[chosen]
    if shape is None:
        return out
    if not _is_shape(shape):
        raise Unreadable("a chumpy Select without a shape")
    if math.prod(shape) != out.size:
        raise Unreadable("a chumpy Select whose shape does not fit")
    return out.reshape(shape)


def _dense(layout: str, state: dict) -> np.ndarray:
    """A sparse matrix in compressed columns or rows as an array; entries that occur twice add up."""
    shape = state.get("_shape", state.get("shape"))
    data, indices, indptr = (_array(state.get(name)) for name in ("data", "indices", "indptr"))
    match shape:
        case (int(rows), int(columns)) if min(rows, columns) > 0 and rows * columns <= MAX_DENSE:
            major, minor = (columns, rows) if layout == "csc" else (rows, columns)
        case _:
            raise Unreadable("a sparse matrix without a shape")
    right = (
        data.dtype.kind in "biuf"
        and {indices.dtype.kind, indptr.dtype.kind} <= set("iu")
        and data.shape == indices.shape == (data.size,)
        and indptr.shape == (major + 1,)
        and indptr[0] == 0
        and indptr[-1] == data.size
        and bool((indptr[1:] >= indptr[:-1]).all())
        and (not indices.size or 0 <= indices.min() <= indices.max() < minor)
    )
    if not right:
        raise Unreadable("a sparse matrix whose parts do not fit")
    along = np.repeat(np.arange(major), indptr[1:].astype(np.int64) - indptr[:-1].astype(np.int64))
    out = np.zeros((rows, columns))
    np.add.at(out, (indices, along) if layout == "csc" else (along, indices), data)
    return out
