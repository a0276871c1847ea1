"""Contact regions lie where hand and object are near, and masks given with a grasp win."""

import pytest
import torch
import trimesh

from handhold.errors import InputError
from handhold.geometry.mesh import vertex_normals
from handhold.hand import Hand
from handhold.interaction.contact import contact_regions, given_contacts
from handhold.interaction.grasp import Contact, Grasp
from handhold.interaction.rows import Rows
from handhold.objects import ObjectMesh

RADIUS = 0.03


@pytest.fixture(scope="module")
def ball() -> ObjectMesh:
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=RADIUS)
    return ObjectMesh.from_arrays(mesh.vertices, mesh.faces, name="ball")


def ball_at_palm(ball: ObjectMesh, *, gap: float, contact: Contact | None = None) -> Grasp:
    """A flat hand with a ball so far in front of one vertex in the middle of its palm."""
    hand = Hand.open()
    vertices = hand(hand.zeros()).vertices
    palm = torch.nonzero(hand.palmar & (hand.finger_labels == 0)).squeeze(-1)
    vertex = palm[(vertices[palm] - vertices[palm].mean(0)).norm(dim=-1).argmin()]
    normal = vertex_normals(vertices, hand.faces)[vertex]
    pose = torch.eye(4)
    pose[:3, 3] = vertices[vertex] + (RADIUS + gap) * normal
    return Grasp(hand, hand.zeros(), ball, pose, contact=contact)


@pytest.mark.parametrize("source", ["nearest", "ray"])
def test_regions_face_each_other(ball, source):
    grasp = ball_at_palm(ball, gap=0.002)
    rows = Rows.from_grasps([grasp])
    regions = contact_regions(rows, source=source, count=1000)
    on_object, on_hand = regions.object[0], regions.hand[0]
    assert 0.5 < on_hand.max() <= 1 and on_hand.min() == 0
    assert 0.5 < on_object.max() <= 1 and on_object.min() == 0
    skin = (grasp.surface().vertices - grasp.T_world_object[:3, 3])[on_hand > 0]
    touched = regions.points[0][on_object > 0]
    assert torch.cdist(touched, skin).amin(1).max() < 0.015
    assert (skin.norm(dim=-1) - RADIUS).abs().max() < 0.012
    assert (on_object > 0).float().mean() < 0.5  # never the far side of the ball


@pytest.mark.parametrize("source", ["nearest", "ray"])
def test_far_hands_touch_nothing_and_sunken_ones_still_touch(ball, source):
    far, sunk = ball_at_palm(ball, gap=0.05), ball_at_palm(ball, gap=-0.004)
    regions = contact_regions(Rows.from_grasps([far, sunk]), source=source, count=500)
    assert regions.object[0].max() == 0 and regions.hand[0].max() == 0
    assert regions.object[1].max() > 0.3 and regions.hand[1].max() > 0.3


def test_nearest_weights_are_one_in_contact_and_fall_to_zero_at_reach(ball):
    rows = Rows.from_grasps([ball_at_palm(ball, gap=0.002)])
    regions = contact_regions(rows, source="nearest", count=500, reach=0.010)
    distance = rows.distance(rows.hand(rows.state.params(rows.hand)).vertices)[0][0]
    expected = (1 - (distance / 0.010) ** 2).clamp_min(0)
    torch.testing.assert_close(regions.hand[0], expected, atol=1e-4, rtol=0)
    wider = contact_regions(rows, source="nearest", count=500, reach=0.020)
    assert (wider.object >= regions.object).all() and (wider.hand >= regions.hand).all()


def test_a_thin_plate_is_touched_on_the_side_that_the_hand_is_on():
    plate = trimesh.creation.box((0.2, 0.2, 0.004))
    plate = ObjectMesh.from_arrays(*trimesh.remesh.subdivide(plate.vertices, plate.faces)[:2], name="plate")
    hand = Hand.open()
    vertices = hand(hand.zeros()).vertices
    normals = vertex_normals(vertices, hand.faces)
    palm = hand.palmar & (hand.finger_labels == 0)
    axis = torch.nn.functional.normalize(normals[palm].mean(0), dim=0)
    turn = torch.linalg.qr(torch.stack((axis, torch.eye(3)[0], torch.eye(3)[1]), 1))[0].roll(2, 1)
    turn[:, 2] = axis
    turn[:, 0] *= torch.linalg.det(turn)
    pose = torch.eye(4)
    pose[:3, :3] = turn
    pose[:3, 3] = (vertices @ axis).max() * axis + 0.003 * axis  # its near face 1 mm before the foremost skin
    regions = contact_regions(
        Rows.from_grasps([Grasp(hand, hand.zeros(), plate, pose)]), source="ray", count=4000
    )
    weighted = regions.normals[0][regions.object[0] > 0.5]
    assert len(weighted) > 0
    # Rays look from behind the skin to its front: they meet the near face first.
    assert (weighted[:, 2] < 0).float().mean() > 0.5


