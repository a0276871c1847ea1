import csv
import json

import numpy as np
import pytest
from cli_examples import arrays, can, report, write_scene

from handhold.cli.main import main
from handhold.interaction.measures import Measures


def evaluate(path, out, *more) -> tuple[int, dict | None]:
    code = main(["evaluate", str(path), "--json", str(out), *more])
    return code, json.loads(out.read_text()) if out.exists() else None


def test_a_result_has_the_figures_that_refine_reported(refined, tmp_path, capsys):
    code, told = evaluate(refined, tmp_path / "e.json")
    assert code == 0
    (grasp,) = told["grasps"]
    for metric, value in report(refined)["mean"]["after"].items():
        assert grasp[metric] == pytest.approx(value, abs=1e-3), metric
    assert "deepest" in capsys.readouterr().out


def test_the_contract(refined, tmp_path):
    told = evaluate(refined / "scene.npz", tmp_path / "e.json")[1]
    assert set(told["aggregate"]) == set(Measures.names())
    for entry in told["aggregate"].values():
        assert set(entry) == {"mean", "ci", "n", "failed"} and len(entry["ci"]) == 2 and entry["n"] == 1
    assert {"handhold", "hand_models", "seed"} <= set(told["provenance"])


def test_a_scene_is_scored_as_its_fitted_hand(refined, tmp_path):
    code, told = evaluate(refined.parent / "in", tmp_path / "e.json")
    before = report(refined)["mean"]["before"]
    assert code == 0 and told["grasps"][0]["pd_mm"] == pytest.approx(before["pd_mm"], abs=1e-3)


def test_arrays_of_another_tool(refined, tmp_path):
    given = arrays(refined / "scene.npz")
    keys = ("hand_vertices", "hand_faces", "object_vertices", "object_faces")
    np.savez(tmp_path / "theirs.npz", **{k: given[k] for k in keys})
    code, told = evaluate(tmp_path / "theirs.npz", tmp_path / "e.json")
    (grasp,) = told["grasps"]
    assert code == 0
    assert grasp["iv_cm3"] == pytest.approx(report(refined)["mean"]["after"]["iv_cm3"], abs=1e-3)
    assert grasp["fingers_in_contact"] is None and "no hand model" in grasp["causes"]["fingers_in_contact"]
    assert told["aggregate"]["bones_through"] == {"mean": None, "ci": [None, None], "n": 0, "failed": 1}


def test_a_hand_that_is_not_closed_has_no_volume(refined, tmp_path):
    given = arrays(refined / "scene.npz")
    faces = given["hand_faces"][:-30]
    np.savez(
        tmp_path / "open.npz",
        **{
            **{k: given[k] for k in ("hand_vertices", "object_vertices", "object_faces")},
            "hand_faces": faces,
        },
    )
    (grasp,) = evaluate(tmp_path / "open.npz", tmp_path / "e.json")[1]["grasps"]
    assert grasp["iv_cm3"] is None and "no solid" in grasp["causes"]["iv_cm3"]
    assert grasp["pd_mm"] is not None


def test_another_version_of_the_hand_is_scored_without_it(refined, tmp_path):
    given = arrays(refined / "scene.npz")
    np.savez(tmp_path / "old.npz", **{**given, "model_version": "open-0"})
    (grasp,) = evaluate(tmp_path / "old.npz", tmp_path / "e.json")[1]["grasps"]
    assert grasp["limit_violation_deg"] is None and "open-0" in grasp["causes"]["limit_violation_deg"]
    assert grasp["moved_mm"] == pytest.approx(report(refined)["mean"]["after"]["moved_mm"], abs=1e-3)


def test_out_has_a_report_and_a_table_of_all_grasps(refined, tmp_path):
    assert main(["evaluate", str(refined), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    with (tmp_path / "out" / "grasps.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["pd_mm"]) == report(tmp_path / "out")["grasps"][0]["pd_mm"]


def test_one_bad_grasp_is_named_and_the_others_are_scored(refined, tmp_path, capfd):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "good.npz").write_bytes((refined / "scene.npz").read_bytes())
    given = arrays(refined / "scene.npz")
    np.savez(folder / "bad.npz", **{**given, "hand_vertices": given["hand_vertices"] * np.nan})
    code, told = evaluate(folder, tmp_path / "e.json")
    assert code == 2 and "bad.npz" in capfd.readouterr().err
    assert [g["name"] for g in told["grasps"]] == ["scene"] and told["failures"][0]["name"] == "bad"


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 and nothing"])
def test_bad_files(content, tmp_path, complaint):
    (tmp_path / "bad.npz").write_bytes(content)
    assert evaluate(tmp_path / "bad.npz", tmp_path / "e.json") == (2, None)
    assert "bad.npz" in complaint()


def test_a_mesh_is_no_grasp(tmp_path, complaint):
    can().export(tmp_path / "can.obj")
    assert evaluate(tmp_path / "can.obj", tmp_path / "e.json") == (2, None)
    complaint()


def test_a_folder_of_scenes_and_results_is_scored_by_its_results(refined, tmp_path, capsys):
    write_scene(tmp_path / "both")
    (tmp_path / "both" / "made.npz").write_bytes((refined / "scene.npz").read_bytes())
    code, told = evaluate(tmp_path / "both", tmp_path / "e.json")
    assert code == 0 and len(told["grasps"]) == 1
    assert "passed over" in capsys.readouterr().out
