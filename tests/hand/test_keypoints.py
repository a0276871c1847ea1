"""Keypoints that a hand made lead back to that hand; bad ones are refused."""

import pytest
import torch

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.keypoints import FitConfig, fit_hand
from handhold.hand.kinematics import HandState

NAN = float("nan")
TRUSTING = FitConfig(keypoint_sd=0.0005)
"""The default weighs an unusual shape against 4 mm of noise in keypoints, and stays 0.7 mm short of it."""


def distance_mm(hand: Hand, params, points: torch.Tensor) -> torch.Tensor:
    return (hand(params).joints - points).norm(dim=-1) * 1e3


def made_by(hand: Hand, states, count: int, **options) -> torch.Tensor:
    return hand(states(hand, count, **options).params(hand)).joints


def test_keypoints_of_the_model_are_found_again(hand, random_states):
    points = made_by(hand, random_states, 24, within=1.0)
    fit = fit_hand(hand, points, config=TRUSTING)
    apart = distance_mm(hand, fit.params, points)
    torch.testing.assert_close(fit.error * 1e3, apart.mean(-1), atol=0.01, rtol=0)
    assert apart.max() < 0.8 and apart.mean() < 0.12
    state = HandState.from_params(hand, fit.params)
    assert torch.rad2deg(hand.anatomy.violation(state.angles)).max() < 0.01
    assert fit.params.betas.abs().max() <= 3


def test_the_default_is_near(hand, random_states):
    points = made_by(hand, random_states, 24, within=1.0, seed=5)
    assert distance_mm(hand, fit_hand(hand, points).params, points).mean(-1).max() < 1.5


@pytest.mark.parametrize("missing", [[20], [0], [16, 17, 18, 19, 20], [1, 4, 7, 10], [3, 9, 15]])
def test_missing_keypoints_do_not_count(hand, missing, random_states):
    points = made_by(hand, random_states, 6, within=0.6)
    holes = points.clone()
    holes[:, missing] = NAN
    fit = fit_hand(hand, holes, config=TRUSTING)
    assert all(
        getattr(fit.params, k).isfinite().all() for k in ("global_orient", "hand_pose", "betas", "transl")
    )
    apart = distance_mm(hand, fit.params, points)
    given = [k for k in range(21) if k not in missing]
    assert apart[:, given].mean() < 0.5
    torch.testing.assert_close(fit.error * 1e3, apart[:, given].mean(-1), atol=0.01, rtol=0)
    assert apart[:, missing].mean() < 25  # guessed, but a hand


def test_one_missing_number_is_a_missing_point(hand, random_states):
    points = made_by(hand, random_states, 1, within=0.6)
    whole, part = points.clone(), points.clone()
    whole[:, 5], part[:, 5, 1] = NAN, NAN
    assert torch.equal(fit_hand(hand, whole).params.hand_pose, fit_hand(hand, part).params.hand_pose)


def test_a_sequence_shares_a_shape(hand, random_states):
    state = random_states(hand, 8, within=0.6)
    shaped = HandState(state.rotation, state.wrist, state.angles, state.betas[:1].expand(8, -1))
    points = hand(shaped.params(hand)).joints
    fit = fit_hand(hand, points, sequence=True)
    assert fit.params.betas.shape == (8, 10) and fit.params.betas.std(0).max() < 1e-6
    assert distance_mm(hand, fit.params, points).mean(-1).max() < 1.0
    alone = fit_hand(hand, points)
    assert alone.params.betas.std(0).max() > 1e-4
    two = fit_hand(hand, torch.stack((points, points * 0.95)), sequence=True).params.betas
    assert two.shape == (2, 8, 10) and two.std(1).max() < 1e-6 and (two[0] - two[1]).abs().max() > 0.1


