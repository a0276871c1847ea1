"""Many grasps as rows of one batch, each in the frame of its own object: what optimizers work on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.geometry.grid_distance import GridDistance
from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.interaction.grasp import Grasp
from handhold.objects import ObjectMesh

FieldKind = Literal["auto", "exact", "grid"]


@dataclass(frozen=True)
class Rows:
    """B hands, one object each; frames of a motion are rows too.

    Attributes:
        hand: the hand model that all share.
        state: hands in the frames of their objects.
        observed: (B, 21, 3) observed keypoints, MANO's order, in the objects' frames [m]; NaN where missing.
        objects: the distinct objects.
        index: (B,) long, the object of each row.
        field: "exact" (libigl, CPU) or "grid" (trilinear, any device) signed distance.
    """

    hand: Hand
    state: HandState
    observed: Tensor
    objects: tuple[ObjectMesh, ...]
    index: Tensor
    field: Literal["exact", "grid"] = "exact"

    def __len__(self) -> int:
        return len(self.index)

    @staticmethod
    def from_grasps(grasps: list[Grasp], *, field: FieldKind = "auto") -> Rows:
        """Flatten grasps and motions that share one hand model.

        Raises:
            InputError: no grasps, or different hand models.
        """
        if not grasps:
            raise InputError("nothing to do", where="grasps", expected="at least one")
        hand = grasps[0].hand
        if any(
            (g.hand.name, g.hand.version, g.hand.side) != (hand.name, hand.version, hand.side) for g in grasps
        ):
            raise InputError(
                "different hand models in one batch", where="grasps", expected="one model and side"
            )
        objects: dict[str, ObjectMesh] = {}
        states, observed, index = [], [], []
        for grasp in grasps:
            state, pose = _flat_state(grasp), _flat_pose(grasp)
            objects.setdefault(grasp.object.content_hash, grasp.object)
            index += [list(objects).index(grasp.object.content_hash)] * len(pose)
            states.append(_into(state, pose))
            seen = grasp.keypoints if grasp.keypoints is not None else grasp.surface().joints
            seen = seen.reshape(-1, 21, 3)
            observed.append((seen - pose[:, None, :3, 3]) @ pose[:, :3, :3])
        kind = field if field != "auto" else ("exact" if hand.device.type == "cpu" else "grid")
        return Rows(
            hand=hand,
            state=HandState.cat(states),
            observed=torch.cat(observed),
            objects=tuple(objects.values()),
            index=torch.tensor(index, device=hand.device),
            field=kind,
        )

    def to_grasps(self, grasps: list[Grasp], state: HandState, offsets: Tensor | None) -> list[Grasp]:
        """Results as grasps again, in the world frame, shaped as the grasps they came from."""
        results, start = [], 0
        for grasp in grasps:
            pose = _flat_pose(grasp)
            rows = slice(start, start + len(pose))
            start += len(pose)
            params = _out_of(state.select(rows), pose).params(self.hand)
            moved = None if offsets is None else offsets[rows] @ pose[:, :3, :3].mT
            if not grasp.is_motion:
                params, moved = params[0], None if moved is None else moved[0]
            results.append(grasp.with_(params=params, offsets=moved))
        return results

    def select(self, rows: Tensor) -> Rows:
        """Some of the rows."""
        return Rows(
            self.hand,
            self.state.select(rows),
            self.observed[rows],
            self.objects,
            self.index[rows],
            self.field,
        )

    def distance(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Signed distance (B, N) [m] of points (B, N, 3) to each row's object and its gradient (B, N, 3)."""
        row = torch.arange(len(self), device=points.device).repeat_interleave(points.shape[1])
        distance, gradient = self.distance_at(points.flatten(0, 1), row)
        return distance.view(points.shape[:-1]), gradient.view(points.shape)

    def distance_at(self, points: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
        """Signed distance (M,) [m] of points (M, 3) that belong to rows (M,), and its gradient (M, 3)."""
        which = self.index[row]
        if self.field == "grid":
            distance, gradient = self._grids.query(points[:, None], which)
            return distance[:, 0], gradient[:, 0]
        distance, gradient = torch.empty(len(points)), torch.empty(points.shape)
        for k, obj in enumerate(self.objects):
            own = torch.nonzero(which == k).squeeze(-1).cpu()
            if len(own):
                found = obj.distance.query(_array(points[own]))
                distance[own] = torch.from_numpy(found.distance).float()
                gradient[own] = torch.from_numpy(found.normal).float()
        return distance.to(points), gradient.to(points)

    def near_distance(self, points: Tensor, reach: float) -> tuple[Tensor, Tensor]:
        """As `distance`, but inf and no gradient for points that are out of `reach` [m] of the object's box."""
        distance = torch.where(self.box_distance(points) < reach, 0.0, torch.inf).to(points)
        index = torch.nonzero(distance == 0, as_tuple=True)
        found, slope = self.distance_at(points[index], index[0])
        return distance.index_put(index, found), torch.zeros_like(points).index_put(index, slope)

    def box_distance(self, points: Tensor) -> Tensor:
        """Distance (B, N) [m] of points (B, N, 3) to the box around their object, zero inside it."""
        low = torch.stack([torch.from_numpy(o.vertices.min(0)) for o in self.objects]).to(points)[
            self.index, None
        ]
        high = torch.stack([torch.from_numpy(o.vertices.max(0)) for o in self.objects]).to(points)[
            self.index, None
        ]
        return ((low - points).clamp_min(0) + (points - high).clamp_min(0)).norm(dim=-1)

    @cached_property
    def _grids(self) -> GridDistance:
        return GridDistance.stack([o.grid() for o in self.objects]).to(
            self.observed.device, self.observed.dtype
        )

    def crossings(self, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where segments (B, N, 3) first cross each row's object.

        Returns:
            fraction (B, N), inf where they do not; point (B, N, 3); outward normal (B, N, 3).
        """
        row = torch.arange(len(self), device=start.device).repeat_interleave(start.shape[1])
        fraction, point, normal = self.crossings_at(start.flatten(0, 1), end.flatten(0, 1), row)
        return fraction.view(start.shape[:-1]), point.view(start.shape), normal.view(start.shape)

    def crossings_at(self, start: Tensor, end: Tensor, row: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `crossings`, for segments (M, 3) that belong to rows (M,)."""
        fraction, point, normal = torch.empty(len(start)), torch.zeros(start.shape), torch.zeros(start.shape)
        which = self.index[row]
        for k, obj in enumerate(self.objects):
            own = torch.nonzero(which == k).squeeze(-1).cpu()
            if len(own):
                hit = obj.distance.first_hit(_array(start[own]), _array(end[own]))
                fraction[own] = torch.from_numpy(hit.fraction).float()
                point[own] = torch.from_numpy(hit.point).float().nan_to_num()
                normal[own] = torch.from_numpy(hit.normal).float().nan_to_num()
        return fraction.to(start), point.to(start), normal.to(start)


def _array(points: Tensor) -> np.ndarray:
    return points.detach().cpu().double().reshape(-1, 3).numpy()


def _flat_pose(grasp: Grasp) -> Tensor:
    count = grasp.params.transl.reshape(-1, 3).shape[0]
    return grasp.T_world_object.to(grasp.params.transl).reshape(-1, 4, 4).expand(count, 4, 4)


def _flat_state(grasp: Grasp) -> HandState:
    params = grasp.params if grasp.is_motion else grasp.params[None]
    return HandState.from_params(grasp.hand, params)


def _into(state: HandState, pose: Tensor) -> HandState:
    rotation, shift = pose[:, :3, :3], pose[:, :3, 3]
    wrist = (rotation.mT @ (state.wrist - shift)[..., None]).squeeze(-1)
    return HandState(rotation.mT @ state.rotation, wrist, state.angles, state.betas)


def _out_of(state: HandState, pose: Tensor) -> HandState:
    rotation, shift = pose[:, :3, :3], pose[:, :3, 3]
    wrist = (rotation @ state.wrist[..., None]).squeeze(-1) + shift
    return HandState(rotation @ state.rotation, wrist, state.angles, state.betas)
