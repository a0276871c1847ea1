"""A BERT encoder out of torch's own layers.

Loading BERT through transformers or sentence_transformers costs 6 to 15 s of imports at every start (measured; they
bring torch._dynamo, torch.distributed and scikit-learn); `torch.nn.TransformerEncoder` is the same network and
costs none. The tests hold it against SentenceTransformer.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

_LAYER = {  # torch's name: BERT's
    "self_attn.out_proj": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "linear1": "intermediate.dense",
    "linear2": "output.dense",
    "norm2": "output.LayerNorm",
}


class Bert(nn.Module):
    """BERT without its pooler: token ids to the last hidden state (Devlin et al. 2018).

    Args:
        config: of config.json.
    """

    def __init__(self, config: dict) -> None:
        super().__init__()
        width, eps = config["hidden_size"], config["layer_norm_eps"]
        self.word_embeddings = nn.Embedding(config["vocab_size"], width)
        self.position_embeddings = nn.Embedding(config["max_position_embeddings"], width)
        self.token_type_embeddings = nn.Embedding(config["type_vocab_size"], width)
        self.norm = nn.LayerNorm(width, eps=eps)
        layer = nn.TransformerEncoderLayer(
            width,
            config["num_attention_heads"],
            config["intermediate_size"],
            dropout=0.0,
            activation="gelu",
            layer_norm_eps=eps,
            batch_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, config["num_hidden_layers"], enable_nested_tensor=False)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """The last hidden state (B, T, W) of token ids (B, T); mask (B, T) is True where a token is."""
        at = torch.arange(ids.shape[1], device=ids.device)
        kind = self.token_type_embeddings.weight[0]  # a lone sentence is all of the first kind
        hidden = self.norm(self.word_embeddings(ids) + self.position_embeddings(at) + kind)
        return self.layers(hidden, src_key_padding_mask=~mask)


def is_plain_bert(config: dict) -> bool:
    """Whether a config.json describes the network above and nothing else."""
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder", False)
    )


def load_bert(folder: Path) -> Bert:
    """BERT of a folder with config.json and model.safetensors, in the form for inference, float32.

    Raises:
        KeyError, RuntimeError, OSError, safetensors.SafetensorError: the files are not those of a BERT.
    """
    bert = Bert(json.loads((folder / "config.json").read_text("utf-8")))
    stored = load_file(folder / "model.safetensors")
    stored = {name.removeprefix("bert."): tensor.float() for name, tensor in stored.items()}
    state = {
        f"{name}.weight": stored[f"embeddings.{name}.weight"]
        for name in ("word_embeddings", "position_embeddings", "token_type_embeddings")
    }
    for kind in ("weight", "bias"):
        state[f"norm.{kind}"] = stored[f"embeddings.LayerNorm.{kind}"]
        for at in range(bert.layers.num_layers):
            ours, theirs = f"layers.layers.{at}", f"encoder.layer.{at}"
            state |= {f"{ours}.{a}.{kind}": stored[f"{theirs}.{b}.{kind}"] for a, b in _LAYER.items()}
            heads = [stored[f"{theirs}.attention.self.{name}.{kind}"] for name in ("query", "key", "value")]
            state[f"{ours}.self_attn.in_proj_{kind}"] = torch.cat(heads)
    bert.load_state_dict(state)
    return bert.eval().requires_grad_(False)
