"""The registry: names are unique, say their unit, and select what they name."""

from pathlib import Path

import pytest

from handhold.errors import InputError
from handhold.evaluate import METRICS, PROTOCOLS, select
from handhold.evaluate.per_frame import FRAME
from handhold.evaluate.per_motion import MOTION
from handhold.evaluate.per_set import SET
from handhold.evaluate.registry import metric
from handhold.interaction.measures import Measures

UNITS = {
    "mm": "mm",
    "cm3": "cm³",
    "cm": "cm",
    "deg": "°",
    "mm2": "mm²",
    "s2": "m/s²",
    "s3": "m/s³",
    "pct": "%",
}
UNITS |= {"m": "m", "s": "m/s"}


def test_every_metric_has_one_protocol():
    names = [m.name for p in PROTOCOLS for m in p.metrics]
    assert len(names) == len(set(names)) == len(METRICS)
    assert len({p.name for p in PROTOCOLS}) == len(PROTOCOLS)


def test_every_protocol_has_a_function_and_every_function_a_protocol():
    for scope, table in (("frame", FRAME), ("motion", MOTION), ("set", SET)):
        assert set(table) == {p.name for p in PROTOCOLS if p.scope == scope}, scope


def test_a_unit_is_in_the_name():
    for name, told in METRICS.items():
        ending = name.split("@")[0].rsplit("_", 1)[-1]
        assert told.unit == UNITS.get(ending, ""), name


def test_the_names_that_reports_promise():
    promised = ("iv_cm3", "iv_cm3@obman-surface-5mm", "iv_cm3@halo-1mm", "iv_cm3@choir-2mm", "pd_mm")
    assert {*promised, "stability_cm@six-way", "stability_cm@obman-drop"} <= set(METRICS)
    assert set(Measures.names()) <= set(METRICS)


def test_select_by_protocol_family_and_metric():
    assert [p.name for p in select(["six-way"])] == ["six-way"]
    assert {p.family for p in select(["penetration"])} == {"penetration"}
    assert [p.name for p in select(["pd_mm"])] == ["exact"]
    in_order = [p.name for p in select(["pose", "exact"])]
    assert in_order == ["exact", "pose", "vertices"]  # the registry's


@pytest.mark.parametrize("name", ["", "six_way", "iv"])
def test_unknown_names_are_refused_with_those_there_are(name):
    with pytest.raises(InputError, match="six-way"):
        select([name])
    with pytest.raises(InputError, match="pd_mm"):
        metric(name)


def test_the_docs_have_every_protocol_with_its_metrics_and_source():
    page = Path(__file__).parents[2] / "docs" / "evaluate.md"
    rows = {
        line.split("|")[1].strip(" `"): line for line in page.read_text().splitlines() if line[:3] == "| `"
    }
    assert set(rows) == {p.name for p in PROTOCOLS}
    for protocol in PROTOCOLS:
        row = rows[protocol.name]
        assert all(f"`{m.name}`" in row for m in protocol.metrics) and protocol.source in row, protocol.name
