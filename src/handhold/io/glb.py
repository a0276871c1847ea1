"""Grasps and motions as one glTF 2.0 binary: the object, and the hand with its skeleton and skin weights.

The hand's mesh is its flat rest shape; the skeleton poses it. What skinning cannot say (soft tissue, MANO's
pose correctives) is a morph target: the difference to the final surface, carried back to the rest frame,
since glTF morphs before it skins.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import roma
import torch

from handhold.geometry.mesh import vertex_normals
from handhold.hand.skeleton import FINGER_CHAINS, JOINT_NAMES, PARENTS, TIP_NAMES
from handhold.interaction.grasp import Grasp
from handhold.io.gltf import INDICES, VERTICES, Buffer, write_glb
from handhold.io.rig import Rig, make_rig
from handhold.io.scene import Up
from handhold.objects import ObjectMesh
from handhold.version import __version__

MORPH_FRAMES = 240
"""A motion longer than this goes without its morph targets: one a frame would be too much for viewers."""
CREASE = float(np.radians(35.0))
"""[rad] Object edges sharper than this stay sharp."""

SKIN = [0.78, 0.50, 0.36, 1.0]  # linear RGB
GREY_BLUE = [0.22, 0.31, 0.40, 1.0]
Z_UP_TO_Y_UP = [-(0.5**0.5), 0.0, 0.0, 0.5**0.5]

ROOT, OBJECT, HAND, WRIST = 0, 1, 2, 3  # nodes; the other joints and the tips follow the wrist


@dataclass(frozen=True)
class Track:
    """One property of one node over time: (T, C)."""

    node: int
    path: str
    values: np.ndarray


def save_glb(grasp: Grasp, path: str | Path, *, up: Up = "z") -> None:
    """Write a grasp, or a motion as an animation, for Blender, three.js, game engines and the like.

    Lengths are metres; a root node turns the world's upward axis to glTF's +Y. Skinned and morphed, the hand
    equals `grasp.surface()` to 0.1 mm; without the morph, the fitted hand. Vertices that more than four
    joints move have a second set of weights; a viewer that ignores it (three.js does) is off by up to 1.4 mm
    at a few vertices of the open hand's palm.

    Args:
        grasp: one grasp or a motion, no other batch axes.
        path: the `.glb` to write.
        up: the world's upward axis.

    Raises:
        InputError: the file cannot be written.
    """
    buffer = Buffer()
    rig = make_rig(grasp, most_corrected=MORPH_FRAMES if grasp.is_motion else 1)
    shown = np.zeros(0, int) if rig.corrections is None else np.flatnonzero(rig.corrections.any((1, 2)))
    tracks = _tracks(grasp, rig)
    nodes = _nodes(grasp, rig, up)
    for track in tracks:
        nodes[track.node][track.path] = track.values[0].tolist()
    document: dict[str, Any] = {
        "asset": _asset(grasp, rig),
        "scene": 0,
        "scenes": [
            {"name": grasp.name, "nodes": [ROOT, HAND]}
        ],  # a skinned mesh stands where its skeleton does
        "nodes": nodes,
        "meshes": [_object_mesh(buffer, grasp.object), _hand_mesh(buffer, grasp, rig, shown)],
        "materials": [_material("object", GREY_BLUE, 0.45), _material("skin", SKIN, 0.7)],
        "skins": [_skin(buffer, rig)],
    }
    if grasp.is_motion and grasp.fps:
        if len(shown):
            tracks.append(Track(HAND, "weights", np.eye(len(rig.wrist))[:, shown]))
        document["animations"] = [_animation(buffer, tracks, grasp.fps)]
    write_glb(document, buffer, path)


def _asset(grasp: Grasp, rig: Rig) -> dict[str, Any]:
    hand = grasp.hand
    licence = (
        "hand mesh: CC0 1.0" if hand.name == "open" else "hand mesh: derived from MANO, under MANO's licence"
    )
    extras = {
        "hand_model": hand.name,
        "hand_model_version": hand.version,
        "side": hand.side,
        "licence": licence,
    }
    if grasp.instruction:
        extras["instruction"] = grasp.instruction
    if len(rig.wrist) > MORPH_FRAMES:
        extras["soft_tissue"] = f"left out: the motion is longer than {MORPH_FRAMES} frames"
    return {"version": "2.0", "generator": f"handhold {__version__}", "extras": extras}


def _nodes(grasp: Grasp, rig: Rig, up: Up) -> list[dict[str, Any]]:
    """Root, object, hand, the 16 joints and five tips at rest."""
    children: dict[int, list[int]] = {}
    skeleton = []
    for joint, parent in enumerate(PARENTS):
        place = rig.joints[joint] - (rig.joints[parent] if joint else 0)
        skeleton.append({"name": JOINT_NAMES[joint], "translation": place.tolist()})
        children.setdefault(parent, []).append(WRIST + joint)
    for tip, chain in enumerate(FINGER_CHAINS.values()):
        place = rig.tips[tip] - rig.joints[chain[2]]
        skeleton.append({"name": TIP_NAMES[tip], "translation": place.tolist()})
        children.setdefault(chain[2], []).append(WRIST + 16 + tip)
    for joint in range(16):
        skeleton[joint]["children"] = children[joint]
    rotation = Z_UP_TO_Y_UP if up == "z" else [0.0, 0.0, 0.0, 1.0]
    root = {"name": "world", "children": [OBJECT, WRIST], "rotation": rotation}
    item = {"name": grasp.object.name, "mesh": 0}
    return [root, item, {"name": f"{grasp.hand.side}_hand", "mesh": 1, "skin": 0}, *skeleton]


def _tracks(grasp: Grasp, rig: Rig) -> list[Track]:
    """What moves: every joint's rotation, the wrist's place, the object's pose."""
    pose = grasp.T_world_object.detach().cpu().double().reshape(-1, 4, 4)
    turns = roma.rotmat_to_unitquat(pose[:, :3, :3])
    flips = torch.where((turns[1:] * turns[:-1]).sum(-1) < 0, -1.0, 1.0).cumprod(0)
    turns[1:] *= flips[:, None]
    tracks = [Track(WRIST + joint, "rotation", rig.rotations[:, joint]) for joint in range(16)]
    tracks.append(Track(WRIST, "translation", rig.wrist))
    tracks.append(Track(OBJECT, "rotation", turns.numpy()))
    tracks.append(Track(OBJECT, "translation", pose[:, :3, 3].numpy()))
    return tracks


