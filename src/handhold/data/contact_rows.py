"""Contact maps, sentences and their features kept in files, for the next training."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import torch
from torch import Tensor

from handhold.data.kept_tensors import read_tensors, save_tensors
from handhold.hand.kinematics import HandState
from handhold.models.contact.bank import TextBank
from handhold.models.contact.rows import AskRows, ContactRows, TouchRows

ROWS = 4
"""Raised where what is prepared changes, so that kept rows are made again."""
PLAIN = ("points", "normals", "parts", "maps", "skin_maps")


def save_contacts(rows: ContactRows, path: str | Path, *, of: str) -> None:
    """Keep what `prepare_contacts` made; whole or not at all.

    Args:
        rows: objects, maps and sentences.
        path: a safetensors file; its folder is there. It holds sentences and names as JSON.
        of: what they were made from, told to `read_contacts`.
    """
    touches = {name: getattr(rows.touches, name) for name in ("mirrored", "object", "skin")}
    tensors = {name: getattr(rows, name) for name in PLAIN}
    tensors |= {f"asks.{f.name}": getattr(rows.asks, f.name) for f in fields(AskRows)}
    tensors |= {f"touches.{name}": value for name, value in touches.items()}
    tensors |= {f"hands.{f.name}": getattr(rows.touches.hands, f.name) for f in fields(HandState)}
    lengths = [len(group) for group in rows.groups]
    tensors["group_lengths"] = torch.tensor(lengths, dtype=torch.long)
    tensors["group_members"] = torch.cat([torch.zeros(0), *rows.groups]).long()
    told = {"sentences": json.dumps(rows.sentences), "names": json.dumps(rows.names)}
    save_tensors(tensors, path, of=f"{ROWS} {of}", told=told)


def read_contacts(path: str | Path, *, of: str) -> ContactRows | None:
    """What `save_contacts` kept; None if there is none, it cannot be read, or it was made from something else."""
    found = read_tensors(path, of=f"{ROWS} {of}")
    if found is None:
        return None
    tensors, told = found
    own = lambda part: {n.split(".")[1]: t for n, t in tensors.items() if n.startswith(f"{part}.")}
    try:
        groups = tensors["group_members"].split(tensors["group_lengths"].tolist())
        return ContactRows(
            **{name: tensors[name] for name in PLAIN},
            groups=groups,
            asks=AskRows(**own("asks")),
            touches=TouchRows(HandState(**own("hands")), **own("touches")),
            sentences=tuple(json.loads(told["sentences"])),
            names=tuple(json.loads(told["names"])),
        )
    except (KeyError, TypeError, ValueError, RuntimeError):
        return None  # it is made again


def save_bank(bank: TextBank, path: str | Path, *, of: str) -> None:
    """Keep features of sentences; whole or not at all. See `save_contacts`."""
    save_tensors({f.name: getattr(bank, f.name) for f in fields(TextBank)}, path, of=f"{ROWS} {of}", told={})


def read_bank(path: str | Path, *, of: str) -> TextBank | None:
    """What `save_bank` kept; None if there is none, it cannot be read, or it was made from something else."""
    found = read_tensors(path, of=f"{ROWS} {of}")
    tensors: dict[str, Tensor] = {} if found is None else found[0]
    return TextBank(**tensors) if tensors.keys() == {f.name for f in fields(TextBank)} else None
