"""Units, joint order and side are told from the keypoints, and noise is not taken for any of them."""

import numpy as np
import pytest
from io_examples import curled, to_mano, to_openpose

from handhold.errors import InputError
from handhold.hand.model import Hand, HandParams
from handhold.io.plausible import check_keypoints, check_size, distance_warnings


def keypoints(side="right", *, angle=0.6, scale=1.0):
    """(21, 3) a curled hand, MANO's order."""
    hand = Hand.open(side)
    zeros = hand.zeros()
    params = HandParams(zeros.global_orient, curled(hand, angle=angle), zeros.betas, zeros.transl)
    return scale * hand(params).joints.double().numpy()


def check(points, *, order="mano", side="right"):
    return check_keypoints(points, order=order, side=side, where="here")


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("angle", [-0.2, 0.0, 0.6, 1.3])
@pytest.mark.parametrize("scale", [0.4, 1.0, 1.3])
def test_hands_of_any_side_posture_and_size_pass(side, angle, scale):
    assert check(keypoints(side, angle=angle, scale=scale), side=side) == []


def test_wrong_joint_order_is_refused_and_the_right_one_named():
    points = keypoints()
    with pytest.raises(InputError, match=r'Set "joint_order": "mano"'):
        check(points, order="openpose")
    with pytest.raises(InputError, match=r'Set "joint_order": "openpose"'):
        check(to_openpose(points), order="mano")
    assert check(to_openpose(points), order="openpose") == []
    np.testing.assert_array_equal(to_mano(to_openpose(points)), points)


def test_noise_is_not_another_order():
    """One centimetre on every joint: no hand is refused, hardly one gets a warning."""
    generator = np.random.default_rng(0)
    warned = sum(len(check(keypoints() + 0.01 * generator.normal(size=(21, 3)))) for _ in range(100))
    assert warned <= 10


def test_scrambled_joints_earn_a_warning():
    generator = np.random.default_rng(0)
    told = 0
    for _ in range(20):
        try:
            told += bool(check(keypoints()[generator.permutation(21)]))
        except InputError:
            told += 1
    assert told >= 10


def test_the_other_hand_earns_a_warning():
    (warning,) = check(keypoints("left"), side="right")
    assert "left hand" in warning
    (warning,) = check(keypoints("right"), side="left")
    assert "right hand" in warning
    assert check(keypoints("left", angle=0.0), side="right") == []  # a flat hand does not tell


def test_missing_keypoints_do_not_disturb():
    points = keypoints()
    points[[3, 6, 16, 20]] = np.nan
    assert check(points) == []
    with pytest.raises(InputError, match="millimetres"):
        check(1000 * points)


def test_six_joints_without_a_bone_between_them_are_judged_by_their_spread():
    points = np.full((21, 3), np.nan)
    points[[2, 5, 8, 11, 14, 0]] = keypoints()[[2, 5, 8, 11, 14, 0]]
    assert check(points) == []
    with pytest.raises(InputError, match="size"):
        check(1000 * points)


@pytest.mark.parametrize("frames", [3, 20])
def test_motion_is_judged_as_a_whole(frames):
    points = keypoints() + 0.02 * np.random.default_rng(0).normal(size=(frames, 21, 3))
    points[1, :10] = np.nan
    assert isinstance(check(points), list)
    points[1, :16] = np.nan
    with pytest.raises(InputError, match="5 in frame 1"):
        check(points)


def test_sizes():
    check_size(0.19, where="here")
    for length, word in (
        (190, "millimetres"),
        (19, "centimetres"),
        (0.00019, "metres declared as millimetres"),
    ):
        with pytest.raises(InputError, match=word):
            check_size(length, where="here")


def test_distance():
    still = np.eye(4)
    assert distance_warnings(np.array([0.3, 0, 0]), still) == []
    assert "0.60 m" in distance_warnings(np.array([0.6, 0, 0]), still)[0]
    assert "unit" in distance_warnings(np.array([600.0, 0, 0]), still)[0]
    approach = np.array([[2.0, 0, 0], [0.1, 0, 0]])  # a motion may come from afar
    assert distance_warnings(approach, np.stack((still, still))) == []
