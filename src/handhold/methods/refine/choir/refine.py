"""The front of the CHOIR refiner: JointDiffusion draws what a grasp was meant to be, and a hand is fitted to it."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.geometry.grid_distance import GridDistance
from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.interaction.choir.encode import Surfaces, check_length
from handhold.interaction.grasp import Grasp
from handhold.interaction.measures import measure
from handhold.interaction.rows import Rows
from handhold.methods.refine.choir.config import RefineChoirConfig
from handhold.models.choir import JointDiffusion, shipped
from handhold.models.choir.hands import ChoirSampling, draw_hands
from handhold.models.choir.seen import Seen, keypoints_of, look, view_of
from handhold.models.grasp_rows import POINTS, mirror_hands
from handhold.models.pretrained import check_trained_for

DEFAULT = RefineChoirConfig()
RESOLUTION = 80
"""Nodes along the longest side of an object's grid: more than in training, for the second stage meets thin walls."""
FINGER_CM3, BONE_CM3 = 0.2, 10.0
"""So much volume a finger that does not touch counts as, and a bone that goes through the surface, where samples are
compared [cm3]."""


@torch.no_grad()
def refine_choir(
    grasps: list[Grasp],
    *,
    model: JointDiffusion | None = None,
    config: RefineChoirConfig = DEFAULT,
    generator: torch.Generator | None = None,
) -> list[Grasp]:
    """Mend grasps that are centimetres off: a learnt model says where the hand was meant to be.

    With several samples the one with the least volume in the object, the fewest bones through its surface and the
    most fingers on it is kept: measured quality, not nearness to the input, which nobody can measure.

    Args:
        grasps: single grasps and motions in any mixture, of one hand model; all are drawn as one batch. Frames of a
            motion are seen each for itself; they start from the same noise, and are kept or not together.
        model: the model; by default the one that comes with handhold.
        config: settings.
        generator: source of randomness, on the CPU; without one, seed 0.

    Returns:
        As many grasps, with new parameters and no soft tissue, in the world frame; shapes are kept.

    Raises:
        InputError: no grasps, different hand models, a hand that the model is not for, an object over 0.6 m, or a
            model that knows objects alone.
    """
    model = shipped() if model is None else model
    generator = generator or torch.Generator().manual_seed(0)
    rows = Rows.from_grasps([grasp.with_(offsets=None) for grasp in grasps], field="grid")
    trained = (model.config.hand, model.config.hand_version)
    check_trained_for(rows.hand, *trained, remedy="Use --method gravity, which takes any hand.")
    for obj in rows.objects:
        check_length(float(obj.extents.max()), name=obj.name, remedy="or use --method gravity")
    frames = [grasp.params.transl.reshape(-1, 3).shape[0] for grasp in grasps]
    group = torch.arange(len(grasps)).repeat_interleave(torch.tensor(frames)).to(rows.index)
    draw = _Draw(model, rows, group, generator)
    state, best = draw(config.sampling), None
    for _ in range(config.samples - 1):
        trial = draw(replace(config.sampling, temperature=config.spread))
        best = _cost(rows, state, group) if best is None else best
        cost = _cost(rows, trial, group)
        state, best = trial.where((cost < best)[group], state), torch.minimum(cost, best)
    return rows.to_grasps(grasps, state, None)


class _Draw:
    """Draws hands for the same noisy grasps, as often as it is called."""

    def __init__(self, model: JointDiffusion, rows: Rows, group: Tensor, generator: torch.Generator) -> None:
        if model.config.known == "object":
            raise InputError(
                "the model was trained on objects alone and knows no noisy hands",
                where="model",
                expected="known: pair, or both",
            )
        device = rows.observed.device
        self.model, self.group, self.generator = model.to(device), group, generator
        self.hand = Hand.open("right").to(device)
        self.mirrored = torch.full((len(rows),), rows.hand.side == "left", device=device)
        self.index = rows.index
        samples = [obj.sample(POINTS, torch.Generator().manual_seed(0)).points for obj in rows.objects]
        grids = [obj.grid(resolution=RESOLUTION) for obj in rows.objects]
        self.things = Surfaces(torch.stack(samples).float().to(device), GridDistance.stack(grids).to(device))
        self.seen = self._look(mirror_hands(_single(rows.state, rows.hand), self.mirrored))

    def _look(self, state: HandState) -> Seen:
        config, keypoints = self.model.config, keypoints_of(self.hand, state)
        view = view_of(config, self.things, self.index, self.mirrored, keypoints, state.rotation)
        known = torch.ones_like(self.mirrored)
        return look(
            config,
            self.things,
            self.index,
            self.mirrored,
            view,
            keypoints=keypoints,
            known=known,
            betas=state.betas,
        )

    def __call__(self, sampling: ChoirSampling) -> HandState:
        state = draw_hands(
            self.model,
            self.hand,
            self.things,
            self.index,
            self.mirrored,
            self.seen,
            sampling=sampling,
            generator=self.generator,
            group=self.group,
        )
        return mirror_hands(state, self.mirrored)


def _single(state: HandState, hand: Hand) -> HandState:
    """In single precision, within joint limits, as the model has seen noisy hands."""
    angles = hand.anatomy.clamp(state.angles)
    return HandState(*(value.float() for value in (state.rotation, state.wrist, angles, state.betas)))


def _cost(rows: Rows, state: HandState, group: Tensor) -> Tensor:
    """What is wrong with each group of hands, measured exactly, (G,) [cm3]."""
    params = state.params(rows.hand)
    found = []
    for row, which in enumerate(rows.index.tolist()):
        grasp = Grasp(rows.hand, params[row], rows.objects[which], torch.eye(4).to(rows.observed))
        told = measure(grasp)
        volume = BONE_CM3 if math.isnan(told.iv_cm3) else told.iv_cm3
        found.append(
            volume + FINGER_CM3 * (5 - told.fingers_in_contact) + BONE_CM3 * (told.bones_through > 0)
        )
    each = torch.tensor(found).to(rows.observed)
    return each.new_zeros(int(group.max()) + 1).index_add(0, group, each)
