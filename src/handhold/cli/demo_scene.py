"""The scene of the demo: a mug made of solids, and a hand around it, as a noisy detector would see it."""

from __future__ import annotations

import math

import numpy as np
import roma
import torch
from torch import Tensor

from handhold.hand import Hand, HandParams, reorder_joints
from handhold.hand.skeleton import FINGER_JOINTS
from handhold.objects import ObjectMesh

RADIUS, HEIGHT, WALL, FLOOR, ROUNDING = 0.040, 0.095, 0.0045, 0.006, 0.0035
"""Of the mug [m]."""
SIDES = 64
HANDLE_HEIGHT, HANDLE_REACH, HANDLE_RADIUS = 0.026, 0.024, 0.0055
"""Half height and reach of the handle's arc, and half its thickness [m]."""
NOISE = 0.006
"""Standard deviation of the noise on each coordinate of each keypoint [m]."""
FIRST_SEED = 118
"""Seed 0 of the command draws this: fingers that cut in, one that hovers, and a bone through the wall."""

# Anatomical angles of the posture [degrees]: (flexion, abduction, twist) from knuckle to tip.
POSTURE = {
    "thumb": ((22, 38, 0), (6, 0, 0), (10, 0, 0)),
    "index": ((34, 1, 0), (13, 0, 0), (42, 0, 0)),
    "middle": ((41, 2, 0), (22, 0, 0), (35, 0, 0)),
    "ring": ((38, -1, 0), (14, 0, 0), (36, 0, 0)),
    "pinky": ((25, -3, 0), (13, 0, 0), (20, 0, 0)),
}
PALM_GAP, PALM_AHEAD = 0.0235, 0.015
"""From the mug's wall outward, and level around it, to the middle knuckle's joint [m]."""
TILT = 8.0
"""How far the hand is turned about the line from the mug to the palm [degrees]."""


def make_mug() -> ObjectMesh:
    """A mug that stands on z = 0, its axis z, its handle along +x; a closed surface [m]."""
    from manifold3d import Manifold

    outer = _revolved(_rounded_profile(RADIUS, 0.0, HEIGHT, ROUNDING))
    inner = _revolved(_rounded_profile(RADIUS - WALL, FLOOR, HEIGHT + 0.02, ROUNDING))
    handle = _handle() - Manifold.cylinder(HEIGHT, RADIUS - WALL / 2, circular_segments=SIDES)
    mesh = (outer - inner + handle).to_mesh64()
    return ObjectMesh.from_arrays(mesh.vert_properties[:, :3], mesh.tri_verts.astype(np.int64), name="mug")


def make_grasp(hand: Hand, *, side_angle: float = math.radians(200)) -> HandParams:
    """The posture around the mug's body, thumb on one side, fingers on the other.

    Args:
        hand: a right hand.
        side_angle: where about the mug the palm is, 0 at the handle [rad].
    """
    angles = torch.zeros(15, 3, dtype=hand.dtype)
    for finger, joints in POSTURE.items():
        angles[[j - 1 for j in FINGER_JOINTS[finger]]] = torch.deg2rad(torch.tensor(joints, dtype=hand.dtype))
    pose = roma.rotmat_to_rotvec(hand.anatomy.rotations(hand.anatomy.clamp(angles)))
    flat = hand.zeros()
    joints = hand(flat).joints
    wrist, index, middle, pinky = (
        joints[FINGER_JOINTS[f][0] if f else 0] for f in ("", "index", "middle", "pinky")
    )
    forward = _unit(middle - wrist)
    back = torch.linalg.cross(pinky - wrist, index - wrist)
    back = _unit(back - (back @ forward) * forward)
    own = torch.stack((forward, back, torch.linalg.cross(forward, back)), -1)
    out = torch.tensor([math.cos(side_angle), math.sin(side_angle), 0.0], dtype=hand.dtype)
    up = torch.tensor([0.0, 0.0, 1.0], dtype=hand.dtype)
    ahead = torch.linalg.cross(up, out)  # level, with the thumb side of a right hand upward
    tilt = roma.rotvec_to_rotmat(math.radians(TILT) * out)
    wanted = tilt @ torch.stack((ahead, out, torch.linalg.cross(ahead, out)), -1)
    rotation = wanted @ own.mT
    knuckle = out * (RADIUS + PALM_GAP) + up * (0.56 * HEIGHT) + PALM_AHEAD * ahead
    root = hand.joint_template[0]
    transl = knuckle - (rotation @ (middle - root) + root)
    return HandParams(roma.rotmat_to_rotvec(rotation), pose, flat.betas, transl)


