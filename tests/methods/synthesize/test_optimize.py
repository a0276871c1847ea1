"""Grasps by optimization: what comes out is what was promised, judged by measures that are not the optimizer's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh

from handhold.errors import InputError
from handhold.geometry.distance import ExactDistance
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, keypoint_points, place, surface_points
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import fingers_touching, measure
from handhold.interaction.table import Table
from handhold.methods.synthesize.holdable import bare_points, exposure, forbidden_faces, heaviness
from handhold.methods.synthesize.optimize import Ask, OptimizeConfig, optimize_grasps, optimize_many
from handhold.methods.synthesize.optimize.aim import Aim
from handhold.methods.synthesize.optimize.energy import closure, off_posture
from handhold.methods.synthesize.optimize.places import pairs
from handhold.methods.synthesize.optimize.start import place_hands
from handhold.methods.synthesize.optimize.target import find_target
from handhold.methods.synthesize.optimize.watched import fill_with_balls, watch
from handhold.methods.synthesize.screen import most_varied, pierced
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject, make
from handhold.objects.repair import triangle_areas

QUICK = OptimizeConfig(starts=160, steps=100, batch=16)
WRAPS = Ask(types=("power", "precision"))


def cylinder(radius: float = 0.025, height: float = 0.12) -> ObjectMesh:
    solid = trimesh.creation.cylinder(radius, height, sections=48)
    return ObjectMesh.from_arrays(solid.vertices, solid.faces, name="cylinder")


def box(*sides: float) -> ObjectMesh:
    solid = trimesh.creation.box(sides)
    return ObjectMesh.from_arrays(solid.vertices, solid.faces, name="box")


@pytest.fixture(scope="module")
def found():
    return {
        "right": optimize_grasps(cylinder(), Hand.open("right"), count=8, asks=[WRAPS], config=QUICK),
        "left": optimize_grasps(
            box(0.05, 0.06, 0.15), Hand.open("left"), count=8, asks=[WRAPS], config=QUICK
        ),
    }


@pytest.mark.parametrize("side", ["right", "left"])
def test_most_of_what_is_asked_for_comes_and_keeps_its_promise(found, side):
    result = found[side]
    assert 4 <= len(result.grasps) <= 8
    assert {one.type for one in result.found} == set(WRAPS.types)
    for grasp, one in zip(result.grasps, result.found, strict=True):
        assert grasp.hand.side == side
        assert torch.equal(grasp.T_world_object, torch.eye(4))
        figures = measure(grasp)
        assert figures.iv_cm3 <= 0.5
        assert one.iv_cm3 == pytest.approx(figures.iv_cm3, abs=1e-6)
        assert one.fingers == figures.fingers_in_contact
        assert figures.bones_through == 0
        assert figures.fingers_in_contact >= 3
        assert figures.limit_violation_deg < 0.1
        assert figures.flipped_faces == 0
        (frame,) = HandObject.of_grasp(grasp).frames()
        assert fingers_touching(frame.signed * 1e3, grasp.hand.finger_labels.numpy())[0]


@pytest.mark.parametrize("side", ["right", "left"])
def test_grasps_of_one_object_differ(found, side):
    wrists = torch.stack([g.surface().joints[0] for g in found[side].grasps])
    apart = torch.cdist(wrists, wrists) + torch.eye(len(wrists))
    assert apart.amin(-1).median() > 0.01


def test_a_seed_gives_the_same_grasps_again_and_another_others():
    few = OptimizeConfig(starts=48, steps=60, batch=8, iv_cm3=50.0, bones_apart=0.0)
    hand, obj = Hand.open("right"), cylinder()
    draw = lambda seed: optimize_grasps(
        obj, hand, count=2, asks=[WRAPS], config=few, generator=torch.Generator().manual_seed(seed)
    )
    first, again, other = draw(1), draw(1), draw(2)
    assert first.grasps
    assert first.rejected == again.rejected
    for a, b in zip(first.grasps, again.grasps, strict=True):
        assert torch.equal(a.params.hand_pose, b.params.hand_pose)
        assert torch.equal(a.params.transl, b.params.transl)
    assert not torch.equal(first.grasps[0].params.transl, other.grasps[0].params.transl)


def test_refusals_are_counted_by_cause():
    strict = OptimizeConfig(starts=48, steps=2, batch=16, candidates=2, bones_apart=1.0)
    result = optimize_grasps(cylinder(), Hand.open("right"), count=4, config=strict)
    assert result.grasps == []
    assert set(result.rejected) == {"fingers_cross"}
    assert result.rejected["fingers_cross"] > 0


@pytest.mark.parametrize(
    ("obj", "words", "got"),
    [
        (lambda: box(0.4, 0.4, 0.4), "too large", "40 cm"),
        (lambda: box(0.008, 0.006, 0.008), "too small", "8.0 mm"),
    ],
)
def test_what_no_hand_can_hold_is_said_so(obj, words, got):
    with pytest.raises(InputError) as error:
        optimize_grasps(obj(), Hand.open("right"), count=1, config=QUICK)
    message = str(error.value)
    assert words in message
    assert got in message
    assert "at least 12 mm" in message or "at most 12 cm" in message
    assert "Check the units" in message


def test_a_thing_too_thick_to_pinch_is_said_so():
    with pytest.raises(InputError, match="no place for a hand") as error:
        optimize_grasps(
            box(0.1, 0.1, 0.1), Hand.open("right"), count=1, asks=[Ask(types=("pinch",))], config=QUICK
        )
    assert "pinch" in str(error.value)


def test_a_large_thin_thing_is_not_too_large():
    few = OptimizeConfig(starts=32, steps=1, candidates=1, batch=2)
    optimize_grasps(box(0.3, 0.3, 0.02), Hand.open("right"), count=1, config=few)


def test_a_count_and_settings_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="count"):
        optimize_grasps(cylinder(), Hand.open("right"), count=0)
    for wrong in ({"steps": 0}, {"on_part": 2.0}, {"method": "magic"}, {"balls": float("nan")}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            OptimizeConfig(**wrong)  # pyright: ignore
    for types in ((), ("grab",)):
        with pytest.raises(InputError, match="grasp type"):
            Ask(types=types)
    with pytest.raises(InputError, match="plane"):
        Table((0.0, 0.0, 0.0), 0.0)


@pytest.fixture(scope="module")
def mug():
    return make("mug")


def test_a_part_is_touched_and_forbidden_ones_are_not(mug):
    asks = [Ask(types=("power",), part="handle", table=Table.under(mug.mesh))]
    result = optimize_grasps(mug, Hand.open("right"), count=4, asks=asks, config=QUICK)
    assert result.found
    for one in result.found:
        (frame,) = HandObject.of_grasp(one.grasp).frames()
        near = frame.object.distance.query(frame.vertices)
        parts = mug.face_parts[near.face[np.abs(near.distance) <= 0.003]]
        names = [mug.parts[k].name for k in parts]
        assert one.on_part == pytest.approx(names.count("handle") / len(names))
        assert one.on_part >= 0.7
        assert names.count("inside") <= 0.03 * len(names)
        assert frame.vertices[:, 2].min() > -0.001


def test_no_finger_is_under_an_object_that_stands():
    flat = box(0.10, 0.06, 0.05)
    asks = [Ask(types=("power", "precision"), table=Table.under(flat))]
    result = optimize_grasps(flat, Hand.open("right"), count=4, asks=asks, config=QUICK)
    assert result.found
    low = float(flat.vertices[:, 2].min())
    assert all(float(grasp.surface().vertices[:, 2].min()) > low - 0.001 for grasp in result.grasps)


def test_parts_that_are_not_there_or_not_to_be_held_are_said_so(mug):
    hand = Hand.open("right")
    for obj, part, words in (
        (mug, "lid", "no such part"),
        (mug, "inside", "no fingers belong"),
        (cylinder(), "handle", "has no parts"),
    ):
        with pytest.raises(InputError, match=words):
            optimize_grasps(obj, hand, count=1, asks=[Ask(part=part)], config=QUICK)
    nothing = PartedObject(mug.mesh, tuple(replace(p, hold=False) for p in mug.parts), mug.face_parts)
    with pytest.raises(InputError, match="no place on it"):
        optimize_grasps(nothing, hand, count=1, config=QUICK)


def test_the_inside_of_a_cup_is_found_without_parts_and_a_ball_has_none(mug):
    generator = torch.Generator().manual_seed(0)
    hidden = forbidden_faces(mug.mesh, generator)
    areas = triangle_areas(mug.mesh.vertices, mug.mesh.faces)
    share = lambda name: (areas * hidden)[mug.part_faces(name)].sum() / areas[mug.part_faces(name)].sum()
    assert share("inside") > 0.75
    assert share("body") < 0.02
    assert share("handle") < 0.05
    ball = trimesh.creation.icosphere(3, 0.03)
    assert not forbidden_faces(ObjectMesh.from_arrays(ball.vertices, ball.faces), generator).any()


def test_exposure_of_a_corner_is_half_the_sky_and_of_a_box_all_of_it():
    """At the foot of a high wall, half of what a floor sees is sky."""
    floor = trimesh.creation.box((0.4, 0.4, 0.02))
    wall = trimesh.creation.box((0.02, 0.4, 0.6))
    wall.apply_translation((0.19, 0, 0.3))
    solid = trimesh.boolean.union([floor, wall], engine="manifold")
    mesh = ObjectMesh.from_arrays(solid.vertices, solid.faces, name="corner")
    points = np.array([[0.177, 0.0, 0.01], [0.164, 0.0, 0.01], [-0.19, 0.0, 0.01]])
    sky = exposure(mesh, points.repeat(200, 0), np.array([[0.0, 0.0, 1.0]] * 600)).reshape(3, 200).mean(1)
    assert sky[0] == pytest.approx(0.5, abs=0.04)  # near as the wall is, it is no groove
    assert sky[1] == pytest.approx(0.52, abs=0.04)
    assert sky[2] > 0.75


def test_a_groove_hides_nothing_but_a_slot_that_a_finger_fits_does():
    def bottom(width: float) -> float:
        block = trimesh.creation.box((0.1, 0.1, 0.06))
        cut = trimesh.creation.box((width, 0.2, 0.05))
        cut.apply_translation((0, 0, 0.025))
        solid = trimesh.boolean.difference([block, cut], engine="manifold")
        mesh = ObjectMesh.from_arrays(solid.vertices, solid.faces, name="slot")
        return exposure(mesh, np.zeros((200, 3)), np.array([[0.0, 0.0, 1.0]] * 200)).mean()

    assert bottom(0.008) > 0.55
    assert bottom(0.030) < 0.5


def test_covers_of_a_book_may_be_held_though_what_lies_under_them_is_hidden():
    sheet, block = trimesh.creation.box((0.16, 0.24, 0.002)), trimesh.creation.box((0.15, 0.23, 0.03))
    above, below = sheet.copy(), sheet.copy()
    above.apply_translation((0, 0, 0.0165))
    below.apply_translation((0, 0, -0.0165))
    book = trimesh.util.concatenate([above, below, block])
    mesh = ObjectMesh.from_arrays(book.vertices, book.faces, name="book")
    hidden = forbidden_faces(mesh, torch.Generator().manual_seed(0))
    middles = mesh.vertices[mesh.faces].mean(1)
    assert not hidden[np.abs(middles[:, 2]) > 0.017].any()


def test_what_lies_within_another_piece_is_no_surface():
    big, small = trimesh.creation.box((0.06, 0.06, 0.06)), trimesh.creation.box((0.04, 0.04, 0.04))
    both = trimesh.util.concatenate([big, small])
    mesh = ObjectMesh.from_arrays(both.vertices, both.faces, name="nested", mend=False)
    points, normals, face = bare_points(mesh, torch.Generator().manual_seed(0))
    assert (np.abs(points).max(1) > 0.0299).all() and len(points) == len(normals) == len(face) > 3000


def test_long_fingers_lie_flat_along_a_slab_far_beyond_its_edge():
    """Straight fingers are placed along a book's covers; the palm is drawn back until it is out."""
    hand, generator = Hand.open("right"), torch.Generator().manual_seed(0)
    slab = box(0.16, 0.25, 0.03)
    nothing = forbidden_faces(slab, generator)
    target = find_target(slab, None, None, False, forbidden=nothing, generator=generator)
    state = place_hands(
        target,
        hand,
        watch(hand, torch.zeros(10)),
        GRASP_TYPES["extension"],
        betas=torch.zeros(10),
        count=400,
        generator=generator,
    )
    state = state.select(torch.nonzero(~pierced(slab, hand, state)).squeeze(-1))
    tips = place(forward(hand, state), keypoint_points(hand, state.betas))[:, 17:20]
    over = (tips[..., :2].abs() < torch.tensor([0.08, 0.125]) - 0.03).all(-1).all(-1)
    assert over.sum() >= 5


