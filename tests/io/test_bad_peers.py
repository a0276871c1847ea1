"""Mistakes in other tools' files: each is named with its file and key."""

from __future__ import annotations

import numpy as np
import pytest
from io_examples import BOX_FACES
from peer_examples import (
    BOX,
    as_matrices,
    as_packed,
    as_rows,
    box,
    mano_values,
    params,
    surfaces,
    truth,
    without,
)

from handhold.errors import InputError
from handhold.io.peers import read_grasp_set


def broken(key: str, value) -> dict:
    return surfaces() | {key: value}


NAN = np.where(np.arange(778)[:, None] == 7, np.nan, np.zeros((778, 3)))
BAD = {
    "nothing of a hand": (box(), "hand_vertices", "neither"),
    "both": (surfaces() | params(), "hand_vertices", "either"),
    "unknown key": (broken("hand_vertex", 1), "hand_vertex", "Did you mean 'hand_vertices'"),
    "a format": (broken("format", "handhold-scene/1"), "format", "no set"),
    "NaN": (
        broken("hand_vertices", surfaces()["hand_vertices"] + NAN),
        "hand_vertices",
        r"nan at \[0, 7, 0\]",
    ),
    "a bad shape": (broken("hand_vertices", np.zeros((4, 2))), "hand_vertices", "4x2"),
    "strings": (broken("hand_vertices", np.array([["a"]])), "hand_vertices", "numbers"),
    "millimetres as metres": (
        broken("hand_vertices", surfaces()["hand_vertices"] * 1000),
        r"hand_vertices\[\d\]",
        "millimetres declared as metres.*units",
    ),
    "faces out of range": (broken("hand_faces", mano_values()["f"] + 1), "hand_faces", "778 in face"),
    "faces of floats": (broken("hand_faces", mano_values()["f"] * 1.0), "hand_faces", "whole numbers"),
    "object faces out of range": (broken("object_faces", BOX_FACES + 1), "object_faces", "count from 0"),
    "object faces missing": (without(surfaces(), "object_faces"), "object_faces", "missing"),
    "no object": (without(surfaces(), "object_vertices"), "object_mesh", "neither"),
    "two objects": (broken("object_mesh", "a.obj"), "object_mesh", "both"),
    "no such mesh": (
        without(broken("object_mesh", "a.obj"), "object_vertices", "object_faces"),
        "object_mesh",
        "nothing at",
    ),
    "a huge object": (broken("object_vertices", BOX * 1000), "object_vertices", "units='mm'"),
    "posed object vertices": (broken("object_vertices", BOX[None]), "object_vertices", "T_world_object"),
    "another N": (broken("joints", surfaces()["joints"][:2]), "joints", "hand_vertices 3.*joints 2"),
    "another N of poses": (
        broken("T_world_object", np.tile(np.eye(4), (4, 1, 1))),
        "T_world_object",
        "T_world_object 4",
    ),
    "a mirror": (broken("T_world_object", np.diag([1.0, 1, -1, 1])), "T_world_object", "mirrors"),
    "joints in another order": (broken("joint_order", "mano"), "joints", "openpose order"),
    "an unknown order": (broken("joint_order", "smplx"), "joint_order", "mano or openpose"),
    "joints about the wrist": (
        broken("joints", surfaces()["joints"] - surfaces()["joints"][:, :1] + 1),
        "joints",
        "relative to the wrist",
    ),
    "fitted of another hand": (broken("fitted_vertices", np.zeros((9, 3))), "fitted_vertices", "778x3"),
    "too few names": (broken("names", np.array(["a"])), "names", "3 names"),
    "a name twice": (broken("names", np.array(list("aba"))), "names", "twice"),
    "fps of nothing": (
        {k: v[0] if k in ("hand_vertices", "joints") else v for k, v in broken("fps", 30).items()},
        "fps",
        "time axis",
    ),
    "fps zero": (broken("fps", 0), "fps", "above 0"),
    "side unknown": (broken("side", "both"), "side", "right or left"),
    "units unknown": (broken("units", "cm"), "units", "m or mm"),
    "no side": (without(params(), "side"), "side", "missing"),
    "flat_hand_mean missing": (without(params(), "flat_hand_mean"), "flat_hand_mean", "Tools differ"),
    "flat_hand_mean a number": (params(flat_hand_mean=1), "flat_hand_mean", "true or false"),
    "flat_hand_mean with matrices": (
        as_matrices(truth("right"), "right") | box(side="right", flat_hand_mean=False),
        "flat_hand_mean",
        "no mean pose",
    ),
    "6d of no kind": (params(rotation="6d"), "rotation", "6d-rows.*6d-columns"),
    "no betas": (without(params(), "betas"), "betas", "missing"),
    "no pose": (without(params(), "hand_pose"), "hand_pose", "neither"),
    "two poses": (params(hand_pca=np.zeros((3, 6))), "hand_pose", "hand_pose and hand_pca"),
    "a pose too short": (params(hand_pose=np.zeros((3, 15, 2))), "hand_pose", "15x3"),
    "too many components": (
        without(params(hand_pca=np.zeros((3, 46))), "hand_pose"),
        "hand_pca",
        "1 to 45",
    ),
    "degrees": (params(global_orient=np.full((3, 3), 90.0)), "global_orient", "radians"),
    "betas too large": (params(betas=np.full((3, 10), 99.0)), "betas", "at most 50"),
    "no rotation": (
        as_matrices(truth("right"), "right") | box(side="right", global_orient=np.zeros((3, 3, 3))),
        "global_orient",
        "no rotation",
    ),
    "a reflection": (
        as_matrices(truth("right"), "right") | box(side="right", global_orient=np.diag([1.0, 1, -1])),
        "global_orient",
        "reflection",
    ),
    "parallel vectors": (
        as_rows(truth("right"), "right") | box(side="right", global_orient=np.ones((3, 6))),
        "global_orient",
        "independent",
    ),
    "mano61 and more": (
        as_packed(truth("right"), "right") | box(side="right", betas=np.zeros(10)),
        "mano61",
        "betas",
    ),
    "mano61 of 58": (box(side="right", flat_hand_mean=True, mano61=np.zeros(58)), "mano61", "expected 61"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("name", ["peer.npz", "peer.json"])
def test_every_mistake_names_file_and_key(case, name, mano, write):
    values, key, words = BAD[case]
    path = write(values, name)
    with pytest.raises(InputError, match=rf"(?s){key}.*{words}|{words}.*{key}") as error:
        read_grasp_set(path, mano=mano["right"])
    assert str(path) in str(error.value)


def test_ragged_and_missing_numbers_in_json(write):
    given = surfaces()
    for bad, words in ((lambda v: v[0].pop(), "lengths"), (lambda v: v[1].__setitem__(0, None), "null")):
        lists = given["hand_vertices"].tolist()
        bad(lists)
        path = write({**given, "hand_vertices": lists}, "peer.json")
        with pytest.raises(InputError, match=rf"hand_vertices.*{words}"):
            read_grasp_set(path)


def test_parameters_need_the_mano_file_of_their_side(mano, write):
    path = write(params())
    with pytest.raises(InputError, match=r"global_orient.*--mano"):
        read_grasp_set(path)
    with pytest.raises(InputError, match="left hand"):
        read_grasp_set(path, mano=mano["left"])
