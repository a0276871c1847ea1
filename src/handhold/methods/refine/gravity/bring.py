"""Taking a hand to where it is meant to touch, when it is somewhere else: gravity reaches a few centimetres.

The hand is placed anew, in its own posture or another: the middle of its acting fingers comes to a point of the region,
turned as little as will do. Of many places and turns those that cut least and come nearest are solved, and the best is
kept. A motion is taken there as a whole, by the frame that comes nearest to its region: how the hand moves is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import roma
import torch
from torch import Tensor

from handhold.geometry.sampling import farthest_points
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place, surface_points
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.interaction.rows import Rows
from handhold.methods.refine.gravity.choose import bones_cut, cost
from handhold.methods.refine.gravity.config import GravityConfig
from handhold.methods.refine.gravity.coupled import Aim, solve_coupled

if TYPE_CHECKING:
    from scipy.spatial import KDTree

BEYOND = 0.030
"""Acting fingers that are this far from their region in the mean are somewhere else [m]."""
PLACES, TURNS = 8, 20
"""Points of the region, and turns at each, that are looked at."""
POSTURES, CLOSED = ("power", "precision", "tripod", "pinch", "lateral", "hook"), 0.4
"""Postures that are tried beside the hand's own, which was for another place; how far they are closed."""
SPREADS = (0.0, 0.4, 0.9, 1.6, 2.6)
"""Of the turns [rad]: the hand's own, turns near to it, and any."""
SOLVED = 12
"""Of these the best are solved."""
WATCHED = 5
"""Every so-manieth vertex is looked at."""
INSIDE, APART, TURNED, POSED, CUT = 0.3, 1.0, 4.0, 1.0, 8.0
"""What a millimetre of depth, of distance to the region, a radian of turn, one of another posture, and a finger with a
bone through the surface cost: about a mug's thin wall a hand is hardly ever deep, and not to be solved any more."""
ASTRAY = 20.0
"""What a hand costs all of whose touching skin is off the region."""
IN_VAIN, WIDE = 0.8, 32
"""With so much of its touching skin off a region of so many points the best hand is none: it stays where it is."""
TOUCHING, NEAR_REGION = 0.003, 0.008
"""Skin touches within the first of the surface, and touches the region within the second of one of its points [m]."""
MM = 1e3


@dataclass(frozen=True, eq=False)
class _Region:
    """What one hand is meant to touch: points of the object, and its acting fingers (5,) bool."""

    points: Tensor
    tree: KDTree
    fingers: Tensor

    @staticmethod
    def of(aim: Aim, row: int) -> _Region | None:
        """The region of one row: points over half of the greatest weight; None where there is nothing to touch."""
        if aim.regions is None or not aim.fingers[row].any():
            return None
        from scipy.spatial import KDTree

        weight = aim.regions.object[row]
        core = aim.regions.points[row, (weight >= 0.5 * weight.max()) & (weight > 0)]
        return _Region(core, KDTree(core.cpu().numpy()), aim.fingers[row]) if len(core) else None

    def distance(self, points: Tensor) -> Tensor:
        """Of points (*, 3) to the nearest of the region, (*) [m]."""
        return torch.from_numpy(self.tree.query(points.cpu().numpy())[0]).to(points)

    def apart(self, hand: Hand, skin: Tensor) -> Tensor:
        """Mean over acting fingers of the distance of their nearest palmar skin, (B,) of skin (B, V, 3) [m]."""
        gaps = [self.distance(skin[:, own][:, ::3]).amin(-1) for own in _pads(hand, self.fingers)]
        return torch.stack(gaps).mean(0)

    def astray(self, rows: Rows, skin: Tensor) -> Tensor:
        """Share of the touching skin that is off the region, (B,); one where nothing touches."""
        few = skin[:, ::2]
        touches = rows.near_distance(few, TOUCHING)[0].abs() < TOUCHING
        off = (self.distance(few) > NEAR_REGION) & touches
        count = touches.sum(-1)
        return torch.where(count > 0, off.sum(-1) / count.clamp_min(1), 1.0)


