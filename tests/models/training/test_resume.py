"""A training that was stopped or killed goes on as if it had never been."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_tasks import SHORT, Noisy, tensors

from handhold.errors import InputError
from handhold.models.training import train
from handhold.models.training.curves import read_rows

HERE = Path(__file__).parent
FILES = ("model.safetensors", "average.safetensors", "state.pt", "curves.csv", "training.json")


def validation(task: Noisy):
    """A figure that depends on the weights and on torch's global random numbers."""
    return lambda: {"loss": float((task.module(torch.rand(9, 2))).square().mean().detach())}


def run(folder, config=SHORT, *, task=None, **options):
    task = task or Noisy()
    return task, train(task, config, folder=folder, device="cpu", validate=validation(task), **options)


def same_run(folder, other) -> None:
    for name in ("model.safetensors", "average.safetensors"):
        ours, theirs = (load_file(f / "checkpoint" / name) for f in (folder, other))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    states = [torch.load(f / "checkpoint" / "state.pt", weights_only=True) for f in (folder, other)]
    moments = [list(s["optimizer"]["state"].values()) for s in states]
    assert all(torch.equal(a[key], b[key]) for a, b in zip(*moments) for key in a)
    curves = [read_rows((f / "curves.csv").read_text(encoding="utf-8")) for f in (folder, other)]
    untimed = [[{k: v for k, v in row.items() if k != "seconds"} for row in rows] for rows in curves]
    assert untimed[0] == untimed[1]
    assert [row["step"] for row in untimed[0]] == [4, 8, 12, 16, 20, 24]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that was never stopped, and its module's last weights."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("handhold.models.training.trainer.draw_curves", lambda rows, path: None)
        task, _ = run(folder)
    return folder, tensors(task.module)


@pytest.mark.parametrize("step", [1, 6, 15, 23])
def test_stopped_and_continued_is_the_same_to_the_bit(tmp_path, whole, step):
    asked = iter(range(100))
    _, first = run(tmp_path, stop=lambda: next(asked) == step)
    assert first.stopped
    assert first.steps == step
    task, second = run(tmp_path)
    assert not second.stopped
    same_run(tmp_path, whole[0])
    assert all(torch.equal(value, whole[1][name]) for name, value in tensors(task.module).items())


def test_what_came_after_the_checkpoint_is_done_again(tmp_path, whole):
    def fail(step, losses):
        if step == 17:
            raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError, match="power"):
        run(tmp_path, progress=fail)
    assert (
        read_rows((tmp_path / "curves.csv").read_text())[-1]["step"] == 16
    )  # beyond the checkpoint at step 12
    steps = []
    run(tmp_path, progress=lambda step, losses: steps.append(step))
    assert steps == list(range(13, 25))
    same_run(tmp_path, whole[0])


def test_killed_and_continued_is_the_same_to_the_bit(tmp_path, whole):
    script = (
        "import sys, handhold.models.training\n"
        "assert not {'accelerate', 'matplotlib'} & set(sys.modules), 'imported too early'\n"
        "from pathlib import Path\n"
        "from dataclasses import replace\n"
        "import test_resume as t\n"
        "t.run(Path(sys.argv[1]), replace(t.SHORT, checkpoint_every=1), task=t.Noisy(pause=0.2))\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(HERE)},
        stderr=subprocess.PIPE,
    )
    try:
        record, end = tmp_path / "checkpoint" / "training.json", time.monotonic() + 60
        while not record.exists() or (tmp_path / "curves.csv").exists() is False:
            assert child.poll() is None, child.stderr.read().decode()
            assert time.monotonic() < end
            time.sleep(0.02)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    seen = []
    run(tmp_path, progress=lambda step, losses: seen.append(step))
    assert 1 < seen[0] < 24, "the child was killed before its first checkpoint or after its last"
    same_run(tmp_path, whole[0])


