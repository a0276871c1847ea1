"""The layers of the contact network: PointNet++ encoders, attention between shape and sentence, heads.

After GravityDB §3.4 and §4.2, which names the parts and no sizes: PointNet++ for hand and object, cross-attention
with the features of the text, a segmentation head for each.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from handhold.models.contact.clouds import Gathering, take
from handhold.models.contact.config import ContactNetConfig

NEAR = (0.01, 0.03, 0.08)
"""Reaches at which a point feels the other surface [m]."""


def layers(*widths: int) -> nn.Sequential:
    """Linear layers with SiLU between them."""
    made: list[nn.Module] = []
    for before, after in pairwise(widths):
        made += [nn.Linear(before, after), nn.SiLU()]
    return nn.Sequential(*made[:-1])


class SetAbstraction(nn.Module):
    """What is around a centre: the same layers for each neighbour, and the greatest of each feature (Qi et al. 2017).

    Args:
        inputs: numbers of a neighbour beyond where it is.
        outputs: of a centre.
        spread: offsets are multiplied by this, to be of order one.
    """

    def __init__(self, inputs: int, outputs: int, *, spread: float) -> None:
        super().__init__()
        self.spread = spread
        self.layers = layers(3 + inputs, outputs * 2 // 3, outputs, outputs)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, centres: Tensor, places: Tensor, features: Tensor) -> Tensor:
        """(B, C, 3), (B, C, K, 3), (B, C, K, inputs) to (B, C, outputs)."""
        offset = (places - centres[:, :, None]) * self.spread
        return self.norm(self.layers(torch.cat((offset, features), -1)).amax(2))


class ObjectEncoder(nn.Module):
    """Two set abstractions of points with normals."""

    def __init__(self, config: ContactNetConfig) -> None:
        super().__init__()
        self.first = SetAbstraction(7, config.local, spread=8.0)
        self.second = SetAbstraction(config.local, config.width, spread=3.0)
        self.place = nn.Linear(4, config.width)

    def forward(self, points: Tensor, normals: Tensor, size: Tensor, index: Gathering) -> tuple[Tensor, ...]:
        """Points (B, P, 3) of objects of size one, normals, log of the sizes (B,), indices.

        Returns:
            First centres (B, C1, 3) and their features, second centres and theirs.
        """
        a = take(points, index.first)
        place = take(points, index.around_first)
        own = torch.cat(
            (take(normals, index.around_first), place, size[:, None, None, None].expand(*place.shape[:3], 1)),
            -1,
        )
        local = self.first(a, place, own)
        b = take(a, index.second)
        wide = self.second(b, take(a, index.around_second), take(local, index.around_second))
        return (
            a,
            local,
            b,
            wide + self.place(torch.cat((b, size[:, None, None].expand(-1, b.shape[1], 1)), -1)),
        )


class HandEncoder(nn.Module):
    """One set abstraction of the hand's points, in the wrist's frame, and where it is if that is known."""

    def __init__(self, config: ContactNetConfig) -> None:
        super().__init__()
        self.local = SetAbstraction(6, config.width, spread=30.0)
        self.place = nn.Linear(4, config.width)
        self.name = nn.Parameter(torch.randn(config.hand_centres, config.width) * 0.02)

    def forward(
        self, around: Tensor, normals: Tensor, centres: Tensor, where: Tensor, given: Tensor
    ) -> Tensor:
        """Neighbours (B, C, K, 3) of centres (B, C, 3) and their normals in the wrist's frame [m], the centres in the
        object's frame of size one (B, C, 3), whether the hand is given (B,); (B, C, width)."""
        told = given[:, None, None].to(where)
        local = self.local(centres, around, torch.cat((normals, around * 10), -1))
        place = self.place(torch.cat((where * told, told.expand(-1, where.shape[1], 1)), -1))
        return local + place + self.name


