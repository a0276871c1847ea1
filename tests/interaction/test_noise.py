"""Noise has the published sizes and units, is seeded by grasp, and refuses what it does not know."""

import re
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch

from handhold.errors import InputError
from handhold.hand import Hand, HandParams
from handhold.hand.pose_space import PoseSpace, mirror_poses
from handhold.interaction.noise import (
    PROTOCOLS,
    NoiseProtocol,
    find_protocol,
    noise_generator,
    perturb,
    recorded_name,
)

ROWS = 20_000
PUBLISHED = {  # reference page: metres, radians, radians, coefficients
    "contactopt": (0.05, 0.1, 0.5, 15),
    "choir-level2": (0.05, 0.15, 0.5, 15),
    "toch-grab": (0.01, 0.05, 0.3, 24),
    "geneoh-beta": (0.01, 0.05, 0.3, 24),
}
GAUSSIAN = [name for name in PROTOCOLS if name != "geneoh-beta"]


def noise(protocol, *batch: int, seed: int = 0, side="right") -> HandParams:
    """Noise on hands that are all zero: the noise itself."""
    hand = Hand.open(side)
    generator = torch.Generator().manual_seed(seed)
    return perturb(hand.zeros(*batch), hand, protocol=protocol, generator=generator)


def coefficients(params: HandParams) -> torch.Tensor:
    return params.hand_pose.flatten(-2) @ PoseSpace.open().components.T


@pytest.mark.parametrize("name", PUBLISHED)
def test_figures_are_the_published_ones(name):
    p = PROTOCOLS[name]
    assert (p.translation_m, p.rotation_rad, p.pose_rad, p.components) == PUBLISHED[name]
    assert p.distribution == ("beta" if name == "geneoh-beta" else "gaussian") and p.source


@pytest.mark.parametrize("name", GAUSSIAN)
def test_gaussian_noise_has_its_standard_deviations(name):
    p, drawn = PROTOCOLS[name], noise(name, ROWS)
    pose = coefficients(drawn)[:, : p.components]
    for values, sigma in (
        (drawn.transl, p.translation_m),
        (drawn.global_orient, p.rotation_rad),
        (pose, p.pose_rad),
    ):
        np.testing.assert_allclose(values.std(0).numpy(), sigma, rtol=0.03)
        np.testing.assert_allclose(values.mean(0).numpy(), 0, atol=0.03 * sigma + 1e-9)
    assert scipy.stats.kstest(pose[:, 3].numpy() / p.pose_rad, "norm").pvalue > 1e-3


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_pose_gets_the_variance_of_its_coefficients_and_nothing_else(name):
    p, drawn = PROTOCOLS[name], noise(name, 4000)
    assert coefficients(drawn)[:, p.components :].abs().max() < 1e-5
    if p.distribution == "gaussian":  # matched to MANO's: n sigma^2, whatever the components
        total = drawn.hand_pose.flatten(1).double().var(0).sum()
        assert total == pytest.approx(p.components * p.pose_rad**2, rel=0.03)
    assert torch.equal(drawn.betas, torch.zeros(4000, 10))


def test_beta_noise_is_positive_with_mean_024():
    drawn = noise("geneoh-beta", ROWS)
    pose = coefficients(drawn)[:, :24]
    assert pose.min() >= -1e-6 and pose.max() <= 0.3 + 1e-6 and drawn.global_orient.min() >= 0
    np.testing.assert_allclose(pose.mean(0).numpy(), 0.24, rtol=0.01)
    np.testing.assert_allclose(drawn.global_orient.mean(0).numpy(), 0.04, rtol=0.01)
    for values, scale in ((pose[:, 0], 0.3), (drawn.global_orient[:, 1], 0.05)):
        assert scipy.stats.kstest(values.numpy() / scale, scipy.stats.beta(8, 2).cdf).pvalue > 1e-3
    np.testing.assert_allclose(drawn.transl.std(0).numpy(), 0.01, rtol=0.03)  # Gaussian all the same
    np.testing.assert_allclose(drawn.transl.mean(0).numpy(), 0, atol=3e-4)


def test_frames_are_independent():
    frames = coefficients(noise("toch-grab", ROWS))[:, :24]
    both = np.corrcoef(frames[:-1].T.numpy(), frames[1:].T.numpy())
    off = both - np.eye(len(both))
    assert np.abs(off).max() < 0.05  # neither the next frame nor another coefficient tells anything


