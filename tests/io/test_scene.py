"""Scene files: what a good one means, and that a bad one is refused by name."""

import copy
import json
import pickle

import numpy as np
import pytest
import torch
from io_examples import make_grasp, pose, to_mano

from handhold.errors import InputError
from handhold.io.scene import find_scenes, load_scene

NAN, INF = float("nan"), float("inf")


def put(scene, key, value):
    """The scene with a dotted key set."""
    scene = copy.deepcopy(scene)
    *folders, last = key.split(".")
    place = scene
    for folder in folders:
        place = place[folder]
    place[last] = value
    return scene


def drop(scene, key):
    scene = copy.deepcopy(scene)
    *folders, last = key.split(".")
    place = scene
    for folder in folders:
        place = place[folder]
    del place[last]
    return scene


def edit(scene, key, change):
    """The scene with the array at a key changed in place by a function of nested lists."""
    scene = copy.deepcopy(scene)
    place = scene
    for part in key.split("."):
        place = place[part]
    change(place)
    return scene


def as_params(scene, **changes):
    scene = drop(drop(scene, "hand.keypoints"), "hand.joint_order")
    params = {
        "global_orient": [0.1, 0, 0],
        "hand_pose": [[0, 0, 0.1]] * 15,
        "betas": [0] * 10,
        "transl": [0, 0, 0.5],
    }
    return put(scene, "hand.params", params | changes)


def as_vertices(scene, vertices=None):
    scene = drop(drop(scene, "hand.keypoints"), "hand.joint_order")
    vertices = make_grasp().surface().vertices.tolist() if vertices is None else vertices
    return put(scene, "hand.vertices", vertices)


def as_motion(scene, frames=4):
    keypoints = np.array(scene["hand"]["keypoints"])
    moving = [(keypoints + 0.01 * t).tolist() for t in range(frames)]
    return put(put(scene, "hand.keypoints", moving), "fps", 30)


def refused(path, *words, **options):
    """The message of the InputError that loading must raise; it names the file and every word."""
    with pytest.raises(InputError) as caught:
        load_scene(path, **options)
    message = str(caught.value)
    for word in (path.name, *words):
        assert word in message, message
    return message


# What a good scene means


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


# What a bad one is refused for

KEYS = ["format", "units", "fps", "up", "hand", "object", "instruction"]
KEYS += [
    "hand.side",
    "hand.model",
    "hand.keypoints",
    "hand.joint_order",
    "object.mesh",
    "object.pose",
    "object.units",
]
JUNK = {
    "null": None,
    "true": True,
    "a number": 7,
    "minus one": -1,
    "NaN": NAN,
    "Infinity": INF,
    "a huge whole number": 10**400,
    "text": "nonsense",
    "an empty string": "",
    "a list": [1, 2],
    "an empty list": [],
    "a list of null": [None],
    "an object": {"a": 1},
    "an empty object": {},
}
FINE = {("fps", "null"), ("fps", "a number"), ("instruction", "null"), ("instruction", "text")}


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("key", KEYS)
def test_junk_under_any_key(scene, write_scene, key, junk):
    path = write_scene(put(scene, key, JUNK[junk]))
    if (key, junk) in FINE:
        load_scene(path)
    else:
        refused(path, key)


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("key", ["global_orient", "hand_pose", "betas", "transl"])
def test_junk_under_any_parameter(scene, write_scene, key, junk):
    refused(write_scene(as_params(scene, **{key: JUNK[junk]})), f"hand.params.{key}")


@pytest.mark.parametrize("junk", JUNK)
def test_junk_as_vertices_or_params(scene, write_scene, junk):
    refused(write_scene(as_vertices(scene, JUNK[junk] or [])), "hand.vertices")
    refused(write_scene(put(as_params(scene), "hand.params", JUNK[junk])), "hand.params")


@pytest.mark.parametrize(
    "key",
    [
        *("format", "units", "hand", "object", "hand.side", "hand.keypoints", "hand.joint_order"),
        "object.mesh",
        "object.pose",
    ],
)
def test_missing_keys(scene, write_scene, key):
    refused(write_scene(drop(scene, key)), key.rsplit(".", 1)[-1])


