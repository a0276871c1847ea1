"""Sentences are English, true of their grasp, many, and the same for the same generator."""

import re

import pytest
import torch

from handhold.data.instructions import instructions
from handhold.data.lexicon import DOING, DOING_HERE, DOING_INSTEAD, HELD, HOW, NOUNS, PARTS
from handhold.data.purposes import PURPOSES
from handhold.errors import InputError
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.objects.household import CATEGORIES

USES = [use for uses in PURPOSES.values() for use in uses]
IDS = [f"{u.category}-{u.part}-{u.purpose}-{'table' if u.standing else 'free'}-{u.types[0]}" for u in USES]
MANY = 60


def many(use, *, side="right", kind=None, count=MANY, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return instructions(
        use.category,
        part=use.part,
        purpose=use.purpose,
        grasp_type=kind or use.types[0],
        side=side,
        generator=generator,
        count=count,
    )


@pytest.fixture(scope="module")
def spoken():
    return {
        (use, kind): many(use, side="left" if k % 2 else "right", kind=kind, seed=k)
        for use in USES
        for k, kind in enumerate(use.types)
    }


def test_words_for_everything():
    assert set(NOUNS) == set(CATEGORIES)
    assert set(HOW) == set(GRASP_TYPES)
    assert {use.purpose for use in USES} == set(DOING)
    parts = {(c.name, p.name) for c in CATEGORIES.values() for p in c.parts}
    assert set(PARTS) <= parts
    done = {(use.category, use.part, use.purpose) for use in USES}
    assert set(HELD) <= done
    assert {(c, p) for c, p in DOING_HERE} <= {(c, p) for c, _, p in done}
    assert all(
        (c, b, p) in done or (b == "*" and (c, p) in {(x, z) for x, _, z in done})
        for c, b, p in DOING_INSTEAD
    )


def test_grammar(spoken):
    for (use, _), sentences in spoken.items():
        for sentence in sentences:
            where = (use.category, use.purpose, sentence)
            assert not re.search(r"[{}|*~+_]", sentence), where
            assert "  " not in sentence and sentence == sentence.strip(), where
            assert not re.search(r"\b(\w+) \1\b", sentence.lower()), where
            assert not re.search(r"\ba [aeiou]", sentence.lower()), where
            assert not re.search(r"\ban [^aeiou]", sentence.lower()), where
            assert not re.search(r" [,.?:]|[,.?:]{2}", sentence), where
            assert not re.search(
                r"\b(the|a|an|this|that|these|those|your|its|their) (the|a|an|this|its)\b", sentence
            ), where
            assert 1 <= len(sentence.split()) <= 40, where


def test_questions_and_stops(spoken):
    sentences = [s for found in spoken.values() for s in found]
    asks = re.compile(r"^(can|could|would) you\b", re.I)
    for sentence in sentences:
        if sentence.endswith("?"):
            assert asks.match(sentence)
        if asks.match(sentence):
            assert not sentence.endswith(".")
        if sentence[0].isupper():
            assert sentence[-1] in ".?" or sentence.startswith(("I ", "TV "))
    kinds = [sum(map(bool, map(asks.match, sentences))), sum(s.endswith(".") for s in sentences)]
    assert min(kinds) > 0.02 * len(sentences)
    lengths = [len(s.split()) for s in sentences]
    assert min(lengths) <= 4 and max(lengths) >= 20


@pytest.mark.parametrize("category", ["scissors", "eyeglasses", "headphones"])
def test_plural_things(spoken, category):
    plural = r"(scissors|glasses|eyeglasses|spectacles|headphones)"
    for (use, _), sentences in spoken.items():
        if use.category != category:
            continue
        for sentence in sentences:
            low = sentence.lower()
            assert not re.search(rf"\b(a|an|this|that) {plural}\b", low), sentence
            assert (
                not re.search(rf"(?<!pair of ){plural} is\b", low)
                or "one of" in low
                or "'" in low
                or " of " in low
            ), sentence
            assert not re.search(r"\bpair of \w+ are\b|ses's|nes's|ors's|les's", low), sentence
            assert not re.search(r"\bput(ting)? it on\b|\btry(ing)? it on\b|\bits\b", low), sentence


def test_the_side_is_true(spoken):
    for k, ((use, kind), _) in enumerate(spoken.items()):
        if k % 7:
            continue
        for side, other in (("right", "left"), ("left", "right")):
            sentences = many(use, side=side, kind=kind)
            assert not any(re.search(rf"\b{other}\b", s.lower()) for s in sentences), use
            assert any(re.search(rf"\b{side}\b", s.lower()) for s in sentences) or use.purpose == "read", use


def test_the_part_is_true(spoken):
    """No other part of the object is named; its own is, now and then, and now and then not."""
    for (use, _), sentences in spoken.items():
        own = {w.strip("~+") for w in PARTS.get((use.category, use.part), ())}
        others = {
            w.strip("~+")
            for (c, p), words in PARTS.items()
            if c == use.category and p != use.part
            for w in words
        } - own
        others -= (
            {"shaft", "grip", "edge", "handle", "side"}
            if use.category in ("hammer", "screwdriver")
            else set()
        )
        allowed = (
            {"handle"}
            if "handle" in " ".join(DOING_INSTEAD.get((use.category, use.part, use.purpose), ()))
            else set()
        )
        named = 0
        for sentence in sentences:
            low = sentence.lower()
            for word in others - allowed:
                assert not re.search(rf"\b(by|at|around|of|the|its|their|'s|s') {word}\b", low), (
                    use,
                    sentence,
                )
            named += any(re.search(rf"\b{word}\b", low) for word in own)
        if own:
            assert 0.1 * len(sentences) < named < len(sentences), use


def test_the_type_is_true(spoken):
    """What one type says of the fingers is not said of another that contradicts it."""
    telling = {
        "pinch": ("pinch", "forefinger"), "tripod": ("three fingers", "tripod"), "hook": ("hook",),
        "lateral": ("key",), "extension": ("straight fingers",), "power": ("palm against", "firm"),
        "writing": ("writing grip",), "index_extension": ("outstretched index finger",),
        "precision": ("precision grip",), "sphere": ("spread",),
    }  # fmt: skip
    for (use, kind), sentences in spoken.items():
        text = " ".join(sentences).lower()
        for other, words in telling.items():
            if (
                other == kind
                or (other, kind) == ("pinch", "lateral")
                or (other, use.purpose) == ("sphere", "spread")
            ):
                continue
            assert not any(re.search(rf"\b{word}", text) for word in words), (use, kind, other)


@pytest.mark.parametrize("use", USES, ids=IDS)
def test_there_are_hundreds(use):
    found = many(use, count=250, seed=3)
    assert len({re.sub(r"\W+", " ", s).lower().strip() for s in found}) == 250


def test_the_same_generator_says_the_same():
    use = PURPOSES["mug"][0]
    assert many(use) == many(use)
    assert many(use) != many(use, seed=1)
    generator = torch.Generator().manual_seed(0)
    first = instructions(
        "mug", part="handle", purpose="drink", grasp_type="hook", side="left", generator=generator
    )
    again = instructions(
        "mug", part="handle", purpose="drink", grasp_type="hook", side="left", generator=generator
    )
    assert len(first) == 4 and first != again


def test_without_part_or_purpose():
    generator = torch.Generator().manual_seed(0)
    found = instructions(
        "mug", part=None, purpose=None, grasp_type="power", side="left", generator=generator, count=50
    )
    assert not any(re.search(r"\b(handle|rim|drink|body)", s.lower()) for s in found)
    assert all(re.search(r"mug|cup", s.lower()) for s in found)


def test_what_it_has_no_words_for():
    given = {"part": None, "purpose": "drink", "grasp_type": "power", "side": "right"}
    generator = torch.Generator()
    for category, wrong in (
        ("dragon", {}),
        ("mug", {"purpose": "fly"}),
        ("mug", {"grasp_type": "claw"}),
        ("mug", {"side": "both"}),
    ):
        with pytest.raises(InputError):
            instructions(category, **{**given, **wrong}, generator=generator)
    assert instructions("mug", **given, generator=generator, count=0) == ()


def test_when_there_are_no_more(monkeypatch):
    monkeypatch.setattr("handhold.data.instructions.PATIENCE", 1)
    given = {"part": None, "purpose": None, "grasp_type": "palm", "side": "right"}
    with pytest.raises(InputError, match="not so many"):
        instructions("ball", **given, generator=torch.Generator(), count=10**4)
