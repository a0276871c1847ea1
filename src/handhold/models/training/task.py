"""What is trained, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from handhold.errors import HandholdError


class Task(Protocol):
    """A module, rows of data that lie in memory as tensors, and the losses of some of the rows.

    Attributes:
        module: what is trained, and nothing else: frozen parts live elsewhere. `train` moves it to the device; what
            else the losses need goes where its parameters are. Its forward pass alone runs in mixed precision and
            gives float32: call it as `self.module(...)`, and geometry after it keeps its precision.
    """

    module: nn.Module

    def __len__(self) -> int:
        """Rows of training data."""
        ...

    def losses(self, rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Scalars, each a mean over the rows. "loss" is minimized, the others are shown.

        Args:
            rows: (B,) long, on the CPU.
            generator: on the CPU; all randomness but the module's own dropout comes from it. Draw on the CPU and
                move, then a GPU sees the same numbers.
        """
        ...


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    Attributes:
        steps: steps done, those before a resume included.
        seconds: time spent in steps, validations and checkpoints, before a resume included.
        losses: means over the steps of the last row of the curves that has any.
        validation: the last validation's figures; empty where there was none.
        stopped: whether there was a signal, in the last step at the latest, or the stop callback ended it.
        warnings: what went not as asked but did not stop the training.
    """

    steps: int
    seconds: float
    losses: dict[str, float]
    validation: dict[str, float]
    stopped: bool
    warnings: tuple[str, ...] = ()


class TrainingError(HandholdError):
    """The losses or gradients stayed infinite or NaN; the message says where the last good checkpoint is."""
