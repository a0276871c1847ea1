"""The front of FastGrasp: grasps in one pass."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.interaction.grasp import Grasp
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.methods.synthesize.fastgrasp.config import FastGraspSampling
from handhold.methods.synthesize.fastgrasp.judge import THROUGH, Judge, Near
from handhold.methods.synthesize.fastgrasp.places import Scene, draw_places, see
from handhold.methods.synthesize.holdable import ANY_TYPES, check_size, mesh_of
from handhold.methods.synthesize.result import Ask
from handhold.methods.synthesize.screen import from_side, most_varied, pierced
from handhold.models.fastgrasp import FastGrasp
from handhold.models.fastgrasp.look import look
from handhold.models.grasp_rows import Placed, mirror_hands, mirror_rows
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

FAULTS = ("", "bone_through", "forearm")
"""A bone goes through the surface; the forearm comes from above where it is to come from the side."""
MOST = 2000
VARIED, LEAST_VARIED = 4, 512
"""Grasps at once; hands that differ are looked for among so many times as many, or so many at least, for each is
compared with each."""


@dataclass(frozen=True, eq=False)
class FastGrasps:
    """Grasps as the model made them, the most promising first.

    Attributes:
        grasps: in the object's own frame; skin without soft tissue.
        types: the grasp type that each was drawn for; empty where none was asked for.
        faults: what is surely wrong with each, "bone_through" or "forearm"; empty where nothing is.
        cost: (N,) what the model's own look finds wrong with each (`judge.Judge.cost`); faults cost `THROUGH` more.
        ask: what they answer.
        seconds: wall-clock time by stage.
    """

    grasps: tuple[Grasp, ...]
    types: tuple[str, ...]
    faults: tuple[str, ...]
    cost: Tensor
    ask: Ask | None
    seconds: dict[str, float]


@torch.no_grad()
def fastgrasp(
    obj: ObjectMesh | PartedObject,
    hand: Hand,
    model: FastGrasp,
    *,
    count: int,
    ask: Ask | None = None,
    config: FastGraspSampling | None = None,
    generator: torch.Generator | None = None,
    betas: Tensor | None = None,
    spares: bool = False,
) -> FastGrasps:
    """Grasps of an object by a trained model: diffusion, adaptation, decoding; no optimization.

    Places where the thumb is to touch are drawn on what may be held; from each the model makes a hand; of more than
    are wanted, the best that differ are kept.

    Args:
        obj: the object; with parts, thumbs keep off those that are not to be held.
        hand: the hand that the model was trained for, right or left.
        model: the model.
        count: how many grasps are wanted; so many come.
        ask: part, types and table that are wanted; None for anything.
        config: settings.
        generator: source of randomness, on the CPU; without one, seed 0.
        betas: (S,) the hand's shape; the mean one by default.
        spares: after those that are wanted also give those that were passed over, the best first.

    Raises:
        InputError: the object is too small or too large for a hand, a part is unknown or not to be held, the hand is
            not the model's, or the count is less than one or over `MOST`.
    """
    config, generator = config or FastGraspSampling(), generator or torch.Generator().manual_seed(0)
    if not 1 <= count <= MOST:
        remedy = "For more, ask again with another seed." if count > MOST else None
        raise InputError(
            "cannot be done at once", where="count", expected=f"1 to {MOST}", got=count, remedy=remedy
        )
    check_hand(hand, model)
    clock = _Clock()
    check_size(mesh_of(obj))
    many = max(config.least, round(config.oversample * count))
    scene = see(obj, part=None if ask is None else ask.part, count=many, generator=generator)
    clock.stop("see")
    draw = _Draw(model, hand, scene, ask, _checked(betas, model.config.shapes), config, generator)
    drawn = draw(many)
    for _ in range(config.rounds - 1):
        if int((drawn.fault == 0).sum()) >= count:
            break
        drawn = _Drawn.cat([drawn, draw(many)])
    clock.stop("draw")
    chosen = _ranked(drawn.state, drawn.cost, count=count, spares=spares)
    params = drawn.state.select(chosen).params(hand)
    grasps = tuple(
        Grasp(hand, params[k], scene.mesh, torch.eye(4), name=f"{scene.mesh.name}_{k:03d}")
        for k in range(len(chosen))
    )
    clock.stop("choose")
    names = (*GRASP_TYPES, "")
    types = tuple(names[k] for k in drawn.type[chosen])
    faults = tuple(FAULTS[k] for k in drawn.fault[chosen])
    return FastGrasps(grasps, types, faults, drawn.cost[chosen], ask, clock.seconds)


@dataclass(frozen=True)
class _Drawn:
    """Hands (B) in the object's frame, what is wrong with them, their number in `FAULTS`, and the type each was drawn
    for, -1 for any."""

    state: HandState
    cost: Tensor
    fault: Tensor
    type: Tensor

    @staticmethod
    def cat(parts: list[_Drawn]) -> _Drawn:
        state = HandState.cat([part.state for part in parts])
        rest = (torch.cat([getattr(p, name) for p in parts]) for name in ("cost", "fault", "type"))
        return _Drawn(state, *rest)


@dataclass(frozen=True)
class _Draw:
    """Draws hands at new places with new noise, as often as it is called."""

    model: FastGrasp
    hand: Hand
    scene: Scene
    ask: Ask | None
    betas: Tensor
    config: FastGraspSampling
    generator: torch.Generator

    def __call__(self, many: int) -> _Drawn:
        mirrored = self.hand.side == "left"
        placed = draw_places(self.scene, count=many, mirrored=mirrored, generator=self.generator)
        types = _types(self.ask, many)
        state = self._hands(placed, types)
        real = mirror_hands(state, placed.mirrored)
        fault = self._fault(real)
        return _Drawn(real, self._cost(placed, state) + THROUGH * (fault > 0), fault, types)

    def _hands(self, placed: Placed, types: Tensor) -> HandState:
        """Hands (B) in the object's (mirrored) frame."""
        model, config, states = self.model, self.config, []
        for rows in torch.arange(len(placed.object)).split(config.most):
            some = placed.select(rows)
            shape = self.betas.expand(len(rows), -1)
            part = torch.zeros_like(rows) if self.scene.part else None
            seen = look(some, model.basis, model.config, betas=shape, type=types[rows], part=part)
            latent, feature = model.draw(
                seen, steps=config.steps, guidance=config.guidance, generator=self.generator
            )
            if config.adapt:
                state = model.adapt(latent, feature, shape, some.distances)[1]
            else:
                state = model.decode(latent, shape)[0]
            states.append(some.hands_back(state))
        return HandState.cat(states)

    def _cost(self, placed: Placed, state: HandState) -> Tensor:
        coder, scene, ask = self.model.autoencoder.code, self.scene, self.ask
        points = mirror_rows(coder.points(state), placed.mirrored)
        near = Near(points, *scene.rows.grid.query(points, torch.zeros(len(points), dtype=torch.long)))
        table = None if ask is None else ask.table
        return self._judge.cost(near, centre=scene.centre, table=table)

    @cached_property
    def _judge(self) -> Judge:
        coder = self.model.autoencoder.code
        return Judge(coder.hand, coder.seen)

    def _fault(self, real: HandState) -> Tensor:
        fault = pierced(self.scene.mesh, self.hand, real).long() * FAULTS.index("bone_through")
        ask = self.ask
        if ask is not None and ask.table is not None and ask.from_side:
            wrong = ~from_side(ask.table, self.hand, real) & (fault == 0)
            fault = torch.where(wrong, FAULTS.index("forearm"), fault)
        return fault


