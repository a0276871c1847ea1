"""Train a model on a grasp set of your own.

Writes DIR/model (weights, config, and how they were made) and, stage by stage, a
checkpoint, curves.csv and curves.png. Stopped in any way, the same command goes on at the last checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from handhold.errors import InputError
from handhold.models.fastgrasp.config import FastGraspConfig


@dataclass(frozen=True)
class Options:
    """Options of `handhold train`.

    Attributes:
        method: what is trained.
        data: a grasp set, as `handhold data make` writes it.
        out: folder of the model and its checkpoints.
        stage: ae (the autoencoder of hands), diffusion, adapt (the adaptation module), or all in turn. A stage that is
            done is not done again.
        ae_steps: steps of the autoencoder.
        diffusion_steps: steps of the diffusion.
        adapt_steps: steps of the adaptation module.
        batch: grasps a step.
        learning_rate: the greatest.
        validate_every: steps between two validations on the set's val split.
        seed: of weights, order and noise.
        device: auto is a GPU where there is one.
        json: also write the report here.
        quiet: print nothing but errors.
        model: sizes of the networks.
    """

    method: Annotated[Literal["fastgrasp"], tyro.conf.Positional]
    data: Path
    out: Path
    stage: Literal["all", "ae", "diffusion", "adapt"] = "all"
    ae_steps: int = 12_000
    diffusion_steps: int = 16_000
    adapt_steps: int = 6_000
    batch: int = 256
    learning_rate: float = 1e-3
    validate_every: int = 4_000
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    json: Path | None = None
    quiet: bool = False
    model: FastGraspConfig = field(default_factory=FastGraspConfig)


def run(options: Options) -> int:
    """Train, save, print. Returns the exit code."""
    for name in ("ae_steps", "diffusion_steps", "adapt_steps", "batch", "validate_every"):
        if getattr(options, name) < 1:
            told = f"--{name.replace('_', '-')}"
            raise InputError("must be positive", where=told, expected="1 or more", got=getattr(options, name))
    from handhold.cli.train_fastgrasp import train_fastgrasp

    return train_fastgrasp(options)
