"""Trials of a grasp's stability: the published drop, and gravity from six sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handhold.errors import InputError
from handhold.geometry.convex import Piece
from handhold.objects.inertia import Inertia, box_inertia
from handhold.physics.fingers import ClosingHand
from handhold.physics.grip import squeeze_in_concert
from handhold.physics.world import Contacts, World, check_numbers

DIRECTIONS = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
"""Gravity of the six trials, in the object's frame."""
DROP_GRAVITY = (0.0, 9.8, 0.0)
"""[m/s²] obman_train's: along +y of the frame the scene comes in, a camera's downward axis."""
DROP_STEPS, DROP_TIMESTEP = 35, 1 / 240
FREE_FALL_CM = 10.72
"""What `obman_drop` gives for an object that nothing touches, g dt² n (n + 1) / 2."""
BULLETS_MOST = 10.0
"""Bullet lets no pair's friction be greater."""
DROPPED = 0.03
"""[m] A verdict forgets pieces of the object that are further from the hand than this and `held` together."""
LOOK = 10
"""Steps between two looks at whether the object is lost."""
REST_AFTER, REST_WINDOW, REST_MARGIN = 0.3, 0.1, 2.0
"""[s], [s], 1: a verdict looks from the first on whether the object has come to rest: whether, at so many times the
speed of the last window, it would end within half of the distance that counts as held. Of 317 trials of grasps
and displaced grasps of nine household objects two were found held that six full seconds would have refused."""


@dataclass(frozen=True)
class SixWayConfig:
    """The six-way trial.

    Attributes:
        density: of the object [kg/m³]; that of a filled household object.
        friction: sliding friction of hand and object.
        gravity: [m/s²].
        seconds: length of each of the six trials.
        timestep: [s].
        held: an object that moves less than this in all six trials is held [m].
        lost: an object that has moved so far is lost: the trial ends, and counts as this distance [m]. How far
            it would have fallen further says nothing of the grasp.
    """

    density: float = 400.0
    friction: float = 1.0
    gravity: float = 9.81
    seconds: float = 1.0
    timestep: float = 0.002
    held: float = 0.02
    lost: float = 0.10

    def __post_init__(self) -> None:
        check_numbers(self, may_be_zero=("friction", "gravity"))


@dataclass(frozen=True)
class DropTrial:
    """What one drop gave.

    Attributes:
        displacement_cm: how far the object's centre moved (lower is better; 10.72 is free fall).
        drift_cm: how far it moved before, while the fingers closed without gravity; 0 for a hand that stands still.
        overlap_mm: how deep the pieces of hand and object overlapped at the start.
        notes: what a reader should know.
    """

    displacement_cm: float
    drift_cm: float
    overlap_mm: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SixWayTrial:
    """What six directions of gravity gave.

    Attributes:
        displacement_cm: (6,) how far the centre of mass moved, at most the distance at which it is lost, with
            gravity along +x, -x, +y, -y, +z, -z of the object (lower is better).
        rotation_deg: (6,) how far the object turned, 180 where it is lost (lower is better).
        held: whether all six displacements, and the drift before them, are small (2 cm).
        drift_cm, drift_deg: how far it moved and turned before, while the fingers closed without gravity; 0 for a
            hand that stands still.
        overlap_mm: how deep the pieces of hand and object overlapped at the start.
        notes: what a reader should know.
    """

    displacement_cm: tuple[float, ...]
    rotation_deg: tuple[float, ...]
    held: bool
    drift_cm: float
    drift_deg: float
    overlap_mm: float
    notes: tuple[str, ...] = ()

    @property
    def mean_cm(self) -> float:
        """Mean displacement over the six directions."""
        return float(np.mean(self.displacement_cm))

    @property
    def max_cm(self) -> float:
        """Displacement in the worst direction."""
        return max(self.displacement_cm)

    @property
    def mean_deg(self) -> float:
        """Mean rotation over the six directions."""
        return float(np.mean(self.rotation_deg))


