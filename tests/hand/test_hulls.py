"""A hand in convex pieces: every vertex is in one, nothing fills the palm, and any hand can be cut."""

import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull

from handhold.errors import InputError
from handhold.geometry.convex import piece_volume
from handhold.hand import Hand
from handhold.hand.hulls import PIECE_JOINTS, PIECE_NAMES, bones_of_joints, bones_of_model, hand_pieces


def posed(hand: Hand):
    surface = hand(hand.zeros())
    return surface.vertices.double().numpy(), surface.joints.double().numpy()


def outside(points, piece):
    """How far points (n, 3) lie outside a convex piece [m], at least."""
    planes = ConvexHull(piece[0]).equations
    return (points @ planes[:, :3].T + planes[:, 3]).max(1)


def test_each_piece_is_the_closed_outward_hull_of_its_bone(hand):
    vertices, _ = posed(hand)
    bones = bones_of_model(hand)
    pieces = hand_pieces(vertices, bones)
    assert tuple(pieces) == PIECE_NAMES and len(PIECE_JOINTS) == 19
    for k, (name, piece) in enumerate(pieces.items()):
        assert outside(vertices[bones == k], piece).max() < 1e-9, name
        assert piece_volume(piece) == pytest.approx(ConvexHull(piece[0]).volume, rel=1e-9)


def test_the_hollow_of_the_palm_is_free():
    """In front of the palm, between thumb and little finger, one hull of the palm would be in the way."""
    hand = Hand.open("right")
    vertices, _ = posed(hand)
    bones = bones_of_model(hand)
    palm = vertices[hand.skin_weights.argmax(-1).numpy() == 0]
    whole = ConvexHull(palm).volume
    parts = sum(
        piece_volume(piece) for name, piece in hand_pieces(vertices, bones).items() if name[-1] == "0"
    )
    assert parts < 0.9 * whole


def test_left_mirrors_right():
    mirror = np.array([-1.0, 1.0, 1.0])
    right, left = (Hand.open(side) for side in ("right", "left"))
    ours, theirs = (hand_pieces(posed(h)[0], bones_of_model(h)) for h in (right, left))
    for name in PIECE_NAMES:
        assert piece_volume(ours[name]) == pytest.approx(piece_volume(theirs[name]), rel=1e-5)
        np.testing.assert_allclose(ours[name][0].mean(0) * mirror, theirs[name][0].mean(0), atol=1e-6)


def test_joints_alone_find_nearly_the_same_bones(hand):
    vertices, joints = posed(hand)
    by_joints = bones_of_joints(vertices, joints)
    assert (by_joints == bones_of_model(hand)).mean() > 0.8
    assert set(by_joints) == set(range(19))
    moved = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    np.testing.assert_array_equal(bones_of_joints(vertices @ moved.T + 2, joints @ moved.T + 2), by_joints)


def test_bones_too_small_for_a_hull_join_the_one_before():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(200, 3, generator=generator).numpy()
    index = [PIECE_NAMES.index(f"index{k}") for k in range(3)]
    hulls = hand_pieces(points, np.repeat(index, [100, 97, 3]))
    assert list(hulls) == ["index0", "index1"]
    assert outside(points[100:], hulls["index1"]).max() < 1e-9
    thumb = np.repeat([PIECE_NAMES.index("thumb1"), PIECE_NAMES.index("index0")], [2, 198])
    (palm,) = hand_pieces(points, thumb).values()
    assert outside(points, palm).max() < 1e-9
    ring = np.repeat([PIECE_NAMES.index("ring0"), PIECE_NAMES.index("middle0")], [3, 197])
    assert list(hand_pieces(points, ring)) == ["middle0"]


def test_bad_hands_are_refused(hand):
    vertices, joints = posed(hand)
    bones = bones_of_model(hand)
    with pytest.raises(InputError, match="wrong shape"):
        hand_pieces(vertices[:-1], bones)
    with pytest.raises(InputError, match="not finite"):
        hand_pieces(np.where(vertices > 0, np.nan, vertices), bones)
    with pytest.raises(InputError, match="no volume"):
        hand_pieces(vertices * [1, 1, 0], bones)
    with pytest.raises(InputError, match="joints"):
        bones_of_joints(vertices, joints[:16])
    with pytest.raises(InputError, match="not finite"):
        bones_of_joints(vertices, joints * np.nan)
