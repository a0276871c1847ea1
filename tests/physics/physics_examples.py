"""Solids, hands and grasps to let fall."""

from dataclasses import replace

import numpy as np
import torch
import trimesh

from handhold.cli.demo_scene import HEIGHT, RADIUS, make_grasp
from handhold.hand import Hand
from handhold.interaction.grasp import Grasp
from handhold.objects import ObjectMesh

MIRROR = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)


def solid(mesh: trimesh.Trimesh, *, name: str = "thing") -> ObjectMesh:
    return ObjectMesh.from_arrays(np.array(mesh.vertices), np.array(mesh.faces), name=name)


def slab(size, centre):
    """A box as one convex piece."""
    mesh = trimesh.creation.box(size)
    return np.array(mesh.vertices) + centre, np.array(mesh.faces)


def clamp(*, gap: float, thick: float = 0.02):
    """Two slabs across z that face each other at a distance."""
    return [slab([0.1, 0.1, thick], [0, 0, side * (gap + thick) / 2]) for side in (-1, 1)]


def cylinder_grasp() -> Grasp:
    """The demo's right hand around a can of the mug's size, which it squeezes a little."""
    hand = Hand.open("right", dtype=torch.float64)
    can = trimesh.creation.cylinder(RADIUS + 0.001, HEIGHT, sections=48)
    can.apply_translation([0, 0, HEIGHT / 2])
    return Grasp(
        hand, make_grasp(hand), solid(can, name="can"), torch.eye(4, dtype=torch.float64), name="demo"
    )


def mirrored(grasp: Grasp) -> Grasp:
    """The same grasp of a left hand, mirrored in x."""
    params = grasp.params
    turned = -MIRROR  # a mirrored rotation vector
    params = replace(
        params,
        global_orient=params.global_orient * turned,
        hand_pose=params.hand_pose * turned,
        transl=params.transl * MIRROR,
    )
    item = grasp.object
    reflected = ObjectMesh.from_arrays(item.vertices * MIRROR.numpy(), item.faces[:, ::-1], name="mirrored")
    return grasp.with_(hand=Hand.open("left", dtype=torch.float64), params=params, object=reflected)


def moved(grasp: Grasp, rotation: torch.Tensor, translation: torch.Tensor) -> Grasp:
    """Hand and object carried by one rigid motion."""
    import roma

    wrist = grasp.hand.joint_template[0] + grasp.params.betas @ grasp.hand.joint_directions[0].mT
    orient = roma.rotmat_to_rotvec(rotation @ roma.rotvec_to_rotmat(grasp.params.global_orient))
    transl = rotation @ (grasp.params.transl + wrist) + translation - wrist
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3], pose[:3, 3] = rotation, translation
    params = replace(grasp.params, global_orient=orient, transl=transl)
    return grasp.with_(params=params, T_world_object=pose @ grasp.T_world_object)
