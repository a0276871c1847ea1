"""One training from a grasp set to a model folder, stage by stage; each method brings a `Recipe`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from handhold import optional
from handhold.cli.output import REPORT_FORMAT, alone_in, check_json, output_folder
from handhold.cli.progress import progress
from handhold.cli.tables import console, plain_table
from handhold.cli.train_rows import Split
from handhold.data import GraspSet
from handhold.errors import InputError
from handhold.io import write_json
from handhold.models.pretrained import SIZES, STATE, model_in
from handhold.models.training import Task, TrainConfig, Trained, has_bf16, pick_device, train

if TYPE_CHECKING:
    from handhold.cli.train import Options

FORMAT = "handhold-model/1"
Validate = Callable[[], dict[str, float]]


class Model(Protocol):
    """What a recipe makes: a module that is saved into a folder.

    Attributes:
        config: its sizes, a dataclass.
    """

    @property
    def config(self) -> Any: ...

    def requires_grad_(self, requires_grad: bool = True) -> Any: ...

    def to(self, device: torch.device | str) -> Any: ...

    def save_pretrained(self, save_directory: str | Path) -> Any: ...


@dataclass(frozen=True)
class Recipe:
    """How a method's model is made.

    Attributes:
        method: its name.
        sizes: its config, a dataclass.
        make: a new model.
        load: the model of a folder.
        shipped: the folder of the model that comes with handhold.
        stages: names, in order, and the steps of each.
        config: steps to settings of a training.
        rows: of a split: what it trains on or is validated with; `to(device)` gives it on another device.
        points: of the rows: points (O, P, 3) of the set's objects [m], whose sizes the model's folder tells.
        task: of a stage, a model and its rows.
        validation: of a stage, a model and its rows that were held out.
        after: what is done when a stage is done, with the training rows.
    """

    method: str
    sizes: Any
    make: Callable[[], Model]
    load: Callable[[Path], Model]
    shipped: Path
    stages: dict[str, int]
    config: Callable[[int], TrainConfig]
    rows: Callable[[Split], Any]
    points: Callable[[Any], Tensor]
    task: Callable[[str, Any, Any], Task]
    validation: Callable[[str, Any, Any], Validate]
    after: Callable[[str, Any, Any], None] = lambda stage, model, rows: None


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
        if options.precision == "bf16" and not has_bf16(pick_device(options.device)) and not options.quiet:
            what = "this CPU does not compute in bf16, which makes a step many times as long"
            print(f"handhold: note: {what}; leave --precision out", file=sys.stderr)
        model, state = _begin(folder, options, recipe, grasps, digest)
        rows = {
            name: recipe.rows(_split(grasps, name, folder, digest, quiet=options.quiet))
            for name in ("train", "val")
        }
        state[SIZES] = sizes_of(recipe.points(rows["train"]))
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
    return _digest(grasps.folder / name for name in ("objects.parquet", *grasps.manifest["files"]))


def _digest(paths: Iterable[Path]) -> str:
    known = hashlib.blake2b(digest_size=16)
    for path in paths:
        known.update(path.read_bytes())
    return known.hexdigest()


def sizes_of(points: Tensor) -> tuple[float, float]:
    """The longest sides of the smallest and the largest object, of points (O, P, 3) [m]; others are told apart when
    grasps are made."""
    sides = (points.amax(1) - points.amin(1)).amax(-1)
    return round(float(sides.min()), 4), round(float(sides.max()), 4)


def _split(grasps: GraspSet, name: str, folder: Path, digest: str, *, quiet: bool) -> Split:
    """A split of the set, which must be there."""
    if name not in grasps.values("split"):
        raise InputError(
            f"has no split '{name}'",
            where=grasps.folder,
            expected="a set of several objects a category",
            remedy="Make a larger set (handhold data make --count ...).",
        )
    return Split(name, grasps.where(split=name), folder, f"{digest} {name}", quiet)


def _begin(
    folder: Path, options: Options, recipe: Recipe, grasps: GraspSet, digest: str
) -> tuple[Model, dict[str, Any]]:
    """The model as far as it is, or a new one."""
    torch.manual_seed(options.seed)
    init = None if options.init is None else Path(options.init)
    if options.init == "shipped":
        init = recipe.shipped
    fresh = {
        "format": FORMAT,
        "method": recipe.method,
        "data": {"grasps": len(grasps), "digest": digest, "seed": options.seed, **_origin(init)},
        "model": asdict(recipe.sizes),
        "stages": {},
    }
    path = folder / "model" / STATE
    if not path.exists():
        return _loaded(init, recipe) if init else recipe.make(), fresh
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


def _origin(init: Path | None) -> dict[str, str]:
    """What tells the weights that a model starts from; nothing for new ones."""
    return {} if init is None else {"init": _digest(sorted(model_in(init).rglob("*.safetensors")))}


def _loaded(init: Path, recipe: Recipe) -> Model:
    """The model to start from.

    Raises:
        InputError: it cannot be read, or has other sizes.
    """
    model = recipe.load(init)
    told, wanted = (json.loads(json.dumps(asdict(sizes))) for sizes in (model.config, recipe.sizes))
    for key, value in wanted.items():
        if told[key] != value:
            raise InputError(
                "the model to start from has other sizes",
                where=f"--init ({key})",
                expected=value,
                got=told[key],
                remedy=f"Give --{recipe.method}.{key.replace('_', '-')} as it was trained.",
            )
    return model


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
    model: Model,
    rows: dict[str, Any],
    folder: Path,
    options: Options,
    state: dict[str, Any],
) -> Trained:
    steps = recipe.stages[stage]
    device = pick_device(options.device)
    model.requires_grad_(False).to(device)
    placed = {split: found.to(device) for split, found in rows.items()}
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
        recipe.after(stage, model, rows["train"])
    return trained


def save_model(model: Model, folder: Path, state: dict[str, Any]) -> None:
    """Weights, config and what is known of their making, each whole; what tells of a stage last, after its weights."""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".model-") as draft:
        model.save_pretrained(draft)
        for path in sorted(Path(draft).iterdir()):
            if path.is_dir():
                shutil.rmtree(folder / path.name, ignore_errors=True)
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
