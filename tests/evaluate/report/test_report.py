import csv

import numpy as np
import pytest

from handhold.evaluate import Score, aggregate, write_csv
from handhold.interaction.measures import Measures


def score(name: str, value: float | None) -> Score:
    return Score(name, 1, dict.fromkeys(Measures.names(), value))


def test_the_interval_is_that_of_the_mean():
    values = np.random.default_rng(3).normal(5.0, 2.0, size=400)
    entry = aggregate([score("x", v) for v in values])["iv_cm3"]
    low, high = entry["ci"]
    error = values.std(ddof=1) / 20  # of the mean, analytically
    assert entry["mean"] == pytest.approx(values.mean())
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.25 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.25 * error)


def test_a_failure_is_counted_and_never_a_score():
    entry = aggregate([score("a", 2.0), score("b", None), score("c", 4.0)])["pd_mm"]
    assert (entry["mean"], entry["n"], entry["failed"]) == (3.0, 2, 1)


def test_one_grasp_has_no_interval():
    assert aggregate([score("a", 2.0)])["pd_mm"]["ci"] == [None, None]


def test_nothing_but_failures_has_no_mean():
    assert aggregate([score("a", None)])["pd_mm"] == {
        "mean": None,
        "ci": [None, None],
        "n": 0,
        "failed": 1,
        "causes": {"": 1},
    }


def test_the_seed_decides():
    scores = [score("x", float(k % 7)) for k in range(50)]
    assert aggregate(scores, seed=1) == aggregate(scores, seed=1) != aggregate(scores, seed=2)


def test_csv(tmp_path):
    write_csv([score("a, b", 0.1), score("c", None)], tmp_path / "g.csv")
    with (tmp_path / "g.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert first["name"] == "a, b" and float(first["iv_cm3"]) == 0.1 and second["iv_cm3"] == ""
