"""FastGrasp's front, with a model that has learnt nothing: frames, mirrors, choices, and what is refused."""

import math
from dataclasses import replace

import pytest
import torch
import trimesh
from torch.nn.functional import normalize

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, keypoint_points, place
from handhold.hand.skeleton import FINGER_JOINTS
from handhold.interaction.measures import measure
from handhold.interaction.table import Table
from handhold.methods.synthesize.fastgrasp import FastGraspSampling, fastgrasp
from handhold.methods.synthesize.result import Ask
from handhold.methods.synthesize.screen import FROM_SIDE, from_side
from handhold.models.fastgrasp import FastGrasp, FastGraspConfig
from handhold.models.grasp_rows import mirror_hands
from handhold.objects import ObjectMesh
from handhold.objects.household import make

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
FEW = FastGraspSampling(rounds=1, oversample=1, steps=2, least=12, most=8)


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


def test_hand_shapes_that_are_none(model, mug):
    for betas in (torch.zeros(3), torch.full((10,), torch.nan)):
        with pytest.raises(InputError, match="no hand shape"):
            fastgrasp(mug, Hand.open("right"), model, count=1, betas=betas, config=FEW)


def test_hands_that_go_through_the_object_come_last(model):
    drawn = fastgrasp(box(0.05, 0.06, 0.1), Hand.open("right"), model, count=12, config=FEW)
    through = [bool(measure(grasp).bones_through) for grasp in drawn.grasps]
    assert drawn.cost.diff().min() >= 0
    assert [c > 90 for c in drawn.cost.tolist()] == through and any(through)


def draw_few(model, count: int, *, ask: Ask | None = None, spares: bool = False):
    """Of twelve hands that are always the same."""
    config, generator = replace(FEW, oversample=1.0), torch.Generator().manual_seed(0)
    obj, hand = box(0.05, 0.06, 0.1), Hand.open("right")
    return fastgrasp(
        obj, hand, model, count=count, ask=ask, config=config, generator=generator, spares=spares
    )


def test_spares_come_after_those_that_are_wanted(model):
    plain, more = draw_few(model, 4), draw_few(model, 4, spares=True)
    assert len(plain.grasps) == 4 and len(more.grasps) == len(more.cost) == len(more.types) == FEW.least
    places = torch.stack([grasp.params.transl for grasp in more.grasps])
    torch.testing.assert_close(
        places[:4], torch.stack([g.params.transl for g in plain.grasps]), rtol=0, atol=0
    )
    assert torch.equal(more.cost[:4], plain.cost)
    assert more.cost[4:].diff().min() >= 0 and more.cost[:4].diff().min() >= 0
    assert len(places.unique(dim=0)) == FEW.least
    assert [grasp.name for grasp in more.grasps] == [f"box_{k:03d}" for k in range(FEW.least)]
    torch.testing.assert_close(more.cost.sort().values, draw_few(model, 12).cost)


def test_types_belong_to_their_hands(model):
    assert set(draw_few(model, 3, spares=True).types) == {""}
    ask = Ask(("power", "pinch", "tripod"))
    told = []
    for count in (3, 9):
        drawn = draw_few(model, count, ask=ask, spares=True)
        assert drawn.ask is ask and [drawn.types.count(name) for name in ask.types] == [4, 4, 4]
        told.append(
            {tuple(g.params.transl.tolist()): t for g, t in zip(drawn.grasps, drawn.types, strict=True)}
        )
    assert told[0] == told[1]


def turned(hand: Hand, degrees: float, about: float) -> HandState:
    """A hand whose forearm is so far from straight up, turned about the vertical as well [rad]."""
    back = hand.joint_template[0] - hand.joint_template[FINGER_JOINTS["middle"][0]]
    first = torch.stack((back, torch.tensor([0.3, -0.5, 0.8]), torch.tensor([1.0, 0.2, 0.1])), 1)
    own = torch.linalg.qr(first)[0]
    own = own * torch.sign(own[:, 0] @ back)  # its first column is the forearm
    tilt, turn = math.radians(degrees), torch.tensor(about)
    aim = torch.tensor([math.sin(tilt), 0.0, math.cos(tilt)])
    spin = torch.tensor([[turn.cos(), -turn.sin(), 0.0], [turn.sin(), turn.cos(), 0.0], [0.0, 0.0, 1.0]])
    other = torch.linalg.qr(torch.stack((spin @ aim, *torch.eye(3)[:2]), 1))[0]
    other = other * torch.sign(other[:, 0] @ (spin @ aim))
    rotation = other @ own.mT
    return HandState(rotation[None], torch.zeros(1, 3), torch.zeros(1, 15, 3), hand.zeros(1).betas)


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_forearm_comes_from_the_side_or_from_above(side):
    hand, table = Hand.open(side), Table((0.0, 0.0, 1.0), 0.0)
    for degrees, wanted in (
        (0, False),
        (58, False),
        (62, True),
        (90, True),
        (118, True),
        (122, False),
        (180, False),
    ):
        for about in (0.0, 2.0):
            state = turned(hand, degrees, about)
            assert from_side(table, hand, state).tolist() == [wanted]
            assert from_side(Table((0.0, 0.0, -3.0), 0.2), hand, state).tolist() == [wanted]


def test_hands_from_above_come_last_where_the_side_is_asked_for(model):
    table = Table.under(box(0.05, 0.06, 0.1))
    drawn = draw_few(model, 12, ask=Ask(table=table, from_side=True))
    assert len(drawn.grasps) == 12
    for grasp, cost in zip(drawn.grasps, drawn.cost.tolist(), strict=True):
        joints = grasp.surface().joints
        forearm = normalize(joints[0] - joints[FINGER_JOINTS["middle"][0]], dim=0)
        assert (cost > 90) == (abs(float(forearm[2])) >= FROM_SIDE or bool(measure(grasp).bones_through))
    free = draw_few(model, 12, ask=Ask(table=table))
    assert (drawn.cost > 90).sum() > (free.cost > 90).sum()


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


def test_more_are_drawn_where_few_are_of_use(model):
    thing, hand = box(0.05, 0.06, 0.1), Hand.open("right")
    useful = lambda rounds: int(
        (
            fastgrasp(thing, hand, model, count=12, config=replace(FEW, rounds=rounds), spares=True).cost < 90
        ).sum()
    )
    assert useful(1) < 12 and useful(1) < useful(4)
