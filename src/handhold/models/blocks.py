"""Layers that several networks share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class PointNet(nn.Module):
    """A feature of a set of points: the same layers for each, and the greatest of each feature.

    After Qi, Su, Mo, Guibas, PointNet (CVPR 2017), without its transform nets.

    Args:
        inputs: numbers a point.
        widths: of the layers; the last is the feature's.
    """

    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((inputs, *widths), widths, strict=False):
            layers += [nn.Linear(before, after), nn.SiLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, points: Tensor) -> Tensor:
        """(B, n, inputs) to (B, widths[-1])."""
        return self.layers(points).amax(1)


class Residual(nn.Module):
    """A block that adds to its input what two layers make of it, scaled and shifted as a condition says.

    Args:
        width: of input and output.
        condition: of the condition; 0 for none.
    """

    def __init__(self, width: int, condition: int = 0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.modulate = nn.Linear(condition, 2 * width) if condition else None
        self.layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), _silent(nn.Linear(width, width)))

    def forward(self, values: Tensor, condition: Tensor | None = None) -> Tensor:
        """(B, width), (B, condition) to (B, width)."""
        inner = self.norm(values)
        if self.modulate is not None and condition is not None:
            scale, shift = self.modulate(condition).chunk(2, -1)
            inner = inner * (1 + scale) + shift
        return values + self.layers(inner)


class Stack(nn.Module):
    """Residual blocks between two linear layers.

    Args:
        inputs, outputs: widths at the ends.
        width, depth: of the blocks.
        condition: of the condition; 0 for none.
        silent: the last layer starts with zeros, so that the net says nothing before it has learnt.
    """

    def __init__(
        self, inputs: int, outputs: int, *, width: int, depth: int, condition: int = 0, silent: bool = False
    ) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(Residual(width, condition) for _ in range(depth))
        last = nn.Linear(width, outputs)
        self.last = nn.Sequential(nn.LayerNorm(width), nn.SiLU(), _silent(last) if silent else last)

    def forward(self, values: Tensor, condition: Tensor | None = None) -> Tensor:
        """(B, inputs), (B, condition) to (B, outputs)."""
        inner = self.first(values)
        for block in self.blocks:
            inner = block(inner, condition)
        return self.last(inner)


def _silent(layer: nn.Linear) -> nn.Linear:
    """The layer, all zeros."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def time_features(steps: Tensor, width: int) -> Tensor:
    """Sines and cosines of diffusion steps (B,), (B, width): Vaswani et al. 2017, as in DDPM."""
    rates = torch.exp(-math.log(10000.0) * torch.arange(width // 2, device=steps.device) / (width // 2))
    angles = steps.float()[:, None] * rates
    return torch.cat((angles.sin(), angles.cos()), -1)
