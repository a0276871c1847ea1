"""The mesh doctor: what is wrong with a mesh, what was mended, and what remains, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from handhold.errors import InputError
from handhold.objects import repair
from handhold.objects.formats import UNITS
from handhold.objects.solid import to_manifold

if TYPE_CHECKING:
    from handhold.geometry.distance import SignRule

SEAM = 1e-6
"""Vertices of open edges nearer than this share of the extent are one."""
SMALL_HOLE = 0.2
"""Holes up to this share of the extent are closed; wider openings are taken as meant."""
DEBRIS = 1e-4
"""Loose pieces under this share of the surface's area are removed."""
SMALLEST, LARGEST = 0.002, 10.0
"""Objects whose largest extent [m] lies outside are refused: the unit is wrong."""
TINY, HUGE = 0.01, 1.5
"""Objects whose largest extent [m] lies outside are kept, with a warning."""

Action = Literal["mended", "kept", "refused"]


@dataclass(frozen=True)
class Finding:
    """One thing found in a mesh.

    Attributes:
        kind: a short fixed name, such as "holes".
        count: how many.
        action: "mended", "kept" (it stays, and the message says what that means) or "refused".
        message: the finding in words.
    """

    kind: str
    count: int
    action: Action
    message: str


@dataclass(frozen=True)
class MeshReport:
    """What the doctor found.

    Attributes:
        findings: in the order of the examination.
        watertight: closed: every edge has as many faces on one side as on the other.
        components: pieces that hang together.
        extents_m: size along the axes [m].
        volume_cm3: exact volume; None where the mesh is no solid.
        solid: whether exact booleans can be had of it.
        solid_reason: why not; empty if so.
        likely_unit: the unit that the file is probably in if the size is odd; None if the size is plausible.
    """

    findings: tuple[Finding, ...]
    watertight: bool
    components: int
    extents_m: tuple[float, float, float]
    volume_cm3: float | None
    solid: bool
    solid_reason: str
    likely_unit: str | None

    @property
    def sign_rule(self) -> SignRule:
        """How `ExactDistance` should tell inside from outside: by the surface's normals where nothing was found that
        makes them lie."""
        lies = any(self.finding(kind) for kind in ("folds", "crowded edges", "one-sided"))
        return "pseudonormal" if self.watertight and not lies else "winding"

    def finding(self, kind: str) -> Finding | None:
        """The finding of a kind, if there is one."""
        return next((f for f in self.findings if f.kind == kind), None)

    def with_finding(self, finding: Finding) -> MeshReport:
        """The report with one more finding."""
        return replace(self, findings=(*self.findings, finding))


