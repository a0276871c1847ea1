"""Features of sentences that are worked out once, in memory and on disk."""

from __future__ import annotations

import hashlib
import math
import os
import uuid
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from handhold.language.features import TextEncoder, TextFeatures, checked_sentences, padded

SLICE = 2048  # sentences between two writings: a run that is broken off keeps what it has done
MERGE = 32  # files of about one size that become one
_KEY = 32  # bytes of a key, SHA-256


@dataclass(frozen=True)
class _Chunk:
    """Features of N sentences, the tokens one behind the other.

    Attributes:
        keys: N, of the sentences.
        sentence: (N, W) float32.
        tokens: (sum of lengths, W) float16; float32 where a value is beyond float16.
        starts: (N + 1,) int64, where in `tokens` each sentence starts.
        sums: (N,) int64, CRC-32 of each sentence's embedding and tokens.
    """

    keys: list[bytes]
    sentence: Tensor
    tokens: Tensor
    starts: list[int]
    sums: list[int]

    def row(self, at: int) -> tuple[Tensor, Tensor] | None:
        """Embedding and tokens of one sentence; None if they are damaged."""
        sentence, tokens = self.sentence[at], self.tokens[self.starts[at] : self.starts[at + 1]]
        return (sentence, tokens) if _sum(sentence, tokens) == self.sums[at] else None


class CachedEncoder:
    """A text encoder that works out each sentence once; itself a text encoder.

    A sentence's key is the SHA-256 of the encoder's name and of the sentence, so that a folder may be shared by
    encoders and by processes at once. Embeddings are kept in float32, tokens in half precision (within 0.05 % of
    a value), and the features handed out are those, whether they were kept or just made. What is on disk is
    mapped, not read; a file that is damaged or cannot be written is done without. 30,000 short sentences take
    about 300 MB.

    Args:
        encoder: makes the features.
        folder: where they are kept; None keeps them in memory only.
        device: where they are handed out.
    """

    def __init__(
        self, encoder: TextEncoder, folder: str | Path | None = None, *, device: torch.device | str = "cpu"
    ) -> None:
        self.encoder, self.folder, self.device = encoder, None if folder is None else Path(folder), device
        self._rows: dict[bytes, tuple[_Chunk, int]] = {}
        self._files: dict[Path, _Chunk | None] = {}  # None: no use

    @property
    def name(self) -> str:
        """The encoder's."""
        return self.encoder.name

    @property
    def width(self) -> int:
        """The encoder's."""
        return self.encoder.width

    def encode(self, sentences: Sequence[str]) -> TextFeatures:
        """Features of sentences in their order, without gradients.

        Raises:
            InputError: there are none, or one is empty, blank or no text.
        """
        sentences = checked_sentences(sentences)
        keys = self._prepare(sentences)
        rows = [self._row(key) for key in keys]
        if None in rows:  # damaged: by now forgotten, so made again
            keys = self._prepare(sentences)
            rows = [self._row(key) for key in keys]
        whole = [row for row in rows if row is not None]
        sentence = torch.stack([row[0] for row in whole])
        tokens, mask = padded([row[1] for row in whole])
        return TextFeatures(sentence, tokens.float(), mask).to(self.device)

    def prepare(self, sentences: Sequence[str]) -> None:
        """Work out what is missing, and hand nothing out.

        Raises:
            InputError: there are none, or one is empty, blank or no text.
        """
        self._prepare(checked_sentences(sentences))

    def _prepare(self, sentences: list[str]) -> list[bytes]:
        """Keys of sentences, all of which have rows now."""
        name = self.encoder.name
        keys = [hashlib.sha256(f"{name}\0{sentence}".encode()).digest() for sentence in sentences]
        if not all(key in self._rows for key in keys):
            self._look(name)
        missing = {key: sentence for key, sentence in zip(keys, sentences) if key not in self._rows}
        order = sorted(missing.items(), key=lambda item: (len(item[1]), item[1]))
        for at in range(0, len(order), SLICE):
            part = order[at : at + SLICE]
            features = self.encoder.encode([sentence for _, sentence in part]).to("cpu")
            self._keep(name, _chunk([key for key, _ in part], features))
        return keys

    def _row(self, key: bytes) -> tuple[Tensor, Tensor] | None:
        """The features of a key; None if they are damaged, and then their whole chunk is forgotten."""
        chunk, at = self._rows.get(key, (None, 0))
        row = chunk.row(at) if chunk is not None else None
        if chunk is not None and row is None:
            for other in chunk.keys:
                if self._rows.get(other, (None, 0))[0] is chunk:
                    del self._rows[other]
            for path in [path for path, kept in self._files.items() if kept is chunk]:
                self._files[path] = None
                _remove(path)
        return row

    def _place(self, name: str) -> Path | None:
        """The folder of an encoder's files."""
        return self.folder and self.folder / f"text-1-{hashlib.sha256(name.encode()).hexdigest()[:16]}"

    def _look(self, name: str) -> None:
        """Take in the files that this or another process has written since the last look."""
        place = self._place(name)
        paths = sorted(place.glob("[!.]*.safetensors")) if place is not None and place.is_dir() else []
        for path in paths:
            if path not in self._files:
                self._files[path] = _read(path, self.encoder.width)
                if (chunk := self._files[path]) is None:
                    _remove(path)
                else:
                    self._take(chunk)

    def _take(self, chunk: _Chunk) -> None:
        self._rows.update((key, (chunk, at)) for at, key in enumerate(chunk.keys))

    def _keep(self, name: str, chunk: _Chunk) -> None:
        """Into memory and, where there is a folder, onto disk."""
        self._take(chunk)
        place = self._place(name)
        if place is None or (path := _write(chunk, place)) is None:
            return
        self._files[path] = chunk
        alike: dict[tuple[int, torch.dtype], list[Path]] = {}
        for path, kept in self._files.items():
            if kept is not None and path.parent == place:
                size = int(math.log(len(kept.keys), MERGE))
                alike.setdefault((size, kept.tokens.dtype), []).append(path)
        for paths in alike.values():
            if len(paths) >= MERGE:
                self._merge(paths, place)

    def _merge(self, paths: list[Path], place: Path) -> None:
        """Many files into one: a user who asks sentence by sentence would end with thousands."""
        chunks = [chunk for path in paths if (chunk := self._files[path]) is not None]
        whole = _joined(chunks)
        written = _write(whole, place)
        if written is None:
            return
        self._take(whole)
        self._files[written] = whole
        for path in paths:
            self._files[path] = None
            _remove(path)


