"""The folder of a grasp set that is being made: its parts, one a task, and the set that they are joined to."""

from __future__ import annotations

import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from handhold import optional
from handhold.batch.making_tasks import MakeSettings, Recipe
from handhold.data.grasp_set import read_manifest
from handhold.data.grasp_set_schema import (
    FORMAT,
    HOUSEHOLD,
    MANIFEST,
    OBJECTS,
    SHARDS,
    GraspRow,
    ObjectRow,
    make_table,
    packed,
    read_rows,
    read_table,
    read_told,
    tell,
)
from handhold.errors import InputError
from handhold.hand import Hand
from handhold.io.files import plain, prepare_output, writing
from handhold.version import __version__

if TYPE_CHECKING:
    import pyarrow as pa

PARTS = "parts"
SHARD_ROWS = 10_000
"""Grasps in a file: some 2.5 MB. A set that grows keeps its full files as they are, byte for byte."""
STALE = 60.0
"""A draft older than this [s] was left by a process that was killed."""


def begin(folder: Path, settings: MakeSettings, recipe: Recipe) -> None:
    """Make the folder ready: note the settings, or see that they are those with which it was begun.

    Raises:
        InputError: a folder of something else, other settings, or it cannot be written to.
    """
    told = settings_told(settings, recipe)
    manifest = read_manifest(folder)
    if manifest is None:
        foreign = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
        if foreign:
            raise InputError(
                "is not empty, and holds no grasp set",
                where=folder,
                expected="a new folder, or one that this command began",
                got=", ".join(foreign[:5]) + (", ..." if len(foreign) > 5 else ""),
                remedy="Choose another --out.",
            )
        manifest = {"format": FORMAT, "settings": told, "grasps": 0, "files": []}
        write_durably(folder / MANIFEST, _text(manifest))
    _check_settings(manifest.get("settings") or {}, told, folder)
    for draft in prepare_output(folder / PARTS).glob(".part-*"):
        with suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > STALE:
                draft.unlink()


def settings_told(settings: MakeSettings, recipe: Recipe) -> dict[str, Any]:
    """Everything that must be equal for a set to go on."""
    hand = Hand.open()
    versions = {"handhold": __version__, "household": HOUSEHOLD, "hand": f"{hand.name} {hand.version}"}
    return plain({**asdict(settings), **versions, "optimizer": recipe.settings})


def finished(folder: Path) -> dict[int, ObjectRow]:
    """The objects whose parts are there, by number; what is damaged counts as not there."""
    found = {}
    for path in (folder / PARTS).glob("part-*.parquet"):
        with suppress(InputError, KeyError, TypeError):
            row = ObjectRow(**read_told(path)["object"])
            if path == part_path(folder, row.index):
                found[row.index] = row
    return found


def write_part(folder: Path, data: bytes) -> ObjectRow:
    """Put a part into its place, whole or not at all, and on the disk when this returns.

    Raises:
        InputError: it cannot be written.
    """
    pa = optional.require("pyarrow", extra="data")
    row = ObjectRow(**read_told(pa.BufferReader(data))["object"])
    write_durably(part_path(folder, row.index), data)
    return row


def part_path(folder: Path, index: int) -> Path:
    """The file of a task."""
    return folder / PARTS / f"part-{index:06d}.parquet"


def unpack(folder: Path, there: dict[int, ObjectRow]) -> dict[int, ObjectRow]:
    """Parts that only the joined set still has, written again; the objects of them all.

    A set may be handed on without its parts, and grow elsewhere. An object that was cut is left out.
    """
    if not (folder / OBJECTS).exists():
        return there
    rows = cast(list[ObjectRow], read_rows(read_table(folder / OBJECTS, ObjectRow)[0], ObjectRow))
    if all(row.index in there for row in rows):
        return there
    pa = optional.require("pyarrow", extra="data")
    shards = [read_table(path, GraspRow)[0] for path in sorted(folder.glob(SHARDS))]
    table = pa.concat_tables([shard.replace_schema_metadata(None) for shard in shards])
    start, known = 0, dict(there)
    for row in rows:
        own = table.slice(start, row.grasps)
        start += row.grasps
        whole = row.grasps == row.accepted == len(own)
        if row.index not in known and whole and set(own["object_id"].to_pylist()) <= {row.object_id}:
            uncut = replace(row, grasps=0)
            write_durably(part_path(folder, row.index), packed(tell(own, object=asdict(uncut))))
            known[row.index] = uncut
    return known


