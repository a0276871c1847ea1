import csv
import json
import os

import numpy as np
import pytest
import trimesh
from cli_examples import arrays, can, report, write_scene

from handhold.cli.main import main
from handhold.evaluate import METRICS
from handhold.interaction.measures import Measures

QUICK = ("--protocol", "exact", "refinement")


def evaluate(path, out, *more, all_protocols: bool = False) -> tuple[int, dict | None]:
    quick = () if all_protocols or "--protocol" in more else QUICK
    code = main(["evaluate", str(path), "--json", str(out), *quick, *more])
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
    assert "iv_cm3" in told["grasps"][0]
    for entry in told["aggregate"].values():
        assert set(entry) == {"mean", "ci", "n", "failed"} and len(entry["ci"]) == 2 and entry["n"] == 1
    assert {"handhold", "hand_models", "seed", "protocol"} <= set(told["provenance"])


def test_everything_that_needs_no_reference_is_the_default(refined, tmp_path):
    code, told = evaluate(refined, tmp_path / "e.json", all_protocols=True)
    assert code == 0
    table = told["aggregate"]
    promised = ("iv_cm3@obman-surface-5mm", "iv_cm3@halo-1mm", "iv_cm3@choir-2mm", "pd_mm")
    for metric in (*promised, "stability_cm@six-way", "stability_cm@obman-drop", "contact_ratio@grasptta"):
        assert table[metric]["n"] == 1 and table[metric]["failed"] == 0, metric
    assert list(table) == [m for m in METRICS if m in table]
    assert not any(m.startswith(("mpjpe", "entropy")) for m in table)  # no reference, and no 20 grasps


def test_against_a_reference(refined, tmp_path):
    scene = refined.parent / "in"
    code, told = evaluate(refined, tmp_path / "e.json", "--reference", str(scene), "--protocol", "pose")
    (grasp,) = told["grasps"]
    assert code == 0 and grasp["mpjpe_mm"] == pytest.approx(
        report(refined)["mean"]["after"]["moved_mm"], abs=1e-3
    )
    assert 0 < grasp["mpjpe_mm@pa"] < grasp["mpjpe_mm@root"] and 0 < grasp["mpvpe_mm"] < 20


def test_a_missing_reference_is_told_and_the_rest_is_scored(refined, tmp_path, capfd):
    folder = tmp_path / "in"
    folder.mkdir()
    given = arrays(refined / "scene.npz")
    for name in ("scene", "other"):
        np.savez(folder / f"{name}.npz", **{**given, "name": name})
    np.savez(folder / "third.npz", **{**given, "name": "third"})
    truth = tmp_path / "truth"
    truth.mkdir()
    for name in ("scene", "third"):
        np.savez(truth / f"{name}.npz", **{**given, "name": name})
    code, told = evaluate(
        folder, tmp_path / "e.json", "--reference", str(truth), "--protocol", "exact", "pose"
    )
    assert code == 2 and "no reference for other" in capfd.readouterr().err
    entry = told["aggregate"]["mpjpe_mm"]
    assert (entry["n"], entry["failed"], told["aggregate"]["pd_mm"]["n"]) == (2, 1, 3)
    assert "no reference" in next(iter(entry["causes"]))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--protocol", "six_way"), "six-way"),
        (("--protocol", "pose"), "--reference"),
        (("--protocol", "exact", "mpjpe_mm"), "mpjpe_mm"),
        (("--protocol", ","), "--protocol"),
        (("--protocol",), "--protocol"),
        (("--protocol", "motion"), "needs a motion"),
        (("--reference", "nowhere"), "nowhere"),
        (("--workers", "0"), "--workers"),
        (("--object", "can.obj"), "--object"),
    ],
)
def test_bad_options(refined, tmp_path, complaint, more, said):
    assert evaluate(refined, tmp_path / "e.json", *more) == (2, None)
    assert said in complaint()


