"""The object to be held: a triangle mesh in its own frame, mended, with what is computed from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from handhold.errors import InputError
from handhold.geometry.distance import ExactDistance
from handhold.objects.doctor import Finding, MeshReport, check_arrays, check_size, examine, mend
from handhold.objects.formats import read_mesh, unit_scale
from handhold.objects.repair import drop_unreferenced
from handhold.objects.solid import to_manifold

if TYPE_CHECKING:
    import manifold3d

    from handhold.geometry.grid_distance import GridDistance
    from handhold.geometry.sampling import SurfacePoints


@dataclass(frozen=True, eq=False)
class ObjectMesh:
    """A rigid object.

    Get one with `ObjectMesh.load(path)` or `ObjectMesh.from_arrays(vertices, faces)`.

    Attributes:
        vertices: (N, 3) float64, the object's own frame [m].
        faces: (M, 3) int64, outward.
        name: what reports call it.
        report: what the mesh doctor found.
    """

    vertices: np.ndarray
    faces: np.ndarray
    name: str
    report: MeshReport

    @staticmethod
    def load(path: str | Path, *, units: str | None = None, mend: bool = True) -> ObjectMesh:
        """Read an OBJ, PLY, STL, GLB, GLTF or OFF file; its folder is never written to.

        Args:
            path: the file.
            units: "m", "mm", "cm" or "in"; None means metres.
            mend: mend defects; the report says which. False keeps the file's mesh as it is.

        Raises:
            InputError: the file cannot be read, holds no usable surface, or is far out of scale.
        """
        scale = unit_scale(units)
        vertices, faces = read_mesh(path)
        return _checked(vertices, faces, scale=scale, name=Path(path).stem, where=path, mending=mend)

    @staticmethod
    def from_arrays(
        vertices: np.ndarray,
        faces: np.ndarray,
        *,
        name: str = "object",
        units: str | None = None,
        mend: bool = True,
    ) -> ObjectMesh:
        """An object from vertices (N, 3) and triangles (M, 3), with the same checks as a file.

        Raises:
            InputError: the arrays are no usable surface, or far out of scale.
        """
        return _checked(vertices, faces, scale=unit_scale(units), name=name, where=name, mending=mend)

    def __getstate__(self) -> dict:
        """Only the fields travel to other processes; trees and solids are built again there."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @cached_property
    def distance(self) -> ExactDistance:
        """Exact signed distance in the object's frame (CPU)."""
        return ExactDistance(self.vertices, self.faces, sign_rule=self.report.sign_rule)

    def grid(self, **options) -> GridDistance:
        """Differentiable signed-distance grid of the object, built once for each set of options.

        The options are those of `GridDistance.build`.
        """
        from handhold.geometry.grid_distance import GridDistance

        grids = self.__dict__.setdefault("_grids", {})
        key = tuple(sorted(options.items()))
        if key not in grids:
            grids[key] = GridDistance.build(self.distance, **options)
        return grids[key]

    @property
    def extents(self) -> np.ndarray:
        """Size along the axes, (3,) [m]."""
        return np.ptp(self.vertices, axis=0)

    @property
    def is_watertight(self) -> bool:
        """Whether the surface is closed and agrees with itself about what is outside."""
        return self.report.watertight

    @property
    def watertight_or_reason(self) -> str:
        """Empty if the object is a solid whose exact volume can be had, else why not, in words."""
        return self.report.solid_reason

    @property
    def volume_m3(self) -> float | None:
        """Exact volume, overlaps counted once [m³]; None where the mesh is no solid (the report says why)."""
        volume = self.report.volume_cm3
        return None if volume is None else volume * 1e-6

    def manifold(self) -> manifold3d.Manifold | None:
        """The object as a solid for exact booleans, its own frame [m]; None where the mesh is none.

        `watertight_or_reason` says why there is none.
        """
        return self._manifold

    @cached_property
    def _manifold(self) -> manifold3d.Manifold | None:
        return to_manifold(self.vertices, self.faces)[0]

    @cached_property
    def content_hash(self) -> str:
        """Hex digest of the geometry; the same mesh has the same one everywhere."""
        digest = hashlib.blake2b(digest_size=16)
        for array, dtype in ((self.vertices, "<f8"), (self.faces, "<i8")):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array, dtype).tobytes())
        return digest.hexdigest()

    def sample(self, count: int, generator: torch.Generator | None = None) -> SurfacePoints:
        """Points spread evenly by area with their normals, float64 on the CPU.

        Args:
            count: how many.
            generator: source of randomness.
        """
        from handhold.geometry.sampling import sample_surface

        vertices, faces = torch.from_numpy(self.vertices), torch.from_numpy(self.faces)
        return sample_surface(vertices, faces, count=count, generator=generator)

    def simplified(self, *, faces: int) -> ObjectMesh:
        """The object with about so many faces, or itself if it has no more; the report says how far it moved.

        Raises:
            InputError: fewer than 4 faces asked for.
        """
        if faces < 4:
            raise InputError("too few faces for an object", where="faces", expected="4 or more", got=faces)
        if len(self.faces) <= faces:
            return self
        from fast_simplification import simplify

        centre = self.vertices.mean(0)  # the package works in single precision
        centred = (self.vertices - centre).astype(np.float32)
        fewer, triangles = simplify(centred, self.faces.astype(np.int32), target_count=faces)[:2]
        smaller = ObjectMesh.from_arrays(fewer + centre, np.asarray(triangles, np.int64), name=self.name)
        apart = np.abs(smaller.distance.query(self.vertices).distance).max() * 1000
        counts = f"{len(self.faces)} faces were reduced to {len(smaller.faces)}"
        message = f"{counts}; the surface moved up to {apart:.2g} mm"
        report = smaller.report.with_finding(Finding("simplified", len(self.faces), "mended", message))
        return ObjectMesh(smaller.vertices, smaller.faces, self.name, report)


def _checked(vertices, faces, *, scale: float, name: str, where: object, mending: bool) -> ObjectMesh:
    vertices, faces = check_arrays(vertices, faces, where=where)
    vertices, faces = vertices * scale, faces.copy()
    likely_unit, odd = check_size(drop_unreferenced(vertices, faces)[0], scale=scale, where=where)
    done: tuple[Finding, ...] = ()
    if mending:
        vertices, faces, done = mend(vertices, faces)
    report = examine(vertices, faces, likely_unit=likely_unit)
    return ObjectMesh(vertices, faces, name, replace(report, findings=(*odd, *done, *report.findings)))
