"""The model: its settings, what it normalizes, and what a draw depends on."""

import json
from dataclasses import asdict, replace

import pytest
import torch
from choir_examples import HAND, SMALL, near, sight, stirred

from handhold.errors import InputError
from handhold.models.choir import Drawn, JointDiffusion, JointDiffusionConfig
from handhold.models.choir.seen import keypoints_of

BARE = replace(SMALL, contacts=False)
POINTS = replace(SMALL, form="keypoints")
FORMS = pytest.mark.parametrize("config", [SMALL, BARE, POINTS], ids=["contacts", "field", "keypoints"])


def numbers(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def flat(drawn: Drawn) -> torch.Tensor:
    """All numbers that were drawn, (B, n)."""
    parts = [drawn.distance, drawn.keypoints, drawn.contacts]
    return torch.cat([part.flatten(1) for part in parts if part is not None], 1)


def other_hands(rows, *, seed: int = 3):
    """The same hands with some noise."""
    noise = 0.05 * torch.randn(5, 3, generator=numbers(seed))
    return replace(rows.hands, wrist=rows.hands.wrist + noise)


# Settings.


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"form": "picture"}, "form"),
        ({"frame": "camera"}, "frame"),
        ({"known": "nothing"}, "known"),
        ({"assignment": "random"}, "assignment"),
        ({"schedule": "sudden"}, "schedule"),
        ({"prediction": "stock prices"}, "prediction"),
        ({"patch": 0}, "patch"),
        ({"patch": 3}, "side"),
        ({"side": 10}, "side"),
        ({"side": 0, "patch": 4}, "side"),
        ({"reach": 0.0}, "reach"),
        ({"reach": float("nan")}, "reach"),
        ({"setback": 0.1}, "setback"),
        ({"widths": ()}, "widths"),
        ({"widths": (16, 20)}, "widths"),
        ({"widths": (16, 24), "heads": 3}, "widths"),
        ({"widths": (16, -24)}, "widths"),
        ({"widths": (16, 24.0)}, "widths"),
        ({"blocks": (1,)}, "blocks"),
        ({"blocks": (1, 0)}, "blocks"),
        ({"heads": 0}, "heads"),
        ({"condition": 0}, "condition"),
        ({"contact_depth": 0}, "contact_depth"),
        ({"points": -1}, "points"),
        ({"points": 4096, "form": "keypoints"}, "points"),
        ({"shapes": 12}, "shapes"),
        ({"scale": 0.0}, "scale"),
        ({"scale": float("nan")}, "scale"),
        ({"scale": float("inf")}, "scale"),
        ({"diffusion_steps": 1}, "diffusion_steps"),
        ({"diffusion_steps": 100.0}, "diffusion_steps"),
    ],
)
def test_settings_that_cannot_be(wrong, word):
    with pytest.raises(InputError, match=rf"\.{word}"):
        replace(SMALL, **wrong)


def test_lists_will_do_for_widths_as_json_has_them():
    assert JointDiffusionConfig(**json.loads(json.dumps(asdict(SMALL)))) == SMALL


def test_how_grasps_are_seen_follows_the_settings():
    config = replace(SMALL, frame="object", reach=0.15, assignment="shuffled", signed=False, setback=0.001)
    seen = config.choir
    assert (seen.layout, seen.side, seen.reach, seen.centre) == ("grid", 8, 0.15, "object")
    assert (seen.assignment, seen.signed, seen.setback) == ("shuffled", False, 0.001)


def test_the_published_representation_is_choirs():
    told = JointDiffusionConfig.published()
    assert told.choir.points == 4096 and told.reach == 0.1 and told.assignment == "ordered"
    assert not told.signed and told.setback == 0 and told.prediction == "epsilon" and told.frame == "object"


@pytest.mark.parametrize("wrong", [{"hand": "mano"}, {"hand_version": "open-0"}])
def test_another_hand_is_refused(wrong):
    with pytest.raises(InputError, match=r"(?s)another hand.*handhold train choir"):
        JointDiffusion(replace(SMALL, **wrong))


# What is drawn, as numbers.


@FORMS
def test_packing_and_unpacking_are_inverse(config):
    model = stirred(config)
    model.mean.copy_(torch.randn(model.mean.shape, generator=numbers(1)))
    model.deviation.copy_(torch.rand(model.mean.shape, generator=numbers(2)) + 0.1)
    values = torch.randn(3, model.net.size, generator=numbers())
    drawn = model.unpack(values)
    torch.testing.assert_close(model.pack(drawn), values, atol=1e-5, rtol=1e-4)
    shapes = [None if part is None else tuple(part.shape) for part in (drawn.distance, drawn.keypoints)]
    assert shapes == ([None, (3, 53, 3)] if config is POINTS else [(3, 512), None])
    assert (drawn.contacts is None) == (config is not SMALL)
    if drawn.contacts is not None:
        assert drawn.contacts.shape == (3, 32, 9)


