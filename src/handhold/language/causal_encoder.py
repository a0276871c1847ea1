"""Causal language models (Llama, Vicuna, ...) as text encoders whose LoRA weights can be trained."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from handhold.errors import InputError, demand
from handhold.language.features import TextFeatures, checked_sentences, in_batches
from handhold.language.model_files import (
    cached,
    content_hash,
    first_line,
    hub_or_cache,
    local_folder,
    no_model,
    quiet,
)
from handhold.optional import require

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_BASE = "handhold_base.json"  # beside an adapter: what it was trained on


@dataclass(frozen=True)
class CausalConfig:
    """Which causal language model, and how its hidden states become features.

    Attributes:
        model: a folder, or an id on the Hugging Face hub.
        layer: whose hidden states are taken: 0 the embeddings, 1 the first block, ..., -1 the last one's.
        max_tokens: what is longer is cut off.
        dtype: of the model's own weights, "float32", "bfloat16" or "float16"; features and LoRA are float32.
        lora_rank: of the trained update of each target matrix (Hu et al. 2021); 0 leaves the model as it is.
        lora_alpha: the update is scaled by lora_alpha / lora_rank.
        lora_dropout: on the update's input, in training.
        lora_targets: names of the linear layers that get an update.

    Raises:
        InputError: a setting out of its range.
    """

    model: str
    layer: int = -1
    max_tokens: int = 64
    dtype: str = "float32"
    lora_rank: int = 0
    lora_alpha: float = 16.0
    lora_dropout: float = 0.05
    lora_targets: tuple[str, ...] = ("q_proj", "v_proj")

    def __post_init__(self) -> None:
        demand(self, "max_tokens", "2 or more", self.max_tokens, holds=self.max_tokens >= 2)
        demand(self, "dtype", f"one of {', '.join(_DTYPES)}", self.dtype, holds=self.dtype in _DTYPES)
        demand(self, "lora_rank", "0 or more", self.lora_rank, holds=self.lora_rank >= 0)
        demand(self, "lora_alpha", "above 0", self.lora_alpha, holds=0 < self.lora_alpha < float("inf"))
        demand(self, "lora_dropout", "in [0, 1)", self.lora_dropout, holds=0 <= self.lora_dropout < 1)
        demand(self, "lora_targets", "one or more", self.lora_targets, holds=bool(self.lora_targets))


VICUNA_7B = CausalConfig("lmsys/vicuna-7b-v1.5", dtype="bfloat16", lora_rank=8)
"""GravityDB §4.2: "the 7B Vicuna as our LLM backbone", tuned by LoRA. The paper gives no rank, scale, dropout or
targets: these are LoRA's own choice of query and value (Hu et al. 2021, §7.1) and the rank 8, scale 16 and
dropout 0.05 that LISA (Lai et al. 2024) tunes a Vicuna-family model with for masks. 14 GB of weights."""


class CausalEncoder(nn.Module):
    """A causal language model; the sentence's embedding is the mean of its tokens' hidden states.

    Only LoRA weights ask for gradients. They are saved by `save_adapter`, apart from the model's own: a
    `state_dict` would hold all of these.

    Attributes:
        config: what was opened.
        width: of the features.
    """

    def __init__(self, model: nn.Module, tokenizer: Any, *, config: CausalConfig, base: str) -> None:
        super().__init__()
        self.model, self.config = model, config
        self._tokenizer, self._base = tokenizer, base
        self.width: int = model.config.hidden_size  # type: ignore[union-attr]

    @classmethod
    def open(
        cls,
        config: CausalConfig,
        *,
        device: torch.device | str = "cpu",
        adapter: Path | None = None,
        seed: int = 0,
    ) -> CausalEncoder:
        """Open a model; freshly made LoRA weights change nothing until they are trained.

        Args:
            config: which one.
            device: where it runs.
            adapter: a folder of `save_adapter`, whose LoRA settings then replace the config's.
            seed: of fresh LoRA weights.

        Raises:
            InputError: there is no such model, layer, target or adapter.
            MissingExtra: a package is not installed.
        """
        folder = local_folder(config.model)
        library = require("transformers", extra="text")
        source, local = str(folder or config.model), folder is not None
        try:
            with quiet(), nullcontext() if local else hub_or_cache():
                tokenizer = library.AutoTokenizer.from_pretrained(source, local_files_only=local)
                model = library.AutoModel.from_pretrained(
                    source, dtype=_DTYPES[config.dtype], local_files_only=local
                )
        except Exception as error:  # of torch, the hub, transformers, or of a file's contents
            found = folder or cached(source) or Path()
            if (found / "tokenizer.model").is_file() and not (found / "tokenizer.json").is_file():
                require(
                    "sentencepiece", extra="llm"
                )  # transformers asks for another package that does not help
            raise no_model(config.model, first_line(error)) from error
        layers = model.config.num_hidden_layers
        expected = f"from {-layers - 1} to {layers}"
        demand(config, "layer", expected, config.layer, holds=-layers - 1 <= config.layer <= layers)
        encoder = cls(
            model.requires_grad_(False), tokenizer, config=config, base=content_hash(folder or cached(source))
        )
        if adapter is not None:
            encoder.load_adapter(adapter)
        elif config.lora_rank:
            encoder.model = _with_lora(model, config, seed)
        return encoder.to(device).eval()

    @property
    def name(self) -> str:
        """Of the model, of what is taken of it, and of its LoRA weights as they are now."""
        taken = f"causal:{self._base}:{self.config.layer}:{self.config.max_tokens}:{self.config.dtype}"
        lora = _lora_hash(self.model)
        return f"{taken}:{lora}" if lora else taken

    def encode(self, sentences: Sequence[str]) -> TextFeatures:
        """Features of sentences in their order, without gradients or dropout.

        Raises:
            InputError: there are none, or one is empty, blank or no text.
        """
        training = self.training
        self.eval()
        try:
            with torch.no_grad():
                return in_batches(checked_sentences(sentences), self)
        finally:
            self.train(training)

    def forward(self, sentences: Sequence[str]) -> TextFeatures:
        """Features of sentences in one batch, with gradients into the LoRA weights.

        Raises:
            InputError: there are none, or one is empty, blank or no text.
        """
        device = next(self.parameters()).device
        cut = self._tokenizer(
            checked_sentences(sentences), truncation=True, max_length=self.config.max_tokens
        )
        # Padded behind the end, here: Llama has no token for it, and in a causal model no earlier token sees it.
        rows = [torch.tensor(row) for row in cut["input_ids"]]
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True).to(device)
        lengths = torch.tensor([len(row) for row in rows], device=device)
        mask = torch.arange(ids.shape[1], device=device) < lengths[:, None]
        states = self.model(
            input_ids=ids, attention_mask=mask.long(), output_hidden_states=True, use_cache=False
        ).hidden_states
        tokens = states[self.config.layer].float().masked_fill(~mask[..., None], 0.0)
        return TextFeatures(tokens.sum(1) / lengths[:, None], tokens, mask)

    def save_adapter(self, folder: str | Path) -> None:
        """Write the LoRA weights in peft's format, without the model's own; each file whole or not at all.

        Raises:
            InputError: there are none, or the folder cannot be written to.
        """
        if not _is_lora(self.model):
            raise InputError(
                "has no LoRA weights to save", where="CausalEncoder", remedy="Open it with a lora_rank."
            )
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as draft:
                self.model.save_pretrained(draft, save_embedding_layers=False)  # type: ignore[operator]
                (Path(draft) / _BASE).write_text(json.dumps({"base": self._base, "layer": self.config.layer}))
                for path in Path(draft).iterdir():
                    os.replace(path, folder / path.name)
        except OSError as error:
            raise InputError("cannot be written to", where=folder, got=error) from error

    def load_adapter(self, folder: str | Path) -> None:
        """Take the LoRA weights of a folder, with their rank, in place of those there are.

        Make the optimizer afterwards: the weights are new ones. An encoder that refuses some has none.

        Raises:
            InputError: the folder holds no LoRA weights, or those of another model.
        """
        folder = Path(folder)
        _check_adapter(folder, self._base, self.config.layer)
        peft = require("peft", extra="llm")
        device = next(self.parameters()).device
        if _is_lora(self.model):
            self.model = self.model.unload()  # type: ignore[operator]
        try:
            with quiet(), warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                lora = peft.PeftModel.from_pretrained(self.model, str(folder), is_trainable=True)
        except Exception as error:  # of torch, peft, or of a file's contents
            raise _no_adapter(folder, first_line(error)) from error
        if missing := [str(w.message) for w in told if "missing adapter keys" in str(w.message)]:
            self.model = lora.unload()
            raise _no_adapter(folder, missing[0][:200])
        self.model = lora.to(device).train(self.training)


def _is_lora(model: nn.Module) -> bool:
    return hasattr(model, "peft_config")


def _with_lora(model: nn.Module, config: CausalConfig, seed: int) -> nn.Module:
    peft = require("peft", extra="llm")
    settings = peft.LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=list(config.lora_targets),
        task_type="FEATURE_EXTRACTION",
    )
    with torch.random.fork_rng(devices=[]):  # peft draws from torch's own generator
        torch.manual_seed(seed)
        try:
            with quiet():
                return peft.get_peft_model(model, settings)
        except ValueError as error:
            raise InputError(
                "the model has no such layers",
                where="CausalConfig.lora_targets",
                expected="names of its linear layers",
                got=first_line(error),
            ) from error


def _lora_hash(model: Any) -> str:
    """A hash of LoRA weights and their scales; "" where they change nothing, as fresh ones do."""
    weights: dict[str, Tensor] = {k: v for k, v in model.named_parameters() if "lora_" in k}
    if not any(bool(v.any()) for k, v in weights.items() if "lora_B" in k):
        return ""
    whole = hashlib.sha256()
    for key, tensor in sorted(weights.items()):
        whole.update(key.encode() + tensor.detach().float().cpu().numpy().tobytes())
    for settings in model.peft_config.values():
        whole.update(f"{settings.r} {settings.lora_alpha}".encode())
    return whole.hexdigest()[:16]


def _no_adapter(folder: Path, cause: str) -> InputError:
    return InputError(
        "no LoRA weights for this model",
        where=folder,
        expected="a folder that CausalEncoder.save_adapter (or peft) wrote for it",
        got=cause,
    )


def _check_adapter(folder: Path, base: str, layer: int) -> None:
    """Look before loading: peft would search the network for what a folder lacks."""
    try:
        kind = json.loads((folder / "adapter_config.json").read_text("utf-8")).get("peft_type")
        trained = json.loads((folder / _BASE).read_text("utf-8")) if (folder / _BASE).is_file() else {}
        load_file(folder / "adapter_model.safetensors")
    except (OSError, ValueError, AttributeError, SafetensorError) as error:
        raise _no_adapter(folder, first_line(error)) from error
    if kind != "LORA":
        raise _no_adapter(folder, f"weights of the kind {kind}")
    if trained.get("base", base) != base or trained.get("layer", layer) != layer:
        raise _no_adapter(folder, f"weights trained on {trained}; this is {base}, layer {layer}")
