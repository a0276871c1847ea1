"""The table of grasp types: postures a hand can take, sides that oppose, regions on any hand."""

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import roma
import torch

from handhold.errors import InputError
from handhold.hand import Hand, HandParams
from handhold.hand.kinematics import HandState
from handhold.hand.regions import LONG_FINGERS, REGIONS, region_masks, region_vertices
from handhold.hand.skeleton import FINGER_CHAINS, FINGER_JOINTS, FINGERS
from handhold.interaction.grasp_types import (
    DIP_SHARE,
    GRASP_TYPES,
    opposition_axis,
    shaft_axis,
    touched_regions,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "hand"))
from mano_files import mano_values, write_mano

KINDS = pytest.mark.parametrize("kind", GRASP_TYPES.values(), ids=GRASP_TYPES.keys())
BONES_APART = 0.012
"""Closer, two fingers would lie in each other [m]."""


@pytest.fixture(scope="module", params=["right", "left"])
def mano(request, tmp_path_factory) -> Hand:
    path = tmp_path_factory.mktemp("mano") / f"MANO_{request.param.upper()}.npz"
    return Hand.mano(write_mano(path, mano_values(request.param)), side=request.param)


def posed(hand, kind, turn=0.0):
    angles = kind.posture(hand, turn)[None]
    identity = torch.eye(3, dtype=hand.dtype)[None]
    state = HandState(identity, hand.joint_template[:1], angles, hand.zeros(1).betas)
    surface = hand(state.params(hand))
    return surface.vertices[0], surface.joints[0]


@KINDS
def test_postures_lie_within_the_published_limits(hand64, kind):
    for angles in (kind.angles, kind.shut):
        assert angles.shape == (15, 3) and angles.dtype == torch.float64
        assert hand64.anatomy.violation(angles).max() < 1e-6


@KINDS
def test_closing_leads_from_open_to_shut(hand64, kind):
    assert 0.1 < kind.travel < 1.6
    assert kind.closing.abs().max() == pytest.approx(1.0)
    torch.testing.assert_close(kind.posture(hand64, 0.0), kind.angles)
    torch.testing.assert_close(kind.posture(hand64, kind.travel), kind.shut)
    both = kind.posture(hand64, torch.tensor([0.0, kind.travel / 2], dtype=torch.float64))
    torch.testing.assert_close(both[1], kind.posture(hand64, kind.travel / 2))
    assert hand64.anatomy.violation(kind.posture(hand64, 9.0)).max() == 0
    flexion = kind.closing[:12, 0]
    assert (flexion >= 0).all(), "long fingers only close"


@KINDS
def test_the_last_joint_follows_the_middle_one(kind):
    for finger in LONG_FINGERS:
        _, middle, last = (j - 1 for j in FINGER_JOINTS[finger])
        moved = kind.closing[middle, 0]
        assert kind.closing[last, 0] <= DIP_SHARE * moved + 1e-9


@KINDS
def test_no_finger_lies_in_another_on_the_way(hand64, kind):
    along = torch.linspace(0, 1, 9, dtype=torch.float64)[:, None]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        joints = posed(hand64, kind, share * kind.travel)[1]
        points = []
        for finger in FINGERS:
            chain = FINGER_CHAINS[finger][finger == "thumb" :]  # the thumb's metacarpal lies in the palm
            points.append(
                torch.cat([joints[a] * (1 - along) + joints[b] * along for a, b in pairwise(chain)])
            )
        for i in range(5):
            for j in range(i + 1, 5):
                apart = torch.cdist(points[i], points[j]).min()
                assert apart > BONES_APART, (share, FINGERS[i], FINGERS[j])


@KINDS
def test_the_opposed_sides_close_in_on_each_other(hand64, kind):
    turns = (0.0, kind.travel / 2, kind.travel)
    gaps = [float(opposition_axis(hand64, kind, posed(hand64, kind, t)[0])[2]) for t in turns]
    assert gaps[0] > gaps[1] > gaps[2] > 0.005
    assert kind.sizes[0] < kind.sizes[1]


