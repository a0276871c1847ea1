"""The classical refiner: a sum of energies brought down by Adam.

The form of FGS-Net's contact optimization, E = l_h E_h + l_d E_d with
E_d = w_dis E_dis + w_pen E_pen + w_prior E_prior + w_spen E_spen (its equation 12), and of DexGraspNet,
which adds E_joints. Two things differ, both in its favour: the points that should touch are those of fingers
that come near the object, and bones can be kept clear of the surface. Hands end with the same soft tissue as
gravity's do, so that the two may be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import roma
import torch
from torch import Tensor

from handhold.errors import demand
from handhold.geometry.grid_distance import GridDistance
from handhold.hand import BONES, FINGERS
from handhold.hand.kinematics import (
    HandState,
    SkinnedPoints,
    bone_points,
    forward,
    keypoint_points,
    place,
    surface_points,
)
from handhold.interaction import energies
from handhold.interaction.grasp import Grasp
from handhold.interaction.rows import Rows
from handhold.interaction.soft_contact import SoftContactConfig, yield_to


@dataclass(frozen=True)
class EnergyConfig:
    """Settings of `refine_energy`. A weight of zero takes its term away.

    Attributes:
        steps: Adam steps.
        learning_rate: of angles and of the whole hand's rotation [rad a step].
        wrist_rate: of the wrist [m a step].
        last_rate: both rates fall to this part of themselves, along a cosine.
        attraction: w_dis, weight of E_dis [1/m].
        penetration: w_pen, weight of E_pen [1/m].
        self_penetration: w_spen, weight of E_spen [1/m].
        limits: weight of E_joints [1/rad]; whatever it leaves is clamped at the end.
        pose: w_prior, weight of the angles' squared change [1/rad²].
        keep: l_h, weight of the keypoints' squared distance to the observed ones [1/m²].
        bones: weight of the bones' clearance [1/m].
        reach: fingers nearer than this in the input should touch [m].
        contacts: how many points of each such finger should touch.
        bone_clearance: what bones keep from the surface [m].
        bone_samples: points on each bone.
        finger_gap: what the axes of two fingers keep from each other [m].
        vertex_stride: every so many-th vertex is watched.
        samples: starts per grasp; the first is the input, the others are noised; the one of least energy is
            kept (FGS-Net does so for the object's pose).
        noise_angles, noise_wrist: spread of the noised starts [rad, m].
        field: signed distance while minimizing; "grid" is three times as fast as "exact" and as good.
        soft: soft tissue, on the exact distance; None for none.
    """

    steps: int = 150
    learning_rate: float = 0.04
    wrist_rate: float = 0.002
    last_rate: float = 0.02
    attraction: float = 10.0
    penetration: float = 100.0
    self_penetration: float = 10.0
    limits: float = 10.0
    pose: float = 0.5
    keep: float = 1000.0
    bones: float = 100.0
    reach: float = 0.015
    contacts: int = 8
    bone_clearance: float = 0.006
    bone_samples: int = 6
    finger_gap: float = 0.012
    vertex_stride: int = 2
    samples: int = 1
    noise_angles: float = 0.15
    noise_wrist: float = 0.004
    field: Literal["grid", "exact"] = "grid"
    soft: SoftContactConfig | None = SoftContactConfig()

    def __post_init__(self) -> None:
        for name in ("steps", "contacts", "bone_samples", "vertex_stride", "samples"):
            value = getattr(self, name)
            demand(
                self, name, "a whole number of at least 1", value, holds=isinstance(value, int) and value >= 1
            )
        for name in ("learning_rate", "wrist_rate"):
            demand(
                self, name, "a positive number", getattr(self, name), holds=0 < getattr(self, name) < math.inf
            )
        weights = ("attraction", "penetration", "self_penetration", "limits", "pose", "keep", "bones")
        for name in (*weights, "reach", "bone_clearance", "finger_gap", "noise_angles", "noise_wrist"):
            demand(self, name, "zero or more", getattr(self, name), holds=0 <= getattr(self, name) < math.inf)
        demand(self, "last_rate", "between 0 and 1", self.last_rate, holds=0 <= self.last_rate <= 1)
        demand(self, "field", "grid or exact", self.field, holds=self.field in ("grid", "exact"))


def refine_energy(
    grasps: list[Grasp],
    *,
    config: EnergyConfig = EnergyConfig(),
    generator: torch.Generator | None = None,
) -> list[Grasp]:
    """Refine grasps and motions that share one hand model; the frames of a motion each by itself.

    Args:
        grasps: hands with their observed keypoints (without, the hands' own) and objects.
        config: settings.
        generator: source of randomness, asked only if there are several samples; without one, torch's own.

    Returns:
        As many grasps, with refined parameters and soft-tissue offsets, in the world frame.

    Raises:
        InputError: no grasps, or different hand models.
    """
    rows = Rows.from_grasps(grasps)
    state, least = minimize(rows, config)
    for _ in range(1, config.samples):
        other, its = minimize(rows, config, start=_noised(rows, config, generator))
        state, least = other.where(its < least, state), torch.minimum(its, least)
    offsets = None
    if config.soft is not None:
        skin = place(forward(rows.hand, state), surface_points(rows.hand, state.betas))
        offsets = yield_to(rows, skin, config=config.soft)
    return rows.to_grasps(grasps, state, offsets)


def minimize(rows: Rows, config: EnergyConfig, *, start: HandState | None = None) -> tuple[HandState, Tensor]:
    """Bring the energy of all rows down by Adam.

    Args:
        rows: hands and objects.
        config: settings.
        start: where to start from; the rows' own state by default.

    Returns:
        Hands with angles within their limits, and their energies (B,).
    """
    watched = _watch(rows, config)
    distance = _distance_to(rows, config)
    start = rows.state if start is None else start
    turn, wrist, angles = (start.wrist.new_zeros(len(rows), n, requires_grad=True) for n in (3, 3, 45))
    optimizer = torch.optim.Adam(
        [
            {"params": [turn, angles], "lr": config.learning_rate},
            {"params": [wrist], "lr": config.wrist_rate},
        ]
    )
    fall = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda done: _rate(done / config.steps, config.last_rate)
    )
    with torch.enable_grad():
        for _ in range(config.steps):
            optimizer.zero_grad()
            energy(rows, config, watched, distance, _moved(start, turn, wrist, angles)).sum().backward()
            optimizer.step()
            fall.step()
    with torch.no_grad():
        found = _moved(start, turn, wrist, angles)
        found = replace(
            found, angles=rows.hand.anatomy.clamp(found.angles)
        )  # the penalty alone leaves a little
        return found, energy(rows, config, watched, distance, found)


def _noised(rows: Rows, config: EnergyConfig, generator: torch.Generator | None) -> HandState:
    state = rows.state
    noise = torch.randn(
        len(rows), 48, generator=generator, device=state.wrist.device, dtype=state.wrist.dtype
    )
    angles = state.angles + config.noise_angles * noise[:, 3:].unflatten(-1, (15, 3))
    return replace(
        state, wrist=state.wrist + config.noise_wrist * noise[:, :3], angles=rows.hand.anatomy.clamp(angles)
    )


def _rate(done: float, last: float) -> float:
    return last + (1 - last) * 0.5 * (1 + math.cos(math.pi * done))


def _moved(state: HandState, turn: Tensor, wrist: Tensor, angles: Tensor) -> HandState:
    return replace(
        state,
        rotation=roma.rotvec_to_rotmat(turn) @ state.rotation,
        wrist=state.wrist + wrist,
        angles=state.angles + angles.unflatten(-1, (15, 3)),
    )


def _distance_to(rows: Rows, config: EnergyConfig) -> Callable[[Tensor], Tensor]:
    """Signed distance (B, N) of points (B, N, 3) to each row's object, differentiable."""
    if config.field == "grid":
        grids = GridDistance.stack([o.grid() for o in rows.objects]).to(rows.hand.device, rows.hand.dtype)
        return lambda points: grids.query(points, rows.index)[0]

    def query(points: Tensor) -> Tensor:
        distance, normal = rows.distance(points.detach())
        return distance + ((points - points.detach()) * normal).sum(-1)

    return query


@dataclass(frozen=True)
class _Watched:
    """What the energies are taken of: skinned points in one set, and which of the surface should touch."""

    points: SkinnedPoints
    surface: slice
    bones: slice
    keypoints: slice
    contacts: Tensor
    pairs: Tensor


def _watch(rows: Rows, config: EnergyConfig) -> _Watched:
    hand, betas = rows.hand, rows.state.betas
    chosen = torch.arange(0, len(hand.template), config.vertex_stride, device=hand.device)
    surface = surface_points(hand, betas)[chosen]
    fractions = (torch.arange(config.bone_samples) + 0.5) / config.bone_samples
    bones = bone_points(hand, betas, BONES, fractions)
    first, second = len(chosen), len(chosen) + len(BONES) * config.bone_samples
    return _Watched(
        points=SkinnedPoints.join([surface, bones, keypoint_points(hand, betas)]),
        surface=slice(0, first),
        bones=slice(first, second),
        keypoints=slice(second, second + 21),
        contacts=_contacts(rows, config, surface, chosen),
        pairs=_finger_pairs(config.bone_samples).to(hand.device),
    )


def _contacts(rows: Rows, config: EnergyConfig, surface: SkinnedPoints, chosen: Tensor) -> Tensor:
    """The nearest palmar points of each finger that comes within reach, (B, N) bool."""
    hand = rows.hand
    distance = rows.distance(place(forward(hand, rows.state), surface))[0]
    contacts = torch.zeros_like(distance, dtype=torch.bool)
    for k in range(len(FINGERS)):
        own = torch.nonzero((hand.finger_labels[chosen] == k + 1) & hand.palmar[chosen]).squeeze(-1)
        nearest = distance[:, own].topk(min(config.contacts, len(own)), dim=-1, largest=False)
        near = nearest.values[:, :1] < config.reach
        contacts.scatter_(1, own[nearest.indices], near.expand_as(nearest.indices))
    return contacts


def _finger_pairs(samples: int) -> Tensor:
    """Pairs (P, 2) of bone points on different fingers, every other one; metacarpals have no part in it."""
    points = [(k // 4, k * samples + i) for k in range(len(BONES)) if k % 4 for i in range(0, samples, 2)]
    return torch.tensor([(i, j) for (one, i), (other, j) in combinations(points, 2) if one != other])


def energy(
    rows: Rows,
    config: EnergyConfig,
    watched: _Watched,
    distance: Callable[[Tensor], Tensor],
    state: HandState,
) -> Tensor:
    """The weighted sum of the energies, (B,)."""
    limits = rows.hand.anatomy
    world = place(forward(rows.hand, state), watched.points)
    signed = distance(world[:, : watched.bones.stop])
    surface, bones = signed[:, watched.surface], signed[:, watched.bones]
    terms = (
        (config.attraction, lambda: energies.attraction(surface.clamp_min(0), watched.contacts)),
        (config.penetration, lambda: energies.penetration(surface)),
        (config.bones, lambda: energies.clearance(bones, config.bone_clearance)),
        (
            config.self_penetration,
            lambda: energies.self_penetration(
                world[:, watched.bones], pairs=watched.pairs, gap=config.finger_gap
            ),
        ),
        (config.limits, lambda: energies.beyond_limits(state.angles, limits.lower, limits.upper)),
        (config.pose, lambda: energies.pose_prior(state.angles, rows.state.angles)),
        (config.keep, lambda: energies.kept_keypoints(world[:, watched.keypoints], rows.observed)),
    )
    return torch.stack([weight * term() for weight, term in terms if weight > 0]).sum(0)
