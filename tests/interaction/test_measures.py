"""Measures against analytic cases and independent counts."""

import math
from dataclasses import replace

import igl
import numpy as np
import pytest
import roma
import torch
import trimesh

from handhold.hand import BONES, FINGERS, Hand
from handhold.interaction.grasp import Grasp
from handhold.interaction.measures import (
    Measures,
    bones_through,
    fingers_touching,
    flipped_faces,
    measure,
    measure_frames,
    moved_mm,
)
from handhold.interaction.volume import intersection_volume_cm3
from handhold.objects import ObjectMesh


def box(size, centre=(0.0, 0.0, 0.0), *, closed: bool = True) -> ObjectMesh:
    mesh = trimesh.creation.box(size)
    faces = np.array(mesh.faces) if closed else np.array(mesh.faces)[:-2]
    return ObjectMesh.from_arrays(np.array(mesh.vertices) + np.asarray(centre), faces, mend=closed)


def posed(*, shift=(0.0, 0.0, 0.0), turn: torch.Tensor | None = None) -> torch.Tensor:
    pose = torch.eye(4)
    pose[:3, 3] = torch.tensor(shift)
    if turn is not None:
        pose[:3, :3] = turn
    return pose


def flat_grasp(obj: ObjectMesh, pose: torch.Tensor | None = None, side="right") -> Grasp:
    hand = Hand.open(side)
    params = hand.zeros()
    return Grasp(hand, params, obj, posed() if pose is None else pose, keypoints=hand(params).joints)


def test_the_volume_of_a_sphere_in_a_box_is_exact():
    ball = trimesh.creation.icosphere(3, radius=0.02)
    vertices, faces = torch.tensor(np.array(ball.vertices)), torch.tensor(np.array(ball.faces))
    whole = intersection_volume_cm3(vertices, faces, box((0.1, 0.1, 0.1)))
    assert whole == pytest.approx(ball.volume * 1e6, rel=1e-6)
    half = intersection_volume_cm3(vertices, faces, box((0.1, 0.1, 0.1), (0.05, 0.0, 0.0)))
    assert half == pytest.approx(whole / 2, rel=0.01)
    assert intersection_volume_cm3(vertices, faces, box((0.01,) * 3)) == pytest.approx(1.0, rel=1e-6)
    assert intersection_volume_cm3(vertices, faces, box((0.01,) * 3, (0.1, 0, 0))) == 0


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_hand_half_in_a_box_is_what_sampling_says(side):
    grasp = flat_grasp(box((0.2, 0.2, 0.2), (0.0, -0.1, 0.0)), posed(shift=(0.0, -0.003, 0.0)), side)
    vertices = grasp.surface().vertices.double().numpy()
    low, high = vertices.min(0), vertices.max(0)
    points = np.random.default_rng(0).uniform(low, high, (50_000, 3))
    inside = igl.fast_winding_number(vertices, grasp.hand.faces.numpy(), points) > 0.5
    inside &= (points[:, 1] < -0.003) & (np.abs(points[:, [0, 2]]) < 0.1).all(1)
    expected = inside.mean() * np.prod(high - low) * 1e6
    assert 20 < expected < 250
    assert measure(grasp).iv_cm3 == pytest.approx(expected, rel=0.05)


def test_depth_is_the_deepest_vertexs():
    grasp = flat_grasp(box((0.3, 0.2, 0.3), (0.0, -0.1, 0.0)))
    lowest = grasp.surface().vertices[:, 1].min()
    for rise in (-0.002, 0.001, 0.004):
        level = float(lowest) + rise
        result = measure(grasp.with_(T_world_object=posed(shift=(0.0, level, 0.0))))
        assert result.pd_mm == pytest.approx(max(rise, 0) * 1e3, abs=1e-3)
        assert (result.iv_cm3 > 0) == (rise > 0)


def test_fingers_count_within_three_millimetres_on_either_side():
    hand = Hand.open()
    labels = hand.finger_labels.numpy()
    signed = np.full(len(hand.template), 50.0)
    assert fingers_touching(signed, labels).sum() == 0
    for k in range(len(FINGERS)):
        for distance, touches in ((2.9, True), (-2.9, True), (3.1, False), (-3.1, False)):
            signed[:] = 50.0
            signed[int(hand.tip_vertices[k])] = distance
            assert fingers_touching(signed, labels).tolist() == [touches and j == k for j in range(5)]
    signed[:] = np.where(hand.finger_labels.numpy() == 0, 0.0, 50.0)
    assert fingers_touching(signed, labels).sum() == 0  # the palm is no finger


def test_bones_through_a_thin_plate_are_counted():
    """A plate across the fingers between their second and third joints cuts one bone of each."""
    hand = Hand.open()
    joints = hand(hand.zeros()).joints
    cut = joints[[2, 5, 11]].mean(0) * 0.5 + joints[[3, 6, 12]].mean(0) * 0.5
    plate = box((0.001, 0.1, 0.3), cut.tolist())
    start, end = (torch.tensor(side) for side in zip(*BONES, strict=True))
    x = joints[:, 0]
    low, high = plate.vertices[:, 0].min(), plate.vertices[:, 0].max()
    expected = (torch.minimum(x[start], x[end]) < low) & (torch.maximum(x[start], x[end]) > high)
    assert 3 <= int(expected.sum()) <= 5
    found = bones_through(joints, plate)
    assert found.tolist() == expected.tolist()
    grasp = flat_grasp(plate)
    assert measure(grasp).bones_through == int(expected.sum())
    assert measure(grasp).pd_mm < 0.6  # a thin wall hides from the depth, not from the bones


