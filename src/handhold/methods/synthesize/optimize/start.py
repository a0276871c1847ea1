"""Where hands start: in a type's posture around a place that it suits, and closed until they touch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import roma
import torch
from torch import Tensor
from torch.nn.functional import normalize

from handhold.geometry.grid_distance import GridDistance
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place, surface_points
from handhold.hand.skeleton import FINGERS, MANO_FINGERS
from handhold.interaction.grasp_types import GRASP_TYPES, GraspType, opposition_axis, shaft_axis
from handhold.methods.synthesize.optimize.config import OptimizeConfig
from handhold.methods.synthesize.optimize.places import Places, pairs, patches
from handhold.methods.synthesize.optimize.target import Target
from handhold.methods.synthesize.optimize.watched import Watched
from handhold.methods.synthesize.screen import from_side

LEVELS, WIDER = 16, -0.4
"""Postures that are tried for a width, the widest so far before the type's open one [rad]."""
SLACK = (0.006, 0.022)
"""How much wider than the object an open hand is [m]."""
TURN, TILT = 0.25, 0.15
"""How far hands stray from the direction of a shaft, and from every direction [rad]."""
GAP = 0.0015
"""How far from the object the nearest skin starts where a hand is laid on [m]."""
LAID_ON = 0.35
"""Share of the hands with palm opposition that are laid on the surface, not put around it."""
OUT_STEPS = 10
TOUCHING = 0.0005


@dataclass(frozen=True)
class Starts:
    """B hands before they are optimized.

    Attributes:
        state: where they are.
        type: (B,) long, number of the grasp type in `GRASP_TYPES`.
        target: (B,) long, number of the target.
    """

    state: HandState
    type: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.type)

    def select(self, rows: Tensor) -> Starts:
        """Some of them."""
        return Starts(self.state.select(rows), self.type[rows], self.target[rows])

    @staticmethod
    def cat(parts: list[Starts]) -> Starts:
        """All of several, in order."""
        state = HandState.cat([p.state for p in parts])
        return Starts(state, torch.cat([p.type for p in parts]), torch.cat([p.target for p in parts]))


def place_hands(
    target: Target,
    hand: Hand,
    watched: Watched,
    kind: GraspType,
    *,
    betas: Tensor,
    count: int,
    generator: torch.Generator,
) -> HandState:
    """Open hands at places of a target, at most `count`: fewer where it has few or none that suit the type.

    Args:
        target: what to hold.
        hand: the hand.
        watched: its points.
        kind: how to hold it.
        betas: (S,).
        count: how many.
        generator: source of randomness.
    """
    laid_on = 0
    if kind.opposition == "palm" and kind.approach == "palm":
        laid_on = count if kind.name == "palm" else round(LAID_ON * count)
    parts = []
    if count > laid_on:
        found = pairs(target, kind.sizes, count=count - laid_on, generator=generator)
        if len(found):
            state = _around(hand, kind, found, betas=betas, generator=generator)
            if kind.opposition == "palm":
                state = _palm_out(target.mesh.grid(), hand, watched, state)
            elif kind.opposition == "pad":
                state = _drawn_back(target.mesh.grid(), hand, watched, state, found)
            parts.append(state)
    if laid_on:
        found = patches(target, least=kind.sizes[0], count=laid_on, generator=generator)
    if laid_on and len(found):
        state = _around(hand, kind, found, betas=betas, generator=generator)
        parts.append(_slid_out(target.mesh.grid(), hand, watched, state, -found.across))
    return HandState.cat(parts) if parts else _at_origin(hand, hand.template.new_zeros(0, 15, 3), betas)


