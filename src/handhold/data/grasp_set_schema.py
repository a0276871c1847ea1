"""The columns of a grasp set's two tables (docs/grasp_set.md), and rows of them as values."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from handhold import optional
from handhold.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = "handhold-grasp-set/1"
HOUSEHOLD = "1"
"""Version of the household objects: another one makes other meshes from the same dimensions."""
OBJECTS, MANIFEST = "objects.parquet", "manifest.json"
AGAIN = "Copy it again; a set of your own: run handhold data make again with the same --out, it takes what is there."
SHARDS = "grasps-*.parquet"
KEY = b"handhold"
"""Where Parquet's metadata has our JSON: the format, and whatever else a writer adds."""


def column(kind: str) -> Any:
    """The type of a column: pyarrow's alias, `json`, `float32[n]` or `list<string>`; a `?` at the end: may be null."""
    from dataclasses import field

    return field(metadata={"kind": kind})


@dataclass(frozen=True)
class ObjectRow:
    """An object of the set; also one that could not be made or held, with the cause."""

    object_id: str = column("string")
    index: int = column("int32")
    category: str = column("string")
    split: str = column("string")
    dimensions: dict[str, float | str] = column("json")
    household: str = column("string")
    mesh_hash: str | None = column("string?")
    vertices: int | None = column("int32?")
    faces: int | None = column("int32?")
    volume_cm3: float | None = column("float64?")
    accepted: int = column("int32")
    grasps: int = column("int32")
    rejected: dict[str, int] = column("json")
    cause: str | None = column("string?")
    error: str | None = column("string?")
    seconds: float = column("float32")


@dataclass(frozen=True, eq=False)
class GraspRow:
    """A grasp of the set."""

    grasp_id: str = column("string")
    object_id: str = column("string")
    category: str = column("string")
    split: str = column("string")
    side: str = column("string")
    hand: str = column("string")
    hand_version: str = column("string")
    betas: np.ndarray = column("float32[10]")
    global_orient: np.ndarray = column("float32[3]")
    hand_pose: np.ndarray = column("float32[45]")
    transl: np.ndarray = column("float32[3]")
    T_world_object: np.ndarray = column("float32[16]")
    type: str = column("string")
    part: str | None = column("string?")
    purpose: str | None = column("string?")
    table: bool = column("bool")
    table_up: np.ndarray | None = column("float32[3]?")
    table_height: float | None = column("float32?")
    instructions: tuple[str, ...] = column("list<string>")
    energy: float = column("float32")
    iv_cm3: float = column("float32")
    fingers: int = column("int8")
    on_part: float | None = column("float32?")
    squeeze: str | None = column("string?")
    squeezed_mean_cm: float | None = column("float32?")
    squeezed_max_cm: float | None = column("float32?")
    squeezed_drift_cm: float | None = column("float32?")
    squeezed_held: bool | None = column("bool?")
    still_mean_cm: float | None = column("float32?")
    still_max_cm: float | None = column("float32?")
    still_held: bool | None = column("bool?")


Row = ObjectRow | GraspRow