@pytest.mark.parametrize("key", ["global_orient", "hand_pose", "betas", "transl"])
def test_missing_parameters(scene, write_scene, key):
    refused(write_scene(drop(as_params(scene), f"hand.params.{key}")), "hand.params", key)


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("unit", "units"),
        ("hand.keypoint", "keypoints"),
        ("hand.jointorder", "joint_order"),
        ("hand.sides", "side"),
        ("object.poses", "pose"),
        ("object.mash", "mesh"),
        ("instructions", "instruction"),
    ],
)
def test_a_typo_is_caught_and_the_nearest_key_named(scene, write_scene, key, near):
    message = refused(write_scene(put(scene, key, 1)), key.rsplit(".", 1)[-1])
    assert f"'{near}'" in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "handhold-scene/2"),
        ("format", "handhold-grasp/1"),
        ("units", "cm"),
        ("units", "M"),
        ("up", "x"),
        ("fps", 0),
        ("fps", "30"),
        ("hand.side", "Right"),
        ("hand.model", "mano"),
        ("hand.model", "smplx"),
        ("hand.model_path", "MANO.pkl"),
        ("hand.joint_order", "OpenPose"),
        ("object.mesh", "absent.obj"),
        ("object.mesh", "."),
        ("object.mesh", "a\0b"),
        ("object.units", "foot"),
        ("instruction", "   "),
    ],
)
def test_wrong_values(scene, write_scene, key, value):
    refused(write_scene(put(scene, key, value)), key)


def damaged(name):
    """Ways to damage keypoints, as functions of the list of 21 rows."""
    return {
        "a row short": lambda k: k.pop(),
        "a row long": lambda k: k.append([0, 0, 0]),
        "two numbers in a row": lambda k: k[3].pop(),
        "a number as text": lambda k: k[3].__setitem__(0, "0.1"),
        "a row of text": lambda k: k.__setitem__(3, "0.1 0.2 0.3"),
        "a boolean": lambda k: k[3].__setitem__(0, True),
        "a list for a number": lambda k: k[3].__setitem__(0, [0.1]),
        "an object for a row": lambda k: k.__setitem__(3, {"x": 1}),
        "infinity": lambda k: k[3].__setitem__(0, INF),
        "minus infinity": lambda k: k[3].__setitem__(0, -INF),
        "a number for a row": lambda k: k.__setitem__(3, 0.1),
        "all null": lambda k: k.__setitem__(slice(None), [[None] * 3] * 21),
        "all null rows": lambda k: k.__setitem__(slice(None), [None] * 21),
        "all NaN": lambda k: k.__setitem__(slice(None), [[NAN] * 3] * 21),
        "flat": lambda k: k.__setitem__(slice(None), [x for row in k for x in row]),
        "two dimensions": lambda k: k.__setitem__(slice(None), [row[:2] for row in k]),
        "a time axis of nothing": lambda k: k.clear(),
        "all at one point": lambda k: k.__setitem__(slice(None), [[0.1, 0.2, 0.3]] * 21),
    }[name]


DAMAGE = [
    "a row short",
    "a row long",
    "two numbers in a row",
    "a number as text",
    "a row of text",
    "a boolean",
]
DAMAGE += [
    "a list for a number",
    "an object for a row",
    "infinity",
    "minus infinity",
    "a number for a row",
    "flat",
]
DAMAGE += [
    "all null",
    "all null rows",
    "all NaN",
    "two dimensions",
    "a time axis of nothing",
    "all at one point",
]


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_keypoints(scene, write_scene, name):
    refused(write_scene(edit(scene, "hand.keypoints", damaged(name))), "hand.keypoints")


@pytest.mark.parametrize("name", [n for n in DAMAGE if n != "a time axis of nothing"])
def test_damaged_keypoints_of_one_frame(scene, write_scene, name):
    motion = as_motion(scene)
    damaged(name)(motion["hand"]["keypoints"][2])
    if name == "all at one point":  # a hand that collapses in one frame is noise, not another unit
        load_scene(write_scene(motion))
    else:
        refused(write_scene(motion), "hand.keypoints")


@pytest.mark.parametrize("key", ["hand.vertices", "hand.params.betas", "hand.params.transl", "object.pose"])
@pytest.mark.parametrize("value", [NAN, INF, "1", True, None, [1.0]])
def test_only_keypoints_may_be_missing(scene, write_scene, key, value):
    bad = as_params(scene) if "params" in key else as_vertices(scene) if "vertices" in key else scene
    row = (lambda a: a[0]) if key in ("hand.vertices", "object.pose") else (lambda a: a)
    refused(write_scene(edit(bad, key, lambda a: row(a).__setitem__(1, value))), key)


def test_exactly_one_of_keypoints_params_vertices(scene, write_scene):
    refused(write_scene(drop(scene, "hand.keypoints")), "keypoints, params and vertices", "none")
    both = put(scene, "hand.params", as_params(scene)["hand"]["params"])
    refused(write_scene(both), "keypoints and params")


