"""Metrics, each under its name, and reports of them."""

from handhold.evaluate.registry import METRICS, PROTOCOLS, Metric, Protocol, select
from handhold.evaluate.report.aggregate import aggregate, provenance, write_csv
from handhold.evaluate.scores import Score, score_measures
from handhold.evaluate.suite import score_pair, score_set

__all__ = [
    "METRICS",
    "PROTOCOLS",
    "Metric",
    "Protocol",
    "Score",
    "aggregate",
    "provenance",
    "score_measures",
    "score_pair",
    "score_set",
    "select",
    "write_csv",
]
