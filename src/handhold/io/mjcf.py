"""Grasps as MuJoCo scenes: the hand in convex bones, the object free and with its true mass."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import torch

from handhold.errors import InputError
from handhold.hand.hulls import bones_of_model, hand_pieces
from handhold.interaction.grasp import Grasp
from handhold.io.files import writing, writing_folder
from handhold.io.scene import Up
from handhold.objects.inertia import Inertia, true_inertia
from handhold.objects.pieces import convex_pieces

GRAVITY = 9.81
VISUAL, COLLISION = "2", "3"
"""Geom groups; MuJoCo's viewer shows the first and hides the second."""


def save_mjcf(
    grasp: Grasp,
    path: str | Path,
    *,
    frame: int = 0,
    up: Up = "z",
    density: float = 400.0,
    friction: float = 0.8,
    ground: float | None = None,
) -> None:
    """Write a MuJoCo model: `path`, and the folder `<stem>_assets` with its meshes beside it.

    The world frame is the grasp's. The body "hand" is a mocap body at the wrist, one convex hull a bone and the
    palm in four, from the final surface; the body "object" is free, of convex pieces, with the mass and
    inertia of its true shape where the mesh is a solid, else of its pieces. The true shapes are there to be
    seen (group 2, no contact).

    Args:
        grasp: one grasp or a motion.
        path: the `.xml` to write.
        frame: the frame of a motion.
        up: the world's upward axis; gravity points the other way.
        density: of the object [kg/m³].
        friction: sliding friction of hand and object.
        ground: height of a floor [m], or None for no floor.

    Raises:
        InputError: the frame is not there, or the files cannot be written.
        MissingExtra: coacd is not installed (and the object is not convex).
    """
    path = Path(path)
    folder = _own_folder(path.with_name(f"{path.stem}_assets"))
    grasp = _one_frame(grasp, frame)
    pieces = convex_pieces(grasp.object)
    with torch.no_grad():
        surface = grasp.surface()
        wrist = surface.T_world_joint[0].cpu().double().numpy()
        vertices = surface.vertices.cpu().double().numpy()
    local = (vertices - wrist[:3, 3]) @ wrist[:3, :3]
    meshes = {f"hand_{name}": hull for name, hull in hand_pieces(local, bones_of_model(grasp.hand)).items()}
    meshes |= {f"object_{i}": piece for i, piece in enumerate(pieces)}
    hand_names = [name for name in meshes if name.startswith("hand_")]
    object_names = [name for name in meshes if name.startswith("object_")]
    meshes["visual_hand"] = (local, grasp.hand.faces.cpu().numpy())
    meshes["visual_object"] = (grasp.object.vertices, grasp.object.faces)

    model = _model(grasp.name, up, friction, ground, folder=folder.name, meshes=list(meshes))
    world = _child(model, "worldbody")
    _surroundings(world, up, ground)
    hand = _child(world, "body", name="hand", mocap="true", **_place(wrist))
    _geoms(hand, hand_names, "visual_hand", rgba="0.88 0.72 0.62 1")
    pose = grasp.T_world_object.detach().cpu().double().numpy()
    item = _child(world, "body", name="object", **_place(pose))
    _child(item, "freejoint", name="object")
    inertia = true_inertia(grasp.object, density=density)
    if inertia is not None:
        _child(item, "inertial", **_inertial(inertia))
    _geoms(item, object_names, "visual_object", rgba="0.51 0.59 0.66 1", density=density)

    ET.indent(model)
    with writing(path) as draft, writing_folder(folder) as assets:
        for name, (vertices, faces) in meshes.items():
            _write_obj(vertices, faces, assets / f"{name}.obj")
        ET.ElementTree(model).write(draft, encoding="utf-8", xml_declaration=True)


def _own_folder(folder: Path) -> Path:
    """The assets' folder, if replacing it destroys nothing of the user's."""
    if folder.exists() and not (folder.is_dir() and all(p.suffix == ".obj" for p in folder.iterdir())):
        raise InputError(
            "would be replaced, and holds other files than meshes of ours",
            where=folder,
            remedy="Choose another name.",
        )
    return folder


