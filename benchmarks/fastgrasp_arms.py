"""The arms of fastgrasp_rivals.py, and the numbers that all share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SEED = 7_000_000
"""No shipped set has objects of these seeds."""
OF_CATEGORY, HANDS, TIMED, VALIDATED = 2, 24, 128, 8
"""Objects of each held-out category, hands on each; hands in the batch that is timed; hands on a validation object."""
KL_WEIGHTS, TRIAL = (0.02, 0.06, 0.2, 0.6), 10
"""The CVAE's are tried in trainings of one part in so many of its steps; the best by validation is taken."""
DRAWS, STEPS, SAY = 1, 16, 200
"""Latents that the adaptation is trained on, a grasp; steps of DDIM; steps between two lines of the log."""


@dataclass(frozen=True)
class Arm:
    """A rival: its row's name, the stages it is trained in, and what differs in the sizes."""

    what: str
    stages: tuple[str, ...]
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def adapts(self) -> bool:
        """Whether it has an adaptation module."""
        return self.stages[-1].startswith("adapt")


ARMS = {
    "whole": Arm("whole pipeline", ("ae", "diffusion", "adapt")),
    "diffusion": Arm("diffusion alone", ("ae", "diffusion")),
    "cvae": Arm("CVAE", ("cvae",)),
    "physical": Arm("diffusion with physical losses", ("ae", "diffusion-physical")),
    "published-adapter": Arm(
        "whole, published adaptation",
        ("ae", "diffusion", "adapt-published"),
        {"adapt_sees_hand": False, "adapt_rounds": 1},
    ),
    "parameters": Arm(
        "whole, hands seen as parameters",
        ("ae-parameters", "diffusion-parameters", "adapt-parameters"),
        {"hand_input": "parameters"},
    ),
    "points": Arm(
        "whole, objects seen as points",
        ("ae", "diffusion-points", "adapt-points"),
        {"sight": "points", "seen_points": 256},
    ),
    "set": Arm(
        "whole, hands seen as sets of vertices",
        ("ae-set", "diffusion-set", "adapt-set"),
        {"hand_input": "set"},
    ),
}
USUAL = tuple(name for name in ARMS if name != "set")
