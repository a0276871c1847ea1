"""Published volumes and depths against the protocols' own steps, done with trimesh and libigl, and analytic cases."""

from dataclasses import replace

import igl
import numpy as np
import pytest
import torch
import trimesh

from handhold.errors import InputError
from handhold.evaluate.metrics.penetration import (
    ObjectVoxels,
    choir_volume_cm3,
    depth_mm,
    geneoh_depth_mm,
    halo_depth_mm,
    halo_volume_cm3,
    oakink_depth_mm,
    obman_surface_volume_cm3,
)
from handhold.geometry.distance import ExactDistance
from handhold.hand import Hand

VOLUMES = (obman_surface_volume_cm3, halo_volume_cm3, choir_volume_cm3)
DEPTHS_M = (0.005, 0.010, 0.020)
CUBE = trimesh.creation.box((0.06, 0.06, 0.06))
HAND = Hand.open()


def capsule(depth: float) -> trimesh.Trimesh:
    """An upright capsule of 8 mm radius over the origin, so deep in the top of the cube."""
    mesh = trimesh.creation.capsule(height=0.06, radius=0.008)
    return trimesh.Trimesh(mesh.vertices + np.array([0, 0, 0.03 - depth - mesh.bounds[0, 2]]), mesh.faces)


def volume(function, hand, item, *, shift=(0, 0, 0), **options) -> float:
    move = np.asarray(shift)
    return float(function(hand.vertices + move, hand.faces, item.vertices + move, item.faces, **options))


def pair(seed: int) -> tuple[trimesh.Trimesh, trimesh.Trimesh]:
    """A real-size hand in some pose, with an uneven ball somewhere in it."""
    random, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    params = HAND.zeros()
    pose = params.hand_pose + 0.12 * torch.randn(params.hand_pose.shape, generator=generator)
    turn = torch.randn(3, generator=generator)
    vertices = HAND(replace(params, hand_pose=pose, global_orient=turn)).vertices.double().numpy()
    ball = trimesh.creation.icosphere(3)
    bumps = np.sin(4 * ball.vertices @ random.normal(size=(3, 3))).mean(1)
    centre = vertices.mean(0) + random.normal(size=3) * 0.01
    item = ball.vertices * (0.03 * (1 + 0.3 * bumps))[:, None] + centre
    return trimesh.Trimesh(vertices, HAND.faces.numpy()), trimesh.Trimesh(item, ball.faces)


def local_count(hand, item, radius=100) -> float:
    """CHOIR's own steps [cm³]."""
    blocks = [
        trimesh.voxel.creation.local_voxelize(mesh, item.vertices.mean(0), 0.002, radius).fill().matrix
        for mesh in (hand, item)
    ]
    return float((blocks[0] & blocks[1]).sum() * 0.008)


@pytest.mark.parametrize("seed", range(10))
def test_obmans_volume_is_that_of_its_three_steps_to_the_voxel(seed):
    hand, item = pair(seed)
    count = hand.contains(item.voxelized(0.005).points).sum()
    assert volume(obman_surface_volume_cm3, hand, item) == pytest.approx(count * 0.125, abs=1e-9)
    assert count > 0


def test_obmans_volume_does_not_see_how_deep_a_finger_goes():
    at = {
        shift: [volume(obman_surface_volume_cm3, capsule(d), CUBE, shift=shift) for d in DEPTHS_M]
        for shift in ((0, 0, 0), (0.001, 0.002, 0))
    }
    assert at[0, 0, 0] == pytest.approx([1.125] * 3)
    assert at[0.001, 0.002, 0] == pytest.approx([0.875] * 3)


def test_only_whole_pitches_leave_obmans_volume_alone():
    hand, item = pair(0)
    before = volume(obman_surface_volume_cm3, hand, item)
    assert volume(obman_surface_volume_cm3, hand, item, shift=(0.015, -0.01, 0.005)) == before
    shifts = np.random.default_rng(0).uniform(0, 0.005, (6, 3))
    assert len({volume(obman_surface_volume_cm3, hand, item, shift=s) for s in shifts}) > 2


def test_halos_and_choirs_grids_follow_the_scene_but_do_not_turn_with_it():
    hand, item = pair(1)
    turn = trimesh.transformations.rotation_matrix(0.6, [1, 2, 3])
    turned = [mesh.copy().apply_transform(turn) for mesh in (hand, item)]
    for function in (halo_volume_cm3, choir_volume_cm3):
        before = volume(function, hand, item)
        assert volume(function, hand, item, shift=(0.0123, -0.2, 0.0007)) == pytest.approx(before, rel=2e-3)
        after = volume(function, *turned)
        assert after != before
        assert after == pytest.approx(before, rel=0.02)


