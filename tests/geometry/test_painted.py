"""Meshes cut fine for colours, and values carried to them from points."""

import numpy as np
import pytest
import trimesh

from handhold.geometry.painted import PaintedMesh, carrier, fine_mesh


def longest(vertices: np.ndarray, faces: np.ndarray) -> float:
    sides = vertices[faces] - vertices[np.roll(faces, 1, axis=1)]
    return float(np.linalg.norm(sides, axis=-1).max())


def solid(vertices: np.ndarray, faces: np.ndarray) -> trimesh.Trimesh:
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    mesh.merge_vertices(merge_norm=True, merge_tex=True)
    return mesh


SHAPES = {
    "box": trimesh.creation.box((0.1, 0.06, 0.03)),
    "can": trimesh.creation.cylinder(0.03, 0.12, sections=24),  # long strips
    "ball": trimesh.creation.icosphere(subdivisions=2, radius=0.04),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("edge", [0.02, 0.006])
def test_cutting_changes_no_surface(shape, edge):
    vertices, normals, faces = fine_mesh(shape.vertices, shape.faces, edge=edge)
    assert longest(vertices, faces) <= edge
    cut = solid(vertices, faces)
    assert cut.is_watertight and cut.is_winding_consistent  # no seam between a cut face and its neighbour
    assert cut.area == pytest.approx(shape.area) and cut.volume == pytest.approx(shape.volume)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)


def test_edges_stay_sharp_and_round_things_round():
    box = SHAPES["box"]
    normals = fine_mesh(box.vertices, box.faces, edge=0.01)[1]
    np.testing.assert_allclose(np.abs(normals).max(1), 1)  # of one face, never between two
    ball = SHAPES["ball"]
    vertices, normals, _ = fine_mesh(ball.vertices, ball.faces, edge=0.01)
    out = vertices / np.linalg.norm(vertices, axis=1, keepdims=True)
    assert (out * normals).sum(1).min() > 0.99


def test_a_mesh_that_is_fine_stays_as_it_is():
    ball = SHAPES["ball"]
    vertices, _, faces = fine_mesh(ball.vertices, ball.faces, edge=0.1)
    np.testing.assert_allclose(vertices[faces], ball.vertices[ball.faces])


@pytest.mark.parametrize("most", [500, 4000])
def test_never_more_faces_than_asked_for(most):
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.04)
    vertices, _, faces = fine_mesh(ball.vertices, ball.faces, edge=1e-4, most=most)
    assert most / 8 < len(faces) <= most
    assert np.abs(np.linalg.norm(vertices, axis=1) - 0.04).max() < 0.003


def test_carrying_a_smooth_value():
    ball = trimesh.creation.icosphere(subdivisions=5, radius=0.05)
    points = np.asarray(ball.vertices)
    places = np.asarray(trimesh.creation.icosphere(subdivisions=3, radius=0.05).vertices)[::3] * 0.999
    carry = carrier(points, points / 0.05, places, places / 0.05)
    truth = 0.5 + 0.5 * np.sin(40 * places[:, 0])
    np.testing.assert_allclose(carry(0.5 + 0.5 * np.sin(40 * points[:, 0])), truth, atol=0.02)
    np.testing.assert_allclose(carry(np.full(len(points), 0.3)), 0.3)


def test_a_thin_wall_has_two_sides():
    grid = np.stack(np.meshgrid(*[np.linspace(0, 0.05, 20)] * 2), -1).reshape(-1, 2)
    front, back = (np.column_stack((grid, np.full(len(grid), z))) for z in (0.0005, -0.0005))
    points = np.concatenate((front, back))
    normals = np.repeat([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]], len(grid), axis=0)
    values = np.repeat([1.0, 0.0], len(grid))
    np.testing.assert_allclose(carrier(points, normals, points, normals)(values), values, atol=1e-9)


def test_values_stay_between_the_least_and_the_largest():
    random = np.random.default_rng(0)
    points, places = random.normal(size=(200, 3)), random.normal(size=(50, 3))
    values = random.random(200)
    got = carrier(points, points, places, places)(values)
    assert values.min() <= got.min() and got.max() <= values.max()


def test_few_points_are_enough():
    points = np.eye(3)
    np.testing.assert_array_equal(carrier(points, points, points, points)(np.ones(3)), 1)


def test_where_a_mesh_stands():
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]], (1, 2, 3)
    one = np.array([[1.0, 0.0, 0.0]])
    mesh = PaintedMesh("a", one, one, np.zeros((1, 3), int), one, pose).in_world()
    assert mesh.vertices.tolist() == [[1, 3, 3]] and mesh.normals.tolist() == [[0, 1, 0]]
    np.testing.assert_array_equal(mesh.T_world_mesh, np.eye(4))
