"""Features of many sentences, encoded once for a whole training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from handhold.language import TextEncoder
from handhold.models.contact.model import Text

CHUNK = 512
"""Sentences that are encoded before progress is told."""


@dataclass(frozen=True)
class TextBank:
    """Features of S sentences, their words end to end, in half precision.

    Attributes:
        sentence: (S, E).
        words: (W, E).
        start: (S + 1,) long, where each one's words begin.
    """

    sentence: Tensor
    words: Tensor
    start: Tensor

    def text(self, rows: Tensor) -> Text:
        """Some of the sentences."""
        first, count = self.start[rows], self.start[rows + 1] - self.start[rows]
        steps = torch.arange(int(count.max()))
        mask = steps < count[:, None]
        index = (first[:, None] + steps).clamp_max(len(self.words) - 1)
        words = self.words[index].float() * mask[..., None]
        return Text(self.sentence[rows].float(), words, mask)


def encode_sentences(
    encoder: TextEncoder, sentences: Sequence[str], *, progress: Callable[[int], None] | None = None
) -> TextBank:
    """Encode sentences of a like length together.

    Args:
        encoder: gives the features.
        sentences: one or more.
        progress: is called with how many are done.

    Raises:
        InputError: one has no words.
    """
    order = sorted(range(len(sentences)), key=lambda k: len(sentences[k]))
    whole: dict[int, Tensor] = {}
    words: dict[int, Tensor] = {}
    for first in range(0, len(order), CHUNK):
        chosen = order[first : first + CHUNK]
        found = encoder.encode([sentences[k] for k in chosen])
        for k, sentence, tokens, mask in zip(chosen, found.sentence, found.tokens, found.mask, strict=True):
            whole[k], words[k] = sentence.half().cpu(), tokens[mask].half().cpu()
        if progress:
            progress(len(whole))
    every = range(len(sentences))
    lengths = torch.tensor([0, *(len(words[k]) for k in every)])
    return TextBank(
        torch.stack([whole[k] for k in every]), torch.cat([words[k] for k in every]), lengths.cumsum(0)
    )
