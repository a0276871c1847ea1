"""Hands that JointDiffusion draws: its fields, and hands fitted to them."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.interaction.choir.basis import anchor_distances, assigned_anchors
from handhold.interaction.choir.config import ChoirFitConfig, ChoirSampling
from handhold.interaction.choir.contacts import ContactGaussians
from handhold.interaction.choir.encode import Choir, Surfaces, place_basis
from handhold.interaction.choir.field import find_anchors, read_field
from handhold.interaction.choir.fit import fit_choir, start_hands
from handhold.interaction.choir.touch import fit_contacts
from handhold.models.choir.config import JointDiffusionConfig
from handhold.models.choir.joint_diffusion import Drawn, JointDiffusion
from handhold.models.choir.seen import Seen
from handhold.models.choir.task import LOWER

FAINT = 0.5
"""A drawn Gaussian narrower than this share of the least true one means no contact."""


@torch.no_grad()
def draw_hands(
    model: JointDiffusion,
    hand: Hand,
    things: Surfaces,
    object: Tensor,
    mirrored: Tensor,
    seen: Seen,
    *,
    sampling: ChoirSampling,
    generator: torch.Generator,
    group: Tensor | None = None,
) -> HandState:
    """Hands (B) in the (mirrored) frames of their objects: drawn, fitted to the field, brought into contact.

    Args:
        model: the model.
        hand: the right hand that it was trained for.
        things: the objects.
        object: (B,) long.
        mirrored: (B,) bool.
        seen: what the model sees.
        sampling: settings.
        generator: source of randomness, on the CPU.
        group: (B,) long, from 0 on: rows of one group, such as a motion's frames, start from the same noise; None: each
            from its own.
    """
    states, noise = [], None
    if group is not None:
        noise = torch.randn(int(group.max()) + 1, model.net.size, generator=generator)[group.cpu()]
    for rows in torch.arange(len(seen), device=object.device).split(sampling.most):
        some = seen.select(rows)
        drawn = model.draw(
            some,
            steps=sampling.steps,
            temperature=sampling.temperature,
            generator=generator,
            noise=None if noise is None else noise[rows.cpu()],
        )
        choir = choir_of(drawn, some, model.config)
        fit = ChoirFitConfig(distance_sd=sampling.distance_sd, shape=False)
        start = start_hands(hand, read_field(choir, model.config.choir), fit, betas=some.betas)
        state = fit_choir(hand, choir, choir_config=model.config.choir, start=start, config=fit).state
        if sampling.touch and choir.contacts is not None:
            state = fit_contacts(hand, state, choir, things, object[rows], mirrored=mirrored[rows])
        states.append(state)
    return HandState.cat(states)


def choir_of(drawn: Drawn, seen: Seen, config: JointDiffusionConfig) -> Choir:
    """What was drawn, in the objects' (mirrored) frames; from keypoints, the distances to their anchors."""
    view, settings = seen.view, config.choir
    distance = drawn.distance
    if distance is None:
        assert drawn.keypoints is not None
        basis = place_basis(view.centre, view.reach, view.axes, config=settings)
        anchors = view.out(drawn.keypoints)[:, 21:]
        distance = anchor_distances(basis, anchors, assigned_anchors(settings).to(basis.device))
    choir = Choir(seen.object, distance, None, view.centre, view.reach, view.axes)
    if drawn.contacts is None:
        return choir
    anchors = find_anchors(read_field(choir, settings))
    return replace(choir, contacts=_gaussians(drawn.contacts, seen, anchors, settings.spread))


def _gaussians(contacts: Tensor, seen: Seen, anchors: Tensor, spread: float) -> ContactGaussians:
    axes = seen.view.axes[:, None]
    lower = contacts.new_zeros(*contacts.shape[:2], 3, 3)
    row, column = LOWER.to(contacts.device)
    lower[..., row, column] = contacts[..., 3:]
    touches = lower.diagonal(dim1=-2, dim2=-1).amin(-1) > FAINT * spread
    eye = torch.eye(3).to(lower) * spread
    lower = torch.where(touches[..., None, None], axes @ lower, eye)
    factor = (
        torch.linalg.cholesky_ex((lower @ lower.mT) / spread**2 + 1e-4 * torch.eye(3).to(lower))[0] * spread
    )
    mean = anchors + (axes @ contacts[..., :3, None]).squeeze(-1)
    mean = torch.where(touches[..., None], mean, anchors)
    factor = torch.where(touches[..., None, None], factor, 0.0)
    return ContactGaussians(mean, factor, touches.to(mean))
