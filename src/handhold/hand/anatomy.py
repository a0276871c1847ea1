"""Anatomical axes, angles and joint limits.

Each of the 15 finger joints has a frame, fixed in the flat hand: x is the flexion axis, y points out of
the back of the finger (or of the thumb's nail), z runs along the bone towards the tip. A joint's rotation is
`R = F Rx(flexion) Ry(abduction) Rz(twist) F^T`, so that

- flexion > 0 curls towards the palm,
- abduction > 0 moves a finger towards the thumb's side, and the thumb's metacarpal out of the palm's plane
  (palmar abduction),
- twist > 0 turns about the bone.

The same angles mean the same posture on the left and on the right hand: a left hand's axes are the mirrored
ones, reversed.

Limits are published ranges of motion, in degrees; none is read off captured grasps:

- AAOS: American Academy of Orthopaedic Surgeons, Joint Motion: Method of Measuring and Recording (1965).
- Mallon: Mallon, Brown, Nunley, Digital ranges of motion: normal values in young adults, J Hand Surg 16A (1991).
- Cooney: Cooney, Lucca, Chao, Linscheid, The kinesiology of the thumb trapeziometacarpal joint, JBJS 63A (1981).
- Norkin: Norkin, White, Measurement of Joint Motion: A Guide to Goniometry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from handhold.hand.skeleton import FINGER_CHAINS, FINGER_JOINTS, FINGERS, MANO_FINGERS, Side

ANGLE_NAMES = ("flexion", "abduction", "twist")

# joint: ((flexion), (abduction), (twist)), degrees from the straight finger.
FINGER_LIMITS_DEG = {
    # AAOS: 45 extension, 90 flexion; Norkin: 20 abduction; a loose capsule lets the finger roll a little.
    "mcp": ((-45.0, 90.0), (-20.0, 20.0), (-10.0, 10.0)),
    # AAOS: 100; Mallon: passive extension about 10, passive flexion 110. A hinge: only capsular play sideways.
    "pip": ((-10.0, 110.0), (-5.0, 5.0), (-5.0, 5.0)),
    # AAOS: 90; Mallon: passive extension about 20.
    "dip": ((-20.0, 90.0), (-5.0, 5.0), (-5.0, 5.0)),
}
THUMB_LIMITS_DEG = {
    # AAOS: 50 flexion (Norkin to 60), extension to 10; some play sideways and about the bone.
    "mcp": ((-10.0, 60.0), (-15.0, 15.0), (-10.0, 10.0)),
    # AAOS: 80 flexion, 20 passive extension.
    "ip": ((-20.0, 80.0), (-5.0, 5.0), (-5.0, 5.0)),
}
# The thumb's metacarpal, as angles against the palm: in the palm's plane from the index metacarpal (radial;
# AAOS: 15 flexion across the palm; Norkin: 60 abduction) and out of it (palmar; AAOS: 70). Cooney: 17 of roll.
THUMB_RADIAL_DEG = (-15.0, 60.0)
THUMB_PALMAR_DEG = (0.0, 70.0)
THUMB_TWIST_DEG = (-17.0, 17.0)


@dataclass(frozen=True)
class Anatomy:
    """Joint frames and limits of one hand.

    Attributes:
        frames: (15, 3, 3) columns are the flexion, abduction and twist axes in the flat hand.
        lower, upper: (15, 3) limits of the three angles [rad].
    """

    frames: Tensor
    lower: Tensor
    upper: Tensor

    def to(self, *args, **kwargs) -> Anatomy:
        """The same on another device or in another dtype."""
        return Anatomy(*(t.to(*args, **kwargs) for t in (self.frames, self.lower, self.upper)))

    def mirrored(self) -> Anatomy:
        """The other side's anatomy (mirrored in x); angles and limits keep their meaning."""
        mirror = self.frames.new_tensor([-1.0, 1.0, 1.0])
        return Anatomy(-self.frames * mirror[:, None], self.lower, self.upper)

    def rotations(self, angles: Tensor) -> Tensor:
        """Anatomical angles (*, 15, 3) [rad] to local rotation matrices (*, 15, 3, 3)."""
        return self.frames @ _euler_matrix(angles) @ self.frames.mT

    def angles(self, rotations: Tensor) -> Tensor:
        """Local rotation matrices (*, 15, 3, 3) to anatomical angles (*, 15, 3) [rad]."""
        r = self.frames.mT @ rotations @ self.frames
        abduction = torch.asin(r[..., 0, 2].clamp(-1, 1))
        flexion = torch.atan2(-r[..., 1, 2], r[..., 2, 2])
        twist = torch.atan2(-r[..., 0, 1], r[..., 0, 0])
        return torch.stack((flexion, abduction, twist), -1)

    def clamp(self, angles: Tensor) -> Tensor:
        """The nearest angles within the limits."""
        return torch.minimum(torch.maximum(angles, self.lower), self.upper)

    def violation(self, angles: Tensor) -> Tensor:
        """How far each angle lies outside its limits, (*, 15, 3) [rad], zero inside."""
        return (self.lower - angles).clamp_min(0) + (angles - self.upper).clamp_min(0)


