"""The shipped hand is a closed surface, shaped as adults' hands are, free to use, and two-sided."""

import manifold3d
import numpy as np
import pytest
import torch
from safetensors import safe_open

from handhold.errors import InputError
from handhold.geometry.mesh import enclosed_volume, face_normals
from handhold.hand import FINGERS, Hand
from handhold.hand.open_hand import ASSET, mirrored
from handhold.hand.skeleton import FINGER_JOINTS

MM = 1e3
KNUCKLES = [1, 4, 10, 7]


@pytest.fixture(scope="module")
def adults() -> tuple[Hand, torch.Tensor, torch.Tensor]:
    """The hand with 1,000 flat adults: vertices (N, V, 3) and joints (N, 16, 3)."""
    hand = Hand.open()
    betas = torch.randn(1000, hand.shapes, generator=torch.Generator().manual_seed(3))
    return hand, *hand.rest(betas)


def test_counts(hand):
    assert hand.template.shape == (1610, 3) and hand.faces.shape == (3216, 3)
    assert hand.joint_template.shape == (16, 3) and hand.skin_weights.shape == (1610, 16)
    assert hand.shapes == 10 == len(hand.shape_names) == len(set(hand.shape_names))
    assert hand(hand.zeros()).joints.shape == (21, 3)
    assert (hand.name, hand.version) == ("open", "open-1") and hand.pose_directions is None