def obman_drop(
    hand: Sequence[Piece] | ClosingHand,
    object_vertices: np.ndarray,
    object_pieces: Sequence[Piece],
    *,
    friction: float = 3.0,
) -> DropTrial:
    """The published simulation displacement (obman_train's simulate.py; GraspTTA, FastGrasp, OakInk).

    An object of 1 kg falls for 35 steps of 1/240 s, semi-implicit Euler, under 9.8 m/s² along +y of the frame the
    scene comes in; its centre is the mean of its vertices (so it depends on the tessellation), its inertia that of
    the axis-aligned box around it, as Bullet's is. What differs from the published: the engine is MuJoCo, whose
    contacts are soft and have no restitution (published: 0.5 for the object, 0 for the hand); the hand is
    convex pieces, not a triangle mesh.

    Args:
        hand: pieces of a hand that stands still, as published, or one that closes.
        object_vertices: (N, 3) same frame [m].
        object_pieces: the object's convex pieces, same frame.
        friction: of each of the two bodies; CHOIR uses 1.2. Bullet multiplies the two, up to 10, and so is
            it done here: 3 is 9 for the pair.

    Raises:
        SimulationError: there are no pieces, or the simulation broke down.
        MissingExtra: mujoco is not installed.
    """
    vertices = np.asarray(object_vertices, float)
    inertia = box_inertia(vertices.min(0), vertices.max(0), mass=1.0, centre=vertices.mean(0))
    contacts = Contacts(friction=min(friction * abs(friction), BULLETS_MOST), timestep=DROP_TIMESTEP)
    world = World(hand, object_pieces, inertia=inertia, contacts=contacts)
    overlap = world.overlap
    drift, _ = _settle(world, hand, contacts)
    start = world.place
    world.run(gravity=DROP_GRAVITY, steps=DROP_STEPS)
    return DropTrial(100 * float(np.linalg.norm(world.place - start)), 100 * drift, 1000 * overlap)


def six_way(
    hand: Sequence[Piece] | ClosingHand,
    object_pieces: Sequence[Piece],
    inertia: Inertia,
    *,
    config: SixWayConfig | None = None,
) -> SixWayTrial:
    """Gravity along the six half-axes of the object in turn; everything is in the object's frame.

    Each trial starts from the same state: the grasp as given, or as it is once the fingers have closed.

    Args:
        hand: pieces of a hand that stands still, or one that closes.
        object_pieces: the object's convex pieces.
        inertia: mass [kg], centre and inertia of the object.
        config: constants of the trial.

    Raises:
        SimulationError: there are no pieces, or the simulation broke down.
        MissingExtra: mujoco is not installed.
    """
    config = config or SixWayConfig()
    contacts = Contacts(friction=config.friction, timestep=config.timestep)
    world = World(hand, object_pieces, inertia=inertia, contacts=contacts)
    overlap = world.overlap
    drift, turned = _settle(world, hand, contacts)
    state = world.remember()
    moves = []
    for direction in DIRECTIONS:
        world.recall(state)
        moves.append(_trial(world, config.gravity * direction, config))
    displacement, rotation = zip(*moves, strict=True)
    return SixWayTrial(
        displacement_cm=tuple(100 * d for d in displacement),
        rotation_deg=tuple(np.degrees(rotation).tolist()),
        held=max(*displacement, drift) < config.held,
        drift_cm=100 * drift,
        drift_deg=float(np.degrees(turned)),
        overlap_mm=1000 * overlap,
    )


def six_way_verdict(
    hand: Sequence[Piece] | ClosingHand,
    object_pieces: Sequence[Piece],
    inertia: Inertia,
    *,
    drift: float = 0.006,
    config: SixWayConfig | None = None,
) -> SixWayTrial:
    """Whether a six-way trial holds the object: `six_way`'s `held` and a bound of its drift, some four times sooner.

    It ends with the drift, or with the first direction in which the object moves too far, and looks no longer at an
    object that has come to rest. What was not looked at is NaN; where the object is held, all six directions were.

    Args:
        hand: pieces of a hand that stands still, or one that closes.
        object_pieces: the object's convex pieces.
        inertia: mass [kg], centre and inertia of the object.
        drift: most that the object may move while the fingers close [m].
        config: constants of the trial.

    Raises:
        InputError: the bound is no positive number.
        SimulationError: there are no pieces, or the simulation broke down.
        MissingExtra: mujoco is not installed.
    """
    config = config or SixWayConfig()
    if not 0 < drift < np.inf:
        raise InputError("is no such number", where="drift", expected="more than 0", got=drift)
    contacts = Contacts(friction=config.friction, timestep=config.timestep)
    near = _near(hand, object_pieces, reach=config.held + DROPPED)
    world = World(hand, near, inertia=inertia, contacts=contacts)
    overlap = world.overlap
    drifted, turned = _settle(world, hand, contacts)
    held, state = drifted <= drift and drifted < config.held, world.remember()
    moves = np.full((len(DIRECTIONS), 2), np.nan)
    for k, direction in enumerate(DIRECTIONS if held else ()):
        world.recall(state)
        moves[k] = _until_rest(world, config.gravity * direction, config)
        if not moves[k, 0] < config.held:
            held = False
            break
    return SixWayTrial(
        displacement_cm=tuple((100 * moves[:, 0]).tolist()),
        rotation_deg=tuple(np.degrees(moves[:, 1]).tolist()),
        held=held,
        drift_cm=100 * drifted,
        drift_deg=float(np.degrees(turned)),
        overlap_mm=1000 * overlap,
    )


