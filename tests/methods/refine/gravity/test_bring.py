"""A hand that is somewhere else is taken to where its contact masks have it, and only such a hand."""

from dataclasses import replace

import pytest
import roma
import torch

from handhold.batch.instructing import asked_share
from handhold.cli.demo_scene import make_grasp, make_mug
from handhold.errors import InputError
from handhold.hand import Hand, HandParams
from handhold.hand.kinematics import forward, place, surface_points
from handhold.hand.regions import region_vertices
from handhold.hand.skeleton import FINGERS
from handhold.interaction.contact import given_contacts
from handhold.interaction.grasp import Contact, Grasp
from handhold.interaction.measures import measure
from handhold.interaction.rows import Rows
from handhold.methods.refine.gravity import GravityConfig, refine_gravity
from handhold.methods.refine.gravity import bring as search
from handhold.methods.refine.gravity.bring import BEYOND, bring
from handhold.methods.refine.gravity.coupled import aim_at
from handhold.objects.household import make

HAMMER = make("hammer")
CHEAP = GravityConfig(steps=2, reopen=(), soft=None, vertex_stride=12, walls=False)
UPRIGHT = torch.tensor([[0.0, 0, 1, -0.012], [0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]])
"""The hammer's length along the axis that the demo's hand closes about."""


def painted(part: str, *, fingers=FINGERS, side: str = "right", at_most: int | None = None) -> Contact:
    """Masks of a part of the hammer and the pads of some fingers."""
    drawn = HAMMER.mesh.sample(2048, torch.Generator().manual_seed(0))
    own = [p.name for p in HAMMER.parts].index(part)
    on_object = torch.from_numpy(HAMMER.face_parts[drawn.face.numpy()] == own).float()
    if at_most is not None:
        on_object[torch.nonzero(on_object).squeeze(-1)[at_most:]] = 0
    hand = Hand.open(side)
    on_hand = torch.zeros(len(hand.template))
    for finger in fingers:
        on_hand[region_vertices(hand, f"{finger}_distal")] = 1
    return Contact(on_hand, on_object, drawn.points.float())


def held(along: float, contact: Contact | None = None, *, side: str = "right") -> Grasp:
    """A hand about the hammer so far from the butt of its handle [m]."""
    hand, pose = Hand.open(side), UPRIGHT.clone()
    pose[2, 3] = 0.055 + along
    params = make_grasp(Hand.open())
    if side == "left":  # somewhere about it
        params = HandParams(
            params.global_orient * torch.tensor([1.0, -1, -1]),
            hand.zeros().hand_pose,
            params.betas,
            params.transl,
        )
    joints = hand(params).joints
    return Grasp(hand, params, HAMMER.mesh, pose, keypoints=joints, contact=contact, instruction="hold it")


def in_time(frames: list[Grasp]) -> Grasp:
    """Grasps as frames of a motion."""
    return replace(
        frames[0],
        params=HandParams.stack([f.params for f in frames]),
        keypoints=torch.stack([f.keypoints for f in frames]),
        T_world_object=torch.stack([f.T_world_object for f in frames]),
        fps=30.0,
    )


def brought(*grasps: Grasp, config: GravityConfig = CHEAP, group=None) -> tuple[Rows, Rows]:
    rows = Rows.from_grasps(list(grasps))
    aim = aim_at(rows, config, given=given_contacts(grasps))
    return rows, bring(rows, config, aim=aim, group=group, generator=torch.Generator().manual_seed(0))


def away(rows: Rows, contact: Contact) -> torch.Tensor:
    """Least distance (B,) of each hand to what its mask asks for [m]."""
    asked = contact.points[contact.object > 0]
    skin = place(forward(rows.hand, rows.state), surface_points(rows.hand, rows.state.betas))
    return torch.cdist(skin, asked.expand(len(rows), -1, -1)).amin((1, 2))


@pytest.fixture
def few_turns(monkeypatch) -> None:
    """A quicker search, where the place need not be good."""
    monkeypatch.setattr(search, "TURNS", 5)


