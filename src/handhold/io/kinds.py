"""What a file is: a mesh, a scene, a result or a grasp set of ours, or grasps of another tool."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from handhold.errors import InputError
from handhold.io.peers import looks_like_grasp_set
from handhold.io.scene import find_scenes
from handhold.objects.formats import FORMATS

Kind = Literal["mesh", "scene", "result", "grasps", "set"]
"""A result is one grasp of ours, "grasps" are many of one object, and a set is another tool's."""


def kind_of(path: Path) -> Kind:
    """What kind of file this is, by its suffix and, for an `.npz`, by what it says it is.

    Raises:
        InputError: nothing there, a folder, or a suffix that handhold does not read.
    """
    if not path.exists():
        raise InputError("does not exist", where=path, expected="a scene, a result or a mesh")
    if path.is_dir():
        raise InputError("is a folder", where=path, expected="a file")
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        return "mesh"
    if suffix in (".json", ".npz"):
        return _kind_of_document(path)
    raise InputError(
        "is of a kind that handhold does not read",
        where=path,
        expected=f"a scene or result (.json, .npz) or a mesh ({', '.join(FORMATS)})",
        remedy="`handhold data view` shows the folder of a grasp set." if suffix == ".parquet" else None,
    )


def find_grasps(path: Path) -> tuple[list[Path], int]:
    """The results and sets at a path, or else its scenes; and how many scenes were passed over for results.

    Raises:
        InputError: neither is there.
    """
    if not path.exists():
        raise InputError("does not exist", where=path, expected="a result, a scene, or a folder of either")
    if not path.is_dir():
        return [path], 0
    files = sorted(p for p in path.iterdir() if p.suffix in (".npz", ".json") and not p.name.startswith("."))
    if not files:
        below = sorted({p.parent.name for p in path.glob("*/*") if p.suffix in (*FORMATS, ".npz", ".json")})
        raise InputError(
            "has no grasps in it",
            where=path,
            expected="results, sets or scenes (.npz, .json)",
            remedy=f"Look in {', '.join(below[:5])}: name one folder." if below else None,
        )
    results = [p for p in files if _kind_of_document(p) in ("result", "grasps", "set")]
    if not results:
        return find_scenes(path), 0
    broken = {p for p in files if p.suffix == ".npz" and not zipfile.is_zipfile(p)}  # told when it is read
    results = sorted({*results, *broken})
    try:
        scenes = [p for p in find_scenes(path) if p not in results]
    except InputError:
        scenes = []
    return results, len(scenes)


def _kind_of_document(path: Path) -> Kind:
    form = result_format(path) if path.suffix.lower() == ".npz" else ""
    if form.startswith("handhold-grasps"):
        return "grasps"
    if form.startswith("handhold-grasp"):
        return "result"
    return "set" if not form and looks_like_grasp_set(path) else "scene"


def result_format(path: Path) -> str:
    """What an `.npz` says it is; empty if it does not say, or cannot be read."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            return str(archive["format"]) if "format" in archive else ""
    except Exception:  # damaged in whatever way: reading it in earnest will say how
        return ""