def test_a_finished_training_is_only_loaded(tmp_path, whole):
    shutil.copytree(whole[0], tmp_path, dirs_exist_ok=True)
    task, trained = run(tmp_path, progress=lambda step, losses: pytest.fail("it trained"))
    assert trained.steps == 24
    assert trained.validation.keys() == {"loss"}
    assert trained.losses.keys() == {"loss", "off"}
    assert all(torch.equal(value, whole[1][name]) for name, value in tensors(task.module).items())


def test_it_may_go_on_for_longer(tmp_path, whole):
    shutil.copytree(whole[0], tmp_path, dirs_exist_ok=True)
    longer = replace(SHORT, steps=30, validate_every=3, checkpoint_every=2, log_every=5, precision="auto")
    _, trained = run(tmp_path, longer)
    assert trained.steps == 30
    rates = [row["learning_rate"] for row in read_rows((tmp_path / "curves.csv").read_text())]
    assert rates[6] > rates[5]  # step 25 lies before the end of the longer cosine


@pytest.mark.parametrize(
    ("moved", "left"),
    [
        ({"checkpoint": ".checkpoint.old"}, []),  # stopped between the two renames, and the new one is gone
        ({"checkpoint": ".checkpoint.new"}, [".checkpoint.old"]),  # stopped between the two renames
        ({}, [".checkpoint.new"]),  # stopped while it wrote
        ({}, [".checkpoint.old"]),  # stopped after both renames
    ],
)
def test_at_every_moment_there_is_a_whole_checkpoint(tmp_path, whole, moved, left):
    shutil.copytree(whole[0], tmp_path, dirs_exist_ok=True)
    for name, other in moved.items():
        (tmp_path / name).rename(tmp_path / other)
    for name in left:  # half a checkpoint
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(b"half")
    task, trained = run(tmp_path)
    assert trained.steps == 24
    assert all(torch.equal(value, whole[1][name]) for name, value in tensors(task.module).items())
    assert not list(tmp_path.glob(".checkpoint*"))


def test_an_unfinished_first_checkpoint_is_none(tmp_path, whole):
    (tmp_path / ".checkpoint.new").mkdir()
    (tmp_path / ".checkpoint.new" / "model.safetensors").write_bytes(b"half")
    run(tmp_path)
    same_run(tmp_path, whole[0])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["gone", "cut", "changed"])
def test_a_damaged_checkpoint_is_said_to_be(tmp_path, whole, name, harm):
    shutil.copytree(whole[0], tmp_path, dirs_exist_ok=True)
    path = tmp_path / "checkpoint" / name
    held = bytearray(path.read_bytes())
    if harm == "gone":
        path.unlink()
    else:
        held[len(held) // 2] ^= 0x80
        path.write_bytes(held[: len(held) // 2] if harm == "cut" else held)
    with pytest.raises(InputError, match=r"checkpoint is damaged.*start over"):
        run(tmp_path)


def test_other_settings_are_refused_and_named(tmp_path, whole):
    shutil.copytree(whole[0], tmp_path, dirs_exist_ok=True)
    config = replace(SHORT, batch=32, learning_rate=0.5, steps=99)
    with pytest.raises(InputError, match=r"expected batch 16, learning_rate 0.01; got batch 32.*0.5.*--out"):
        run(tmp_path, config)
    with pytest.raises(InputError, match=r'expected no identity.data.*got identity.data "here"'):
        run(tmp_path, identity={"data": "here"})
    with pytest.raises(InputError, match="expected rows 50; got rows 51"):
        run(tmp_path, task=Noisy(rows=51))


def test_another_network_or_format_is_refused(tmp_path, whole):
    shutil.copytree(whole[0], tmp_path, dirs_exist_ok=True)
    task = Noisy()
    task.module[4] = torch.nn.Linear(16, 2)
    with pytest.raises(InputError, match=r"another network, first at 4\.weight"):
        run(tmp_path, task=task)
    path = tmp_path / "checkpoint" / "training.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": "handhold-training/9"}))
    with pytest.raises(
        InputError, match=r"another format; expected handhold-training/1; got handhold-training/9"
    ):
        run(tmp_path)
