"""Settings of a training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from handhold.errors import demand

Precision = Literal["auto", "no", "bf16", "fp16"]

MAY_CHANGE = ("steps", "precision", "validate_every", "checkpoint_every", "log_every")
"""Settings that may differ when a training goes on from a checkpoint."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training with AdamW.

    A training that goes on from a checkpoint may have other `steps`, `precision` and `..._every`; all other settings
    must be the same. The learning rate depends on `steps`: with more of them the rate, which had fallen for the old
    end, rises again to where the longer schedule has it at that step, and falls from there to the new end. So a
    training that was prolonged is not the one that was long from the start.

    Attributes:
        steps: steps of the optimizer, in all.
        batch: rows a step, over all processes together.
        learning_rate: the highest, after the warm-up.
        warmup: steps in which the rate rises linearly to it.
        last_rate: the rate falls to this part of itself at the last step, along a cosine.
        weight_decay: AdamW's, of weights with two axes or more (none of biases and norms).
        clip: the gradient's norm is cut to this; 0 leaves it as it is.
        ema: decay of the moving average of the weights, which starts lower: min(ema, (1 + k) / (10 + k)) after k
            updates; 0 for none.
        seed: of the order of rows and of all randomness in a step.
        precision: of the module's forward pass; "auto" is bf16 on a GPU that has it, else float32 ("no").
        validate_every: steps from one validation to the next; there is one at the end too.
        checkpoint_every: steps from one checkpoint to the next; there is one at the end too.
        log_every: steps whose means make one row of the curves.
    """

    steps: int = 10_000
    batch: int = 64
    learning_rate: float = 1e-3
    warmup: int = 100
    last_rate: float = 0.02
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.999
    seed: int = 0
    precision: Precision = "auto"
    validate_every: int = 1000
    checkpoint_every: int = 500
    log_every: int = 50

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "validate_every", "checkpoint_every", "log_every"):
            value = getattr(self, name)
            demand(
                self, name, "a whole number of at least 1", value, holds=isinstance(value, int) and value >= 1
            )
        for name in ("warmup", "seed"):
            value = getattr(self, name)
            demand(
                self, name, "a whole number, zero or more", value, holds=isinstance(value, int) and value >= 0
            )
        for name in ("weight_decay", "clip"):
            value = getattr(self, name)
            demand(self, name, "zero or more", value, holds=0 <= value < math.inf)
        rate = self.learning_rate
        demand(self, "learning_rate", "a positive number", rate, holds=0 < rate < math.inf)
        demand(self, "last_rate", "between 0 and 1", self.last_rate, holds=0 <= self.last_rate <= 1)
        demand(self, "ema", "at least 0 and below 1", self.ema, holds=0 <= self.ema < 1)
        kinds = get_args(Precision)
        demand(self, "precision", "auto, no, bf16 or fp16", self.precision, holds=self.precision in kinds)


def learning_rate(config: TrainConfig, step: int) -> float:
    """The rate of one step, counted from 1: a linear rise over the warm-up, then half a cosine down to the end."""
    if step <= config.warmup:
        return config.learning_rate * step / config.warmup
    done = (
        min((step - config.warmup) / (config.steps - config.warmup), 1.0)
        if config.steps > config.warmup
        else 1.0
    )
    share = config.last_rate + (1 - config.last_rate) * (1 + math.cos(math.pi * done)) / 2
    return config.learning_rate * share
