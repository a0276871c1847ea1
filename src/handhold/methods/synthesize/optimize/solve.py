"""The front of the optimizer."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass, replace

import roma
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.interaction.grasp import Grasp
from handhold.methods.synthesize.optimize.accept import as_grasps, nearest_bones, pierced, refusal
from handhold.methods.synthesize.optimize.config import Kind, OptimizeConfig
from handhold.methods.synthesize.optimize.energy import Aim
from handhold.methods.synthesize.optimize.energy import energy as weigh
from handhold.methods.synthesize.optimize.start import (
    aim_at,
    check_size,
    close,
    most_varied,
    place_hands,
    preshape,
)
from handhold.methods.synthesize.optimize.watched import Watched, watch
from handhold.objects import ObjectMesh

FREE = tuple(
    3 * joint + angle
    for joint in range(15)
    for angle in ((0, 1, 2) if joint == 12 else (0, 1) if joint in (0, 3, 6, 9, 13) else (0,))
)
"""The 22 angles that move: hinges only flex, knuckles also spread, the thumb's metacarpal turns too."""


@dataclass(frozen=True)
class Synthesis:
    """What came out.

    Attributes:
        grasps: accepted ones in the object's own frame, the lowest energy first.
        accepted: how many were accepted, of which these are the best.
        rejected: how many were refused, by cause.
        seconds: wall-clock time by stage.
    """

    grasps: list[Grasp]
    accepted: int
    rejected: dict[str, int]
    seconds: dict[str, float]


@dataclass(frozen=True)
class _Candidates:
    """Closed hands that are worth optimizing, the most promising first."""

    state: HandState
    aim: Aim
    preshape: Tensor

    def select(self, rows: Tensor) -> _Candidates:
        return _Candidates(self.state.select(rows), self.aim.select(rows), self.preshape[rows])


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.since = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self.since
        self.since = now


def optimize_grasps(
    obj: ObjectMesh,
    hand: Hand,
    *,
    count: int,
    config: OptimizeConfig | None = None,
    generator: torch.Generator | None = None,
    betas: Tensor | None = None,
) -> Synthesis:
    """Grasps of an object by one hand.

    Args:
        obj: the object.
        hand: the hand, float32 on the CPU.
        count: how many are wanted; fewer may come.
        config: settings.
        generator: source of randomness; without one, seed 0.
        betas: (S,) the hand's shape; the mean one by default.

    Raises:
        InputError: the object is too small or too large for a hand, no start is of use, or the count is less
            than one.
        SimulationError, MissingExtra: physics is asked for, and cannot be done.
    """
    config = config or OptimizeConfig()
    if count < 1:
        raise InputError("nothing to do", where="count", expected="at least 1", got=count)
    check_size(obj)
    generator = generator or torch.Generator().manual_seed(0)
    betas = hand.zeros().betas if betas is None else betas.to(hand.template)
    clock = _Clock()
    watched, _ = watch(hand, betas), obj.grid()
    clock.lap("prepare")
    kinds = [
        _candidates(
            obj,
            hand,
            watched,
            kind,
            betas=betas,
            count=count,
            config=config,
            generator=generator,
            clock=clock,
        )
        for kind in config.kinds
    ]
    _check_any(obj, kinds, config)
    accepted: list[tuple[float, Grasp]] = []
    rejected: Counter[str] = Counter()
    for part in _batches(kinds, count, config):
        state, cost = minimize(obj, hand, watched, part, config)
        clock.lap("optimize")
        grasps = as_grasps(obj, hand, state)
        clock.lap("soft tissue")
        causes = [
            refusal(grasp, bones_apart=gap, config=config)
            for grasp, gap in zip(grasps, nearest_bones(hand, watched, state).tolist(), strict=True)
        ]
        rejected.update(cause for cause in causes if cause)
        accepted += [
            found
            for found, cause in zip(zip(cost.tolist(), grasps, strict=True), causes, strict=True)
            if not cause
        ]
        clock.lap("judge")
        if len(accepted) >= count:
            break
    best = sorted(accepted, key=lambda pair: pair[0])[:count]
    grasps = [grasp.with_(name=f"{obj.name}_{k:03d}") for k, (_, grasp) in enumerate(best)]
    return Synthesis(grasps, len(accepted), dict(rejected), clock.seconds)


