"""Objects whose faces belong to named parts, and the files that say so."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from handhold.errors import InputError
from handhold.objects.object import ObjectMesh

if TYPE_CHECKING:
    from handhold.geometry.sampling import SurfacePoints

FORMAT = "handhold-parts/1"
AREA_TOLERANCE = 0.02
"""Share of the whole surface by which a part's area may differ from what its file says."""


@dataclass(frozen=True)
class Part:
    """A named part of an object.

    Attributes:
        name: "handle".
        purposes: what one takes it for: "drink", "cut". Empty where a hand has no business.
        hold: whether fingers may be put on it.
    """

    name: str
    purposes: tuple[str, ...] = ()
    hold: bool = True


@dataclass(frozen=True, eq=False)
class PartedObject:
    """A mesh with the part of each face.

    Attributes:
        mesh: the object.
        parts: its parts.
        face_parts: (M,) int64, the index in `parts` of each face.

    Raises:
        InputError: there are no parts, two have one name, or `face_parts` does not fit.
    """

    mesh: ObjectMesh
    parts: tuple[Part, ...]
    face_parts: np.ndarray

    def __post_init__(self) -> None:
        _check_labels(self.mesh, self.parts, self.face_parts, where=self.mesh.name)

    def part(self, name: str) -> Part:
        """A part by its name.

        Raises:
            InputError: there is none of that name.
        """
        return self.parts[self._index(name)]

    def part_faces(self, name: str) -> np.ndarray:
        """Indices of a part's faces, (k,) int64.

        Raises:
            InputError: there is no such part.
        """
        return np.flatnonzero(self.face_parts == self._index(name))

    def part_points(self, name: str, count: int, generator: torch.Generator | None = None) -> SurfacePoints:
        """Points spread evenly by area over a part, float64; `face` counts in the whole mesh.

        Raises:
            InputError: there is no such part.
        """
        from dataclasses import replace

        from handhold.geometry.sampling import sample_surface

        faces = torch.from_numpy(self.part_faces(name))
        vertices, triangles = torch.from_numpy(self.mesh.vertices), torch.from_numpy(self.mesh.faces)
        points = sample_surface(vertices, triangles[faces], count=count, generator=generator)
        return replace(points, face=faces[points.face])

    @cached_property
    def part_areas_m2(self) -> dict[str, float]:
        """Area of each part by name [m²]."""
        areas = _part_areas(self.mesh, self.face_parts, len(self.parts))
        return dict(zip((part.name for part in self.parts), areas.tolist(), strict=True))

    def parts_for(self, purpose: str) -> tuple[Part, ...]:
        """The parts that may be held for a purpose."""
        return tuple(part for part in self.parts if part.hold and purpose in part.purposes)

    def _index(self, name: str) -> int:
        names = [part.name for part in self.parts]
        if name not in names:
            raise InputError(
                "no such part", where=self.mesh.name, expected=" or ".join(names), got=repr(name)
            )
        return names.index(name)


@dataclass(frozen=True, eq=False)
class HouseholdObject(PartedObject):
    """An object made from named dimensions; it stands, or lies as in use, on the table z = 0 [m].

    Attributes:
        category: its key in `CATEGORIES`.
        dimensions: lengths [m], ratios and styles that make it again: `make(category, **dimensions)`.
    """

    category: str = ""
    dimensions: dict[str, float | str] = field(default_factory=dict)


