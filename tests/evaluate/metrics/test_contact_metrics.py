"""Contact by definition, by brute force, and on shapes whose contact is known."""

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from handhold.errors import InputError
from handhold.evaluate.metrics import contact
from handhold.geometry.distance import ExactDistance

RNG = np.random.default_rng(0)


def test_booleans_at_their_thresholds():
    signed = np.array([[0.02, 0.0049], [0.02, 0.0051], [0.02, -0.03], [0.02, 0.0]])
    assert contact.grasptta_contact(signed).tolist() == [True, False, True, True]
    assert contact.halo_contact(signed).tolist() == [False, False, True, False]
    assert contact.fastgrasp_contact(np.array([0.0, 0.125])).tolist() == [False, True]
    assert bool(contact.fastgrasp_contact(np.array(0.2))) is True
    assert bool(contact.grasptta_contact(signed[0])) is True


def test_diffh2os_ratio_counts_only_frames_that_penetrate():
    touching = np.array([0.001, 0.004, 0.006, 0.02])
    inside = np.array([-0.001, 0.004, 0.006, 0.02])
    deep = np.array([-0.008, 0.004, 0.006, 0.02])
    motion = np.stack((touching, inside, deep))
    assert contact.diffh2o_contact_ratio(motion) == pytest.approx((0.5 + 0.25) / 2)
    assert contact.diffh2o_contact_ratio(touching[None]) == 0.0
    both = contact.diffh2o_contact_ratio(np.stack((motion, np.stack([touching] * 3))))
    assert both == pytest.approx([0.375, 0.0])


def test_fgs_ratio_is_the_share_of_vertices_within_a_centimetre():
    distance = np.array([[0.0, 0.005, 0.0099, 0.01, 0.2], [0.02, 0.03, -0.004, -0.012, 0.5]])
    assert contact.fgs_contact_ratio(distance) == pytest.approx([0.6, 0.2])


@pytest.mark.parametrize(
    "metric",
    [
        contact.grasptta_contact,
        contact.halo_contact,
        contact.fgs_contact_ratio,
        lambda x: contact.diffh2o_contact_ratio(x[None]),
        contact.fastgrasp_contact,
    ],
)
def test_nan_and_infinity_are_refused(metric):
    for bad in (np.nan, np.inf):
        with pytest.raises(InputError, match="not finite"):
            metric(np.array([0.01, bad]))


def test_empty_and_negative_input_is_refused():
    with pytest.raises(InputError, match="wrong shape"):
        contact.grasptta_contact(np.zeros((3, 0)))
    with pytest.raises(InputError, match="negative"):
        contact.fastgrasp_contact(np.array([0.1, -0.1]))