def _ranked(state: HandState, cost: Tensor, *, count: int, spares: bool) -> Tensor:
    """The best hands that differ, the cheapest first; then, if they are wanted, the others."""
    rest = cost.argsort(stable=True)
    best = rest[: max(VARIED * count, LEAST_VARIED)]
    chosen = best[most_varied(state.select(best), cost[best], keep=count)]
    chosen = chosen[cost[chosen].argsort(stable=True)]
    if not spares:
        return chosen
    return torch.cat((chosen, rest[~torch.isin(rest, chosen)]))


def check_hand(hand: Hand, model: FastGrasp) -> None:
    """Refuse a hand that the weights are not for.

    Raises:
        InputError: it is another model, or another version.
    """
    config = model.config
    if (hand.name, hand.version) != (config.hand, config.hand_version):
        raise InputError(
            "the model was trained for another hand",
            where="hand",
            expected=f"{config.hand} {config.hand_version}",
            got=f"{hand.name} {hand.version}",
            remedy="Use --method optimize, which takes any hand, or train for this one.",
        )


def _checked(betas: Tensor | None, shapes: int) -> Tensor:
    if betas is None:
        return torch.zeros(shapes)
    if betas.shape != (shapes,) or not betas.isfinite().all():
        got = tuple(betas.shape) if betas.isfinite().all() else "numbers that are not finite"
        raise InputError("are no hand shape", where="betas", expected=f"({shapes},), finite", got=got)
    return betas.float()


def _types(ask: Ask | None, count: int) -> Tensor:
    """A type for each hand, -1 for any: those that are asked for in turn."""
    if ask is None or ask.types == ANY_TYPES:
        return torch.full((count,), -1)
    kinds = list(GRASP_TYPES)
    wanted = torch.tensor([kinds.index(name) for name in ask.types])
    return wanted[torch.arange(count) % len(wanted)]


class _Clock:
    """Wall-clock time by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._start = time.perf_counter()

    def stop(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage], self._start = now - self._start, now
