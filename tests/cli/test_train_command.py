"""`handhold train`: the stages in turn, stopped and gone on with, and what is refused."""

import json

import pytest

from handhold.cli.main import main
from handhold.models.fastgrasp import FastGrasp

SMALL = [
    word
    for name, value in {
        "hand-points": 64, "latent": 8, "decoder-width": 16, "decoder-depth": 1, "basis": 32, "condition": 16,
        "object-width": 16, "object-depth": 1, "width": 16, "depth": 1, "adapt-width": 16, "adapt-depth": 1,
    }.items()
    for word in (f"--fastgrasp.{name}", str(value))
]  # fmt: skip


def run(grasps, out, *more) -> int:
    steps = [word for stage in ("ae", "diffusion", "adapt") for word in (f"--{stage}-steps", "4")]
    given = ["--data", str(grasps), "--out", str(out), *steps, "--batch", "8", *SMALL, *map(str, more)]
    return main(["train", "fastgrasp", *given])


def test_all_stages_make_a_model_that_can_be_loaded(grasps, tmp_path, capsys):
    out, report = tmp_path / "out", tmp_path / "report.json"
    assert run(grasps, out, "--json", report, "--validate-every", 2) == 0
    told = capsys.readouterr().out
    assert all(stage in told for stage in ("ae", "diffusion", "adapt"))
    state = json.loads(report.read_text())
    assert list(state["stages"]) == ["ae", "diffusion", "adapt"]
    assert state["stages"]["ae"]["validation"]["vertices"] > 0
    assert {"depth_mm", "contact_percent", "fingers"} <= set(state["stages"]["adapt"]["validation"])
    model = FastGrasp.from_pretrained(out / "model")
    assert model.config.latent == 8 and (model.latent_scale != 1).all()
    assert (out / "ae" / "curves.png").exists()
    before = (out / "model" / "model.safetensors").read_bytes()
    assert run(grasps, out, "--quiet") == 0  # all is done
    assert (out / "model" / "model.safetensors").read_bytes() == before


def test_stage_by_stage_is_all_at_once(grasps, tmp_path, capfd):
    one, other = tmp_path / "one", tmp_path / "other"
    assert run(grasps, one, "--quiet") == 0
    assert run(grasps, other, "--quiet", "--stage", "diffusion") == 2
    assert "comes after 'ae'" in capfd.readouterr().err
    for stage in ("ae", "diffusion", "adapt"):
        assert run(grasps, other, "--quiet", "--stage", stage) == 0
    told = [(folder / "model" / "model.safetensors").read_bytes() for folder in (one, other)]
    assert told[0] == told[1]


def test_another_network_in_the_same_folder_is_refused(grasps, tmp_path, capfd):
    out = tmp_path / "out"
    assert run(grasps, out, "--quiet", "--stage", "ae") == 0
    assert run(grasps, out, "--quiet", "--fastgrasp.latent", 12) == 2
    assert "begun otherwise" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [(("--ae-steps", 0), "--ae-steps"), (("--batch", 0), "--batch"), (("--seed", -1), "--seed")],
)
def test_bad_options(grasps, tmp_path, capfd, more, said):
    assert run(grasps, tmp_path / "out", *more) == 2
    assert said in capfd.readouterr().err and not (tmp_path / "out").exists()


def test_no_set_there(tmp_path, capfd):
    assert run(tmp_path / "nothing", tmp_path / "out") == 2
    assert "no finished grasp set" in capfd.readouterr().err and not (tmp_path / "out").exists()
