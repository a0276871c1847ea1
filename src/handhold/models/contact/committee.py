"""Several contact networks that answer as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import cast

import torch
from torch import Tensor, nn

from handhold.errors import InputError
from handhold.models.contact.config import ContactNetConfig
from handhold.models.contact.model import ContactNet, Logits, SeenHands, SeenObjects, Text


class Committee(nn.Module):
    """The mean of what networks of the same sizes say: trained apart, they err apart.

    Args:
        members: one or more networks.

    Raises:
        InputError: their sizes are not the same.
    """

    def __init__(self, members: Sequence[ContactNet]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        for one in members[1:]:
            if one.config != members[0].config:
                raise InputError(
                    "have other sizes than the first", where="the networks of a committee", got=one.config
                )

    @property
    def config(self) -> ContactNetConfig:
        """Of each."""
        return cast("ContactNet", self.members[0]).config

    @property
    def rest(self) -> Tensor:
        """The hand where none is given, (V, 3)."""
        return cast("ContactNet", self.members[0]).rest

    def forward(
        self,
        objects: SeenObjects,
        hands: SeenHands,
        text: Text,
        *,
        of: Tensor,
        points: Tensor,
        vertices: Tensor,
    ) -> Logits:
        """As `ContactNet` does: the mean of all logits."""
        told = [one(objects, hands, text, of=of, points=points, vertices=vertices) for one in self.members]
        mean = lambda name: torch.stack([getattr(one, name) for one in told]).mean(0)
        return Logits(*(mean(f.name) for f in fields(Logits)))
