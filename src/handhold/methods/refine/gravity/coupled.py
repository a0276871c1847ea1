"""The coupled solver: gravity on the surface and the hand's parameters in one damped Gauss-Newton step.

The paper moves free points X by gravity and ties them to the hand M(theta, beta) by a spring (GravityDB, eq. 5).
Here X is eliminated: each step places X = M + F, F the pull of the field, and solves for theta at once. The
field's law follows the signed distance s: a finger that is meant to touch and hovers is pulled along the shortest
way with a Gaussian weight exp(-(s / 2 sigma)^2), sigma annealed from coarse to fine; whatever is inside is pushed
out, harder the deeper it lies; points within bones keep the flesh around them out of the object. Where contact
regions are known, skin is drawn to the nearest point of the object's region, as far as the hand's mask says. Masks
that come with the grasp say more: skin and object's region are drawn over one another, from further away, and the
keypoints have less to say (`Aim.given`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from handhold.hand.kinematics import (
    HandState,
    Pose,
    SkinnedPoints,
    damped_step,
    directional_jacobian,
    forward,
    keypoint_points,
    place,
    surface_points,
)
from handhold.hand.skeleton import FINGERS
from handhold.interaction.contact import ContactRegions, contact_regions
from handhold.interaction.flesh import CLEARANCE, behind_walls, bone_of_skin, flesh_points, flesh_thickness
from handhold.interaction.grasp import Contact
from handhold.interaction.rows import Rows
from handhold.methods.refine.gravity.config import GravityConfig

MM = 1e3
"""Residuals are in millimetres, so that weights are of order one."""
FAR = 0.016
"""Points that are certainly further from the surface than this have no part in any term [m]."""
ACTING = 0.3
"""A finger acts where a mask that is given has so much weight on some of its skin."""
GIVEN = 2
"""So many times as far masks that are given reach at first, and so many times as many steps they take."""
TOGETHER = 32
"""Of so many rows at a time all distances between skin and region are held."""
COVER = 0.02
"""Points of a region that is wider than the hand draw skin so far [m]."""
SPACING_MM = 3.0
"""About how far points of a contact region lie apart."""


@dataclass(frozen=True)
class _Watched:
    """What the solver watches: surface, bone points and keypoints as one set of skinned points.

    Attributes:
        all: the points.
        chosen: (n,) the vertices watched.
        surface, bones, keypoints: ranges of the three parts.
        clearance: how far each bone point must stay from the surface [m].
        bone_of: (n,) the bone point that each vertex belongs to.
        fingers: for each finger, indices of its palmar vertices in the surface part.
    """

    all: SkinnedPoints
    chosen: Tensor
    surface: slice
    bones: slice
    keypoints: slice
    clearance: Tensor
    bone_of: Tensor
    fingers: tuple[Tensor, ...]


@dataclass(frozen=True)
class _Probed:
    """Where points were when their signed distance was asked for, and the answer."""

    points: Tensor
    distance: Tensor
    normal: Tensor


@dataclass(frozen=True)
class Aim:
    """What is meant to touch.

    Attributes:
        fingers: (B, 5) bool, thumb to pinky.
        regions: contact regions, or None: any part of the object.
        given: whether the regions are known, and not told from where the hand is: then they say more of where it
            belongs than its keypoints do.
    """

    fingers: Tensor
    regions: ContactRegions | None = None
    given: bool = False

    def select(self, rows: Tensor) -> Aim:
        """Some of the rows."""
        return replace(
            self,
            fingers=self.fingers[rows],
            regions=None if self.regions is None else self.regions.select(rows),
        )


def solve_coupled(
    rows: Rows, config: GravityConfig, *, aim: Aim, start: HandState | None = None
) -> HandState:
    """Refine all rows.

    Args:
        rows: hands and objects.
        config: settings.
        aim: what is meant to touch.
        start: where to start from; the rows' own state by default.
    """
    watched = _watch(rows, config)
    if aim.given:
        config = replace(
            config,
            keep=config.keep * config.trust,
            steps=GIVEN * config.steps,
            sigma_coarse=GIVEN * config.sigma_coarse,
        )
    state = rows.state if start is None else start
    probed = None
    for step in range(config.steps):
        fine = step / max(config.steps - 1, 1)
        sigma = config.sigma_coarse + (config.sigma_fine - config.sigma_coarse) * fine
        pose = forward(rows.hand, state)
        world = place(pose, watched.all)
        probed = _probe(rows, world[:, : watched.bones.stop], probed)
        felt = _feel_walls(rows, watched, world, probed) if config.walls else probed
        pulls = _pulls(rows, watched, world[:, watched.surface], felt, aim)
        residual, direction, weight = _field(config, watched, felt, pulls, aim, sigma)
        hessian, gradient = _normal_equations(rows, config, pose, watched, world, direction, residual, weight)
        move = damped_step(
            rows.hand, state, hessian, gradient, damping=config.damping, limit=config.largest_turn
        )
        state = state.moved(rows.hand, move)
    return state


def aim_at(rows: Rows, config: GravityConfig, *, given: Sequence[Contact | None] | None = None) -> Aim:
    """What is meant to touch: the masks given, else what geometry tells (`config.contact`).

    Args:
        rows: hands and objects.
        config: settings.
        given: known contact masks, one for each row.
    """
    labels = rows.hand.finger_labels
    known = given is not None and any(contact is not None for contact in given)
    if not known and config.contact == "reach":
        surface = place(forward(rows.hand, rows.state), surface_points(rows.hand, rows.state.betas))
        near = rows.near_distance(surface[:, ::2], config.reach)[0] < config.reach
        return Aim(torch.stack([near[:, labels[::2] == k + 1].any(-1) for k in range(len(FINGERS))], -1))
    source = "nearest" if config.contact == "reach" else config.contact
    regions = contact_regions(rows, source=source, given=given, reach=config.reach)
    meant = torch.stack([regions.hand[:, labels == k + 1].amax(-1) for k in range(len(FINGERS))], -1)
    return Aim(meant > (ACTING if known else 0), regions, given=known)


def _watch(rows: Rows, config: GravityConfig) -> _Watched:
    hand, betas = rows.hand, rows.state.betas
    chosen = torch.arange(0, len(hand.template) - 1, config.vertex_stride, device=hand.device)
    surface = surface_points(hand, betas)[chosen]
    bones = flesh_points(hand, betas)
    n, m = len(chosen), len(chosen) + bones.rest.shape[1]
    labels, palmar = hand.finger_labels[chosen], hand.palmar[chosen]
    return _Watched(
        all=SkinnedPoints.join([surface, bones, keypoint_points(hand, betas)]),
        chosen=chosen,
        surface=slice(0, n),
        bones=slice(n, m),
        keypoints=slice(m, m + 21),
        clearance=(flesh_thickness(hand) - config.bone_tissue).clamp(*CLEARANCE),
        bone_of=bone_of_skin(hand)[chosen],
        fingers=tuple(torch.nonzero((labels == k + 1) & palmar).squeeze(-1) for k in range(len(FINGERS))),
    )


def _probe(rows: Rows, points: Tensor, last: _Probed | None) -> _Probed:
    """Signed distances of points (B, N, 3); those that cannot have come near since are not asked for again."""
    if last is None:
        last = _Probed(points, rows.box_distance(points), torch.zeros_like(points))
    least = last.distance - (points - last.points).norm(dim=-1)
    index = torch.nonzero(least < FAR, as_tuple=True)
    distance, normal = rows.distance_at(points[index], index[0])
    return _Probed(
        last.points.index_put(index, points[index]),
        last.distance.index_put(index, distance),
        last.normal.index_put(index, normal),
    )


def _feel_walls(rows: Rows, watched: _Watched, world: Tensor, probed: _Probed) -> _Probed:
    """Skin beyond a thin wall counts as inside, as deep as it lies behind the wall's near face."""
    skin, flesh = world[:, watched.surface], world[:, watched.bones][:, watched.bone_of]
    distance, gradient = probed.distance[:, watched.surface], probed.normal[:, watched.surface]
    index, beyond, normal = behind_walls(rows, skin, flesh, distance, gradient)
    return _Probed(
        probed.points, probed.distance.index_put(index, -beyond), probed.normal.index_put(index, normal)
    )


