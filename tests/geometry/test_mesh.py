"""Mesh quantities against analytic shapes."""

import math

import numpy as np
import pytest
import torch
import trimesh

from handhold.geometry import mesh as gm


def tensors(mesh) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(np.array(mesh.vertices)), torch.tensor(np.array(mesh.faces))


SPHERE = tensors(trimesh.creation.icosphere(4, radius=0.05))


def test_areas_and_volume_of_a_sphere():
    vertices, faces = SPHERE
    area = 4 * math.pi * 0.05**2
    assert gm.face_areas(vertices, faces).sum().item() == pytest.approx(area, rel=5e-3)
    torch.testing.assert_close(gm.vertex_areas(vertices, faces).sum(), gm.face_areas(vertices, faces).sum())
    volume = gm.enclosed_volume(vertices + 100, faces).item()
    assert volume == pytest.approx(4 / 3 * math.pi * 0.05**3, rel=5e-3)
    assert gm.enclosed_volume(vertices, faces.flip(1)).item() == pytest.approx(-volume, rel=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1.0], ids=["micrometres", "metres"])
def test_normals_point_outward_whatever_the_scale(scale):
    vertices, faces = SPHERE[0].float() * scale, SPHERE[1]
    outward = torch.nn.functional.normalize(vertices, dim=-1)
    assert (gm.vertex_normals(vertices, faces) * outward).sum(-1).min() > 0.999
    centroids = torch.nn.functional.normalize(gm.face_centroids(vertices, faces), dim=-1)
    assert (gm.face_normals(vertices, faces) * centroids).sum(-1).min() > 0.999


def test_batch_equals_single():
    faces = SPHERE[1]
    batch = torch.stack((SPHERE[0], SPHERE[0] * 2 + 1, SPHERE[0].flip(1)))[None]
    for function in (gm.face_normals, gm.face_areas, gm.vertex_normals, gm.vertex_areas, gm.enclosed_volume):
        torch.testing.assert_close(function(batch, faces)[0, 1], function(batch[0, 1], faces))


def test_normals_are_differentiable():
    vertices = torch.rand(4, 3, dtype=torch.float64, requires_grad=True)
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    assert torch.autograd.gradcheck(lambda v: gm.vertex_normals(v, faces), vertices)


def test_edges_of_a_closed_surface():
    vertices, faces = SPHERE
    edges = gm.unique_edges(faces)
    assert len(vertices) - len(edges) + len(faces) == 2  # Euler
    assert (edges[:, 0] < edges[:, 1]).all()


def test_laplacians():
    vertices, faces = SPHERE
    for matrix in (
        gm.uniform_laplacian(faces, len(vertices) + 1, dtype=torch.float64),
        gm.cotangent_laplacian(vertices, faces),
    ):
        constant = torch.ones(matrix.shape[1], 1, dtype=torch.float64)
        assert (matrix @ constant).abs().max() < 1e-12
    # On a sphere the cotangent Laplacian of the position points inward along the normal.
    pull = gm.cotangent_laplacian(vertices, faces) @ vertices
    inward = -torch.nn.functional.normalize(vertices, dim=-1)
    assert torch.nn.functional.cosine_similarity(pull, inward).min() > 0.99


@pytest.mark.parametrize("missing", [[0], [0, 1], [0, 37, 100], list(range(40))])
def test_closing_gives_a_closed_outward_surface(missing):
    vertices, faces = SPHERE
    kept = torch.ones(len(faces), dtype=torch.bool)
    kept[missing] = False
    new_vertices, new_faces = gm.close_boundary(vertices, faces[kept])
    torch.testing.assert_close(new_vertices[: len(vertices)], vertices)
    assert (new_faces[: int(kept.sum())] == faces[kept]).all()
    closed = trimesh.Trimesh(new_vertices.numpy(), new_faces.numpy(), process=False)
    assert closed.is_watertight and closed.is_winding_consistent
    full = gm.enclosed_volume(vertices, faces)
    assert 0.8 * full < gm.enclosed_volume(new_vertices, new_faces) < 1.01 * full


def test_closing_carries_batches_and_leaves_closed_meshes_alone():
    vertices, faces = SPHERE
    batch = torch.stack((vertices, vertices * 2))
    closed, same = gm.close_boundary(batch, faces)
    assert closed.shape == batch.shape and (same == faces).all()
    opened, more = gm.close_boundary(batch, faces[1:])
    assert opened.shape == (2, len(vertices) + 1, 3) and len(more) == len(faces) + 2
    torch.testing.assert_close(opened[1, -1], 2 * opened[0, -1])


def test_loops_that_touch_are_told_apart():
    grid = np.arange(25).reshape(5, 5)
    quads = {(i, j): grid[i : i + 2, j : j + 2] for i in range(4) for j in range(4)}
    faces = [
        f
        for k, q in quads.items()
        if k not in {(1, 1), (2, 2)}
        for f in ((q[0, 0], q[0, 1], q[1, 1]), (q[0, 0], q[1, 1], q[1, 0]))
    ]
    loops = gm.boundary_loops(np.array(faces))
    assert sorted(len(loop) for loop in loops) == [4, 4, 16]
    assert all(len(set(loop.tolist())) == len(loop) for loop in loops)
