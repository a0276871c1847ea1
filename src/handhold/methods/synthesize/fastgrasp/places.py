"""Where thumbs are to touch: places on an object, spread over what may be held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.methods.synthesize.holdable import OPEN_SKY, bare_points, exposure, faces_of_part, mesh_of
from handhold.models.grasp_rows import ObjectRows, Placed, place_at
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

RESOLUTION, POINTS, PART_POINTS = 48, 2048, 128
"""As in training (`data.grasp_rows`)."""


@dataclass(frozen=True, eq=False)
class Scene:
    """An object as the model sees it.

    Attributes:
        mesh: the object.
        rows: the same, one object.
        face: (P,) the face of each of its points.
        places: (n,) long, points where a thumb may touch.
        part: whether a part is asked for: row 0 of the part points, else none.
        forbidden: (M,) bool, faces that are not to be touched, as parts have it.
    """

    mesh: ObjectMesh
    rows: ObjectRows
    face: np.ndarray
    places: Tensor
    part: bool
    forbidden: np.ndarray


def see(obj: ObjectMesh | PartedObject, *, part: str | None, count: int, generator: torch.Generator) -> Scene:
    """Prepare an object.

    Args:
        obj: the object.
        part: the part that thumbs are to touch; None for all that may be held.
        count: about how many places will be drawn; so many are looked at whether they lie in a hollow.
        generator: source of randomness.

    Raises:
        InputError: no such part, no finger belongs on it, or there is no place that may be held.
    """
    mesh = mesh_of(obj)
    forbidden = np.zeros(len(mesh.faces), bool)
    if isinstance(obj, PartedObject):
        forbidden = ~np.array([p.hold for p in obj.parts])[obj.face_parts]
    points, normals, face = bare_points(mesh, generator, count=POINTS)
    part_points = np.zeros((0, PART_POINTS, 3))
    wanted = ~forbidden[face]
    if part is not None:
        on = np.flatnonzero(faces_of_part(obj, part)[face])
        assert isinstance(obj, PartedObject)
        part_points = obj.part_points(part, PART_POINTS, generator).points.numpy()[None]
        wanted = np.isin(np.arange(len(face)), on)
    if not wanted.any():
        raise InputError("there is no place on it that may be held", where=mesh.name)
    as_rows = lambda values: torch.from_numpy(values).float()
    rows = ObjectRows(
        as_rows(points)[None],
        as_rows(normals)[None],
        mesh.grid(resolution=RESOLUTION),
        as_rows(part_points),
        (mesh.name,),
    )
    chosen = torch.from_numpy(np.flatnonzero(wanted))
    chosen = chosen[torch.randperm(len(chosen), generator=generator)[: max(2 * count, 64)]]
    if not isinstance(obj, PartedObject):
        sky = exposure(mesh, points[chosen], normals[chosen]) >= OPEN_SKY
        chosen = chosen[torch.from_numpy(sky)] if sky.any() else chosen
    return Scene(mesh, rows, face, chosen, part is not None, forbidden)


def draw_places(scene: Scene, *, count: int, mirrored: bool, generator: torch.Generator) -> Placed:
    """Places for `count` thumbs, every one before any comes twice, their frames turned at random.

    Args:
        scene: the object.
        count: how many.
        mirrored: whether the hand is a left one.
        generator: source of randomness.
    """
    rounds = -(-count // len(scene.places))
    order = torch.cat([torch.randperm(len(scene.places), generator=generator) for _ in range(rounds)])
    turn = 2 * torch.pi * torch.rand(count, generator=generator)
    zeros = torch.zeros(count, dtype=torch.long)
    point = scene.places[order[:count]]
    return place_at(scene.rows, zeros, point, torch.full((count,), mirrored), turn)
