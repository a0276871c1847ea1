"""Triangle meshes as tensors: normals, areas, edges, Laplacians, boundary loops; any batch axes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from handhold.errors import InputError


def corners(vertices: Tensor, faces: Tensor) -> Tensor:
    """The corners of each face, (*, M, 3 corners, 3), of vertices (*, N, 3) and faces (M, 3)."""
    return vertices[..., faces, :]


def face_vectors(vertices: Tensor, faces: Tensor) -> Tensor:
    """Face normals whose length is twice the face's area, (*, M, 3) [m²]."""
    a, b, c = corners(vertices, faces).unbind(-2)
    return torch.linalg.cross(b - a, c - a)


def face_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Unit face normals, (*, M, 3); zero for a face without area.

    Args:
        vertices: (*, N, 3) [m].
        faces: (M, 3) long, counter-clockwise seen from outside.
    """
    return _unit(face_vectors(vertices, faces))


def face_areas(vertices: Tensor, faces: Tensor) -> Tensor:
    """Face areas, (*, M) [m²]."""
    return 0.5 * torch.linalg.vector_norm(face_vectors(vertices, faces), dim=-1)


def face_centroids(vertices: Tensor, faces: Tensor) -> Tensor:
    """Face centroids, (*, M, 3) [m]."""
    return corners(vertices, faces).mean(-2)


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Unit vertex normals, area-weighted, (*, N, 3); zero for a vertex without faces."""
    return _unit(_onto_vertices(face_vectors(vertices, faces), faces, vertices.shape[-2]))


def vertex_areas(vertices: Tensor, faces: Tensor) -> Tensor:
    """A third of the area of each vertex's faces, (*, N) [m²]; they sum to the surface's area."""
    areas = face_areas(vertices, faces)[..., None] / 3
    return _onto_vertices(areas, faces, vertices.shape[-2]).squeeze(-1)


def enclosed_volume(vertices: Tensor, faces: Tensor) -> Tensor:
    """Signed volume of closed meshes, (*) [m³]; positive where faces look outward."""
    centred = vertices - vertices.mean(-2, keepdim=True)  # far from the origin the sum would cancel badly
    a, b, c = corners(centred, faces).unbind(-2)
    return (torch.linalg.cross(a, b) * c).sum((-1, -2)) / 6


def unique_edges(faces: Tensor) -> Tensor:
    """Edges of a mesh, (E, 2) long, each once, lower index first."""
    half = torch.cat((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]))
    return torch.unique(half.sort(1).values, dim=0)


def uniform_laplacian(faces: Tensor, count: int, *, dtype=torch.float32) -> Tensor:
    """Sparse (count, count) L with L x = mean of the neighbours minus x; zero rows for lone vertices."""
    edges = unique_edges(faces)
    weights = torch.ones(len(edges), dtype=dtype, device=faces.device)
    return _laplacian(edges, weights, count)


def cotangent_laplacian(vertices: Tensor, faces: Tensor) -> Tensor:
    """Sparse (N, N) matrix L with L x = cotangent-weighted mean of the neighbours minus x.

    Negative weights, which obtuse triangles give, are clamped: smoothing must never push a vertex away.

    Args:
        vertices: (N, 3), one mesh [m].
        faces: (M, 3) long.
    """
    edges, weights = [], []
    at = corners(vertices, faces)
    for k in range(3):  # the angle at corner k weighs the edge opposite to it
        one, two = at[:, (k + 1) % 3] - at[:, k], at[:, (k + 2) % 3] - at[:, k]
        sine = torch.linalg.vector_norm(torch.linalg.cross(one, two), dim=-1)
        cotangent = (one * two).sum(-1) / sine.clamp_min(torch.finfo(vertices.dtype).tiny)
        edges.append(faces[:, [(k + 1) % 3, (k + 2) % 3]].sort(1).values)
        weights.append(0.5 * cotangent)
    unique, inverse = torch.unique(torch.cat(edges), dim=0, return_inverse=True)
    summed = vertices.new_zeros(len(unique)).index_add(0, inverse, torch.cat(weights))
    largest = summed.abs().median() * 100  # a sliver's cotangent would drown all its neighbours
    return _laplacian(unique, summed.clamp_min(0).minimum(largest), len(vertices))


