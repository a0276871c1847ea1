"""Exact distance against analytic shapes, brute force and finite differences."""

import pickle

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from handhold.errors import InputError
from handhold.geometry.distance import ExactDistance, signed_distance

RNG = np.random.default_rng(7)
BOX = np.array([0.06, 0.10, 0.16])


def exact(mesh) -> ExactDistance:
    return ExactDistance(np.asarray(mesh.vertices), np.asarray(mesh.faces))


def box_distance(points: np.ndarray) -> np.ndarray:
    q = np.abs(points) - BOX / 2
    return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(1), 0)


def cup(*, radius: float = 0.04, height: float = 0.1, wall: float = 0.001):
    """A thin-walled cup, closed below, open above, as one solid."""
    outline = [
        (0, 0), (radius, 0), (radius, height), (radius - wall, height), (radius - wall, wall), (0, wall),
    ]  # fmt: skip
    return trimesh.creation.revolve(outline, sections=96)


def folded_box():
    """A box whose top has a dimple pushed out through the bottom: closed, and passing through itself."""
    mesh = trimesh.creation.box(BOX).subdivide().subdivide()
    vertices = mesh.vertices.copy()
    vertices[np.linalg.norm(vertices - [0, 0, BOX[2] / 2], axis=1) < 1e-6, 2] = -BOX[2]
    return trimesh.Trimesh(vertices, mesh.faces, process=False)


@pytest.mark.parametrize("shift", [0.0, 250.0], ids=["near", "far from the origin"])
def test_box_distance_is_analytic(shift):
    field = ExactDistance(trimesh.creation.box(BOX).vertices + shift, trimesh.creation.box(BOX).faces)
    points = RNG.uniform(-0.15, 0.15, (5000, 3))
    found = field.query(points + shift)
    np.testing.assert_allclose(found.distance, box_distance(points), atol=1e-12 if shift == 0 else 1e-9)
    np.testing.assert_allclose(np.linalg.norm(found.normal, axis=1), 1, atol=1e-9)
    moved = found.closest + found.distance[:, None] * found.normal
    np.testing.assert_allclose(moved, points + shift, atol=1e-9)


def test_sphere_and_torus_within_their_tessellation():
    points = RNG.uniform(-0.08, 0.08, (5000, 3))
    sphere = exact(trimesh.creation.icosphere(5, radius=0.05)).query(points)
    np.testing.assert_allclose(sphere.distance, np.linalg.norm(points, axis=1) - 0.05, atol=3e-5)
    torus = exact(trimesh.creation.torus(0.05, 0.01, major_sections=256, minor_sections=128)).query(points)
    ring = np.hypot(np.hypot(points[:, 0], points[:, 1]) - 0.05, points[:, 2]) - 0.01
    np.testing.assert_allclose(torus.distance, ring, atol=3e-5)


def test_normal_is_the_gradient():
    field = exact(trimesh.creation.torus(0.05, 0.015))
    points = RNG.uniform(-0.08, 0.08, (500, 3))
    step = 1e-7
    difference = [
        (field.query(points + step * axis).distance - field.query(points - step * axis).distance) / (2 * step)
        for axis in np.eye(3)
    ]
    close = np.isclose(np.stack(difference, 1), field.query(points).normal, atol=1e-4).all(1)
    assert close.mean() > 0.99  # the rest lies on the medial axis, where there is no gradient


def test_normal_at_contact_is_the_surfaces():
    field = exact(trimesh.creation.box(BOX))
    on_face = np.array([[0.01, 0.02, BOX[2] / 2], [BOX[0] / 2, 0.013, -0.02]])
    np.testing.assert_allclose(field.query(on_face).normal, [[0, 0, 1], [1, 0, 0]], atol=1e-12)
    corner = field.query(BOX[None] / 2)
    np.testing.assert_allclose(corner.normal, np.full((1, 3), 3**-0.5), atol=1e-12)
    edge = field.query(np.array([[BOX[0] / 2, BOX[1] / 2, 0.01]]))
    np.testing.assert_allclose(edge.normal, [[2**-0.5, 2**-0.5, 0]], atol=1e-12)
    for offset in (1e-8, -1e-8, 1e-6, -1e-6):
        near = field.query(on_face[:1] + np.array([0, 0, offset]))
        np.testing.assert_allclose(near.normal, [[0, 0, 1]], atol=1e-7)
        np.testing.assert_allclose(near.distance, offset, atol=1e-12)


