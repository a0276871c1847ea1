"""Networks in folders: saved, loaded, and refused."""

import json

import pytest
import torch
from contact_examples import SMALL, ask, objects, stirred, text
from safetensors.torch import load_file, save_file

from handhold.errors import InputError
from handhold.models.contact import ContactNet, load_model, load_reading_model


@pytest.fixture
def folder(tmp_path):
    stirred().save_pretrained(tmp_path / "run" / "model")
    return tmp_path / "run"


@pytest.mark.parametrize("where", ["", "model"])
def test_a_loaded_network_is_the_saved_one(folder, where):
    model = load_model(folder / where)
    assert model.config == SMALL and not model.training
    said = text("hold it by the top")
    one, other = (ask(m, objects("box"), None, said) for m in (model, stirred()))
    assert torch.equal(one.object, other.object) and torch.equal(one.absent, other.absent)


def test_the_hands_own_cloud_is_not_kept_and_half_precision_is_read(folder, tmp_path):
    names = load_file(folder / "model" / "model.safetensors").keys()
    assert not {"corners", "shares", "rest", "up"} & names
    stirred().half().save_pretrained(tmp_path / "half")
    model = load_model(tmp_path / "half")
    assert all(p.dtype == torch.float32 for p in model.parameters())
    one, other = (ask(m, objects("box"), None, text("pour")) for m in (model, stirred()))
    torch.testing.assert_close(one.object, other.object, atol=0.02, rtol=0.02)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hand": "mano"}, "another hand"),
        ({"layers": 2}, "cannot be read as a model"),
        ({"width": 25}, "width"),
        ({"colour": 3}, "colour"),
        ({"sentence": 1}, "sentence"),
        ({"text": None}, "text"),
    ],
)
def test_what_is_no_such_network(folder, change, said):
    path = folder / "model" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=said):
        load_model(folder)


def test_weights_that_went_astray(folder):
    path = folder / "model" / "model.safetensors"
    weights = load_file(path)
    weights["kinds"][0, 0] = torch.nan
    save_file(weights, path)
    with pytest.raises(InputError, match="not finite"):
        load_model(folder)


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="no trained model"):
        load_model(tmp_path)


def test_a_network_without_a_language_model(folder):
    with pytest.raises(InputError, match="no language model"):
        load_reading_model(folder)


def test_parameters_are_few():
    from handhold.models.contact import ContactNetConfig

    count = sum(p.numel() for p in ContactNet(ContactNetConfig()).parameters())
    assert 2 * count < 20e6  # bytes, in half precision: what comes with handhold
