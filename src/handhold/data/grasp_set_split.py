"""Which part of a grasp set an object belongs to; it follows from the object's number alone."""

from __future__ import annotations

SPLITS = ("train", "val", "test_instance", "test_category")
HELD_OUT = ("camera", "pear", "screwdriver", "teapot", "toothbrush", "wine glass")
"""Categories that are never trained on: a device, a fruit, a tool, a vessel with a handle, a slim thing, a stem."""
ROUNDS = 10
"""Of so many instances of a category, one is for validation and one for testing."""


def split_of(category: str, *, place: int, turn: int) -> str:
    """The split of one instance, one of `SPLITS`.

    Args:
        category: its category.
        place: the category's place in the list of categories; it staggers them, so that every turn has some.
        turn: how many instances of the category come before it.
    """
    if category in HELD_OUT:
        return "test_category"
    return {0: "val", ROUNDS // 2: "test_instance"}.get((turn + place) % ROUNDS, "train")
