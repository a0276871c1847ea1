"""A bad value anywhere in a scene is refused by file and key."""

import copy

import numpy as np
import pytest
from io_examples import make_grasp, pose
from scene_examples import INF, NAN, as_motion, as_params, as_vertices, drop, edit, put, refused

from handhold.io.scene import load_scene

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
