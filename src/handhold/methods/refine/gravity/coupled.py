"""The coupled solver: gravity on the surface and the hand's parameters in one damped Gauss-Newton step.

The paper moves free points X by gravity and ties them to the hand M(theta, beta) by a spring (GravityDB, eq. 5).
Here X is eliminated: each step places X = M + F, F the pull of the field, and solves for theta at once. The
field's law follows the signed distance s: a finger that is meant to touch and hovers is pulled along the shortest
way with a Gaussian weight exp(-(s / 2 sigma)^2), sigma annealed from coarse to fine; whatever is inside is pushed
out, harder the deeper it lies; points within bones keep the flesh around them out of the object.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from handhold.hand import Hand
from handhold.hand.kinematics import (
    HandState,
    Pose,
    SkinnedPoints,
    bone_points,
    damped_step,
    directional_jacobian,
    forward,
    keypoint_points,
    place,
    surface_points,
)
from handhold.hand.skeleton import BONES, FINGERS
from handhold.interaction.rows import Rows
from handhold.methods.refine.gravity.config import GravityConfig

MM = 1e3
"""Residuals are in millimetres, so that weights are of order one."""
FAR = 0.016
"""Points that are certainly further from the surface than this have no part in any term [m]."""
CLEARANCE = (0.002, 0.015)
"""Bounds of a bone point's clearance [m]: the tip's last point, and the middle of the palm."""


@dataclass(frozen=True)
class _Watched:
    """What the solver watches: surface, bone points and keypoints as one set of skinned points.

    Attributes:
        all: the points.
        surface, bones, keypoints: ranges of the three parts.
        clearance: (n,) how far each bone point must stay from the surface [m].
        fingers: for each finger, indices of its palmar vertices in the surface part.
    """

    all: SkinnedPoints
    surface: slice
    bones: slice
    keypoints: slice
    clearance: Tensor
    fingers: tuple[Tensor, ...]


@dataclass(frozen=True)
class _Probed:
    """Where points were when their signed distance was asked for, and the answer."""

    points: Tensor
    distance: Tensor
    normal: Tensor


def solve_coupled(
    rows: Rows, config: GravityConfig, *, start: HandState | None = None, acting: Tensor | None = None
) -> HandState:
    """Refine all rows.

    Args:
        rows: hands and objects.
        config: settings.
        start: where to start from; the rows' own state by default.
        acting: (B, 5) bool, fingers that are meant to touch; by default those that nearly do.
    """
    watched = _watch(rows, config)
    state = rows.state if start is None else start
    acting = acting_fingers(rows, reach=config.reach) if acting is None else acting
    probed = None
    for step in range(config.steps):
        fine = step / max(config.steps - 1, 1)
        sigma = config.sigma_coarse + (config.sigma_fine - config.sigma_coarse) * fine
        pose = forward(rows.hand, state)
        world = place(pose, watched.all)
        probed = _probe(rows, world[:, : watched.bones.stop], probed)
        residual, weight = _field(config, probed.distance * MM, watched, acting, sigma)
        hessian, gradient = _normal_equations(rows, config, pose, watched, world, probed.normal, residual, weight)
        move = damped_step(rows.hand, state, hessian, gradient, damping=config.damping, limit=config.largest_turn)
        state = state.moved(rows.hand, move)
    return state


def acting_fingers(rows: Rows, *, reach: float) -> Tensor:
    """Fingers near enough to the object to be meant to touch, (B, 5) bool, thumb to pinky."""
    surface = place(forward(rows.hand, rows.state), surface_points(rows.hand, rows.state.betas))
    distance = rows.distance(surface)[0]
    labels = rows.hand.finger_labels
    nearest = torch.stack([distance[:, labels == k + 1].amin(-1) for k in range(len(FINGERS))], -1)
    return nearest < reach


def _watch(rows: Rows, config: GravityConfig) -> _Watched:
    hand, betas = rows.hand, rows.state.betas
    chosen = torch.arange(0, len(hand.template) - 1, config.vertex_stride, device=hand.device)
    surface = surface_points(hand, betas)[chosen]
    bones, clearance = flesh_points(hand, betas, tissue=config.bone_tissue, samples=config.bone_samples)
    n, m = len(chosen), len(chosen) + bones.rest.shape[1]
    labels, palmar = hand.finger_labels[chosen], hand.palmar[chosen]
    return _Watched(
        all=SkinnedPoints.join([surface, bones, keypoint_points(hand, betas)]),
        surface=slice(0, n),
        bones=slice(n, m),
        keypoints=slice(m, m + 21),
        clearance=clearance,
        fingers=tuple(torch.nonzero((labels == k + 1) & palmar).squeeze(-1) for k in range(len(FINGERS))),
    )


def flesh_points(
    hand: Hand, betas: Tensor, *, tissue: float = 0.0, samples: int = 6
) -> tuple[SkinnedPoints, Tensor]:
    """Points within the bones, and how thick the flesh around them is less what may yield, (n,) [m]."""
    fractions = (torch.arange(samples) + 0.5) / samples
    mean = bone_points(hand, hand.zeros(1).betas, BONES, fractions).rest[0]
    thickness = torch.cdist(mean, hand.template).amin(-1)
    return bone_points(hand, betas, BONES, fractions), (thickness - tissue).clamp(*CLEARANCE)


def _probe(rows: Rows, points: Tensor, last: _Probed | None) -> _Probed:
    """Signed distances of points (B, N, 3); those that cannot have come near since are not asked for again."""
    if last is None:
        return _Probed(points, *rows.distance(points))
    least = last.distance - (points - last.points).norm(dim=-1)
    index = torch.nonzero(least < FAR, as_tuple=True)
    distance, normal = rows.distance_at(points[index], index[0])
    return _Probed(
        last.points.index_put(index, points[index]),
        last.distance.index_put(index, distance),
        last.normal.index_put(index, normal),
    )


def _field(
    config: GravityConfig, distance: Tensor, watched: _Watched, acting: Tensor, sigma: float
) -> tuple[Tensor, Tensor]:
    """Residuals [mm] and weights (B, N) of the field on surface and bone points at distances (B, N) [mm]."""
    skin, bones = distance[:, watched.surface], distance[:, watched.bones]
    depth = skin.clamp_max(0) / (config.soft_depth * MM)
    push = config.penetration * (1 + depth**2) * (skin < 0)
    pull = _pull(config, skin, watched.fingers, acting, sigma)
    short = (bones - watched.clearance * MM).clamp_max(0)
    return torch.cat((skin, short), 1), torch.cat((push + pull, config.bones * (short < 0)), 1)


def _pull(config: GravityConfig, distance: Tensor, fingers, acting: Tensor, sigma: float) -> Tensor:
    """Weights (B, n) of gravity: the nearest vertices of each acting finger that does not press yet."""
    weight = torch.zeros_like(distance)
    for k, own in enumerate(fingers):
        nearest = distance[:, own].topk(min(config.pulled, len(own)), dim=-1, largest=False)
        hovering = acting[:, k] & (nearest.values[:, 0] > -config.press * MM)
        law = torch.exp(-((nearest.values / (2 * sigma * MM)) ** 2)) * (nearest.values > 0)
        pull = config.gravity / config.pulled * law * hovering[:, None]
        weight[:, own] = weight[:, own].scatter(1, nearest.indices, pull)
    return weight


def _normal_equations(
    rows: Rows, config: GravityConfig, pose: Pose, watched: _Watched, world, normal, residual, weight
) -> tuple[Tensor, Tensor]:
    """J^T W J and J^T W r of field, keypoints and pose."""
    moving = slice(0, watched.bones.stop)
    jacobian = directional_jacobian(rows.hand, pose, watched.all[moving], normal) * MM
    hessian, gradient = _accumulate(jacobian, residual, weight)
    seen = (~rows.observed.isnan().any(-1)).to(world)
    missed = (world[:, watched.keypoints] - rows.observed.nan_to_num()) * MM
    for axis in torch.eye(3, dtype=world.dtype, device=world.device):
        points = watched.all[watched.keypoints]
        jacobian = directional_jacobian(rows.hand, pose, points, axis.expand_as(missed)) * MM
        h, g = _accumulate(jacobian, (missed * axis).sum(-1), config.keep * seen)
        hessian, gradient = hessian + h, gradient + g
    prior = torch.zeros_like(gradient)
    prior[:, 6:] = config.pose
    gradient[:, 6:] += config.pose * (pose.state.angles - rows.state.angles).flatten(1)
    return hessian + torch.diag_embed(prior), gradient


def _accumulate(jacobian: Tensor, residual: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    weighted = jacobian * weight[..., None]
    return weighted.mT @ jacobian, (weighted * residual[..., None]).sum(1)
