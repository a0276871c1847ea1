"""Settings of drawing grasps with JointDiffusion."""

from __future__ import annotations

from dataclasses import dataclass, field

from handhold.errors import demand
from handhold.interaction.choir.config import ChoirSampling
from handhold.methods.synthesize.drafts import DraftConfig


@dataclass(frozen=True)
class ChoirSynthesis(DraftConfig):
    """Settings of `draw_choir`.

    Attributes:
        sampling: how hands are drawn from a view.
        lift: how far the middle of a view is outside the surface [m]; negative is inside.
        sway: standard deviation of that, and of how far it is beside the place [m].
        tilt: standard deviation of how far a palm is from facing the surface squarely, about either axis [rad].
    """

    sampling: ChoirSampling = field(default_factory=lambda: ChoirSampling(steps=5, temperature=0.8))
    lift: float = 0.005
    sway: float = 0.01
    tilt: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        demand(self, "lift", "-0.1 to 0.1", self.lift, holds=-0.1 <= self.lift <= 0.1)
        demand(self, "sway", "0 to 0.1", self.sway, holds=0 <= self.sway <= 0.1)
        demand(self, "tilt", "0 to 1.5", self.tilt, holds=0 <= self.tilt <= 1.5)
