"""`handhold data make`: a set of grasps of household objects, made by many processes, in any number of runs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handhold import optional
from handhold.batch.making import Progress, make_set
from handhold.batch.making_pools import local_pool, ray_pool
from handhold.batch.making_tasks import CAUSES, MakeSettings, optimizer_recipe
from handhold.cli.output import REPORT_FORMAT, alone_in, check_json, output_folder
from handhold.cli.tables import console, plain_table
from handhold.data.grasp_set import read_manifest
from handhold.errors import InputError
from handhold.io import write_json
from handhold.objects.household import CATEGORIES

LOG_SECONDS = 60.0
"""Where stderr is no terminal, a line of progress so often."""
INTERRUPTED = 130


@dataclass(frozen=True)
class Make:
    """Make a set of grasps of household objects, each held in physics, with sentences; docs/grasp_set.md.

    Objects are drawn one after another, categories in turns; each is held by several hands in every way that makes
    sense. The set is the first COUNT grasps in the order of the objects, so it does not depend on --workers. Stopped
    in any way, the same command goes on; a larger --count makes the set grow.

    Attributes:
        count: grasps in the set.
        out: folder of the set; made if it is not there.
        workers: processes, one core and some 0.8 GB each, or with --ray tasks under way; all cores by default.
        per_object: grasps asked for of each object.
        hands: hands, of both sides and several shapes, that share an object's grasps.
        categories: kinds of objects; all by default.
        ray: address of a Ray cluster that does the work; auto for one that runs here, local to start one.
        seed: of everything that is drawn.
        json: also write a report here.
        quiet: print nothing but errors.
    """

    count: int
    out: Path
    workers: int | None = None
    per_object: int = 48
    hands: int = 3
    categories: tuple[str, ...] = tuple(CATEGORIES)
    ray: str | None = None
    seed: int = 0
    json: Path | None = None
    quiet: bool = False


def run_make(options: Make) -> int:
    """Make, join, print. Returns the exit code."""
    optional.require("pyarrow", extra="data")
    optional.require("mujoco", extra="physics")
    if options.count < 1:
        raise InputError("must be positive", where="--count", expected="1 or more", got=options.count)
    check_json(options.json)
    settings = MakeSettings(options.seed, options.per_object, options.hands, options.categories)
    pool = (
        local_pool((os.cpu_count() or 1) if options.workers is None else options.workers)
        if options.ray is None
        else ray_pool(options.ray, workers=options.workers)
    )
    start = time.monotonic()
    with output_folder(options.out) as folder, alone_in(folder, "handhold data make"):
        before = (read_manifest(folder) or {}).get("grasps", 0)
        try:
            with _telling(options) as tell:  # a plain `kill` comes here too: see `output_folder`
                manifest = make_set(
                    folder,
                    count=options.count,
                    settings=settings,
                    recipe=optimizer_recipe(),
                    pool=pool,
                    tell=tell,
                )
        except KeyboardInterrupt:
            print(f"handhold: stopped; the same command goes on from what is in {folder}", file=sys.stderr)
            return INTERRUPTED
    if options.json is not None:
        write_json({"format": REPORT_FORMAT, "command": "data make", "set": manifest}, options.json)
    if not options.quiet:
        _print(manifest, folder, time.monotonic() - start)
        if manifest["grasps"] < before:
            console().print(
                f"[yellow]note:[/] the set had {before} grasps; a larger --count brings them back"
            )
    return 0


@contextmanager
def _telling(options: Make) -> Iterator[Callable[[Progress], None]]:
    """A function that shows progress: a bar on a terminal, else a line on stderr once a minute."""
    if options.quiet:
        yield lambda progress: None
    elif sys.stderr.isatty():
        with _bar(options.count) as show:
            yield show
    else:
        last = time.monotonic()

        def log(progress: Progress) -> None:
            nonlocal last
            if time.monotonic() - last >= LOG_SECONDS:
                last = time.monotonic()
                print(_words(progress, options.count), file=sys.stderr, flush=True)

        yield log


@contextmanager
def _bar(count: int) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    bar = Bar(BarColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True)
    task = bar.add_task("starting", total=count)

    def show(progress: Progress) -> None:
        bar.update(task, completed=min(progress.accepted, count), description=_words(progress, count))

    with bar:
        yield show


def _words(progress: Progress, count: int) -> str:
    """How far it is, how fast, and how long it will take."""
    far = f"{min(progress.accepted, count)}/{count} grasps · {progress.objects} objects"
    if not progress.made:
        return far
    left = max(count - progress.accepted, 0) / progress.rate
    return f"{far} · {progress.rate:.2f}/s · {_duration(left)} left"


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"


def _print(manifest: dict[str, Any], folder: Path, seconds: float) -> None:
    from rich.markup import escape

    out = console()
    rows = [_row(name, entry) for name, entry in manifest["categories"].items()]
    whole = {
        key: sum(e[key] for e in manifest["categories"].values()) for key in ("objects", "grasps", "seconds")
    }
    held = sum(e["still_held"] for e in manifest["categories"].values())
    rows.append(_row("all", {**whole, "still_held": held}))
    heads = ("category", "objects", "grasps", "a second and core", "held by a still hand")
    out.print(plain_table(rows, heads=heads))
    out.print()
    splits = ", ".join(f"{name} {number}" for name, number in manifest["splits"].items())
    out.print(f"splits: {splits}")
    refused = sorted(manifest["rejected"].items(), key=lambda item: -item[1])
    out.print("refused: " + (", ".join(f"{escape(name)} {number}" for name, number in refused) or "none"))
    for cause, number in manifest["objects_without_grasps"].items():
        out.print(f"[yellow]note:[/] {number} objects without grasps: {CAUSES.get(cause, cause)}")
    out.print(f"{_duration(seconds)} now, {_duration(manifest['worker_seconds'])} of one core in all")
    out.print(f"\nset: {escape(str(folder))}", soft_wrap=True)


def _row(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    rate = entry["grasps"] / entry["seconds"] if entry["seconds"] > 0 else 0.0
    held = f"{entry['still_held'] / entry['grasps']:.0%}" if entry["grasps"] else "–"
    return name, str(entry["objects"]), str(entry["grasps"]), f"{rate:.2f}", held
