"""`handhold train fastgrasp`: the stages, their validation, and the model that comes out."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from handhold import optional
from handhold.cli.output import REPORT_FORMAT, alone_in, check_json, output_folder
from handhold.cli.progress import progress
from handhold.cli.tables import console, plain_table
from handhold.data import GraspSet
from handhold.data.grasp_rows import Prepared, prepare_rows, read_rows, save_rows
from handhold.errors import InputError
from handhold.io import write_json
from handhold.models.fastgrasp import FastGrasp
from handhold.models.fastgrasp.adapt_task import AdaptTask
from handhold.models.fastgrasp.load import SIZES, STATE, load_model
from handhold.models.fastgrasp.tasks import AutoencoderTask, DiffusionTask, fit_latents
from handhold.models.grasp_rows import GraspRows
from handhold.models.training import Task, TrainConfig, Trained, pick_device, train

if TYPE_CHECKING:
    from handhold.cli.train import Options

STAGES = ("ae", "diffusion", "adapt")
FORMAT = "handhold-model/1"
VALIDATED, EACH = 12, 12
"""Objects that validation makes grasps for, and grasps of each."""


def train_fastgrasp(options: Options) -> int:
    """Train the stages that are asked for and not done. Returns the exit code: 0, or 130 if it was stopped."""
    optional.require("accelerate", extra="train")
    check_json(options.json)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("is run by one process", where="handhold train", remedy="Start it without torchrun.")
    start = time.monotonic()
    grasps = GraspSet.open(options.data)
    with output_folder(options.out) as folder, alone_in(folder, "handhold train"):
        digest = digest_of(grasps)
        rows = {
            split: _rows(grasps, split, folder, digest, quiet=options.quiet) for split in ("train", "val")
        }
        model, state = _begin(folder, options, grasps, digest)
        state[SIZES] = sizes_of(rows["train"].rows)
        wanted = STAGES if options.stage == "all" else (options.stage,)
        for stage in wanted:
            _check_order(stage, state, folder)
            if stage in state["stages"]:
                continue
            trained = _stage(stage, model, rows, folder, options, state)
            if trained.stopped:
                print(f"handhold: stopped; the same command goes on from {folder}", file=sys.stderr)
                return 130
            state["stages"][stage] = {
                "steps": trained.steps,
                "seconds": round(trained.seconds, 1),
                "losses": trained.losses,
                "validation": trained.validation,
            }
            save_model(model, folder / "model", state)
    report = {"format": REPORT_FORMAT, "command": "train", "seconds": time.monotonic() - start, **state}
    if options.json is not None:
        write_json(report, options.json)
    if not options.quiet:
        _print(state, folder)
    return 0


def digest_of(grasps: GraspSet) -> str:
    """What tells one set from another: the contents of its files."""
    known = hashlib.blake2b(digest_size=16)
    for name in ("objects.parquet", *grasps.manifest["files"]):
        known.update((grasps.folder / name).read_bytes())
    return known.hexdigest()


def sizes_of(rows: GraspRows) -> tuple[float, float]:
    """The longest sides of the smallest and the largest object [m]; others are told apart when grasps are made."""
    sides = (rows.objects.points.amax(1) - rows.objects.points.amin(1)).amax(-1)
    return round(float(sides.min()), 4), round(float(sides.max()), 4)


def _rows(grasps: GraspSet, split: str, folder: Path, digest: str, *, quiet: bool) -> Prepared:
    """A split as tensors, from the folder's own copy if it is of the same set."""
    if split not in grasps.values("split"):
        raise InputError(
            f"has no split '{split}'",
            where=grasps.folder,
            expected="a set of several objects a category",
            remedy="Make a larger set (handhold data make --count ...).",
        )
    some, of = grasps.where(split=split), f"{digest} {split}"
    path = folder / f"rows-{split}.safetensors"
    found = read_rows(path, of=of)
    if found is None:
        count = len(set(some.table["object_id"].to_pylist()))
        with progress(f"objects ({split})", count, quiet=quiet) as step:
            found = prepare_rows(some, progress=lambda done, _: step(to=done))
        save_rows(found, path, of=of)
    return found


