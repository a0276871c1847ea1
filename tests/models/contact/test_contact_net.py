"""The network: what changes its answers, and what must not."""

from dataclasses import fields, replace

import pytest
import roma
import torch
from contact_examples import SMALL, ask, hands, objects, stirred, text

from handhold.errors import InputError
from handhold.models.contact import ContactNet, ContactNetConfig
from handhold.models.contact.model import SeenHands, SeenObjects, Text, at_rest
from handhold.models.contact.network import felt

NAMES = ("object", "part", "skin", "absent")


@pytest.fixture(scope="module")
def model() -> ContactNet:
    return stirred()


def same(one, other, *, names=NAMES, atol=1e-4) -> None:
    for name in names:
        torch.testing.assert_close(getattr(one, name), getattr(other, name), atol=atol, rtol=1e-4)


def differ(one, other, name: str) -> bool:
    return bool((getattr(one, name) - getattr(other, name)).abs().max() > 1e-3)


def test_shapes(model):
    said = text("hold it by the top", "pour", "hold it")
    found = ask(model, objects("box", "ball"), hands(3), said, of=[0, 0, 1])
    assert found.object.shape == found.part.shape == (3, 600)
    assert found.skin.shape == (3, len(model.rest)) and found.absent.shape == (3,)
    assert all(getattr(found, f.name).isfinite().all() for f in fields(found))


def test_a_batch_is_its_sentences_one_by_one(model):
    said, held = text("hold it by the top", "pour", "hold it"), hands(3)
    held = replace(held, given=torch.tensor([True, False, True]))
    whole = ask(model, objects("box", "ball"), held, said, of=[0, 1, 1])
    for k, kind in enumerate(("box", "ball", "ball")):
        one = slice(k, k + 1)
        words = Text(said.sentence[one], said.words[one], said.mask[one])
        hand = SeenHands(held.skin[one], held.own[one], held.given[one])
        alone = ask(model, objects(kind), hand, words)
        for name in NAMES:
            torch.testing.assert_close(getattr(whole, name)[k], getattr(alone, name)[0], atol=1e-4, rtol=1e-4)


def test_sentences_change_the_answer(model):
    found = ask(model, objects("box"), None, text("hold it by the top", "hold it by the bottom"))
    for name in NAMES:
        assert (getattr(found, name)[0] - getattr(found, name)[1]).abs().max() > 1e-3


def test_padding_changes_nothing(model):
    said = text("pour")
    padded = Text(
        said.sentence,
        torch.cat((said.words, torch.full((1, 5, 24), 7.0)), 1),
        torch.cat((said.mask, torch.zeros(1, 5, dtype=torch.bool)), 1),
    )
    same(ask(model, objects("box"), None, said), ask(model, objects("box"), None, padded))


def test_without_the_sentence_only_shapes_count():
    model = stirred(replace(SMALL, sentence=False))
    found = ask(model, objects("box", "ball"), None, text("hold it by the top", "pour", "pour"), of=[0, 0, 1])
    for name in NAMES:
        torch.testing.assert_close(getattr(found, name)[0], getattr(found, name)[1])
    assert (found.object[0] - found.object[2]).abs().max() > 1e-3


def test_moving_object_and_hand_together_changes_nothing(model):
    things, held, said = objects("box"), hands(1), text("hold it by the top")
    shift = torch.tensor([0.3, -0.2, 0.5])
    moved = SeenObjects(things.points + shift, things.normals, things.index)
    other = SeenHands(held.skin + shift, held.own, held.given)
    same(ask(model, things, held, said), ask(model, moved, other, said), atol=2e-3)
    assert differ(ask(model, things, held, said), ask(model, moved, held, said), "object")


def test_a_turned_object_is_another_one(model):
    """Upright and lying are told apart; so training turns objects."""
    things, said = objects("box"), text("hold it by the top")
    turn = roma.rotvec_to_rotmat(torch.tensor([1.2, 0.0, 0.0]))
    turned = SeenObjects(things.points @ turn.mT, things.normals @ turn.mT, things.index)
    assert differ(ask(model, things, None, said), ask(model, turned, None, said), "object")


def test_without_a_hand_its_place_has_no_influence(model):
    things, said, held = objects("box"), text("pour"), hands(1)
    rest = at_rest(model.rest, 1)
    nowhere = replace(rest, skin=held.skin)
    same(ask(model, things, rest, said), ask(model, things, nowhere, said), atol=0)
    given = replace(rest, skin=held.skin, given=torch.tensor([True]))
    assert differ(ask(model, things, rest, said), ask(model, things, given, said), "object")
    assert differ(ask(model, things, rest, said), ask(model, things, given, said), "skin")


def test_answers_follow_the_order_of_points(model):
    """The same surface with its points in another order, gathered at the same places: the same mask on it."""
    things, said = objects("box"), text("hold it by the top")
    order = torch.randperm(600, generator=torch.Generator().manual_seed(0))
    back = order.argsort()
    index = things.index
    moved = replace(
        index, first=back[index.first], around_first=back[index.around_first], up=index.up[:, order]
    )
    other = SeenObjects(things.points[:, order], things.normals[:, order], moved)
    one, two = ask(model, things, None, said), ask(model, other, None, said)
    torch.testing.assert_close(one.object[:, order], two.object, atol=1e-5, rtol=1e-5)
    same(one, two, names=("skin", "absent"), atol=1e-5)


def test_some_points_are_told_as_among_all(model):
    things, said, held = objects("box", "ball"), text("pour", "hold it"), hands(2)
    points = torch.stack([torch.arange(10, 60), torch.arange(100, 150)])
    whole = ask(model, things, held, said, of=[1, 0])
    some = ask(model, things, held, said, of=[1, 0], points=points)
    torch.testing.assert_close(some.object[0], whole.object[0, 100:150], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(some.part[1], whole.part[1, 10:60], atol=1e-5, rtol=1e-4)


def test_half_precision_forward_gives_full_precision_logits(model):
    with torch.autocast("cpu", torch.bfloat16):
        found = ask(model, objects("box"), hands(1), text("pour"))
    assert all(getattr(found, name).dtype == torch.float32 for name in NAMES)
    torch.testing.assert_close(
        found.object, ask(model, objects("box"), hands(1), text("pour")).object, atol=0.3, rtol=0.1
    )


def test_what_a_point_feels():
    points = torch.tensor([[[0.0, 0.0, 0.0], [0.0, 0.0, 0.02]]])
    normals = torch.tensor([[[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]])
    found = felt(points, normals, torch.tensor([[[0.0, 0.0, 0.01], [1.0, 1.0, 1.0]]]))
    gap = torch.tensor([0.01, 0.03, 0.08])
    torch.testing.assert_close(found[0, 0, :3], torch.exp(-0.01 / gap), atol=1e-4, rtol=0)
    assert found[0, :, 3].tolist() == pytest.approx([1.0, -1.0], abs=1e-4)  # in front of it, behind it


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 25}, {"centres": (4,)}, {"centres": (8, 600)}, {"centres": (700, 8)}, {"heads": 0},
        {"dropout": 1.0}, {"text_width": 0}, {"layers": 1.5},
    ],
)  # fmt: skip
def test_sizes_that_cannot_be(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        replace(SMALL, **wrong)


def test_the_papers_sizes_and_another_hand():
    config = ContactNetConfig.published()
    assert (config.text, config.text_width, config.points) == ("vicuna-7b", 4096, 8192)
    with pytest.raises(InputError, match="another hand"):
        ContactNet(replace(SMALL, hand="mano"))
