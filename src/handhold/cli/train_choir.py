"""`handhold train choir`: JointDiffusion and its validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from handhold.cli.train_rows import grasp_rows
from handhold.cli.train_run import Recipe, Validate
from handhold.models.choir import JointDiffusion, load_model
from handhold.models.choir.load import SHIPPED
from handhold.models.choir.task import JointDiffusionTask, fit_scales
from handhold.models.grasp_rows import GraspRows
from handhold.models.training import Task, TrainConfig

if TYPE_CHECKING:
    from handhold.cli.train import Options

STEPS, BATCH, VALIDATE = 12_000, 64, 1_000
VALIDATED = 512
"""Grasps of held-out instances whose losses are looked at."""


def recipe_of(options: Options) -> Recipe:
    """How the options have JointDiffusion made."""

    def config(steps: int) -> TrainConfig:
        return TrainConfig(
            steps=steps,
            batch=options.batch or BATCH,
            learning_rate=options.learning_rate,
            warmup=200,
            seed=options.seed,
            validate_every=options.validate_every or VALIDATE,
            precision=options.precision,
        )

    def task(stage: str, model: JointDiffusion, rows: GraspRows) -> Task:
        found = JointDiffusionTask(model, rows)
        fit_scales(found, seed=options.seed)
        return found

    return Recipe(
        method="choir",
        sizes=options.choir,
        make=lambda: JointDiffusion(options.choir),
        load=load_model,
        shipped=SHIPPED,
        stages={"diffusion": options.diffusion_steps or STEPS},
        config=config,
        rows=grasp_rows,
        points=lambda rows: rows.objects.points,
        task=task,
        validation=lambda stage, model, rows: validation_of(model, rows, options),
    )


def validation_of(model: JointDiffusion, rows: GraspRows, options: Options) -> Validate:
    """The losses of grasps of held-out instances."""
    task = JointDiffusionTask(model, rows)

    def validate() -> dict[str, float]:
        generator = torch.Generator().manual_seed(options.seed)
        chosen = torch.randint(len(task), (VALIDATED,), generator=generator)
        with torch.no_grad():
            return {name: float(value) for name, value in task.losses(chosen, generator).items()}

    return validate
