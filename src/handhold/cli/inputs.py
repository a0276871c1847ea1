"""What a path on the command line is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from handhold.cli.output import result_format
from handhold.errors import InputError
from handhold.io.scene import find_scenes
from handhold.objects.formats import FORMATS

Kind = Literal["mesh", "scene", "result", "arrays"]


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
    if suffix == ".json":
        return "scene"
    if suffix == ".npz":
        return _kind_of_archive(path)
    raise InputError(
        "is of a kind that handhold does not read",
        where=path,
        expected=f"a scene or result (.json, .npz) or a mesh ({', '.join(FORMATS)})",
    )


def find_grasps(path: Path) -> tuple[list[Path], int]:
    """The results at a path, or else its scenes; and how many scenes were passed over for results.

    Raises:
        InputError: neither is there.
    """
    if not path.exists():
        raise InputError("does not exist", where=path, expected="a result, a scene, or a folder of either")
    if not path.is_dir():
        return [path], 0
    archives = sorted(p for p in path.glob("*.npz") if not p.name.startswith("."))
    results = [p for p in archives if _kind_of_archive(p) in ("result", "arrays")]
    if not results:
        return find_scenes(path), 0
    try:
        scenes = [p for p in find_scenes(path) if p not in results]
    except InputError:
        scenes = []
    return results, len(scenes)


def _kind_of_archive(path: Path) -> Kind:
    form = result_format(path)
    if form.startswith("handhold-grasp"):
        return "result"
    if not form and _has_hand_vertices(path):
        return "arrays"
    return "scene"


def _has_hand_vertices(path: Path) -> bool:
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            return "hand_vertices" in archive.files
    except Exception:  # damaged in whatever way: reading it in earnest will say how
        return False
