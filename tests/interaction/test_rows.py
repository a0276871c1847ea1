"""Rows carry grasps into their objects' frames and back without loss."""

import numpy as np
import pytest
import roma
import torch
import trimesh

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import forward, keypoint_points, place
from handhold.interaction.grasp import Grasp
from handhold.interaction.rows import Rows
from handhold.objects import ObjectMesh

BOX = trimesh.creation.box((0.06, 0.04, 0.1))
BALL = trimesh.creation.icosphere(3, radius=0.03)


def mesh(shape) -> ObjectMesh:
    return ObjectMesh.from_arrays(np.array(shape.vertices), np.array(shape.faces))


def some_pose(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    pose = torch.eye(4)
    pose[:3, :3] = roma.rotvec_to_rotmat(torch.randn(3, generator=generator))
    pose[:3, 3] = torch.randn(3, generator=generator)
    return pose


@pytest.fixture
def grasps(random_states) -> list[Grasp]:
    hand = Hand.open()
    params = random_states(hand, 6).params(hand)
    still = [
        Grasp(hand, params[k], mesh(BOX if k % 2 else BALL), some_pose(k), name=f"g{k}") for k in range(3)
    ]
    motion = Grasp(hand, params[3:6], mesh(BOX), torch.stack([some_pose(k) for k in (7, 8, 9)]), fps=30.0)
    return [still[0], motion, still[1], still[2]]


def test_frames_of_motions_are_rows_and_equal_objects_one(grasps):
    rows = Rows.from_grasps(grasps)
    assert len(rows) == 6 and len(rows.objects) == 2
    assert rows.index.tolist() == [0, 1, 1, 1, 1, 0]
    assert rows.field == "exact"  # on the CPU


def test_observed_keypoints_are_the_hands_own_where_none_are_given(grasps):
    rows = Rows.from_grasps(grasps)
    keypoints = place(forward(rows.hand, rows.state), keypoint_points(rows.hand, rows.state.betas))
    torch.testing.assert_close(rows.observed, keypoints, atol=1e-5, rtol=0)
    holes = grasps[0].surface().joints.clone()
    holes[4] = torch.nan
    seen = Rows.from_grasps([grasps[0].with_(keypoints=holes)]).observed
    assert seen[0, 4].isnan().all()
    torch.testing.assert_close(seen[0, :4], rows.observed[0, :4])


def test_there_and_back_is_the_same(grasps):
    rows = Rows.from_grasps(grasps)
    offsets = 0.01 * torch.randn(6, 1610, 3, generator=torch.Generator().manual_seed(0))
    back = rows.to_grasps(grasps, rows.state, offsets)
    start = 0
    for before, after in zip(grasps, back, strict=True):
        assert after.is_motion == before.is_motion and after.name == before.name and after.fps == before.fps
        moved = (before.fitted().vertices - after.fitted().vertices).norm(dim=-1)
        assert moved.max() < 1e-5
        pose = before.T_world_object
        local = after.offsets @ pose[..., :3, :3]
        count = 3 if before.is_motion else 1
        torch.testing.assert_close(
            local.reshape(count, -1, 3), offsets[start : start + count], atol=1e-6, rtol=0
        )
        start += count
    assert all(g.offsets is None for g in rows.to_grasps(grasps, rows.state, None))


def test_distances_are_those_of_each_rows_object(grasps):
    rows = Rows.from_grasps(grasps)
    points = 0.05 * torch.randn(6, 40, 3, generator=torch.Generator().manual_seed(0))
    distance, gradient = rows.distance(points)
    assert distance.shape == (6, 40) and gradient.shape == (6, 40, 3)
    ball = points[rows.index == 0]  # the sphere's distance is known
    torch.testing.assert_close(distance[rows.index == 0], ball.norm(dim=-1) - 0.03, atol=3e-4, rtol=0)
    half = torch.tensor([0.03, 0.02, 0.05])
    q = points[rows.index == 1].abs() - half
    expected = q.clamp_min(0).norm(dim=-1) + q.amax(-1).clamp_max(0)
    torch.testing.assert_close(distance[rows.index == 1], expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(gradient.norm(dim=-1), torch.ones(6, 40), atol=1e-4, rtol=0)
    row = torch.tensor([5, 2, 0])
    found, _ = rows.distance_at(points[row, 3], row)
    torch.testing.assert_close(found, distance[row, 3])


def test_the_grid_is_near_the_exact(grasps):
    points = 0.03 * torch.randn(6, 50, 3, generator=torch.Generator().manual_seed(1))
    exact, _ = Rows.from_grasps(grasps, field="exact").distance(points)
    grid, gradient = Rows.from_grasps(grasps, field="grid").distance(points)
    near = exact.abs() < 0.01
    assert (exact - grid)[near].abs().max() < 0.001 and gradient.isfinite().all()


def test_crossings_of_the_sphere_are_where_they_must_be(grasps):
    rows = Rows.from_grasps(grasps)
    balls = rows.select(torch.nonzero(rows.index == 0).squeeze(-1))
    assert len(balls) == 2 and balls.observed.shape == (2, 21, 3)
    out = torch.nn.functional.normalize(
        torch.randn(2, 10, 3, generator=torch.Generator().manual_seed(0)), dim=-1
    )
    fraction, point, normal = balls.crossings(torch.zeros(2, 10, 3), 0.06 * out)
    torch.testing.assert_close(fraction, torch.full((2, 10), 0.5), atol=0.006, rtol=0)
    torch.testing.assert_close(point, 0.03 * out, atol=4e-4, rtol=0)
    assert (normal * out).sum(-1).min() > 0.97
    fraction, point, normal = balls.crossings(0.04 * out, 0.06 * out)
    assert fraction.isinf().all() and (point == 0).all() and (normal == 0).all()


def test_nothing_and_mixed_hands_are_refused(grasps):
    with pytest.raises(InputError, match="at least one"):
        Rows.from_grasps([])
    left = Hand.open("left")
    other = grasps[0].with_(hand=left, params=left.zeros())
    with pytest.raises(InputError, match="one model and side"):
        Rows.from_grasps([grasps[0], other])
