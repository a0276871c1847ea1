"""Where hands are to go: places on an object, spread over what may be held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.methods.synthesize.holdable import (
    OPEN_SKY,
    bare_points,
    centre_of_mass,
    exposure,
    faces_of_part,
    mesh_of,
)
from handhold.models.grasp_rows import PART_POINTS, POINTS, RESOLUTION, ObjectRows, Placed, place_at
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject


@dataclass(frozen=True, eq=False)
class Scene:
    """An object as models see it.

    Attributes:
        mesh: the object.
        rows: the same, one object.
        centre: (3,) its centre of mass [m].
        places: (n,) long, points where a hand may touch.
        part: whether a part is asked for: row 0 of the part points, else none.
    """

    mesh: ObjectMesh
    rows: ObjectRows
    centre: Tensor
    places: Tensor
    part: bool


def see(obj: ObjectMesh | PartedObject, *, part: str | None, count: int, generator: torch.Generator) -> Scene:
    """Prepare an object.

    Args:
        obj: the object.
        part: the part that hands are to touch; None for all that may be held.
        count: about how many places will be drawn; so many are looked at whether they lie in a hollow.
        generator: source of randomness.

    Raises:
        InputError: no such part, no finger belongs on it, or there is no place that may be held.
    """
    mesh = mesh_of(obj)
    points, normals, face = bare_points(mesh, generator, count=POINTS)
    wanted = np.ones(len(points), bool)
    if isinstance(obj, PartedObject):
        wanted = np.array([p.hold for p in obj.parts])[obj.face_parts[face]]
    part_points = np.zeros((0, PART_POINTS, 3))
    if part is not None:
        faces_of_part(obj, part)  # says what is wrong with it
        assert isinstance(obj, PartedObject)
        own = obj.part_points(part, PART_POINTS, generator)
        part_points = own.points.numpy()[None]
        wanted = np.append(np.zeros(len(points), bool), np.ones(PART_POINTS, bool))
        points, normals = np.append(points, part_points[0], 0), np.append(normals, own.normals.numpy(), 0)
    if not wanted.any():
        raise InputError("there is no place on it that may be held", where=mesh.name)
    chosen = np.flatnonzero(wanted)
    chosen = chosen[torch.randperm(len(chosen), generator=generator)[: max(2 * count, 64)].numpy()]
    if not isinstance(obj, PartedObject):
        sky = exposure(mesh, points[chosen], normals[chosen]) >= OPEN_SKY
        chosen = chosen[sky] if sky.any() else chosen
    as_rows = lambda values: torch.from_numpy(values).float()
    rows = ObjectRows(
        as_rows(points)[None],
        as_rows(normals)[None],
        mesh.grid(resolution=RESOLUTION),
        as_rows(part_points),
        (mesh.name,),
    )
    centre = torch.from_numpy(centre_of_mass(mesh)).float()
    return Scene(mesh, rows, centre, torch.from_numpy(chosen), part is not None)


def draw_places(scene: Scene, *, count: int, mirrored: bool, generator: torch.Generator) -> Placed:
    """Places for `count` hands, every one before any comes twice, their frames turned at random.

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
