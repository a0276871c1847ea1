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
from handhold.models.contact.config import ContactNetConfig
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
            choir has the diffusion alone, contact the one stage contact. A stage that is done is not done again.
        ae_steps: steps of the autoencoder (12,000).
        diffusion_steps: steps of the diffusion (fastgrasp 16,000, choir 12,000).
        adapt_steps: steps of the adaptation module (6,000).
        contact_steps: steps of the contact network (4,500).
        batch: grasps a step (fastgrasp 256, choir 64); of contact objects, with six sentences each (8).
        learning_rate: the greatest.
        more: of contact: further objects for each named part of each category, seen without grasps (16).
        things: of contact: things put together of plain solids, which teach words for parts (1,200).
        init: start from the weights of this model folder, or from those that come with handhold (shipped), in place of
            new ones; of the same sizes.
        precision: of choir's and contact's networks; auto is bf16 on a GPU that has it, else full. On a
            CPU that computes in bf16, bf16 takes a third of the time off.
        validate_every: steps between two validations on the set's val split (fastgrasp 4,000, choir 1,000,
            contact 250).
        seed: of weights, order and noise.
        device: auto is a GPU where there is one.
        json: also write the report here.
        quiet: print nothing but errors.
        fastgrasp: sizes of FastGrasp's networks.
        choir: sizes of JointDiffusion's networks, and what it sees.
        contact: sizes of the contact network, and which text encoder it reads; a causal language model's LoRA weights
            train with it.
    """

    method: Annotated[Literal["fastgrasp", "choir", "contact"], tyro.conf.Positional]
    data: Path
    out: Path
    stage: Literal["all", "ae", "diffusion", "adapt", "contact"] = "all"
    ae_steps: int | None = None
    diffusion_steps: int | None = None
    adapt_steps: int | None = None
    contact_steps: int | None = None
    batch: int | None = None
    learning_rate: float = 1e-3
    more: int | None = None
    things: int | None = None
    init: str | None = None
    precision: Precision = "auto"
    validate_every: int | None = None
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    json: Path | None = None
    quiet: bool = False
    fastgrasp: FastGraspConfig = field(default_factory=FastGraspConfig)
    choir: JointDiffusionConfig = field(default_factory=JointDiffusionConfig)
    contact: ContactNetConfig = field(default_factory=ContactNetConfig)


def run(options: Options) -> int:
    """Train, save, print. Returns the exit code."""
    positive = ("ae_steps", "diffusion_steps", "adapt_steps", "contact_steps", "batch", "validate_every")
    for name, least in (*((name, 1) for name in positive), ("more", 0), ("things", 0)):
        value = getattr(options, name)
        if value is not None and value < least:
            told = f"--{name.replace('_', '-')}"
            what = "must be positive" if least else "must not be negative"
            raise InputError(what, where=told, expected=f"{least} or more", got=value)
    _check_method(options)
    if options.method == "choir":
        from handhold.cli.train_choir import recipe_of
    elif options.method == "contact":
        from handhold.cli.train_contact import recipe_of
    else:
        from handhold.cli.train_fastgrasp import recipe_of
    from handhold.cli.train_run import train_model

    return train_model(options, recipe_of(options))


STAGES = {
    "fastgrasp": ("ae", "diffusion", "adapt"),
    "choir": ("diffusion",),
    "contact": ("contact",),
}


def _check_method(options: Options) -> None:
    """Refuse what would be passed over in silence.

    Raises:
        InputError: an option belongs to another method.
    """
    method, stages = options.method, STAGES[options.method]
    foreign = {"--stage": options.stage not in ("all", *stages)}
    for stage in ("ae", "diffusion", "adapt", "contact"):
        foreign[f"--{stage}-steps"] = stage not in stages and getattr(options, f"{stage}_steps") is not None
    foreign |= {
        "--more": method != "contact" and options.more is not None,
        "--things": method != "contact" and options.things is not None,
        "--precision": method == "fastgrasp" and options.precision != "auto",
        "--fastgrasp": method != "fastgrasp" and options.fastgrasp != FastGraspConfig(),
        "--choir": method != "choir" and options.choir != JointDiffusionConfig(),
        "--contact": method != "contact" and options.contact != ContactNetConfig(),
    }
    for name, wrong in foreign.items():
        if wrong:
            raise InputError("is not for this method", where=name, got=method, remedy="Leave it out.")
