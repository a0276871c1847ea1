"""Sentences that say how to hold a household object: commands, requests, descriptions and notes.

A sentence is put together from a frame and from words (`handhold.data.lexicon`). It says nothing that its grasp does
not have, and it need not say everything: part, purpose, hand and grasp type are each left out now and then. All
wordings are ours.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import torch

from handhold.data.frames import (
    COMMANDS,
    DIRECT,
    FINGERS,
    FIXED,
    HANDED,
    HANDLESS,
    OPENINGS,
    PLAIN_COMMANDS,
    PLAIN_REPORTS,
    REPORTS,
    REQUESTS,
)
from handhold.data.lexicon import (
    DOING,
    DOING_HERE,
    DOING_INSTEAD,
    FIRM,
    HELD,
    HOW,
    NOUNS,
    PARTS,
    STILL,
    VERBS,
)
from handhold.errors import InputError

PATIENCE = 400
"""Draws in a row that give nothing new, before there are said to be no more sentences."""


@dataclass(frozen=True)
class _Facts:
    category: str
    part: str | None
    purpose: str | None
    grasp_type: str
    side: str


def instructions(
    category: str,
    *,
    part: str | None,
    purpose: str | None,
    grasp_type: str,
    side: str,
    generator: torch.Generator,
    count: int = 4,
) -> tuple[str, ...]:
    """Different sentences for one grasp.

    Args:
        category: of the object, a name of the household `CATEGORIES`.
        part: what is touched; None, or a part that has no word of its own, is not named.
        purpose: what the grasp is for; None for a grasp as such.
        grasp_type: a name of `GRASP_TYPES`.
        side: "right" or "left".
        generator: source of randomness; the same one gives the same sentences.
        count: how many.

    Returns:
        `count` sentences, no two alike but for case and stop.

    Raises:
        InputError: an unknown category, purpose, type or side, or more sentences are wanted than there are.
    """
    for where, name, known in (
        ("category", category, NOUNS),
        ("purpose", purpose, (*DOING, None)),
        ("grasp_type", grasp_type, HOW),
        ("side", side, ("right", "left")),
    ):
        if name not in known:
            raise InputError(
                "there are no words for it", where=where, expected=", ".join(map(str, known)), got=name
            )
    facts = _Facts(category, part, purpose, grasp_type, side)
    draw = random.Random(int(torch.randint(2**62, (), generator=generator)))
    found: dict[str, str] = {}
    vain = 0
    while len(found) < count and vain < PATIENCE:
        sentence = _sentence(facts, draw)
        key = re.sub(r"\W+", " ", sentence).strip().lower()
        vain = vain + 1 if key in found else 0
        found.setdefault(key, sentence)
    if len(found) < count:
        raise InputError("there are not so many sentences", where="count", expected=len(found), got=count)
    return tuple(found.values())


def _sentence(facts: _Facts, draw: random.Random) -> str:
    """One draw."""
    report = draw.random() < 0.3
    if facts.purpose is None or draw.random() < 0.15:
        frames = PLAIN_REPORTS if report else PLAIN_COMMANDS
    elif report:
        frames = REPORTS
    else:
        frames = COMMANDS if draw.random() < 0.7 else OPENINGS
    frame, goal = _frame_and_goal(facts, frames, draw)
    sentence = frame.format_map(_slots(facts, frame, goal, draw=draw, report=report))
    ending = "."
    if frame.startswith(("{hold}", "{do_obj}")) and not report and draw.random() < 0.45:
        request = draw.choice([r for r in REQUESTS if not (r.startswith("show me") and " me" in sentence)])
        sentence = request.format(sentence)
        ending = "" if sentence.endswith("?") else "."
    if draw.random() < 0.25 and "I " not in sentence:
        return sentence.rstrip("?")
    return sentence[0].upper() + sentence[1:] + ending


def _frame_and_goal(facts: _Facts, frames: tuple[str, ...], draw: random.Random) -> tuple[str, str | None]:
    """A frame and what is done, that go together."""
    if facts.purpose is None:
        return draw.choice(frames), None
    goals = _goals(facts.category, facts.part or "", facts.purpose)
    told = frames in (COMMANDS, OPENINGS)
    while True:
        frame, goal = draw.choice(frames), draw.choice(goals)
        if (told or not goal.startswith("*")) and _go_together(frame, goal, facts.purpose):
            return frame, goal


def _go_together(frame: str, goal: str, purpose: str) -> bool:
    if "{obj}" in goal and "{do_obj}" not in frame and "{doing_obj}" not in frame:
        return False
    if "for {doing" in frame:
        return purpose not in DIRECT and " for " not in goal and not goal.startswith(("use", "keep", "get"))
    if frame == "{do_obj}{mods}":
        return purpose in DIRECT and "," not in goal
    if frame.endswith("ing_obj}{hand}") or frame == "{do_obj}{hand}" or frame.startswith("use"):
        apart = "hand" in goal.replace("handle", "").replace("hand|handing", "")
        return purpose not in HANDLESS and not apart and "," not in goal and not goal.startswith("use")
    return "," not in goal or frame in (
        "{do_obj}",
        "{hold} to {do}",
        "{hold} and {do}",
        "{hold} in order to {do}",
    )


def _goals(category: str, part: str, purpose: str) -> tuple[str, ...]:
    for key in ((category, part, purpose), (category, "*", purpose)):
        if key in DOING_INSTEAD:
            return DOING_INSTEAD[key]
    return DOING[purpose] + 2 * DOING_HERE.get((category, purpose), ())


@dataclass(frozen=True)
class _Named:
    """What an object is called in one sentence: by name, by pronoun, and what of it is held.

    Attributes:
        noun: "mug".
        obj: "the mug".
        it: "it".
        its: "its".
        thing: what is held, by name: "the mug" or "the handle of the mug".
        thing_it: the same where the object was named before.
        closed_on: pronoun of what is held.
        be: "is" or "are", of what is held.
        part: the word for the part if it may still be named, else ""; "~" before it is one of several.
        firm: nothing that is picked up.
    """

    noun: str
    obj: str
    it: str
    its: str
    thing: str
    thing_it: str
    closed_on: str
    be: str
    part: str
    firm: bool


def _named(facts: _Facts, goal: str | None, draw: random.Random, *, report: bool) -> _Named:
    held = HELD.get((facts.category, facts.part or "", facts.purpose or ""))
    # What is done does not name the object ("open the door"): "it" would be the door.
    unnamed = goal is not None and "{it}" not in goal and "{obj}" not in goal
    names = held or NOUNS[facts.category]
    noun = names[0] if held and unnamed else draw.choice(names[1:] if held else names)
    noun, plural = noun.rstrip("+"), noun.endswith("+")
    obj = f"{'the' if held else _determiner(noun, plural, draw, report=report)} {noun}"
    it, its = ("them", "their") if plural or noun.startswith("pair of") else ("it", "its")
    firm = held is not None or facts.category in FIXED or facts.purpose in ("open", "cook")
    words = () if held else PARTS.get((facts.category, facts.part or ""), ())
    part = draw.choice(words) if words else ""
    if not part or draw.random() < 0.75:
        thing_it = obj if unnamed else it
        be = "are" if plural else "is"
        return _Named(noun, obj, it, its, obj, thing_it, it, be, part.rstrip("+"), firm)
    several, part = part.endswith("+"), part.rstrip("+")
    whose = obj + ("'" if it == "them" else "'s")
    thing = draw.choice((f"{_the(part)} of {obj}", _the(part, whose)))
    thing_it = _the(part, draw.choice((its, "the")))
    closed_on = "them" if several else "it"
    return _Named(noun, obj, it, its, thing, thing_it, closed_on, "are" if several else "is", "", True)


def _the(part: str, whose: str = "the") -> str:
    """ "the handle", "its handle", "one of the bows"."""
    return f"one of {whose} {part[1:]}" if part.startswith("~") else f"{whose} {part}"


def _slots(
    facts: _Facts, frame: str, goal: str | None, *, draw: random.Random, report: bool
) -> dict[str, str]:
    """What fills the frames."""
    name = _named(facts, goal, draw, report=report)
    your = "the" if report else draw.choice(("your", "your", "the"))
    lasting = "{holding_it}" in frame or " while " in frame
    spoken = {name.part.split(" ")[-1], name.thing.split(" ")[-1], (goal or "").lstrip("*").split("|")[0]}
    verbs = [v for v in VERBS if v[0].split(" ")[0] not in spoken]
    verbs = [v for v in verbs if (not name.firm or v[0] in FIRM) and (not lasting or v[0] in STILL)]
    verb = draw.choice(verbs)
    bare = "_it}" in frame or goal is None or frame in PLAIN_COMMANDS + PLAIN_REPORTS
    least = int(bare and name.thing == name.obj)
    handed = HANDED.search(frame) is not None
    mods = _mods(facts, draw, name, verb=verb[0].split(" ")[0], your=your, least=least, handed=handed)
    if frame == "{do_obj}{mods}":
        mods = (
            mods.replace(" at ", " by ")
            .replace(" around the ", " by the ")
            .replace(" around its ", " by its ")
        )
    base, ing = _forms(goal)
    people = ("a person",) if "some" in base else ("someone", "a person", "somebody")
    it, obj, thing = name.it, name.obj, name.thing
    return {
        "hold": verb[0].format(thing) + mods, "holding": verb[1].format(thing) + mods,
        "holds": verb[2].format(thing) + mods,
        "hold_it": verb[0].format(name.thing_it) + mods, "holding_it": verb[1].format(name.thing_it) + mods,
        "is_held": f"{name.be} {verb[3]}{mods}", "participle": verb[3], "thing": thing, "noun": name.noun, "mods": mods,
        "do": base.format(it=it, obj=obj), "do_obj": base.format(it=obj, obj=obj),
        "doing": ing.format(it=it, obj=obj), "doing_obj": ing.format(it=obj, obj=obj),
        "hand": f" {'in' if ' with ' in base else 'with'} {your} {facts.side} hand", "your": your, "side": facts.side,
        "a_hand": draw.choice((f"a {facts.side} hand", f"the {facts.side} hand", "a hand")),
        "someone": draw.choice(people),
    }  # fmt: skip


def _determiner(noun: str, plural: bool, draw: random.Random, *, report: bool) -> str:
    if plural:
        return draw.choice(("the", "the", "the", "these", "those"))
    article = "an" if noun[0] in "aeiou" else "a"
    return draw.choice(
        ("the", article, article) if report else ("the", "the", "the", "the", "this", "that", article)
    )


def _forms(goal: str | None) -> tuple[str, str]:
    """The verb phrase and its form in -ing."""
    if goal is None:
        return "", ""
    verb, rest = goal.lstrip("*").split("|")
    ing, _, tail = rest.partition(" ")
    return f"{verb} {tail}", f"{ing} {tail}"


def _mods(
    facts: _Facts, draw: random.Random, name: _Named, *, verb: str, your: str, least: int, handed: bool
) -> str:
    """By which part, how, and with which hand: `least` to two of them; no hand where it is `handed` already."""
    possible = {"by": 0.5, "how": 0.4, "hand": 0.35}
    if not name.part:
        del possible["by"]
    if handed:
        del possible["hand"]
    said = [one for one, chance in possible.items() if draw.random() < chance]
    if len(said) > 2:
        said.remove(draw.choice(said))
    if len(said) < least:
        said = [draw.choice(list(possible))]
    by = ""
    if "by" in said:
        wraps = facts.grasp_type in ("power", "sphere") and name.part in ("body", "side", "neck")
        place = _the(name.part, draw.choice(("the", name.its)))
        by = f" {draw.choice(('by', 'by', 'around' if wraps and 'how' not in said else 'at'))} {place}"
    hand = f"{your} {facts.side} hand" if "hand" in said else ""
    if "how" not in said:
        return f"{by} {draw.choice(('with', 'in', 'using'))} {hand}" if hand else by
    echoes = ["a pen" if facts.category == "pen" else (name.part or name.thing).split(" ")[-1]]
    echoes += ["{side}"] if handed else []
    ways = [w for w in HOW[facts.grasp_type] if f"{verb} " not in f"{w} " and not any(e in w for e in echoes)]
    way = draw.choice(ways)
    held = _the(name.part, name.its) if name.part and not by and draw.random() < 0.4 else name.closed_on
    how = way.format(your=your, held=held, side=f"{facts.side} " if hand else "")
    if not hand or "{side}" in way:
        return f"{by} {how}"
    if FINGERS.search(how):  # fingers are those of the hand
        return f"{by} {how.replace('your ', 'the ')} of {hand}"
    return f"{by} {how} in {hand}"
