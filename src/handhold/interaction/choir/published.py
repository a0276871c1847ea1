"""The paper's fit of a hand to a CHOIR: Adam on the distance field, then on contacts (equations 9 to 12)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import roma
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place, surface_points
from handhold.interaction.choir.basis import ChoirConfig
from handhold.interaction.choir.config import ChoirFitConfig, PublishedFitConfig
from handhold.interaction.choir.contacts import ContactGaussians, anchor_of_vertices, contact_map
from handhold.interaction.choir.encode import Choir, Surfaces
from handhold.interaction.choir.field import Field, read_field
from handhold.interaction.choir.fit import ChoirFit, anchor_hand, start_hands

DEFAULT_PUBLISHED = PublishedFitConfig()
FAINT = 0.01
"""Vertices that the contact map shows no more than this may be left out."""
WRIST_RATE = 0.1
"""Share of the learning rate that the wrist moves by: a step of a radian goes with one of 0.1 m."""
TINY = 1e-12
"""Keeps norms differentiable at zero."""


@dataclass(frozen=True)
class _Held:
    """What the second stage works with: objects, the object of each row, the sign of its x, contact of vertices."""

    objects: Surfaces
    index: Tensor
    sign: Tensor
    contact: Tensor


def fit_published(
    hand: Hand,
    choir: Choir,
    objects: Surfaces | None = None,
    index: Tensor | None = None,
    *,
    choir_config: ChoirConfig,
    mirrored: Tensor | None = None,
    start: HandState | None = None,
    config: PublishedFitConfig = DEFAULT_PUBLISHED,
) -> ChoirFit:
    """Fit hands to CHOIRs as the paper does; rows do not act on each other.

    Args:
        hand: the hand model that the CHOIRs are of.
        choir: B of them.
        objects: what is held; only the second stage needs it.
        index: (B,) long, the object of each row.
        choir_config: what the CHOIRs were made with.
        mirrored: (B,) bool, rows whose object is meant in the mirror.
        start: where to start from and what joints are held to; None: half-closed hands put where the distances
            say that the anchors are (the paper starts from the noisy hand, or from MANO's mean).
        config: settings.

    Raises:
        InputError: as for `fit_choir`, or a second stage without contacts or objects.
    """
    field = read_field(choir, choir_config)
    state = start_hands(hand, field, ChoirFitConfig()) if start is None else start
    state = _descend(
        state, _field_loss(hand, field, state, config), config.field_steps, hand, config.field_rate
    )
    if config.contact_steps:
        if choir.contacts is None or objects is None or index is None:
            raise InputError(
                "contacts are missing",
                where="fit_published",
                expected="a CHOIR with contacts, and the objects",
                remedy="Set contact_steps=0 to fit to the distances alone.",
            )
        held = _held(hand, state, choir.contacts, objects, index, mirrored)
        state = _descend(
            state, _contact_loss(hand, held, state, config), config.contact_steps, hand, config.contact_rate
        )
    skeleton = anchor_hand(hand)
    anchors = place(forward(skeleton, state), surface_points(skeleton, state.betas))
    return ChoirFit(state, field.residual(anchors))


def _descend(
    start: HandState, loss: Callable[[HandState], Tensor], steps: int, hand: Hand, rate: float
) -> HandState:
    """Adam on a turn from the start, the wrist, joints and shape, ever slower; joints stay within their limits."""
    turn = torch.zeros_like(start.wrist).requires_grad_()
    wrist, angles, betas = (
        t.detach().clone().requires_grad_() for t in (start.wrist, start.angles, start.betas)
    )
    adam = torch.optim.Adam(
        [{"params": [turn, angles, betas], "lr": rate}, {"params": [wrist], "lr": WRIST_RATE * rate}]
    )
    slowing = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 - step / max(steps, 1))

    def state() -> HandState:
        return HandState(roma.rotvec_to_rotmat(turn) @ start.rotation, wrist, angles, betas)

    with torch.enable_grad():
        for _ in range(steps):
            adam.zero_grad()
            loss(state()).sum().backward()
            adam.step()
            slowing.step()
            with torch.no_grad():
                angles.copy_(hand.anatomy.clamp(angles))
    with torch.no_grad():
        return HandState(state().rotation, wrist.detach(), angles.detach(), betas.detach())


def _field_loss(hand: Hand, field: Field, start: HandState, config: PublishedFitConfig):
    """Equation 9, (B,)."""
    skeleton = anchor_hand(hand)

    def loss(state: HandState) -> Tensor:
        anchors = place(forward(skeleton, state), surface_points(skeleton, state.betas))
        apart = field.squares(anchors) / field.weight.sum()
        return (
            config.field * apart
            + config.shape * _norm(state.betas)
            + config.pose * _norm(state.angles - start.angles)
        )

    return loss


def _contact_loss(hand: Hand, held: _Held, start: HandState, config: PublishedFitConfig):
    """Equation 12, (B,); the penetration term is the mean depth of vertices beyond what flesh yields."""
    most = max(int((held.contact > FAINT).sum(-1).max()), 1)
    contact, drawn = held.contact.topk(most)
    drawn = drawn[..., None].expand(-1, -1, 3)
    points = held.objects.points[held.index] * held.sign

    def loss(state: HandState) -> Tensor:
        skin = place(forward(hand, state), surface_points(hand, state.betas))
        touching = skin.gather(1, drawn)
        with torch.no_grad():
            nearest = torch.cdist(touching, points).topk(config.nearest, largest=False).indices
        aim = points.gather(1, nearest.flatten(1)[..., None].expand(-1, -1, 3)).view(*nearest.shape, 3)
        gap = (touching[:, :, None] - aim).square().sum((-1, -2))
        depth = -held.objects.grid.query(skin * held.sign, held.index)[0]
        moved = config.turn * _norm(state.rotation - start.rotation) + config.shift * _norm(
            state.wrist - start.wrist
        )
        return (
            config.contact * (contact * gap).sum(-1)
            + config.penetration * (depth - config.allowed_depth).clamp_min(0).mean(-1)
            + config.placement * moved
            + config.shape * _norm(state.betas)
        )

    return loss


@torch.no_grad()
def _held(
    hand: Hand,
    state: HandState,
    contacts: ContactGaussians,
    objects: Surfaces,
    index: Tensor,
    mirrored: Tensor | None,
) -> _Held:
    """Contact is asked for once, where the first stage has put the skin: else the hand could flee from it."""
    skin = place(forward(hand, state), surface_points(hand, state.betas))
    sign = torch.ones_like(skin[:, :1])
    if mirrored is not None:
        sign[:, 0, 0] = torch.where(mirrored, -1.0, 1.0).to(sign)
    return _Held(objects, index, sign, contact_map(contacts, skin, anchor_of_vertices(hand)))


def _norm(values: Tensor) -> Tensor:
    return (values.flatten(1).square().sum(-1) + TINY).sqrt()
