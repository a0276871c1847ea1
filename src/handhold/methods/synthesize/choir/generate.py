"""The front of CHOIR's synthesis: views of an object, and a hand drawn in each."""

from __future__ import annotations

import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.interaction.choir.encode import Surfaces, check_length
from handhold.methods.synthesize.choir.config import ChoirSynthesis
from handhold.methods.synthesize.choir.filled import filled_grid
from handhold.methods.synthesize.choir.views import views
from handhold.methods.synthesize.drafts import OTHER_HANDS, Drafts, Source, checked_betas, draw_drafts
from handhold.methods.synthesize.holdable import mesh_of
from handhold.methods.synthesize.result import Ask
from handhold.models.choir import JointDiffusion
from handhold.models.choir.hands import draw_hands
from handhold.models.choir.joint_diffusion import KEYPOINTS
from handhold.models.choir.seen import look, view_of
from handhold.models.grasp_rows import Placed
from handhold.models.pretrained import check_trained_for
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

PALM_STRIDE, BACK_STRIDE = 2, 6
"""Every so-manieth vertex of the hand's two sides is looked at."""


@torch.no_grad()
def draw_choir(
    obj: ObjectMesh | PartedObject,
    hand: Hand,
    model: JointDiffusion,
    *,
    count: int,
    ask: Ask | None = None,
    config: ChoirSynthesis | None = None,
    generator: torch.Generator | None = None,
    betas: Tensor | None = None,
    spares: bool = False,
) -> Drafts:
    """Grasps of an object by JointDiffusion, which is told the object and from where it is looked at, no hand.

    Places are drawn on what may be held; at each a view is taken (`views`), in which the model draws distances and
    contacts, to which a hand is fitted, hollows that no finger belongs in being filled (`filled_grid`).

    A grasp type is no condition of the model: each hand has the first of the types asked for whose rule it meets; those
    that meet none come last, and are refused unless polishing mends them.

    Source: Morales, Taheri, Lacey, A Versatile and Differentiable Hand-Object Interaction Representation, section
    3.3. There the grid lies about the object's box, which says nothing of where it is held; here each grasp has a
    grid of its own, about where the hand will be, as the shipped model was trained.

    Args:
        obj: the object; with parts, hands are not put where it is not to be held.
        hand: the hand that the model was trained for, right or left.
        model: the model.
        count: how many grasps are wanted; so many come.
        ask: part, types and table that are wanted; None for anything.
        config: settings.
        generator: source of randomness, on the CPU; without one, seed 0.
        betas: (S,) the hand's shape; the mean one by default.
        spares: after those that are wanted also give those that were passed over, the best first.

    Raises:
        InputError: as `draw_drafts`, the object is over 0.6 m long, the model refines noisy hands only or is for
            another hand, or betas are no hand shape.
    """
    config, generator = config or ChoirSynthesis(), generator or torch.Generator().manual_seed(0)
    check_hand(hand, model)
    mesh = mesh_of(obj)
    remedy = "or use --method fastgrasp or optimize"
    check_length(float(mesh.extents.max()), name=mesh.name, remedy=remedy)
    right, shape = Hand.open("right"), checked_betas(betas, model.config.shapes)

    def hands(placed: Placed, types: Tensor) -> HandState:
        points = placed.objects.points  # fewer than the model wants where some lie within another piece
        every = torch.arange(model.config.points) % points.shape[1]
        things = Surfaces(points[:, every], filled_grid(obj))
        if model.config.frame == "hand":
            placed, view = views(placed, model.config.reach, config, ask=ask, generator=generator)
        else:  # all grasps are seen alike: where the hand goes is left to the model
            view = view_of(model.config, things, placed.object, placed.mirrored, placed.axes, placed.axes)
        which = (placed.object, placed.mirrored)
        seen = look(
            model.config,
            things,
            *which,
            view,
            keypoints=torch.zeros(len(view), KEYPOINTS, 3),  # there is no noisy hand
            known=torch.zeros_like(placed.mirrored),
            betas=shape.expand(len(view), -1),
        )
        return draw_hands(model, right, things, *which, seen, sampling=config.sampling, generator=generator)

    palm, back = (torch.nonzero(side).flatten() for side in (right.palmar, ~right.palmar))
    watched = torch.cat((palm[::PALM_STRIDE], back[::BACK_STRIDE]))
    source = Source(hands, right, watched, typed=False)
    return draw_drafts(
        obj, hand, source, count=count, ask=ask, config=config, generator=generator, spares=spares
    )


def check_hand(hand: Hand, model: JointDiffusion) -> None:
    """Refuse a model that cannot draw such a hand.

    Raises:
        InputError: it refines noisy hands only, or its weights are for another hand.
    """
    check_trained_for(hand, model.config.hand, model.config.hand_version, remedy=OTHER_HANDS)
    if model.config.known == "pair":
        raise InputError(
            "the model refines noisy hands only",
            where="model",
            expected="one trained with known='object' or 'both'",
            got="known='pair'",
            remedy="Take the model that comes along, or train one with --choir.known both.",
        )
