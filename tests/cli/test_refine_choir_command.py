"""`handhold refine --method choir`, with the weights that are shipped."""

import numpy as np
import pytest
import torch
from cli_examples import arrays, can, refine, report, scene_document, write_scene

from handhold.hand import reorder_joints
from handhold.models.choir import JointDiffusion, JointDiffusionConfig

CHOIR = ("--method", "choir")


def far_off() -> dict:
    """The hand six centimetres from where it was."""
    document = scene_document()
    moved = np.asarray(document["hand"]["keypoints"]) + np.array([0.035, -0.03, 0.04])
    document["hand"]["keypoints"] = moved.tolist()
    return document


@pytest.fixture
def scene(tmp_path):
    return write_scene(tmp_path / "in", far_off())


def test_a_hand_that_is_far_off_is_brought_back(scene, tmp_path):
    assert refine(scene, tmp_path / "out", *CHOIR) == 0
    told = report(tmp_path / "out")
    assert told["provenance"]["method"] == "choir"
    assert told["provenance"]["settings"]["model"] == "shipped"
    after = told["mean"]["after"]
    assert after["fingers_in_contact"] >= 3 and after["iv_cm3"] < 3 and after["moved_mm"] > 20


def test_gravity_may_follow(scene, tmp_path):
    assert refine(scene, tmp_path / "one", *CHOIR) == 0
    assert refine(scene, tmp_path / "two", *CHOIR, "--then", "gravity") == 0
    one, two = (report(tmp_path / name) for name in ("one", "two"))
    assert two["provenance"]["method"] == "choir, then gravity"
    assert set(two["provenance"]["settings"]["then"]) == {"gravity"}
    assert two["mean"]["after"]["iv_cm3"] <= one["mean"]["after"]["iv_cm3"] + 0.05
    joints = [arrays(tmp_path / name / "scene.npz")["joints"] for name in ("one", "two")]
    assert np.linalg.norm(joints[0] - joints[1], axis=-1).mean() < 0.015  # it stays where choir put it
    seen = reorder_joints(torch.tensor(far_off()["hand"]["keypoints"]), source="openpose", target="mano")
    moved = np.linalg.norm(
        reorder_joints(torch.tensor(joints[1]), source="openpose", target="mano") - seen, axis=-1
    )
    assert two["mean"]["after"]["moved_mm"] == pytest.approx(moved.mean() * 1e3, rel=0.02)


def test_several_samples_say_how_one_was_chosen(scene, tmp_path):
    assert refine(scene, tmp_path / "out", *CHOIR, "--samples", "3") == 0
    told = report(tmp_path / "out")
    assert told["provenance"]["settings"]["samples"] == 3
    assert any("of 3 hands drawn" in note and "volume" in note for note in told["warnings"])


def test_the_same_call_gives_the_same_result(scene, tmp_path):
    more = (*CHOIR, "--choir.sampling.temperature", "1")
    assert all(refine(scene, tmp_path / name, *more) == 0 for name in ("a", "b"))
    assert refine(scene, tmp_path / "c", *more, "--seed", "1") == 0
    a, b, c = (arrays(tmp_path / name / "scene.npz")["hand_vertices"] for name in "abc")
    assert np.abs(a - b).max() < 1e-4 < np.abs(a - c).max()


def test_weights_of_ones_own(scene, tmp_path):
    torch.manual_seed(0)
    JointDiffusion(JointDiffusionConfig(widths=(8,), blocks=(1,))).save_pretrained(tmp_path / "model")
    assert refine(scene, tmp_path / "out", *CHOIR, "--model", str(tmp_path / "model")) == 0
    assert report(tmp_path / "out")["provenance"]["settings"]["model"] == str(tmp_path / "model")


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (("--method", "gravity", "--model", "x"), "--model: belongs to --method choir"),
        (("--method", "energy", "--then", "gravity"), "--then: belongs to --method choir"),
        (("--method", "energy", "--gravity.steps", "4"), "--gravity.*: belongs to --method gravity"),
        (("--method", "energy", "--samples", "2"), "--samples: belongs to --method gravity or choir"),
        ((*CHOIR, "--solver", "sde"), "--solver: belongs to --method gravity"),
        ((*CHOIR, "--samples", "0"), "--samples: must be positive"),
        ((*CHOIR, "--gravity.reach", "0.02"), "--gravity.*: belongs to --method gravity"),
        (("--method", "gravity", "--choir.samples", "2"), "--choir.*: belongs to --method choir"),
        ((*CHOIR, "--choir.sampling.steps", "2000"), "--choir.sampling.steps: too many; expected 1 to 1000"),
        ((*CHOIR, "--model", "nowhere"), "no trained model there"),
    ],
)
def test_what_does_not_belong_is_refused(more, word, scene, tmp_path, complaint):
    assert refine(scene, tmp_path / "out", *more) == 2
    assert word in complaint() and not (tmp_path / "out").exists()


def test_weights_for_objects_alone_are_refused_once(scene, tmp_path, complaint):
    config = JointDiffusionConfig(known="object", widths=(8,), blocks=(1,))
    JointDiffusion(config).save_pretrained(tmp_path / "model")
    assert refine(scene, tmp_path / "out", *CHOIR, "--model", str(tmp_path / "model")) == 2
    assert f"{tmp_path / 'model'}: the model knows objects alone" in complaint()


def test_an_object_too_large_is_a_failure_of_its_scene(tmp_path, complaint):
    scene = write_scene(tmp_path / "in", far_off())
    mesh = can()
    mesh.apply_scale(8)
    mesh.export(scene.parent / "can.obj")
    assert refine(scene, tmp_path / "out", *CHOIR) == 2
    assert "0.6 m" in complaint()
