"""Picking grasps of a set: conditions, searches and draws against the table itself."""

from collections import Counter

import pytest
import torch

pytest.importorskip("pyarrow")

from grasp_set_examples import write_set

from handhold.data.grasp_set_pick import having, held_still, matching, one_each, saying, take, varied
from handhold.data.grasp_set_unfinished import is_finished, open_as_far
from handhold.errors import InputError


@pytest.fixture(scope="module")
def grasps(tmp_path_factory):
    return open_as_far(write_set(tmp_path_factory.mktemp("pick") / "set"))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ids(grasps) -> list[str]:
    return grasps.table["grasp_id"].to_pylist()


def test_conditions_all_hold_and_each_may_have_several_values(grasps):
    rows = grasps.table.to_pylist()
    found = matching(grasps, category=("mug", "cube"), part=("handle", "body"), side=("left",), split=())
    expected = [
        row["grasp_id"]
        for row in rows
        if row["category"] in ("mug", "cube") and row["part"] in ("handle", "body") and row["side"] == "left"
    ]
    assert ids(found) == expected and expected
    held = matching(grasps, still_held=True, category=["mug"])
    assert ids(held) == [r["grasp_id"] for r in rows if r["category"] == "mug" and r["still_held"]]
    assert ids(held) == ids(having(held_still(grasps), category=["mug"])) != []
    assert ids(matching(grasps)) == ids(grasps)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"category": ["elephant"]}, r"this category; expected cube, mug, pen; got .*elephant"),
        ({"category": ["pen", "elephant"]}, "elephant"),
        (
            {"category": ["pen"], "part": ["handle"]},
            "category pen has this part; expected barrel, grip; got handle",
        ),
        ({"category": ["cube"], "type": ["power"], "part": ["body"]}, "none: these have no part"),
        ({"category": ["pen"], "still_held": True}, "hand that stands still; got 4"),
    ],
)
def test_what_matches_nothing_is_said_with_what_there_is(grasps, words, said):
    with pytest.raises(InputError, match=said):
        matching(grasps, **words)


def test_having_lets_nothing_be_found(grasps):
    assert len(having(grasps, category=["elephant"])) == 0
    assert len(having(grasps, category=["pen"], part=["handle"], side=["left"])) == 0
    assert ids(having(grasps, category=["pen", "elephant"])) == ids(grasps.where(category="pen"))


def test_sentences_are_searched_in_capitals_or_not(grasps):
    assert ids(saying(grasps, "  TAKE the  Mug ")) == ids(grasps.where(category="mug"))
    assert ids(saying(grasps, "")) == ids(saying(grasps, "  ")) == ids(grasps)
    assert len(saying(grasps, "aardvark")) == 0 and len(saying(take(grasps, []), "mug")) == 0


def test_a_draw_is_every_grasp_once_and_its_start_shows_everything(grasps):
    rows = grasps.table.to_pylist()
    orders = [varied(grasps, generator=seeded(seed)) for seed in (0, 0, 1, 2)]
    assert orders[0] == orders[1] and orders[0] != orders[2] != orders[3]
    for order in orders:
        assert sorted(order) == list(range(len(grasps)))
        assert {rows[k]["category"] for k in order[:3]} == {"cube", "mug", "pen"}
        cubes = [rows[k] for k in order if rows[k]["category"] == "cube"]
        assert {row["object_id"] for row in cubes[:2]} == {"cube-000000", "cube-000001"}
        assert len({(row["object_id"], row["type"]) for row in cubes[:4]}) == 4
        mugs = [rows[k]["type"] for k in order if rows[k]["category"] == "mug"]
        assert Counter(mugs[:3]) == Counter(mugs[3:]) and len(set(mugs[:3])) == 3


def test_one_of_each(grasps):
    rows = grasps.table.to_pylist()
    assert [rows[k]["category"] for k in one_each(grasps, "category", generator=seeded())] == [
        "cube",
        "mug",
        "pen",
    ]
    types = [rows[k]["type"] for k in one_each(grasps, "type", generator=seeded())]
    assert types == sorted(grasps.values("type"))
    drawn = {tuple(one_each(grasps, "type", generator=seeded(seed))) for seed in range(8)}
    assert len(drawn) > 1
    assert one_each(take(grasps, []), "type", generator=seeded()) == []


def test_an_unfinished_set_is_read_from_its_parts(grasps, tmp_path):
    parts = open_as_far(write_set(tmp_path / "set", joined=False))
    assert not is_finished(parts) and is_finished(grasps)
    assert parts.table.equals(grasps.table) and parts.objects == grasps.objects
    assert parts.grasp(0).name == "cube-000000-000"


def test_folders_without_grasps_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        open_as_far(tmp_path / "none")
    with pytest.raises(InputError, match="holds no grasp set"):
        open_as_far(tmp_path)
    folder = write_set(tmp_path / "set", joined=False)
    for path in (folder / "parts").glob(
        "part-00000[0-3]*"
    ):  # left: an object without grasps, and a damaged part
        path.unlink()
    with pytest.raises(InputError, match=r"no grasps yet.*same --out"):
        open_as_far(folder)
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="no manifest of a grasp set"):
        open_as_far(folder)
