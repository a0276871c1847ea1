"""Scenes: the files that say which hand holds which object, and how."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand.model import HandParams
from handhold.hand.skeleton import Side
from handhold.io.document import SUFFIXES, describe, read_document
from handhold.io.plausible import distance_warnings
from handhold.io.scene_hand import read_hand, read_model
from handhold.io.values import check_keys, choice, existing, pose, positive, text
from handhold.objects import ObjectMesh
from handhold.objects.formats import UNITS as MESH_UNITS

FORMAT = "handhold-scene/1"
Units = Literal["m", "mm"]
Up = Literal["z", "y"]
UNITS = {"m": 1.0, "mm": 0.001}


@dataclass(frozen=True)
class Scene:
    """A hand and an object as a file gives them, checked, in metres; the world frame is the file's.

    Exactly one of `keypoints`, `params` and `vertices` is there. A motion has a leading time axis, in it and
    in `T_world_object`.

    Attributes:
        name: the file's name without suffix.
        path: the file.
        side: "right" or "left".
        model: "open" or "mano".
        model_path: the user's MANO file, or None.
        keypoints: (T?, 21, 3) MANO's order [m]; a row of NaN is a missing one.
        params: hand parameters (T?, ...).
        vertices: (T?, V, 3) hand surface [m].
        mesh: the object's file.
        object_units: unit of the mesh file; `object.units` in the file, by default that of the rest.
        T_world_object: (T?, 4, 4) [m].
        instruction: what the grasp is for, or None.
        fps: frames a second of a motion, or None.
        units: unit that the file was in.
        up: the world's upward axis, "z" or "y".
        warnings: what looks wrong but need not be, a sentence each.
    """

    name: str
    path: Path
    side: Side
    model: Literal["open", "mano"]
    model_path: Path | None
    keypoints: Tensor | None
    params: HandParams | None
    vertices: Tensor | None
    mesh: Path
    object_units: str
    T_world_object: Tensor
    instruction: str | None
    fps: float | None
    units: Units
    up: Up
    warnings: tuple[str, ...] = ()

    @property
    def is_motion(self) -> bool:
        """Whether there is a time axis."""
        return self.T_world_object.ndim == 3

    def load_object(self) -> ObjectMesh:
        """The object's mesh in its own frame [m].

        Raises:
            InputError: the mesh cannot be used.
        """
        return ObjectMesh.load(self.mesh, units=self.object_units)


def load_scene(
    path: str | Path,
    *,
    units: Units | None = None,
    mano: str | Path | None = None,
    dtype: torch.dtype = torch.float32,
) -> Scene:
    """Read and check one scene file.

    Args:
        path: a `.json`, or an `.npz` of the same keys, dotted.
        units: overrides the file's `units`.
        mano: the user's MANO file; the hand is then MANO's.
        dtype: of the tensors; a hand of that dtype goes with them.

    Raises:
        InputError: anything wrong with the file; it names file, key, what was expected and what was got.
    """
    path = Path(path)
    document = read_document(path)
    _check_format(document, path)
    needed = ("format", "hand", "object") if units else ("format", "units", "hand", "object")
    check_keys(document, where=str(path), required=needed, optional=("units", "up", "fps", "instruction"))
    if units is not None:
        choice(units, where="units=", among=tuple(UNITS))
    unit = units or cast(Units, choice(document["units"], where=f"{path}: units", among=tuple(UNITS)))
    up = cast(Up, choice(document.get("up", "z"), where=f"{path}: up", among=get_args(Up)))
    side, model, model_path = read_model(document["hand"], path, mano=mano)
    hand, warnings = read_hand(document["hand"], path, side=side, scale=UNITS[unit])
    mesh, object_units, matrix = _object(document["object"], path, unit)
    matrix, fps = _time_axis(hand, matrix, document.get("fps"), path)
    warnings += distance_warnings(_hand_place(hand), matrix)
    instruction = document.get("instruction")
    if instruction is not None:
        text(instruction, where=f"{path}: instruction")
    return Scene(
        name=path.stem,
        path=path,
        side=side,
        model=model,
        model_path=model_path,
        keypoints=_tensor(hand.get("keypoints"), dtype),
        params=HandParams(**{k: _tensor(v, dtype) for k, v in hand.items()}) if "transl" in hand else None,
        vertices=_tensor(hand.get("vertices"), dtype),
        mesh=mesh,
        object_units=object_units,
        T_world_object=cast(Tensor, _tensor(matrix, dtype)),
        instruction=instruction,
        fps=fps,
        units=unit,
        up=up,
        warnings=tuple(warnings),
    )


def find_scenes(path: str | Path) -> list[Path]:
    """The scene files at a path: the file itself, or those of a folder, sorted by name.

    Hidden files, reports, results and other files of ours in the folder are passed over; a damaged file is
    not, so that it gets named when it is loaded.

    Raises:
        InputError: nothing there, no scene in the folder, or two scenes of one name (their results would
            collide).
    """
    path = Path(path)
    if not path.exists():
        raise InputError("does not exist", where=path, expected="a scene file or a folder of scenes")
    if not path.is_dir():
        return [path]
    scenes = [p for p in sorted(path.iterdir()) if _may_be_scene(p)]
    if not scenes:
        below = sorted({p.parent.name for p in path.glob("*/*") if _may_be_scene(p)})
        raise InputError(
            "has no scenes in it",
            where=path,
            expected=f"files {' or '.join('*' + s for s in SUFFIXES)}",
            remedy=f"There are some in {', '.join(below[:5])}: name that folder." if below else None,
        )
    twice = [stem for stem, count in Counter(p.stem for p in scenes).items() if count > 1]
    if twice:
        raise InputError(
            "two scenes have one name", where=path, got=", ".join(twice[:5]), remedy="Rename one of them."
        )
    return scenes


def _may_be_scene(path: Path) -> bool:
    if path.name.startswith(".") or path.name == "report.json" or path.suffix.lower() not in SUFFIXES:
        return False
    if not path.is_file():
        return False
    if path.suffix.lower() == ".json":
        with path.open("rb") as file:
            return not re.search(rb'"format"\s*:\s*"handhold-(?!scene)', file.read(4096))
    try:
        with np.load(path, allow_pickle=False) as archive:
            form = str(archive["format"]) if "format" in archive else FORMAT
            return not form.startswith("handhold-") or form.startswith("handhold-scene")
    except Exception:  # damaged in whatever way: loading it will say how
        return True


def _check_format(document: dict[str, Any], path: Path) -> None:
    if "format" not in document:
        raise InputError("the key 'format' is missing", where=path, expected=f'"format": "{FORMAT}"')
    if document["format"] != FORMAT:
        raise InputError(
            "unknown format", where=f"{path}: format", expected=FORMAT, got=describe(document["format"])
        )


def _object(section: Any, path: Path, unit: Units) -> tuple[Path, str, np.ndarray]:
    where = f"{path}: object"
    check_keys(section, where=where, required=("mesh", "pose"), optional=("units",))
    mesh = path.parent / text(section["mesh"], where=f"{where}.mesh")
    units = choice(section.get("units", unit), where=f"{where}.units", among=tuple(MESH_UNITS))
    return (
        existing(mesh, where=f"{where}.mesh"),
        units,
        pose(section["pose"], scale=UNITS[unit], where=f"{where}.pose"),
    )


def _time_axis(
    hand: dict[str, np.ndarray], matrix: np.ndarray, fps: Any, path: Path
) -> tuple[np.ndarray, float | None]:
    """Poses (T?, 4, 4) for the hand's time axis, and fps for a motion."""
    place = _hand_place(hand)
    frames = place.shape[0] if place.ndim == 2 else None
    if frames is None and matrix.ndim == 3:
        raise InputError(
            "the object moves, the hand does not",
            where=f"{path}: object.pose",
            expected="one 4x4",
            got=f"{len(matrix)}",
        )
    if frames is not None and matrix.ndim == 2:
        matrix = np.repeat(matrix[None], frames, axis=0)
    if frames is not None and len(matrix) != frames:
        raise InputError(
            "the time axes disagree",
            where=f"{path}: object.pose",
            expected=f"{frames} poses, as in hand",
            got=len(matrix),
        )
    if fps is not None:
        fps = positive(fps, where=f"{path}: fps")
    if frames is not None and fps is None:
        raise InputError(
            "a motion needs its frame rate", where=f"{path}: fps", expected="a number above 0", got="none"
        )
    return matrix, fps if frames is not None else None


def _hand_place(hand: dict[str, np.ndarray]) -> np.ndarray:
    """(T?, 3) where about the hand is: the mean of what is known of it [m]."""
    if "transl" in hand:
        return hand["transl"]
    points = next(iter(hand.values()))
    return np.nanmean(points, axis=-2)


def _tensor(values: np.ndarray | None, dtype: torch.dtype) -> Any:
    return None if values is None else torch.as_tensor(values, dtype=dtype)