def check_arrays(
    vertices: np.ndarray, faces: np.ndarray, *, where: object = None
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices as (N, 3) float64 and faces as (M, 3) int64, or an error.

    Raises:
        InputError: wrong shapes, no faces, numbers that are not finite, or indices out of range.
    """
    vertices, faces = np.asarray(vertices), np.asarray(faces)
    for name, value in (("vertices", vertices), ("faces", faces)):
        if value.ndim != 2 or value.shape[1] != 3 or not len(value):
            raise InputError(
                f"{name} have the wrong shape", where=where, expected="(n, 3), n > 0", got=value.shape
            )
    if not np.issubdtype(faces.dtype, np.integer):
        raise InputError("faces are not whole numbers", where=where, expected="integers", got=faces.dtype)
    vertices = np.ascontiguousarray(vertices, np.float64)
    faces = np.ascontiguousarray(faces, np.int64)
    outside = (faces < 0) | (faces >= len(vertices))
    if outside.any():
        raise InputError(
            "faces use vertices that are not there",
            where=where,
            expected=f"indices from 0 to {len(vertices) - 1}",
            got=f"{int(faces[outside][0])} in face {int(outside.any(1).argmax())}",
        )
    bad = ~np.isfinite(vertices).all(1)
    if bad.any():
        raise InputError(
            "vertices are not finite",
            where=where,
            expected="numbers",
            got=f"NaN or inf in {int(bad.sum())} of {len(vertices)}, first in vertex {int(bad.argmax())}",
        )
    if not (repair.triangle_areas(vertices, faces) > 0).any():
        raise InputError("all faces are degenerate", where=where, expected="triangles with an area")
    return vertices, faces


def check_size(
    vertices: np.ndarray, *, scale: float = 1.0, where: object = None
) -> tuple[str | None, list[Finding]]:
    """Whether the size is that of a thing a hand holds; the likely unit where it is odd.

    Args:
        vertices: (N, 3) [m].
        scale: metres in the unit that they were read in.

    Raises:
        InputError: the largest extent is under 2 mm or over 10 m.
    """
    extent = float(np.ptp(vertices, axis=0).max())
    if TINY <= extent <= HUGE:
        return None, []
    # Of the usual units, the one that brings the object nearest to a hand's size.
    likely = min(("m", "cm", "mm"), key=lambda unit: abs(np.log(extent / scale * UNITS[unit] / 0.15)))
    read_as = next(unit for unit, metres in UNITS.items() if metres == scale)
    odd = likely != read_as
    size = f"{extent:.3g} m" if extent >= 1 else f"{extent * 1000:.3g} mm"
    advice = "Check the mesh's unit."
    if odd:
        advice = (
            f"If the file is in {likely}, say so: --units {likely}, in Python units={likely!r}, "
            f'in a scene object.units "{likely}".'
        )
    if not SMALLEST <= extent <= LARGEST:
        raise InputError(
            f"the object is too {'small' if extent < SMALLEST else 'large'} for a hand",
            where=where,
            expected=f"a largest extent from {SMALLEST * 1000:.0f} mm to {LARGEST:.0f} m",
            got=f"{size}, read as {read_as}",
            remedy=advice,
        )
    message = f"the largest extent is {size}, read as {read_as}, which is odd for something held. {advice}"
    return likely if odd else None, [Finding("size", 1, "kept", message)]


def mend(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[Finding, ...]]:
    """Mend what can be mended without guessing at the object's shape.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3) within range.

    Returns:
        Vertices, faces, and what was done. A sound mesh comes back unchanged, vertex for vertex.
    """
    found: list[Finding] = []

    def note(kind: str, count: int, message: str) -> None:
        if count:
            found.append(Finding(kind, count, "mended", f"{message}: {count}"))

    extent = float(np.ptp(vertices[faces].reshape(-1, 3), axis=0).max())
    faces, merged = repair.merge_seams(vertices, faces, tolerance=SEAM * extent)
    note("seams", merged, "vertices merged with others in the same place, along open seams")
    before = len(faces)
    faces = repair.drop_degenerate(vertices, faces)
    note("degenerate faces", before - len(faces), "faces without area removed")
    before = len(faces)
    faces = repair.drop_duplicates(faces)
    note("duplicate faces", before - len(faces), "faces removed that lay twice in the same place")
    faces, debris = repair.drop_debris(vertices, faces, share=DEBRIS)
    note("debris", debris, "loose specks removed, each under 0.01 % of the surface")
    before = len(vertices)
    vertices, faces = repair.drop_unreferenced(vertices, faces)
    note("unused vertices", before - len(vertices) - merged, "vertices removed that no face uses")
    faces, turned = repair.orient_consistently(faces)
    note("winding", turned, "faces turned that looked the other way than their neighbours")
    vertices, faces, filled = repair.fill_holes(vertices, faces, share=SMALL_HOLE)
    widest = max(filled, default=0) * 1000
    note("holes", len(filled), f"small holes closed (the widest {widest:.2g} mm)")
    faces, inverted = repair.face_outward(vertices, faces)
    note("inside out", inverted, "pieces of the surface turned that were inside out")
    return vertices, faces, tuple(found)


def examine(vertices: np.ndarray, faces: np.ndarray, *, likely_unit: str | None = None) -> MeshReport:
    """What remains to be said of a mesh, mended or not.

    Args:
        vertices: (N, 3) [m].
        faces: (M, 3) within range.
    """
    from handhold.geometry.distance import ExactDistance

    found = [*_openings(vertices, faces), *_junctions(faces)]
    count, _ = repair.components(faces)
    if count > 1:
        found.append(
            Finding("pieces", count, "kept", f"the surface has {count} separate pieces; all are used")
        )
    watertight = repair.is_closed(faces)
    folds = ExactDistance(vertices, faces).folds if watertight else 0
    if folds:
        message = (
            f"the surface passes through itself or its pieces overlap (at {folds} faces, edges and corners); "
            "inside and outside are right, but depths there are measured to the nearest of the walls"
        )
        found.append(Finding("folds", folds, "kept", message))
    solid, reason = to_manifold(vertices, faces)
    if solid is None:
        message = f"no exact volume can be had of this mesh: {reason}"
        found.append(Finding("no solid", 1, "kept", message))
    x, y, z = np.ptp(vertices, axis=0).tolist()
    volume = None if solid is None else solid.volume() * 1e6
    return MeshReport(
        tuple(found), watertight, count, (x, y, z), volume, solid is not None, reason, likely_unit
    )


def _openings(vertices: np.ndarray, faces: np.ndarray) -> list[Finding]:
    _, count, _ = repair.edge_use(faces)
    edges = int((count == 1).sum())
    if not edges:
        return []
    loops = repair.boundary_loops(faces)
    widest = max((repair.loop_width(vertices, loop) for loop in loops), default=0.0)
    size = f"openings: {len(loops)}, the widest {widest * 1000:.3g} mm" if loops else "a tear"
    message = (
        f"the surface is open ({size}; {edges} edges with one face); it was not closed, since that may be "
        "meant. Inside is decided by the winding number"
    )
    return [Finding("openings", max(len(loops), 1), "kept", message)]


def _junctions(faces: np.ndarray) -> list[Finding]:
    _, count, excess = repair.edge_use(faces)
    found = []
    crowded, torn = int((count > 2).sum()), int(((count == 2) & (excess != 0)).sum())
    if crowded:
        message = f"{crowded} edges join more than two faces"
        found.append(Finding("crowded edges", crowded, "kept", message))
    if torn:
        message = (
            f"{torn} edges have faces that look opposite ways and no turning mends it (a one-sided surface)"
        )
        found.append(Finding("one-sided", torn, "kept", message))
    return found
