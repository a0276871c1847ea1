import numpy as np
import pytest
import trimesh

from handhold.geometry.finer import split_long_edges


def edges_of(mesh) -> np.ndarray:
    return np.linalg.norm(np.diff(mesh.vertices[mesh.edges_unique], axis=1)[:, 0], axis=-1)


@pytest.mark.parametrize("longest", [0.9, 0.2, 0.06])
@pytest.mark.parametrize(
    "shape",
    [
        trimesh.creation.box((1, 0.3, 0.1)),
        trimesh.creation.cylinder(0.1, 1.0, sections=40),
        trimesh.creation.cone(0.3, 1.0, sections=7),
    ],
)
def test_it_is_the_same_closed_surface(shape, longest):
    vertices, faces, origin = split_long_edges(shape.vertices, shape.faces, longest=longest)
    finer = trimesh.Trimesh(vertices, faces, process=False)
    assert edges_of(finer).max() <= longest
    assert finer.is_watertight and finer.is_winding_consistent and finer.euler_number == 2
    assert finer.volume == pytest.approx(shape.volume) and finer.area == pytest.approx(shape.area)
    np.testing.assert_array_equal(vertices[: len(shape.vertices)], shape.vertices)
    assert len(np.unique(vertices, axis=0)) == len(vertices)
    # each piece lies in the face that it is said to be of: same plane, and all of its area together
    np.testing.assert_allclose(np.bincount(origin, finer.area_faces), shape.area_faces)
    np.testing.assert_allclose((finer.face_normals * shape.face_normals[origin]).sum(-1), 1, atol=1e-9)


@pytest.mark.parametrize("lengths", [(1, 1, 1), (3, 3, 1), (3, 2.9, 2.8), (1.9, 1.2, 1.2)])
def test_every_way_to_cut_one_triangle(lengths):
    a, b, c = lengths
    x = (a * a + b * b - c * c) / (2 * a)
    corners = np.array([[0, 0, 0], [a, 0, 0], [x, np.sqrt(b * b - x * x), 0]])
    for turn in range(3):
        vertices, faces, origin = split_long_edges(corners, np.roll([[0, 1, 2]], turn, 1), longest=1.5)
        ends = vertices[faces]
        area = np.cross(ends[:, 1] - ends[:, 0], ends[:, 2] - ends[:, 0])[:, 2] / 2
        assert (area > 0).all() and area.sum() == pytest.approx(a * corners[2, 1] / 2)
        assert (origin == 0).all()


def test_nothing_is_done_where_nothing_is_long():
    shape = trimesh.creation.icosphere()
    vertices, faces, origin = split_long_edges(shape.vertices, shape.faces, longest=1.0)
    np.testing.assert_array_equal(faces, shape.faces)
    np.testing.assert_array_equal(vertices, shape.vertices)
    np.testing.assert_array_equal(origin, np.arange(len(faces)))


def test_open_edges_and_sheets_that_share_one():
    three = np.array([[0, 1, 2], [1, 0, 3], [0, 1, 4]])  # like a book with three pages
    corners = np.array([[0, 0, 0], [1, 0, 0], [0.5, 1, 0], [0.5, -1, 0], [0.5, 0, 1]], float)
    vertices, faces, _ = split_long_edges(corners, three, longest=0.3)
    finer = trimesh.Trimesh(vertices, faces, process=False)
    assert edges_of(finer).max() <= 0.3 and finer.area == pytest.approx(1.5)
    spine = np.unique(finer.edges_unique[(np.abs(vertices[finer.edges_unique][..., 1:]) < 1e-12).all((1, 2))])
    assert len(spine) == 5  # the pages meet in the same vertices