def test_masks_of_the_grasp_take_precedence(ball):
    top = torch.tensor(ball.vertices[:, 2] > 0).float()
    hand_mask = torch.zeros(Hand.open().template.shape[0])
    hand_mask[:10] = 0.5
    grasps = [
        ball_at_palm(ball, gap=0.002, contact=Contact(hand=hand_mask, object=top)),
        ball_at_palm(ball, gap=0.002, contact=Contact(object=top)),
        ball_at_palm(ball, gap=0.002),
    ]
    rows = Rows.from_grasps(grasps)
    regions = contact_regions(rows, given=given_contacts(grasps), count=800)
    plain = contact_regions(rows, count=800)
    expected = (regions.points[0, :, 2] > 0).float()
    assert (regions.object[0] - expected).abs().mean() < 0.05  # points in faces across the rim are in between
    torch.testing.assert_close(regions.object[1], regions.object[0])
    torch.testing.assert_close(regions.hand[0], hand_mask)
    torch.testing.assert_close(regions.hand[1:], plain.hand[1:])
    torch.testing.assert_close(regions.object[2], plain.object[2])


def test_points_say_what_vertices_say(ball):
    top = torch.tensor(ball.vertices[:, 2] > 0).float()
    points = ball.sample(20_000, torch.Generator().manual_seed(5)).points
    given = [Contact(object=top), Contact(object=(points[:, 2] > 0).float(), points=points)]
    rows = Rows.from_grasps([ball_at_palm(ball, gap=0.002)])
    one, two = (contact_regions(rows, given=[contact], count=800) for contact in given)
    torch.testing.assert_close(one.points, two.points)
    inside = one.points[0, :, 2].abs() > 0.006  # within a face of the rim corners are of both kinds
    torch.testing.assert_close(one.object[0, inside], two.object[0, inside])
    assert ((two.object[0] > 0.5) == (two.points[0, :, 2] > 0)).float().mean() > 0.99
    torch.testing.assert_close(one.hand, two.hand)


def test_points_pass_their_weights_on_to_vertices(ball):
    points = ball.sample(5000, torch.Generator().manual_seed(5)).points.float()
    contact = Contact(object=points[:, 0].clamp_min(0) / RADIUS, points=points)
    on_vertices = contact.on_vertices(torch.from_numpy(ball.vertices))
    expected = torch.from_numpy(ball.vertices[:, 0]).clamp_min(0) / RADIUS
    torch.testing.assert_close(on_vertices.double(), expected, atol=0.07, rtol=0)
    of_vertices = torch.rand(len(ball.vertices))
    assert Contact(object=of_vertices).on_vertices(torch.from_numpy(ball.vertices)) is of_vertices
    assert Contact(points=points).on_vertices(torch.from_numpy(ball.vertices)) is None


def test_other_objects_do_not_change_where_points_lie(ball):
    box = trimesh.creation.box((0.05, 0.05, 0.05))
    box = ObjectMesh.from_arrays(box.vertices, box.faces, name="box")
    first, second = ball_at_palm(box, gap=0.002), ball_at_palm(ball, gap=0.002)
    both = contact_regions(Rows.from_grasps([first, second]), count=200)
    alone = contact_regions(Rows.from_grasps([second]), count=200)
    torch.testing.assert_close(both.points[1], alone.points[0])
    torch.testing.assert_close(both.object[1], alone.object[0])


def test_masks_without_content_are_none(ball):
    empty = ball_at_palm(ball, gap=0.002, contact=Contact())
    assert given_contacts([empty, ball_at_palm(ball, gap=0.002)]) == [None, None]


def test_everything_counts_if_asked(ball):
    regions = contact_regions(Rows.from_grasps([ball_at_palm(ball, gap=0.05)]), source="all", count=100)
    assert (regions.object == 1).all() and (regions.hand == 1).all()


def test_bad_masks_are_named(ball):
    rows = Rows.from_grasps([ball_at_palm(ball, gap=0.002)])
    with pytest.raises(InputError, match=r"contact\.object"):
        contact_regions(rows, given=[Contact(object=torch.ones(3))], count=50)
    with pytest.raises(InputError, match=r"contact\.hand"):
        contact_regions(rows, given=[Contact(hand=torch.full((len(rows.hand.template),), 2.0))], count=50)
    with pytest.raises(InputError, match=r"contact\.object"):
        contact_regions(rows, given=[Contact(object=torch.ones(4), points=torch.zeros(5, 3))], count=50)
    for bad in (torch.zeros(0, 3), torch.full((4, 3), torch.nan), torch.zeros(4, 2)):
        with pytest.raises(InputError, match=r"contact\.points"):
            contact_regions(rows, given=[Contact(object=torch.ones(len(bad)), points=bad)], count=50)
    with pytest.raises(InputError):
        contact_regions(rows, given=[], count=50)
    with pytest.raises(InputError):
        contact_regions(rows, source="language", count=50)