@dataclass(frozen=True)
class _Pulls:
    """Where each watched vertex is drawn to: gap (B, n) [mm], direction away from it (B, n, 3), weight (B, n)."""

    gap: Tensor
    direction: Tensor
    weight: Tensor


def _pulls(rows: Rows, watched: _Watched, skin: Tensor, probed: _Probed, aim: Aim) -> _Pulls:
    """To the surface the shortest way; with contact regions, to the nearest point of the object's region, and with
    given ones also to those points of the region that are nearest to each: hand and object regions come to cover
    one another."""
    surface, regions = watched.surface, aim.regions
    distance, normal = probed.distance[:, surface] * MM, probed.normal[:, surface]
    if regions is None:
        return _Pulls(distance, normal, torch.ones_like(distance))
    few = [
        _targets(skin[own], watched.chosen, regions.select(own), given=aim.given)
        for own in torch.arange(len(skin), device=skin.device).split(TOGETHER)
    ]
    target, weight = (torch.cat(part) for part in zip(*few, strict=True))
    away = skin - target
    gap = away.norm(dim=-1) * MM
    direction = away / away.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    if not aim.given:
        over = gap < distance + SPACING_MM  # above the region itself the surface is what counts
        gap, direction = torch.where(over, distance, gap), torch.where(over[..., None], normal, direction)
    return _Pulls(gap, direction, weight * (gap > 0))


