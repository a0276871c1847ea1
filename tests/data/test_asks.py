"""Sentences say what their `Ask` says, and nothing else."""

import re

import pytest
import torch

from handhold.data.asks import Ask, absent_asks, free_asks, part_asks, told_asks, whole_asks, words_of
from handhold.data.lexicon import DOING_INSTEAD, HELD
from handhold.data.part_words import PART_WORDS, lacking
from handhold.data.purposes import PURPOSES
from handhold.objects.household import CATEGORIES

PARTS = {c: [part for category, part in PART_WORDS if category == c] for c in CATEGORIES}


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def says(sentence: str, category: str, part: str) -> bool:
    """Whether one of the part's words is in the sentence, as a word."""
    words = "|".join(re.escape(word.strip("~+")) for word in PART_WORDS[category, part])
    return re.search(rf"\b({words})\b", sentence, re.IGNORECASE) is not None


def everything(category: str, *, seed: int = 0) -> list[Ask]:
    """All kinds of sentences about a category."""
    generator = drawn(seed)
    asks = part_asks(words_of(category), PARTS[category], count=20, generator=generator)
    asks += absent_asks(words_of(category), count=20, generator=generator)
    asks += free_asks(words_of(category), PARTS[category], count=20, generator=generator)
    asks += whole_asks(words_of(category), count=5, generator=generator)
    for use in PURPOSES[category]:
        for purpose, kind in [(use.purpose, use.types[0])]:
            asks += told_asks(category, use.part, purpose, kind, "right", count=3, generator=generator)
    return asks


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_part_that_is_asked_for_is_named(category):
    asks = part_asks(words_of(category), PARTS[category], count=60, generator=drawn())
    assert len(asks) == (60 if PARTS[category] else 0)
    assert {ask.part for ask in asks} == set(PARTS[category])
    for ask in asks:
        assert says(ask.sentence, category, ask.part), ask
        assert ask.purpose is ask.free is None and not ask.absent


@pytest.mark.parametrize("category", CATEGORIES)
def test_what_is_absent_is_no_part_of_the_category(category):
    own = {word.strip("~+") for part in PARTS[category] for word in PART_WORDS[category, part]}
    assert not own & set(lacking(category))
    assert not {re.sub("s$", "", w) for w in own} & {re.sub("s$", "", w) for w in lacking(category)}
    for ask in absent_asks(words_of(category), count=60, generator=drawn()):
        assert ask.absent and ask.part is ask.free is None
        assert any(re.search(rf"\b{word}\b", ask.sentence, re.IGNORECASE) for word in lacking(category)), ask


@pytest.mark.parametrize("category", [c for c in CATEGORIES if PARTS[c]])
def test_a_part_that_is_left_free_is_named(category):
    asks = free_asks(words_of(category), PARTS[category], count=80, generator=drawn())
    assert {ask.free for ask in asks} == set(PARTS[category])
    for ask in asks:
        assert says(ask.sentence, category, ask.free), ask
        assert ask.part != ask.free and not ask.absent
        assert ask.part is None or says(ask.sentence, category, ask.part), ask
    assert any(ask.part for ask in asks) == (len(PARTS[category]) > 1)


def test_no_word_means_two_parts_of_one_thing():
    for category, parts in PARTS.items():
        words = [word.strip("~+").lower() for part in parts for word in set(PART_WORDS[category, part])]
        assert len(words) == len(set(words)), category


def test_sentences_of_grasps_name_their_part_about_half_the_time():
    named = bare = 0
    for category in CATEGORIES:
        for use in PURPOSES[category]:
            asks = told_asks(
                category, use.part, use.purpose, use.types[0], "left", count=4, generator=drawn(5)
            )
            assert len(asks) == 4 and all(ask.purpose == use.purpose for ask in asks)
            key = (category, use.part, use.purpose)
            for ask in asks:
                known = (category, use.part) in PART_WORDS
                if ask.part is None:
                    bare += 1
                    assert not known or not says(ask.sentence, category, use.part), ask
                else:
                    named += 1
                    assert ask.part == use.part
                    sure = key in HELD or key in DOING_INSTEAD
                    assert sure or says(ask.sentence, category, use.part), ask
    assert 0.3 < named / (named + bare) < 0.6


def test_a_jar_that_is_carried_is_not_said_to_be_held_by_its_body():
    """Opening it says so ("get it open"), other purposes do not."""
    asks = told_asks("jar", "body", "carry", "power", "right", count=12, generator=drawn())
    assert any(ask.part is None for ask in asks)
    assert all(says(ask.sentence, "jar", "body") for ask in asks if ask.part)


def test_sentences_are_plain_words_and_follow_the_generator():
    for category in CATEGORIES:
        asks = everything(category)
        assert asks == everything(category) and asks != everything(category, seed=1)
        for ask in asks:
            assert re.fullmatch(r"[A-Za-z][A-Za-z ,.;:'!?-]*", ask.sentence), ask
            assert "  " not in ask.sentence and " ," not in ask.sentence, ask
            assert (
                "GRAB" not in ask.sentence and "offhand" not in ask.sentence.lower()
            )  # no data set's wording


def test_objects_without_parts_are_asked_for_none():
    assert part_asks(words_of("ball"), [], count=5, generator=drawn()) == []
    assert free_asks(words_of("ball"), ["body"], count=5, generator=drawn()) == []
    assert len(absent_asks(words_of("ball"), count=5, generator=drawn())) == 5
