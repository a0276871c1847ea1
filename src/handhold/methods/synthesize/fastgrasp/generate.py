"""The front of FastGrasp: grasps in one pass."""

from __future__ import annotations

import torch
from torch import Tensor

from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.methods.synthesize.drafts import OTHER_HANDS, Drafts, Source, checked_betas, draw_drafts
from handhold.methods.synthesize.fastgrasp.config import FastGraspSampling
from handhold.methods.synthesize.result import Ask
from handhold.models.fastgrasp import FastGrasp
from handhold.models.fastgrasp.look import look
from handhold.models.grasp_rows import Placed
from handhold.models.pretrained import check_trained_for
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject


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
) -> Drafts:
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
        InputError: as `draw_drafts`, the hand is not the model's, or betas are no hand shape.
    """
    config, generator = config or FastGraspSampling(), generator or torch.Generator().manual_seed(0)
    check_hand(hand, model)
    shape, coder = checked_betas(betas, model.config.shapes), model.autoencoder.code
    part = ask is not None and ask.part is not None

    def some(placed: Placed, types: Tensor) -> HandState:
        shapes = shape.expand(len(types), -1)
        own = torch.zeros_like(types) if part else None
        seen = look(placed, model.basis, model.config, betas=shapes, type=types, part=own)
        latent, feature = model.draw(seen, steps=config.steps, guidance=config.guidance, generator=generator)
        if config.adapt:
            state = model.adapt(latent, feature, shapes, placed.distances)[1]
        else:
            state = model.decode(latent, shapes)[0]
        return placed.hands_back(state)

    def hands(placed: Placed, types: Tensor) -> HandState:
        batches = torch.arange(len(types)).split(config.most)
        return HandState.cat([some(placed.select(rows), types[rows]) for rows in batches])

    source = Source(hands, coder.hand, coder.seen, typed=True)
    return draw_drafts(
        obj, hand, source, count=count, ask=ask, config=config, generator=generator, spares=spares
    )


def check_hand(hand: Hand, model: FastGrasp) -> None:
    """Refuse a hand that the weights are not for.

    Raises:
        InputError: it is another model, or another version.
    """
    check_trained_for(hand, model.config.hand, model.config.hand_version, remedy=OTHER_HANDS)
