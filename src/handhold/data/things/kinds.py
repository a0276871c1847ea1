"""The kinds of things that `handhold.data.things.words` tells of."""

from __future__ import annotations

from dataclasses import dataclass

from handhold.data.things.words import TABLE

ZONE = ("zone",)
"""Forms of a part that is no solid of its own but a stretch of the part it is on."""


@dataclass(frozen=True)
class PartLine:
    """A part that a kind of thing may have.

    Attributes:
        name: the part.
        on: the part it sits on.
        where: a key of `handhold.data.things.places.PLACES`, or "tips".
        forms: keys of `handhold.data.things.forms.FORMS`, one of which it takes; or `ZONE`.
        chance: how often it is there.
        words: what it is called.
    """

    name: str
    on: str
    where: str
    forms: tuple[str, ...]
    chance: float
    words: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A kind of thing.

    Attributes:
        name: the kind.
        nouns: what a thing of it is called.
        body: how its body is shaped, a key of `handhold.data.things.bodies.BODIES`.
        body_words: what that is called.
        parts: what else it may have.
    """

    name: str
    nouns: tuple[str, ...]
    body: str
    body_words: tuple[str, ...]
    parts: tuple[PartLine, ...]


def _kind(text: str) -> Kind:
    head, *lines = text.strip().splitlines()
    name, rest = head.split(":", 1)
    nouns, body, body_words = _cells(rest, by="|")
    parts = tuple(_part(line) for line in lines)
    return Kind(name.strip(), _cells(nouns), body, _cells(body_words), parts)


def _part(line: str) -> PartLine:
    name, place, words = _cells(line, by="|")
    on, where, forms, chance = _cells(place)
    return PartLine(name, on, where, tuple(forms.split()), float(chance), _cells(words))


def _cells(text: str, *, by: str = ",") -> tuple[str, ...]:
    return tuple(cell.strip() for cell in text.split(by))


KINDS: tuple[Kind, ...] = tuple(_kind(text) for text in TABLE.replace("\\\n", "").split("#")[1:])
"""All kinds of things."""
