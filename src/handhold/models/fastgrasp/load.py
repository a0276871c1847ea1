"""Trained weights: those of a folder, and those that come with handhold."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from safetensors import SafetensorError

from handhold.errors import InputError
from handhold.models.fastgrasp.model import FastGrasp

SHIPPED = Path(__file__).parent / "weights"
"""Trained on the shipped set; its README.md is the model card."""


def load_model(folder: Path) -> FastGrasp:
    """The model that lies in a folder, as `FastGrasp.save_pretrained` writes it, for use.

    Args:
        folder: has config.json and model.safetensors; half precision is read as single.

    Raises:
        InputError: it is not there, not whole, of another handhold, or for another hand.
    """
    for name in ("config.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise InputError(
                "no trained model there",
                where=folder,
                expected="config.json and model.safetensors",
                got=f"no {name}",
                remedy="`handhold train fastgrasp --out DIR` writes one to DIR/model.",
            )
    try:
        return FastGrasp.from_pretrained(folder).eval()
    except InputError:
        raise
    except (OSError, RuntimeError, ValueError, TypeError, SafetensorError) as error:
        raise InputError(
            "cannot be read as a model of this handhold",
            where=folder,
            got=" ".join(str(error).split())[:300],
            remedy="Train it anew with this version (handhold train fastgrasp).",
        ) from error


@cache
def shipped() -> FastGrasp:
    """The model that comes with handhold, for the open hand; loaded once."""
    return load_model(SHIPPED).requires_grad_(False)