def test_bones_inside_do_not_cross():
    joints = Hand.open()(Hand.open().zeros()).joints
    assert not bones_through(joints, box((1.0, 1.0, 1.0))).any()


def test_moved_is_a_mean_over_what_was_seen():
    joints, observed = torch.zeros(21, 3), torch.zeros(21, 3)
    observed[:, 0] = 0.004
    assert moved_mm(joints, observed) == pytest.approx(4.0)
    observed[3] = math.nan
    observed[7, 1] = math.nan
    observed[9, 0] = 0.004 + 0.019
    assert moved_mm(joints, observed) == pytest.approx(4.0 + 1.0)
    assert math.isnan(moved_mm(joints, None))
    assert math.isnan(moved_mm(joints, torch.full((21, 3), math.nan)))


def test_flipped_faces_are_counted():
    hand = Hand.open()
    assert flipped_faces(hand.template, hand.template + 1.0, hand.faces) == 0
    flat, faces = (
        torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]),
        torch.tensor([[0, 1, 2], [1, 3, 2]]),
    )
    folded = flat.clone()
    folded[3] = torch.tensor([0.0, 0.0, 0.0])
    folded[3, :2] -= 0.1
    assert flipped_faces(flat, folded, faces) == 1


def test_soft_tissue_is_measured_against_the_fitted_surface():
    grasp = flat_grasp(box((0.05,) * 3, (1.0, 0, 0)))
    offsets = torch.zeros(len(grasp.hand.template), 3)
    offsets[100, 2] = 0.002
    result = measure(grasp.with_(offsets=offsets))
    assert result.tissue_max_mm == pytest.approx(2.0, abs=1e-3) and result.tissue_p99_mm < 1e-3
    result = measure(grasp.with_(offsets=torch.full_like(offsets, 0.001)))
    assert result.tissue_p99_mm == pytest.approx(math.sqrt(3), abs=1e-3)
    assert result.moved_mm == pytest.approx(math.sqrt(3) * 5 / 21, abs=1e-3)  # the tips are skin


def test_limit_violation_is_in_degrees():
    grasp = flat_grasp(box((0.05,) * 3, (1.0, 0, 0)))
    angles = torch.zeros(15, 3)
    angles[1, 0] = math.radians(110 + 7)  # a second finger joint
    pose = roma.rotmat_to_rotvec(grasp.hand.anatomy.rotations(angles))
    result = measure(grasp.with_(params=replace(grasp.params, hand_pose=pose)))
    assert result.limit_violation_deg == pytest.approx(7.0, abs=0.01)
    assert measure(grasp).limit_violation_deg == 0


def test_rigid_motion_of_the_whole_scene_changes_nothing():
    obj = box((0.2, 0.2, 0.2), (0.0, -0.1, 0.0))
    here = flat_grasp(obj, posed(shift=(0.0, -0.003, 0.0)))
    turn, shift = roma.rotvec_to_rotmat(torch.tensor([0.4, 1.0, -0.6])), torch.tensor([0.3, 0.2, -0.5])
    root = here.hand.joint_template[0]
    there = here.with_(
        params=replace(
            here.params, global_orient=torch.tensor([0.4, 1.0, -0.6]), transl=turn @ root + shift - root
        ),
        T_world_object=posed(shift=shift.tolist(), turn=turn) @ here.T_world_object,
        keypoints=here.keypoints @ turn.T + shift,
    )
    for name in Measures.names():
        assert getattr(measure(there), name) == pytest.approx(getattr(measure(here), name), abs=2e-3), name


def test_an_open_object_is_counted_by_winding():
    whole = flat_grasp(box((0.2, 0.2, 0.2), (0.0, -0.1, 0.0)), posed(shift=(0.0, -0.003, 0.0)))
    lidless = box((0.2, 0.2, 0.2), (0.0, -0.1, 0.0), closed=False)
    assert lidless.manifold() is None and whole.object.manifold() is not None
    exact, counted = measure(whole).iv_cm3, measure(whole.with_(object=lidless)).iv_cm3
    assert counted == pytest.approx(exact, rel=0.25) and counted > 0


def test_a_motion_is_measured_frame_by_frame():
    obj = box((0.2, 0.2, 0.2), (0.0, -0.1, 0.0))
    poses = [posed(shift=(0.0, -0.003 - 0.004 * k, 0.0)) for k in range(3)]
    stills = [flat_grasp(obj, pose) for pose in poses]
    motion = stills[0].with_(
        params=stills[0].params.map(lambda t: t.expand(3, *t.shape)),
        T_world_object=torch.stack(poses),
        keypoints=stills[0].keypoints.expand(3, 21, 3),
        fps=30.0,
    )
    frames = measure_frames(motion)
    assert len(frames) == 3
    for frame, still in zip(frames, stills, strict=True):
        for name in Measures.names():
            assert getattr(frame, name) == pytest.approx(getattr(measure(still), name), abs=1e-4), name
    one = motion.with_(T_world_object=poses[0])
    assert measure_frames(one)[2].iv_cm3 == pytest.approx(frames[0].iv_cm3, abs=1e-6)
