"""Distances that are known, independent references, and what must become NaN."""

import numpy as np
import pytest
from scipy.spatial import procrustes as scipy_procrustes
from scipy.spatial.transform import Rotation

from handhold.errors import InputError
from handhold.evaluate.metrics import pose

RNG = np.random.default_rng(0)
REFERENCE = RNG.normal(scale=0.04, size=(5, 21, 3)) + np.array([0.3, -0.2, 0.9])
NOISY = REFERENCE + RNG.normal(scale=0.005, size=REFERENCE.shape)
TURN = Rotation.from_rotvec([0.4, -1.1, 0.7]).as_matrix()
SHIFT = np.array([0.1, 0.5, -0.2])


def test_a_translation_is_its_length_and_no_error_once_the_root_is_aligned():
    moved = REFERENCE + np.array([0.002, 0.002, 0.001])
    assert pose.mpjpe_mm(moved, REFERENCE) == pytest.approx(np.full(5, 3.0))
    assert pose.mpvpe_mm(moved, REFERENCE) == pytest.approx(np.full(5, 3.0))
    assert pose.root_aligned_mpjpe_mm(moved, REFERENCE) == pytest.approx(np.zeros(5), abs=1e-9)


def test_the_root_is_the_joint_that_is_named():
    off = REFERENCE.copy()
    off[:, 4] += [0.0, 0.021, 0.0]
    assert pose.root_aligned_mpjpe_mm(off, REFERENCE) == pytest.approx(np.full(5, 1.0))
    assert pose.root_aligned_mpjpe_mm(off, REFERENCE, root=4) == pytest.approx(np.full(5, 20.0))
    with pytest.raises(InputError, match="no such joint"):
        pose.root_aligned_mpjpe_mm(off, REFERENCE, root=21)


def test_vertices_are_aligned_by_roots_that_are_no_vertices():
    root, other = RNG.normal(size=(2, 5, 3))
    moved = REFERENCE - other[:, None] + root[:, None] + np.array([0, 0, 0.004])
    found = pose.root_aligned_mpvpe_mm(moved, REFERENCE, root=root, reference_root=other)
    assert found == pytest.approx(np.full(5, 4.0))
    with pytest.raises(InputError, match="root"):
        pose.root_aligned_mpvpe_mm(moved, REFERENCE, root=root[0], reference_root=other)


def test_a_moved_copy_is_aligned_and_a_larger_one_only_with_scale():
    moved = REFERENCE @ TURN.T + SHIFT
    middle = REFERENCE.mean(1, keepdims=True)
    larger = (middle + 1.2 * (REFERENCE - middle)) @ TURN.T + SHIFT
    for scale in (True, False):
        assert pose.procrustes_mpjpe_mm(moved, REFERENCE, scale=scale) == pytest.approx(np.zeros(5), abs=1e-9)
    assert pose.procrustes_mpvpe_mm(larger, REFERENCE, scale=True) == pytest.approx(np.zeros(5), abs=1e-9)
    radius = np.linalg.norm(REFERENCE - middle, axis=-1).mean(-1)
    assert pose.procrustes_mpjpe_mm(larger, REFERENCE, scale=False) == pytest.approx(1e3 * 0.2 * radius)


def test_a_mirrored_hand_is_not_the_hand():
    mirrored = REFERENCE * np.array([-1, 1, 1])
    for scale in (True, False):
        assert (pose.procrustes_mpjpe_mm(mirrored, REFERENCE, scale=scale) > 5).all()


def test_the_rigid_alignment_is_scipys():
    for points, reference in zip(NOISY @ TURN.T + SHIFT, REFERENCE, strict=True):
        rotation, _ = Rotation.align_vectors(reference - reference.mean(0), points - points.mean(0))
        expected = rotation.apply(points - points.mean(0)) + reference.mean(0)
        assert pose.procrustes(points, reference, scale=False) == pytest.approx(expected, abs=1e-9)


