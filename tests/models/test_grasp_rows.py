"""Laws of placed grasps: frames there and back, distances that do not depend on them, mirrors."""

import torch

from handhold.geometry.basis_points import ball_points
from handhold.hand import Hand
from handhold.hand.kinematics import forward, keypoint_points, place
from handhold.models.fastgrasp import FastGraspConfig
from handhold.models.fastgrasp.look import look
from handhold.models.grasp_rows import place_at, place_grasps


def test_places_lie_on_the_surface_and_look_outwards(rows):
    placed, _ = place_grasps(rows, torch.arange(5).repeat(20), torch.Generator().manual_seed(0))
    steps = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 0.004], [0.0, 0.0, -0.004]]).expand(100, 3, 3)
    near = placed.distances(steps)
    assert near[:, 0].abs().max() < 2e-3  # the grid rounds edges
    assert (near[:, 1] > 0.002).all() and (near[:, 2] < 0).all()


def test_there_and_back_is_where_it_was(rows):
    placed, state = place_grasps(rows, torch.arange(5), torch.Generator().manual_seed(0))
    back = placed.hands_back(state)
    torch.testing.assert_close(back.wrist, rows.hands.wrist, atol=1e-6, rtol=0)
    torch.testing.assert_close(back.rotation, rows.hands.rotation, atol=1e-6, rtol=0)
    points = torch.randn(5, 7, 3)
    torch.testing.assert_close(placed.from_object(placed.to_object(points)), points, atol=1e-5, rtol=0)


def test_distances_of_a_hand_are_those_of_its_mirror_image(rows):
    """A mirrored row: the right hand's points, x taken negative, are where the left hand really is."""
    hand = Hand.open("right")
    placed, state = place_grasps(rows, torch.arange(5), torch.Generator().manual_seed(0))
    points = place(forward(hand, state), keypoint_points(hand, state.betas))
    true = place(forward(hand, rows.hands), keypoint_points(hand, rows.hands.betas))
    true = torch.where(rows.mirrored[:, None, None], true * torch.tensor([-1.0, 1.0, 1.0]), true)
    expected = rows.objects.grid.query(true, rows.object)[0]
    torch.testing.assert_close(placed.distances(points), expected, atol=1e-5, rtol=0)
    unlike = rows.objects.grid.query(true * torch.tensor([-1.0, 1.0, 1.0]), rows.object)[0]
    assert (unlike - expected).abs().max() > 5e-3


def test_normals_turn_with_the_frame(rows):
    placed = place_at(
        rows.objects,
        rows.object,
        rows.places[:, 0],
        rows.mirrored,
        torch.linspace(0, 3, 5),
    )
    own = rows.objects.normals[0, rows.places[:, 0]][:, None]
    seen = placed.turn_from_object(own).squeeze(1)
    torch.testing.assert_close(seen, torch.tensor([[0.0, 0.0, 1.0]]).expand(5, 3), atol=1e-6, rtol=0)


def test_selected_grasps_keep_their_objects(rows):
    some = rows.select(torch.tensor([3, 1]))
    assert len(some) == 2 and some.mirrored.all()
    assert torch.equal(some.type, torch.tensor([3, 1])) and some.objects is rows.objects


def test_the_part_is_seen_where_it_is_and_only_where_it_is_asked_for(rows):
    placed, _ = place_grasps(rows, torch.arange(5), torch.Generator().manual_seed(0))
    config = FastGraspConfig(basis=16)
    basis = ball_points(16, radius=0.1)
    seen = look(placed, basis, config, betas=rows.hands.betas, part=rows.part)
    assert seen.part is not None and torch.equal(seen.part.isnan().any(-1), rows.part < 0)
    points = placed.to_object(basis.expand(5, -1, -1))
    expected = torch.cdist(points, rows.objects.part_points.expand(5, -1, -1)).amin(-1)
    asked = rows.part >= 0
    torch.testing.assert_close(seen.part[asked], expected[asked], atol=1e-5, rtol=0)
    assert look(placed, basis, config, betas=rows.hands.betas, part=torch.full((5,), -1)).part is None
