"""The training loop."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch

from handhold.errors import InputError, MissingExtra
from handhold.models.training.checkpoint import NAME, Checkpoint, read_checkpoint, recover, write_checkpoint
from handhold.models.training.config import TrainConfig
from handhold.models.training.curves import TRAIN, VALIDATION, Curves, draw_curves, read_rows
from handhold.models.training.devices import accelerating, mixed_forward, pick_device
from handhold.models.training.learner import Learner, Step, tensors_of
from handhold.models.training.order import derive_seed, seeded
from handhold.models.training.task import Task, Trained, TrainingError

Validate = Callable[[], dict[str, float]]

MOST_SKIPPED = 20
DRAW_SECONDS = 30.0  # a picture takes a third of a second


def train(
    task: Task,
    config: TrainConfig,
    *,
    folder: str | Path,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    validate: Validate | None = None,
    progress: Callable[[int, dict[str, float]], None] | None = None,
    stop: Callable[[], bool] | None = None,
    identity: Mapping[str, Any] | None = None,
) -> Trained:
    """Train a task's module, or go on from the checkpoint in `folder`.

    Which rows a step sees and all its randomness follow from the seed and the step's number, so a training that was
    killed and started again ends, on a CPU with the same processes and threads, with the very bits of one that never
    stopped. SIGINT and SIGTERM end it after the step at hand (a second one at once), with a checkpoint. Under
    `accelerate launch` or `torchrun` the processes share each batch; the first of them alone validates, writes and
    calls `progress`, and its `Trained` alone has the validation's figures.

    A step whose loss or gradient is infinite or NaN changes nothing and is counted. While such steps follow one
    another no checkpoint is written, for the weights may be what is wrong: the last one is of a step that was taken.

    Args:
        task: what is trained. At the end its module has the averaged weights and is in eval mode, on the device.
        config: settings.
        folder: takes `checkpoint/`, `curves.csv` and `curves.png`; made where it is not there.
        device: "auto" is a GPU where there is one.
        validate: called with the averaged weights in the module, in eval mode; gives figures by name, which stand
            beside the losses of the same name in the curves.
        progress: called after each step with its number and its losses.
        stop: asked before each step; true ends the training with a checkpoint.
        identity: what else must be the same to go on from a checkpoint, as JSON has it: data, sizes of the network.

    Raises:
        InputError: the device or precision is not to be had; the batch cannot be shared by the processes; the folder
            cannot be written; its checkpoint is damaged, or made for other settings, data or weights.
        TrainingError: more than 20 steps in a row were skipped.
        MissingExtra: accelerate is not installed.
    """
    folder, place = _made(Path(folder)), pick_device(device)
    settings = _as_json({**asdict(config), "rows": len(task), "identity": dict(identity or {})})
    with (
        accelerating(place, config.precision) as accelerator,
        mixed_forward(task.module, accelerator),
        _noted_signals() as signals,
    ):
        run = _Run(Learner(task, config, accelerator), folder=folder, settings=settings)
        run.resume()
        stopped = False
        while run.learner.step < config.steps:
            stopped = _any(accelerator, bool(signals) or (stop is not None and stop()))
            if stopped:
                break
            step = run.learner.advance()
            run.curves.add(step)
            if progress is not None and accelerator.is_main_process:
                progress(step.number, step.losses)
            run.end_step(step, validate=validate)
        return run.end(stopped=stopped or bool(signals))  # a signal in the last step is one, too


class _Run:
    """A learner with its clock, curves and files."""

    def __init__(self, learner: Learner, *, folder: Path, settings: Mapping[str, Any]) -> None:
        self.learner, self.folder, self.settings = learner, folder, settings
        self.curves = Curves()
        self.accelerator = learner.accelerator
        self.started, self.saved, self.drawn = time.monotonic(), 0, 0.0
        self.warnings: dict[str, None] = {}

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if self.accelerator.is_main_process:
            recover(self.folder)
        self.accelerator.wait_for_everyone()
        found = read_checkpoint(self.folder, settings=self.settings)
        if found is None:
            return
        learner, counts, state = self.learner, found.counts, found.state
        _load(tensors_of(learner.module), found.weights, where=self.folder / NAME)
        if learner.average is not None:
            _load(learner.average, found.average or {}, where=self.folder / NAME)
        learner.optimizer.load_state_dict(state["optimizer"])
        if self.accelerator.scaler is not None and state["scaler"] is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        learner.step, learner.updates, learner.failures = (counts[k] for k in ("step", "updates", "failures"))
        self.curves.rows = read_rows(found.curves)
        self.curves.sums, self.curves.skipped = state["sums"], counts["skipped"]
        self.saved, self.started = learner.step, time.monotonic() - found.seconds
        if self.accelerator.is_main_process:
            self.curves.write(self.folder / "curves.csv")

    def end_step(self, step: Step, *, validate: Validate | None) -> None:
        """Validate, write a row, a checkpoint and a picture where the step's number asks for them."""
        config, number = self.learner.config, step.number
        if self.learner.failures > MOST_SKIPPED:
            raise self._hopeless()
        last = number == config.steps
        figures: dict[str, float] = {}
        if validate is not None and (last or number % config.validate_every == 0):
            figures = self._validated(number, validate)
        if last or figures or number % config.log_every == 0:
            self.curves.end_row(step, seconds=self.seconds, validation=figures)
            if self.accelerator.is_main_process:
                self.curves.write(self.folder / "curves.csv")
        if (last or number % config.checkpoint_every == 0) and not self.learner.failures:
            self.save()
            if time.monotonic() - self.drawn > DRAW_SECONDS:
                self.draw()

    def end(self, *, stopped: bool) -> Trained:
        """Leave a checkpoint and a picture, and the averaged weights in the module."""
        if self.saved != self.learner.step and not self.learner.failures:
            self.save()
        self.draw()
        self.learner.settle()
        return Trained(
            steps=self.learner.step,
            seconds=self.seconds,
            losses=self.curves.last(TRAIN),
            validation=self.curves.last(VALIDATION),
            stopped=stopped,
            warnings=tuple(self.warnings),
        )

    def save(self) -> None:
        """Write a checkpoint."""
        self.saved = self.learner.step
        if not self.accelerator.is_main_process:
            return
        learner, scaler = self.learner, self.accelerator.scaler
        counts = {
            "step": learner.step,
            "updates": learner.updates,
            "failures": learner.failures,
            "skipped": self.curves.skipped,
        }
        state = {
            "optimizer": learner.optimizer.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "sums": self.curves.sums,
        }
        checkpoint = Checkpoint(
            counts=counts,
            seconds=self.seconds,
            weights=tensors_of(learner.module),
            average=learner.average,
            state=state,
            curves=self.curves.text(),
        )
        write_checkpoint(self.folder, checkpoint, settings=self.settings)

    def draw(self) -> None:
        """Draw the curves; without matplotlib there is a warning in place of a picture."""
        self.drawn = time.monotonic()
        if self.accelerator.is_main_process:
            try:
                draw_curves(self.curves.rows, self.folder / "curves.png")
            except MissingExtra as error:
                self.warnings[f"no picture of the curves: {error}"] = None

    def _validated(self, number: int, validate: Validate) -> dict[str, float]:
        figures: dict[str, float] = {}
        if self.accelerator.is_main_process:
            seed = derive_seed(self.learner.config.seed, "validation", number)
            with seeded(seed, device=self.accelerator.device), self.learner.averaged():
                figures = validate()
        self.accelerator.wait_for_everyone()
        return figures

    def _hopeless(self) -> TrainingError:
        where = f"{self.folder / NAME} (step {self.saved})" if self.saved else "none was written yet"
        return TrainingError(
            f"{self.learner.failures} steps in a row, up to step {self.learner.step}, had a loss or gradient that is "
            f"infinite or NaN. The last good checkpoint: {where}. Look for rows of data that are not finite, or start "
            "again in another --out with a lower learning rate or in full precision."
        )


