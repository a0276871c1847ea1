"""FastGrasp's front, with a model that has learnt nothing: frames, mirrors, choices, and what is refused."""

import numpy as np
import pytest
import torch
import trimesh

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, keypoint_points, place
from handhold.interaction.measures import measure
from handhold.interaction.table import Table
from handhold.methods.synthesize.fastgrasp import FastGraspSampling, fastgrasp
from handhold.methods.synthesize.fastgrasp.generate import _types
from handhold.methods.synthesize.fastgrasp.judge import predicted_cost
from handhold.methods.synthesize.fastgrasp.places import draw_places, see
from handhold.methods.synthesize.result import Ask
from handhold.models.fastgrasp import FastGrasp, FastGraspConfig
from handhold.models.grasp_rows import mirror_hands
from handhold.objects import ObjectMesh
from handhold.objects.household import Part, PartedObject, make

SMALL = FastGraspConfig(
    hand_points=96,
    latent=16,
    decoder_width=32,
    basis=64,
    condition=32,
    object_width=32,
    width=32,
    adapt_width=32,
)
FEW = FastGraspSampling(steps=2, least=12, most=8)


def box(*sides: float) -> ObjectMesh:
    solid = trimesh.creation.box(sides)
    return ObjectMesh.from_arrays(solid.vertices, solid.faces, name="box")


@pytest.fixture(scope="module")
def model() -> FastGrasp:
    torch.manual_seed(0)
    return FastGrasp(SMALL).eval()


@pytest.fixture(scope="module")
def mug():
    return make("mug")


def faces_under(scene) -> np.ndarray:
    """The faces on which a scene's places lie."""
    return scene.mesh.distance.query(scene.rows.points[0, scene.places].double().numpy()).face


def test_as_many_come_as_are_wanted_and_the_same_again(model):
    draw = lambda seed: fastgrasp(
        box(0.05, 0.06, 0.1),
        Hand.open("right"),
        model,
        count=7,
        config=FEW,
        generator=torch.Generator().manual_seed(seed),
    )
    one, again, other = draw(1), draw(1), draw(2)
    assert len(one.grasps) == len(one.cost) == 7 and set(one.seconds) == {"see", "draw", "choose"}
    assert [g.name for g in one.grasps][:2] == ["box_000", "box_001"]
    for a, b, c in zip(one.grasps, again.grasps, other.grasps, strict=True):
        assert torch.equal(a.params.transl, b.params.transl)
        assert not torch.equal(a.params.transl, c.params.transl)
        assert a.hand.anatomy.violation(HandState.from_params(a.hand, a.params[None]).angles).max() < 1e-3


def test_a_left_hand_is_the_mirror_image_of_a_right_one_on_the_mirrored_object(model):
    solid = trimesh.creation.box((0.03, 0.05, 0.09))
    solid.apply_translation((0.02, 0.01, 0.0))
    state = HandState(
        torch.linalg.qr(torch.randn(4, 3, 3))[0], torch.randn(4, 3), torch.zeros(4, 15, 3), torch.zeros(4, 10)
    )
    left, right = Hand.open("left"), Hand.open("right")
    real = mirror_hands(state, torch.ones(4, dtype=torch.bool))
    points = lambda hand, s: place(forward(hand, s), keypoint_points(hand, s.betas))
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(points(left, real), points(right, state) * mirror, atol=1e-5, rtol=0)
    same = mirror_hands(state, torch.zeros(4, dtype=torch.bool))
    torch.testing.assert_close(same.wrist, state.wrist)
    mesh = ObjectMesh.from_arrays(solid.vertices, solid.faces, name="box")
    drawn = fastgrasp(mesh, left, model, count=5, config=FEW)
    assert all(grasp.hand.side == "left" for grasp in drawn.grasps)