def ball_and_cloud(count: int, points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    normals = RNG.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    directions = RNG.normal(size=(points, 3))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    return 0.04 * normals, normals, directions * RNG.uniform(0.035, 0.06, size=(points, 1))


def brute_capsule(vertices, normals, hand, top, bottom, scale) -> np.ndarray:
    """Point for point: the nearest of all hand points, then its distance to the segment."""
    contacts = []
    for v, n in zip(vertices, normals, strict=True):
        h = hand[np.argmin(np.linalg.norm(hand - v, axis=-1))]
        a, b = v + n * top, v + n * bottom
        along = np.clip(np.dot(h - a, b - a) / np.dot(b - a, b - a), 0, 1)
        d = np.linalg.norm(h - (a + along * (b - a))) / scale
        contacts.append(min(max(1 / (d + 1e-4), 0), 1))
    return np.array(contacts)


@pytest.mark.parametrize("bottom", [-0.0015, -0.001])
def test_capsules_are_those_of_brute_force(bottom):
    vertices, normals, hand = ball_and_cloud(300, 3000)
    found = contact.capsule_contact(vertices, normals, hand_vertices=hand, bottom_m=bottom)
    assert found == pytest.approx(brute_capsule(vertices, normals, hand, 0.0005, bottom, 0.001), abs=1e-12)
    assert 0 < found.min() < 0.5 < found.max() == 1


def test_a_capsules_contact_at_known_distances():
    """Above, within, below and beside the segment of one vertex at the origin whose normal is z."""
    hand = np.array([[0, 0, 0.0045], [0, 0, 0.0003], [0, 0, -0.0035], [0.0015, 0, -0.001]])
    at = [
        contact.capsule_contact(np.zeros((1, 3)), np.array([[0, 0, 1.0]]), hand_vertices=h[None])[0]
        for h in hand
    ]
    assert at == pytest.approx([1 / 4.0001, 1.0, 1 / 2.0001, 1 / 1.5001])


def test_capsules_move_with_the_scene_and_errors_are_differences():
    vertices, normals, hand = ball_and_cloud(300, 200)
    turn, shift = Rotation.from_rotvec([1, 2, -0.5]).as_matrix(), np.array([0.3, 0.1, -2.0])
    still = contact.capsule_contact(vertices, normals, hand_vertices=hand)
    moved = contact.capsule_contact(
        vertices @ turn.T + shift, normals @ turn.T, hand_vertices=hand @ turn.T + shift
    )
    assert moved == pytest.approx(still, rel=1e-6)
    assert contact.capsule_contact_error(still, still) == 0
    half = np.full_like(still, 0.5)
    assert contact.capsule_contact_error(still, half) == pytest.approx(np.abs(still - 0.5).mean())
    with pytest.raises(InputError, match="no contact map"):
        contact.capsule_contact_error(still + 0.5, half)


def test_a_vertex_without_a_normal_is_a_ball():
    found = contact.capsule_contact(
        np.zeros((1, 3)), np.zeros((1, 3)), hand_vertices=np.array([[0.002, 0, 0]])
    )
    assert found == pytest.approx([1 / 2.0001])


def test_bad_capsules_are_refused():
    vertices, normals, hand = ball_and_cloud(10, 10)
    with pytest.raises(InputError, match="another shape"):
        contact.capsule_contact(vertices, normals[:5], hand_vertices=hand)
    with pytest.raises(InputError, match="no capsule"):
        contact.capsule_contact(vertices, normals, hand_vertices=hand, bottom_m=0.001)
    with pytest.raises(InputError, match="hand_vertices"):
        contact.capsule_contact(vertices, normals, hand_vertices=hand[:0])


def test_scores_by_hand():
    predicted = np.array([1, 1, 1, 0, 0, 0], bool)
    wanted = np.array([1, 1, 0, 1, 1, 0], bool)
    found = contact.hand_contact_scores(predicted, wanted)
    assert found.precision_pct == pytest.approx(200 / 3)
    assert found.recall_pct == pytest.approx(50)
    assert found.f1_pct == pytest.approx(2 * (200 / 3) * 50 / (200 / 3 + 50))
    same = contact.hand_contact_scores(wanted, wanted)
    assert (same.precision_pct, same.recall_pct, same.f1_pct) == (100, 100, 100)


@pytest.mark.filterwarnings("error")
def test_maps_without_contact_are_no_success():
    none, some = np.zeros(4, bool), np.array([0, 1, 0, 0], bool)
    batch = contact.hand_contact_scores(np.stack((none, some, none)), np.stack((some, none, none)))
    for values in (batch.precision_pct, batch.recall_pct, batch.f1_pct):
        assert values[:2].tolist() == [0, 0]
        assert np.isnan(values[2])
    with pytest.raises(InputError, match="booleans"):
        contact.hand_contact_scores(np.zeros(4), some)
    with pytest.raises(InputError, match="another shape"):
        contact.hand_contact_scores(none[:3], some)


def test_upsampling_is_trimeshs():
    """Points on a mesh that trimesh has upsampled are all touched, and no others are, by a hair's breadth."""
    ball = trimesh.creation.icosphere(subdivisions=1, radius=0.03)
    vertices, faces = np.asarray(ball.vertices), np.asarray(ball.faces)
    finer = np.asarray(ball.subdivide().subdivide().vertices)
    for kept in (slice(None), slice(0, len(finer), 3)):
        found = contact.choir_hand_contact(vertices, faces, object_points=finer[kept], threshold_m=1e-9)
        assert found.shape == (len(finer),)
        assert found.sum() == len(finer[kept])
    first = contact.choir_hand_contact(vertices, faces, object_points=vertices, threshold_m=1e-9)
    assert np.flatnonzero(first).tolist() == list(range(len(vertices)))
    assert not contact.choir_hand_contact(vertices, faces, object_points=np.ones((1, 3))).any()


def test_contact_of_a_plate_on_a_plate_and_of_sparse_points():
    """A square of 4 cm whose corner strip of 1 cm lies over a table's edge, 1 mm above it."""
    side = np.linspace(0, 0.04, 5)
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
    plate = np.column_stack((grid, np.full(len(grid), 0.001)))
    corner = np.arange(20).reshape(4, 5)[:, :4].ravel()
    faces = np.concatenate(
        (np.stack((corner, corner + 5, corner + 6), 1), np.stack((corner, corner + 6, corner + 1), 1))
    )
    table = trimesh.creation.box(bounds=[[-0.1, -0.1, -0.1], [0.0101, 0.1, 0.0]])
    surface = ExactDistance(np.asarray(table.vertices), np.asarray(table.faces))
    exact = contact.surface_hand_contact(plate, faces, surface=surface)
    # A lattice of 2.5 mm, 17 by 17; its columns at 0, 2.5, ... 10 mm are above the table.
    assert len(exact) == 17 * 17
    assert exact.sum() == 5 * 17
    dense = np.stack(np.meshgrid(np.arange(0, 0.0105, 5e-4), np.arange(0, 0.0405, 5e-4), [0.0]), -1).reshape(
        -1, 3
    )
    assert (contact.choir_hand_contact(plate, faces, object_points=dense) == exact).all()
    sparse = contact.choir_hand_contact(plate, faces, object_points=dense[::97])
    assert 0 < sparse.sum() < exact.sum()
    assert not (sparse & ~exact).any()


def test_deep_points_do_not_touch():
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.03)
    box = trimesh.creation.box(extents=(0.2, 0.2, 0.2))
    surface = ExactDistance(np.asarray(box.vertices), np.asarray(box.faces))
    vertices = np.asarray(ball.vertices)
    assert not contact.surface_hand_contact(vertices, np.asarray(ball.faces), surface=surface).any()


def test_faces_of_other_vertices_are_refused():
    points = np.zeros((1, 3))
    for faces in (np.array([[0, 1, 3]]), np.array([[0.0, 1.0, 2.0]]), np.zeros((0, 3), int)):
        with pytest.raises(InputError, match="hand_faces"):
            contact.choir_hand_contact(np.eye(3), faces, object_points=points)
    with pytest.raises(InputError, match="threshold_m"):
        contact.choir_hand_contact(np.eye(3), np.array([[0, 1, 2]]), object_points=points, threshold_m=0)


def test_proximity_error_is_the_difference_of_distances():
    wanted = np.array([0.0, 0.01, 0.02])
    assert contact.proximity_error_mm(wanted + 0.003, wanted) == pytest.approx(3.0)
    assert contact.proximity_error_mm(-wanted, wanted) == 0
    found = contact.proximity_error_mm(
        np.array([[0.001, np.nan, 0.02], [np.nan] * 3]), np.stack((wanted, wanted))
    )
    assert found[0] == pytest.approx(0.5)
    assert np.isnan(found[1])
    with pytest.raises(InputError, match="another shape"):
        contact.proximity_error_mm(wanted[:2], wanted)