def _around(
    hand: Hand, kind: GraspType, places: Places, *, betas: Tensor, generator: torch.Generator
) -> HandState:
    """Hands whose two sides stand on either side of each place, the shaft where the type has it."""
    count = len(places)
    levels = kind.posture(hand, torch.linspace(WIDER, kind.travel, LEVELS))
    bent = _at_origin(hand, levels, betas)
    skin = place(forward(hand, bent), surface_points(hand, bent.betas))
    middle, axis, opening = opposition_axis(hand, kind, skin)
    shaft = shaft_axis(hand, kind, skin)
    low, high = SLACK
    slack = low + (high - low) * torch.rand(count, generator=generator)
    chance = torch.randint(LEVELS // 2, (count,), generator=generator)
    level = (opening - (places.width + slack)[:, None]).abs().nan_to_num(0).argmin(-1)
    one_side = places.width.isnan()
    level = torch.where(one_side, chance, level)
    across = axis[level]
    along = shaft[1][level] if shaft else _any_normal(across)
    free = torch.pi * (2 * torch.rand(count, generator=generator) - 1)
    turn = TURN * torch.randn(count, generator=generator)
    if shaft is None:
        turn = free
    rotation = _frame(places.across, places.along) @ _frame(across, along).mT
    rotation = roma.rotvec_to_rotmat(turn[:, None] * places.across) @ rotation
    tilt = roma.rotvec_to_rotmat(TILT * torch.randn(count, 3, generator=generator))
    # A hand that is laid on touches with its first side; its middle lies off the surface.
    reach = torch.where(one_side, opening[level] / 2, 0.0)
    centre = places.centre + reach[:, None] * places.across
    rotation = tilt @ rotation
    wrist = centre + (rotation @ (bent.wrist - middle)[level][..., None]).squeeze(-1)
    return HandState(rotation, wrist, levels[level], bent.betas[level])


def comes_right(target: Target, hand: Hand, state: HandState) -> Tensor:
    """Whether forearms come from a side that suits, (B,) bool: not from above where that is not wanted."""
    if target.table is None or not target.from_side:
        return torch.ones(len(state.wrist), dtype=torch.bool)
    return from_side(target.table, hand, state)


@torch.no_grad()
def close(
    grid: GridDistance,
    hand: Hand,
    watched: Watched,
    starts: Starts,
    config: OptimizeConfig,
    index: Tensor | None = None,
) -> Starts:
    """Bend fingers as their types do, by small steps; a bone that touches stops its own joint and those before it.

    Args:
        grid: distance to the objects.
        hand: the hand.
        watched: its points.
        starts: open hands.
        config: settings.
        index: (B,) the object of each hand in the grid; None if there is one.
    """
    order = torch.tensor([MANO_FINGERS.index(f) for f in FINGERS])
    closing = torch.stack([kind.closing for kind in GRASP_TYPES.values()]).to(hand.template)
    step = config.close_rate * closing[starts.type].unflatten(1, (5, 3))[:, order]  # thumb to pinky
    free = torch.ones(len(starts), 5, 3, dtype=torch.bool)
    feeling = torch.nonzero(watched.feels).squeeze(-1)
    skin, links = watched.of(len(starts))[watched.skin][feeling], watched.links.flatten(0, 1)[:, feeling]
    state = starts.state
    for _ in range(config.close_steps):
        distance = grid.query(place(forward(hand, state), skin), index)[0]
        near = torch.stack([distance[:, link].amin(-1) for link in links], -1).unflatten(1, (5, 3))
        touching = (near < TOUCHING).flip(-1).cumsum(-1).flip(-1) > 0
        free &= ~touching
        turn = torch.zeros_like(state.angles)
        turn.view(len(turn), 5, 3, 3)[:, order] = step * free[..., None]
        state = replace(state, angles=hand.anatomy.clamp(state.angles + turn))
    return replace(starts, state=state)


def _slid_out(grid: GridDistance, hand: Hand, watched: Watched, state: HandState, along: Tensor) -> HandState:
    """Hands moved along directions (B, 3) until their nearest skin is just off the surface."""
    skin = watched.of(len(state.wrist))[watched.skin]
    for _ in range(8):
        nearest = grid.query(place(forward(hand, state), skin))[0].amin(-1)
        state = replace(state, wrist=state.wrist + (GAP - nearest).clamp(-0.02, 0.02)[:, None] * along)
    return state


def _palm_out(grid: GridDistance, hand: Hand, watched: Watched, state: HandState) -> HandState:
    """Hands moved back, as the back of the palm points, until the palm is out of the object."""
    return _moved_out(grid, hand, watched, state, -state.rotation @ watched.palm_facing)


def _drawn_back(
    grid: GridDistance, hand: Hand, watched: Watched, state: HandState, places: Places
) -> HandState:
    """Hands moved back over an edge, thumb and fingers staying on their sides, until the palm is out of the object."""
    back = state.wrist - places.centre
    back = back - (back * places.across).sum(-1, keepdim=True) * places.across
    return _moved_out(grid, hand, watched, state, normalize(back, dim=-1))


def _moved_out(grid: GridDistance, hand: Hand, watched: Watched, state: HandState, back: Tensor) -> HandState:
    """Hands moved along directions (B, 3) until the palm is out of the object."""
    skin = watched.of(len(state.wrist))[watched.skin][watched.palm]
    for _ in range(OUT_STEPS):
        nearest = grid.query(place(forward(hand, state), skin))[0].amin(-1)
        state = replace(state, wrist=state.wrist + (GAP - nearest).clamp(0, 0.02)[:, None] * back)
    return state


def _at_origin(hand: Hand, angles: Tensor, betas: Tensor) -> HandState:
    count = len(angles)
    root = hand.rest(betas)[1][0]
    eye = torch.eye(3).to(angles).expand(count, 3, 3)
    return HandState(eye, root.expand(count, 3), angles, betas.expand(count, -1))


def _frame(first: Tensor, second: Tensor) -> Tensor:
    """Rotations (n, 3, 3) whose first column is `first`, whose second is nearest to `second`."""
    second = normalize(second - (second * first).sum(-1, keepdim=True) * first, dim=-1)
    return torch.stack((first, second, torch.linalg.cross(first, second)), -1)


def _any_normal(axis: Tensor) -> Tensor:
    """Some direction across to each unit vector (n, 3)."""
    return torch.linalg.cross(axis, torch.eye(3)[axis.abs().argmin(-1)].to(axis))
