"""Mass properties against the textbook."""

import numpy as np
import pytest
import trimesh

from handhold.objects import ObjectMesh
from handhold.objects.inertia import box_inertia, pieces_inertia, true_inertia


def solid(mesh: trimesh.Trimesh) -> ObjectMesh:
    return ObjectMesh.from_arrays(np.array(mesh.vertices), np.array(mesh.faces))


def box(size, centre) -> trimesh.Trimesh:
    mesh = trimesh.creation.box(size)
    mesh.apply_translation(centre)
    return mesh


def test_a_box():
    size, centre = np.array([0.1, 0.06, 0.03]), np.array([0.2, -0.1, 0.05])
    found = true_inertia(solid(box(size, centre)), density=400.0)
    assert found.mass == pytest.approx(400 * size.prod())
    np.testing.assert_allclose(found.centre, centre, atol=1e-12)
    same = box_inertia(centre - size / 2, centre + size / 2, mass=found.mass, centre=centre)
    np.testing.assert_allclose(found.tensor, same.tensor, atol=1e-12)
    x, y, z = size
    np.testing.assert_allclose(
        np.diag(same.tensor) * 12 / same.mass, [y * y + z * z, x * x + z * z, x * x + y * y]
    )


def test_a_ball_whatever_its_tessellation():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.04)
    found = true_inertia(solid(ball), density=1000.0)
    assert found.mass == pytest.approx(1000 * 4 / 3 * np.pi * 0.04**3, rel=5e-3)
    np.testing.assert_allclose(found.tensor, np.eye(3) * 0.4 * found.mass * 0.04**2, rtol=1e-2, atol=1e-9)


def test_an_open_mesh_has_none_and_its_pieces_have():
    whole = trimesh.creation.box([0.1, 0.05, 0.03])
    opened = ObjectMesh.from_arrays(np.array(whole.vertices), np.array(whole.faces[:-1]), mend=False)
    assert true_inertia(opened, density=400.0) is None
    parts = [box([0.05, 0.05, 0.03], [x, 0, 0]) for x in (-0.025, 0.025)]
    found = pieces_inertia([(np.array(p.vertices), np.array(p.faces)) for p in parts], density=400.0)
    np.testing.assert_allclose(
        found.tensor, true_inertia(solid(whole), density=400.0).tensor, rtol=1e-9, atol=1e-15
    )
    assert pieces_inertia([], density=400.0) is None
