"""One training from a grasp set to a model folder, stage by stage; each method brings a `Recipe`."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
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
from handhold.models.grasp_rows import GraspRows
from handhold.models.pretrained import SIZES, STATE, Pretrained
from handhold.models.training import Task, TrainConfig, Trained, pick_device, train

if TYPE_CHECKING:
    from handhold.cli.train import Options

FORMAT = "handhold-model/1"
Validate = Callable[[], dict[str, float]]


@dataclass(frozen=True)
class Recipe:
    """How a method's model is made.

    Attributes:
        method: its name.
        sizes: its config, a dataclass.
        make: a new model.
        load: the model of a folder.
        stages: names, in order, and the steps of each.
        config: steps to settings of a training.
        task: of a stage, a model and its rows.
        validation: of a stage, a model and its rows that were held out.
        after: what is done when a stage is done, with the training rows.
    """

    method: str
    sizes: Any
    make: Callable[[], Pretrained]
    load: Callable[[Path], Pretrained]
    stages: dict[str, int]
    config: Callable[[int], TrainConfig]
    task: Callable[[str, Any, GraspRows], Task]
    validation: Callable[[str, Any, GraspRows], Validate]
    after: Callable[[str, Any, GraspRows], None] = lambda stage, model, rows: None


def train_model(options: Options, recipe: Recipe) -> int:
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
        model, state = _begin(folder, options, recipe, grasps, digest)
        state[SIZES] = sizes_of(rows["train"].rows)
        for stage in recipe.stages if options.stage == "all" else (options.stage,):
            _check_order(stage, recipe, state, folder)
            if stage in state["stages"]:
                continue
            trained = _stage(stage, recipe, model, rows, folder, options, state)
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


def _begin(
    folder: Path, options: Options, recipe: Recipe, grasps: GraspSet, digest: str
) -> tuple[Pretrained, dict[str, Any]]:
    """The model as far as it is, or a new one."""
    torch.manual_seed(options.seed)
    fresh = {
        "format": FORMAT,
        "method": recipe.method,
        "data": {"grasps": len(grasps), "digest": digest, "seed": options.seed},
        "model": asdict(recipe.sizes),
        "stages": {},
    }
    path = folder / "model" / STATE
    if not path.exists():
        return recipe.make(), fresh
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
    return recipe.load(folder / "model"), state


def _check_order(stage: str, recipe: Recipe, state: dict[str, Any], folder: Path) -> None:
    order = list(recipe.stages)
    missing = [before for before in order[: order.index(stage)] if before not in state["stages"]]
    if missing:
        raise InputError(
            f"stage '{stage}' comes after '{missing[-1]}', which is not done",
            where=folder,
            remedy=f"Run --stage {missing[0]} first, or --stage all.",
        )


def _stage(
    stage: str,
    recipe: Recipe,
    model: Pretrained,
    rows: dict[str, Prepared],
    folder: Path,
    options: Options,
    state: dict[str, Any],
) -> Trained:
    steps = recipe.stages[stage]
    device = pick_device(options.device)
    model.requires_grad_(False).to(device)
    placed = {split: found.rows.to(device) for split, found in rows.items()}
    task = recipe.task(stage, model, placed["train"])
    task.module.requires_grad_(True)
    with progress(f"training {stage}", steps, quiet=options.quiet) as step:
        trained = train(
            task,
            recipe.config(steps),
            folder=folder / stage,
            device=options.device,
            validate=recipe.validation(stage, model, placed["val"]),
            progress=lambda number, losses: step(to=number),
            identity={"model": asdict(recipe.sizes), "before": state["stages"], "data": state["data"]},
        )
    model.to("cpu")
    if not trained.stopped:
        recipe.after(stage, model, rows["train"].rows)
    return trained


def save_model(model: Pretrained, folder: Path, state: dict[str, Any]) -> None:
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
