"""`handhold train fastgrasp`: the stages and their validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from handhold.cli.progress import progress
from handhold.cli.train_rows import grasp_rows
from handhold.cli.train_run import Recipe
from handhold.models.fastgrasp import FastGrasp, load_model
from handhold.models.fastgrasp.adapt_task import AdaptTask
from handhold.models.fastgrasp.load import SHIPPED
from handhold.models.fastgrasp.tasks import AutoencoderTask, DiffusionTask, fit_latents
from handhold.models.grasp_rows import GraspRows
from handhold.models.training import Task, TrainConfig

if TYPE_CHECKING:
    from handhold.cli.train import Options

AE_STEPS, DIFFUSION_STEPS, ADAPT_STEPS, BATCH, VALIDATE = 12_000, 16_000, 6_000, 256, 4_000
VALIDATED, EACH = 12, 12
"""Objects that validation makes grasps for, and grasps of each."""


def recipe_of(options: Options) -> Recipe:
    """How the options have FastGrasp made."""

    def config(steps: int) -> TrainConfig:
        return TrainConfig(
            steps=steps,
            batch=options.batch or BATCH,
            learning_rate=options.learning_rate,
            seed=options.seed,
            validate_every=options.validate_every or VALIDATE,
            precision="no",  # the losses are geometry, and the networks are small
        )

    def after(stage: str, model: FastGrasp, rows: GraspRows) -> None:
        if stage == "ae":
            fit_latents(model, rows, seed=options.seed)

    return Recipe(
        method="fastgrasp",
        sizes=options.fastgrasp,
        make=lambda: FastGrasp(options.fastgrasp),
        load=load_model,
        shipped=SHIPPED,
        stages={
            "ae": options.ae_steps or AE_STEPS,
            "diffusion": options.diffusion_steps or DIFFUSION_STEPS,
            "adapt": options.adapt_steps or ADAPT_STEPS,
        },
        config=config,
        rows=grasp_rows,
        points=lambda rows: rows.objects.points,
        task=lambda stage, model, rows: task_of(stage, model, rows, options),
        validation=lambda stage, model, rows: validation_of(stage, model, rows, options),
        after=after,
    )


def task_of(stage: str, model: FastGrasp, rows: GraspRows, options: Options) -> Task:
    """What a stage trains."""
    if stage == "ae":
        return AutoencoderTask(model, rows)
    if stage == "diffusion":
        return DiffusionTask(model, rows)
    with progress("drawing latents", 2 * len(rows), quiet=options.quiet) as step:
        return AdaptTask(model, rows, seed=options.seed, progress=lambda done: step(to=done))


def validation_of(
    stage: str, model: FastGrasp, rows: GraspRows, options: Options
) -> Callable[[], dict[str, float]]:
    """The stage's own losses on held-out instances; after the autoencoder also exact measures of grasps that the model
    makes for them."""
    from handhold.cli.train_validation import measures_of_grasps

    task = {"ae": AutoencoderTask, "diffusion": DiffusionTask}.get(stage)

    def validate() -> dict[str, float]:
        generator = torch.Generator().manual_seed(options.seed)
        figures: dict[str, float] = {}
        with torch.no_grad():
            if task is not None:
                own = task(model, rows)
                chosen = torch.randperm(len(own), generator=generator)[:512]
                figures = {name: float(value) for name, value in own.losses(chosen, generator).items()}
            if stage != "ae":
                adapted = stage == "adapt"
                figures |= measures_of_grasps(
                    model, rows, objects=VALIDATED, each=EACH, adapt=adapted, seed=options.seed
                )
        return figures

    return validate
