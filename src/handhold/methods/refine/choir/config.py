"""Settings of the CHOIR refiner."""

from __future__ import annotations

from dataclasses import dataclass, field

from handhold.errors import demand
from handhold.interaction.choir.config import ChoirSampling


@dataclass(frozen=True)
class RefineChoirConfig:
    """Settings of `refine_choir`.

    Attributes:
        samples: so many hands are drawn for each grasp, and the best by exact measure is kept.
        spread: temperature of the samples after the first.
        sampling: how hands are drawn.
    """

    samples: int = 1
    spread: float = 1.0
    sampling: ChoirSampling = field(default_factory=ChoirSampling)

    def __post_init__(self) -> None:
        holds = isinstance(self.samples, int) and self.samples >= 1
        demand(self, "samples", "1 or more", self.samples, holds=holds)
        demand(self, "spread", "above 0, at most 2", self.spread, holds=0 < self.spread <= 2)
