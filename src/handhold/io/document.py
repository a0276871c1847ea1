"""Scene files as nested dicts: JSON, or an .npz of the same keys, dotted.

Everything here distrusts the file: nothing in it is run, and whatever is wrong becomes one InputError.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from handhold.errors import InputError

SUFFIXES = (".json", ".npz")


def read_document(path: Path) -> dict[str, Any]:
    """Read a JSON object or an `.npz` into nested dicts; arrays of an `.npz` stay arrays.

    Raises:
        InputError: no such file, unreadable, not the format its suffix names, or not an object.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            "unknown kind of file", where=path, expected=" or ".join(SUFFIXES), got=suffix or "no suffix"
        )
    if not path.is_file():
        got = "a folder" if path.is_dir() else "nothing there"
        raise InputError("is not a file", where=path, expected="a scene file", got=got)
    try:
        return _read_json(path) if suffix == ".json" else _nested(read_arrays(path), path)
    except OSError as error:
        raise InputError("cannot be read", where=path, got=error.strerror or error) from error


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of an `.npz`; pickled objects are refused, never loaded.

    Raises:
        InputError: not an `.npz`, damaged, or with objects in it.
    """
    if not path.is_file():
        raise InputError("is not a file", where=path, expected="an .npz", got="nothing there")
    if not zipfile.is_zipfile(path):
        got = "an empty file" if path.stat().st_size == 0 else "a file that is not a zip archive"
        raise InputError(
            "is not an .npz, or is truncated", where=path, got=got, remedy="Write it again with numpy.savez."
        )
    key = "the archive"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {}
            for key in archive.files:
                if key in arrays:
                    raise InputError("appears twice", where=f"{path}: {key}")
                arrays[key] = np.asarray(archive[key])
                if arrays[key].dtype.hasobject or arrays[key].dtype.fields:
                    raise ValueError("not a plain array")
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise whatever the damage makes them stumble over
        raise InputError(
            "cannot be read",
            where=f"{path}: {key}",
            expected="plain arrays of numbers or strings (Python objects are never loaded)",
            got=str(error).splitlines()[0] if str(error) else type(error).__name__,
        ) from error
    return arrays


def _read_json(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            "is not UTF-8 text", where=path, got=error.reason, remedy="Save it as UTF-8."
        ) from error
    if not text.strip():
        raise InputError("is empty", where=path, expected="a JSON object")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = {}
        for key, value in pairs:
            if key in result:
                raise InputError(
                    "the key appears twice", where=f"{path}: {key}", remedy="Keep one of the two."
                )
            result[key] = value
        return result

    try:
        document = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        what = "is not complete JSON (truncated?)" if cut else "is not JSON"
        raise InputError(
            what, where=path, got=f"{error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except (RecursionError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("is not usable JSON", where=path, got=str(error).splitlines()[0]) from error
    if not isinstance(document, dict):
        raise InputError("is not a JSON object", where=path, expected="{...}", got=describe(document))
    return document


def _nested(arrays: dict[str, np.ndarray], path: Path) -> dict[str, Any]:
    """Dotted keys to nested dicts; scalars to Python's own."""
    document: dict[str, Any] = {}
    for dotted, array in arrays.items():
        *folders, key = dotted.split(".")
        place = document
        for folder in folders:
            place = place.setdefault(folder, {})
            if not isinstance(place, dict):
                break
        if not isinstance(place, dict) or key in place:
            raise InputError("the key is both a value and a folder of values", where=f"{path}: {dotted}")
        place[key] = array.item() if array.ndim == 0 else array
    return document


def describe(value: Any) -> str:
    """A value in a few words, for a message."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str | bytes):
        kind = "string" if isinstance(value, str) else "bytes"
        return f"the {kind} {value[:40]!r}" + ("..." if len(value) > 40 else "")
    if isinstance(value, dict):
        return (
            "an object with the keys " + ", ".join(map(str, list(value)[:8])) if value else "an empty object"
        )
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return f"{type(value).__name__} {str(value)[:40]}"
