"""Writing files whole or not at all."""

from __future__ import annotations

import json
import math
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from handhold.errors import InputError


def prepare_output(folder: str | Path) -> Path:
    """Make an output folder and prove that it can be written to.

    Raises:
        InputError: the path is a file, or cannot be made or written to.
    """
    folder = Path(folder)
    probe = _hidden(folder / "probe")
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(
                "is not a folder", where=folder, expected="a folder to write results to", got="a file"
            )
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
    except OSError as error:
        raise InputError(
            "cannot write to the output folder",
            where=folder,
            expected="a folder that can be written to",
            got=error.strerror or error,
            remedy="Choose another --out.",
        ) from error
    probe.unlink(missing_ok=True)
    return folder


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; move it into place at the end, or remove it on any error.

    The path given has the same suffix and does not exist yet. What was at `path` stays until the
    new file is whole.

    Raises:
        InputError: the file cannot be written (no such folder, no permission, disk full).
    """
    path = Path(path)
    draft = _hidden(path)
    try:
        yield draft
        os.replace(draft, path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            draft.unlink()


@contextmanager
def writing_folder(path: str | Path) -> Iterator[Path]:
    """Give a new folder beside `path` to fill; swap it for `path` at the end, or remove it on any error.

    Raises:
        InputError: the folder cannot be written.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise InputError("is not a folder", where=path, expected="a folder, or nothing", got="a file")
    draft, old = _hidden(path), _hidden(path)
    try:
        draft.mkdir()
        yield draft
        if path.exists():
            os.replace(path, old)
        os.replace(draft, path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        if old.exists() and not path.exists():
            os.replace(old, path)
        for rest in (draft, old):
            shutil.rmtree(rest, ignore_errors=True)


def write_json(value: Any, path: str | Path) -> None:
    """Write standard JSON: NaN and infinity become null; tensors, arrays and paths become plain values."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    with writing(path) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """A value as JSON holds it: dicts with string keys, lists, strings, finite numbers, booleans, None.

    Raises:
        TypeError: a value that JSON has no form for.
    """
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # arrays, tensors and their scalars
        return plain(value.tolist())
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _hidden(path: Path) -> Path:
    """A fresh name beside `path`; the leading dot keeps a folder's readers away from drafts."""
    return path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")


def _cannot_write(path: Path, error: OSError) -> InputError:
    return InputError("cannot write the file", where=path, got=error.strerror or error)
