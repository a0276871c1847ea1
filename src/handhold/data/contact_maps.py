"""Where the hands of a grasp set touch its objects: for a part, a purpose, a sentence.

The truth for a part and a purpose is the mean contact over all grasps of an object for it, cut at half its maximum.
Contact is within 3 mm. A set has some ten grasps for each, and the mean over ten footprints is a patchwork: made
again from other grasps of the same kind it agrees with itself to an IoU of 0.2. What training learns is the mean
seen through a window about as wide as the pad of a finger (`PAD`), which agrees with itself to 0.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from handhold.data.asks import (
    Ask,
    absent_asks,
    free_asks,
    part_asks,
    region_asks,
    told_asks,
    whole_asks,
)
from handhold.data.grasp_rows import check_hands
from handhold.data.grasp_set import GraspSet
from handhold.data.part_words import PART_WORDS
from handhold.data.purposes import PURPOSES
from handhold.errors import HandholdError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import CONTACT_MM
from handhold.models.contact.rows import POINTS, AskRows, ContactRows, TouchRows
from handhold.models.grasp_rows import mirror_hands
from handhold.objects.household import CATEGORIES, HouseholdObject, sample

PAD = 0.010
"""Standard deviation of the window through which contact is seen [m]: half the width of a finger's pad."""
TOLD, NAMED, ABSENT, FREE, WHOLE = 3, 8, 6, 8, 2
"""Sentences: for each part, purpose and grasp type of an object; for an object's parts, for parts that it has not,
for parts to be left free, for no part at all."""
PLACED = 3
"""Sentences for places on an object that are no parts."""
UPRIGHT, LONG = 1.2, 2.5
"""An object is upright, or long, if it is so many times as high as wide, or as long as thick."""
KEPT_OFF = 0.05
"""A grasp with less than this share of what it touches on a part leaves that part free."""


@dataclass(frozen=True)
class Touched:
    """An object and what its grasps touch.

    Attributes:
        points, normals: (P, 3) float32, evenly by area.
        part: (P,) int64, number in `parts`.
        parts: names.
        object: (n, P) bool, points within 3 mm of each hand.
        skin: (n, V) bool, vertices of each hand within 3 mm of the object.
    """

    points: np.ndarray
    normals: np.ndarray
    part: np.ndarray
    parts: tuple[str, ...]
    object: np.ndarray
    skin: np.ndarray


def points_of(found: HouseholdObject, count: int = POINTS) -> Touched:
    """An object without grasps."""
    drawn = found.mesh.sample(count, torch.Generator().manual_seed(0))
    return Touched(
        drawn.points.numpy().astype(np.float32),
        drawn.normals.numpy().astype(np.float32),
        found.face_parts[drawn.face.numpy()],
        tuple(part.name for part in found.parts),
        np.zeros((0, count), bool),
        np.zeros((0, len(Hand.open("right").template)), bool),
    )


@torch.no_grad()
def touched(grasps: GraspSet, rows: Sequence[int], count: int = POINTS) -> Touched:
    """What grasps touch that are all of one object."""
    obj = grasps.object(grasps.row(rows[0]).object_id)
    bare = points_of(obj, count)
    on_object, skin = np.zeros((len(rows), count), bool), []
    for k, grasp in enumerate(grasps.grasps(rows)):
        (frame,) = HandObject.of_grasp(grasp).frames()
        skin.append(np.abs(frame.signed) * 1e3 <= CONTACT_MM)
        reach = CONTACT_MM * 1e-3
        low, high = frame.vertices.min(0) - reach, frame.vertices.max(0) + reach
        near = np.flatnonzero(((bare.points >= low) & (bare.points <= high)).all(1))
        if len(near):
            on_object[k, near] = frame.hand_distance.unsigned(bare.points[near].astype(float)) <= reach
    return Touched(bare.points, bare.normals, bare.part, bare.parts, on_object, np.stack(skin))


def widened(points: np.ndarray, values: np.ndarray, *, width: float = PAD) -> np.ndarray:
    """Values (n, P) at points (P, 3) seen through a Gaussian window of this standard deviation [m]."""
    from scipy.spatial import KDTree

    if width == 0:
        return values
    few = points[::4]
    tree = KDTree(few)
    weights = tree.sparse_distance_matrix(tree, 3 * width, output_type="coo_matrix").tocsr()
    weights.data = np.exp(-0.5 * (weights.data / width) ** 2)
    weights.setdiag(1.0)
    seen = (weights @ values[:, ::4].T) / weights.sum(1).reshape(-1, 1)
    distance, nearest = tree.query(points, k=3)
    share = 1 / np.maximum(distance, 1e-6)
    share /= share.sum(1, keepdims=True)
    return (np.asarray(seen)[nearest] * share[..., None]).sum(1).T