def test_heavy_things_weigh_more_solid_or_not():
    assert heaviness(box(0.05, 0.05, 0.05)) == 1
    assert heaviness(box(0.1, 0.1, 0.05)) == pytest.approx(2.0)
    large = trimesh.creation.box((0.1, 0.1, 0.05))
    torn = ObjectMesh.from_arrays(large.vertices, np.delete(large.faces, 3, 0), name="torn", mend=False)
    assert torn.volume_m3 is None
    assert heaviness(torn) == pytest.approx(2.0, rel=0.25)
    assert heaviness(box(0.5, 0.5, 0.5)) == 6


def test_pairs_are_as_wide_as_the_box_and_run_along_it():
    generator = torch.Generator().manual_seed(0)
    thing = box(0.03, 0.04, 0.2)
    target = find_target(
        thing, None, None, False, forbidden=forbidden_faces(thing, generator), generator=generator
    )
    found = pairs(target, (0.01, 0.05), count=100, generator=generator)
    assert len(found) == 100
    sides = found.across.abs().argmax(-1)
    assert set(sides.tolist()) == {0, 1}
    wide = torch.tensor([0.03, 0.04])[sides]
    torch.testing.assert_close(found.width, wide, atol=1e-4, rtol=0)
    middle = found.centre[:, :2].gather(1, sides[:, None]).squeeze(1)
    torch.testing.assert_close(middle, torch.zeros(100), atol=1e-4, rtol=0)
    inner = found.centre[:, 2].abs() < 0.06
    assert (found.along[inner, 2].abs() > 0.99).all()
    assert found.long[inner].all()