def _near(hand: Sequence[Piece] | ClosingHand, pieces: Sequence[Piece], *, reach: float) -> Sequence[Piece]:
    """The object's pieces whose boxes are no further than `reach` from a box of the hand's [m]; all if none is."""
    fingers = [p for bone in hand.pieces for p in bone] if isinstance(hand, ClosingHand) else hand
    if not fingers or not pieces:
        return pieces
    low, high = (np.array([f(v, axis=0) for v, _ in pieces]) for f in (np.min, np.max))
    below, above = (np.array([f(v, axis=0) for v, _ in fingers]) for f in (np.min, np.max))
    gaps = np.maximum(low[:, None] - above, below - high[:, None]).clip(0)
    kept = np.linalg.norm(gaps, axis=-1).min(1) <= reach
    return [piece for piece, keep in zip(pieces, kept, strict=True) if keep] or pieces


def _until_rest(world: World, gravity: np.ndarray, config: SixWayConfig) -> tuple[float, float]:
    """How far the object moves [m] and turns [rad] until it has come to rest nearby, or has moved too far."""
    place, turn, moved = world.place, world.turn, [0.0]
    left, look = round(config.seconds / config.timestep), LOOK * config.timestep
    window = max(1, round(REST_WINDOW / look))
    while left > 0 and moved[-1] < config.held:
        steps = min(LOOK, left)
        world.run(gravity=gravity, steps=steps)
        left -= steps
        moved.append(float(np.linalg.norm(world.place - place)))
        if len(moved) > max(window, REST_AFTER / look):
            further = REST_MARGIN * abs(moved[-1] - moved[-1 - window]) / window * left / LOOK
            if moved[-1] + further < config.held / 2:
                break
    return moved[-1], _angle(turn, world.turn)


def _settle(world: World, hand: Sequence[Piece] | ClosingHand, contacts: Contacts) -> tuple[float, float]:
    """Close the fingers without gravity; how far the object moved [m] and turned [rad]."""
    if not isinstance(hand, ClosingHand):
        return 0.0, 0.0
    place, turn = world.place, world.turn
    config, steps = hand.config, round(hand.config.settle / contacts.timestep)
    world.damp(moving=config.drag, turning=config.turning_drag)
    if config.balance is None:
        world.close()
        world.run(gravity=(0.0, 0.0, 0.0), steps=steps)
    else:
        squeeze_in_concert(world, config, contacts)
    world.damp(moving=0.0, turning=0.0)
    return float(np.linalg.norm(world.place - place)), _angle(turn, world.turn)


def _trial(world: World, gravity: np.ndarray, config: SixWayConfig) -> tuple[float, float]:
    """How far the object moves [m] and turns [rad]; one that is lost counts half a turn and is looked at no longer."""
    place, turn, moved = world.place, world.turn, 0.0
    left = round(config.seconds / config.timestep)
    while left > 0 and moved < config.lost:
        steps = min(LOOK, left)
        world.run(gravity=gravity, steps=steps)
        left -= steps
        moved = float(np.linalg.norm(world.place - place))
    if moved >= config.lost:
        return config.lost, np.pi
    return moved, _angle(turn, world.turn)


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    """Angle between two unit quaternions [rad]."""
    cos = min(1.0, abs(float(a @ b)))
    return 2 * float(np.arctan2(np.sqrt(1 - cos * cos), cos))