def cut(mean: np.ndarray) -> np.ndarray:
    """A mean contact (..., P) at half its maximum, bool; nowhere where there is none."""
    most = mean.max(-1, keepdims=True)
    return (mean >= 0.5 * most) & (most > 0)


Touch = Callable[[GraspSet, Sequence[int]], Touched]


@dataclass(frozen=True)
class _Facts:
    """What the table says of the grasps of one object."""

    category: str
    part: list[str | None]
    purpose: list[str]
    type: list[str]
    side: list[str]


@dataclass(frozen=True)
class _Thing:
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
    more: int = 12,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    touch: Touch = touched,
) -> ContactRows:
    """Contact maps and sentences of all objects of a set.

    Args:
        grasps: the set, or some of it.
        more: so many further objects are made for each part of its categories that has a name, without grasps: they
            teach what parts are called, and which are not there.
        seed: of sentences and further objects.
        progress: is called with how many objects are done, and how many there are.
        touch: how contact is told.

    Returns:
        The set's own objects first, in the order of its table.

    Raises:
        InputError: there are no grasps, or they are of another hand than this handhold's.
    """
    check_hands(grasps)
    table = {
        n: grasps.table[n].to_pylist() for n in ("object_id", "category", "part", "purpose", "type", "side")
    }
    own: dict[str, list[int]] = {}
    for k, name in enumerate(table["object_id"]):
        own.setdefault(name, []).append(k)
    categories = sorted(set(table["category"]))
    count = len(own) + sum(more * len(named_parts(category)) for category in categories)
    words, shapes = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed + 1)
    things: list[_Thing] = []

    def add(name: str, found: Touched, facts: _Facts) -> None:
        things.append(_thing(name, found, facts, words))
        if progress:
            progress(len(things), count)

    for name, rows in own.items():
        column = lambda of, rows=rows: [table[of][k] for k in rows]
        facts = _Facts(
            table["category"][rows[0]], column("part"), column("purpose"), column("type"), column("side")
        )
        add(name, touch(grasps, rows), facts)
    for category in categories:
        for k in range(more * len(named_parts(category))):
            add(f"{category} {k}", points_of(_drawn(category, shapes)), _Facts(category, [], [], [], []))
    return _joined(things, grasps, [k for rows in own.values() for k in rows])


def named_parts(category: str) -> list[str]:
    """Parts that have names, or the whole."""
    return [p.name for p in CATEGORIES[category].parts if (category, p.name) in PART_WORDS] or [category]


def _drawn(category: str, generator: torch.Generator) -> HouseholdObject:
    """An object of a category; dimensions that give no mesh are drawn again."""
    for _ in range(20):
        try:
            return sample(category, generator)
        except HandholdError:
            continue
    return CATEGORIES[category].make()


