"""Is this a hand, in these units, in this joint order, on this side, near this object?

What is certainly wrong is an InputError; what is only likely wrong is a warning, a sentence for the user.
"""

from __future__ import annotations

import numpy as np

from handhold.errors import InputError
from handhold.hand.skeleton import BONES, FINGER_CHAINS, MANO_FROM_OPENPOSE, JointOrder, Side

HAND_LENGTH = (0.02, 0.50)
"""[m] A hand shorter or longer than this is in the wrong unit; infants' have 0.06, the largest men's 0.33."""
FEWEST_KEYPOINTS = 6
FAR_OBJECT = 0.5
"""[m] A wrist farther than this from the object's origin earns a warning."""

# Adult bones to the nearest 5 mm, in the order of BONES [m].
_THUMB = (0.040, 0.040, 0.030, 0.030)
_FINGER = (0.090, 0.045, 0.025, 0.025)
ADULT_BONES = np.array([_THUMB, *[_FINGER] * 4]).ravel()
ADULT_LENGTH = float(sum(_FINGER))

# Measured with 326 captured grasps: right order 0.17, wrong order 0.33 to 0.59. With 1 cm of noise on every
# joint the right order stays below 0.48 and is never refused, and half of the wrong orders still are.
IRREGULAR = 0.50
ORDER_ERROR_GAP, ORDER_ERROR_BEST = 0.14, 0.28
ORDER_WARNING_GAP, ORDER_WARNING_BEST = 0.08, 0.40
# Mean sine of the bend at the fingers' two outer joints. Captured grasps have 0.03 to 0.79, healthy fingers
# bend back by 10 degrees; with 1 cm of noise no captured grasp is called the other hand's.
BENT_BACK = 0.25


def check_keypoints(keypoints: np.ndarray, *, order: JointOrder, side: Side, where: str) -> list[str]:
    """Refuse keypoints that cannot be this hand's; warn about those that hardly are.

    Args:
        keypoints: (T?, 21, 3) [m] in the order that the file declares, NaN where missing.
        order: the declared joint order.
        side: the declared side.
        where: file and key.

    Returns:
        Warnings.

    Raises:
        InputError: too few keypoints, a hand of impossible size (units), or certainly another joint order.
    """
    known = np.isfinite(keypoints).all(-1).reshape(-1, 21).sum(-1)
    if known.min() < FEWEST_KEYPOINTS:
        frame = f" in frame {int(known.argmin())}" if keypoints.ndim == 3 else ""
        raise InputError(
            "all keypoints are missing" if known.max() == 0 else "has too few known keypoints",
            where=where,
            expected=f"at least {FEWEST_KEYPOINTS} of 21",
            got=f"{known.min()}{frame}",
        )
    declared = _in_mano_order(keypoints, order).reshape(-1, 21, 3)
    check_size(_hand_length(declared), where=where)
    warnings = _order_warnings(keypoints, order, where)
    return warnings or _side_warnings(declared, side)


def check_size(length: float, *, where: str) -> None:
    """Refuse a hand of impossible length [m], and name the unit that would explain it.

    Raises:
        InputError: the hand is shorter than 2 cm or longer than 50 cm.
    """
    low, high = HAND_LENGTH
    if low <= length <= high:
        return
    guesses = {
        1000.0: "millimetres declared as metres",
        100.0: "centimetres",
        0.001: "metres declared as millimetres",
    }
    guess = [name for factor, name in guesses.items() if 0.08 < length / factor < 0.35]
    raise InputError(
        "the hand has an impossible size; the unit is probably wrong",
        where=where,
        expected=f"a hand {low:g} to {high:g} m long",
        got=f"{length:.4g} m",
        remedy=(f"These look like {guess[0]}. " if guess else "")
        + "Set `units` to m or mm, and use one unit throughout.",
    )


