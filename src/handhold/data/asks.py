"""What is asked of an object in words, and what each sentence says: part, purpose, what to keep off, what is not there.

Sentences of `handhold.data.instructions` say how a grasp is; those made here add what a user says of parts that no
grasp of the set holds, of parts to be left free, and of parts that the object has not. All wordings are ours.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import torch

from handhold.data.instructions import instructions
from handhold.data.lexicon import DOING_INSTEAD, HELD, NOUNS
from handhold.data.part_words import PART_WORDS, lacking


@dataclass(frozen=True)
class Ask:
    """A sentence and what it says.

    Attributes:
        sentence: the words.
        part: the part that is to be held, where the sentence names one that the object has.
        region: in place of a part, where on the object: a key of `REGIONS`.
        purpose: what for, where the sentence says it.
        free: a part that is to be left free.
        absent: the sentence names a part that the object has not.
    """

    sentence: str
    part: str | None = None
    region: str | None = None
    purpose: str | None = None
    free: str | None = None
    absent: bool = False


@dataclass(frozen=True)
class Words:
    """What an object is called.

    Attributes:
        nouns: the object.
        parts: its parts; one without an entry is the whole object to a speaker.
        lacking: parts that it plainly has not.
    """

    nouns: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]]
    lacking: tuple[str, ...]


@cache
def words_of(category: str) -> Words:
    """Words for a household object.

    Raises:
        KeyError: there is no such category.
    """
    parts = {part: words for (of, part), words in PART_WORDS.items() if of == category}
    return Words(NOUNS[category], parts, lacking(category))


PLAIN = (
    "{hold} {obj} by {part}", "{hold} {part} of {obj}", "{hold} {part}", "{hold} {obj} at {part}", "{part}",
    "put your hand on {part}", "put your fingers on {part} of {obj}", "your fingers go on {part}", "touch {part}",
    "close your hand around {part}", "take {obj} by {part}", "pick {obj} up by {part}", "lift {obj} by {part}",
    "use {part}", "it should be held by {part}", "the hand is on {part} of {obj}", "place the fingers around {part}",
    "a person holds {obj} by {part}", "grasp at {part}", "contact on {part}", "someone with a hand on {part} of {obj}",
    "reach for {part}", "go for {part}", "pinch {part}", "carry {obj} by {part}", "move {obj}, holding {part}",
    "hand me {obj}, holding it by {part}", "only touch {part}", "I want you to grab {part} of {obj}",
    "can you hold {part}?", "with your fingers on {part}, lift {obj}", "{obj}, held by {part}", "{obj} by {part}",
    "thumb and index finger on {part}", "a fist around {part}", "she has her hand on {part}", "grasp point: {part}",
    "with two fingers on {part}", "the robot grips {obj} by {part}", "hand placed on {part} of {obj}",
    "fingertips on {part}",
    "lift {obj} using {part}", "let your hand close around {part} of {obj}", "contact with {part}",
    "get hold of {part}",
    "squeeze {part}", "keep hold of {part}", "pull {part}", "push on {part} of {obj}",
    "wrap your fingers around {part}",
)  # fmt: skip
"""Sentences that name a part; `{part}` comes with its article."""
REGIONS = {
    "top": ("the top", "its top", "the upper part", "the upper end", "the upper half", "the top end"),
    "bottom": (
        "the bottom",
        "its bottom",
        "the lower part",
        "the lower end",
        "the lower half",
        "the base",
        "its foot",
    ),
    "middle": ("the middle", "its middle", "the centre", "the waist", "the middle part", "the midsection"),
    "end": ("one end", "the end", "either end", "one of its ends", "the tip", "the far end"),
    "cap": ("the cap", "its cap", "the pen cap", "the capped end", "the cover", "the top"),
}
"""Places on an object that are no parts of it, and what they are called."""
FREE = (
    "{base}, but leave {part} free", "{base} without touching {part}", "{base}, keep off {part}",
    "do not touch {part}: {base}", "keep {part} free and {base}", "{base}, not by {part}", "{base} but not at {part}",
    "{base}; {part} must stay clear", "avoid {part} and {base}", "{base}, away from {part}",
    "leave {part} alone, {base}",
    "{base} so that {part} stays free", "{base}, and keep your fingers off {part}", "don't hold {part}, {base}",
    "{base} anywhere but {part}", "never mind {part}: {base} somewhere else", "{base} with {part} left uncovered",
    "{base}, no fingers on {part}", "without using {part}, {base}", "{base} instead of {part}",
)  # fmt: skip
WHOLE = (
    "{hold} {obj}", "pick {obj} up", "take {obj}", "show me how to hold {obj}", "how would you hold {obj}?", "{obj}",
    "someone holds {obj}", "a hand holding {obj}", "hold on to {obj}", "get {obj}", "{hold} {obj} however you like",
)  # fmt: skip
HOLD = ("hold", "hold", "grab", "grip", "grasp", "take", "take hold of", "seize", "clasp")
ENDS = (
    "",
    "",
    ".",
    ".",
    "!",
    ", please",
    " please.",
    " firmly",
    " gently",
    " with your right hand",
    " with one hand",
)
IT = ("it", "this", "this thing", "the object", "that object", "the thing", "this one", "the item")
GENERIC = 0.2
"""Share of sentences in which the object goes by no name."""


def names_part(sentence: str, category: str, part: str | None, purpose: str) -> bool:
    """Whether a sentence of the set names the part of its grasp, or leaves no doubt about it ("handle first")."""
    if (category, part, purpose) in HELD or (category, part, purpose) in DOING_INSTEAD:
        return True
    words = [re.escape(word.strip("~+")) for word in PART_WORDS.get((category, part or ""), ())]
    return bool(words) and re.search(rf"\b({'|'.join(words)})\b", sentence.lower()) is not None


def told_asks(
    category: str,
    part: str | None,
    purpose: str,
    grasp_type: str,
    side: str,
    *,
    count: int,
    generator: torch.Generator,
) -> list[Ask]:
    """Sentences about one grasp, about half of them naming its part where that has a name."""
    drawn = instructions(
        category,
        part=part,
        purpose=purpose,
        grasp_type=grasp_type,
        side=side,
        generator=generator,
        count=3 * count,
    )
    draw = _random(generator)
    named = [Ask(s, part, purpose=purpose) for s in drawn if names_part(s, category, part, purpose)]
    bare = [Ask(s, purpose=purpose) for s in drawn if not names_part(s, category, part, purpose)]
    share = min(len(named), max(count // 2, count - len(bare)))
    chosen = [*named[:share], *bare[: count - share]]
    return [_generic(ask, category, draw) for ask in chosen]


def part_asks(words: Words, parts: Sequence[str], *, count: int, generator: torch.Generator) -> list[Ask]:
    """Sentences that name a part that the object has, held by a grasp of the set or not."""
    draw = _random(generator)
    known = [part for part in parts if part in words.parts]
    chosen = [draw.choice(known) for _ in range(count)] if known else []
    return [Ask(_plain(words, _word(words.parts[p], draw), draw), p) for p in chosen]


def region_asks(words: Words, regions: Sequence[str], *, count: int, generator: torch.Generator) -> list[Ask]:
    """Sentences that name a place on the object: top, middle, end."""
    draw = _random(generator)
    chosen = [draw.choice(tuple(regions)) for _ in range(count)] if regions else []
    return [Ask(_plain(words, draw.choice(REGIONS[one]), draw), region=one) for one in chosen]


def absent_asks(words: Words, *, count: int, generator: torch.Generator) -> list[Ask]:
    """Sentences that name a part that the object plainly has not."""
    draw = _random(generator)
    missed = [draw.choice(words.lacking) for _ in range(count)]
    return [Ask(_plain(words, f"the {word}", draw), absent=True) for word in missed]


def free_asks(words: Words, parts: Sequence[str], *, count: int, generator: torch.Generator) -> list[Ask]:
    """Sentences that ask for a part, or for none, and want another left free."""
    draw = _random(generator)
    known = [part for part in parts if part in words.parts]
    asks = []
    for _ in range(count if known else 0):
        free = draw.choice(known)
        others = [part for part in known if part != free]
        part = draw.choice(others) if others and draw.random() < 0.3 else None
        obj = _object(words, draw)
        base = f"{draw.choice(HOLD)} {obj}"
        if part is not None:
            base += f" by {_word(words.parts[part], draw)}"
        sentence = draw.choice(FREE).format(base=base, part=_word(words.parts[free], draw))
        asks.append(Ask(_cased(sentence, draw), part, free=free))
    return asks


def whole_asks(words: Words, *, count: int, generator: torch.Generator) -> list[Ask]:
    """Sentences that say neither part nor purpose."""
    draw = _random(generator)
    return [Ask(_filled(draw.choice(WHOLE), words, "", draw)) for _ in range(count)]


def _plain(words: Words, part: str, draw: random.Random) -> str:
    return _filled(draw.choice(PLAIN), words, part, draw)


def _filled(frame: str, words: Words, part: str, draw: random.Random) -> str:
    sentence = frame.format(hold=draw.choice(HOLD), obj=_object(words, draw), part=part)
    return _cased(sentence + (draw.choice(ENDS) if not sentence.endswith("?") else ""), draw)


def _object(words: Words, draw: random.Random) -> str:
    if draw.random() < 2 * GENERIC:
        return draw.choice(IT)
    noun = draw.choice(words.nouns).rstrip("+")
    return f"{draw.choice(('the', 'the', 'the', 'this', 'my', 'that'))} {noun}"


def _word(words: Sequence[str], draw: random.Random) -> str:
    """ "the handle", "its handle", "one of the bows"."""
    word = draw.choice(words).rstrip("+")
    article = draw.choice(("the", "the", "the", "its"))
    return f"one of {article} {word[1:]}" if word.startswith("~") else f"{article} {word}"


def _generic(ask: Ask, category: str, draw: random.Random) -> Ask:
    """Now and then the object by a pronoun."""
    if draw.random() >= GENERIC:
        return ask
    nouns = "|".join(re.escape(noun.rstrip("+")) for noun in NOUNS[category])
    pattern = rf"\b(the|a|an|this|that|these|those) ({nouns})\b(?!'|\s+(cap|lid))"
    return replace(ask, sentence=re.sub(pattern, draw.choice(IT), ask.sentence, count=1, flags=re.IGNORECASE))


def _cased(sentence: str, draw: random.Random) -> str:
    return sentence if draw.random() < 0.4 else sentence[0].upper() + sentence[1:]


def _random(generator: torch.Generator) -> random.Random:
    return random.Random(int(torch.randint(2**62, (), generator=generator)))
