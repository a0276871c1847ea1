"""Hands and postures that many tests share."""

import pytest
import roma
import torch

from handhold.hand import Hand
from handhold.hand.kinematics import HandState


@pytest.fixture(params=["right", "left"])
def hand(request) -> Hand:
    """The open hand of each side, float32."""
    return Hand.open(request.param)


@pytest.fixture(params=["right", "left"])
def hand64(request) -> Hand:
    """The open hand of each side, float64."""
    return Hand.open(request.param, dtype=torch.float64)


@pytest.fixture(scope="session")
def random_states():
    """A function that draws hands anywhere, in any posture within the limits, with the shapes of adults."""

    def draw(hand: Hand, count: int, *, seed: int = 0, within: float = 0.9, spread: float = 1.0) -> HandState:
        generator = torch.Generator().manual_seed(seed)
        lower, upper = hand.anatomy.lower, hand.anatomy.upper
        part = torch.rand(count, 15, 3, generator=generator).to(hand.template)
        centre, half = (lower + upper) / 2, (upper - lower) / 2
        normal = lambda *size: torch.randn(*size, generator=generator).to(hand.template)
        return HandState(
            rotation=roma.rotvec_to_rotmat(normal(count, 3)),
            wrist=0.3 * normal(count, 3),
            angles=centre + within * (2 * part - 1) * half,
            betas=spread * normal(count, hand.shapes).clamp(-2.5, 2.5),
        )

    return draw
