"""Where results go: a folder of ours, in which nothing of the user's is overwritten."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from handhold.errors import InputError
from handhold.io import contact_file, grasp_sets, results
from handhold.io.files import prepare_output, writing
from handhold.io.kinds import result_format

if TYPE_CHECKING:
    from handhold.batch import Failure

REPORT_FORMAT = "handhold-report/1"


@contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """The folder, made and proven writable; if it was made for nothing, it goes again.

    Meanwhile a plain `kill` ends the command as Ctrl-C does, so that what is half done goes too.

    Raises:
        InputError: it cannot be made or written to.
    """
    new = [p for p in (path, *path.parents) if not os.path.exists(p)]
    try:
        with _killed_softly():
            yield prepare_output(path)
    finally:
        with suppress(OSError):  # rmdir takes empty folders only
            for folder in new:
                folder.rmdir()


@contextmanager
def _killed_softly() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C; outside the main thread nothing can be changed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def check_writable(path: Path | None, option: str) -> None:
    """Prove early that a file can be written, so that no work is lost at the end.

    Raises:
        InputError: it cannot.
    """
    if path is None:
        return
    if path.is_dir():
        raise InputError("is a folder", where=f"{option} {path}", expected="a file")
    with suppress(_Proven), writing(path) as draft:
        draft.touch()
        raise _Proven


def check_json(path: Path | None, *, results: Iterable[Path] = ()) -> None:
    """Prove early that the report may be written here: nothing is there, or an earlier report.

    Args:
        path: of the report; None for none.
        results: files that are about to be written, and are no reports.

    Raises:
        InputError: another file, or a device, which a report would replace; or it cannot be written.
    """
    if path is not None and path.absolute() in {result.absolute() for result in results}:
        raise InputError("is a result's own file", where=f"--json {path}", remedy="Choose another name.")
    check_writable(path, "--json")
    if path is None or not path.exists():
        return
    if not path.is_file():
        raise InputError("is no plain file", where=f"--json {path}", expected="a file, or nothing")
    with path.open("rb") as file:
        if REPORT_FORMAT.encode() not in file.read(4096):
            raise InputError(
                "is there and is no report of handhold",
                where=f"--json {path}",
                remedy="Choose another name, or move it.",
            )


class _Proven(Exception):
    """Leaves `writing` without moving anything into place."""


def check_ours(path: Path) -> Path:
    """The path, if nothing is there or what is there was written by handhold.

    Raises:
        InputError: another file is there, perhaps an input.
    """
    if path.exists() and not is_ours(path):
        raise InputError(
            "is there and was not written by handhold", where=path, remedy="Choose another --out, or move it."
        )
    return path


def is_ours(path: Path) -> bool:
    """Whether a file was written by handhold; of a kind that it does not mark, any file is."""
    if not path.is_file():
        return False
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return result_format(path) in (results.FORMAT, grasp_sets.FORMAT, contact_file.FORMAT)
    with path.open("rb") as file:
        head = file.read(65536)
    marks = {
        ".json": REPORT_FORMAT.encode(),
        ".glb": b'"handhold ',
        ".png": b"handhold ",
        ".xml": b"<mujoco model=",
    }
    return marks.get(suffix, b"") in head


@contextmanager
def all_or_none() -> Iterator[Callable[[Path], Path]]:
    """Give a function that notes files about to be written; on any error those that are new go again."""
    new: list[Path] = []

    def note(path: Path) -> Path:
        if not path.exists():
            new.append(path)
        return path

    try:
        yield note
    except BaseException:
        for path in new:
            with suppress(OSError):
                path.unlink()
        raise


def tell_failures(failures: Sequence[Failure], count: int, *, what: str) -> int:
    """Name what could not be done of `count` scenes or files.

    Returns:
        The exit code: 0, 2, or 1 where all failures are handhold's own.

    Raises:
        Exception: of a single file, the error that is handhold's own.
    """
    if count == 1 and failures and failures[0].bug:
        raise failures[0].bug
    for failure in failures:
        print("handhold: " + " ".join(failure.error.split()), file=sys.stderr)
    if count > 1 and failures:
        print(f"handhold: {len(failures)} of {count} {what} could not be done", file=sys.stderr)
    if not failures:
        return 0
    return 1 if all(failure.bug for failure in failures) else 2


@contextmanager
def alone_in(folder: Path, command: str) -> Iterator[None]:
    """Keep another run of a command out of a folder meanwhile; the lock ends with the process, however that ends.

    Raises:
        InputError: another one is at work there.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"another {command} is at work in this folder",
            where=folder,
            remedy="Wait until it is done, or choose another --out.",
        ) from error
    try:
        yield
    finally:
        lock.release()
        with suppress(OSError):
            (folder / ".lock").unlink()
