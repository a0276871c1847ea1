import re

import pytest
from fake_report import NASTY, fake_report

from handhold.errors import InputError
from handhold.evaluate.registry import METRICS
from handhold.evaluate.report.latex import escape, latex_table


def cells(table: str) -> dict[str, list[str]]:
    """Rows of figures by their first cell."""
    rows = [
        re.split(r" (?<!\\)& ", line.strip().removesuffix(r" \\"))
        for line in table.splitlines()
        if "&" in line
    ]
    return {row[0]: row for row in rows}


def test_every_metric_is_a_row_of_six_cells():
    report = fake_report()
    lines = [line for line in latex_table(report).splitlines() if re.search(r"(?<!\\)&", line)]
    assert len(lines) == 1 + len(report["aggregate"])
    assert all(len(re.findall(r"(?<!\\)&", line)) == 5 and line.endswith(r"\\") for line in lines)


def test_environments_and_braces_balance():
    table = latex_table(fake_report())
    assert re.findall(r"\\(begin|end)\{(\w+)\}", table) == [
        ("begin", "table"),
        ("begin", "tabular"),
        ("end", "tabular"),
        ("end", "table"),
    ]
    bare = re.sub(r"^%.*$|\\[{}]", "", table, flags=re.M)
    depth = 0
    for mark in re.findall(r"[{}]", bare):
        depth += 1 if mark == "{" else -1
        assert depth >= 0
    assert depth == 0 and bare.count("$") % 2 == 0
    assert [table.count(rule) for rule in (r"\toprule", r"\bottomrule")] == [1, 1]
    assert table.count(r"\midrule") == table.count(r"\multicolumn")


def test_figures_units_and_arrows():
    report = fake_report()
    report["aggregate"] = {
        "iv_cm3": {"mean": 1.23456, "ci": [1.0, 1.5], "n": 28, "failed": 2},
        "stability_deg@six-way": {"mean": -0.04, "ci": [-1.26, 0.5], "n": 3, "failed": 0},
        "fingers_in_contact": {"mean": None, "ci": [None, None], "n": 0, "failed": 30},
        "moved_mm": {"mean": 3.0, "ci": [None, None], "n": 1, "failed": 0},
    }
    rows = cells(latex_table(report))
    label = {name: escape(METRICS[name].label) for name in report["aggregate"]}
    assert rows[rf"{label['iv_cm3']} $\downarrow$"][1:] == ["cm$^3$", "1.23", "[1.00, 1.50]", "28", "2"]
    assert rows[rf"{label['stability_deg@six-way']} $\downarrow$"][1:4] == [
        r"$^\circ$",
        "0.0",
        "[$-$1.3, 0.5]",
    ]
    assert rows[rf"{label['fingers_in_contact']} $\uparrow$"][2:] == ["--", "--", "0", "30"]
    assert rows[label["moved_mm"]][2:4] == ["3.00", "--"]  # no arrow: neither is better


def test_text_is_escaped():
    assert escape("a_b & 5% #1 $x$ {y} ~^\\") == (
        r"a\_b \& 5\% \#1 \$x\$ \{y\} \textasciitilde{}\textasciicircum{}\textbackslash{}"
    )
    assert escape('<1 | >2 "q"') == r"\textless{}1 \textbar{} \textgreater{}2 ''q''"
    assert escape("mm²\ncm³ °") == r"mm$^2$ cm$^3$ $^\circ$"


@pytest.mark.parametrize("text", [m.label + m.unit for m in METRICS.values()])
def test_labels_and_units_are_plain_ascii_afterwards(text):
    assert escape(text).isascii()


def test_provenance_stays_in_its_comment():
    report = fake_report()
    report["provenance"] |= {
        "method": "a\n\\input{secret}",
        NASTY + "\n\\x": "v",
        "settings": {"k": [1, "\r2"]},
    }
    table = latex_table(report)
    before, _ = table.split(r"\begin{table}")
    assert all(line.startswith("%") for line in before.splitlines()) and r"\input" in before
    for said in ("handhold 0.3.0", "open 1.0", "seed 0", "halo-1mm", "torch 2.13.0"):
        assert said in before.splitlines()[0]


def test_a_metric_that_nobody_knows():
    report = fake_report()
    report["aggregate"]["iv_cm33"] = report["aggregate"]["iv_cm3"]
    with pytest.raises(InputError, match="iv_cm33"):
        latex_table(report)
