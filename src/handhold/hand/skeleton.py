"""The hand's skeleton: joints, their order, and the bones between them.

Inside handhold joints are in MANO's order: 16 joints (wrist, then index, middle, pinky, ring, thumb,
three each) followed by five tips (thumb, index, middle, ring, pinky). Files and figures use OpenPose's
order (wrist, then thumb to pinky, four each). Conversion is always explicit.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from handhold.errors import InputError

JointOrder = Literal["mano", "openpose"]
Side = Literal["right", "left"]

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
MANO_FINGERS = ("index", "middle", "pinky", "ring", "thumb")

JOINT_NAMES = ("wrist", *(f"{finger}{i}" for finger in MANO_FINGERS for i in (1, 2, 3)))
TIP_NAMES = tuple(f"{finger}_tip" for finger in FINGERS)
KEYPOINT_NAMES = JOINT_NAMES + TIP_NAMES
"""The 21 keypoints in MANO's order."""

PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
"""Parent of each of the 16 joints, MANO's order."""

OPENPOSE_FROM_MANO = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)
"""`openpose[i] = mano[OPENPOSE_FROM_MANO[i]]`."""
MANO_FROM_OPENPOSE = tuple(OPENPOSE_FROM_MANO.index(i) for i in range(21))

FINGER_JOINTS = {finger: tuple(1 + 3 * i + k for k in range(3)) for i, finger in enumerate(MANO_FINGERS)}
"""The three joints of each finger, MANO's order."""
FINGER_CHAINS = {f: (*FINGER_JOINTS[f], 16 + FINGERS.index(f)) for f in FINGERS}
"""The four keypoints of each finger from knuckle to tip, MANO's order."""

BONES = tuple(
    (a, b) for f in FINGERS for a, b in zip((0, *FINGER_CHAINS[f][:-1]), FINGER_CHAINS[f], strict=True)
)
"""The 20 segments between neighbouring keypoints (MANO's order), thumb to pinky, palm to tip."""


def reorder_joints(joints: Tensor, *, source: JointOrder, target: JointOrder) -> Tensor:
    """Reorder 21 keypoints.

    Args:
        joints: (*, 21, C).
        source: their present order.
        target: the order wanted.

    Raises:
        InputError: an unknown order, or not 21 keypoints.
    """
    orders = get_args(JointOrder)
    if source not in orders or target not in orders:
        raise InputError("unknown joint order", expected=" or ".join(orders), got=f"{source} to {target}")
    if joints.shape[-2] != 21:
        raise InputError("wrong number of keypoints", expected="21", got=joints.shape[-2])
    if source == target:
        return joints
    index = OPENPOSE_FROM_MANO if target == "openpose" else MANO_FROM_OPENPOSE
    return joints[..., torch.tensor(index, device=joints.device), :]
