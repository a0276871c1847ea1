"""MANO files: loaded whole, mirrored rightly, and refused with a clear word."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import roma
import torch
from mano_files import TIPS, as_published, mano_values, pickled, write_mano

from handhold.errors import InputError
from handhold.geometry.mesh import boundary_loops, enclosed_volume
from handhold.hand import Hand, HandParams
from handhold.hand.mano import load_mano, load_mano_poses

MIRROR = torch.tensor([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mano")
    write_mano(folder / "MANO_RIGHT.pkl")
    write_mano(folder / "MANO_LEFT.pkl", side="left")
    write_mano(folder / "MANO_RIGHT.npz")
    return folder


@pytest.fixture(scope="module")
def right(folder) -> Hand:
    return load_mano(folder / "MANO_RIGHT.pkl")


@pytest.fixture(scope="module")
def left(folder) -> Hand:
    return load_mano(folder / "MANO_LEFT.pkl")


def some_params(hand: Hand, *batch: int) -> HandParams:
    generator = torch.Generator().manual_seed(0)
    return hand.zeros(*batch).map(lambda t: 0.3 * torch.randn(t.shape, generator=generator, dtype=t.dtype))


def in_mirror(params: HandParams) -> HandParams:
    turned = torch.tensor([1.0, -1.0, -1.0])
    return HandParams(
        params.global_orient * turned, params.hand_pose * turned, params.betas, params.transl * MIRROR
    )


def test_a_file_is_loaded_whole(folder, right):
    values = mano_values()
    digest = hashlib.sha256((folder / "MANO_RIGHT.pkl").read_bytes()).hexdigest()
    assert (right.name, right.side, right.version) == ("mano", "right", f"mano-{digest[:12]}")
    assert right.dtype == torch.float32 and right.shapes == 10 and len(right.shape_names) == 10
    assert right.template.shape == (779, 3) and right.pose_directions.shape == (779, 3, 135)
    assert right.tip_vertices.tolist() == list(TIPS)
    assert np.allclose(right.template[:778], values["v_template"], atol=1e-7)
    assert np.allclose(right.joint_template, values["J"], atol=1e-6)
    assert torch.allclose(right.skin_weights.sum(1), torch.ones(779))
    assert right.faces.dtype == torch.long and right.faces.shape == (1554, 3)
    assert right.palmar.dtype == torch.bool and 0.2 < right.palmar.float().mean() < 0.8
    assert set(right.finger_labels.tolist()) == set(range(6))
    assert right.anchors.vertices.shape == (32,) and right.anatomy.frames.isfinite().all()


def test_the_posed_hand_is_manos_formula(right):
    """Joints follow the shape through the regressor; correctives are linear in R - 1; skinning is linear."""
    values, hand = mano_values(), right.to(dtype=torch.float64)
    params = some_params(hand)
    shaped = values["v_template"] + values["shapedirs"] @ params.betas.numpy()
    joints = values["J_regressor"] @ shaped
    pose = torch.cat((params.global_orient[None], params.hand_pose))
    local = roma.rotvec_to_rotmat(pose).numpy()
    posed = shaped + values["posedirs"] @ (local[1:] - np.eye(3)).ravel()
    frames = []
    for joint, parent in enumerate((-1, *values["kintree_table"][0, 1:].tolist())):
        frame = np.eye(4)
        frame[:3, :3] = local[joint]
        frame[:3, 3] = joints[joint] - (joints[parent] if parent >= 0 else 0)
        frames.append(frames[parent] @ frame if parent >= 0 else frame)
    rest = np.concatenate((posed, np.ones((778, 1))), 1)
    moved = sum(
        values["weights"][:, [j]] * (rest @ (f @ _shift(-joints[j])).T)[:, :3] for j, f in enumerate(frames)
    )
    expected = moved + params.transl.numpy()
    assert np.allclose(hand(params).vertices[:778], expected, atol=1e-6)


def _shift(by: np.ndarray) -> np.ndarray:
    out = np.eye(4)
    out[:3, 3] = by
    return out


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_wrist_is_closed_and_stays_so(side, request):
    hand = request.getfixturevalue(side)
    assert boundary_loops(hand.faces.numpy()) == []
    vertices = hand(some_params(hand, 4)).vertices
    assert (enclosed_volume(vertices, hand.faces) > 2e-5).all()
    fan = hand.faces[(hand.faces == 778).any(1)]
    rim = fan[fan != 778].unique()
    assert len(rim) == 16 and (hand.skin_weights[rim].argmax(1) == 0).all()
    unskinned, _ = hand.rest(some_params(hand).betas)
    assert torch.allclose(unskinned[778], unskinned[rim].mean(0), atol=1e-6)
    assert torch.allclose(hand.pose_directions[778], hand.pose_directions[rim].mean(0), atol=1e-8)


def test_left_mirrors_right(right, left):
    assert left.side == "left"
    params = some_params(right, 5)
    one, other = right(params), left(in_mirror(params))
    assert torch.allclose(other.vertices, one.vertices * MIRROR, atol=1e-6)
    assert torch.allclose(other.joints, one.joints * MIRROR, atol=1e-6)
    assert torch.equal(left.palmar, right.palmar)
    assert torch.equal(left.anchors.vertices, right.anchors.vertices)
    angles = 0.2 * torch.randn(15, 3, generator=torch.Generator().manual_seed(1))
    bent = []
    for hand in (right, left):
        pose = roma.rotmat_to_rotvec(hand.anatomy.rotations(angles))
        bent.append(hand(replace(hand.zeros(), hand_pose=pose)).vertices)
    assert torch.allclose(bent[1], bent[0] * MIRROR, atol=1e-5)


def test_flexion_closes_the_hand(right, left):
    for hand in (right, left):
        angles = torch.zeros(15, 3)
        angles[:12, 0] = 1.0
        rest = hand.zeros()
        pose = roma.rotmat_to_rotvec(hand.anatomy.rotations(angles))
        tips = hand(replace(rest, hand_pose=pose)).joints[17:]
        assert (tips[:, 1] < hand(rest).joints[17:, 1] - 0.02).all()  # the palm looks down -y


def test_npz_and_pickle_say_the_same(folder, right):
    other = load_mano(folder / "MANO_RIGHT.npz")
    params = some_params(right)
    assert torch.equal(other(params).vertices, right(params).vertices)
    assert other.version != right.version


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_every_protocol_of_python_2(tmp_path, right, protocol):
    path = tmp_path / "MANO_RIGHT.pkl"
    path.write_bytes(pickled(as_published(mano_values()), protocol=protocol))
    assert torch.equal(load_mano(path).shape_directions, right.shape_directions)


def test_double_through_to(right):
    assert (
        right.to(dtype=torch.float64)(right.to(dtype=torch.float64).zeros()).vertices.dtype == torch.float64
    )


def test_betas_beyond_ten_are_cut(tmp_path, right):
    values = mano_values()
    values["shapedirs"] = np.concatenate((values["shapedirs"], values["shapedirs"]), -1)
    assert torch.equal(
        load_mano(write_mano(tmp_path / "r.npz", values)).shape_directions, right.shape_directions
    )


# -- sides


def test_side_comes_from_the_thumb(tmp_path):
    assert load_mano(write_mano(tmp_path / "hand.npz", side="left")).side == "left"
    assert load_mano(write_mano(tmp_path / "hand.npz")).side == "right"


@pytest.mark.parametrize("turn", range(3))
def test_side_does_not_depend_on_the_frame(tmp_path, turn):
    values = mano_values("left")
    turns = torch.randn(3, 3, generator=torch.Generator().manual_seed(turn), dtype=torch.float64)
    rotation = roma.rotvec_to_rotmat(turns)[turn].numpy()
    values["v_template"] = values["v_template"] @ rotation.T + 0.05
    values["shapedirs"] = np.einsum("ab,vbk->vak", rotation, values["shapedirs"])
    assert load_mano(write_mano(tmp_path / "hand.npz", values), fix_left_shapedirs=False).side == "left"


def test_side_asked_for_must_be_the_files(folder, tmp_path):
    assert load_mano(folder / "MANO_LEFT.pkl", side="left").side == "left"
    with pytest.raises(
        InputError, match=r"MANO_LEFT.pkl: holds a left hand; expected a right hand, as asked"
    ):
        load_mano(folder / "MANO_LEFT.pkl", side="right")
    renamed = write_mano(tmp_path / "MANO_RIGHT.pkl", side="left")
    with pytest.raises(InputError, match="as its name says"):
        load_mano(renamed)
    assert load_mano(renamed, side="left").side == "left"
    with pytest.raises(InputError, match="right or left"):
        load_mano(renamed, side="both")  # type: ignore[arg-type]


def test_a_left_hand_may_keep_the_rights_winding(tmp_path, left):
    values = mano_values("left") | {"f": mano_values()["f"]}
    hand = load_mano(write_mano(tmp_path / "MANO_LEFT.npz", values))
    assert enclosed_volume(hand.template, hand.faces) > 0


def test_the_published_left_hands_fault(tmp_path, left):
    """smplx issue 48: shape directions along x as the right hand has them."""
    values = mano_values("left")
    values["shapedirs"] = values["shapedirs"] * np.array([-1.0, 1.0, 1.0])[:, None]
    path = write_mano(tmp_path / "MANO_LEFT.pkl", values)
    found = load_mano(path)
    assert torch.equal(found.shape_directions, left.shape_directions)
    assert torch.allclose(found.joint_directions, left.joint_directions)
    kept = load_mano(path, fix_left_shapedirs=False)
    assert torch.equal(kept.shape_directions, left.shape_directions * MIRROR[:, None])
    assert kept.version == found.version + "-x"
    assert torch.equal(load_mano(path, fix_left_shapedirs=True).shape_directions, left.shape_directions)


def test_sound_shape_directions_are_left_alone(folder, right):
    values = mano_values("left")["shapedirs"]
    left = load_mano(folder / "MANO_LEFT.pkl", fix_left_shapedirs=False)
    assert np.allclose(left.shape_directions[:778], values, atol=1e-7) and "-x" not in left.version
    forced = load_mano(folder / "MANO_RIGHT.pkl", fix_left_shapedirs=True)
    assert torch.equal(forced.shape_directions, right.shape_directions)


# -- poses


def test_poses_of_other_conventions(folder):
    poses, values = load_mano_poses(folder / "MANO_RIGHT.pkl"), mano_values()
    coefficients = torch.randn(2, 3, 12, generator=torch.Generator().manual_seed(0))
    flat = poses.pose_from_pca(coefficients, flat_hand_mean=True)
    expected = coefficients.numpy() @ values["hands_components"][:12]
    assert flat.shape == (2, 3, 15, 3) and np.allclose(flat.flatten(-2), expected, atol=1e-6)
    mean = poses.pose_from_pca(coefficients, flat_hand_mean=False)
    assert np.allclose(mean.flatten(-2), expected + values["hands_mean"], atol=1e-6)
    assert torch.allclose(poses.pose_from_mean_relative(flat), mean, atol=1e-6)
    assert torch.allclose(poses.pose_to_mean_relative(mean), flat, atol=1e-6)
    for pose, flat_hand_mean in ((flat, True), (mean, False)):
        back = poses.pca_from_pose(pose, count=12, flat_hand_mean=flat_hand_mean)
        assert torch.allclose(back, coefficients, atol=1e-5)
    assert (
        poses.to(torch.float64).pose_from_pca(coefficients.double(), flat_hand_mean=True).dtype
        == torch.float64
    )


def test_zero_coefficients_are_the_mean_or_the_flat_hand(folder):
    poses = load_mano_poses(folder / "MANO_RIGHT.pkl")
    assert poses.pose_from_pca(torch.zeros(6), flat_hand_mean=True).abs().max() == 0
    assert torch.equal(poses.pose_from_pca(torch.zeros(6), flat_hand_mean=False).flatten(), poses.mean)


def test_poses_are_refused(folder, tmp_path):
    poses = load_mano_poses(folder / "MANO_RIGHT.pkl")
    for count in (0, 46):
        with pytest.raises(InputError, match="1 to 45"):
            poses.pose_from_pca(torch.zeros(count), flat_hand_mean=True)
    with pytest.raises(InputError, match="hand_pose"):
        poses.pose_to_mean_relative(torch.zeros(45))
    values = mano_values()
    del values["hands_mean"]
    path = write_mano(tmp_path / "r.npz", values)
    assert load_mano(path).side == "right"
    with pytest.raises(InputError, match="hands_mean"):
        load_mano_poses(path)