def test_progress_counts_up_to_what_came():
    seen = []
    few = OptimizeConfig(starts=96, steps=60, batch=4)
    result = optimize_grasps(
        cylinder(), Hand.open("right"), count=3, asks=[WRAPS], config=few, progress=lambda *x: seen.append(x)
    )
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (len(result.found), 3)


def test_langevin_brings_the_energy_down_too():
    slow = OptimizeConfig(method="langevin", starts=96, steps=40, batch=8, candidates=1, iv_cm3=50.0)
    result = optimize_grasps(cylinder(), Hand.open("right"), count=4, asks=[WRAPS], config=slow)
    assert len(result.found) + sum(result.rejected.values()) >= 4


def test_balls_lie_inside_the_hand_and_touch_its_skin(hand):
    surface = surface_points(hand, hand.zeros(1).betas)
    centres, radii = fill_with_balls(surface, hand.faces)
    depth = (
        -ExactDistance(surface.rest[0].double().numpy(), hand.faces.numpy())
        .query(centres.rest[0].double().numpy())
        .distance
    )
    assert len(radii) > 100
    np.testing.assert_allclose(depth, radii.numpy(), atol=1e-5)
    assert torch.allclose(centres.weights.sum(-1), torch.ones(len(radii)), atol=1e-4)


