"""The open hand's pose space is orthonormal, two-sided, within reach of a hand; MANO's is the file's."""

import json

import numpy as np
import pytest
import roma
import torch
from mano_files import mano_values, write_mano

from handhold.cli.demo_scene import make_scene
from handhold.cli.main import main
from handhold.errors import InputError
from handhold.hand import Hand, HandParams
from handhold.hand.pose_space import ASSET, PoseSpace, mirror_poses, mirrored
from handhold.interaction.noise import PROTOCOLS, noise_generator, perturb


@pytest.fixture(params=["right", "left"])
def space(request) -> PoseSpace:
    return PoseSpace.open(request.param)


def test_components_are_orthonormal_and_ordered(space):
    components, spread = space.components.double(), space.standard_deviations.double()
    torch.testing.assert_close(components @ components.T, torch.eye(30).double(), atol=1e-6, rtol=0)
    assert (spread.diff() <= 0).all() and spread[-1] > 0.02
    assert (space.model, space.version, space.mean.shape) == ("open", "open-poses-1", (45,))


def test_there_are_enough_for_every_protocol(space):
    assert len(space.components) >= max(p.components for p in PROTOCOLS.values())


def test_it_is_small_and_its_notices_lie_beside_it():
    notice = ASSET.with_name("POSE_SPACE.md").read_text()
    assert ASSET.stat().st_size < 20_000
    for words in ("Stewart Smith", "Yuzhe Qin", "Permission is hereby granted", PoseSpace.open().version):
        assert words in notice


def test_the_mean_is_a_posture_that_a_hand_can_take(space):
    hand = Hand.open(space.side)
    angles = hand.anatomy.angles(roma.rotvec_to_rotmat(space.mean.view(15, 3)))
    assert torch.rad2deg(hand.anatomy.violation(angles).max()) < 1
    assert angles[:12, 0].mean() > 0.1  # half closed


def test_the_first_component_closes_the_fingers(space):
    hand = Hand.open(space.side)
    flexion = []
    for sign in (-1, 1):
        pose = space.mean + sign * space.standard_deviations[0] * space.components[0]
        angles = hand.anatomy.angles(roma.rotvec_to_rotmat(pose.view(15, 3)))
        flexion.append(angles[:12, 0].mean())
    assert abs(flexion[1] - flexion[0]) > 0.3


def test_left_poses_are_right_poses_in_the_mirror():
    coefficients = torch.randn(5, 30, generator=torch.Generator().manual_seed(0))
    points = []
    for side in ("right", "left"):
        hand, space = Hand.open(side), PoseSpace.open(side)
        zero = hand.zeros(5)
        pose = (space.mean + 0.3 * coefficients @ space.components).view(5, 15, 3)
        points.append(hand(HandParams(zero.global_orient, pose, zero.betas, zero.transl)).vertices)
    torch.testing.assert_close(points[1], points[0] * torch.tensor([-1.0, 1.0, 1.0]), atol=1e-6, rtol=0)


def test_mirrored_twice_is_the_same(space):
    again = mirrored(mirrored(space))
    assert again.side == space.side
    assert torch.equal(again.components, space.components) and torch.equal(again.mean, space.mean)


@pytest.mark.parametrize("count", [0, -1, 31])
def test_components_that_are_not_there(space, count):
    assert len(space.directions(30)) == 30
    with pytest.raises(InputError, match="1 to 30"):
        space.directions(count)


def test_an_unknown_side():
    with pytest.raises(InputError, match="right or left"):
        PoseSpace.open("both")


def test_manos_components_are_the_files(tmp_path):
    path = write_mano(tmp_path / "MANO_RIGHT.pkl")
    space, values = PoseSpace.mano(path, side="right"), mano_values()
    np.testing.assert_allclose(space.components.numpy(), values["hands_components"], atol=1e-6)
    np.testing.assert_allclose(space.mean.numpy(), values["hands_mean"], atol=1e-6)
    assert (space.model, space.side, space.version) == ("mano", "right", Hand.mano(path).version)


def test_noise_on_a_mano_hand_lies_along_the_files_components(tmp_path):
    path = write_mano(tmp_path / "MANO_LEFT.pkl", side="left")
    hand, space = Hand.mano(path), PoseSpace.mano(path, side="left")
    zero = hand.zeros(4000)
    noisy = perturb(zero, hand, protocol="contactopt", generator=noise_generator(0, "a"), pose_space=space)
    coefficients = noisy.hand_pose.flatten(1) @ space.components.T
    assert coefficients[:, :15].std() == pytest.approx(0.5, rel=0.02)
    assert coefficients[:, 15:].abs().max() < 1e-5
    with pytest.raises(InputError, match=r"contactopt-open.*mano hand"):
        perturb(zero, hand, protocol="contactopt-open", generator=noise_generator(0, "a"), pose_space=space)
    with pytest.raises(InputError, match=r"PoseSpace\.mano"):
        perturb(zero, hand, protocol="contactopt", generator=noise_generator(0, "a"))
    with pytest.raises(InputError, match="left mano hand"):
        perturb(
            zero,
            hand,
            protocol="contactopt",
            generator=noise_generator(0, "a"),
            pose_space=PoseSpace.open("left"),
        )


def test_the_command_disturbs_mano_hands_with_manos_components(tmp_path):
    document, mug = make_scene()
    (tmp_path / "mug.obj").write_text(
        "".join(f"v {x} {y} {z}\n" for x, y, z in mug.vertices)
        + "".join(f"f {a} {b} {c}\n" for a, b, c in mug.faces + 1)
    )
    model, out = write_mano(tmp_path / "MANO_RIGHT.npz"), tmp_path / "out"
    (tmp_path / "scene.json").write_text(json.dumps(document))
    command = ["data", "perturb", str(tmp_path / "scene.json"), "--quiet", "--mano", str(model)]
    assert main([*command, "--protocol", "contactopt", "--out", str(out)]) == 0
    record, scene = (json.loads((out / f"{name}.json").read_text()) for name in ("perturb", "scene"))
    assert record["protocol"]["name"] == record["scenes"][0]["protocol"] == "contactopt"
    assert record["provenance"]["pose_space"] == Hand.mano(model).version
    assert scene["hand"]["model"] == "mano" and scene["hand"]["model_path"] == "../MANO_RIGHT.npz"
    refine = ["refine", str(out), "--out", str(tmp_path / "refined"), "--no-picture", "--quiet"]
    assert main([*refine, "--gravity.steps", "2"]) == 0


def test_mirroring_an_axis_angle_mirrors_its_rotation():
    turn = torch.randn(20, 3, generator=torch.Generator().manual_seed(1))
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
    expected = mirror @ roma.rotvec_to_rotmat(turn) @ mirror
    torch.testing.assert_close(roma.rotvec_to_rotmat(mirror_poses(turn)), expected, atol=1e-6, rtol=0)
