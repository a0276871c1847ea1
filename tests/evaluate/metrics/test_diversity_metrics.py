"""Sets whose clusters are known, and frames that must not matter."""

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from handhold.errors import InputError
from handhold.evaluate.metrics import diversity

RNG = np.random.default_rng(0)
CENTRES = 10 * np.stack(np.meshgrid(*[np.arange(3.0)] * 3), -1).reshape(-1, 3)[:20]


def hands(count: int) -> np.ndarray:
    """Right hands in MANO's order, palms down, fingers along y, each a little different and somewhere else."""
    flat = np.zeros((21, 3))
    for column, (first, tip) in zip(
        (-0.02, 0.0, 0.04, 0.02), ((1, 17), (4, 18), (7, 20), (10, 19)), strict=True
    ):
        for k, joint in enumerate((first, first + 1, first + 2, tip)):
            flat[joint] = column, 0.09 - 0.3 * abs(column) + 0.025 * k, 0.0
    flat[[13, 14, 15, 16]] = [[-0.03, 0.03, -0.01], [-0.05, 0.05, -0.01], [-0.06, 0.07, 0], [-0.07, 0.09, 0]]
    flat = flat + RNG.normal(scale=0.004, size=(count, 21, 3))
    return placed(flat)


def placed(joints: np.ndarray) -> np.ndarray:
    turns = Rotation.random(len(joints), random_state=1).as_matrix()
    return joints @ turns.transpose(0, 2, 1) + RNG.normal(size=(len(joints), 1, 3))


@pytest.mark.parametrize("whiten", [True, False])
def test_twenty_tight_clusters_have_the_largest_entropy(whiten):
    """k-means from random starts merges some of 20 (as the published code does); few are found each."""
    groups = np.repeat(10.0 * np.arange(4)[:, None], 5, axis=0) + RNG.normal(scale=1e-6, size=(20, 1))
    few = diversity.cluster_diversity(groups, clusters=4, whiten=whiten)
    assert few.entropy == pytest.approx(math.log(4))
    assert few.cluster_size < 1e-5
    many = np.repeat(CENTRES, 5, axis=0) + RNG.normal(scale=1e-6, size=(100, 3))
    found = diversity.cluster_diversity(many, whiten=whiten)
    assert 2.6 < found.entropy <= math.log(20) + 1e-12


def test_as_many_grasps_as_clusters_is_ln_20():
    found = diversity.cluster_diversity(CENTRES, whiten=False)
    assert found.entropy == pytest.approx(math.log(20))
    assert found.cluster_size == pytest.approx(0, abs=1e-12)


def test_unequal_clusters_have_the_entropy_of_their_shares_and_their_radius_as_size():
    near = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    features = np.concatenate((near, near, near, near + 100.0))
    found = diversity.cluster_diversity(features, clusters=2, whiten=False)
    assert found.entropy == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert found.cluster_size == pytest.approx(math.sqrt(2))
    with pytest.raises(InputError, match="number of clusters"):
        diversity.cluster_diversity(features, clusters=1, whiten=False)


@pytest.mark.filterwarnings("error")
def test_equal_grasps_have_no_diversity_and_constant_features_do_no_harm():
    same = diversity.cluster_diversity(np.ones((30, 4)), whiten=True)
    assert same == diversity.ClusterDiversity(0.0, 0.0)
    varied = RNG.normal(size=(40, 3))
    noise = 1e-17 * RNG.normal(size=(40, 1))
    alone = diversity.cluster_diversity(varied, whiten=True)
    found = diversity.cluster_diversity(np.hstack((varied, np.ones((40, 1)), noise)), whiten=True)
    assert found.entropy == pytest.approx(alone.entropy)
    assert found.cluster_size == pytest.approx(alone.cluster_size)


def test_whitening_takes_the_unit_away():
    features = RNG.normal(size=(60, 4))
    units = features * np.array([1, 100, 0.01, 5])
    first, other = (diversity.cluster_diversity(f, whiten=True) for f in (features, units))
    assert other.entropy == pytest.approx(first.entropy)
    assert other.cluster_size == pytest.approx(first.cluster_size)
    raw, scaled = (
        diversity.cluster_diversity(f, whiten=False).cluster_size for f in (features, 3 * features)
    )
    assert scaled == pytest.approx(3 * raw)


def test_the_seed_decides():
    features = RNG.normal(size=(60, 8))
    assert diversity.cluster_diversity(features, whiten=False, seed=3) == diversity.cluster_diversity(
        features, whiten=False, seed=3
    )
    sizes = {diversity.cluster_diversity(features, whiten=False, seed=s).cluster_size for s in range(4)}
    assert len(sizes) > 1


