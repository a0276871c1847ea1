"""CHOIR's front of synthesis, with a model that has learnt nothing: views, mirrors, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.hand.skeleton import Side
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.interaction.table import Table
from handhold.methods.synthesize.choir import ChoirSynthesis, draw_choir
from handhold.methods.synthesize.choir.filled import filled_grid
from handhold.methods.synthesize.choir.views import views
from handhold.methods.synthesize.places import draw_places, see
from handhold.methods.synthesize.result import Ask
from handhold.methods.synthesize.screen import FROM_SIDE
from handhold.models.choir import JointDiffusion, JointDiffusionConfig
from handhold.models.choir.hands import ChoirSampling
from handhold.models.choir.seen import keypoints_of
from handhold.objects import ObjectMesh
from handhold.objects.household import make

SMALL = JointDiffusionConfig(widths=(16, 16), blocks=(1, 1), condition=16, contact_width=16, contact_depth=1)
FEW = ChoirSynthesis(rounds=1, oversample=1, least=6, sampling=ChoirSampling(steps=2, touch=False))
STILL = replace(FEW, tilt=0.0, sway=0.0)


def box(*sides: float) -> ObjectMesh:
    solid = trimesh.creation.box(sides)
    return ObjectMesh.from_arrays(solid.vertices, solid.faces, name="box")


def untrained(**settings) -> JointDiffusion:
    torch.manual_seed(0)
    return JointDiffusion(replace(SMALL, **settings)).eval()


@pytest.fixture(scope="module")
def model() -> JointDiffusion:
    return untrained()


@pytest.fixture
def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def draw(model, thing, *, side: Side = "right", seed=0, count=4, config=FEW, **more):
    generator = torch.Generator().manual_seed(seed)
    return draw_choir(thing, Hand.open(side), model, count=count, config=config, generator=generator, **more)


def middles(drafts) -> torch.Tensor:
    """Of the anchors of each hand, (N, 3)."""
    return torch.stack([g.hand.anchors.positions(g.surface().vertices).mean(0) for g in drafts.grasps])


def test_as_many_come_as_are_wanted_and_the_same_again(model):
    one, again, other = (draw(model, box(0.05, 0.06, 0.1), seed=seed) for seed in (1, 1, 2))
    assert len(one.grasps) == len(one.cost) == 4 and set(one.seconds) == {"see", "draw", "choose"}
    for a, b, c in zip(one.grasps, again.grasps, other.grasps, strict=True):
        assert torch.equal(a.params.transl, b.params.transl)
        assert not torch.equal(a.params.transl, c.params.transl)
        assert a.hand.anatomy.violation(HandState.from_params(a.hand, a.params[None]).angles).max() < 1e-3


def test_shapes_are_kept(model):
    betas = torch.linspace(-1, 1, 10)
    for grasp in draw(model, box(0.05, 0.06, 0.1), betas=betas).grasps:
        torch.testing.assert_close(grasp.params.betas, betas)


def test_a_left_hand_is_the_mirror_image_of_a_right_one_on_the_mirrored_object(model):
    solid = trimesh.creation.box((0.03, 0.05, 0.09))
    solid.apply_translation((0.02, 0.01, 0.0))
    mesh = ObjectMesh.from_arrays(solid.vertices, solid.faces, name="box")
    flipped = mesh.vertices * (-1, 1, 1)
    mirror = ObjectMesh.from_arrays(flipped, mesh.faces[:, ::-1], name="box")
    generator = torch.Generator().manual_seed(0)
    scene = see(mesh, part=None, count=6, generator=generator)
    twin = replace(
        see(mirror, part=None, count=6, generator=torch.Generator().manual_seed(0)), places=scene.places
    )
    flip = torch.tensor([-1.0, 1.0, 1.0])
    rows = replace(twin.rows, points=scene.rows.points * flip, normals=scene.rows.normals * flip)
    placed = [
        draw_places(
            replace(twin, rows=rows), count=6, mirrored=False, generator=torch.Generator().manual_seed(1)
        ),
        draw_places(scene, count=6, mirrored=True, generator=torch.Generator().manual_seed(1)),
    ]
    right, left = (
        views(p, 0.12, FEW, ask=None, generator=torch.Generator().manual_seed(2))[1] for p in placed
    )
    torch.testing.assert_close(right.centre, left.centre)
    torch.testing.assert_close(right.axes, left.axes)
    assert all(grasp.hand.side == "left" for grasp in draw(model, mesh, side="left").grasps)


@pytest.mark.parametrize("lift", [0.0, 0.02])
def test_views_look_at_the_object_with_the_palm(lift, seeded):
    mesh = box(0.05, 0.06, 0.1)
    scene = see(mesh, part=None, count=40, generator=seeded)
    placed = draw_places(scene, count=40, mirrored=False, generator=seeded)
    same, view = views(placed, 0.12, replace(STILL, lift=lift), ask=None, generator=seeded)
    assert same is placed and (view.reach == 0.12).all()
    distance = mesh.distance.query(view.centre.double().numpy()).distance
    assert abs(distance - lift).max() < 2e-3
    palm = view.axes @ torch.tensor([0.0, -1.0, 0.0])
    torch.testing.assert_close(palm, -placed.axes[..., 2], atol=1e-5, rtol=0)
    fingers = (view.axes[..., 0] * placed.axes[..., 0]).sum(-1)
    assert fingers.min() < -0.7 and fingers.max() > 0.7  # they point everywhere about the normal
    torch.testing.assert_close(torch.linalg.det(view.axes), torch.ones(40))


def test_palms_tilt_as_much_as_is_said(seeded):
    scene = see(box(0.05, 0.06, 0.1), part=None, count=500, generator=seeded)
    placed = draw_places(scene, count=500, mirrored=False, generator=seeded)
    view = views(placed, 0.12, replace(FEW, tilt=0.3), ask=None, generator=seeded)[1]
    angle = torch.acos((view.axes[..., 1] * placed.axes[..., 2]).sum(-1).clamp(-1, 1))
    assert angle.square().mean().sqrt() == pytest.approx(0.3 * 2**0.5, rel=0.1)


def test_the_palm_of_the_open_hand_looks_where_views_take_it_to():
    """Fingers of a hand without any rotation point along -x, and close towards -y."""
    hand = Hand.open("right")
    flat = HandState(torch.eye(3)[None], torch.zeros(1, 3), torch.zeros(1, 15, 3), torch.zeros(1, 10))
    bent = replace(flat, angles=GRASP_TYPES["power"].posture(hand, 1.0)[None])
    (open_tip, wrist), shut_tip = keypoints_of(hand, flat)[0, [18, 0]], keypoints_of(hand, bent)[0, 18]
    reach = open_tip - wrist
    assert reach[0] < -0.9 * reach.norm()
    assert (shut_tip - open_tip)[1] < -0.02


@pytest.mark.parametrize("side", [False, True])
def test_views_keep_hands_off_the_table_and_forearms_at_the_side(side, seeded):
    mesh = box(0.06, 0.06, 0.2)
    ask = Ask(table=Table.under(mesh), from_side=side)
    scene = see(mesh, part=None, count=60, generator=seeded)
    placed = draw_places(scene, count=60, mirrored=False, generator=seeded)
    free = views(placed, 0.12, STILL, ask=None, generator=torch.Generator().manual_seed(1))[1]
    places, view = views(placed, 0.12, STILL, ask=ask, generator=torch.Generator().manual_seed(1))
    assert len(view) == len(places.object) == 60
    assert len(places.origin.unique(dim=0)) > 30
    torch.testing.assert_close((view.centre - places.origin).norm(dim=-1), torch.full((60,), STILL.lift))
    low = lambda v: (v.centre[:, 2] + 0.1).min()
    assert low(view) > 0.03 > low(free)
    upright = lambda v: v.axes[:, 2, 0].abs().max()  # the forearm is about where the fingers are not
    assert upright(free) > 0.9 and (upright(view) < FROM_SIDE + 0.1) == side


def test_a_part_is_asked_for_by_places_on_it(model):
    mug = make("mug")
    one = draw(model, mug, ask=Ask(part="handle"), count=6)
    body = draw(model, mug, ask=Ask(part="body"), count=6)
    handle = torch.from_numpy(
        mug.mesh.vertices[mug.mesh.faces[mug.part_faces("handle")]].mean((0, 1))
    ).float()
    away = lambda drafts: (middles(drafts) - handle).norm(dim=-1).median()
    assert away(one) < away(body)


def test_types_are_told_by_what_is_touched(model):
    ask = Ask(("power", "pinch"))
    drawn = draw(model, box(0.05, 0.06, 0.1), ask=ask, count=6)
    assert set(drawn.types) <= set(ask.types)
    assert set(draw(model, box(0.05, 0.06, 0.1)).types) == {""}


@pytest.mark.parametrize(
    "kind",
    [
        {"known": "object"},
        {"frame": "object"},
        {"form": "keypoints"},
        {"contacts": False},
    ],
)
def test_models_of_every_kind_that_know_objects_alone(kind):
    config = replace(FEW, sampling=ChoirSampling(steps=2))
    one, other = box(0.05, 0.06, 0.1), box(0.06, 0.05, 0.05)  # what of each lies in the other is not seen
    vertices = np.concatenate((one.vertices, other.vertices))
    faces = np.concatenate((one.faces, other.faces + len(one.vertices)))
    thing = ObjectMesh.from_arrays(vertices, faces, name="cross")
    drawn = draw(untrained(**kind), thing, count=2, config=config)
    assert all(grasp.surface().vertices.isfinite().all() for grasp in drawn.grasps)


def test_what_is_refused(model):
    thing = box(0.05, 0.06, 0.1)
    with pytest.raises(InputError, match="refines noisy hands only"):
        draw(untrained(known="pair"), thing)
    with pytest.raises(InputError, match="trained for another hand"):
        draw_choir(thing, replace(Hand.open("right"), name="mano"), model, count=1)
    with pytest.raises(InputError, match="too large for CHOIR"):
        draw(model, box(0.03, 0.03, 0.7))
    with pytest.raises(InputError, match="count"):
        draw(model, thing, count=0)
    with pytest.raises(InputError, match="no hand shape"):
        draw(model, thing, betas=torch.zeros(3))
    with pytest.raises(InputError, match="has no parts"):
        draw(model, thing, ask=Ask(part="handle"))
    for name, value in (("tilt", -1.0), ("lift", float("nan")), ("least", 0)):
        with pytest.raises(InputError, match=rf"ChoirSynthesis\.{name}"):
            replace(FEW, **{name: value})


def test_hollows_are_filled_and_nothing_else():
    mug = make("mug")
    grid, true = filled_grid(mug), mug.mesh.grid(resolution=96)
    low, high = mug.mesh.vertices.min(0), mug.mesh.vertices.max(0)
    inside = mug.mesh.vertices[mug.mesh.faces[mug.part_faces("inside")]].mean((0, 1))
    middle = torch.tensor(inside).float()[None, None]
    assert true.query(middle)[0] > 0.01 and grid.query(middle)[0] < -0.01
    hole = mug.mesh.vertices[mug.mesh.faces[mug.part_faces("handle")]].mean((0, 1))
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(1, 4000, 3, generator=generator) * torch.tensor(high - low + 0.04) + torch.tensor(
        low - 0.02
    )
    points = torch.cat((points.float(), torch.tensor(hole).float()[None, None]), 1)
    away = torch.from_numpy(mug.mesh.distance.query(points[0].double().numpy()).face.astype(int))
    free = ~torch.isin(away, torch.as_tensor(mug.part_faces("inside"))) & (true.query(points)[0][0] > 0.004)
    gap = (grid.query(points)[0] - true.query(points)[0])[0]
    assert gap.max() < 1e-6 and free.sum() > 1000
    assert gap[free].abs().median() < 1e-6 and free[-1] and gap[-1].abs() < 1e-6
    assert filled_grid(mug) is grid


def test_what_has_no_hollow_stays_as_it_is():
    thing = box(0.05, 0.06, 0.1)
    assert torch.equal(filled_grid(thing).values, thing.grid(resolution=96).values)
