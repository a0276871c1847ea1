"""The coupled solver: gravity on the surface and the hand's parameters in one damped Gauss-Newton step.

The paper moves free points X by gravity and ties them to the hand M(theta, beta) by a spring (eq. 5). Here X is
eliminated: each step places X = M + F, F the pull of the field, and solves for theta at once. The field's law
follows the signed distance s: a finger that is meant to touch and hovers is pulled along the shortest way with
a Gaussian weight, whatever is inside is pushed out, harder the deeper it lies, and bones stay a finger's half
thickness outside. A finger that a wall cuts is drawn back to the side of the wall that its knuckle is on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

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


@dataclass(frozen=True)
class _Points:
    """Everything that the solver watches, as one set of skinned points with the ranges of its parts."""

    all: SkinnedPoints
    surface: slice
    bones: slice
    keypoints: slice
    clearance: Tensor
    """How far each bone point must stay from the surface [m]."""
    fingers: tuple[Tensor, ...]
    """For each finger, indices into the surface part."""


def solve(rows: Rows, config: GravityConfig, *, start: HandState | None = None, acting: Tensor | None = None) -> HandState:
    """Refine all rows.

    Args:
        rows: hands and objects.
        config: settings.
        start: where to start from; the rows' own state by default.
        acting: (B, 5) bool, fingers that are meant to touch; by default those that nearly do.
    """
    points = _watched(rows, config)
    state = rows.state if start is None else start
    acting = acting_fingers(rows, config) if acting is None else acting
    for step in range(config.steps):
        sigma = config.sigma_coarse + (config.sigma_fine - config.sigma_coarse) * step / max(config.steps - 1, 1)
        pose = forward(rows.hand, state)
        hessian, gradient = _normal_equations(rows, config, pose, points, acting, sigma)
        move = damped_step(rows.hand, state, hessian, gradient, damping=config.damping, limit=config.largest_turn)
        state = state.moved(rows.hand, move)
    return state


def acting_fingers(rows: Rows, config: GravityConfig) -> Tensor:
    """Fingers near enough to the object to be meant to touch, (B, 5) bool."""
    surface = place(forward(rows.hand, rows.state), surface_points(rows.hand, rows.state.betas))
    distance = rows.distance(surface)[0]
    labels = rows.hand.finger_labels
    nearest = torch.stack([distance[:, labels == k + 1].amin(-1) for k in range(len(FINGERS))], -1)
    return nearest < config.reach


def _watched(rows: Rows, config: GravityConfig) -> _Points:
    hand, betas = rows.hand, rows.state.betas
    chosen = torch.arange(0, hand.template.shape[0] - 1, config.vertex_stride, device=hand.device)
    surface = surface_points(hand, betas)[chosen]
    fractions = torch.linspace(0, 1, config.bone_samples + 1)[1:] - 0.5 / config.bone_samples
    bones = bone_points(hand, betas, BONES, fractions)
    thickness = torch.cdist(bone_points(hand, betas[:1], BONES, fractions).rest[0], hand.rest(betas[:1])[0][0]).amin(-1)
    clearance = (thickness - config.bone_tissue).clamp(0.002, config.bone_clearance)
    keypoints = keypoint_points(hand, betas)
    n, m = len(chosen), len(chosen) + len(BONES) * config.bone_samples
    labels = hand.finger_labels[chosen]
    touching = hand.palmar[chosen]
    fingers = tuple(torch.nonzero((labels == k + 1) & touching).squeeze(-1) for k in range(len(FINGERS)))
    return _Points(
        SkinnedPoints.join([surface, bones, keypoints]), slice(0, n), slice(n, m), slice(m, m + 21), clearance, fingers
    )


def _normal_equations(
    rows: Rows, config: GravityConfig, pose: Pose, points: _Points, acting: Tensor, sigma: float
) -> tuple[Tensor, Tensor]:
    """J^T W J and J^T W r of all terms, residuals in millimetres."""
    hand = rows.hand
    world = place(pose, points.all)
    probed = slice(0, points.bones.stop)
    distance, normal = rows.distance(world[:, probed])
    distance = distance * MM

    residual = torch.zeros_like(distance)
    weight = torch.zeros_like(distance)
    surface, bones = points.surface, points.bones
    inside = (distance[:, surface] < 0).to(distance)
    depth = distance[:, surface].clamp_max(0)
    residual[:, surface] = distance[:, surface]
    weight[:, surface] = inside * config.penetration * (1 + (depth / config.soft_depth_mm) ** 2)
    weight[:, surface] += _gravity(config, distance[:, surface], points.fingers, acting, sigma)
    short = (distance[:, bones] - points.clearance * MM).clamp_max(0)
    residual[:, bones] = short
    weight[:, bones] = config.bones * (short < 0)
    if config.walls > 0:
        _draw_back(rows, config, world, points, residual, weight, normal)

    jacobian = directional_jacobian(hand, pose, points.all[probed], normal) * MM
    hessian, gradient = _accumulate(jacobian, residual, weight)
    kept, slope = _keep(rows, config, pose, points, world)
    hessian, gradient = hessian + kept, gradient + slope
    prior = torch.zeros_like(gradient)
    prior[:, 6:] = config.pose
    gradient[:, 6:] += config.pose * (pose.state.angles - rows.state.angles).flatten(1)
    return hessian + torch.diag_embed(prior), gradient


def _gravity(config: GravityConfig, distance: Tensor, fingers, acting: Tensor, sigma: float) -> Tensor:
    """Weights (B, n) of the pull: the nearest vertices of each acting finger that does not touch yet."""
    weight = torch.zeros_like(distance)
    if config.gravity == 0:
        return weight
    for k, own in enumerate(fingers):
        s = distance[:, own]
        nearest = s.topk(min(config.pulled, s.shape[1]), dim=-1, largest=False)
        hovering = acting[:, k] & (nearest.values[:, 0] > -config.press_mm)
        pull = config.gravity / config.pulled * torch.exp(-((nearest.values / (2 * sigma * MM)) ** 2))
        pull = pull * hovering[:, None] * (nearest.values > 0)
        weight[:, own] = weight[:, own].scatter(1, nearest.indices, pull)
    return weight


def _draw_back(rows: Rows, config: GravityConfig, world, points: _Points, residual, weight, normal) -> None:
    """Points of a finger beyond a wall are asked back to the side where the finger enters it, in place."""
    keypoints = world[:, points.keypoints]
    start, end = (torch.tensor(side) for side in zip(*BONES, strict=True))
    a, b = keypoints[:, start], keypoints[:, end]
    fraction, entry, outward = rows.crossings(a, b)
    crossed = fraction.isfinite()
    if not crossed.any():
        return
    into = ((b - a) * outward).sum(-1, keepdim=True)
    facing = torch.where(into > 0, -outward, outward)  # towards the side the bone comes from
    samples = config.bone_samples
    for k in range(len(FINGERS)):
        bones = slice(4 * k, 4 * k + 4)
        first = crossed[:, bones].to(torch.uint8).argmax(-1)
        hit = crossed[:, bones].any(-1)
        pick = first[:, None, None].expand(-1, 1, 3)
        wall = entry[:, bones].gather(1, pick)
        face = facing[:, bones].gather(1, pick)
        own = slice(points.bones.start + 4 * k * samples, points.bones.start + 4 * (k + 1) * samples)
        height = ((world[:, own] - wall) * face).sum(-1) * MM
        beyond_bone = torch.arange(4 * samples, device=height.device)[None] >= first[:, None] * samples
        short = (height - config.bone_clearance * MM).clamp_max(0)
        near = ((world[:, own] - wall).norm(dim=-1) * MM) < config.wall_reach_mm
        ask = hit[:, None] & beyond_bone & (short < 0) & near
        residual[:, own] = torch.where(ask, short, residual[:, own])
        weight[:, own] = torch.where(ask, torch.full_like(short, config.walls), weight[:, own])
        normal[:, own] = torch.where(ask[..., None], face.expand_as(normal[:, own]), normal[:, own])
    # skin of such fingers must not hold them on the wrong side
    labels = _surface_labels(rows, points)
    for k in range(len(FINGERS)):
        cut = crossed[:, 4 * k : 4 * k + 4].any(-1)
        weight[:, : points.surface.stop] *= torch.where(cut[:, None] & (labels == k + 1)[None], config.cut_skin, 1.0)


def _surface_labels(rows: Rows, points: _Points) -> Tensor:
    weights = points.all.weights[points.surface]
    from handhold.hand.labels import finger_labels

    return finger_labels(weights)


def _keep(rows: Rows, config: GravityConfig, pose: Pose, points: _Points, world: Tensor) -> tuple[Tensor, Tensor]:
    """Stay near the observed keypoints."""
    observed = rows.observed
    seen = (~observed.isnan().any(-1)).to(world)
    residual = (world[:, points.keypoints] - observed.nan_to_num()) * MM
    hessian, gradient = 0, 0
    for axis in torch.eye(3, dtype=world.dtype, device=world.device):
        jacobian = directional_jacobian(rows.hand, pose, points.all[points.keypoints], axis.expand_as(residual)) * MM
        h, g = _accumulate(jacobian, (residual * axis).sum(-1), config.keep * seen)
        hessian, gradient = hessian + h, gradient + g
    return hessian, gradient


def _accumulate(jacobian: Tensor, residual: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    weighted = jacobian * weight[..., None]
    return weighted.mT @ jacobian, (weighted * residual[..., None]).sum(1)
