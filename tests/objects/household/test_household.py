"""Every category: sound solids of real size with exact parts, made again from their dimensions."""

from dataclasses import fields, is_dataclass

import numpy as np
import pytest
import torch

from handhold.errors import InputError
from handhold.objects.household import CATEGORIES, make, sample
from handhold.objects.repair import triangle_areas

SAMPLES = 2


@pytest.fixture(scope="module")
def objects():
    """Category to its default and its samples, each category from a generator of its own."""
    made = {}
    for name in CATEGORIES:
        generator = torch.Generator().manual_seed(3)
        made[name] = [make(name), *(sample(name, generator) for _ in range(SAMPLES))]
    return made


def test_all_promised_categories_are_there():
    promised = (
        "mug,glass,wine glass,bottle,spray bottle,jar,bowl,plate,frying pan,pot,kettle,teapot,knife,fork,"
    )
    promised += (
        "spoon,hammer,screwdriver,scissors,toothbrush,flashlight,phone,remote,camera,book,box,can,ball,"
    )
    promised += (
        "apple,pear,banana,headphones,eyeglasses,door knob,power drill,pen,cube,cylinder,cone,pyramid,"
    )
    promised += "torus,capsule"
    assert set(promised.split(",")) <= set(CATEGORIES)


@pytest.mark.parametrize("name", CATEGORIES)
def test_objects_are_sound_solids_that_stand_on_the_table(objects, name):
    low, high = CATEGORIES[name].size
    for made in objects[name]:
        mesh = made.mesh
        assert mesh.manifold() is not None, mesh.watertight_or_reason
        assert mesh.report.components == 1 and mesh.volume_m3 > 1e-6
        assert mesh.report.findings == (), (made.dimensions, mesh.report.findings)
        assert mesh.vertices[:, 2].min() == 0
        assert low <= mesh.extents.max() <= high, made.dimensions
        assert 1000 <= len(mesh.faces) <= 8500, made.dimensions
        assert (triangle_areas(mesh.vertices, mesh.faces) > 0).all()
        edges = mesh.vertices[mesh.faces] - mesh.vertices[np.roll(mesh.faces, 1, 1)]
        assert np.linalg.norm(edges, axis=2).max() < max(0.03, mesh.extents.max() / 6)


@pytest.mark.parametrize("name", CATEGORIES)
def test_parts_cover_the_surface(objects, name):
    known = CATEGORIES[name].parts
    for made in objects[name]:
        assert set(made.parts) <= set(known) and any(part.hold for part in made.parts)
        assert made.face_parts.shape == (len(made.mesh.faces),)
        counts = [len(made.part_faces(part.name)) for part in made.parts]
        assert min(counts) > 0 and sum(counts) == len(made.mesh.faces)
        assert min(made.part_areas_m2.values()) > 2e-6, made.dimensions
        total = triangle_areas(made.mesh.vertices, made.mesh.faces).sum()
        assert sum(made.part_areas_m2.values()) == pytest.approx(total)
    # Each part that a category names is there in some style.
    seen = {part.name for made in objects[name] for part in made.parts}
    generator = torch.Generator().manual_seed(9)
    for _ in range(12):
        if seen >= {part.name for part in known}:
            break
        seen |= {part.name for part in sample(name, generator).parts}
    assert seen == {part.name for part in known}


@pytest.mark.parametrize("name", CATEGORIES)
def test_category_is_well_described(name):
    category = CATEGORIES[name]
    assert is_dataclass(category.dimensions) and category.dimensions.__doc__
    assert category.name == name and len({part.name for part in category.parts}) == len(category.parts)
    for entry in fields(category.dimensions):
        data = entry.metadata
        assert (
            entry.default in data["names"] if "names" in data else data["low"] < entry.default < data["high"]
        )
    for part in category.parts:
        assert part.hold or not set(part.purposes) - {"type"}, "purposes of a part that no hand may hold"


@pytest.mark.parametrize("name", ["mug", "scissors", "banana", "book"])
def test_a_seed_and_the_dimensions_make_the_object_again(objects, name):
    first = objects[name][1]
    generator = torch.Generator().manual_seed(3)
    again = sample(name, generator)
    assert again.mesh.content_hash == first.mesh.content_hash and again.dimensions == first.dimensions
    assert np.array_equal(again.face_parts, first.face_parts)
    rebuilt = make(name, **first.dimensions)
    assert rebuilt.mesh.content_hash == first.mesh.content_hash
    assert sample(name, generator).mesh.content_hash == objects[name][2].mesh.content_hash


