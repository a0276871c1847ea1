"""Skin yields to a surface: out of it, no further than allowed, smoothly, and only where it touches."""

import numpy as np
import pytest
import torch
import trimesh

from handhold.geometry.mesh import face_centroids, unique_edges
from handhold.hand import Hand
from handhold.hand.kinematics import forward, place, surface_points
from handhold.interaction.grasp import Grasp
from handhold.interaction.measures import flipped_faces, measure
from handhold.interaction.rows import Rows
from handhold.interaction.soft_contact import SoftContactConfig, yield_to
from handhold.objects import ObjectMesh

CONFIG = SoftContactConfig()


def resting(depth: float, *, side="right", shape: str = "table") -> Grasp:
    """A flat hand whose lowest skin lies `depth` in a table, or in a ball under the palm."""
    hand = Hand.open(side)
    if shape == "table":
        mesh = trimesh.creation.box((0.4, 0.1, 0.4))
        top = 0.05
    else:
        mesh = trimesh.creation.icosphere(4, radius=0.04)
        top = 0.04
    obj = ObjectMesh.from_arrays(np.array(mesh.vertices), np.array(mesh.faces))
    palm = hand.joint_template[[1, 4, 7, 10]].mean(0)
    palm = palm if shape == "ball" else torch.zeros(3)
    near = (hand.template - palm)[:, [0, 2]].norm(dim=-1) < (0.01 if shape == "ball" else torch.inf)
    T = torch.eye(4)
    T[:3, 3] = torch.stack((palm[0], hand.template[near, 1].min() + depth - top, palm[2]))
    return Grasp(hand, hand.zeros(), obj, T)


def solved(grasp: Grasp, config: SoftContactConfig = CONFIG):
    """Rows, skin (B, V, 3) and offsets (B, V, 3)."""
    rows = Rows.from_grasps([grasp])
    skin = place(forward(rows.hand, rows.state), surface_points(rows.hand, rows.state.betas))
    return rows, skin, yield_to(rows, skin, config=config)


@pytest.mark.parametrize("shape", ["table", "ball"])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("depth_mm", [1.0, 3.0])
def test_skin_that_is_not_too_deep_comes_out(shape, side, depth_mm):
    grasp = resting(depth_mm * 1e-3, shape=shape, side=side)
    rows, skin, offsets = solved(grasp)
    before, after = rows.distance(skin)[0], rows.distance(skin + offsets)[0]
    assert before.min() < -0.3e-3 * depth_mm
    assert after.min() > -0.25e-3
    assert rows.distance(face_centroids(skin + offsets, rows.hand.faces))[0].min() > -0.35e-3
    (result,) = rows.to_grasps([grasp], rows.state, offsets)
    assert measure(result).iv_cm3 < 0.05 * measure(grasp).iv_cm3 + 0.02


@pytest.mark.parametrize("cap", [0.001, 0.003, 0.0055])
@pytest.mark.parametrize("depth_mm", [2.0, 6.0, 12.0])
def test_no_offset_is_longer_than_the_cap(cap, depth_mm):
    _, _, offsets = solved(resting(depth_mm * 1e-3), SoftContactConfig(cap=cap))
    assert offsets.norm(dim=-1).max() <= cap * 1.0001
    assert offsets.isfinite().all()


@pytest.mark.parametrize("shape", ["table", "ball"])
@pytest.mark.parametrize("depth_mm", [1.0, 3.0, 6.0, 12.0])
def test_no_face_turns_over(shape, depth_mm):
    rows, skin, offsets = solved(resting(depth_mm * 1e-3, shape=shape))
    assert flipped_faces(skin[0], (skin + offsets)[0], rows.hand.faces) == 0


@pytest.mark.parametrize("shape", ["table", "ball"])
@pytest.mark.parametrize("depth_mm", [1.0, 3.0])
def test_skin_stays_smooth(shape, depth_mm):
    rows, skin, offsets = solved(resting(depth_mm * 1e-3, shape=shape))
    edges = unique_edges(rows.hand.faces)
    length = lambda v: (v[0, edges[:, 0]] - v[0, edges[:, 1]]).norm(dim=-1)
    strain = (length(skin + offsets) / length(skin) - 1).abs()
    touched = (offsets[0, edges].norm(dim=-1) > 1e-4).any(-1)
    assert touched.any() and strain[touched].quantile(0.9) < 0.6 and strain[~touched].max() < 0.1


def test_far_skin_does_not_move():
    _, _, offsets = solved(resting(-0.02))
    assert offsets.abs().max() == 0
    rows, skin, offsets = solved(resting(0.003))
    far = rows.distance(skin)[0] > 0.012
    assert far.any() and offsets[far].norm(dim=-1).max() < 1e-4


def test_what_touches_already_hardly_moves():
    _, _, offsets = solved(resting(0.0))
    assert offsets.norm(dim=-1).max() < 0.001
    assert (offsets.norm(dim=-1) > 1e-4).float().mean() < 0.1


def test_batch_equals_single():
    grasps = [resting(0.003), resting(0.002, shape="ball"), resting(-0.05)]
    rows = Rows.from_grasps(grasps)
    skin = place(forward(rows.hand, rows.state), surface_points(rows.hand, rows.state.betas))
    together = yield_to(rows, skin)
    for k, grasp in enumerate(grasps):
        _, _, alone = solved(grasp)
        torch.testing.assert_close(together[k], alone[0], atol=2e-5, rtol=0)


def test_left_is_right_in_the_mirror():
    _, _, right = solved(resting(0.003))
    _, _, left = solved(resting(0.003, side="left"))
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    assert (right * mirror - left).norm(dim=-1).mean() < 1e-5
