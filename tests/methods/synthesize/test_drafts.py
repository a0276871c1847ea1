"""What all drawing methods share: places, types, and which hands are kept."""

import numpy as np
import pytest
import torch

from handhold.errors import InputError
from handhold.hand.kinematics import HandState
from handhold.methods.synthesize.drafts import DraftConfig, ranked, types_in_turn
from handhold.methods.synthesize.places import draw_places, see
from handhold.methods.synthesize.result import Ask
from handhold.objects.household import Part, PartedObject, make


@pytest.fixture(scope="module")
def mug():
    return make("mug")


def faces_under(scene) -> np.ndarray:
    """The faces on which a scene's places lie."""
    return scene.mesh.distance.query(scene.rows.points[0, scene.places].double().numpy()).face


def test_places_keep_to_the_part_and_off_what_is_not_to_be_held(mug):
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
    assert types_in_turn(Ask(("power", "pinch")), 5).tolist() == [0, 4, 0, 4, 0]
    assert types_in_turn(None, 2).tolist() == [-1, -1]


def test_a_small_part_has_places_of_its_own():
    whole = make("mug")
    few = np.flatnonzero(np.arange(len(whole.mesh.faces)) == whole.part_faces("handle")[0])
    labels = np.where(np.isin(np.arange(len(whole.mesh.faces)), few), 1, 0)
    thing = PartedObject(whole.mesh, (Part("rest"), Part("dot")), labels)
    scene = see(thing, part="dot", count=30, generator=torch.Generator().manual_seed(0))
    assert len(scene.places) >= 60 and (faces_under(scene) == few[0]).mean() > 0.9


def test_those_passed_over_are_spares_too():
    """Two hands alike: the second is passed over for one that costs more, and comes after it."""
    wrist = torch.tensor([[0.0, 0.0, 0.0], [0.001, 0.0, 0.0], [0.4, 0.0, 0.0], [0.8, 0.0, 0.0]])
    state = HandState(torch.eye(3).repeat(4, 1, 1), wrist, torch.zeros(4, 15, 3), torch.zeros(4, 10))
    cost = torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert ranked(state, cost, count=2, spares=False).tolist() == [0, 2]
    assert ranked(state, cost, count=2, spares=True).tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize(("name", "value"), [("least", 0), ("rounds", 1.5), ("oversample", 0.5)])
def test_settings_that_cannot_be(name, value):
    with pytest.raises(InputError, match=rf"DraftConfig\.{name}"):
        DraftConfig(**{name: value})
