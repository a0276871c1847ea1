"""Points on a hand as functions of anatomical angles, with exact Jacobians, for Gauss-Newton.

A step of Gauss-Newton moves q = (rotation of the hand about the wrist, wrist, 45 anatomical angles): 51
numbers [rad, m, rad]. Everything that moves with the hand (a vertex, a joint, a point inside a bone) is a point
with skinning weights, so that one formula gives all derivatives: turning joint k by axis w moves point x by
w x (s - W p), where s and W sum the skinned copies and weights of x over k and the joints beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import roma
import torch
from torch import Tensor

from handhold.hand.model import Hand, HandParams, chain
from handhold.hand.skeleton import PARENTS

DOFS = 51
"""Rotation (3), wrist (3), anatomical angles (45)."""


@dataclass(frozen=True)
class HandState:
    """A batch of hands in anatomical coordinates.

    Attributes:
        rotation: (B, 3, 3) of the whole hand about the wrist.
        wrist: (B, 3) position of the wrist joint [m].
        angles: (B, 15, 3) flexion, abduction, twist [rad].
        betas: (B, S).
    """

    rotation: Tensor
    wrist: Tensor
    angles: Tensor
    betas: Tensor

    @staticmethod
    def from_params(hand: Hand, params: HandParams) -> HandState:
        """From smplx-style parameters with one batch axis."""
        root = hand.rest(params.betas)[1][:, 0]
        angles = hand.anatomy.angles(roma.rotvec_to_rotmat(params.hand_pose))
        return HandState(
            roma.rotvec_to_rotmat(params.global_orient), params.transl + root, angles, params.betas
        )

    def params(self, hand: Hand) -> HandParams:
        """To smplx-style parameters."""
        root = hand.joint_template[0] + self.betas @ hand.joint_directions[0].mT
        return HandParams(
            global_orient=roma.rotmat_to_rotvec(self.rotation),
            hand_pose=roma.rotmat_to_rotvec(hand.anatomy.rotations(self.angles)),
            betas=self.betas,
            transl=self.wrist - root,
        )

    def moved(self, hand: Hand, step: Tensor) -> HandState:
        """The state after a step (B, 51), angles kept within their limits."""
        turn = roma.rotvec_to_rotmat(step[:, :3])
        angles = hand.anatomy.clamp(self.angles + step[:, 6:].unflatten(-1, (15, 3)))
        return replace(self, rotation=turn @ self.rotation, wrist=self.wrist + step[:, 3:6], angles=angles)

    def select(self, index) -> HandState:
        """Some of the batch."""
        return HandState(self.rotation[index], self.wrist[index], self.angles[index], self.betas[index])

    @staticmethod
    def cat(states: list[HandState]) -> HandState:
        """One batch of several, in order."""
        parts = ([getattr(s, k) for s in states] for k in ("rotation", "wrist", "angles", "betas"))
        return HandState(*(torch.cat(p) for p in parts))

    def put(self, index: Tensor, other: HandState) -> HandState:
        """This batch with the rows of an index (N,) replaced by another's N rows."""
        return HandState(
            self.rotation.index_copy(0, index, other.rotation),
            self.wrist.index_copy(0, index, other.wrist),
            self.angles.index_copy(0, index, other.angles),
            self.betas.index_copy(0, index, other.betas),
        )

    def where(self, mask: Tensor, other: HandState) -> HandState:
        """This state where mask (B,) holds, the other elsewhere."""

        def pick(a: Tensor, b: Tensor) -> Tensor:
            return torch.where(mask.view(-1, *[1] * (a.ndim - 1)), a, b)

        return HandState(
            pick(self.rotation, other.rotation),
            pick(self.wrist, other.wrist),
            pick(self.angles, other.angles),
            pick(self.betas, other.betas),
        )


@dataclass(frozen=True)
class SkinnedPoints:
    """Points that move with the hand: rest positions (B, N, 3) [m] and skinning weights (N, 16)."""

    rest: Tensor
    weights: Tensor

    @staticmethod
    def join(parts: list[SkinnedPoints]) -> SkinnedPoints:
        """One set of all points, in order."""
        return SkinnedPoints(torch.cat([p.rest for p in parts], 1), torch.cat([p.weights for p in parts]))

    def __getitem__(self, index) -> SkinnedPoints:
        """Some of the points."""
        return SkinnedPoints(self.rest[:, index], self.weights[index])

    def select(self, batch) -> SkinnedPoints:
        """The points of some of the batch."""
        return SkinnedPoints(self.rest[batch], self.weights)


