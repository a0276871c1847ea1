"""Grasps and motions to write and read."""

import numpy as np
import roma
import torch

from handhold.hand.model import Hand, HandParams
from handhold.hand.skeleton import MANO_FROM_OPENPOSE, OPENPOSE_FROM_MANO
from handhold.interaction.grasp import Grasp
from handhold.objects import ObjectMesh

BOX_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
BOX_FACES = np.array(
    [
        *([0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1]),
        *([2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]),
    ]
)
TURN = roma.rotvec_to_rotmat(torch.tensor([0.3, -0.5, 0.8], dtype=torch.float64))


def curled(hand: Hand, *, angle: float = 0.6) -> torch.Tensor:
    """(15, 3) every finger joint flexed by an angle [rad]."""
    angles = torch.zeros(15, 3, dtype=hand.dtype)
    angles[:12, 0] = angle
    return roma.rotmat_to_rotvec(hand.anatomy.rotations(angles))


def box(*, half=(0.03, 0.02, 0.05), name: str = "box") -> ObjectMesh:
    return ObjectMesh.from_arrays(BOX_CORNERS * half, BOX_FACES, name=name)


def pose(*, translation=(0.05, -0.03, 0.4)) -> torch.Tensor:
    matrix = torch.eye(4, dtype=torch.float64)
    matrix[:3, :3], matrix[:3, 3] = TURN, torch.tensor(translation, dtype=torch.float64)
    return matrix


def make_grasp(side="right", *, seed: int = 0, soft: bool = True) -> Grasp:
    """A curled hand with every parameter at work, beside a box."""
    hand = Hand.open(side)
    generator = torch.Generator().manual_seed(seed)
    noise = lambda *size: torch.randn(*size, generator=generator)
    params = HandParams(
        global_orient=torch.tensor([0.4, 1.1, -0.7]),
        hand_pose=curled(hand) + 0.1 * noise(15, 3),
        betas=noise(hand.shapes),
        transl=torch.tensor([0.1, -0.05, 0.45]),
    )
    offsets = 0.003 * noise(len(hand.template), 3) if soft else None
    return Grasp(
        hand, params, box(), pose().float(), offsets=offsets, instruction="hold the box", name=f"{side}_grasp"
    )


def make_motion(*, frames: int = 5, soft: bool = True, seed: int = 0) -> Grasp:
    """A hand that turns, opens and travels with a box; its shape stays."""
    still = make_grasp(seed=seed)
    time = torch.linspace(0, 1, frames)
    params = HandParams(
        global_orient=still.params.global_orient + time[:, None] * torch.tensor([1.0, 2.0, 0.5]),
        hand_pose=still.params.hand_pose * (1 - 0.5 * time[:, None, None]),
        betas=still.params.betas.expand(frames, -1),
        transl=still.params.transl + time[:, None] * torch.tensor([0.2, 0.0, 0.1]),
    )
    generator = torch.Generator().manual_seed(seed)
    offsets = 0.002 * torch.randn(frames, len(still.hand.template), 3, generator=generator) if soft else None
    poses = still.T_world_object.repeat(frames, 1, 1)
    poses[:, :3, :3] = roma.rotvec_to_rotmat(time[:, None] * torch.tensor([0.0, 4.0, 1.0])) @ poses[:, :3, :3]
    poses[:, 2, 3] += 0.1 * time
    return still.with_(params=params, offsets=offsets, T_world_object=poses, fps=30.0, name="motion")


def to_mano(keypoints):
    return np.asarray(keypoints)[..., list(MANO_FROM_OPENPOSE), :]


def to_openpose(keypoints):
    return np.asarray(keypoints)[..., list(OPENPOSE_FROM_MANO), :]