def _one_frame(grasp: Grasp, frame: int) -> Grasp:
    count = len(grasp.params.transl) if grasp.is_motion else 1
    if not -count <= frame < count:
        raise InputError("no such frame", where="frame", expected=f"0 to {count - 1}", got=frame)
    if not grasp.is_motion:
        return grasp
    offsets = None if grasp.offsets is None else grasp.offsets[frame]
    return grasp.with_(
        params=grasp.params[frame], T_world_object=grasp.T_world_object[frame], offsets=offsets, fps=None
    )


def _model(
    name: str, up: Up, friction: float, ground: float | None, *, folder: str, meshes: list[str]
) -> ET.Element:
    """Everything above the world's bodies."""
    model = ET.Element("mujoco", model=name)
    _child(model, "compiler", angle="radian", meshdir=folder, autolimits="true")
    gravity = f"0 0 {-GRAVITY}" if up == "z" else f"0 {-GRAVITY} 0"
    _child(model, "option", gravity=gravity, timestep="0.002", integrator="implicitfast", cone="elliptic")
    defaults = _child(model, "default")
    _child(defaults, "geom", friction=f"{friction:g} 0.005 0.0001", condim="4")
    visual = _child(defaults, "default", kind="visual")
    _child(visual, "geom", group=VISUAL, contype="0", conaffinity="0", mass="0")
    collision = _child(defaults, "default", kind="collision")
    _child(collision, "geom", group=COLLISION)
    assets = _child(model, "asset")
    for mesh in meshes:
        # Seen shapes may be open or thin; the inertia of their shell is never used but must exist.
        shell = {"inertia": "shell"} if mesh.startswith("visual_") else {}
        _child(assets, "mesh", name=mesh, file=f"{mesh}.obj", **shell)
    return model


def _surroundings(world: ET.Element, up: Up, ground: float | None) -> None:
    """A light from above, and the floor."""
    down = "0 0 -1" if up == "z" else "0 -1 0"
    above = "0 0 3" if up == "z" else "0 3 0"
    _child(world, "light", pos=above, dir=down, directional="true")
    if ground is not None:
        place = f"0 0 {ground!r}" if up == "z" else f"0 {ground!r} 0"
        _child(
            world,
            "geom",
            name="ground",
            type="plane",
            size="1 1 0.1",
            pos=place,
            zaxis=above,
            rgba="0.9 0.9 0.9 1",
        )


def _geoms(
    body: ET.Element, names: list[str], visual: str, *, rgba: str, density: float | None = None
) -> None:
    mass = {} if density is None else {"density": repr(float(density))}
    for name in names:
        _child(body, "geom", kind="collision", name=name, type="mesh", mesh=name, **mass)
    _child(body, "geom", kind="visual", name=visual, type="mesh", mesh=visual, rgba=rgba)


def _inertial(inertia: Inertia) -> dict[str, str]:
    t = inertia.tensor
    six = (t[0, 0], t[1, 1], t[2, 2], t[0, 1], t[0, 2], t[1, 2])
    return {"mass": repr(inertia.mass), "pos": _numbers(inertia.centre), "fullinertia": _numbers(six)}


def _place(pose: np.ndarray) -> dict[str, str]:
    """Position and quaternion (wxyz) of a rigid pose."""
    import roma

    x, y, z, w = roma.rotmat_to_unitquat(torch.from_numpy(pose[:3, :3].copy())).tolist()
    return {"pos": _numbers(pose[:3, 3]), "quat": _numbers((w, x, y, z))}


def _write_obj(vertices: np.ndarray, faces: np.ndarray, path: Path) -> None:
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in np.asarray(vertices).tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (np.asarray(faces) + 1).tolist()]
    path.write_text("\n".join(lines) + "\n")


def _numbers(values) -> str:
    return " ".join(f"{float(v):.12g}" for v in values)


def _child(parent: ET.Element, tag: str, *, kind: str = "", **attributes: str) -> ET.Element:
    """A new element; `kind` is its class, which Python keeps for itself."""
    return ET.SubElement(parent, tag, ({"class": kind} if kind else {}) | attributes)
