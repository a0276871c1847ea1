"""Folders of meshes, a grasp each, as generators of grasps write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from handhold.errors import InputError
from handhold.interaction.hand_object import HandObject
from handhold.io.hand_mesh import check_hand_size, whole_hand
from handhold.io.peers import object_notes
from handhold.io.values import LARGEST_COORDINATE, existing, within
from handhold.objects import ObjectMesh
from handhold.objects.doctor import SEAM
from handhold.objects.formats import FORMATS, read_mesh, unit_scale
from handhold.objects.repair import drop_unreferenced, merge_seams

HAND = re.compile(r"(?P<name>.+)_hand", re.IGNORECASE)
OBJECT = re.compile(r"(?P<name>.+)_(object|obj)", re.IGNORECASE)
ONE_OBJECT = ("object", "obj")
DOCUMENTS = (".json", ".npz")
NAMING = "<name>_hand.ply with <name>_object.ply (or _obj), or hands beside one object.ply"


@dataclass(frozen=True)
class _Files:
    """One grasp's files."""

    name: str
    hand: Path
    object: Path


def read_mesh_folder(
    folder: str | Path,
    *,
    object_path: str | Path | None = None,
    units: str | None = None,
    failed: Callable[[Path, InputError], None] | None = None,
) -> list[HandObject]:
    """Grasps of a folder of meshes, in one frame a grasp; sorted by name.

    With `object_path`, every other mesh in the folder is a hand that holds it. Without, hands and objects come
    in pairs, `<name>_hand.ply` with `<name>_object.ply` or `<name>_obj.ply`; or `object.ply` is the object of
    all hands beside it. Hands are read as they are, but that vertices are joined that the format splits (STL),
    and a wrist is closed.

    Args:
        folder: holds OBJ, PLY, STL, GLB, GLTF or OFF files; others, and hidden ones, are passed over.
        object_path: the one object.
        units: "m", "mm", "cm" or "in" of all the meshes; None means metres.
        failed: is told the hand's file and the error of a grasp that cannot be used; the others are read all the
            same. None raises the error.

    Returns:
        A grasp each, in metres; hands with one object share one `ObjectMesh`.

    Raises:
        InputError: no meshes, a hand without an object or the reverse, two hands of one name, or a mesh that
            cannot be used.
    """
    folder, scale = Path(folder), unit_scale(units)
    objects: dict[Path, ObjectMesh] = {}
    grasps = []
    for files in _find(folder, None if object_path is None else Path(object_path)):
        try:
            if files.object not in objects:
                objects[files.object] = ObjectMesh.load(files.object, units=units)
            grasps.append(_grasp(files, objects[files.object], scale))
        except InputError as error:
            if failed is None:
                raise
            failed(files.hand, error)
    return grasps


def looks_like_mesh_folder(path: str | Path) -> bool:
    """Whether a folder holds meshes of hands by their names, or meshes and no scenes or results."""
    path = Path(path)
    if not path.is_dir():
        return False
    meshes = _meshes(path)
    if any(HAND.fullmatch(mesh.stem) for mesh in meshes):
        return True
    return bool(meshes) and not any(
        p.suffix.lower() in DOCUMENTS and p.name != "report.json" for p in path.iterdir()
    )


def _meshes(folder: Path) -> list[Path]:
    return sorted(
        p
        for p in folder.iterdir()
        if p.suffix.lower() in FORMATS and not p.name.startswith(".") and p.is_file()
    )


def _find(folder: Path, object_path: Path | None) -> list[_Files]:
    """Which hand goes with which object."""
    if not folder.is_dir():
        got = "a file" if folder.exists() else "nothing there"
        raise InputError("is not a folder", where=folder, expected="a folder of meshes", got=got)
    meshes = _meshes(folder)
    if object_path is not None:
        existing(object_path, where="--object")
        meshes = [mesh for mesh in meshes if mesh.resolve() != object_path.resolve()]
    if not meshes:
        below = sorted({p.parent.name for p in folder.glob("*/*") if p.suffix.lower() in FORMATS})
        raise InputError(
            "has no meshes of hands in it",
            where=folder,
            expected=f"files {', '.join(FORMATS)}",
            remedy=f"There are some in {', '.join(below[:5])}: name that folder." if below else None,
        )
    if object_path is not None:
        found = _one_object(folder, meshes, object_path)
    else:
        common = [mesh for mesh in meshes if mesh.stem.lower() in ONE_OBJECT]
        if len(common) > 1:
            got = ", ".join(mesh.name for mesh in common)
            raise InputError("has two objects", where=folder, expected="one for all hands", got=got)
        rest = [mesh for mesh in meshes if mesh not in common]
        found = _one_object(folder, rest, common[0]) if common else _pairs(folder, meshes)
    _check_names(folder, found)
    return found


