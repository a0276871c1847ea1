"""Skin that a thin wall cuts off from its bone is found, and only that."""

import torch
import trimesh

from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place, surface_points
from handhold.interaction.flesh import behind_walls, bone_of_skin, flesh_points, flesh_thickness
from handhold.interaction.grasp import Grasp
from handhold.interaction.rows import Rows
from handhold.objects import ObjectMesh


def scene(size, centre) -> Rows:
    """A flat right hand and a box."""
    hand = Hand.open("right")
    box = trimesh.creation.box(size)
    box.apply_translation(centre)
    obj = ObjectMesh.from_arrays(box.vertices, box.faces, name="box")
    return Rows.from_grasps([Grasp(hand, hand.zeros(), obj, torch.eye(4))])


def probe(rows: Rows):
    """What is behind walls, as vertex indices, depths and directions."""
    pose = forward(rows.hand, rows.state)
    skin = place(pose, surface_points(rows.hand, rows.state.betas))
    flesh = place(pose, flesh_points(rows.hand, rows.state.betas))[:, bone_of_skin(rows.hand)]
    (_, vertex), beyond, normal = behind_walls(rows, skin, flesh, *rows.distance(skin))
    return skin[0], vertex, beyond, normal


def test_a_plate_in_the_palms_flesh_cuts_off_the_palms_skin():
    hand = Hand.open("right")
    palm = hand.joint_template[[0, 4]].mean(0)
    low = float(hand.template[(hand.template - palm)[:, [0, 2]].norm(dim=-1) < 0.01, 1].min())
    height = low + 0.003  # a millimetre of plate, three above the palm's skin
    rows = scene((0.04, 0.001, 0.04), [float(palm[0]), height, float(palm[2])])
    skin, vertex, beyond, normal = probe(rows)
    assert len(vertex) >= 5
    assert (skin[vertex, 1] < height).all()
    assert (beyond > 0).all() and (beyond < 0.010).all()
    assert (normal[:, 1] > 0.9).all()  # back out is towards the bone


def test_skin_inside_is_taken_only_where_the_nearest_face_leads_away_from_its_bone():
    rows = scene((0.2, 0.05, 0.2), [-0.08, -0.03, 0.0])
    skin, vertex, _, _ = probe(rows)
    distance, gradient = (x[0] for x in rows.distance(skin[None]))
    flesh = place(forward(rows.hand, rows.state), flesh_points(rows.hand, rows.state.betas))[0][
        bone_of_skin(rows.hand)
    ]
    away = ((flesh - skin) * gradient).sum(-1) < 0
    inside = distance < 0
    assert (inside & ~away).sum() > 50
    assert away[vertex][inside[vertex]].all()


def test_flesh_is_thickest_in_the_palm_and_thin_at_the_tips():
    hand = Hand.open("right")
    thickness = flesh_thickness(hand).view(20, -1)
    palm, last = thickness[8], thickness[[3, 7, 11, 15, 19]]
    assert palm.max() > 0.010 and last.max() < 0.010 and (thickness > 0).all()


def test_flesh_moves_with_the_hand():
    hand = Hand.open("right")
    state = HandState.from_params(hand, hand.zeros(1))
    points = place(forward(hand, state), flesh_points(hand, state.betas))[0]
    skin = hand(hand.zeros()).vertices
    assert torch.cdist(points, skin).amin(-1).sub(flesh_thickness(hand)).abs().max() < 1e-5
