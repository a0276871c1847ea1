"""Hand vertices to hand parameters, for surfaces that have the model's own topology."""

from __future__ import annotations

import roma
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.keypoints import HandFit, fit_hand
from handhold.hand.kinematics import (
    DOFS,
    HandState,
    Pose,
    damped_step,
    directional_jacobian,
    forward,
    keypoint_shape_jacobian,
    place,
    surface_points,
)

STEPS = 12
VERTEX_SD, SHAPE_SD, ANGLE_SD = 0.001, 3.0, 3.0
"""Trust in a vertex [m], in the mean shape, and in the flat hand [rad]; the last two settle what is open."""
LIKELY_CAP = 1
"""A model's mesh is closed at the wrist by this many last vertices, which other tools' surfaces lack."""


def fit_vertices(hand: Hand, vertices: Tensor, *, sequence: bool = False) -> HandFit:
    """Fit a hand to vertices of its own topology by damped Gauss-Newton, joint limits kept.

    Args:
        hand: the hand model.
        vertices: (*, V, 3) [m], in the model's order; the vertex that closes the wrist may be left out.
        sequence: the last leading axis is time: one shape for all its frames.

    Returns:
        Parameters, and the mean distance of the fitted vertices to the given ones (*,) [m].

    Raises:
        InputError: another number of vertices, or values that are not finite.
    """
    _check(hand, vertices)
    batch = vertices.shape[:-2]
    target = vertices.reshape(-1, *vertices.shape[-2:]).to(hand.template)
    keypoints = registered_keypoints(hand, target)
    params = fit_hand(
        hand, keypoints.unflatten(0, batch) if batch else keypoints[0], sequence=sequence
    ).params
    state = HandState.from_params(
        hand, params.map(lambda t: t.flatten(0, len(batch) - 1) if batch else t[None])
    )
    state, error = _solve(hand, target, state, shape=True)
    if sequence and batch:
        betas = state.betas.unflatten(0, batch).mean(-2, keepdim=True).expand(*batch, -1).flatten(0, -2)
        state = HandState(state.rotation, state.wrist, state.angles, betas)
        state, error = _solve(hand, target, state, shape=False)
    fitted = state.params(hand).map(lambda t: t.unflatten(0, batch) if batch else t[0])
    return HandFit(fitted, error.reshape(batch))


def registered_keypoints(hand: Hand, vertices: Tensor) -> Tensor:
    """The 21 keypoints (B, 21, 3), MANO's order, of surfaces (B, V, 3): joints move as their vertices do."""
    count = vertices.shape[1]
    weights = hand.skin_weights[:count].T.square()  # vertices that a joint owns alone decide
    rest = hand.template[:count].expand(len(vertices), -1, -1)
    joints = []
    for joint in range(16):
        own = weights[joint].expand(len(rest), -1)
        rotation, shift = roma.rigid_points_registration(rest, vertices, weights=own)  # pyright: ignore
        joints.append((rotation @ hand.joint_template[joint]) + shift)  # pyright: ignore
    return torch.cat((torch.stack(joints, 1), vertices[:, hand.tip_vertices]), 1)


def _check(hand: Hand, vertices: Tensor) -> None:
    count = len(hand.template)
    if vertices.ndim < 2 or vertices.shape[-1] != 3 or vertices.shape[-2] not in (count, count - LIKELY_CAP):
        raise InputError(
            f"the vertices are not those of the {hand.name} hand",
            where="vertices",
            expected=f"{count} of them, or {count - LIKELY_CAP} without the one that closes the wrist",
            got=tuple(vertices.shape),
            remedy="Give keypoints or params instead.",
        )
    if not vertices.isfinite().all():
        raise InputError("not finite", where="vertices", expected="finite numbers")


def _solve(hand: Hand, target: Tensor, state: HandState, *, shape: bool) -> tuple[HandState, Tensor]:
    """Levenberg-Marquardt: a step that does not bring the vertices nearer is undone and damped more."""
    damping = target.new_full((len(target), 1), 1.0)
    pose = forward(hand, state)
    cost, error = _cost(hand, pose, target)
    for _ in range(STEPS):
        hessian, gradient = _normal_equations(hand, pose, target, shape=shape)
        step = damped_step(hand, state, hessian, gradient, damping=damping, limit=0.6)
        trial = state.moved(hand, step[:, :DOFS])
        if shape:
            betas = (trial.betas + step[:, DOFS:]).clamp(-5, 5)
            trial = HandState(trial.rotation, trial.wrist, trial.angles, betas)
        trial_pose = forward(hand, trial)
        trial_cost, trial_error = _cost(hand, trial_pose, target)
        better = trial_cost < cost
        state = trial.where(better, state)
        pose = forward(hand, state)
        cost, error = torch.where(better, trial_cost, cost), torch.where(better, trial_error, error)
        damping = torch.where(better[:, None], damping * 0.3, damping * 5).clamp(1e-3, 1e6)
    return state, error


def _cost(hand: Hand, pose: Pose, target: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of squares (B,) and mean vertex distance (B,) [m]."""
    residual = _residual(hand, pose, target)
    prior = (pose.state.angles / ANGLE_SD).square().sum((-1, -2)) + (
        pose.state.betas / SHAPE_SD
    ).square().sum(-1)
    return (residual / VERTEX_SD).square().sum((-1, -2)) + prior, residual.norm(dim=-1).mean(-1)


def _residual(hand: Hand, pose: Pose, target: Tensor) -> Tensor:
    return place(pose, surface_points(hand, pose.state.betas))[:, : target.shape[1]] - target


def _normal_equations(hand: Hand, pose: Pose, target: Tensor, *, shape: bool) -> tuple[Tensor, Tensor]:
    """J^T J and J^T r, axis by axis: all three at once would be the largest tensor of the house."""
    points = surface_points(hand, pose.state.betas)[: target.shape[1]]
    residual = _residual(hand, pose, target) / VERTEX_SD
    turned = _vertex_shape_jacobian(hand, pose, target.shape[1]) / VERTEX_SD if shape else None
    parts = []
    for axis in range(3):
        direction = torch.eye(3, dtype=target.dtype, device=target.device)[axis].expand_as(residual)
        jacobian = directional_jacobian(hand, pose, points, direction) / VERTEX_SD
        if turned is not None:
            jacobian = torch.cat((jacobian, turned[:, :, axis]), -1)
        parts.append((jacobian.mT @ jacobian, (jacobian * residual[..., axis, None]).sum(1)))
    hessian, gradient = (torch.stack(kind).sum(0) for kind in zip(*parts, strict=True))
    diagonal = torch.zeros_like(gradient)
    diagonal[:, 6:DOFS] = ANGLE_SD**-2
    diagonal[:, DOFS:] = SHAPE_SD**-2
    unknowns = torch.cat(
        (gradient.new_zeros(len(gradient), 6), pose.state.angles.flatten(1), pose.state.betas), -1
    )
    return hessian + torch.diag_embed(diagonal), gradient + diagonal * unknowns[:, : gradient.shape[1]]


def _vertex_shape_jacobian(hand: Hand, pose: Pose, count: int) -> Tensor:
    """Derivative of the vertices with respect to the shape, wrist held, (B, V, 3, S)."""
    joints = keypoint_shape_jacobian(hand, pose)[:, :16]
    offsets = joints - pose.rotation @ hand.joint_directions
    weights = hand.skin_weights[:count]
    blended = torch.einsum("vk,bkij->bvij", weights, pose.rotation)
    return blended @ hand.shape_directions[:count] + torch.einsum("vk,bkis->bvis", weights, offsets)
