"""Grasps by optimization: what comes out is what was promised, judged by measures that are not the optimizer's."""

import numpy as np
import pytest
import torch
import trimesh

from handhold.errors import InputError
from handhold.geometry.distance import ExactDistance
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, surface_points
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import fingers_touching, measure
from handhold.methods.synthesize.optimize import OptimizeConfig, optimize_grasps
from handhold.methods.synthesize.optimize.energy import closure, coupling
from handhold.methods.synthesize.optimize.start import most_varied
from handhold.methods.synthesize.optimize.watched import fill_with_balls, watch
from handhold.objects import ObjectMesh

QUICK = OptimizeConfig(starts=160, steps=100, batch=16)


def cylinder(radius: float = 0.03, height: float = 0.12) -> ObjectMesh:
    solid = trimesh.creation.cylinder(radius, height, sections=48)
    return ObjectMesh.from_arrays(solid.vertices, solid.faces, name="cylinder")


def box(*sides: float) -> ObjectMesh:
    solid = trimesh.creation.box(sides)
    return ObjectMesh.from_arrays(solid.vertices, solid.faces, name="box")


@pytest.fixture(scope="module")
def found():
    return {
        "right": optimize_grasps(cylinder(), Hand.open("right"), count=8, config=QUICK),
        "left": optimize_grasps(box(0.05, 0.07, 0.15), Hand.open("left"), count=8, config=QUICK),
    }


@pytest.mark.parametrize("side", ["right", "left"])
def test_most_of_what_is_asked_for_comes_and_keeps_its_promise(found, side):
    result = found[side]
    assert 4 <= len(result.grasps) <= 8
    assert result.accepted >= len(result.grasps)
    for grasp in result.grasps:
        assert grasp.hand.side == side
        assert torch.equal(grasp.T_world_object, torch.eye(4))
        figures = measure(grasp)
        assert figures.iv_cm3 <= 0.5
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
    few = OptimizeConfig(starts=48, steps=10, batch=8, fingers=1, iv_cm3=50.0, bones_apart=0.0)
    hand, obj = Hand.open("right"), cylinder()
    draw = lambda seed: optimize_grasps(
        obj, hand, count=2, config=few, generator=torch.Generator().manual_seed(seed)
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
    pinch = OptimizeConfig(starts=64, steps=1, kinds=("pinch",))
    with pytest.raises(InputError, match="no place for a hand") as error:
        optimize_grasps(box(0.1, 0.1, 0.1), Hand.open("right"), count=1, config=pinch)
    assert "OptimizeConfig.kinds" in str(error.value)


def test_a_large_thin_thing_is_not_too_large():
    few = OptimizeConfig(starts=32, steps=1, candidates=1, batch=2)
    optimize_grasps(box(0.3, 0.3, 0.02), Hand.open("right"), count=1, config=few)


def test_a_count_and_settings_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="count"):
        optimize_grasps(cylinder(), Hand.open("right"), count=0)
    for wrong in ({"steps": 0}, {"fingers": 6}, {"kinds": ("hook",)}, {"kinds": ()}, {"balls": float("nan")}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            OptimizeConfig(**wrong)  # pyright: ignore


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
    assert watched.tip.sum() == 15
    assert (watched.finger[watched.tip] >= 0).all()


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


def test_coupling_is_nothing_for_fingers_that_bend_together():
    angles = torch.zeros(1, 15, 3)
    for finger in range(4):
        angles[:, 3 * finger : 3 * finger + 3, 0] = torch.tensor([0.6, 0.8, 0.4])
    assert coupling(angles, angles).item() == pytest.approx(0, abs=1e-9)
    lone = angles.clone()
    lone[:, 3, 0] += 0.5
    assert coupling(lone, angles).item() > 0.1


def test_the_most_varied_are_the_cheapest_that_differ():
    wrist = torch.tensor([[0.0, 0, 0], [0.001, 0, 0], [0.3, 0, 0], [0.6, 0, 0]])
    state = HandState(torch.eye(3).expand(4, 3, 3), wrist, torch.zeros(4, 15, 3), torch.zeros(4, 10))
    cost = torch.tensor([1.0, 2.0, 3.0, torch.inf])
    assert most_varied(state, cost, keep=2).tolist() == [0, 2]
    assert most_varied(state, cost, keep=4).tolist() == [0, 2, 1]
