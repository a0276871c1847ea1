"""Many grasps through the metrics, by several processes; the figures do not depend on how many."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace

import torch

from handhold.evaluate.metrics import Protocol
from handhold.evaluate.scores import Score
from handhold.evaluate.suite import score_pair
from handhold.interaction.hand_object import HandObject
from handhold.objects import ObjectMesh

CHUNK = 4
"""Grasps that a process is given at a time."""
ENOUGH = 16
"""Fewer grasps than this are done in the calling process: others take seconds to start."""
KEPT = 16
"""Objects whose trees and pieces a process keeps."""


@dataclass(frozen=True, eq=False)
class Task:
    """A grasp to be scored, and what it is compared with if there is such."""

    pair: HandObject
    reference: HandObject | None = None


def score_all(
    tasks: Sequence[Task], protocols: Sequence[Protocol], *, workers: int | None = None, seed: int = 0
) -> Iterator[Score]:
    """Score grasps, in order.

    Args:
        tasks: the grasps.
        protocols: what to measure.
        workers: processes; None takes one a core where there are enough grasps.
        seed: of what is sampled.
    """
    if workers is None:
        workers = (os.cpu_count() or 1) if len(tasks) >= ENOUGH else 1
    if workers <= 1:
        for task in tasks:
            yield score_pair(task.pair, protocols, reference=task.reference, seed=seed)
        return
    chunks = [tasks[k : k + CHUNK] for k in range(0, len(tasks), CHUNK)]
    workers = min(workers, len(chunks), max(2, os.cpu_count() or 1))  # more would only fill the memory
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        pending: deque[Future] = deque()
        try:
            for chunk in chunks:  # few at a time, so that memory does not grow with their number
                pending.append(pool.submit(_score_chunk, chunk, tuple(protocols), seed))
                if len(pending) > 4 * workers:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _one_thread() -> None:
    torch.set_num_threads(1)


_objects: dict[str, ObjectMesh] = {}
"""Objects that this process has met, so that their trees are built once."""


def _score_chunk(tasks: Sequence[Task], protocols: Sequence[Protocol], seed: int) -> list[Score]:
    scores = []
    for task in tasks:
        pair = replace(task.pair, object=_met(task.pair.object))
        reference = task.reference and replace(task.reference, object=_met(task.reference.object))
        scores.append(score_pair(pair, protocols, reference=reference, seed=seed))
    return scores


def _met(item: ObjectMesh) -> ObjectMesh:
    known = _objects.setdefault(item.content_hash, item)
    while len(_objects) > KEPT:
        del _objects[next(iter(_objects))]
    return known
