"""Points inside meshes against winding numbers, and voxels against trimesh's own."""

import igl
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from handhold.errors import InputError
from handhold.geometry import voxels
from handhold.geometry.voxels import VoxelBlock, inside_grid, solid_block, surface_voxels


def lumpy(seed: int, *, subdivisions: int = 3, radius: float = 0.04) -> tuple[np.ndarray, np.ndarray]:
    """A ball with bumps and hollows."""
    mesh, random = trimesh.creation.icosphere(subdivisions), np.random.default_rng(seed)
    bumps = np.sin(4 * mesh.vertices @ random.normal(size=(3, 3))).mean(1)
    vertices = mesh.vertices * (radius * (1 + 0.4 * bumps))[:, None] + random.normal(size=3) * 0.01
    return vertices, np.array(mesh.faces)


def axes_around(vertices: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y, z = (np.arange(a, b, step) for a, b in zip(vertices.min(0) - 0.004, vertices.max(0) + 0.004))
    return x, y, z


def points_of(axes) -> np.ndarray:
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)


def joined(*meshes) -> tuple[np.ndarray, np.ndarray]:
    counts = np.cumsum([0, *(len(m.vertices) for m in meshes)])
    faces = [np.asarray(m.faces) + n for m, n in zip(meshes, counts)]
    return np.concatenate([m.vertices for m in meshes]), np.concatenate(faces)


@pytest.mark.parametrize("seed", range(6))
def test_points_are_inside_where_the_exact_winding_number_says_so(seed):
    vertices, faces = lumpy(seed)
    axes = axes_around(vertices, 0.003)
    points = points_of(axes)
    winding = igl.winding_number(vertices, faces, points)
    assert np.abs(winding - np.round(winding)).max() < 1e-6
    np.testing.assert_array_equal(inside_grid(vertices, faces, axes).reshape(-1), winding > 0.5)


def test_a_torus_has_its_hole():
    mesh = trimesh.creation.torus(0.04, 0.013)
    mesh.apply_transform(trimesh.transformations.rotation_matrix(0.7, [1, 2, 3]))
    axes = axes_around(mesh.vertices, 0.004)
    inside = igl.winding_number(mesh.vertices, mesh.faces, points_of(axes)) > 0.5
    assert not mesh.contains([mesh.centroid])[0]
    np.testing.assert_array_equal(inside_grid(mesh.vertices, mesh.faces, axes).reshape(-1), inside)


@pytest.mark.parametrize("turned", [False, True])
def test_a_box_on_the_grid_holds_as_many_points_as_its_size_says(turned):
    """Every point of the boundary lies exactly on faces, edges and corners; each pair of sides keeps one."""
    mesh = trimesh.creation.box((6, 4, 5))
    faces = np.array(mesh.faces)
    if turned:  # the other diagonals
        mesh = trimesh.creation.box((6, 4, 5), transform=np.diag([-1.0, 1, 1, 1]))
        faces = np.array(mesh.faces)
    axes = tuple(np.arange(-4.0, 5) for _ in range(3))
    shifted = mesh.vertices + np.array([0, 0, 0.5])
    inside = inside_grid(shifted, faces, axes)
    x, y, z = (axis[inside.any(other)] for axis, other in zip(axes, ((1, 2), (0, 2), (0, 1))))
    assert inside.sum() == 6 * 4 * 5 == len(x) * len(y) * len(z)
    assert (x[0], x[-1], y[0], y[-1], z[0], z[-1]) == (-3, 2, -2, 1, -2, 2)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(*[st.integers(-3, 3)] * 3), min_size=4, max_size=12), st.integers(0, 9))
def test_meshes_with_corners_on_the_grid_leave_no_columns_open(corners, seed):
    """Whole coordinates, columns through every corner and many edges: the winding must end at zero all the same."""
    vertices = np.array(corners, float)
    random = np.random.default_rng(seed)
    tetrahedra = random.integers(0, len(vertices), (3, 4))
    faces = np.concatenate([t[[[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]]] for t in tetrahedra])
    axis = np.arange(-4.0, 5)
    below = voxels._winding(vertices[faces], axis, axis, np.array([-9.0]))
    assert not below.any()
    beside = (axis + 2**0.5 / 5, axis + 3**0.5 / 7, axis + 5**0.5 / 11)  # on no plane of whole coordinates
    truth = igl.winding_number(vertices, faces, points_of(beside))
    found = voxels._winding(vertices[faces], *beside).reshape(-1)
    np.testing.assert_array_equal(found, np.round(truth))


def test_what_lies_in_two_shells_counts_once_and_a_cavity_not_at_all():
    big, small = trimesh.creation.box((8, 8, 8)), trimesh.creation.box((4, 4, 4))
    axes = tuple(np.arange(-9.5, 10) for _ in range(3))
    assert inside_grid(*joined(big, small), axes).sum() == 512
    beside = trimesh.creation.box((8, 8, 8), transform=trimesh.transformations.translation_matrix([4, 0, 0]))
    assert inside_grid(*joined(big, beside), axes).sum() == 12 * 8 * 8
    small.invert()
    assert inside_grid(*joined(big, small), axes).sum() == 512 - 64


