"""Scenes to damage, and what a refusal must say."""

import copy

import numpy as np
import pytest
from io_examples import make_grasp

from handhold.errors import InputError
from handhold.io.scene import load_scene

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
