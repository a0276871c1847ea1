"""The networks: sizes, codes, guidance, saving, and that every stage learns."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.hand.regions import REGIONS, region_masks
from handhold.hand.skeleton import FINGERS
from handhold.models.fastgrasp import FastGrasp, FastGraspConfig, Seen
from handhold.models.fastgrasp.hand_code import SIZE, HandCode

SMALL = FastGraspConfig(
    hand_points=96,
    hand_widths=(16, 32),
    latent=16,
    decoder_width=32,
    decoder_depth=1,
    basis=64,
    condition=32,
    object_width=32,
    object_depth=1,
    width=32,
    depth=1,
    adapt_width=32,
    adapt_depth=1,
)


@pytest.fixture(scope="module")
def model() -> FastGrasp:
    torch.manual_seed(0)
    return FastGrasp(SMALL).eval()


def hands(count: int) -> HandState:
    generator = torch.Generator().manual_seed(0)
    hand = Hand.open("right")
    turns = torch.linalg.qr(torch.randn(count, 3, 3, generator=generator))[0]
    turns = turns * torch.linalg.det(turns)[:, None, None]
    lower, upper = hand.anatomy.lower, hand.anatomy.upper
    angles = lower + (upper - lower) * torch.rand(count, 15, 3, generator=generator)
    wrist = 0.1 * torch.randn(count, 3, generator=generator)
    return HandState(turns, wrist, angles, torch.randn(count, 10, generator=generator))


def seen(count: int, **changes) -> Seen:
    generator = torch.Generator().manual_seed(1)
    distances = 0.1 * torch.rand(count, SMALL.basis, generator=generator) - 0.01
    told = {"part": None, "type": torch.full((count,), -1), "betas": torch.zeros(count, 10)} | changes
    return Seen(distances, None, **told)


def test_a_hand_comes_back_from_its_code():
    code, state = HandCode(Hand.open("right"), count=64), hands(20)
    numbers = code.encode(state)
    assert numbers.shape == (20, SIZE)
    back = code.decode(numbers, state.betas)
    torch.testing.assert_close(back.rotation, state.rotation, atol=1e-5, rtol=0)
    torch.testing.assert_close(back.angles, state.angles, atol=1e-5, rtol=0)
    torch.testing.assert_close(code.points(back), code.points(state), atol=1e-5, rtol=0)


def test_whatever_is_decoded_keeps_the_joints_limits():
    code = HandCode(Hand.open("right"), count=64)
    state = code.decode(5 * torch.randn(50, SIZE), torch.zeros(50, 10))
    assert code.hand.anatomy.violation(state.angles).max() < 1e-6
    torch.testing.assert_close(state.rotation @ state.rotation.mT, torch.eye(3).expand(50, 3, 3))


def test_points_that_are_looked_at_include_every_pad(model):
    code = model.autoencoder.code
    masks = region_masks(code.hand)[:, code.seen]
    assert len(code.seen.unique()) == SMALL.hand_points
    assert all(masks[REGIONS.index(f"{finger}_distal")].sum() >= 2 for finger in FINGERS)


def test_guidance_of_one_is_the_condition_and_of_zero_none_at_all():
    model, some = FastGrasp(SMALL).eval(), seen(6)
    for parameter in model.denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(parameter.numel()))
    draw = lambda guidance, what: model.draw(
        what, steps=4, guidance=guidance, generator=torch.Generator().manual_seed(0)
    )[0]
    other = seen(6, betas=torch.ones(6, 10))
    assert not torch.allclose(draw(1.0, some), draw(1.0, other))
    torch.testing.assert_close(draw(0.0, some), draw(0.0, other))
    nearly = model.draw(some, steps=4, guidance=1 + 1e-6, generator=torch.Generator().manual_seed(0))[0]
    torch.testing.assert_close(draw(1.0, some), nearly, atol=1e-3, rtol=1e-3)


def test_what_is_not_asked_for_is_told_from_what_is(model):
    plain = model.object(seen(3))
    typed = model.object(seen(3, type=torch.tensor([-1, 2, 4])))
    torch.testing.assert_close(typed[0], plain[0])
    assert not torch.allclose(typed[1], plain[1]) and not torch.allclose(typed[1], typed[2])
    part = torch.full((3, SMALL.basis), torch.nan)
    part[1] = 0.03
    parted = model.object(seen(3, part=part))
    torch.testing.assert_close(parted[0], plain[0])
    assert not torch.allclose(parted[1], plain[1]) and parted.isfinite().all()


def test_an_adapter_that_has_not_learnt_leaves_the_latent(model):
    latent, feature = torch.randn(4, SMALL.latent), torch.randn(4, SMALL.condition)
    adapted, state = model.adapt(latent, feature, torch.zeros(4, 10), lambda points: points[..., 2])
    assert torch.equal(adapted, latent)
    torch.testing.assert_close(state.wrist, model.decode(latent, torch.zeros(4, 10))[0].wrist)


def test_saved_and_read_again_it_is_the_same(model, tmp_path):
    model.save_pretrained(tmp_path)
    again = FastGrasp.from_pretrained(tmp_path)
    assert again.config == SMALL
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True)
    )
    told = json.loads((tmp_path / "config.json").read_text())
    assert told["hand_version"] == Hand.open("right").version
    (tmp_path / "config.json").write_text(json.dumps({**told, "hand_version": "open-0"}))
    with pytest.raises(InputError, match="another hand"):
        FastGrasp.from_pretrained(tmp_path)


def test_weights_of_which_some_are_missing_are_refused(model, tmp_path):
    model.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["latent_mean"]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(RuntimeError, match="latent_mean"):
        FastGrasp.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"latent": 0},
        {"sight": "x"},
        {"hand_input": "x"},
        {"hand_widths": ()},
        {"hand_points": 5},
        {"shapes": 3},
    ],
)
def test_sizes_that_cannot_be(wrong):
    with pytest.raises(InputError, match=f"FastGraspConfig.{next(iter(wrong))}"):
        FastGraspConfig(**wrong)


def test_the_published_sizes_are_a_config():
    config = FastGraspConfig.published()
    assert config.latent == 768 and not config.adapt_sees_hand
    assert FastGraspConfig(**vars(config)) == config
