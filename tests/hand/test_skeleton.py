"""Orders, names and bones agree with one another."""

import pytest
import torch

from handhold.errors import InputError
from handhold.hand.skeleton import (
    BONES,
    FINGER_CHAINS,
    FINGER_JOINTS,
    FINGERS,
    JOINT_NAMES,
    KEYPOINT_NAMES,
    MANO_FROM_OPENPOSE,
    OPENPOSE_FROM_MANO,
    PARENTS,
    reorder_joints,
)

# OpenPose's hand: 0 wrist, 1-4 thumb, 5-8 index, 9-12 middle, 13-16 ring, 17-20 little finger, palm to tip.
OPENPOSE = ["wrist"] + [
    name
    for finger in ("thumb", "index", "middle", "ring", "pinky")
    for name in (f"{finger}1", f"{finger}2", f"{finger}3", f"{finger}_tip")
]


def test_openpose_order_is_openposes():
    assert [KEYPOINT_NAMES[i] for i in OPENPOSE_FROM_MANO] == OPENPOSE
    assert [OPENPOSE[i] for i in MANO_FROM_OPENPOSE] == list(KEYPOINT_NAMES)


def test_mano_order_is_manos():
    assert JOINT_NAMES[:4] == ("wrist", "index1", "index2", "index3")
    assert [JOINT_NAMES[i] for i in (4, 7, 10, 13)] == ["middle1", "pinky1", "ring1", "thumb1"]
    assert KEYPOINT_NAMES[16:] == tuple(f"{finger}_tip" for finger in FINGERS)


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_reordering_and_back_is_the_same(batch):
    points = torch.rand(*batch, 21, 3)
    there = reorder_joints(points, source="mano", target="openpose")
    assert not torch.equal(there, points)
    assert torch.equal(reorder_joints(there, source="openpose", target="mano"), points)
    for order in ("mano", "openpose"):
        assert torch.equal(reorder_joints(points, source=order, target=order), points)


@pytest.mark.parametrize(("source", "target"), [("mano", "smplx"), ("MANO", "openpose"), (None, "mano")])
def test_unknown_orders_are_refused(source, target):
    with pytest.raises(InputError, match="mano or openpose"):
        reorder_joints(torch.zeros(21, 3), source=source, target=target)


@pytest.mark.parametrize("count", [0, 16, 20, 22])
def test_other_than_21_keypoints_are_refused(count):
    with pytest.raises(InputError, match=f"expected 21; got {count}"):
        reorder_joints(torch.zeros(count, 3), source="mano", target="openpose")


def test_bones_are_the_tree():
    assert len(BONES) == len(set(BONES)) == 20
    assert sorted(end for _, end in BONES) == list(range(1, 21))  # every keypoint but the wrist ends one bone
    for start, end in BONES:
        if end < 16:
            assert PARENTS[end] == start
        else:  # a tip follows its finger's last joint
            assert KEYPOINT_NAMES[end] == KEYPOINT_NAMES[start].replace("3", "_tip")
    assert all(parent < joint for joint, parent in enumerate(PARENTS))


def test_bones_run_from_thumb_to_pinky_and_palm_to_tip():
    for k, finger in enumerate(FINGERS):
        mine = BONES[4 * k : 4 * k + 4]
        assert mine[0][0] == 0 and tuple(end for _, end in mine) == FINGER_CHAINS[finger]
        assert FINGER_CHAINS[finger][:3] == FINGER_JOINTS[finger]
        assert [KEYPOINT_NAMES[end] for _, end in mine] == [f"{finger}{i}" for i in (1, 2, 3)] + [
            f"{finger}_tip"
        ]