def test_places_keep_to_the_part_and_off_what_is_not_to_be_held(model, mug):
    generator = torch.Generator().manual_seed(0)
    scene = see(mug, part="handle", count=40, generator=generator)
    assert scene.part and np.isin(faces_under(scene), mug.part_faces("handle")).mean() > 0.95
    free = see(mug, part=None, count=200, generator=generator)
    inside = mug.part_faces("inside")
    assert not free.part and np.isin(faces_under(free), inside).mean() < 0.02
    placed = draw_places(scene, count=100, mirrored=False, generator=generator)
    assert len(placed.object) == 100
    origins = placed.distances(torch.zeros(100, 1, 3)).abs()
    assert origins.median() < 2e-3


def test_without_parts_the_inside_of_a_cup_is_no_place(mug):
    scene = see(mug.mesh, part=None, count=200, generator=torch.Generator().manual_seed(0))
    inside = np.isin(faces_under(scene), mug.part_faces("inside"))
    assert inside.mean() < 0.2  # but near the rim, which sees the sky


def test_types_are_told_to_the_model_in_turn():
    assert _types(Ask(("power", "pinch")), 5).tolist() == [0, 4, 0, 4, 0]
    assert _types(None, 2).tolist() == [-1, -1]


def test_a_small_part_has_places_of_its_own(model):
    whole = make("mug")
    few = np.flatnonzero(np.arange(len(whole.mesh.faces)) == whole.part_faces("handle")[0])
    labels = np.where(np.isin(np.arange(len(whole.mesh.faces)), few), 1, 0)
    thing = PartedObject(whole.mesh, (Part("rest"), Part("dot")), labels)
    scene = see(thing, part="dot", count=30, generator=torch.Generator().manual_seed(0))
    assert len(scene.places) >= 60 and (faces_under(scene) == few[0]).mean() > 0.9


def test_hand_shapes_that_are_none(model, mug):
    for betas in (torch.zeros(3), torch.full((10,), torch.nan)):
        with pytest.raises(InputError, match="no hand shape"):
            fastgrasp(mug, Hand.open("right"), model, count=1, betas=betas, config=FEW)


def test_cost_counts_depth_gaps_and_what_is_below_the_table():
    hand = Hand.open("right")
    chosen = torch.arange(len(hand.template))
    points = hand.template.expand(4, -1, -1)
    near = torch.full((4, len(chosen)), 0.0)
    near[1, 100] = -0.006
    near[2] = 0.01
    cost = predicted_cost(hand, chosen, near, points, table=None)
    assert cost[0] == 0 and cost[1] > 4 and cost[2] == pytest.approx(0.3 * 30, rel=1e-4)
    low = float(hand.template[:, 2].min())
    table = Table((0.0, 0.0, 1.0), low + 0.005)
    sunk = predicted_cost(hand, chosen, near[:1], points[:1], table=table)
    assert sunk[0] == pytest.approx(5.0, rel=1e-3)


def test_hands_that_go_through_the_object_come_last(model):
    drawn = fastgrasp(box(0.05, 0.06, 0.1), Hand.open("right"), model, count=12, config=FEW)
    through = [bool(measure(grasp).bones_through) for grasp in drawn.grasps]
    assert drawn.cost.diff().min() >= 0
    assert [c > 90 for c in drawn.cost.tolist()] == through and any(through)


def test_what_is_refused(model, mug):
    right = Hand.open("right")
    with pytest.raises(InputError, match="count"):
        fastgrasp(mug, right, model, count=0)
    with pytest.raises(InputError, match="too large for a hand"):
        fastgrasp(box(0.5, 0.5, 0.5), right, model, count=1)
    with pytest.raises(InputError, match="no fingers belong"):
        fastgrasp(mug, right, model, count=1, ask=Ask(part="inside"))
    with pytest.raises(InputError, match="has no parts"):
        fastgrasp(mug.mesh, right, model, count=1, ask=Ask(part="handle"))
    other = Hand.open("right").__class__(**{**vars(right), "name": "mano", "version": "user"})
    with pytest.raises(InputError, match="trained for another hand"):
        fastgrasp(mug, other, model, count=1)
    with pytest.raises(InputError, match=r"FastGraspSampling\.steps"):
        FastGraspSampling(steps=0)
