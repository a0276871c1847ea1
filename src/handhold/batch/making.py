"""Making a grasp set: tasks are done in any order by anyone, and the set is what they give in order.

Task i is an object, drawn from the seed and i alone. The set is the shortest row of tasks, from the first on, that has
as many grasps as are wanted, cut to that number: so it depends neither on who does them, nor on interruptions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from handhold import optional
from handhold.batch.making_folder import begin, finished, join, settings_told, unpack, write_part
from handhold.batch.making_pools import Pool
from handhold.batch.making_tasks import MakeSettings, Recipe, failed_part, make_part
from handhold.data.grasp_set import read_manifest
from handhold.data.grasp_set_schema import ObjectRow
from handhold.errors import InputError

BARREN = 24
"""So many objects without a grasp, one after another, and something is wrong."""


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes:
        accepted: grasps that there are, of all runs.
        objects: objects that are done, of all runs.
        made: grasps of this run.
        seconds: since this run began.
    """

    accepted: int
    objects: int
    made: int
    seconds: float

    @property
    def rate(self) -> float:
        """Grasps a second in this run; 0 before the first."""
        return self.made / self.seconds if self.seconds > 0 else 0.0


def make_set(
    folder: Path,
    *,
    count: int,
    settings: MakeSettings,
    recipe: Recipe,
    pool: Pool,
    tell: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, Any]:
    """Make a set, or go on with one; what is finished is not done again.

    If it is interrupted, what is there is joined to a smaller set, and a later call goes on from it.

    Args:
        folder: of the set.
        count: grasps wanted.
        settings: what the set depends on.
        recipe: the functions that make grasps.
        pool: who does the tasks.
        tell: called at the start and after every task.

    Returns:
        The manifest.

    Raises:
        InputError: the folder holds something else, or a set of other settings; a file cannot be written (what is
            finished is kept); `BARREN` objects in a row have no grasps.
        MissingExtra: pyarrow is not installed, or what the recipe needs.
    """
    optional.require("pyarrow", extra="data")
    if count < 1:
        raise InputError("must be positive", where="--count", expected="1 or more", got=count)
    begin(folder, settings, recipe)
    with _keeping(folder):
        job = _Job(unpack(folder, finished(folder)), count, tell)
    try:
        for index, data in pool(partial(make_part, settings, recipe), job.next_task):
            with _keeping(folder):
                row = write_part(
                    folder, failed_part(settings, index, "worker_died") if data is None else data
                )
            job.note(row)
            job.check_barren()
    except KeyboardInterrupt:
        rows = job.in_order()
        there = min(count, sum(row.accepted for row in rows))
        if there > (read_manifest(folder) or {}).get("grasps", 0):
            join(folder, rows, there, settings_told(settings, recipe))
        raise
    with _keeping(folder):
        return join(folder, job.in_order(), count, settings_told(settings, recipe))


@contextmanager
def _keeping(folder: Path) -> Iterator[None]:
    """Say, where a file cannot be written, that nothing that is finished is lost."""
    try:
        yield
    except InputError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        raise InputError(
            f"stopped, for a file cannot be written ({error.where})",
            where=folder,
            got=error.got,
            remedy="What is finished is kept: make room, and give the same command again.",
        ) from error


class _Job:
    """Which tasks are done, and which is next."""

    def __init__(self, done: dict[int, ObjectRow], count: int, tell: Callable[[Progress], None]) -> None:
        self.done, self.count, self.tell = done, count, tell
        self.next, self.sure = 0, 0
        self.made, self.start = 0, time.monotonic()
        self._report()

    def next_task(self) -> int | None:
        """The first task that nobody has, while those before it do not surely have enough grasps."""
        while self.next in self.done:
            self.sure += self.done[self.next].accepted
            self.next += 1
            if self.sure >= self.count:
                return None
        if self.sure >= self.count:
            return None
        self.next += 1
        return self.next - 1

    def note(self, row: ObjectRow) -> None:
        """A task that was handed out is done."""
        self.done[row.index] = row
        self.sure += row.accepted
        self.made += row.accepted
        self._report()

    def in_order(self) -> list[ObjectRow]:
        """The objects of the set: from the first on, without a gap, until there are enough grasps."""
        rows, accepted = [], 0
        while accepted < self.count and len(rows) in self.done:
            rows.append(self.done[len(rows)])
            accepted += rows[-1].accepted
        return rows

    def check_barren(self) -> None:
        """Stop where nothing comes.

        Raises:
            InputError: `BARREN` objects in a row have no grasps.
        """
        last = self.in_order()[-BARREN:]
        if len(last) == BARREN and not any(row.accepted for row in last):
            raise InputError(
                f"{BARREN} objects in a row have no grasps",
                where=f"objects {last[0].object_id} to {last[-1].object_id}",
                got=last[-1].error or last[-1].cause,
                remedy="Choose other --categories.",
            )

    def _report(self) -> None:
        accepted = sum(row.accepted for row in self.done.values())
        self.tell(Progress(accepted, len(self.done), self.made, time.monotonic() - self.start))