@pytest.mark.parametrize("name", CATEGORIES)
def test_dimensions_matter(objects, name):
    """One dimension of each category, in turn with its number of fields; lengths grow what they name."""
    category, base = CATEGORIES[name], objects[name][0]
    entry = fields(category.dimensions)[len(name) % len(fields(category.dimensions))]
    data = entry.metadata
    value = data["names"][1] if "names" in data else data["high"]
    changed = make(name, **{entry.name: value})
    assert changed.mesh.content_hash != base.mesh.content_hash
    assert changed.dimensions == {**base.dimensions, entry.name: value}


def test_sizes_are_those_asked_for():
    mug = make("mug", radius=0.045, height=0.11)
    assert np.ptp(mug.mesh.vertices[:, 1]) == pytest.approx(0.09, abs=2e-4)
    assert mug.mesh.extents[2] == pytest.approx(0.11, abs=2e-4)
    ball = make("ball", radius=0.05)
    assert ball.mesh.volume_m3 == pytest.approx(4 / 3 * np.pi * 0.05**3, rel=0.01)
    cube = make("cube", side=0.06)
    assert cube.mesh.extents == pytest.approx([0.06] * 3, abs=1e-6)


def test_mug_is_hollow_and_its_parts_are_where_they_should_be():
    mug = make("mug", radius=0.041, height=0.095, wall=0.004)
    inside = mug.part_points("inside", 500, torch.Generator().manual_seed(0))
    reach = np.linalg.norm(inside.points[:, :2].numpy(), axis=1)
    assert reach.max() < 0.041 - 0.0035
    assert (mug.face_parts[inside.face.numpy()] == [p.name for p in mug.parts].index("inside")).all()
    handle = mug.part_points("handle", 500, torch.Generator().manual_seed(0)).points.numpy()
    assert handle[:, 0].min() > 0.036 and np.abs(handle[:, 1]).max() < 0.010
    # A drop in the middle is outside the material, one in the wall inside it.
    distance = mug.mesh.distance.query(np.array([[0.0, 0, 0.05], [0.0, 0.039, 0.05]])).distance
    assert distance[0] > 0.02 and distance[1] == pytest.approx(-0.002, abs=2e-4)


def test_purposes_lead_to_parts():
    assert [part.name for part in make("knife").parts_for("cut")] == ["handle"]
    assert {part.name for part in make("mug").parts_for("drink")} == {"body", "handle"}
    assert make("knife").parts_for("drink") == ()
    assert not make("knife").part("blade").hold


def test_samples_differ_and_large_things_are_large_all_over():
    generator = torch.Generator().manual_seed(0)
    drawn = [CATEGORIES["mug"].draw(generator) for _ in range(400)]
    assert {d["body"] for d in drawn} == {"straight", "tapered", "round", "waisted"}
    radius, height, share = (np.array([d[k] for d in drawn]) for k in ("radius", "height", "handle_share"))
    assert np.corrcoef(radius, height)[0, 1] > 0.3 and abs(np.corrcoef(radius, share)[0, 1]) < 0.15
    assert radius.min() >= 0.035 and radius.max() <= 0.048


@pytest.mark.parametrize(
    ("category", "dimensions", "words"),
    [
        ("mug", {"radius": 0.2}, "0.035 to 0.048 m"),
        ("mug", {"radius": float("nan")}, "mug.radius"),
        ("mug", {"radius": "wide"}, "out of range"),
        ("mug", {"handle_share": 5}, "0.58 to 0.76"),
        ("mug", {"colour": 1.0}, "no such dimension"),
        ("mug", {"body": "cubic"}, "straight or tapered"),
        ("chair", {}, "no such category"),
    ],
)
def test_bad_dimensions_are_said(category, dimensions, words):
    with pytest.raises(InputError, match=words):
        make(category, **dimensions)


def test_unknown_part_is_said():
    with pytest.raises(InputError, match="handle"):
        make("mug").part_faces("lid")
