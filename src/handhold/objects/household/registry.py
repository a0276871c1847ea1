"""All categories by name."""

from __future__ import annotations

import torch

from handhold.errors import InputError
from handhold.objects.household import (
    bottles,
    cookware,
    cups,
    electronics,
    fittings,
    fruit,
    personal,
    powered,
    solids,
    tableware,
    tools,
    wearables,
)
from handhold.objects.household.category import Category
from handhold.objects.household.parts import HouseholdObject

_ALL = (
    cups.MUG,
    cups.GLASS,
    cups.WINE_GLASS,
    bottles.BOTTLE,
    bottles.SPRAY_BOTTLE,
    bottles.JAR,
    bottles.CAN,
    cookware.FRYING_PAN,
    cookware.POT,
    cookware.KETTLE,
    cookware.TEAPOT,
    solids.CUBE,
    solids.CYLINDER,
    solids.CONE,
    solids.PYRAMID,
    solids.TORUS,
    solids.CAPSULE,
    solids.BALL,
    tableware.BOWL,
    tableware.PLATE,
    tableware.KNIFE,
    tableware.FORK,
    tableware.SPOON,
    tools.HAMMER,
    tools.SCREWDRIVER,
    tools.SCISSORS,
    powered.POWER_DRILL,
    fittings.DOOR_KNOB,
    electronics.PHONE,
    electronics.REMOTE,
    electronics.CAMERA,
    powered.FLASHLIGHT,
    wearables.HEADPHONES,
    electronics.COMPUTER_MOUSE,
    personal.TOOTHBRUSH,
    personal.PEN,
    wearables.EYEGLASSES,
    personal.BOOK,
    personal.BOX,
    fruit.APPLE,
    fruit.PEAR,
    fruit.BANANA,
    fruit.LEMON,
)

CATEGORIES: dict[str, Category] = {category.name: category for category in _ALL}


def make(category: str, **dimensions: float | str) -> HouseholdObject:
    """An object of a category; dimensions that are not given have their defaults.

    Raises:
        InputError: no such category, dimension or style, or a value out of range.
    """
    return _category(category).make(**dimensions)


def sample(category: str, generator: torch.Generator) -> HouseholdObject:
    """An object of a category with dimensions drawn within their ranges; the same generator, the same object.

    Raises:
        InputError: no such category.
    """
    return _category(category).sample(generator)


def _category(name: str) -> Category:
    if name not in CATEGORIES:
        raise InputError("no such category", where="category", expected=", ".join(CATEGORIES), got=repr(name))
    return CATEGORIES[name]
