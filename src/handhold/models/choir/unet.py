"""A 3D U-Net with attention to itself and to a context, and the context's encoder.

After Morales et al., section 3.2 and figure 4; residual blocks as in Rombach et al. 2022. Basis points are taken in
patches, so that the finest resolution has few places; where a place is, is learnt. Grids are small: a convolution's
rim is most of it, and knows by itself where it is.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 8
SMALL = 4


class Conv3d(nn.Conv3d):
    """torch's, in full precision where the grid is small: on a CPU its weights' gradients in bfloat16 are otherwise
    read from memory that was never written, NaN or merely wrong (torch 2.13, grids of 2 x 2 x 2)."""

    def forward(self, input: Tensor) -> Tensor:
        """(B, inputs, s, s, s) to (B, outputs, s, s, s)."""
        if input.device.type != "cpu" or input.shape[-1] >= SMALL:
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float())


class ResidualConv(nn.Module):
    """Two convolutions beside a way around them, scaled and shifted as a condition says.

    Args:
        inputs, outputs: channels.
        condition: size of the condition.
    """

    def __init__(self, inputs: int, outputs: int, *, condition: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.GroupNorm(GROUPS, inputs), nn.SiLU(), Conv3d(inputs, outputs, 3, padding=1)
        )
        self.modulate = nn.Linear(condition, 2 * outputs)
        self.norm = nn.GroupNorm(GROUPS, outputs)
        self.second = _silent(Conv3d(outputs, outputs, 3, padding=1))
        self.around = Conv3d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, values: Tensor, condition: Tensor) -> Tensor:
        """(B, inputs, s, s, s), (B, condition) to (B, outputs, s, s, s)."""
        scale, shift = self.modulate(condition)[..., None, None, None].chunk(2, 1)
        inner = self.norm(self.first(values)) * (1 + scale) + shift
        return self.around(values) + self.second(functional.silu(inner))


class Attention(nn.Module):
    """Every place asks all places, of its own grid or of a context's.

    Args:
        width: channels of both.
        heads: that divide them.
    """

    def __init__(self, width: int, *, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.norm_context = nn.GroupNorm(GROUPS, width), nn.GroupNorm(GROUPS, width)
        self.ask = nn.Linear(width, width)
        self.answer = nn.Linear(width, 2 * width)
        self.last = _silent(nn.Linear(width, width))

    def forward(self, values: Tensor, context: Tensor | None = None) -> Tensor:
        """(B, width, s, s, s), and a context of the same width with any number of places."""
        asked = values if context is None else context
        split = lambda tokens: tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        query = split(self.ask(self.norm(values).flatten(2).mT))
        key, value = map(split, self.answer(self.norm_context(asked).flatten(2).mT).chunk(2, -1))
        # Written out: torch's fused attention takes four times as long on a CPU for so few places.
        weights = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1)
        found = weights @ value
        return values + self.last(found.transpose(1, 2).flatten(2)).mT.reshape(values.shape)


class Level(nn.Module):
    """Residual blocks at one resolution, then attention, to the context too where there is one.

    Args:
        inputs, width: channels.
        blocks: how many.
        condition: size of the condition.
        heads: of attention.
        context: whether a context is looked at.
    """

    def __init__(
        self, inputs: int, width: int, *, blocks: int, condition: int, heads: int, context: bool
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResidualConv(inputs if k == 0 else width, width, condition=condition) for k in range(blocks)
        )
        self.own = Attention(width, heads=heads)
        self.beside = Conv3d(width, width, 1) if context else None
        self.across = Attention(width, heads=heads) if context else None

    def forward(self, values: Tensor, condition: Tensor, context: Tensor | None = None) -> Tensor:
        """(B, inputs, s, s, s) to (B, width, s, s, s); the context is of the same resolution."""
        for k, block in enumerate(self.blocks):
            values = block(values, condition)
            if k == 0 and self.beside is not None and context is not None:
                values = values + self.beside(context)
        values = self.own(values)
        return values if self.across is None or context is None else self.across(values, context)


class Down(nn.Module):
    """Patches of basis points, and level after level, each of half the resolution.

    Args:
        channels: numbers at each basis point.
        side: basis points along an edge.
        patch, widths, blocks, heads, condition: as in `JointDiffusionConfig`.
        context: whether a context is looked at.
    """

    def __init__(
        self,
        channels: int,
        *,
        side: int,
        patch: int,
        widths: tuple[int, ...],
        blocks: tuple[int, ...],
        heads: int,
        condition: int,
        context: bool,
    ) -> None:
        super().__init__()
        self.stem = Conv3d(channels, widths[0], patch, stride=patch)
        size = side // patch
        self.place = nn.Parameter(0.02 * torch.randn(widths[0], size, size, size))
        self.levels = nn.ModuleList(
            Level(width, width, blocks=count, condition=condition, heads=heads, context=context)
            for width, count in zip(widths, blocks, strict=True)
        )
        self.halve = nn.ModuleList(Conv3d(before, after, 2, stride=2) for before, after in pairwise(widths))

    def forward(self, grid: Tensor, condition: Tensor, context: list[Tensor] | None = None) -> list[Tensor]:
        """(B, channels, side, side, side) to features of every resolution, finest first."""
        values, found = self.stem(grid) + self.place, []
        for k, level in enumerate(self.levels):
            values = values if k == 0 else self.halve[k - 1](values)
            values = level(values, condition, None if context is None else context[k])
            found.append(values)
        return found


class Up(nn.Module):
    """Back to the finest resolution, beside what came down, and out to the basis points.

    Args:
        channels: numbers at each basis point.
        patch, widths, blocks, heads, condition: as in `Down`.
    """

    def __init__(
        self,
        channels: int,
        *,
        patch: int,
        widths: tuple[int, ...],
        blocks: tuple[int, ...],
        heads: int,
        condition: int,
    ) -> None:
        super().__init__()
        self.middle = ResidualConv(widths[-1], widths[-1], condition=condition)
        wider = list(zip(widths, widths[1:], blocks, strict=False))[::-1]
        self.finer = nn.ModuleList(nn.ConvTranspose3d(coarse, fine, 2, stride=2) for fine, coarse, _ in wider)
        self.levels = nn.ModuleList(
            Level(2 * fine, fine, blocks=count, condition=condition, heads=heads, context=False)
            for fine, _, count in wider
        )
        self.norm = nn.GroupNorm(GROUPS, widths[0])
        self.out = _silent(nn.ConvTranspose3d(widths[0], channels, patch, stride=patch))

    def forward(self, found: list[Tensor], condition: Tensor) -> tuple[Tensor, Tensor]:
        """Features of every resolution to (B, channels, side, side, side), and the bottleneck's."""
        bottleneck = values = self.middle(found[-1], condition)
        for finer, level, beside in zip(self.finer, self.levels, found[-2::-1], strict=True):
            values = level(torch.cat((finer(values), beside), 1), condition)
        return self.out(functional.silu(self.norm(values))), bottleneck


def _silent(layer):
    """The layer, all zeros: its block says nothing before it has learnt."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
