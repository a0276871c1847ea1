import json
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

import handhold.batch.loading as loading
from handhold.batch import Failure, Outcome, load_grasp, refine_scenes
from handhold.hand import Hand, HandParams
from handhold.io import load_scene


def write(folder: Path, name: str, *, side: str = "right", frames: int | None = None) -> Path:
    hand = Hand.open(side)
    zeros = hand.zeros()
    params = HandParams(zeros.global_orient, zeros.hand_pose, zeros.betas, torch.tensor([0.0, 0.0, 0.1]))
    points = hand(params).keypoints(order="openpose").numpy()
    if frames:
        points = np.stack([points] * frames)
    trimesh.creation.box(extents=(0.1, 0.1, 0.1)).export(folder / "box.obj")
    document = {
        "format": "handhold-scene/1",
        "units": "m",
        "hand": {"side": side, "keypoints": points.tolist(), "joint_order": "openpose"},
        "object": {"mesh": "box.obj", "pose": np.eye(4).tolist()},
    }
    if frames:
        document["fps"] = 30
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document))
    return path


def unchanged(grasps):
    return grasps


def test_sides_and_motions_are_sorted_out_and_the_order_kept(tmp_path):
    paths = [
        write(tmp_path, "a", side="left"),
        write(tmp_path, "b"),
        write(tmp_path, "c", frames=3),
        write(tmp_path, "d", side="left"),
    ]
    groups = []

    def refine(grasps):
        groups.append([g.name for g in grasps])
        assert len({g.hand.side for g in grasps}) == 1
        return grasps

    outcomes = list(refine_scenes(paths, refine))
    assert [o.scene.name for o in outcomes] == ["a", "b", "c", "d"]
    assert sorted(groups) == [["a", "d"], ["b", "c"]]
    assert [o.frames for o in outcomes] == [1, 1, 3, 1]


def test_a_batch_gives_what_each_alone_gives(tmp_path):
    paths = [write(tmp_path, "a"), write(tmp_path, "b")]
    together = list(refine_scenes(paths, unchanged))
    for path, outcome in zip(paths, together, strict=True):
        alone = load_grasp(path)[0]
        assert torch.allclose(alone.surface().vertices, outcome.before.surface().vertices, atol=1e-5)


def test_failures_are_told_apart(tmp_path):
    good, missing = write(tmp_path, "a"), tmp_path / "none.json"
    first, second = refine_scenes([missing, good], unchanged)
    assert isinstance(first, Failure) and first.bug is None and "none.json" in first.error
    assert isinstance(second, Outcome)
    (broken,) = refine_scenes([good], lambda grasps: 1 / 0)
    assert isinstance(broken, Failure) and isinstance(broken.bug, ZeroDivisionError)


def test_few_scenes_are_in_memory_at_once(tmp_path, monkeypatch):
    """Chunks are loaded one ahead, and no further."""
    monkeypatch.setattr(loading, "CHUNK_ROWS", 2)
    loaded = []
    monkeypatch.setattr(loading, "load_scene", lambda path, **o: loaded.append(path) or load_scene(path, **o))
    paths = [write(tmp_path, str(k)) for k in range(10)]
    for done, _ in enumerate(refine_scenes(paths, unchanged)):
        assert len(loaded) <= done + 2 * 2 + 2
    assert len(loaded) == 10


def test_stopping_early_is_harmless(tmp_path):
    paths = [write(tmp_path, str(k)) for k in range(3)]
    outcomes = refine_scenes(paths, unchanged)
    next(outcomes)
    outcomes.close()


@pytest.mark.parametrize("missing", [[0], [4, 8, 12]])
def test_missing_keypoints_stay_missing(tmp_path, missing):
    path = write(tmp_path, "a")
    document = json.loads(path.read_text())
    for k in missing:
        document["hand"]["keypoints"][k] = None
    path.write_text(json.dumps(document))
    (outcome,) = refine_scenes([path], unchanged)
    assert int(outcome.before.keypoints.isnan().any(-1).sum()) == len(missing)
    assert outcome.measures_after[0].moved_mm < 5
