"""From asks to measured grasps: drawn by a trained model, polished by the refiner if wanted, judged exactly."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from handhold.hand import Hand
from handhold.interaction.grasp import Grasp
from handhold.methods.refine.gravity import refine_gravity
from handhold.methods.synthesize.accept import Bounds, Wanted, judge
from handhold.methods.synthesize.drafts import Config, Draft, Drafts
from handhold.methods.synthesize.holdable import faces_of_part, forbidden_faces, mesh_of
from handhold.methods.synthesize.result import Ask, Found, Synthesis
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

Thing = ObjectMesh | PartedObject
RAW = Bounds(iv_cm3=3.0, on_part=0.5, bones_apart=0.006, sinks=0.004)
"""What a model's own hands may be: soft tissue and a refiner mend what they leave."""
POLISHED = Bounds(iv_cm3=0.5, on_part=0.5, bones_apart=0.006, sinks=0.004)
HOPELESS = ("limits", "fingers_cross", "table", "forbidden")
"""Why a hand is not even polished, which moves it by millimetres and costs more than all else."""
ROUNDS = 12
"""At a mug or a bowl four hands of five go through a wall, and drawing costs little."""
AT_ONCE = 24
"""Hands that are polished at once at least: few take nearly as long."""
LEAST = 16
"""Hands drawn for each of many asks."""
FINGER_CM3 = 0.2
"""So much volume a finger that does not touch counts as, where measured grasps are ranked [cm³]."""


def draw_grasps(
    obj: Thing,
    hand: Hand,
    *,
    draft: Draft[Config],
    config: Config,
    count: int,
    asks: Sequence[Ask] | None = None,
    polish: bool = False,
    bounds: Bounds | None = None,
    rounds: int = ROUNDS,
    generator: torch.Generator | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Synthesis:
    """Grasps of an object by a trained model, each measured exactly; the best first.

    Grasps are shared evenly among the asks. What the model thinks best is looked at first; what the bounds refuse is
    replaced by the next best, as long as there are any.

    Args:
        obj: the object.
        hand: the hand that the model was trained for, right or left, float32 on the CPU.
        draft: a method with its model: `partial(fastgrasp, model=shipped())`.
        config: settings of its sampling; `rounds` among them counts for nothing here.
        count: how many are wanted; fewer may come.
        asks: what is wanted; by default anything.
        polish: refine them (`refine_gravity`), soft tissue included.
        bounds: what a grasp may be; `RAW` or `POLISHED` by default.
        rounds: so many times at most hands are drawn, while too few are accepted; after the first time for asks that
            gave some.
        generator: source of randomness; without one, seed 0.
        progress: is called with how many there are, and how many are wanted.

    Raises:
        InputError: as the method.
        SimulationError, MissingExtra: the bounds ask for physics, and it cannot be done.
    """
    generator = generator or torch.Generator().manual_seed(0)
    bounds = bounds or (POLISHED if polish else RAW)
    many = max(len(asks or ()), 1)
    share = math.ceil(count / many)
    least = max(math.ceil(config.least / many), min(config.least, LEAST))
    once, forbidden = replace(config, least=least, rounds=1), forbidden_faces(obj, generator)
    ledger = _Ledger()

    def draw(ask: Ask | None) -> Drafts:
        drawn = draft(obj, hand, count=share, ask=ask, config=once, generator=generator, spares=True)
        ledger.add(drawn.seconds)
        return drawn

    queues = [_Queue(ask, _part(obj, ask), forbidden) for ask in asks or (None,)]
    for _ in range(rounds):
        for queue in [queue for queue in queues if queue.found] or queues:
            queue.refill(draw(queue.ask))
        while short := _short(queues, share, count):
            missing = count - _total(queues)
            missing = max(missing, AT_ONCE) if polish else missing
            _look(short, math.ceil(missing / len(short)), bounds, ledger, generator if polish else None)
            if progress:
                progress(min(count, _total(queues)), count)
        if _total(queues) >= count:
            break
    found = _chosen([queue.found for queue in queues], count)
    name = mesh_of(obj).name
    named = [replace(one, grasp=one.grasp.with_(name=f"{name}_{k:03d}")) for k, one in enumerate(found)]
    return Synthesis(tuple(named), dict(ledger.rejected), ledger.seconds)


@dataclass
class _Queue:
    """What was drawn for an ask, how much of it was looked at, and what was found."""

    ask: Ask | None
    part: np.ndarray | None
    forbidden: np.ndarray
    drawn: Drafts | None = None
    looked: int = 0
    found: list[Found] = field(default_factory=list)

    def refill(self, drawn: Drafts) -> None:
        self.drawn, self.looked = drawn, 0

    def take(self, many: int) -> list[_Candidate]:
        """The next grasps."""
        assert self.drawn is not None
        rows = slice(self.looked, self.looked + min(many, self.left))
        self.looked, drawn = rows.stop, self.drawn
        figures = (drawn.grasps[rows], drawn.types[rows], drawn.faults[rows], drawn.cost[rows].tolist())
        return [_Candidate(self, *one) for one in zip(*figures, strict=True)]

    @property
    def left(self) -> int:
        return 0 if self.drawn is None else len(self.drawn.grasps) - self.looked


@dataclass(frozen=True)
class _Candidate:
    """A grasp that was drawn, for what type, what is surely wrong with it, and what the model thinks of it."""

    queue: _Queue
    grasp: Grasp
    type: str
    fault: str
    cost: float

    def judged(self, bounds: Bounds) -> Found | str:
        wanted = Wanted(self.queue.ask or Ask(), self.type, self.queue.part, self.queue.forbidden)
        return judge(self.grasp, wanted, energy=self.cost, bounds=bounds)


@dataclass
class _Ledger:
    """Causes of refusal and time by stage."""

    rejected: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, seconds: dict[str, float]) -> None:
        for stage, own in seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + own

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.add({stage: time.perf_counter() - start})