def test_halos_volume_is_that_of_its_grid_by_libigl():
    hand, item = pair(2)
    low = np.maximum(hand.bounds[0], item.bounds[0]) - 0.002
    high = np.minimum(hand.bounds[1], item.bounds[1]) + 0.002
    axes = [a + 0.002 * np.arange(int((b - a) / 0.002) + 1) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    both = [igl.signed_distance(grid, np.array(m.vertices), np.array(m.faces))[0] < 0 for m in (hand, item)]
    count = (both[0] & both[1]).sum()
    assert volume(halo_volume_cm3, hand, item, pitch_m=0.002) == pytest.approx(count * 0.008, abs=0.0081)
    assert count > 100


def test_halos_volume_comes_to_the_analytic_one():
    exact = (0.497, 1.474, 3.485)
    published = [volume(halo_volume_cm3, capsule(d), CUBE) for d in DEPTHS_M]
    assert published == pytest.approx(exact, rel=0.25)  # so coarse is a 1 mm grid on a finger
    fine = [volume(halo_volume_cm3, capsule(d), CUBE, pitch_m=0.00017) for d in DEPTHS_M]
    assert fine == pytest.approx(exact, rel=0.015)
    inner = trimesh.creation.box((0.0205, 0.0105, 0.0305))
    assert volume(halo_volume_cm3, inner, CUBE) == pytest.approx(21 * 11 * 31 / 1000)


def test_halos_volume_is_nothing_where_faces_cut_but_no_vertex_is_inside():
    rod = trimesh.creation.box((0.004, 0.004, 0.1))
    slab = trimesh.creation.box((0.06, 0.06, 0.01))
    assert volume(halo_volume_cm3, rod, slab) == 0
    assert volume(choir_volume_cm3, rod, slab) > 0


def test_halos_hull_fills_hollows():
    ring, rod = trimesh.creation.torus(0.03, 0.01), trimesh.creation.box((0.01, 0.01, 0.012))
    assert volume(halo_volume_cm3, rod, ring) == 0
    assert volume(halo_volume_cm3, rod, ring, convex_hull=True) == pytest.approx(1.2, rel=0.25)
    assert float(halo_depth_mm(rod.vertices, ring.vertices, ring.faces)) == 0
    deep = float(halo_depth_mm(rod.vertices, ring.vertices, ring.faces, convex_hull=True))
    assert deep == pytest.approx(4.0, abs=0.05)


@pytest.mark.parametrize("seed", range(1))
def test_choirs_volume_is_that_of_trimeshs_local_voxels(seed):
    hand, item = pair(seed)
    assert volume(choir_volume_cm3, hand, item) == pytest.approx(local_count(hand, item), abs=1e-9)
    assert local_count(hand, item) > 1


def test_choirs_cube_ends():
    hand, item = pair(3)
    assert volume(choir_volume_cm3, hand, item, radius=12) == pytest.approx(local_count(hand, item, 12))
    assert volume(choir_volume_cm3, hand, item, radius=12) < volume(choir_volume_cm3, hand, item)
    slab = trimesh.creation.box((1.0, 0.1, 0.02))
    finger = trimesh.Trimesh(capsule(0.01).vertices + np.array([0.3, 0, -0.025]), capsule(0.01).faces)
    assert np.isnan(volume(choir_volume_cm3, finger, slab))
    assert volume(choir_volume_cm3, finger, slab, radius=200) > 1
    assert volume(choir_volume_cm3, finger, CUBE) == 0


@pytest.mark.parametrize("function", VOLUMES)
def test_batches_equal_single_hands_and_prepared_objects_fresh_ones(function):
    first, item = pair(0)
    shifts = np.array([[0, 0, 0], [0.01, 0, 0], [0, -0.02, 0.03], [0, 0, 0]])
    hands = (np.array(first.vertices) + shifts[:, None]).reshape(2, 2, -1, 3)
    prepared = ObjectVoxels(item.vertices, item.faces)
    found = function(hands, first.faces, item.vertices, item.faces, prepared=prepared)
    assert found.shape == (2, 2)
    assert found.dtype == np.float64
    for k in range(4):
        alone = function(hands.reshape(4, -1, 3)[k], first.faces, item.vertices, item.faces)
        assert alone.shape == ()
        assert found.reshape(-1)[k] == alone
    assert len(np.unique(found)) == 3
    assert function(hands[:, :0], first.faces, item.vertices, item.faces).shape == (2, 0)
    with pytest.raises(InputError, match="another object"):
        function(hands, first.faces, item.vertices + 0.001, item.faces, prepared=prepared)


@pytest.mark.parametrize("function", VOLUMES)
def test_hands_apart_have_none(function):
    hand, item = pair(0)
    assert function(hand.vertices + 0.15, hand.faces, item.vertices, item.faces) == 0


@pytest.mark.parametrize("function", VOLUMES)
def test_hands_without_an_inside_are_told(function):
    hand, item = pair(0)
    vertices, faces, rest = np.array(hand.vertices), np.array(hand.faces), (item.vertices, item.faces)
    with pytest.raises(InputError, match=r"hand: the mesh is not closed.*3 open edges.*wrist"):
        function(vertices, faces[1:], *rest)
    with pytest.raises(InputError, match="hand 1: the mesh is inside out"):
        function(np.stack((vertices, vertices * [1, -1, 1])), faces, *rest)
    with pytest.raises(InputError, match="not finite"):
        function(np.where(vertices == vertices.max(), np.nan, vertices), faces, *rest)
    with pytest.raises(InputError, match="hand_vertices: has the wrong shape"):
        function(vertices[:0], faces, *rest)
    with pytest.raises(InputError, match="hand_faces: are no triangles"):
        function(vertices, faces[:0], *rest)
    with pytest.raises(InputError, match="hand_faces: are no triangles"):
        function(vertices[:100], faces, *rest)
    with pytest.raises(InputError, match="object_vertices"):
        function(vertices, faces, np.full_like(item.vertices, np.inf), item.faces)


def test_seams_are_no_openings():
    hand, item = pair(0)
    soup = np.arange(3 * len(hand.faces)).reshape(-1, 3)
    for function in VOLUMES:
        sewn = volume(function, hand, item)
        assert (
            float(function(hand.vertices[hand.faces].reshape(-1, 3), soup, item.vertices, item.faces)) == sewn
        )


def test_open_objects_have_a_surface_but_no_inside():
    hand, item = pair(0)
    faces = np.array(item.faces)[5:]
    assert obman_surface_volume_cm3(hand.vertices, hand.faces, item.vertices, faces) > 0
    for function in (halo_volume_cm3, choir_volume_cm3):
        with pytest.raises(InputError, match="object: the mesh is not closed"):
            function(hand.vertices, hand.faces, item.vertices, faces)
        with pytest.raises(InputError, match="object: the mesh is inside out"):
            function(hand.vertices, hand.faces, item.vertices, np.array(item.faces)[:, ::-1])
    assert halo_volume_cm3(hand.vertices, hand.faces, item.vertices, faces, convex_hull=True) > 0


def test_depths_of_a_capsule_in_a_cube():
    vertices = np.stack([capsule(d).vertices for d in (*DEPTHS_M, -0.01)])
    field = ExactDistance(np.array(CUBE.vertices), np.array(CUBE.faces))
    signed = field.query(vertices.reshape(-1, 3)).distance.reshape(vertices.shape[:-1])
    np.testing.assert_allclose(depth_mm(signed), [5, 10, 20, 0], atol=1e-6)
    np.testing.assert_allclose(halo_depth_mm(vertices, CUBE.vertices, CUBE.faces), [5, 10, 20, 0], atol=1e-6)
    assert depth_mm(signed[0]).shape == ()

    # The nearest corner of the cube is far from all that lies under the middle of its top.
    corners = np.linalg.norm(vertices[..., None, :] - CUBE.vertices, axis=-1).min(-1)
    expected = np.where(signed < 0, corners, 0).max(-1) * 1e3
    np.testing.assert_allclose(oakink_depth_mm(vertices, signed, CUBE.vertices), expected)
    assert expected[2] > 40 and expected[3] == 0


def test_geneohs_depth_is_a_mean_over_everything():
    floor = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0), [0.0], indexing="ij"), -1).reshape(-1, 3)
    up = np.broadcast_to([0.0, 0.0, 2.0], floor.shape)
    hand = np.array([[[1, 1, -0.004], [2, 2, 0.5]], [[3, 3, -0.002], [0, 0, -0.006]]], float)
    assert geneoh_depth_mm(hand, floor, up) == pytest.approx((4 + 0 + 2 + 6) / 4)
    np.testing.assert_allclose(
        geneoh_depth_mm(np.stack((hand, hand + np.array([0, 0, 1]))), floor, up), [3, 0]
    )
    assert geneoh_depth_mm(hand, floor, -up) == pytest.approx(500 / 4)


def test_bad_depths_are_told():
    with pytest.raises(InputError, match="not finite"):
        depth_mm(np.array([0.1, np.nan]))
    with pytest.raises(InputError, match="wrong shape"):
        depth_mm(np.zeros((3, 0)))
    points = np.zeros((4, 3))
    with pytest.raises(InputError, match="signed_distance"):
        oakink_depth_mm(points, np.zeros(5), points)
    with pytest.raises(InputError, match="object_normals"):
        geneoh_depth_mm(points[None], points, points[:2])
    with pytest.raises(InputError, match="hand_vertices"):
        geneoh_depth_mm(points, points, points)