class Fusion(nn.Module):
    """Tokens look at each other, then at the text."""

    def __init__(self, config: ContactNetConfig) -> None:
        super().__init__()
        width = config.width
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.own = Attention(width, config.heads)
        self.text = Attention(width, config.heads)
        self.mix = layers(width, 2 * width, width)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor, text: Tensor, mask: Tensor) -> Tensor:
        """(B, N, width), (B, T, width), (B, T) true where there is text."""
        seen = self.norms[0](tokens)
        tokens = tokens + self.drop(self.own(seen, seen, None))
        tokens = tokens + self.drop(self.text(self.norms[1](tokens), text, mask))
        return tokens + self.drop(self.mix(self.norms[2](tokens)))


class Attention(nn.Module):
    """Scaled dot products of several heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.both, self.out = (
            nn.Linear(width, width),
            nn.Linear(width, 2 * width),
            nn.Linear(width, width),
        )

    def forward(self, asking: Tensor, asked: Tensor, mask: Tensor | None) -> Tensor:
        """(B, N, width), (B, M, width), (B, M)."""
        apart = lambda x: x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        query = apart(self.query(asking))
        key, value = (apart(x) for x in self.both(asked).chunk(2, -1))
        # written out: for so few tokens torch's fused kernel takes twice as long on a CPU
        weight = query @ key.mT * query.shape[-1] ** -0.5
        if mask is not None:
            weight = weight.masked_fill(~mask[:, None, None], -torch.inf)
        return self.out((weight.softmax(-1) @ value).transpose(1, 2).flatten(2))


class TextReader(nn.Module):
    """The text encoder's features, brought to the tokens' width: the sentence first, then its words."""

    def __init__(self, config: ContactNetConfig) -> None:
        super().__init__()
        width = config.width
        self.sentence, self.words = nn.Linear(config.text_width, width), nn.Linear(config.text_width, width)
        self.norm, self.last = nn.LayerNorm(width), nn.LayerNorm(width)
        self.own = Attention(width, config.heads)
        self.mix = layers(width, 2 * width, width)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, sentence: Tensor, words: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, E), (B, T, E), (B, T) to (B, T + 1, width), (B, T + 1)."""
        read = torch.cat(
            (self.sentence(sentence)[:, None] * sentence.shape[-1] ** 0.5 / 4, self.words(words)), 1
        )
        mask = torch.cat((torch.ones_like(mask[:, :1]), mask), 1)
        seen = self.norm(read)
        read = read + self.drop(self.own(seen, seen, mask))
        return self.last(read + self.drop(self.mix(read))), mask


class PointHead(nn.Module):
    """Logits of points, from features of three levels, shifted and scaled as the sentence says."""

    def __init__(self, inputs: int, outputs: int, config: ContactNetConfig) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, config.head)
        self.modulate = nn.Linear(config.width, 2 * config.head)
        self.rest = nn.Sequential(
            nn.SiLU(), nn.Linear(config.head, config.head), nn.SiLU(), nn.Linear(config.head, outputs)
        )

    def forward(self, values: Tensor, sentence: Tensor) -> Tensor:
        """(B, N, inputs), (B, width) to (B, N, outputs)."""
        scale, shift = self.modulate(sentence)[:, None].chunk(2, -1)
        return self.rest(self.first(values) * (1 + scale) + shift)


def felt(points: Tensor, normals: Tensor, others: Tensor) -> Tensor:
    """How near the other surface is, and whether it is in front: (B, N, 4) of points (B, N, 3), others (B, M, 3) [m].

    For a surface without normals (B, N, 0) the last feature is one.
    """
    gap, which = torch.cdist(points, others).min(-1)
    near = [torch.exp(-gap / reach) for reach in NEAR]
    if not normals.shape[-1]:
        return torch.stack((*near, torch.ones_like(gap)), -1)
    toward = nn.functional.normalize(take(others, which) - points, dim=-1)
    return torch.stack((*near, (toward * normals).sum(-1)), -1)


def where_given(given: Tensor, values: Tensor, count: int) -> Tensor:
    """Features (b, N, C) of the rows that have a hand among (B,), zeros for the others: (B, N, C)."""
    whole = values.new_zeros(count, *values.shape[1:])
    return whole.index_put((torch.nonzero(given).squeeze(-1),), values)
