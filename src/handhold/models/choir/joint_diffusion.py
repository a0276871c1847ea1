"""JointDiffusion: a diffusion model of CHOIR's distances and contacts, given a noisy grasp or an object alone."""

# no "from __future__ import annotations": the mixin reads the type of `config`

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from handhold.diffusion.noise import NoiseSchedule
from handhold.interaction.choir.basis import ANCHORS
from handhold.models.blocks import Stack, time_features
from handhold.models.choir.config import JointDiffusionConfig
from handhold.models.choir.seen import Seen
from handhold.models.choir.unet import Down, Up
from handhold.models.pretrained import Pretrained, hand_of_weights

CONTACT = 9
"""Numbers of an anchor's contact: its mean from the anchor, and the lower factor of its covariance (equation 7)."""
KEYPOINTS = 53
CLAMP = (-0.03, 0.15)
"""An object's distances are cut to this range [m]: how deep, or how far off, says no more."""
TIME = 128


@dataclass(frozen=True)
class Drawn:
    """B grasps as the model draws them, in their views.

    Attributes:
        distance: (B, M) of the basis points to their anchors [m]; None for a model of keypoints.
        keypoints: (B, 53, 3) joints and anchors in the view [m]; None for a model of fields.
        contacts: (B, 32, 9) mean from the anchor, and the lower factor's six numbers row by row [m]; None for a model
            without contacts.
    """

    distance: Tensor | None
    keypoints: Tensor | None
    contacts: Tensor | None


class JointDiffusion(
    Pretrained,
    library_name="handhold",
    tags=["hand-object-interaction", "grasp-refinement", "grasp-synthesis"],
):
    """Context encoder, U-Net and contact decoder, or the keypoint baseline, with what they were trained for.

    `save_pretrained(folder)` and `from_pretrained(folder or name on the hub)` write and read config and weights
    (safetensors).

    Args:
        config: sizes, and the hand that the weights are for.

    Raises:
        InputError: this handhold has no such hand.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: JointDiffusionConfig) -> None:
        super().__init__()
        hand_of_weights(config.hand, config.hand_version, where="JointDiffusion", train="choir")
        self.config = config
        net = FieldNet if config.form == "field" else KeypointNet
        self.net = net(config)
        self.register_buffer("mean", torch.zeros(self.net.size))
        self.register_buffer("deviation", torch.ones(self.net.size))

    def schedule(self) -> NoiseSchedule:
        """How what is drawn becomes noise."""
        config = self.config
        return NoiseSchedule(config.diffusion_steps, schedule=config.schedule, prediction=config.prediction)

    def pack(self, truth: Drawn) -> Tensor:
        """Grasps as normalized numbers, (B, size)."""
        main = truth.distance if truth.keypoints is None else truth.keypoints.flatten(1)
        assert main is not None
        parts = [main] if truth.contacts is None else [main, truth.contacts.flatten(1)]
        return (torch.cat(parts, 1) - self.mean) / self.deviation

    def unpack(self, values: Tensor) -> Drawn:
        """The reverse of `pack`."""
        values = values * self.deviation + self.mean
        if self.config.form == "keypoints":
            return Drawn(None, values.unflatten(1, (KEYPOINTS, 3)), None)
        field, contacts = values[:, : self.config.choir.points], values[:, self.config.choir.points :]
        return Drawn(field, None, contacts.unflatten(1, (ANCHORS, CONTACT)) if self.config.contacts else None)

    @torch.no_grad()
    def draw(
        self,
        seen: Seen,
        *,
        steps: int,
        temperature: float = 1.0,
        generator: torch.Generator,
        noise: Tensor | None = None,
    ) -> Drawn:
        """Grasps by DDIM.

        Args:
            seen: what is seen of them.
            steps: of DDIM.
            temperature: of the noise that it starts from: 1 draws from what the model has learnt, 0 gives about the
                middle of it.
            generator: source of the noise, on the CPU.
            noise: (B, size) to start from, in place of the generator's.
        """
        context, schedule = self.net.see(seen), self.schedule()
        if noise is None:
            noise = torch.randn(len(seen), self.net.size, generator=generator)
        values = temperature * noise.to(self.mean)
        times = schedule.steps_down(steps)
        for step, before in zip(times, [*times[1:], None], strict=True):
            guess = self.net(values, torch.full((len(seen),), step, device=values.device), context)
            values = schedule.ddim_step(values, guess, step, before)
        return self.unpack(values / self.config.scale)

    def forward(self, noised: Tensor, steps: Tensor, seen: Seen) -> Tensor:
        """The denoiser's guess (B, size) for noised grasps (B, size) at steps (B,)."""
        return self.net(noised, steps, self.net.see(seen))


