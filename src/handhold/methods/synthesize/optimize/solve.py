"""The front of the optimizer."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.methods.synthesize.optimize.accept import Candidate, as_grasps, judge, nearest_bones, pierced
from handhold.methods.synthesize.optimize.aim import Aim, aim_at
from handhold.methods.synthesize.optimize.config import OptimizeConfig
from handhold.methods.synthesize.optimize.energy import energy
from handhold.methods.synthesize.optimize.fields import Fields
from handhold.methods.synthesize.optimize.minimize import minimize
from handhold.methods.synthesize.optimize.result import Ask, Found, Synthesis, any_types
from handhold.methods.synthesize.optimize.start import Starts, close, most_varied, place_hands
from handhold.methods.synthesize.optimize.target import (
    Target,
    check_size,
    find_target,
    forbidden_faces,
    mesh_of,
)
from handhold.methods.synthesize.optimize.watched import Watched, watch
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

TYPES = tuple(GRASP_TYPES)
GIVE_UP = 10
"""A group of which so many were optimized and none accepted is tried no further."""
MORE, AT_LEAST = 1.4, 16
"""So many times as many hands are optimized as grasps are missing, and not fewer than these: a batch of few takes
nearly as long."""
Group = tuple[int, int]
"""Number of a target, and of a grasp type."""


@dataclass(frozen=True)
class _Task:
    """What stays the same during one call."""

    hand: Hand
    watched: Watched
    targets: list[Target]
    asks: dict[
        tuple[int, int], list[Ask]
    ]  # by target and type, the groups that starts and grasps are shared among
    around: Fields
    forbidden: np.ndarray
    config: OptimizeConfig
    clock: _Clock


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.since = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self.since
        self.since = now


def optimize_grasps(
    obj: ObjectMesh | PartedObject,
    hand: Hand,
    *,
    count: int,
    asks: Sequence[Ask] | None = None,
    config: OptimizeConfig | None = None,
    generator: torch.Generator | None = None,
    betas: Tensor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Synthesis:
    """Grasps of an object by one hand.

    Grasps are shared evenly among all types, parts and tables that are asked for, as far as each gives any; asks
    that differ in their purpose only are answered in turn.

    Args:
        obj: the object; with parts, hands keep off those that are not to be held.
        hand: the hand, float32 on the CPU.
        count: how many are wanted; fewer may come.
        asks: what is wanted; by default several types anywhere.
        config: settings.
        generator: source of randomness; without one, seed 0.
        betas: (S,) the hand's shape; the mean one by default.
        progress: is called with how many there are, and how many are wanted.

    Raises:
        InputError: the object is too small or too large for a hand, a part is unknown or not to be held, no
            start is of use, or the count is less than one.
        SimulationError, MissingExtra: physics is asked for, and cannot be done.
    """
    config, asks = config or OptimizeConfig(), tuple(asks or (Ask(any_types(mesh_of(obj))),))
    generator = generator or torch.Generator().manual_seed(0)
    if count < 1:
        raise InputError("nothing to do", where="count", expected="at least 1", got=count)
    task = _prepare(obj, hand, asks, betas, config, generator)
    betas = hand.zeros().betas if betas is None else betas.to(hand.template)
    queues = _queues(task, betas, count, generator)
    found: dict[Group, list[Found]] = {group: [] for group in queues}
    rejected: Counter[str] = Counter()
    for batch in _batches(queues, found, count, config):
        for group, outcome in _outcomes(task, batch, found, seed=generator.initial_seed()):
            if isinstance(outcome, str):
                rejected[outcome] += 1
            elif _total(found) < count:
                found[group].append(outcome)
        if progress:
            progress(_total(found), count)
    ranked = [
        replace(one, grasp=one.grasp.with_(name=f"{task.targets[0].mesh.name}_{k:03d}"))
        for k, one in enumerate(_ranked(list(found.values())))
    ]
    return Synthesis(tuple(ranked), dict(rejected), task.clock.seconds)


def _total(found: dict[Group, list[Found]]) -> int:
    return sum(map(len, found.values()))


def _prepare(
    obj: ObjectMesh | PartedObject,
    hand: Hand,
    asks: tuple[Ask, ...],
    betas: Tensor | None,
    config: OptimizeConfig,
    generator: torch.Generator,
) -> _Task:
    clock = _Clock()
    check_size(mesh_of(obj))
    forbidden = forbidden_faces(obj, generator)
    places = list(dict.fromkeys((ask.part, ask.table) for ask in asks))
    targets = [find_target(obj, *place, forbidden=forbidden, generator=generator) for place in places]
    groups: dict[Group, list[Ask]] = {}
    for ask in asks:
        for name in dict.fromkeys(ask.types):
            groups.setdefault((places.index((ask.part, ask.table)), TYPES.index(name)), []).append(ask)
    watched = watch(hand, hand.zeros().betas if betas is None else betas.to(hand.template))
    task = _Task(hand, watched, targets, groups, Fields.of(targets), forbidden, config, clock)
    clock.lap("prepare")
    return task


def _queues(
    task: _Task, betas: Tensor, count: int, generator: torch.Generator
) -> dict[Group, tuple[Starts, Aim]]:
    """For each target and type, closed hands that are worth optimizing, the most promising first."""
    each = math.ceil(task.config.starts / len(task.asks))
    placed = {}
    for k, number in task.asks:
        kind = GRASP_TYPES[TYPES[number]]
        state = place_hands(
            task.targets[k], task.hand, task.watched, kind, betas=betas, count=2 * each, generator=generator
        )
        rows = len(state.wrist)
        starts = Starts(state, torch.full((rows,), number), torch.full((rows,), k))
        if rows:
            cheap = _cost(task, starts).argsort(stable=True)[:each]
            placed[k, number] = starts.select(cheap)
    task.clock.lap("place")
    _check_any(task, placed)
    closed = close(
        task.around.solid,
        task.hand,
        task.watched,
        Starts.cat(list(placed.values())),
        task.config,
        index=task.around.object[torch.cat([s.target for s in placed.values()])],
    )
    task.clock.lap("close")
    cost = _cost(task, closed)
    through = torch.zeros_like(cost, dtype=torch.bool)
    through[:] = pierced(task.targets[0].mesh, task.hand, closed.state)
    cost = torch.where(through, torch.inf, cost)
    keep = max(count, math.ceil(task.config.candidates * count / len(placed)))
    queues = {}
    for k, number in placed:
        rows = torch.nonzero((closed.target == k) & (closed.type == number)).squeeze(-1)
        chosen = rows[most_varied(closed.state.select(rows), cost[rows], keep=keep)]
        some = closed.select(chosen)
        queues[k, number] = (some, aim_at(task.hand, task.watched, task.around, some))
    task.clock.lap("screen")
    return queues


def _check_any(task: _Task, placed: dict) -> None:
    if placed:
        return
    target = task.targets[0]
    part = f" on the part '{target.part}'" if target.part else ""
    types = ", ".join(dict.fromkeys(TYPES[number] for _, number in task.asks))
    raise InputError(
        f"found no place for a hand{part}",
        where=target.mesh.name,
        expected="two facing sides as wide as the grasp types allow",
        got=f"none for {types}",
        remedy="Allow other grasp types or another part, or check the units.",
    )


@torch.no_grad()
def _cost(task: _Task, starts: Starts) -> Tensor:
    """The energy of hands that are not optimized, and how far they are from where the object is best held."""
    aim = aim_at(task.hand, task.watched, task.around, starts)
    forces = torch.zeros_like(aim.required)
    cost = _energy(task, starts, aim, forces)
    centres = torch.stack([target.centre for target in task.targets])[starts.target]
    skin = task.watched.of(len(starts))[task.watched.patches]
    middle = _middle(task.hand, starts, skin)
    return cost + task.config.lever * (middle - centres).norm(dim=-1)


def _middle(hand: Hand, starts: Starts, skin) -> Tensor:
    from handhold.hand.kinematics import forward, place

    return place(forward(hand, starts.state), skin).mean(1)


def _energy(task: _Task, starts: Starts, aim: Aim, forces: Tensor) -> Tensor:
    return energy(
        task.hand,
        task.watched,
        task.around,
        starts.state,
        target=starts.target,
        aim=aim,
        forces=forces,
        config=task.config,
    )


def _batches(
    queues: dict[Group, tuple[Starts, Aim]],
    found: dict[Group, list[Found]],
    count: int,
    config: OptimizeConfig,
) -> Iterator[tuple[Starts, Aim]]:
    """Candidates of all groups in turn until there are enough: first to every group its share, then to those that
    have candidates left. A group of which so many gave none is given up."""
    taken = dict.fromkeys(queues, 0)
    share = math.ceil(count / len(queues))
    while True:
        missing = min(count - _total(found), config.candidates * count - sum(taken.values()))
        left = {
            key: len(starts) - taken[key]
            for key, (starts, _) in queues.items()
            if found[key] or taken[key] < GIVE_UP
        }
        short = [key for key in left if left[key] and len(found[key]) < share]
        short = short or [key for key in left if left[key]]
        if missing <= 0 or not short:
            return
        size = max(1, min(config.batch, max(AT_LEAST, math.ceil(MORE * missing))) // len(short))
        parts = []
        for key in short:
            rows = torch.arange(taken[key], taken[key] + min(size, left[key]))
            taken[key] += len(rows)
            parts.append((queues[key][0].select(rows), queues[key][1].select(rows)))
        starts = Starts.cat([p[0] for p in parts])
        aims = [p[1] for p in parts]
        yield starts, Aim(*(torch.cat([getattr(a, name) for a in aims]) for name in Aim.__dataclass_fields__))


def _outcomes(
    task: _Task, batch: tuple[Starts, Aim], found: dict[Group, list[Found]], *, seed: int
) -> Iterator[tuple[Group, Found | str]]:
    """What becomes of each hand of a batch, with its group."""
    starts, aim = batch
    state, cost = minimize(
        task.hand, task.watched, task.around, starts, aim=aim, config=task.config, seed=seed
    )
    task.clock.lap("optimize")
    grasps = as_grasps(task.targets[0].mesh, task.hand, state)
    apart = nearest_bones(task.hand, task.watched, state)
    task.clock.lap("soft tissue")
    for row, grasp in enumerate(grasps):
        group = int(starts.target[row]), int(starts.type[row])
        asks = task.asks[group]
        yield (
            group,
            judge(
                Candidate(grasp, TYPES[group[1]], float(cost[row]), float(apart[row])),
                task.targets[group[0]],
                task.forbidden,
                ask=asks[len(found[group]) % len(asks)],
                config=task.config,
            ),
        )
    task.clock.lap("judge")


def _ranked(groups: list[list[Found]]) -> list[Found]:
    """The best first: groups in turn, within each what holds still first, then the lowest energy. Energies of
    different types do not compare, for each sums over what that type asks for."""
    held = lambda found: found.still is not None and found.still.held
    queues = [sorted(group, key=lambda f: (not held(f), f.energy)) for group in groups]
    ranked = [(rank, number, f) for number, queue in enumerate(queues) for rank, f in enumerate(queue)]
    return [f for _, _, f in sorted(ranked, key=lambda item: (not held(item[2]), item[0], item[1]))]