def surface_points(hand: Hand, betas: Tensor) -> SkinnedPoints:
    """All vertices of hands with shapes (B, S)."""
    return SkinnedPoints(hand.rest(betas)[0], hand.skin_weights)


def keypoint_points(hand: Hand, betas: Tensor) -> SkinnedPoints:
    """The 21 keypoints, MANO's order."""
    vertices, joints = hand.rest(betas)
    rest = torch.cat((joints, vertices[:, hand.tip_vertices]), 1)
    own = torch.eye(16, dtype=hand.dtype, device=hand.device)
    return SkinnedPoints(rest, torch.cat((own, hand.skin_weights[hand.tip_vertices])))


def bone_points(
    hand: Hand, betas: Tensor, bones: tuple[tuple[int, int], ...], fractions: Tensor
) -> SkinnedPoints:
    """Points inside bones, each carried by its bone's first joint.

    Args:
        hand: the hand.
        betas: (B, S).
        bones: pairs of keypoints, MANO's order.
        fractions: (K,) places along each bone, 0 at its first keypoint.

    Returns:
        len(bones) * K points, bone by bone.
    """
    keypoints = keypoint_points(hand, betas).rest
    start, end = (torch.tensor(side, device=hand.device) for side in zip(*bones, strict=True))
    a, b = keypoints[:, start, None], keypoints[:, end, None]
    points = (a + fractions.to(a)[:, None] * (b - a)).flatten(1, 2)
    weights = torch.eye(16, dtype=hand.dtype, device=hand.device)[start]
    return SkinnedPoints(points, weights.repeat_interleave(len(fractions), 0))


@dataclass(frozen=True)
class Pose:
    """Forward kinematics of a state: world rotations (B, 16, 3, 3), joints (B, 16, 3), affine maps (B, 16, 12)."""

    state: HandState
    rotation: Tensor
    position: Tensor
    affine: Tensor


def forward(hand: Hand, state: HandState) -> Pose:
    """Pose the skeleton."""
    joints = hand.joint_template + (state.betas @ hand.joint_directions.flatten(0, 1).mT).unflatten(
        -1, (16, 3)
    )
    local = torch.cat((state.rotation[:, None], hand.anatomy.rotations(state.angles)), 1)
    rotation, position = chain(local, joints)
    position = position + (state.wrist - joints[:, 0])[:, None]
    offset = position - (rotation @ joints[..., None]).squeeze(-1)
    return Pose(state, rotation, position, torch.cat((rotation, offset[..., None]), -1).flatten(-2))


def place(pose: Pose, points: SkinnedPoints) -> Tensor:
    """World positions (B, N, 3) of skinned points."""
    blended = (points.weights @ pose.affine).unflatten(-1, (3, 4))
    return torch.einsum("bnij,bnj->bni", blended[..., :3], points.rest) + blended[..., 3]


def directional_jacobian(hand: Hand, pose: Pose, points: SkinnedPoints, directions: Tensor) -> Tensor:
    """Derivative of each point's coordinate along a direction with respect to q.

    Args:
        hand: the hand.
        pose: from `forward`.
        points: N skinned points.
        directions: (B, N, 3), held fixed.

    Returns:
        (B, N, 51).
    """
    affine = pose.affine.unflatten(-1, (3, 4))
    copies = torch.einsum("bkij,bnj->bnki", affine[..., :3], points.rest) + affine[:, None, ..., 3]
    copies = copies * points.weights[..., None]  # (B, N, 16, 3) skinned copies by joint
    whole = copies.sum(2)
    fingers = copies[:, :, 1:].unflatten(2, (5, 3))
    carried = fingers.flip(3).cumsum(3).flip(3)  # over a joint and those beyond it
    share = points.weights[:, 1:].unflatten(1, (5, 3)).flip(2).cumsum(2).flip(2)
    arm = (carried - share[..., None] * pose.position[:, None, 1:].unflatten(2, (5, 3))).flatten(2, 3)
    moment = torch.linalg.cross(arm, directions[:, :, None].expand_as(arm))  # (w x a).d = w.(a x d)
    angles = torch.einsum("bnki,bkia->bnka", moment, angle_axes(hand, pose)).flatten(2)
    turn = torch.linalg.cross(whole - pose.position[:, :1], directions)
    return torch.cat((turn, directions, angles), -1)


