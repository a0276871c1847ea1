"""What makes a grasp a good one, as a differentiable sum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from handhold.geometry.grid_distance import GridDistance
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place
from handhold.interaction import energies
from handhold.methods.synthesize.optimize.config import OptimizeConfig
from handhold.methods.synthesize.optimize.watched import Watched

YIELD = 0.0012
"""How far a ball may reach into the object, as flesh would [m]."""
BONE_CLEARANCE = 0.003
FINGER_GAP = 0.0135
FOREARM_RADIUS = 0.028
FAR = 0.020
"""Contact points further away than this are drawn no more [m]."""
TOUCH = 0.006
"""A contact point bears force in so far as it is nearer than about this [m]."""
ARM = 0.03
"""Torques are divided by this, so that they count as forces do [m]."""
DIP_PER_PIP = 0.5
"""How much the last joint bends with the middle one: half way between free and the 2/3 of Rijpkema and Girard,
Computer animation of knowledge-based human grasping (SIGGRAPH 1991), which pads pressed flat fall short of."""


@dataclass(frozen=True)
class Aim:
    """Which patches are to touch: (B, P) weights, at most one patch a finger."""

    required: Tensor

    def select(self, rows: Tensor) -> Aim:
        """Some of the rows."""
        return Aim(self.required[rows])


def energy(
    hand: Hand,
    watched: Watched,
    grid: GridDistance,
    state: HandState,
    *,
    aim: Aim,
    forces: Tensor,
    preshape: Tensor,
    config: OptimizeConfig,
) -> Tensor:
    """The weighted sum of all terms, (B,).

    Args:
        hand: the hand.
        watched: its points.
        grid: distance to the object.
        state: B hands in the object's frame.
        aim: what is to touch.
        forces: (B, P) logarithms of the contact forces.
        preshape: (B, 15, 3) angles that thumb and spread of the fingers should keep near to [rad].
        config: the weights.
    """
    pose = forward(hand, state)
    world = place(pose, watched.of(len(state.wrist)))
    distance, gradient = grid.query(world)
    skin, balls, bones = (distance[:, s] for s in (watched.skin, watched.balls, watched.bones))
    contact = distance[:, watched.patches].abs()
    outward = (pose.rotation[:, watched.joints] @ watched.normals[..., None]).squeeze(-1)
    against = (outward * gradient[:, watched.patches]).sum(-1)
    wrench = closure(world[:, watched.patches], -outward, distance[:, watched.patches], forces)
    terms = (
        (config.required, (contact * aim.required).sum(-1)),
        (config.attraction, contact.clamp_max(FAR).mean(-1)),
        (config.facing, ((1 + against) * aim.required).sum(-1)),
        (config.force_closure, wrench),
        (config.penetration, energies.penetration(skin)),
        (config.balls, energies.clearance(balls, watched.radii - YIELD)),
        (config.bones, energies.clearance(bones, BONE_CLEARANCE)),
        (
            config.self_penetration,
            energies.self_penetration(world[:, watched.bones], pairs=watched.pairs, gap=FINGER_GAP),
        ),
        (config.forearm, energies.clearance(distance[:, watched.forearm], FOREARM_RADIUS)),
        (config.coupling, coupling(state.angles, preshape)),
    )
    return torch.stack([weight * term for weight, term in terms if weight > 0]).sum(0)


def closure(points: Tensor, push: Tensor, distance: Tensor, forces: Tensor) -> Tensor:
    """E_fc: how much force and torque remain when contacts push along their normals, with the best forces found.

    DexGraspNet's ||G c|| with forces that are learned along with the hand (non-negative, of sum one) instead of
    equal ones; contacts bear force by how near they are.

    Args:
        points: (B, P, 3) contact points [m].
        push: (B, P, 3) unit directions in which the hand pushes.
        distance: (B, P) to the surface [m].
        forces: (B, P) logarithms of the forces.

    Returns:
        (B,) squared, no unit.
    """
    share = torch.softmax(forces.clamp(-4, 4) - (distance / TOUCH).square().clamp_max(12), -1)
    force = (share[..., None] * push).sum(1)
    arm = points - (share[..., None] * points).sum(1, keepdim=True)
    torque = (share[..., None] * torch.linalg.cross(arm, push)).sum(1) / ARM
    return force.square().sum(-1) + torque.square().sum(-1)


def coupling(angles: Tensor, preshape: Tensor) -> Tensor:
    """How far angles are from going together, (B,) [rad²]: last joints bend with the middle ones, fingers with
    their neighbours; the thumb and the fingers' spread stay near a preshape."""
    index, middle, pinky, ring, thumb = angles.unflatten(1, (5, 3)).unbind(1)
    fingers = torch.stack((index, middle, ring, pinky), 1)
    last = (fingers[:, :, 2, 0] - DIP_PER_PIP * fingers[:, :, 1, 0]).square().sum(-1)
    alike = (fingers[:, 1:, :2, 0] - fingers[:, :-1, :2, 0]).square().sum((-1, -2))
    spread = (fingers[:, :, 0, 1]).square().sum(-1)
    kept = (thumb - preshape[:, 12:]).square().sum((-1, -2))
    return 0.3 * last + 0.3 * alike + spread + 0.3 * kept