def _one_object(folder: Path, hands: list[Path], object_path: Path) -> list[_Files]:
    more = [mesh.name for mesh in hands if OBJECT.fullmatch(mesh.stem) or mesh.stem.lower() in ONE_OBJECT]
    if more:
        raise InputError(
            "has objects beside the one for all hands",
            where=folder,
            expected=f"hands only, as {object_path.name} is the object",
            got=", ".join(more[:5]),
            remedy="Leave out --object if hands and objects come in pairs.",
        )
    if not hands:
        raise InputError("has an object and no hand", where=folder, got=object_path.name)
    return [_Files(_name(mesh), mesh, object_path) for mesh in hands]


def _pairs(folder: Path, meshes: list[Path]) -> list[_Files]:
    hands, objects, others = [], {}, []
    for mesh in meshes:
        if HAND.fullmatch(mesh.stem):
            hands.append(mesh)
        elif match := OBJECT.fullmatch(mesh.stem):
            if match["name"] in objects:
                got = f"{objects[match['name']].name} and {mesh.name}"
                raise InputError("two objects of one name", where=folder, got=got, remedy="Remove one.")
            objects[match["name"]] = mesh
        else:
            others.append(mesh.name)
    if not hands or others:
        raise InputError(
            "has meshes that are neither hands nor objects by their names",
            where=folder,
            expected=NAMING,
            got=", ".join((others or [m.name for m in meshes])[:5]),
            remedy="If they are hands that hold one object, give it: --object PATH.",
        )
    found = [_Files(_name(hand), hand, objects[_name(hand)]) for hand in hands if _name(hand) in objects]
    alone = [hand.name for hand in hands if _name(hand) not in objects]
    alone += [mesh.name for name, mesh in objects.items() if name not in {_name(hand) for hand in hands}]
    if alone:
        raise InputError(
            "has hands without an object, or objects without a hand",
            where=folder,
            expected=NAMING,
            got=", ".join(alone[:5]),
        )
    return found


def _name(hand: Path) -> str:
    match = HAND.fullmatch(hand.stem)
    return match["name"] if match else hand.stem


def _check_names(folder: Path, found: list[_Files]) -> None:
    for one, other in pairwise(found):
        if one.name == other.name:
            got = f"{one.hand.name} and {other.hand.name}"
            raise InputError("two hands have one name", where=folder, got=got, remedy="Remove one of them.")


def _grasp(files: _Files, obj: ObjectMesh, scale: float) -> HandObject:
    vertices, faces = read_mesh(files.hand)
    where = str(files.hand)
    _check_finite(vertices, where)
    vertices = within(vertices * scale, limit=LARGEST_COORDINATE, where=where, remedy="Check --units.")
    vertices, faces, merged = _sewn(vertices, faces)
    check_hand_size(vertices, where=where)
    faces, (vertices,), notes = whole_hand(faces, vertices)
    return HandObject(
        name=files.name,
        hand_vertices=vertices,
        hand_faces=faces,
        object=obj,
        T_world_object=np.eye(4),
        no_model="a mesh names no hand model",
        notes=(*merged, *notes, *object_notes(obj)),
    )


def _check_finite(vertices: np.ndarray, where: str) -> None:
    bad = ~np.isfinite(vertices).all(1)
    if bad.any():
        got = f"NaN or inf in {int(bad.sum())} of {len(vertices)} vertices"
        raise InputError("is not finite", where=where, expected="finite numbers", got=got)


def _sewn(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Vertices joined that lie in one place along open edges: else no STL is closed."""
    extent = float(np.ptp(vertices, axis=0).max())
    sewn, count = merge_seams(vertices, faces, tolerance=SEAM * extent)
    if not count:
        return vertices, faces, ()
    return *drop_unreferenced(vertices, sewn), (f"{count} vertices of the hand in one place were joined",)
