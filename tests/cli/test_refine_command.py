import json
import os
import shutil

import numpy as np
import pytest
import roma
import torch
import trimesh
from cli_examples import CHEAP, arrays, can, hand_keypoints, refine, report, scene_document, write_scene

import handhold.batch.loading
import handhold.cli.refine_methods
from handhold.cli.main import main
from handhold.errors import HandholdError
from handhold.hand import Hand
from handhold.interaction.measures import Measures
from handhold.io import load_result


def moved_by(matrix, points):
    return np.asarray(points) @ matrix[:3, :3].T + matrix[:3, 3]


def test_a_scene_becomes_a_result_that_stands_alone(refined):
    assert {p.name for p in refined.iterdir()} == {"scene.npz", "scene.glb", "report.json"}
    result = load_result(refined / "scene.npz")
    assert result.hand_vertices.shape == result.fitted_vertices.shape == Hand.open().template.shape
    assert trimesh.load(refined / "scene.glb").geometry


def test_the_report_is_standard_json_with_all_figures(refined):
    told = report(refined)
    (entry,) = told["scenes"]
    for figures in (entry["before"], entry["after"], told["mean"]["before"], told["mean"]["after"]):
        assert set(figures) == set(Measures.names())
    assert entry["name"] == "scene" and entry["seconds"] > 0 and told["failures"] == []
    assert {"handhold", "hand_models", "method", "seed", "torch", "platform"} <= set(told["provenance"])


def test_the_grasp_is_better_than_it_was(refined):
    told = report(refined)["mean"]
    assert told["after"]["pd_mm"] < 0.5 * told["before"]["pd_mm"]
    assert told["after"]["fingers_in_contact"] >= told["before"]["fingers_in_contact"]


def test_the_same_call_gives_the_same_result(refined, tmp_path):
    assert refine(refined.parent / "in" / "scene.json", tmp_path) == 0
    again, first = (arrays(folder / "scene.npz")["hand_vertices"] for folder in (tmp_path, refined))
    assert np.abs(again - first).max() < 1e-4


def test_results_of_ours_are_overwritten_and_json_is_a_copy(scene, tmp_path):
    out, copy = tmp_path / "out", tmp_path / "copy.json"
    assert refine(scene, out) == 0 == refine(scene, out, "--json", str(copy))
    assert json.loads(copy.read_text()) == report(out)
    assert not [p for p in out.iterdir() if p.name.startswith(".")]


def test_settings_of_the_method_are_options(scene, tmp_path):
    assert refine(scene, tmp_path / "out", "--samples", "2", "--gravity.keep", "2.5") == 0
    settings = report(tmp_path / "out")["provenance"]["settings"]
    assert (settings["samples"], settings["keep"], settings["steps"]) == (2, 2.5, 3)


def test_the_energy_method(scene, tmp_path):
    assert refine(scene, tmp_path / "out", "--method", "energy", "--energy.steps", "4") == 0
    assert report(tmp_path / "out")["provenance"]["method"] == "energy"


def test_table_and_picture(scene, tmp_path, capsys):
    out = tmp_path / "out"
    assert refine(scene, out, "--gravity.steps", "2", cheap=False) == 0
    assert (out / "scene_before_after.png").stat().st_size > 10_000
    text = capsys.readouterr().out
    assert "deepest" in text and "before" in text and "\x1b" not in text


def test_without_opengl_there_is_a_word_and_no_picture(scene, tmp_path, monkeypatch, capsys):
    def no_opengl(*args, **kwargs):
        raise HandholdError("pictures need OpenGL")

    monkeypatch.setattr("handhold.cli.panels.draw_pairs", no_opengl)
    assert refine(scene, tmp_path / "out", "--gravity.steps", "2", cheap=False) == 0
    assert "OpenGL" in capsys.readouterr().out
    assert "OpenGL" in report(tmp_path / "out")["warnings"][0]


def test_mjcf(scene, tmp_path):
    mujoco = pytest.importorskip("mujoco")
    assert refine(scene, tmp_path / "out", "--mjcf") == 0
    assert mujoco.MjModel.from_xml_path(str(tmp_path / "out" / "scene.xml")).nbody == 3


# Awkward but sound.


def same_result(out, refined, *, to_world=None):
    first, other = (arrays(folder / "scene.npz")["hand_vertices"] for folder in (refined, out))
    return np.abs(other - (first if to_world is None else moved_by(to_world, first))).max() < 1e-4