@pytest.mark.parametrize(
    ("factor", "units", "word"),
    [
        (1000, "m", "millimetres"),
        (100, "m", "centimetres"),
        (1, "mm", "metres declared as millimetres"),
        (0.05, "m", "units"),
    ],
)
def test_wrong_units_are_named(scene, write_scene, factor, units, word):
    bad = put(scene, "units", units)
    bad["hand"]["keypoints"] = (factor * np.array(scene["hand"]["keypoints"])).tolist()
    refused(write_scene(bad), "hand.keypoints", word)


def test_wrong_units_of_vertices(scene, write_scene):
    bad = as_vertices(scene, (1000 * make_grasp().surface().vertices).tolist())
    refused(write_scene(bad), "hand.vertices", "millimetres")


def test_degrees_are_refused(scene, write_scene):
    refused(write_scene(as_params(scene, global_orient=[90.0, 0, 0])), "global_orient", "radians")


def test_coordinates_beyond_single_precision(scene, write_scene):
    far = (np.array(scene["hand"]["keypoints"]) + 1e5).tolist()
    refused(write_scene(put(scene, "hand.keypoints", far)), "hand.keypoints")
    matrix = np.array(scene["object"]["pose"])
    matrix[0, 3] = 1e300
    refused(write_scene(put(scene, "object.pose", matrix.tolist())), "object.pose")


# Poses


def test_bad_poses_are_called_by_name(scene, write_scene):
    good = pose().numpy()

    def said(matrix, *words):
        refused(write_scene(put(scene, "object.pose", np.asarray(matrix).tolist())), "object.pose", *words)

    said(good.T, "transposed")
    said(good @ np.diag([1, 1, -1, 1]), "mirror")
    said(good @ np.diag([-2, 2, 2, 1]), "mirror")
    said(good @ np.diag([0.001, 0.001, 0.001, 1]), "scale", "0.001")
    said(good @ np.diag([1.01, 1.01, 1.01, 1]), "scale")
    said(good @ np.diag([1, 1, 1.2, 1]), "not a rotation")
    sheared = good.copy()
    sheared[0, 1] += 0.01
    said(sheared, "not a rotation")
    said(np.zeros((4, 4)), "0 0 0 1")
    said(good @ np.diag([0, 0, 0, 1]), "singular")
    said(good @ np.diag([1, 1, 0, 1]), "singular")
    said(good[:3], "4x4", "3x4")
    said(good[:3, :3], "4x4")
    said(good.ravel(), "4x4")
    said(good[None, None], "4x4")
    said([0.1, 0.2, 0.3, 1, 0, 0, 0], "4x4")
    half = good.copy()
    half[3] = [0, 0, 0, 0.5]
    said(half, "0 0 0 1")


def test_one_bad_pose_of_a_motion(scene, write_scene):
    poses = np.repeat(pose().numpy()[None], 4, axis=0)
    poses[2, :3, :3] *= 1.5
    refused(
        write_scene(put(as_motion(scene, 4), "object.pose", poses.tolist())), "object.pose", "scale", "1.5"
    )


# Time


def test_time_axes(scene, write_scene):
    motion = as_motion(scene, 4)
    refused(write_scene(put(motion, "object.pose", [scene["object"]["pose"]] * 3)), "object.pose", "4", "3")
    refused(write_scene(put(scene, "object.pose", [scene["object"]["pose"]] * 3)), "object.pose")
    refused(write_scene(put(motion, "fps", None)), "fps")
    refused(write_scene(drop(motion, "fps")), "fps")
    refused(write_scene(put(motion, "hand.keypoints", [])), "hand.keypoints")
    ragged = copy.deepcopy(motion)
    ragged["hand"]["keypoints"][1].pop()
    refused(write_scene(ragged), "hand.keypoints")
    times = as_params(
        scene, global_orient=[[0, 0, 0]] * 3, hand_pose=[[[0, 0, 0]] * 15] * 2, transl=[[0, 0, 0]] * 3
    )
    refused(write_scene(put(times, "fps", 5)), "hand.params", "hand_pose 2")


# Files


def test_files_that_are_not_scenes(tmp_path):
    for name, content in {
        "empty.json": b"",
        "blank.json": b" \n ",
        "bom.json": b"\xef\xbb\xbf",
        "garbage.json": b"\x00\x01\x02 not json",
        "binary.json": bytes(range(256)),
        "text.json": b"hello",
        "list.json": b"[1, 2]",
        "number.json": b"3",
        "null.json": b"null",
        "string.json": b'"scene"',
        "cut.json": b'{"format": "handhold-scene/1", "units": ',
        "comma.json": b'{"format": "handhold-scene/1",}',
        "two.json": b"{} {}",
        "latin.json": '{"format": "é"}'.encode("latin-1"),
        "utf16.json": '{"format": "x"}'.encode("utf-16"),
        "deep.json": b"[" * 100_000,
        "digits.json": b'{"format": ' + b"1" * 5000 + b"}",
        "empty.npz": b"",
        "garbage.npz": b"not a zip",
        "cut.npz": b"PK\x03\x04 cut off",
        "pickle.npz": pickle.dumps([1, 2, 3]),
    }.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name)


