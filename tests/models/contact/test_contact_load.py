"""Networks in folders: saved, loaded, and refused."""

import json
from dataclasses import replace

import pytest
import torch
from contact_examples import SMALL, ask, mesh_of, objects, stirred, text
from safetensors.torch import load_file, save_file
from word_encoder import WordEncoder

from handhold.errors import InputError
from handhold.models.contact import (
    Committee,
    ContactNet,
    Teller,
    load,
    load_model,
    load_reading_model,
    open_teller,
)


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


def test_networks_that_are_asked_together(folder, monkeypatch):
    monkeypatch.setattr(load, "open_encoder", lambda text: WordEncoder())
    (alone,) = open_teller(folder).tell(mesh_of(), ["hold it by the top"])
    other = stirred(seed=5)
    other.save_pretrained(folder / "model" / "also" / "other")
    open_teller.cache_clear()
    together = open_teller(folder)
    assert isinstance(together.model, Committee) and not any(
        p.requires_grad for p in together.model.parameters()
    )
    (both,) = together.tell(mesh_of(), ["hold it by the top"])
    (second,) = Teller(other, WordEncoder()).tell(mesh_of(), ["hold it by the top"])
    assert not torch.equal(alone.object, second.object)
    for name in ("object", "hand"):
        one, two, mean = (getattr(told, name).logit() for told in (alone, second, both))
        torch.testing.assert_close(mean, (one + two) / 2, atol=1e-4, rtol=1e-4)
    stirred(replace(SMALL, layers=2)).save_pretrained(folder / "model" / "also" / "third")
    open_teller.cache_clear()
    with pytest.raises(InputError, match="other sizes"):
        open_teller(folder)


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
