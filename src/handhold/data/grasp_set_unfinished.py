"""Reading a grasp set whether or not it is finished: one that is being made is only in its parts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from handhold import optional
from handhold.data.grasp_set import GraspSet, read_manifest
from handhold.data.grasp_set_schema import GraspRow, ObjectRow, read_table
from handhold.errors import InputError

PARTS = "parts/part-*.parquet"
"""Where handhold.batch.making_folder puts them."""


def open_as_far(folder: str | Path) -> GraspSet:
    """A set; of one that was never joined, the grasps of the objects that are finished.

    Those may be more than the set will have, and parts that cannot be read are left out.

    Raises:
        InputError: no set is there, it is damaged, or it has no grasp yet.
        MissingExtra: pyarrow is not installed.
    """
    pa = optional.require("pyarrow", extra="data")
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError("no such folder", where=folder, expected="the --out of handhold data make")
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError(
            "holds no grasp set",
            where=folder,
            expected="a folder with manifest.json",
            remedy="handhold data make --count 100 --out DIR makes one.",
        )
    if not manifest.get("files"):
        tables, objects = [], {}
        for path in sorted(folder.glob(PARTS)):
            with suppress(InputError, KeyError, TypeError):
                table, told = read_table(path, GraspRow)
                row = ObjectRow(**told["object"])
                objects[row.object_id] = replace(row, grasps=len(table))
                tables.append(table.replace_schema_metadata(None))
        if any(map(len, tables)):
            return GraspSet(folder, objects, pa.concat_tables(tables), manifest)
    else:
        grasps = GraspSet.open(folder)
        if len(grasps):
            return grasps
    raise InputError(
        "the set has no grasps yet",
        where=folder,
        expected="at least one object that is finished",
        remedy="If it is being made, look again in a minute; else handhold data make with the same --out goes on.",
    )


def is_finished(grasps: GraspSet) -> bool:
    """Whether the set was joined; else it is read from its parts."""
    return bool(grasps.manifest.get("files"))