def _check_any(obj: ObjectMesh, kinds: list[_Candidates], config: OptimizeConfig) -> None:
    if not any(len(k.preshape) for k in kinds):
        raise InputError(
            "found no place for a hand",
            where=obj.name,
            expected="somewhere to lay the palm, or two facing sides less than 75 mm apart to pinch",
            got=f"none in {config.starts} starts ({', '.join(config.kinds)})",
            remedy="Allow every kind of start, or more starts (OptimizeConfig.kinds, .starts).",
        )


@torch.no_grad()
def _candidates(
    obj: ObjectMesh,
    hand: Hand,
    watched: Watched,
    kind: Kind,
    *,
    betas: Tensor,
    count: int,
    config: OptimizeConfig,
    generator: torch.Generator,
    clock: _Clock,
) -> _Candidates:
    """The best closed starts of one kind, by the energy that is to be brought down."""
    starts = math.ceil(config.starts / len(config.kinds))
    state = place_hands(obj, hand, watched, kind=kind, betas=betas, count=starts, generator=generator)
    clock.lap("place")
    state = close(obj.grid(), hand, watched, state, config)
    clock.lap("close")
    rows = len(state.wrist)
    found = _Candidates(
        state,
        aim_at(obj.grid(), hand, watched, state, kind),
        preshape(hand, kind, torch.zeros(rows)),
    )
    cost = _energy(obj, hand, watched, found, config, found.state, torch.zeros_like(found.aim.required))
    cost = torch.where(pierced(obj, hand, state), torch.inf, cost)
    keep = min(rows, math.ceil(config.candidates * count / len(config.kinds)))
    chosen = most_varied(state, cost, keep=keep)
    clock.lap("screen")
    return found.select(chosen)


def _batches(kinds: list[_Candidates], count: int, config: OptimizeConfig) -> list[_Candidates]:
    """Candidates of all kinds in turn, a batch at a time, about as many as are still asked for."""
    longest = max(len(k.preshape) for k in kinds)
    size = max(1, min(config.batch, math.ceil(1.25 * count)) // len(kinds))
    parts = []
    for first in range(0, longest, size):
        some = [k.select(torch.arange(len(k.preshape))[first : first + size]) for k in kinds]
        parts.append(
            _Candidates(
                HandState.cat([k.state for k in some]),
                Aim(torch.cat([k.aim.required for k in some])),
                torch.cat([k.preshape for k in some]),
            )
        )
    return parts


def _energy(
    obj: ObjectMesh,
    hand: Hand,
    watched: Watched,
    part: _Candidates,
    config: OptimizeConfig,
    state: HandState,
    forces: Tensor,
) -> Tensor:
    return weigh(
        hand,
        watched,
        obj.grid(),
        state,
        aim=part.aim,
        forces=forces,
        preshape=part.preshape,
        config=config,
    )


def minimize(
    obj: ObjectMesh, hand: Hand, watched: Watched, part: _Candidates, config: OptimizeConfig
) -> tuple[HandState, Tensor]:
    """Bring the energy of a batch down by Adam; angles stay within their limits at every step.

    Returns:
        The hands, and their energies (B,).
    """
    start, rows, free = part.state, len(part.preshape), list(FREE)
    turn, wrist = (start.wrist.new_zeros(rows, 3, requires_grad=True) for _ in range(2))
    angles = start.angles.flatten(1)[:, free].clone().requires_grad_()
    forces = torch.zeros_like(part.aim.required).requires_grad_()
    lower, upper = (limit.flatten()[free] for limit in (hand.anatomy.lower, hand.anatomy.upper))
    groups = [
        {"params": [turn, angles], "lr": config.learning_rate},
        {"params": [wrist], "lr": config.wrist_rate},
        {"params": [forces], "lr": 5 * config.learning_rate},
    ]
    optimizer = torch.optim.Adam(groups)
    rate = lambda done: (
        config.last_rate + (1 - config.last_rate) * 0.5 * (1 + math.cos(math.pi * done / config.steps))
    )
    fall = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)

    def moved() -> HandState:
        full = start.angles.flatten(1).index_copy(1, torch.tensor(free), angles).unflatten(1, (15, 3))
        rotation = roma.rotvec_to_rotmat(turn) @ start.rotation
        return replace(start, rotation=rotation, wrist=start.wrist + wrist, angles=full)

    with torch.enable_grad():
        for _ in range(config.steps):
            optimizer.zero_grad()
            _energy(obj, hand, watched, part, config, moved(), forces).sum().backward()
            optimizer.step()
            fall.step()
            with torch.no_grad():
                angles.copy_(torch.minimum(torch.maximum(angles, lower), upper))
    with torch.no_grad():
        state = moved()
        return state, _energy(obj, hand, watched, part, config, state, forces)
