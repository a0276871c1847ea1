"""Meshes as solids for exact booleans, by manifold3d."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from handhold.objects.repair import components, drop_unreferenced, edge_use, nesting

if TYPE_CHECKING:
    import manifold3d


def to_manifold(vertices: np.ndarray, faces: np.ndarray) -> tuple[manifold3d.Manifold | None, str]:
    """A solid whose volume is exact, or None and why there is none.

    Pieces that overlap are united, so that what lies in two of them counts once.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3), outward.
    """
    _, count, excess = edge_use(faces)
    if (count == 1).any():
        return None, f"the surface is open: {int((count == 1).sum())} edges have a face on one side only"
    if (excess != 0).any():
        return None, f"{int((excess != 0).sum())} edges have faces that disagree about what is outside"
    number, piece = components(faces)
    groups = [faces] if number == 1 else _groups(vertices, [faces[piece == k] for k in range(number)])
    solids = []
    for group in groups:
        solid = _manifold(vertices, group)
        if solid.status().name != "NoError":
            return None, f"manifold3d refuses the surface ({solid.status().name})"
        solids.append(solid)
    if len(solids) > 1:
        from manifold3d import Manifold, OpType

        solids = [Manifold.batch_boolean(solids, OpType.Add)]
    if not solids[0].volume() > 0:
        return None, "the surface encloses no volume"
    return solids[0], ""


def _groups(vertices: np.ndarray, pieces: list[np.ndarray]) -> list[np.ndarray]:
    """Pieces together with their cavities; each group is a solid by itself."""
    if len(pieces) > 200:  # a soup: nesting and unions would take minutes
        return [np.concatenate(pieces)]
    around = nesting(vertices, pieces)
    return [
        np.concatenate([pieces[k], *(pieces[j] for j in range(len(pieces)) if k in around[j])])
        for k in range(len(pieces))
        if not around[k]
    ]


def _manifold(vertices: np.ndarray, faces: np.ndarray) -> manifold3d.Manifold:
    from manifold3d import Manifold, Mesh64

    vertices, faces = drop_unreferenced(vertices, faces)
    return Manifold(
        Mesh64(
            vert_properties=np.ascontiguousarray(vertices, np.float64),
            tri_verts=np.ascontiguousarray(faces, np.uint64),
        )
    )