def make_scene(*, seed: int = 0) -> tuple[dict, ObjectMesh]:
    """The demo's scene as its JSON document, and its mug.

    Args:
        seed: of the noise on the keypoints.
    """
    hand = Hand.open()
    keypoints = hand(make_grasp(hand)).joints
    noise = torch.randn(keypoints.shape, generator=torch.Generator().manual_seed(FIRST_SEED + seed)) * NOISE
    seen = reorder_joints(keypoints + noise, source="mano", target="openpose")
    document = {
        "format": "handhold-scene/1",
        "units": "m",
        "hand": {"side": "right", "model": "open", "keypoints": _rounded(seen), "joint_order": "openpose"},
        "object": {"mesh": "mug.obj", "pose": np.eye(4).tolist()},
    }
    return document, make_mug()


def _rounded(points: Tensor) -> list:
    return [[round(x, 5) for x in point] for point in points.tolist()]


def _unit(vector: Tensor) -> Tensor:
    return vector / vector.norm()


def _rounded_profile(radius: float, low: float, high: float, rounding: float) -> np.ndarray:
    """Half an upright section with rounded outer corners, (N, 2) as (r, z) counter-clockwise."""
    turn = np.linspace(0, math.pi / 2, 6)
    arc = rounding * np.stack((np.sin(turn), 1 - np.cos(turn)), -1)
    bottom = np.array([radius - rounding, low]) + arc
    top = np.array([radius - rounding, high]) + (arc * [1, -1])[::-1]
    return np.concatenate(([[0, low]], bottom, top, [[0, high]]))


def _revolved(profile: np.ndarray):
    from manifold3d import CrossSection

    return CrossSection([profile]).revolve(SIDES)


def _handle():
    """A bent tube: a flattened round section swept along half an ellipse in the xz plane."""
    from manifold3d import Manifold, Mesh64

    steps, around = 32, 16
    t = np.linspace(-0.56 * math.pi, 0.56 * math.pi, steps)
    centre = np.stack(
        (RADIUS - 0.001 + HANDLE_REACH * np.cos(t), 0 * t, HEIGHT / 2 + HANDLE_HEIGHT * np.sin(t)), -1
    )
    along = np.gradient(centre, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, [0.0, 1.0, 0.0])
    s = np.linspace(0, 2 * math.pi, around, endpoint=False)
    ring = 0.85 * HANDLE_RADIUS * np.cos(s)[None, :, None] * across[:, None] + 1.25 * HANDLE_RADIUS * np.sin(
        s
    )[None, :, None] * np.array([0.0, 1.0, 0.0])
    vertices = np.concatenate(((centre[:, None] + ring).reshape(-1, 3), centre[[0, -1]]))
    faces = []
    for i in range(steps):
        for j in range(around):
            a, b = i * around + j, i * around + (j + 1) % around
            if i + 1 < steps:
                faces += [(a, b, a + around), (b, b + around, a + around)]
            else:
                faces.append((a, b, steps * around + 1))
            if i == 0:
                faces.append((b, a, steps * around))
    tube = Manifold(Mesh64(vertices, np.array(faces, np.uint64)))
    return (
        tube if tube.volume() > 0 else Manifold(Mesh64(vertices, np.array(faces, np.uint64)[:, ::-1].copy()))
    )