def make_table(rows: Sequence[Row], kind: type[Row], **told: Any) -> pa.Table:
    """Rows as a table.

    Args:
        rows: rows of one kind, or none.
        kind: their class.
        told: what else the metadata's JSON holds.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    pa = optional.require("pyarrow", extra="data")
    schema = schema_of(kind)
    columns = [
        _array([getattr(row, entry.name) for row in rows], schema.field(entry.name).type, pa)
        for entry in fields(kind)
    ]
    return tell(pa.Table.from_arrays(columns, schema=schema), **told)


def tell(table: pa.Table, **told: Any) -> pa.Table:
    """A table whose metadata has the format and what is told."""
    text = json.dumps({"format": FORMAT, **told}, ensure_ascii=False, sort_keys=True)
    return table.replace_schema_metadata({KEY: text.encode()})


def read_row(table: pa.Table, index: int, kind: type[Row]) -> Row:
    """One row as a value."""
    (found,) = table.slice(index, 1).to_pylist()
    return _row(found, kind)


def read_rows(table: pa.Table, kind: type[Row]) -> list[Row]:
    """All rows as values."""
    return [_row(found, kind) for found in table.to_pylist()]


def schema_of(kind: type[Row]) -> pa.Schema:
    """The columns of a kind of row."""
    pa = optional.require("pyarrow", extra="data")
    return pa.schema(
        [
            pa.field(
                entry.name, _type(entry.metadata["kind"].rstrip("?"), pa), entry.metadata["kind"][-1] == "?"
            )
            for entry in fields(kind)
        ]
    )


def packed(table: pa.Table) -> bytes:
    """A table as the bytes of a file; the same table gives the same bytes."""
    pa = optional.require("pyarrow", extra="data")
    pq = optional.require("pyarrow.parquet", extra="data")
    leaves = {_leaf(entry, pa): _leaf_type(entry.type, pa) for entry in table.schema}
    floats = [name for name, kind in leaves.items() if pa.types.is_floating(kind)]
    target = io.BytesIO()
    pq.write_table(
        table,
        target,
        compression="zstd",
        compression_level=9,
        use_byte_stream_split=floats,  # two thirds of the size
        use_dictionary=[name for name in leaves if name not in floats],
    )
    return target.getvalue()


def read_table(path: str | Path, kind: type[Row]) -> tuple[pa.Table, dict[str, Any]]:
    """A table of a file, and what its metadata tells.

    Raises:
        InputError: no such file, no Parquet, another format, or a column is missing or of another type.
        MissingExtra: pyarrow is not installed.
    """
    pa = optional.require("pyarrow", extra="data")
    pq = optional.require("pyarrow.parquet", extra="data")
    try:
        table = pq.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            "cannot be read",
            where=path,
            expected="a Parquet file",
            got=_first_line(error),
            remedy=AGAIN,
        ) from error
    told = _told(table.schema.metadata, path)
    wanted = schema_of(kind)
    for entry in wanted:
        at = table.schema.get_field_index(entry.name)
        if at < 0 or not _alike(table.schema.field(at).type, entry.type, pa):
            got = "no such column" if at < 0 else table.schema.field(at).type
            raise InputError(f"column {entry.name} is not right", where=path, expected=entry.type, got=got)
    return table.select(wanted.names).cast(wanted).replace_schema_metadata(table.schema.metadata), told


def read_told(path: str | Path) -> dict[str, Any]:
    """What a file's metadata tells; the rows are not read.

    Raises:
        InputError: no such file, no Parquet, or another format.
        MissingExtra: pyarrow is not installed.
    """
    pa = optional.require("pyarrow", extra="data")
    pq = optional.require("pyarrow.parquet", extra="data")
    try:
        return _told(pq.read_metadata(path).metadata, path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            "cannot be read",
            where=path,
            expected="a Parquet file",
            got=_first_line(error),
            remedy=AGAIN,
        ) from error


def _told(metadata: dict[bytes, bytes] | None, path: str | Path) -> dict[str, Any]:
    try:
        told = json.loads((metadata or {})[KEY])
        found = told["format"]
    except (KeyError, TypeError, ValueError):
        told, found = {}, "no format"
    if found != FORMAT:
        raise InputError("is no file of a grasp set", where=path, expected=f"format {FORMAT}", got=found)
    return told


def _type(kind: str, pa: Any) -> pa.DataType:
    if kind == "json":
        return pa.string()
    if kind == "list<string>":
        return pa.list_(pa.string())
    if kind.endswith("]"):
        name, size = kind[:-1].split("[")
        return pa.list_(pa.type_for_alias(name), int(size))
    return pa.type_for_alias(kind)


def _array(values: list[Any], kind: pa.DataType, pa: Any) -> pa.Array:
    if values and pa.types.is_string(kind) and isinstance(values[0], dict):
        values = [json.dumps(value, ensure_ascii=False) for value in values]
    if pa.types.is_fixed_size_list(kind):
        values = [
            None if value is None else np.asarray(value, np.float32).reshape(-1).tolist() for value in values
        ]
    return pa.array(values, kind)


def _leaf(entry: pa.Field, pa: Any) -> str:
    """Parquet's name of a column's values."""
    listed = pa.types.is_list(entry.type) or pa.types.is_fixed_size_list(entry.type)
    return f"{entry.name}.list.element" if listed else entry.name


def _leaf_type(kind: pa.DataType, pa: Any) -> pa.DataType:
    return kind.value_type if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) else kind


def _alike(found: pa.DataType, wanted: pa.DataType, pa: Any) -> bool:
    """Whether a column is as wanted; Parquet alone knows no lists of a fixed length."""
    if pa.types.is_fixed_size_list(wanted):
        listed = pa.types.is_list(found) or pa.types.is_fixed_size_list(found)
        return listed and found.value_type == wanted.value_type
    return found == wanted or (pa.types.is_list(wanted) and pa.types.is_list(found))


def _row(found: dict[str, Any], kind: type[Row]) -> Row:
    values = {}
    for entry in fields(kind):
        value, told = found[entry.name], entry.metadata["kind"]
        if value is not None:
            if told == "json":
                value = json.loads(value)
            elif told.startswith("float32["):
                value = np.array(value, np.float32)
            elif told == "list<string>":
                value = tuple(value)
        values[entry.name] = value
    return kind(**values)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
