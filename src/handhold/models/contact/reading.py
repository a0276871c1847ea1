"""The contact network together with a causal language model whose LoRA weights train with it (GravityDB §4.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from handhold.errors import InputError
from handhold.language import VICUNA_7B, CausalConfig, CausalEncoder, TextEncoder
from handhold.models.contact.config import ContactNetConfig
from handhold.models.contact.examples import Examples
from handhold.models.contact.model import ContactNet, Logits, SeenHands, SeenObjects, Text
from handhold.models.contact.rows import ContactRows
from handhold.models.contact.task import contact_losses

ADAPTER = "adapter"
"""Folder of the LoRA weights, beside the network's own."""


class ReadingContactNet(nn.Module):
    """A contact network that reads sentences itself.

    Its parameters are the network's and LoRA's: the language model's own, which nothing changes, are no part of it,
    so that checkpoints do not hold them; they follow to its device.

    Args:
        net: the network.
        encoder: its language model, with LoRA weights.

    Raises:
        InputError: the encoder's features are not as wide as the network takes them.
    """

    def __init__(self, net: ContactNet, encoder: CausalEncoder) -> None:
        super().__init__()
        check_width(net.config, encoder, where="ReadingContactNet")
        self.net = net
        self.lora = nn.ParameterList(p for p in encoder.parameters() if p.requires_grad)
        self._encoders = (encoder,)  # in a tuple it is not registered as a part

    @property
    def config(self) -> ContactNetConfig:
        """Of the network."""
        return self.net.config

    @property
    def encoder(self) -> CausalEncoder:
        """The language model."""
        return self._encoders[0]

    def forward(
        self,
        objects: SeenObjects,
        hands: SeenHands,
        sentences: Sequence[str],
        *,
        of: Tensor,
        points: Tensor,
        vertices: Tensor,
    ) -> Logits:
        """As `ContactNet` does, from sentences."""
        found = self.encoder(sentences)
        text = Text(found.sentence, found.tokens, found.mask)
        return self.net(objects, hands, text, of=of, points=points, vertices=vertices)

    def train(self, mode: bool = True) -> ReadingContactNet:
        """Dropout of both on or off."""
        self.encoder.train(mode)
        return super().train(mode)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> ReadingContactNet:
        self.encoder._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def save_pretrained(self, save_directory: str | Path) -> None:
        """Write the network as `ContactNet` does, and LoRA's weights into `adapter`."""
        self.net.save_pretrained(save_directory)
        self.encoder.save_adapter(Path(save_directory) / ADAPTER)


class ReadingContactTask:
    """`ContactTask` for a network that reads sentences itself: LoRA's weights train with it.

    Args:
        model: the network and its language model.
        rows: objects, maps and sentences.
        augment: bend, roughen and turn the objects, and move the hands.
    """

    def __init__(self, model: ReadingContactNet, rows: ContactRows, *, augment: bool = True) -> None:
        self.module: nn.Module = model
        self.rows = rows
        self.examples = Examples(rows, model.net.config, rest=model.net.rest, augment=augment)

    def __len__(self) -> int:
        return len(self.examples)

    def losses(self, rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """See `Task`."""
        drawn = self.examples.draw(rows, generator)
        words = [self.rows.sentences[k] for k in self.rows.asks.sentence[drawn.asks].tolist()]
        seen = drawn.to(next(self.module.parameters()).device)
        told = {"of": seen.of, "points": seen.points, "vertices": seen.vertices}
        return contact_losses(self.module(seen.objects, seen.hands, words, **told), seen)


def causal_config(text: str) -> CausalConfig | None:
    """The language model that `ContactNetConfig.text` names, tuned by LoRA as the paper's; None if it names none."""
    if text == "vicuna-7b":
        return VICUNA_7B
    if text.startswith("causal:"):
        return CausalConfig(text.removeprefix("causal:"), lora_rank=VICUNA_7B.lora_rank)
    return None


def trains_with_language(config: ContactNetConfig) -> bool:
    """Whether the network trains together with a language model: one that is no causal one is left as it is."""
    return config.sentence and causal_config(config.text) is not None


def check_width(config: ContactNetConfig, encoder: TextEncoder, *, where: str) -> None:
    """Refuse features of another width.

    Raises:
        InputError: they are not as wide as the network takes them.
    """
    if encoder.width != config.text_width:
        raise InputError(
            "takes the features of another text encoder",
            where=where,
            expected=f"{config.text}, {config.text_width} numbers a word",
            got=f"{encoder.name}, {encoder.width}",
            remedy=f"Train with --contact.text-width {encoder.width} for this encoder.",
        )
