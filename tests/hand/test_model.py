"""The posed hand is linear blend skinning: exact, differentiable, batched, and indifferent to where it is."""

from dataclasses import replace

import numpy as np
import pytest
import roma
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from handhold.errors import InputError
from handhold.hand import Hand, HandParams
from handhold.hand.skeleton import PARENTS, TIP_NAMES

MIRROR = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)


def random_params(hand: Hand, *batch: int, seed: int = 0) -> HandParams:
    generator = torch.Generator().manual_seed(seed)
    return hand.zeros(*batch).map(lambda t: 0.5 * torch.randn(t.shape, generator=generator, dtype=t.dtype))


def test_the_zero_pose_is_the_flat_mean_hand(hand64):
    surface = hand64(hand64.zeros())
    torch.testing.assert_close(
        surface.vertices, hand64.template, atol=1e-8, rtol=0
    )  # weights sum to 1 in float32
    torch.testing.assert_close(surface.joints[:16], hand64.joint_template, atol=1e-12, rtol=0)
    torch.testing.assert_close(surface.joints[16:], surface.vertices[hand64.tip_vertices])
    assert len(TIP_NAMES) == 5


def test_forward_is_textbook_skinning(hand64):
    """Against an independent one: 4 x 4 matrices, one vertex at a time, numpy."""
    params = random_params(hand64)
    betas = params.betas.numpy()
    shaped = hand64.template.numpy() + hand64.shape_directions.numpy() @ betas
    joints = hand64.joint_template.numpy() + hand64.joint_directions.numpy() @ betas
    turns = [rodrigues(v) for v in np.vstack((params.global_orient.numpy(), params.hand_pose.numpy()))]
    world, relative = [], []
    for joint, parent in enumerate(PARENTS):
        matrix = np.eye(4)
        matrix[:3, :3] = turns[joint]
        matrix[:3, 3] = joints[joint] - joints[parent] if parent >= 0 else joints[0] + params.transl.numpy()
        world.append(matrix if parent < 0 else world[parent] @ matrix)
        back = np.eye(4)
        back[:3, 3] = -joints[joint]
        relative.append(world[joint] @ back)
    expected = np.empty_like(shaped)
    for v in range(len(shaped)):
        blended = sum(w * m for w, m in zip(hand64.skin_weights[v].numpy(), relative, strict=True))
        expected[v] = (blended @ [*shaped[v], 1.0])[:3]
    surface = hand64(params)
    np.testing.assert_allclose(surface.vertices.numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(surface.joints[:16].numpy(), np.array(world)[:, :3, 3], atol=1e-12)
    np.testing.assert_allclose(surface.T_world_joint.numpy(), np.array(world), atol=1e-12)


def rodrigues(vector: np.ndarray) -> np.ndarray:
    angle = np.linalg.norm(vector)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


@pytest.mark.parametrize("where", ["flat", "random"])
def test_gradients(hand64, where):
    some = torch.arange(0, len(hand64.template), 160)

    def surface(*tensors):
        out = hand64(HandParams(*tensors))
        return out.vertices[some], out.joints, out.T_world_joint

    params = hand64.zeros() if where == "flat" else random_params(hand64)
    inputs = [
        getattr(params, k).clone().requires_grad_() for k in ("global_orient", "hand_pose", "betas", "transl")
    ]
    assert torch.autograd.gradcheck(surface, inputs, fast_mode=True)


def test_batch_equals_single(hand):
    batch = random_params(hand, 2, 3)
    whole = hand(batch)
    assert whole.vertices.shape == (2, 3, 1610, 3) and whole.T_world_joint.shape == (2, 3, 16, 4, 4)
    for i in range(2):
        for j in range(3):
            one = hand(batch[i, j])
            torch.testing.assert_close(one.vertices, whole.vertices[i, j], atol=1e-6, rtol=0)
            torch.testing.assert_close(one.joints, whole.joints[i, j], atol=1e-6, rtol=0)
    listed = HandParams.stack([batch[0, 0], batch[1, 2]])
    assert listed.batch_shape == (2,) and torch.equal(listed.betas[1], batch.betas[1, 2])


@given(
    turn=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    shift=st.lists(st.floats(-2, 2), min_size=3, max_size=3),
)
@settings(max_examples=20, deadline=None)
def test_rigid_motion_moves_the_hand_as_a_whole(turn, shift):
    hand = Hand.open("right", dtype=torch.float64)
    turn, shift = roma.rotvec_to_rotmat(torch.tensor(turn).double()), torch.tensor(shift).double()
    params = random_params(hand)
    root = hand.rest(params.betas)[1][0]
    wrist = turn @ (root + params.transl) + shift
    oriented = roma.rotmat_to_rotvec(turn @ roma.rotvec_to_rotmat(params.global_orient))
    moved = hand(replace(params, global_orient=oriented, transl=wrist - root))
    still = hand(params)
    torch.testing.assert_close(moved.vertices, still.vertices @ turn.T + shift, atol=1e-6, rtol=0)
    torch.testing.assert_close(moved.joints, still.joints @ turn.T + shift, atol=1e-6, rtol=0)


def test_left_is_right_in_the_mirror():
    """A mirrored rotation vector keeps the x and turns y and z; the same angles are the same posture."""
    right, left = (Hand.open(side, dtype=torch.float64) for side in ("right", "left"))
    params = random_params(right, 4)
    turned = -MIRROR
    mirrored = HandParams(
        params.global_orient * turned, params.hand_pose * turned, params.betas, params.transl * MIRROR
    )
    here, there = right(params), left(mirrored)
    torch.testing.assert_close(there.vertices, here.vertices * MIRROR, atol=1e-12, rtol=0)
    torch.testing.assert_close(there.joints, here.joints * MIRROR, atol=1e-12, rtol=0)
    ours = right.anatomy.angles(roma.rotvec_to_rotmat(params.hand_pose))
    theirs = left.anatomy.angles(roma.rotvec_to_rotmat(mirrored.hand_pose))
    torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)


