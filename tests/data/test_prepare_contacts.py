"""What the contact network trains on: sentences and the truth for each, of a set's objects, further ones and things."""

import re

import numpy as np
import pytest
import torch
from grasp_set_examples import write_set

from handhold.data import GraspSet
from handhold.data.contact_maps import Touched, points_of, widened
from handhold.data.contact_rows import read_bank, read_contacts, save_bank, save_contacts
from handhold.data.prepare_contacts import named_parts, prepare_contacts
from handhold.data.purposes import PURPOSES
from handhold.data.things.kinds import KINDS
from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import forward, place, surface_points
from handhold.models.contact.bank import encode_sentences
from handhold.models.contact.rows import unpacked

COUNT = 1024
PARTS = len(named_parts("cube")) + len(named_parts("mug"))
VERTICES = len(Hand.open("right").template)


def some_touch(grasps: GraspSet, rows, count: int) -> Touched:
    """Contact by chance, more of it on the part that is held."""
    name = grasps.row(rows[0]).object_id
    bare, draw = points_of(grasps.object(name), count), np.random.default_rng(len(name))
    part = [grasps.row(k).part for k in rows]
    held = np.stack([bare.part == bare.parts.index(p) if p else bare.part >= 0 for p in part])
    on_object = draw.random((len(rows), len(bare.points))) < np.where(held, 0.4, 0.01)
    on_object[0] &= held[0]  # one at least leaves all else free
    skin = draw.random((len(rows), VERTICES)) < 0.2
    return Touched(bare.points, bare.normals, bare.part, bare.parts, on_object, skin)


@pytest.fixture(scope="module")
def grasps(tmp_path_factory) -> GraspSet:
    return GraspSet.open(write_set(tmp_path_factory.mktemp("maps") / "set")).where(split="train")


@pytest.fixture(scope="module")
def rows(grasps):
    seen = []
    found = prepare(grasps, more=2, progress=lambda *told: seen.append(told))
    assert seen == [(k, len(found)) for k in range(1, len(found) + 1)]
    return found


def prepare(grasps: GraspSet, **options):
    """With few points, and contact by chance."""
    return prepare_contacts(grasps, points=COUNT, touch=some_touch, **options)


def test_a_map_is_the_mean_of_the_grasps_that_are_meant(rows, grasps):
    told = grasps.table.to_pylist()
    order = [k for name in rows.names[:2] for k, row in enumerate(told) if row["object_id"] == name]
    touch = unpacked(rows.touches.object, rows.points.shape[1]).numpy()
    seen = 0
    for target in torch.unique(rows.asks.target[rows.asks.target >= 0]).tolist():
        asks = torch.nonzero(rows.asks.target == target).squeeze(-1)
        (obj,) = set(rows.asks.object[asks].tolist())
        group = rows.groups[target].tolist()
        if not group:
            continue
        assert {told[order[k]]["object_id"] for k in group} == {rows.names[obj]}
        mean = widened(rows.points[obj].numpy(), touch[group].mean(0, keepdims=True))[0]
        found = rows.maps[target].numpy()
        left = found > 0  # a part that is left free is cut out
        scale = found[left].max() / mean[left].max()
        np.testing.assert_allclose(found[left], mean[left] * scale, atol=1.5)
        assert found.max() >= 254
        seen += 1
    assert seen > 5


def test_named_parts_are_those_of_the_grasps_that_are_meant(rows, grasps):
    told = grasps.table.to_pylist()
    order = [k for name in rows.names[:2] for k, row in enumerate(told) if row["object_id"] == name]
    for k in range(len(rows.asks)):
        part, target = int(rows.asks.part[k]), int(rows.asks.target[k])
        name = rows.names[rows.asks.object[k]]
        if part < 0 or target < 0 or name not in grasps.objects:
            continue
        parts = [p.name for p in grasps.object(name).parts]
        assert {told[order[g]]["part"] for g in rows.groups[target].tolist()} <= {parts[part]}