def _part(obj: Thing, ask: Ask | None) -> np.ndarray | None:
    return None if ask is None or ask.part is None else faces_of_part(obj, ask.part)


def _total(queues: list[_Queue]) -> int:
    """How many grasps there are."""
    return sum(len(queue.found) for queue in queues)


def _short(queues: list[_Queue], share: int, count: int) -> list[_Queue]:
    """Where to look next: asks that have not got their share, then any; none if there is enough or nothing left."""
    if _total(queues) >= count:
        return []
    left = [queue for queue in queues if queue.left]
    return [queue for queue in left if len(queue.found) < share] or left


def _chosen(groups: list[list[Found]], count: int) -> list[Found]:
    """The best first: of every ask's its share at least, as far as it has so many, then the best of what is left."""
    sure = count // len(groups)
    ranked = [sorted(group, key=_rank) for group in groups]
    kept = [one for group in ranked for one in group[:sure]]
    rest = sorted((one for group in ranked for one in group[sure:]), key=_rank)
    return sorted(kept + rest[: count - len(kept)], key=_rank)


def _look(
    queues: list[_Queue], each: int, bounds: Bounds, ledger: _Ledger, generator: torch.Generator | None
) -> None:
    """Judge the next grasps of some queues. With a generator they are polished first, in one batch, but for those that
    are wrong by more than polishing mends."""
    taken = [one for queue in queues for one in queue.take(each)]
    ledger.rejected.update(Counter(one.fault for one in taken if one.fault))
    taken = [one for one in taken if not one.fault]
    if generator is not None:
        with ledger.timed("judge"):
            before = replace(bounds, iv_cm3=math.inf, on_part=0.0, physics=False)
            first = [one.judged(before) for one in taken]
        ledger.rejected.update(Counter(str(cause) for cause in first if cause in HOPELESS))
        taken = [one for one, cause in zip(taken, first, strict=True) if cause not in HOPELESS]
        with ledger.timed("polish"):
            grasps = [one.grasp for one in taken]
            grasps = refine_gravity(grasps, generator=generator) if grasps else []
        taken = [replace(one, grasp=grasp) for one, grasp in zip(taken, grasps, strict=True)]
    with ledger.timed("judge"):
        for one in taken:
            outcome = one.judged(bounds)
            if isinstance(outcome, str):
                ledger.rejected[outcome] += 1
            else:
                one.queue.found.append(outcome)


def _rank(found: Found) -> tuple[bool, float]:
    """The best first: what a still hand holds too, then by volume and fingers."""
    still = found.still is not None and found.still.held
    return not still, found.iv_cm3 + FINGER_CM3 * (5 - found.fingers)
