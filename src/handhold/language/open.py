"""A text encoder by its name."""

from __future__ import annotations

from pathlib import Path

import torch

from handhold.errors import InputError
from handhold.language.cached import CachedEncoder
from handhold.language.causal_encoder import VICUNA_7B, CausalConfig, CausalEncoder
from handhold.language.features import TextEncoder
from handhold.language.sentence_encoder import SentenceEncoder


def open_encoder(
    spec: str | None = None, *, device: torch.device | str = "cpu", cache: str | Path | None = None
) -> TextEncoder:
    """Open a text encoder.

    Args:
        spec: None or "minilm" for all-MiniLM-L6-v2, which needs no network; "vicuna-7b" for the paper's;
            "causal:" and the folder or id of a causal language model; else the folder or id of a
            sentence-transformers model.
        device: where it runs, and where its features lie.
        cache: a folder that keeps features between runs; None keeps none.

    Raises:
        InputError: there is no such model.
        MissingExtra: a package is not installed.
    """
    if spec is not None and not spec.strip():
        raise InputError(
            "no model is named",
            where="text encoder",
            expected="'minilm', 'vicuna-7b', 'causal:' and a model, or a sentence-transformers model",
            got=repr(spec),
        )
    if spec in (None, "minilm"):
        encoder: TextEncoder = SentenceEncoder.open(device=device)
    elif spec == "vicuna-7b":
        encoder = CausalEncoder.open(VICUNA_7B, device=device)
    elif spec.startswith("causal:"):
        encoder = CausalEncoder.open(CausalConfig(spec.removeprefix("causal:")), device=device)
    else:
        encoder = SentenceEncoder.open(spec, device=device)
    return encoder if cache is None else CachedEncoder(encoder, cache, device=device)
