import numpy as np
import pytest
import trimesh
from cli_examples import arrays, can, write_scene
from PIL import Image

import handhold.view.viewer
from handhold.cli.main import main


def view(path, *more) -> int:
    return main(["view", str(path), *more])


def test_a_result_as_a_picture(refined, tmp_path):
    assert view(refined / "scene.npz", "--save", str(tmp_path / "a.png")) == 0
    assert np.asarray(Image.open(tmp_path / "a.png")).std() > 5


def test_a_mesh_has_a_hand_beside_it(tmp_path):
    can().export(tmp_path / "can.obj")
    assert view(tmp_path / "can.obj", "--save", str(tmp_path / "a.glb")) == 0
    assert len(trimesh.load(tmp_path / "a.glb").geometry) == 2


def test_a_scene_as_a_page(scene, tmp_path):
    pytest.importorskip("viser")
    assert view(scene, "--save", str(tmp_path / "a.html")) == 0
    assert "<html" in (tmp_path / "a.html").read_text()[:2000].lower()


def test_a_folder_is_served(refined, monkeypatch):
    served = []
    monkeypatch.setattr(
        handhold.view.viewer, "serve", lambda panels, **options: served.append((panels, options))
    )
    assert view(refined, "--port", "9123") == 0
    ((panels, options),) = served
    assert [p.name for p in panels] == ["scene"] and options["port"] == 9123
    assert dict(panels[0].figures)["fingers touching"]


def test_surfaces_without_a_model_can_be_seen_and_not_saved_as_glb(refined, tmp_path, complaint):
    given = arrays(refined / "scene.npz")
    np.savez(tmp_path / "old.npz", **{**given, "model_version": "open-0"})
    assert view(tmp_path / "old.npz", "--save", str(tmp_path / "a.png")) == 0
    assert view(tmp_path / "old.npz", "--save", str(tmp_path / "a.glb")) == 2
    assert "model" in complaint()


@pytest.mark.parametrize("save", ["a.jpg", "a", "missing/a.png"])
def test_what_cannot_be_saved(save, scene, tmp_path, complaint):
    assert view(scene, "--save", str(tmp_path / save)) == 2
    complaint()


def test_a_page_holds_one_grasp(tmp_path, complaint):
    for name in ("a.json", "b.json"):
        write_scene(tmp_path / "in", name=name)
    assert view(tmp_path / "in", "--save", str(tmp_path / "x.html")) == 2
    complaint()


def test_nothing_there(tmp_path, complaint):
    assert view(tmp_path / "none") == 2
    complaint()
