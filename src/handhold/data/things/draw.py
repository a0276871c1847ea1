"""A thing, drawn by the tables of `handhold.data.things.words`.

In a thing's frame x is ahead, y to the left and z up; its body lies about the origin.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from handhold.data.things.bodies import BODIES, Draw
from handhold.data.things.forms import FORMS
from handhold.data.things.kinds import KINDS, ZONE, Kind, PartLine
from handhold.data.things.places import anchors, extent
from handhold.data.things.shapes import Solid, points_on
from handhold.data.things.words import COMMON, VAGUE

SIZE = (0.05, 0.30)
"""Longest extent of things [m]."""
ZONES = (0.25, 0.5)
"""How much of a part's extent a zone takes."""
BARE = 0.15
"""Share of things of which nothing is there but the body."""
LEAST = 1 / 400
"""Share of a thing's points that a part has at least, to be asked for."""
OFTEN = 2
"""How much more often the words of `COMMON` are told to be lacking."""

_ALIKE = (
    "rod stick shank column cone long-cone jaw spout crank bar mouth",
    "ball dome cap small-cap wide-cap button weight flare box disc",
    "plate wing long-plate tall-plate strip blades",
    "loop bow long-bow ring",
)
"""Forms that one may take for each other: long, thick, flat, and bent ones."""
_BODY_CLASS = {"tube": 0, "grip": 0, "bar": 0, "flat": 2, "sheet": 2, "arch": 3}
_CLASS = {form: k for k, forms in enumerate(_ALIKE) for form in forms.split()}


@dataclass(frozen=True)
class Thing:
    """A thing's surface and the words for it.

    Attributes:
        kind: what it is.
        points, normals: (P, 3) float32, evenly by area [m].
        part: (P,) int64, number in `parts`; -1 for what is too small to be asked for.
        parts: names.
        lacking: words for parts that it has not.
    """

    kind: Kind
    points: np.ndarray
    normals: np.ndarray
    part: np.ndarray
    parts: tuple[str, ...]
    lacking: tuple[str, ...]


def draw_thing(count: int, generator: torch.Generator) -> Thing:
    """A thing of some kind.

    Args:
        count: how many points.
        generator: source of randomness.
    """
    draw = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    kind = KINDS[draw.integers(len(KINDS))]
    lines: list[PartLine] = []
    while draw.random() >= BARE and not any(line.on == "body" for line in lines):
        lines = [line for line in kind.parts if draw.random() < line.chance]
    solids, forms = _put_together(kind, lines, draw)
    owner = np.array([name for name, made in solids.items() for _ in made])
    points, normals, on = points_on([one for made in solids.values() for one in made], count, generator)
    part = owner[on].astype(object)
    for line in lines:
        if line.forms == ZONE and line.on in solids:
            part[_zone(points, part == line.on, line.where, draw)] = line.name
    names, many = np.unique(part.astype(str), return_counts=True)
    shown = tuple(str(name) for name, n in zip(names, many, strict=True) if n >= max(LEAST * count, 4))
    numbers = {name: k for k, name in enumerate(shown)}
    points = points * (_size(draw) / np.ptp(points, axis=0).max())
    return Thing(
        kind,
        points.astype(np.float32),
        normals.astype(np.float32),
        np.array([numbers.get(name, -1) for name in part]),
        shown,
        _lacking(kind, {*solids, *names.tolist()}, forms),
    )


def _put_together(
    kind: Kind, lines: list[PartLine], draw: Draw
) -> tuple[dict[str, list[Solid]], dict[str, str]]:
    """The solids of the body and of all parts that are no zones, and the forms that these took. A part is left out
    with the part that it would be on."""
    solids: dict[str, list[Solid]] = {"body": [BODIES[kind.body](draw)]}
    forms: dict[str, str] = {}
    for line in lines:
        if line.forms != ZONE and line.on in solids:
            forms[line.name] = str(draw.choice(line.forms))
            solids[line.name] = _added(line, forms[line.name], solids, draw)
    return solids, forms


def _added(line: PartLine, form: str, solids: dict[str, list[Solid]], draw: Draw) -> list[Solid]:
    """The solids of a part, alike wherever it is."""
    body, seed = extent(solids["body"][0]), int(draw.integers(2**62))
    same = lambda: np.random.default_rng(seed)
    return [
        solid
        for parent in solids[line.on]
        for at in anchors(line.where, parent, same())
        for solid in FORMS[form](at, parent, body, same())
    ]


def _size(draw: Draw) -> float:
    low, high = np.log(SIZE)
    return float(np.exp(draw.uniform(low, high)))


def _zone(points: np.ndarray, of: np.ndarray, where: str, draw: Draw) -> np.ndarray:
    """Which points are in a stretch of a part: above, below, ahead, behind."""
    if not of.any():
        return of
    axis, sign = {"top": (2, 1), "bottom": (2, -1), "front": (0, 1), "back": (0, -1)}[where]
    along = sign * points[:, axis]
    low, high = along[of].min(), along[of].max()
    return of & (along > high - draw.uniform(*ZONES) * (high - low))


def _plain(words: tuple[str, ...]) -> set[str]:
    """Words without their marks."""
    return {word.strip("~+") for word in words}


def _tokens(words: Iterable[str]) -> set[str]:
    """The single words of which words are made, without plurals."""
    return {token.removesuffix("s") for word in words for token in word.split()}


def _word_lines() -> dict[str, list[PartLine]]:
    """The lines of the table that have a word, zones apart."""
    found: dict[str, list[PartLine]] = {}
    for line in (line for kind in KINDS for line in kind.parts if line.forms != ZONE):
        for word in _plain(line.words) - VAGUE:
            found.setdefault(word, []).append(line)
    return found


_WORDS = _word_lines()


def _lacking(kind: Kind, have: set[str], forms: dict[str, str]) -> tuple[str, ...]:
    """Words for parts that a thing has not, each as often as a draw should have it: half are of parts that others of
    its kind have at places where it has nothing alike; the rest are of forms that nothing of it is like, and come as
    often as the table has them, for a word that is never missed would be taken for there.

    Args:
        kind: what it is.
        have: its body, its parts and zones.
        forms: of its parts that are no zones.
    """
    lines = {line.name: line for line in kind.parts}
    called = (_plain(line.words) for line in kind.parts if line.name in have or line.forms == ZONE)
    known = _tokens(set().union(_plain(kind.body_words), *called))
    like = {_CLASS[form] for form in forms.values()} | {_BODY_CLASS.get(kind.body, -1)}
    taken = {(lines[name].where, _CLASS[form]) for name, form in forms.items()}
    own = [
        word
        for name, line in lines.items()
        if name not in have
        and line.forms != ZONE
        and not taken & {(line.where, _CLASS[form]) for form in line.forms}
        for word in sorted(_plain(line.words) - VAGUE)
        if not known & _tokens([word])
    ]
    ever = _tokens(word for line in kind.parts for word in _plain(line.words))
    others = [
        word
        for word, told in sorted(_WORDS.items())
        if not like & {_CLASS[form] for line in told for form in line.forms}
        and not (known | ever) & _tokens([word])
        for _ in told
    ]
    missed = own * max(len(others) // max(len(own), 1), 1) + others
    return tuple(word for word in missed for _ in range(OFTEN if word in COMMON else 1))
