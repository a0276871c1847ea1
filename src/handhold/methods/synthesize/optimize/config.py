"""Settings of the grasp optimizer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from handhold.errors import demand
from handhold.methods.synthesize.accept import Bounds

Method = Literal["adam", "langevin"]

WEIGHTS = (
    "required",
    "attraction",
    "facing",
    "force_closure",
    "penetration",
    "balls",
    "bones",
    "self_penetration",
    "forearm",
    "idle",
    "in_the_way",
    "table",
    "posture",
)


@dataclass(frozen=True)
class OptimizeConfig:
    """Settings of `optimize_grasps`. A weight of zero takes its term away.

    Attributes:
        method: "adam" from closed and screened starts; "langevin" anneals as DexGraspNet does, for comparison.
        starts: hands that are closed and screened, in all; twice as many are placed.
        candidates: for each grasp asked for, how many of them are optimized at most in one round.
        rounds: where there are not enough grasps, new starts are tried, so many times in all; once some types have
            given grasps, of those types only.
        batch: how many at a time.
        steps: steps of the method.
        learning_rate: of angles and of the whole hand's rotation [rad a step].
        wrist_rate: of the wrist [m a step].
        last_rate: both rates fall to this part of themselves, along a cosine.
        close_steps: steps by which a hand closes before it is optimized.
        close_rate: of a finger's knuckle in one of them [rad].
        required: weight of the distance of each finger that is to touch [1/m].
        attraction: weight of the distances of all other contact points, none counted beyond 20 mm [1/m].
        facing: weight of contact points' normals not opposed to the surface's.
        force_closure: weight of what force and torque remain of the best non-negative contact forces.
        penetration: weight of skin inside the object [1/m].
        balls: weight of balls inside the hand that reach into the object [1/m].
        bones: weight of bone points too near to the surface [1/m].
        self_penetration: weight of fingers too near to each other [1/m].
        forearm: weight of a forearm too near to object or table [1/m].
        idle: weight of fingers too near that have nothing to do [1/m].
        in_the_way: weight of skin too near to faces that are not to be held [1/m].
        table: weight of skin below the table [1/m].
        posture: weight of angles off the way on which the type closes [1/rad²].
        lever: weight of a start's distance from where the object is best held [1/m].
        iv_cm3: most intersection volume of an accepted grasp [cm³].
        on_part: least share of the hand's touching skin that touches the part asked for.
        bones_apart: least distance of the bones of two fingers [m].
        physics: whether a grasp must also hold the object in six-way physics, fingers squeezing (needs mujoco).
        drift_cm: most that the object may move in it while the fingers close [cm].
    """

    method: Method = "adam"
    starts: int = 1024
    candidates: int = 4
    rounds: int = 4
    batch: int = 64
    steps: int = 150
    learning_rate: float = 0.02
    wrist_rate: float = 0.0015
    last_rate: float = 0.02
    close_steps: int = 26
    close_rate: float = 0.06
    required: float = 60.0
    attraction: float = 6.0
    facing: float = 0.3
    force_closure: float = 3.0
    penetration: float = 30.0
    balls: float = 60.0
    bones: float = 120.0
    self_penetration: float = 300.0
    forearm: float = 100.0
    idle: float = 20.0
    in_the_way: float = 15.0
    table: float = 30.0
    posture: float = 1.0
    lever: float = 6.0
    iv_cm3: float = 0.5
    on_part: float = 0.7
    bones_apart: float = 0.010
    physics: bool = False
    drift_cm: float = 0.6

    @property
    def bounds(self) -> Bounds:
        """What an accepted grasp may be."""
        return Bounds(
            self.iv_cm3, self.on_part, self.bones_apart, physics=self.physics, drift_cm=self.drift_cm
        )

    def __post_init__(self) -> None:
        for name in ("starts", "candidates", "rounds", "batch", "steps", "close_steps"):
            value = getattr(self, name)
            demand(
                self, name, "a whole number of at least 1", value, holds=isinstance(value, int) and value >= 1
            )
        for name in ("learning_rate", "wrist_rate", "close_rate", "iv_cm3", "drift_cm"):
            value = getattr(self, name)
            demand(self, name, "a positive number", value, holds=0 < value < math.inf)
        for name in (*WEIGHTS, "lever", "bones_apart"):
            value = getattr(self, name)
            demand(self, name, "zero or more", value, holds=0 <= value < math.inf)
        demand(self, "last_rate", "between 0 and 1", self.last_rate, holds=0 <= self.last_rate <= 1)
        demand(self, "on_part", "between 0 and 1", self.on_part, holds=0 <= self.on_part <= 1)
        demand(self, "method", "adam or langevin", self.method, holds=self.method in get_args(Method))
