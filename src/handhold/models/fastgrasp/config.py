"""Sizes of FastGrasp's networks."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from handhold.diffusion.noise import Prediction, Schedule
from handhold.errors import InputError
from handhold.interaction.grasp_types import GRASP_TYPES

Sight = Literal["basis", "points", "both"]
HandInput = Literal["vertices", "set", "parameters"]
CHOICES = {
    "hand_input": get_args(HandInput),
    "sight": get_args(Sight),
    "schedule": get_args(Schedule),
    "prediction": get_args(Prediction),
}
WITHIN = {"hand_points": (48, 1500), "grasp_types": (len(GRASP_TYPES), 999), "shapes": (10, 10)}
"""Points: every finger's pad has some, and there are so many."""


@dataclass(frozen=True)
class FastGraspConfig:
    """Sizes, chosen for two cores; the paper's where they were tried beside ours are in `published`.

    Attributes:
        hand, hand_version: the hand model that the weights are for.
        hand_input: what the encoder sees of a hand: its vertices in their order; the set of them through a PointNet, as
            published, which is eight times slower and must find out which is which; or its parameters.
        hand_points: vertices that it sees, and whose distances to the object the adaptation sees.
        hand_widths: layers of the hand's PointNet, for "set".
        latent: size of the latent.
        decoder_width, decoder_depth: of the decoder.
        sight: how the object is seen: signed distances at basis points, its points, or both. A part that is asked for
            is seen at the basis points; by points alone it is not, and thumbs' places must do.
        basis: how many basis points.
        reach: radius of the ball that they fill [m].
        crowding: of the basis points (`geometry.basis_points.ball_points`).
        seen_points: points of the object that are seen, those nearest to the place.
        object_widths: layers of the object's PointNet.
        condition: size of the object's feature.
        object_width, object_depth: of the layers that make it.
        width, depth: of the denoiser.
        adapt_width, adapt_depth: of the adaptation module.
        adapt_rounds: so many times it looks at the hand it makes, and corrects it.
        adapt_sees_hand: whether it sees the hand's distances to the object; the published one does not.
        shapes: hand shape coefficients.
        grasp_types: how many grasp types may be asked for.
        diffusion_steps: of the forward process.
        schedule: of its noise.
        prediction: what the denoiser predicts.
    """

    hand: str = "open"
    hand_version: str = "open-1"
    hand_input: HandInput = "vertices"
    hand_points: int = 256
    hand_widths: tuple[int, ...] = (64, 128, 256)
    latent: int = 64
    decoder_width: int = 256
    decoder_depth: int = 3
    sight: Sight = "basis"
    basis: int = 768
    reach: float = 0.16
    crowding: float = 1.5
    seen_points: int = 512
    object_widths: tuple[int, ...] = (64, 128, 256)
    condition: int = 256
    object_width: int = 384
    object_depth: int = 2
    width: int = 384
    depth: int = 4
    adapt_width: int = 384
    adapt_depth: int = 3
    adapt_rounds: int = 2
    adapt_sees_hand: bool = True
    shapes: int = 10
    grasp_types: int = len(GRASP_TYPES)
    diffusion_steps: int = 1000
    schedule: Schedule = "squaredcos_cap_v2"
    prediction: Prediction = "v_prediction"

    def __post_init__(self) -> None:
        for name in ("hand_widths", "object_widths"):  # JSON has no tuples
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, value in asdict(self).items():
            if isinstance(value, (bool, str)):
                continue
            many = value if isinstance(value, tuple) else (value,)
            least = 0 if name in ("depth", "decoder_depth", "object_depth", "adapt_depth") else 1e-9
            if not many or not all(least <= one < math.inf for one in many):
                _refuse(name, "positive numbers", value)
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                _refuse(name, ", ".join(known), getattr(self, name))
        for name, (least, most) in WITHIN.items():
            if not least <= getattr(self, name) <= most:
                _refuse(name, f"{least} to {most}", getattr(self, name))

    @staticmethod
    def published() -> FastGraspConfig:
        """The sizes of the public code, as far as they mean something here; it has never been trained."""
        return FastGraspConfig(
            hand_points=778,
            hand_widths=(64, 128, 1024),
            latent=768,
            decoder_width=1024,
            sight="points",
            seen_points=3000,
            object_widths=(64, 128, 1024),
            condition=1024,
            width=1024,
            adapt_width=1024,
            adapt_rounds=1,
            adapt_sees_hand=False,
            schedule="linear",
            prediction="epsilon",
        )


def _refuse(name: str, expected: str, got: object) -> None:
    raise InputError("not allowed", where=f"FastGraspConfig.{name}", expected=expected, got=got)