def bring(
    rows: Rows,
    config: GravityConfig,
    *,
    aim: Aim,
    group: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Rows:
    """Rows whose hands are somewhere else, with these hands, and what was observed of them, at their regions.

    What becomes of a hand does not hang on the other rows.

    Args:
        rows: hands and objects.
        config: settings.
        aim: what is meant to touch; rows without regions stay.
        group: (B,) long, equal for the frames of a motion; without it each row is alone.
        generator: source of randomness; without one, seed 0.
    """
    group = torch.arange(len(rows)) if group is None else group.cpu()
    regions = [_Region.of(aim, row) for row in range(len(rows))]
    apart = _apart(rows, regions)
    turns = None
    for which in group.unique():
        frames = torch.nonzero(group == which).squeeze(-1)
        row = int(frames[apart[frames].argmin()])
        region = regions[row]
        if region is None or apart[row] <= BEYOND:
            continue
        if turns is None:
            turns = _turns(generator or torch.Generator().manual_seed(0)).to(rows.observed)
        one = torch.tensor([row], device=rows.index.device)
        placed = _placed(rows.select(one), config, aim.select(one), region, turns)
        if placed is None:
            continue
        rows = _followed(rows, frames.to(one.device), rows.state.select(one), placed)
    return rows


def on_the_way(rows: Rows, aim: Aim, group: Tensor) -> Aim:
    """An aim that has less to say the further a motion's hand is from where it comes nearest to its region: coming and
    going it is not drawn there.

    Args:
        rows: hands and objects.
        aim: what is meant to touch.
        group: (B,) long, equal for the frames of a motion.
    """
    if aim.regions is None or len(group.unique()) == len(rows):
        return aim
    group = group.cpu()
    apart = _apart(rows, [_Region.of(aim, row) for row in range(len(rows))])
    weight = torch.ones(len(rows))
    for which in group.unique():
        frames = torch.nonzero(group == which).squeeze(-1)
        more = (apart[frames] - apart[frames].amin()).nan_to_num(nan=0.0)  # nan: no region anywhere
        weight[frames] = (2 - 2 * more / BEYOND).clamp(0, 1)
    hand = aim.regions.hand * weight.to(aim.regions.hand)[:, None]
    return replace(aim, regions=replace(aim.regions, hand=hand))


def _apart(rows: Rows, regions: list[_Region | None]) -> Tensor:
    """How far each hand is from its region, (B,) on the CPU [m]; inf where there is none."""
    skin = place(forward(rows.hand, rows.state), surface_points(rows.hand, rows.state.betas))
    apart = [
        torch.inf if region is None else float(region.apart(rows.hand, skin[row : row + 1]))
        for row, region in enumerate(regions)
    ]
    return torch.tensor(apart)


def _turns(generator: torch.Generator) -> Tensor:
    """Turns that are tried, (TURNS, 3, 3): the hand's own, near ones and any."""
    spread = torch.tensor(SPREADS).repeat(math.ceil(TURNS / len(SPREADS)))[:TURNS, None]
    way = torch.randn(TURNS, 3, generator=generator, device=generator.device).cpu()
    part = torch.rand(TURNS, 1, generator=generator, device=generator.device).cpu().sqrt()
    return roma.rotvec_to_rotmat(torch.nn.functional.normalize(way, dim=-1) * spread * part)


def _followed(rows: Rows, frames: Tensor, given: HandState, placed: HandState) -> Rows:
    """Rows, the frames of one motion moved as one of them: from where that was given to where it is placed."""
    few, turn = rows.select(frames), placed.rotation @ given.rotation.mT

    def moved(points: Tensor) -> Tensor:
        return (points - given.wrist) @ turn[0].mT + placed.wrist

    state = HandState(
        turn @ few.state.rotation,
        moved(few.state.wrist),
        rows.hand.anatomy.clamp(few.state.angles + placed.angles - given.angles),
        few.state.betas,
    )
    observed = rows.observed.index_copy(0, frames, moved(few.observed))
    return replace(rows, state=rows.state.put(frames, state), observed=observed)


def _placed(row: Rows, config: GravityConfig, aim: Aim, region: _Region, turns: Tensor) -> HandState | None:
    """The hand of one row where it is best, before it is solved there; None where it does not get to its region."""
    chosen = farthest_points(region.points, count=min(PLACES, len(region.points)))
    tries = _tries(row, region, region.points[chosen], turns)
    first = torch.zeros(len(tries.wrist), dtype=torch.long, device=row.index.device)
    many = replace(row.select(first), state=tries)
    best = _first_cost(many, region, row.state).topk(SOLVED, largest=False).indices
    few = _seen(many.select(best), row)
    solved = solve_coupled(few, config, aim=aim.select(first[best]))
    skin = place(forward(row.hand, solved), surface_points(row.hand, solved.betas))
    astray = region.astray(few, skin)
    price = cost(few, solved) + APART * MM * region.apart(row.hand, skin) + ASTRAY * astray
    winner = price.argmin().reshape(1)
    vain = len(region.points) >= WIDE and astray[winner] >= IN_VAIN
    return None if vain else few.state.select(winner)


def _tries(row: Rows, region: _Region, points: Tensor, turn: Tensor) -> HandState:
    """The hand at each of some points (P, 3), in several postures and turned in many ways (TURNS, 3, 3): the middle of
    its acting fingers there."""
    own, placed = row.state, []
    for angles in (own.angles[0], *(_posture(row, name) for name in POSTURES)):
        state = replace(own, angles=angles[None])
        skin = place(forward(row.hand, state), surface_points(row.hand, state.betas))[0]
        arm = turn @ (own.wrist[0] - _middle(row.hand, region.fingers, skin))
        count = len(points) * TURNS
        rotation = (turn @ own.rotation[0]).expand(len(points), -1, -1, -1).reshape(count, 3, 3)
        wrist = (points[:, None] + arm).reshape(count, 3)
        placed.append(HandState(rotation, wrist, angles.expand(count, -1, -1), own.betas.expand(count, -1)))
    return HandState.cat(placed)


def _posture(row: Rows, name: str) -> Tensor:
    """A grasp type's posture, half closed, (15, 3) [rad]."""
    kind = GRASP_TYPES[name]
    return kind.posture(row.hand, CLOSED * kind.travel).to(row.state.angles)


def _pads(hand: Hand, fingers: Tensor) -> list[Tensor]:
    """Palmar vertices of each of some fingers (5,) bool."""
    return [
        torch.nonzero((hand.finger_labels == k + 1) & hand.palmar).squeeze(-1) for k in range(5) if fingers[k]
    ]


def _middle(hand: Hand, fingers: Tensor, skin: Tensor) -> Tensor:
    """Between the thumb and the other acting fingers, of skin (V, 3): (3,)."""
    middles = torch.stack([skin[own].mean(0) for own in _pads(hand, fingers)])
    if fingers[0] and len(middles) > 1:
        return (middles[0] + middles[1:].mean(0)) / 2
    return middles.mean(0)


def _first_cost(rows: Rows, region: _Region, given: HandState) -> Tensor:
    """(B,) of hands as placed: skin inside, fingers cut, distance of those that act, turn, change of posture."""
    skin = place(forward(rows.hand, rows.state), surface_points(rows.hand, rows.state.betas))
    depth = (-rows.near_distance(skin[:, ::WATCHED], 0.001)[0]).clamp_min(0)
    turned = roma.rotmat_geodesic_distance(rows.state.rotation, given.rotation.expand_as(rows.state.rotation))
    other = (rows.state.angles - given.angles).flatten(1).norm(dim=-1)
    far = APART * MM * region.apart(rows.hand, skin)
    cut = bones_cut(rows, rows.state).sum(-1)
    return INSIDE * MM * depth.sum(-1) + CUT * cut + far + TURNED * turned + POSED * other


def _seen(rows: Rows, given: Rows) -> Rows:
    """What was observed of a hand, moved with it."""
    turn = rows.state.rotation @ given.state.rotation.mT
    moved = (given.observed - given.state.wrist[:, None]) @ turn.mT + rows.state.wrist[:, None]
    return replace(rows, observed=moved)
