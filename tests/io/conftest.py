"""Scenes and grasps to write and read."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from io_examples import BOX_CORNERS, BOX_FACES, curled, make_grasp, make_motion, pose
from peer_examples import write_mano_files, write_peer

from handhold.hand.model import Hand, HandParams
from handhold.interaction.grasp import Grasp


@pytest.fixture(params=["right", "left"])
def grasp(request) -> Grasp:
    return make_grasp(request.param)


@pytest.fixture
def motion() -> Grasp:
    return make_motion()


@pytest.fixture(scope="session")
def hand_keypoints() -> np.ndarray:
    """(21, 3) keypoints of a curled right hand, OpenPose order [m]."""
    hand = Hand.open("right")
    params = hand.zeros()
    params = HandParams(params.global_orient, curled(hand), params.betas, torch.tensor([0.1, 0.0, 0.5]))
    return hand(params).keypoints(order="openpose").double().numpy()


@pytest.fixture
def scene(tmp_path: Path, hand_keypoints) -> dict:
    """A good scene beside its mesh, as a dict to damage; write it with `write_scene`."""
    lines = [f"v {x} {y} {z}" for x, y, z in BOX_CORNERS * [0.03, 0.02, 0.05]]
    lines += [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in BOX_FACES]
    (tmp_path / "box.obj").write_text("\n".join(lines))
    return {
        "format": "handhold-scene/1",
        "units": "m",
        "fps": None,
        "hand": {
            "side": "right",
            "model": "open",
            "keypoints": hand_keypoints.tolist(),
            "joint_order": "openpose",
        },
        "object": {"mesh": "box.obj", "pose": pose(translation=(0.1, 0.05, 0.5)).tolist()},
        "instruction": "lift the box",
    }


@pytest.fixture
def write_scene(tmp_path: Path):
    def write(scene: dict, name: str = "scene.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(scene), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def mano(tmp_path_factory) -> dict[str, Path]:
    """MANO's two files, made up, by side."""
    return write_mano_files(tmp_path_factory.mktemp("mano"))


@pytest.fixture
def write(tmp_path):
    """Write a peer's file: values, and its name."""
    return partial(write_peer, tmp_path)
