"""`handhold bench refine`: the tables, their files, and what is refused."""

import json

import pytest
from cli_examples import write_scene

from handhold.cli import bench
from handhold.cli.main import main
from handhold.evaluate import METRICS

FEW = ("--table", "1", "--noise", "gravitydb")


@pytest.fixture(autouse=True)
def three_grasps(monkeypatch):
    monkeypatch.setattr(bench, "BUILT_IN", 3)


def run(*arguments) -> int:
    return main(["bench", "refine", *map(str, arguments)])


def refuse(value):
    raise AssertionError(f"{value} is no standard JSON")


def test_table_one_on_the_built_in_grasp(tmp_path, capsys):
    assert run(*FEW, "--out", tmp_path / "out", "--json", tmp_path / "copy.json") == 0
    told = json.loads((tmp_path / "out" / "bench_refine.json").read_text("utf-8"), parse_constant=refuse)
    assert told == json.loads((tmp_path / "copy.json").read_text("utf-8"))
    rows = {row["name"]: row for row in told["rows"]}
    assert [row["name"] for row in told["rows"]] == [entry.name for entry in bench.TABLES["1"]()]
    assert all(row["n"] == 3 and row["noise"].startswith("gravitydb") for row in rows.values())
    assert rows["input"]["seconds"] is None and rows["gravity"]["seconds"] > 0
    assert rows["input"]["figures"]["mpjpe_mm"]["mean"] > 1
    assert rows["gravity"]["figures"]["pd_mm"]["mean"] < rows["input"]["figures"]["pd_mm"]["mean"]
    assert set(rows["gravity"]["figures"]) <= set(METRICS)
    for text in (capsys.readouterr().out, (tmp_path / "out" / "bench_refine.md").read_text("utf-8")):
        assert "Table 1" in text and "25.42" in text and "other data" in text  # the paper's, marked as such


def test_scenes_and_a_second_run_over_the_first(tmp_path, monkeypatch, capfd):
    scenes, out = tmp_path / "in", tmp_path / "out"
    write_scene(scenes, name="a.json")
    (scenes / "bad.json").write_text("{}", "utf-8")
    monkeypatch.setitem(bench.TABLES, "1", lambda: [bench_input()])
    noises = ("--table", "1", "--noise", "gravitydb", "gravitydb")  # one of them is enough
    assert [run(scenes, *noises, "--out", out, "--quiet") for _ in range(2)] == [2, 2]
    captured = capfd.readouterr()
    assert "bad.json" in captured.err and not captured.out
    told = json.loads((out / "bench_refine.json").read_text("utf-8"))
    assert len(told["rows"]) == 1 and told["rows"][0]["n"] == 1
    assert [failure["name"] for failure in told["failures"]] == ["bad"]


def bench_input():
    from handhold.batch.refine_bench import INPUT

    return INPUT


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--noise", "gravity"), "gravitydb"),
        (("--noise",), "--noise"),
        (("--table",), "--table"),
        (("--every", "0"), "--every"),
        (("--seed", "-1"), "--seed"),
        (("--json", "."), "folder"),
        (("nowhere",), "does not exist"),
    ],
)
def test_bad_options(more, said, complaint, tmp_path):
    assert run(*more, "--out", tmp_path / "new") == 2
    assert said in complaint() and not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["bench_refine.md", "bench_refine.json"])
def test_what_is_the_users_stays(name, tmp_path, complaint):
    (tmp_path / name).write_text('{"my": "notes"}', "utf-8")
    assert run(*FEW, "--out", tmp_path) == 2
    assert name in complaint() and [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text("utf-8") == '{"my": "notes"}'


def test_a_scene_is_never_the_report(tmp_path, complaint):
    scene = write_scene(tmp_path)
    before = scene.read_bytes()
    assert run(scene, *FEW, "--json", scene) == 2
    assert "--json" in complaint() and scene.read_bytes() == before