def test_the_rigid_alignment_of_a_mirrored_hand_is_scipys():
    points = NOISY[0] * np.array([1, 1, -1])
    rotation, _ = Rotation.align_vectors(REFERENCE[0] - REFERENCE[0].mean(0), points - points.mean(0))
    expected = rotation.apply(points - points.mean(0)) + REFERENCE[0].mean(0)
    assert pose.procrustes(points, REFERENCE[0], scale=False) == pytest.approx(expected, abs=1e-9)
    # The best size under that rotation, by least squares of one unknown.
    turned, wanted = (x - REFERENCE[0].mean(0) for x in (expected, REFERENCE[0]))
    size = (turned * wanted).sum() / np.square(turned).sum()
    found = pose.procrustes(points, REFERENCE[0], scale=True)
    assert found == pytest.approx(size * turned + REFERENCE[0].mean(0), abs=1e-9)


def test_the_alignment_with_scale_is_scipys():
    for points, reference in zip(NOISY @ TURN.T, REFERENCE, strict=True):
        first, second, _ = scipy_procrustes(reference, points)
        size = np.linalg.norm(reference - reference.mean(0))
        aligned = pose.procrustes(points, reference, scale=True)
        assert (aligned - reference) / size == pytest.approx(second - first, abs=1e-9)


def test_missing_joints_are_left_out_of_means_and_alignments():
    points, reference = NOISY.copy(), REFERENCE.copy()
    points[:, 3, 1] = np.nan
    reference[:, 7] = np.nan
    kept = [j for j in range(21) if j not in (3, 7)]
    for figure in (
        pose.mpjpe_mm,
        pose.root_aligned_mpjpe_mm,
        lambda a, b: pose.procrustes_mpjpe_mm(a, b, scale=True),
        lambda a, b: pose.procrustes_mpjpe_mm(a, b, scale=False),
        lambda a, b: pose.pck(a, b, threshold_mm=8),
        pose.pck_auc,
    ):
        assert figure(points, reference) == pytest.approx(figure(NOISY[:, kept], REFERENCE[:, kept]))
    assert np.isnan(pose.procrustes(points, reference, scale=True)[:, [3, 7]]).all()


@pytest.mark.filterwarnings("error")
def test_a_hand_without_joints_is_nan_and_spoils_no_other():
    points = NOISY.copy()
    points[1] = np.nan
    others = [0, 2, 3, 4]
    for figure in (
        pose.mpjpe_mm,
        pose.root_aligned_mpjpe_mm,
        lambda a, b: pose.procrustes_mpjpe_mm(a, b, scale=True),
        lambda a, b: pose.pck(a, b, threshold_mm=8),
        pose.pck_auc,
    ):
        found = figure(points, REFERENCE)
        assert np.isnan(found[1])
        assert found[others] == pytest.approx(figure(NOISY[others], REFERENCE[others]))
    points[0, 0] = np.nan
    assert np.isnan(pose.root_aligned_mpjpe_mm(points, REFERENCE)[0])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [True, False])
def test_what_cannot_be_aligned_is_nan_and_never_a_good_score(scale):
    line = np.linspace(0, 0.1, 21)[:, None] * np.array([1.0, 2.0, -1.0]) + SHIFT
    place = np.broadcast_to(SHIFT, (21, 3))
    two = np.full((21, 3), np.nan)
    two[:2] = NOISY[0, :2]
    for points, reference in (
        (line, REFERENCE[0]),
        (REFERENCE[0], line),
        (place, REFERENCE[0]),
        (line, line),
    ):
        assert np.isnan(pose.procrustes_mpjpe_mm(points, reference, scale=scale))
    assert np.isnan(pose.procrustes_mpjpe_mm(two, REFERENCE[0], scale=scale))


def test_a_line_but_for_noise_is_a_line():
    line = np.linspace(0, 0.1, 21)[:, None] * np.array([1.0, 2.0, -1.0]) + SHIFT
    line = line + RNG.normal(scale=1e-7, size=line.shape)
    assert np.isnan(pose.procrustes_mpjpe_mm(line, REFERENCE[0], scale=True))
    assert np.isnan(pose.procrustes_mpjpe_mm(REFERENCE[0], line, scale=True))


