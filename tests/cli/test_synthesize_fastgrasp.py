"""`handhold synthesize` by the trained model, end to end with the weights that are shipped."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from cli_examples import can, report
from PIL import Image

from handhold.cli.main import main
from handhold.hand import Hand
from handhold.interaction.measures import measure
from handhold.io import load_grasps
from handhold.methods.synthesize.fastgrasp import FastGraspSampling
from handhold.models.fastgrasp import FastGrasp, FastGraspConfig

sys.path.insert(0, str(Path(__file__).parents[1] / "hand"))  # where the made-up MANO hand lies
from mano_files import write_mano

COUNT = 4
SMALL = FastGraspConfig(
    hand_points=48,
    latent=8,
    decoder_width=16,
    basis=32,
    condition=16,
    object_width=16,
    width=16,
    adapt_width=16,
)
ALONE = {"grasps.npz", "best.glb", "report.json"}


def synthesize(thing, out, *more, count: int = COUNT, picture: bool = False) -> int:
    quick = () if picture else ("--no-picture",)
    return main(["synthesize", str(thing), "--out", str(out), "--count", str(count), *quick, *map(str, more)])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def transl(out: Path) -> np.ndarray:
    with np.load(out / "grasps.npz") as archive:
        return archive["transl"]


def mean_volume(out: Path) -> float:
    (entry,) = report(out)["objects"]
    return float(np.mean([grasp["iv_cm3"] for grasp in entry["grasps"]]))


@pytest.fixture(scope="module")
def mesh(tmp_path_factory) -> Path:
    """A can that is easy to hold."""
    path = tmp_path_factory.mktemp("in") / "tin.obj"
    trimesh.creation.cylinder(0.03, 0.12, sections=32).export(path)
    return path


@pytest.fixture(scope="module")
def made(mesh, tmp_path_factory) -> Path:
    """What comes out by default, with all that goes with it."""
    folder = tmp_path_factory.mktemp("made")
    assert synthesize(mesh, folder / "out", "--json", folder / "copy.json", picture=True) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def polished(mesh, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("polished")
    assert synthesize(mesh, folder, "--polish") == 0
    return folder


@pytest.fixture(scope="module")
def untrained(tmp_path_factory) -> Path:
    """A model that has learnt nothing."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    FastGrasp(SMALL).save_pretrained(folder)
    return folder


# What comes out.


def test_files_by_default(made):
    assert names(made) == ALONE | {"contact_sheet.png"}
    assert len(trimesh.load(made / "best.glb").geometry) == 2
    assert np.asarray(Image.open(made / "contact_sheet.png")).std() > 5


def test_the_report(made, mesh):
    told = report(made)
    assert told == json.loads((made.parent / "copy.json").read_text())
    assert (told["command"], told["asked"], told["failures"]) == ("synthesize", COUNT, [])
    assert COUNT / 2 <= told["accepted"] <= COUNT
    about = told["provenance"]
    assert (about["method"], about["seed"]) == ("fastgrasp", 0)
    plain = {"polish": False, "physics": False, "model": "shipped", **vars(FastGraspSampling())}
    assert about["settings"] == plain
    (entry,) = told["objects"]
    assert (entry["name"], entry["path"], entry["accepted"]) == ("tin", str(mesh), told["accepted"])
    assert {"see", "draw", "choose", "judge"} == set(entry["seconds_by_stage"])
    assert [grasp["name"] for grasp in entry["grasps"]] == [f"tin_{k:03d}" for k in range(told["accepted"])]
    for grasp in entry["grasps"]:
        assert (grasp["type"], grasp["part"], grasp["six_way"], grasp["still"]) == ("", None, None, None)
        assert grasp["iv_cm3"] <= 3.0 and grasp["fingers"] >= 2


def test_the_grasps_are_what_the_report_says(made):
    read, (entry,) = load_grasps(made / "grasps.npz"), report(made)["objects"]
    assert len(read) == entry["accepted"] and read.side == "right"
    for k, (fact, told) in enumerate(zip(read.facts, entry["grasps"], strict=True)):
        figures = measure(read.grasp(k, Hand.open("right")))
        assert figures.iv_cm3 == pytest.approx(told["iv_cm3"], abs=1e-3) and fact.iv_cm3 is not None
        assert figures.fingers_in_contact == told["fingers"] == fact.fingers
        assert figures.bones_through == 0