def test_a_set_of_another_tool_is_so_many_grasps(refined, tmp_path):
    given = arrays(refined / "scene.npz")
    lifted = given["hand_vertices"] + np.array([0, 0, 0.3])
    np.savez(
        tmp_path / "set.npz",
        hand_vertices=np.stack([given["hand_vertices"], lifted]),
        **{k: given[k] for k in ("hand_faces", "object_vertices", "object_faces")},
    )
    code, told = evaluate(tmp_path / "set.npz", tmp_path / "e.json", "--protocol", "contact")
    assert code == 0 and [g["name"] for g in told["grasps"]] == ["set_0000", "set_0001"]
    assert [g["contact_ratio@grasptta"] for g in told["grasps"]] == [1, 0]
    short = tmp_path / "short.npz"
    np.savez(short, **{**arrays(tmp_path / "set.npz"), "names": np.array(["x", "y"])})
    assert (
        evaluate(tmp_path / "set.npz", tmp_path / "f.json", "--reference", str(short), "--protocol", "pose")[
            0
        ]
        == 0
    )


def test_sets_of_unequal_size(refined, tmp_path, complaint):
    given = arrays(refined / "scene.npz")
    keys = ("hand_faces", "object_vertices", "object_faces")
    for name, count in (("a", 2), ("b", 3)):
        stack = np.stack([given["hand_vertices"]] * count)
        np.savez(tmp_path / f"{name}.npz", hand_vertices=stack, **{k: given[k] for k in keys})
    out = tmp_path / "e.json"
    told = evaluate(tmp_path / "a.npz", out, "--reference", str(tmp_path / "b.npz"), "--protocol", "pose")
    assert told == (2, None) and "equally many" in complaint()


def test_a_folder_of_meshes(refined, tmp_path):
    given = arrays(refined / "scene.npz")
    folder = tmp_path / "meshes"
    folder.mkdir()
    trimesh.Trimesh(given["hand_vertices"], given["hand_faces"], process=False).export(folder / "g_hand.ply")
    trimesh.Trimesh(given["object_vertices"], given["object_faces"], process=False).export(
        folder / "g_object.ply"
    )
    code, told = evaluate(folder, tmp_path / "e.json", "--protocol", "exact")
    assert code == 0 and told["grasps"][0]["iv_cm3"] == pytest.approx(
        report(refined)["mean"]["after"]["iv_cm3"], abs=1e-3
    )


def test_a_bad_mesh_is_named_and_the_others_are_scored(tmp_path, capfd):
    folder = tmp_path / "meshes"
    folder.mkdir()
    for name in ("good", "bad"):
        can().export(folder / f"{name}_hand.ply")
        can().export(folder / f"{name}_object.ply")
    (folder / "bad_hand.ply").write_text("junk", "utf-8")
    code, told = evaluate(folder, tmp_path / "e.json")
    assert code == 2 and "bad_hand.ply" in capfd.readouterr().err
    assert [g["name"] for g in told["grasps"]] == ["good"] and len(told["failures"]) == 1


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
    assert grasp["fingers_in_contact"] is None and "unknown hand" in grasp["causes"]["fingers_in_contact"]
    failed = {"mean": None, "ci": [None, None], "n": 0, "failed": 1, "causes": {"no joints": 1}}
    assert told["aggregate"]["bones_through"] == failed


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
    assert main(["evaluate", str(refined), "--out", str(tmp_path / "out"), "--quiet", *QUICK]) == 0
    with (tmp_path / "out" / "grasps.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["pd_mm"]) == report(tmp_path / "out")["grasps"][0]["pd_mm"]
    assert "toprule" in (tmp_path / "out" / "table.tex").read_text()
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html") and "data:image/png" in page


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


@pytest.mark.parametrize("name", ["grasps.csv", "table.tex", "report.html", "report.json"])
def test_what_is_the_users_in_the_folder_stays(refined, tmp_path, complaint, name):
    (tmp_path / name).write_text('{"my": 1}', "utf-8")
    assert main(["evaluate", str(refined), "--out", str(tmp_path), *QUICK]) == 2
    assert name in complaint() and (tmp_path / name).read_text("utf-8") == '{"my": 1}'
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_the_report_of_refine_stays(refined, complaint):
    before = (refined / "report.json").read_bytes()
    assert main(["evaluate", str(refined), "--out", str(refined), *QUICK]) == 2
    assert "report.json" in complaint() and (refined / "report.json").read_bytes() == before


def test_a_second_report_replaces_the_first(refined, tmp_path):
    run = ["evaluate", str(refined), "--out", str(tmp_path / "out"), "--no-picture", "--quiet", *QUICK]
    assert main(run) == 0
    first = report(tmp_path / "out")
    assert main(run) == 0 and report(tmp_path / "out") == first


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_json_replaces_no_input_and_no_device(refined, tmp_path, complaint):
    given = tmp_path / "set.npz"
    given.write_bytes((refined / "scene.npz").read_bytes())
    assert main(["evaluate", str(given), "--json", str(given), *QUICK]) == 2
    assert (
        "no report of handhold" in complaint() and given.read_bytes() == (refined / "scene.npz").read_bytes()
    )
    os.mkfifo(tmp_path / "pipe")  # as /dev/stdout and /dev/null are: a report would be moved into its place
    assert main(["evaluate", str(given), "--json", str(tmp_path / "pipe"), *QUICK]) == 2
    assert "no plain file" in complaint() and (tmp_path / "pipe").is_fifo()


def test_a_damaged_result_among_results_is_told(refined, tmp_path, capfd):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "good.npz").write_bytes((refined / "scene.npz").read_bytes())
    (folder / "cut.npz").write_bytes((refined / "scene.npz").read_bytes()[:-2000])
    code, told = evaluate(folder, tmp_path / "e.json")
    assert code == 2 and "cut.npz" in capfd.readouterr().err
    assert [f["name"] for f in told["failures"]] == ["cut"] and len(told["grasps"]) == 1


