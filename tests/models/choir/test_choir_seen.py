"""What is seen of a grasp is what geometry says, and the same from anywhere and in the mirror."""

from dataclasses import replace

import pytest
import roma
import torch
import trimesh
from choir_examples import HAND, SMALL, mirror, mirror_image, near, sight

from handhold.errors import InputError
from handhold.geometry.grid_distance import GridDistance
from handhold.hand.kinematics import HandState, forward, place, surface_points
from handhold.interaction.choir.basis import assigned_anchors
from handhold.interaction.choir.encode import Surfaces, choir_objects_from_points, encode, place_basis
from handhold.models.choir.seen import View, keypoints_of, look, view_of
from handhold.objects import ObjectMesh

OBJECT = replace(SMALL, frame="object")
TURN = roma.rotvec_to_rotmat(torch.tensor([0.4, -0.8, 0.3]))
SHIFT = torch.tensor([0.05, -0.02, 0.1])


def skin(state: HandState) -> torch.Tensor:
    return place(forward(HAND, state), surface_points(HAND, state.betas))


def box_distance(points: torch.Tensor) -> torch.Tensor:
    """Of the rows' box."""
    apart = (points - torch.tensor([0.02, 0.01, 0.0])).abs() - torch.tensor([0.015, 0.025, 0.045])
    return apart.clamp_min(0).norm(dim=-1) + apart.amax(-1).clamp_max(0)


def test_keypoints_are_the_hands_joints_and_anchors(random_states):
    state = random_states(HAND, 4)
    result = HAND(state.params(HAND))
    found = keypoints_of(HAND, state)
    torch.testing.assert_close(found[:, :21], result.joints, atol=1e-5, rtol=0)
    anchors = HAND.anchors.positions(result.vertices)
    torch.testing.assert_close(found[:, 21:], anchors, atol=1e-5, rtol=0)


def test_into_a_view_and_out():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(3, 7, 3, generator=generator)
    axes = roma.rotvec_to_rotmat(torch.randn(3, 3, generator=generator))
    view = View(torch.randn(3, 3, generator=generator), axes, torch.ones(3))
    torch.testing.assert_close(view.out(view.into(points)), points, atol=1e-5, rtol=0)
    along = view.centre[:, None] + 0.2 * axes[:, None, :, 1]
    expected = torch.tensor([0.0, 0.2, 0.0]).expand(3, 1, 3)
    torch.testing.assert_close(view.into(along), expected, atol=1e-5, rtol=0)
    assert len(view) == 3


def test_the_hands_view_is_about_its_anchors_and_turned_with_it(rows):
    view = sight(SMALL, rows).view
    anchors = HAND.anchors.positions(skin(rows.hands))
    torch.testing.assert_close(view.centre, anchors.mean(1), atol=1e-5, rtol=0)
    assert torch.equal(view.axes, rows.hands.rotation)
    assert (view.reach == SMALL.reach).all()


def test_the_objects_view_is_about_its_box_mirrored_or_not(rows):
    view = sight(OBJECT, rows).view
    middle = torch.tensor([0.02, 0.01, 0.0]) * mirror(rows)
    torch.testing.assert_close(view.centre, middle, atol=2e-3, rtol=0)  # the box of points on it
    assert torch.equal(view.axes, torch.eye(3).expand(5, 3, 3))
    assert (view.reach == OBJECT.reach).all()


def test_large_objects_widen_the_objects_view_alone(rows):
    large = replace(rows, objects=replace(rows.objects, points=5 * rows.objects.points))
    assert (sight(SMALL, large).view.reach == SMALL.reach).all()
    assert (sight(OBJECT, large).view.reach > 0.2).all()
    huge = replace(rows, objects=replace(rows.objects, points=10 * rows.objects.points))
    with pytest.raises(InputError, match="too large"):
        sight(OBJECT, huge)


@pytest.mark.parametrize("config", [SMALL, OBJECT, replace(SMALL, signed=False)])
def test_distances_are_those_of_geometry(rows, config):
    grasps = near(rows)
    seen = sight(config, grasps)
    basis = place_basis(seen.view.centre, seen.view.reach, seen.view.axes, config=config.choir)
    true = box_distance(basis * mirror(rows)[:, None])
    expected = true if config.signed else true.abs()
    for within, error in ((0.01, 2e-3), (0.03, 5e-3)):  # the grid is coarse where the object is far off
        close = true.abs() < within
        assert close.sum() > 10
        torch.testing.assert_close(seen.object[close], expected[close], atol=error, rtol=0)
    anchors = HAND.anchors.positions(skin(grasps.hands))
    assigned = assigned_anchors(config.choir)
    for m in (0, 1, 100, 511):
        expected = (basis[:, m] - anchors[:, assigned[m]]).norm(dim=-1)
        torch.testing.assert_close(seen.hand[:, m], expected, atol=1e-5, rtol=0)


