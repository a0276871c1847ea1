"""The training loop: that it learns, averages, validates, skips what is not finite, and leaves nothing behind."""

import math
import os
import signal
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from small_tasks import SHORT, Line, Noisy, tensors
from torch import nn

from handhold.errors import InputError, MissingExtra
from handhold.models.training import TrainConfig, TrainingError, train
from handhold.models.training.curves import read_rows


def rows_of(folder):
    return read_rows((folder / "curves.csv").read_text(encoding="utf-8"))


def test_it_finds_the_least_squares_line(tmp_path):
    task = Line()
    design = torch.cat([task.inputs, torch.ones(64, 1)], 1).double()
    best = torch.linalg.lstsq(design, task.targets.double()).solution
    least = float((design @ best - task.targets).square().mean())
    config = TrainConfig(
        steps=400, batch=32, learning_rate=0.05, warmup=20, weight_decay=0.0, ema=0.95, log_every=100
    )
    trained = train(task, config, folder=tmp_path, device="cpu")
    with torch.no_grad():
        reached = float((task.module(task.inputs) - task.targets).double().square().mean())
    assert least - 1e-9 <= reached <= 1.01 * least
    assert trained.steps == 400
    assert not trained.stopped
    assert trained.losses["loss"] < 1.5 * least
    assert not task.module.training


def test_the_average_is_the_recursion_and_validation_sees_it(tmp_path):
    task = Noisy()
    average = {name: value.double() for name, value in tensors(task.module).items()}
    seen, after = [], []

    def follow(step, losses):
        decay = min(SHORT.ema, step / (9 + step))  # (1 + k) / (10 + k) with k = step - 1 updates before
        for name, value in tensors(task.module).items():
            average[name] = (
                decay * average[name] + (1 - decay) * value.double()
                if value.is_floating_point()
                else value.double()
            )
        after.append(tensors(task.module))
        assert task.module.training

    def validate():
        assert not any(part.training for part in task.module.modules())
        for name, value in tensors(task.module).items():
            assert torch.allclose(value.double(), average[name], atol=1e-6), name
            assert value.ndim == 0 or not torch.equal(value, after[-1][name])
        seen.append(len(after))
        return {"figure": float(len(after))}

    original = task.losses

    def losses(rows, generator):
        if seen and seen[-1] == len(after):  # the first step after a validation
            assert all(torch.equal(value, after[-1][name]) for name, value in tensors(task.module).items())
        return original(rows, generator)

    task.losses = losses
    trained = train(task, SHORT, folder=tmp_path, device="cpu", validate=validate, progress=follow)
    assert seen == [8, 16, 24]
    assert trained.validation == {"figure": 24.0}
    for name, value in tensors(task.module).items():
        assert torch.allclose(value.double(), average[name], atol=1e-6)


def test_without_an_average_the_last_weights_stay(tmp_path):
    task, last = Noisy(), {}
    train(
        task,
        replace(SHORT, ema=0.0),
        folder=tmp_path,
        device="cpu",
        progress=lambda step, losses: last.update(tensors(task.module)),
    )
    assert all(torch.equal(value, last[name]) for name, value in tensors(task.module).items())
    assert not (tmp_path / "checkpoint" / "average.safetensors").exists()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_step_that_is_not_finite_leaves_no_trace(tmp_path, bad):
    task, weights, shown = Noisy(), [], []
    original = task.losses

    def losses(rows, generator):
        values = original(rows, generator)
        if len(shown) in (4, 5, 12):  # the fifth, sixth and thirteenth step
            task.module(torch.full((4, 2), math.nan))  # spoils the batch norm's running figures
            values["loss"] = values["loss"] + bad  # the gradient stays finite
        return values

    def follow(step, values):
        shown.append(values["loss"])
        weights.append(tensors(task.module))

    task.losses = losses
    train(task, SHORT, folder=tmp_path, device="cpu", progress=follow)
    same = [all(torch.equal(a[n], b[n]) for n in a) for a, b in pairwise(weights)]
    assert [k + 2 for k, equal in enumerate(same) if equal] == [5, 6, 13]
    assert [row["skipped"] for row in rows_of(tmp_path)] == [0, 2, 0, 1, 0, 0]
    finite = [v for v in shown[4:8] if math.isfinite(v)]
    assert rows_of(tmp_path)[1]["train_loss"] == pytest.approx(sum(finite) / 2)
    assert all(value.isfinite().all() for value in tensors(task.module).values())


def test_a_gradient_that_is_not_finite_is_skipped_too(tmp_path):
    class Root(Line):
        def losses(self, rows, generator):
            return {"loss": (self.module(self.inputs[rows]) * 0).abs().sqrt().sum()}  # slope 1/0 at 0

    with pytest.raises(TrainingError, match="none was written yet"):
        train(Root(), SHORT, folder=tmp_path, device="cpu")


