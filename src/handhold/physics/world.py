"""A MuJoCo world of one hand, still or closing its fingers, and one free object of convex pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from handhold.errors import HandholdError, InputError
from handhold.geometry.convex import Piece
from handhold.hand.skeleton import PARENTS
from handhold.objects.inertia import Inertia
from handhold.optional import require
from handhold.physics.fingers import ClosingHand

HAND, OBJECT = 1, 2
"""Collision bits: hand meets object; no two pieces of one side ever meet."""
TORSION, ROLLING = 0.005, 0.0001
"""[m] MuJoCo's defaults: friction against turning on the spot and rolling."""
FLAT = 1e-12
"""[m³] A piece of less volume than this has none."""


NO_FLESH = 1e-3, [1e-7] * 3
"""Mass [kg] and inertia [kg m²] of a bone without a piece of its own."""


class SimulationError(HandholdError):
    """A trial that gave no figure: the world could not be built, or the simulation broke down."""


@dataclass(frozen=True)
class Contacts:
    """How hand and object touch, and how time passes.

    Attributes:
        friction: sliding friction of the pair.
        timestep: of the simulation [s].
        softness, damping_ratio: MuJoCo's `solref`: how fast [s], and how much more damped than critically, an
            overlap is pushed apart. Grasps overlap by millimetres, which must not throw the object: as stiff
            as MuJoCo's own (0.02, 1), with twice the damping, one pushed out of a wall leaves it more slowly.
    """

    friction: float
    timestep: float
    softness: float = 0.01
    damping_ratio: float = 2.0

    def __post_init__(self) -> None:
        check_numbers(self, may_be_zero=("friction",))


def check_numbers(config, *, may_be_zero: tuple[str, ...] = ()) -> None:
    """Refuse settings that are no positive numbers.

    Raises:
        InputError: a number is not finite, negative, or zero and may not be.
    """
    for field in fields(config):
        value = getattr(config, field.name)
        for number in value if isinstance(value, tuple) else (value,):
            if not (np.isfinite(number) and (number > 0 or (number == 0 and field.name in may_be_zero))):
                least = "0 or more" if field.name in may_be_zero else "more than 0"
                raise InputError("is no such number", where=field.name, expected=least, got=number)


class World:
    """A compiled world and its state.

    Args:
        hand: pieces that stand still, or a hand that closes.
        pieces: the object's pieces, same frame [m].
        inertia: the object's, same frame.
        contacts: friction and time.

    Raises:
        SimulationError: no pieces, or MuJoCo refuses them.
        InputError: numbers that are not finite.
        MissingExtra: mujoco is not installed.
    """

    def __init__(
        self,
        hand: Sequence[Piece] | ClosingHand,
        pieces: Sequence[Piece],
        *,
        inertia: Inertia,
        contacts: Contacts,
    ) -> None:
        self._mujoco = mujoco = require("mujoco", extra="physics")
        spec = mujoco.MjSpec()
        _options(mujoco, spec, contacts)
        maker = _Geoms(mujoco, spec, contacts)
        _add_object(spec, maker, pieces, inertia)
        if isinstance(hand, ClosingHand):
            _add_fingers(mujoco, spec, maker, hand)
        else:
            maker.add(spec.worldbody, hand, origin=np.zeros(3), of="hand")
        for of, count in maker.counts.items():
            if not count:
                raise SimulationError(f"the {of} has no convex pieces: nothing could touch")
        try:
            self.model = spec.compile()
        except ValueError as error:
            raise SimulationError(f"MuJoCo cannot build the scene: {error}") from error
        self.data = mujoco.MjData(self.model)
        self.object = int(self.model.body("object").id)
        mujoco.mj_forward(self.model, self.data)

    @property
    def place(self) -> np.ndarray:
        """The object's centre of mass (3,) [m]; a copy."""
        return self.data.qpos[:3].copy()

    @property
    def turn(self) -> np.ndarray:
        """The object's quaternion, wxyz; a copy."""
        return self.data.qpos[3:7].copy()

    @property
    def overlap(self) -> float:
        """How deep hand and object overlap at the deepest contact [m]."""
        return max(0.0, -float(self.data.contact.dist.min())) if self.data.ncon else 0.0

    def run(self, *, gravity: Sequence[float] | np.ndarray, steps: int) -> None:
        """Let time pass under a gravity (3,) [m/s²].

        Raises:
            SimulationError: MuJoCo warned, or numbers are no longer finite.
        """
        self.model.opt.gravity[:] = gravity
        self._mujoco.mj_step(self.model, self.data, nstep=steps)
        warned = np.flatnonzero(self.data.warning.number).tolist()
        if warned:
            kinds = self._mujoco.mjtWarning
            names = ", ".join(kinds(w).name.removeprefix("mjWARN_") for w in warned)
            raise SimulationError(
                f"the simulation broke down at {self.data.time:.3f} s: MuJoCo warned of {names}"
            )
        if not np.isfinite(self.data.qpos).all():
            raise SimulationError(f"the simulation broke down before {self.data.time:.3f} s")

    def damp(self, *, moving: float, turning: float) -> None:
        """Let the object move as through honey, by [N s/m] and [N m s/rad]; zeros set it free."""
        self.model.dof_damping[:3] = moving
        self.model.dof_damping[3:6] = turning

    def close(self) -> None:
        """Switch the fingers' servos on."""
        self.data.ctrl[:] = 1.0

    def pull(self, torques: np.ndarray, *, stiffness: float, closing: float) -> None:
        """Let the fingers' servos exert torques (H,) where they stand now, of all hinges [N m], and stiffen there."""
        model, data = self.model, self.data
        hinges = model.actuator_trnid[:, 0]
        wanted = torques[model.jnt_dofadr[hinges] - 6] + stiffness * data.qpos[model.jnt_qposadr[hinges]]
        data.ctrl[:] = wanted / (stiffness * closing)

    def remember(self) -> np.ndarray:
        """The whole state, for `recall`."""
        whole = self._mujoco.mjtState.mjSTATE_INTEGRATION
        state = np.empty(self._mujoco.mj_stateSize(self.model, whole))
        self._mujoco.mj_getState(self.model, self.data, state, whole)
        return state

    def recall(self, state: np.ndarray) -> None:
        """Back to a remembered state."""
        self._mujoco.mj_setState(self.model, self.data, state, self._mujoco.mjtState.mjSTATE_INTEGRATION)


