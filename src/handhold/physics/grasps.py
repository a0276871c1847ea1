"""Trials of grasps: from a hand model and its parameters, or from the convex pieces of any hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from handhold.errors import InputError
from handhold.geometry.convex import Piece, piece_volume
from handhold.hand.hulls import bones_of_joints, bones_of_model, hand_pieces
from handhold.interaction.grasp import Grasp
from handhold.interaction.hand_object import HandObject
from handhold.objects import ObjectMesh
from handhold.objects.inertia import Inertia, pieces_inertia, true_inertia
from handhold.objects.pieces import convex_pieces
from handhold.physics.fingers import ClosingHand, SqueezeConfig, closing_hand
from handhold.physics.trials import DropTrial, SixWayConfig, SixWayTrial, obman_drop, six_way, six_way_verdict
from handhold.physics.world import SimulationError

DIGITS = 7
"""Positions are rounded to so many decimals of a metre, so that a scene that was moved as a whole gives the same
figures to the last bit, and not only nearly the same forces."""
LEAST_SHARE = 0.5
"""Pieces of less than this share of the object's volume do not stand for it."""
MOST_SWOLLEN = 0.003
"""[m] Nor do pieces that are, spread over the object's surface, thicker than it by more than this."""

VERDICT = SixWayConfig(timestep=0.004)
"""The trial of `grasp_verdict`: of 360 grasps and displaced grasps of nine household objects it judged 357 as `six_way`
and a drift of 6 mm do, in about a fifth of the time."""

HandPieces = Mapping[str, Piece] | Sequence[Piece]


@dataclass(frozen=True)
class FreeObject:
    """What physics needs of an object: its pieces in its own frame, and what a reader should know of them."""

    mesh: ObjectMesh
    pieces: tuple[Piece, ...]
    notes: tuple[str, ...]

    def inertia(self, *, density: float) -> Inertia:
        """Mass, centre and inertia of the true shape [kg/m³ times m³]; of the pieces if the mesh is no solid.

        Raises:
            SimulationError: there is no volume.
        """
        found = true_inertia(self.mesh, density=density) or pieces_inertia(self.pieces, density=density)
        if found is None:
            raise SimulationError(f"{self.mesh.name}: there is no volume, hence no mass")
        return found


@lru_cache(maxsize=32)
def free_object(mesh: ObjectMesh) -> FreeObject:
    """Cut an object into pieces that physics can use: by halves if it is a solid, else by CoACD.

    Halves keep closer to the surface and are quicker (see `convex_pieces`). Remembered for the last 32 objects;
    pieces are kept on disk, too.

    Raises:
        SimulationError: the pieces' volume is far from the object's.
        InputError: there are no pieces.
        MissingExtra: coacd is not installed, and the mesh is no solid.
    """
    if mesh.manifold() is not None:
        pieces, notes = convex_pieces(mesh, method="halves"), ()
    else:
        pieces, notes = convex_pieces(mesh), _coacd_notes(mesh)
    check_pieces(pieces, mesh)
    return FreeObject(mesh, tuple(pieces), notes)


def check_pieces(pieces: Sequence[Piece], mesh: ObjectMesh) -> None:
    """Refuse pieces that do not stand for a solid: where some are missing it would fall through the hand, and
    where they fill its hollow the hand would be thrown out.

    Raises:
        SimulationError: their volume is far from the object's.
    """
    if mesh.volume_m3 is None:
        return
    volume = sum(map(piece_volume, pieces))
    swollen = (volume - mesh.volume_m3) / _area(mesh)
    if volume < LEAST_SHARE * mesh.volume_m3 or swollen > MOST_SWOLLEN:
        held, true = volume * 1e6, mesh.volume_m3 * 1e6
        raise SimulationError(
            f"{mesh.name}: its convex pieces hold {held:.3g} cm³, itself {true:.3g} cm³; they do not stand for it"
        )


