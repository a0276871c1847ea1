"""What makes a grasp a good one, as a differentiable sum."""

from __future__ import annotations

import torch
from torch import Tensor

from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place
from handhold.interaction import energies
from handhold.methods.synthesize.optimize.aim import Aim
from handhold.methods.synthesize.optimize.config import OptimizeConfig
from handhold.methods.synthesize.optimize.fields import Fields
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
IDLE_GAP, TABLE_GAP = 0.006, 0.002
"""How far fingers that have nothing to do stay off the object, and all fingers off the table [m]."""
LITTLE = 0.02
"""Fingers whose angles close by less than the root of this keep their posture [rad²]."""
ALIKE = 0.15
"""Weight of neighbours' unlike bending against a finger's distance from its way."""


def energy(
    hand: Hand,
    watched: Watched,
    around: Fields,
    state: HandState,
    *,
    target: Tensor,
    aim: Aim,
    forces: Tensor,
    config: OptimizeConfig,
) -> Tensor:
    """The weighted sum of all terms, (B,).

    Args:
        hand: the hand.
        watched: its points.
        around: distances to the targets.
        state: B hands in the objects' frames.
        target: (B,) long, the target of each.
        aim: what is to touch.
        forces: (B, P) logarithms of the contact forces.
        config: the weights.
    """
    pose = forward(hand, state)
    world = place(pose, watched.of(len(state.wrist)))
    distance, gradient = around.surface(world, target)
    skin, balls, bones, forearm = (
        distance[:, s] for s in (watched.skin, watched.balls, watched.bones, watched.forearm)
    )
    patches = world[:, watched.patches]
    contact = distance[:, watched.patches].abs()
    wanted = contact + around.beyond_part(patches, contact, target)
    outward = (pose.rotation[:, watched.joints] @ watched.normals[..., None]).squeeze(-1)
    against = (outward * gradient[:, watched.patches]).sum(-1)
    height = around.above_table(world, target)
    terms = (
        (config.required, (wanted * aim.required).sum(-1)),
        (config.attraction, (wanted.clamp_max(FAR) * ~aim.idle).mean(-1)),
        (config.facing, ((1 + against) * aim.required).sum(-1)),
        (config.force_closure, closure(patches, -outward, wanted, forces)),
        (config.penetration, energies.penetration(skin)),
        (config.balls, energies.clearance(balls, watched.radii - YIELD)),
        (config.bones, energies.clearance(bones, BONE_CLEARANCE)),
        (config.idle, (aim.idle * (IDLE_GAP - distance[:, watched.patches]).clamp_min(0)).sum(-1)),
        (config.in_the_way, around.crowding(world[:, watched.skin], target).sum(-1)),
        (config.table, (TABLE_GAP - height[:, watched.skin]).clamp_min(0).sum(-1)),
        (
            config.self_penetration,
            energies.self_penetration(world[:, watched.bones], pairs=watched.pairs, gap=FINGER_GAP),
        ),
        (
            config.forearm,
            energies.clearance(torch.minimum(forearm, height[:, watched.forearm]), FOREARM_RADIUS),
        ),
        (config.posture, off_posture(state.angles, aim)),
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


def off_posture(angles: Tensor, aim: Aim) -> Tensor:
    """How far each finger is from the way on which its type closes, (B,) [rad²]: where on that way is free.

    Fingers that do not close stay near the posture; neighbours bend somewhat alike.

    Args:
        angles: (B, 15, 3) [rad].
        aim: the types' open postures and closings.
    """
    away, along = ((x.unflatten(1, (5, 3)).flatten(2)) for x in (angles - aim.open, aim.closing))
    share = (away * along).sum(-1, keepdim=True) / along.square().sum(-1, keepdim=True).clamp_min(LITTLE)
    index, middle, pinky, ring, _ = share.squeeze(-1).unbind(1)
    alike = (index - middle).square() + (middle - ring).square() + (ring - pinky).square()
    return (away - share * along).square().sum((-1, -2)) + ALIKE * alike