def derive_anatomy(template: Tensor, joints: Tensor, tips: Tensor, weights: Tensor, *, side: Side) -> Anatomy:
    """Axes and limits of any hand mesh, from its flat shape.

    Fingers flex about an axis in the palm's plane, across the bone. The thumb's axis is read off its last
    bone, which is wider than it is thick, as the nail is.

    Args:
        template: (V, 3) flat hand [m].
        joints: (16, 3) joints, MANO's order [m].
        tips: (5, 3) finger tips, thumb to pinky [m].
        weights: (V, 16) skinning weights.
        side: "right" or "left"; a left hand is read in the mirror.
    """
    if side == "left":
        mirror = template.new_tensor([-1.0, 1.0, 1.0])
        return derive_anatomy(
            template * mirror, joints * mirror, tips * mirror, weights, side="right"
        ).mirrored()
    keypoints = torch.cat((joints, tips))
    wrist, index, pinky = (joints[i] for i in (0, 1, 7))
    dorsal = _unit(torch.linalg.cross(pinky - wrist, index - wrist))
    width = _thumb_width_axis(template, keypoints, weights, dorsal)
    frames = torch.zeros(15, 3, 3, dtype=template.dtype)
    for finger in FINGERS:
        chain = FINGER_CHAINS[finger]
        for k, joint in enumerate(FINGER_JOINTS[finger]):
            z = _unit(keypoints[chain[k + 1]] - keypoints[chain[k]])
            x = _unit(width - (width @ z) * z if finger == "thumb" else torch.linalg.cross(dorsal, z))
            frames[joint - 1] = torch.stack((x, torch.linalg.cross(z, x), z), -1)
    lower, upper = _limits(keypoints, dorsal, _unit(index - wrist))
    return Anatomy(frames, lower.to(template), upper.to(template))


def _thumb_width_axis(template: Tensor, keypoints: Tensor, weights: Tensor, dorsal: Tensor) -> Tensor:
    """The thumb's flexion axis: the wide direction of its last bone's cross-section, palmar side out."""
    joint = FINGER_JOINTS["thumb"][2]
    start, tip = keypoints[joint], keypoints[FINGER_CHAINS["thumb"][3]]
    bone = tip - start
    z = _unit(bone)
    along = ((template - start) @ z) / bone.norm()
    ring = template[(weights[:, joint] > 0.9) & (along > 0.35) & (along < 0.75)]
    flat = ring - ring.mean(0)
    flat = flat - (flat @ z)[:, None] * z
    width = torch.linalg.eigh(flat.T @ flat).eigenvectors[:, -1]
    return -width * torch.sign(width @ dorsal)


def _limits(keypoints: Tensor, dorsal: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Limits (15, 3) twice [rad]; the thumb's metacarpal counts from where this hand's flat pose holds it."""
    table = torch.zeros(15, 3, 2, dtype=torch.float64)
    for finger in MANO_FINGERS:
        rows = [FINGER_LIMITS_DEG[j] for j in ("mcp", "pip", "dip")]
        if finger == "thumb":
            rows = [_thumb_base(keypoints, dorsal, index), THUMB_LIMITS_DEG["mcp"], THUMB_LIMITS_DEG["ip"]]
        for joint, row in zip(FINGER_JOINTS[finger], rows, strict=True):
            table[joint - 1] = torch.tensor(row, dtype=torch.float64)
    table = table * (math.pi / 180)
    return table[..., 0], table[..., 1]


def _thumb_base(keypoints: Tensor, dorsal: Tensor, index: Tensor) -> tuple[tuple[float, float], ...]:
    """Limits of the thumb's first joint in degrees from the flat pose (its axes nearly are the palm's)."""
    first, second = FINGER_CHAINS["thumb"][:2]
    bone = _unit(keypoints[second] - keypoints[first])
    palmar = math.degrees(math.asin(float(-(bone @ dorsal))))
    in_plane = _unit(bone - (bone @ dorsal) * dorsal)
    ahead = _unit(index - (index @ dorsal) * dorsal)
    at_rest = math.degrees(math.acos(float((in_plane @ ahead).clamp(-1, 1))))
    flexion = (at_rest - THUMB_RADIAL_DEG[1], at_rest - THUMB_RADIAL_DEG[0])
    abduction = (THUMB_PALMAR_DEG[0] - palmar, THUMB_PALMAR_DEG[1] - palmar)
    return flexion, abduction, THUMB_TWIST_DEG


def _unit(vector: Tensor) -> Tensor:
    return vector / vector.norm(dim=-1, keepdim=True)


def _euler_matrix(angles: Tensor) -> Tensor:
    """Rx(a) Ry(b) Rz(c) for angles (*, 3)."""
    (ca, cb, cc), (sa, sb, sc) = torch.cos(angles).unbind(-1), torch.sin(angles).unbind(-1)
    rows = (
        torch.stack((cb * cc, -cb * sc, sb), -1),
        torch.stack((ca * sc + sa * sb * cc, ca * cc - sa * sb * sc, -sa * cb), -1),
        torch.stack((sa * sc - ca * sb * cc, sa * cc + ca * sb * sc, ca * cb), -1),
    )
    return torch.stack(rows, -2)
