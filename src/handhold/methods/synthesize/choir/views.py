"""Where JointDiffusion looks at an object from, when no hand is known: about where the hand will be."""

from __future__ import annotations

from functools import cache

import roma
import torch
from torch import Tensor
from torch.nn.functional import normalize

from handhold.geometry.surface_frames import frames_on
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place, surface_points
from handhold.hand.skeleton import FINGER_JOINTS
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.methods.synthesize.choir.config import ChoirSynthesis
from handhold.methods.synthesize.result import Ask
from handhold.methods.synthesize.screen import FROM_SIDE
from handhold.models.choir.seen import View
from handhold.models.grasp_rows import Placed, mirror_rows

TRIES, SKIN_STRIDE = 16, 8
"""Views of each place that are thought of; every so-manieth vertex is held against the table."""


def views(
    placed: Placed, reach: float, config: ChoirSynthesis, *, ask: Ask | None, generator: torch.Generator
) -> tuple[Placed, View]:
    """Views (B) with their middles near places (B) and the palm towards the surface, and their places.

    The palm of the open right hand looks along -y of its own frame, its fingers point along -x: y becomes the normal,
    and x is at random about it. Of several views of each place one is taken in which a hand at its middle is above the
    table, and the forearm comes from the side if that is asked for; of places that have none, others take the turn.

    Args:
        placed: the places.
        reach: of the basis points [m].
        config: how far off views are.
        ask: what is asked for.
        generator: source of randomness, on the CPU.

    Returns:
        Places and views in the objects' (mirrored) frames.
    """
    count = len(placed.object)
    if ask is None or ask.table is None:
        return placed, _views(placed, reach, config, generator)
    every = placed.select(torch.arange(count).repeat(TRIES))
    seen = _views(every, reach, config, generator)
    trouble = _trouble(seen, every, ask).view(TRIES, count)
    turn = torch.where(trouble, TRIES + 1, (~trouble).cumsum(0))  # no place comes twice before all have come
    chosen = turn.flatten().argsort(stable=True)[:count]
    return every.select(chosen), View(seen.centre[chosen], seen.axes[chosen], seen.reach[chosen])


def _views(placed: Placed, reach: float, config: ChoirSynthesis, generator: torch.Generator) -> View:
    count, like = len(placed.object), placed.origin
    normal = lambda: torch.randn(count, 3, generator=generator).to(like)
    outward = placed.axes[..., 2]
    turn = (2 * torch.pi * torch.rand(count, generator=generator)).to(like)
    across, along, outward = frames_on(outward, turn).unbind(-1)
    square = torch.stack((across, outward, -along), -1)
    tilt = config.tilt * normal() * like.new_tensor([1.0, 0.0, 1.0])  # about y it is at random already
    centre = placed.origin + config.lift * outward + config.sway * normal()
    return View(centre, square @ roma.rotvec_to_rotmat(tilt), torch.full_like(like[:, 0], reach))


def _trouble(seen: View, placed: Placed, ask: Ask) -> Tensor:
    """Whether a hand in the middle of each view would be under the table, or its forearm on the wrong side, (B,)."""
    assert ask.table is not None
    skin, forearm = _hand_in_view()
    points = mirror_rows(skin @ seen.axes.mT + seen.centre[:, None], placed.mirrored)
    trouble = ask.table.above(points).amin(-1) < 0
    if ask.from_side:
        back = mirror_rows((seen.axes @ forearm)[:, None], placed.mirrored).squeeze(1)
        trouble |= (back @ back.new_tensor(ask.table.up)).abs() > FROM_SIDE
    return trouble


@cache
def _hand_in_view() -> tuple[Tensor, Tensor]:
    """Skin (n, 3) of a hand about to grasp, the mean of its anchors at the origin [m]; where its forearm is, (3,)."""
    hand = Hand.open("right")
    angles = GRASP_TYPES["power"].posture(hand)[None]
    state = HandState(torch.eye(3)[None], torch.zeros(1, 3), angles, hand.zeros(1).betas)
    skin = place(forward(hand, state), surface_points(hand, state.betas))
    back = hand.joint_template[0] - hand.joint_template[FINGER_JOINTS["middle"][0]]
    skin = skin - hand.anchors.positions(skin).mean(1, keepdim=True)
    return skin[0, ::SKIN_STRIDE], normalize(back, dim=0)