def test_parts_that_nobody_holds_are_touched_all_over(rows):
    found = 0
    for k, name in enumerate(rows.names):
        category = name.split("-")[0].split(" ")[0]
        held = {use.part for use in PURPOSES[category]}
        for ask in torch.nonzero((rows.asks.object == k) & (rows.asks.part >= 0)).squeeze(-1).tolist():
            target, part = int(rows.asks.target[ask]), int(rows.asks.part[ask])
            if target < 0 or len(rows.groups[target]):
                continue
            region = rows.parts[k] == part
            touch = rows.maps[target] == 255
            assert (touch & ~region).sum() == 0 and rows.asks.skin[ask] < 0
            found += int(torch.equal(touch, region))
    assert found > 0 and held is not None


def test_what_is_absent_has_no_truth(rows):
    absent = rows.asks.absent
    assert absent.sum() == 6 * len(rows)
    for name in ("target", "skin", "part"):
        assert (getattr(rows.asks, name)[absent] == -1).all()


def test_further_objects_have_no_grasps(rows, grasps):
    own = rows.asks.object < 2
    assert rows.names[:2] == ("cube-000000", "mug-000002") and len(rows) == 2 + 2 * PARTS
    assert (rows.asks.skin[~own] == -1).all()
    assert all(len(rows.groups[t]) == 0 for t in rows.asks.target[~own & (rows.asks.target >= 0)].tolist())
    assert (rows.asks.object.diff() >= 0).all()
    assert len(set(rows.sentences)) == len(rows.sentences) and len(rows.touches) == len(grasps) == 12


def test_skin_maps_are_means_and_no_two_of_an_object_are_alike(rows):
    skin = unpacked(rows.touches.skin, VERTICES).float()
    assert rows.asks.skin.max() == len(rows.skin_maps) - 1
    ask = int(torch.nonzero(rows.asks.skin >= 0)[0])
    group = rows.groups[int(rows.asks.target[ask])]
    found = rows.skin_maps[int(rows.asks.skin[ask])].float()
    assert (found / 255 <= skin[group].amax(0) + 1e-6).all()
    assert len(torch.unique(rows.skin_maps, dim=0)) == len(rows.skin_maps)


def test_left_hands_are_kept_in_the_mirror(rows, grasps):
    hand, mirror = Hand.open("right"), torch.tensor([-1.0, 1.0, 1.0])
    skin = place(forward(hand, rows.touches.hands), surface_points(hand, rows.touches.hands.betas))
    assert rows.touches.mirrored.any() and not rows.touches.mirrored.all()
    for k in range(0, len(grasps), 3):
        true = Hand.open(grasps.row(k).side)(grasps.params[k]).vertices
        torch.testing.assert_close(
            skin[k], true * mirror if rows.touches.mirrored[k] else true, atol=2e-5, rtol=0
        )


def test_the_seed_decides(grasps, rows):
    again, other = prepare(grasps, more=2), prepare(grasps, more=2, seed=1)
    assert again.sentences == rows.sentences != other.sentences
    assert torch.equal(again.maps, rows.maps) and torch.equal(again.points, rows.points)
    assert not torch.equal(other.points[2:], rows.points[2:])


def test_no_grasps_at_all(grasps):
    nothing = grasps.where(split="train", category="cube").where(part="body", side="right")
    assert len(nothing) > 0
    with pytest.raises(InputError, match="no grasps to learn from"):
        prepare_contacts(
            type(grasps)(grasps.folder, grasps.objects, grasps.table.slice(0, 0), grasps.manifest)
        )


# Things.


@pytest.fixture(scope="module")
def with_things(grasps):
    return prepare(grasps, more=0, things=3)