def drop_grasp(
    grasp: Grasp | HandObject,
    *,
    squeeze: bool = False,
    friction: float = 3.0,
    closing: SqueezeConfig | None = None,
) -> DropTrial:
    """`obman_drop` of one grasp, in its world frame.

    Args:
        grasp: one grasp, no motion; without a hand model its fingers cannot close.
        squeeze: fingers close with bounded torque; else the hand stands still, as published.
        friction: of each of the two bodies.
        closing: how they close.

    Raises:
        SimulationError, InputError, MissingExtra: as `obman_drop` and `free_object`; or the grasp is a motion.
    """
    pair = grasp if isinstance(grasp, HandObject) else HandObject.of_grasp(grasp)
    obj, pose = free_object(pair.object), _pose(pair.T_world_object)
    hand = _hand(pair, np.eye(4), closing or SqueezeConfig() if squeeze else None)
    return _drop(hand, obj, pose, friction)


def six_way_grasp(
    grasp: Grasp | HandObject,
    *,
    squeeze: bool = False,
    config: SixWayConfig | None = None,
    closing: SqueezeConfig | None = None,
) -> SixWayTrial:
    """`six_way` of one grasp; no rigid motion of the scene changes it.

    Args:
        grasp: one grasp, no motion; without a hand model its fingers cannot close.
        squeeze: fingers close with bounded torque; else the hand stands still.
        config: constants of the trial.
        closing: how they close.

    Raises:
        SimulationError, InputError, MissingExtra: as `six_way` and `free_object`; or the grasp is a motion.
    """
    pair = grasp if isinstance(grasp, HandObject) else HandObject.of_grasp(grasp)
    obj, inverse = free_object(pair.object), np.linalg.inv(_pose(pair.T_world_object))
    hand = _hand(pair, inverse, closing or SqueezeConfig() if squeeze else None)
    return _six_way(hand, obj, config)


def grasp_verdict(
    grasp: Grasp | HandObject,
    *,
    squeeze: bool = True,
    drift: float = 0.006,
    config: SixWayConfig | None = None,
    closing: SqueezeConfig | None = None,
) -> SixWayTrial:
    """`six_way_verdict` of one grasp, for many grasps.

    Args:
        grasp: one grasp, no motion; without a hand model its fingers cannot close.
        squeeze: fingers close with bounded torque; else the hand stands still.
        drift: most that the object may move while they close [m].
        config: constants of the trial; by default `VERDICT`, whose steps are twice as long as the trial's own.
        closing: how they close.

    Raises:
        SimulationError, InputError, MissingExtra: as `six_way_verdict` and `free_object`; or the grasp is a motion.
    """
    pair = grasp if isinstance(grasp, HandObject) else HandObject.of_grasp(grasp)
    config, obj = config or VERDICT, free_object(pair.object)
    hand = _hand(
        pair, np.linalg.inv(_pose(pair.T_world_object)), closing or SqueezeConfig() if squeeze else None
    )
    return six_way_verdict(hand, obj.pieces, obj.inertia(density=config.density), drift=drift, config=config)


def drop_pieces(
    pieces: HandPieces, mesh: ObjectMesh, *, T_world_object: np.ndarray | None = None, friction: float = 3.0
) -> DropTrial:
    """`obman_drop` of any hand that stands still.

    Args:
        pieces: the hand's, in the world frame [m]: of `hand_pieces`, or of `convex_pieces` of its mesh.
        mesh: the object, in its own frame.
        T_world_object: (4, 4); None if the two frames are one.
        friction: of each of the two bodies.

    Raises:
        SimulationError, InputError, MissingExtra: as `obman_drop` and `free_object`.
    """
    return _drop(_moved(pieces, np.eye(4)), free_object(mesh), _pose(T_world_object), friction)


def six_way_pieces(
    pieces: HandPieces,
    mesh: ObjectMesh,
    *,
    T_world_object: np.ndarray | None = None,
    config: SixWayConfig | None = None,
) -> SixWayTrial:
    """`six_way` of any hand that stands still.

    Args:
        pieces: the hand's, in the world frame [m]: of `hand_pieces`, or of `convex_pieces` of its mesh.
        mesh: the object, in its own frame.
        T_world_object: (4, 4); None if the two frames are one.
        config: constants of the trial.

    Raises:
        SimulationError, InputError, MissingExtra: as `six_way` and `free_object`.
    """
    inverse = np.linalg.inv(_pose(T_world_object))
    return _six_way(_moved(pieces, inverse), free_object(mesh), config)


