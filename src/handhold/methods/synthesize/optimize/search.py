"""The search on one object: hands that are worth optimizing, in groups, and what became of them."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import forward, place
from handhold.interaction.grasp import Grasp
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.methods.synthesize.accept import Wanted, judge
from handhold.methods.synthesize.holdable import any_types, check_size, forbidden_faces, heaviness, mesh_of
from handhold.methods.synthesize.optimize.aim import Aim, aim_at
from handhold.methods.synthesize.optimize.config import OptimizeConfig
from handhold.methods.synthesize.optimize.energy import energy
from handhold.methods.synthesize.optimize.fields import Fields
from handhold.methods.synthesize.optimize.start import Starts, close, comes_right, place_hands
from handhold.methods.synthesize.optimize.target import Target, find_target
from handhold.methods.synthesize.optimize.watched import Watched
from handhold.methods.synthesize.result import Ask, Found, Synthesis
from handhold.methods.synthesize.screen import most_varied, pierced
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

TYPES = tuple(GRASP_TYPES)
PLACE_AGAIN = 3
"""So many times at most hands are placed to get enough that are not through the surface."""
GIVE_UP, ONE_IN = 10, 12
"""A group of which so many were optimized, and less than one in so many accepted, is tried no further."""
MORE, AT_LEAST = 1.4, 16
"""So many times as many hands are optimized as grasps are missing, and not fewer than these: a batch of few takes
nearly as long."""
Group = tuple[int, int]
"""Number of a target, and of a grasp type: what starts and grasps are shared among."""


@dataclass(frozen=True)
class Candidates:
    """Closed hands that are worth optimizing."""

    starts: Starts
    aim: Aim

    def __len__(self) -> int:
        return len(self.starts)

    def select(self, rows: Tensor) -> Candidates:
        """Some of them."""
        return Candidates(self.starts.select(rows), self.aim.select(rows))

    @staticmethod
    def cat(parts: list[Candidates]) -> Candidates:
        """All of several, in order."""
        aims = [part.aim for part in parts]
        aim = Aim(*(torch.cat([getattr(aim, f.name) for aim in aims]) for f in fields(Aim)))
        return Candidates(Starts.cat([part.starts for part in parts]), aim)


class Search:
    """One object: its targets, the candidates of each group, what was found and what was refused.

    Args:
        obj: the object.
        hand: the hand.
        watched: its points.
        asks: what is wanted; none: several types anywhere.
        betas: (S,) the hand's shape.
        count: how many grasps are wanted.
        config: settings.
        generator: source of randomness.

    Raises:
        InputError: the object is too small or too large for a hand, a part is unknown or not to be held, or no start
            is of use.
    """

    def __init__(
        self,
        obj: ObjectMesh | PartedObject,
        hand: Hand,
        watched: Watched,
        *,
        asks: tuple[Ask, ...],
        betas: Tensor,
        count: int,
        config: OptimizeConfig,
        generator: torch.Generator,
    ) -> None:
        self.mesh, self.count, self.config = mesh_of(obj), count, config
        self.hand, self.watched, self.betas, self.generator = hand, watched, betas, generator
        self.seconds: dict[str, float] = {}
        self.rejected: Counter[str] = Counter()
        with self.timed("prepare"):
            check_size(self.mesh)
            self.forbidden = forbidden_faces(obj, generator)
            self.targets, self.groups = self._see(obj, asks or (Ask(any_types(self.mesh)),))
            self.around = Fields.of(self.targets)
        self.lever = config.lever * heaviness(self.mesh)
        self.rounds = config.rounds
        self.found: dict[Group, list[Found]] = {group: [] for group in self.groups}
        self._begin_round()

    @property
    def total(self) -> int:
        """How many grasps there are."""
        return sum(map(len, self.found.values()))

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Note how long a stage takes."""
        start = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    def next(self) -> Candidates | None:
        """What to optimize next, about as many as are missing: first of every group that has not got its share, then
        of those that have candidates left, then of new starts. None if there is enough, or nothing left to try."""
        some = self._next_of_round()
        while some is None and self.total < self.count and self.rounds > 0:
            self._begin_round()
            some = self._next_of_round()
        return some

    def _begin_round(self) -> None:
        self.queues = self._fill()
        self.taken = dict.fromkeys(self.queues, 0)
        self.rounds -= 1

    def _next_of_round(self) -> Candidates | None:
        missing = min(self.count - self.total, self.config.candidates * self.count - sum(self.taken.values()))
        left = {
            group: len(queue) - self.taken[group]
            for group, queue in self.queues.items()
            if self.taken[group] < max(GIVE_UP, ONE_IN * len(self.found[group]))
        }
        share = math.ceil(self.count / max(len(self.queues), 1))
        short = [group for group in left if left[group] and len(self.found[group]) < share]
        short = short or [group for group in left if left[group]]
        if missing <= 0 or not short:
            return None
        size = max(1, min(self.config.batch, max(AT_LEAST, math.ceil(MORE * missing))) // len(short))
        parts = []
        for group in short:
            rows = torch.arange(self.taken[group], self.taken[group] + min(size, left[group]))
            self.taken[group] += len(rows)
            parts.append(self.queues[group].select(rows))
        # Groups in turn, for what comes after the last grasp that is wanted is not looked at.
        turns = torch.cat([torch.arange(len(part)) for part in parts]).argsort(stable=True)
        return Candidates.cat(parts).select(turns)

    def take(self, starts: Starts, grasps: list[Grasp], energies: list[float]) -> None:
        """Judge what became of starts (B): grasps and what is left of the energy, until there are enough.

        Asks that differ in their purpose only are answered in turn.
        """
        groups = zip(starts.target.tolist(), starts.type.tolist(), strict=True)
        for group, grasp, left in zip(groups, grasps, energies, strict=True):
            if self.total >= self.count:
                return
            asks, target = self.groups[group], self.targets[group[0]]
            wanted = Wanted(
                asks[len(self.found[group]) % len(asks)],
                TYPES[group[1]],
                None if target.part is None else target.wanted,
                self.forbidden,
            )
            outcome = judge(grasp, wanted, energy=left, bounds=self.config.bounds)
            if isinstance(outcome, str):
                self.rejected[outcome] += 1
            else:
                self.found[group].append(outcome)

    def result(self) -> Synthesis:
        """What came out.

        The best first: groups in turn, within each what a still hand holds first, then the lowest energy. Energies of
        different types do not compare, for each sums over what its type asks for.
        """
        held = lambda one: one.still is not None and one.still.held
        queues = [sorted(group, key=lambda one: (not held(one), one.energy)) for group in self.found.values()]
        ranked = [
            (rank, number, one) for number, queue in enumerate(queues) for rank, one in enumerate(queue)
        ]
        ranked = sorted(ranked, key=lambda item: (not held(item[2]), item[0], item[1]))
        named = [
            replace(one, grasp=one.grasp.with_(name=f"{self.mesh.name}_{k:03d}"))
            for k, (_, _, one) in enumerate(ranked)
        ]
        return Synthesis(tuple(named), dict(self.rejected), self.seconds)

    def _see(
        self, obj: ObjectMesh | PartedObject, asks: tuple[Ask, ...]
    ) -> tuple[list[Target], dict[Group, list[Ask]]]:
        places = list(dict.fromkeys((ask.part, ask.table, ask.from_side) for ask in asks))
        targets = [
            find_target(obj, *place, forbidden=self.forbidden, generator=self.generator) for place in places
        ]
        groups: dict[Group, list[Ask]] = {}
        for ask in asks:
            for name in dict.fromkeys(ask.types):
                place = places.index((ask.part, ask.table, ask.from_side))
                groups.setdefault((place, TYPES.index(name)), []).append(ask)
        return targets, groups

    def _fill(self) -> dict[Group, Candidates]:
        """For each group, closed hands, the most promising first; once some groups gave grasps, for those alone."""
        groups = [group for group in self.groups if self.found[group]] or list(self.groups)
        each = math.ceil(self.config.starts / len(groups))
        with self.timed("place"):
            placed = {group: self._place(group, count=each) for group in groups}
            placed = {group: starts for group, starts in placed.items() if starts is not None}
        if not placed and self.total:
            return {}
        self._check_any(placed)
        with self.timed("close"):
            closed = Starts.cat(list(placed.values()))
            closed = close(self.around.solid, self.hand, self.watched, closed, self.config)
        with self.timed("screen"):
            cost = self._cost(closed)
            cost = torch.where(pierced(self.mesh, self.hand, closed.state), torch.inf, cost)
            keep = max(self.count, math.ceil(self.config.candidates * self.count / len(placed)))
            queues = {}
            for k, number in placed:
                rows = torch.nonzero((closed.target == k) & (closed.type == number)).squeeze(-1)
                chosen = rows[most_varied(closed.state.select(rows), cost[rows], keep=keep)]
                some = closed.select(chosen)
                queues[k, number] = Candidates(some, aim_at(self.hand, self.watched, self.around, some))
        return queues

    def _place(self, group: Group, *, count: int) -> Starts | None:
        """The cheapest open hands of a group, at most `count`, none with a bone through the surface; None if there is
        no place. Twice as many are placed, and again and again where most go through: at a book's edge, in a loop."""
        k, number = group
        kept: list[Starts] = []
        for _ in range(PLACE_AGAIN):
            state = place_hands(
                self.targets[k],
                self.hand,
                self.watched,
                GRASP_TYPES[TYPES[number]],
                betas=self.betas,
                count=2 * count,
                generator=self.generator,
            )
            rows = len(state.wrist)
            if not rows:
                break
            starts = Starts(state, torch.full((rows,), number), torch.full((rows,), k))
            good = ~pierced(self.mesh, self.hand, state) & comes_right(self.targets[k], self.hand, state)
            kept.append(starts.select(torch.nonzero(good).squeeze(-1)))
            if sum(map(len, kept)) >= count:
                break
        if not kept:
            return None
        starts = Starts.cat(kept)
        return starts.select(self._cost(starts).argsort(stable=True)[:count])

    @torch.no_grad()
    def _cost(self, starts: Starts) -> Tensor:
        """The energy of hands that are not optimized, and how far they are from where the object is best held."""
        aim = aim_at(self.hand, self.watched, self.around, starts)
        cost = energy(
            self.hand,
            self.watched,
            self.around,
            starts.state,
            target=starts.target,
            aim=aim,
            forces=torch.zeros_like(aim.required),
            config=self.config,
        )
        best = torch.stack([target.centre for target in self.targets])[starts.target]
        skin = place(forward(self.hand, starts.state), self.watched.of(len(starts))[self.watched.patches])
        return cost + self.lever * (skin.mean(1) - best).norm(dim=-1)

    def _check_any(self, placed: dict[Group, Starts]) -> None:
        if placed:
            return
        parts = ", ".join(dict.fromkeys(f"'{t.part}'" for t in self.targets if t.part is not None))
        types = ", ".join(dict.fromkeys(TYPES[number] for _, number in self.groups))
        raise InputError(
            "found no place for a hand" + (f" on {parts}" if parts else ""),
            where=self.mesh.name,
            expected="two facing sides as wide as the grasp types allow",
            got=f"none for {types}",
            remedy="Allow other grasp types or another part, or check the units.",
        )
