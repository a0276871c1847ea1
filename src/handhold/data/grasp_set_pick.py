"""Picking grasps of a set to look at: those that match, those of which something is said, a varied draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from handhold.data.grasp_set import GraspSet
from handhold.errors import InputError


def matching(grasps: GraspSet, *, still_held: bool = False, **words: Sequence[str]) -> GraspSet:
    """The grasps for which all that is given holds, at least one.

    Args:
        grasps: the set.
        still_held: only those that a hand holds which stands still.
        words: values by the column's name, as `GraspSet.where` takes them; an empty one leaves all.

    Raises:
        InputError: a value that no grasp has, or no grasp has all of it together; the message says what there is.
    """
    given = {name: list(value) for name, value in words.items() if value}
    found = grasps.where(**given)
    if not len(found):
        raise _none_together(grasps, given)
    if not still_held:
        return found
    held = held_still(found)
    if not len(held):
        raise InputError(
            "no grasp that matches is held by a hand that stands still",
            where=grasps.folder,
            got=f"{len(found)} that are held by squeezing",
        )
    return held


def having(grasps: GraspSet, **words: Sequence[str]) -> GraspSet:
    """As `GraspSet.where`, but perhaps none: values that no grasp has are no mistake."""
    for name, wanted in words.items():
        there = set(grasps.values(name)) & set(wanted)
        grasps = grasps.where(**{name: sorted(there)}) if there else take(grasps, [])
    return grasps


def held_still(grasps: GraspSet) -> GraspSet:
    """The grasps of which a hand that stands still holds the object; perhaps none."""
    return replace(grasps, table=grasps.table.filter(grasps.table["still_held"]))


def take(grasps: GraspSet, indices: Sequence[int]) -> GraspSet:
    """The grasps of these indices, in order."""
    return replace(grasps, table=grasps.table.take(np.asarray(indices, np.int64)))


def saying(grasps: GraspSet, text: str) -> GraspSet:
    """The grasps of which a sentence has the text in it, in capitals or not; perhaps none."""
    text = " ".join(text.lower().split())
    if not text:
        return grasps
    told = grasps.table["instructions"].to_pylist()
    has = [any(text in sentence.lower() for sentence in sentences or ()) for sentences in told]
    return take(grasps, np.flatnonzero(has).tolist())


def varied(grasps: GraspSet, *, generator: torch.Generator) -> list[int]:
    """All indices in a random order that soon shows everything: categories take turns; in a category, its objects
    take turns; of an object, its parts and types."""
    order = torch.randperm(len(grasps), generator=generator).tolist()
    for names in (("object_id", "part", "type"), ("object_id",), ("category",)):
        order = _in_turns(grasps, names, order)
    return order


def one_each(grasps: GraspSet, name: str, *, generator: torch.Generator) -> list[int]:
    """An index for every value of a column, by value; which one is random."""
    values, first = grasps.table[name].to_pylist(), {}
    for index in varied(grasps, generator=generator):
        first.setdefault(values[index], index)
    return [first[value] for value in sorted(first, key=str)]


def _in_turns(grasps: GraspSet, names: tuple[str, ...], order: list[int]) -> list[int]:
    """All firsts of their kind, then all seconds, ...; otherwise in the order given."""
    kinds = list(zip(*(grasps.table[name].to_pylist() for name in names), strict=True))
    before: Counter[tuple[str | None, ...]] = Counter()
    turn = {}
    for index in order:
        turn[index] = before[kinds[index]]
        before[kinds[index]] += 1
    return sorted(order, key=turn.__getitem__)


def _none_together(grasps: GraspSet, given: dict[str, list[str]]) -> InputError:
    """Which of the conditions leaves nothing, and what there is without it."""
    left, said = grasps, []
    for name, wanted in given.items():
        after = having(left, **{name: wanted})
        if not len(after):
            return InputError(
                f"no grasp with {' and '.join(said)} has this {name}",
                where=grasps.folder,
                expected=", ".join(left.values(name)) or f"none: these have no {name}",
                got=", ".join(wanted),
            )
        left = after
        said.append(f"{name} {' or '.join(wanted)}")
    raise AssertionError("the conditions leave some grasps")
