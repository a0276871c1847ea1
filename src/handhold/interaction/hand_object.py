"""A hand and an object as surfaces, from any tool: what metrics read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from handhold.geometry.distance import ExactDistance
from handhold.hand import FINGERS, Hand, HandParams
from handhold.hand.hulls import PIECE_NAMES, bones_of_joints
from handhold.hand.skeleton import Side
from handhold.interaction.grasp import Grasp
from handhold.interaction.volume import intersection_volume_cm3
from handhold.objects import ObjectMesh
from handhold.objects.solid import to_manifold


@dataclass(frozen=True, eq=False)
class HandObject:
    """Surfaces of a hand and an object in the world frame; a motion has a leading T.

    Attributes:
        name: what reports call it.
        hand_vertices: (T?, V, 3) float64 [m].
        hand_faces: (F, 3) int64.
        object: the object, in its own frame.
        T_world_object: (T?, 4, 4) float64.
        joints: (T?, 21, 3) MANO's order [m], or None.
        fitted_vertices: (T?, V, 3) before soft tissue [m], or None.
        keypoints: (T?, 21, 3) observed, MANO's order [m], NaN where missing, or None.
        hand: the hand model, or None.
        params: its parameters, or None.
        no_model: why there is no hand model.
        side: which hand, if known.
        fps: frames a second of a motion, or None.
        transition_frame: first frame of a motion's second stage, such as the use after the grasp, or None.
        notes: what was done to the surfaces while reading them.
    """

    name: str
    hand_vertices: np.ndarray
    hand_faces: np.ndarray
    object: ObjectMesh
    T_world_object: np.ndarray
    joints: np.ndarray | None = None
    fitted_vertices: np.ndarray | None = None
    keypoints: np.ndarray | None = None
    hand: Hand | None = None
    params: HandParams | None = None
    no_model: str = "the file names no hand model"
    side: Side | None = None
    fps: float | None = None
    transition_frame: int | None = None
    notes: tuple[str, ...] = ()

    @staticmethod
    @torch.no_grad()
    def of_grasp(grasp: Grasp) -> HandObject:
        """The surfaces of a grasp or motion, soft tissue included."""
        surface = grasp.surface()
        return HandObject(
            name=grasp.name,
            hand_vertices=_double(surface.vertices),
            hand_faces=grasp.hand.faces.cpu().numpy(),
            object=grasp.object,
            T_world_object=_double(grasp.T_world_object),
            joints=_double(surface.joints),
            fitted_vertices=_double(grasp.fitted().vertices),
            keypoints=None if grasp.keypoints is None else _double(grasp.keypoints),
            hand=grasp.hand.to(device="cpu"),
            params=grasp.params.map(lambda t: t.detach().cpu()),
            no_model="",
            side=grasp.hand.side,
            fps=grasp.fps,
        )

    def observed(self) -> HandObject:
        """The same with the observed keypoints for joints, where they are known: a scene taken for the truth."""
        return self if self.keypoints is None else replace(self, joints=self.keypoints)

    @property
    def is_motion(self) -> bool:
        """Whether there is a time axis."""
        return self.hand_vertices.ndim == 3

    @property
    def poses(self) -> np.ndarray:
        """The object's pose in every frame, (T, 4, 4)."""
        count = len(self.hand_vertices) if self.is_motion else 1
        return np.broadcast_to(self.T_world_object, (count, 4, 4))

    def frames(self) -> Iterator[Frame]:
        """Every moment; a single grasp has one."""
        if not self.is_motion:
            yield Frame(self)
            return
        for t, pose in enumerate(self.poses):
            yield Frame(replace(self, T_world_object=pose, **{k: v[t] for k, v in self._timed().items()}))

    def _timed(self) -> dict:
        """What has a time axis, by name."""
        names = ("hand_vertices", "joints", "fitted_vertices", "keypoints", "params")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, eq=False)
class Frame:
    """One moment, seen from the object: all points are in its frame [m]. What metrics share is computed once.

    Attributes:
        pair: the surfaces at this moment, without a time axis.
    """

    pair: HandObject

    def __getstate__(self) -> dict:
        return {"pair": self.pair}

    @property
    def object(self) -> ObjectMesh:
        """The object."""
        return self.pair.object

    @property
    def faces(self) -> np.ndarray:
        """(F, 3) faces of the hand."""
        return self.pair.hand_faces

    @cached_property
    def vertices(self) -> np.ndarray:
        """(V, 3) surface of the hand."""
        return self._seen(self.pair.hand_vertices)

    @cached_property
    def joints(self) -> np.ndarray | None:
        """(21, 3) MANO's order, if known."""
        return None if self.pair.joints is None else self._seen(self.pair.joints)

    @cached_property
    def signed(self) -> np.ndarray:
        """(V,) exact signed distance of the hand's vertices, positive outside [m]."""
        return self.object.distance.query(self.vertices).distance

    @cached_property
    def finger_labels(self) -> np.ndarray | None:
        """(V,) 0 palm, 1 to 5 thumb to pinky: the model's, else by the nearest bone, else unknown."""
        if self.pair.hand is not None:
            return self.pair.hand.finger_labels.numpy()
        if self.joints is None or np.isnan(self.joints).any():
            return None
        fingers = [0 if name.endswith("0") else FINGERS.index(name[:-1]) + 1 for name in PIECE_NAMES]
        return np.array(fingers)[bones_of_joints(self.vertices, self.joints)]

    @cached_property
    def hand_distance(self) -> ExactDistance:
        """Distance to the hand's surface."""
        return ExactDistance(self.vertices, self.faces)

    @cached_property
    def volume_cm3(self) -> float:
        """Volume of the hand in the object, exact where both are solids; NaN where the hand is none."""
        if self.pair.hand is None and to_manifold(self.vertices, self.faces)[0] is None:
            return float("nan")
        return intersection_volume_cm3(self.vertices, self.faces, self.object)

    def _seen(self, points: np.ndarray) -> np.ndarray:
        pose = self.pair.T_world_object
        return (points - pose[:3, 3]) @ pose[:3, :3]


def _double(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()
