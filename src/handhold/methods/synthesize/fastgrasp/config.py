"""Settings of FastGrasp's sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass

from handhold.errors import demand


@dataclass(frozen=True)
class FastGraspSampling:
    """Settings of `fastgrasp`.

    Attributes:
        steps: of DDIM.
        guidance: how much the object's feature is exaggerated (classifier-free guidance); 1 is none.
        adapt: whether the adaptation module corrects what the diffusion drew.
        oversample: so many times as many hands are drawn as grasps are wanted; the best are kept.
        least: but at least so many.
        rounds: where so few are of use that there are not enough, as many again are drawn, so many times in all.
        most: hands that are drawn in one batch.
    """

    steps: int = 10
    guidance: float = 1.0
    adapt: bool = True
    oversample: float = 4.0
    least: int = 48
    rounds: int = 4
    most: int = 512

    def __post_init__(self) -> None:
        for name in ("steps", "least", "rounds", "most"):
            value = getattr(self, name)
            demand(
                self, name, "a whole number of at least 1", value, holds=isinstance(value, int) and value >= 1
            )
        demand(self, "guidance", "zero or more", self.guidance, holds=0 <= self.guidance < math.inf)
        demand(self, "oversample", "1 or more", self.oversample, holds=1 <= self.oversample < math.inf)
