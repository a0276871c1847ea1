"""Painted surfaces as one glTF 2.0 binary, with a colour at every vertex."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from handhold.geometry.painted import PaintedMesh
from handhold.io.glb import Z_UP_TO_Y_UP
from handhold.io.gltf import INDICES, VERTICES, Buffer, write_glb
from handhold.io.scene import Up
from handhold.version import __version__


def save_painted_glb(
    meshes: Sequence[PaintedMesh],
    path: str | Path,
    *,
    name: str,
    up: Up = "z",
    extras: Mapping[str, Any] | None = None,
) -> None:
    """Write painted surfaces, a node each, for Blender, three.js and the like.

    Lengths are metres; a root node turns the world's upward axis to glTF's +Y. Colours are linear in glTF.

    Args:
        meshes: at least one, of different names.
        path: the `.glb` to write.
        name: of the scene.
        up: the world's upward axis.
        extras: what the file shall say besides, as JSON holds it.

    Raises:
        InputError: the file cannot be written.
    """
    buffer = Buffer()
    nodes: list[dict[str, Any]] = [
        {
            "name": "world",
            "children": [k + 1 for k in range(len(meshes))],
            "rotation": Z_UP_TO_Y_UP if up == "z" else [0.0, 0.0, 0.0, 1.0],
        }
    ]
    for k, mesh in enumerate(meshes):
        matrix = np.asarray(mesh.T_world_mesh, float).T.ravel().tolist()  # column-major
        nodes.append({"name": mesh.name, "mesh": k, "matrix": matrix})
    surface = {"baseColorFactor": [1.0, 1.0, 1.0, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.7}
    document = {
        "asset": {"version": "2.0", "generator": f"handhold {__version__}", "extras": dict(extras or {})},
        "scene": 0,
        "scenes": [{"name": name, "nodes": [0]}],
        "nodes": nodes,
        "meshes": [{"name": mesh.name, "primitives": [_primitive(buffer, mesh)]} for mesh in meshes],
        "materials": [{"name": "painted", "pbrMetallicRoughness": surface, "doubleSided": True}],
    }
    write_glb(document, buffer, path)


def linear(colours: np.ndarray) -> np.ndarray:
    """Colours as screens take them (sRGB, IEC 61966-2-1) to linear light, both in [0, 1]."""
    colours = np.clip(colours, 0.0, 1.0)
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)


def _primitive(buffer: Buffer, mesh: PaintedMesh) -> dict[str, Any]:
    attributes = {
        "POSITION": buffer.add(np.asarray(mesh.vertices, np.float32), target=VERTICES, bounds=True),
        "NORMAL": buffer.add(np.asarray(mesh.normals, np.float32), target=VERTICES),
        "COLOR_0": buffer.add(linear(mesh.colours).astype(np.float32), target=VERTICES),
    }
    indices = buffer.add(np.asarray(mesh.faces).astype(np.uint32).ravel(), target=INDICES)
    return {"attributes": attributes, "indices": indices, "material": 0}