def test_a_seed_repeats_what_another_does_not(made, mesh, tmp_path):
    for seed in (0, 1):
        assert synthesize(mesh, tmp_path / str(seed), "--seed", seed) == 0
    np.testing.assert_array_equal(transl(tmp_path / "0"), transl(made))
    other = transl(tmp_path / "1")
    assert other.shape != transl(made).shape or np.abs(other - transl(made)).max() > 1e-3


def test_polished_it_lies_less_deep(made, polished):
    assert names(polished) == ALONE
    told = report(polished)
    assert told["provenance"]["settings"]["polish"] is True and told["accepted"] >= COUNT / 2
    assert mean_volume(polished) < mean_volume(made) and mean_volume(polished) <= 0.5
    assert "polish" in told["objects"][0]["seconds_by_stage"]
    offsets = load_grasps(polished / "grasps.npz").offsets
    assert offsets is not None and (np.abs(offsets).max((1, 2)) > 1e-5).all()


def test_one_for_a_left_hand(mesh, tmp_path):
    assert synthesize(mesh, tmp_path, "--side", "left", count=1) == 0
    read = load_grasps(tmp_path / "grasps.npz")
    assert (len(read), read.side) == (1, "left")
    assert measure(read.grasp(0, Hand.open("left"))).fingers_in_contact >= 2


def test_a_part_is_touched(tmp_path):
    assert synthesize("household:mug", tmp_path, "--part", "handle", "--polish", count=2) == 0
    (entry,) = report(tmp_path)["objects"]
    assert entry["grasps"]
    for grasp in entry["grasps"]:
        assert grasp["part"] == "handle" and grasp["on_part"] >= 0.5 and grasp["iv_cm3"] <= 0.5


def test_only_types_that_are_asked_for(mesh, tmp_path, capsys):
    assert synthesize(mesh, tmp_path, "--type", "power", "--type", "precision", count=3) == 0
    (entry,) = report(tmp_path)["objects"]
    kinds = {grasp["type"] for grasp in entry["grasps"]}
    assert kinds and kinds <= {"power", "precision"}
    assert all(kind in capsys.readouterr().out for kind in list(kinds)[:1])


def test_a_table_is_kept_free(mesh, tmp_path):
    assert synthesize(mesh, tmp_path, "--table", count=2) == 0
    with np.load(tmp_path / "grasps.npz") as archive:
        assert archive["hand_vertices"][..., 2].min() >= archive["object_vertices"][:, 2].min() - 0.0041


def test_physics_where_it_is_asked_for(mesh, tmp_path):
    pytest.importorskip("mujoco", reason="physics needs mujoco")
    pytest.importorskip("coacd", reason="physics needs coacd")
    code = synthesize(mesh, tmp_path / "out", "--physics", "--fastgrasp.least", "4", count=1)
    assert code in (0, 2)  # none of a few may hold
    if code == 0:
        told = report(tmp_path / "out")
        assert told["provenance"]["settings"]["physics"] is True
        assert all(grasp["six_way"]["held"] for grasp in told["objects"][0]["grasps"])


def test_a_folder_with_a_bad_mesh(mesh, tmp_path, capfd):
    folder = tmp_path / "in"
    folder.mkdir()
    can().export(folder / "big.ply")
    (folder / "broken.stl").write_bytes(b"garbage")
    (folder / "tin.obj").write_bytes(mesh.read_bytes())
    assert synthesize(folder, tmp_path / "out", count=1) == 2
    files = {f"{name}_{kind}" for name in ("big", "tin") for kind in ("grasps.npz", "best.glb")}
    assert names(tmp_path / "out") == files | {"report.json"}
    told = report(tmp_path / "out")
    assert [entry["name"] for entry in told["objects"]] == ["big", "tin"]
    assert [failure["name"] for failure in told["failures"]] == ["broken"]
    error = capfd.readouterr().err
    assert "broken.stl" in error and "1 of 3 objects" in error and "Traceback" not in error


