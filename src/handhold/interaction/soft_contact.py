"""Soft tissue where a hand meets an object: skin yields to the surface, smoothly and within bounds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.geometry.mesh import face_vectors, uniform_laplacian
from handhold.interaction.flesh import THIN, behind_walls
from handhold.interaction.rows import Rows


@dataclass(frozen=True)
class SoftContactConfig:
    """Settings of `yield_to`.

    Attributes:
        cap: the most that a vertex may move [m].
        margin: how far outside the surface skin comes to rest [m].
        passes: how often skin is pushed out; between the first and the last time it is evened too.
        smooth: how much a vertex follows its neighbours in each pass, 0 to 1.
        reach: skin further from the surface than this takes no part [m].
    """

    cap: float = 0.0058
    margin: float = 0.0003
    passes: int = 5
    smooth: float = 0.5
    reach: float = 0.002

    def __post_init__(self) -> None:
        for name in ("cap", "margin", "reach"):
            if not getattr(self, name) >= 0:
                raise InputError(
                    "must not be negative", where=f"SoftContactConfig.{name}", got=getattr(self, name)
                )
        if not 0 <= self.smooth <= 1:
            raise InputError(
                "out of range", where="SoftContactConfig.smooth", expected="0 to 1", got=self.smooth
            )
        if self.passes < 1:
            raise InputError("must be at least 1", where="SoftContactConfig.passes", got=self.passes)


def yield_to(
    rows: Rows,
    vertices: Tensor,
    *,
    flesh: Tensor | None = None,
    config: SoftContactConfig = SoftContactConfig(),
) -> Tensor:
    """Offsets (B, V, 3) [m] that take skin out of the objects.

    Vertices and face centres inside are moved along the gradient of the distance; around them skin follows, so
    that the offsets are smooth; no offset is longer than `cap`, and where a face would turn over, offsets shrink.

    Args:
        rows: the objects.
        vertices: (B, V, 3) in the objects' frames [m].
        flesh: (B, V, 3) the bone point of each vertex [m]; with it, skin beyond a thin wall is taken back too.
        config: settings.
    """
    faces = rows.hand.faces
    distance, gradient = rows.near_distance(vertices, THIN)
    offsets = torch.zeros_like(vertices)
    if flesh is not None:
        wall = behind_walls(rows, vertices, flesh, distance, gradient)
        offsets = _back_through_walls(vertices, *wall, config)
    near = (distance < config.reach) | (offsets != 0).any(-1)
    touched = near[:, faces].any(-1)
    vertex_row, vertex = torch.nonzero(near, as_tuple=True)
    face_row, face = torch.nonzero(touched, as_tuple=True)
    if not len(vertex_row):
        return offsets
    neighbours = _neighbour_mean(faces, vertices.shape[1], vertices)
    for k in range(config.passes):
        if 0 < k < config.passes - 1:
            offsets = torch.lerp(offsets, neighbours(offsets), config.smooth)
        offsets = offsets + _push(
            rows, vertices + offsets, config, faces, (vertex_row, vertex), (face_row, face)
        )
        offsets = capped(offsets, config.cap)
    return unfolded(vertices, offsets, faces)


def _back_through_walls(
    vertices: Tensor, index, beyond: Tensor, normal: Tensor, config: SoftContactConfig
) -> Tensor:
    """Offsets (B, V, 3) of skin beyond a thin wall to the wall's near face, as far as the cap reaches."""
    offsets = torch.zeros_like(vertices)
    mends = beyond + config.margin < config.cap
    index = (index[0][mends], index[1][mends])
    return offsets.index_put(index, (beyond[mends] + config.margin)[:, None] * normal[mends])


def _push(rows: Rows, skin: Tensor, config: SoftContactConfig, faces, own, own_faces) -> Tensor:
    """Displacement (B, V, 3) that takes vertices, then face centres, to the margin."""
    push = torch.zeros_like(skin)
    row, vertex = own
    distance, normal = rows.distance_at(skin[row, vertex], row)
    push[row, vertex] = (config.margin - distance).clamp_min(0)[:, None] * normal
    row, face = own_faces
    centre = (skin + push)[row[:, None], faces[face]].mean(1)
    distance, normal = rows.distance_at(centre, row)
    short = (config.margin - distance).clamp_min(0)
    rise = short[:, None] * normal
    lifted = torch.zeros_like(skin)
    most = torch.zeros(skin.shape[:2], dtype=skin.dtype, device=skin.device)
    for k in range(3):  # a vertex follows the face around it that asks for most
        corner = faces[face][:, k]
        most.view(-1).scatter_reduce_(0, row * skin.shape[1] + corner, short, "amax")
    for k in range(3):
        corner = faces[face][:, k]
        asks = (short > 0) & (short >= most[row, corner])
        lifted[row[asks], corner[asks]] = rise[asks]
    return push + lifted


def capped(offsets: Tensor, cap: float) -> Tensor:
    """Offsets (*, 3) no longer than `cap` [m]."""
    length = offsets.norm(dim=-1, keepdim=True)
    return offsets * (cap / length.clamp_min(cap))


def _neighbour_mean(faces: Tensor, count: int, like: Tensor):
    """A function that averages (B, V, 3) over each vertex's neighbours."""
    laplacian = uniform_laplacian(faces, count, dtype=like.dtype)

    def mean(values: Tensor) -> Tensor:
        flat = values.transpose(0, 1).reshape(count, -1)
        return (flat + laplacian @ flat).reshape(count, -1, 3).transpose(0, 1)

    return mean


def unfolded(vertices: Tensor, offsets: Tensor, faces: Tensor, *, rounds: int = 40) -> Tensor:
    """Offsets made common to the corners of each face that they would turn over; in the end, shrunk there."""
    before = face_vectors(vertices, faces)
    offsets = offsets.clone()
    flat = offsets.view(-1, 3)
    for k in range(rounds):
        after = face_vectors(vertices + offsets, faces)
        row, face = torch.nonzero((before * after).sum(-1) <= 0, as_tuple=True)
        if not len(row):
            break
        corner = (row[:, None] * offsets.shape[1] + faces[face]).flatten()
        common = flat[corner].view(-1, 3, 3).mean(1).repeat_interleave(3, 0)
        total = torch.zeros_like(flat).index_add_(0, corner, common)
        count = torch.zeros_like(flat[:, 0]).index_add_(0, corner, torch.ones_like(common[:, 0]))
        flat[corner] = total[corner] / count[corner, None] * (1.0 if k < rounds // 2 else 0.8)
    return offsets