@pytest.fixture(scope="module")
def taken() -> tuple[Grasp, Grasp]:
    """A hand about the handle that is asked to take the head, before and after."""
    grasp = held(0.095, painted("head"))
    (after,) = refine_gravity([grasp], generator=torch.Generator().manual_seed(0))
    return grasp, after


def test_a_hand_elsewhere_is_taken_to_the_part_that_is_asked_for(taken):
    before, after = taken
    assert asked_share(before) == 0
    assert asked_share(after) >= 0.6
    figures = measure(after)
    assert figures.bones_through == 0 and figures.iv_cm3 < 2
    assert figures.fingers_in_contact >= 3 and figures.limit_violation_deg < 1e-3


def test_what_was_observed_is_told_as_it_was(taken):
    before, after = taken
    assert torch.equal(before.keypoints, after.keypoints) and after.contact is before.contact
    assert (after.params.transl - before.params.transl).norm() > 0.05
    assert measure(after).moved_mm > 50


def test_the_same_call_takes_it_to_the_same_place(few_turns):
    grasp = held(0.095, painted("head"))
    one, other = (refine_gravity([grasp], config=CHEAP)[0].surface().vertices for _ in range(2))
    assert torch.equal(one, other)


def test_without_bring_it_stays_where_it_was(taken):
    before, _ = taken
    (left,) = refine_gravity([before], config=replace(CHEAP, bring=False))
    assert (left.params.transl - before.params.transl).norm() < BEYOND
    assert asked_share(left) < 0.5


def test_a_hand_near_its_region_is_not_taken_anywhere():
    near = held(0.09, painted("handle"))
    given, rows = brought(near)
    assert rows is given
    with_it, without = (refine_gravity([near], config=replace(CHEAP, bring=b))[0] for b in (True, False))
    assert torch.equal(with_it.surface().vertices, without.surface().vertices)


