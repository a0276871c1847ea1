"""Trained weights: those of a folder, and those that come with handhold."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from handhold.models import pretrained
from handhold.models.choir.config import JointDiffusionConfig
from handhold.models.choir.joint_diffusion import JointDiffusion

SHIPPED = Path(__file__).parent / "weights"
"""Trained on the shipped set; its README.md is the model card."""


def load_model(folder: str | Path) -> JointDiffusion:
    """The model that lies in a folder, as `JointDiffusion.save_pretrained` writes it, for use.

    Raises:
        InputError: it is not there, not whole, of another handhold, or for another hand.
    """
    return pretrained.load_pretrained(JointDiffusion, JointDiffusionConfig, folder, train="choir")


def trained_sizes(folder: str | Path = SHIPPED) -> tuple[float, float] | None:
    """Longest sides of the smallest and the largest object that a model was trained on [m]; None if not known."""
    return pretrained.trained_sizes(folder)


@cache
def shipped() -> JointDiffusion:
    """The model that comes with handhold, for the open hand; loaded once."""
    return load_model(SHIPPED).requires_grad_(False)