def test_no_file_wrong_kind_folder(tmp_path):
    refused(tmp_path / "absent.json")
    refused(tmp_path / "absent.npz")
    (tmp_path / "scene.yaml").write_text("a: 1")
    refused(tmp_path / "scene.yaml", ".json", ".npz")
    (tmp_path / "folder.json").mkdir()
    refused(tmp_path / "folder.json", "folder")


def test_duplicate_key(scene, tmp_path):
    text = json.dumps(scene).replace('"side": "right"', '"side": "right", "side": "left"')
    (tmp_path / "twice.json").write_text(text)
    refused(tmp_path / "twice.json", "side", "twice")


class Mischief:
    """Writes a file when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_pickled_objects_in_npz_are_refused_and_never_run(tmp_path):
    mark = tmp_path / "ran"
    np.savez(
        tmp_path / "bad.npz", **{"format": "handhold-scene/1", "hand.keypoints": np.array([Mischief(mark)])}
    )
    refused(tmp_path / "bad.npz", "hand.keypoints")
    assert not mark.exists()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_truncated_files(scene, write_scene, tmp_path, share):
    path = write_scene(scene)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    refused(path, "truncated")
    np.savez(tmp_path / "s.npz", **{"format": "handhold-scene/1", "hand.keypoints": np.zeros((21, 3))})
    data = (tmp_path / "s.npz").read_bytes()
    (tmp_path / "s.npz").write_bytes(data[: int(share * len(data))])
    refused(tmp_path / "s.npz")


def test_damaged_npz_member(tmp_path):
    np.savez_compressed(tmp_path / "s.npz", **{"hand.keypoints": np.random.default_rng(0).random((21, 3))})
    data = bytearray((tmp_path / "s.npz").read_bytes())
    data[150:200] = bytes(50)
    (tmp_path / "s.npz").write_bytes(data)
    refused(tmp_path / "s.npz", "hand.keypoints")


@pytest.mark.parametrize(
    "value", [np.array(["1"] * 63).reshape(21, 3), np.ones((21, 3), bool), np.ones((21, 3), complex)]
)
def test_npz_arrays_that_are_not_numbers(scene, tmp_path, value):
    arrays = {"format": scene["format"], "units": "m", "object.mesh": "box.obj", "object.pose": np.eye(4)}
    hand = {"hand.side": "right", "hand.model": "open", "hand.joint_order": "mano", "hand.keypoints": value}
    np.savez(tmp_path / "s.npz", **arrays, **hand)
    refused(tmp_path / "s.npz", "hand.keypoints", "number")


def test_npz_key_that_is_value_and_folder(tmp_path):
    np.savez(tmp_path / "s.npz", **{"hand": 1, "hand.side": "right"})
    refused(tmp_path / "s.npz", "hand.side")


# Folders


def test_find_scenes(scene, write_scene, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for name in ("b.json", "a.json", ".hidden.json", "report.json", "notes.txt"):
        (folder / name).write_text(json.dumps(scene))
    (folder / "broken.json").write_text("{")
    (folder / "figures.json").write_text('{"format": "handhold-report/1"}')
    np.savez(folder / "result.npz", format="handhold-grasp/1")
    np.savez(folder / "set.npz", format="handhold-contact/1")
    np.savez(folder / "c.npz", format="handhold-scene/1")
    (folder / "cut.npz").write_bytes(b"PK")
    (folder / "sub.json").mkdir()
    names = ["a.json", "b.json", "broken.json", "c.npz", "cut.npz"]
    assert [p.name for p in find_scenes(folder)] == names
    assert find_scenes(folder / "a.json") == [folder / "a.json"]


def test_folders_without_scenes(scene, tmp_path):
    with pytest.raises(InputError, match="absent"):
        find_scenes(tmp_path / "absent")
    empty = tmp_path / "empty"
    (empty / "below").mkdir(parents=True)
    with pytest.raises(InputError, match="no scenes"):
        find_scenes(empty)
    (empty / "below" / "s.json").write_text(json.dumps(scene))
    with pytest.raises(InputError, match="below"):
        find_scenes(empty)


def test_two_scenes_of_one_name(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    np.savez(tmp_path / "a.npz", x=1)
    with pytest.raises(InputError, match="one name"):
        find_scenes(tmp_path)
