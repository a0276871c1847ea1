"""Every way in which a folder is no model, whatever the model is."""

# no "from __future__ import annotations": the mixin reads the type of `config`

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from handhold.errors import InputError, demand
from handhold.hand import Hand
from handhold.models.pretrained import Pretrained, hand_of_weights, load_pretrained, trained_sizes


@dataclass(frozen=True)
class SmallConfig:
    """A setting of each type."""

    hand: str = "open"
    hand_version: str = "open-1"
    width: int = 8
    widths: tuple[int, ...] = (4, 8)
    reach: float = 0.1
    deep: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        demand(self, "width", "1 or more", self.width, holds=self.width >= 1)
        demand(self, "reach", "above 0", self.reach, holds=self.reach > 0)


class Small(Pretrained, library_name="handhold", tags=["hand-object-interaction"]):
    """A network that is no more than its weights."""

    scale: torch.Tensor

    def __init__(self, config: SmallConfig) -> None:
        super().__init__()
        hand_of_weights(config.hand, config.hand_version, where="Small", train="small")
        self.config = config
        self.layer = nn.Linear(config.width, 3)
        self.register_buffer("scale", torch.ones(4))
        self.register_buffer("count", torch.arange(3))


CONFIG = SmallConfig(width=5)


def load_small(folder: str | Path) -> Small:
    return load_pretrained(Small, SmallConfig, folder, train="small")


@pytest.fixture
def folder(tmp_path) -> Path:
    """A model in a folder."""
    torch.manual_seed(0)
    Small(CONFIG).save_pretrained(tmp_path / "my_model")
    return tmp_path / "my_model"


@pytest.fixture
def refused(folder, capfd):
    """A function that gives the message with which the folder is refused; nothing else is said."""

    def read() -> str:
        with pytest.raises(InputError) as caught:
            load_small(folder)
        assert caught.value.where == folder and str(folder) in str(caught.value)
        out, err = capfd.readouterr()
        assert not out and not err
        return str(caught.value)

    return read


def change_config(folder: Path, **changes) -> None:
    path = folder / "config.json"
    told = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({name: value for name, value in told.items() if value is not ...}))


def change_weights(folder: Path, change) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


def test_a_folder_is_read_as_it_was_saved(folder, capfd):
    model, weights = load_small(folder), load_file(folder / "model.safetensors")
    assert model.config == CONFIG and not model.training
    state = model.state_dict()
    assert weights and all(torch.equal(state[name], value) for name, value in weights.items())
    assert capfd.readouterr() == ("", "")


def test_half_precision_is_read_as_single(folder):
    whole = load_small(folder).state_dict()

    def halve(weights):
        for name, value in weights.items():
            weights[name] = value.half() if value.is_floating_point() else value

    change_weights(folder, halve)
    for name, value in load_small(folder).state_dict().items():
        assert value.dtype == whole[name].dtype
        torch.testing.assert_close(value, whole[name], atol=1e-6, rtol=1e-3)


def test_nothing_there(folder, refused):
    (folder / "model.safetensors").unlink()
    assert "no model.safetensors" in refused()
    (folder / "config.json").unlink()
    assert "no config.json" in refused()
    folder.rename(folder.with_name("elsewhere"))
    assert "no trained model there" in refused()


def test_a_file_is_no_folder(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"x")
    with pytest.raises(InputError, match="no trained model there"):
        load_small(file)


@pytest.mark.parametrize("left", [0, 5, 60, 0.5, -1])
def test_weights_cut_short(left, folder, refused):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: round(left * len(whole)) if 0 < left < 1 else left])
    assert "cannot be read" in refused()


@pytest.mark.parametrize("junk", [b"garbage", b"\x00" * 4096, b"\xff" * 4096, b"PK\x03\x04" + bytes(100)])
def test_weights_that_are_none(junk, folder, refused):
    (folder / "model.safetensors").write_bytes(junk)
    assert "cannot be read" in refused()


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"3", b"null", b'"config"', b"{}", b"\xff\xfe\x00", b"NaN"]
)
def test_a_config_that_is_none(text, folder, refused):
    (folder / "config.json").write_bytes(text)
    assert "cannot be read" in refused()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"temperature": 3}, "temperature"),
        ({"width": ...}, "width"),
        ({"width": "5"}, "width"),
        ({"width": 5.0}, "width"),
        ({"width": True}, "width"),
        ({"width": None}, "width"),
        ({"width": -8}, "width"),
        ({"reach": "far"}, "reach"),
        ({"reach": float("nan")}, "reach"),
        ({"widths": 64}, "widths"),
        ({"widths": [64, "128"]}, "widths"),
        ({"deep": 1}, "deep"),
        ({"hand": 3}, "hand"),
    ],
)
def test_settings_that_are_none(changes, word, folder, refused):
    change_config(folder, **changes)
    assert word in refused()


def test_whole_numbers_will_do_for_lengths(folder):
    change_config(folder, reach=1)
    assert load_small(folder).config.reach == 1


@pytest.mark.parametrize("changes", [{"hand": "mano"}, {"hand_version": "open-0"}])
def test_weights_for_another_hand_name_both(changes, folder, refused):
    change_config(folder, **changes)
    text, hand = refused(), Hand.open("right")
    assert "another hand" in text and f"{hand.name} {hand.version}" in text
    assert f"{changes.get('hand', hand.name)} {changes.get('hand_version', hand.version)}" in text


def test_weights_of_other_sizes(folder, refused):
    change_config(folder, width=24)
    assert "size mismatch" in refused()


def test_a_tensor_is_missing(folder, refused):
    change_weights(folder, lambda weights: weights.pop("scale"))
    assert "scale" in refused()


def test_a_tensor_too_many(folder, refused):
    change_weights(folder, lambda weights: weights.update(stowaway=torch.zeros(3)))
    assert "stowaway" in refused()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite(value, folder, refused):
    change_weights(folder, lambda weights: weights["scale"].fill_(value))
    assert "scale" in refused()


def test_a_folder_of_a_training_is_read_too_and_by_its_name(tmp_path):
    Small(CONFIG).save_pretrained(tmp_path / "model")
    assert load_small(str(tmp_path)).config == load_small(tmp_path / "model").config == CONFIG


@pytest.mark.parametrize("text", ["{}", "[1, 2]", "{", '{"longest_side_m": ["a"]}', '{"longest_side_m": 3}'])
def test_sizes_of_training_objects(folder, text):
    assert trained_sizes(folder) is None
    (folder / "training.json").write_text('{"longest_side_m": [0.04, 0.3]}')
    assert trained_sizes(folder) == (0.04, 0.3)
    (folder / "training.json").write_text(text)
    assert trained_sizes(folder) is None
    folder.rename(folder.with_name("model"))
    (folder.parent / "model" / "training.json").write_text('{"longest_side_m": [0.1, 0.2]}')
    assert trained_sizes(folder.parent) == (0.1, 0.2)


def test_messages_name_how_such_a_model_is_trained(folder, refused):
    (folder / "config.json").write_text("{}")
    assert "handhold train small" in refused()
    (folder / "config.json").unlink()
    assert "handhold train small" in refused()
