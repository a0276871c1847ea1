"""Tiny networks that have learnt nothing yet, and what they see of the rows."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.interaction.choir.encode import Surfaces
from handhold.models.choir import JointDiffusion, JointDiffusionConfig
from handhold.models.choir.seen import Seen, keypoints_of, look, view_of
from handhold.models.grasp_rows import GraspRows, ObjectRows

SMALL = JointDiffusionConfig(
    side=8,
    patch=2,
    widths=(16, 24),
    blocks=(1, 1),
    heads=2,
    condition=32,
    contact_width=32,
    contact_depth=1,
    points=256,
)
HAND = Hand.open("right")


def stir(net: nn.Module, *, seed: int = 0, size: float = 0.1) -> None:
    """Weights at random, as if something had been learnt: new nets hold layers of zeros, which hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += size * torch.randn(parameter.shape, generator=generator)


def stirred(config: JointDiffusionConfig, *, seed: int = 0) -> JointDiffusion:
    """A model with such weights, for use."""
    torch.manual_seed(seed)
    model = JointDiffusion(config)
    stir(model, seed=seed)
    model.mean.fill_(0.1)
    model.deviation.fill_(0.05)
    return model.eval()


def sight(
    config: JointDiffusionConfig, rows: GraspRows, *, hands: HandState | None = None, known: bool = True
) -> Seen:
    """What is seen of all rows, of their hands or of others."""
    hands = rows.hands if hands is None else hands
    things = Surfaces(rows.objects.points, rows.objects.grid)
    keypoints = keypoints_of(HAND, hands)
    view = view_of(config, things, rows.object, rows.mirrored, keypoints, hands.rotation)
    return look(
        config,
        things,
        rows.object,
        rows.mirrored,
        view,
        keypoints=keypoints,
        known=torch.full((len(rows),), known),
        betas=hands.betas,
    )


def near(rows: GraspRows) -> GraspRows:
    """The rows with their hands at the object: the middle finger's first anchor is moved onto a point of it."""
    hands = rows.hands
    tips = keypoints_of(HAND, hands)[:, 21 + 10]
    spots = rows.objects.points[rows.object, rows.places[:, 0]] * mirror(rows)
    return replace(rows, hands=replace(hands, wrist=hands.wrist + spots - tips))


def mirror(rows: GraspRows) -> Tensor:
    """(N, 3) of -1 where x is taken negative, else 1."""
    return torch.where(rows.mirrored[:, None], torch.tensor([-1.0, 1.0, 1.0]), torch.ones(3))


def mirror_image(objects: ObjectRows) -> ObjectRows:
    """The objects with x taken negative, their grids node by node."""
    flip, grid = torch.tensor([-1.0, 1.0, 1.0]), objects.grid
    last = (grid.shape[:, 0] - 1) * grid.spacing
    origin = torch.cat((-(grid.origin[:, 0] + last)[:, None], grid.origin[:, 1:]), 1)
    return replace(
        objects,
        points=objects.points * flip,
        normals=objects.normals * flip,
        grid=replace(grid, values=grid.values.flip(1).contiguous(), origin=origin),
    )
