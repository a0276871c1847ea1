"""A progress bar for what takes longer than two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 2.0
"""Seconds without a bar: what is done sooner needs none."""


@contextmanager
def progress(what: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[], None]]:
    """Give a function to call after each of `total` things; the bar is on stderr, if that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=total)
    start, done = time.monotonic(), 0

    def step() -> None:
        nonlocal done
        done += 1
        if not bar.live.is_started and time.monotonic() - start > PATIENCE and done < total:
            bar.start()
        bar.update(task, completed=done)

    try:
        yield step
    finally:
        bar.stop()