@pytest.mark.parametrize("name", ["precision", "pinch", "tripod", "extension", "lateral", "writing"])
def test_the_largest_passes_between_the_open_sides_and_the_smallest_is_nearly_met(hand64, name):
    kind = GRASP_TYPES[name]
    gaps = []
    for turn in (0.0, kind.travel):
        vertices = posed(hand64, kind, turn)[0]
        first, second = (
            torch.cat([vertices[region_vertices(hand64, n)] for n in side]) for side in kind.between
        )
        gaps.append(float(torch.cdist(first, second).min()))
    assert gaps[0] > kind.sizes[1] and gaps[1] < kind.sizes[0] + 0.01


@pytest.mark.parametrize("name", ["precision", "pinch", "tripod", "extension"])
def test_pads_face_each_other_half_closed(hand64, name):
    from handhold.geometry.mesh import vertex_normals

    kind = GRASP_TYPES[name]
    vertices = posed(hand64, kind, kind.travel / 2)[0]
    normals = vertex_normals(vertices, hand64.faces)
    axis = opposition_axis(hand64, kind, vertices)[1]
    first, second = (
        torch.cat([normals[region_vertices(hand64, n)] for n in side]).mean(0) for side in kind.between
    )
    least = 0.2 if kind.flat else 0.35  # a thumb meets flat fingers with the side of its pad
    assert first @ axis > least and second @ axis < -0.35


def test_flat_fingers_lie_square_to_what_they_hold(hand64):
    kind = GRASP_TYPES["extension"]
    vertices = posed(hand64, kind, 0.7 * kind.travel)[0]
    axis, width = opposition_axis(hand64, kind, vertices)[1:]
    ends = [vertices[region_vertices(hand64, f"middle_{part}")].mean(0) for part in ("distal", "proximal")]
    along = torch.nn.functional.normalize(ends[0] - ends[1], dim=-1)
    assert (along @ axis).abs() < 0.1
    assert 0.03 < width < 0.05


def test_the_pen_lies_on_the_web_and_points_away_from_the_hand(hand64):
    kind = GRASP_TYPES["writing"]
    vertices, joints = posed(hand64, kind, kind.travel / 2)
    axis = shaft_axis(hand64, kind, vertices)
    assert axis is not None
    direction = axis[1]
    back = torch.linalg.cross(joints[7] - joints[0], joints[1] - joints[0])
    back = back / back.norm() * (1 if hand64.side == "right" else -1)
    assert direction @ back < -0.4, "the nib is on the palm's side"
    assert shaft_axis(hand64, GRASP_TYPES["pinch"], vertices) is None


@KINDS
def test_left_is_the_mirrored_right(kind):
    right, left = Hand.open("right", dtype=torch.float64), Hand.open("left", dtype=torch.float64)
    mirror = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    vertices = posed(right, kind, 0.3)[0]
    torch.testing.assert_close(posed(left, kind, 0.3)[0], vertices * mirror, atol=1e-6, rtol=0)
    ours, theirs = (
        opposition_axis(right, kind, vertices),
        opposition_axis(left, kind, vertices * mirror),
    )
    torch.testing.assert_close(ours[1] * mirror, theirs[1])


def test_axes_move_with_the_hand(hand64):
    kind = GRASP_TYPES["power"]
    vertices = posed(hand64, kind)[0]
    turn = roma.rotvec_to_rotmat(torch.tensor([0.4, -1.0, 0.7], dtype=torch.float64))
    shift = torch.tensor([0.1, 0.2, -0.3], dtype=torch.float64)
    middle, axis, gap = opposition_axis(hand64, kind, vertices)
    moved = opposition_axis(hand64, kind, (vertices @ turn.mT + shift)[None])
    torch.testing.assert_close(moved[0][0], turn @ middle + shift)
    torch.testing.assert_close(moved[1][0], turn @ axis)
    torch.testing.assert_close(moved[2][0], gap)


def test_regions_of_the_two_sides_are_the_same_vertices():
    assert torch.equal(region_masks(Hand.open("right")), region_masks(Hand.open("left")))


