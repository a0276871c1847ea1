"""What holds for features of sentences, whoever makes them."""

import pytest
import torch

from handhold.errors import InputError
from handhold.language.features import TextFeatures, checked_sentences, in_batches, padded


def made(*lengths: int, width: int = 4, seed: int = 0) -> TextFeatures:
    generator = torch.Generator().manual_seed(seed)
    tokens, mask = padded([torch.rand(n, width, generator=generator) + 1 for n in lengths])
    return TextFeatures(tokens.sum(1), tokens, mask)


def test_padding_is_zero_and_behind():
    features = made(2, 5, 1)
    assert features.tokens.shape == (3, 5, 4)
    assert features.mask.sum(1).tolist() == [2, 5, 1]
    assert not features.tokens[~features.mask].any()
    assert features.tokens[features.mask].all()
    assert (features.mask.int().diff(dim=1) <= 0).all()


def test_cat_pads_to_the_longest_and_select_takes_back():
    short, long = made(2, 1), made(3, 6, seed=1)
    both = TextFeatures.cat([short, long])
    assert both.tokens.shape == (4, 6, 4)
    back = both.select([2, 3])
    assert torch.equal(back.tokens, long.tokens) and torch.equal(back.sentence, long.sentence)
    assert torch.equal(both.select([0, 1]).tokens[:, :2], short.tokens)
    assert not both.select([0, 1]).tokens[:, 2:].any()
    twice = both.select(torch.tensor([1, 1, 0]))
    assert torch.equal(twice.mask, both.mask[[1, 1, 0]])
    assert torch.equal(both.select(both.mask.sum(1) > 2).sentence, long.sentence)
    assert len(both.select([])) == 0
    assert torch.equal(both.select(slice(2, None)).sentence, long.sentence)


def test_to_moves_all():
    assert made(2).to("meta").mask.device.type == "meta"


def test_cat_of_nothing_or_of_two_widths_is_refused():
    with pytest.raises(InputError, match="one width"):
        TextFeatures.cat([])
    with pytest.raises(InputError, match=r"\[4, 5\]"):
        TextFeatures.cat([made(2), made(2, width=5)])


@pytest.mark.parametrize(
    "sentence, tokens, mask",
    [
        ((2, 4), (2, 3, 5), (2, 3)),
        ((2, 4), (3, 3, 4), (3, 3)),
        ((2, 4), (2, 3, 4), (2, 4)),
        ((4,), (1, 3, 4), (1, 3)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(sentence, tokens, mask):
    with pytest.raises(InputError, match="do not fit"):
        TextFeatures(torch.zeros(sentence), torch.zeros(tokens), torch.zeros(mask, dtype=torch.bool))


def test_a_mask_of_numbers_is_refused():
    with pytest.raises(InputError, match="float32"):
        TextFeatures(torch.zeros(1, 4), torch.zeros(1, 3, 4), torch.zeros(1, 3))


@pytest.mark.parametrize("bad", ["", "  ", "\n\t", None, 3, b"hold", "\ud800", "\u200b", float("nan")])
def test_what_is_no_sentence_is_refused(bad):
    with pytest.raises(InputError, match=r"^instruction: not a sentence"):
        checked_sentences([bad])
    with pytest.raises(InputError, match=r"^instruction: number 1 is not a sentence"):
        checked_sentences(["hold it", bad])


@pytest.mark.parametrize("bad", [[], "hold it", None, iter(["hold it"])])
def test_what_is_no_list_of_sentences_is_refused(bad):
    with pytest.raises(InputError, match="not a list of sentences"):
        checked_sentences(bad)


def test_blanks_around_a_sentence_are_cut():
    assert checked_sentences([" hold it\n", "été ☕"]) == ["hold it", "été ☕"]


def test_batches_keep_the_order_and_encode_each_once():
    seen = []

    def encode(batch):
        seen.append(batch)
        tokens, mask = padded([torch.tensor([[float(ord(c))] for c in sentence]) for sentence in batch])
        return TextFeatures(tokens.sum(1), tokens, mask)

    sentences = ["bbb", "a", "cc", "a", "dddd", "e"]
    features = in_batches(sentences, encode, size=2)
    assert sorted(s for batch in seen for s in batch) == sorted(set(sentences))
    assert [len(batch) for batch in seen] == [2, 2, 1]
    assert [max(map(len, batch)) - min(map(len, batch)) for batch in seen] == [0, 1, 0]
    for row, sentence in enumerate(sentences):
        codes = features.tokens[row, features.mask[row], 0].tolist()
        assert "".join(chr(int(code)) for code in codes) == sentence
    assert features.sentence[:, 0].tolist() == [sum(map(ord, s)) for s in sentences]
