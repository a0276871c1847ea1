"""How different the grasps of a set are from one another, in each of the forms in which it was published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np

from handhold.errors import InputError
from handhold.evaluate.metrics.arguments import numbers
from handhold.hand.skeleton import FINGER_CHAINS, Side

CLUSTERS = 20
RESTARTS = 20
"""k-means is begun so many times and the tightest result kept: scipy's default, which the published code used."""
CONSTANT = 1e-5
"""A feature that varies by less than this share of the largest value is constant: of a hand, about a micrometre. What
is left of it are roundings, those of a file's float32 among them, and whitening would make a diversity of them."""
WRIST, INDEX, MIDDLE, PINKY = (0, *(FINGER_CHAINS[finger][0] for finger in ("index", "middle", "pinky")))
FLAT = 1e-4
"""A palm narrower than this share of its length shows no side."""


@dataclass(frozen=True)
class ClusterDiversity:
    """Diversity of a set by clustering; higher is better in both.

    Attributes:
        entropy: of the share of grasps in each cluster, natural logarithm, at most ln(clusters).
        cluster_size: mean distance of a grasp to the centre of its cluster, in the features' unit.
    """

    entropy: float
    cluster_size: float


def cluster_diversity(
    features: np.ndarray, *, clusters: int = CLUSTERS, whiten: bool, seed: int = 0
) -> ClusterDiversity:
    """Entropy and size of the clusters that k-means finds in a set.

    HALO (`evaluate_cluster.py`) and FastGrasp (`displacement.py`): k-means of 20, each grasp to its nearest centre,
    entropy of the histogram, mean distance. The starts are seeded here; there they are not. Clusters that lose all
    their grasps count as empty. Both figures depend on how many grasps there are; compare sets of one size.

    Args:
        features: (n, d), one row for each grasp.
        clusters: how many; from 2 to n.
        whiten: divide every feature by its standard deviation first; those that do not vary have no part in it.
        seed: of the starts.

    Raises:
        InputError: fewer grasps than clusters, a wrong shape, or numbers that are not finite.
    """
    from scipy.cluster.vq import kmeans, vq

    features = numbers(features, (None, None), where="features", exact=True)
    if clusters < 2:
        raise InputError("is no number of clusters", where="clusters", expected="2 or more", got=clusters)
    if len(features) < clusters:
        raise InputError(
            "there are fewer grasps than clusters",
            where="features",
            expected=f"at least {clusters} grasps",
            got=len(features),
            remedy="Make more grasps, or ask for fewer clusters and say so beside the figure.",
        )
    deviation, largest = features.std(0), np.abs(features).max()
    varies = deviation > CONSTANT * largest
    # k-means never ends on large numbers that differ by roundings.
    features = np.where(varies, features - features.mean(0), 0.0)
    if whiten:
        features = features / np.where(varies, deviation, 1.0)
    generator = np.random.default_rng(seed)
    # Starts are drawn here because the name of scipy's own seed differs between its versions.
    starts = (features[generator.choice(len(features), clusters, replace=False)] for _ in range(RESTARTS))
    centres, _ = min((kmeans(features, start) for start in starts), key=lambda found: found[1])
    label, distance = vq(features, centres)
    share = np.bincount(label, minlength=clusters) / len(features)
    occupied = share[share > 0]
    entropy = max(0.0, -float((occupied * np.log(occupied)).sum()))
    return ClusterDiversity(entropy, float(distance.mean()))


def halo_diversity(joints: np.ndarray, *, side: Side = "right", seed: int = 0) -> ClusterDiversity:
    """HALO's diversity of hand poses; entropy at most 2.996, cluster size in cm; higher is better.

    63 coordinates of canonical joints in centimetres, not whitened. HALO's code turns the hand by its own
    biomechanical layer; here by `canonical_joints`, so that figures are close to its, not equal.

    Args:
        joints: (n, 21, 3) MANO's order, in any frame [m]; n of 20 or more.
        side: which hand.
        seed: of the clustering.

    Raises:
        InputError: too few grasps, a wrong shape, numbers that are not finite, or a hand without a palm's plane.
    """
    canonical = _whole_hands(joints, side=side)
    return cluster_diversity(100 * canonical.reshape(len(canonical), -1), whiten=False, seed=seed)


