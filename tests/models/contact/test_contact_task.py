"""What the network learns from; and that it does learn it."""

from dataclasses import replace

import pytest
import torch
from contact_examples import HAND, SMALL, make_bank, make_rows, parameters_without_gradient

from handhold.models.contact import ContactNet, examples
from handhold.models.contact.bank import encode_sentences
from handhold.models.contact.examples import ASKED, REPEATED, Examples
from handhold.models.contact.rows import unpacked
from handhold.models.contact.task import WEIGHTS, ContactTask, mask_loss


@pytest.fixture(scope="module")
def rows():
    return make_rows()


def numbers(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def task_of(rows, *, augment: bool = True, config=SMALL) -> ContactTask:
    torch.manual_seed(0)
    return ContactTask(ContactNet(config), rows, make_bank(), augment=augment)


def drawn(rows, *, augment: bool = False, seed: int = 0, every=(0, 0, 3, 3, 6, 6)):
    task = task_of(rows, augment=augment)
    return task.examples.draw(torch.tensor(every), numbers(seed))


# Batches.


def test_objects_with_grasps_come_more_often(rows):
    """The third has none, though it is known where a part of it is touched."""
    task = task_of(rows)
    assert task.order.tolist() == [0] * REPEATED + [1] * REPEATED + [2] and len(task) == 2 * REPEATED + 1


def test_answers_are_those_of_the_rows(rows):
    seen = drawn(rows, every=(0, REPEATED, 2 * REPEATED))
    asks = rows.asks
    assert seen.of.tolist() == [k for k in range(3) for _ in range(ASKED)]
    assert torch.equal(asks.object[seen.asks], torch.tensor([0, 1, 2])[seen.of])
    for k, row in enumerate(seen.asks.tolist()):
        obj, part, chosen = int(asks.object[row]), int(asks.part[row]), seen.points[seen.of[k]]
        assert seen.absent[k] == asks.absent[row]
        assert seen.touch_known[k] == (asks.target[row] >= 0 or asks.absent[row])
        assert seen.part_known[k] == (part >= 0 or asks.absent[row])
        wanted = (rows.parts[obj][chosen] == part).float() if part >= 0 else torch.zeros(len(chosen))
        assert torch.equal(seen.part[k], wanted)
        if asks.target[row] >= 0:  # in these rows every hand touches what the maps say
            assert torch.equal(seen.touch[k], (rows.maps[asks.target[row]][chosen] > 0).float())
        else:
            assert not seen.touch[k].any()
        if seen.skin_known[k]:
            skin = unpacked(rows.touches.skin[:1], len(HAND.template))[0, seen.vertices].float()
            assert torch.equal(seen.skin[k], skin)


def test_hands_are_near_or_far_or_not_given(rows):
    near = far = none = 0
    for seed in range(6):
        seen = drawn(rows, seed=seed)
        for k, given in enumerate(seen.hands.given.tolist()):
            row = int(seen.asks[k])
            wrists = seen.hands.skin[k].mean(0)
            if not given:
                none += 1
                continue
            # of the grasps' wrists, ten centimetres up; the mirror leaves heights
            away = float((seen.hands.skin[k] - seen.hands.own[k]).norm(dim=-1).min())
            assert rows.asks.object[row] < 2 and wrists.isfinite().all() and away > 0
            truth = rows.asks.target[row] >= 0
            near += int(truth)
            far += int(not truth)
    assert near > 4 and far > 1 and none > 10


def test_hands_touch_where_they_are(rows):
    """With grasps that differ, the answer beside a near hand is that grasp's, not the mean's."""
    touches = rows.touches
    other = touches.object.clone()
    other[1] = 0  # the second grasp of the box, by a left hand, touches nothing
    rows = replace(rows, touches=replace(touches, object=other))
    empty = full = 0
    for seed in range(8):
        seen = drawn(rows, seed=seed, every=(0, 0))
        for k, row in enumerate(seen.asks.tolist()):
            if seen.hands.given[k] and rows.asks.part[row] == 1:
                empty += int(not seen.touch[k].any())
                full += int(seen.touch[k].any())
            elif rows.asks.part[row] == 1:
                assert seen.touch[k].any()
    assert empty > 0 and full > 0


def test_augmented_objects_are_moved_with_their_hands(rows, monkeypatch):
    monkeypatch.setattr(examples, "WITH_HANDS", 1.0)
    plain, moved = (drawn(rows, augment=augment, every=(0, 3)) for augment in (False, True))
    assert torch.equal(plain.hands.given, moved.hands.given) and plain.hands.given.any()
    assert (plain.objects.points - moved.objects.points).norm(dim=-1).mean() > 0.01
    for k in torch.nonzero(plain.hands.given).squeeze(-1).tolist():
        of = plain.of[k]
        size = (moved.objects.points[of].amax(0) - moved.objects.points[of].amin(0)).norm()
        assert size > 0.05
        gaps = [torch.cdist(e.objects.points[of], e.hands.skin[k][::40]) for e in (plain, moved)]
        ratio = (gaps[1] / gaps[0].clamp_min(1e-3))[gaps[0] > 0.03]
        # one scale for all of it, but for the noise of rough points
        assert ratio.std() < 0.03 and 0.6 < ratio.mean() < 1.6
        torch.testing.assert_close(
            (moved.hands.own[k] / plain.hands.own[k]).median(), ratio.median(), atol=0.01, rtol=0
        )


def test_batches_follow_their_generator(rows):
    one, again, other = (drawn(rows, augment=True, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.objects.points, again.objects.points) and torch.equal(one.asks, again.asks)
    assert not torch.equal(one.objects.points, other.objects.points)


def test_words_are_left_out_in_training_alone(rows):
    sentences = torch.arange(4).repeat(50)
    words = make_bank().text(sentences).mask.sum()
    assert task_of(rows, augment=False)._text(sentences, numbers()).mask.sum() == words
    text = task_of(rows)._text(sentences, numbers())
    assert 0.88 < text.mask.sum() / words < 0.96
    assert not text.words[~text.mask].any()


def test_features_of_the_bank_are_the_encoders():
    from word_encoder import WordEncoder

    encoder, sentences = (
        WordEncoder(),
        ["hold it by the top", "pour", "take it by the lid, please", "pour it"],
    )
    bank = encode_sentences(encoder, sentences)
    found, wanted = bank.text(torch.tensor([2, 1, 2])), encoder.encode([sentences[k] for k in (2, 1, 2)])
    assert torch.equal(found.mask, wanted.mask)
    torch.testing.assert_close(found.words, wanted.tokens, atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(found.sentence, wanted.sentence, atol=2e-3, rtol=1e-3)


# Losses.


def test_masks_that_are_right_cost_nothing_and_unknown_ones_do_not_count():
    target = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    right, wrong = (2 * target - 1) * 20, (1 - 2 * target) * 20
    both, empty = torch.tensor([True, True]), torch.tensor([False, True])
    assert mask_loss(right, target, both, empty=empty) < 1e-3
    assert mask_loss(wrong, target, both, empty=empty) > 15
    mixed = torch.stack((right[0], wrong[1]))
    assert mask_loss(mixed, target, torch.tensor([True, False]), empty=empty) < 1e-3
    assert mask_loss(wrong, target, torch.tensor([False, False]), empty=empty) == 0
    # Dice 1 - (2 * 1 + 1) / (2 + 2 + 1), cross entropy log 2
    even = mask_loss(torch.zeros(1, 4), target[:1], torch.tensor([True]), empty=torch.tensor([False]))
    assert float(even) == pytest.approx(0.4 + 0.6931, abs=1e-3)
    alone = mask_loss(torch.zeros(1, 4), target[1:], torch.tensor([True]), empty=torch.tensor([True]))
    assert float(alone) == pytest.approx(0.6931, abs=1e-3)


def test_what_is_unknown_gives_no_gradient(rows):
    """Were the truth of unknown rows anything else, the losses would be the same."""
    unknown = replace(
        rows.asks, target=torch.full_like(rows.asks.target, -1), skin=torch.full_like(rows.asks.skin, -1)
    )
    bare = replace(rows, asks=unknown)
    other = replace(bare, maps=255 - rows.maps, skin_maps=255 - rows.skin_maps)
    every = torch.tensor([0, 1, 2])
    one, two = (task_of(r, augment=False).losses(every, numbers()) for r in (bare, other))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert one["skin"] == 0


def test_the_loss_is_the_weighted_sum_and_reaches_every_parameter(rows):
    task = task_of(rows)
    total = None
    for seed in range(3):  # a hand is not given in every batch
        losses = task.losses(torch.arange(7), numbers(seed))
        assert float(losses["loss"].detach()) == pytest.approx(
            sum(WEIGHTS[name] * float(losses[name].detach()) for name in WEIGHTS), rel=1e-5
        )
        assert all(value.isfinite() for value in losses.values())
        total = losses["loss"] if total is None else total + losses["loss"]
    total.backward()
    assert parameters_without_gradient(task.module) == []


def test_some_steps_learn_parts_and_what_is_absent(rows, monkeypatch):
    monkeypatch.setattr(examples, "WITH_HANDS", 0.0)
    task = task_of(rows, augment=False)
    optimizer = torch.optim.AdamW(task.module.parameters(), 1e-2)
    told = []
    for step in range(14):
        losses = task.losses(torch.tensor([0, 3]), numbers(step))
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        told.append({name: float(value.detach()) for name, value in losses.items()})
    mean = lambda name, steps: sum(t[name] for t in steps) / len(steps)
    assert mean("loss", told[-4:]) < 0.8 * mean("loss", told[:4])
    assert mean("absent", told[-4:]) < 0.8 * mean("absent", told[:4])


def test_examples_need_no_network(rows):
    found = Examples(rows, SMALL, rest=HAND.template, augment=False)
    assert len(found) == len(found.order) == 2 * REPEATED + 1
