"""Trained weights: those that come with handhold, and those of one's own."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.models.fastgrasp import FastGrasp, FastGraspConfig, load_model, shipped, trained_sizes
from handhold.models.fastgrasp.load import SHIPPED

SMALL = FastGraspConfig(
    hand_points=48,
    latent=8,
    decoder_width=16,
    basis=32,
    condition=16,
    object_width=16,
    width=16,
    adapt_width=16,
)
MOST_MB = 15


@pytest.fixture
def folder(tmp_path) -> Path:
    """A small model that has learnt nothing, in a folder."""
    torch.manual_seed(0)
    FastGrasp(SMALL).save_pretrained(tmp_path / "my_model")
    return tmp_path / "my_model"


# The weights that are shipped.


def test_the_shipped_model_is_for_the_open_hand_and_for_use(capfd):
    model = shipped()
    hand = Hand.open("right")
    assert (model.config.hand, model.config.hand_version) == (hand.name, hand.version)
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    floats = [value for value in model.state_dict().values() if value.is_floating_point()]
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in floats)
    assert shipped() is model
    assert capfd.readouterr() == ("", "")


def test_what_is_shipped_is_small():
    size = sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file())
    assert 0 < size <= MOST_MB * 1e6


def test_the_shipped_model_tells_objects_apart():
    """A denoiser that has learnt nothing is deaf to its condition: its last layer starts from zero."""
    model = shipped()
    generator = torch.Generator().manual_seed(0)
    latent = torch.randn(4, model.config.latent, generator=generator)
    feature = torch.randn(4, model.config.condition, generator=generator)
    steps = torch.full((4,), model.config.diffusion_steps // 2)
    guess, other = model.denoiser(latent, steps, feature), model.denoiser(latent, steps, -feature)
    assert (guess - other).abs().mean() > 0.05 * guess.abs().mean()


# A folder of one's own; what is no model at all is in test_pretrained.py.


def test_a_folder_is_read_as_it_was_saved(folder, capfd):
    model, weights = load_model(folder), load_file(folder / "model.safetensors")
    assert model.config == SMALL and not model.training
    state = model.state_dict()
    assert weights and all(torch.equal(state[name], value) for name, value in weights.items())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"latent": -8}, "latent"),
        ({"hand_widths": []}, "hand_widths"),
        ({"adapt_rounds": 1.5}, "adapt_rounds"),
        ({"adapt_sees_hand": "no"}, "adapt_sees_hand"),
        ({"sight": "smell"}, "sight"),
        ({"schedule": 3}, "schedule"),
        ({"prediction": "stock prices"}, "prediction"),
        ({"hand": "mano"}, "another hand"),
        ({"width": 24}, "size mismatch"),
    ],
)
def test_a_folder_of_something_else(changes, word, folder):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(InputError, match=word) as caught:
        load_model(folder)
    assert caught.value.where == folder and not str(caught.value).endswith("..")


def test_sizes_of_training_objects():
    least, most = trained_sizes() or (0.0, 0.0)
    assert 0.01 < least < 0.1 < most < 1.0
