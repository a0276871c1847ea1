"""A training's settings and its learning rate."""

import math
from itertools import pairwise

import pytest

from handhold.errors import InputError
from handhold.models.training import TrainConfig, learning_rate, pick_device


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("batch", 2.5),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("warmup", -1),
        ("last_rate", 1.5),
        ("weight_decay", -0.1),
        ("clip", math.inf),
        ("ema", 1.0),
        ("seed", -3),
        ("precision", "fp8"),
        ("validate_every", 0),
        ("checkpoint_every", 0),
        ("log_every", 0),
    ],
)
def test_a_bad_setting_is_named(name, value):
    with pytest.raises(InputError, match=rf"TrainConfig\.{name}.*expected"):
        TrainConfig(**{name: value})


def test_the_rate_rises_then_falls_along_a_cosine():
    config = TrainConfig(steps=110, warmup=10, learning_rate=2.0, last_rate=0.1)
    rates = [learning_rate(config, step) for step in range(1, 111)]
    assert rates[:10] == pytest.approx([0.2 * k for k in range(1, 11)])
    assert rates[59] == pytest.approx(2.0 * (1 + 0.1) / 2)  # half way down
    assert rates[34] == pytest.approx(2.0 * (0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2))  # a quarter of the way
    assert rates[109] == pytest.approx(0.2)
    assert all(a > b for a, b in pairwise(rates[9:]))


def test_a_warm_up_longer_than_the_training_and_none_at_all():
    long = TrainConfig(steps=5, warmup=10, learning_rate=1.0)
    assert [learning_rate(long, step) for step in range(1, 6)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    none = TrainConfig(steps=2, warmup=0, learning_rate=1.0, last_rate=0.0)
    assert [learning_rate(none, step) for step in (1, 2)] == pytest.approx([0.5, 0.0])


def test_an_unknown_device_is_named():
    assert pick_device("cpu").type == "cpu"
    with pytest.raises(InputError, match="cpu, cuda or auto"):
        pick_device("tpu")
