"""Small things to train."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

from handhold.models.training import TrainConfig

SHORT = TrainConfig(
    steps=24,
    batch=16,
    learning_rate=0.01,
    warmup=3,
    ema=0.9,
    seed=5,
    precision="no",
    validate_every=8,
    checkpoint_every=6,
    log_every=4,
)


class Noisy:
    """A net with everything that has a state: batch norm, dropout, drawn noise."""

    def __init__(self, *, rows: int = 50, pause: float = 0.0) -> None:
        generator = torch.Generator().manual_seed(1)
        self.pause = pause
        self.inputs = torch.rand(rows, 2, generator=generator)
        self.targets = self.inputs.prod(1, keepdim=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(2)
            self.module: nn.Module = nn.Sequential(
                nn.Linear(2, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, 1)
            )

    def __len__(self) -> int:
        return len(self.inputs)

    def losses(self, rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        time.sleep(self.pause)
        noise = 0.05 * torch.randn(len(rows), 2, generator=generator)
        off = self.module(self.inputs[rows] + noise) - self.targets[rows]
        return {"loss": off.square().mean(), "off": off.abs().mean()}


class Line:
    """A line through points with noise: least squares has the exact answer."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(3)
        self.inputs = torch.randn(64, 3, generator=generator)
        slope = torch.tensor([[1.0], [-2.0], [0.5]])
        self.targets = self.inputs @ slope + 0.3 + 0.1 * torch.randn(64, 1, generator=generator)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(4)
            self.module: nn.Module = nn.Linear(3, 1)

    def __len__(self) -> int:
        return 64

    def losses(self, rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        return {"loss": (self.module(self.inputs[rows]) - self.targets[rows]).square().mean()}


def tensors(module: nn.Module) -> dict[str, Tensor]:
    """A copy of all parameters and buffers."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
