"""Many grasps through the metrics, by several processes; the figures do not depend on how many."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing.util import Finalize

import torch

from handhold.errors import InputError
from handhold.evaluate.registry import Protocol
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
        workers: processes, at most one a core; None takes so many where there are enough grasps.
        seed: of what is sampled.

    Raises:
        InputError: a process was killed.
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
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin) as pool:
        pending: deque[Future] = deque()
        try:
            for chunk in chunks:  # few at a time, so that memory does not grow with their number
                # Pickled here: torch, asked to send a tensor to a process, moves its memory and leaves every numpy
                # view of it dangling.
                packed = pickle.dumps(chunk)
                pending.append(pool.submit(_score_chunk, packed, tuple(protocols), seed))
                if len(pending) > 4 * workers:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        except BrokenProcessPool as error:
            raise InputError(
                "a process that scored grasps was killed",
                where=f"--workers {workers}",
                remedy="If memory ran out, give fewer; --workers 1 tells at which grasp it happens.",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Set a process up: one thread, and an end when the calling process ends, however that was killed."""
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # At once, in the end: an interpreter that shuts down beside that thread lists what nanobind's modules leak.
    Finalize(None, os._exit, args=(0,), exitpriority=-100)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


_objects: dict[str, ObjectMesh] = {}
"""Objects that this process has met, so that their trees are built once."""


def _score_chunk(packed: bytes, protocols: Sequence[Protocol], seed: int) -> list[Score]:
    scores = []
    for task in pickle.loads(packed):
        pair = replace(task.pair, object=_met(task.pair.object))
        reference = task.reference and replace(task.reference, object=_met(task.reference.object))
        scores.append(score_pair(pair, protocols, reference=reference, seed=seed))
    return scores


def _met(item: ObjectMesh) -> ObjectMesh:
    known = _objects.setdefault(item.content_hash, item)
    while len(_objects) > KEPT:
        del _objects[next(iter(_objects))]
    return known
