"""Painted GLB, read by the reader that was written from glTF's specification, and by trimesh."""

import json

import numpy as np
import pytest
import trimesh
from test_glb import Glb

from handhold.errors import InputError
from handhold.geometry.painted import PaintedMesh
from handhold.io.painted_glb import linear, save_painted_glb


def ball(name: str, *, at=(0.0, 0.0, 0.0), turn=None) -> PaintedMesh:
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=0.05)
    pose = np.eye(4)
    pose[:3, 3] = at
    if turn is not None:
        pose[:3, :3] = turn
    colours = np.random.default_rng(len(name)).random((len(mesh.vertices), 3))
    return PaintedMesh(name, np.asarray(mesh.vertices), mesh.vertices / 0.05, mesh.faces, colours, pose)


TURN = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


@pytest.fixture
def meshes():
    return [ball("thing", at=(0.1, 0.2, 0.3), turn=TURN), ball("hand")]


def test_nodes_stand_where_they_should(tmp_path, meshes):
    save_painted_glb(meshes, tmp_path / "a.glb", name="two", up="y", extras={"instruction": "hold it"})
    glb = Glb(tmp_path / "a.glb")
    assert glb.doc["asset"]["extras"] == {"instruction": "hold it"}
    assert glb.doc["asset"]["generator"].startswith("handhold ")
    scene = trimesh.load(tmp_path / "a.glb")
    for mesh in meshes:
        pose, geometry = scene.graph[mesh.name]
        points = trimesh.transform_points(scene.geometry[geometry].vertices, pose)
        np.testing.assert_allclose(points, mesh.in_world().vertices, atol=1e-6)


def test_up_is_y_in_the_file(tmp_path):
    save_painted_glb([ball("thing", at=(0, 0, 1))], tmp_path / "a.glb", name="one", up="z")
    middle = trimesh.load(tmp_path / "a.glb").bounds.mean(0)
    np.testing.assert_allclose(middle, (0, 1, 0), atol=1e-6)


def test_attributes_follow_the_specification(tmp_path, meshes):
    save_painted_glb(meshes, tmp_path / "a.glb", name="two")
    glb = Glb(tmp_path / "a.glb")
    for mesh, written in zip(meshes, glb.doc["meshes"], strict=True):
        (primitive,) = written["primitives"]
        attributes = primitive["attributes"]
        got = {name: glb.array(index) for name, index in attributes.items()}
        assert set(got) == {"POSITION", "NORMAL", "COLOR_0"} and len({len(a) for a in got.values()}) == 1
        assert {"min", "max"} <= set(glb.doc["accessors"][attributes["POSITION"]])
        np.testing.assert_allclose(got["COLOR_0"], linear(mesh.colours), atol=1e-6)
        assert got["COLOR_0"].min() >= 0 and got["COLOR_0"].max() <= 1
        np.testing.assert_allclose(np.linalg.norm(got["NORMAL"], axis=1), 1, atol=1e-5)
        np.testing.assert_array_equal(glb.array(primitive["indices"]).reshape(-1, 3), mesh.faces)
        material = glb.doc["materials"][primitive["material"]]
        assert material["pbrMetallicRoughness"]["baseColorFactor"] == [
            1,
            1,
            1,
            1,
        ]  # it multiplies the colours
    for view in glb.doc["bufferViews"]:
        assert view["byteOffset"] % 4 == 0
    json.dumps(glb.doc, allow_nan=False)


@pytest.mark.parametrize(("screen", "light"), [(0, 0), (1, 1), (0.5, 0.21404), (0.02, 0.001548), (2, 1)])
def test_light_of_screens(screen, light):
    assert linear(np.array([screen]))[0] == pytest.approx(light, abs=1e-5)


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError):
        save_painted_glb([ball("thing")], tmp_path / "none" / "a.glb", name="one")
