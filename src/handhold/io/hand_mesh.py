"""Hand surfaces of other tools: closed at the wrist and turned outward, else left as they are."""

from __future__ import annotations

import numpy as np
import torch

from handhold.errors import InputError
from handhold.geometry.mesh import boundary_loops, close_boundary
from handhold.io.plausible import HAND_LENGTH, check_size
from handhold.objects.repair import edge_use, is_closed, loop_width, signed_volume

WRIST_SHARE = 0.15
"""A wrist's opening is wider than this share of the hand; a cut finger's is not (about 0.25 and 0.1)."""


def whole_hand(
    faces: np.ndarray, *surfaces: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, ...], tuple[str, ...]]:
    """Close a hand that is open at the wrist only, and turn faces outward if they look inward.

    A hand that is open elsewhere, too, is not touched: metrics that need a closed one will say so.

    Args:
        faces: (F, 3).
        surfaces: (*, V, 3) vertices that share the faces [m]; the first hand of the first is judged by.

    Returns:
        Faces, the surfaces (with one more vertex where the wrist was closed), and what was done, in words.
    """
    notes = []
    first = _first(surfaces[0])
    loops = boundary_loops(faces)
    if len(loops) == 1 and loop_width(first, loops[0]) > WRIST_SHARE * _extent(first):
        triangles = torch.from_numpy(np.ascontiguousarray(faces))
        closed = [close_boundary(torch.from_numpy(np.array(s)), triangles) for s in surfaces]
        if is_closed(fan := closed[0][1].numpy()) and edge_use(fan)[1].max() == 2:
            faces, surfaces = fan, tuple(vertices.numpy() for vertices, _ in closed)
            notes.append(f"the wrist was closed by a fan of {len(loops[0])} faces")
    if is_closed(faces) and signed_volume(_first(surfaces[0]), faces) < 0:
        faces = np.ascontiguousarray(faces[:, ::-1])
        notes.append("the hand's faces looked inward and were turned")
    return faces, surfaces, tuple(notes)


def check_hand_size(vertices: np.ndarray, *, where: str) -> None:
    """Refuse hands (*, V, 3) [m] that are too small or large for one.

    Raises:
        InputError: shorter than 2 cm or longer than 50 cm, with the unit that would explain it.
    """
    extents = vertices.max(-2) - vertices.min(-2)
    lengths = np.linalg.norm(extents, axis=-1).reshape(-1)
    worst = int(np.abs(np.log(np.maximum(lengths, 1e-12) / np.sqrt(np.prod(HAND_LENGTH)))).argmax())
    check_size(float(lengths[worst]), where=where if len(lengths) == 1 else f"{where}[{worst}]")


def check_faces(faces: np.ndarray, count: int, *, where: str) -> np.ndarray:
    """Faces (F, 3) of `count` vertices as int64.

    Raises:
        InputError: not whole numbers, another shape, or indices out of range.
    """
    if faces.dtype.kind not in "iu" or faces.ndim != 2 or faces.shape[1] != 3 or not len(faces):
        got = f"{faces.dtype} of shape {faces.shape}"
        raise InputError("is no list of triangles", where=where, expected="Fx3 whole numbers", got=got)
    faces = faces.astype(np.int64)
    outside = (faces < 0) | (faces >= count)
    if outside.any():
        raise InputError(
            "names vertices that are not there",
            where=where,
            expected=f"0 to {count - 1}",
            got=f"{int(faces[outside][0])} in face {int(outside.any(1).argmax())}",
            remedy="Indices count from 0." if faces.max() == count and faces.min() > 0 else None,
        )
    return faces


def _first(surface: np.ndarray) -> np.ndarray:
    return surface.reshape(-1, *surface.shape[-2:])[0]


def _extent(vertices: np.ndarray) -> float:
    return float(np.linalg.norm(np.ptp(vertices, axis=0)))