def test_thin_cup_knows_its_wall_from_its_hollow():
    field = exact(cup())
    angle = RNG.uniform(0, 2 * np.pi, 2000)
    height = RNG.uniform(0.01, 0.09, 2000)
    for radius, inside in ((0.0395, True), (0.0385, False), (0.0405, False), (0.01, False)):
        points = np.stack((radius * np.cos(angle), radius * np.sin(angle), height), 1)
        assert ((field.query(points).distance < 0) == inside).all(), radius


def test_folded_mesh_takes_the_winding_number():
    mesh = folded_box()
    assert mesh.is_watertight
    field = exact(mesh)
    assert field.folds > 0
    assert field.sign_rule == "winding"
    points = RNG.uniform(-0.2, 0.2, (3000, 3))
    inside = parity(mesh, points)
    assert ((field.query(points).distance < 0) == inside).mean() > 0.999
    assert exact(trimesh.creation.box(BOX)).sign_rule == "pseudonormal"


def parity(mesh, points: np.ndarray) -> np.ndarray:
    """Inside by the signed count of crossings along a ray, by brute force."""
    along = np.tile([0.31, 0.22, 0.93], (len(points), 1))
    turns = np.zeros(len(points))
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces], 1, 0)
    for i, (start, d) in enumerate(zip(points, along, strict=True)):
        t, ok = cross_all(a, b, c, start, d)
        facing = np.einsum("ij,j->i", np.cross(b - a, c - a), d)
        turns[i] = np.sign(facing)[ok & (t > 0)].sum()
    return turns > 0.5


def cross_all(a, b, c, start, along):
    """Moeller-Trumbore of one ray with all triangles: parameter and whether the line meets the triangle."""
    one, two = b - a, c - a
    p = np.cross(along, two)
    det = np.einsum("ij,ij->i", one, p)
    with np.errstate(divide="ignore", invalid="ignore"):
        s = start - a
        u = np.einsum("ij,ij->i", s, p) / det
        q = np.cross(s, one)
        v = q @ along / det
        t = np.einsum("ij,ij->i", q, two) / det
    return t, (det != 0) & (u >= 0) & (v >= 0) & (u + v <= 1)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    scale=st.sampled_from([0.003, 0.1, 2.0]),
    reach=st.sampled_from([0.02, 0.3, 2.0]),
)
def test_segments_against_brute_force(seed, scale, reach):
    rng = np.random.default_rng(seed)
    mesh = trimesh.creation.torus(0.4 * scale, 0.15 * scale, major_sections=24, minor_sections=12)
    start = rng.uniform(-0.6, 0.6, (60, 3)) * scale
    end = start + rng.normal(size=(60, 3)) * reach * scale
    hit = exact(mesh).first_hit(start, end)
    corners = np.moveaxis(mesh.vertices[mesh.faces], 1, 0)
    for k in range(60):
        t, ok = cross_all(*corners, start[k], end[k] - start[k])
        ok &= (t >= 0) & (t <= 1)
        assert np.isclose(hit.fraction[k], t[ok].min() if ok.any() else np.inf, atol=1e-6)
        if ok.any():
            face = np.flatnonzero(ok)[t[ok].argmin()]
            assert hit.normal[k] @ mesh.face_normals[face] > 0.999
            np.testing.assert_allclose(hit.point[k], start[k] + hit.fraction[k] * (end - start)[k], atol=1e-9)


