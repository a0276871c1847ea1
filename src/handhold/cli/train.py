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
from handhold.models.choir.config import JointDiffusionConfig
from handhold.models.fastgrasp.config import FastGraspConfig
from handhold.models.training.config import Precision


@dataclass(frozen=True)
class Options:
    """Options of `handhold train`.

    Attributes:
        method: what is trained.
        data: a grasp set, as `handhold data make` writes it.
        out: folder of the model and its checkpoints.
        stage: of fastgrasp ae (the autoencoder of hands), diffusion, adapt (the adaptation module), or all in turn;
            choir has the diffusion alone. A stage that is done is not done again.
        ae_steps: steps of the autoencoder (12,000).
        diffusion_steps: steps of the diffusion (fastgrasp 16,000, choir 12,000).
        adapt_steps: steps of the adaptation module (6,000).
        batch: grasps a step (fastgrasp 256, choir 64).
        learning_rate: the greatest.
        precision: of choir's networks; auto is bf16 on a GPU that has it, else full. On a CPU that computes in bf16,
            bf16 takes a third of the time off.
        validate_every: steps between two validations on the set's val split (fastgrasp 4,000, choir 1,000).
        seed: of weights, order and noise.
        device: auto is a GPU where there is one.
        json: also write the report here.
        quiet: print nothing but errors.
        fastgrasp: sizes of FastGrasp's networks.
        choir: sizes of JointDiffusion's networks, and what it sees.
    """

    method: Annotated[Literal["fastgrasp", "choir"], tyro.conf.Positional]
    data: Path
    out: Path
    stage: Literal["all", "ae", "diffusion", "adapt"] = "all"
    ae_steps: int | None = None
    diffusion_steps: int | None = None
    adapt_steps: int | None = None
    batch: int | None = None
    learning_rate: float = 1e-3
    precision: Precision = "auto"
    validate_every: int | None = None
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    json: Path | None = None
    quiet: bool = False
    fastgrasp: FastGraspConfig = field(default_factory=FastGraspConfig)
    choir: JointDiffusionConfig = field(default_factory=JointDiffusionConfig)


def run(options: Options) -> int:
    """Train, save, print. Returns the exit code."""
    for name in ("ae_steps", "diffusion_steps", "adapt_steps", "batch", "validate_every"):
        value = getattr(options, name)
        if value is not None and value < 1:
            told = f"--{name.replace('_', '-')}"
            raise InputError("must be positive", where=told, expected="1 or more", got=value)
    _check_method(options)
    if options.method == "choir":
        from handhold.cli.train_choir import recipe_of
    else:
        from handhold.cli.train_fastgrasp import recipe_of
    from handhold.cli.train_run import train_model

    return train_model(options, recipe_of(options))


def _check_method(options: Options) -> None:
    """Refuse what would be passed over in silence.

    Raises:
        InputError: an option belongs to the other method.
    """
    choir = options.method == "choir"
    foreign = {
        "--stage": choir and options.stage not in ("all", "diffusion"),
        "--ae-steps": choir and options.ae_steps is not None,
        "--adapt-steps": choir and options.adapt_steps is not None,
        "--precision": not choir and options.precision != "auto",
        "--fastgrasp": choir and options.fastgrasp != FastGraspConfig(),
        "--choir": not choir and options.choir != JointDiffusionConfig(),
    }
    for name, wrong in foreign.items():
        if wrong:
            raise InputError("is not for this method", where=name, got=options.method, remedy="Leave it out.")
