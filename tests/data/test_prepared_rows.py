"""A grasp set as tensors: the hands are the set's, their thumbs touch where it says, and it can be kept."""

from pathlib import Path

import pytest
import torch

from handhold.data import GraspSet
from handhold.data.grasp_rows import prepare_rows, read_rows, save_rows
from handhold.hand import Hand
from handhold.hand.kinematics import forward, place, surface_points
from handhold.hand.regions import region_vertices
from handhold.interaction.grasp_types import GRASP_TYPES

SHIPPED = Path(__file__).parents[2] / "sets" / "household"


@pytest.fixture(scope="module")
def some() -> GraspSet:
    """The grasps of two objects, by both hands."""
    grasps = GraspSet.open(SHIPPED).where(category=["mug", "pen"])
    ids = list(dict.fromkeys(grasps.table["object_id"].to_pylist()))
    return grasps.where(object_id=ids[:2])


@pytest.fixture(scope="module")
def prepared(some):
    return prepare_rows(some)


def test_hands_are_those_of_the_set_left_ones_in_the_mirror(some, prepared):
    rows = prepared.rows
    hand = Hand.open("right")
    skin = place(forward(hand, rows.hands), surface_points(hand, rows.hands.betas))
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    for k in (0, len(rows) // 2, len(rows) - 1):
        row = some.row(int(prepared.index[k]))
        assert row.side == ("left" if rows.mirrored[k] else "right")
        true = Hand.open(row.side)(some.params[prepared.index[k]]).vertices
        torch.testing.assert_close(skin[k], true * mirror if rows.mirrored[k] else true, atol=2e-5, rtol=0)
        assert list(GRASP_TYPES)[rows.type[k]] == row.type
        assert rows.objects.names[rows.object[k]] == row.object_id
    assert rows.mirrored.any() and not rows.mirrored.all()


def test_places_are_near_the_thumb(some, prepared):
    rows = prepared.rows
    assert len(rows) + prepared.left_out == len(some) and prepared.left_out < 0.2 * len(some)
    hand = Hand.open("right")
    skin = place(forward(hand, rows.hands), surface_points(hand, rows.hands.betas))
    thumb = skin[:, region_vertices(hand, "thumb_distal")]
    thumb = torch.where(rows.mirrored[:, None, None], thumb * torch.tensor([-1.0, 1.0, 1.0]), thumb)
    spots = rows.objects.points[rows.object[:, None], rows.places]
    apart = torch.cdist(spots, thumb).amin(-1)
    assert apart.median() < 0.006 and apart[:, 0].max() < 0.02


def test_parts_that_are_held_have_points(some, prepared):
    rows = prepared.rows
    named = [k for k in range(len(rows)) if rows.part[k] >= 0][:3]
    assert named
    for k in named:
        row = some.row(int(prepared.index[k]))
        thing = some.object(row.object_id)
        assert row.part is not None
        own = torch.from_numpy(thing.mesh.vertices[thing.mesh.faces[thing.part_faces(row.part)]]).float()
        points = rows.objects.part_points[rows.part[k]]
        assert (points >= own.amin((0, 1)) - 1e-6).all() and (points <= own.amax((0, 1)) + 1e-6).all()


def test_what_is_kept_comes_back_and_belongs_to_its_set(prepared, tmp_path):
    path = tmp_path / "rows.safetensors"
    save_rows(prepared, path, of="this")
    again = read_rows(path, of="this")
    assert again is not None and again.left_out == prepared.left_out
    assert torch.equal(again.rows.hands.angles, prepared.rows.hands.angles)
    assert torch.equal(again.rows.objects.grid.values, prepared.rows.objects.grid.values)
    assert again.rows.objects.names == prepared.rows.objects.names
    assert read_rows(path, of="that") is None
    path.write_bytes(path.read_bytes()[:1000])
    assert read_rows(path, of="this") is None
    assert read_rows(tmp_path / "nothing", of="this") is None
    assert [p.name for p in tmp_path.iterdir()] == ["rows.safetensors"]
