"""A sentence becomes the contact masks of grasps, and what came of it is said; the network is a stand-in."""

from dataclasses import replace

import pytest
import torch
import trimesh

from handhold.batch.instructing import (
    ASKED_MM,
    FRAMES,
    Instruct,
    asked_share,
    asked_words,
    of_fingers,
)
from handhold.cli.demo_scene import make_grasp
from handhold.hand import Hand, HandParams
from handhold.hand.skeleton import FINGERS
from handhold.interaction.grasp import Contact, Grasp
from handhold.models.contact import ToldContact
from handhold.objects import ObjectMesh

HAND = Hand.open()
SHAPE = trimesh.creation.cylinder(0.041, 0.095).apply_translation((0, 0, 0.0475))
CAN = ObjectMesh.from_arrays(SHAPE.vertices, SHAPE.faces, name="can")


class Teller:
    """Says the upper half and the index; "lid" is absent, "seam" may be. It knows one hand."""

    def __init__(self, *, hand: str = HAND.name) -> None:
        self.seen: list[Grasp] = []
        known, version = hand, HAND.version

        class model:
            class config:
                hand, hand_version = known, version

        self.model = model

    def tell(self, obj, instructions, *, seed=0, weight: float = 1.0):
        drawn = obj.sample(256, torch.Generator().manual_seed(seed))
        points = drawn.points.float()
        upper = weight * (points[:, 2] > points[:, 2].mean()).float()
        skin = 0.8 * (HAND.finger_labels == 2).float()
        doubt = lambda s: 0.4 if "seam" in s else 0.2
        return [
            ToldContact(s, points, drawn.normals.float(), upper, skin, "lid" in s, doubt(s))
            for s in instructions
        ]

    def tell_hands(self, grasps, instructions, *, seed=0):
        assert len(grasps) == len(instructions)
        self.seen += grasps
        weights = torch.linspace(1, 0.5, len(grasps)).tolist()
        return [
            self.tell(g.object, [s], seed=seed, weight=w)[0]
            for g, s, w in zip(grasps, instructions, weights, strict=True)
        ]


def grasp(*, side: str = "right", **changes) -> Grasp:
    hand = Hand.open(side)
    return replace(Grasp(hand, make_grasp(HAND), CAN, torch.eye(4), name="one"), **changes)


def motion(count: int) -> Grasp:
    shifts = torch.linspace(0, 0.05, count)[:, None] * torch.tensor([0.0, 0, 1])
    one = make_grasp(HAND)
    params = HandParams.stack([replace(one, transl=one.transl + shift) for shift in shifts])
    return grasp(params=params, fps=30.0, T_world_object=torch.eye(4).expand(count, 4, 4))


# Masks.


def test_masks_arrive():
    teller = Teller()
    (given,), notes = Instruct(teller, "hold it at the top")([grasp()])
    contact = given.contact
    assert given.instruction == "hold it at the top" and notes == [[]]
    assert torch.equal(contact.object, (contact.points[:, 2] > contact.points[:, 2].mean()).float())
    torch.testing.assert_close(contact.hand, 0.8 * (HAND.finger_labels == 2).float())
    torch.testing.assert_close(teller.seen[0].params.transl, given.params.transl)


def test_a_part_that_is_not_there_leaves_the_grasp_as_it_was():
    before = grasp()
    (given,), ((note,),) = Instruct(Teller(), "by its lid")([before])
    assert given.contact is None and given.instruction == "by its lid" and given.params is before.params
    assert note.startswith("can ") and "no such part" in note and "'by its lid'" in note


def test_a_part_that_may_not_be_there_is_told():
    (given,), ((note,),) = Instruct(Teller(), "by its seam")([grasp()])
    assert given.contact is not None and "may have no such part" in note and "0.40" in note


def test_each_grasp_is_told_of_for_itself():
    given, notes = Instruct(Teller(), "hold it")([grasp(), grasp(side="left"), motion(2)])
    assert len(given) == len(notes) == 3 and all(g.contact is not None for g in given)


def test_of_a_motion_some_frames_are_asked():
    teller = Teller()
    (given,), _ = Instruct(teller, "hold it")([motion(9)])
    assert len(teller.seen) == FRAMES and not any(g.is_motion for g in teller.seen)
    heights = [float(g.params.transl[2]) for g in teller.seen]
    assert heights[0] == pytest.approx(float(given.params.transl[0, 2]))
    assert heights[-1] == pytest.approx(float(given.params.transl[-1, 2]))
    assert given.contact.object.max() == pytest.approx(
        0.75
    )  # the mean of their answers, which fall from 1 to 0.5
    assert given.contact.hand.ndim == 1


