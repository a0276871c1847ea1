"""Denoising diffusion: noise schedules, what a denoiser is taught, and DDIM's steps.

Ho, Jain, Abbeel, Denoising Diffusion Probabilistic Models (2020); Song, Meng, Ermon, Denoising Diffusion Implicit
Models (2021); Lin et al., Common Diffusion Noise Schedules and Sample Steps are Flawed (2024), whose schedule ends
in noise alone and whose steps are counted from the last. The numbers are those of diffusers' DDIMScheduler, which the
tests compare; importing that takes longer than to draw a hundred grasps.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from handhold.errors import InputError

Schedule = Literal["linear", "squaredcos_cap_v2"]
Prediction = Literal["epsilon", "v_prediction", "sample"]
LINEAR = (1e-4, 0.02)
MOST = 0.999
"""Most of the signal's power that one step of the cosine schedule takes."""


class NoiseSchedule:
    """How signal becomes noise in `steps` steps; x_t = signal[t] x_0 + noise[t] e.

    Args:
        steps: of the forward process.
        schedule: "linear" (Ho et al.) or "squaredcos_cap_v2" (Nichol, Dhariwal 2021).
        prediction: what the denoiser predicts: the noise; the velocity signal e - noise x_0 (Salimans, Ho 2022); or
            the sample, x_0 itself. For the latter two the last step has no signal at all.

    Raises:
        InputError: fewer than two steps.
    """

    def __init__(self, steps: int, *, schedule: Schedule, prediction: Prediction) -> None:
        if steps < 2:
            raise InputError("too few steps", where="NoiseSchedule.steps", expected="2 or more", got=steps)
        self.prediction = prediction
        left = _power_left(steps, schedule).sqrt()
        if prediction != "epsilon":
            left = (left - left[-1]) * left[0] / (left[0] - left[-1])
        self.signal, self.noise = left.float(), (1 - left.square()).sqrt().float()

    def __len__(self) -> int:
        return len(self.signal)

    def add_noise(self, clean: Tensor, noise: Tensor, step: Tensor) -> Tensor:
        """x_t of (B, n), noise (B, n) and steps (B,)."""
        signal, spread = self._at(step, clean)
        return signal * clean + spread * noise

    def target(self, clean: Tensor, noise: Tensor, step: Tensor) -> Tensor:
        """What the denoiser should predict, (B, n)."""
        if self.prediction == "epsilon":
            return noise
        if self.prediction == "sample":
            return clean
        signal, spread = self._at(step, clean)
        return signal * noise - spread * clean

    def clean(self, noised: Tensor, guess: Tensor, step: Tensor) -> Tensor:
        """x_0 as the denoiser's guess (B, n) has it, (B, n)."""
        if self.prediction == "sample":
            return guess
        signal, spread = self._at(step, noised)
        if self.prediction == "epsilon":
            return (noised - spread * guess) / signal.clamp_min(1e-6)
        return signal * noised - spread * guess

    def steps_down(self, count: int) -> list[int]:
        """So many steps of DDIM, evenly from the last, which is pure noise, downwards.

        Raises:
            InputError: more than the forward process has.
        """
        if not 1 <= count <= len(self):
            raise InputError(
                "too many or too few steps", where="steps", expected=f"1 to {len(self)}", got=count
            )
        stride = len(self) / count
        return [round(len(self) - k * stride) - 1 for k in range(count)]

    def ddim_step(self, noised: Tensor, guess: Tensor, step: int, before: int | None) -> Tensor:
        """x at an earlier step, without fresh noise.

        Args:
            noised: (B, n) x at `step`.
            guess: (B, n) the denoiser's.
            step: where x is.
            before: where it is to be; None for x_0.
        """
        at = torch.full((len(noised),), step, device=noised.device)
        clean = self.clean(noised, guess, at)
        if before is None:
            return clean
        signal, spread = self._at(at, noised)
        noise = guess
        if self.prediction == "v_prediction":
            noise = signal * guess + spread * noised
        elif self.prediction == "sample":
            noise = (noised - signal * clean) / spread
        return self.signal[before].item() * clean + self.noise[before].item() * noise

    def _at(self, step: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        signal, noise = self.signal.to(like), self.noise.to(like)
        return signal[step][:, None], noise[step][:, None]


def _power_left(steps: int, schedule: Schedule) -> Tensor:
    """Share of the signal's power that is left after each step, (steps,) float64."""
    if schedule == "linear":
        taken = torch.linspace(*LINEAR, steps, dtype=torch.float64)
    else:
        time = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
        left = torch.cos((time + 0.008) / 1.008 * math.pi / 2).square()
        taken = (1 - left[1:] / left[:-1]).clamp_max(MOST)
    return (1 - taken).cumprod(0)