def test_things_come_last_and_draw_from_their_own_source(with_things, grasps):
    assert len(with_things) == 2 + 3 and with_things.points.shape == (5, COUNT, 3)
    for k in range(3):
        assert re.fullmatch(rf"thing {k}: [a-z]+", with_things.names[2 + k])
    without, further = prepare(grasps, more=0), prepare(grasps, more=1, things=1)
    asks = without.asks
    assert len(without) == 2
    for name in ("target", "skin", "part", "absent"):
        assert torch.equal(getattr(with_things.asks, name)[: len(asks)], getattr(asks, name))
    assert torch.equal(further.points[-1], with_things.points[2])


def test_parts_of_things_are_asked_for_by_name_and_touched_all_over(with_things):
    """And those that are to be left free, beside another that is asked for, are not touched."""
    asks = with_things.asks
    for k in range(2, 5):
        own = torch.nonzero((asks.object == k) & (asks.part >= 0)).squeeze(-1).tolist()
        assert len(own) >= 8 and (asks.skin[own] == -1).all()
        (kind,) = (kind for kind in KINDS if with_things.names[k] == f"thing {k - 2}: {kind.name}")
        words = {word.strip("~+") for line in kind.parts for word in line.words}
        words |= {word.strip("~+") for word in kind.body_words}
        seen = set()
        for ask in own:
            part, target = int(asks.part[ask]), int(asks.target[ask])
            assert len(with_things.groups[target]) == 0
            assert torch.equal(with_things.maps[target] == 255, with_things.parts[k] == part)
            assert set(with_things.maps[target].tolist()) == {0, 255}
            sentence = with_things.sentences[asks.sentence[ask]].lower()
            assert any(re.search(rf"\b{re.escape(word)}\b", sentence) for word in words), sentence
            seen.add(part)
        assert len(seen) > 1


def test_things_are_asked_for_what_they_lack_and_for_places(with_things):
    asks = with_things.asks
    for k in range(2, 5):
        own = asks.object == k
        assert (own & asks.absent).sum() == 6
        placed = own & ~asks.absent & (asks.part < 0)
        assert placed.sum() in (0, 3)  # top, middle, end: only of what is upright or long
        assert (asks.target[placed] >= 0).all()


# Files.


def test_what_is_kept_comes_back_and_belongs_to_its_set(rows, tmp_path):
    path = tmp_path / "contacts.safetensors"
    save_contacts(rows, path, of="this")
    again = read_contacts(path, of="this")
    assert again is not None and again.sentences == rows.sentences and again.names == rows.names
    for name in ("points", "normals", "parts", "maps", "skin_maps"):
        assert torch.equal(getattr(again, name), getattr(rows, name))
    for part, name in (
        ("asks", "target"),
        ("asks", "absent"),
        ("touches", "object"),
        ("touches", "mirrored"),
    ):
        assert torch.equal(getattr(getattr(again, part), name), getattr(getattr(rows, part), name))
    assert torch.equal(again.touches.hands.angles, rows.touches.hands.angles)
    assert [g.tolist() for g in again.groups] == [g.tolist() for g in rows.groups]
    assert read_contacts(path, of="that") is None and read_bank(path, of="this") is None
    path.write_bytes(path.read_bytes()[:1000])
    assert read_contacts(path, of="this") is None
    assert read_contacts(tmp_path / "nothing", of="this") is None
    assert [p.name for p in tmp_path.iterdir()] == ["contacts.safetensors"]


def test_features_are_kept_too(tmp_path):
    from word_encoder import WordEncoder

    bank = encode_sentences(WordEncoder(), ["hold it by the handle", "pour", "take the mug, please"])
    save_bank(bank, tmp_path / "text.safetensors", of="this")
    again = read_bank(tmp_path / "text.safetensors", of="this")
    assert again is not None and read_bank(tmp_path / "text.safetensors", of="that") is None
    assert torch.equal(again.sentence, bank.sentence) and torch.equal(again.words, bank.words)
    assert torch.equal(again.start, bank.start)