def test_work_in_portions_changes_nothing(monkeypatch):
    vertices, faces = lumpy(1)
    axes = axes_around(vertices, 0.004)
    whole = inside_grid(vertices, faces, axes)
    monkeypatch.setattr(voxels, "CELLS", 150)
    np.testing.assert_array_equal(inside_grid(vertices, faces, axes), whole)
    assert whole.any()


def test_uneven_axes_single_points_and_far_grids():
    vertices, faces = lumpy(2)
    axes = tuple(np.sort(np.random.default_rng(0).uniform(-0.06, 0.06, 15)) for _ in range(3))
    truth = igl.winding_number(vertices, faces, points_of(axes)) > 0.5
    np.testing.assert_array_equal(inside_grid(vertices, faces, axes).reshape(-1), truth)
    assert inside_grid(vertices, faces, tuple(np.array([c]) for c in vertices.mean(0))).all()
    assert not inside_grid(vertices, faces, tuple(axis + 1 for axis in axes)).any()
    assert inside_grid(vertices, faces, (axes[0], np.zeros(0), axes[2])).shape == (15, 0, 15)


def test_bad_grids_are_told():
    vertices, faces = lumpy(0)
    axis = np.arange(3.0)
    with pytest.raises(InputError, match="axes: y"):
        inside_grid(vertices, faces, (axis, axis[::-1], axis))
    with pytest.raises(InputError, match="not finite"):
        inside_grid(np.where(vertices > vertices.max() - 1e-9, np.nan, vertices), faces, (axis, axis, axis))
    with pytest.raises(InputError, match="far too large"):
        surface_voxels(vertices * 1000, faces, pitch=0.005)
    with pytest.raises(InputError, match="far too large"):
        surface_voxels(np.array([[0.0, 0, 0], [9, 0, 0], [0, 0.01, 0]]), np.array([[0, 1, 2]]), pitch=0.005)
    with pytest.raises(InputError, match="far too large"):
        solid_block(vertices * 100, faces, origin=100 * vertices[0], pitch=0.0002, radius=20)


def test_surface_voxels_are_trimeshs_points_to_the_last_bit():
    vertices, faces = lumpy(3)
    cells, axes = surface_voxels(vertices, faces, pitch=0.005)
    ours = np.stack([axis[cells[:, k]] for k, axis in enumerate(axes)], -1)
    theirs = trimesh.Trimesh(vertices, faces).voxelized(0.005).points
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])


@pytest.mark.parametrize("radius", [40, 14])
@pytest.mark.parametrize("shape", ["ball", "box", "rod", "bottle"])
def test_solid_blocks_are_trimeshs_local_voxels(shape, radius):
    """Also where the mesh leaves the cube, and where a pocket within it is filled."""
    mesh = trimesh.Trimesh(*lumpy(4))
    if shape == "box":  # on the grid: half of its corners lie between voxels
        mesh = trimesh.creation.box((0.03, 0.025, 0.05))
    if shape == "rod":
        mesh = trimesh.creation.cylinder(0.01, 0.12, sections=12)
    if shape == "bottle":
        mesh = trimesh.creation.icosphere(2, radius=0.03)
        mesh = trimesh.Trimesh(*joined(mesh, trimesh.Trimesh(mesh.vertices * 0.6, mesh.faces[:, ::-1])))
    origin = mesh.vertices.mean(0) + np.array([0.001, 0.002, 0.003])
    theirs = trimesh.voxel.creation.local_voxelize(mesh, origin, 0.002, radius).fill().matrix
    ours = solid_block(mesh.vertices, mesh.faces, origin=origin, pitch=0.002, radius=radius)
    assert ours is not None
    whole = np.zeros_like(theirs)
    low = ours.low + radius
    whole[tuple(slice(a, a + n) for a, n in zip(low, ours.filled.shape))] = ours.filled
    np.testing.assert_array_equal(whole, theirs)
    assert 0 < theirs.sum() < theirs.size


def test_a_mesh_outside_the_cube_has_no_block():
    vertices, faces = lumpy(0)
    assert solid_block(vertices, faces, origin=np.array([0.5, 0, 0]), pitch=0.002, radius=50) is None


def test_blocks_share_what_both_fill():
    a = VoxelBlock(np.ones((3, 4, 5), bool), np.array([0, 0, 0]))
    assert a.shared(VoxelBlock(np.ones((2, 2, 2), bool), np.array([2, -1, 4]))) == 1
    assert a.shared(VoxelBlock(np.ones((2, 2, 2), bool), np.array([3, 0, 0]))) == 0
    assert a.shared(VoxelBlock(np.eye(3, dtype=bool)[:, :, None], np.array([0, 0, 2]))) == 3
