"""Surfaces as metrics read them: the same figures as the grasp they come from, frame by frame."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh

from handhold.hand import Hand, HandParams
from handhold.interaction.grasp import Grasp
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import measure, measure_frame
from handhold.objects import ObjectMesh


def grasp(*, side="right", **more) -> Grasp:
    """A flat hand 3 mm deep in a box whose pose is not the identity."""
    hand = Hand.open(side)
    params = hand.zeros()
    box = trimesh.creation.box((0.3, 0.2, 0.3))
    turn = trimesh.transformations.rotation_matrix(0.4, (0, 1, 0))
    turn[:3, 3] = (0, float(hand(params).vertices[:, 1].min()) + 0.003 - 0.1, 0)
    pose = torch.from_numpy(turn).float()
    obj = ObjectMesh.from_arrays(np.asarray(box.vertices), np.asarray(box.faces))
    return Grasp(hand, params, obj, pose, keypoints=hand(params).joints, **more)


def motion() -> Grasp:
    still = grasp()
    params = HandParams.stack([still.params] * 3)
    rise = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.001, 0.0], [0.0, 0.05, 0.0]])
    params = HandParams(params.global_orient, params.hand_pose, params.betas, params.transl + rise)
    return replace(
        still,
        params=params,
        T_world_object=still.T_world_object.expand(3, 4, 4),
        keypoints=still.hand(params).joints,
        fps=30.0,
    )


def test_a_grasp_and_its_surfaces_have_the_same_figures():
    (frame,) = HandObject.of_grasp(grasp()).frames()
    assert measure_frame(frame) == measure(grasp())
    assert frame.signed.min() == pytest.approx(-0.003, abs=1e-5)


def test_frames_of_a_motion_are_seen_from_the_object():
    pair = HandObject.of_grasp(motion())
    frames = list(pair.frames())
    assert [f.signed.min() * 1e3 for f in frames] == pytest.approx([-3.0, -2.0, 47.0], abs=0.01)
    assert all(f.pair.params.transl.shape == (3,) and not f.pair.is_motion for f in frames)


def test_a_pose_without_time_goes_for_all_frames():
    still, moving = HandObject.of_grasp(grasp()), HandObject.of_grasp(motion())
    shared = replace(moving, T_world_object=still.T_world_object)
    assert shared.poses.shape == (3, 4, 4)
    assert next(shared.frames()).signed == pytest.approx(next(still.frames()).signed)


def test_what_is_not_known_is_nan_and_not_zero():
    pair = HandObject.of_grasp(grasp())
    bare = replace(pair, hand=None, params=None, joints=None, fitted_vertices=None)
    (frame,) = bare.frames()
    found = measure_frame(frame)
    for name in ("fingers_in_contact", "bones_through", "moved_mm", "tissue_max_mm", "limit_violation_deg"):
        assert np.isnan(getattr(found, name)), name
    assert found.iv_cm3 == pytest.approx(measure(grasp()).iv_cm3)


def test_an_open_hand_without_a_model_has_no_volume():
    pair = HandObject.of_grasp(grasp())
    cut = replace(pair, hand=None, params=None, hand_faces=pair.hand_faces[:-20])
    assert np.isnan(next(cut.frames()).volume_cm3)


@pytest.mark.parametrize("side", ["right", "left"])
def test_fingers_are_known_by_the_nearest_bone_where_there_is_no_model(side):
    pair = HandObject.of_grasp(grasp(side=side))
    bare = replace(pair, hand=None, params=None)
    told = next(pair.frames()).finger_labels, next(bare.frames()).finger_labels
    for finger in range(2, 6):
        agree = (told[0] == finger) & (told[1] == finger)
        assert agree.sum() > 0.85 * (told[0] == finger).sum(), finger


def test_observed_keypoints_stand_for_joints_of_a_truth():
    pair = HandObject.of_grasp(grasp())
    seen = replace(pair, keypoints=pair.joints + 0.01)
    assert np.array_equal(seen.observed().joints, seen.keypoints)
    assert replace(pair, keypoints=None).observed().joints is pair.joints
