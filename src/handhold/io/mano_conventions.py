"""MANO parameters in the conventions of other tools, to handhold's.

handhold's are smplx's with `flat_hand_mean=True, use_pca=False`: axis-angle, flat hand = zeros, the hand turns
about the wrist of its own shape, then `transl` is added. What other tools mean by the same names differs
(smplx issues 192 and 208, manopth issues 22 and 34), so that a file must say what it means.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import roma
import torch

from handhold.errors import InputError
from handhold.hand.mano import ManoPoses
from handhold.hand.model import Hand, HandParams
from handhold.io.document import describe
from handhold.io.values import LARGEST_COORDINATE, array, choice, within

ROTATIONS = ("axis-angle", "matrix", "6d-rows", "6d-columns")
"""6d-rows: a matrix's first row, then its second (PyTorch3D). 6d-columns: its first column, then its second
(Zhou et al., "On the Continuity of Rotation Representations in Neural Networks", CVPR 2019; HaMeR)."""
PARAM_KEYS = ("global_orient", "hand_pose", "hand_pca", "betas", "transl", "mano61")
FLAG_KEYS = ("flat_hand_mean", "rotation", "transl_is_wrist", "fix_left_shapedirs")
TWO_TURNS = 4 * np.pi
ORTHONORMAL = 1e-2
_ROTATION_SHAPES = {"axis-angle": (3,), "matrix": (3, 3), "6d-rows": (6,), "6d-columns": (6,)}


def flag(document: dict[str, Any], key: str, path: Path, *, default: bool | None = None) -> bool | None:
    """A value that is true or false.

    Raises:
        InputError: it is neither.
    """
    value = document.get(key, default)
    if value is not None and not isinstance(value, bool):
        raise InputError(
            "is not a flag", where=f"{path}: {key}", expected="true or false", got=describe(value)
        )
    return value


def read_params(document: dict[str, Any], path: Path) -> dict[str, np.ndarray]:
    """The parameters that a file gives, by its own keys, each with or without a leading axis.

    Raises:
        InputError: some are missing or too many, or have wrong shapes or values.
    """
    rotation = _rotation(document, path)
    _check_flat_hand_mean(document, path, rotation)
    if "mano61" in document:
        more = [key for key in PARAM_KEYS if key in document and key != "mano61"]
        if more:
            raise InputError(
                "holds all parameters; there are others beside it",
                where=f"{path}: mano61",
                got=", ".join(more),
                remedy="Keep one of the two.",
            )
        if rotation != "axis-angle":
            raise InputError(
                "mano61 holds axis-angles", where=f"{path}: rotation", expected="axis-angle", got=rotation
            )
        return {"mano61": array(document["mano61"], (61,), where=f"{path}: mano61")}
    _check_complete(document, path)
    shapes: dict[str, tuple[int | None, ...]] = {
        "global_orient": _ROTATION_SHAPES[rotation],
        "hand_pose": (15, *_ROTATION_SHAPES[rotation]),
        "hand_pca": (None,),
        "betas": (10,),
        "transl": (3,),
    }
    given = document.get("hand_pose")
    if rotation == "axis-angle" and isinstance(given, np.ndarray) and given.shape[-1:] == (45,):
        shapes["hand_pose"] = (45,)
    values = {k: array(document[k], s, where=f"{path}: {k}") for k, s in shapes.items() if k in document}
    if "hand_pca" in values and values["hand_pca"].shape[-1] > 45:
        got = values["hand_pca"].shape[-1]
        raise InputError("has the wrong shape", where=f"{path}: hand_pca", expected="1 to 45", got=got)
    return values


def convert_params(
    values: dict[str, np.ndarray],
    document: dict[str, Any],
    *,
    hand: Hand,
    poses: ManoPoses | None,
    scale: float,
    path: Path,
) -> HandParams:
    """handhold's parameters of a file's, in the hand's dtype.

    Args:
        values: what `read_params` gave, with one leading axis for all or none.
        document: the file, for its flags.
        hand: the user's MANO hand.
        poses: MANO's mean and principal components, if `needs_poses`.
        scale: metres in one unit of `transl`.
        path: the file.

    Raises:
        InputError: rotations that are none, or values out of scale.
    """
    if "mano61" in values:  # 10 betas, 3 of the wrist, 45 of the fingers, 3 of the translation
        betas, orient, pose, transl = np.split(values["mano61"], (10, 13, 58), axis=-1)
        values = {"betas": betas, "global_orient": orient, "hand_pose": pose, "transl": transl}
        keys = dict.fromkeys(values, "mano61")
    else:
        keys = {key: key for key in values}
    rotation = _rotation(document, path)
    flat = flag(document, "flat_hand_mean", path)
    where = {key: f"{path}: {name}" for key, name in keys.items()}
    orient = _axis_angle(values["global_orient"], rotation, where["global_orient"])
    if "hand_pca" in values:
        assert poses is not None  # needs_poses
        pose = poses.pose_from_pca(torch.tensor(values["hand_pca"]), flat_hand_mean=bool(flat)).numpy()
    else:
        local = values["hand_pose"]
        local = local.reshape(*local.shape[:-1], 15, 3) if local.shape[-1] == 45 else local
        pose = _axis_angle(local, rotation, where["hand_pose"])
        if poses is not None:
            pose = poses.pose_from_mean_relative(torch.tensor(pose)).numpy()
    within(
        values["betas"], limit=50, where=where["betas"], remedy="Mean shape is 0, most hands lie within 3."
    )
    transl = values["transl"] * scale
    within(transl, limit=LARGEST_COORDINATE, where=where["transl"], remedy="Check `units`.")
    params = HandParams(*(torch.tensor(v).to(hand.template) for v in (orient, pose, values["betas"], transl)))
    if flag(document, "transl_is_wrist", path):
        wrist = hand.rest(params.betas)[1][..., 0, :]
        params = HandParams(params.global_orient, params.hand_pose, params.betas, params.transl - wrist)
    return params


def needs_poses(document: dict[str, Any], path: Path) -> bool:
    """Whether MANO's mean pose or components are needed to understand a file's pose."""
    return "hand_pca" in document or flag(document, "flat_hand_mean", path) is False


def _rotation(document: dict[str, Any], path: Path) -> str:
    value = document.get("rotation", "axis-angle")
    if value == "6d":
        raise InputError(
            "six numbers are of the matrix's rows or of its columns",
            where=f"{path}: rotation",
            expected="6d-rows (PyTorch3D's) or 6d-columns (Zhou et al., HaMeR)",
            got="6d",
            remedy="The other one gives the inverse rotation.",
        )
    return choice(value, where=f"{path}: rotation", among=ROTATIONS)


def _check_flat_hand_mean(document: dict[str, Any], path: Path, rotation: str) -> None:
    flat = flag(document, "flat_hand_mean", path)
    by_matrix = rotation != "axis-angle" and "hand_pose" in document
    if flat is None and not by_matrix:
        raise InputError(
            "the flag 'flat_hand_mean' is missing",
            where=f"{path}: flat_hand_mean",
            expected="true if a pose of zeros is the flat hand, false if it is MANO's mean pose",
            remedy="Tools differ and the file cannot tell: smplx's default is false, that of manopth and "
            "manotorch true. The wrong one bends every finger.",
        )
    if flat is False and by_matrix:
        raise InputError(
            "matrices hold the whole rotation; no mean pose is added to them",
            where=f"{path}: flat_hand_mean",
            expected="true, or none",
            got="false",
            remedy="smplx's MANOLayer ignores the flag for matrices; if the mean is still to be added, "
            "give axis-angles.",
        )


def _check_complete(document: dict[str, Any], path: Path) -> None:
    for key in ("global_orient", "betas", "transl"):
        if key not in document:
            expected = "global_orient, hand_pose or hand_pca, betas and transl; or mano61"
            remedy = "Zeros are the mean shape." if key == "betas" else None
            raise InputError(
                f"the key '{key}' is missing", where=f"{path}: {key}", expected=expected, remedy=remedy
            )
    given = [key for key in ("hand_pose", "hand_pca") if key in document]
    if len(given) != 1:
        got = " and ".join(given) or "neither"
        raise InputError("needs exactly one of hand_pose and hand_pca", where=f"{path}: hand_pose", got=got)


def _axis_angle(values: np.ndarray, rotation: str, where: str) -> np.ndarray:
    """Rotations (*, 3) as axis-angle [rad]."""
    if rotation == "axis-angle":
        remedy = "Axis-angle is in radians, not degrees."
        within(np.linalg.norm(values, axis=-1), limit=TWO_TURNS, where=where, remedy=remedy)
        return values
    numbers = torch.tensor(values)
    if rotation == "matrix":
        _check_orthonormal(values, where)
        matrix = roma.special_procrustes(numbers)
    else:
        pairs = numbers.unflatten(-1, (2, 3)).mT  # (*, 3, 2), the two vectors as columns
        _check_independent(pairs, where)
        matrix = roma.special_gramschmidt(pairs)
        matrix = matrix.mT if rotation == "6d-rows" else matrix
    return roma.rotmat_to_rotvec(matrix).numpy()


def _check_orthonormal(matrix: np.ndarray, where: str) -> None:
    error = np.abs(np.swapaxes(matrix, -1, -2) @ matrix - np.eye(3)).max((-1, -2))
    mirrored = np.linalg.det(matrix) < 0
    if (error > ORTHONORMAL).any() or mirrored.any():
        place = np.argwhere((error > ORTHONORMAL) | mirrored)[0].tolist()
        raise InputError(
            "holds a matrix that is no rotation",
            where=where,
            expected="orthonormal, determinant +1",
            got=f"{'a reflection' if mirrored[tuple(place)] else 'a matrix that is not orthonormal'} at {place}",
        )


def _check_independent(pairs: torch.Tensor, where: str) -> None:
    a, b = pairs.unbind(-1)
    area = torch.linalg.vector_norm(torch.linalg.cross(a, b), dim=-1)
    lengths = torch.linalg.vector_norm(a, dim=-1) * torch.linalg.vector_norm(b, dim=-1)
    flat = (area <= 1e-6 * lengths) | (lengths < 1e-12)
    if flat.any():
        got = f"two that are parallel or zero at {torch.nonzero(flat)[0].tolist()}"
        raise InputError("holds no rotation", where=where, expected="two independent vectors", got=got)