@FORMS
def test_what_has_learnt_nothing_draws_the_mean_or_noise_about_it(rows, config):
    """At temperature 0 a new net says 0, the mean of what it was fitted to (of contacts: about that)."""
    torch.manual_seed(0)
    model = JointDiffusion(config).eval()
    model.mean.uniform_(0.05, 0.1)
    model.deviation.fill_(0.01)
    drawn = model.draw(sight(config, rows), steps=4, temperature=0.0, generator=numbers())
    apart = flat(drawn) - model.mean
    assert drawn.distance is None or torch.allclose(drawn.distance, model.mean[:512].expand(5, -1))
    assert apart.abs().max() < 0.2


# What a draw depends on.


@FORMS
def test_a_draw_follows_its_generator(rows, config):
    model, seen = stirred(config), sight(config, rows)
    draw = lambda seed, heat: flat(model.draw(seen, steps=4, temperature=heat, generator=numbers(seed)))
    assert torch.equal(draw(0, 1.0), draw(0, 1.0))
    apart = lambda heat: (draw(0, heat) - draw(1, heat)).abs().mean()
    assert apart(1.0) > apart(0.1) > 0
    assert torch.equal(draw(0, 0.0), draw(1, 0.0))
    assert torch.isfinite(draw(0, 1.0)).all()


@pytest.mark.parametrize("prediction", ["sample", "epsilon", "v_prediction"])
def test_all_predictions_draw(rows, prediction):
    config = replace(SMALL, prediction=prediction, diffusion_steps=50)
    drawn = stirred(config).draw(sight(config, rows), steps=5, generator=numbers())
    assert flat(drawn).isfinite().all()
    with pytest.raises(InputError, match="1 to 50"):
        stirred(config).draw(sight(config, rows), steps=51, generator=numbers())


@FORMS
def test_rows_do_not_see_each_other(rows, config):
    model, seen = stirred(config), sight(config, near(rows))
    whole = flat(model.draw(seen, steps=3, temperature=0.0, generator=numbers()))
    for row in range(5):
        one = model.draw(seen.select(torch.tensor([row])), steps=3, temperature=0.0, generator=numbers())
        torch.testing.assert_close(flat(one), whole[row, None], atol=1e-5, rtol=1e-4)
    assert torch.pdist(whole).min() > 1e-3


@FORMS
def test_a_hand_that_is_not_known_is_not_looked_at(rows, config):
    model, hands = stirred(config), other_hands(rows)
    draw = lambda seen: flat(model.draw(seen, steps=3, temperature=0.0, generator=numbers()))
    for known in (False, True):
        seen = sight(config, rows, known=known)
        # the same view, another hand in it
        keypoints = seen.view.into(keypoints_of(HAND, hands))
        other = replace(seen, keypoints=keypoints, hand=seen.hand + 0.01)
        assert torch.equal(draw(seen), draw(other)) == (not known)


@FORMS
def test_object_shape_and_whether_a_hand_is_known_are_looked_at(rows, config):
    model, seen = stirred(config), sight(config, rows)
    changed = (
        replace(seen, object=seen.object + 0.01, points=seen.points + 0.01),
        replace(seen, betas=seen.betas + 1),
        replace(seen, known=~seen.known),
    )
    draw = lambda seen: flat(model.draw(seen, steps=3, temperature=0.0, generator=numbers()))
    for other in changed:
        assert (draw(seen) - draw(other)).abs().amax(1).min() > 1e-5


def test_what_is_far_or_deep_is_no_farther_nor_deeper(rows):
    model, seen = stirred(SMALL), sight(SMALL, rows)
    draw = lambda distance: flat(
        model.draw(
            replace(seen, object=distance.expand(5, 512)), steps=2, temperature=0.0, generator=numbers()
        )
    )
    assert torch.equal(draw(torch.tensor(0.2)), draw(torch.tensor(0.5)))
    assert torch.equal(draw(torch.tensor(-0.05)), draw(torch.tensor(-0.5)))
    assert not torch.equal(draw(torch.tensor(0.1)), draw(torch.tensor(0.14)))


def test_a_guess_is_the_nets_with_its_context(rows):
    model, seen = stirred(SMALL), sight(SMALL, rows)
    noised = torch.randn(5, model.net.size, generator=numbers())
    steps = torch.tensor([0, 10, 500, 998, 999])
    guess = model(noised, steps, seen)
    assert torch.equal(guess, model.net(noised, steps, model.net.see(seen)))
    assert (guess - model(noised, steps.flip(0), seen)).abs().amax(1)[[0, 4]].min() > 1e-4  # time is heard
