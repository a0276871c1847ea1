"""FastGrasp's networks: autoencoder of hands, denoiser of latents, adaptation module.

Wu, Liu, Li, Ma, Shi, He, FastGrasp: Efficient Grasp Synthesis with Diffusion (2024), sections 3.2 and 3.3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.models.blocks import PointNet, Stack, time_features
from handhold.models.fastgrasp.config import FastGraspConfig
from handhold.models.fastgrasp.hand_code import SIZE, HandCode

TIME = 64
DISTANCE_SCALE, DISTANCE_LIMIT = 0.01, 0.03
"""The adaptation sees distances of the hand's points in units of 10 mm, none above 30 mm [m]."""


class HandAutoencoder(nn.Module):
    """Vertices to a latent, and a latent to hand parameters: asymmetric, as published.

    The hand's shape goes to the decoder as it is, for it is given, not made.

    Args:
        config: sizes.
        hand: a right hand.
    """

    def __init__(self, config: FastGraspConfig, hand: Hand) -> None:
        super().__init__()
        self.code = HandCode(hand, count=config.hand_points)
        self.hand_input = config.hand_input
        width = {
            "vertices": 3 * config.hand_points,
            "set": config.hand_widths[-1],
            "parameters": SIZE,
        }[self.hand_input]
        if self.hand_input == "set":
            self.pointnet = PointNet(3, config.hand_widths)
        self.encoder = Stack(
            width + config.shapes, config.latent, width=config.decoder_width, depth=config.decoder_depth
        )
        self.decoder = Stack(
            config.latent + config.shapes, SIZE, width=config.decoder_width, depth=config.decoder_depth
        )

    def encode(self, state: HandState, vertices: Tensor | None = None) -> Tensor:
        """Latents (B, latent) of hands in their places' frames; their points may be handed in."""
        if self.hand_input == "parameters":
            feature = self.code.encode(state)
        else:
            points = 10 * (self.code.points(state) if vertices is None else vertices)
            feature = self.pointnet(points) if self.hand_input == "set" else points.flatten(1)
        return self.encoder(torch.cat((feature, state.betas), -1))

    def decode(self, latent: Tensor, betas: Tensor) -> tuple[HandState, Tensor]:
        """Hands of latents (B, latent) and shapes (B, S), and their codes (B, SIZE) before limits are kept."""
        code = self.decoder(torch.cat((latent, betas), -1))
        return self.code.decode(code, betas), code


class Denoiser(nn.Module):
    """What was added to a latent, from the noised latent, the step and the object's feature.

    The published one is a U-Net over a latent reshaped to 256 x 3, whose neighbours mean nothing; residual layers
    do the same for a vector.

    Args:
        config: sizes.
    """

    def __init__(self, config: FastGraspConfig) -> None:
        super().__init__()
        self.layers = Stack(
            config.latent,
            config.latent,
            width=config.width,
            depth=config.depth,
            condition=config.condition,
            silent=True,
        )
        self.time = nn.Sequential(
            nn.Linear(TIME, config.condition), nn.SiLU(), nn.Linear(config.condition, config.condition)
        )

    def forward(self, latent: Tensor, step: Tensor, feature: Tensor) -> Tensor:
        """(B, latent), (B,), (B, condition) to (B, latent)."""
        known = nn.functional.silu(feature + self.time(time_features(step, TIME)))
        return self.layers(latent, known)


class Adapter(nn.Module):
    """The correction z2 of a latent z1, after which the hand keeps to the object's surface.

    The published module sees z1 and the object's feature only; ours also sees how far the decoded hand is from the
    object, without which it cannot know where it cuts through (`adapt_sees_hand`).

    Args:
        config: sizes.
    """

    def __init__(self, config: FastGraspConfig) -> None:
        super().__init__()
        self.sees_hand = config.adapt_sees_hand
        inputs = config.latent + config.condition + config.shapes
        inputs += config.hand_points if self.sees_hand else 0
        self.layers = Stack(
            inputs, config.latent, width=config.adapt_width, depth=config.adapt_depth, silent=True
        )

    def forward(self, latent: Tensor, feature: Tensor, betas: Tensor, distances: Tensor) -> Tensor:
        """(B, latent), (B, condition), (B, S), (B, hand_points) [m] to (B, latent)."""
        inputs = [latent, feature, betas]
        if self.sees_hand:
            inputs.append(distances.clamp(-DISTANCE_LIMIT, DISTANCE_LIMIT) / DISTANCE_SCALE)
        return self.layers(torch.cat(inputs, -1))
