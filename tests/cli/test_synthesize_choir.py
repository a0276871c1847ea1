"""`handhold synthesize --method choir`, end to end with the weights that come along."""

import numpy as np
import pytest
import torch
import trimesh
from cli_examples import report

from handhold.cli.main import main
from handhold.hand import Hand
from handhold.interaction.measures import measure
from handhold.io import load_grasps
from handhold.models.choir import JointDiffusion, JointDiffusionConfig

QUICK = ("--choir.least", "8", "--choir.oversample", "1", "--choir.sampling.steps", "3")


def synthesize(thing, out, *more, count: int = 2) -> int:
    given = ["synthesize", thing, "--method", "choir", "--out", out, "--count", count, "--no-picture", *more]
    return main([str(word) for word in given])


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    """A can that is easy to hold."""
    path = tmp_path_factory.mktemp("in") / "tin.obj"
    trimesh.creation.cylinder(0.03, 0.12, sections=32).export(path)
    return path


@pytest.mark.parametrize("side", ["right", "left"])
def test_hands_at_a_can(side, mesh, tmp_path):
    assert synthesize(mesh, tmp_path, *QUICK, "--side", side) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"grasps.npz", "best.glb", "report.json"}
    told = report(tmp_path)
    about = told["provenance"]
    assert about["method"] == "choir" and about["settings"]["model"] == "shipped"
    assert about["settings"]["sampling"]["steps"] == 3 and about["settings"]["least"] == 8
    read = load_grasps(tmp_path / "grasps.npz")
    assert len(read) == told["accepted"] >= 1 and read.side == side
    for k, entry in enumerate(told["objects"][0]["grasps"]):
        grasp = read.grasp(k, Hand.open(side))
        near = grasp.object.distance.query(grasp.surface().vertices.double().numpy()).distance
        assert np.abs(near).min() < 0.005
        assert measure(grasp).iv_cm3 == pytest.approx(entry["iv_cm3"], abs=1e-3)


def test_polished(mesh, tmp_path):
    assert synthesize(mesh, tmp_path, *QUICK, "--polish", count=1) == 0
    (entry,) = report(tmp_path)["objects"]
    assert "polish" in entry["seconds_by_stage"]
    assert all(grasp["iv_cm3"] <= 0.5 for grasp in entry["grasps"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model that refines noisy hands only."""
    path = tmp_path_factory.mktemp("pair")
    sizes = JointDiffusionConfig(
        known="pair", widths=(16, 16), blocks=(1, 1), condition=16, contact_width=16, contact_depth=1
    )
    torch.manual_seed(0)
    JointDiffusion(sizes).save_pretrained(path)
    return path


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--model", "{pair}"), ("refines noisy hands only", "both")),
        (("--model", "{in}"), ("no trained model", "handhold train choir")),
        (("--fastgrasp.steps", "9"), ("--fastgrasp.steps", "--method fastgrasp")),
    ],
)
def test_bad_requests(more, words, mesh, folder, tmp_path, complaint):
    given = [text.format_map({"in": mesh.parent, "pair": folder}) for text in more]
    assert synthesize(mesh, tmp_path / "out", *given) == 2
    text = complaint()
    assert all(word in text for word in words)
    assert not (tmp_path / "out").exists()


def test_settings_of_choir_belong_to_it(mesh, tmp_path, complaint):
    given = ["synthesize", mesh, "--out", tmp_path / "out", "--choir.sampling.steps", "9"]
    assert main([str(word) for word in given]) == 2
    assert "--method choir" in complaint()


def test_too_long_for_choir(tmp_path, complaint):
    trimesh.creation.cylinder(radius=0.012, height=0.9).export(tmp_path / "broom.obj")
    assert synthesize(tmp_path / "broom.obj", tmp_path / "out") == 2
    text = complaint()
    assert "too large for CHOIR" in text and "--method fastgrasp" in text
