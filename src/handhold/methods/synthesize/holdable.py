"""Where an object can be held, and how: its size, its weight, its hollows, its parts."""

from __future__ import annotations

import numpy as np
import torch

from handhold.errors import InputError
from handhold.geometry.mesh import face_normals
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

SAMPLES = 5000
"""Places on the surface at which hollows are looked for."""
LEAST, MOST = 0.012, 0.12
"""Nothing smaller can be held by three fingers, nothing thicker spanned by one hand [m]."""
RAYS, SIGHT, OPEN_SKY = 24, 0.3, 0.3
"""A place from which fewer than `OPEN_SKY` of so many rays get so far [m] lies in a hollow: no place for fingers."""
BURIED = 0.0003
"""A surface so far in front of which one is inside lies within another piece, or upon it [m]."""
GROOVE, ONE_SIDED = 0.012, 0.4
"""What rays meet sooner, on opposite sides, is no hollow's wall but a groove's, too narrow for a finger to get in [m].
The mean of their directions along the surface is longer than this where the wall is on one side only."""
NEAR, VOTES, DEEPER = 32, 8, 5.0
"""Places that are looked at around a face, and that decide about it; how much more an offset across to a surface counts
than one along it."""
HEAVY_CM3, HEAVIEST = 250.0, 6.0
"""What is larger is not held by two or three finger tips, unless that is asked for; and what is so many times as large
counts as no heavier still."""
ANY_TYPES = ("power", "sphere", "precision", "pinch", "tripod", "lateral", "extension")
"""Types that are tried where nobody says what the object is for."""
LIGHT_ONLY = ("pinch", "tripod", "lateral")


def heaviness(mesh: ObjectMesh) -> float:
    """How many times as heavy as what two finger tips hold, from 1 to `HEAVIEST`: so much more it counts how far from
    its middle an object is held, and so much harder it is squeezed."""
    volume = mesh.volume_m3
    if volume is None:  # no solid: what its grid calls inside
        grid = mesh.grid()
        volume = float((grid.values < 0).sum() * grid.spacing**3)
    return min(max(1.0, 1e6 * volume / HEAVY_CM3), HEAVIEST)


def centre_of_mass(mesh: ObjectMesh) -> np.ndarray:
    """(3,) of what the surface encloses, evenly filled; of what encloses nothing, the middle of its faces [m]."""
    from handhold.objects.inertia import true_inertia

    found = true_inertia(mesh, density=1.0)
    return mesh.vertices[mesh.faces].mean((0, 1)) if found is None else np.asarray(found.centre, float)


def any_types(mesh: ObjectMesh) -> tuple[str, ...]:
    """The types that suit an object of which nothing is known but its shape."""
    return tuple(name for name in ANY_TYPES if not (heaviness(mesh) > 1 and name in LIGHT_ONLY))


def mesh_of(obj: ObjectMesh | PartedObject) -> ObjectMesh:
    """The mesh, whether it has parts or not."""
    return obj.mesh if isinstance(obj, PartedObject) else obj


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
    far = apart(away, normals[around]) + np.where(across, 0.0, np.inf)
    best = np.take_along_axis(around, far.argsort(1)[:, :VOTES], 1)
    return hidden[best].mean(1) > 0.5


def apart(away: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """How far offsets (*, 3) are [m²], those along the normals (*, 3) counted `DEEPER` times: of the sheets of a thin
    wall, or a cover and what lies under it, the own or the first is near, the others are not."""
    return (away**2).sum(-1) + (DEEPER**2 - 1) * (away * normals).sum(-1) ** 2


def bare_points(
    mesh: ObjectMesh, generator: torch.Generator, *, count: int = SAMPLES
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 3) of the surface, evenly by area, with normals (n, 3) and faces (n,), but for those that lie within
    another piece of the mesh: no finger gets there, and nothing is in the way there."""
    found = mesh.sample(count, generator)
    points, normals, face = found.points.double().numpy(), found.normals.double().numpy(), found.face.numpy()
    bare = mesh.distance.query(points + BURIED * normals).distance > 0
    bare |= ~bare.any()
    return points[bare], normals[bare], face[bare]


def exposure(mesh: ObjectMesh, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """What part of the sky points (n, 3) of a surface with normals (n, 3) see, weighted by the cosine, (n,); a
    groove that no finger fits hides nothing."""
    rng = np.random.default_rng(0)
    ball = rng.standard_normal((len(points), RAYS, 3))
    ball /= np.linalg.norm(ball, axis=-1, keepdims=True)
    along = normals[:, None] + 0.999 * ball  # cosine-weighted once of unit length
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    start = np.broadcast_to((points + 2e-4 * normals)[:, None], along.shape)
    hit = mesh.distance.first_hit(start.reshape(-1, 3), (start + SIGHT * along).reshape(-1, 3))
    seen = ~np.isfinite(hit.fraction).reshape(len(points), RAYS)
    near = (hit.fraction * SIGHT < GROOVE).reshape(len(points), RAYS)
    return (seen | near & _on_both_sides(along, normals, near)[:, None]).mean(1)


def _on_both_sides(along: np.ndarray, normals: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Whether rays (n, RAYS, 3) that meet something near go to opposite sides, as in a groove, (n,) bool; at the foot
    of a single wall they all go one way."""
    flat = along - (along * normals[:, None]).sum(-1, keepdims=True) * normals[:, None]
    flat /= np.linalg.norm(flat, axis=-1, keepdims=True).clip(1e-9)
    mean = (flat * near[..., None]).sum(1) / near.sum(1, keepdims=True).clip(1)
    return np.linalg.norm(mean, axis=-1) < ONE_SIDED


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


def faces_of_part(obj: ObjectMesh | PartedObject, name: str) -> np.ndarray:
    """Faces (M,) bool of a part that may be held.

    Raises:
        InputError: there is no such part, it has no face, or no finger belongs on it.
    """
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