def test_points_whose_correlation_tells_no_rotation_are_nan():
    """Two squares that agree along x and are unrelated across it: any turn about x is as good."""
    square = np.array([[1.0, 1, 0], [1, -1, 0], [-1, 1, 0], [-1, -1, 0]]) / 10
    other = square[[0, 1, 3, 2]]
    assert pose.procrustes_mpjpe_mm(square, square, scale=False) == pytest.approx(0, abs=1e-9)
    assert np.isnan(pose.procrustes_mpjpe_mm(square, other, scale=False))


def test_flat_points_are_aligned():
    flat = REFERENCE * np.array([1, 1, 0])
    assert pose.procrustes_mpjpe_mm(flat @ TURN.T, flat, scale=False) == pytest.approx(np.zeros(5), abs=1e-9)


def test_pck_counts_and_its_area_is_that_of_the_curve():
    off = np.zeros((4, 3))
    off[:, 0] = [0.0, 0.01, 0.03, 0.09]
    zero = np.zeros((4, 3))
    assert pose.pck(off, zero, threshold_mm=20) == 0.5
    assert pose.pck(off, zero, threshold_mm=0) == 0.25
    # Steps at 0, 10 and 30 mm of a curve to 50 mm: 1/4 (50 + 40 + 20) / 50, exact as the grid gets finer.
    assert pose.pck_auc(off, zero, steps=10_001) == pytest.approx(0.55, abs=1e-3)
    assert pose.pck_auc(zero, zero) == 1.0
    assert pose.pck_auc(zero + 1.0, zero) == 0.0


def test_the_area_is_the_benchmarks():
    """Pooled over hands, an area for each joint, then the mean over joints."""
    thresholds = np.linspace(0, 50, 100)
    error = 1e3 * np.linalg.norm(NOISY - REFERENCE, axis=-1)
    areas = []
    for joint in range(21):
        curve = [(error[:, joint] <= t).mean() for t in thresholds]
        areas.append(np.trapezoid(curve, thresholds) / 50)
    assert pose.pck_auc(NOISY, REFERENCE).mean() == pytest.approx(np.mean(areas))


def test_a_rigid_motion_of_both_changes_nothing():
    moved = [x @ TURN.T + SHIFT for x in (NOISY, REFERENCE)]
    for figure in (
        pose.mpjpe_mm,
        pose.root_aligned_mpjpe_mm,
        pose.pck_auc,
        lambda a, b: pose.procrustes_mpjpe_mm(a, b, scale=True),
    ):
        assert figure(*moved) == pytest.approx(figure(NOISY, REFERENCE), rel=1e-9)


def test_a_batch_is_its_items():
    shape = (5, 1, 21, 3)
    for figure in (pose.mpjpe_mm, pose.pck_auc, lambda a, b: pose.procrustes_mpjpe_mm(a, b, scale=True)):
        found = figure(NOISY.reshape(shape), REFERENCE.reshape(shape))
        assert found.shape == (5, 1)
        singles = [float(figure(a, b)) for a, b in zip(NOISY, REFERENCE, strict=True)]
        assert found[:, 0] == pytest.approx(singles)


def test_float32_serves():
    points = NOISY.astype(np.float32)
    assert pose.procrustes_mpjpe_mm(points, REFERENCE, scale=True) == pytest.approx(
        pose.procrustes_mpjpe_mm(NOISY, REFERENCE, scale=True), abs=1e-3
    )


@pytest.mark.parametrize(
    ("points", "told"),
    [
        (REFERENCE[:, :20], "another shape"),
        (REFERENCE[..., :2], "wrong shape"),
        (np.zeros((5, 0, 3)), "wrong shape"),
        (np.where(REFERENCE.max() == REFERENCE, np.inf, REFERENCE), "not finite"),
        (REFERENCE.astype(str), "not made of numbers"),
    ],
)
def test_bad_input_is_told(points, told):
    with pytest.raises(InputError, match=told):
        pose.mpjpe_mm(points, REFERENCE)


def test_bad_thresholds_are_told():
    with pytest.raises(InputError, match="threshold"):
        pose.pck(NOISY, REFERENCE, threshold_mm=-1)
    for options in ({"low_mm": 50.0}, {"steps": 1}, {"high_mm": np.nan}):
        with pytest.raises(InputError, match="range of thresholds"):
            pose.pck_auc(NOISY, REFERENCE, **options)
