"""Hands: parametric models, anatomy, keypoints."""

from handhold.hand.model import Hand, HandParams, HandSurface
from handhold.hand.skeleton import BONES, FINGERS, JOINT_NAMES, KEYPOINT_NAMES, reorder_joints

__all__ = [
    "BONES",
    "FINGERS",
    "JOINT_NAMES",
    "KEYPOINT_NAMES",
    "Hand",
    "HandParams",
    "HandSurface",
    "reorder_joints",
]