def test_pose_correctives_are_linear_in_the_rotations():
    hand = Hand.open(dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    directions = 1e-3 * torch.randn(len(hand.template), 3, 135, generator=generator, dtype=torch.float64)
    params = replace(
        random_params(hand), global_orient=torch.zeros(3).double(), transl=torch.zeros(3).double()
    )
    features = (roma.rotvec_to_rotmat(params.hand_pose) - torch.eye(3)).flatten()
    bent = replace(hand, template=hand.template + directions @ features)
    torch.testing.assert_close(
        replace(hand, pose_directions=directions)(params).vertices, bent(params).vertices
    )
    flat = replace(hand, pose_directions=directions)(hand.zeros()).vertices
    torch.testing.assert_close(flat, hand(hand.zeros()).vertices)


def test_dtype_follows(hand):
    moved = hand.to(dtype=torch.float64)
    assert moved.dtype == moved.anatomy.frames.dtype == moved(moved.zeros()).vertices.dtype == torch.float64
    assert (
        moved.faces.dtype == moved.anchors.vertices.dtype == torch.long and moved.palmar.dtype == torch.bool
    )


@pytest.mark.parametrize("count", [0, 9, 11])
def test_a_wrong_number_of_shape_coefficients_is_refused(hand, count):
    with pytest.raises(InputError, match=f"expected 10; got {count}"):
        hand(replace(hand.zeros(), betas=torch.zeros(count)))


def test_keypoints_in_openpose_order(hand):
    surface = hand(hand.zeros())
    keypoints = surface.keypoints()
    torch.testing.assert_close(keypoints[4], hand.template[hand.tip_vertices[0]], atol=1e-6, rtol=0)
    torch.testing.assert_close(keypoints[17], hand.joint_template[7], atol=1e-6, rtol=0)
    assert torch.equal(surface.keypoints(order="mano"), surface.joints)
