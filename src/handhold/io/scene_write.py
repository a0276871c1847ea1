"""Scenes out: a grasp or motion as a scene file, its hand given by parameters."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from handhold.hand.model import HandParams
from handhold.interaction.grasp import Grasp
from handhold.io.files import write_json, writing
from handhold.io.scene import FORMAT, Up
from handhold.objects import ObjectMesh

DECIMALS = 9
"""Of metres and radians: finer than float32 holds of either."""


def save_scene(
    grasp: Grasp,
    path: str | Path,
    *,
    mesh: str | Path,
    object_units: str = "m",
    model_path: str | Path | None = None,
    up: Up = "z",
) -> None:
    """Write a grasp or motion as a scene JSON that `load_scene` reads.

    The hand is written as `hand.params`, in metres and radians to nine decimals. Keypoints, contact and soft tissue
    have no place beside parameters in a scene and are left out. Paths are written relative to the scene file, or
    absolute where there is no relative one (another drive).

    Args:
        grasp: the grasp.
        path: the file, with the suffix .json.
        mesh: the object's mesh file, which is only named, not written.
        object_units: the mesh file's unit.
        model_path: the user's MANO file, which a MANO hand needs.
        up: the world's upward axis.

    Raises:
        InputError: the file cannot be written.
    """
    path, hand = Path(path), grasp.hand
    section: dict[str, Any] = {"side": hand.side, "model": hand.name}
    if model_path is not None:
        section["model_path"] = _beside(path, Path(model_path))
    section["params"] = _rounded_params(grasp.params)
    document = {"format": FORMAT, "units": "m", "up": up, "fps": grasp.fps if grasp.is_motion else None}
    document["hand"] = section
    pose = _rounded(grasp.T_world_object)
    document["object"] = {"mesh": _beside(path, Path(mesh)), "units": object_units, "pose": pose}
    document["instruction"] = grasp.instruction
    write_json({key: value for key, value in document.items() if value is not None}, path)


def object_file_name(obj: ObjectMesh) -> str:
    """A name for an object's mesh file, made of its content: the same object has the same file."""
    return f"object-{hashlib.sha256(_obj_text(obj).encode()).hexdigest()[:12]}.obj"


def save_object(obj: ObjectMesh, path: str | Path) -> None:
    """Write an object's mesh as OBJ, in metres to nine decimals.

    Raises:
        InputError: the file cannot be written.
    """
    with writing(path) as draft:
        draft.write_text(_obj_text(obj), encoding="utf-8")


def _obj_text(obj: ObjectMesh) -> str:
    lines = [f"v {x:.9f} {y:.9f} {z:.9f}" for x, y, z in obj.vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (obj.faces + 1).tolist()]
    return "\n".join(["# handhold object, metres", *lines, ""])


def _rounded_params(params: HandParams) -> dict[str, list]:
    keys = ("global_orient", "hand_pose", "betas", "transl")
    return {key: _rounded(getattr(params, key)) for key in keys}


def _rounded(values: Any) -> list:
    return np.round(values.detach().cpu().double().numpy(), DECIMALS).tolist()


def _beside(scene: Path, other: Path) -> str:
    """The path of another file as seen from a scene file."""
    other = other.resolve()
    try:
        return Path(os.path.relpath(other, scene.parent.resolve())).as_posix()
    except ValueError:  # another drive
        return other.as_posix()
