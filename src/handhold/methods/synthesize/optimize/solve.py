"""The front of the optimizer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.interaction.grasp import Grasp
from handhold.interaction.soft_skin import soft_skin
from handhold.methods.synthesize.optimize.config import OptimizeConfig
from handhold.methods.synthesize.optimize.fields import Fields
from handhold.methods.synthesize.optimize.minimize import minimize
from handhold.methods.synthesize.optimize.search import Candidates, Search
from handhold.methods.synthesize.optimize.watched import Watched, watch
from handhold.methods.synthesize.result import Ask, Synthesis
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

Thing = ObjectMesh | PartedObject


def optimize_grasps(
    obj: Thing,
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
    generators = None if generator is None else [generator]
    (found,) = optimize_many(
        [obj],
        hand,
        count=count,
        asks=None if asks is None else [asks],
        config=config,
        generators=generators,
        betas=betas,
        progress=progress,
    )
    return found


def optimize_many(
    objects: Sequence[Thing],
    hand: Hand,
    *,
    count: int,
    asks: Sequence[Sequence[Ask]] | None = None,
    config: OptimizeConfig | None = None,
    generators: Sequence[torch.Generator] | None = None,
    betas: Tensor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Synthesis]:
    """`optimize_grasps` of several objects, hands of different objects in one batch.

    Args:
        objects: the objects.
        hand: the hand, float32 on the CPU.
        count: how many grasps are wanted of each.
        asks: what is wanted of each.
        config: settings.
        generators: a source of randomness for each; without, seed 0 for each.
        betas: (S,) the hand's shape; the mean one by default.
        progress: is called with how many there are, and how many are wanted, of all objects.

    Returns:
        What came out, object by object. What belongs to one batch is shared by rows in `seconds`.

    Raises:
        InputError, SimulationError, MissingExtra: as `optimize_grasps`, for the first object that gives cause.
    """
    config = config or OptimizeConfig()
    if count < 1:
        raise InputError("nothing to do", where="count", expected="at least 1", got=count)
    sources = generators or [torch.Generator().manual_seed(0) for _ in objects]
    wanted = asks or [()] * len(objects)
    if not len(sources) == len(wanted) == len(objects):
        raise InputError("not one for each object", where="asks, generators", expected=len(objects))
    betas = hand.zeros().betas if betas is None else betas.to(hand.template)
    watched = watch(hand, betas)
    searches = [
        Search(
            obj,
            hand,
            watched,
            asks=tuple(own),
            betas=betas,
            count=count,
            config=config,
            generator=source,
        )
        for obj, own, source in zip(objects, wanted, sources, strict=True)
    ]
    around = Fields.of([target for search in searches for target in search.targets])
    while batches := _next(searches, config.batch):
        for batch in batches:
            _do(batch, hand, watched, around, config=config, seed=sources[0].initial_seed())
            if progress:
                progress(sum(search.total for search in searches), count * len(searches))
    return [search.result() for search in searches]


Batch = list[tuple[Search, int, Candidates]]
"""Objects, the number of the first target of each, and their hands."""


def _next(searches: list[Search], most: int) -> list[Batch]:
    """What is to be optimized next, in batches of about so many hands at most."""
    batches: list[Batch] = []
    first, rows = 0, 0
    for search in searches:
        some = search.next()
        if some is not None:
            if not batches or rows + len(some) > most:
                batches.append([])
                rows = 0
            batches[-1].append((search, first, some))
            rows += len(some)
        first += len(search.targets)
    return batches


def _do(
    batch: Batch, hand: Hand, watched: Watched, around: Fields, *, config: OptimizeConfig, seed: int
) -> None:
    """Optimize a batch, judge it, and hand every search its own."""
    start = time.perf_counter()
    every = Candidates.cat([_numbered(some, first) for _, first, some in batch])
    state, cost = minimize(hand, watched, around, every.starts, aim=every.aim, config=config, seed=seed)
    each = (time.perf_counter() - start) / len(every)
    row = 0
    for search, _, some in batch:
        rows = slice(row, row + len(some))
        row += len(some)
        search.seconds["optimize"] = search.seconds.get("optimize", 0.0) + each * len(some)
        with search.timed("soft tissue"):
            grasps = _as_grasps(search.mesh, hand, state.select(rows))
        with search.timed("judge"):
            search.take(some.starts, grasps, cost[rows].tolist())


def _as_grasps(obj: ObjectMesh, hand: Hand, state: HandState) -> list[Grasp]:
    """Hands in the object's frame as grasps, their skin yielding to the surface."""
    offsets, params = soft_skin(hand, state, obj), state.params(hand)
    return [
        Grasp(hand, params[k], obj, torch.eye(4), offsets=offsets[k], name=obj.name)
        for k in range(len(offsets))
    ]


def _numbered(some: Candidates, first: int) -> Candidates:
    """Candidates whose targets are counted among those of all objects."""
    return replace(some, starts=replace(some.starts, target=some.starts.target + first))
