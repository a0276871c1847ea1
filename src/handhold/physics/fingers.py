"""A hand that closes: its pieces on 16 bodies, hinges about the anatomical axes, bounded torques."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from handhold.geometry.convex import Piece
from handhold.hand import FINGERS
from handhold.hand.hulls import PIECE_JOINTS, PIECE_NAMES
from handhold.hand.kinematics import HandState, angle_axes, forward
from handhold.hand.model import Hand, HandParams
from handhold.hand.skeleton import FINGER_JOINTS


@dataclass(frozen=True)
class Balance:
    """How fingers that squeeze in concert choose their torques.

    While they settle they feel anew, every so often, what they touch or nearly touch, and press it from all sides
    with forces that cancel (`grip.balanced_torques`); about the posture so reached they are stiff.

    On 196 synthesized grasps of 14 household objects, and the same with the hand 1 and 2 cm away, held with a drift
    of at most 6 mm: 0.66, 0.37, 0.16, where joints that flex each for itself hold 0.55, 0.25, 0.14; with a drift of
    at most 4 mm 0.52, 0.22, 0.09 against 0.49, 0.17, 0.08. So bottles, books and boxes are held that were lost, but
    bad grasps are told from good ones no better.

    Attributes:
        effort: share of each joint's greatest torque that it should exert.
        reach: pieces of hand and object no further apart count as touching [m].
        margin: the cones of the forces are so many times those of the friction.
        every: time between two choices [s].
    """

    effort: float = 0.7
    reach: float = 0.001
    margin: float = 0.7
    every: float = 0.02


@dataclass(frozen=True)
class SqueezeConfig:
    """How fingers close.

    Every flexion hinge is a servo whose target is a little beyond where it stands; abduction hinges, and the
    thumb's twist, are springs. Nothing oscillates with these figures, while a target 0.25 rad away moves the
    object by centimetres. On 41 captured and refined grasps: servos four times as stiff, or torques three times
    as large, change the share that is held six-way by less than its standard error (0.08); springs of
    5 N m/rad let fingers swing aside and hold 0.49 where 20 hold 0.59.

    Attributes:
        closing: how far beyond the present flexion the target lies [rad].
        stiffness: torque per angle of the servos [N m/rad].
        torques: bounds at the MCP, PIP and DIP joints of the fingers [N m].
        thumb: the thumb's bounds are so many times the fingers'.
        spring: stiffness of abduction and twist [N m/rad].
        damping: of every hinge [N m s/rad].
        armature: inertia added to every hinge [kg m²].
        settle: time that the hand squeezes without gravity before a trial begins [s].
        drag: how hard the object is to move meanwhile [N s/m], as if it lay on something: fingers that arrive
            one after another do not throw it.
        turning_drag: the same for turning it [N m s/rad].
        flesh_density: of the fingers [kg/m³].
        balance: fingers squeeze in concert; None: each joint flexes for itself.
    """

    closing: float = 0.05
    stiffness: float = 5.0
    torques: tuple[float, float, float] = (0.52, 0.30, 0.15)
    thumb: float = 2.0
    spring: float = 20.0
    damping: float = 0.02
    armature: float = 2e-4
    settle: float = 0.2
    drag: float = 20.0
    turning_drag: float = 0.1
    flesh_density: float = 1000.0
    balance: Balance | None = None


@dataclass(frozen=True)
class Hinge:
    """One degree of freedom.

    Attributes:
        joint: of 16, MANO's order.
        axis: (3,) through the joint, in the scene's frame as the hand stands.
        lower, upper: how far it may turn from where it stands [rad].
        torque: bound of the servo that flexes it [N m]; 0 for a spring.
    """

    joint: int
    axis: np.ndarray
    lower: float
    upper: float
    torque: float


@dataclass(frozen=True)
class ClosingHand:
    """A hand about to close; everything in one frame [m].

    Attributes:
        pieces: by joint of 16, the convex pieces that it carries; 0 is the palm, which stands still.
        joints: (16, 3).
        hinges: those of one joint in the order in which they turn, the outer first.
        config: stiffness and damping.
    """

    pieces: tuple[tuple[Piece, ...], ...]
    joints: np.ndarray
    hinges: tuple[Hinge, ...]
    config: SqueezeConfig = field(default_factory=SqueezeConfig)


@torch.no_grad()
def closing_hand(
    hand: Hand,
    params: HandParams,
    *,
    pieces: dict[str, Piece],
    rotation: np.ndarray,
    translation: np.ndarray,
    config: SqueezeConfig,
) -> ClosingHand:
    """The hinges of a posed hand, carried into another frame.

    Args:
        hand: the hand model, float64.
        params: one hand, no batch axis, float64.
        pieces: from `hand.hulls.hand_pieces`, already in the other frame.
        rotation, translation: (3, 3), (3,) from the world to that frame.
        config: torques and stiffness.
    """
    state = HandState.from_params(hand, params[None])
    pose = forward(hand, state)
    joints = pose.position[0].numpy() @ rotation.T + translation
    axes = np.einsum("ij,kja->kia", rotation, angle_axes(hand, pose)[0].numpy())
    angles, lower, upper = (t.numpy() for t in (state.angles[0], hand.anatomy.lower, hand.anatomy.upper))
    hinges = []
    for joint, angle, torque in _freedoms(config):
        row = joint - 1, angle
        below, above = min(lower[row] - angles[row], 0.0), max(upper[row] - angles[row], 0.0)
        if above - below > 1e-4:
            axis = axes[joint - 1][:, angle].round(9)
            hinges.append(Hinge(joint, axis, round(float(below), 9), round(float(above), 9), torque))
    carried = [[] for _ in range(16)]
    for name, piece in pieces.items():
        carried[PIECE_JOINTS[PIECE_NAMES.index(name)]].append(piece)
    return ClosingHand(tuple(map(tuple, carried)), joints.round(7), tuple(hinges), config)


def _freedoms(config: SqueezeConfig) -> list[tuple[int, int, float]]:
    """Joint, angle (0 flexion, 1 abduction, 2 twist) and torque of the 21 freedoms, outer first."""
    found = []
    for finger in FINGERS:
        strength = config.thumb if finger == "thumb" else 1.0
        for k, (joint, torque) in enumerate(zip(FINGER_JOINTS[finger], config.torques, strict=True)):
            found.append((joint, 0, strength * torque))
            sideways = {"thumb": ((1, 2), (1,), ())}.get(finger, ((1,), (), ()))[k]
            found += [(joint, angle, 0.0) for angle in sideways]
    return found