def _load(values: dict[str, torch.Tensor], stored: Mapping[str, torch.Tensor], *, where: Path) -> None:
    told = lambda tensors: {name: (tuple(t.shape), str(t.dtype)) for name, t in tensors.items()}
    ours, theirs = told(values), told(stored)
    if ours != theirs:
        name = next(n for n in {**ours, **theirs} if ours.get(n) != theirs.get(n))
        raise InputError(
            f"the checkpoint's weights are of another network, first at {name}",
            where=where,
            expected=ours.get(name, "nothing of that name"),
            got=theirs.get(name, "nothing of that name"),
            remedy="Use another --out, or the network that it was made with.",
        )
    with torch.no_grad():
        for name, value in values.items():
            value.copy_(stored[name])


def _as_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return json.loads(json.dumps(settings, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError("has no form in JSON", where="identity", got=error) from error


def _any(accelerator: Any, here: bool) -> bool:
    """Whether it holds in any of the processes: all must leave the loop together."""
    if accelerator.num_processes == 1:
        return here
    return bool(accelerator.reduce(torch.tensor(float(here), device=accelerator.device), "sum") > 0)


@contextmanager
def _noted_signals() -> Iterator[list[int]]:
    """A list that SIGINT and SIGTERM are noted in, each once: the next of its kind acts as it did before."""
    noted: list[int] = []
    before: dict[int, Any] = {}

    def note(number: int, frame: object) -> None:
        noted.append(number)
        signal.signal(number, before[number])

    if threading.current_thread() is threading.main_thread():  # Python sets handlers nowhere else
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.getsignal(number) or signal.SIG_DFL
            signal.signal(number, note)
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            "is no folder that can be written to",
            where=folder,
            got=error.strerror or error,
            remedy="Choose another --out.",
        ) from error
    return folder
