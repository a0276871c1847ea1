"""Things put together from plain solids: what the table tells is what is drawn, and where it is."""

import re

import numpy as np
import pytest
import torch

from handhold.data.things import Thing, draw_thing
from handhold.data.things import draw as things
from handhold.data.things.bodies import BODIES
from handhold.data.things.draw import LEAST, SIZE
from handhold.data.things.forms import FORMS
from handhold.data.things.kinds import KINDS, ZONE, Kind, PartLine
from handhold.data.things.places import PLACES, anchors
from handhold.data.things.shapes import Block, Rod
from handhold.data.things.words import VAGUE

COUNT = 512
WORD = re.compile(r"~?[a-z][a-z' -]*[a-z]\+?")
MIRROR = np.array([1.0, -1.0, 1.0])
PAIRS = ("sides", "back sides", "top pair", "front pair", "back pair", "two below")


def draws(count: int, *kinds: Kind, points: int = COUNT, seed: int = 0, bare: float = 0.0) -> list[Thing]:
    """Things of some kinds, or of all, so many of them bare."""
    generator = torch.Generator().manual_seed(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(things, "KINDS", kinds or KINDS)
        patch.setattr(things, "BARE", bare)
        return [draw_thing(points, generator) for _ in range(count)]


def named(name: str) -> Kind:
    (kind,) = (kind for kind in KINDS if kind.name == name)
    return kind


def kind_with(*lines: PartLine, body: str = "lying") -> Kind:
    return Kind("test", ("test",), body, ("its body",), lines)


def part(name: str, where: str, forms: str, *, on: str = "body", chance: float = 1.0) -> PartLine:
    """A part that is called by its own name."""
    return PartLine(name, on, where, tuple(forms.split()), chance, (name,))


def at(thing: Thing, name: str) -> np.ndarray:
    """Points of a part."""
    return thing.points[thing.part == thing.parts.index(name)]


def words_of(kind: Kind, name: str) -> set[str]:
    """Single words of what a part is called."""
    called = {line.name: line.words for line in kind.parts} | {"body": kind.body_words}
    return {token for word in called[name] for token in word.strip("~+").split()}


# The table.


def test_kinds_are_told_in_full():
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        assert kind.body in BODIES and any(line.on == "body" for line in kind.parts)
        for word in (*kind.nouns, *kind.body_words, *(w for line in kind.parts for w in line.words)):
            assert WORD.fullmatch(word), (kind.name, word)
        before = {"body"}
        for line in kind.parts:
            assert line.on in before and line.name not in before and 0 < line.chance <= 1, (kind.name, line)
            if line.forms == ZONE:
                assert line.where in ("top", "bottom", "front", "back"), (kind.name, line)
            else:
                before.add(line.name)  # nothing sits on a zone
                assert line.where in PLACES or (line.where, kind.body) == ("tips", "arch"), (kind.name, line)
                assert set(line.forms) <= set(FORMS), (kind.name, line)


def test_no_form_place_or_body_is_without_use():
    lines = [line for kind in KINDS for line in kind.parts]
    assert set(FORMS) == {form for line in lines if line.forms != ZONE for form in line.forms}
    assert set(PLACES) <= {line.where for line in lines}
    assert set(BODIES) == {kind.body for kind in KINDS}


# Places.


@pytest.mark.parametrize("body", [name for name in BODIES if name not in ("arch", "vessel", "dish")])
def test_an_anchor_is_on_the_surface_and_points_out_of_it(body):
    for seed, where in enumerate(PLACES):
        solid = BODIES[body](np.random.default_rng(seed))
        assert isinstance(solid, Block)
        for anchor in anchors(where, solid, np.random.default_rng(seed + 9)):
            assert np.linalg.norm(anchor.out) == pytest.approx(1)
            reach = 2.5 * solid.half.max() / 100  # two of the steps in which the surface is looked for
            ahead = anchor.point + np.linspace(reach, 2, 30)[:, None] * anchor.out
            assert solid.inside(anchor.point[None]).all() and not solid.inside(ahead).any()


@pytest.mark.parametrize("body", [name for name in BODIES if name not in ("arch", "any")])
def test_a_pair_is_mirrored(body):
    for seed, where in enumerate(PAIRS):
        solid = BODIES[body](np.random.default_rng(seed))
        left, right = anchors(where, solid, np.random.default_rng(2))
        np.testing.assert_allclose(right.point, left.point * MIRROR, atol=1e-9)
        np.testing.assert_allclose(right.out, left.out * MIRROR, atol=1e-9)
        assert left.point[1] > 0


def test_places_of_a_ball_are_where_they_are_called():
    ball = Block(np.zeros(3), np.ones(3))
    for seed in range(5):
        found = {where: anchors(where, ball, np.random.default_rng(seed)) for where in PLACES}
        first = {where: own[0].point for where, own in found.items()}
        assert all(np.linalg.norm(p) == pytest.approx(1, abs=0.03) for p in first.values())
        assert first["front"][0] > 0.9 and first["back"][0] < -0.9
        assert first["top"][2] > 0.9 and first["bottom"][2] == pytest.approx(-1, abs=0.03)
        assert first["side"][1] < -0.8 and first["other side"][1] > 0.9
        for where in ("four below", "two below"):
            assert all(a.point[2] < -0.2 and a.out.tolist() == [0, 0, -1] for a in found[where])
        assert len(found["four below"]) == 4 and len(found["ends"]) == len(found["up and down"]) == 2
        assert all(a.point[2] < 0 and a.out[2] == 0 for a in found["around below"])
        row = [a.point[0] for a in found["top row"]]
        assert row == sorted(row) and 3 <= len(row) <= 6


def test_tips_of_a_rod_are_its_ends():
    arch = BODIES["arch"](np.random.default_rng(0))
    assert isinstance(arch, Rod)
    tips = anchors("tips", arch, np.random.default_rng(0))
    assert [tip.point.tolist() for tip in tips] == [arch.line[0].tolist(), arch.line[-1].tolist()]
    assert all(tip.out @ tip.point < 0 for tip in tips)  # towards the middle


@pytest.mark.parametrize("form", FORMS)
def test_every_form_grows_from_where_it_is(form):
    """It holds on to the body and most of it is outside."""
    for seed in range(3):
        body = BODIES["lying"](np.random.default_rng(seed))
        half = np.ptp(body.mesh()[0], axis=0) / 2
        (anchor,) = anchors("top", body, np.random.default_rng(seed))
        corners = np.concatenate(
            [solid.mesh()[0] for solid in FORMS[form](anchor, body, half, np.random.default_rng(seed))]
        )
        assert np.isfinite(corners).all()
        assert corners[:, 2].max() > anchor.point[2] and corners[:, 2].min() < anchor.point[2] + 0.1
        assert body.inside(corners).mean() < 0.5


# Things.


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_can_be_drawn(kind):
    for thing in draws(2, kind):
        assert thing.kind is kind and len(thing.parts) > 1
        assert all(words_of(kind, name) for name in thing.parts)
        assert all((thing.part == k).sum() >= 4 for k in range(len(thing.parts)))


@pytest.fixture(scope="module")
def many() -> list[Thing]:
    return draws(40)


def test_points_are_on_a_thing_of_its_size(many):
    for thing in many:
        assert thing.points.shape == thing.normals.shape == (COUNT, 3) and thing.part.shape == (COUNT,)
        assert thing.points.dtype == thing.normals.dtype == np.float32 and thing.part.dtype == np.int64
        assert SIZE[0] * 0.999 < np.ptp(thing.points, axis=0).max() < SIZE[1] * 1.001
        np.testing.assert_allclose(np.linalg.norm(thing.normals, axis=1), 1, atol=1e-4)
    assert len({thing.kind.name for thing in many}) > 20


def test_only_what_is_small_has_no_number(many):
    least = max(LEAST * COUNT, 4)
    for thing in many:
        counts = np.bincount(thing.part + 1, minlength=len(thing.parts) + 1)
        assert len(counts) == len(thing.parts) + 1 and (counts[1:] >= least).all()
        unseen = len(thing.kind.parts) + 1 - len(thing.parts)
        assert counts[0] <= unseen * least
    assert any((thing.part < 0).any() for thing in draws(15, named("radio"), points=300))


def test_a_thing_does_not_lack_what_it_has(many):
    for thing in many:
        assert thing.lacking
        had = set().union(*(words_of(thing.kind, name) for name in thing.parts))
        assert not had & {token for word in thing.lacking for token in word.split()}, thing.kind.name
        assert not VAGUE & set(thing.lacking)
        assert all(WORD.fullmatch(word) and word[0] != "~" and word[-1] != "+" for word in thing.lacking)


def test_it_lacks_parts_of_its_kind_where_nothing_is_alike():
    """A knob stands in for a pommel in its place, not for a loop."""
    kind = kind_with(
        part("knob", "top", "ball"),
        part("stud", "top", "dome", chance=0),
        part("eyelet", "top", "loop", chance=0),
        part("bulb", "front", "ball", chance=0),
    )
    (thing,) = draws(1, kind)
    assert {"eyelet", "bulb"} <= set(thing.lacking) and "stud" not in thing.lacking
    assert thing.parts == ("body", "knob")


def test_a_part_is_left_out_with_what_it_sits_on():
    kind = kind_with(
        part("lid", "top", "disc", chance=0.5),
        part("knob", "top", "ball", on="lid"),
        part("spike", "front", "cone"),
    )
    seen = {thing.parts for thing in draws(12, kind)}
    assert seen == {("body", "spike"), ("body", "knob", "lid", "spike")}


@pytest.mark.parametrize(
    ("where", "axis", "sign"), [("top", 2, 1), ("bottom", 2, -1), ("front", 0, 1), ("back", 0, -1)]
)
def test_a_zone_is_the_end_of_its_part(where, axis, sign):
    kind = kind_with(part("zone", where, *ZONE), body="upright box")
    for thing in draws(5, kind):
        along = sign * thing.points[:, axis]
        zone = thing.part == thing.parts.index("zone")
        assert along[zone].min() >= along[~zone].max()
        share = np.ptp(along[zone]) / np.ptp(along)
        assert 0.2 < share <= 0.5


def test_parts_are_where_their_words_say():
    kind = kind_with(
        part("legs", "four below", "column"),
        part("head", "front top", "ball"),
        part("tail", "back", "cone"),
        part("wings", "sides", "wing"),
    )
    for thing in draws(12, kind):
        own = {name: at(thing, name) for name in thing.parts}
        low, high = (of(own["body"], axis=0) for of in (np.min, np.max))
        share = {name: (points.mean(0) - low) / (high - low) for name, points in own.items()}
        assert share["legs"][2] < 0.3 and own["legs"][:, 2].min() == thing.points[:, 2].min()
        assert share["tail"][0] < 0.1 and own["tail"][:, 0].min() == thing.points[:, 0].min()
        assert share["head"][0] > 0.6 and share["head"][2] > 0.7
        wings = own["wings"]
        assert wings[:, 1].max() == pytest.approx(-wings[:, 1].min(), rel=0.1)
        assert (wings[:, 1] > 0).mean() == pytest.approx(0.5, abs=0.1)
        assert len({(x > 0, y > 0) for x, y, _ in own["legs"] - own["body"].mean(0)}) == 4


def test_the_generator_decides():
    once, again, other = draws(5), draws(5), draws(5, seed=1)
    for a, b in zip(once, again, strict=True):
        assert (a.kind, a.parts, a.lacking) == (b.kind, b.parts, b.lacking)
        assert all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("points", "normals", "part"))
    assert not np.array_equal(once[0].points, other[0].points)


def test_some_things_are_bare_and_lack_what_their_kind_has():
    kind = kind_with(part("legs", "four below", "column"))
    found = draws(200, kind, points=64, bare=0.25)
    bare = [thing for thing in found if thing.parts == ("body",)]
    assert 30 < len(bare) < 75
    assert all("legs" in thing.lacking for thing in bare)
    assert not any("legs" in thing.lacking for thing in found if "legs" in thing.parts)


def test_half_of_what_is_lacking_is_of_the_kind():
    kind = kind_with(part("legs", "four below", "column"))
    (thing,) = draws(1, kind, bare=1.0)
    assert 0.3 < thing.lacking.count("legs") / len(thing.lacking) < 0.6
