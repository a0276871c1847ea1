import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
from fake_report import FELL, NASTY, NOT_WATERTIGHT, SET_METRICS, fake_report

from handhold.errors import InputError
from handhold.evaluate.registry import METRICS
from handhold.evaluate.report.histogram import BINS, histogram, histogram_svg
from handhold.evaluate.report.page import Picture, html_page
from handhold.evaluate.report.summary import number, summary_rows

VOID = {"meta", "input", "br", "img"}
EMPTY = {"line", "rect"}
PICTURES = (Picture(NASTY, "worst <volume>", b"\x89PNG one"), Picture("not in it", "median", b"\x89PNG two"))


class Page(HTMLParser):
    """Tags, their attributes, and the text in each kind of tag; raises where tags do not balance."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {tag}"
        self.tags.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in EMPTY
        self.tags.append((tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.text.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str, klass: str | None = None) -> list[dict[str, str]]:
        return [
            a for t, a in self.tags if t == tag and (klass is None or klass in a.get("class", "").split())
        ]


@pytest.fixture(scope="module")
def text() -> str:
    return html_page(fake_report(), pictures=PICTURES)


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


def body_rows(text: str) -> list[list[str]]:
    """Cells of the table of all grasps, as their opening tag and content."""
    table = text.split('id="grasps"')[1].split("</table>")[0].split("<tbody>")[1]
    return [re.findall(r"<t[hd][^>]*>.*?(?=</t[hd]>)", row) for row in table.split("<tr ")[1:]]


def test_tags_balance_and_ids_are_unique(page):
    ids = Counter(a["id"] for _, a in page.tags if "id" in a)
    assert max(ids.values()) == 1
    assert {f"grasp-{k}" for k in range(30)} <= set(ids)


def test_nothing_is_fetched(text, page):
    assert not re.search(r"https?:|url\(|@import|<link|<iframe", text)
    for _, attributes in page.tags:
        for key in ("src", "href", "action", "srcset", "poster"):
            assert attributes.get(key, "#").startswith(("#", "data:image/png;base64,"))


def test_the_policy_lets_only_our_script_run(text, page):
    (script,) = page.text["script"]
    policy = next(a["content"] for a in page.all("meta") if "http-equiv" in a)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)


def test_the_script_finds_what_it_asks_for(page):
    (script,) = page.text["script"]
    asked = set(re.findall(r'getElementById\("(\w+)"\)', script))
    assert asked and asked <= {a["id"] for _, a in page.tags if "id" in a}
    for klass in ("tools", "pictures"):
        assert f".{klass}" in script and page.all("div", klass)


def test_names_causes_and_notes_never_become_markup():
    evil = "<img src=x onerror=alert(1)>\"'><b>&amp;"
    report = fake_report()
    clean = Counter(tag for tag, _ in Page(html_page(report, pictures=PICTURES)).tags)
    for grasp in report["grasps"]:
        grasp["name"] += evil
        if "causes" in grasp:
            grasp["causes"] = dict.fromkeys(grasp["causes"], evil)
    for entry in report["aggregate"].values():
        if "causes" in entry:
            entry["causes"] = {evil + cause: n for cause, n in entry["causes"].items()}
    for failure in report["failures"]:
        failure["error"] = failure["error"].replace(failure["path"], failure["path"] + evil) + evil
        failure["path"] += evil
    report["notes"] = [evil]
    report["provenance"] = dict.fromkeys(report["provenance"], evil)
    pictures = [Picture(NASTY + evil, evil, b"p"), Picture(evil, evil, b"p")]
    assert Counter(tag for tag, _ in Page(html_page(report, pictures=pictures)).tags) == clean


def test_every_value_is_there_rounded_and_whole(text):
    report = fake_report()
    columns = [row.metric for row in summary_rows(report) if row.metric.name not in SET_METRICS]
    rows = body_rows(text)
    assert len(rows) == len(report["grasps"])
    for cells, grasp in zip(rows, report["grasps"]):
        assert len(cells) == 1 + len(columns)
        for cell, metric in zip(cells[1:], columns):
            value = grasp[metric.name]
            if value is None:
                assert "data-value" not in cell and cell.endswith(">–")
            else:
                assert float(cell.split('data-value="')[1].split('"')[0]) == value
                assert cell.endswith(f">{value:.{metric.digits}f}")


def test_each_column_has_a_button_and_says_its_order(text, page):
    heads = [a for a in page.all("th") if "aria-sort" in a]
    assert len(heads) == len(body_rows(text)[0])
    assert {a["aria-sort"] for a in heads} == {"none"}
    assert [a["data-kind"] for a in heads] == ["text"] + ["number"] * (len(heads) - 1)
    table_head = text.split('id="grasps"')[1].split("</thead>")[0]
    assert table_head.count('<button type="button">') == len(heads)


def test_a_missing_figure_says_why(text, page):
    titles = Counter(a["title"] for a in page.all("td", "missing"))
    assert set(titles) == {NOT_WATERTIGHT, FELL}
    assert titles == Counter(why for g in fake_report()["grasps"] for why in g.get("causes", {}).values())


def test_a_nan_is_missing_and_never_a_figure():
    report = fake_report(4)
    report["grasps"][0]["pd_mm"] = float("nan")
    report["grasps"][1]["pd_mm"] = float("inf")
    del report["grasps"][2]["pd_mm"]
    report["aggregate"]["pd_mm"] = {"mean": float("nan"), "ci": [None, float("nan")], "n": 1, "failed": 3}
    text = html_page(report)
    assert not re.search(r">(nan|inf)<|data-value=\"(nan|inf)", text)
    assert text.count('title="no cause given">–') == 3
    assert '<td class="figure mean">–' in text and "3 × no cause given" in text


def test_failures_are_grouped_by_cause(text):
    failures = text.split("<h2>Failures</h2>")[1].split("</section>")[0]
    assert ">2 inputs</span> · hand.keypoints is missing." in failures
    assert ">1 input</span> · is no JSON; got &#x27;&lt;html&gt;&#x27;." in failures
    volumes = 3 * sum(name.startswith("iv_cm3") for name in fake_report()["aggregate"])
    assert f">{volumes} figures</span> · {NOT_WATERTIGHT}" in failures


def test_a_summary_row_for_each_metric_by_family(text):
    summary = text.split('<table class="summary">')[1].split("</table>")[0]
    keys = re.findall(r'<span class="key">([^<]+)', summary)
    assert sorted(keys) == sorted(fake_report()["aggregate"])
    families = re.findall(r'scope="rowgroup" colspan="6">([^<]+)', summary)
    assert families == ["pose", "penetration", "contact", "stability", "diversity", "refinement"]


def test_a_picture_links_to_its_row(text, page):
    assert [a["href"] for a in page.all("a")] == ["#grasp-3"]
    data = [a["src"].removeprefix("data:image/png;base64,") for a in page.all("img")]
    assert [base64.b64decode(d) for d in data] == [p.png for p in PICTURES]


def test_motions_have_their_frames_and_notes_their_column():
    report = fake_report(3)
    report["grasps"][1]["frames"] = 240
    report["grasps"][2]["notes"] = ["10 <frames> were left out"]
    text = html_page(report)
    assert "<h1>2 grasps and 1 motion scored</h1>" in text
    assert '<td class="figure" data-value="240">240' in text and "10 &lt;frames&gt; were left out" in text
    heads, rows = re.findall(r"<th[^>]*aria-sort", text), body_rows(text)
    assert {len(cells) for cells in rows} == {len(heads)}


@pytest.mark.parametrize("count", [0, 1])
def test_few_grasps(count):
    report = fake_report(1) | {"failures": [], "notes": []}
    if count == 0:
        report |= {"grasps": [], "aggregate": {}}
    text = html_page(report)
    Page(text)
    assert f"<h1>{count} grasp{'' if count else 's'} scored</h1>" in text
    assert ("<h2>Failures</h2>" in text, "<h2>All grasps</h2>" in text) == (False, bool(count))


def test_a_metric_that_nobody_knows():
    report = fake_report(2)
    report["aggregate"] = {"iv": report["aggregate"]["iv_cm3"]}
    with pytest.raises(InputError, match="unknown metric 'iv'"):
        html_page(report)


def test_histograms_count_every_grasp_once(text):
    report = fake_report()
    drawn = re.findall(r'<svg class="histogram".*?data-n="(\d+)">(.*?)</svg>', text)
    counts = [entry["n"] for name, entry in report["aggregate"].items() if name not in SET_METRICS]
    assert sorted(int(n) for n, _ in drawn) == sorted(counts)
    for n, inside in drawn:
        assert sum(map(int, re.findall(r'data-count="(\d+)"', inside))) == int(n)


@pytest.mark.parametrize(
    "values",
    [
        [3.2],
        [0.0] * 9,
        [1e17] * 4,
        [1.0, 1.0 + 2**-52],
        [0.0, 5e-324],
        [-4.0, 1e300],
        [1.0, 2.0, 2.0, 5.0],
        list(range(1000)),
    ],
)
def test_a_histogram_of_anything(values):
    counted = histogram(np.array(values))
    assert counted.counts.sum() == len(values)
    assert len(counted.edges) == len(counted.counts) + 1 <= BINS + 2
    assert counted.edges[0] <= min(values) and max(values) <= counted.edges[-1]
    assert (np.diff(counted.edges) >= 0).all()
    drawn = histogram_svg(np.array(values), METRICS["pd_mm"], mean=float(np.mean(values)))
    assert drawn.count("<rect") == (counted.counts > 0).sum() and "nan" not in drawn
    assert 'class="mean"' in drawn


def test_whole_numbers_have_a_bin_each():
    assert histogram(np.array([0.0, 0.0, 2.0, 5.0])).counts.tolist() == [2, 0, 1, 0, 0, 1]


def test_the_mark_stands_at_the_mean():
    drawn = histogram_svg(np.array([0.0, 10.5]), METRICS["pd_mm"], mean=2.625)
    assert 'class="mean" x1="42.0"' in drawn  # a quarter of 168


def test_no_values_no_drawing():
    assert histogram_svg(np.zeros(0), METRICS["pd_mm"]) == ""


def test_numbers():
    metric = METRICS["pd_mm"]
    shown = [number(v, metric) for v in (1.234, -0.001, -1.5, None, float("nan"), 3.2e8)]
    assert shown == ["1.23", "0.00", "-1.50", "–", "–", "3.200e+08"]
