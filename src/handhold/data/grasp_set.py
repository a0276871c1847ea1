"""A set of grasps of household objects: Parquet tables in a folder, meshes and skin made again from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from handhold import optional
from handhold.data.grasp_set_schema import (
    FORMAT,
    MANIFEST,
    OBJECTS,
    SHARDS,
    GraspRow,
    ObjectRow,
    read_row,
    read_rows,
    read_table,
)
from handhold.data.grasp_set_skin import contact_of, yielding
from handhold.errors import InputError
from handhold.hand import Hand, HandParams
from handhold.interaction.grasp import Contact, Grasp
from handhold.objects.household import HouseholdObject, make

if TYPE_CHECKING:
    import pyarrow as pa

VOLUME_TOLERANCE = 1e-3
"""Share by which a mesh's volume may differ from the recorded one: the last digits differ between processors."""
KEPT = 64
"""Objects whose meshes are kept."""


@dataclass(frozen=True, eq=False)
class GraspSet:
    """Grasps of a set, all or some of them.

    Get one with `GraspSet.open(folder)`; `where` takes some.

    Attributes:
        folder: where its files are.
        objects: all objects by their id, also those without grasps.
        table: one row a grasp, as docs/grasp_set.md has it.
        manifest: what made the set.
    """

    folder: Path
    objects: dict[str, ObjectRow]
    table: pa.Table
    manifest: dict[str, Any]
    _meshes: dict[str, HouseholdObject] = field(default_factory=dict, repr=False)

    @staticmethod
    def open(folder: str | Path) -> GraspSet:
        """Read a set that `handhold data make` wrote.

        Raises:
            InputError: no set is there, it is not whole, of another format, or damaged.
            MissingExtra: pyarrow is not installed.
        """
        pa = optional.require("pyarrow", extra="data")
        folder = Path(folder)
        manifest = read_manifest(folder)
        files = sorted(folder.glob(SHARDS))
        if manifest is None or not manifest.get("files"):
            raise InputError(
                "holds no finished grasp set",
                where=folder,
                expected=f"{MANIFEST}, {OBJECTS} and {SHARDS}",
                remedy="handhold data make writes one; given the same --out it goes on where it stopped.",
            )
        table = pa.concat_tables(
            [read_table(path, GraspRow)[0].replace_schema_metadata(None) for path in files]
        )
        objects = cast(list[ObjectRow], read_rows(read_table(folder / OBJECTS, ObjectRow)[0], ObjectRow))
        told = {"grasps": len(table), "files": [path.name for path in files]}
        if told != {key: manifest.get(key) for key in told} or sum(o.grasps for o in objects) != len(table):
            raise InputError(
                "is not whole: its files do not belong together",
                where=folder,
                expected=f"{manifest.get('grasps')} grasps in {len(manifest['files'])} files",
                got=f"{len(table)} in {len(files)}",
                remedy="Run handhold data make again with the same --out; it takes what is there.",
            )
        return GraspSet(folder, {row.object_id: row for row in objects}, table, manifest)

    def __len__(self) -> int:
        return len(self.table)

    def where(
        self,
        *,
        category: str | Sequence[str] | None = None,
        object_id: str | Sequence[str] | None = None,
        part: str | Sequence[str] | None = None,
        purpose: str | Sequence[str] | None = None,
        type: str | Sequence[str] | None = None,
        split: str | Sequence[str] | None = None,
        side: str | Sequence[str] | None = None,
    ) -> GraspSet:
        """The grasps for which all that is given holds; each may be one value or several.

        Raises:
            InputError: a value that no grasp of this set has.
        """
        pa, pc = (optional.require(name, extra="data") for name in ("pyarrow", "pyarrow.compute"))
        table = self.table
        given = {
            "category": category,
            "object_id": object_id,
            "part": part,
            "purpose": purpose,
            "type": type,
            "split": split,
            "side": side,
        }
        for name, value in given.items():
            if value is None:
                continue
            wanted = [value] if isinstance(value, str) else list(value)
            known = self.values(name)
            unknown = [item for item in wanted if item not in known]
            if unknown:
                listed = ", ".join(known[:60]) + (", ..." if len(known) > 60 else "")
                raise InputError(f"no grasp has this {name}", where=self.folder, expected=listed, got=unknown)
            table = table.filter(pc.is_in(table[name], value_set=pa.array(wanted)))
        return replace(self, table=table)

    def values(self, name: str) -> list[str]:
        """What occurs in a column of words, sorted.

        Raises:
            InputError: no such column.
        """
        if name not in self.table.column_names:
            raise InputError(
                "no such column", where=self.folder, expected=", ".join(self.table.column_names), got=name
            )
        return sorted(value for value in self.table[name].unique().to_pylist() if value is not None)

    def row(self, index: int) -> GraspRow:
        """All that the table says of a grasp."""
        return cast(GraspRow, read_row(self.table, self._index(index), GraspRow))

    @cached_property
    def params(self) -> HandParams:
        """Hand parameters of all grasps, float32: (N, 3), (N, 15, 3), (N, 10), (N, 3)."""

        def tensor(name: str, *size: int) -> Tensor:
            flat = self.table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False)
            return torch.from_numpy(np.array(flat, np.float32)).reshape(len(self), *size)

        return HandParams(
            global_orient=tensor("global_orient", 3),
            hand_pose=tensor("hand_pose", 15, 3),
            betas=tensor("betas", 10),
            transl=tensor("transl", 3),
        )

    def object(self, object_id: str) -> HouseholdObject:
        """An object, its mesh made again from its dimensions.

        Raises:
            InputError: no such object, it could not be made when the set was, or its mesh is another one today.
        """
        if object_id not in self._meshes:
            row = self.objects.get(object_id)
            if row is None:
                raise InputError(
                    "no such object", where=self.folder, expected="an object_id of the set", got=object_id
                )
            if row.mesh_hash is None:
                raise InputError("has no mesh", where=object_id, got=row.error)
            found = make(row.category, **row.dimensions)
            _check_mesh(found, row)
            while len(self._meshes) >= KEPT:
                del self._meshes[next(iter(self._meshes))]
            self._meshes[object_id] = found
        return self._meshes[object_id]

    def grasp(self, index: int) -> Grasp:
        """A grasp with its object and its soft tissue, in the object's frame; the first of its instructions.

        Raises:
            InputError: out of range, or of a hand or an object that this handhold does not have.
        """
        return self.grasps([index])[0]

    def grasps(self, indices: Sequence[int]) -> list[Grasp]:
        """Several grasps, in order; see `grasp`."""
        rows = [self.row(index) for index in indices]
        bare = [self._bare(row) for row in rows]
        groups: dict[tuple[str, str], list[int]] = {}
        for k, row in enumerate(rows):
            groups.setdefault((row.object_id, row.side), []).append(k)
        done: dict[int, Grasp] = {}
        for members in groups.values():
            done.update(zip(members, yielding([bare[k] for k in members]), strict=True))
        return [done[k] for k in range(len(rows))]

    def contact(self, index: int) -> Contact:
        """Where a grasp's hand and object touch: masks (V,) and (N,), 1.0 within 3 mm of the other surface."""
        return contact_of(self.grasp(index))

    def _bare(self, row: GraspRow) -> Grasp:
        hand = Hand.open(cast(Any, row.side))
        if (row.hand, row.hand_version) != (hand.name, hand.version):
            raise InputError(
                "a grasp of another hand",
                where=row.grasp_id,
                expected=f"{hand.name} {hand.version}",
                got=f"{row.hand} {row.hand_version}",
            )
        params = HandParams(
            torch.from_numpy(row.global_orient),
            torch.from_numpy(row.hand_pose).reshape(15, 3),
            torch.from_numpy(row.betas),
            torch.from_numpy(row.transl),
        )
        pose = torch.from_numpy(row.T_world_object).reshape(4, 4)
        obj = self.object(row.object_id).mesh
        told = row.instructions[0] if row.instructions else None
        return Grasp(hand, params, obj, pose, instruction=told, name=row.grasp_id)

    def _index(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise InputError("no such grasp", where=self.folder, expected=f"0 to {len(self) - 1}", got=index)
        return index % len(self)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """What a folder says of its set; None where there is no manifest.

    Raises:
        InputError: the manifest cannot be read, or is of another format.
    """
    path = folder / MANIFEST
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError("cannot be read", where=path, expected=f"a {FORMAT} manifest", got=error) from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        got = told.get("format", "no format") if isinstance(told, dict) else "no object"
        raise InputError("is no manifest of a grasp set", where=path, expected=f"format {FORMAT}", got=got)
    return told


def _check_mesh(found: HouseholdObject, row: ObjectRow) -> None:
    mesh = found.mesh
    if mesh.content_hash == row.mesh_hash:
        return
    volume = float("nan") if mesh.volume_m3 is None else mesh.volume_m3 * 1e6
    if row.volume_cm3 is None or not abs(volume - row.volume_cm3) <= VOLUME_TOLERANCE * row.volume_cm3:
        raise InputError(
            "its mesh is another one today",
            where=row.object_id,
            expected=f"{row.vertices} vertices, {row.volume_cm3} cm³, as household {row.household} made it",
            got=f"{len(mesh.vertices)} vertices, {volume:.3f} cm³",
            remedy="Use the handhold that made the set, or make the set again.",
        )
