"""A hand from a CHOIR: damped Gauss-Newton on the distances of basis points to the hand's anchors.

The paper (Morales et al., section 3.3.a) descends the same loss with Adam (`published.py`). Here an
anchor's distances act on it through 3 numbers and a 3 x 3 matrix, so a step costs little more than 32 points do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import roma
import torch
from torch import Tensor

from handhold.hand import Hand
from handhold.hand.kinematics import (
    DOFS,
    HandState,
    Pose,
    SkinnedPoints,
    damped_step,
    directional_jacobian,
    forward,
    keypoint_shape_jacobian,
    place,
    surface_points,
)
from handhold.interaction.choir.basis import ANCHORS, ChoirConfig
from handhold.interaction.choir.config import ChoirFitConfig
from handhold.interaction.choir.encode import Choir
from handhold.interaction.choir.field import Field, find_anchors, read_field

DEFAULT_FIT = ChoirFitConfig()
COARSE = 0.002
"""How far distances are trusted in the first third of the steps [m]."""
LARGEST_SHAPE = 3.0
"""Shape coefficients are kept within so many standard deviations."""


@dataclass(frozen=True)
class ChoirFit:
    """Hands fitted to CHOIRs.

    Attributes:
        state: B hands in the frames of their objects.
        residual: (B,) root mean square difference between the field's distances and the hand's [m].
    """

    state: HandState
    residual: Tensor


@torch.no_grad()
def fit_choir(
    hand: Hand,
    choir: Choir,
    *,
    choir_config: ChoirConfig,
    start: HandState | None = None,
    config: ChoirFitConfig = DEFAULT_FIT,
) -> ChoirFit:
    """Fit hands to the distance fields of CHOIRs, joint limits kept.

    Args:
        hand: the hand model that the CHOIRs are of.
        choir: B of them; contacts are not used.
        choir_config: what they were made with.
        start: where to start from, and what shapes and joints are held to; None: half-closed hands put where the
            distances say that the anchors are.
        config: settings.

    Raises:
        InputError: distances of another number of basis points, or not finite.
    """
    field = read_field(choir, choir_config)
    skeleton = anchor_hand(hand)
    state = start if start is not None else start_hands(hand, field, config)
    rest = state
    damping = field.target.new_full((len(choir), 1), config.damping)
    pose, squares, prior = _judge(skeleton, field, state, rest, config)
    for step in range(config.steps):
        trust = _trust(field, config, step)
        hessian, gradient = _normal_equations(skeleton, field, pose, rest, config, trust)
        move = damped_step(skeleton, state, hessian, gradient, damping=damping, limit=config.largest_turn)
        trial = state.moved(skeleton, move[:, :DOFS])
        if config.shape:
            trial = replace(trial, betas=(trial.betas + move[:, DOFS:]).clamp(-LARGEST_SHAPE, LARGEST_SHAPE))
        new_pose, new_squares, new_prior = _judge(skeleton, field, trial, rest, config)
        better = trust * new_squares + new_prior < trust * squares + prior
        state = trial.where(better, state)
        pose = _choose(better, new_pose, pose, state)
        squares, prior = torch.where(better, new_squares, squares), torch.where(better, new_prior, prior)
        damping = torch.where(better[:, None], damping * 0.3, damping * 5).clamp(1e-4, 1e8)
    return ChoirFit(state, field.residual(place(pose, surface_points(skeleton, state.betas))))


def anchor_hand(hand: Hand) -> Hand:
    """The hand with nothing but its 32 anchors for skin."""
    own = hand.anchors.vertices
    return replace(
        hand,
        template=hand.template[own],
        shape_directions=hand.shape_directions[own],
        pose_directions=None,
        skin_weights=hand.skin_weights[own],
        tip_vertices=torch.arange(ANCHORS, device=hand.device),
    )


def start_hands(
    hand: Hand, field: Field, config: ChoirFitConfig, *, betas: Tensor | None = None
) -> HandState:
    """Half-closed hands, of shapes (B, S) or mean ones, their palms on the palm's anchors that distances tell of."""
    skeleton, count = anchor_hand(hand), len(field.target)
    angles = field.target.new_zeros(count, 15, 3)
    angles[..., 0] = config.rest_flexion
    eye = torch.eye(3).to(field.target).expand(count, 3, 3)
    betas = field.target.new_zeros(count, hand.shapes) if betas is None else betas
    state = HandState(eye, field.target.new_zeros(count, 3), hand.anatomy.clamp(angles), betas)
    model = place(forward(skeleton, state), surface_points(skeleton, betas))
    target = find_anchors(field)
    palm = (hand.anchors.joints == 0).to(target) + 0.1  # fingers decide little: they may be bent
    rotation, shift = roma.rigid_points_registration(model, target, weights=palm.expand(count, -1))  # pyright: ignore
    return replace(state, rotation=rotation, wrist=shift)


def _trust(field: Field, config: ChoirFitConfig, step: int) -> float:
    """Weight of a squared difference [1/m2]: at first little, so that fingers find their way before they settle.

    An anchor counts as one place known to `distance_sd`, however many basis points tell of it.
    """
    sd = max(config.distance_sd, COARSE) if step < config.steps // 3 else config.distance_sd
    return ANCHORS / float(field.weight.sum()) / sd**2


def _judge(
    hand: Hand, field: Field, state: HandState, rest: HandState, config: ChoirFitConfig
) -> tuple[Pose, Tensor, Tensor]:
    """The pose of a state, its sum of squared differences (B,) [m2], and what its posture and shape cost (B,)."""
    pose = forward(hand, state)
    squares = field.squares(place(pose, surface_points(hand, state.betas)))
    bend = ((state.angles - rest.angles) / config.angle_sd).square().sum((-1, -2))
    return pose, squares, bend + state.betas.square().sum(-1)


def _normal_equations(
    hand: Hand, field: Field, pose: Pose, rest: HandState, config: ChoirFitConfig, trust: float
) -> tuple[Tensor, Tensor]:
    """J^T W J (B, D, D) and J^T W r (B, D); the shape, where it is free, comes last."""
    state = pose.state
    points = surface_points(hand, state.betas)
    slope, curvature = field.pulls(place(pose, points))
    axes = torch.eye(3).to(slope).repeat_interleave(ANCHORS, 0).expand(len(slope), -1, -1)
    jacobian = directional_jacobian(hand, pose, SkinnedPoints.join([points] * 3), axes)
    jacobian = jacobian.unflatten(1, (3, ANCHORS)).transpose(1, 2)  # (B, 32, 3, 51)
    if config.shape:
        jacobian = torch.cat((jacobian, keypoint_shape_jacobian(hand, pose)[:, 16:]), -1)
    flat = jacobian.flatten(1, 2)
    hessian = flat.mT @ (curvature @ jacobian).flatten(1, 2) * trust
    gradient = (flat * slope.flatten(1)[..., None]).sum(1) * trust
    prior = torch.zeros_like(gradient)
    prior[:, 6:DOFS] = config.angle_sd**-2
    prior[:, DOFS:] = 1.0
    gradient[:, 6:DOFS] += ((state.angles - rest.angles) / config.angle_sd**2).flatten(1)
    if config.shape:
        gradient[:, DOFS:] += state.betas
    return hessian + torch.diag_embed(prior), gradient


def _choose(better: Tensor, one: Pose, other: Pose, state: HandState) -> Pose:
    def pick(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(better.view(-1, *[1] * (a.ndim - 1)), a, b)

    rotation, position = pick(one.rotation, other.rotation), pick(one.position, other.position)
    return Pose(state, rotation, position, pick(one.affine, other.affine))
