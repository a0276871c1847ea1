"""Scores and reports."""

from handhold.evaluate.report import aggregate, provenance, write_csv
from handhold.evaluate.scores import (
    HandObject,
    Score,
    read_arrays_of_grasp,
    score_arrays,
    score_grasp,
    score_measures,
)

__all__ = [
    "HandObject",
    "Score",
    "aggregate",
    "provenance",
    "read_arrays_of_grasp",
    "score_arrays",
    "score_grasp",
    "score_measures",
    "write_csv",
]
