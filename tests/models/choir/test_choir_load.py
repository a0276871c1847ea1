"""Trained weights: those that come with handhold, and those of one's own."""

import json
from pathlib import Path

import pytest
import torch
from choir_examples import HAND, SMALL, sight, stirred
from safetensors.torch import load_file

from handhold.errors import InputError
from handhold.models.choir import load_model, shipped, trained_sizes
from handhold.models.choir.load import SHIPPED

MOST_MB = 20


@pytest.fixture
def folder(tmp_path) -> Path:
    """A small model in a folder."""
    stirred(SMALL).save_pretrained(tmp_path / "my_model")
    return tmp_path / "my_model"


# The weights that are shipped.


def test_the_shipped_model_is_for_the_open_hand_and_for_use(capfd):
    model = shipped()
    assert (model.config.hand, model.config.hand_version) == (HAND.name, HAND.version)
    assert model.config.known == "both" and model.config.form == "field" and model.config.contacts
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    floats = [value for value in model.state_dict().values() if value.is_floating_point()]
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in floats)
    assert shipped() is model
    assert capfd.readouterr() == ("", "")


def test_what_is_shipped_is_small():
    size = sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file())
    assert 0 < size <= MOST_MB * 1e6


def test_the_shipped_model_has_learnt():
    """New nets have layers of zeros at their ends, a mean of 0 and a deviation of 1."""
    model = shipped()
    points = model.config.choir.points
    assert ((model.mean[:points] > 0.02) & (model.mean[:points] < 0.3)).all()
    assert len(model.deviation[:points].unique()) == 1 and 0.005 < model.deviation[0] < 0.1
    assert all(weight.std() > 1e-4 for weight in model.parameters() if weight.ndim > 1)


def test_sizes_of_training_objects():
    least, most = trained_sizes() or (0.0, 0.0)
    assert 0.01 < least < 0.1 < most < 1.0


# A folder of one's own; what is no model at all is in test_pretrained.py.


def test_a_folder_is_read_as_it_was_saved(folder, rows, capfd):
    model, weights = load_model(folder), load_file(folder / "model.safetensors")
    assert model.config == SMALL and not model.training
    state = model.state_dict()
    assert state.keys() == weights.keys()
    assert all(torch.equal(state[name], value) for name, value in weights.items())
    seen = sight(SMALL, rows)
    one, other = (
        m.draw(seen, steps=2, generator=torch.Generator().manual_seed(0)) for m in (model, stirred(SMALL))
    )
    assert torch.equal(one.distance, other.distance) and torch.equal(one.contacts, other.contacts)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"widths": []}, "widths"),
        ({"widths": [16, 20]}, "widths"),
        ({"blocks": [1, 1.5]}, "blocks"),
        ({"frame": "camera"}, "frame"),
        ({"assignment": 3}, "assignment"),
        ({"signed": 1}, "signed"),
        ({"scale": float("inf")}, "scale"),
        ({"side": 24.0}, "side"),
        ({"hand": "mano"}, "another hand"),
        ({"condition": 24}, "size mismatch"),
        ({"contacts": False}, "size mismatch"),
    ],
)
def test_a_folder_of_something_else(changes, word, folder):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(InputError, match=word) as caught:
        load_model(folder)
    assert caught.value.where == folder and not str(caught.value).endswith("..")
