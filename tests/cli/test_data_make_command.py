"""`handhold data make`: a set comes out, goes on, and what is refused."""

import json
import os
import signal

import pytest
import torch

from handhold.batch.making_tasks import Recipe
from handhold.cli import data_make
from handhold.cli.main import main
from handhold.data import GraspSet
from handhold.data.grasp_set_skin import yielding
from handhold.errors import MissingExtra
from handhold.hand import HandParams
from handhold.interaction.grasp import Grasp
from handhold.methods.synthesize.result import Ask, Found, Synthesis
from handhold.physics import SixWayTrial

TRIAL = SixWayTrial((0.1,) * 6, (1.0,) * 6, held=True, drift_cm=0.1, drift_deg=1.0, overlap_mm=0.1)


def find(obj, hand, *, count, betas, generator):
    """Hands beside the object; none for lemons."""
    if obj.category == "lemon":
        return Synthesis((), {"physics": count}, {})
    draw = lambda *size: torch.randn(*size, generator=generator)
    params = [HandParams(draw(3), 0.2 * draw(15, 3), betas, 0.1 * draw(3)) for _ in range(count)]
    grasps = yielding([Grasp(hand, p, obj.mesh, torch.eye(4)) for p in params])
    return Synthesis(
        tuple(Found(g, "pinch", Ask(), 1.0, None, 0.1, 3, TRIAL, "each", TRIAL) for g in grasps),
        {"touch": 1},
        {},
    )


def words(category, **asked):
    return (f"take the {category}",)


def alone(work, next_task):
    while (index := next_task()) is not None:
        yield index, work(index)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No optimizer, and no processes."""
    monkeypatch.setattr(data_make, "optimizer_recipe", lambda: Recipe(find, words))
    monkeypatch.setattr(data_make, "local_pool", lambda workers: alone)


def run(out, *more, count=5) -> int:
    few = ("--per-object", "3", "--hands", "2", "--categories", "cube", "lemon")
    return main(["data", "make", "--count", str(count), "--out", str(out), *few, *map(str, more)])


def test_a_set_comes_out(tmp_path, capsys):
    out, report = tmp_path / "set", tmp_path / "report.json"
    assert run(out, "--json", report) == 0
    grasps = GraspSet.open(out)
    assert len(grasps) == 5 and set(grasps.table["category"].to_pylist()) == {"cube"}
    assert grasps.row(0).instructions == ("take the cube",) and grasps.row(0).still_held
    told = json.loads(report.read_text("utf-8"))
    assert told["command"] == "data make" and told["set"]["grasps"] == 5
    assert told["set"]["objects_without_grasps"] == {
        "no_grasps": told["set"]["categories"]["lemon"]["objects"]
    }
    text = capsys.readouterr().out
    assert "cube" in text and "100%" in text and "no grasp was accepted" in text and str(out.name) in text


def test_it_goes_on_quietly(tmp_path, capfd):
    out = tmp_path / "set"
    assert run(out, "--quiet", count=3) == 0
    before = sorted(p.name for p in (out / "parts").iterdir())
    assert run(out, "--quiet", count=8) == 0
    assert len(GraspSet.open(out)) == 8 and set(before) < {p.name for p in (out / "parts").iterdir()}
    assert capfd.readouterr() == ("", "")


def test_a_smaller_count_is_told_and_brought_back(tmp_path, capsys):
    assert run(tmp_path / "set", count=8) == 0
    assert "the set had" not in capsys.readouterr().out
    assert run(tmp_path / "set", count=3) == 0
    assert "the set had 8 grasps" in capsys.readouterr().out
    assert run(tmp_path / "set", "--quiet", count=8) == 0
    assert len(GraspSet.open(tmp_path / "set")) == 8


def test_other_settings_and_foreign_folders_are_refused(tmp_path, complaint):
    assert run(tmp_path / "set", "--quiet") == 0
    assert run(tmp_path / "set", "--quiet", "--seed", 1) == 2
    assert "seed 0" in complaint()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    assert run(tmp_path / "mine") == 2
    assert "letter.txt" in complaint() and [p.name for p in (tmp_path / "mine").iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--count", 0), "--count"),
        (("--seed", -1), "--seed"),
        (("--per-object", 1), "more hands than grasps"),
        (("--categories", "elephant"), "elephant"),
        (("--categories", "cube", "cube"), "twice"),
    ],
)
def test_bad_options(tmp_path, complaint, more, said):
    assert run(tmp_path / "set", *more) == 2
    assert said in complaint() and not (tmp_path / "set").exists()


def test_bad_workers(tmp_path, complaint, monkeypatch):
    monkeypatch.undo()
    assert run(tmp_path / "set", "--workers", 0) == 2
    assert "--workers" in complaint() and not (tmp_path / "set").exists()


@pytest.mark.parametrize(("package", "extra"), [("pyarrow", "data"), ("mujoco", "physics"), ("ray", "scale")])
def test_missing_packages_are_named(tmp_path, complaint, monkeypatch, package, extra):
    from handhold import optional

    really = optional.require

    def lacking(name, *, extra):
        if name == package:
            raise MissingExtra(f"pip install 'handhold[{extra}]'")
        return really(name, extra=extra)

    monkeypatch.setattr(optional, "require", lacking)
    assert run(tmp_path / "set", "--ray", "auto") == 2
    assert f"handhold[{extra}]" in complaint() and not (tmp_path / "set").exists()


def test_two_do_not_make_one_set_at_once(tmp_path, complaint):
    from filelock import FileLock

    out = tmp_path / "set"
    out.mkdir()
    with FileLock(out / ".lock"):
        assert run(out) == 2
        assert "another handhold data make" in complaint()
        assert [path.name for path in out.iterdir()] == [".lock"]
    assert run(out, "--quiet") == 0
    assert not (out / ".lock").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal_it_can_go_on(tmp_path, complaint, monkeypatch, number):
    out, whole = tmp_path / "set", tmp_path / "whole"
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it

    def stopped(work, next_task):
        for index, data in alone(work, next_task):
            yield index, data
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(data_make, "local_pool", lambda workers: stopped)
        assert run(out, "--quiet", "--categories", "cube") == 130
    assert "the same command goes on" in complaint()
    assert 0 < len(GraspSet.open(out)) < 5
    assert run(out, "--quiet", "--categories", "cube") == run(whole, "--quiet", "--categories", "cube") == 0
    assert (out / "grasps-00000.parquet").read_bytes() == (whole / "grasps-00000.parquet").read_bytes()


def test_progress_where_there_is_no_terminal(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(data_make, "LOG_SECONDS", 0.0)
    assert run(tmp_path / "set") == 0
    lines = capfd.readouterr().err.strip().splitlines()
    assert lines[0] == "0/5 grasps · 0 objects"
    assert lines[-1].startswith("5/5 grasps") and "/s" in lines[-1] and lines[-1].endswith("0:00:00 left")
