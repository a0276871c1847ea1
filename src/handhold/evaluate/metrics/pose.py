"""How far a hand is from a reference: joints and vertices, unaligned, aligned at the root, or by Procrustes.

Points are in metres, (*, J, 3), and any leading axes are batch axes: one figure comes out for each hand. A point
that is NaN in the prediction or in the reference is missing: it is left out of means and alignments alike. A hand
of which nothing is left, or that cannot be aligned, has the figure NaN: a failure, not a score.
"""

from __future__ import annotations

import numpy as np

from handhold.errors import InputError
from handhold.evaluate.metrics.arguments import numbers, require_same_shape

COLLINEAR = 1e-4
"""Points whose second singular value is below this share of the first lie on a line: no rotation is determined."""
UNDETERMINED = 1e-10
"""The same for the correlation of the two point sets."""


def mpjpe_mm(joints: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mean distance of joints to the reference's, unaligned [mm]; lower is better.

    Args:
        joints: (*, J, 3) [m], NaN where missing.
        reference: (*, J, 3) [m], the same joints in the same frame, NaN where missing.

    Returns:
        (*), NaN where no joint is known in both.

    Raises:
        InputError: shapes that differ, or infinite numbers.
    """
    return _mean_distance_mm(*_pair(joints, reference, where="joints"))


def root_aligned_mpjpe_mm(joints: np.ndarray, reference: np.ndarray, *, root: int = 0) -> np.ndarray:
    """Mean distance of joints after their roots are laid on one another [mm]; lower is better.

    With the wrist as root, CHOIR's R-MPJPE (its appendix C.1). The root counts in the mean with a distance of zero,
    as in most released code; some evaluations drop it and come out J/(J-1) times larger.

    Args:
        joints: (*, J, 3) [m], NaN where missing.
        reference: (*, J, 3) [m], NaN where missing.
        root: index of the joint that is aligned; the wrist is 0 in MANO's and in OpenPose's order.

    Returns:
        (*), NaN where the root is missing.

    Raises:
        InputError: shapes that differ, infinite numbers, or no such joint.
    """
    joints, reference = _pair(joints, reference, where="joints")
    if not 0 <= root < joints.shape[-2]:
        raise InputError("no such joint", where="root", expected=f"0 to {joints.shape[-2] - 1}", got=root)
    middle = slice(root, root + 1)
    return _mean_distance_mm(joints - joints[..., middle, :], reference - reference[..., middle, :])


def procrustes_mpjpe_mm(joints: np.ndarray, reference: np.ndarray, *, scale: bool) -> np.ndarray:
    """Mean distance of joints after the best alignment [mm]; lower is better.

    Args:
        joints: (*, J, 3) [m], NaN where missing.
        reference: (*, J, 3) [m], NaN where missing.
        scale: align size too: PA-MPJPE as HaMeR and the hand-pose benchmarks have it. Without, the alignment is
            rigid, as in ContactOpt's code (where it is not used).

    Returns:
        (*), NaN where fewer than three joints are known or they lie on a line (see `procrustes`).

    Raises:
        InputError: shapes that differ, or infinite numbers.
    """
    return mpjpe_mm(procrustes(joints, reference, scale=scale), reference)


def mpvpe_mm(vertices: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mean distance of vertices to the reference's, unaligned [mm]; lower is better.

    Both hands are the same mesh. Arguments, result and errors are those of `mpjpe_mm`.
    """
    return _mean_distance_mm(*_pair(vertices, reference, where="vertices"))


def root_aligned_mpvpe_mm(
    vertices: np.ndarray, reference: np.ndarray, *, root: np.ndarray, reference_root: np.ndarray
) -> np.ndarray:
    """Mean distance of vertices after the two wrists are laid on one another [mm]; lower is better.

    Args:
        vertices: (*, V, 3) [m], NaN where missing.
        reference: (*, V, 3) [m], the same mesh, NaN where missing.
        root: (*, 3) the wrist [m].
        reference_root: (*, 3) the reference's wrist [m].

    Returns:
        (*), NaN where a root is missing.

    Raises:
        InputError: shapes that differ, or infinite numbers.
    """
    vertices, reference = _pair(vertices, reference, where="vertices")
    roots = []
    for where, value in (("root", root), ("reference_root", reference_root)):
        point = numbers(value, (3,), where=where, missing=True)
        if point.shape[:-1] != vertices.shape[:-2]:
            expected = (*vertices.shape[:-2], 3)
            raise InputError("is not one point a hand", where=where, expected=expected, got=point.shape)
        roots.append(point[..., None, :])
    return _mean_distance_mm(vertices - roots[0], reference - roots[1])


def procrustes_mpvpe_mm(vertices: np.ndarray, reference: np.ndarray, *, scale: bool) -> np.ndarray:
    """Mean distance of vertices after the best alignment of these vertices [mm]; lower is better.

    PA-MPVPE (PA-PVE in GravityDB). Arguments, result and errors are those of `procrustes_mpjpe_mm`.
    """
    return mpvpe_mm(procrustes(vertices, reference, scale=scale), reference)


def procrustes(points: np.ndarray, reference: np.ndarray, *, scale: bool) -> np.ndarray:
    """Points moved onto a reference with the least sum of squared distances.

    A proper rotation and a translation (Kabsch 1976; Umeyama 1991), with `scale` also one size; never a reflection,
    which some published code allows (FreiHAND's `align_w_scale`): a left hand does not become a right one.

    Args:
        points: (*, N, 3) [m], NaN where missing.
        reference: (*, N, 3) [m], NaN where missing.
        scale: whether size is aligned too.

    Returns:
        (*, N, 3) [m]; NaN where a point is missing in either, and for all points of an item of which fewer than
        three are known, or whose rotation is not determined (points on a line, or all in one place).

    Raises:
        InputError: shapes that differ, or infinite numbers.
    """
    points, reference = _pair(points, reference, where="points")
    known = np.isfinite(points[..., :1])
    x, _ = _centred(points, known)
    y, middle = _centred(reference, known)
    # Cross-covariance H = sum x y^T = U S V^T; the rotation is R = V D U^T with D = diag(1, 1, det(V U^T)).
    u, singular, vt = np.linalg.svd(np.swapaxes(x, -1, -2) @ y)
    sign = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    u[..., :, 2] *= sign[..., None]
    aligned = x @ (u @ vt)
    if scale:
        size = singular[..., 0] + singular[..., 1] + sign * singular[..., 2]
        spread = np.square(x).sum((-1, -2))
        aligned = (
            aligned * np.divide(size, spread, out=np.zeros_like(size), where=spread > 0)[..., None, None]
        )
    # One point or two span no plane either.
    possible = _spans_a_plane(x) & _spans_a_plane(y) & (singular[..., 1] > UNDETERMINED * singular[..., 0])
    return np.where(known & possible[..., None, None], aligned + middle, np.nan)


def pck(joints: np.ndarray, reference: np.ndarray, *, threshold_mm: float) -> np.ndarray:
    """Share of joints no further than a threshold from the reference's, in [0, 1]; higher is better.

    For PCK after an alignment, align first: `pck(procrustes(j, r, scale=True), r, threshold_mm=20)`.

    Args:
        joints: (*, J, 3) [m], NaN where missing.
        reference: (*, J, 3) [m], NaN where missing.
        threshold_mm: the threshold [mm].

    Returns:
        (*), NaN where no joint is known in both.

    Raises:
        InputError: shapes that differ, infinite numbers, or a threshold that is no number of 0 or more.
    """
    if not 0 <= threshold_mm < np.inf:
        raise InputError("is no threshold", where="threshold_mm", expected="0 or more", got=threshold_mm)
    return _share_within(*_pair(joints, reference, where="joints"), np.array([threshold_mm]))[..., 0]


def pck_auc(
    joints: np.ndarray, reference: np.ndarray, *, low_mm: float = 0.0, high_mm: float = 50.0, steps: int = 100
) -> np.ndarray:
    """Area under the curve of PCK over thresholds, divided by their range, in [0, 1]; higher is better.

    The grid is that of the hand-pose benchmarks (Zimmermann and Brox 2017, whose `EvalUtil` FreiHAND and HO-3D use
    with 0 to 50 mm in 100 steps): `linspace(low, high, steps)`, both ends included, a joint counting from
    `distance <= threshold` on, joined by trapezoids. They pool all hands, take one area for each joint and average
    over joints; the mean of this figure over hands is the same where no joint is missing.

    Args:
        joints: (*, J, 3) [m], NaN where missing.
        reference: (*, J, 3) [m], NaN where missing.
        low_mm: the first threshold [mm].
        high_mm: the last threshold [mm].
        steps: how many thresholds, two or more.

    Returns:
        (*), NaN where no joint is known in both.

    Raises:
        InputError: shapes that differ, infinite numbers, or no range of thresholds.
    """
    if not 0 <= low_mm < high_mm < np.inf or steps < 2:
        raise InputError(
            "is no range of thresholds",
            where="low_mm, high_mm, steps",
            expected="0 <= low_mm < high_mm, two steps or more",
            got=(low_mm, high_mm, steps),
        )
    thresholds = np.linspace(low_mm, high_mm, steps)
    curve = _share_within(*_pair(joints, reference, where="joints"), thresholds)
    return (curve.sum(-1) - (curve[..., 0] + curve[..., -1]) / 2) / (steps - 1)


def _pair(points: np.ndarray, reference: np.ndarray, *, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Both in float64, with NaN in all three coordinates of points that are missing in either."""
    points = numbers(points, (None, 3), where=where, missing=True)
    reference = numbers(reference, (None, 3), where="reference", missing=True)
    require_same_shape(points, reference, where=where)
    missing = (np.isnan(points) | np.isnan(reference)).any(-1, keepdims=True)
    return np.where(missing, np.nan, points), np.where(missing, np.nan, reference)


def _mean_distance_mm(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    distance = np.linalg.norm(points - reference, axis=-1)
    known = ~np.isnan(distance)
    return 1e3 * _ratio(np.where(known, distance, 0.0).sum(-1), known.sum(-1))


def _share_within(points: np.ndarray, reference: np.ndarray, thresholds_mm: np.ndarray) -> np.ndarray:
    """Share of known points within each threshold, (*, K)."""
    distance = 1e3 * np.linalg.norm(points - reference, axis=-1)
    known = (~np.isnan(distance)).sum(-1)
    return np.stack([_ratio((distance <= t).sum(-1), known) for t in thresholds_mm], -1)


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The quotient; NaN where the count is zero."""
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)[()]


def _centred(points: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points around their mean, zero where missing, and the mean (*, 1, 3)."""
    filled = np.where(known, points, 0.0)
    middle = filled.sum(-2, keepdims=True) / np.maximum(known.sum(-2, keepdims=True), 1)
    return np.where(known, points - middle, 0.0), middle


def _spans_a_plane(centred: np.ndarray) -> np.ndarray:
    singular = np.sqrt(np.maximum(np.linalg.eigvalsh(np.swapaxes(centred, -1, -2) @ centred), 0.0))
    return singular[..., 1] > COLLINEAR * singular[..., 2]
