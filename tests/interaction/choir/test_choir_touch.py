"""Skin that should touch comes to the object and none deep into it; what is right stays; mirrors and batches agree."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
import trimesh

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, keypoint_points, place, surface_points
from handhold.interaction.choir import ContactFitConfig, fit_contacts
from handhold.interaction.choir.basis import ChoirConfig
from handhold.interaction.choir.contacts import ContactGaussians
from handhold.interaction.choir.encode import Choir, ChoirObjects, choir_objects, encode
from handhold.interaction.choir.touch import _judge, _normal_equations, _task
from handhold.interaction.flesh import flesh_points
from handhold.objects import ObjectMesh

CONFIG = ChoirConfig(side=8, setback=0.002)
BALL, CAN, PLATE = torch.arange(3)


def mesh(shape: trimesh.Trimesh, *, mirrored: bool = False) -> ObjectMesh:
    vertices, faces = np.array(shape.vertices), np.array(shape.faces)
    if mirrored:
        vertices, faces = vertices * [-1, 1, 1], faces[:, ::-1]
    return ObjectMesh.from_arrays(vertices, faces)


def solids(*, mirrored: bool = False) -> ChoirObjects:
    """A ball, a can that leans, and a thin plate, each against the palm of a hand that looks down at it."""
    ball = trimesh.creation.icosphere(3, radius=0.035)
    can = trimesh.creation.cylinder(0.03, 0.12, sections=48)
    can.apply_transform(trimesh.transformations.euler_matrix(0.4, 1.3, 0.2))
    plate = trimesh.creation.box((0.3, 0.3, 0.004))
    return choir_objects([mesh(s, mirrored=mirrored) for s in (ball, can, plate)], config=CONFIG)


@pytest.fixture(scope="module")
def objects() -> ChoirObjects:
    return solids()


def skin(hand: Hand, state: HandState) -> torch.Tensor:
    return place(forward(hand, state), surface_points(hand, state.betas))


def moved_mm(hand: Hand, one: HandState, other: HandState) -> torch.Tensor:
    """Mean distance of the keypoints, (B,) [mm]."""
    a, b = (place(forward(hand, s), keypoint_points(hand, s.betas)) for s in (one, other))
    return (a - b).norm(dim=-1).mean(-1) * 1e3


def lift(state: HandState, gap) -> HandState:
    """Hands raised off what lies below their palms [m]."""
    return replace(state, wrist=state.wrist + torch.tensor([0.0, 0.0, 1.0]) * gap)


def grasps(hand: Hand, objects: ChoirObjects, index: torch.Tensor) -> tuple[HandState, Choir]:
    """Flat hands that lie on objects, palms down, skin 0.5 mm deep; and their CHOIRs."""
    flat = HandState.from_params(hand, hand.zeros(len(index)))
    palm = hand.finger_labels == 0
    up = hand.template[palm & ~hand.palmar].mean(0) - hand.template[palm & hand.palmar].mean(0)
    along = hand.joint_template[4] - hand.joint_template[0]
    z = up / up.norm()
    y = torch.nn.functional.normalize(along - (along @ z) * z, dim=0)
    rotation = torch.stack((torch.linalg.cross(y, z), y, z)).expand(len(index), 3, 3)
    state = replace(flat, rotation=rotation, wrist=flat.wrist * 0)
    state = lift(replace(state, wrist=-skin(hand, state)[:, hand.anchors.vertices[3]]), 0.12)
    for _ in range(30):  # what is nearest cannot be nearer than so
        gap = objects.grid.query(skin(hand, state), index)[0].amin(-1, keepdim=True)
        state = lift(state, -0.0005 - gap)
    return state, encode(hand, skin(hand, state), objects, index, config=CONFIG)


def depth_mm(hand: Hand, state: HandState, objects: ChoirObjects, index: torch.Tensor) -> torch.Tensor:
    """How deep the deepest skin lies, negative where all is outside, (B,) [mm]."""
    return -objects.grid.query(skin(hand, state), index)[0].amin(-1) * 1e3


def touching(hand: Hand, state: HandState, objects: ChoirObjects, index: torch.Tensor) -> torch.Tensor:
    return objects.grid.query(skin(hand, state), index)[0] < 0.002


@pytest.mark.parametrize("gap", [0.006, 0.015])
def test_a_hand_that_hovers_comes_to_touch_where_it_should(hand, objects, gap):
    index = torch.tensor([0, 1, 2])
    true, choir = grasps(hand, objects, index)
    start = lift(true, gap)
    assert (depth_mm(hand, start, objects, index) < -0.7e3 * gap).all()
    fitted = fit_contacts(hand, start, choir, objects, index)
    assert depth_mm(hand, fitted, objects, index).abs().max() < 1.0
    meant, found = touching(hand, true, objects, index), touching(hand, fitted, objects, index)
    assert (meant & found).any(-1).all()
    assert (found.sum(-1) < 2 * meant.sum(-1)).all()


def test_a_hand_that_is_inside_comes_out(hand, objects):
    index = torch.tensor([0, 1])
    true, choir = grasps(hand, objects, index)
    start = lift(true, -0.010)
    assert (depth_mm(hand, start, objects, index) > 7).all()
    fitted = fit_contacts(hand, start, choir, objects, index)
    assert depth_mm(hand, fitted, objects, index).max() < 2.0


def test_flesh_that_a_plate_cuts_comes_back_through_it(hand, objects):
    index = PLATE[None]
    true, choir = grasps(hand, objects, index)
    start = lift(true, -0.006)
    assert skin(hand, start)[..., 2].min() < -0.004  # beyond the lower face: outside again
    fitted = fit_contacts(hand, start, choir, objects, index)
    assert skin(hand, fitted)[..., 2].min() > -0.003
    assert place(forward(hand, fitted), flesh_points(hand, fitted.betas))[..., 2].min() > 0.003


def test_a_hand_that_is_right_hardly_moves(hand, objects):
    index = torch.tensor([0, 1, 2])
    true, choir = grasps(hand, objects, index)
    assert moved_mm(hand, fit_contacts(hand, true, choir, objects, index), true).max() < 0.8


def test_without_contact_and_far_off_nothing_moves(hand, objects):
    index = BALL[None]
    far = lift(grasps(hand, objects, index)[0], 0.05)
    none = encode(hand, skin(hand, far), objects, index, config=CONFIG)
    assert none.contacts is not None and (none.contacts.weight == 0).all()
    assert moved_mm(hand, fit_contacts(hand, far, none, objects, index), far).max() < 1e-3


def test_limits_and_shape_are_kept(hand, objects, random_states):
    state = random_states(hand, 6, within=1.0)
    state = replace(state, wrist=0.1 * state.wrist)
    index = torch.arange(6) % 3
    choir = encode(hand, skin(hand, state) + 0.01, objects, index, config=CONFIG)
    fitted = fit_contacts(hand, state, choir, objects, index)
    assert (fitted.angles >= hand.anatomy.lower - 1e-6).all()
    assert (fitted.angles <= hand.anatomy.upper + 1e-6).all()
    assert torch.equal(fitted.betas, state.betas)
    eye = torch.eye(3).expand(6, 3, 3)
    assert torch.allclose(fitted.rotation @ fitted.rotation.mT, eye, atol=1e-5)


def test_a_mirrored_row_is_a_row_of_the_mirrored_object(objects):
    hand, index = Hand.open("right"), torch.tensor([1, 0])
    other = solids(mirrored=True)
    true, choir = grasps(hand, other, index)
    start = lift(true, torch.tensor([[0.015], [-0.010]]))
    one = fit_contacts(hand, start, choir, other, index)
    two = fit_contacts(hand, start, choir, objects, index, mirrored=torch.tensor([True, True]))
    assert moved_mm(hand, one, two).max() < 0.05
    assert moved_mm(hand, one, start).min() > 1
    unlike = fit_contacts(hand, start, choir, objects, index, mirrored=torch.tensor([False, True]))
    assert moved_mm(hand, one, unlike)[0] > 0.3  # the can leans the other way


def test_left_hands_mirror_right_ones(objects):
    right, left, index = Hand.open("right"), Hand.open("left"), torch.tensor([1, 0])
    flip = torch.tensor([-1.0, 1.0, 1.0])
    true, choir = grasps(left, objects, index)
    start = lift(true, torch.tensor([[0.007], [-0.006]]))
    contacts = choir.contacts
    assert contacts is not None
    covariance = flip[:, None] * (contacts.cholesky @ contacts.cholesky.mT) * flip
    factor = torch.linalg.cholesky_ex(covariance.double())[0].float()
    touches = (contacts.weight > 0)[..., None, None]
    seen = ContactGaussians(contacts.mean * flip, torch.where(touches, factor, 0), contacts.weight)
    image = replace(start, rotation=flip[:, None] * start.rotation * flip, wrist=start.wrist * flip)
    one = fit_contacts(left, start, choir, objects, index)
    two = fit_contacts(
        right, image, replace(choir, contacts=seen), objects, index, mirrored=torch.tensor([True, True])
    )
    assert torch.allclose(skin(left, one) * flip, skin(right, two), atol=2e-4)


def test_rows_do_not_act_on_each_other(hand, objects):
    index = torch.tensor([0, 1, 2, 1])
    true, choir = grasps(hand, objects, index)
    start = lift(true, torch.tensor([[0.008], [-0.008], [-0.006], [0.0]]))
    whole = fit_contacts(hand, start, choir, objects, index)
    for k in range(4):
        row = slice(k, k + 1)
        one = fit_contacts(hand, start.select(row), choir.select(row), objects, index[row])
        assert moved_mm(hand, whole.select(row), one).max() < 0.1
    none = fit_contacts(hand, start.select(slice(0)), choir.select(slice(0)), objects, index[:0])
    assert none.wrist.shape == (0, 3)


def test_tiny_gaussians_that_float_far_off_still_say_what_touches(hand, objects):
    index = BALL[None]
    true, choir = grasps(hand, objects, index)
    contacts = choir.contacts
    assert contacts is not None
    tiny = replace(contacts, cholesky=contacts.cholesky * 1e-2)
    start = lift(true, 0.012)
    fitted = fit_contacts(hand, start, replace(choir, contacts=tiny), objects, index)
    assert abs(depth_mm(hand, fitted, objects, index)) < 3.5
    for part in fields(HandState):
        assert getattr(fitted, part.name).isfinite().all()


def test_the_slope_is_that_of_the_cost(hand64, objects):
    index, config = torch.tensor([0, 1]), ContactFitConfig()
    single = Hand.open(hand64.side)
    true, choir = grasps(single, objects, index)
    wide = HandState(*(getattr(lift(true, -0.004), f.name).double() for f in fields(HandState)))
    contacts = choir.contacts
    assert contacts is not None
    seen = ContactGaussians(*(getattr(contacts, f.name).double() for f in fields(contacts)))
    start = replace(wide, wrist=wide.wrist + torch.tensor([0.003, 0.001, 0.009]).double())
    task = _task(hand64, start, seen, objects, index, torch.tensor([False, True]), config)
    slope = _normal_equations(hand64, task, _judge(hand64, task, wide, config), config)[1]
    for dof in (0, 2, 3, 5, 6, 15, 33, 42):
        step = torch.zeros(2, 51).double()
        step[:, dof] = 1e-7
        ahead, behind = (_judge(hand64, task, wide.moved(hand64, s), config).cost for s in (step, -step))
        assert torch.allclose((ahead - behind) / 4e-7, slope[:, dof], rtol=2e-3, atol=0.5)


def test_bad_input_is_refused(objects):
    hand, index = Hand.open("right"), torch.tensor([0, 1])
    start, choir = grasps(hand, objects, index)
    contacts = choir.contacts
    assert contacts is not None
    wild = replace(choir, contacts=replace(contacts, mean=contacts.mean * torch.nan))
    lost = replace(start, wrist=start.wrist * torch.inf)
    for given, match in (
        ((start, replace(choir, contacts=None), index), "contacts are missing"),
        ((start, wild, index), "finite"),
        ((lost, choir, index), "finite"),
        ((start, choir, index[:1]), "wrong shape"),
        ((start, choir.select(slice(1)), index), "wrong shape"),
        ((start, choir, index + 5), "no such object"),
    ):
        state, seen, which = given
        with pytest.raises(InputError, match=match):
            fit_contacts(hand, state, seen, objects, which)
    with pytest.raises(InputError, match="mirrored"):
        fit_contacts(hand, start, choir, objects, index, mirrored=torch.tensor([True]))
    refused: list[dict[str, Any]] = [
        {"steps": 0},
        {"contact_sd": 0.0},
        {"angle_sd": float("nan")},
        {"allowed_depth": -1.0},
        {"palm_stride": 1.5},
    ]
    for wrong in refused:
        with pytest.raises(InputError):
            ContactFitConfig(**wrong)
