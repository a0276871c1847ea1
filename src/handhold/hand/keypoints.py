"""Keypoints to hand: 21 points to pose, shape and placement within joint limits."""

from __future__ import annotations

from dataclasses import dataclass

import roma
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand.kinematics import (
    DOFS,
    HandState,
    Pose,
    damped_step,
    directional_jacobian,
    forward,
    keypoint_points,
    keypoint_shape_jacobian,
    place,
)
from handhold.hand.model import Hand, HandParams

PALM = (0, 1, 4, 7, 10)
"""Wrist and knuckles without the thumb, MANO's order: they hardly move against each other."""
FEWEST = 6
"""Keypoints without which a hand cannot be placed."""


@dataclass(frozen=True)
class FitConfig:
    """Settings of `fit_hand`.

    Attributes:
        keypoint_sd: how far keypoints are trusted [m].
        angle_sd: how far joints are expected from `rest_flexion` [rad]; decides only what keypoints leave open.
        rest_flexion: flexion of a resting finger's joints [rad].
        steps: Gauss-Newton steps.
        damping: added to the normal equations.
        shape: whether to fit the shape; otherwise the mean hand is used.
    """

    keypoint_sd: float = 0.004
    angle_sd: float = 1.0
    rest_flexion: float = 0.3
    steps: int = 15
    damping: float = 1.0
    shape: bool = True

    def __post_init__(self) -> None:
        for name in ("keypoint_sd", "angle_sd", "steps", "damping"):
            if not getattr(self, name) > 0:
                raise InputError("must be positive", where=f"FitConfig.{name}", got=getattr(self, name))


@dataclass(frozen=True)
class HandFit:
    """Result of `fit_hand`.

    Attributes:
        params: hand parameters with the keypoints' leading axes.
        error: (*,) mean distance of the given keypoints to the fitted ones [m].
    """

    params: HandParams
    error: Tensor


def fit_hand(
    hand: Hand, keypoints: Tensor, *, config: FitConfig = FitConfig(), sequence: bool = False
) -> HandFit:
    """Fit a hand to 21 keypoints by damped Gauss-Newton with exact Jacobians, joint limits kept.

    Args:
        hand: the hand model; its side must be the keypoints'.
        keypoints: (*, 21, 3) in MANO's order [m]; NaN where missing.
        config: settings.
        sequence: the last leading axis is time: one shape for all its frames.

    Raises:
        InputError: wrong shape, infinite values, or fewer than six keypoints.
    """
    _check(keypoints)
    batch = keypoints.shape[:-2]
    points = keypoints.reshape(-1, 21, 3).to(hand.template)
    state, error = _solve(hand, points, _initial(hand, points, config), config, shape=config.shape)
    if sequence and config.shape:
        shared = state.betas.unflatten(0, batch).mean(-2, keepdim=True).expand(*batch, -1).flatten(0, -2)
        state = HandState(state.rotation, state.wrist, state.angles, shared)
        state, error = _solve(hand, points, state, config, shape=False)
    params = state.params(hand).map(lambda t: t.unflatten(0, batch) if batch else t[0])
    return HandFit(params, error.reshape(batch))


def _check(keypoints: Tensor) -> None:
    if keypoints.ndim < 2 or keypoints.shape[-2:] != (21, 3):
        raise InputError("wrong shape", where="keypoints", expected="(*, 21, 3)", got=tuple(keypoints.shape))
    if keypoints.isinf().any():
        raise InputError(
            "infinite values", where="keypoints", expected="finite numbers, or NaN where missing"
        )
    fewest = int((~keypoints.isnan().any(-1)).sum(-1).min()) if keypoints.numel() else 0
    if fewest < FEWEST:
        raise InputError(
            "too few keypoints to place a hand",
            where="keypoints",
            expected=f"at least {FEWEST} of 21",
            got=fewest,
        )


