"""Models that are saved and loaded, with what they were trained for."""

# no "from __future__ import annotations": the mixin reads the types of a model's arguments

import io
import json
from contextlib import redirect_stdout
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import PyTorchModelHubMixin
from safetensors import SafetensorError
from torch import nn

from handhold.errors import InputError
from handhold.hand import Hand

CONFIG, WEIGHTS = "config.json", "model.safetensors"
STATE, SIZES = "training.json", "longest_side_m"
"""Which stages a model has been through, on what, and how it fared; in it, how small and large objects were."""


class Pretrained(nn.Module, PyTorchModelHubMixin):
    """A network with `save_pretrained(folder)` and `from_pretrained(folder or name on the hub)`: config and weights
    (safetensors)."""

    @classmethod
    def _from_pretrained(cls, *, strict: bool = True, **options: Any):
        """As the mixin does, but weights that are missing or unknown are an error, and nothing is printed."""
        with redirect_stdout(io.StringIO()):
            return super()._from_pretrained(strict=strict, **options)


Model = TypeVar("Model", bound=Pretrained)


def hand_of_weights(name: str, version: str, *, where: str, train: str) -> Hand:
    """The right hand that weights are for.

    Args:
        name, version: that the config tells.
        where: the model, for messages.
        train: the method that `handhold train` makes such weights with.

    Raises:
        InputError: this handhold has no such hand.
    """
    hand = Hand.open("right")
    if (name, version) != (hand.name, hand.version):
        raise InputError(
            "the weights are for another hand",
            where=where,
            expected=f"{hand.name} {hand.version}",
            got=f"{name} {version}",
            remedy=f"Use weights that were trained for this hand (handhold train {train}).",
        )
    return hand


def check_trained_for(hand: Hand, name: str, version: str, *, remedy: str) -> None:
    """Refuse a hand that a model's weights are not for.

    Args:
        hand: the hand.
        name, version: of the hand that the weights are for.
        remedy: what else can be done.

    Raises:
        InputError: it is another model, or another version.
    """
    if (hand.name, hand.version) != (name, version):
        raise InputError(
            "the model was trained for another hand",
            where="hand",
            expected=f"{name} {version}",
            got=f"{hand.name} {hand.version}",
            remedy=remedy,
        )


def load_pretrained(kind: type[Model], config: type, folder: str | Path, *, train: str) -> Model:
    """The model that lies in a folder, as `save_pretrained` writes it, for use.

    Args:
        kind: its class.
        config: the class of its config.
        folder: has config.json and model.safetensors, or a folder `model` that has them; half precision is read as
            single.
        train: the method that `handhold train` makes such weights with.

    Raises:
        InputError: it is not there, not whole, of another handhold, or for another hand.
    """
    folder = model_in(Path(folder))
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(
                "no trained model there",
                where=folder,
                expected=f"{CONFIG} and {WEIGHTS}",
                got=f"no {name}",
                remedy=f"`handhold train {train} --out DIR` writes one to DIR/model.",
            )
    try:
        _check_config(json.loads((folder / CONFIG).read_text(encoding="utf-8")), config)
        model = kind.from_pretrained(folder).eval()
        _check_weights(model)
    except InputError as error:  # for another hand, or settings that cannot be
        what = f"holds a model that cannot be used: {str(error).removesuffix('.')}"
        raise InputError(what, where=folder) from error
    except (OSError, RuntimeError, ValueError, TypeError, SafetensorError) as error:
        raise InputError(
            "cannot be read as a model of this handhold",
            where=folder,
            got=" ".join(str(error).split())[:300],
            remedy=f"Train it anew with this version (handhold train {train}).",
        ) from error
    return model


def trained_sizes(folder: str | Path) -> tuple[float, float] | None:
    """Longest sides of the smallest and the largest object that a model was trained on [m]; None if not known."""
    try:
        told = json.loads((model_in(Path(folder)) / STATE).read_text(encoding="utf-8"))
        least, most = map(float, told[SIZES])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return least, most


def model_in(folder: Path) -> Path:
    """The folder of the weights in what `handhold train` wrote."""
    return folder / "model" if not (folder / CONFIG).is_file() and (folder / "model").is_dir() else folder


def _check_config(told: object, config: type) -> None:
    """Refuse what `from_pretrained` would pass over in silence.

    Raises:
        ValueError: fields are unknown, missing, or of another type.
    """
    kinds = {field.name: type(field.default) for field in fields(config)}
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


def _check_weights(model: nn.Module) -> None:
    """Refuse weights of a training that went astray.

    Raises:
        ValueError: some are not finite.
    """
    for name, value in model.state_dict().items():
        if not value.isfinite().all():
            raise ValueError(f"{name} has numbers that are not finite")
