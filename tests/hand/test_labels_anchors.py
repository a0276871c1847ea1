"""Labels and anchors lie where a look at the hand puts them."""

import torch

from handhold.geometry.mesh import vertex_normals
from handhold.hand import FINGERS
from handhold.hand.anchors import derive_anchors
from handhold.hand.labels import find_tip_vertices, finger_labels, palmar_mask
from handhold.hand.skeleton import FINGER_JOINTS


def test_every_finger_is_one_piece_of_skin_that_holds_its_tip(hand):
    for k, finger in enumerate(FINGERS):
        own = hand.finger_labels == k + 1
        assert own[hand.tip_vertices[k]]
        inside = hand.faces[own[hand.faces].all(-1)]
        reached = torch.zeros_like(own)
        reached[hand.tip_vertices[k]] = True
        for _ in range(200):
            touched = inside[reached[inside].any(-1)]
            reached[touched] = True
        assert torch.equal(reached, own), finger
        nearest = torch.cdist(hand.template[own], hand.joint_template).argmin(-1)
        assert torch.isin(nearest, torch.tensor(FINGER_JOINTS[finger])).float().mean() > 0.85


def test_labels_follow_from_skinning_and_shape(hand):
    assert torch.equal(finger_labels(hand.skin_weights), hand.finger_labels)
    tips = find_tip_vertices(hand.template, hand.joint_template, hand.skin_weights)
    assert torch.equal(tips, hand.tip_vertices)
    mask = palmar_mask(hand.template, hand.faces, hand.skin_weights, hand.anatomy, side=hand.side)
    assert (mask != hand.palmar).sum() <= 2  # float32 against the float64 that wrote the asset


def test_palmar_skin_faces_palmward(hand):
    wrist, index, pinky = (hand.joint_template[i] for i in (0, 1, 7))
    palmward = torch.linalg.cross(index - wrist, pinky - wrist) * (1 if hand.side == "right" else -1)
    palmward = palmward / palmward.norm()
    facing = vertex_normals(hand.template, hand.faces) @ palmward
    long_fingers = hand.finger_labels >= 2
    assert (
        facing[hand.palmar & long_fingers].mean() > 0.4 and facing[~hand.palmar & long_fingers].mean() < -0.4
    )
    palm = hand.finger_labels == 0
    assert facing[hand.palmar & palm].mean() > 0.3 and facing[~hand.palmar & palm].mean() < -0.3
    assert 0.35 < hand.palmar.float().mean() < 0.65
    assert hand.palmar[hand.tip_vertices].all()


def test_anchors_are_32_distinct_palmar_points_on_the_right_bones(hand):
    anchors = hand.anchors
    assert anchors.vertices.shape == anchors.joints.shape == (32,)
    assert len(anchors.vertices.unique()) == 32
    assert hand.palmar[anchors.vertices].all()
    assert torch.equal(hand.skin_weights[anchors.vertices].argmax(-1), anchors.joints)
    count = torch.bincount(anchors.joints, minlength=16)
    last = [FINGER_JOINTS[f][2] for f in FINGERS]
    assert count[0] == 7 and (count[last] == 3).all() and count.sum() == 32
    rest = [j for j in range(1, 16) if j not in last]
    assert (count[rest] == 1).all()


def test_anchors_are_spread(hand):
    points = hand.anchors.positions(hand.template)
    apart = torch.cdist(points, points) + torch.eye(32)
    assert apart.min() > 0.003
    palm = points[hand.anchors.joints == 0]
    assert (torch.cdist(palm, palm) + torch.eye(7)).min() > 0.012


def test_anchors_are_derived_again_alike(hand):
    again = derive_anchors(hand.template, hand.faces, hand.joint_template, hand.skin_weights, hand.palmar)
    assert torch.equal(again.vertices, hand.anchors.vertices) and torch.equal(
        again.joints, hand.anchors.joints
    )


def test_a_coarse_hand_whose_fingers_are_all_rim_still_gets_its_anchors(hand):
    """Where so little of a fingertip is palmar that every vertex of it borders other skin, the rim serves."""
    thumb = FINGER_JOINTS["thumb"][2]
    own = (hand.skin_weights.argmax(-1) == thumb) & hand.palmar
    kept = torch.nonzero(own).squeeze(-1)[:4]
    sparse = (hand.palmar & ~own).index_fill(0, kept, True)
    anchors = derive_anchors(hand.template, hand.faces, hand.joint_template, hand.skin_weights, sparse)
    assert len(anchors.vertices.unique()) == 32 and sparse[anchors.vertices].all()
    assert torch.isin(anchors.vertices[anchors.joints == thumb], kept).all()


def test_anchors_ride_on_the_surface(hand, random_states):
    vertices = hand(random_states(hand, 2).params(hand)).vertices
    torch.testing.assert_close(hand.anchors.positions(vertices), vertices[:, hand.anchors.vertices])