def test_millimetres_give_the_same_result(refined, tmp_path):
    document = scene_document()
    document["units"] = "mm"
    document["hand"]["keypoints"] = (1000 * np.array(document["hand"]["keypoints"])).tolist()
    scene = write_scene(tmp_path / "in", document)
    mesh = can()
    mesh.apply_scale(1000)
    mesh.export(tmp_path / "in" / "can.obj")
    assert refine(scene, tmp_path / "out") == 0
    assert same_result(tmp_path / "out", refined)


@pytest.mark.parametrize("damage", ["inverted", "unmerged", "hole"])
def test_mended_meshes_give_the_same_result(refined, tmp_path, damage):
    mesh = can()
    if damage == "inverted":
        mesh.invert()
    elif damage == "unmerged":
        mesh = trimesh.Trimesh(
            mesh.triangles.reshape(-1, 3), np.arange(3 * len(mesh.faces)).reshape(-1, 3), process=False
        )
    else:
        mesh.update_faces(np.arange(len(mesh.faces)) != 40)
    scene = write_scene(tmp_path / "in")
    mesh.export(tmp_path / "in" / "can.obj")
    assert refine(scene, tmp_path / "out") == 0
    assert same_result(tmp_path / "out", refined)


def test_a_glb_with_a_scene_graph(refined, tmp_path):
    turn = trimesh.transformations.rotation_matrix(0.7, (0, 0, 1), (0.1, 0, 0))
    graph = trimesh.Scene()
    mesh = can()
    mesh.apply_transform(np.linalg.inv(turn))
    graph.add_geometry(mesh, transform=turn)
    document = scene_document()
    document["object"]["mesh"] = "can.glb"
    scene = write_scene(tmp_path / "in", document)
    graph.export(tmp_path / "in" / "can.glb")
    assert refine(scene, tmp_path / "out") == 0
    assert same_result(tmp_path / "out", refined)


def test_a_left_hand_is_the_right_one_in_the_mirror(refined, tmp_path):
    mirror = np.array([-1.0, 1, 1])
    document = scene_document(side="left", keypoints=(hand_keypoints() * mirror).tolist())
    assert refine(write_scene(tmp_path / "in", document), tmp_path / "out") == 0
    left, right = (report(folder)["mean"]["after"] for folder in (tmp_path / "out", refined))
    assert left["pd_mm"] == pytest.approx(right["pd_mm"], abs=0.6)
    assert left["moved_mm"] == pytest.approx(right["moved_mm"], abs=0.6)


def test_missing_keypoints(tmp_path):
    keypoints = hand_keypoints().tolist()
    keypoints[8], keypoints[12] = None, [None, None, None]
    assert refine(write_scene(tmp_path / "in", scene_document(keypoints=keypoints)), tmp_path / "out") == 0
    assert np.isfinite(report(tmp_path / "out")["mean"]["after"]["moved_mm"])


def test_names_with_spaces_unicode_and_markup(tmp_path, capsys):
    scene = write_scene(tmp_path / "ein Ordner [red] ü", name="Tasse [b] 手 1.json")
    assert refine(scene, tmp_path / "out ö", "--gravity.steps", "2", "--no-picture", cheap=False) == 0
    assert (tmp_path / "out ö" / "Tasse [b] 手 1.npz").exists()
    assert "Tasse [b] 手 1" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_read_only_input_folder(scene, tmp_path):
    scene.parent.chmod(0o555)
    try:
        assert refine(scene, tmp_path / "out") == 0
    finally:
        scene.parent.chmod(0o755)


def test_the_input_folder_is_left_alone(scene, tmp_path):
    before = {p.name: p.read_bytes() for p in scene.parent.iterdir()}
    assert refine(scene, tmp_path / "out") == 0
    assert {p.name: p.read_bytes() for p in scene.parent.iterdir()} == before


@pytest.mark.parametrize("shift", [(1.0, 0.2, 0.0), (-0.05, 0.0, 0.0)])
def test_a_hand_far_away_or_inside_gets_words_and_no_nan(tmp_path, shift):
    document = scene_document(keypoints=(hand_keypoints() + shift).tolist())
    assert refine(write_scene(tmp_path / "in", document), tmp_path / "out") == 0
    (entry,) = report(tmp_path / "out")["scenes"]
    assert all(value is not None for value in entry["after"].values())
    if shift[0] > 0.5:
        assert any("no finger touches" in warning for warning in entry["warnings"])


