"""Points spread over surfaces."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.geometry.mesh import corners, face_areas, face_normals


@dataclass(frozen=True)
class SurfacePoints:
    """Points on a surface.

    Attributes:
        points: (n, 3) [m].
        normals: (n, 3) unit normals of their faces.
        face: (n,) long, the face of each.
        barycentric: (n, 3) weights of the face's corners.
    """

    points: Tensor
    normals: Tensor
    face: Tensor
    barycentric: Tensor


def sample_surface(
    vertices: Tensor, faces: Tensor, *, count: int, generator: torch.Generator | None = None
) -> SurfacePoints:
    """Points drawn evenly by area; stratified, so the share of every region is right to one point.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3) long.
        count: how many points.
        generator: source of randomness, on the vertices' device.

    Raises:
        InputError: the surface has no area, or the count is negative.
    """
    areas = face_areas(vertices, faces).to(torch.float64)
    if count < 0 or not areas.sum() > 0:
        raise InputError("nothing to sample from", expected="a surface with area and a count of 0 or more")
    # One draw in each of `count` equal slices of the cumulative area.
    draws = torch.rand(count, generator=generator, device=vertices.device, dtype=torch.float64)
    slices = (torch.arange(count, device=vertices.device) + draws) / max(count, 1)
    cumulative = areas.cumsum(0)
    face = torch.searchsorted(cumulative, slices * cumulative[-1], right=True).clamp_max(len(faces) - 1)
    u, v = torch.rand(2, count, generator=generator, device=vertices.device, dtype=vertices.dtype)
    root = u.sqrt()
    weights = torch.stack((1 - root, root * (1 - v), root * v), 1)
    points = (corners(vertices, faces[face]) * weights[..., None]).sum(1)
    return SurfacePoints(points, face_normals(vertices, faces[face]), face, weights)


def farthest_points(points: Tensor, *, count: int, start: int = 0) -> Tensor:
    """Indices (count,) of points chosen so that each is as far as can be from those before it.

    Args:
        points: (n, 3) [m].
        count: how many, at most n.
        start: index of the first.

    Raises:
        InputError: more points asked for than there are.
    """
    if not 0 < count <= len(points):
        raise InputError("cannot choose so many points", expected=f"1 to {len(points)}", got=count)
    chosen = torch.empty(count, dtype=torch.long, device=points.device)
    nearest = torch.full((len(points),), torch.inf, dtype=points.dtype, device=points.device)
    current = torch.tensor(start, device=points.device)
    for step in range(count):
        chosen[step] = current
        nearest = nearest.minimum((points - points[current]).square().sum(-1))
        current = nearest.argmax()
    return chosen
