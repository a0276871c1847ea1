"""Which rows a step sees, and the seeds of its randomness: both follow from the step's number alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from handhold.errors import InputError


class RowOrder:
    """An endless row of epochs, each all rows in a new order, cut into batches.

    A batch may begin in one epoch and end in the next, so no row is ever left out.
    """

    def __init__(self, count: int, batch: int, *, seed: int) -> None:
        self.count, self.batch, self.seed = count, batch, seed
        self._epochs: dict[int, Tensor] = {}

    def rows(self, step: int) -> Tensor:
        """(batch,) long, the rows of a step counted from 1."""
        place, end = (step - 1) * self.batch, step * self.batch
        parts = []
        while place < end:
            epoch, first = divmod(place, self.count)
            last = min(first + end - place, self.count)
            parts.append(self._epoch(epoch)[first:last])
            place += last - first
        return torch.cat(parts)

    def _epoch(self, epoch: int) -> Tensor:
        if epoch not in self._epochs:
            generator = torch.Generator().manual_seed(derive_seed(self.seed, "epoch", epoch))
            self._epochs = {epoch: torch.randperm(self.count, generator=generator)}
        return self._epochs[epoch]


def share_of(rows: Tensor, *, process: int, processes: int) -> Tensor:
    """The rows of one process: equally many for each, none twice.

    Raises:
        InputError: the rows cannot be shared out evenly.
    """
    if len(rows) % processes:
        raise InputError(
            "cannot be shared out evenly",
            where="TrainConfig.batch",
            expected=f"a multiple of the {processes} processes",
            got=len(rows),
        )
    return rows[process::processes]


def derive_seed(*parts: int | str) -> int:
    """A seed of 63 bits that follows from the parts; other parts give an unrelated one."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextmanager
def seeded(seed: int, *, device: torch.device) -> Iterator[torch.Generator]:
    """A CPU generator with this seed; torch's global ones have it too (dropout) and get their states back after."""
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            torch.cuda.manual_seed(seed)  # of the current device, which accelerate has set to this one
        yield torch.Generator().manual_seed(derive_seed(seed, "generator"))