def angle_axes(hand: Hand, pose: Pose) -> Tensor:
    """World axes of the 45 angles as columns, (B, 15, 3, 3)."""
    parents = pose.rotation[:, list(PARENTS[1:])]
    frames = parents @ hand.anatomy.frames
    flexion, abduction, _ = pose.state.angles.unbind(-1)
    cos_f, sin_f, cos_a, sin_a = flexion.cos(), flexion.sin(), abduction.cos(), abduction.sin()
    zero, one = torch.zeros_like(cos_f), torch.ones_like(cos_f)
    local = torch.stack(
        (
            torch.stack((one, zero, sin_a), -1),
            torch.stack((zero, cos_f, -sin_f * cos_a), -1),
            torch.stack((zero, sin_f, cos_f * cos_a), -1),
        ),
        -2,
    )
    return frames @ local


def keypoint_shape_jacobian(hand: Hand, pose: Pose) -> Tensor:
    """Derivative of the 21 keypoints with respect to the shape, wrist held, (B, 21, 3, S)."""
    moves = [torch.zeros_like(pose.rotation[:, 0] @ hand.joint_directions[0])]
    for joint in range(1, 16):
        parent = PARENTS[joint]
        step = hand.joint_directions[joint] - hand.joint_directions[parent]
        moves.append(moves[parent] + pose.rotation[:, parent] @ step)
    joints = torch.stack(moves, 1)  # (B, 16, 3, S)
    offsets = joints - pose.rotation @ hand.joint_directions
    weights = hand.skin_weights[hand.tip_vertices]
    blended = torch.einsum("tk,bkij->btij", weights, pose.rotation)
    tips = blended @ hand.shape_directions[hand.tip_vertices] + torch.einsum(
        "tk,bkis->btis", weights, offsets
    )
    return torch.cat((joints, tips), 1)


def damped_step(
    hand: Hand, state: HandState, hessian: Tensor, gradient: Tensor, *, damping: float | Tensor, limit: float
) -> Tensor:
    """One damped Gauss-Newton step within joint limits.

    Angles that stand at a limit and would be pushed beyond it are held; no rotation turns by more than `limit`.

    Args:
        hand: the hand.
        state: the present state.
        hessian: (B, 51 + E, 51 + E) J^T J; extra unknowns (the shape) come last.
        gradient: (B, 51 + E) J^T r.
        damping: added to the diagonal.
        limit: largest turn of a joint in this step [rad].

    Returns:
        (B, 51 + E).
    """
    lower, upper = hand.anatomy.lower, hand.anatomy.upper
    slope = gradient[:, 6:DOFS].unflatten(-1, (15, 3))
    held = ((state.angles <= lower + 1e-6) & (slope > 0)) | ((state.angles >= upper - 1e-6) & (slope < 0))
    free = torch.ones_like(gradient)
    free[:, 6:DOFS] = (~held).flatten(1).to(free)
    hessian = hessian * free[:, None] * free[:, :, None]
    diagonal = torch.as_tensor(damping, device=hessian.device, dtype=hessian.dtype).expand_as(gradient) + (
        1 - free
    )
    hessian = hessian + torch.diag_embed(diagonal)
    factor, info = torch.linalg.cholesky_ex(hessian)
    step = -torch.cholesky_solve((gradient * free)[..., None], factor).squeeze(-1)
    turns = torch.cat((step[:, :3], step[:, 6:DOFS]), -1).abs().amax(-1, keepdim=True)
    step = step * (limit / turns.clamp_min(limit))
    return torch.where((info == 0)[:, None] & step.isfinite().all(-1, keepdim=True), step, 0.0)
