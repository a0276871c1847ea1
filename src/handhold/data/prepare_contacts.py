"""Objects, sentences and where hands touch for them, made from a grasp set: what the contact network trains on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from handhold.data.asks import (
    Ask,
    Words,
    absent_asks,
    free_asks,
    part_asks,
    region_asks,
    told_asks,
    whole_asks,
    words_of,
)
from handhold.data.contact_maps import (
    Touched,
    Wanted,
    maps_of,
    matching,
    points_of,
    regions_of,
    touched,
    untouched,
)
from handhold.data.grasp_rows import check_hands
from handhold.data.grasp_set import GraspSet
from handhold.data.part_words import PART_WORDS
from handhold.data.purposes import PURPOSES
from handhold.data.things import Thing, draw_thing
from handhold.errors import HandholdError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.models.contact.rows import POINTS, AskRows, ContactRows, TouchRows
from handhold.models.grasp_rows import mirror_hands
from handhold.objects.household import CATEGORIES, HouseholdObject, sample

TOLD, NAMED, ABSENT, FREE, WHOLE = 3, 8, 6, 8, 2
"""Sentences: for each part, purpose and grasp type of an object; for an object's parts, for parts that it has not,
for parts to be left free, for no part at all."""
PLACED = 3
"""Sentences for places on an object that are no parts."""

Touch = Callable[[GraspSet, Sequence[int], int], Touched]
"""A set, rows of one object and how many points, to what these grasps touch."""


@dataclass(frozen=True)
class _Facts:
    """What the table says of the grasps of one object; nothing where nobody has held it."""

    category: str
    part: list[str | None] = field(default_factory=list)
    purpose: list[str] = field(default_factory=list)
    type: list[str] = field(default_factory=list)
    side: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Taught:
    """An object and what is asked of it, numbers counted from its own first map, skin map and grasp.

    Attributes:
        name: of the object.
        found: its points, and what its grasps touch, in bits.
        sentences: A of them.
        numbers: (A, 4) map, skin map, part (-1 for none), whether something is absent; see `AskRows`.
        maps: (M, P) uint8.
        groups: M tuples of the grasps that a map is the mean of.
        skins: (H, V) uint8.
    """

    name: str
    found: Touched
    sentences: list[str]
    numbers: np.ndarray
    maps: np.ndarray
    groups: list[tuple[int, ...]]
    skins: np.ndarray


def prepare_contacts(
    grasps: GraspSet,
    *,
    more: int = 16,
    things: int = 0,
    seed: int = 0,
    points: int = POINTS,
    progress: Callable[[int, int], None] | None = None,
    touch: Touch = touched,
) -> ContactRows:
    """Contact maps and sentences of all objects of a set.

    Args:
        grasps: the set, or some of it.
        more: so many further objects are made for each part of its categories that has a name, without grasps: they
            teach what parts are called, and which are not there.
        things: so many things are put together of plain solids, without grasps: they teach that words for parts mean
            shapes and places, on objects of no category.
        seed: of sentences, further objects and things.
        points: of each object.
        progress: is called with how many objects are done, and how many there are.
        touch: how contact is told.

    Returns:
        The set's own objects first, in the order of its table.

    Raises:
        InputError: there are no grasps, or they are of another hand than this handhold's.
    """
    check_hands(grasps)
    shapes, solids, *words = (torch.Generator().manual_seed(seed + k) for k in range(5))
    own: dict[str, list[int]] = {}
    for k, name in enumerate(grasps.table["object_id"].to_pylist()):
        own.setdefault(name, []).append(k)
    further = {name: more * len(named_parts(name)) for name in grasps.values("category")}
    count = len(own) + sum(further.values()) + things
    taught: list[_Taught] = []
    for one in chain(
        _of_set(grasps, own, points=points, touch=touch, words=words[0]),
        _of_categories(further, points, shapes=shapes, words=words[1]),
        _of_things(things, points, solids=solids, words=words[2]),
    ):
        taught.append(one)
        if progress:
            progress(len(taught), count)
    return _joined(taught, grasps, [k for rows in own.values() for k in rows])


def named_parts(category: str) -> list[str]:
    """Parts that have names, or the whole."""
    return [p.name for p in CATEGORIES[category].parts if (category, p.name) in PART_WORDS] or [category]


def _of_set(
    grasps: GraspSet, own: dict[str, list[int]], *, points: int, touch: Touch, words: torch.Generator
) -> Iterator[_Taught]:
    """Objects of the set, each with its rows."""
    told = {name: grasps.table[name].to_pylist() for name in ("category", "part", "purpose", "type", "side")}
    for name, rows in own.items():
        of = {key: [values[k] for k in rows] for key, values in told.items()}
        facts = _Facts(of.pop("category")[0], **of)
        found = touch(grasps, rows, points)
        yield _taught(name, found, facts, _asked(found, facts, words))


def _of_categories(
    counts: dict[str, int], points: int, *, shapes: torch.Generator, words: torch.Generator
) -> Iterator[_Taught]:
    """So many new objects of each category."""
    for category, count in counts.items():
        facts = _Facts(category)
        for k in range(count):
            found = points_of(_drawn(category, shapes), points)
            yield _taught(f"{category} {k}", found, facts, _asked(found, facts, words))


def _of_things(
    count: int, points: int, *, solids: torch.Generator, words: torch.Generator
) -> Iterator[_Taught]:
    """So many things put together of plain solids."""
    for k in range(count):
        thing = draw_thing(points, solids)
        found = untouched(thing.points, thing.normals, thing.part, thing.parts)
        name = thing.kind.name
        yield _taught(f"thing {k}: {name}", found, _Facts(name), _asked_of_thing(thing, found, words))


def _drawn(category: str, generator: torch.Generator) -> HouseholdObject:
    """An object of a category; dimensions that give no mesh are drawn again."""
    for _ in range(20):
        try:
            return sample(category, generator)
        except HandholdError:
            continue
    return CATEGORIES[category].make()


def _taught(name: str, found: Touched, facts: _Facts, asks: list[tuple[Ask, str | None]]) -> _Taught:
    """What is asked of an object, and the answers."""
    maps: dict[Wanted, int] = {}
    skins: dict[tuple[int, ...], int] = {}
    sentences, numbers = [], []
    held = {use.part for use in PURPOSES.get(facts.category, ())}
    for ask, kind in asks:
        at = matching(ask, found, part=facts.part, purpose=facts.purpose)
        target = skin = -1
        if ask.region is not None:
            target = maps.setdefault(((), ask.region, None), len(maps))
        elif at:
            target = maps.setdefault((at, None, ask.free), len(maps))
            same = tuple(k for k in at if kind is None or facts.type[k] == kind)
            skin = skins.setdefault(same or at, len(skins))
        elif ask.part is not None and ask.part not in held:
            # nobody holds it, so it is touched all over; where a part that people do hold is touched, grasps know
            target = maps.setdefault((at, ask.part, ask.free), len(maps))
        part = -1 if ask.part is None else found.parts.index(ask.part)
        sentences.append(ask.sentence)
        numbers.append((target, skin, part, ask.absent))
    vertices = found.skin.shape[1]
    skin_maps = [found.skin[list(at)].mean(0) * 255 for at in skins]
    return _Taught(
        name,
        replace(found, object=np.packbits(found.object, axis=-1), skin=np.packbits(found.skin, axis=-1)),
        sentences,
        np.array(numbers),
        maps_of(found, list(maps)),
        [at for at, _, _ in maps],
        np.array(skin_maps).astype(np.uint8).reshape(-1, vertices),
    )


def _asked(found: Touched, facts: _Facts, generator: torch.Generator) -> list[tuple[Ask, str | None]]:
    """Sentences, and the grasp type of those that may say one."""
    category = facts.category
    asks: list[tuple[Ask, str | None]] = []
    ways = dict.fromkeys(zip(facts.part, facts.purpose, facts.type, facts.side, strict=True))
    for part, purpose, kind, side in ways:
        told = told_asks(category, part, purpose, kind, side, count=TOLD, generator=generator)
        asks += [(ask, kind) for ask in told]
    untyped = _named(words_of(category), found, category, generator)
    if ways:
        untyped += free_asks(words_of(category), found.parts, count=FREE, generator=generator)
        untyped += whole_asks(words_of(category), count=WHOLE, generator=generator)
    return asks + [(ask, None) for ask in untyped]


def _asked_of_thing(thing: Thing, found: Touched, generator: torch.Generator) -> list[tuple[Ask, str | None]]:
    """Sentences about a thing that nobody has held."""
    kind = thing.kind
    words = Words(
        kind.nouns, {line.name: line.words for line in kind.parts} | {"body": kind.body_words}, thing.lacking
    )
    asks = _named(words, found, kind.name, generator)
    asks += [ask for ask in free_asks(words, found.parts, count=FREE, generator=generator) if ask.part]
    return [(ask, None) for ask in asks]


def _named(words: Words, found: Touched, category: str, generator: torch.Generator) -> list[Ask]:
    """Sentences that name parts of an object, parts that it has not, and places on it."""
    asks = part_asks(words, found.parts, count=NAMED, generator=generator)
    asks += absent_asks(words, count=ABSENT if words.lacking else 0, generator=generator)
    return asks + region_asks(words, regions_of(found, category), count=PLACED, generator=generator)


def _joined(taught: list[_Taught], grasps: GraspSet, own: list[int]) -> ContactRows:
    """All objects as tensors, numbers counted through; `own` are the rows of the set that their grasps are."""
    sentences: dict[str, int] = {}
    asks, groups, start = [], [], np.zeros(3, np.int64)
    for k, thing in enumerate(taught):
        told = np.array([sentences.setdefault(said, len(sentences)) for said in thing.sentences])
        target, skin, part, absent = thing.numbers.T
        first_map, first_skin, first_grasp = start
        place = np.where(target < 0, -1, target + first_map)
        asks.append(
            (told, np.full(len(told), k), place, np.where(skin < 0, -1, skin + first_skin), part, absent)
        )
        groups += [torch.tensor(at, dtype=torch.long) + int(first_grasp) for at in thing.groups]
        start += (len(thing.maps), len(thing.skins), len(thing.found.object))
    sentence, obj, target, skin, part, absent = (
        torch.from_numpy(np.concatenate(c)) for c in zip(*asks, strict=True)
    )
    stack = lambda name: torch.from_numpy(np.stack([getattr(thing.found, name) for thing in taught]))
    cat = lambda arrays: torch.from_numpy(np.concatenate(arrays))
    left = torch.tensor([grasps.table["side"][k].as_py() == "left" for k in own])
    return ContactRows(
        points=stack("points"),
        normals=stack("normals"),
        parts=stack("part").short(),
        maps=cat([thing.maps for thing in taught]),
        skin_maps=cat([thing.skins for thing in taught]),
        groups=tuple(groups),
        asks=AskRows(sentence, obj, target, skin, part, absent.bool()),
        touches=TouchRows(
            _hands(grasps, own, left),
            left,
            cat([thing.found.object for thing in taught]),
            cat([thing.found.skin for thing in taught]),
        ),
        sentences=tuple(sentences),
        names=tuple(thing.name for thing in taught),
    )


def _hands(grasps: GraspSet, own: Sequence[int], left: Tensor) -> HandState:
    """Hands in their objects' frames, left ones in the mirror."""
    params = grasps.params[torch.tensor(own)]
    states = {side: HandState.from_params(Hand.open(side), params) for side in ("right", "left")}
    return mirror_hands(states["left"].where(left, states["right"]), left)
