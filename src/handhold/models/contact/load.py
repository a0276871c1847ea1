"""Trained weights: those of a folder, and those that come with handhold."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from handhold.errors import InputError
from handhold.language import CausalEncoder, open_encoder
from handhold.models import pretrained
from handhold.models.contact.committee import Committee
from handhold.models.contact.config import ContactNetConfig
from handhold.models.contact.model import ContactNet
from handhold.models.contact.reading import ADAPTER, ReadingContactNet, causal_config, trains_with_language
from handhold.models.contact.tell import Teller

SHIPPED = Path(__file__).parent / "weights"
"""Trained on the shipped set; its README.md is the model card."""
ALSO = "also"
"""A folder in that of a network with folders of others, which are asked as well: see `Committee`."""


def load_model(folder: str | Path) -> ContactNet:
    """The model that lies in a folder, as `ContactNet.save_pretrained` writes it, for use.

    Raises:
        InputError: it is not there, not whole, of another handhold, or for another hand.
    """
    return pretrained.load_pretrained(ContactNet, ContactNetConfig, folder, train="contact")


def load_reading_model(folder: str | Path, *, device: str = "cpu") -> ReadingContactNet:
    """The model with its language model, as `ReadingContactNet.save_pretrained` writes it, for use.

    Raises:
        InputError: the model, its language model or its LoRA weights cannot be had.
        MissingExtra: a package is not installed.
    """
    net = load_model(folder)
    language = causal_config(net.config.text)
    adapter = next(
        (path for path in (Path(folder) / ADAPTER, Path(folder) / "model" / ADAPTER) if path.is_dir()), None
    )
    if language is None or adapter is None:
        raise InputError(
            "no language model was trained with it",
            where=folder,
            expected=f"a causal language model's name in its config, and its LoRA weights in {ADAPTER}",
            got=net.config.text,
        )
    return ReadingContactNet(net, CausalEncoder.open(language, device=device, adapter=adapter)).eval()


@cache
def open_teller(folder: str | Path = SHIPPED) -> Teller:
    """A contact network and its text encoder, loaded once.

    Args:
        folder: of the network; by default the one that comes with handhold. If it has a folder `also` with further
            networks, all of them are asked and the mean of their answers counts.

    Raises:
        InputError: the model cannot be read, or its text encoder is not to be had.
        MissingExtra: a package is not installed.
    """
    net = load_model(folder)
    if trains_with_language(net.config):
        read = load_reading_model(folder)
        return Teller(read.net.requires_grad_(False), read.encoder, name=str(folder))
    others = [load_model(path) for path in sorted((pretrained.model_in(Path(folder)) / ALSO).glob("*/"))]
    model = Committee([net, *others]) if others else net
    return Teller(model.eval().requires_grad_(False), open_encoder(net.config.text), name=str(folder))