def test_a_turned_world_turns_the_result(refined, tmp_path):
    matrix = np.eye(4)
    matrix[:3, :3] = roma.rotvec_to_rotmat(torch.tensor([0.4, -1.0, 0.7])).double().numpy()
    matrix[:3, 3] = (0.3, -0.2, 0.9)
    document = scene_document(keypoints=moved_by(matrix, hand_keypoints()).tolist())
    document["object"]["pose"] = matrix.tolist()
    assert refine(write_scene(tmp_path / "in", document), tmp_path / "out") == 0
    first, other = (arrays(folder / "scene.npz")["hand_vertices"] for folder in (refined, tmp_path / "out"))
    assert np.abs(other - moved_by(matrix, first)).mean() < 5e-4


def test_params_and_vertices_are_taken(refined, tmp_path):
    given = arrays(refined / "scene.npz")
    params = {k: given[k].tolist() for k in ("global_orient", "hand_pose", "betas", "transl")}
    whole = {"keypoints": None, "joint_order": None}
    write_scene(tmp_path / "in", scene_document(params=params, **whole), name="params.json")
    write_scene(
        tmp_path / "in",
        scene_document(vertices=given["fitted_vertices"].tolist(), **whole),
        name="vertices.json",
    )
    assert refine(tmp_path / "in", tmp_path / "out", "--gravity.keep", "50") == 0
    for name in ("params", "vertices"):
        fitted = arrays(tmp_path / "out" / f"{name}.npz")["fitted_vertices"]
        assert np.abs(fitted - given["fitted_vertices"]).mean() < 2e-3


def test_a_motion(tmp_path):
    frames = np.stack([hand_keypoints() + np.array([0.002 * t, 0, 0]) for t in range(4)])
    document = scene_document(keypoints=frames.tolist())
    document["fps"] = 30
    out = tmp_path / "out"
    assert (
        refine(write_scene(tmp_path / "in", document), out, "--gravity.steps", "2", "--quiet", cheap=False)
        == 0
    )
    result = load_result(out / "scene.npz")
    assert result.is_motion and result.hand_vertices.shape[0] == 4 and result.fps == 30
    assert np.ptp(result.betas, axis=0).max() < 1e-5
    assert report(out)["scenes"][0]["frames"] == 4
    assert (out / "scene_before_after.png").exists()


# A folder, and what fails in it.


def test_one_bad_scene_is_named_and_the_others_are_done(tmp_path, capfd):
    for name in ("a", "b"):
        write_scene(tmp_path / "in", name=f"{name}.json")
    (tmp_path / "in" / "bad.json").write_text("{")
    assert refine(tmp_path / "in", tmp_path / "out") == 2
    assert "bad.json" in capfd.readouterr().err
    told = report(tmp_path / "out")
    assert [s["name"] for s in told["scenes"]] == ["a", "b"]
    assert [f["name"] for f in told["failures"]] == ["bad"] and "truncated" in told["failures"][0]["error"]
    assert (tmp_path / "out" / "a.npz").exists() and (tmp_path / "out" / "b.glb").exists()


def test_a_scene_that_breaks_the_method_does_not_cost_the_others(tmp_path, monkeypatch):
    def picky(grasps, *, config, generator):
        if any(g.name == "b" for g in grasps):
            raise ZeroDivisionError("no such luck")
        return grasps

    monkeypatch.setattr(handhold.cli.refine_methods, "refine_gravity", picky)
    for name in ("a", "b", "c"):
        write_scene(tmp_path / "in", name=f"{name}.json")
    assert refine(tmp_path / "in", tmp_path / "out") == 1
    assert [s["name"] for s in report(tmp_path / "out")["scenes"]] == ["a", "c"]


def test_many_scenes_go_in_chunks_in_order(tmp_path, monkeypatch):
    sizes = []

    def method(grasps, *, config, generator):
        sizes.append(len(grasps))
        return grasps

    monkeypatch.setattr(handhold.cli.refine_methods, "refine_gravity", method)
    monkeypatch.setattr(handhold.batch.loading, "CHUNK_ROWS", 4)
    for k in range(9):
        write_scene(tmp_path / "in", name=f"{k}.json")
    assert refine(tmp_path / "in", tmp_path / "out") == 0
    assert sizes == [4, 4, 1]
    assert [s["name"] for s in report(tmp_path / "out")["scenes"]] == [str(k) for k in range(9)]


