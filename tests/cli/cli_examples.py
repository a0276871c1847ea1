"""Scenes for the command: a hand around a can, in every form that a file may have."""

import json
from pathlib import Path

import numpy as np
import torch
import trimesh

from handhold.cli.demo_scene import make_grasp
from handhold.cli.main import main
from handhold.hand import Hand, reorder_joints

CHEAP = ("--no-picture", "--quiet", "--gravity.steps", "3")
"""For a command that runs gravity; others take the first two."""
RADIUS, HEIGHT = 0.041, 0.095


def can(*, sections: int = 32) -> trimesh.Trimesh:
    mesh = trimesh.creation.cylinder(radius=RADIUS, height=HEIGHT, sections=sections)
    mesh.apply_translation((0, 0, HEIGHT / 2))
    return mesh


def hand_keypoints(*, seed: int = 0, noise: float = 0.005) -> np.ndarray:
    """(21, 3) OpenPose order [m]."""
    hand = Hand.open()
    joints = hand(make_grasp(hand)).joints
    joints = joints + noise * torch.randn(joints.shape, generator=torch.Generator().manual_seed(seed))
    return reorder_joints(joints, source="mano", target="openpose").double().numpy()


def scene_document(**hand) -> dict:
    keypoints = hand_keypoints().tolist()
    given = {"side": "right", "model": "open", "keypoints": keypoints, "joint_order": "openpose"} | hand
    return {
        "format": "handhold-scene/1",
        "units": "m",
        "hand": {k: v for k, v in given.items() if v is not None},
        "object": {"mesh": "can.obj", "pose": np.eye(4).tolist()},
    }


def write_scene(folder: Path, document: dict | None = None, *, name: str = "scene.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "can.obj").exists():
        can().export(folder / "can.obj")
    path = folder / name
    path.write_text(json.dumps(document or scene_document()), encoding="utf-8")
    return path


def refine(scene: Path, out: Path, *more: str, cheap: bool = True) -> int:
    quick = CHEAP if "--method" not in more or "gravity" in more else CHEAP[:2]
    return main(["refine", str(scene), "--out", str(out), *(quick if cheap else ()), *more])


def report(out: Path) -> dict:
    def refuse(value):
        raise AssertionError(f"{value} is no standard JSON")

    return json.loads((out / "report.json").read_text(encoding="utf-8"), parse_constant=refuse)


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as archive:
        return dict(archive)
