"""The table of purposes covers every part, and what is asked for fits the objects as they are."""

import numpy as np
import pytest

from handhold.batch.purposes import OVER, asks_for, part_widths, untouchable
from handhold.data.purposes import NOT_DONE, PURPOSES
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.objects import ObjectMesh
from handhold.objects.household import CATEGORIES, HouseholdObject, Part, make

SOME = (
    *(
        "mug",
        "glass",
        "bottle",
        "can",
        "jar",
        "box",
        "cube",
        "ball",
        "torus",
        "capsule",
        "apple",
        "banana",
        "knife",
    ),
    *(
        "toothbrush",
        "pen",
        "screwdriver",
        "scissors",
        "eyeglasses",
        "door knob",
        "power drill",
        "bowl",
        "plate",
    ),
)
"""Categories that are made for these tests: all rules, and half of the time."""
USES = [use for uses in PURPOSES.values() for use in uses]


def test_every_category_can_be_asked_for():
    assert set(PURPOSES) == set(CATEGORIES)
    assert min(map(len, PURPOSES.values())) >= 2


def test_every_purpose_of_every_part_is_done_or_said_not_to_be():
    there = {
        (category.name, part.name, purpose)
        for category in CATEGORIES.values()
        for part in category.parts
        if part.hold
        for purpose in part.purposes
    }
    done = {(use.category, use.part, use.purpose) for use in USES}
    assert done | set(NOT_DONE) == there
    assert not done & set(NOT_DONE)
    assert all(NOT_DONE.values())


def test_lines_are_well_formed():
    keys = [(use.category, use.part, use.purpose, use.standing, use.types) for use in USES]
    assert len(set(keys)) == len(keys)
    for use in USES:
        assert use.types and set(use.types) <= set(GRASP_TYPES), use
        assert len(set(use.types)) == len(use.types), use


def test_blades_and_insides_are_not_for_fingers():
    parts = {(c.name, p.name): p for c in CATEGORIES.values() for p in c.parts}
    assert all(parts[use.category, use.part].hold for use in USES)
    assert {use.part for use in PURPOSES["knife"]} == {"handle"}


@pytest.fixture(scope="module")
def asked():
    """Category to an object and what is asked for it."""
    objects = {name: make(name) for name in SOME}
    return {name: (obj, asks_for(obj)) for name, obj in objects.items()}


@pytest.mark.parametrize("name", SOME)
def test_asks(asked, name):
    obj, asks = asked[name]
    assert len(asks) >= 2
    assert len({(ask.part, ask.purpose, ask.types, ask.table) for ask in asks}) == len(asks)
    lowest = obj.mesh.vertices[:, 2].min()
    for ask in asks:
        part = obj.part(ask.part)
        assert part.hold and ask.purpose in part.purposes
        assert any(set(ask.types) <= set(use.types) for use in PURPOSES[name] if use.purpose == ask.purpose)
        if ask.table is not None:
            assert ask.table.up == (0, 0, 1)
            assert ask.table.height == pytest.approx(lowest)


def test_neighbouring_asks_touch_different_parts(asked):
    for name in ("mug", "bottle"):
        parts = [ask.part for ask in asked[name][1]]
        assert len(set(parts[:3])) == 3


@pytest.mark.parametrize("name", ["pot", "door knob", "pen", "scissors"])
def test_no_line_is_dead(name):
    """A type that fits no object of the category would be a slip in the table."""
    styles = {
        "pot": [{"handle": "loops", "lid": "lid"}, {"handle": "long", "handle_reach": 0.048}],
        "door knob": [{"shape": "round"}, {"shape": "lever"}],
        "pen": [{"radius": 0.0075}],
        "scissors": [{"bow_thickness": 0.010}],
    }
    offered = {
        (a.part, a.purpose, t) for d in styles[name] for a in asks_for(make(name, **d)) for t in a.types
    }
    assert offered == {(use.part, use.purpose, t) for use in PURPOSES[name] for t in use.types}


def test_a_part_that_is_not_there_is_not_asked_for():
    assert "knob" in {ask.part for ask in asks_for(make("pot", lid="lid"))}
    assert "knob" not in {ask.part for ask in asks_for(make("pot", lid="none"))}


def test_what_is_too_wide_is_not_asked_for():
    small, large = make("ball", radius=0.021), make("ball", radius=0.060)
    assert "tripod" in {t for ask in asks_for(small) for t in ask.types}
    assert asks_for(large) == ()


def test_lying_pens_are_picked_up_and_standing_mugs_stand(asked):
    assert all(ask.table is not None for ask in asked["mug"][1])
    assert all(ask.table is None for ask in asked["pen"][1] if ask.purpose == "write")
    assert any(ask.table is not None for ask in asked["pen"][1] if ask.purpose == "hand over")


def _cuboid(sides: tuple[float, float, float], *, hold_top: bool = True) -> HouseholdObject:
    import trimesh

    box = trimesh.creation.box(sides)
    box.apply_translation([0, 0, sides[2] / 2])
    mesh = ObjectMesh.from_arrays(np.asarray(box.vertices), np.asarray(box.faces), name="cuboid")
    first, second, third = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    normals = np.cross(second - first, third - first)
    top = normals[:, 2] > 0.5 * np.linalg.norm(normals, axis=1)
    return HouseholdObject(
        mesh, (Part("body"), Part("top", hold=hold_top)), top.astype(np.int64), category="box"
    )


def test_widths_of_a_cuboid():
    obj = _cuboid((0.02, 0.05, 0.03))
    widths = part_widths(obj, "body", forbidden=untouchable(obj))
    found = np.unique(widths.width[np.isfinite(widths.width)].round(6))
    assert found.tolist() == [0.02, 0.03, 0.05]
    up = np.isclose(widths.width, 0.03)
    assert np.allclose(widths.height[up], 0, atol=1e-6)
    assert widths.length == pytest.approx(0.05)
    top = _cuboid((0.02, 0.05, 0.03), hold_top=False)
    closed = part_widths(top, "body", forbidden=untouchable(top))
    assert np.unique(closed.width[np.isfinite(closed.width)].round(6)).tolist() == [0.02, 0.05]


def test_suiting_follows_sizes_and_the_table():
    flat = _cuboid((0.16, 0.12, 0.02))
    widths = part_widths(flat, "body")
    assert widths.suit("extension", standing=False)
    assert not widths.suit("extension", standing=True)  # its 20 mm are between top and table
    high = GRASP_TYPES["power"].sizes[1]
    just, over = (part_widths(_cuboid((s * high * OVER, 0.2, 0.2)), "body") for s in (0.99, 1.01))
    assert just.suit("power", standing=True) and not over.suit("power", standing=True)