def test_a_result_that_is_not_finite_is_a_failure(scene, tmp_path, monkeypatch, complaint):
    def method(grasps, *, config, generator):
        return [g.with_(params=g.params.map(lambda t: t * float("nan"))) for g in grasps]

    monkeypatch.setattr(handhold.cli.refine_methods, "refine_gravity", method)
    assert refine(scene, tmp_path / "out") == 2
    assert "finite" in complaint() and not (tmp_path / "out").exists()


# Bad input: exit 2, one message, nothing left.


def broken(**changes):
    document = scene_document()
    for dotted, value in changes.items():
        *folders, key = dotted.split("__")
        place = document
        for folder in folders:
            place = place[folder]
        if value is ...:
            del place[key]
        else:
            place[key] = value
    return document


KEYPOINTS = hand_keypoints()
BAD_SCENES = {
    "format": broken(format="handhold-scene/9"),
    "no format": broken(format=...),
    "units": broken(units="furlong"),
    "no hand": broken(hand=...),
    "unknown key": broken(hnad={}),
    "side": broken(hand__side="middle"),
    "model": broken(hand__model="robot"),
    "mano without its file": broken(hand__model="mano"),
    "joint order": broken(hand__joint_order="alphabetical"),
    "wrong joint order": broken(hand__joint_order="mano"),
    "no joint order": broken(hand__joint_order=...),
    "too few keypoints": broken(hand__keypoints=KEYPOINTS[:20].tolist()),
    "flat keypoints": broken(hand__keypoints=KEYPOINTS.ravel().tolist()),
    "words for keypoints": broken(hand__keypoints="many"),
    "infinite keypoint": broken(hand__keypoints=[[float("inf")] * 3, *KEYPOINTS[1:].tolist()]),
    "all missing": broken(hand__keypoints=[None] * 21),
    "keypoints in millimetres": broken(hand__keypoints=(1000 * KEYPOINTS).tolist()),
    "two sources": broken(hand__vertices=[[0, 0, 0]]),
    "vertex count": scene_document(keypoints=None, joint_order=None, vertices=(KEYPOINTS[:10]).tolist()),
    "param shape": scene_document(keypoints=None, joint_order=None, params={"transl": [0, 0, 0]}),
    "no rotation": broken(object__pose=(2 * np.eye(4)).tolist()),
    "mirrored pose": broken(object__pose=np.diag([-1.0, 1, 1, 1]).tolist()),
    "nan pose": broken(object__pose=[[float("nan")] * 4] * 4),
    "pose shape": broken(object__pose=[1, 2, 3]),
    "no mesh": broken(object__mesh="nothing.obj"),
    "mesh is the folder": broken(object__mesh="."),
    "no such mesh format": broken(object__mesh="scene.json"),
    "motion without fps": broken(hand__keypoints=[KEYPOINTS.tolist()] * 2),
    "fps of zero": broken(hand__keypoints=[KEYPOINTS.tolist()] * 2, fps=0),
}


@pytest.mark.parametrize("kind", BAD_SCENES)
def test_bad_scenes(kind, tmp_path, complaint):
    scene = write_scene(tmp_path / "in", BAD_SCENES[kind])
    assert refine(scene, tmp_path / "deep" / "out") == 2
    assert "scene.json" in complaint() or kind in ("no mesh",)
    assert not (tmp_path / "deep").exists()


BAD_MESHES = {
    "empty": b"",
    "garbage": bytes(range(256)) * 20,
    "points": b"v 0 0 0\nv 0 1 0\nv 1 0 0\n",
    "missing vertex": b"v 0 0 0\nv 0 0.1 0\nv 0.1 0 0\nf 1 2 9\n",
    "nan": b"v nan 0 0\nv 0 0.1 0\nv 0.1 0 0\nf 1 2 3\n",
    "no area": b"v 0 0 0\nv 0 0.1 0\nv 0 0.2 0\nf 1 2 3\n",
    "huge": b"v 0 0 0\nv 0 900 0\nv 900 0 0\nf 1 2 3\n",
    "tiny": b"v 0 0 0\nv 0 1e-6 0\nv 1e-6 0 0\nf 1 2 3\n",
}


@pytest.mark.parametrize("kind", BAD_MESHES)
def test_bad_meshes(kind, tmp_path, complaint):
    scene = write_scene(tmp_path / "in")
    (tmp_path / "in" / "can.obj").write_bytes(BAD_MESHES[kind])
    assert refine(scene, tmp_path / "out") == 2
    assert "can.obj" in complaint()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe\x00", b'{"a": 1, "a": 2}', b"not json at all"]
)
def test_bad_files(content, tmp_path, complaint):
    scene = tmp_path / "scene.json"
    scene.write_bytes(content)
    assert refine(scene, tmp_path / "out") == 2
    assert "scene.json" in complaint() and not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and nothing", b"garbage"])
