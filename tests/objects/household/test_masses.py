"""Things weigh what they weigh in life."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from handhold.errors import InputError
from handhold.objects import ObjectMesh
from handhold.objects.household import CATEGORIES, make
from handhold.objects.household.masses import DENSITIES, density_of, mass_of

GRAMS = {
    "mug": (250, 450),
    "glass": (150, 350),
    "wine glass": (100, 250),
    "bottle": (300, 1000),
    "spray bottle": (200, 700),
    "jar": (350, 800),
    "can": (330, 420),
    "frying pan": (600, 1400),
    "pot": (700, 1800),
    "kettle": (1000, 2200),
    "teapot": (600, 1500),
    "cube": (60, 110),
    "cylinder": (90, 250),
    "cone": (60, 200),
    "pyramid": (50, 150),
    "torus": (30, 90),
    "capsule": (50, 150),
    "ball": (50, 70),
    "bowl": (200, 500),
    "plate": (400, 750),
    "knife": (100, 250),
    "fork": (35, 70),
    "spoon": (35, 70),
    "hammer": (500, 900),
    "screwdriver": (60, 150),
    "scissors": (50, 130),
    "power drill": (900, 1900),
    "door knob": (200, 500),
    "phone": (140, 240),
    "remote": (80, 180),
    "camera": (400, 1000),
    "flashlight": (80, 250),
    "headphones": (150, 350),
    "computer mouse": (70, 130),
    "toothbrush": (10, 25),
    "pen": (6, 20),
    "eyeglasses": (15, 45),
    "book": (300, 800),
    "box": (100, 400),
    "apple": (120, 250),
    "pear": (120, 250),
    "banana": (90, 200),
    "lemon": (80, 180),
}
"""Least and most of a common specimen."""


def test_every_category_has_a_density():
    assert set(DENSITIES) == set(CATEGORIES) == set(GRAMS)


@pytest.mark.parametrize("name", CATEGORIES)
def test_the_default_object_weighs_what_it_does_in_life(name):
    item, (low, high) = make(name), GRAMS[name]
    assert low <= 1000 * mass_of(item) <= high
    assert mass_of(item) == pytest.approx(density_of(item) * item.mesh.volume_m3)


def test_a_lid_closes_the_pot_and_makes_it_a_little_heavier():
    open_pot, closed = make("pot", lid="none"), make("pot", lid="lid")
    assert closed.mesh.volume_m3 > 5 * open_pot.mesh.volume_m3
    assert mass_of(open_pot) < mass_of(closed) < 2 * mass_of(open_pot)


@pytest.mark.parametrize("name", ["bottle", "hammer", "mug", "knife", "pot"])
def test_larger_ones_stay_liftable(name):
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        item = CATEGORIES[name].sample(generator)
        low, high = GRAMS[name]
        assert low / 3 <= 1000 * mass_of(item) <= 3 * high, item.dimensions


def test_what_is_not_known_is_said():
    box = make("box")
    with pytest.raises(InputError, match="category"):
        density_of(replace(box, category="chair"))
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]) * 0.1
    sheet = ObjectMesh.from_arrays(corners, np.array([[0, 1, 2], [0, 2, 3]]), name="sheet")
    with pytest.raises(InputError, match="volume"):
        mass_of(replace(box, mesh=sheet, face_parts=box.face_parts[: len(sheet.faces)]))
