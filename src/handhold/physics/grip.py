"""A coordinated squeeze: the joint torques that press an object from all sides at once, and push it nowhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handhold.optional import require
from handhold.physics.fingers import SqueezeConfig
from handhold.physics.world import Contacts, World

RAYS = 4
"""Edges of the pyramid that stands for a friction cone."""
BALANCE = 30.0
"""Weight of a newton left over [1/N], against a joint's share of its strength; nothing is left over in practice."""
ARM = 0.05
"""[m] A torque left over counts as a force at this distance."""
SPRINGS = 1.0
"""Weight of a torque that a spring (abduction, twist) has to take up [1/(N m)]."""
TOUCH = 0.0005
"""[m] Fingers that have settled no further from the object touch it."""
RISE = 4 / 3
"""The squeeze has its full strength after three quarters of the time; it rises with the square of time."""


@dataclass(frozen=True)
class Touching:
    """Where hand and object touch, or nearly.

    Attributes:
        bodies: (C,) the hand's body.
        points: (C, 3) [m].
        frames: (C, 3, 3) rows: the normal that points into the object, and two tangents.
    """

    bodies: np.ndarray
    points: np.ndarray
    frames: np.ndarray


def squeeze_in_concert(world: World, config: SqueezeConfig, contacts: Contacts) -> None:
    """Let the fingers squeeze without gravity: gently until all have arrived, at last with what they do touch.

    Args:
        world: a hand that closes, and an object.
        config: with a `balance`.
        contacts: friction and time step of the world.
    """
    way = config.balance
    assert way is not None
    steps = round(config.settle / contacts.timestep)
    often = max(1, round(way.every / contacts.timestep))
    for step in range(0, steps + 1, often):
        last = step + often > steps
        effort = way.effort * min(1.0, RISE * (step + often) / steps) ** 2
        touch = touching(world, reach=TOUCH if last else way.reach)
        torques = balanced_torques(world, touch, effort=effort, friction=way.margin * contacts.friction)
        world.pull(torques, stiffness=config.stiffness, closing=config.closing)
        if not last:
            world.run(gravity=(0.0, 0.0, 0.0), steps=often)


def touching(world: World, *, reach: float) -> Touching:
    """Pairs of pieces that overlap, or are no more than `reach` apart [m]; nothing is changed."""
    mujoco = require("mujoco", extra="physics")
    model, data = world.model, world.data
    margin, gap = model.geom_margin.copy(), model.geom_gap.copy()
    model.geom_margin[:] = model.geom_gap[:] = reach
    mujoco.mj_fwdPosition(model, data)
    contact = data.contact
    first, second = model.geom_bodyid[contact.geom].T
    into = np.where(second == world.object, 1.0, -1.0)
    found = Touching(
        np.where(second == world.object, first, second),
        contact.pos.copy(),
        into[:, None, None] * contact.frame.reshape(-1, 3, 3),
    )
    model.geom_margin[:], model.geom_gap[:] = margin, gap
    return found


def balanced_torques(world: World, touch: Touching, *, effort: float, friction: float) -> np.ndarray:
    """Torques of all hinges that come nearest to flexing with a share of their strength, and leave the object still.

    Contact forces within their friction cones are sought by non-negative least squares, so that their forces and
    torques on the object cancel, springs bear little, and joints flex as strongly as they should: internal forces
    in the sense of Kerr and Roth, Analysis of multifingered hands, IJRR 4(4), 1986. The palm bears what comes.

    Args:
        world: a hand that closes, and an object.
        touch: where they touch.
        effort: share of each joint's greatest torque that it should exert.
        friction: of the cones; less than the true friction leaves a margin.

    Returns:
        (H,) in the order of the hand's hinges [N m]; zeros if nothing touches.
    """
    from scipy.optimize import nnls

    model = world.model
    bounds = np.zeros(model.nv - 6)
    bounds[model.jnt_dofadr[model.actuator_trnid[:, 0]] - 6] = model.actuator_forcerange[:, 1]
    if not len(touch.bodies):
        return np.zeros_like(bounds)
    forces = _cones(touch.frames, friction)
    arms = touch.points - world.place
    wrench = np.concatenate((forces, np.cross(arms[:, None], forces) / ARM), -1).reshape(-1, 6).T
    torque = np.einsum("cij,cki->jck", _jacobians(world, touch), forces).reshape(len(bounds), -1)
    drives = bounds > 0
    weight = np.where(drives, 1 / np.where(drives, bounds, 1.0), SPRINGS)
    rows = np.concatenate((torque * weight[:, None], BALANCE * wrench))
    wanted = np.concatenate((effort * drives, np.zeros(6)))
    strengths, _ = nnls(rows, wanted, maxiter=20 * rows.shape[1])
    return torque @ strengths


def _cones(frames: np.ndarray, friction: float) -> np.ndarray:
    """(C, RAYS, 3) forces on the object with a normal part of one."""
    angle = 2 * np.pi * np.arange(RAYS) / RAYS
    local = np.stack((np.ones(RAYS), friction * np.cos(angle), friction * np.sin(angle)), 1)
    return np.einsum("ka,cai->cki", local, frames)


def _jacobians(world: World, touch: Touching) -> np.ndarray:
    """(C, 3, H) how each point of the hand moves with the hinges."""
    mujoco = require("mujoco", extra="physics")
    whole = np.zeros((len(touch.bodies), 3, world.model.nv))
    for jacobian, point, body in zip(whole, touch.points, touch.bodies, strict=True):
        mujoco.mj_jac(world.model, world.data, jacobian, None, point, int(body))
    return whole[:, :, 6:]