def check_regions(hand):
    masks = dict(zip(REGIONS, region_masks(hand), strict=True))
    owner = hand.skin_weights.argmax(-1)
    for name, mask in masks.items():
        assert mask.sum() >= 3, name
        assert torch.equal(torch.nonzero(mask).squeeze(-1), region_vertices(hand, name))
    pads = [n for n in REGIONS if n.endswith(("_proximal", "_middle", "_distal"))]
    parts = ["thenar", "hypothenar", "knuckles"]
    for name in (*pads, *parts, *FINGERS, "palm"):
        assert hand.palmar[masks[name]].all(), name
    for name in pads:
        finger, part = name.split("_")
        place = (
            ("metacarpal", "proximal", "distal") if finger == "thumb" else ("proximal", "middle", "distal")
        )
        assert (owner[masks[name]] == FINGER_JOINTS[finger][place.index(part)]).all(), name
    assert torch.stack([masks[n] for n in (*pads, *parts)]).sum(0).max() == 1, "parts do not overlap"
    middles = {name: hand.template[mask].mean(0) for name, mask in masks.items()}
    thumbward = hand.joint_template[1] - hand.joint_template[7]
    forward = hand.joint_template[4] - hand.joint_template[0]
    assert (middles["thenar"] - middles["hypothenar"]) @ thumbward > 0
    assert (middles["knuckles"] - middles["thenar"]) @ forward > 0
    assert (middles["index_side"] - middles["index_middle"]) @ thumbward > 0
    assert (middles["middle_side"] - middles["middle_middle"]) @ thumbward > 0
    web, thumb, index = middles["web"], hand.joint_template[14], hand.joint_template[1]
    assert (web - (thumb + index) / 2).norm() < 0.6 * (thumb - index).norm()


def test_regions_lie_where_their_names_say(hand):
    check_regions(hand)


def test_regions_of_mano_lie_where_their_names_say(mano):
    check_regions(mano)


@KINDS
def test_every_region_named_in_the_table_exists(kind):
    named = [*kind.touches, *(n for side in kind.between for n in side)]
    named += [n for side in kind.shaft or () for n in side]
    for need in kind.minimum:
        assert 1 <= need.count <= len(need.regions)
        named += need.regions
    assert set(named) <= set(REGIONS)


def test_an_unknown_region_is_named(hand):
    with pytest.raises(InputError, match="unknown region"):
        region_vertices(hand, "elbow")


@KINDS
def test_each_rule_accepts_its_own_touch_and_no_empty_hand(hand, kind):
    distances = torch.full((3, len(hand.template)), 0.05)
    for name in kind.touches:
        distances[1, region_vertices(hand, name)] = 0.001
    distances[2, region_vertices(hand, "thumb_distal")] = -0.001
    assert kind.accepts(touched_regions(hand, distances)).tolist() == [False, True, False]


def test_lateral_needs_thumb_and_the_indexs_side_and_precision_two_fingers(hand):
    def accepted(name, *regions):
        return bool(GRASP_TYPES[name].accepts(torch.tensor([region in regions for region in REGIONS])))

    assert accepted("lateral", "thumb_distal", "index_side")
    assert not accepted("lateral", "thumb_distal", "index_distal", "middle_distal")
    assert accepted("precision", "thumb", "ring", "index") and not accepted("precision", "thumb", "index")
    assert not accepted("power", "thumb", "index", "middle") and accepted(
        "power", "thumb", "index", "pinky", "palm"
    )
    assert accepted("hook", "index", "middle", "ring")


def test_postures_serve_other_shapes_and_dtypes(hand):
    kind = GRASP_TYPES["tripod"]
    large = replace(hand.zeros(1), betas=torch.full((1, hand.shapes), 1.0))
    pose = roma.rotmat_to_rotvec(hand.anatomy.rotations(kind.posture(hand)))[None]
    vertices = hand(HandParams(large.global_orient, pose, large.betas, large.transl)).vertices
    assert vertices.dtype == torch.float32
    assert opposition_axis(hand, kind, vertices)[2].item() > kind.sizes[1] * 0.8