def test_bad_archives(content, tmp_path, complaint):
    scene = tmp_path / "scene.npz"
    scene.write_bytes(content)
    assert refine(scene, tmp_path / "out") == 2
    assert "scene.npz" in complaint() and not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x04cos\nsystem\n."])
def test_bad_mano_files(content, scene, tmp_path, complaint):
    mano = tmp_path / "MANO_RIGHT.pkl"
    mano.write_bytes(content)
    document = scene_document(model=None)
    assert refine(write_scene(tmp_path / "in", document), tmp_path / "out", "--mano", str(mano)) == 2
    assert "MANO_RIGHT.pkl" in complaint() and not (tmp_path / "out").exists()


def test_nothing_there(tmp_path, complaint):
    assert refine(tmp_path / "none.json", tmp_path / "out") == 2
    complaint()
    assert not (tmp_path / "out").exists()


def test_an_empty_folder(tmp_path, complaint):
    (tmp_path / "in").mkdir()
    assert refine(tmp_path / "in", tmp_path / "out") == 2
    complaint()
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file(scene, tmp_path, complaint):
    (tmp_path / "out").write_text("mine")
    assert refine(scene, tmp_path / "out") == 2
    complaint()
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("where", ["missing/report.json", "."])
def test_a_report_that_cannot_be_written_is_found_first(where, scene, tmp_path, complaint):
    assert refine(scene, tmp_path / "out", "--json", str(tmp_path / where)) == 2
    complaint()
    assert not (tmp_path / "out").exists()


def test_an_input_is_never_overwritten(scene, tmp_path, complaint):
    glb = scene.with_suffix(".glb")
    can().export(glb)
    document = scene_document()
    document["object"]["mesh"] = "scene.glb"
    write_scene(scene.parent, document)
    kept = glb.read_bytes()
    assert refine(scene, scene.parent) == 2
    assert "scene.glb" in complaint()
    assert glb.read_bytes() == kept and not (scene.parent / "scene.npz").exists()


def test_the_input_folder_may_be_the_output_where_nothing_collides(scene):
    assert refine(scene, scene.parent) == 0
    assert refine(scene.parent, scene.parent) == 0  # results there are no scenes
    assert [s["name"] for s in report(scene.parent)["scenes"]] == ["scene"]


@pytest.mark.parametrize(
    "more", [("--gravity.steps", "-1"), ("--gravity.sigma-fine", "0"), ("--samples", "0")]
)
def test_settings_that_cannot_be(more, scene, tmp_path, capfd):
    assert refine(scene, tmp_path / "out", *more) == 2
    assert "Traceback" not in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_solver_is_not_for_energy(scene, tmp_path, complaint):
    assert refine(scene, tmp_path / "out", "--method", "energy", "--solver", "sde") == 2
    assert "gravity" in complaint()


def test_ctrl_c_leaves_nothing(scene, tmp_path, monkeypatch, complaint):
    def interrupted(grasps, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(handhold.cli.refine_methods, "refine_gravity", interrupted)
    assert refine(scene, tmp_path / "out") == 130
    assert "interrupted" in complaint() and not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing_of_the_scene(scene, tmp_path, monkeypatch, complaint):
    from handhold.errors import InputError

    def full(grasp, path, **options):
        raise InputError("cannot write the file", where=path, got="No space left on device")

    monkeypatch.setattr(handhold.cli.refine, "save_glb", full)
    assert refine(scene, tmp_path / "out") == 2
    assert "No space" in complaint() and not (tmp_path / "out").exists()


def test_the_demo_runs_from_any_directory(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--no-picture"]) == 0
    out = tmp_path / "handhold-demo"
    assert {"mug.obj", "mug_scene.json", "mug_scene.npz", "mug_scene.glb", "report.json"} == {
        p.name for p in out.iterdir()
    }
    told = report(out)["mean"]
    assert told["before"]["iv_cm3"] > 2 and told["after"]["iv_cm3"] < 0.3
    assert told["after"]["fingers_in_contact"] == 5 and told["after"]["bones_through"] == 0
    assert "handhold view" in capsys.readouterr().out
    shutil.copytree(out, tmp_path / "again")
    assert main(["refine", "again/mug_scene.json", "--out", "elsewhere", *CHEAP]) == 0