def _sum(sentence: Tensor, tokens: Tensor) -> int:
    return zlib.crc32(tokens.numpy().tobytes(), zlib.crc32(sentence.numpy().tobytes()))


def _chunk(keys: list[bytes], features: TextFeatures) -> _Chunk:
    lengths = features.mask.sum(1)
    tokens = features.tokens[features.mask].contiguous()
    if not tokens.numel() or float(tokens.abs().max()) < torch.finfo(torch.float16).max:
        tokens = tokens.half()
    sentence = features.sentence.float().contiguous()
    starts = [0, *lengths.cumsum(0).tolist()]
    sums = [_sum(sentence[i], tokens[a:b]) for i, (a, b) in enumerate(pairwise(starts))]
    return _Chunk(keys, sentence, tokens, starts, sums)


def _joined(chunks: list[_Chunk]) -> _Chunk:
    starts = [0]
    for chunk in chunks:
        starts += [starts[-1] + at for at in chunk.starts[1:]]
    return _Chunk(
        [key for chunk in chunks for key in chunk.keys],
        torch.cat([chunk.sentence for chunk in chunks]),
        torch.cat([chunk.tokens for chunk in chunks]),
        starts,
        [one for chunk in chunks for one in chunk.sums],
    )


def _read(path: Path, width: int) -> _Chunk | None:
    """A chunk; None if the file is gone or damaged in whatever way."""
    try:
        held = load_file(path)
        keys, sentence, tokens, starts = (
            held["keys"].numpy(),
            held["sentence"],
            held["tokens"],
            held["starts"],
        )
        count = len(keys)
        steps = np.diff(starts.numpy())
        sound = (
            keys.shape == (count, _KEY)
            and keys.dtype == np.uint8
            and sentence.shape == (count, width)
            and sentence.dtype == torch.float32
            and tokens.shape[1:] == (width,)
            and tokens.dtype in (torch.float16, torch.float32)
            and starts.shape == (count + 1,)
            and held["sums"].shape == (count,)
            and count > 0
            and int(starts[0]) == 0
            and int(starts[-1]) == len(tokens)
            and bool((steps > 0).all())
        )
        return (
            _Chunk([row.tobytes() for row in keys], sentence, tokens, starts.tolist(), held["sums"].tolist())
            if sound
            else None
        )
    except Exception:  # a cache is never worth an error
        return None


def _write(chunk: _Chunk, place: Path) -> Path | None:
    """A chunk's file, whole or not at all; None where it cannot be written."""
    path = place / f"{uuid.uuid4().hex}.safetensors"
    draft = path.with_name(f".{path.name}")
    try:
        place.mkdir(parents=True, exist_ok=True)
        held = {
            "keys": torch.frombuffer(bytearray(b"".join(chunk.keys)), dtype=torch.uint8).reshape(-1, _KEY),
            "sentence": chunk.sentence,
            "tokens": chunk.tokens,
            "starts": torch.tensor(chunk.starts),
            "sums": torch.tensor(chunk.sums),
        }
        save_file(held, draft)
        os.replace(draft, path)
    except Exception:  # a full disk, a folder of another user: a cache is never worth an error
        _remove(draft)
        return None
    return path


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