def test_batch_equals_single(hand, random_states):
    points = made_by(hand, random_states, 6, within=0.6).view(2, 3, 21, 3)
    batch = fit_hand(hand, points)
    assert batch.error.shape == (2, 3) and batch.params.hand_pose.shape == (2, 3, 15, 3)
    one = fit_hand(hand, points[1, 2])
    assert one.error.shape == () and one.params.betas.shape == (10,)
    apart = hand(one.params).vertices - hand(batch.params[1, 2]).vertices
    assert apart.norm(dim=-1).max() < 2e-4


def test_left_is_right_in_the_mirror(random_states):
    right, left = Hand.open("right"), Hand.open("left")
    points = made_by(right, random_states, 4, within=0.6)
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    here, there = fit_hand(right, points), fit_hand(left, points * mirror)
    apart = right(here.params).vertices * mirror - left(there.params).vertices
    assert apart.norm(dim=-1).max() < 2e-4
    wrong = fit_hand(left, points).error
    assert (wrong > here.error + 0.003).all()


def test_rigid_motion_does_not_matter(hand, random_states):
    points = made_by(hand, random_states, 3, within=0.6)
    state = random_states(hand, 1, seed=9)
    moved = points @ state.rotation[0].T + 5 * state.wrist[0]
    here, there = hand(fit_hand(hand, points).params), hand(fit_hand(hand, moved).params)
    apart = here.vertices @ state.rotation[0].T + 5 * state.wrist[0] - there.vertices
    assert apart.norm(dim=-1).max() < 5e-4


@pytest.mark.parametrize("noise_mm", [2.0, 10.0])
def test_noise_is_averaged_not_followed(hand, noise_mm, random_states):
    points = made_by(hand, random_states, 16, within=0.6)
    noise = torch.randn(points.shape, generator=torch.Generator().manual_seed(2)) * noise_mm * 1e-3
    fit = fit_hand(hand, points + noise)
    apart = distance_mm(hand, fit.params, points).mean()
    assert apart < 0.9 * noise.norm(dim=-1).mean() * 1e3
    state = HandState.from_params(hand, fit.params)
    assert torch.rad2deg(hand.anatomy.violation(state.angles)).max() < 0.01


def test_the_mean_shape_is_kept_if_so_asked(hand, random_states):
    points = made_by(hand, random_states, 2, within=0.5)
    fit = fit_hand(hand, points, config=FitConfig(shape=False))
    assert (fit.params.betas == 0).all() and (fit.error < 0.02).all()


def test_an_impossible_hand_gets_the_nearest_possible_one(hand):
    """A finger bent backwards stops at its limit."""
    points = hand(hand.zeros()).joints.clone()
    back = hand.anatomy.frames[3, :, 1]  # out of the back of the middle finger
    points[[5, 6, 18]] += back * torch.tensor([[0.02], [0.045], [0.07]])
    fit = fit_hand(hand, points)
    state = HandState.from_params(hand, fit.params[None])
    assert fit.error > 0.001 and torch.rad2deg(hand.anatomy.violation(state.angles)).max() < 0.01


@pytest.mark.parametrize("shape", [(21,), (20, 3), (21, 2), (3, 21), (0, 21, 3)])
def test_wrong_shapes_are_refused(hand, shape):
    with pytest.raises(InputError, match="keypoints"):
        fit_hand(hand, torch.zeros(shape))


def test_infinite_and_too_few_keypoints_are_refused(hand):
    points = hand(hand.zeros()).joints
    infinite, few = points.clone(), points.clone()
    infinite[3, 1] = torch.inf
    few[5:] = NAN
    with pytest.raises(InputError, match="infinite"):
        fit_hand(hand, infinite)
    with pytest.raises(InputError, match="at least 6 of 21; got 5"):
        fit_hand(hand, torch.stack((points, few)))


@pytest.mark.parametrize("name", ["keypoint_sd", "angle_sd", "steps", "damping"])
@pytest.mark.parametrize("value", [0, -1.0, NAN])
def test_settings_that_are_no_scale_are_refused(name, value):
    with pytest.raises(InputError, match=f"FitConfig.{name}"):
        FitConfig(**{name: value})