def distance_warnings(hand: np.ndarray, T_world_object: np.ndarray) -> list[str]:
    """Warn if the hand (T?, 3) [m] never comes near the object's origin."""
    distance = float(np.nanmin(np.linalg.norm(hand - T_world_object[..., :3, 3], axis=-1)))
    if distance <= FAR_OBJECT:
        return []
    hint = "; is one of them in another unit?" if distance > 10 else ""
    return [
        f"the hand is {distance:.2f} m from the object's origin: are both in one world frame{hint or '?'}"
    ]


def _in_mano_order(keypoints: np.ndarray, order: JointOrder) -> np.ndarray:
    return keypoints if order == "mano" else keypoints[..., MANO_FROM_OPENPOSE, :]


def _bone_lengths(keypoints: np.ndarray) -> np.ndarray:
    """(20,) mean over time of each bone known, NaN for the others; keypoints (T, 21, 3) in MANO's order."""
    a, b = np.array(BONES).T
    lengths = np.linalg.norm(keypoints[:, a] - keypoints[:, b], axis=-1)
    counts = np.isfinite(lengths).sum(0)
    return np.where(counts > 0, np.nansum(lengths, 0) / np.maximum(counts, 1), np.nan)


def _hand_length(keypoints: np.ndarray) -> float:
    """Length from wrist to middle finger tip if straight, from the bones known, or the spread [m]."""
    ratios = _bone_lengths(keypoints) / ADULT_BONES
    if np.isfinite(ratios).any():
        return float(np.nanmedian(ratios)) * ADULT_LENGTH
    gaps = np.linalg.norm(keypoints[:, :, None] - keypoints[:, None], axis=-1)
    return float(np.nanmax(gaps))


def _irregularity(keypoints: np.ndarray) -> float:
    """Mean absolute log ratio of bone lengths to an adult's, size apart; NaN with fewer than ten bones."""
    ratios = np.log(np.maximum(_bone_lengths(keypoints), 1e-9) / ADULT_BONES)
    ratios = ratios[np.isfinite(ratios)]
    return float(np.abs(ratios - np.median(ratios)).mean()) if len(ratios) >= 10 else np.nan


def _order_warnings(keypoints: np.ndarray, order: JointOrder, where: str) -> list[str]:
    other: JointOrder = "openpose" if order == "mano" else "mano"
    frames = keypoints.reshape(-1, 21, 3)
    score, alternative = (_irregularity(_in_mano_order(frames, o)) for o in (order, other))
    if score - alternative > ORDER_ERROR_GAP and alternative < ORDER_ERROR_BEST:
        raise InputError(
            f"the keypoints are not in {order} order",
            where=where,
            expected=f"bone lengths of a hand in {order} order",
            got=f"bone lengths that fit {other} order",
            remedy=f'Set "joint_order": "{other}".',
        )
    if score - alternative > ORDER_WARNING_GAP and alternative < ORDER_WARNING_BEST:
        return [f"the bone lengths fit {other} order better than the declared {order} order"]
    if score > IRREGULAR:
        return ["the bone lengths are hardly a hand's: very noisy keypoints, or another joint order?"]
    return []


def _side_warnings(keypoints: np.ndarray, side: Side) -> list[str]:
    """Fingers bend one way only at their outer joints: bent the other way, they are the other hand's."""
    chains = keypoints[:, [FINGER_CHAINS[f] for f in ("index", "middle", "ring", "pinky")]]  # (T, 4, 4, 3)
    across = _unit(chains[:, 0, 0] - chains[:, 3, 0])[:, None, None] * (1 if side == "right" else -1)
    bones = _unit(np.diff(chains, axis=2))
    sines = (np.cross(bones[:, :, :-1], bones[:, :, 1:]) * across).sum(-1)  # (T, 4, 2)
    if np.isfinite(sines).sum() >= 6 * len(sines) and np.nanmean(sines) < -BENT_BACK:
        other = "left" if side == "right" else "right"
        return [f"the fingers bend backwards: is this a {other} hand, or are its coordinates mirrored?"]
    return []


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