def test_watched_links_are_on_their_fingers(hand):
    watched = watch(hand, hand.zeros().betas)
    assert watched.links.any(-1).all()
    assert (watched.links.sum((0, 1)) <= 1).all()
    assert watched.regions.any(-1).all()
    assert watched.normals.norm(dim=-1) == pytest.approx(1, abs=1e-5)


def test_closure_is_nothing_for_opposed_contacts_and_much_for_contacts_on_one_side():
    points = torch.tensor([[[0.03, 0.0, 0.0], [-0.03, 0.0, 0.0]]])
    touching, even = torch.zeros(1, 2), torch.zeros(1, 2)
    opposed = torch.tensor([[[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]])
    assert closure(points, opposed, touching, even).item() == pytest.approx(0, abs=1e-9)
    same = opposed[:, [0, 0]]
    assert closure(points, same, touching, even).item() == pytest.approx(1)
    twisting = torch.tensor([[[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]])  # a couple of arm 3 cm: no force, torque 1
    assert closure(points, twisting, touching, even).item() == pytest.approx(1, rel=1e-5)


def test_closure_learns_uneven_forces():
    """Two fingers against a thumb: the thumb must push as much as both."""
    points = torch.tensor([[[0.03, 0.01, 0.0], [0.03, -0.01, 0.0], [-0.03, 0.0, 0.0]]])
    push = torch.tensor([[[-1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]])
    double = torch.tensor([[0.0, 0.0, float(np.log(2))]])
    assert closure(points, push, torch.zeros(1, 3), double).item() == pytest.approx(0, abs=1e-6)
    assert closure(points, push, torch.zeros(1, 3), torch.zeros(1, 3)).item() > 0.1


def test_a_hand_is_in_posture_anywhere_on_its_way_and_nowhere_else():
    kind = GRASP_TYPES["power"]
    opened, closing = kind.angles.float()[None], kind.closing.float()[None]
    aim = Aim(torch.zeros(1, 1), torch.zeros(1, 1, dtype=torch.bool), opened, closing)
    for turn in (0.0, 0.5, 1.0):
        assert off_posture(opened + turn * closing, aim).item() == pytest.approx(0, abs=1e-6)
    lone = opened.clone()
    lone[:, 3, 0] += 0.5  # one knuckle bends, what follows it does not
    assert off_posture(lone, aim).item() > 0.05


def test_the_most_varied_are_the_cheapest_that_differ():
    wrist = torch.tensor([[0.0, 0, 0], [0.001, 0, 0], [0.3, 0, 0], [0.6, 0, 0]])
    state = HandState(torch.eye(3).expand(4, 3, 3), wrist, torch.zeros(4, 15, 3), torch.zeros(4, 10))
    cost = torch.tensor([1.0, 2.0, 3.0, torch.inf])
    assert most_varied(state, cost, keep=2).tolist() == [0, 2]
    assert most_varied(state, cost, keep=4).tolist() == [0, 2, 1]


def test_several_objects_in_one_batch_give_what_each_gives_alone():
    hand, things = Hand.open("right"), [cylinder(), box(0.03, 0.05, 0.15)]
    few = OptimizeConfig(starts=96, steps=60)
    asks = [Ask(types=("power",)), Ask(types=("precision",))]
    seeds = lambda: [torch.Generator().manual_seed(k) for k in range(2)]
    together = optimize_many(things, hand, count=4, asks=[[a] for a in asks], config=few, generators=seeds())
    for thing, ask, source, many in zip(things, asks, seeds(), together, strict=True):
        alone = optimize_grasps(thing, hand, count=4, asks=[ask], config=few, generator=source)
        assert len(many.found) == len(alone.found) > 0
        assert many.rejected == alone.rejected
        for a, b in zip(many.grasps, alone.grasps, strict=True):
            assert a.object is thing
            torch.testing.assert_close(a.surface().vertices, b.surface().vertices, atol=1e-3, rtol=0)
    with pytest.raises(InputError, match="not one for each"):
        optimize_many(things, hand, count=1, asks=[[asks[0]]])
