"""The glTF 2.0 binary container: accessors, buffer views, chunks (Khronos' specification, 3.6 and 4.4)."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from handhold.io.files import writing

_COMPONENT = {"uint8": 5121, "uint32": 5125, "float32": 5126}
_TYPE = {(): "SCALAR", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
VERTICES, INDICES = 34962, 34963
"""Buffer view targets: vertex attributes, and triangle indices."""


class Buffer:
    """Accumulates arrays and the accessors that describe them."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, array: np.ndarray, *, target: int | None = None, bounds: bool = False) -> int:
        """Append an array (N, ...) of uint8, uint32 or float32; returns its accessor.

        Args:
            array: its rows are scalars, vectors of 3 or 4, or 4x4 matrices already in column-major order.
            target: VERTICES or INDICES for what a mesh uses.
            bounds: write min and max, which positions and animation times must have.
        """
        accessor = self._describe(array, bounds=bounds)
        accessor["bufferView"] = self._view(array, target)
        return self._append(accessor)

    def add_displacements(self, array: np.ndarray) -> int:
        """Append (N, 3) float32; only the rows that are not zero if those are few. Returns its accessor."""
        rows = np.flatnonzero(array.any(axis=1)).astype(np.uint32)
        if len(rows) > len(array) / 2:
            return self.add(array, target=VERTICES, bounds=True)
        accessor = self._describe(array, bounds=True)
        if len(rows):
            # VTK wants the offsets, which the specification leaves out at zero.
            indices = {
                "bufferView": self._view(rows, None),
                "byteOffset": 0,
                "componentType": _COMPONENT["uint32"],
            }
            values = {"bufferView": self._view(array[rows], None), "byteOffset": 0}
            accessor["sparse"] = {"count": len(rows), "indices": indices, "values": values}
        return self._append(accessor)

    def _describe(self, array: np.ndarray, *, bounds: bool) -> dict[str, Any]:
        accessor: dict[str, Any] = {
            "componentType": _COMPONENT[array.dtype.name],
            "count": len(array),
            "type": _TYPE[array.shape[1:]],
        }
        if bounds:
            flat = array.reshape(len(array), -1)
            accessor |= {"min": flat.min(0).tolist(), "max": flat.max(0).tolist()}
        return accessor

    def _view(self, array: np.ndarray, target: int | None) -> int:
        self.bytes += b"\0" * (-len(self.bytes) % 4)
        data = np.ascontiguousarray(array).tobytes()
        view = {"buffer": 0, "byteOffset": len(self.bytes), "byteLength": len(data)}
        self.views.append(view if target is None else view | {"target": target})
        self.bytes += data
        return len(self.views) - 1

    def _append(self, accessor: dict[str, Any]) -> int:
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def write_glb(document: dict[str, Any], buffer: Buffer, path: str | Path) -> None:
    """Write a glTF document and its buffer as one `.glb`, whole or not at all."""
    document = document | {
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.bytes)}],
    }
    text = json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    data = bytes(buffer.bytes) + b"\0" * (-len(buffer.bytes) % 4)
    length = 12 + 8 + len(text) + 8 + len(data)
    with writing(path) as draft, draft.open("wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, length))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        file.write(struct.pack("<I4s", len(data), b"BIN\0") + data)