def _object_mesh(buffer: Buffer, item: ObjectMesh) -> dict[str, Any]:
    import trimesh

    smooth = trimesh.graph.smooth_shade(
        trimesh.Trimesh(item.vertices, item.faces, process=False), angle=CREASE
    )
    return {"name": item.name, "primitives": [_surface(buffer, smooth.vertices, smooth.faces, material=0)]}


def _hand_mesh(buffer: Buffer, grasp: Grasp, rig: Rig, shown: np.ndarray) -> dict[str, Any]:
    """The rest hand with its skin weights, and a morph target for each corrected frame."""
    surface = _surface(buffer, rig.vertices, grasp.hand.faces.cpu().numpy(), material=1)
    for k in range(rig.skin_weights.shape[1] // 4):
        part = slice(4 * k, 4 * k + 4)
        joints, weights = (
            rig.skin_joints[:, part].astype(np.uint8),
            rig.skin_weights[:, part].astype(np.float32),
        )
        surface["attributes"][f"JOINTS_{k}"] = buffer.add(joints, target=VERTICES)
        surface["attributes"][f"WEIGHTS_{k}"] = buffer.add(weights, target=VERTICES)
    mesh: dict[str, Any] = {"name": f"{grasp.hand.name}_hand", "primitives": [surface]}
    if rig.corrections is not None:
        corrections = rig.corrections.astype(np.float32)
        surface["targets"] = [{"POSITION": buffer.add_displacements(corrections[frame])} for frame in shown]
        mesh["weights"] = [1.0 if frame == 0 else 0.0 for frame in shown]
        names = [f"soft_tissue_{frame:03d}" for frame in shown] if grasp.is_motion else ["soft_tissue"]
        mesh["extras"] = {"targetNames": names}
    return mesh


def _surface(buffer: Buffer, vertices: np.ndarray, faces: np.ndarray, *, material: int) -> dict[str, Any]:
    """A primitive with positions and smooth normals."""
    vertices, faces = np.asarray(vertices, np.float32), np.asarray(faces)
    normals = vertex_normals(torch.from_numpy(vertices).double(), torch.from_numpy(faces).long()).numpy()
    normals[np.linalg.norm(normals, axis=-1) < 0.5] = (
        0,
        0,
        1,
    )  # vertices without area; glTF wants unit normals
    attributes = {
        "POSITION": buffer.add(vertices, target=VERTICES, bounds=True),
        "NORMAL": buffer.add(normals.astype(np.float32), target=VERTICES),
    }
    indices = buffer.add(faces.astype(np.uint32).ravel(), target=INDICES)
    return {"attributes": attributes, "indices": indices, "material": material}


def _skin(buffer: Buffer, rig: Rig) -> dict[str, Any]:
    inverse = np.tile(np.eye(4, dtype=np.float32), (16, 1, 1))
    inverse[:, 3, :3] = -rig.joints  # column-major
    joints = list(range(WRIST, WRIST + 16))
    return {"name": "hand", "joints": joints, "skeleton": WRIST, "inverseBindMatrices": buffer.add(inverse)}


def _animation(buffer: Buffer, tracks: list[Track], fps: float) -> dict[str, Any]:
    times = buffer.add((np.arange(len(tracks[0].values)) / fps).astype(np.float32), bounds=True)
    samplers, channels = [], []
    for track in tracks:
        values = track.values.astype(np.float32)
        if track.path == "weights":
            values = values.ravel()
        channels.append({"sampler": len(samplers), "target": {"node": track.node, "path": track.path}})
        samplers.append({"input": times, "output": buffer.add(values), "interpolation": "LINEAR"})
    return {"name": "motion", "samplers": samplers, "channels": channels}


def _material(name: str, colour: list[float], roughness: float) -> dict[str, Any]:
    surface = {"baseColorFactor": colour, "metallicFactor": 0.0, "roughnessFactor": roughness}
    return {"name": name, "pbrMetallicRoughness": surface, "doubleSided": True}
