"""The object as a value: units, caches, samples, simplification."""

import pickle

import numpy as np
import pytest
import torch
import trimesh

from handhold.errors import InputError
from handhold.objects import ObjectMesh

BALL = trimesh.creation.icosphere(4, radius=0.05)


@pytest.fixture(scope="module")
def ball() -> ObjectMesh:
    return ObjectMesh.from_arrays(BALL.vertices, BALL.faces, name="ball")


@pytest.mark.parametrize(
    ("units", "metres"), [("mm", 1e-3), ("cm", 1e-2), ("in", 0.0254), ("m", 1), (None, 1)]
)
def test_units_scale(tmp_path, ball, units, metres):
    path = tmp_path / "ball.ply"
    trimesh.Trimesh(BALL.vertices / metres, BALL.faces).export(path)
    loaded = ObjectMesh.load(path, units=units)
    np.testing.assert_allclose(loaded.vertices, ball.vertices, atol=1e-7)
    assert loaded.volume_m3 == pytest.approx(ball.volume_m3, rel=1e-5)


@pytest.mark.parametrize(
    ("scale", "units", "likely"), [(1000, None, "mm"), (100, None, "cm"), (1, "mm", "m")]
)
def test_far_out_of_scale_is_refused_with_the_likely_unit(scale, units, likely):
    if scale == 100:
        with_warning = ObjectMesh.from_arrays(BALL.vertices * 50, BALL.faces)
        assert with_warning.report.likely_unit == "cm"
    with pytest.raises(InputError, match=f"units='{likely}'"):
        ObjectMesh.from_arrays(BALL.vertices * scale * (1.5 if scale == 100 else 1), BALL.faces, units=units)


def test_odd_sizes_are_kept_with_a_warning(ball):
    small = ObjectMesh.from_arrays(BALL.vertices * 0.05, BALL.faces)
    assert small.report.finding("size").action == "kept" and "5 mm" in small.report.finding("size").message
    assert ball.report.finding("size") is None and ball.report.likely_unit is None


@pytest.mark.parametrize(
    ("vertices", "faces", "words"),
    [
        (np.zeros((3, 2)), np.array([[0, 1, 2]]), "vertices"),
        (np.zeros((3, 3)), np.zeros((0, 3), int), "faces"),
        (np.eye(3), np.array([[0.0, 1.0, 2.0]]), "whole numbers"),
        (np.eye(3), np.array([[0, 1, 3]]), "not there"),
        (np.eye(3), np.array([[0, 1, -1]]), "not there"),
        (np.full((3, 3), np.nan), np.array([[0, 1, 2]]), "not finite"),
        (np.ones((3, 3)), np.array([[0, 1, 2]]), "degenerate"),
    ],
)
def test_bad_arrays(vertices, faces, words):
    with pytest.raises(InputError, match=words):
        ObjectMesh.from_arrays(vertices, faces)


def test_far_from_its_origin():
    moved = ObjectMesh.from_arrays(BALL.vertices + 1000.0, BALL.faces)
    assert moved.volume_m3 == pytest.approx(BALL.volume, rel=1e-6)
    assert moved.distance.query(np.full((1, 3), 1000.0)).distance[0] == pytest.approx(-0.05, abs=1e-4)
    inches = ObjectMesh.from_arrays((BALL.vertices + 5) / 0.0254, BALL.faces, units="in")
    assert inches.report.findings == ()


def test_hash_is_of_the_geometry(ball):
    same = ObjectMesh.from_arrays(BALL.vertices.copy(), BALL.faces.astype(np.int32), name="other")
    moved = ObjectMesh.from_arrays(BALL.vertices + 1e-9, BALL.faces)
    assert ball.content_hash == same.content_hash != moved.content_hash
    assert len(bytes.fromhex(ball.content_hash)) == 16


def test_caches_and_travel(ball):
    assert ball.distance is ball.distance and ball.manifold() is ball.manifold()
    grid = ball.grid(resolution=16)
    assert ball.grid(resolution=16) is grid and ball.grid(resolution=20) is not grid
    there = pickle.loads(pickle.dumps(ball))
    assert there.content_hash == ball.content_hash and "distance" not in vars(there)


def test_the_callers_arrays_stay_theirs():
    vertices, faces = np.array(BALL.vertices), np.array(BALL.faces)
    held = ObjectMesh.from_arrays(vertices, faces)
    vertices[0], faces[0] = 1, 1
    assert (held.vertices == BALL.vertices).all() and (held.faces == BALL.faces).all()


def test_samples_lie_on_the_surface(ball):
    found = ball.sample(500, torch.Generator().manual_seed(0))
    distance = ball.distance.query(found.points.numpy()).distance
    assert np.abs(distance).max() < 1e-12
    outward = torch.nn.functional.normalize(found.points, dim=-1)
    assert (found.normals * outward).sum(-1).min() > 0.99
    assert found.points.mean(0).abs().max() < 0.01


def test_simplified_says_how_far_it_moved(ball):
    small = ball.simplified(faces=500)
    assert 300 < len(small.faces) <= 500 and small.is_watertight
    assert "mm" in small.report.finding("simplified").message
    assert small.volume_m3 == pytest.approx(ball.volume_m3, rel=0.03)
    assert ball.simplified(faces=10**6) is ball
    with pytest.raises(InputError, match="too few"):
        ball.simplified(faces=2)