@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
def test_any_leading_axes(batch, hand):
    start = HandParams(
        torch.randn(*batch, 3), torch.randn(*batch, 15, 3), torch.randn(*batch, 10), torch.randn(*batch, 3)
    )
    noisy = perturb(start, hand, protocol="contactopt", generator=noise_generator(0, "a"))
    bare = perturb(hand.zeros(*batch), hand, protocol="contactopt", generator=noise_generator(0, "a"))
    for field in ("global_orient", "hand_pose", "betas", "transl"):
        assert getattr(noisy, field).shape == getattr(start, field).shape
        added = getattr(noisy, field) - getattr(start, field)
        torch.testing.assert_close(added, getattr(bare, field), atol=1e-5, rtol=0)  # noise is added


def test_a_grasp_has_its_noise_whatever_else_is_disturbed(hand):
    def disturb(names):
        return {
            n: perturb(hand.zeros(), hand, protocol="contactopt", generator=noise_generator(3, n))
            for n in names
        }

    few, many = disturb(["mug"]), disturb(["bowl", "can", "mug", "drill"])
    assert torch.equal(few["mug"].hand_pose, many["mug"].hand_pose)
    assert torch.equal(few["mug"].transl, many["mug"].transl)
    assert not torch.equal(many["can"].transl, many["mug"].transl)


def test_seed_name_and_draw_all_matter_and_do_not_run_together():
    keys = [(0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1), (0, "1/a", 0), (11, "a", 0), (1, "1a", 0)]
    first = [float(torch.randn(1, generator=noise_generator(s, n, draw=d))) for s, n, d in keys]
    assert len(set(first)) == len(keys)
    again = [float(torch.randn(1, generator=noise_generator(s, n, draw=d))) for s, n, d in keys]
    assert first == again


def test_the_noise_does_not_depend_on_the_dtype():
    hand = Hand.open(dtype=torch.float64)
    double = perturb(hand.zeros(5), hand, protocol="geneoh-beta", generator=torch.Generator().manual_seed(0))
    single = noise("geneoh-beta", 5)
    assert double.hand_pose.dtype == torch.float64 and single.hand_pose.dtype == torch.float32
    torch.testing.assert_close(double.hand_pose.float(), single.hand_pose)
    torch.testing.assert_close(double.transl.float(), single.transl)


def test_a_left_hands_pose_noise_is_a_right_hands_in_the_mirror():
    right, left = (noise("contactopt", 50, side=side) for side in ("right", "left"))
    torch.testing.assert_close(left.hand_pose, mirror_poses(right.hand_pose))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_open_hand_has_names_of_its_own(name, hand):
    for spelled in (name, f"{name}-open"):
        protocol, used = find_protocol(spelled, hand=hand)
        assert protocol == PROTOCOLS[name] and used == f"{name}-open" == recorded_name(protocol, hand)
    one, other = noise(name, 3), noise(f"{name}-open", 3)
    assert torch.equal(one.hand_pose, other.hand_pose)


def test_manos_names_stay(hand):
    assert find_protocol("contactopt", hand=replace(hand, name="mano"))[1] == "contactopt"


@pytest.mark.parametrize(
    "name", ["", "contact", "contactopt-mano", "contactopt-open-open", "ContactOpt", "-open"]
)
def test_unknown_names_are_refused_with_the_names_there_are(name):
    with pytest.raises(InputError, match=re.escape(", ".join(PROTOCOLS))):
        noise(name, 2)


def test_a_protocol_of_ones_own():
    drawn = noise(NoiseProtocol("mine", 0.0, 0.0, 0.2, 3), 4000)
    assert drawn.transl.abs().max() == 0 == drawn.global_orient.abs().max()
    assert coefficients(drawn)[:, :3].std() == pytest.approx(0.2, rel=0.03)


@pytest.mark.parametrize(
    "change",
    [
        {"translation_m": -0.1},
        {"rotation_rad": float("nan")},
        {"pose_rad": float("inf")},
        {"distribution": "cauchy"},
    ],
)
def test_impossible_protocols(change):
    with pytest.raises(InputError, match=f"NoiseProtocol.{next(iter(change))}"):
        replace(PROTOCOLS["contactopt"], **change)


@pytest.mark.parametrize("components", [0, 31])
def test_more_components_than_there_are(components):
    with pytest.raises(InputError, match="1 to 30"):
        noise(NoiseProtocol("mine", 0.0, 0.0, 0.2, components), 2)


@pytest.mark.parametrize("field", ["global_orient", "hand_pose", "transl"])
def test_values_that_are_not_finite(field, hand):
    params = replace(hand.zeros(2), **{field: getattr(hand.zeros(2), field) + float("nan")})
    with pytest.raises(InputError, match=field):
        perturb(params, hand, protocol="contactopt", generator=noise_generator(0, "a"))


def test_a_pose_space_of_the_other_side(hand):
    other = PoseSpace.open("left" if hand.side == "right" else "right")
    with pytest.raises(InputError, match="another hand"):
        perturb(
            hand.zeros(), hand, protocol="contactopt", generator=noise_generator(0, "a"), pose_space=other
        )