def _targets(skin: Tensor, chosen: Tensor, regions: ContactRegions, *, given: bool) -> tuple[Tensor, Tensor]:
    """What skin (B, n, 3) of some vertices (n,) is drawn to, (B, n, 3), and how much, (B, n): nothing where the object
    has no region."""
    core = regions.object > 0.5 * regions.object.amax(-1, keepdim=True).clamp_min(1e-6)
    between = torch.cdist(skin, regions.points)
    nearest = (between + torch.where(core, 0.0, torch.inf)[:, None]).min(-1)
    target = regions.points.gather(1, nearest.indices[..., None].expand(-1, -1, 3))
    weight = regions.hand[:, chosen] * regions.object.gather(1, nearest.indices)
    weight = weight.where(nearest.values.isfinite(), 0.0)
    return _covered(target, weight, between, regions, core) if given else (target, weight)


def _covered(
    target: Tensor, weight: Tensor, between: Tensor, regions: ContactRegions, core: Tensor
) -> tuple[Tensor, Tensor]:
    """Targets (B, n, 3) and weights (B, n) of skin, with those points of the object's region (B, N) whose nearest
    acting skin each is: the region has as many votes as the skin."""
    acting = weight > ACTING * weight.amax(-1, keepdim=True).clamp_min(1e-6)
    near = (between + torch.where(acting, 0.0, torch.inf)[:, :, None]).min(1)
    finder = near.indices  # (B, N) skin of each point
    votes = core.to(weight) * regions.object * torch.exp(-((near.values / COVER) ** 2))
    votes = votes * (acting.sum(-1) / core.sum(-1).clamp_min(1))[:, None]
    total = torch.zeros_like(weight).scatter_add(1, finder, votes)
    asked = votes[..., None] * regions.points
    sums = torch.zeros_like(target).scatter_add(1, finder[..., None].expand(-1, -1, 3), asked)
    whole = weight + total
    mixed = (weight[..., None] * target + sums) / whole[..., None].clamp_min(1e-9)
    return torch.where(whole[..., None] > 0, mixed, target), whole


