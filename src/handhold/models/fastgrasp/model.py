"""FastGrasp: grasps of an object in one pass."""

# no "from __future__ import annotations": the mixin reads the type of `config`

from collections.abc import Callable

import torch
from torch import Tensor

from handhold.diffusion.noise import NoiseSchedule
from handhold.hand.kinematics import HandState
from handhold.models.fastgrasp.config import FastGraspConfig
from handhold.models.fastgrasp.networks import Adapter, Denoiser, HandAutoencoder
from handhold.models.fastgrasp.seen import ObjectEncoder, Seen
from handhold.models.pretrained import Pretrained, hand_of_weights

Distances = Callable[[Tensor], Tensor]
"""Signed distances (B, n) [m] to each row's object, at points (B, n, 3) in its place's frame."""


class FastGrasp(
    Pretrained,
    library_name="handhold",
    tags=["hand-object-interaction", "grasp-synthesis"],
):
    """Autoencoder, object encoder, denoiser and adaptation module, with what they were trained for.

    `save_pretrained(folder)` and `from_pretrained(folder or name on the hub)` write and read config and weights
    (safetensors).

    Args:
        config: sizes, and the hand that the weights are for.

    Raises:
        InputError: this handhold has no such hand.
    """

    latent_mean: Tensor
    latent_scale: Tensor

    def __init__(self, config: FastGraspConfig) -> None:
        super().__init__()
        hand = hand_of_weights(config.hand, config.hand_version, where="FastGrasp", train="fastgrasp")
        self.config = config
        self.autoencoder = HandAutoencoder(config, hand)
        self.object = ObjectEncoder(config)
        self.denoiser = Denoiser(config)
        self.adapter = Adapter(config)
        self.register_buffer("latent_mean", torch.zeros(config.latent))
        self.register_buffer("latent_scale", torch.ones(config.latent))

    @property
    def basis(self) -> Tensor:
        """(K, 3) where the object is to be seen, in a place's frame [m]."""
        return self.object.basis

    def schedule(self) -> NoiseSchedule:
        """How latents become noise."""
        config = self.config
        return NoiseSchedule(config.diffusion_steps, schedule=config.schedule, prediction=config.prediction)

    def normalize(self, latent: Tensor) -> Tensor:
        """Latents of the autoencoder, each number with mean 0 and deviation 1."""
        return (latent - self.latent_mean) / self.latent_scale

    @torch.no_grad()
    def draw(
        self, seen: Seen, *, steps: int, guidance: float, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """z1 (B, latent) by DDIM from noise, normalized, and the object's feature (B, condition).

        Args:
            seen: the objects.
            steps: of DDIM.
            guidance: 1 takes the condition as it is, more exaggerates it, 0 forgets it.
            generator: source of the noise, on the CPU.
        """
        feature = self.object(seen)
        null = self.object.null.expand_as(feature)
        noise = torch.randn(len(seen), self.config.latent, generator=generator)
        latent, schedule = noise.to(feature), self.schedule()
        times = schedule.steps_down(steps)
        for step, before in zip(times, [*times[1:], None], strict=True):
            guess = self._guess(latent, step, feature, null, guidance)
            latent = schedule.ddim_step(latent, guess, step, before)
        return latent, feature

    def adapt(
        self, latent: Tensor, feature: Tensor, betas: Tensor, distances: Distances
    ) -> tuple[Tensor, HandState]:
        """z1 + z2, normalized, and the hands that it decodes to.

        Args:
            latent: (B, latent) z1.
            feature: (B, condition) of the objects.
            betas: (B, S) the hands' shapes.
            distances: to the objects.
        """
        for _ in range(self.config.adapt_rounds):
            state, _ = self.decode(latent, betas)
            seen = distances(self.autoencoder.code.points(state))
            latent = latent + self.adapter(latent, feature, betas, seen)
        return latent, self.decode(latent, betas)[0]

    def decode(self, latent: Tensor, betas: Tensor) -> tuple[HandState, Tensor]:
        """Hands of normalized latents (B, latent), and their codes."""
        return self.autoencoder.decode(latent * self.latent_scale + self.latent_mean, betas)

    def _guess(self, latent: Tensor, step: int, feature: Tensor, null: Tensor, guidance: float) -> Tensor:
        steps = torch.full((len(latent),), step, device=latent.device)
        if guidance == 1:
            return self.denoiser(latent, steps, feature)
        both = torch.cat((feature, null))
        known, unknown = self.denoiser(latent.repeat(2, 1), steps.repeat(2), both).chunk(2)
        return unknown + guidance * (known - unknown)
