"""What may be touched of an object, and what is in the way: from its parts, its hollows and what it stands on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.geometry.grid_distance import GridDistance
from handhold.interaction.table import Table
from handhold.methods.synthesize.holdable import (
    SAMPLES,
    apart,
    bare_points,
    centre_of_mass,
    faces_of_part,
    mesh_of,
)
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

SEEN = 12
"""Places on the surface that are looked at around a point in space."""
SPACING, MARGIN = 0.005, 0.022
"""Of the grids that say how far the part is, and what is in the way [m]."""
KEEP_OFF, KEEP_CLEAR = 0.020, 0.003
"""How far skin stays from what may not be held, and from what may be, but was not asked for [m]."""
FAR_BELOW = 1e3


@dataclass(frozen=True, eq=False)
class Target:
    """Where hands are wanted on an object. All in the object's frame [m].

    Attributes:
        mesh: the object.
        part: the part asked for; None for anywhere.
        table: what the object stands on, if anything.
        from_side: whether the forearm is to come from the side.
        wanted: (M,) bool, faces that hands are to touch.
        allowed: (M,) bool, faces that they may touch.
        points, normals: (S, 3) float32, spread evenly by area over the wanted faces.
        centre: (3,) where a hand would best be: the middle of the part, or the centre of mass.
        head: (3,) unit, from the part towards the working end; None where there is none.
        distance: to the wanted faces, unsigned, (1, X, Y, Z).
        room: negative by how much too near a point is to faces that are not wanted, else 0, (1, X, Y, Z).
    """

    mesh: ObjectMesh
    part: str | None
    table: Table | None
    from_side: bool
    wanted: np.ndarray
    allowed: np.ndarray
    points: Tensor
    normals: Tensor
    centre: Tensor
    head: Tensor | None
    distance: GridDistance
    room: GridDistance


def find_target(
    obj: ObjectMesh | PartedObject,
    part: str | None,
    table: Table | None,
    from_side: bool,
    *,
    forbidden: np.ndarray,
    generator: torch.Generator,
) -> Target:
    """See what is asked on an object.

    Args:
        obj: the object.
        part: name of the part that is asked for.
        table: what the object stands on.
        from_side: whether the forearm is to come from the side.
        forbidden: (M,) bool, faces that no finger may touch (`forbidden_faces`).
        generator: source of randomness.

    Raises:
        InputError: there is no such part, or no finger belongs on it.
    """
    mesh = mesh_of(obj)
    wanted = ~forbidden
    if part is not None:
        wanted = faces_of_part(obj, part)
    if not wanted.any():
        raise InputError(
            "there is no place on it that may be held",
            where=mesh.name,
            remedy="Set 'hold' of some part in the part file.",
        )
    points, normals, face = bare_points(mesh, generator)
    on = wanted[face]
    if on.sum() < len(points) // 10:  # a small part of a large object needs points of its own
        own = _sample_faces(mesh, wanted, generator)
        points, normals, face = (np.concatenate(x) for x in zip((points, normals, face), own, strict=True))
        on = wanted[face]
    centre = points[on].mean(0) if part is not None else centre_of_mass(mesh)
    head = _head(points, centre, on=on, forbidden=forbidden[face]) if part is not None else np.zeros(3)
    length = float(np.linalg.norm(head))
    distance, room = _fields(mesh, points, normals, on, forbidden[face], parts=part is not None)
    return Target(
        mesh,
        part,
        table,
        from_side,
        wanted,
        wanted | ~forbidden,
        torch.from_numpy(points[on]).float(),
        torch.from_numpy(normals[on]).float(),
        torch.from_numpy(centre).float(),
        torch.from_numpy(head / length).float() if length > 0.005 else None,
        distance,
        room,
    )


def plane(table: Table | None) -> Tensor:
    """A table as (4,): up and height; without one, a plane far below everything."""
    return torch.tensor((0.0, 0.0, 1.0, -FAR_BELOW) if table is None else (*table.up, table.height))


def _head(points: np.ndarray, centre: np.ndarray, *, on: np.ndarray, forbidden: np.ndarray) -> np.ndarray:
    """From the middle of a part to the working end: to what is not to be held (a blade, a pen's point), or else to the
    rest of the object; nothing if there is none."""
    end = forbidden if forbidden.any() else ~on
    return points[end].mean(0) - centre if end.any() else np.zeros(3)


def _sample_faces(mesh: ObjectMesh, chosen: np.ndarray, generator: torch.Generator) -> tuple[np.ndarray, ...]:
    from handhold.geometry.sampling import sample_surface

    faces = np.flatnonzero(chosen)
    found = sample_surface(
        torch.from_numpy(mesh.vertices),
        torch.from_numpy(mesh.faces[faces]),
        count=SAMPLES // 5,
        generator=generator,
    )
    return found.points.numpy(), found.normals.numpy(), faces[found.face.numpy()]


def _fields(
    mesh: ObjectMesh,
    points: np.ndarray,
    normals: np.ndarray,
    on: np.ndarray,
    forbidden: np.ndarray,
    *,
    parts: bool,
) -> tuple[GridDistance, GridDistance]:
    """Two grids around the object: distance to the wanted points (S, 3), and room to what is not wanted.

    There is no room where the nearest face is forbidden, or not wanted, and nearer than its margin. So there is
    room on the outside of a thin wall, though the inside is nearer than the margin.
    """
    from scipy.spatial import KDTree

    low, high = mesh.vertices.min(0) - MARGIN, mesh.vertices.max(0) + MARGIN
    spacing = max(SPACING, float((high - low).max()) / 100)
    counts = np.ceil((high - low) / spacing).astype(int) + 1
    axes = [a + spacing * np.arange(n) for a, n in zip(low, counts, strict=True)]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    to_wanted = KDTree(points[on]).query(nodes)[0] if parts else np.zeros(len(nodes))
    margin = np.where(forbidden, KEEP_OFF, np.where(on, 0.0, KEEP_CLEAR if parts else 0.0))
    room = np.zeros(len(nodes))
    if margin.any():
        nearest, which = KDTree(points).query(nodes, k=min(SEEN, len(points)))
        away = nodes[:, None] - points[which]
        faced = (away * normals[which]).sum(-1) > 0
        first = np.where(faced, apart(away, normals[which]), np.inf).argmin(1)[:, None]
        nearest, which = (np.take_along_axis(x, first, 1)[:, 0] for x in (nearest, which))
        room = (nearest - margin[which]).clip(max=0) * (margin[which] > 0)
    to_grid = lambda values: _as_grid(values, low, spacing, counts)
    return to_grid(to_wanted), to_grid(room)


def _as_grid(values: np.ndarray, low: np.ndarray, spacing: float, counts: np.ndarray) -> GridDistance:
    return GridDistance(
        torch.from_numpy(values.reshape(counts)).float()[None],
        torch.from_numpy(low).float()[None],
        torch.tensor([spacing], dtype=torch.float32),
        torch.from_numpy(counts)[None],
        torch.zeros(1),
        torch.zeros(1),
    )