def fastgrasp_diversity(
    joints_object_frame: np.ndarray, *, canonical: bool, side: Side = "right", seed: int = 0
) -> ClusterDiversity:
    """FastGrasp's diversity of grasps, whitened; entropy at most 2.996, cluster size without unit; higher is better.

    Args:
        joints_object_frame: (n, 21, 3) MANO's order, in the object's frame [m]; n of 20 or more.
        canonical: compare hand poses alone (`canonical_joints`); else where and how the object is held, too.
        side: which hand.
        seed: of the clustering.

    Raises:
        InputError: as `halo_diversity`.
    """
    joints = numbers(joints_object_frame, (None, 21, 3), where="joints", exact=True)
    if canonical:
        joints = _whole_hands(joints, side=side)
    return cluster_diversity(joints.reshape(len(joints), -1), whiten=True, seed=seed)


def canonical_joints(joints: np.ndarray, *, side: Side = "right") -> np.ndarray:
    """Joints in the hand's own frame, the same wherever the hand is.

    The wrist is the origin, x points to the middle finger's knuckle, z out of the plane of wrist, index and pinky
    knuckle (towards the back of a right hand), y across the palm to the index. A left hand is mirrored first: it
    comes out as the right hand that it mirrors.

    Args:
        joints: (*, 21, 3) MANO's order [m], NaN where missing.
        side: which hand.

    Returns:
        (*, 21, 3) [m]; all NaN for a hand whose palm shows no plane or misses a joint of it.

    Raises:
        InputError: a wrong shape, infinite numbers, or an unknown side.
    """
    joints = numbers(joints, (21, 3), where="joints", missing=True)
    if side not in get_args(Side):
        raise InputError("unknown side", where="side", expected=" or ".join(get_args(Side)), got=side)
    if side == "left":
        joints = joints * np.array([-1.0, 1.0, 1.0])
    local = joints - joints[..., WRIST : WRIST + 1, :]
    forward = local[..., MIDDLE, :]
    across = np.cross(local[..., PINKY, :], local[..., INDEX, :])
    width = np.linalg.norm(np.cross(across, forward), axis=-1)
    x = forward / _length(forward)
    z = across - (across * x).sum(-1, keepdims=True) * x
    reach = np.linalg.norm(local[..., (INDEX, MIDDLE, PINKY), :], axis=-1)
    z = z / _length(z)
    axes = np.stack((x, np.cross(z, x), z), -1)
    return local @ np.where((width > FLAT * reach.prod(-1))[..., None, None], axes, np.nan)


def pairwise_diversity(tracks: np.ndarray) -> float:
    """Mean distance of two motions of a set, divided by the number of frames [m]; higher is better.

    DiffH2O: motions are flattened, and the L2 norm of their difference is averaged over all pairs. Its overall
    diversity takes both wrists of all motions, its sample diversity all joints (MANO's 16 of either hand), on 15
    frames each; a norm over more points or frames is larger, so only like may be compared with like.

    Args:
        tracks: (n, T, ...) the motions, n of 2 or more, T frames of points [m].

    Raises:
        InputError: fewer than two motions, no frames, or numbers that are not finite.
    """
    from scipy.spatial.distance import pdist

    tracks = numbers(tracks, (), where="tracks")
    if tracks.ndim < 3 or 0 in tracks.shape or len(tracks) < 2:
        raise InputError(
            "are no motions to compare", where="tracks", expected="(n, T, ...), n > 1", got=tracks.shape
        )
    return float(pdist(tracks.reshape(len(tracks), -1)).mean() / tracks.shape[1])


def _whole_hands(joints: np.ndarray, *, side: Side) -> np.ndarray:
    joints = numbers(joints, (None, 21, 3), where="joints", exact=True)
    canonical = canonical_joints(joints, side=side)
    bad = np.flatnonzero(np.isnan(canonical).any((-1, -2)))
    if len(bad):
        raise InputError(
            "a hand's palm shows no plane", where="joints", expected="knuckles apart", got=f"hand {bad[0]}"
        )
    return canonical


def _length(vectors: np.ndarray) -> np.ndarray:
    """Norms (*, 1); NaN for a vector of none, so that no direction is made of it."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 0, length, np.nan)
