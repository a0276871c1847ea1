"""What may be touched of an object, and what is in the way: from its parts, its hollows and what it stands on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.geometry.grid_distance import GridDistance
from handhold.geometry.mesh import face_normals
from handhold.interaction.table import Table
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

SAMPLES = 5000
LEAST, MOST = 0.012, 0.12
"""Nothing smaller can be held by three fingers, nothing thicker spanned by one hand [m]."""
RAYS, SIGHT, OPEN_SKY = 24, 0.3, 0.3
"""A place from which fewer than `OPEN_SKY` of so many rays get so far [m] lies in a hollow: no place for fingers."""
BURIED = 0.0003
"""A surface so far in front of which one is inside lies within another piece, or upon it [m]."""
GROOVE = 0.012
"""What a ray meets sooner is no hollow's wall but a groove's, too narrow for a finger to get in [m]."""
NEAR, VOTES, SEEN, DEEPER = 32, 8, 12, 5.0
"""Places that are looked at around a face, that decide about it, and around a point in space; how much more an
offset across to a surface counts than one along it."""
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


def mesh_of(obj: ObjectMesh | PartedObject) -> ObjectMesh:
    """The mesh, whether it has parts or not."""
    return obj.mesh if isinstance(obj, PartedObject) else obj


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
        wanted = _faces_of_part(obj, part)
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
    centre = points[on].mean(0) if part is not None else _centre_of_mass(mesh)
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


def forbidden_faces(obj: ObjectMesh | PartedObject, generator: torch.Generator) -> np.ndarray:
    """Faces (M,) bool that no finger may touch: parts not to be held; without parts, the inside of hollows."""
    if isinstance(obj, PartedObject):
        return ~np.array([part.hold for part in obj.parts])[obj.face_parts]
    from scipy.spatial import KDTree

    points, normals, _ = bare_points(obj, generator)
    middles = obj.vertices[obj.faces].mean(1)
    outward = face_normals(torch.from_numpy(obj.vertices), torch.from_numpy(obj.faces)).numpy()
    hidden = exposure(obj, points, normals) < OPEN_SKY
    if not hidden.any():
        return np.zeros(len(obj.faces), bool)
    # A face is as most of the places around it that lie in its plane: single rays that slip through say nothing.
    around = KDTree(points).query(middles, k=min(NEAR, len(points)))[1]
    away = points[around] - middles[:, None]
    across = (normals[around] * outward[:, None]).sum(-1) > 0
    apart = _apart(away, normals[around]) + np.where(across, 0.0, np.inf)
    best = np.take_along_axis(around, apart.argsort(1)[:, :VOTES], 1)
    return hidden[best].mean(1) > 0.5


def _apart(away: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """How far offsets (*, 3) are [m²], those along the normals (*, 3) counted `DEEPER` times: of the sheets of a thin
    wall, or a cover and what lies under it, the own or the first is near, the others are not."""
    return (away**2).sum(-1) + (DEEPER**2 - 1) * (away * normals).sum(-1) ** 2


def bare_points(mesh: ObjectMesh, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 3) of the surface, evenly by area, with normals (n, 3) and faces (n,), but for those that lie within
    another piece of the mesh: no finger gets there, and nothing is in the way there."""
    found = mesh.sample(SAMPLES, generator)
    points, normals, face = found.points.double().numpy(), found.normals.double().numpy(), found.face.numpy()
    bare = mesh.distance.query(points + BURIED * normals).distance > 0
    bare |= ~bare.any()
    return points[bare], normals[bare], face[bare]


def exposure(mesh: ObjectMesh, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """What part of the sky points (n, 3) of a surface with normals (n, 3) see, weighted by the cosine, (n,); walls
    nearer than a finger is thick hide nothing."""
    rng = np.random.default_rng(0)
    ball = rng.standard_normal((len(points), RAYS, 3))
    ball /= np.linalg.norm(ball, axis=-1, keepdims=True)
    along = normals[:, None] + 0.999 * ball  # cosine-weighted once of unit length
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    start = np.broadcast_to((points + 2e-4 * normals)[:, None], along.shape)
    hit = mesh.distance.first_hit(start.reshape(-1, 3), (start + SIGHT * along).reshape(-1, 3))
    seen = ~np.isfinite(hit.fraction) | (hit.fraction * SIGHT < GROOVE)
    return seen.reshape(len(points), RAYS).mean(1)


def check_size(mesh: ObjectMesh) -> None:
    """Refuse what no hand can hold.

    Raises:
        InputError: the object is too small for three fingers, or nowhere thin enough for a hand.
    """
    remedy = (
        "Check the units: meshes are taken to be in metres (--units mm; `ObjectMesh.load(path, units='mm')`)."
    )
    size = float(mesh.extents.max())
    if size < LEAST:
        raise InputError(
            "the object is too small to hold",
            where=mesh.name,
            expected=f"at least {LEAST * 1e3:.0f} mm along its longest side",
            got=f"{size * 1e3:.1f} mm",
            remedy=remedy,
        )
    found = mesh.sample(512, torch.Generator().manual_seed(0))
    inward = -found.normals.double().numpy()
    start = found.points.double().numpy() + 2e-4 * inward
    reach = float(np.linalg.norm(mesh.extents)) + 0.01
    thinnest = float(
        np.quantile(mesh.distance.first_hit(start, start + reach * inward).fraction * reach, 0.02)
    )
    if thinnest > MOST:
        raise InputError(
            "the object is too large for a hand",
            where=mesh.name,
            expected=f"a place at most {MOST * 1e2:.0f} cm thick",
            got=f"{thinnest * 1e2:.0f} cm at the thinnest",
            remedy=remedy,
        )


def plane(table: Table | None) -> Tensor:
    """A table as (4,): up and height; without one, a plane far below everything."""
    return torch.tensor((0.0, 0.0, 1.0, -FAR_BELOW) if table is None else (*table.up, table.height))


def _faces_of_part(obj: ObjectMesh | PartedObject, name: str) -> np.ndarray:
    if not isinstance(obj, PartedObject):
        raise InputError(
            "the object has no parts",
            where=obj.name,
            expected=f"a part '{name}'",
            remedy="Give a part file (`load_parts(mesh, path)`, --parts).",
        )
    if not obj.part(name).hold:
        holds = ", ".join(part.name for part in obj.parts if part.hold)
        raise InputError("no fingers belong on this part", where=obj.mesh.name, expected=holds, got=name)
    wanted = np.zeros(len(obj.face_parts), bool)
    wanted[obj.part_faces(name)] = True
    if not wanted.any():
        raise InputError("no face of the mesh belongs to this part", where=obj.mesh.name, got=name)
    return wanted


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


def _centre_of_mass(mesh: ObjectMesh) -> np.ndarray:
    from handhold.objects.inertia import true_inertia

    found = true_inertia(mesh, density=1.0)
    return mesh.vertices[mesh.faces].mean((0, 1)) if found is None else np.asarray(found.centre, float)


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
        first = np.where(faced, _apart(away, normals[which]), np.inf).argmin(1)[:, None]
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
