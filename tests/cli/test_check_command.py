import json

import numpy as np
import pytest
import trimesh
from cli_examples import can, hand_keypoints, scene_document, write_scene

from handhold.cli.main import main
from handhold.objects import ObjectMesh


def check(path, *more) -> int:
    return main(["check", str(path), *more])


def test_a_sound_mesh(tmp_path, capsys):
    can().export(tmp_path / "can.stl")
    assert check(tmp_path / "can.stl", "--json", str(tmp_path / "c.json")) == 0
    mesh = json.loads((tmp_path / "c.json").read_text())["mesh"]
    assert mesh["watertight"] and mesh["volume_cm3"] == pytest.approx(can().volume * 1e6, rel=1e-4)
    assert mesh["size_cm"] == pytest.approx([8.2, 8.2, 9.5], abs=0.01)
    assert "9.5 cm" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".stl", ".glb"])
def test_the_mended_mesh_is_saved(tmp_path, suffix, capsys):
    mesh = can()
    mesh.invert()
    mesh.update_faces(np.arange(len(mesh.faces)) != 40)
    mesh.export(tmp_path / "bad.obj")
    assert check(tmp_path / "bad.obj", "--save", str(tmp_path / f"good{suffix}")) == 0
    assert "holes" in capsys.readouterr().out
    good = ObjectMesh.load(tmp_path / f"good{suffix}")
    assert good.is_watertight and good.volume_m3 == pytest.approx(can().volume, rel=1e-4)


def test_units_are_guessed_and_obeyed(tmp_path, capsys):
    mesh = can()
    mesh.apply_scale(100)
    mesh.export(tmp_path / "can.obj")
    assert check(tmp_path / "can.obj", "--units", "cm") == 0
    assert "9.5 cm" in capsys.readouterr().out
    assert check(tmp_path / "can.obj") == 0
    assert "--units cm" in capsys.readouterr().out


def test_of_a_wrong_unit_each_user_is_told_what_to_write(tmp_path, complaint):
    mesh = can()
    mesh.apply_scale(1000)
    mesh.export(tmp_path / "can.obj")
    assert check(tmp_path / "can.obj") == 2
    text = complaint()
    assert "--units mm" in text and "units='mm'" in text and 'object.units "mm"' in text
    write_scene(tmp_path)  # in metres, of the mesh in millimetres
    assert check(tmp_path / "scene.json") == 2
    assert 'object.units "mm"' in complaint()
    document = scene_document()
    document["object"]["units"] = "mm"
    assert check(write_scene(tmp_path, document)) == 0


def test_a_scene(tmp_path, capsys):
    keypoints = hand_keypoints().tolist()
    keypoints[4] = None
    scene = write_scene(tmp_path, scene_document(keypoints=keypoints))
    assert check(scene, "--json", str(tmp_path / "c.json")) == 0
    hand = json.loads((tmp_path / "c.json").read_text())["hand"]
    assert hand["keypoints_missing"] == 1 and 0 < hand["fit_error_mm"] < 10
    assert "1 keypoints missing" in capsys.readouterr().out


def test_a_result(refined, capsys):
    assert check(refined / "scene.npz") == 0
    assert "right" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["none.obj", ".", "notes.txt", "cloud.ply"])
def test_what_cannot_be_used_is_refused(name, tmp_path, complaint):
    (tmp_path / "notes.txt").write_text("hello")
    trimesh.PointCloud(np.eye(3)).export(tmp_path / "cloud.ply")
    assert check(tmp_path / name, "--save", str(tmp_path / "fixed.obj")) == 2
    complaint()
    assert not (tmp_path / "fixed.obj").exists()


@pytest.mark.parametrize("save", ["can.obj", "fixed.step", "missing/fixed.obj"])
def test_where_it_cannot_be_saved(save, tmp_path, complaint):
    can().export(tmp_path / "can.obj")
    kept = (tmp_path / "can.obj").read_bytes()
    assert check(tmp_path / "can.obj", "--save", str(tmp_path / save)) == 2
    complaint()
    assert (tmp_path / "can.obj").read_bytes() == kept