class _Geoms:
    """Puts pieces into bodies as collision geometry."""

    def __init__(self, mujoco, spec, contacts: Contacts) -> None:
        self.mujoco, self.spec, self.contacts = mujoco, spec, contacts
        self.counts = {"hand": 0, "object": 0}

    def add(
        self, body, pieces: Sequence[Piece], *, origin: np.ndarray, of: str, density: float = 0.0
    ) -> None:
        """Pieces as a body's geoms, which is the hand's or the object's; the body's origin is at (3,) [m]."""
        bits = {"hand": (HAND, OBJECT), "object": (OBJECT, HAND)}[of]
        for vertices in (v for v, f in pieces if len(v) >= 4 and _volume(v, f) > FLAT):
            self.counts[of] += 1
            name = f"piece{len(self.spec.meshes)}"
            self.spec.add_mesh(
                name=name,
                uservert=(vertices - origin).ravel(),
                inertia=self.mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX,
            )
            body.add_geom(
                name=f"{of}_{name}",
                type=self.mujoco.mjtGeom.mjGEOM_MESH,
                meshname=name,
                contype=bits[0],
                conaffinity=bits[1],
                condim=4,
                friction=[self.contacts.friction, TORSION, ROLLING],
                solref=[self.contacts.softness, self.contacts.damping_ratio],
                density=density,
            )


def _volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    from handhold.geometry.convex import piece_volume

    if not np.isfinite(vertices).all():
        raise InputError("there are numbers that are not finite", where="the convex pieces")
    return abs(piece_volume((vertices, faces)))


def _options(mujoco, spec, contacts: Contacts) -> None:
    """Elliptic cones with stiff friction keep a held object from creeping; a bad state is kept to be seen."""
    spec.compiler.degree = False
    spec.option.timestep = contacts.timestep
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0
    spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    if hasattr(mujoco.mjtEnableBit, "mjENBL_MULTICCD"):  # several contacts a pair; MuJoCo 4 has them anyway
        spec.option.enableflags |= int(mujoco.mjtEnableBit.mjENBL_MULTICCD)


def _add_object(spec, maker: _Geoms, pieces: Sequence[Piece], inertia: Inertia) -> None:
    t = np.asarray(inertia.tensor, float)
    if not (inertia.mass > 0 and np.isfinite(t).all() and np.isfinite(inertia.centre).all()):
        raise InputError("the object has no mass", where="inertia", got=inertia.mass)
    body = spec.worldbody.add_body(name="object", pos=inertia.centre)
    body.add_freejoint(name="object")
    body.explicitinertial = True
    body.mass = inertia.mass
    body.ipos = np.zeros(3)
    body.fullinertia = [t[0, 0], t[1, 1], t[2, 2], t[0, 1], t[0, 2], t[1, 2]]
    maker.add(body, pieces, origin=np.asarray(inertia.centre, float), of="object")


def _add_fingers(mujoco, spec, maker: _Geoms, hand: ClosingHand) -> None:
    """The palm on the world; a body a finger bone, turned by its hinges. All bodies keep the frame's axes."""
    config = hand.config
    maker.add(spec.worldbody, hand.pieces[0], origin=np.zeros(3), of="hand")
    bodies = {0: spec.worldbody}
    for joint in range(1, 16):
        parent = PARENTS[joint]
        here, there = hand.joints[joint], hand.joints[parent] if parent else np.zeros(3)
        body = bodies[parent].add_body(name=f"bone{joint}", pos=here - there)
        body.gravcomp = 1.0  # a hand carries its own weight
        bodies[joint] = body
        for k, hinge in enumerate(h for h in hand.hinges if h.joint == joint):
            name = f"bone{joint}_{k}"
            body.add_joint(
                name=name,
                type=mujoco.mjtJoint.mjJNT_HINGE,
                axis=hinge.axis,
                limited=mujoco.mjtLimited.mjLIMITED_TRUE,
                range=[hinge.lower, hinge.upper],
                damping=config.damping,
                armature=config.armature,
                stiffness=0.0 if hinge.torque else config.spring,
            )
            if hinge.torque:
                _add_muscle(mujoco, spec, name, torque=hinge.torque, config=config)
        maker.add(body, hand.pieces[joint], origin=here, of="hand", density=config.flesh_density)
        if not hand.pieces[joint]:  # its skin went to the bone before
            body.explicitinertial, body.mass, body.inertia = True, *NO_FLESH


def _add_muscle(mujoco, spec, joint: str, *, torque: float, config) -> None:
    """A position servo that wants to be a little more flexed than it is, with bounded torque."""
    servo = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    servo.gaintype, servo.biastype = mujoco.mjtGain.mjGAIN_FIXED, mujoco.mjtBias.mjBIAS_AFFINE
    servo.gainprm[0] = config.stiffness * config.closing  # driven by a constant control of one
    servo.biasprm[1] = -config.stiffness
    servo.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
    servo.forcerange = [-torque, torque]