def test_a_model_of_ones_own_gives_what_passes_or_nothing(mesh, untrained, tmp_path, capfd):
    code = synthesize(mesh, tmp_path / "out", "--model", untrained, "--fastgrasp.least", "12", count=2)
    error = capfd.readouterr().err
    if code == 0:
        assert all(grasp["fingers"] >= 2 for grasp in report(tmp_path / "out")["objects"][0]["grasps"])
        assert report(tmp_path / "out")["provenance"]["settings"]["model"] == str(untrained)
    else:
        assert code == 2 and "no grasp was accepted" in error and "--method optimize" in error
        assert not (tmp_path / "out").exists()


# What goes wrong: one message, and nothing is left behind.


def scaled(path: Path, size: float) -> Path:
    trimesh.creation.box((size, size, size)).export(path)
    return path


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (80.0, ("too large", "'mm'")),  # millimetres taken for metres
        (0.8, ("too large for a hand", "--units")),
        (0.008, ("too small to hold", "--units")),
        (0.0008, ("too small",)),
    ],
)
def test_sizes_that_no_hand_holds(size, words, tmp_path, complaint):
    assert synthesize(scaled(tmp_path / "crate.stl", size), tmp_path / "out") == 2
    text = complaint()
    assert "crate" in text and all(word in text for word in words)
    assert not (tmp_path / "out").exists()


def test_in_millimetres_if_it_is_said(tmp_path):
    size = scaled(tmp_path / "crate.stl", 50.0)
    assert synthesize(size, tmp_path / "out", "--units", "mm", count=1) == 0


def test_another_hand_needs_another_method(mesh, tmp_path, complaint):
    mano = write_mano(tmp_path / "MANO_RIGHT.pkl")
    assert synthesize(mesh, tmp_path / "out", "--mano", mano) == 2
    text = complaint()
    assert "another hand" in text and "mano" in text and "--method optimize" in text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--method", "optimize", "--polish"), ("--polish", "--method fastgrasp")),
        (("--method", "optimize", "--model", "{in}"), ("--model", "--method fastgrasp")),
        (("--method", "optimize", "--fastgrasp.steps", "9"), ("--fastgrasp.steps", "--method fastgrasp")),
        (("--optimize.close-steps", "9"), ("--optimize.close-steps", "--method optimize")),
        (("--model", "{in}/none"), ("none", "no trained model", "handhold train")),
        (("--model", "{in}/tin.obj"), ("tin.obj", "no trained model")),
        (("--model", "{bad}"), ("bad_model", "cannot be read")),
        (("--part", "handle"), ("has no parts",)),
        (("--count", "0"), ("--count",)),
    ],
)
def test_bad_requests(more, words, mesh, untrained, tmp_path, complaint):
    bad = tmp_path / "bad_model"
    bad.mkdir()
    (bad / "config.json").write_bytes((untrained / "config.json").read_bytes())
    (bad / "model.safetensors").write_bytes((untrained / "model.safetensors").read_bytes()[:999])
    given = [text.format_map({"in": mesh.parent, "bad": bad}) for text in more]
    assert synthesize(mesh, tmp_path / "out", *given) == 2
    text = complaint()
    assert all(word in text for word in words)
    assert not (tmp_path / "out").exists()


def test_what_was_there_stays_when_nothing_comes_of_it(made, mesh, tmp_path, complaint):
    """A refusal leaves the results of an earlier call as they are."""
    out = tmp_path / "out"
    out.mkdir()
    for path in made.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    assert synthesize(scaled(tmp_path / "crate.stl", 0.8), out) == 2
    complaint()
    assert {p.name: p.read_bytes() for p in out.iterdir()} == {p.name: p.read_bytes() for p in made.iterdir()}


def test_a_size_that_was_never_trained_on_is_told(tmp_path):
    trimesh.creation.cylinder(radius=0.012, height=0.9).export(tmp_path / "broom.obj")
    assert synthesize(tmp_path / "broom.obj", tmp_path / "out", count=2) == 0
    (entry,) = report(tmp_path / "out")["objects"]
    (told,) = [w for w in entry["warnings"] if "longest side" in w]
    assert "90.0 cm" in told and "--method optimize" in told
