"""The user's own MANO file drops into the command."""

import json

import numpy as np
import pytest
from mano_files import write_mano

from handhold.cli.check import save_mesh
from handhold.cli.demo_scene import make_grasp, make_scene
from handhold.cli.main import main
from handhold.hand import Hand


@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
def test_a_scene_with_a_mano_hand_is_mended(suffix, tmp_path):
    document, mug = make_scene()
    (tmp_path / "mug.obj").write_text(
        "".join(f"v {x} {y} {z}\n" for x, y, z in mug.vertices)
        + "".join(f"f {a} {b} {c}\n" for a, b, c in mug.faces + 1)
    )
    model = write_mano(tmp_path / f"MANO_RIGHT{suffix}")
    document["hand"] |= {"model": "mano", "model_path": model.name}
    (tmp_path / "scene.json").write_text(json.dumps(document))
    out = tmp_path / "out"
    assert main(["refine", str(tmp_path / "scene.json"), "--out", str(out), "--no-picture"]) == 0
    result = np.load(out / "scene.npz")
    assert result["hand_vertices"].shape == (779, 3) and str(result["model"]) == "mano"
    report = json.loads((out / "report.json").read_text())
    assert report["mean"]["after"]["iv_cm3"] < report["mean"]["before"]["iv_cm3"]
    assert report["mean"]["after"]["limit_violation_deg"] < 0.01


def test_the_bench_takes_the_files_own_components(tmp_path):
    document, mug = make_scene()
    save_mesh(mug, tmp_path / "mug.obj")
    model = write_mano(tmp_path / "MANO_RIGHT.npz")
    document["hand"] |= {"model": "mano", "model_path": model.name}
    (tmp_path / "scene.json").write_text(json.dumps(document))
    few = ("--table", "4", "--noise", "toch-grab", "--json", str(tmp_path / "told.json"), "--quiet")
    assert main(["bench", "refine", str(tmp_path / "scene.json"), *few]) == 0
    rows = json.loads((tmp_path / "told.json").read_text())["rows"]
    assert {row["noise"] for row in rows} == {"toch-grab"}  # not toch-grab-open


def test_the_demos_grasp_is_a_hand_around_a_mug():
    hand = Hand.open()
    _, mug = make_scene()
    joints = hand(make_grasp(hand)).joints.numpy()
    thumb, middle = joints[16], joints[18]
    assert thumb[1] * middle[1] < 0  # on opposite sides of the mug
    assert np.abs(mug.distance.query(joints[16:]).distance).max() < 0.025
