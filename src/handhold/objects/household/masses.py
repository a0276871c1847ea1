"""What household objects weigh in life.

A mesh's volume says little of it: a bottle's inside is closed and hence solid here, a knife is steel with a handle
of plastic, a computer mouse is mostly air. So each category has a density of its mesh's volume, with which the
default object weighs what such a thing weighs. Figures are common knowledge (kitchen scales, shops' product pages) and
agree where they can with the weights that come with the YCB objects (Calli et al., The YCB object and model set,
ICAR 2015): hammer 665 g, power drill 895 g, scissors 82 g, screwdriver 97 g, tennis ball 58 g, full soup can 349 g.
"""

from __future__ import annotations

from handhold.errors import InputError
from handhold.objects.household.parts import HouseholdObject

DENSITIES = {
    # Stoneware, porcelain 2400; soda-lime glass 2500: walls are modelled, so it is the material's own.
    "mug": 2400.0,
    "bowl": 2400.0,
    "plate": 2400.0,
    "glass": 2500.0,
    "wine glass": 2500.0,
    # Solid inside: half full (bottles, kettle, teapot, spray bottle), or full as they are sold (jar, can).
    "bottle": 600.0,
    "spray bottle": 600.0,
    "kettle": 700.0,
    "teapot": 900.0,
    "jar": 1000.0,
    "can": 1000.0,
    # Aluminium; the handle's plastic is lighter, a steel bottom heavier.
    "frying pan": 2700.0,
    "pot": 2700.0,
    # Beech or pine; a ball as tennis balls are.
    "cube": 650.0,
    "cylinder": 650.0,
    "cone": 650.0,
    "pyramid": 650.0,
    "torus": 650.0,
    "capsule": 650.0,
    "ball": 400.0,
    # Steel, and steel with wood or plastic.
    "fork": 7800.0,
    "spoon": 7800.0,
    "knife": 4000.0,
    "scissors": 4000.0,
    "hammer": 3300.0,
    "screwdriver": 1700.0,
    "door knob": 3000.0,
    # Devices.
    "power drill": 1400.0,
    "phone": 1900.0,
    "remote": 900.0,
    "camera": 1500.0,
    "flashlight": 1300.0,
    "headphones": 1200.0,
    "computer mouse": 620.0,
    # Plastic, paper; boxes of groceries, from crackers (190) to sugar (810).
    "toothbrush": 1000.0,
    "pen": 1000.0,
    "eyeglasses": 2000.0,
    "book": 750.0,
    "box": 500.0,
    # Fruit: an apple floats, a pear barely.
    "apple": 850.0,
    "pear": 1000.0,
    "banana": 950.0,
    "lemon": 950.0,
}
"""By category, mass per volume of the mesh [kg/m³]."""
CLOSED = {("pot", "lid"): 400.0}
"""The same of objects that a part closes, so that they are solid inside: by category and part."""


def density_of(item: HouseholdObject) -> float:
    """Mass per volume of an object's mesh, as in life [kg/m³]: what `SixWayConfig.density` wants.

    Raises:
        InputError: it is of no category that is known here.
    """
    if item.category not in DENSITIES:
        known = ", ".join(DENSITIES)
        raise InputError("no such category", where="category", expected=known, got=repr(item.category))
    for part in item.parts:
        if (item.category, part.name) in CLOSED:
            return CLOSED[item.category, part.name]
    return DENSITIES[item.category]


def mass_of(item: HouseholdObject) -> float:
    """What the object weighs in life [kg].

    Raises:
        InputError: it is of no category that is known here, or its mesh is no solid.
    """
    density, volume = density_of(item), item.mesh.volume_m3
    if volume is None:
        raise InputError(
            "has no volume", where=item.mesh.name, expected="a solid", got=item.mesh.watertight_or_reason
        )
    return density * volume
