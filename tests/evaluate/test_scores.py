"""A ball that stands for the hand, in a block: volumes and depths that are known."""

import math

import numpy as np
import pytest
import trimesh

from handhold.errors import InputError
from handhold.evaluate import HandObject, read_arrays_of_grasp, score_arrays
from handhold.objects import ObjectMesh

RADIUS = 0.03


def pair(depth: float, **more) -> HandObject:
    """A ball that is `depth` [m] deep in the top of a block."""
    ball = trimesh.creation.icosphere(subdivisions=5, radius=RADIUS)
    block = trimesh.creation.box(extents=(0.2, 0.2, 0.2))
    vertices = np.asarray(ball.vertices) + np.array([0, 0, 0.1 + RADIUS - depth])
    obj = ObjectMesh.from_arrays(np.asarray(block.vertices), np.asarray(block.faces))
    return HandObject("ball", vertices, np.asarray(ball.faces), obj, np.eye(4), **more)


@pytest.mark.parametrize("depth", [0.005, 0.02])
def test_a_cap_has_its_volume_and_depth(depth):
    values = score_arrays(pair(depth), no_model="no model").values
    cap = math.pi * depth**2 * (3 * RADIUS - depth) / 3
    assert values["iv_cm3"] == pytest.approx(cap * 1e6, rel=0.01)
    assert values["pd_mm"] == pytest.approx(depth * 1e3, abs=0.05)


def test_a_rigid_motion_changes_nothing():
    still = pair(0.01)
    matrix = trimesh.transformations.rotation_matrix(0.8, (1, 2, -1))
    matrix[:3, 3] = (0.4, -0.1, 0.7)
    moved = HandObject(
        "ball", still.hand_vertices @ matrix[:3, :3].T + matrix[:3, 3], still.hand_faces, still.object, matrix
    )
    first, other = (score_arrays(p, no_model="").values for p in (still, moved))
    for metric in ("iv_cm3", "pd_mm"):
        assert other[metric] == pytest.approx(first[metric], rel=1e-4)


def test_a_motion_is_the_mean_of_its_frames():
    one, two = pair(0.005), pair(0.015)
    both = HandObject(
        "motion",
        np.stack((one.hand_vertices, two.hand_vertices)),
        one.hand_faces,
        one.object,
        np.stack([np.eye(4)] * 2),
    )
    score = score_arrays(both, no_model="")
    assert score.frames == 2
    assert score.values["pd_mm"] == pytest.approx(10.0, abs=0.05)


def test_what_is_missing_has_a_cause():
    score = score_arrays(pair(0.01), no_model="because")
    assert {k for k, v in score.values.items() if v is None} == set(score.causes)
    assert score.causes["fingers_in_contact"] == "because" and score.causes["bones_through"] == "no joints"


def test_tissue_is_the_distance_to_the_fitted_surface():
    still = pair(0.01)
    shifted = still.hand_vertices - [0, 0, 0.002]
    values = score_arrays(pair(0.01, fitted_vertices=shifted), no_model="").values
    assert values["tissue_max_mm"] == pytest.approx(2.0) and values["flipped_faces"] == 0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hand_vertices", np.zeros((5, 2))),
        ("hand_vertices", np.full((10242, 3), np.nan)),
        ("hand_faces", np.array([[0, 1, 99999]])),
        ("hand_faces", np.zeros((4, 3))),
        ("object_faces", np.zeros((0, 3), int)),
        ("T_world_object", 2 * np.eye(4)),
        ("joints", np.zeros((20, 3))),
        ("joints", np.zeros((2, 21, 3))),
        ("object_vertices", None),
    ],
)
def test_bad_arrays_are_refused(tmp_path, key, value):
    good = pair(0.01)
    given = {
        "hand_vertices": good.hand_vertices,
        "hand_faces": good.hand_faces,
        "object_vertices": good.object.vertices,
        "object_faces": good.object.faces,
    }
    np.savez(tmp_path / "good.npz", **given)
    assert read_arrays_of_grasp(tmp_path / "good.npz").joints is None
    changed = {**given, key: value}
    np.savez(tmp_path / "bad.npz", **{k: v for k, v in changed.items() if v is not None})
    with pytest.raises(InputError):
        read_arrays_of_grasp(tmp_path / "bad.npz")
