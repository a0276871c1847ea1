"""Folders of meshes as other tools write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from peer_examples import mano_values

from handhold.errors import InputError
from handhold.interaction.measures import measure_frame
from handhold.io.mesh_folders import looks_like_mesh_folder, read_mesh_folder


def mano_mesh(shift: float = 0.0) -> trimesh.Trimesh:
    values = mano_values()
    return trimesh.Trimesh(values["v_template"] + [0, shift, 0], values["f"], process=False)


def ball(radius: float = 0.03) -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=2, radius=radius)


def save(folder: Path, **meshes: trimesh.Trimesh) -> Path:
    """Meshes by file name; `__` stands for the dot."""
    folder.mkdir(exist_ok=True)
    for name, mesh in meshes.items():
        mesh.export(folder / name.replace("__", "."))
    return folder


@pytest.mark.parametrize("suffix", ["ply", "obj", "stl", "off", "glb"])
def test_hands_are_read_as_they_are(suffix, tmp_path):
    hands = {f"grasp_{k}__{suffix}": mano_mesh(0.05 * k) for k in range(3)}
    folder, obj = save(tmp_path / "hands", **hands), save(tmp_path / "o", ball__ply=ball()) / "ball.ply"
    grasps = read_mesh_folder(folder, object_path=obj)
    assert [g.name for g in grasps] == ["grasp_0", "grasp_1", "grasp_2"]
    assert grasps[0].object.name == "ball" and all(g.object is grasps[0].object for g in grasps)
    for k, grasp in enumerate(grasps):
        given = np.asarray(mano_mesh(0.05 * k).vertices)
        assert grasp.hand_vertices.shape == (779, 3) and grasp.hand_faces.shape == (1554, 3)
        if suffix != "stl":  # STL has no vertex order
            assert np.allclose(grasp.hand_vertices[:778], given, atol=1e-6)
        corners = grasp.hand_vertices[grasp.hand_faces[:1538]]
        assert np.allclose(corners, given[mano_values()["f"]], atol=1e-6)
        assert "the wrist was closed by a fan of 16 faces" in grasp.notes
        assert (
            grasp.hand is None
            and grasp.joints is None
            and grasp.T_world_object.tolist() == np.eye(4).tolist()
        )
        assert np.isfinite(measure_frame(next(grasp.frames())).iv_cm3)
    assert any("joined" in note for note in grasps[0].notes) == (suffix == "stl")


@pytest.mark.parametrize("ending", ["object", "obj"])
def test_pairs(ending, tmp_path):
    meshes = {}
    for k, name in enumerate(("mug_1", "mug_2")):
        meshes |= {f"{name}_hand__ply": mano_mesh(), f"{name}_{ending}__obj": ball(0.03 + 0.01 * k)}
    folder = save(tmp_path / "pairs", **meshes)
    (folder / "notes.txt").write_text("passed over")
    (folder / ".hidden_hand.ply").write_text("passed over")
    grasps = read_mesh_folder(folder)
    assert [g.name for g in grasps] == ["mug_1", "mug_2"]
    assert [round(float(np.abs(g.object.vertices).max()), 3) for g in grasps] == [0.03, 0.04]


def test_hands_beside_their_object(tmp_path):
    """As OakInk's grasp_new_obj.py writes, and GrabNet's viewer."""
    oakink = save(tmp_path / "oakink", hand_0__obj=mano_mesh(), hand_1__obj=mano_mesh(), object__obj=ball())
    grasps = read_mesh_folder(oakink)
    assert [g.name for g in grasps] == ["hand_0", "hand_1"] and grasps[0].object.name == "object"
    grabnet = save(tmp_path / "grabnet", rh_mesh_gen_0__ply=mano_mesh(), obj_mesh_0__ply=ball())
    (grasp,) = read_mesh_folder(grabnet, object_path=grabnet / "obj_mesh_0.ply")
    assert grasp.name == "rh_mesh_gen_0" and grasp.object.name == "obj_mesh_0"


def test_units(tmp_path):
    hand, obj = mano_mesh(), ball()
    folder = save(tmp_path / "mm", a_hand__ply=hand.apply_scale(1000), a_object__ply=obj.apply_scale(1000))
    (grasp,) = read_mesh_folder(folder, units="mm")
    assert np.allclose(grasp.hand_vertices[:778], mano_values()["v_template"], atol=1e-6)
    assert np.isclose(np.abs(grasp.object.vertices).max(), 0.03)
    with pytest.raises(InputError, match="mm"):
        read_mesh_folder(folder)
    with pytest.raises(InputError, match="unknown unit"):
        read_mesh_folder(folder, units="feet")
    alone = save(tmp_path / "alone", a__ply=hand)
    with pytest.raises(InputError, match=r"a\.ply.*impossible size.*units"):
        read_mesh_folder(alone, object_path=save(tmp_path / "o", o__ply=ball()) / "o.ply")


def test_a_closed_hand_stays_as_it_is(tmp_path):
    closed = mano_mesh()
    loop = trimesh.repair.fill_holes(closed)  # triangles and quads only: MANO's wrist stays open
    assert not loop
    capsule = trimesh.creation.capsule(height=0.1, radius=0.03)
    folder = save(tmp_path / "f", a_hand__ply=capsule, a_obj__ply=ball())
    (grasp,) = read_mesh_folder(folder)
    assert grasp.notes == () and len(grasp.hand_vertices) == len(capsule.vertices)


HAND, OBJECT = mano_mesh(), ball()
BAD = {
    "nothing": ({}, "no meshes"),
    "a hand alone": (
        {"a_hand__ply": HAND, "b_hand__ply": HAND, "b_obj__ply": OBJECT},
        r"without an object.*a_hand\.ply",
    ),
    "an object alone": (
        {"a_hand__ply": HAND, "a_obj__ply": OBJECT, "c_obj__ply": OBJECT},
        r"without a hand.*c_obj\.ply",
    ),
    "two hands": (
        {"a_hand__ply": HAND, "a_hand__obj": HAND, "a_obj__ply": OBJECT},
        r"two hands have one name.*a_hand\.obj and a_hand\.ply",
    ),
    "two objects": ({"a_hand__ply": HAND, "a_obj__ply": OBJECT, "a_object__ply": OBJECT}, "two objects"),
    "two for all": ({"x__ply": HAND, "object__ply": OBJECT, "obj__ply": OBJECT}, "two objects"),
    "an object only": ({"object__ply": OBJECT}, "no hand"),
    "no names": ({"grasp_0__ply": HAND, "mug__ply": OBJECT}, r"neither hands nor objects.*--object"),
    "a stranger": ({"a_hand__ply": HAND, "a_obj__ply": OBJECT, "x__ply": HAND}, r"neither.*x\.ply"),
}


@pytest.mark.parametrize("case", BAD)
def test_mistakes_name_the_folder(case, tmp_path):
    meshes, words = BAD[case]
    folder = save(tmp_path / "folder", **meshes)
    with pytest.raises(InputError, match=words) as error:
        read_mesh_folder(folder)
    assert str(folder) in str(error.value)


def test_more_mistakes(tmp_path):
    folder = save(tmp_path / "f", a_hand__ply=HAND, a_obj__ply=OBJECT)
    with pytest.raises(InputError, match="not a folder"):
        read_mesh_folder(folder / "a_hand.ply")
    with pytest.raises(InputError, match="nothing there"):
        read_mesh_folder(folder / "none")
    with pytest.raises(InputError, match=r"--object.*does not exist"):
        read_mesh_folder(folder, object_path=folder / "none.ply")
    with pytest.raises(InputError, match=r"objects beside.*a_obj\.ply"):
        read_mesh_folder(folder, object_path=save(tmp_path / "o", x__ply=OBJECT) / "x.ply")
    with pytest.raises(InputError, match=r"some in f, o: name that folder"):
        read_mesh_folder(tmp_path)
    lines = ["v nan 0 0", *(f"v {x} {y} {z}" for x, y, z in HAND.vertices[1:])]
    lines += [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in HAND.faces]
    (folder / "a_hand.ply").unlink()
    (folder / "a_hand.obj").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"a_hand\.obj.*NaN"):
        read_mesh_folder(folder)
    (folder / "a_hand.obj").write_bytes(b"")
    with pytest.raises(InputError, match=r"a_hand\.obj.*empty"):
        read_mesh_folder(folder)


def test_a_folder_of_meshes_looks_like_one(tmp_path):
    assert looks_like_mesh_folder(save(tmp_path / "a", a_hand__ply=HAND, a_obj__ply=OBJECT))
    hands = save(tmp_path / "b", grasp_0__ply=HAND)
    assert looks_like_mesh_folder(hands)
    (hands / "report.json").write_text("{}")
    assert looks_like_mesh_folder(hands)
    (hands / "scene.json").write_text("{}")
    assert not looks_like_mesh_folder(hands)  # scenes beside their meshes
    assert not looks_like_mesh_folder(save(tmp_path / "empty"))
    assert not looks_like_mesh_folder(tmp_path / "none")
    assert not looks_like_mesh_folder(tmp_path / "a" / "a_hand.ply")
