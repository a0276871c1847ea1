"""Checkpoints: one whole one at every moment, whenever the process or the machine stops."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from handhold.errors import InputError
from handhold.models.training.config import MAY_CHANGE
from handhold.version import __version__

FORMAT = "handhold-training/1"
NAME, NEW, OLD = "checkpoint", ".checkpoint.new", ".checkpoint.old"
WEIGHTS, AVERAGE = "model.safetensors", "average.safetensors"
STATE, CURVES, RECORD = "state.pt", "curves.csv", "training.json"


@dataclass(frozen=True)
class Checkpoint:
    """All that a training needs to go on as if it had never stopped.

    Attributes:
        counts: whole numbers by name (steps, updates, skipped ...).
        seconds: time spent so far [s].
        weights: parameters and buffers by name.
        average: the averaged ones; None where there are none.
        state: tensors and plain values of the optimizer, the fp16 scaler and the sums of the next row of the curves.
        curves: the CSV up to this step.
    """

    counts: dict[str, int]
    seconds: float
    weights: dict[str, Tensor]
    average: dict[str, Tensor] | None
    state: dict[str, Any]
    curves: str


def write_checkpoint(folder: Path, checkpoint: Checkpoint, *, settings: Mapping[str, Any]) -> Path:
    """Write a checkpoint beside the last one, then swap the two by renaming.

    Args:
        folder: of the training.
        checkpoint: what to write.
        settings: as JSON has them; `read_checkpoint` compares them.

    Returns:
        `folder`/checkpoint.

    Raises:
        InputError: it cannot be written (disk full, no permission); the last one is still there.
    """
    new, place, old = folder / NEW, folder / NAME, folder / OLD
    try:
        recover(folder)
        new.mkdir()
        _fill(new, checkpoint, settings)
        if place.exists():
            os.replace(place, old)
        os.replace(new, place)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, RuntimeError, SafetensorError) as error:  # a full disk is either, by who writes
        told = getattr(error, "strerror", None) or error
        raise InputError("cannot write the checkpoint", where=place, got=told) from error
    return place


def recover(folder: Path) -> None:
    """Bring back the whole checkpoint of a process that stopped while it wrote one, and clear away its rest.

    The names move in this order: checkpoint to old, new to checkpoint. So where an old one stands alone, the new one
    beside it is whole; where none of the two stands, the new one is unfinished.
    """
    new, place, old = folder / NEW, folder / NAME, folder / OLD
    if not place.exists() and old.exists():
        os.replace(new if new.exists() else old, place)
    for rest in (new, old):
        if rest.exists():
            shutil.rmtree(rest)


def read_checkpoint(folder: Path, *, settings: Mapping[str, Any]) -> Checkpoint | None:
    """The checkpoint in a training's folder; None where there is none.

    Raises:
        InputError: it is damaged, of another format, or made with other settings.
    """
    place = folder / NAME
    if not place.exists():
        return None
    record = _read_record(place)
    _compare(place, record["settings"], settings)
    try:
        has_average = AVERAGE in record["sha256"]
        return Checkpoint(
            counts=record["counts"],
            seconds=record["seconds"],
            weights=load_file(place / WEIGHTS),
            average=load_file(place / AVERAGE) if has_average else None,
            state=torch.load(place / STATE, map_location="cpu", weights_only=True),
            curves=(place / CURVES).read_text(encoding="utf-8"),
        )
    except Exception as error:  # whole files of a kind that these readers do not know
        raise _damaged(place, error) from error


def _fill(new: Path, checkpoint: Checkpoint, settings: Mapping[str, Any]) -> None:
    save_file(_plain(checkpoint.weights), new / WEIGHTS)
    if checkpoint.average is not None:
        save_file(_plain(checkpoint.average), new / AVERAGE)
    torch.save(checkpoint.state, new / STATE)
    (new / CURVES).write_text(checkpoint.curves, encoding="utf-8")
    record = {
        "format": FORMAT,
        "counts": checkpoint.counts,
        "seconds": checkpoint.seconds,
        "settings": settings,
        "versions": {"handhold": __version__, "torch": torch.__version__},
        "sha256": {path.name: _digest(path) for path in sorted(new.iterdir())},
    }
    (new / RECORD).write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    if os.name == "posix":  # elsewhere a file opened for reading cannot be flushed
        for path in (*new.iterdir(), new):
            _flush(path)


def _flush(path: Path) -> None:
    """Onto the disk, before any name moves: a machine that stops must not leave names without contents."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_record(place: Path) -> dict[str, Any]:
    try:
        record = json.loads((place / RECORD).read_text(encoding="utf-8"))
        kind = record["format"]
        if kind != FORMAT:
            raise InputError("is a checkpoint of another format", where=place, expected=FORMAT, got=kind)
        for name in ("counts", "seconds", "settings"):
            record[name]
        for name, digest in record["sha256"].items():
            if _digest(place / name) != digest:
                raise ValueError(f"{name} is not as it was written")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise _damaged(place, error) from error
    return record


def _compare(place: Path, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    before, now = _flat(stored), _flat(asked)
    names = [
        n for n in {**before, **now} if before.get(n, _NONE) != now.get(n, _NONE) and n not in MAY_CHANGE
    ]
    if names:
        tell = lambda values: ", ".join(
            f"{n} {json.dumps(values[n])}" if n in values else f"no {n}" for n in names
        )
        raise InputError(
            "the checkpoint was made with other settings",
            where=place,
            expected=tell(before),
            got=tell(now),
            remedy="Use another --out, or the same settings to go on with this one.",
        )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, prefix=f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _plain(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU that share no memory, which safetensors asks for."""
    return {name: value.detach().to("cpu", copy=True).contiguous() for name, value in values.items()}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(place: Path, error: Exception) -> InputError:
    return InputError(
        "the checkpoint is damaged",
        where=place,
        got=f"{type(error).__name__}: {error}",
        remedy="Bring back a whole copy of this folder, or delete it to start over.",
    )


_NONE = object()