def _field(
    config: GravityConfig, watched: _Watched, probed: _Probed, pulls: _Pulls, aim: Aim, sigma: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Residuals (B, N) [mm], their directions (B, N, 3) and weights (B, N) on surface and bone points."""
    distance = probed.distance * MM
    skin, bones = distance[:, watched.surface], distance[:, watched.bones]
    depth = skin.clamp_max(0) / (config.soft_depth * MM)
    inside = skin < 0
    push = config.penetration * (1 + depth**2) * inside
    if aim.given:  # all skin that is meant to touch
        law = torch.exp(-((pulls.gap / (2 * sigma * MM)) ** 2)) * pulls.weight
        pull = config.gravity / config.pulled * law * (skin > -config.press * MM)
    else:
        pull = _pull(config, watched, skin, pulls, aim.fingers, sigma)
    short = (bones - watched.clearance * MM).clamp_max(0)
    residual = torch.cat((torch.where(inside, skin, pulls.gap), short), 1)
    out = torch.where(inside[..., None], probed.normal[:, watched.surface], pulls.direction)
    direction = torch.cat((out, probed.normal[:, watched.bones]), 1)
    return residual, direction, torch.cat((push + pull, config.bones * (short < 0)), 1)


def _pull(
    config: GravityConfig, watched: _Watched, skin: Tensor, pulls: _Pulls, fingers: Tensor, sigma: float
) -> Tensor:
    """Weights (B, n) of gravity: the nearest vertices of each finger that is meant to touch and does not press yet."""
    weight = torch.zeros_like(skin)
    for k, own in enumerate(watched.fingers):
        nearest = pulls.gap[:, own].topk(min(config.pulled, len(own)), dim=-1, largest=False)
        hovering = fingers[:, k] & (skin[:, own].amin(-1) > -config.press * MM)
        law = torch.exp(-((nearest.values / (2 * sigma * MM)) ** 2)) * (nearest.values > 0)
        law = law * pulls.weight[:, own].gather(1, nearest.indices)
        pull = config.gravity / config.pulled * law * hovering[:, None]
        weight[:, own] = weight[:, own].scatter(1, nearest.indices, pull)
    return weight


def _normal_equations(
    rows: Rows, config: GravityConfig, pose: Pose, watched: _Watched, world, direction, residual, weight
) -> tuple[Tensor, Tensor]:
    """J^T W J and J^T W r of field, keypoints and pose."""
    moving = slice(0, watched.bones.stop)
    jacobian = directional_jacobian(rows.hand, pose, watched.all[moving], direction) * MM
    hessian, gradient = _accumulate(jacobian, residual, weight)
    seen = (~rows.observed.isnan().any(-1)).to(world)
    missed = (world[:, watched.keypoints] - rows.observed.nan_to_num()) * MM
    points = watched.all[watched.keypoints]
    axes = (
        torch.eye(3, dtype=world.dtype, device=world.device)
        .repeat_interleave(21, 0)
        .expand(len(world), -1, -1)
    )
    jacobian = directional_jacobian(rows.hand, pose, SkinnedPoints.join([points] * 3), axes) * MM
    kept, slope = _accumulate(jacobian, missed.mT.flatten(1), config.keep * seen.repeat(1, 3))
    hessian, gradient = hessian + kept, gradient + slope
    prior = torch.zeros_like(gradient)
    prior[:, 6:] = config.pose
    gradient[:, 6:] += config.pose * (pose.state.angles - rows.state.angles).flatten(1)
    return hessian + torch.diag_embed(prior), gradient


def _accumulate(jacobian: Tensor, residual: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    weighted = jacobian * weight[..., None]
    return weighted.mT @ jacobian, (weighted * residual[..., None]).sum(1)
