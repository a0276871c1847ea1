"""Grasps as a trained model draws them: at places on the object, looked at quickly, the best that differ first."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from handhold.errors import InputError, demand
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place, surface_points
from handhold.interaction.grasp import Grasp
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.methods.synthesize.holdable import ANY_TYPES, check_size, mesh_of
from handhold.methods.synthesize.judge import THROUGH, Judge, Near
from handhold.methods.synthesize.places import Scene, draw_places, see
from handhold.methods.synthesize.result import Ask
from handhold.methods.synthesize.screen import from_side, most_varied, pierced
from handhold.models.grasp_rows import Placed, mirror_hands, mirror_rows
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

FAULTS = ("", "bone_through", "forearm")
"""A bone goes through the surface; the forearm comes from above where it is to come from the side."""
MOST = 2000
VARIED, LEAST_VARIED = 4, 512
"""Grasps at once; hands that differ are looked for among so many times as many, or so many at least, for each is
compared with each."""


OTHER_HANDS = "Use --method optimize, which takes any hand, or train for this one."
"""What one can do with a hand that a model is not for."""
UNMET = 5.0
"""Cost of a hand that meets none of the types asked for, of a model that knows none."""


@dataclass(frozen=True)
class DraftConfig:
    """How many hands are drawn.

    Attributes:
        oversample: so many times as many hands are drawn as grasps are wanted; the best are kept.
        least: but at least so many.
        rounds: where so few are of use that there are not enough, as many again are drawn, so many times in all.
    """

    oversample: float = 4.0
    least: int = 48
    rounds: int = 4

    def __post_init__(self) -> None:
        for name in ("least", "rounds"):
            value = getattr(self, name)
            holds = isinstance(value, int) and value >= 1
            demand(self, name, "a whole number of at least 1", value, holds=holds)
        demand(self, "oversample", "1 or more", self.oversample, holds=1 <= self.oversample < math.inf)


Config = TypeVar("Config", bound=DraftConfig, contravariant=True)


@dataclass(frozen=True, eq=False)
class Drafts:
    """Grasps as a model made them, the most promising first.

    Attributes:
        grasps: in the object's own frame; skin without soft tissue.
        types: the grasp type of each; empty where none was asked for.
        faults: what is surely wrong with each, "bone_through" or "forearm"; empty where nothing is.
        cost: (N,) what a quick look finds wrong with each (`judge.Judge.cost`); faults cost `THROUGH` more.
        ask: what they answer.
        seconds: wall-clock time by stage.
    """

    grasps: tuple[Grasp, ...]
    types: tuple[str, ...]
    faults: tuple[str, ...]
    cost: Tensor
    ask: Ask | None
    seconds: dict[str, float]


class Draft(Protocol[Config]):
    """A method with its model, as `partial(fastgrasp, model=model)` is."""

    def __call__(
        self,
        obj: ObjectMesh | PartedObject,
        hand: Hand,
        *,
        count: int,
        ask: Ask | None,
        config: Config,
        generator: torch.Generator,
        spares: bool,
    ) -> Drafts: ...


@dataclass(frozen=True)
class Source:
    """What a method brings along.

    Attributes:
        hands: from places (B), and for each the number of a type in `GRASP_TYPES` or -1, hands (B) in the objects'
            (mirrored) frames.
        hand: the right hand that they are of, float32 on the CPU.
        watched: (n,) long, its vertices that are looked at.
        typed: whether hands are drawn for a type; where not, each has the first of those asked for that it meets.
    """

    hands: Callable[[Placed, Tensor], HandState]
    hand: Hand
    watched: Tensor
    typed: bool


@torch.no_grad()
def draw_drafts(
    obj: ObjectMesh | PartedObject,
    hand: Hand,
    source: Source,
    *,
    count: int,
    ask: Ask | None,
    config: DraftConfig,
    generator: torch.Generator,
    spares: bool,
) -> Drafts:
    """Hands drawn at places on what may be held; of more than are wanted, the best that differ.

    Args:
        obj: the object.
        hand: the hand that is wanted, right or left.
        source: where hands come from.
        count: how many grasps are wanted; so many come.
        ask: part, types and table that are wanted; None for anything.
        config: how many are drawn.
        generator: source of randomness, on the CPU.
        spares: after those that are wanted also give those that were passed over, the best first.

    Raises:
        InputError: the object is too small or too large for a hand, a part is unknown or not to be held, or the count
            is less than one or over `MOST`.
    """
    if not 1 <= count <= MOST:
        remedy = "For more, ask again with another seed." if count > MOST else None
        raise InputError(
            "cannot be done at once", where="count", expected=f"1 to {MOST}", got=count, remedy=remedy
        )
    clock = _Clock()
    check_size(mesh_of(obj))
    many = max(config.least, round(config.oversample * count))
    scene = see(obj, part=None if ask is None else ask.part, count=many, generator=generator)
    clock.stop("see")
    draw = _Draw(source, hand, scene, ask, generator)
    drawn = draw(many)
    for _ in range(config.rounds - 1):
        if int((drawn.fault == 0).sum()) >= count:
            break
        drawn = _Drawn.cat([drawn, draw(many)])
    clock.stop("draw")
    chosen = ranked(drawn.state, drawn.cost, count=count, spares=spares)
    params = drawn.state.select(chosen).params(hand)
    grasps = tuple(
        Grasp(hand, params[k], scene.mesh, torch.eye(4), name=f"{scene.mesh.name}_{k:03d}")
        for k in range(len(chosen))
    )
    clock.stop("choose")
    names = (*GRASP_TYPES, "")
    types = tuple(names[k] for k in drawn.type[chosen])
    faults = tuple(FAULTS[k] for k in drawn.fault[chosen])
    return Drafts(grasps, types, faults, drawn.cost[chosen], ask, clock.seconds)


def checked_betas(betas: Tensor | None, shapes: int) -> Tensor:
    """A hand's shape (S,), the mean one by default.

    Raises:
        InputError: wrong shape, or numbers that are not finite.
    """
    if betas is None:
        return torch.zeros(shapes)
    if betas.shape != (shapes,) or not betas.isfinite().all():
        got = tuple(betas.shape) if betas.isfinite().all() else "numbers that are not finite"
        raise InputError("are no hand shape", where="betas", expected=f"({shapes},), finite", got=got)
    return betas.float()


def types_in_turn(ask: Ask | None, count: int) -> Tensor:
    """A type for each hand, -1 for any: those that are asked for in turn."""
    if ask is None or ask.types == ANY_TYPES:
        return torch.full((count,), -1)
    kinds = list(GRASP_TYPES)
    wanted = torch.tensor([kinds.index(name) for name in ask.types])
    return wanted[torch.arange(count) % len(wanted)]


def ranked(state: HandState, cost: Tensor, *, count: int, spares: bool) -> Tensor:
    """The best hands that differ, the cheapest first; then, if they are wanted, the others."""
    rest = cost.argsort(stable=True)
    best = rest[: max(VARIED * count, LEAST_VARIED)]
    chosen = best[most_varied(state.select(best), cost[best], keep=count)]
    chosen = chosen[cost[chosen].argsort(stable=True)]
    if not spares:
        return chosen
    return torch.cat((chosen, rest[~torch.isin(rest, chosen)]))


@dataclass(frozen=True)
class _Drawn:
    """Hands (B) in the object's frame, what is wrong with them, their number in `FAULTS`, and the type of each, -1 for
    any."""

    state: HandState
    cost: Tensor
    fault: Tensor
    type: Tensor

    @staticmethod
    def cat(parts: list[_Drawn]) -> _Drawn:
        state = HandState.cat([part.state for part in parts])
        rest = (torch.cat([getattr(p, name) for p in parts]) for name in ("cost", "fault", "type"))
        return _Drawn(state, *rest)


@dataclass(frozen=True)
class _Draw:
    """Draws hands at new places with new noise, as often as it is called."""

    source: Source
    hand: Hand
    scene: Scene
    ask: Ask | None
    generator: torch.Generator

    def __call__(self, many: int) -> _Drawn:
        mirrored = self.hand.side == "left"
        placed = draw_places(self.scene, count=many, mirrored=mirrored, generator=self.generator)
        types = types_in_turn(self.ask, many)
        state = self.source.hands(placed, types)
        real = mirror_hands(state, placed.mirrored)
        fault, near = self._fault(real), self._near(placed, state)
        table = None if self.ask is None else self.ask.table
        cost = self._judge.cost(near, centre=self.scene.centre, table=table)
        if not self.source.typed and self.ask is not None and self.ask.types != ANY_TYPES:
            met = self._judge.first_met(near, self.ask.types)
            types, cost = torch.where(met < 0, types, met), cost + UNMET * (met < 0)
        return _Drawn(real, cost + THROUGH * (fault > 0), fault, types)

    def _near(self, placed: Placed, state: HandState) -> Near:
        skin = surface_points(self.source.hand, state.betas)[self.source.watched]
        points = mirror_rows(place(forward(self.source.hand, state), skin), placed.mirrored)
        return Near(points, *self.scene.rows.grid.query(points, torch.zeros(len(points), dtype=torch.long)))

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self.source.hand, self.source.watched)

    def _fault(self, real: HandState) -> Tensor:
        fault = pierced(self.scene.mesh, self.hand, real).long() * FAULTS.index("bone_through")
        ask = self.ask
        if ask is not None and ask.table is not None and ask.from_side:
            wrong = ~from_side(ask.table, self.hand, real) & (fault == 0)
            fault = torch.where(wrong, FAULTS.index("forearm"), fault)
        return fault


class _Clock:
    """Wall-clock time by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._start = time.perf_counter()

    def stop(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage], self._start = now - self._start, now
