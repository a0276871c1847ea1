"""Scene files: what a good one means."""

import json

import numpy as np
import pytest
import torch
from io_examples import make_grasp, to_mano
from scene_examples import NAN, as_motion, as_params, as_vertices, drop, put, refused

from handhold.io.scene import load_scene


def test_good_scene(scene, write_scene, tmp_path, hand_keypoints):
    loaded = load_scene(write_scene(scene))
    assert (loaded.name, loaded.side, loaded.model, loaded.model_path) == ("scene", "right", "open", None)
    assert loaded.warnings == () and not loaded.is_motion and loaded.fps is None and loaded.up == "z"
    assert loaded.instruction == "lift the box" and loaded.units == loaded.object_units == "m"
    assert loaded.keypoints.dtype == loaded.T_world_object.dtype == torch.float32
    np.testing.assert_allclose(loaded.keypoints, to_mano(hand_keypoints), atol=1e-6)
    np.testing.assert_allclose(loaded.T_world_object, scene["object"]["pose"], atol=1e-6)
    assert loaded.params is None and loaded.vertices is None
    np.testing.assert_allclose(loaded.load_object().extents, [0.06, 0.04, 0.1])


def test_mano_order_is_the_same_hand(scene, write_scene, hand_keypoints):
    other = put(scene, "hand.keypoints", to_mano(hand_keypoints).tolist())
    other["hand"]["joint_order"] = "mano"
    a, b = load_scene(write_scene(scene, "a.json")), load_scene(write_scene(other, "b.json"))
    assert torch.equal(a.keypoints, b.keypoints)


def test_millimetres_are_the_same_scene(scene, write_scene):
    mm = put(scene, "units", "mm")
    mm["hand"]["keypoints"] = (1000 * np.array(scene["hand"]["keypoints"])).tolist()
    matrix = np.array(scene["object"]["pose"])
    matrix[:3, 3] *= 1000
    mm["object"]["pose"] = matrix.tolist()
    a, b = load_scene(write_scene(scene, "a.json")), load_scene(write_scene(mm, "b.json"))
    torch.testing.assert_close(a.keypoints, b.keypoints)
    torch.testing.assert_close(a.T_world_object, b.T_world_object)
    assert b.object_units == "mm"
    assert load_scene(write_scene(put(mm, "object.units", "m"), "c.json")).object_units == "m"
    torch.testing.assert_close(load_scene(write_scene(drop(mm, "units")), units="mm").keypoints, a.keypoints)


def test_params_scale_their_translation_only(scene, write_scene):
    m = load_scene(write_scene(as_params(scene))).params
    mm = as_params(put(scene, "units", "mm"), transl=[0, 0, 500.0])
    mm["object"]["pose"] = (np.array(scene["object"]["pose"]) * [1, 1, 1, 1000]).tolist()
    mm["object"]["pose"][3] = [0, 0, 0, 1]
    mm = load_scene(write_scene(mm)).params
    for a, b in zip(vars(m).values(), vars(mm).values(), strict=True):
        torch.testing.assert_close(a, b)
    assert m.hand_pose.shape == (15, 3) and m.betas.shape == (10,)


def test_vertices(scene, write_scene):
    loaded = load_scene(write_scene(as_vertices(scene)))
    torch.testing.assert_close(loaded.vertices, make_grasp().surface().vertices)


def test_motion_and_one_pose_for_all_frames(scene, write_scene):
    loaded = load_scene(write_scene(as_motion(scene, 4)))
    assert loaded.is_motion and loaded.fps == 30
    assert loaded.keypoints.shape == (4, 21, 3) and loaded.T_world_object.shape == (4, 4, 4)
    moving = put(as_motion(scene, 4), "object.pose", [scene["object"]["pose"]] * 4)
    torch.testing.assert_close(load_scene(write_scene(moving)).T_world_object, loaded.T_world_object)


def test_motion_of_params_may_give_betas_once(scene, write_scene):
    times = {
        "global_orient": [[0, 0, 0]] * 3,
        "hand_pose": [[[0, 0, 0]] * 15] * 3,
        "transl": [[0, 0, 0.5]] * 3,
    }
    loaded = load_scene(write_scene(put(as_params(scene, **times), "fps", 10)))
    assert loaded.params.betas.shape == (3, 10) and loaded.is_motion