def _drop(hand, obj: FreeObject, pose: np.ndarray, friction: float) -> DropTrial:
    vertices = obj.mesh.vertices @ pose[:3, :3].T + pose[:3, 3]
    trial = obman_drop(hand, vertices, _moved(obj.pieces, pose), friction=friction)
    return replace(trial, notes=obj.notes)


def _six_way(hand, obj: FreeObject, config: SixWayConfig | None) -> SixWayTrial:
    config = config or SixWayConfig()
    trial = six_way(hand, obj.pieces, obj.inertia(density=config.density), config=config)
    return replace(trial, notes=obj.notes)


@torch.no_grad()
def _hand(pair: HandObject, motion: np.ndarray, closing: SqueezeConfig | None) -> list[Piece] | ClosingHand:
    """The hand carried by a rigid motion (4, 4), in double precision."""
    if pair.is_motion:
        raise InputError("is a motion", where=pair.name, expected="one grasp", remedy="Take one frame.")
    if closing is None:
        return list(_still_pieces(pair, motion))
    if pair.hand is None or pair.params is None:
        why = pair.no_model or "there are no hand parameters"
        raise InputError(f"its fingers cannot close: {why}", where=pair.name)
    return closing_hand(
        pair.hand.to(device="cpu", dtype=torch.float64),
        pair.params.map(lambda t: t.detach().to("cpu", torch.float64)),
        pieces=hand_pieces(_carried(pair.hand_vertices, motion), bones_of_model(pair.hand)),
        rotation=motion[:3, :3],
        translation=motion[:3, 3],
        config=closing,
    )


def _still_pieces(pair: HandObject, motion: np.ndarray) -> Sequence[Piece]:
    """One piece a bone where bones are known, by the model or the nearest joints; else the mesh in halves."""
    vertices = _carried(pair.hand_vertices, motion)
    if pair.hand is not None:
        return list(hand_pieces(vertices, bones_of_model(pair.hand)).values())
    if pair.joints is not None and np.isfinite(pair.joints).all():
        bones = bones_of_joints(vertices, _carried(pair.joints, motion))
        return list(hand_pieces(vertices, bones).values())
    mesh = ObjectMesh.from_arrays(vertices, pair.hand_faces, name=f"hand of {pair.name}", mend=False)
    if mesh.manifold() is None:
        why = mesh.watertight_or_reason
        raise InputError(f"the hand has no joints and is no solid: {why}", where=pair.name)
    return convex_pieces(mesh, method="halves", cache=False)


def _moved(pieces: HandPieces, motion: np.ndarray) -> list[Piece]:
    listed = list(pieces.values()) if isinstance(pieces, Mapping) else pieces
    return [(_carried(np.asarray(v, float), motion), f) for v, f in listed]


def _carried(points: np.ndarray, motion: np.ndarray) -> np.ndarray:
    return (points @ motion[:3, :3].T + motion[:3, 3]).round(DIGITS)


def _pose(T_world_object) -> np.ndarray:
    """A rigid pose (4, 4) in double precision."""
    if T_world_object is None:
        return np.eye(4)
    pose = np.asarray(T_world_object, float)
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        raise InputError(
            "is no pose", where="T_world_object", expected="(4, 4), finite numbers", got=pose.shape
        )
    return pose


def _coacd_notes(mesh: ObjectMesh) -> tuple[str, ...]:
    mass = f"no solid ({mesh.watertight_or_reason}): its mass is that of its convex pieces"
    simplified = mesh.simplified(faces=4000).report.findings if len(mesh.faces) > 4000 else ()
    return (mass, *(f.message for f in simplified if f.kind == "simplified"))


def _area(mesh: ObjectMesh) -> float:
    a, b, c = mesh.vertices[mesh.faces].transpose(1, 0, 2)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
