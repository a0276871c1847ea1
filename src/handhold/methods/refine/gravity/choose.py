"""Several tries at a grasp, and which of them is best by exact measure."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from handhold.hand.kinematics import DOFS, HandState, forward, keypoint_points, place, surface_points
from handhold.hand.skeleton import BONES, FINGER_JOINTS, FINGERS
from handhold.interaction.flesh import THIN, behind_walls, bone_of_skin, flesh_points
from handhold.interaction.measures import CONTACT_MM
from handhold.interaction.rows import Rows
from handhold.methods.refine.gravity.config import GravityConfig
from handhold.methods.refine.gravity.coupled import Aim, solve_coupled

TISSUE_MM = 4.0
"""Skin deeper than this is more than soft tissue can mend."""
FILLED = 2
"""A finger with so many of the watched vertices too deep is worth another try."""
SKIN_M = 0.0003
"""Where soft tissue leaves a tip that was inside [m]."""


def best_of_starts(
    rows: Rows, config: GravityConfig, *, aim: Aim, generator: torch.Generator | None = None
) -> HandState:
    """Solve from the input, then from noised inputs (`config.samples`), then reopen fingers that are cut."""
    state = solve_coupled(rows, config, aim=aim)
    tries = config.samples - 1
    best = cost(rows, state) if tries else torch.zeros(len(rows))
    for _ in range(tries):
        device = None if generator is None else generator.device
        noise = torch.randn(len(rows), DOFS, generator=generator, device=device).to(rows.state.wrist)
        scale = noise.new_tensor(
            [config.noise_angles] * 3 + [config.noise_wrist] * 3 + [config.noise_angles] * 45
        )
        trial = solve_coupled(rows, config, aim=aim, start=rows.state.moved(rows.hand, noise * scale))
        price = cost(rows, trial)
        state, best = trial.where(price < best, state), torch.minimum(price, best)
    return _reopen(rows, config, state, aim)


def _reopen(rows: Rows, config: GravityConfig, state: HandState, aim: Aim) -> HandState:
    """Open the fingers that the surface cuts or fills and let them close again, from the outside this time.

    First from the input, then, where that did not help, from the best so far; all amounts at once.
    """
    bad = torch.arange(len(rows), device=rows.index.device)
    for again in (False, True):
        bad = bad[_troubled(rows.select(bad), state.select(bad)).any(-1)]
        if not len(bad) or not config.reopen:
            return state
        few, best = rows.select(bad), state.select(bad)
        base = best if again else few.state
        cut = _troubled(few, base)
        opened = HandState.cat([_opened(few, base, cut, amount) for amount in config.reopen])
        own = torch.arange(len(bad), device=bad.device)
        which = own.repeat(len(config.reopen))
        closed = solve_coupled(few.select(which), config, aim=aim.select(bad[which]), start=opened)
        tries = HandState.cat([best, closed])
        price = cost(few.select(torch.cat((own, which))), tries)
        winner = price.view(-1, len(bad)).argmin(0)
        state = state.put(bad, tries.select(winner * len(bad) + own))
    return state


def _opened(rows: Rows, state: HandState, fingers: Tensor, amount: float) -> HandState:
    """Fingers (B, 5) extended: the first two joints by `amount` [rad], the last by half."""
    angles = state.angles.clone()
    for k, finger in enumerate(FINGERS):
        for joint, part in zip(FINGER_JOINTS[finger], (1.0, 1.0, 0.5), strict=True):
            angles[:, joint - 1, 0] -= amount * part * fingers[:, k]
    return replace(state, angles=rows.hand.anatomy.clamp(angles))


def bones_cut(rows: Rows, state: HandState) -> Tensor:
    """Which fingers have a bone through the surface, (B, 5) bool.

    A tip that is inside no deeper than soft tissue yields counts as on the surface.
    """
    keypoints = place(forward(rows.hand, state), keypoint_points(rows.hand, state.betas))
    distance, normal = rows.distance(keypoints[:, 16:])
    yielding = (distance < 0) & (distance > -TISSUE_MM * 1e-3)
    keypoints[:, 16:] += torch.where(yielding, SKIN_M - distance, 0.0)[..., None] * normal
    start, end = (torch.tensor(side, device=keypoints.device) for side in zip(*BONES, strict=True))
    fraction = rows.crossings(keypoints[:, start], keypoints[:, end])[0]
    return fraction.isfinite().unflatten(-1, (len(FINGERS), 4)).any(-1)


def skin_depth(rows: Rows, state: HandState) -> Tensor:
    """How deep every second vertex lies in the object or behind a thin wall of it, (B, V / 2) [mm]."""
    hand, pose = rows.hand, forward(rows.hand, state)
    skin = place(pose, surface_points(hand, state.betas)[::2])
    flesh = place(pose, flesh_points(hand, state.betas))[:, bone_of_skin(hand)[::2]]
    distance, gradient = rows.near_distance(skin, THIN)
    index, beyond, _ = behind_walls(rows, skin, flesh, distance, gradient)
    return (-distance.index_put(index, -beyond) * 1e3).clamp_min(0)


def _troubled(rows: Rows, state: HandState) -> Tensor:
    """Fingers with a bone through the surface, or with more skin inside than soft tissue can mend, (B, 5) bool."""
    depth, labels = skin_depth(rows, state), rows.hand.finger_labels[::2]
    deep = depth > 1.5 * TISSUE_MM
    filled = torch.stack([deep[:, labels == k + 1].sum(-1) >= FILLED for k in range(len(FINGERS))], -1)
    return bones_cut(rows, state) | filled


def cost(rows: Rows, state: HandState) -> Tensor:
    """(B,) lower is better: a bone through the surface outweighs deep skin, that a lost contact, that a move."""
    pose = forward(rows.hand, state)
    skin = place(pose, surface_points(rows.hand, state.betas))
    too_deep = (skin_depth(rows, state) - TISSUE_MM).clamp_min(0).sum(-1)
    near = rows.near_distance(skin, CONTACT_MM * 1e-3)[0] < CONTACT_MM * 1e-3
    touching = torch.stack(
        [near[:, rows.hand.finger_labels == k + 1].any(-1) for k in range(len(FINGERS))], -1
    )
    keypoints = place(pose, keypoint_points(rows.hand, state.betas))
    moved = (keypoints - rows.observed).norm(dim=-1).nanmean(-1) * 1e3
    cut = bones_cut(rows, state).sum(-1)
    return 20.0 * cut + 0.1 * too_deep - 1.0 * touching.sum(-1) + 0.3 * moved