def test_company_does_not_change_where_a_hand_is_taken(few_turns):
    one, other = held(0.095, painted("head")), held(0.13, painted("head"))
    _, alone = brought(one)
    _, both = brought(other, one)
    torch.testing.assert_close(both.state.wrist[1], alone.state.wrist[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(both.observed[1], alone.observed[0], atol=1e-5, rtol=0)


def test_a_motion_is_taken_there_as_a_whole(few_turns):
    contact = painted("head")
    frames = [held(along, contact) for along in (0.095, 0.09, 0.08)]
    given, rows = brought(*frames, group=torch.zeros(3, dtype=torch.long))
    assert away(given, contact).min() > BEYOND and away(rows, contact)[0] < BEYOND  # the first was nearest
    turn = rows.state.rotation @ given.state.rotation.mT
    torch.testing.assert_close(turn, turn[:1].expand(3, 3, 3), atol=1e-5, rtol=0)
    steps, were = (r.state.wrist.diff(dim=0) for r in (rows, given))
    torch.testing.assert_close(steps, were @ turn[0].mT, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        rows.observed.diff(dim=0), given.observed.diff(dim=0) @ turn[0].mT, atol=1e-5, rtol=0
    )


def test_a_motion_that_comes_to_its_region_by_itself_is_left_alone():
    frames = [held(along, painted("handle")) for along in (-0.2, 0.0, 0.09)]
    given, rows = brought(*frames, group=torch.zeros(3, dtype=torch.long))
    assert rows is given
    motion = in_time(frames)
    with_it, without = (refine_gravity([motion], config=replace(CHEAP, bring=b))[0] for b in (True, False))
    assert with_it.is_motion and torch.equal(with_it.params.transl, without.params.transl)


def test_on_its_way_a_hand_is_not_drawn_from_it():
    contact = painted("handle")
    frames = [held(along, contact) for along in (-0.15, -0.1, -0.05, 0.09)]
    motion = in_time(frames)
    (after,) = refine_gravity([motion], config=CHEAP)
    moved = (after.surface().joints - motion.keypoints).norm(dim=-1).mean(-1)
    alone = refine_gravity([frames[-1]], config=CHEAP)[0].surface().joints
    assert moved[:2].max() < 0.002 < moved[-1]
    torch.testing.assert_close(after.surface().joints[-1], alone, atol=1e-3, rtol=0)


def test_a_left_hand_is_taken_there_too(few_turns):
    contact = painted("head", side="left")
    given, rows = brought(held(0.095, contact, side="left"))
    assert away(given, contact) > BEYOND > away(rows, contact)
    assert torch.linalg.det(rows.state.rotation) == pytest.approx(1, abs=1e-4)


def test_one_point_is_a_region(few_turns):
    contact = painted("head", fingers=("index",), at_most=1)
    _, rows = brought(held(0.095, contact))
    assert away(rows, contact) < BEYOND


@pytest.mark.parametrize("kind", ["no finger", "no place"])
def test_where_nothing_is_asked_for_nothing_is_taken(kind):
    contact = painted("head", fingers=()) if kind == "no finger" else painted("head", at_most=0)
    grasp = held(0.095, contact)
    given, rows = brought(grasp)
    assert rows is given
    (after,) = refine_gravity([grasp], config=CHEAP)
    assert after.surface().vertices.isfinite().all()
    assert (after.params.transl - grasp.params.transl).norm() < 0.02


def test_masks_of_one_grasp_are_nothing_to_another():
    with_masks, without = held(0.09, painted("handle")), held(0.09)
    empty = held(0.09, Contact())
    together = refine_gravity([without, with_masks, empty], config=CHEAP)
    for one, both in zip((without, with_masks, without), together, strict=True):
        (alone,) = refine_gravity([one], config=CHEAP)
        torch.testing.assert_close(alone.surface().vertices, both.surface().vertices, atol=1e-4, rtol=0)


def test_a_scene_may_stand_anywhere(few_turns):
    turn, shift = roma.rotvec_to_rotmat(torch.tensor([0.3, 0.8, -0.4])), torch.tensor([0.4, 1.0, -0.2])
    here = held(0.095, painted("head"))
    pose = torch.eye(4)
    pose[:3, :3], pose[:3, 3] = turn, shift
    joints = here.hand(here.params).joints
    rotated = roma.rotmat_to_rotvec(turn @ roma.rotvec_to_rotmat(here.params.global_orient))
    params = replace(here.params, global_orient=rotated)
    params = replace(params, transl=params.transl + turn @ joints[0] + shift - here.hand(params).joints[0])
    there = replace(
        here, params=params, keypoints=joints @ turn.T + shift, T_world_object=pose @ here.T_world_object
    )
    (_, one), (_, other) = brought(here), brought(there)
    torch.testing.assert_close(one.state.wrist, other.state.wrist, atol=1e-3, rtol=0)


def test_no_thin_wall_goes_through_a_hand_that_is_taken_to_a_handle():
    """The mug of the demo, held about its body: beside the handle there is little room, and its wall is thin."""
    mug, hand = make_mug(), Hand.open()
    points = mug.sample(4096, torch.Generator().manual_seed(0)).points.float()
    handle = (points[:, :2].norm(dim=-1) > 0.0415).float()  # all that is further out than the body
    params = make_grasp(hand)
    skin = painted("head", fingers=("thumb", "index", "middle")).hand
    grasp = Grasp(
        hand, params, mug, torch.eye(4), contact=Contact(skin, handle, points), instruction="by the handle"
    )
    config = GravityConfig(soft=None, reopen=(), steps=5)
    (after,) = refine_gravity([grasp], config=config, generator=torch.Generator().manual_seed(0))
    figures = measure(after)
    assert figures.bones_through == 0 and figures.iv_cm3 < 4
    assert asked_share(after) > 0.5 > asked_share(grasp)


@pytest.mark.parametrize("points", [torch.zeros(0, 3), torch.full((5, 3), torch.nan), torch.zeros(5, 2)])
def test_points_that_are_none_are_refused(points):
    contact = Contact(object=torch.ones(len(points)), points=points)
    with pytest.raises(InputError, match=r"contact\.points"):
        refine_gravity([held(0.09, contact)], config=CHEAP)
