"""Tensors kept in a file for the next run, with what they were made from."""

from __future__ import annotations

import os
from pathlib import Path

from torch import Tensor


def save_tensors(tensors: dict[str, Tensor], path: str | Path, *, of: str, told: dict[str, str]) -> None:
    """Write tensors by name; whole or not at all.

    Args:
        tensors: what is kept.
        path: a safetensors file; its folder is there.
        of: what they were made from, told to `read_tensors`.
        told: other words to keep with them.
    """
    from safetensors.torch import save_file

    draft = Path(path).with_suffix(f".{os.getpid()}.part")
    try:
        save_file({n: t.contiguous() for n, t in tensors.items()}, draft, metadata={**told, "of": of})
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read_tensors(path: str | Path, *, of: str) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    """What `save_tensors` kept; None if there is none, it cannot be read, or it was made from something else."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            told = file.metadata() or {}
            if told.get("of") != of:
                return None
            return {name: file.get_tensor(name) for name in list(file.keys())}, told
    except (OSError, SafetensorError):
        return None  # it is made again
