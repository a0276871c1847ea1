"""The module in training: one step of the optimizer at a time, and the moving average of its weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from handhold.errors import InputError
from handhold.models.training.config import TrainConfig, learning_rate
from handhold.models.training.devices import Gate
from handhold.models.training.order import RowOrder, derive_seed, seeded, share_of
from handhold.models.training.task import Task


@dataclass(frozen=True)
class Step:
    """One step: its number, from 1, its learning rate, its losses and gradient norm before it was cut, means over the
    processes, and whether it was taken: not where loss or norm is infinite or NaN."""

    number: int
    rate: float
    norm: float
    losses: dict[str, float]
    taken: bool


class Learner:
    """A task's module, its optimizer and its averaged weights.

    Attributes:
        step: steps done, skipped ones included.
        updates: steps that changed the weights.
        failures: steps skipped one after another up to this one.
        average: the averaged parameters and buffers by name; None where the settings want none.
    """

    def __init__(self, task: Task, config: TrainConfig, accelerator: Any) -> None:
        self.task, self.config, self.accelerator = task, config, accelerator
        self.module = task.module
        self.trainable = [p for p in self.module.parameters() if p.requires_grad]
        if len(task) < 1 or not self.trainable:
            raise InputError(
                "nothing to train", where="task", expected="rows, and weights that need a gradient"
            )
        self.order = RowOrder(len(task), config.batch, seed=config.seed)
        gate = Gate(self.module, accelerator.device)
        self.gate, self.optimizer = accelerator.prepare(gate, _adamw(self.trainable, config))
        self.step = self.updates = self.failures = 0
        self.average = _copy(tensors_of(self.module)) if config.ema else None
        self.module.train()

    def advance(self) -> Step:
        """Take the next step, or skip it without a trace where loss or gradient is infinite or NaN."""
        number = self.step + 1
        rate = learning_rate(self.config, number)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        buffers = _copy(dict(self.module.named_buffers()))
        losses = self._backward(number)
        norm = self.accelerator.clip_grad_norm_(self.trainable, self.config.clip or math.inf)
        told = torch.stack(
            [v.detach().reshape(()).to(norm.device, torch.float64) for v in (*losses.values(), norm)]
        )
        *values, size = self.accelerator.reduce(told, "mean").tolist()
        figures = dict(zip(losses, values))
        taken = math.isfinite(figures["loss"]) and math.isfinite(size)
        if taken:
            self.optimizer.step()
            self.updates += 1
            self._follow()
        else:
            _put(buffers, dict(self.module.named_buffers()))
            if self.accelerator.scaler is not None:
                self.accelerator.scaler.update()  # fp16: a smaller scale is the cure
        self.failures = 0 if taken else self.failures + 1
        self.step = number
        return Step(number, rate, size, figures, taken)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The module with its averaged weights and in eval mode; the weights in training and train mode come back."""
        now = tensors_of(self.module)
        kept = _copy(now)
        try:
            self.settle()
            yield
        finally:
            _put(kept, tensors_of(self.module))
            self.module.train()

    def settle(self) -> None:
        """Put the averaged weights into the module for good, and leave it in eval mode."""
        if self.average is not None:
            _put(self.average, tensors_of(self.module))
        self.module.eval()

    def _backward(self, number: int) -> dict[str, Tensor]:
        accelerator, seed = self.accelerator, self.config.seed
        self.optimizer.zero_grad()
        rows = share_of(
            self.order.rows(number), process=accelerator.process_index, processes=accelerator.num_processes
        )
        of_step = derive_seed(seed, "step", number, accelerator.process_index)
        with seeded(of_step, device=accelerator.device) as generator:
            losses = self.gate(lambda: self.task.losses(rows, generator))
            if "loss" not in losses:
                raise InputError("the task gives no 'loss'", where="Task.losses", got=", ".join(losses))
            accelerator.backward(losses["loss"])
        return losses

    @torch.no_grad()
    def _follow(self) -> None:
        """average <- d average + (1 - d) weights; what is not a real number (a counter) is copied."""
        if self.average is None:
            return
        before = self.updates - 1
        decay = min(self.config.ema, (1 + before) / (10 + before))
        now = tensors_of(self.module)
        real = [name for name, value in now.items() if value.is_floating_point()]
        get_ema_multi_avg_fn(decay)([self.average[name] for name in real], [now[name] for name in real], None)
        whole = {name: value for name, value in now.items() if not value.is_floating_point()}
        _put(whole, {name: self.average[name] for name in whole})


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, those shared by two names once: all that a step may change."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _adamw(trainable: list[nn.Parameter], config: TrainConfig) -> torch.optim.AdamW:
    matrices = [p for p in trainable if p.ndim >= 2]
    others = [p for p in trainable if p.ndim < 2]
    groups = [(matrices, config.weight_decay), (others, 0.0)]
    return torch.optim.AdamW(
        [{"params": params, "weight_decay": decay} for params, decay in groups if params],
        lr=config.learning_rate,
    )


def _copy(values: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in values.items()}


@torch.no_grad()
def _put(values: dict[str, Tensor], into: dict[str, Tensor]) -> None:
    for name, value in values.items():
        into[name].copy_(value)