def boundary_loops(faces: np.ndarray) -> list[np.ndarray]:
    """Closed loops of edges that only one face uses, each in the direction of its faces.

    Where loops touch in a vertex they are told apart, so no loop visits a vertex twice.
    """
    half = np.concatenate((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]))
    key = half.min(1) * (int(faces.max(initial=0)) + 1) + half.max(1)
    _, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
    onward: dict[int, list[int]] = {}
    for a, b in half[count[inverse] == 1].tolist():
        onward.setdefault(a, []).append(b)
    loops = []
    for start in list(onward):
        while onward.get(start):
            loops.extend(_walk(start, onward))
    return loops


def close_boundary(vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
    """Close every boundary loop with a fan around one new vertex in its middle.

    Args:
        vertices: (*, N, 3) [m].
        faces: (M, 3) long, consistently wound.

    Returns:
        Vertices (*, N + L, 3) and faces (M + K, 3) of L loops with K edges in all; the first N and M are the
        input's.
    """
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise InputError("wrong shape", where="faces", expected="(M, 3)", got=tuple(faces.shape))
    new_vertices, new_faces = [vertices], [faces]
    for number, loop in enumerate(boundary_loops(faces.cpu().numpy())):
        rim = torch.as_tensor(loop, device=faces.device, dtype=faces.dtype)
        new_vertices.append(vertices[..., rim, :].mean(-2, keepdim=True))
        middle = torch.full_like(rim, vertices.shape[-2] + number)
        new_faces.append(torch.stack((rim.roll(-1), rim, middle), 1))
    return torch.cat(new_vertices, -2), torch.cat(new_faces)


def _walk(start: int, onward: dict[int, list[int]]) -> list[np.ndarray]:
    """Follow edges from a vertex until they end, splitting off a loop whenever a vertex comes again."""
    loops, path, place = [], [start], {start: 0}
    while onward.get(path[-1]):
        vertex = onward[path[-1]].pop()
        if vertex in place:
            first = place[vertex]
            loops.append(np.array(path[first:]))
            for gone in path[first + 1 :]:
                del place[gone]
            del path[first + 1 :]
        else:
            place[vertex] = len(path)
            path.append(vertex)
    return loops


def _onto_vertices(values: Tensor, faces: Tensor, count: int) -> Tensor:
    """Sum values of faces (*, M, C) onto their vertices, (*, count, C)."""
    spread = values[..., None, :].expand(*values.shape[:-1], 3, values.shape[-1]).flatten(-3, -2)
    zero = values.new_zeros(*values.shape[:-2], count, values.shape[-1])
    return zero.index_add(-2, faces.reshape(-1), spread)


def _laplacian(edges: Tensor, weights: Tensor, count: int) -> Tensor:
    both = torch.cat((edges, edges.flip(1)))
    weights = torch.cat((weights, weights))
    total = weights.new_zeros(count).index_add(0, both[:, 0], weights)
    normalized = weights / total.clamp_min(torch.finfo(weights.dtype).tiny)[both[:, 0]]
    used = torch.nonzero(total > 0).squeeze(1)
    index = torch.cat((both, torch.stack((used, used), 1))).T
    values = torch.cat((normalized, -torch.ones_like(total[used])))
    return torch.sparse_coo_tensor(index, values, (count, count), check_invariants=True).coalesce()


def _unit(vectors: Tensor) -> Tensor:
    # The smallest float, not an epsilon in metres: millimetre faces have areas of 1e-12 m².
    length = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / length.clamp_min(torch.finfo(vectors.dtype).tiny)
