"""Grasps of other tools: one hand or many with one object, in an `.npz` or a JSON of the same flat keys."""

from __future__ import annotations

import mmap
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from handhold.errors import InputError
from handhold.hand.mano import load_mano, load_mano_poses
from handhold.hand.model import Hand, HandParams
from handhold.hand.skeleton import Side
from handhold.interaction.grasp import Grasp
from handhold.interaction.hand_object import HandObject
from handhold.io.document import SUFFIXES, describe
from handhold.io.hand_mesh import check_faces, whole_hand
from handhold.io.mano_conventions import PARAM_KEYS, convert_params, flag, needs_poses
from handhold.io.peer_file import (
    PeerFile,
    as_array,
    frame_rate,
    hand_values,
    object_pose,
    open_peer_file,
    read_object,
    transition_frame,
)
from handhold.io.scene import Units
from handhold.io.values import text
from handhold.objects import ObjectMesh

HAND_KEYS = ("hand_vertices", *PARAM_KEYS)
ITEM_AXES: dict[str, int] = dict.fromkeys(("betas", "transl", "mano61", "hand_pca"), 1)
MANO_OPEN, MANO_CLOSED = 778, 779
"""Vertices of MANO's own mesh, and of the one that is closed at the wrist."""
NEAR_HAND = 0.15
"""[m] Joints whose middle lies farther than this from the middle of the hand's vertices are not its joints."""
CHUNK = 1000
"""Hands posed together."""


def read_grasp_set(
    path: str | Path, *, mano: str | Path | None = None, units: Units | None = None
) -> list[HandObject]:
    """Grasps of another tool, or one motion.

    The keys are told in docs/peers.md. Arrays may have a leading axis of N grasps, the same N for all that have
    one; with `fps` it is time, and there is one motion.

    Args:
        path: an `.npz`, or a `.json` of the same keys.
        mano: the user's MANO file, for MANO parameters, and for MANO vertices that come without faces.
        units: overrides the file's `units`.

    Returns:
        A grasp each, in metres, with one `ObjectMesh` that all share; or one motion.

    Raises:
        InputError: anything wrong with the file; it names file, key, what was expected and what was got.
    """
    source = open_peer_file(Path(path), mano, units)
    obj = read_object(source)
    values = hand_values(source)
    values["T_world_object"] = object_pose(source)
    motion = frame_rate(source)
    count, values = _align(values, source)
    if motion is not None and count is None:
        raise InputError(
            "a motion needs a time axis",
            where=source.where("fps"),
            expected="a leading axis of frames",
            got="a single hand",
            remedy="Leave out fps for single grasps and sets.",
        )
    names = _names(source, None if motion is not None else count)
    read = _surfaces if "hand_vertices" in values else _posed
    pairs = list(read(values, source, obj, fps=motion))
    if motion is None and count is not None:
        pairs = [grasp for pair in pairs for grasp in _split(pair)]
    transition = transition_frame(source, count if motion is not None else None)
    return [
        replace(pair, name=name, transition_frame=transition) for pair, name in zip(pairs, names, strict=True)
    ]


def looks_like_grasp_set(path: str | Path) -> bool:
    """Whether a file has the keys of a set and says of itself no other format; a damaged file has not."""
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    try:
        if path.suffix.lower() == ".npz":
            with zipfile.ZipFile(path) as archive:
                keys = {name.removesuffix(".npy") for name in archive.namelist()}
            return "format" not in keys and not keys.isdisjoint(HAND_KEYS)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            other = re.search(rb'"(hand|object)"\s*:\s*\{|"format"\s*:\s*"handhold-', content)
            hand = rb'"(' + b"|".join(key.encode() for key in HAND_KEYS) + rb')"\s*:'
            return other is None and re.search(hand, content) is not None
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def _align(values: dict[str, np.ndarray], source: PeerFile) -> tuple[int | None, dict[str, np.ndarray]]:
    """The number of grasps, and every array with that leading axis; what has none goes for all of them."""
    items = {key: _item_axes(key, value, source) for key, value in values.items()}
    counts = {key: len(value) for key, value in values.items() if value.ndim > items[key]}
    if not counts:
        return None, values
    count = next(iter(counts.values()))
    if len(set(counts.values())) > 1:
        key = next(key for key, n in counts.items() if n != count)
        raise InputError(
            "the leading axes disagree",
            where=source.where(key),
            expected="one number of grasps or frames for all",
            got=", ".join(f"{key} {n}" for key, n in counts.items()),
        )
    return count, {
        key: value if key in counts else np.broadcast_to(value, (count, *value.shape))
        for key, value in values.items()
    }


