"""What a sentence becomes for a network: one embedding, and one feature for every token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from handhold.errors import InputError

BATCH = 64  # sentences in one pass: more is no faster on a CPU, and pads more


@dataclass(frozen=True)
class TextFeatures:
    """Features of B sentences.

    Attributes:
        sentence: (B, W) sentence embeddings; of unit length where a sentence-transformers model made them.
        tokens: (B, T, W) features of tokens, zero where the mask is False.
        mask: (B, T) bool, True where a token is; the tokens of a sentence come first, the padding last.

    Raises:
        InputError: the shapes do not fit each other.
    """

    sentence: Tensor
    tokens: Tensor
    mask: Tensor

    def __post_init__(self) -> None:
        rows, width = self.sentence.shape if self.sentence.ndim == 2 else (-1, -1)
        fits = self.tokens.ndim == 3 and self.tokens.shape[0] == rows and self.tokens.shape[2] == width
        if not fits or self.mask.shape != self.tokens.shape[:2] or self.mask.dtype != torch.bool:
            shapes = ", ".join(str(tuple(t.shape)) for t in (self.sentence, self.tokens, self.mask))
            raise InputError(
                "the shapes do not fit each other",
                where="TextFeatures",
                expected="sentence (B, W), tokens (B, T, W), mask (B, T) bool",
                got=f"{shapes} and a mask of {self.mask.dtype}",
            )

    def __len__(self) -> int:
        return len(self.sentence)

    @property
    def width(self) -> int:
        """W, of the embedding and of a token's feature."""
        return self.sentence.shape[1]

    def select(self, rows: Tensor | Sequence[int] | slice) -> TextFeatures:
        """The features of some rows, in their order (a row may be taken twice)."""
        at = rows
        if not isinstance(at, slice):
            at = torch.as_tensor(at, device=self.sentence.device)
            at = at if at.dtype == torch.bool else at.long()  # no rows at all would be floats
        return TextFeatures(self.sentence[at], self.tokens[at], self.mask[at])

    def to(self, device: torch.device | str) -> TextFeatures:
        """The same features on another device."""
        return TextFeatures(self.sentence.to(device), self.tokens.to(device), self.mask.to(device))

    @staticmethod
    def cat(parts: Sequence[TextFeatures]) -> TextFeatures:
        """One after the other, padded to the longest.

        Raises:
            InputError: there are none, or their widths differ.
        """
        widths = {part.width for part in parts}
        if len(widths) != 1:
            raise InputError(
                "cannot be joined",
                where="TextFeatures.cat",
                expected="features of one width",
                got=sorted(widths),
            )
        longest = max(part.tokens.shape[1] for part in parts)
        short = [longest - part.tokens.shape[1] for part in parts]
        return TextFeatures(
            torch.cat([part.sentence for part in parts]),
            torch.cat([F.pad(part.tokens, (0, 0, 0, n)) for part, n in zip(parts, short)]),
            torch.cat([F.pad(part.mask, (0, n)) for part, n in zip(parts, short)]),
        )


@runtime_checkable
class TextEncoder(Protocol):
    """Turns sentences into features.

    Attributes:
        name: tells the model and its weights apart from every other: what was trained on the features of one
            encoder is fed those of no other.
        width: W of the features.
    """

    @property
    def name(self) -> str: ...

    @property
    def width(self) -> int: ...

    def encode(self, sentences: Sequence[str]) -> TextFeatures:
        """Features of sentences in their order, without gradients.

        Raises:
            InputError: there are none, or one is empty, blank or no text.
        """
        ...


def checked_sentences(sentences: Sequence[str]) -> list[str]:
    """Sentences without the blanks around them.

    Raises:
        InputError: there are none; or one is empty, blank, no text, or cannot be written as UTF-8.
    """
    if isinstance(sentences, str) or not isinstance(sentences, Sequence) or not len(sentences):
        raise InputError(
            "not a list of sentences",
            where="instruction",
            expected="one sentence or more",
            got=repr(sentences)[:80],
        )
    for at, sentence in enumerate(sentences):
        if not isinstance(sentence, str) or not sentence.strip() or not _is_text(sentence):
            raise InputError(
                "not a sentence" if len(sentences) == 1 else f"number {at} is not a sentence",
                where="instruction",
                expected='words, such as "hold the mug by its handle"',
                got=repr(sentence)[:80],
            )
    return [sentence.strip() for sentence in sentences]


def _is_text(sentence: str) -> bool:
    """Whether it has anything printable and no lone surrogates, which no tokenizer takes."""
    try:
        sentence.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return any(c.isprintable() and not c.isspace() for c in sentence)


def in_batches(
    sentences: Sequence[str], encode: Callable[[list[str]], TextFeatures], *, size: int = BATCH
) -> TextFeatures:
    """Encode sentences of a like length together, each different one once, and put them back in order.

    Args:
        sentences: one or more.
        encode: gives features of at most `size` sentences.
        size: of a batch.
    """
    unique = sorted(set(sentences), key=lambda s: (len(s), s))
    parts = [encode(unique[at : at + size]) for at in range(0, len(unique), size)]
    features = TextFeatures.cat(parts) if len(parts) > 1 else parts[0]
    row = {sentence: at for at, sentence in enumerate(unique)}
    rows = [row[sentence] for sentence in sentences]
    return features if rows == list(range(len(unique))) else features.select(rows)


def padded(tokens: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Features of tokens (T_i, W) as one tensor (B, T, W), zero behind each sentence's end, and its mask."""
    lengths = torch.tensor([len(row) for row in tokens], device=tokens[0].device)
    whole = torch.nn.utils.rnn.pad_sequence(list(tokens), batch_first=True)
    return whole, torch.arange(whole.shape[1], device=whole.device) < lengths[:, None]