def _initial(hand: Hand, points: Tensor, config: FitConfig) -> HandState:
    """Half-closed hands put onto the palm's keypoints, or onto all where the palm has fewer than three."""
    count = len(points)
    angles = torch.zeros(count, 15, 3, dtype=points.dtype, device=points.device)
    angles[..., 0] = config.rest_flexion
    eye = torch.eye(3, dtype=points.dtype, device=points.device).expand(count, 3, 3)
    betas = points.new_zeros(count, hand.shapes)
    state = HandState(eye, points.new_zeros(count, 3), hand.anatomy.clamp(angles), betas)
    model = place(forward(hand, state), keypoint_points(hand, betas))
    seen = ~points.isnan().any(-1)
    palm = torch.zeros_like(seen)
    palm[:, list(PALM)] = True
    weight = torch.where(((seen & palm).sum(-1) >= 3)[:, None], seen & palm, seen).to(points)
    target = points.nan_to_num()
    rotation: Tensor
    rotation, shift = roma.rigid_points_registration(model, target, weights=weight)  # pyright: ignore
    return HandState(rotation, (rotation @ model[:, 0, :, None]).squeeze(-1) + shift, state.angles, betas)


def _solve(
    hand: Hand, points: Tensor, state: HandState, config: FitConfig, *, shape: bool
) -> tuple[HandState, Tensor]:
    """Levenberg-Marquardt: a step that does not lower the cost is undone and damped more."""
    seen = (~points.isnan().any(-1)).to(points)
    target = points.nan_to_num()
    damping = points.new_full((len(points), 1), config.damping)
    pose = forward(hand, state)
    cost, distance = _cost(hand, pose, target, seen, config)
    for _ in range(config.steps):
        hessian, gradient = _normal_equations(hand, pose, target, seen, config, shape=shape)
        step = damped_step(hand, state, hessian, gradient, damping=damping, limit=0.6)
        trial = state.moved(hand, step[:, :DOFS])
        if shape:
            trial = HandState(
                trial.rotation, trial.wrist, trial.angles, (trial.betas + step[:, DOFS:]).clamp(-3, 3)
            )
        trial_pose = forward(hand, trial)
        trial_cost, trial_distance = _cost(hand, trial_pose, target, seen, config)
        better = trial_cost < cost
        state = trial.where(better, state)
        pose = forward(hand, state)
        cost, distance = torch.where(better, trial_cost, cost), torch.where(better, trial_distance, distance)
        damping = torch.where(better[:, None], damping * 0.3, damping * 5).clamp(1e-3, 1e6)
    return state, distance


def _cost(hand: Hand, pose: Pose, target: Tensor, seen: Tensor, config: FitConfig) -> tuple[Tensor, Tensor]:
    """Sum of squares (B,) and mean keypoint distance (B,) [m]."""
    residual = place(pose, keypoint_points(hand, pose.state.betas)) - target
    data = (seen[..., None] * (residual / config.keypoint_sd) ** 2).sum((-1, -2))
    prior = ((pose.state.angles - _rest(pose.state.angles, config)) / config.angle_sd).square().sum((-1, -2))
    distance = (residual.norm(dim=-1) * seen).sum(-1) / seen.sum(-1)
    return data + prior + pose.state.betas.square().sum(-1), distance


def _rest(angles: Tensor, config: FitConfig) -> Tensor:
    return angles.new_tensor([config.rest_flexion, 0.0, 0.0]).expand_as(angles)


def _normal_equations(
    hand: Hand, pose: Pose, target: Tensor, seen: Tensor, config: FitConfig, *, shape: bool
) -> tuple[Tensor, Tensor]:
    state = pose.state
    points = keypoint_points(hand, state.betas)
    residual = (place(pose, points) - target) / config.keypoint_sd
    axes = torch.eye(3, dtype=target.dtype, device=target.device)
    rows = [
        directional_jacobian(hand, pose, points, axis.expand_as(residual)) / config.keypoint_sd
        for axis in axes
    ]
    jacobian = torch.stack(rows, 2)  # (B, 21, 3, 51)
    if shape:
        jacobian = torch.cat((jacobian, keypoint_shape_jacobian(hand, pose) / config.keypoint_sd), -1)
    jacobian = (jacobian * seen[..., None, None]).flatten(1, 2)
    hessian = jacobian.mT @ jacobian
    gradient = (jacobian * residual.flatten(1)[..., None]).sum(1)
    diagonal = torch.zeros_like(gradient)
    diagonal[:, 6:DOFS] = config.angle_sd**-2
    diagonal[:, DOFS:] = 1.0
    gradient[:, 6:DOFS] += ((state.angles - _rest(state.angles, config)) / config.angle_sd**2).flatten(1)
    if shape:
        gradient[:, DOFS:] += state.betas
    return hessian + torch.diag_embed(diagonal), gradient
