"""A progress bar for what takes longer than two seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

PATIENCE = 2.0
"""Seconds without a bar: what is done sooner needs none."""
LOG_SECONDS = 60.0
"""Where stderr is no terminal, a line so often."""


class Step(Protocol):
    """Tells the bar how far the work is."""

    def __call__(self, *, to: int | None = None) -> None:
        """One more thing is done, or `to` of them in all."""
        ...


@contextmanager
def progress(what: str, total: int, *, quiet: bool = False) -> Iterator[Step]:
    """Give a function to call after each of `total` things; there is a bar on stderr, or, if that is no terminal, a
    line once a minute."""
    if quiet:
        yield lambda *, to=None: None
        return
    if not sys.stderr.isatty():
        yield _log(what, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=total)
    late = threading.Timer(PATIENCE, bar.start)  # the first thing alone may take longer
    late.daemon = True
    late.start()
    done = 0

    def step(*, to: int | None = None) -> None:
        nonlocal done
        done = done + 1 if to is None else to
        bar.update(task, completed=done)

    try:
        yield step
    finally:
        late.cancel()
        late.join()
        bar.stop()


def _log(what: str, total: int) -> Step:
    start = last = time.monotonic()
    done, first = 0, None  # work that goes on where it stopped begins with more than one

    def step(*, to: int | None = None) -> None:
        nonlocal done, first, last
        done = done + 1 if to is None else to
        first = done - 1 if first is None else first
        now = time.monotonic()
        if now - last >= LOG_SECONDS and first < done < total:
            last = now
            left = (now - start) * (total - done) / (done - first)
            told = f"handhold: {what} {done}/{total}, about {left / 60:.0f} min left"
            print(told, file=sys.stderr, flush=True)

    return step