@dataclass(frozen=True)
class Context:
    """What a net has made of what it saw: features of every resolution, and one of the whole."""

    levels: list[Tensor]
    whole: Tensor


class FieldNet(nn.Module):
    """The U-Net over distances, its context's encoder, and the contact decoder on its bottleneck.

    Args:
        config: sizes.
    """

    def __init__(self, config: JointDiffusionConfig) -> None:
        super().__init__()
        self.config = config
        sizes: dict[str, Any] = {
            "patch": config.patch,
            "widths": config.widths,
            "blocks": config.blocks,
            "heads": config.heads,
            "condition": config.condition,
        }
        self.size = config.choir.points + (ANCHORS * CONTACT if config.contacts else 0)
        self.shape = nn.Sequential(nn.Linear(config.shapes + 1, config.condition), nn.SiLU())
        self.context = Down(3, side=config.side, context=False, **sizes)
        coarsest = (config.side // config.patch) >> (len(config.widths) - 1)
        features = config.widths[-1] * coarsest**3
        self.pool = nn.Sequential(
            nn.Linear(features + config.condition, config.condition),
            nn.SiLU(),
            nn.Linear(config.condition, config.condition),
        )
        self.time = nn.Sequential(nn.Linear(TIME, config.condition), nn.SiLU())
        self.down = Down(1, side=config.side, context=True, **sizes)
        self.up = Up(1, **sizes)
        self.contacts = None
        if config.contacts:
            self.contacts = Stack(
                ANCHORS * CONTACT + features,
                ANCHORS * CONTACT,
                width=config.contact_width,
                depth=config.contact_depth,
                condition=config.condition,
            )

    def see(self, seen: Seen) -> Context:
        """The context of what is seen, the same at all steps."""
        low, high = CLAMP
        known = seen.known[:, None].to(seen.object)
        hand = (seen.hand / seen.view.reach[:, None] - 1) * known
        object = seen.object.clamp(low, high) / high * 2 - 0.5
        grid = torch.stack((object, hand, known.expand_as(hand)), 1)
        shape = self.shape(torch.cat((seen.betas, known), 1))
        levels = self.context(_cube(grid, self.config.side), shape)
        return Context(levels, self.pool(torch.cat((levels[-1].flatten(1), shape), 1)))

    def forward(self, noised: Tensor, steps: Tensor, context: Context) -> Tensor:
        """(B, size), (B,) to (B, size)."""
        condition = context.whole + self.time(time_features(steps, TIME))
        field = _cube(noised[:, None, : self.config.choir.points], self.config.side)
        guess, bottleneck = self.up(self.down(field, condition, context.levels), condition)
        guess = guess.flatten(1)
        if self.contacts is None:
            return guess
        touch = torch.cat((noised[:, self.config.choir.points :], bottleneck.flatten(1)), 1)
        return torch.cat((guess, self.contacts(touch, condition)), 1)


class KeypointNet(nn.Module):
    """The paper's baseline (B.3): joints and anchors as points, and residual layers in place of the U-Net.

    A context of one feature has nothing to attend to: it scales and shifts, as time does.

    Args:
        config: sizes.
    """

    def __init__(self, config: JointDiffusionConfig) -> None:
        super().__init__()
        self.size, self.contacts = 3 * KEYPOINTS, None
        inputs = 3 * (config.points + KEYPOINTS) + config.shapes + 1
        self.context = Stack(inputs, config.condition, width=4 * config.contact_width, depth=1)
        self.time = nn.Sequential(nn.Linear(TIME, config.condition), nn.SiLU())
        width, depth = 2 * config.contact_width, config.contact_depth + 1
        self.layers = Stack(self.size, self.size, width=width, depth=depth, condition=config.condition)

    def see(self, seen: Seen) -> Context:
        """The context of what is seen, the same at all steps."""
        known = seen.known[:, None].to(seen.betas)
        scale = seen.view.reach[:, None]
        hand = seen.keypoints.flatten(1) / scale * known
        inputs = torch.cat((seen.points.flatten(1) / scale, hand, seen.betas, known), 1)
        return Context([], self.context(inputs))

    def forward(self, noised: Tensor, steps: Tensor, context: Context) -> Tensor:
        """(B, size), (B,) to (B, size)."""
        return self.layers(noised, context.whole + self.time(time_features(steps, TIME)))


def _cube(values: Tensor, side: int) -> Tensor:
    return values.unflatten(-1, (side, side, side))