def test_segments_from_inside_through_edges_and_of_no_length():
    field = exact(trimesh.creation.box(BOX))
    start = np.array([[0, 0, 0], [0, 0, 0], [-1, 0, 0], [0, 0, 0], [1, 1, 1]], float)
    end = np.array([[0.06, 0, 0], [0.01, 0, 0], [1, 0, 0], [0, 0, 0], [2, 2, 2]], float)
    hit = field.first_hit(start, end)
    np.testing.assert_allclose(hit.fraction, [0.5, np.inf, 0.485, np.inf, np.inf], atol=1e-6)
    np.testing.assert_array_equal(field.crosses(start, end), [True, False, True, False, False])
    assert np.isnan(hit.point[1]).all() and np.isnan(hit.normal[1]).all()
    through_corner = field.crosses(-BOX[None], BOX[None])
    assert through_corner.all()


def test_gradient_of_the_torch_function():
    field = exact(trimesh.creation.box(BOX))
    points = torch.tensor([[0.05, 0.01, 0.02], [0.02, 0.01, 0.0], [0.05, 0.07, 0.1]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p: signed_distance(field, p), points.requires_grad_(), eps=1e-7)
    batch = torch.randn(2, 3, 4, 3) * 0.1
    distances = signed_distance(field, batch)
    assert distances.shape == (2, 3, 4) and distances.dtype == batch.dtype
    torch.testing.assert_close(distances[1, 2], signed_distance(field, batch[1, 2]))


def test_rigid_motion_changes_nothing():
    mesh = cup()
    points = RNG.uniform(-0.1, 0.15, (2000, 3))
    motion = trimesh.transformations.random_rotation_matrix(RNG.random(3))
    motion[:3, 3] = RNG.uniform(-1, 1, 3)
    here = exact(mesh).query(points)
    there = exact(mesh.copy().apply_transform(motion)).query(points @ motion[:3, :3].T + motion[:3, 3])
    np.testing.assert_allclose(here.distance, there.distance, atol=1e-9)


def test_no_points_and_bad_points():
    field = exact(trimesh.creation.box(BOX))
    assert field.query(np.zeros((0, 3))).distance.shape == (0,)
    assert field.first_hit(np.zeros((0, 3)), np.zeros((0, 3))).fraction.shape == (0,)
    with pytest.raises(InputError, match="not finite"):
        field.query(np.array([[np.nan, 0, 0]]))
    with pytest.raises(InputError, match="wrong shape"):
        field.query(np.zeros(3))
    with pytest.raises(InputError, match="ends"):
        field.crosses(np.zeros((2, 3)), np.zeros((1, 3)))
    with pytest.raises(InputError, match="faces"):
        ExactDistance(np.zeros((3, 3)), np.zeros((0, 3), int))


def test_pickles_without_its_trees():
    field = exact(trimesh.creation.box(BOX))
    points = RNG.normal(size=(10, 3))
    np.testing.assert_array_equal(
        field.query(points).distance, pickle.loads(pickle.dumps(field)).query(points).distance
    )


def test_unsigned_is_the_distance_without_its_sign():
    surface = exact(trimesh.creation.icosphere(subdivisions=2, radius=0.03))
    points = np.random.default_rng(3).normal(scale=0.04, size=(200, 3))
    assert surface.unsigned(points) == pytest.approx(np.abs(surface.query(points).distance))
    assert surface.unsigned(np.zeros((0, 3))).shape == (0,)


def test_a_rule_for_the_sign_that_is_given_is_kept_and_travels():
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.04)
    field = pickle.loads(pickle.dumps(ExactDistance(ball.vertices, ball.faces, sign_rule="winding")))
    assert field.sign_rule == "winding"
    points = np.random.default_rng(0).uniform(-0.06, 0.06, (500, 3))
    found = field.query(points).distance
    np.testing.assert_allclose(found, ExactDistance(ball.vertices, ball.faces).query(points).distance)


def test_inside_by_the_rough_winding_number_is_inside_by_the_exact_one():
    rng = np.random.default_rng(1)
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.04)
    other = ball.copy()
    other.apply_translation((0.03, 0, 0))
    both = trimesh.util.concatenate([ball, other])
    field = ExactDistance(both.vertices, both.faces)
    points = np.concatenate(
        (rng.uniform(-0.06, 0.09, (5000, 3)), both.vertices[::7] * 1.0001, both.vertices[::7] * 0.9999)
    )
    np.testing.assert_array_equal(field._inside(points), field.winding(points) > 0.5)
