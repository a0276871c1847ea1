"""Training of the contact network: the losses."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from handhold.models.contact.bank import TextBank
from handhold.models.contact.examples import Example, Examples
from handhold.models.contact.model import ContactNet, Logits, Text
from handhold.models.contact.rows import ContactRows

WEIGHTS = {"object": 1.0, "part": 0.4, "skin": 0.7, "absent": 0.5}
WORDS_DROPPED = 0.08
"""Share of words that are left out."""


class ContactTask:
    """BCE and Dice of masks, BCE of what is lacking (GravityDB §4.2); rows are objects.

    Args:
        model: the network.
        rows: objects, maps and sentences.
        bank: features of the rows' sentences.
        augment: bend, roughen and turn the objects, move the hands, and leave out words.

    Attributes:
        order: (N,) long, the object of each row.
    """

    module: nn.Module

    def __init__(self, model: ContactNet, rows: ContactRows, bank: TextBank, *, augment: bool = True) -> None:
        self.module, self.rows, self.bank, self.augment = model, rows, bank, augment
        self.examples = Examples(rows, model.config, rest=model.rest, augment=augment)
        self.order = self.examples.order

    def __len__(self) -> int:
        return len(self.examples)

    def losses(self, rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """See `Task`."""
        drawn = self.examples.draw(rows, generator)
        text = self._text(self.rows.asks.sentence[drawn.asks], generator)
        device = next(self.module.parameters()).device
        seen = drawn.to(device)
        told = {"of": seen.of, "points": seen.points, "vertices": seen.vertices}
        return contact_losses(self.module(seen.objects, seen.hands, text.to(device), **told), seen)

    def _text(self, sentences: Tensor, generator: torch.Generator) -> Text:
        """Features of numbered sentences, some of their words left out."""
        text = self.bank.text(sentences)
        if not self.augment:
            return text
        kept = text.mask & (torch.rand(text.mask.shape, generator=generator) > WORDS_DROPPED)
        return Text(text.sentence, text.words * kept[..., None], kept)


def contact_losses(found: Logits, seen: Example) -> dict[str, Tensor]:
    """What a batch comes to: "loss", and what it is put together of."""
    absent = seen.absent
    losses = {
        "object": mask_loss(found.object, seen.touch, seen.touch_known, empty=absent),
        "part": mask_loss(found.part, seen.part, seen.part_known, empty=absent),
        "skin": mask_loss(found.skin, seen.skin, seen.skin_known, empty=absent),
        "absent": bce(found.absent, absent.float()).mean(),
    }
    total = torch.stack([WEIGHTS[name] * value for name, value in losses.items()]).sum()
    return {"loss": total, **losses}


def bce(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross entropy of each."""
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none")


def mask_loss(logits: Tensor, target: Tensor, known: Tensor, *, empty: Tensor) -> Tensor:
    """BCE and Dice of masks (B, n); rows of which nothing is known count nothing, empty ones have no Dice."""
    own = bce(logits, target).mean(-1)
    found = logits.sigmoid()
    dice = 1 - (2 * (found * target).sum(-1) + 1) / (found.sum(-1) + target.sum(-1) + 1)
    return _mean(own + torch.where(empty, torch.zeros_like(dice), dice), known)


def _mean(values: Tensor, known: Tensor) -> Tensor:
    return (values * known).sum() / known.sum().clamp_min(1)
