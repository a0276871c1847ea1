"""Parametric household objects with named parts, built by exact booleans."""

from handhold.objects.household.category import Category
from handhold.objects.household.parts import HouseholdObject, Part, PartedObject, load_parts, save_parts
from handhold.objects.household.registry import CATEGORIES, make, sample

__all__ = [
    "CATEGORIES",
    "Category",
    "HouseholdObject",
    "Part",
    "PartedObject",
    "load_parts",
    "make",
    "sample",
    "save_parts",
]