def _begin(folder: Path, options: Options, grasps: GraspSet, digest: str) -> tuple[FastGrasp, dict[str, Any]]:
    """The model as far as it is, or a new one."""
    torch.manual_seed(options.seed)
    fresh = {
        "format": FORMAT,
        "method": "fastgrasp",
        "data": {"grasps": len(grasps), "digest": digest, "seed": options.seed},
        "model": asdict(options.model),
        "stages": {},
    }
    path = folder / "model" / STATE
    if not path.exists():
        return FastGrasp(options.model), fresh
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        told = {key: state[key] for key in ("format", "method", "data", "model")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("cannot be read", where=path, got=error, remedy="Choose another --out.") from error
    wanted = json.loads(json.dumps({key: fresh[key] for key in told}))
    if told != wanted:
        key = next(key for key in told if told[key] != wanted[key])
        raise InputError(
            "the folder holds a model that was begun otherwise",
            where=f"{folder} ({key})",
            expected=wanted[key],
            got=told[key],
            remedy="Choose another --out, or give the settings that it was begun with.",
        )
    return load_model(folder / "model"), state


def _check_order(stage: str, state: dict[str, Any], folder: Path) -> None:
    missing = [before for before in STAGES[: STAGES.index(stage)] if before not in state["stages"]]
    if missing:
        raise InputError(
            f"stage '{stage}' comes after '{missing[-1]}', which is not done",
            where=folder,
            remedy=f"Run --stage {missing[0]} first, or --stage all.",
        )


def _stage(
    stage: str,
    model: FastGrasp,
    rows: dict[str, Prepared],
    folder: Path,
    options: Options,
    state: dict[str, Any],
) -> Trained:
    steps = {"ae": options.ae_steps, "diffusion": options.diffusion_steps, "adapt": options.adapt_steps}[
        stage
    ]
    config = TrainConfig(
        steps=steps,
        batch=options.batch,
        learning_rate=options.learning_rate,
        seed=options.seed,
        validate_every=options.validate_every,
        precision="no",  # the losses are geometry, and the networks are small
    )
    device = pick_device(options.device)
    model.requires_grad_(False).to(device)
    placed = {split: found.rows.to(device) for split, found in rows.items()}
    task = task_of(stage, model, placed["train"], options)
    task.module.requires_grad_(True)
    with progress(f"training {stage}", steps, quiet=options.quiet) as step:
        trained = train(
            task,
            config,
            folder=folder / stage,
            device=options.device,
            validate=validation_of(stage, model, placed["val"], options),
            progress=lambda number, losses: step(to=number),
            identity={"model": asdict(options.model), "before": state["stages"], "data": state["data"]},
        )
    model.to("cpu")
    if stage == "ae" and not trained.stopped:
        fit_latents(model, rows["train"].rows, seed=options.seed)
    return trained


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


def save_model(model: FastGrasp, folder: Path, state: dict[str, Any]) -> None:
    """Weights, config and what is known of their making, each whole; what tells of a stage last, after its weights."""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".model-") as draft:
        model.save_pretrained(draft)
        for path in sorted(Path(draft).iterdir()):
            os.replace(path, folder / path.name)
    write_json(state, folder / STATE)


def _print(state: dict[str, Any], folder: Path) -> None:
    out = console()
    rows = [
        (
            stage,
            str(told["steps"]),
            f"{told['seconds']:.0f}",
            _some(told["losses"]),
            _some(told["validation"]),
        )
        for stage, told in state["stages"].items()
    ]
    out.print(plain_table(rows, heads=("stage", "steps", "seconds", "losses", "on held-out instances")))
    out.print(f"\nmodel: {folder / 'model'}", soft_wrap=True, markup=False)


def _some(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in list(figures.items())[:4])