@pytest.mark.parametrize(
    ("features", "told"),
    [
        (np.zeros((19, 3)), "fewer grasps"),
        (np.full((20, 3), np.nan), "not finite"),
        (np.zeros(20), "wrong shape"),
    ],
)
def test_bad_sets_are_told(features, told):
    with pytest.raises(InputError, match=told):
        diversity.cluster_diversity(features, whiten=True)


def test_canonical_joints_forget_where_the_hand_is():
    joints = hands(6)
    first = diversity.canonical_joints(joints)
    assert diversity.canonical_joints(placed(joints)) == pytest.approx(first, abs=1e-12)
    assert first[:, 0] == pytest.approx(np.zeros((6, 3)))
    assert first[:, 4, 1:] == pytest.approx(np.zeros((6, 2)), abs=1e-12)
    assert (first[:, 4, 0] > 0.05).all()
    assert (first[:, 1, 1] > 0).all() and (first[:, 7, 1] < 0).all()
    distance = np.linalg.norm(joints[:, :, None] - joints[:, None], axis=-1)
    assert np.linalg.norm(first[:, :, None] - first[:, None], axis=-1) == pytest.approx(distance)


def test_a_left_hand_is_the_right_hand_that_it_mirrors():
    joints = hands(4)
    left = placed(joints * np.array([1, -1, 1]))
    assert diversity.canonical_joints(left, side="left") == pytest.approx(diversity.canonical_joints(joints))
    with pytest.raises(InputError, match="side"):
        diversity.canonical_joints(joints, side="both")


@pytest.mark.filterwarnings("error")
def test_a_palm_without_a_plane_is_nan():
    joints = hands(3)
    joints[0, 7] = joints[0, 0] + 2 * (joints[0, 1] - joints[0, 0])
    joints[1] = joints[1, :1]
    found = diversity.canonical_joints(joints)
    assert np.isnan(found[:2]).all()
    assert np.isfinite(found[2]).all()


def test_named_protocols_are_what_they_say():
    joints = hands(40)
    canonical = diversity.canonical_joints(joints).reshape(40, 63)
    assert diversity.halo_diversity(joints, seed=2) == diversity.cluster_diversity(
        100 * canonical, whiten=False, seed=2
    )
    assert diversity.fastgrasp_diversity(joints, canonical=True) == diversity.cluster_diversity(
        canonical, whiten=True
    )
    assert diversity.fastgrasp_diversity(joints, canonical=False) == diversity.cluster_diversity(
        joints.reshape(40, 63), whiten=True
    )
    moved = diversity.halo_diversity(placed(joints), seed=2)
    assert moved.cluster_size == pytest.approx(diversity.halo_diversity(joints, seed=2).cluster_size)
    joints[7, 1] = joints[7, 0]
    with pytest.raises(InputError, match="hand 7"):
        diversity.halo_diversity(joints)


def test_pairs_of_motions_are_as_far_apart_as_they_are():
    still = np.zeros((15, 2, 3))
    tracks = still + np.array([[0, 0, 0], [0.3, 0, 0], [0, 0.4, 0]])[:, None, None]
    root = math.sqrt(30)  # fifteen frames of two points
    assert diversity.pairwise_diversity(tracks) == pytest.approx(root * (0.3 + 0.4 + 0.5) / 3 / 15)
    assert diversity.pairwise_diversity(np.stack([still] * 3)) == 0
    with pytest.raises(InputError, match="to compare"):
        diversity.pairwise_diversity(tracks[:1])


@pytest.mark.parametrize("rounding", [1e-17, 3e-9])
def test_one_posture_in_many_places_has_no_diversity_of_pose(rounding):
    """Roundings, as of float32 files, are no diversity: not whitened to one, nor split into clusters for ever."""
    joints = placed(np.repeat(hands(1), 40, axis=0))
    joints = joints + rounding * RNG.normal(size=joints.shape)
    nothing = diversity.ClusterDiversity(0.0, 0.0)
    assert diversity.fastgrasp_diversity(joints, canonical=True) == nothing
    assert diversity.halo_diversity(joints) == nothing
    assert diversity.fastgrasp_diversity(joints, canonical=False).entropy > 2


def test_the_rigid_palm_adds_nothing_in_single_precision():
    """The palm's joints stand still in the hand's own frame, but for roundings."""
    bent = np.repeat(hands(1), 40, axis=0)
    bent[:, [2, 3, 17]] += RNG.normal(scale=0.01, size=(40, 3, 3))
    exact = diversity.fastgrasp_diversity(bent, canonical=True)
    single = diversity.fastgrasp_diversity(bent.astype(np.float32), canonical=True)
    assert single.cluster_size == pytest.approx(exact.cluster_size, rel=1e-3)