def _thing(name: str, found: Touched, facts: _Facts, generator: torch.Generator) -> _Thing:
    """What is asked of an object, and the answers."""
    maps: dict[tuple, int] = {}
    skins: dict[tuple[int, ...], int] = {}
    sentences, numbers = [], []
    held = {use.part for use in PURPOSES.get(facts.category, ())}
    for ask, kind in _asked(found, facts, generator):
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
    size, vertices = found.object.shape[1], found.skin.shape[1]
    told = [map_of(found, at, part=part, free=free) for at, part, free in maps]
    skin_maps = [found.skin[list(at)].mean(0) * 255 for at in skins]
    return _Thing(
        name,
        replace(found, object=np.packbits(found.object, axis=-1), skin=np.packbits(found.skin, axis=-1)),
        sentences,
        np.array(numbers),
        np.array(told, np.uint8).reshape(-1, size),
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
    untyped = part_asks(category, found.parts, count=NAMED, generator=generator)
    untyped += absent_asks(category, count=ABSENT, generator=generator)
    untyped += region_asks(category, regions_of(found, category), count=PLACED, generator=generator)
    if ways:
        untyped += free_asks(category, found.parts, count=FREE, generator=generator)
        untyped += whole_asks(category, count=WHOLE, generator=generator)
    return asks + [(ask, None) for ask in untyped]


def matching(
    ask: Ask, found: Touched, *, part: Sequence[str | None], purpose: Sequence[str]
) -> tuple[int, ...]:
    """Numbers of the grasps of an object that do what a sentence says; its purpose counts only where some do.

    Args:
        ask: the sentence.
        found: what the grasps touch.
        part, purpose: of each grasp.
    """
    if ask.absent or ask.region is not None or not len(part):
        return ()
    right = np.ones(len(part), bool)
    if ask.part is not None:
        right &= np.array([one == ask.part for one in part])
    if ask.free is not None:
        on_part = found.part == found.parts.index(ask.free)
        right &= found.object[:, on_part].sum(1) < KEPT_OFF * np.maximum(found.object.sum(1), 1)
    for_it = right & np.array([one == ask.purpose for one in purpose])
    wanted = for_it if ask.purpose is not None and for_it.any() else right
    return tuple(np.flatnonzero(wanted).tolist())


def map_of(found: Touched, at: Sequence[int], *, part: str | None, free: str | None) -> np.ndarray:
    """Where hands touch, relative to where they do most: (P,) uint8.

    Args:
        found: the object.
        at: the grasps that tell it.
        part: tells it where there are none, or a place of `REGIONS`.
        free: a part where nothing touches.
    """
    if len(at):
        mean = widened(found.points, found.object[list(at)].mean(0, keepdims=True))[0]
    elif part in found.parts:
        mean = (found.part == found.parts.index(part)).astype(float)
    else:
        mean = region_of(found, part or "").astype(float)
    if free is not None:
        mean = mean * (found.part != found.parts.index(free))
    return (255 * mean / max(mean.max(), 1e-9)).astype(np.uint8)


def regions_of(found: Touched, category: str) -> tuple[str, ...]:
    """The places of `REGIONS` that an object has: top and bottom if it is upright, middle and ends if it is long."""
    size = np.ptp(found.points, axis=0)
    regions = ("top", "bottom", "middle") if size[2] > UPRIGHT * size[:2].max() else ()
    _, spread, _ = np.linalg.svd(found.points - found.points.mean(0), full_matrices=False)
    if spread[0] > LONG * spread[1]:
        regions = (*regions, "middle", "end")
    return (*dict.fromkeys(regions), *(("cap",) if category == "pen" else ()))


def region_of(found: Touched, region: str) -> np.ndarray:
    """The points of a place on an object, (P,) bool: a part of its length from above, from the middle, or from the
    ends; of a pen's cap, from the end that does not write."""
    points = found.points - found.points.mean(0)
    axis = np.linalg.svd(points, full_matrices=False)[2][0]
    upright = region in ("top", "bottom") or np.ptp(found.points, axis=0).argmax() == 2
    along = points[:, 2] if upright else points @ axis
    if region == "cap":
        tip = found.part == found.parts.index("point")
        along = points @ axis * np.sign((points @ axis)[tip].mean()) * -1
    share = (along - along.min()) / max(np.ptp(along), 1e-9)
    return {
        "top": share > 0.65,
        "bottom": share < 0.35,
        "middle": abs(share - 0.5) < 0.17,
        "end": abs(share - 0.5) > 0.3,
        "cap": share > 0.6,
    }[region]


def _joined(things: list[_Thing], grasps: GraspSet, own: list[int]) -> ContactRows:
    """All objects as tensors, numbers counted through; `own` are the rows of the set that their grasps are."""
    sentences: dict[str, int] = {}
    asks, groups, start = [], [], np.zeros(3, np.int64)
    for k, thing in enumerate(things):
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
    stack = lambda name: torch.from_numpy(np.stack([getattr(thing.found, name) for thing in things]))
    cat = lambda arrays: torch.from_numpy(np.concatenate(arrays))
    left = torch.tensor([grasps.table["side"][k].as_py() == "left" for k in own])
    return ContactRows(
        points=stack("points"),
        normals=stack("normals"),
        parts=stack("part").short(),
        maps=cat([thing.maps for thing in things]),
        skin_maps=cat([thing.skins for thing in things]),
        groups=tuple(groups),
        asks=AskRows(sentence, obj, target, skin, part, absent.bool()),
        touches=TouchRows(
            _hands(grasps, own, left),
            left,
            cat([thing.found.object for thing in things]),
            cat([thing.found.skin for thing in things]),
        ),
        sentences=tuple(sentences),
        names=tuple(thing.name for thing in things),
    )


def _hands(grasps: GraspSet, own: Sequence[int], left: Tensor) -> HandState:
    """Hands in their objects' frames, left ones in the mirror."""
    params = grasps.params[torch.tensor(own)]
    states = {side: HandState.from_params(Hand.open(side), params) for side in ("right", "left")}
    return mirror_hands(states["left"].where(left, states["right"]), left)