def test_an_empty_folder(tmp_path, complaint):
    (tmp_path / "in").mkdir()
    assert evaluate(tmp_path / "in", tmp_path / "e.json") == (2, None)
    assert "no grasps" in complaint()


def test_what_a_single_grasp_cannot_have_is_told(refined, tmp_path, capsys):
    code, told = evaluate(refined, tmp_path / "e.json", "--protocol", "exact,joint-motion", " contact-slip")
    assert code == 0 and told["notes"] == ["left out, for there is no motion: joint-motion, contact-slip"]
    assert "joint-motion" in capsys.readouterr().out


def test_hostile_names_stay_text(refined, tmp_path):
    names = ["a/b", "<script>x</script>", "q\"u'o", "a,b", "a&b_%$#{}\\~^", "[bold]", "..", "手", "x" * 3000]
    given = arrays(refined / "scene.npz")
    keys = ("hand_faces", "object_vertices", "object_faces")
    np.savez(
        tmp_path / "set.npz",
        hand_vertices=np.stack([given["hand_vertices"]] * len(names)),
        names=np.array(names),
        **{k: given[k] for k in keys},
    )
    out = tmp_path / "out"
    assert main(["evaluate", str(tmp_path / "set.npz"), "--out", str(out), "--no-picture", *QUICK]) == 0
    assert [g["name"] for g in report(out)["grasps"]] == names
    with (out / "grasps.csv").open(newline="", encoding="utf-8") as file:
        assert [row["name"] for row in csv.DictReader(file)] == names
    assert "<script>x" not in (out / "report.html").read_text("utf-8")
    assert sorted(p.name for p in out.iterdir()) == ["grasps.csv", "report.html", "report.json", "table.tex"]


def test_causes_are_counted_together_and_shared_names_are_told(refined, tmp_path):
    given = arrays(refined / "scene.npz")
    keys = ("hand_vertices", "hand_faces", "object_vertices", "object_faces")
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        np.savez(tmp_path / "in" / f"{name}.npz", **{k: given[k] for k in keys})
        np.savez(tmp_path / "in" / f"{name}_2.npz", **{**given, "name": "one"})
    told = evaluate(
        tmp_path / "in",
        tmp_path / "e.json",
        "--protocol",
        "mpjpe_mm",
        "--reference",
        str(tmp_path / "in" / "a.npz"),
    )[1]
    assert told["aggregate"]["mpjpe_mm"]["causes"]["no joints."] == 1  # of a; the others have no reference
    assert "several grasps have the name one" in told["notes"]
