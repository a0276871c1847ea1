"""Where a training runs: device, precision and processes, through accelerate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from handhold.errors import InputError
from handhold.models.training.config import Precision
from handhold.optional import require


def pick_device(device: str) -> torch.device:
    """The device of "cpu", "cuda" or "auto", which is a GPU where there is one.

    Raises:
        InputError: another word, or "cuda" where torch sees no GPU.
    """
    if device not in ("cpu", "cuda", "auto"):
        raise InputError("not allowed", where="device", expected="cpu, cuda or auto", got=device)
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("torch sees no GPU", where="device", got=device, remedy="Take --device cpu.")
    return torch.device("cuda" if torch.cuda.is_available() and device != "cpu" else "cpu")


def has_bf16(device: torch.device) -> bool:
    """Whether a device computes in bf16 itself; a CPU that does not takes many times as long as in float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


@contextmanager
def accelerating(device: torch.device, precision: Precision) -> Iterator[Any]:
    """An `accelerate.Accelerator` of our own; accelerate's global state is as before at the end.

    That state is one for the whole interpreter, and refuses a second device or precision: a second training, or one
    beside the caller's own accelerator, would fail.

    Raises:
        InputError: the device cannot have the precision.
        MissingExtra: accelerate is not installed.
    """
    accelerate = require("accelerate", extra="train")
    state, tools = require("accelerate.state", extra="train"), require("accelerate.utils", extra="train")
    shared = [c._shared_state for c in (state.PartialState, state.AcceleratorState, state.GradientState)]
    kept = [dict(s) for s in shared]
    for s in shared:
        s.clear()
    try:
        yield accelerate.Accelerator(
            cpu=device.type == "cpu",
            mixed_precision=_precision_on(device, precision),
            # A step need not use every parameter: a null condition is there for some of the rows only.
            kwargs_handlers=[tools.DistributedDataParallelKwargs(find_unused_parameters=True)],
        )
    finally:
        for s, before in zip(shared, kept):
            s.clear()
            s.update(before)


@contextmanager
def mixed_forward(module: nn.Module, accelerator: Any) -> Iterator[None]:
    """The module on its device, its forward pass in the accelerator's precision, giving float32."""
    try:
        accelerator.prepare_model(
            module, evaluation_mode=True
        )  # this mode does without a wrapper for processes
        yield
    finally:
        for mark in ("forward", "_original_forward", "_is_accelerate_prepared"):
            module.__dict__.pop(mark, None)  # what it left; a second training would take them for its own


class Gate(nn.Module):
    """What accelerate wraps for several processes: gradients are averaged whichever parts of a module were called."""

    def __init__(self, module: nn.Module, device: torch.device) -> None:
        super().__init__()
        self.module, self.kind = module, device.type

    def forward(self, losses: Callable[[], dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Call `losses`, in full precision: accelerate would have all of it in mixed precision, geometry too."""
        with torch.autocast(self.kind, enabled=False):
            return losses()


def _precision_on(device: torch.device, precision: Precision) -> str:
    if precision == "auto":
        return "bf16" if device.type == "cuda" and has_bf16(device) else "no"
    if precision == "fp16" and device.type == "cpu":
        raise InputError(
            "a CPU does not train in fp16",
            where="TrainConfig.precision",
            expected="auto, no or bf16",
            got="fp16",
        )
    return precision
