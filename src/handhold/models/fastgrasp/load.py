"""Trained weights: those of a folder, and those that come with handhold."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import cache
from pathlib import Path

from safetensors import SafetensorError

from handhold.errors import InputError
from handhold.models.fastgrasp.config import FastGraspConfig
from handhold.models.fastgrasp.model import FastGrasp

SHIPPED = Path(__file__).parent / "weights"
"""Trained on the shipped set; its README.md is the model card."""
CONFIG, WEIGHTS = "config.json", "model.safetensors"
STATE, SIZES = "training.json", "longest_side_m"
"""Which stages a model has been through, on what, and how it fared; in it, how small and large objects were."""


def load_model(folder: str | Path) -> FastGrasp:
    """The model that lies in a folder, as `FastGrasp.save_pretrained` writes it, for use.

    Args:
        folder: has config.json and model.safetensors, or a folder `model` that has them; half precision is read as
            single.

    Raises:
        InputError: it is not there, not whole, of another handhold, or for another hand.
    """
    folder = _model_in(Path(folder))
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(
                "no trained model there",
                where=folder,
                expected=f"{CONFIG} and {WEIGHTS}",
                got=f"no {name}",
                remedy="`handhold train fastgrasp --out DIR` writes one to DIR/model.",
            )
    try:
        _check_config(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
        model = FastGrasp.from_pretrained(folder).eval()
        _check_weights(model)
    except InputError as error:  # for another hand
        raise InputError(f"holds a model that cannot be used: {error}", where=folder) from error
    except (OSError, RuntimeError, ValueError, TypeError, SafetensorError) as error:
        raise InputError(
            "cannot be read as a model of this handhold",
            where=folder,
            got=" ".join(str(error).split())[:300],
            remedy="Train it anew with this version (handhold train fastgrasp).",
        ) from error
    return model


def trained_sizes(folder: str | Path = SHIPPED) -> tuple[float, float] | None:
    """Longest sides of the smallest and the largest object that a model was trained on [m]; None if not known."""
    try:
        told = json.loads((_model_in(Path(folder)) / STATE).read_text(encoding="utf-8"))
        least, most = map(float, told[SIZES])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return least, most


def _model_in(folder: Path) -> Path:
    """The folder of the weights in what `handhold train` wrote."""
    return folder / "model" if not (folder / CONFIG).is_file() and (folder / "model").is_dir() else folder


def _check_config(told: object) -> None:
    """Refuse what `from_pretrained` would pass over in silence.

    Raises:
        ValueError: fields are unknown, missing, or of another type.
    """
    kinds = {field.name: type(field.default) for field in fields(FastGraspConfig)}
    if not isinstance(told, dict):
        raise ValueError(f"{CONFIG} is not a JSON object")
    for what, names in (("unknown", told.keys() - kinds), ("missing", kinds.keys() - told)):
        if names:
            raise ValueError(f"{what} in {CONFIG}: {', '.join(sorted(map(str, names)))}")
    for name, kind in kinds.items():
        allowed = {float: (float, int), tuple: (list,)}.get(kind, (kind,))
        right = type(told[name]) in allowed
        if not right or (kind is tuple and not all(type(one) is int for one in told[name])):
            raise ValueError(f"{name} in {CONFIG} is no {kind.__name__}: {told[name]!r}")


def _check_weights(model: FastGrasp) -> None:
    """Refuse weights of a training that went astray.

    Raises:
        ValueError: some are not finite.
    """
    for name, value in model.state_dict().items():
        if not value.isfinite().all():
            raise ValueError(f"{name} has numbers that are not finite")


@cache
def shipped() -> FastGrasp:
    """The model that comes with handhold, for the open hand; loaded once."""
    return load_model(SHIPPED).requires_grad_(False)