def test_every_edge_is_shared_by_two_faces_that_agree(hand):
    directed = torch.cat([hand.faces[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    assert len(directed.unique(dim=0)) == len(directed)  # each direction once
    there = {tuple(e) for e in directed.tolist()}
    assert all((b, a) in there for a, b in there)
    assert len(hand.template) - len(directed) // 2 + len(hand.faces) == 2  # Euler: one sphere
    assert torch.equal(hand.faces.unique(), torch.arange(len(hand.template)))


@pytest.mark.parametrize("posture", ["flat", "random"])
def test_manifold3d_takes_it_as_a_solid_of_positive_volume(hand, posture, random_states):
    params = hand.zeros() if posture == "flat" else random_states(hand, 1, within=0.5).params(hand)[0]
    vertices = hand(params).vertices
    mesh = manifold3d.Mesh64(vertices.double().numpy(), hand.faces.numpy().astype(np.uint64))
    solid = manifold3d.Manifold(mesh)
    assert solid.status() == manifold3d.Error.NoError
    assert solid.volume() == pytest.approx(float(enclosed_volume(vertices, hand.faces)), rel=1e-3)
    assert 2e-4 < solid.volume() < 4e-4


def test_skinning_weights_are_shares(hand):
    assert hand.skin_weights.min() >= 0
    torch.testing.assert_close(hand.skin_weights.sum(-1), torch.ones(len(hand.template)))


def test_tips_are_the_ends_of_the_fingers(hand):
    for k, finger in enumerate(FINGERS):
        base = hand.joint_template[FINGER_JOINTS[finger][0]]
        own = hand.template[hand.finger_labels == k + 1]
        reach = (hand.template[hand.tip_vertices[k]] - base).norm()
        assert reach > 0.985 * (own - base).norm(dim=-1).max()


def test_knuckles_and_wrist_lie_inside(hand):
    from handhold.geometry.distance import ExactDistance

    field = ExactDistance(hand.template.numpy(), hand.faces.numpy())
    assert field.query(hand.joint_template.double().numpy()).distance.max() < -0.0015


def test_left_is_right_in_the_mirror():
    right, left = Hand.open("right"), Hand.open("left")
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    assert torch.equal(left.template, right.template * mirror)
    assert torch.equal(left.joint_template, right.joint_template * mirror)
    assert enclosed_volume(left.template, left.faces) > 0
    again = mirrored(left)
    for name in ("template", "shape_directions", "joint_template", "joint_directions", "faces"):
        assert torch.equal(getattr(again, name), getattr(right, name))
    assert again.side == "right" and torch.equal(again.anatomy.frames, right.anatomy.frames)


@pytest.mark.parametrize("side", ["both", "Right", "", None, 0])
def test_other_sides_are_refused(side):
    with pytest.raises(InputError, match="right or left"):
        Hand.open(side)


def test_the_asset_is_small_free_and_says_where_it_comes_from():
    assert ASSET.stat().st_size < 2e6
    with safe_open(ASSET, framework="pt") as file:
        metadata = file.metadata()
    assert metadata["licence"] == "CC0-1.0" and "MakeHuman" in metadata["source"]
    notice = ASSET.with_name("OPEN_HAND.md").read_text()
    assert "CC0 1.0" in notice and f"version {metadata['version']}" in notice


# Adults' hands. Length and breadth: 2012 Anthropometric Survey of U.S. Army Personnel (ANSUR II; Gordon et
# al. 2014, NATICK/TR-15/007), men 193 mm (s.d. 10) and 88 (4), women 181 (10) and 79 (4); in equal parts 187
# and 83.5 (s.d. 11.6 and 6). Volume: a hand is 0.61 % of a man's and 0.56 % of a woman's mass (de Leva,
# Adjustments to Zatsiorsky-Seluyanov's segment inertia parameters, J Biomech 29, 1996), at 73 and 62 kg and
# 1.16 g/cm3 (Dempster 1955) 384 and 299 cm3; Hughes and Lau (2008) weighed one of 494 and one of 312.


def test_lengths_spread_as_adults_do(adults):
    hand, vertices, _ = adults
    crease = vertices[..., 0].amax(1)
    length = (crease - vertices[:, hand.tip_vertices[2], 0]) * MM
    assert length.mean() == pytest.approx(187, abs=2) and length.std() == pytest.approx(11.6, abs=1.2)
    assert length.quantile(0.01) > 193 - 4 * 10 and length.quantile(0.99) < 193 + 3 * 10


def test_breadths_spread_as_adults_do(adults):
    hand, vertices, joints = adults
    level = joints[:, KNUCKLES, 0].mean(1, keepdim=True)
    thumb = hand.skin_weights[:, list(FINGER_JOINTS["thumb"])].sum(-1) > 0.2
    across = ((vertices[..., 0] - level).abs() < 0.006) & ~thumb
    z = vertices[..., 2]
    breadth = (z.where(across, -torch.inf).amax(1) - z.where(across, torch.inf).amin(1)) * MM
    assert breadth.mean() == pytest.approx(83.5, abs=4) and breadth.std() == pytest.approx(6, abs=1.2)


def test_volumes_are_adults(adults):
    hand, vertices, _ = adults
    volume = enclosed_volume(vertices, hand.faces) * 1e6
    assert 0.8 * 342 < volume.mean() < 1.2 * 342
    assert volume.quantile(0.025) > 150 and volume.quantile(0.975) < 500


def test_fingers_keep_their_order_of_length(adults):
    hand, vertices, joints = adults
    tips = vertices[:, hand.tip_vertices]
    bases = joints[:, [FINGER_JOINTS[f][0] for f in FINGERS]]
    _, index, middle, ring, pinky = (tips - bases).norm(dim=-1).unbind(-1)
    assert (middle > index).float().mean() > 0.98 and (middle > ring).float().mean() > 0.85
    assert (torch.minimum(index, ring) > pinky).all()


def test_no_shape_turns_a_face_over(adults):
    """No component alone at three deviations; among adults, a sliver between two fingers in one of a hundred."""
    hand, vertices, _ = adults
    alone = torch.cat((3 * torch.eye(hand.shapes), -3 * torch.eye(hand.shapes)))
    flat = face_normals(hand.template, hand.faces)
    assert (face_normals(hand.rest(alone)[0], hand.faces) * flat).sum(-1).min() > 0
    turned = (face_normals(vertices, hand.faces) * flat).sum(-1) <= 0
    assert turned.any(-1).float().mean() < 0.02 and turned.sum(-1).max() <= 3


def test_each_shape_component_is_named_after_what_it_changes():
    hand = Hand.open()
    vertices, joints = hand.rest(3 * torch.eye(hand.shapes))
    base, base_joints = hand.rest(torch.zeros(1, hand.shapes))
    size = (vertices[..., 0].amax(1) - vertices[..., 0].amin(1)) - (
        base[..., 0].amax(1) - base[..., 0].amin(1)
    )
    assert hand.shape_names[0] == "hand size" and size.abs().argmax() == 0 and size[0] > 0.02

    def lengths(v, j):
        return (v[:, hand.tip_vertices] - j[:, [FINGER_JOINTS[f][0] for f in FINGERS]]).norm(dim=-1)

    change = (lengths(vertices, joints) - lengths(base, base_joints))[1:].abs()
    for k, finger in enumerate(FINGERS):
        if f"{finger} length" in hand.shape_names:
            component = hand.shape_names.index(f"{finger} length") - 1
            assert change[component, k] > 0.4 * change[:, k].max()
