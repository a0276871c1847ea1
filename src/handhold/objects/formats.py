"""Mesh files: OBJ, PLY, STL, GLB, GLTF and OFF to plain arrays, in the file's own units."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from handhold.errors import InputError

FORMATS = (".obj", ".ply", ".stl", ".glb", ".gltf", ".off")
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254}
"""Metres in one unit."""


def unit_scale(units: str | None) -> float:
    """Metres in one of the units; None means metres.

    Raises:
        InputError: an unknown unit.
    """
    if units is None:
        return 1.0
    if units not in UNITS:
        raise InputError("unknown unit", where="units", expected=" or ".join(UNITS), got=repr(units))
    return UNITS[units]


def read_mesh(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (N, 3) float64 in the file's units and triangles (M, 3) int64 of a mesh file.

    Scenes are put together with their transforms; materials and textures are passed over; polygons are cut
    into triangles. Nothing is repaired here.

    Raises:
        InputError: no such file, not a mesh, damaged, or without faces.
    """
    path = Path(path)
    try:
        _check_file(path)
    except (OSError, ValueError) as error:  # no permission, a name too long, a zero byte in it
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError("cannot be opened", where=path, got=reason) from error
    try:
        vertices, faces = _read_obj(path) if path.suffix.lower() == ".obj" else _read_by_trimesh(path)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # parsers raise whatever the damage makes them stumble over
        raise InputError(
            f"cannot be read as {path.suffix[1:].upper()}",
            where=path,
            expected="a complete mesh file",
            got=f"{type(error).__name__}: {_one_line(error)}",
            remedy="The file may be truncated or of another kind; open and export it again in a mesh editor.",
        ) from error
    if not len(faces):
        got = f"{len(vertices)} vertices without faces" if len(vertices) else "nothing"
        raise InputError(
            "no triangles in the file",
            where=path,
            expected="a surface",
            got=got,
            remedy="Point clouds and truncated files cannot be used; export a triangle mesh.",
        )
    return vertices, faces


def _check_file(path: Path) -> None:
    readable = ", ".join(FORMATS)
    if path.is_dir():
        raise InputError("is a folder", where=path, expected=f"a mesh file ({readable})")
    if not path.exists():
        near = sorted(p.name for p in path.parent.glob("*") if p.suffix.lower() in FORMATS)[:8]
        there = f"the folder has {', '.join(near)}" if near else None
        raise InputError("no such file", where=path, expected="a mesh file", got=there)
    if path.suffix.lower() not in FORMATS:
        raise InputError(
            "unknown kind of mesh file", where=path, expected=readable, got=path.suffix or "no ending"
        )
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise InputError("the file is empty", where=path, expected="a mesh")
    if head.startswith(b"version https://git-lfs"):
        raise InputError(
            "is a Git LFS pointer, not the mesh itself",
            where=path,
            remedy="Fetch the real file with: git lfs pull",
        )


def _read_by_trimesh(path: Path) -> tuple[np.ndarray, np.ndarray]:
    import trimesh

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about textures, which are of no use here
        scene = trimesh.load_scene(str(path), process=False, skip_materials=True)
        meshes = [g for g in scene.dump() if isinstance(g, trimesh.Trimesh) and len(g.faces)]
    if not meshes:
        return np.zeros((sum(len(g.vertices) for g in scene.geometry.values()), 3)), np.zeros(
            (0, 3), np.int64
        )
    starts = np.cumsum([0, *(len(m.vertices) for m in meshes)])
    vertices = np.concatenate([np.asarray(m.vertices, np.float64) for m in meshes])
    faces = np.concatenate(
        [np.asarray(m.faces, np.int64) + s for m, s in zip(meshes, starts[:-1], strict=True)]
    )
    _check_promises(path, len(faces))
    return vertices, faces


def _check_promises(path: Path, faces: int) -> None:
    """OFF says how many faces follow; trimesh passes over those that are cut off."""
    if path.suffix.lower() != ".off":
        return
    text = path.read_text(errors="replace")
    numbers = [t for line in text.splitlines()[:50] for t in line.split("#")[0].replace("OFF", " ").split()]
    if len(numbers) > 1 and numbers[1].isdigit() and faces < int(numbers[1]):
        raise InputError(
            "the file is truncated",
            where=path,
            expected=f"{numbers[1]} faces",
            got=f"{faces} that can be read",
        )


def _read_obj(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Positions and faces of an OBJ file in the file's own order.

    trimesh splits vertices wherever texture coordinates differ; contact masks and part labels made for the
    file would no longer fit, hence this reader.
    """
    text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ").replace("\\\r\n", " ")
    positions, polygons, before = [], [], []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(("v ", "v\t")):
            parts = line.split("#", 1)[0].split()
            if len(parts) < 4:
                raise InputError("a vertex has fewer than three numbers", where=f"{path}, line {number}")
            positions.append(parts[1:4])
        elif line.startswith(("f ", "f\t")):
            parts = line.split("#", 1)[0].split()
            if len(parts) < 4:
                raise InputError("a face has fewer than three corners", where=f"{path}, line {number}")
            polygons.append([int(part.split("/", 1)[0]) for part in parts[1:]])
            before.append(len(positions))
    if not positions and not polygons:
        raise InputError(
            "no OBJ vertices or faces in the file", where=path, expected="lines 'v x y z', 'f i j k'"
        )
    vertices = np.array(positions, np.float64).reshape(-1, 3)
    return vertices, _obj_triangles(polygons, np.array(before, np.int64), path)


def _obj_triangles(polygons: list[list[int]], before: np.ndarray, path: Path) -> np.ndarray:
    """Fans of polygons; indices count from one, or backwards from the vertices read before the face."""
    sizes = np.array([len(p) for p in polygons], np.int64)
    parts = []
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        index = np.array([polygons[r] for r in rows], np.int64)
        if (index == 0).any():
            raise InputError("a face uses vertex 0", where=path, expected="OBJ indices count from 1")
        index = np.where(index < 0, index + before[rows][:, None], index - 1)
        for k in range(1, int(size) - 1):
            parts.append((rows * 1000 + k, index[:, [0, k, k + 1]]))
    if not parts:
        return np.zeros((0, 3), np.int64)
    order = np.argsort(np.concatenate([p[0] for p in parts]), kind="stable")
    return np.concatenate([p[1] for p in parts])[order]


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:120] + ("…" if len(text) > 120 else "")
