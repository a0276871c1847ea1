"""Part files: written and read again, checked against the mesh."""

import json

import numpy as np
import pytest
import torch

from handhold.errors import InputError
from handhold.objects import ObjectMesh
from handhold.objects.household import Part, PartedObject, load_parts, make, save_parts


@pytest.fixture(scope="module")
def knife():
    return make("knife")


@pytest.fixture
def document(knife, tmp_path):
    save_parts(knife, tmp_path / "knife.json")
    return json.loads((tmp_path / "knife.json").read_text())


def reread(mesh, document, tmp_path):
    path = tmp_path / "parts.json"
    path.write_text(json.dumps(document))
    return load_parts(mesh, path)


def test_round_trip(knife, document, tmp_path):
    loaded = reread(knife.mesh, document, tmp_path)
    assert loaded.parts == knife.parts
    assert np.array_equal(loaded.face_parts, knife.face_parts) and loaded.mesh is knife.mesh
    assert loaded.part_areas_m2 == knife.part_areas_m2
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_round_trip_through_a_mesh_file(knife, document, tmp_path):
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in knife.mesh.vertices]
    lines += ["f {} {} {}".format(*face) for face in knife.mesh.faces + 1]
    (tmp_path / "knife.obj").write_text("\n".join(lines))
    mesh = ObjectMesh.load(tmp_path / "knife.obj", mend=False)
    assert np.array_equal(reread(mesh, document, tmp_path).face_parts, knife.face_parts)


def test_hand_written_file_needs_little():
    mesh = make("cube").mesh
    top = (mesh.vertices[mesh.faces][:, :, 2].min(1) > 0.04).astype(int)
    labelled = PartedObject(mesh, (Part("rest"), Part("top", ("press",))), top)
    points = labelled.part_points("top", 100, torch.Generator().manual_seed(0))
    assert (points.points[:, 2] > 0.04).all() and (top[points.face.numpy()] == 1).all()


def test_purposes_and_hold_may_be_left_out(knife, document, tmp_path):
    for part in document["parts"]:
        for key in ("purposes", "hold", "area_share"):
            del part[key]
    assert reread(knife.mesh, document, tmp_path).parts == (Part("handle"), Part("blade"))


def test_another_mesh_is_refused(knife, document, tmp_path):
    with pytest.raises(InputError, match="do not fit the mesh"):
        reread(make("mug").mesh, document, tmp_path)
    turned = ObjectMesh.from_arrays(knife.mesh.vertices, knife.mesh.faces[::-1], mend=False)
    with pytest.raises(InputError, match="another order"):
        reread(turned, document, tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(format="handhold-parts/9"), "handhold-parts/1"),
        (lambda d: d.pop("face_parts"), "face_parts"),
        (lambda d: d.update(face_parts=[0.5] * len(d["face_parts"])), "whole numbers"),
        (lambda d: d["face_parts"].__setitem__(0, 7), "not there"),
        (lambda d: d["face_parts"].pop(), "do not fit"),
        (lambda d: d.update(parts=[]), "names of their own"),
        (lambda d: d["parts"][1].update(name="handle"), "names of their own"),
        (lambda d: d["parts"][0].update(hold="yes"), "true nor false"),
        (lambda d: d["parts"][0].update(purposes="cut"), "not words"),
        (lambda d: d["parts"][0].update(colour="red"), "colour"),
        (lambda d: d["parts"].__setitem__(0, 5), "no name"),
    ],
)
def test_damage_is_said(knife, document, tmp_path, change, words):
    change(document)
    with pytest.raises(InputError, match=words):
        reread(knife.mesh, document, tmp_path)


def test_files_that_are_none(knife, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_parts(knife.mesh, tmp_path / "missing.json")
    (tmp_path / "text.json").write_text("handle")
    with pytest.raises(InputError, match="not JSON"):
        load_parts(knife.mesh, tmp_path / "text.json")
    with pytest.raises(InputError, match="cannot write"):
        save_parts(knife, tmp_path / "missing" / "knife.json")
