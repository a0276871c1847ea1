"""The hand section of a scene: model, keypoints, parameters, vertices."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np

from handhold.errors import InputError
from handhold.hand.skeleton import MANO_FROM_OPENPOSE, JointOrder, Side
from handhold.io.plausible import check_keypoints, check_size
from handhold.io.values import LARGEST_COORDINATE, array, check_keys, choice, existing, text, within

SOURCES = ("keypoints", "params", "vertices")
PARAM_SHAPES = {"global_orient": (3,), "hand_pose": (15, 3), "betas": (10,), "transl": (3,)}
FULL_TURN = 2 * np.pi


def read_model(
    hand: Any, path: Path, *, mano: str | Path | None
) -> tuple[Side, Literal["open", "mano"], Path | None]:
    """Side, model and MANO file of a scene's hand; `mano` overrides the file's.

    Raises:
        InputError: unknown or missing keys, or a model that does not go with what is given.
    """
    where = f"{path}: hand"
    check_keys(
        hand, where=where, required=("side",), optional=("model", "model_path", "joint_order", *SOURCES)
    )
    given = [key for key in SOURCES if key in hand]
    if len(given) != 1:
        raise InputError(
            "needs exactly one of keypoints, params and vertices",
            where=where,
            got=" and ".join(given) or "none of them",
        )
    side = cast(Side, choice(hand["side"], where=f"{where}.side", among=get_args(Side)))
    model = "open" if mano is None else "mano"
    if "model" in hand:
        model = choice(hand["model"], where=f"{where}.model", among=("open", "mano"))
    elif "keypoints" not in hand and mano is None:
        raise InputError(
            "the key 'model' is missing", where=where, expected="open or mano: whose params or vertices?"
        )
    if model == "open" and "model_path" in hand:
        raise InputError("only MANO has a file", where=f"{where}.model_path", got='"model": "open"')
    if mano is not None:
        if model == "open" and "keypoints" not in hand:
            raise InputError(
                "the open hand's params and vertices are not MANO's", where=where, remedy="Leave out --mano."
            )
        return side, "mano", existing(Path(mano), where="--mano")
    if model == "open":
        return side, "open", None
    if "model_path" not in hand:
        raise InputError(
            "a MANO hand needs its file",
            where=f"{where}.model_path",
            remedy="Add the key, or use --mano PATH.",
        )
    model_path = path.parent / text(hand["model_path"], where=f"{where}.model_path")
    return side, "mano", existing(model_path, where=f"{where}.model_path")


def read_hand(
    hand: dict[str, Any], path: Path, *, side: Side, scale: float
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The hand in metres: keypoints (MANO's order), vertices, or the four parameters, by key; and warnings.

    `hand` has passed `read_model`.

    Raises:
        InputError: wrong shapes, numbers, units or joint order.
    """
    given = next(key for key in SOURCES if key in hand)
    where = f"{path}: hand.{given}"
    if "joint_order" in hand:
        choice(hand["joint_order"], where=f"{path}: hand.joint_order", among=get_args(JointOrder))
    if given == "params":
        return _params(hand["params"], where, scale), []
    if given == "vertices":
        vertices = array(hand["vertices"], (None, 3), where=where) * scale
        first = vertices.reshape(-1, *vertices.shape[-2:])[0]
        check_size(float(np.linalg.norm(np.ptp(first, axis=0))), where=where)
        within(vertices, limit=LARGEST_COORDINATE, where=where, remedy="Check `units`.")
        return {"vertices": vertices}, []
    return _keypoints(hand, side, path, scale)


def _keypoints(
    hand: dict[str, Any], side: Side, path: Path, scale: float
) -> tuple[dict[str, np.ndarray], list[str]]:
    where = f"{path}: hand.keypoints"
    if "joint_order" not in hand:
        raise InputError(
            "is missing", where=f"{path}: hand.joint_order", expected=" or ".join(get_args(JointOrder))
        )
    order = cast(JointOrder, hand["joint_order"])
    keypoints = array(hand["keypoints"], (21, 3), where=where, missing=True) * scale
    keypoints[np.isnan(keypoints).any(-1)] = np.nan
    warnings = check_keypoints(keypoints, order=order, side=side, where=where)
    within(keypoints, limit=LARGEST_COORDINATE, where=where, remedy="Check `units`.")
    return {"keypoints": keypoints if order == "mano" else keypoints[..., MANO_FROM_OPENPOSE, :]}, warnings


def _params(params: Any, where: str, scale: float) -> dict[str, np.ndarray]:
    """The four arrays, with one time axis for all or none; a motion may give betas once."""
    check_keys(params, where=where, required=PARAM_SHAPES, optional=())
    values = {k: array(params[k], shape, where=f"{where}.{k}") for k, shape in PARAM_SHAPES.items()}
    times = {k: v.shape[0] if v.ndim > len(PARAM_SHAPES[k]) else None for k, v in values.items()}
    if times["betas"] is None and times["transl"] is not None:
        values["betas"] = np.repeat(values["betas"][None], times["transl"], axis=0)
        times["betas"] = times["transl"]
    if len(set(times.values())) != 1:
        got = ", ".join(f"{k} {'none' if t is None else t}" for k, t in times.items())
        raise InputError("the time axes disagree", where=where, expected="one length for all", got=got)
    for key in ("global_orient", "hand_pose"):
        angles = np.linalg.norm(values[key], axis=-1)
        within(
            angles,
            limit=2 * FULL_TURN,
            where=f"{where}.{key}",
            remedy="Axis-angle is in radians, not degrees.",
        )
    within(
        values["betas"], limit=50, where=f"{where}.betas", remedy="Mean shape is 0, most hands lie within 3."
    )
    values["transl"] *= scale
    within(values["transl"], limit=LARGEST_COORDINATE, where=f"{where}.transl", remedy="Check `units`.")
    return values
