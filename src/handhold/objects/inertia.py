"""Mass, centre and inertia of a solid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handhold.geometry.convex import Piece
from handhold.objects.object import ObjectMesh


@dataclass(frozen=True)
class Inertia:
    """Mass [kg], centre of mass (3,) [m] and inertia about it (3, 3) [kg m²], in the object's frame."""

    mass: float
    centre: np.ndarray
    tensor: np.ndarray


def true_inertia(item: ObjectMesh, *, density: float) -> Inertia | None:
    """Mass properties of a solid of even density [kg/m³]; None where the mesh is no solid."""
    if item.volume_m3 is None:
        return None
    return _inertia(item.vertices, item.faces, density)


def pieces_inertia(pieces: Sequence[Piece], *, density: float) -> Inertia | None:
    """Mass properties of closed pieces together, overlaps counted twice; None if they hold no volume.

    Args:
        pieces: in the object's frame.
        density: [kg/m³].
    """
    if not pieces:
        return None
    starts = np.cumsum([0, *(len(v) for v, _ in pieces)])[:-1]
    vertices = np.concatenate([v for v, _ in pieces])
    faces = np.concatenate([f + start for (_, f), start in zip(pieces, starts, strict=True)])
    return _inertia(vertices, faces, density)


def box_inertia(low: np.ndarray, high: np.ndarray, *, mass: float, centre: np.ndarray) -> Inertia:
    """A box from one corner (3,) to the other, of a given mass [kg], put at a given centre (3,) [m].

    It is what Bullet gives to a shape of many pieces.
    """
    squared = (np.asarray(high, float) - low) ** 2
    return Inertia(mass, np.asarray(centre, float), np.diag(mass / 12 * (squared.sum() - squared)))


def _inertia(vertices: np.ndarray, faces: np.ndarray, density: float) -> Inertia | None:
    import trimesh

    properties = trimesh.Trimesh(vertices, faces, process=False).mass_properties
    mass = float(properties.mass) * density
    tensor = np.asarray(properties.inertia) * density
    if mass <= 0 or np.linalg.eigvalsh(tensor).min() <= 0:
        return None
    return Inertia(mass, np.asarray(properties.center_mass), tensor)