def test_an_object_that_does_not_move_has_one_pose():
    teller = Teller()
    moving = replace(motion(3), T_world_object=torch.eye(4))
    (given,), _ = Instruct(teller, "hold it")([moving])
    assert len(teller.seen) == 3 and given.contact is not None


def test_of_another_hand_the_object_alone_is_asked():
    teller = Teller(hand="another")
    (given,), _ = Instruct(teller, "hold it")([grasp()])
    assert not teller.seen
    index = HAND.finger_labels == 2
    torch.testing.assert_close(given.contact.hand, 0.8 * (index & HAND.palmar).float())


def test_a_mask_goes_to_another_hand_finger_by_finger():
    skin = torch.zeros(len(HAND.template))
    for finger, weight in ((0, 0.9), (3, 0.4)):
        skin[torch.nonzero(HAND.finger_labels == finger + 1)[:5]] = weight
    skin[HAND.finger_labels == 0] = 1.0  # the palm is no finger

    class Other:
        finger_labels = torch.tensor([0, 1, 1, 2, 3, 4, 5])
        palmar = torch.tensor([True, True, False, True, True, True, True])
        template = torch.zeros(7, 3)

    found = of_fingers(skin, HAND, Other())
    torch.testing.assert_close(found, torch.tensor([0.0, 0.9, 0.0, 0.0, 0.0, 0.4, 0.0]))
    assert len(FINGERS) == 5


# What came of it.


def touching(weights, *, shift: float = 0.0) -> Grasp:
    """Two points under the finger tips of index and pinky, and one that no hand touches; with weights."""
    far_away = grasp(T_world_object=torch.eye(4))
    tips = far_away.surface().vertices[HAND.tip_vertices[[1, 4]]]
    assert (tips[0] - tips[1]).norm() * 1e3 > 2 * ASKED_MM
    points = torch.cat((tips, torch.tensor([[0.0, 0.0, 1.0]])))
    return far_away.with_(contact=Contact(object=torch.tensor(weights), points=points), instruction="hold it")


@pytest.mark.parametrize(
    ("weights", "share"),
    [
        ([1.0, 1.0, 0.0], 1.0),
        ([1.0, 0.0, 0.0], 0.5),
        ([1.0, 0.4, 0.0], 0.5),  # asked is what has half of the most
        ([0.2, 0.1, 0.0], 1.0),
        ([0.0, 0.0, 1.0], 0.0),
        ([0.0, 0.0, 0.0], 0.0),  # nothing is asked for
    ],
)
def test_the_share_of_the_touch_that_was_asked_for(weights, share):
    assert asked_share(touching(weights)) == share


def test_a_hand_that_touches_nothing_touches_nothing_that_was_asked_for():
    here = touching([1.0, 1.0, 1.0])
    off = here.with_(params=replace(here.params, transl=here.params.transl + 0.3))
    assert asked_share(off) == 0


def test_the_share_is_the_same_wherever_the_scene_stands():
    here = touching([1.0, 0.0, 0.0])
    pose = torch.eye(4)
    pose[:3, 3] = torch.tensor([0.4, -0.1, 0.2])
    params = replace(here.params, transl=here.params.transl + pose[:3, 3])
    assert asked_share(here.with_(params=params, T_world_object=pose)) == 0.5


def test_all_frames_of_a_motion_count():
    here = touching([1.0, 1.0, 0.0])
    gone = replace(here.params, transl=here.params.transl + 0.3)
    two = {"fps": 30.0, "T_world_object": torch.eye(4).expand(2, 4, 4)}
    assert asked_share(here.with_(params=HandParams.stack([here.params, gone]), **two)) == 1
    assert asked_share(here.with_(params=HandParams.stack([gone, gone]), **two)) == 0


def test_without_a_mask_there_is_no_share():
    masks = (None, Contact(object=torch.ones(len(CAN.vertices))), Contact(points=torch.zeros(2, 3)))
    for contact in masks:
        there = grasp(contact=contact, instruction="hold it")
        assert asked_share(there) != asked_share(there)
        assert asked_words(grasp(), there) == []


def test_it_is_said_what_came_of_the_sentence():
    there = touching([1.0, 1.0, 0.0])
    assert asked_words(there, there) == []
    from_afar = there.with_(
        params=replace(there.params, transl=there.params.transl + torch.tensor([0.0, 0.12, 0]))
    )
    (taken,) = asked_words(from_afar, there)
    assert "taken 12 cm" in taken and "100%" in taken
    (not_there,) = asked_words(there, touching([0.0, 0.0, 1.0]))
    assert "could not be taken" in not_there and "nothing" in not_there
    assert asked_words(from_afar, there.with_(instruction=None)) == []
