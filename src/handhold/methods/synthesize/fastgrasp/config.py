"""Settings of FastGrasp's sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass

from handhold.errors import demand
from handhold.methods.synthesize.drafts import DraftConfig


@dataclass(frozen=True)
class FastGraspSampling(DraftConfig):
    """Settings of `fastgrasp`.

    Attributes:
        steps: of DDIM.
        guidance: how much the object's feature is exaggerated (classifier-free guidance); 1 is none.
        adapt: whether the adaptation module corrects what the diffusion drew.
        most: hands that are drawn in one batch.
    """

    steps: int = 10
    guidance: float = 1.0
    adapt: bool = True
    most: int = 512

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("steps", "most"):
            value = getattr(self, name)
            holds = isinstance(value, int) and value >= 1
            demand(self, name, "a whole number of at least 1", value, holds=holds)
        demand(self, "guidance", "zero or more", self.guidance, holds=0 <= self.guidance < math.inf)
