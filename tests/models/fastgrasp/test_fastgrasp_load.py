"""Trained weights: those that come with handhold, and every way in which a folder is no model."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

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


@pytest.fixture
def refused(folder, capfd):
    """A function that gives the message with which the folder is refused; nothing else is said."""

    def read() -> str:
        with pytest.raises(InputError) as caught:
            load_model(folder)
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


# A folder of one's own.


def test_a_folder_is_read_as_it_was_saved(folder, capfd):
    model, weights = load_model(folder), load_file(folder / "model.safetensors")
    assert model.config == SMALL and not model.training
    state = model.state_dict()
    assert weights and all(torch.equal(state[name], value) for name, value in weights.items())
    assert capfd.readouterr() == ("", "")


def test_half_precision_is_read_as_single(folder):
    whole = load_model(folder).state_dict()

    def halve(weights):
        for name, value in weights.items():
            weights[name] = value.half() if value.is_floating_point() else value

    change_weights(folder, halve)
    for name, value in load_model(folder).state_dict().items():
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
        load_model(file)


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
        ({"latent": ...}, "latent"),
        ({"latent": "64"}, "latent"),
        ({"latent": 64.5}, "latent"),
        ({"latent": True}, "latent"),
        ({"latent": None}, "latent"),
        ({"latent": -8}, "latent"),
        ({"reach": "far"}, "reach"),
        ({"reach": float("nan")}, "reach"),
        ({"hand_widths": 64}, "hand_widths"),
        ({"hand_widths": []}, "hand_widths"),
        ({"hand_widths": [64, "128"]}, "hand_widths"),
        ({"adapt_rounds": 1.5}, "adapt_rounds"),
        ({"adapt_sees_hand": "no"}, "adapt_sees_hand"),
        ({"sight": "smell"}, "sight"),
        ({"schedule": 3}, "schedule"),
        ({"prediction": "stock prices"}, "prediction"),
    ],
)
def test_settings_that_are_none(changes, word, folder, refused):
    change_config(folder, **changes)
    assert word in refused()


def test_whole_numbers_will_do_for_lengths(folder):
    change_config(folder, reach=1)
    assert load_model(folder).config.reach == 1


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
    change_weights(folder, lambda weights: weights.pop("latent_scale"))
    assert "latent_scale" in refused()


def test_a_tensor_too_many(folder, refused):
    change_weights(folder, lambda weights: weights.update(stowaway=torch.zeros(3)))
    assert "stowaway" in refused()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite(value, folder, refused):
    change_weights(folder, lambda weights: weights["latent_mean"].fill_(value))
    assert "latent_mean" in refused()


def test_a_folder_of_a_training_is_read_too_and_by_its_name(tmp_path):
    FastGrasp(SMALL).save_pretrained(tmp_path / "model")
    assert load_model(str(tmp_path)).config == load_model(tmp_path / "model").config == SMALL


def test_sizes_of_training_objects(tmp_path):
    least, most = trained_sizes() or (0.0, 0.0)
    assert 0.01 < least < 0.1 < most < 1.0
    assert trained_sizes(tmp_path) is None
    (tmp_path / "training.json").write_text('{"longest_side_m": ["a"]}')
    assert trained_sizes(tmp_path) is None
