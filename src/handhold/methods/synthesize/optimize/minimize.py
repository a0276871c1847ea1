"""Bringing the energy down: by Adam, or by annealed Langevin dynamics as DexGraspNet does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import roma
import torch
from torch import Tensor

from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.methods.synthesize.optimize.aim import Aim
from handhold.methods.synthesize.optimize.config import OptimizeConfig
from handhold.methods.synthesize.optimize.energy import energy
from handhold.methods.synthesize.optimize.fields import Fields
from handhold.methods.synthesize.optimize.start import Starts
from handhold.methods.synthesize.optimize.watched import Watched

FREE = tuple(
    3 * joint + angle
    for joint in range(15)
    for angle in ((0, 1, 2) if joint == 12 else (0, 1) if joint in (0, 3, 6, 9, 13) else (0,))
)
"""The 22 angles that move: hinges only flex, knuckles also spread, the thumb's metacarpal turns too."""
# DexGraspNet's constants (Wang et al. 2023, section III and its released defaults), in its own normalized steps.
TEMPERATURE, COOLING, COOL_EVERY = 18.0, 0.95, 30
STEP, SHORTER, SHORTEN_EVERY = 0.005, 0.95, 50
MEMORY = 0.98
"""Of the running mean of squared gradients."""

Weigh = Callable[["Unknowns"], Tensor]


@dataclass(frozen=True)
class Unknowns:
    """What moves: a turn of the whole hand from its start (B, 3) [rad], of the wrist (B, 3) [m], the free angles
    (B, 22) [rad], and logarithms of contact forces (B, P)."""

    turn: Tensor
    wrist: Tensor
    angles: Tensor
    forces: Tensor

    @staticmethod
    def of(starts: Starts, aim: Aim) -> Unknowns:
        """Those of hands at their starts."""
        rows = len(starts)
        zero = starts.state.wrist.new_zeros(rows, 3)
        angles = starts.state.angles.flatten(1)[:, list(FREE)].clone()
        return Unknowns(zero.clone(), zero.clone(), angles, torch.zeros_like(aim.required))

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All four."""
        return self.turn, self.wrist, self.angles, self.forces

    def hands(self, start: HandState) -> HandState:
        """The hands that they mean."""
        angles = start.angles.flatten(1).index_copy(1, torch.tensor(FREE), self.angles)
        return replace(
            start,
            rotation=roma.rotvec_to_rotmat(self.turn) @ start.rotation,
            wrist=start.wrist + self.wrist,
            angles=angles.unflatten(1, (15, 3)),
        )


def minimize(
    hand: Hand,
    watched: Watched,
    around: Fields,
    starts: Starts,
    *,
    aim: Aim,
    config: OptimizeConfig,
    seed: int,
) -> tuple[HandState, Tensor]:
    """Bring the energy of a batch down; angles stay within their limits at every step.

    Args:
        hand: the hand.
        watched: its points.
        around: distances to the targets.
        starts: B hands.
        aim: what is to touch.
        config: settings.
        seed: of the noise, where the method has it.

    Returns:
        The hands, and their energies (B,).
    """

    def weigh(unknowns: Unknowns) -> Tensor:
        return energy(
            hand,
            watched,
            around,
            unknowns.hands(starts.state),
            target=starts.target,
            aim=aim,
            forces=unknowns.forces,
            config=config,
        )

    lower, upper = (limit.flatten()[list(FREE)] for limit in (hand.anatomy.lower, hand.anatomy.upper))
    limits = (lower, upper)
    found = Unknowns.of(starts, aim)
    if config.method == "adam":
        found = by_adam(weigh, found, limits=limits, config=config)
    else:
        generator = torch.Generator().manual_seed(seed)
        found = by_langevin(weigh, found, limits=limits, config=config, generator=generator)
    with torch.no_grad():
        return found.hands(starts.state), weigh(found)


def by_adam(
    weigh: Weigh, start: Unknowns, *, limits: tuple[Tensor, Tensor], config: OptimizeConfig
) -> Unknowns:
    """Adam, its rates falling along a cosine."""
    turn, wrist, angles, forces = (x.requires_grad_() for x in start.tensors())
    optimizer = torch.optim.Adam(
        [
            {"params": [turn, angles], "lr": config.learning_rate},
            {"params": [wrist], "lr": config.wrist_rate},
            {"params": [forces], "lr": 5 * config.learning_rate},
        ]
    )
    low = config.last_rate
    rate = lambda done: low + (1 - low) * 0.5 * (1 + math.cos(math.pi * done / config.steps))
    fall = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    with torch.enable_grad():
        for _ in range(config.steps):
            optimizer.zero_grad()
            weigh(Unknowns(turn, wrist, angles, forces)).sum().backward()
            optimizer.step()
            fall.step()
            with torch.no_grad():
                angles.copy_(torch.minimum(torch.maximum(angles, limits[0]), limits[1]))
    return Unknowns(*(x.detach() for x in (turn, wrist, angles, forces)))


def by_langevin(
    weigh: Weigh,
    start: Unknowns,
    *,
    limits: tuple[Tensor, Tensor],
    config: OptimizeConfig,
    generator: torch.Generator,
) -> Unknowns:
    """Annealed Langevin dynamics with Metropolis' rule (DexGraspNet, section III-C; its optimizer.py's constants).

    A step goes down the gradient divided by its running root mean square; it is taken if energy falls, or with
    probability exp(-rise / temperature). DexGraspNet also draws new contact points now and then; here contacts
    are those of the grasp type, and what it does to forces is not needed, for forces are learned.
    """
    scale = (1.0, config.wrist_rate / config.learning_rate, 1.0, 5.0)
    now, mean = start.tensors(), [torch.zeros_like(x) for x in start.tensors()]
    cost, slope = _slope(weigh, now)
    for k in range(config.steps):
        temperature = TEMPERATURE * COOLING ** (k // COOL_EVERY)
        step = STEP * SHORTER ** (k // SHORTEN_EVERY)
        mean = [MEMORY * m + (1 - MEMORY) * g.square() for m, g in zip(mean, slope, strict=True)]
        tried = [
            x - step * s * g / (m.mean(-1, keepdim=True).sqrt() + 1e-6)
            for x, s, g, m in zip(now, scale, slope, mean, strict=True)
        ]
        tried[2] = torch.minimum(torch.maximum(tried[2], limits[0]), limits[1])
        new_cost, new_slope = _slope(weigh, tried)
        chance = torch.rand(len(cost), generator=generator).to(cost)
        taken = chance < torch.exp((cost - new_cost) / temperature)
        keep = lambda new, old, taken=taken: torch.where(taken.view(-1, *[1] * (new.ndim - 1)), new, old)
        now = tuple(keep(a, b) for a, b in zip(tried, now, strict=True))
        slope = [keep(a, b) for a, b in zip(new_slope, slope, strict=True)]
        cost = keep(new_cost, cost)
    return Unknowns(*now)


def _slope(weigh: Weigh, values) -> tuple[Tensor, list[Tensor]]:
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in values]
        cost = weigh(Unknowns(*leaves))
        return cost.detach(), list(torch.autograd.grad(cost.sum(), leaves))
