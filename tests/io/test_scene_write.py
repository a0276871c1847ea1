"""A scene that was written says what the grasp was, and is standard JSON."""

import json
import os

import numpy as np
import pytest
import torch

from handhold.errors import InputError
from handhold.io.scene import load_scene
from handhold.io.scene_write import object_file_name, save_object, save_scene
from handhold.objects import ObjectMesh

FIELDS = ("global_orient", "hand_pose", "betas", "transl")


def written(grasp, folder, **options):
    mesh = folder / "meshes" / "box.obj"
    mesh.parent.mkdir(parents=True, exist_ok=True)
    save_object(grasp.object, mesh)
    path = folder / "scenes" / f"{grasp.name}.json"
    path.parent.mkdir(exist_ok=True)
    save_scene(grasp, path, mesh=mesh, **options)
    return path


def same(grasp, scene):
    for field in FIELDS:
        torch.testing.assert_close(
            getattr(scene.params, field), getattr(grasp.params, field), atol=2e-9, rtol=1e-6
        )
    torch.testing.assert_close(scene.T_world_object, grasp.T_world_object, atol=1e-6, rtol=0)
    assert (scene.side, scene.model, scene.name) == (grasp.hand.side, grasp.hand.name, grasp.name)
    assert scene.instruction == grasp.instruction and scene.fps == grasp.fps
    np.testing.assert_allclose(scene.load_object().vertices, grasp.object.vertices, atol=1e-9)


def test_a_grasp_comes_back(grasp, tmp_path):
    same(grasp, load_scene(written(grasp, tmp_path)))


def test_a_motion_comes_back(motion, tmp_path):
    scene = load_scene(written(motion, tmp_path))
    same(motion, scene)
    assert scene.is_motion and len(scene.T_world_object) == 5


def test_a_single_grasp_has_no_frame_rate(grasp, tmp_path):
    path = written(grasp.with_(fps=30.0, instruction=None), tmp_path)
    assert {"fps", "instruction"}.isdisjoint(json.loads(path.read_text()))


def test_the_file_is_standard_json_with_short_numbers(grasp, tmp_path):
    def refuse(value):
        raise AssertionError(f"{value} is no standard JSON")

    document = json.loads(written(grasp, tmp_path).read_text(), parse_constant=refuse)
    numbers = [x for row in document["hand"]["params"]["hand_pose"] for x in row]
    assert all(x == round(x, 9) for x in numbers) and document["units"] == "m"
    assert set(document["hand"]) == {"side", "model", "params"}


def test_paths_are_relative_so_that_the_folders_can_be_moved_together(grasp, tmp_path):
    path = written(grasp, tmp_path / "one")
    assert json.loads(path.read_text())["object"]["mesh"] == "../meshes/box.obj"
    (tmp_path / "one").rename(tmp_path / "two")
    same(grasp, load_scene(tmp_path / "two" / "scenes" / path.name))


def test_a_linked_folder_leads_to_the_same_mesh(grasp, tmp_path):
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "data" / "scenes").parent.mkdir()
    (tmp_path / "data" / "scenes").symlink_to(tmp_path / "deep" / "down")
    same(grasp, load_scene(written(grasp, tmp_path / "data")))


def test_another_drive_is_named_in_full(grasp, tmp_path, monkeypatch):
    def no_relative_path(*args):
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    monkeypatch.setattr(os.path, "relpath", no_relative_path)
    path = written(grasp, tmp_path)
    assert json.loads(path.read_text())["object"]["mesh"] == (tmp_path / "meshes/box.obj").as_posix()
    same(grasp, load_scene(path))


def test_a_mesh_in_other_units(grasp, tmp_path):
    in_mm = ObjectMesh.from_arrays(grasp.object.vertices, grasp.object.faces, name="box")
    mesh = tmp_path / "box_mm.obj"
    save_object(ObjectMesh(in_mm.vertices * 1e3, in_mm.faces, in_mm.name, in_mm.report), mesh)
    save_scene(grasp, tmp_path / "scene.json", mesh=mesh, object_units="mm", up="y")
    scene = load_scene(tmp_path / "scene.json")
    same(grasp.with_(name="scene"), scene)
    assert scene.up == "y"


def test_the_same_object_has_the_same_file_name(grasp):
    bigger = ObjectMesh.from_arrays(grasp.object.vertices * 1.01, grasp.object.faces, name="box")
    again = ObjectMesh.from_arrays(grasp.object.vertices, grasp.object.faces, name="other")
    assert object_file_name(again) == object_file_name(grasp.object) != object_file_name(bigger)


def test_a_folder_that_is_not_there(grasp, tmp_path):
    with pytest.raises(InputError, match="cannot write"):
        save_scene(grasp, tmp_path / "nowhere" / "scene.json", mesh=tmp_path / "box.obj")
    assert not list(tmp_path.iterdir())
