"""Sizes of the contact network."""

from __future__ import annotations

from dataclasses import dataclass

from handhold.errors import demand
from handhold.models.contact.rows import POINTS


@dataclass(frozen=True)
class ContactNetConfig:
    """Sizes, chosen for two cores; `published` has the paper's, as far as it tells them.

    Attributes:
        hand, hand_version: the hand model that the weights are for.
        text: name of the text encoder whose features the weights read (`handhold.language`).
        text_width: of those features.
        sentence: whether the sentence is read at all; False is the baseline that sees shapes alone.
        points: of the object and of the hand, each with its normal.
        centres: of the two set abstractions of the object.
        neighbours: of a centre.
        hand_centres, hand_neighbours: of the hand's set abstraction.
        local: width of the first set abstraction.
        width: of tokens.
        layers: of attention among tokens of object and hand, and to those of the text.
        heads: of attention.
        head: width of the layers that tell a point's contact.
        dropout: of attention's layers.
    """

    hand: str = "open"
    hand_version: str = "open-1"
    text: str = "minilm"
    text_width: int = 384
    sentence: bool = True
    points: int = POINTS
    centres: tuple = (512, 128)
    neighbours: int = 24
    hand_centres: int = 32
    hand_neighbours: int = 16
    local: int = 96
    width: int = 192
    layers: int = 3
    heads: int = 6
    head: int = 128
    dropout: float = 0.1

    def __post_init__(self) -> None:
        sizes = (
            "text_width",
            "points",
            "neighbours",
            "hand_centres",
            "hand_neighbours",
            "local",
            "width",
            "layers",
        )
        for name in (*sizes, "heads", "head"):
            value = getattr(self, name)
            demand(
                self, name, "a whole number of at least 1", value, holds=isinstance(value, int) and value >= 1
            )
        demand(
            self,
            "width",
            f"a multiple of the {self.heads} heads",
            self.width,
            holds=self.width % self.heads == 0,
        )
        object.__setattr__(self, "centres", tuple(self.centres))  # JSON has lists
        first, second = (*self.centres, 0, 0)[:2]
        demand(
            self, "centres", f"two numbers, falling, at most {self.points}", self.centres,
            holds=len(self.centres) == 2 and self.points >= first >= second >= 4,
        )  # fmt: skip
        demand(self, "dropout", "at least 0 and below 1", self.dropout, holds=0 <= self.dropout < 1)

    @staticmethod
    def published() -> ContactNetConfig:
        """The paper's: Vicuna-7B reads the sentence (4,096 numbers a token); PointNet++'s own sizes, of which the
        paper says no more than n = 8,192 and d = 6. It trains with AdamW at 1e-5 for three epochs."""
        return ContactNetConfig(
            text="vicuna-7b", text_width=4096, centres=(512, 128), neighbours=64, hand_centres=128,
            hand_neighbours=32, local=128, width=512, layers=6, heads=8, head=256,
        )  # fmt: skip