def _item_axes(key: str, value: np.ndarray, source: PeerFile) -> int:
    """How many axes a single one has."""
    matrix = source.document.get("rotation") == "matrix"
    if key == "global_orient":
        return 2 if matrix else 1
    if key == "hand_pose":
        return 1 if value.shape[-1] == 45 else 3 if matrix else 2
    return ITEM_AXES.get(key, 2)


def _names(source: PeerFile, count: int | None) -> list[str]:
    """What reports call each grasp."""
    stem, wanted = source.path.stem, count or 1
    given = source.document.get("names")
    if given is None:
        return [stem] if wanted == 1 else [f"{stem}_{k:04d}" for k in range(wanted)]
    where = source.where("names")
    given = given.tolist() if isinstance(given, np.ndarray) else [given] if isinstance(given, str) else given
    if not isinstance(given, list) or len(given) != wanted:
        got = len(given) if isinstance(given, list) else describe(given)
        raise InputError(
            "has the wrong length", where=where, expected=f"{wanted} names, one a grasp", got=got
        )
    names = [text(name, where=f"{where}[{k}]") for k, name in enumerate(given)]
    if len(set(names)) < len(names):
        twice = next(name for k, name in enumerate(names) if name in names[:k])
        raise InputError("a name appears twice", where=where, got=repr(twice))
    return names


def _surfaces(
    values: dict[str, np.ndarray], source: PeerFile, obj: ObjectMesh, *, fps: float | None
) -> Iterator[HandObject]:
    """Hands that are given as vertices, with the leading axis that there is."""
    vertices = values["hand_vertices"]
    if "joints" in values:
        apart = np.linalg.norm(values["joints"].mean(-2) - vertices.mean(-2), axis=-1).max()
        if apart > NEAR_HAND:
            raise InputError(
                "the joints do not lie in the hand",
                where=source.where("joints"),
                expected="the frame and the unit of hand_vertices",
                got=f"a middle {apart:.3g} m from the vertices'",
                remedy="If they are relative to the wrist, add its position.",
            )
    hand, why = _model(source, vertices.shape[-2])
    faces = _hand_faces(source, vertices.shape[-2], hand)
    given = (values[key] for key in ("hand_vertices", "fitted_vertices") if key in values)
    faces, surfaces, notes = whole_hand(faces, *given)
    labelled = hand is not None and _same_faces(faces, hand.faces.numpy())
    yield HandObject(
        name=source.path.stem,
        hand_vertices=surfaces[0],
        hand_faces=faces,
        object=obj,
        T_world_object=values["T_world_object"],
        joints=values.get("joints"),
        fitted_vertices=surfaces[1] if len(surfaces) > 1 else None,
        keypoints=values.get("keypoints"),
        hand=hand if labelled else None,
        no_model=why,
        side=source.side,
        fps=fps,
        notes=(*notes, *object_notes(obj)),
    )


def _model(source: PeerFile, count: int) -> tuple[Hand | None, str]:
    """The MANO hand whose labels go with the vertices, if there is one, and why there are no parameters."""
    if count not in (MANO_OPEN, MANO_CLOSED):
        return None, "the file gives vertices of an unknown hand, no parameters"
    if source.mano is None:
        return None, "the file gives vertices; if they are MANO's, give your MANO file (--mano)"
    try:
        return _load_hand(source.mano, source.side, None), "the file gives vertices, no parameters"
    except InputError as error:
        if "hand_faces" not in source.document:
            raise
        return None, f"the file gives vertices, and the MANO file is not theirs: {error}"