def test_it_gives_up_and_names_the_last_checkpoint(tmp_path):
    task, done = Noisy(), []
    original = task.losses

    def losses(rows, generator):
        done.append(1)
        return {"loss": original(rows, generator)["loss"] * (math.nan if len(done) > 8 else 1.0)}

    task.losses = losses
    config = replace(SHORT, steps=100, checkpoint_every=7)
    with pytest.raises(TrainingError, match=r"21 steps in a row, up to step 29.*checkpoint \(step 7\)"):
        train(task, config, folder=tmp_path, device="cpu")


def test_a_signal_stops_it_with_a_checkpoint(tmp_path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    for number, at in ((signal.SIGINT, 5), (signal.SIGTERM, 9)):
        trained = train(
            Noisy(),
            SHORT,
            folder=tmp_path,
            device="cpu",
            progress=_signal_at(at, number),
        )
        assert trained.stopped
        assert trained.steps == at
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert not train(Noisy(), SHORT, folder=tmp_path, device="cpu").stopped


def test_a_signal_in_the_last_step_is_one_too(tmp_path):
    trained = train(
        Noisy(), SHORT, folder=tmp_path, device="cpu", progress=_signal_at(SHORT.steps, signal.SIGINT)
    )
    assert trained.stopped
    assert trained.steps == SHORT.steps
    again = train(Noisy(), SHORT, folder=tmp_path, device="cpu")
    assert not again.stopped
    assert again.losses == trained.losses


def test_it_leaves_torch_accelerate_and_the_module_as_they_were(tmp_path):
    import accelerate
    from accelerate.state import AcceleratorState

    task = Noisy()
    own = accelerate.Accelerator(cpu=True, mixed_precision="no")
    try:
        before = torch.get_rng_state()
        train(
            task, replace(SHORT, precision="bf16"), folder=tmp_path, device="cpu", validate=lambda: {"a": 1.0}
        )
        assert torch.equal(torch.get_rng_state(), before)
        assert own.mixed_precision == "no"
        assert not {"forward", "_original_forward", "_is_accelerate_prepared"} & set(vars(task.module))
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)


def test_only_the_forward_pass_is_in_low_precision(tmp_path):
    inside, outside, products = [], [], []

    class Watched(nn.Linear):
        def forward(self, values):
            result = super().forward(values)
            inside.append(result.dtype)
            return result

    task = Line()
    task.module = Watched(3, 1)

    def losses(rows, generator):
        result = task.module(task.inputs[rows])
        outside.append(result.dtype)
        products.append((result.T @ result).dtype)
        return {"loss": result.square().mean()}

    task.losses = losses
    train(task, replace(SHORT, precision="bf16", steps=3), folder=tmp_path, device="cpu")
    assert set(inside) == {torch.bfloat16}
    assert set(outside) == set(products) == {torch.float32}


def test_what_cannot_be_trained_is_said(tmp_path):
    with pytest.raises(InputError, match="CPU does not train in fp16"):
        train(Line(), replace(SHORT, precision="fp16"), folder=tmp_path, device="cpu")
    with pytest.raises(InputError, match="nothing to train"):
        train(Noisy(rows=0), SHORT, folder=tmp_path, device="cpu")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="no folder that can be written to"):
        train(Line(), SHORT, folder=tmp_path / "file", device="cpu")
    with pytest.raises(InputError, match="identity"):
        train(Line(), SHORT, folder=tmp_path, device="cpu", identity={"data": object()})
    nameless = Line()
    nameless.losses = lambda rows, generator: {"total": nameless.module.weight.sum()}
    with pytest.raises(InputError, match="no 'loss'"):
        train(nameless, SHORT, folder=tmp_path, device="cpu")


def test_without_accelerate_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(MissingExtra, match=r"handhold\[train\]"):
        train(Line(), SHORT, folder=tmp_path, device="cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["auto", "fp16", "no"])
def test_a_gpu_goes_on_where_it_stopped(tmp_path, precision):
    def task():
        made = Line()
        made.inputs, made.targets = made.inputs.cuda(), made.targets.cuda()
        return made

    config = replace(SHORT, precision=precision, steps=300, batch=32, learning_rate=0.05, log_every=50)
    before = torch.get_rng_state(), torch.cuda.get_rng_state()
    first = train(task(), config, folder=tmp_path, device="cuda", progress=_signal_at(150))
    assert (first.steps, first.stopped) == (150, True)
    ended = task()
    trained = train(ended, config, folder=tmp_path, device="auto")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.equal(torch.cuda.get_rng_state(), before[1])
    assert trained.steps == 300
    assert next(ended.module.parameters()).device.type == "cuda"
    with torch.no_grad():
        assert (
            float((ended.module(ended.inputs) - ended.targets).square().mean()) < 0.03
        )  # the noise has 0.01


def _signal_at(at, number=signal.SIGINT):
    return lambda step, losses: step == at and os.kill(os.getpid(), number)