def join(folder: Path, rows: Sequence[ObjectRow], count: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Join parts to the set: `grasps-*.parquet`, `objects.parquet`, `manifest.json`; it may be done again.

    Args:
        folder: the set's.
        rows: the objects of the parts, in order; together they have `count` grasps or more.
        count: how many grasps the set shall have; the last object's are cut.
        settings: as `settings_told` gives them.

    Returns:
        The manifest.

    Raises:
        InputError: a part cannot be read, or a file cannot be written.
    """
    taken, left = [], count
    for row in rows:
        taken.append(replace(row, grasps=min(left, row.accepted)))
        left -= taken[-1].grasps
    files, held = [], Counter()
    for k, shard in enumerate(_shards(folder, taken)):
        files.append(f"grasps-{k:05d}.parquet")
        write_durably(folder / files[-1], packed(tell(shard)))
        for category, still in zip(
            shard["category"].to_pylist(), shard["still_held"].to_pylist(), strict=True
        ):
            held[category] += bool(still)
    for path in folder.glob(SHARDS):
        if path.name not in files:
            path.unlink()
    write_durably(folder / OBJECTS, packed(make_table(taken, ObjectRow)))
    manifest = _manifest(taken, files, held, settings)
    write_durably(folder / MANIFEST, _text(manifest))
    return manifest


def write_durably(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; when this returns, it outlives a loss of power.

    Raises:
        InputError: it cannot be written.
    """
    with writing(path) as draft, draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    with suppress(OSError):  # not every system lets a folder be opened
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _shards(folder: Path, rows: Sequence[ObjectRow]) -> Iterator[pa.Table]:
    """The grasps of the rows in order, `SHARD_ROWS` at a time; one empty table if there are none."""
    pa = optional.require("pyarrow", extra="data")
    waiting, first = make_table([], GraspRow).replace_schema_metadata(None), True
    for row in rows:
        if row.grasps:
            own = read_table(part_path(folder, row.index), GraspRow)[0].slice(0, row.grasps)
            waiting = pa.concat_tables([waiting, own.replace_schema_metadata(None)])
        while len(waiting) >= SHARD_ROWS:
            yield waiting.slice(0, SHARD_ROWS).combine_chunks()
            waiting, first = waiting.slice(SHARD_ROWS), False
    if len(waiting) or first:
        yield waiting.combine_chunks()


def _manifest(
    rows: Sequence[ObjectRow], files: list[str], held: Counter[str], settings: dict[str, Any]
) -> dict[str, Any]:
    from handhold.evaluate import provenance

    rejected: Counter[str] = Counter()
    categories: dict[str, dict[str, Any]] = defaultdict(lambda: {"objects": 0, "grasps": 0, "seconds": 0.0})
    for row in rows:
        rejected.update(row.rejected)
        entry = categories[row.category]
        entry["objects"] += 1
        entry["grasps"] += row.grasps
        entry["seconds"] += row.seconds
    for name, entry in categories.items():
        entry["seconds"] = round(entry["seconds"], 1)
        entry["still_held"] = held[name]
    hand, version = settings["hand"].split(" ", 1)
    return plain(
        {
            "format": FORMAT,
            "settings": settings,
            "grasps": sum(row.grasps for row in rows),
            "objects": len(rows),
            "files": files,
            "splits": dict(sorted(_by_split(rows).items())),
            "worker_seconds": round(sum(row.seconds for row in rows), 1),
            "rejected": dict(sorted(rejected.items())),
            "objects_without_grasps": dict(sorted(Counter(row.cause for row in rows if row.cause).items())),
            "categories": dict(sorted(categories.items())),
            "provenance": provenance(hands=[(hand, version)], seed=settings["seed"]),
        }
    )


def _by_split(rows: Sequence[ObjectRow]) -> Counter[str]:
    splits: Counter[str] = Counter()
    for row in rows:
        splits[row.split] += row.grasps
    return splits


def _check_settings(before: dict[str, Any], now: dict[str, Any], folder: Path) -> None:
    differs = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    if differs:
        raise InputError(
            "was begun with other settings",
            where=folder,
            expected="; ".join(f"{key} {_short(before.get(key), now.get(key))}" for key in differs),
            got="; ".join(f"{key} {_short(now.get(key), before.get(key))}" for key in differs),
            remedy="Give the same ones to go on, or choose another --out.",
        )


def _short(value: Any, other: Any) -> str:
    """A value, as far as it differs from another."""
    if isinstance(value, dict) and isinstance(other, dict):
        keys = [key for key in sorted({*value, *other}) if value.get(key) != other.get(key)]
        return ", ".join(f"{key}={value.get(key)}" for key in keys)
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _text(value: Any) -> bytes:
    return (json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