def _hand_faces(source: PeerFile, count: int, hand: Hand | None) -> np.ndarray:
    where = source.where("hand_faces")
    if "hand_faces" in source.document:
        return check_faces(as_array(source.document["hand_faces"]), count, where=where)
    if hand is None:
        mano = count in (MANO_OPEN, MANO_CLOSED)
        raise InputError(
            "the key 'hand_faces' is missing",
            where=where,
            expected="Fx3 vertex indices",
            got=f"{count} vertices alone",
            remedy="They may be MANO's: give your MANO file (--mano), which has the faces." if mano else None,
        )
    faces = hand.faces.numpy()
    return faces[(faces < count).all(1)]


def _same_faces(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two lists of faces are of one mesh, whatever their order."""
    return len(one) == len(other) and all(
        map(np.array_equal, *(np.unique(np.sort(faces, 1), axis=0).T for faces in (one, other)))
    )


def _posed(
    values: dict[str, np.ndarray], source: PeerFile, obj: ObjectMesh, *, fps: float | None
) -> Iterator[HandObject]:
    """Hands that are given as MANO parameters; a set comes in parts of a thousand."""
    if source.mano is None:
        key = next(key for key in PARAM_KEYS if key in values)
        raise InputError(
            "MANO parameters need your MANO file",
            where=source.where(key),
            expected="MANO_RIGHT.pkl or MANO_LEFT.pkl",
            got="none",
            remedy="Use --mano PATH (from https://mano.is.tue.mpg.de); or export hand_vertices, which need none.",
        )
    hand = _load_hand(source.mano, source.side, flag(source.document, "fix_left_shapedirs", source.path))
    poses = _load_poses(source.mano) if needs_poses(source.document, source.path) else None
    given = {key: value for key, value in values.items() if key in PARAM_KEYS}
    params = convert_params(
        given, source.document, hand=hand, poses=poses, scale=source.scale, path=source.path
    )
    whole = fps is not None or params.transl.ndim == 1
    for start in [0] if whole else range(0, len(params.transl), CHUNK):
        part = ... if whole else slice(start, start + CHUNK)
        yield _of_params(params[part], {k: v[part] for k, v in values.items()}, hand, source, obj, fps)


def _of_params(
    params: HandParams,
    values: dict[str, np.ndarray],
    hand: Hand,
    source: PeerFile,
    obj: ObjectMesh,
    fps: float | None,
) -> HandObject:
    keypoints = values.get("keypoints")
    grasp = Grasp(
        hand=hand,
        params=params,
        object=obj,
        T_world_object=torch.tensor(values["T_world_object"]),
        keypoints=None if keypoints is None else torch.tensor(keypoints),
        fps=fps,
        name=source.path.stem,
    )
    return replace(HandObject.of_grasp(grasp), notes=object_notes(obj))


def _split(pair: HandObject) -> Iterator[HandObject]:
    """The grasps of a set that was read as one batch."""
    timed = ("hand_vertices", "joints", "fitted_vertices", "keypoints", "params", "T_world_object")
    batch = {name: value for name in timed if (value := getattr(pair, name)) is not None}
    for k in range(len(pair.hand_vertices)):
        yield replace(pair, **{name: value[k] for name, value in batch.items()})


def object_notes(obj: ObjectMesh) -> tuple[str, ...]:
    """What was mended on an object, in words."""
    return tuple(f"object: {f.message}" for f in obj.report.findings if f.action == "mended")


@lru_cache(maxsize=4)
def _load_hand(path: Path, side: Side, fix_left_shapedirs: bool | None) -> Hand:
    hand = load_mano(path, side=side, fix_left_shapedirs=fix_left_shapedirs)
    return hand.to(dtype=torch.float64)  # so that moving a scene as a whole changes nothing


@lru_cache(maxsize=4)
def _load_poses(path: Path) -> Any:
    return load_mano_poses(path)
