"""`handhold train choir`: from a set to a model that draws, stopped and gone on with, and what is refused."""

import json

import pytest
import torch
from train_examples import stopped_in, weights

from handhold.cli import train_choir
from handhold.cli.main import main
from handhold.models.choir import load_model, trained_sizes
from handhold.models.choir.task import JointDiffusionTask

SMALL = [
    word
    for name, value in {
        "side": 8, "patch": 4, "condition": 16, "contact-width": 16, "contact-depth": 1, "heads": 2,
    }.items()
    for word in (f"--choir.{name}", str(value))
] + ["--choir.widths", "16", "--choir.blocks", "1"]  # fmt: skip


def run(grasps, out, *more) -> int:
    given = ["--data", str(grasps), "--out", str(out), "--batch", "8", *SMALL, *map(str, more)]
    return main(["train", "choir", "--diffusion-steps", "6", *given])


@pytest.fixture(scope="module")
def trained(grasps, tmp_path_factory):
    """A folder in which a model was trained, and the report."""
    folder = tmp_path_factory.mktemp("choir")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_choir, "VALIDATED", 16)
        report = folder / "report.json"
        assert run(grasps, folder / "out", "--quiet", "--json", report, "--validate-every", 3) == 0
    return folder / "out", json.loads(report.read_text())


@pytest.fixture(autouse=True)
def few_validated(monkeypatch):
    monkeypatch.setattr(train_choir, "VALIDATED", 16)


def test_a_set_makes_a_model_that_can_be_loaded(trained):
    out, state = trained
    assert state["command"] == "train" and state["method"] == "choir"
    assert list(state["stages"]) == ["diffusion"] and state["stages"]["diffusion"]["steps"] == 6
    assert state["model"]["side"] == 8 and state["model"]["widths"] == [16]
    for figures in ("losses", "validation"):
        assert set(state["stages"]["diffusion"][figures]) == {"loss", "field", "contact"}
    model = load_model(out)
    assert model.config.side == 8 and trained_sizes(out) == tuple(state["longest_side_m"])
    assert not model.training
    # normalized by the set: distances of basis points, some centimetres
    assert ((model.mean[:512] > 0.02) & (model.mean[:512] < 0.4)).all() and model.deviation[0] < 0.2
    assert (out / "diffusion" / "curves.png").exists()


def test_what_is_done_is_not_done_again(grasps, trained, capsys):
    out, before = trained[0], weights(trained[0])
    assert run(grasps, out) == 0
    told = capsys.readouterr().out
    assert "diffusion" in told and "held-out" in told and str(out / "model") in told.replace("\n", "")
    assert weights(out) == before


def test_a_stopped_training_goes_on_to_the_same_weights(grasps, trained, tmp_path, capfd):
    out = tmp_path / "out"
    with stopped_in(JointDiffusionTask, step=2) as steps:
        assert run(grasps, out, "--quiet", "--validate-every", 3) == 130
    assert len(steps) == 2 and "goes on from" in capfd.readouterr().err
    assert not (out / "model").exists()
    assert run(grasps, out, "--quiet", "--validate-every", 3) == 0
    assert weights(out) == weights(trained[0])


def test_keypoints_and_half_precision_train_too(grasps, tmp_path):
    out = tmp_path / "out"
    points = ("--choir.form", "keypoints", "--choir.points", 64)
    assert run(grasps, out, "--quiet", "--precision", "bf16", *points) == 0
    model = load_model(out)
    assert model.config.form == "keypoints" and model.net.size == 159
    assert all(value.isfinite().all() and value.dtype == torch.float32 for value in model.parameters())


def test_a_folder_of_another_model_is_refused(grasps, trained, complaint):
    out, before = trained[0], weights(trained[0])
    assert run(grasps, out, "--quiet", "--choir.scale", 0.5) == 2
    assert "begun otherwise" in complaint()
    assert run(grasps, out, "--quiet", "--seed", 1) == 2
    assert "begun otherwise" in complaint()
    assert main(["train", "fastgrasp", "--data", str(grasps), "--out", str(out), "--quiet"]) == 2
    assert "(method)" in complaint()
    assert weights(out) == before


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--stage", "ae"), "--stage"),
        (("--stage", "adapt"), "--stage"),
        (("--ae-steps", 4), "--ae-steps"),
        (("--adapt-steps", 4), "--adapt-steps"),
        (("--fastgrasp.latent", 12), "--fastgrasp"),
        (("--diffusion-steps", 0), "--diffusion-steps"),
        (("--validate-every", 0), "--validate-every"),
        (("--seed", -1), "--seed"),
    ],
)
def test_options_of_the_other_method_and_bad_ones(grasps, tmp_path, complaint, more, said):
    assert run(grasps, tmp_path / "out", *more) == 2
    assert said in complaint() and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "said"), [(("--choir.scale", "0.5"), "--choir"), (("--precision", "bf16"), "--precision")]
)
def test_options_of_choir_are_not_for_fastgrasp(grasps, tmp_path, complaint, more, said):
    given = ["--data", str(grasps), "--out", str(tmp_path / "out"), *more]
    assert main(["train", "fastgrasp", *given]) == 2
    assert said in complaint() and not (tmp_path / "out").exists()


def test_sizes_that_cannot_be_are_refused_before_anything_is_done(grasps, tmp_path, capfd):
    assert run(grasps, tmp_path / "out", "--choir.patch", 3) == 2
    assert "side" in capfd.readouterr().err and not (tmp_path / "out").exists()
