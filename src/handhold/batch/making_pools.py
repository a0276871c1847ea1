"""Who does the tasks of a job: processes of this machine, or Ray."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any

import torch

from handhold import optional
from handhold.errors import InputError

Work = Callable[[int], bytes]
NextTask = Callable[[], int | None]
Results = Generator[tuple[int, bytes | None], None, None]
Pool = Callable[[Work, NextTask], Results]
"""Takes the work and a function that gives the next task, or None while there is none; yields results as they come,
None for a task whose process was killed time and again. It ends when no task is left and none is under way."""

TRIES = 3
"""A task whose process is killed is done so often before it is given up."""
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def local_pool(workers: int) -> Pool:
    """Processes of this machine, one thread each: what comes out depends on the number of threads, too.

    Raises:
        InputError: less than one; or, while it works, processes that end before they begin.
    """
    if workers < 1:
        raise InputError("must be positive", where="--workers", expected="1 or more", got=workers)

    def run(work: Work, next_task: NextTask) -> Results:
        crew = _Crew(pickle.dumps(work))  # pickled here: torch moves the memory of tensors that it sends
        deaths: Counter[int] = Counter()
        again: deque[int] = deque()
        try:
            while True:
                while len(crew.busy) < workers:
                    index = again.popleft() if again else next_task()
                    if index is None:
                        break
                    crew.give(index)
                if not crew.busy:
                    return
                for index, answer in crew.answers():
                    deaths[index] += answer is None
                    if answer is None and deaths[index] < TRIES:
                        again.append(index)
                    else:
                        yield index, answer
        finally:
            crew.end()

    return run


def ray_pool(address: str, *, workers: int | None = None) -> Pool:
    """The machines of a Ray cluster, a core a task; handhold must be installed on them.

    Args:
        address: of the cluster; "auto" finds one that runs here, "local" starts one for this job.
        workers: tasks under way at a time; as many as the cluster has cores by default.

    Raises:
        InputError: no cluster there.
        MissingExtra: ray is not installed.
    """
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # of tasks under way when another ends the job
    ray = optional.require("ray", extra="scale")
    if not ray.is_initialized():
        where = {} if address == "local" else {"address": address}
        try:
            _knock(address)
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **where)
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(
                "no Ray cluster",
                where=f"--ray {address}",
                expected="auto, local, or the address of a cluster",
                got=" ".join(str(error).split()).rstrip("."),
                remedy="Start one with: ray start --head",
            ) from error

    def run(work: Work, next_task: NextTask) -> Results:
        packed = ray.put(pickle.dumps(work))
        remote = ray.remote(num_cpus=1, max_retries=TRIES - 1)(_ray_task)
        pending: dict[Any, int] = {}
        try:
            while True:
                room = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
                while len(pending) < room and (index := next_task()) is not None:
                    pending[remote.remote(packed, index)] = index
                if not pending:
                    return
                for reference in ray.wait(list(pending), num_returns=1)[0]:
                    yield pending.pop(reference), _ray_answer(ray, reference)
        finally:
            for reference in pending:
                ray.cancel(reference, force=True)

    return run


def _knock(address: str) -> None:
    """See whether anyone answers at a HOST:PORT; Ray itself tries for minutes.

    Raises:
        OSError: nobody does.
    """
    host, _, port = address.rpartition(":")
    if host and "/" not in host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=5).close()


def _ray_task(packed: bytes, index: int) -> bytes:
    torch.set_num_threads(1)
    return pickle.loads(packed)(index)


def _ray_answer(ray: Any, reference: Any) -> bytes | None:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise getattr(error, "cause", error) from error
    except ray.exceptions.RayError:  # its process or its machine is gone, or was out of memory
        return None


class _Crew:
    """Processes that do tasks; new ones come as they are needed."""

    def __init__(self, packed: bytes) -> None:
        self.packed = packed
        self.context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        self.idle: list[tuple[Any, Connection]] = []
        self.busy: dict[Connection, tuple[Any, int]] = {}
        self.begun: set[Connection] = set()

    def give(self, index: int) -> None:
        """Have a process do a task."""
        while self.idle:
            process, pipe = self.idle.pop()
            try:
                pipe.send(index)
            except OSError:  # it was killed while it had nothing to do
                continue
            self.busy[pipe] = (process, index)
            return
        pipe, other = self.context.Pipe()
        process = self.context.Process(target=_serve, args=(other, self.packed), daemon=True)
        with _one_thread(), _deaf_to_interrupts():
            process.start()
        other.close()
        self.busy[pipe] = (process, index)
        pipe.send(index)

    def answers(self) -> Iterator[tuple[int, bytes | None]]:
        """Wait for some, and give what came: None from a process that was killed."""
        for pipe in wait(list(self.busy)):
            assert isinstance(pipe, Connection)
            process, index = self.busy[pipe]
            try:
                answer = pipe.recv()
            except (EOFError, OSError):
                del self.busy[pipe]
                pipe.close()
                process.join()
                if pipe not in self.begun:
                    raise InputError(
                        "a process ended before it began to work",
                        where="--workers",
                        got=f"exit code {process.exitcode}",
                        remedy="If memory ran out, give fewer.",
                    ) from None
                yield index, None
                continue
            if answer == "begun":
                self.begun.add(pipe)
                continue
            del self.busy[pipe]
            self.idle.append((process, pipe))
            if isinstance(answer, Exception):
                raise answer
            yield index, answer

    def end(self) -> None:
        """End all processes, whatever they do."""
        for process in [*(p for p, _ in self.idle), *(p for p, _ in self.busy.values())]:
            process.kill()
            process.join()


def _serve(pipe: Connection, packed: bytes) -> None:
    """A process: do tasks until no more come; an exception that `make_part` lets out is handed back."""
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    work: Work = pickle.loads(packed)
    pipe.send("begun")
    while True:
        try:
            index = pipe.recv()
        except (EOFError, OSError):
            os._exit(0)
        try:
            answer = work(index)
        except Exception as error:
            answer = error
        pipe.send(answer)


def _end_with_parent() -> None:
    """However the calling process was killed, this one does not go on alone."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Have processes that are started meanwhile leave Ctrl-C to this one, which ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have processes that are started meanwhile use one thread each; most libraries look only once, at the start."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
