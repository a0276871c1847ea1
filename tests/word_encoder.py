"""A text encoder for tests: every word has a place of its own, drawn at random, and a sentence is their mean."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from handhold.language.features import TextFeatures, checked_sentences, in_batches, padded


@dataclass(frozen=True)
class WordEncoder:
    """See `handhold.language.TextEncoder`."""

    width: int = 24
    name: str = "words"

    def encode(self, sentences: Sequence[str]) -> TextFeatures:
        return in_batches(checked_sentences(sentences), self._batch)

    def _batch(self, sentences: list[str]) -> TextFeatures:
        words = [re.findall(r"\w+", sentence.lower()) or ["?"] for sentence in sentences]
        tokens = [torch.stack([self._word(word) for word in own]) for own in words]
        whole = torch.stack([torch.nn.functional.normalize(own.mean(0), dim=0) for own in tokens])
        return TextFeatures(whole, *padded(tokens))

    def _word(self, word: str) -> torch.Tensor:
        return torch.randn(self.width, generator=torch.Generator().manual_seed(zlib.crc32(word.encode())))
