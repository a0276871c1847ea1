"""What is to be held: meshes, folders of them, and household objects by name; and how each is asked for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handhold.cli.output import is_ours
from handhold.errors import InputError
from handhold.io.kinds import kind_of
from handhold.objects import ObjectMesh
from handhold.objects.formats import FORMATS

if TYPE_CHECKING:
    from handhold.interaction.table import Table
    from handhold.methods.synthesize.optimize import Ask
    from handhold.objects.household import PartedObject

HOUSEHOLD = "household:"


@dataclass(frozen=True)
class Source:
    """An object that is not loaded yet.

    Attributes:
        name: the object's name.
        path: what was asked for: a file, or `household:...`.
        load: makes it; raises InputError if it cannot be used.
    """

    name: str
    path: Path
    load: Callable[[], ObjectMesh | PartedObject]


def find_objects(asked: str, *, units: str | None = None, parts: Path | None = None) -> list[Source]:
    """The objects that a word of the command line names.

    Args:
        asked: a mesh file, a folder of them, or `household:NAME` with dimensions, `household:mug,radius=0.042`.
        units: of meshes.
        parts: a part file for the one mesh.

    Raises:
        InputError: nothing there, no meshes in the folder, two of one name, or no such household object.
    """
    if asked.startswith(HOUSEHOLD):
        for option, value in (("--units", units), ("--parts", parts)):
            if value is not None:
                raise InputError("is for meshes", where=option, got=asked)
        return [_household(asked)]
    path = Path(asked)
    if not path.is_dir():
        return [_mesh(path, units, parts)]
    if parts is not None:
        raise InputError("is for one mesh", where="--parts", got=f"a folder, {path}")
    meshes = [p for p in sorted(path.iterdir()) if _may_be_mesh(p)]
    if not meshes:
        raise InputError("has no meshes in it", where=path, expected=f"files {', '.join(FORMATS)}")
    twice = [stem for stem, count in Counter(p.stem for p in meshes).items() if count > 1]
    if twice:
        raise InputError(
            "two meshes have one name", where=path, got=", ".join(twice[:5]), remedy="Rename one of them."
        )
    return [Source(p.stem, p, partial(ObjectMesh.load, p, units=units)) for p in meshes]


def _may_be_mesh(path: Path) -> bool:
    if path.suffix.lower() not in FORMATS or path.name.startswith(".") or not path.is_file():
        return False
    return path.suffix.lower() != ".glb" or not is_ours(path)  # results of ours have a hand in them


def _mesh(path: Path, units: str | None, parts: Path | None) -> Source:
    if not path.exists():
        expected = "a mesh, a folder of meshes, or household:NAME"
        raise InputError("does not exist", where=path, expected=expected)
    kind = kind_of(path)
    if kind != "mesh":
        raise InputError(
            "is no mesh", where=path, expected=", ".join(FORMATS), got=f"a file of kind '{kind}'"
        )
    if path.suffix.lower() == ".glb" and is_ours(path):
        remedy = "Give the mesh of the object itself, or OUT/grasps.npz to `view` and `evaluate`."
        raise InputError("is a result of handhold, with a hand in it", where=path, remedy=remedy)
    load = (
        partial(ObjectMesh.load, path, units=units) if parts is None else partial(_parted, path, units, parts)
    )
    return Source(path.stem, path, load)


def _parted(path: Path, units: str | None, parts: Path) -> PartedObject:
    """A mesh of the user's with its parts; a face that the doctor made has the part of the file's nearest face."""
    from handhold.objects.household import PartedObject, load_parts

    raw = load_parts(ObjectMesh.load(path, units=units, mend=False), parts)
    mended = ObjectMesh.load(path, units=units)
    middles = mended.vertices[mended.faces].mean(1)
    if len(mended.faces) == len(raw.mesh.faces):
        moved = np.abs(middles - raw.mesh.vertices[raw.mesh.faces].mean(1)).max()
        if moved < 1e-9:
            return replace(raw, mesh=mended)
    nearest = raw.mesh.distance.query(middles).face
    return PartedObject(mended, raw.parts, raw.face_parts[nearest])


def _household(asked: str) -> Source:
    """`household:mug,radius=0.042,handle=ear`; `?` and `&` part the dimensions as well."""
    from handhold.objects.household import CATEGORIES, make

    name, *rest = re.split("[?,&]", asked.removeprefix(HOUSEHOLD))
    name = re.sub("[ _-]+", " ", name).strip().lower()
    if name not in CATEGORIES:
        raise InputError(
            "no such household object", where=asked, expected=", ".join(CATEGORIES), got=repr(name)
        )
    dimensions: dict[str, float | str] = {}
    for entry in rest:
        key, equals, value = (part.strip() for part in entry.partition("="))
        if not equals or key in dimensions:
            expected = f"{HOUSEHOLD}{name},NAME=VALUE, each name once [m]"
            raise InputError("is no dimension", where=asked, expected=expected, got=repr(entry))
        dimensions[key] = _number(value)
    return Source(name, Path(asked), partial(make, name, **dimensions))


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


@dataclass(frozen=True)
class Wish:
    """What the user asks for, of every object.

    Attributes:
        part: the part to be touched, or None.
        purpose: what for, or None.
        types: names of grasp types; empty for those that suit.
        table: whether the object stands on a table.
        up: the upward axis.
        instructed: whether a sentence says what is to be touched: then that is a part, `ASKED`.
    """

    part: str | None = None
    purpose: str | None = None
    types: tuple[str, ...] = ()
    table: bool = False
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)
    instructed: bool = False

    def asks(self, obj: ObjectMesh | PartedObject) -> tuple[Ask, ...] | None:
        """The asks of one object; None leaves them to the method.

        Household objects have a written table of what is held how, and what stands is taken as it stands.

        Raises:
            InputError: the object has no such part, or none for the purpose.
        """
        from handhold.interaction.table import Table
        from handhold.objects.household import HouseholdObject

        if self.instructed:
            return (self._of_sentence(obj),)
        if isinstance(obj, ObjectMesh):
            for option, value in (("--part", self.part), ("--purpose", self.purpose)):
                if value is not None:
                    remedy = f"Name its parts in a file (--parts), or leave {option} out."
                    raise InputError("has no parts", where=obj.name, got=f"{option} {value}", remedy=remedy)
            return self._of_mesh(Table.under(obj, self.up) if self.table else None)
        self._check_part(obj)
        table = Table.under(obj.mesh, self.up) if self.table or self._stands(obj) else None
        written = self._of_household(obj, table) if isinstance(obj, HouseholdObject) else ()
        return written or self._of_parts(obj, table)

    def _of_sentence(self, obj: ObjectMesh | PartedObject) -> Ask:
        from handhold.batch.instructed import ASKED
        from handhold.interaction.table import Table
        from handhold.methods.synthesize.optimize import ANY_TYPES, Ask

        mesh = obj if isinstance(obj, ObjectMesh) else obj.mesh
        stands = not isinstance(obj, ObjectMesh) and self._stands(obj)
        table = Table.under(mesh, self.up) if self.table or stands else None
        return Ask(self.types or ANY_TYPES, part=ASKED, table=table)

    def _stands(self, obj: PartedObject) -> bool:
        """Whether it is a household object that is always taken as it stands."""
        from handhold.data.purposes import PURPOSES
        from handhold.objects.household import HouseholdObject

        uses = PURPOSES.get(obj.category, ()) if isinstance(obj, HouseholdObject) else ()
        return bool(uses) and all(use.standing for use in uses)

    def _of_mesh(self, table: Table | None) -> tuple[Ask, ...] | None:
        from handhold.methods.synthesize.optimize import ANY_TYPES, Ask

        if not (self.types or table):
            return None
        return (Ask(self.types or ANY_TYPES, table=table),)

    def _check_part(self, obj: PartedObject) -> None:
        if self.part is None:
            return
        part = obj.part(self.part)
        if not part.hold:
            may = " or ".join(part.name for part in obj.parts if part.hold)
            raise InputError("no finger belongs there", where=f"--part {self.part}", expected=may)
        if self.purpose is not None and self.purpose not in part.purposes:
            raise InputError(
                "the part does not serve this purpose",
                where=f"--part {self.part}",
                expected=" or ".join(part.purposes) or "no --purpose",
                got=f"--purpose {self.purpose}",
            )

    def _of_household(self, obj, table: Table | None) -> tuple[Ask, ...]:
        """Those lines of the written table that are wished for."""
        from handhold.batch.purposes import asks_for

        asks = []
        for ask in asks_for(obj):
            types = tuple(name for name in ask.types if not self.types or name in self.types)
            wanted = self.part in (None, ask.part) and self.purpose in (None, ask.purpose)
            if types and wanted:
                asks.append(replace(ask, types=types, table=table or ask.table))
        return tuple(asks)

    def _of_parts(self, obj: PartedObject, table: Table | None) -> tuple[Ask, ...]:
        from handhold.methods.synthesize.optimize import ANY_TYPES, Ask

        names: list[str | None] = [self.part]
        if self.part is None and self.purpose is not None:
            names = [part.name for part in obj.parts_for(self.purpose)]
            if not names:
                known = sorted({word for part in obj.parts if part.hold for word in part.purposes})
                raise InputError(
                    "no part of it serves this purpose",
                    where=obj.mesh.name,
                    expected=", ".join(known) or "an object whose parts have purposes",
                    got=f"--purpose {self.purpose}",
                )
        types = self.types or ANY_TYPES
        return tuple(Ask(types, part=name, purpose=self.purpose, table=table) for name in names)