@pytest.mark.parametrize("missing", ["null row", "null numbers", "NaN", "half a row"])
def test_missing_keypoints_become_nan_rows(scene, write_scene, missing):
    row = {"null row": None, "null numbers": [None] * 3, "NaN": [NAN] * 3, "half a row": [0.1, NAN, 0.2]}[
        missing
    ]
    scene["hand"]["keypoints"][4] = row  # the thumb's tip, 16th in MANO's order
    keypoints = load_scene(write_scene(scene)).keypoints
    assert torch.isnan(keypoints[16]).all() and torch.isfinite(keypoints).all(-1).sum() == 20


def test_six_keypoints_are_enough_and_five_are_not(scene, write_scene):
    for i in range(6, 21):
        scene["hand"]["keypoints"][i] = None
    load_scene(write_scene(scene))
    scene["hand"]["keypoints"][5] = None
    refused(write_scene(scene), "hand.keypoints", "5", "at least 6")


def test_first_keypoints_missing(scene, write_scene):
    scene["hand"]["keypoints"][0] = None
    assert torch.isnan(load_scene(write_scene(scene)).keypoints[0]).all()


def test_npz_says_the_same_as_json(scene, write_scene, tmp_path):
    arrays = {
        "format": scene["format"],
        "units": "m",
        "instruction": scene["instruction"],
        **{f"hand.{k}": v for k, v in scene["hand"].items()},
        **{f"object.{k}": v for k, v in scene["object"].items()},
    }
    np.savez(tmp_path / "other.npz", **arrays)
    a, b = load_scene(write_scene(scene)), load_scene(tmp_path / "other.npz")
    assert torch.equal(a.keypoints, b.keypoints) and torch.equal(a.T_world_object, b.T_world_object)
    assert (a.mesh, a.instruction, a.side) == (b.mesh, b.instruction, b.side)


def test_byte_order_mark_and_any_script(scene, write_scene, tmp_path):
    scene["instruction"] = "den Becher heben · 杯を持つ"
    path = tmp_path / "Szene ü 杯.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(scene, ensure_ascii=False).encode())
    assert load_scene(path).instruction == scene["instruction"] and load_scene(path).name == "Szene ü 杯"


def test_mesh_paths_may_be_absolute_or_climb(scene, write_scene, tmp_path):
    (tmp_path / "sub").mkdir()
    absolute = put(scene, "object.mesh", str(tmp_path / "box.obj"))
    climbing = put(scene, "object.mesh", "../box.obj")
    for value in (absolute, climbing):
        path = tmp_path / "sub" / "s.json"
        path.write_text(json.dumps(value))
        assert len(load_scene(path).load_object().faces) == 12


def test_drifted_rotation_is_made_exact(scene, write_scene):
    matrix = np.array(scene["object"]["pose"])
    matrix[:3, :3] = np.round(matrix[:3, :3], 4)
    loaded = (
        load_scene(write_scene(put(scene, "object.pose", matrix.tolist()))).T_world_object[:3, :3].double()
    )
    assert (loaded @ loaded.T - torch.eye(3)).abs().max() < 3e-7
    np.testing.assert_allclose(loaded, matrix[:3, :3], atol=2e-4)


def test_mano_from_file_or_argument(scene, write_scene, tmp_path):
    (tmp_path / "MANO_RIGHT.pkl").write_bytes(b"never read here")
    by_key = put(put(scene, "hand.model", "mano"), "hand.model_path", "MANO_RIGHT.pkl")
    assert load_scene(write_scene(by_key)).model_path == tmp_path / "MANO_RIGHT.pkl"
    by_argument = load_scene(write_scene(scene), mano=tmp_path / "MANO_RIGHT.pkl")
    assert (by_argument.model, by_argument.model_path) == ("mano", tmp_path / "MANO_RIGHT.pkl")
    refused(write_scene(as_params(scene)), "--mano", mano=tmp_path / "MANO_RIGHT.pkl")


def test_missing_model_means_open_for_keypoints_only(scene, write_scene):
    assert load_scene(write_scene(drop(scene, "hand.model"))).model == "open"
    refused(write_scene(drop(as_params(scene), "hand.model")), "model")
