"""How well a hand holds an object, by simulation: the stability protocols over surfaces."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from handhold.errors import InputError
from handhold.hand.hulls import bones_of_joints, bones_of_model, hand_pieces
from handhold.interaction.hand_object import Frame
from handhold.objects import ObjectMesh
from handhold.objects.inertia import pieces_inertia, true_inertia
from handhold.objects.pieces import Piece, convex_pieces
from handhold.physics.fingers import ClosingHand, SqueezeConfig, closing_hand
from handhold.physics.trials import SixWayConfig, obman_drop
from handhold.physics.trials import six_way as six_way_trial

Figures = dict[str, float]


def drop(frame: Frame, truth: Frame | None, seed: int) -> Figures:
    """`obman-drop` with a hand that stands still."""
    return {"stability_cm@obman-drop": _drop(frame, _still(frame, world=True))}


def drop_squeezed(frame: Frame, truth: Frame | None, seed: int) -> Figures:
    """`obman-drop` with fingers that close."""
    return {"stability_cm@obman-drop-squeeze": _drop(frame, _closing(frame, world=True))}


def six_way(frame: Frame, truth: Frame | None, seed: int) -> Figures:
    """`six-way` with a hand that stands still."""
    figures = _six_way(frame, _still(frame, world=False), "six-way")
    del figures["drift_cm@six-way"]
    return figures


def six_way_squeezed(frame: Frame, truth: Frame | None, seed: int) -> Figures:
    """`six-way` with fingers that close."""
    return _six_way(frame, _closing(frame, world=False), "six-way-squeeze")


def _drop(frame: Frame, hand: list[Piece] | ClosingHand) -> float:
    pose = frame.pair.T_world_object
    placed = [(v @ pose[:3, :3].T + pose[:3, 3], f) for v, f in _pieces(frame.object)]
    vertices = frame.object.vertices @ pose[:3, :3].T + pose[:3, 3]
    return obman_drop(hand, vertices, placed).displacement_cm


def _six_way(frame: Frame, hand: list[Piece] | ClosingHand, name: str) -> Figures:
    config, pieces = SixWayConfig(), _pieces(frame.object)
    inertia = true_inertia(frame.object, density=config.density) or pieces_inertia(
        pieces, density=config.density
    )
    if inertia is None:
        raise InputError("the object has no volume", where=frame.object.name)
    trial = six_way_trial(hand, pieces, inertia, config=config)
    return {
        f"stability_cm@{name}": trial.mean_cm,
        f"stability_deg@{name}": trial.mean_deg,
        f"stability_success@{name}": float(trial.held),
        f"drift_cm@{name}": trial.drift_cm,
    }


@lru_cache(maxsize=16)
def _pieces(obj: ObjectMesh) -> list[Piece]:
    return convex_pieces(obj)


def _still(frame: Frame, *, world: bool) -> list[Piece]:
    vertices, joints = frame.vertices, frame.joints
    if world:
        vertices, joints = frame.pair.hand_vertices, frame.pair.joints
    if frame.pair.hand is not None:
        return list(hand_pieces(vertices, bones_of_model(frame.pair.hand)).values())
    if joints is not None and not np.isnan(joints).any():
        return list(hand_pieces(vertices, bones_of_joints(vertices, joints)).values())
    return convex_pieces(ObjectMesh.from_arrays(vertices, frame.faces, mend=False), cache=False)


def _closing(frame: Frame, *, world: bool) -> ClosingHand:
    pair = frame.pair
    if pair.hand is None or pair.params is None:
        raise InputError(f"no hand model, without which fingers cannot close: {pair.no_model}")
    vertices = pair.hand_vertices if world else frame.vertices
    pose = np.eye(4) if world else np.linalg.inv(pair.T_world_object)
    return closing_hand(
        pair.hand.to(dtype=torch.float64),
        pair.params.map(lambda t: t.double()),
        pieces=hand_pieces(vertices, bones_of_model(pair.hand)),
        rotation=pose[:3, :3],
        translation=pose[:3, 3],
        config=SqueezeConfig(),
    )