def load_parts(mesh: ObjectMesh, path: str | Path) -> PartedObject:
    """Parts of any mesh, from a file of its user.

    The file is JSON: `{"format": "handhold-parts/1", "parts": [{"name": "handle", "purposes": ["drink"],
    "hold": true}, ...], "face_parts": [0, 0, 1, ...]}` with one index per face of the mesh. `purposes` and
    `hold` may be left out (none, true). An `area_share` of each part, which `save_parts` writes, is checked.

    Raises:
        InputError: no such file, not of this format, or made for another mesh.
    """
    document = _read(Path(path))
    parts = tuple(_read_part(entry, i, path) for i, entry in enumerate(document["parts"]))
    labels = document["face_parts"]
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise InputError(
            "face_parts are not whole numbers", where=path, expected="a list, one index per face"
        )
    face_parts = np.array(labels, np.int64)
    _check_labels(mesh, parts, face_parts, where=path)
    areas = _part_areas(mesh, face_parts, len(parts))
    for part, entry, share in zip(parts, document["parts"], areas / areas.sum(), strict=True):
        told = entry.get("area_share", share)
        if not isinstance(told, int | float) or not abs(told - share) <= AREA_TOLERANCE:
            raise InputError(
                f"part '{part.name}' covers another share of the mesh '{mesh.name}' than the file says",
                where=path,
                expected=told,
                got=round(float(share), 4),
                remedy="The file was made for another mesh, or the mesh's faces were put in another order.",
            )
    return PartedObject(mesh, parts, face_parts)


def save_parts(labelled: PartedObject, path: str | Path) -> None:
    """Write the parts of an object to a file that `load_parts` reads; whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    path = Path(path)
    whole = sum(labelled.part_areas_m2.values())
    parts = [
        {
            "name": part.name,
            "purposes": list(part.purposes),
            "hold": part.hold,
            "area_share": round(labelled.part_areas_m2[part.name] / whole, 6),
        }
        for part in labelled.parts
    ]
    document = {"format": FORMAT, "parts": parts, "face_parts": labelled.face_parts.tolist()}
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InputError("cannot write the file", where=path, got=error.strerror or error) from error


def _read(path: Path) -> dict:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("cannot be read", where=path, expected="a part file", got=error.strerror) from error
    except ValueError as error:
        raise InputError("is not JSON", where=path, expected=f"a {FORMAT} file", got=error) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        got = document.get("format", "no 'format'") if isinstance(document, dict) else type(document).__name__
        raise InputError("is not a part file", where=path, expected=f"format {FORMAT}", got=got)
    for key in ("parts", "face_parts"):
        if key not in document:
            raise InputError("a key is missing", where=path, expected=repr(key), got=", ".join(document))
    if not isinstance(document["parts"], list):
        raise InputError("parts is not a list", where=path, got=type(document["parts"]).__name__)
    return document


def _read_part(entry: object, number: int, path: str | Path) -> Part:
    where = f"{path}: parts[{number}]"
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
        raise InputError("a part has no name", where=where, expected="a 'name'", got=entry)
    unknown = set(entry) - {"name", "purposes", "hold", "area_share"}
    if unknown:
        raise InputError(
            "unknown keys",
            where=where,
            expected="name, purposes, hold, area_share",
            got=", ".join(sorted(unknown)),
        )
    purposes, hold = entry.get("purposes", []), entry.get("hold", True)
    if not isinstance(purposes, list) or not all(isinstance(p, str) and p for p in purposes):
        raise InputError("purposes are not words", where=where, expected='such as ["drink"]', got=purposes)
    if not isinstance(hold, bool):
        raise InputError("hold is neither true nor false", where=where, got=hold)
    return Part(entry["name"], tuple(purposes), hold)


def _check_labels(mesh: ObjectMesh, parts: Sequence[Part], face_parts: np.ndarray, *, where: object) -> None:
    names = [part.name for part in parts]
    if not names or len(set(names)) < len(names):
        raise InputError("parts need names of their own", where=where, expected="one or more", got=names)
    if np.shape(face_parts) != (len(mesh.faces),):
        raise InputError(
            f"face_parts do not fit the mesh '{mesh.name}'",
            where=where,
            expected=f"{len(mesh.faces)} indices, one per face",
            got=np.shape(face_parts),
            remedy="If the mesh doctor changed the mesh, load it with mend=False.",
        )
    if face_parts.min() < 0 or face_parts.max() >= len(parts):
        raise InputError(
            "face_parts name parts that are not there",
            where=where,
            expected=f"0 to {len(parts) - 1}",
            got=f"{face_parts.min()} to {face_parts.max()}",
        )


def _part_areas(mesh: ObjectMesh, face_parts: np.ndarray, count: int) -> np.ndarray:
    from handhold.objects.repair import triangle_areas

    return np.bincount(face_parts, triangle_areas(mesh.vertices, mesh.faces), count)