def test_what_is_seen_is_the_choir_from_there(rows):
    grasps = near(rows)
    seen = sight(SMALL, grasps)
    objects = choir_objects_from_points(rows.objects.points, rows.objects.grid, config=SMALL.choir)
    choir = encode(
        HAND,
        skin(grasps.hands),
        objects,
        rows.object,
        mirrored=rows.mirrored,
        contacts=False,
        centre=seen.view.centre,
        axes=seen.view.axes,
        config=SMALL.choir,
    )
    torch.testing.assert_close(seen.object, choir.object_distance, atol=1e-5, rtol=0)
    torch.testing.assert_close(seen.hand, choir.anchor_distance, atol=1e-5, rtol=0)


def test_a_grasp_that_is_moved_as_a_whole_is_seen_the_same(rows, random_states):
    """The object's grid is another one, whose cells lie otherwise: distances agree to its error."""
    solid = trimesh.creation.box((0.03, 0.05, 0.09))
    solid.apply_translation((0.02, 0.01, 0.0))
    turned = ObjectMesh.from_arrays(solid.vertices @ TURN.T.double().numpy() + SHIFT.numpy(), solid.faces)
    config = replace(SMALL, form="keypoints")
    there = Surfaces(rows.objects.points @ TURN.T + SHIFT, GridDistance.stack([turned.grid(resolution=48)]))
    plain = replace(rows, mirrored=torch.zeros(5, dtype=torch.bool))
    hands = near(replace(plain, hands=random_states(HAND, 5))).hands
    moved = replace(hands, rotation=TURN @ hands.rotation, wrist=hands.wrist @ TURN.T + SHIFT)
    seen = sight(config, plain, hands=hands)
    keypoints = keypoints_of(HAND, moved)
    view = view_of(config, there, rows.object, plain.mirrored, keypoints, moved.rotation)
    again = look(
        config,
        there,
        rows.object,
        plain.mirrored,
        view,
        keypoints=keypoints,
        known=torch.ones(5, dtype=torch.bool),
        betas=moved.betas,
    )
    for name in ("hand", "keypoints", "points"):
        torch.testing.assert_close(getattr(again, name), getattr(seen, name), atol=1e-5, rtol=0)
    for within, error in ((0.01, 2e-3), (0.05, 6e-3)):
        close = seen.object.abs() < within
        assert close.sum() > 10
        torch.testing.assert_close(again.object[close], seen.object[close], atol=error, rtol=0)


@pytest.mark.parametrize("form", ["field", "keypoints"])
@pytest.mark.parametrize("frame", ["hand", "object"])
def test_a_mirrored_row_sees_the_mirror_image_of_its_object(rows, frame, form):
    config = replace(SMALL, frame=frame, form=form)
    objects = mirror_image(rows.objects)
    every = torch.ones(5, dtype=torch.bool)
    read = sight(config, replace(rows, mirrored=every))
    true = sight(config, replace(rows, mirrored=~every, objects=objects))
    for name in ("object", "hand", "keypoints", "points"):
        torch.testing.assert_close(getattr(read, name), getattr(true, name), atol=1e-5, rtol=0)
    assert torch.equal(read.view.axes, true.view.axes)


def test_fields_see_no_points_and_keypoints_as_many_as_asked(rows):
    assert sight(SMALL, rows).points.shape == (5, 0, 3)
    seen = sight(replace(SMALL, form="keypoints", points=100), rows)
    assert seen.points.shape == (5, 100, 3)
    own = rows.objects.points[0, :100] * mirror(rows)[:, None]
    torch.testing.assert_close(seen.view.out(seen.points), own, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        seen.view.out(seen.keypoints), keypoints_of(HAND, rows.hands), atol=1e-5, rtol=0
    )


def test_some_rows_are_those_rows(rows):
    betas = torch.linspace(-2, 2, 50).view(5, 10)
    seen = sight(replace(SMALL, form="keypoints"), rows, hands=replace(rows.hands, betas=betas))
    some = seen.select(torch.tensor([3, 1]))
    assert torch.equal(seen.betas, betas)
    assert len(some) == 2 and len(some.view) == 2
    for name in ("object", "hand", "keypoints", "points", "known", "betas"):
        assert torch.equal(getattr(some, name), getattr(seen, name)[[3, 1]])
    for name in ("centre", "axes", "reach"):
        assert torch.equal(getattr(some.view, name), getattr(seen.view, name)[[3, 1]])
