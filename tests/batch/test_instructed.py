"""What a sentence points at becomes a part; the contact is painted."""

import numpy as np
import pytest
import torch
import trimesh

from handhold.batch.instructed import (
    ASKED,
    FORBIDDEN,
    REST,
    fingers_named,
    fingers_of,
    instructed,
    parted_by,
)
from handhold.cli.demo_scene import make_grasp
from handhold.errors import InputError
from handhold.hand import Hand
from handhold.interaction.grasp import Grasp
from handhold.methods.synthesize.result import Ask, Found, Synthesis
from handhold.models.contact import ToldContact
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject, make
from handhold.objects.repair import triangle_areas

HAND = Hand.open()


def told(mesh, where, *, count=8192, hand=(), absent=False, words="hold it there"):
    """Contact `where(points)`, by the fingers named by number."""
    drawn = mesh.sample(count, torch.Generator().manual_seed(1))
    weights = torch.as_tensor(np.asarray(where(drawn.points.numpy(), drawn.face.numpy()), float)).float()
    skin = torch.isin(HAND.finger_labels, torch.tensor([k + 1 for k in hand], dtype=torch.long)).float() * 0.9
    return ToldContact(
        words, drawn.points.float(), drawn.normals.float(), weights, skin, absent, float(absent)
    )


def box(size=(0.06, 0.05, 0.2)) -> ObjectMesh:
    shape = trimesh.creation.box(size)
    return ObjectMesh.from_arrays(shape.vertices, shape.faces, name="box")


def middles(obj: PartedObject) -> np.ndarray:
    return obj.mesh.vertices[obj.mesh.faces].mean(1)


def share(obj: PartedObject, faces: np.ndarray) -> float:
    """Intersection over union, by area, of what is asked for and some faces."""
    area = triangle_areas(obj.mesh.vertices, obj.mesh.faces)
    asked = obj.face_parts == 0
    return float(area[asked & faces].sum() / area[asked | faces].sum())


def test_twelve_triangles_carry_a_mask():
    mesh = box()
    obj = parted_by(told(mesh, lambda p, _: p[:, 2] > 0.05), mesh)
    assert [part.name for part in obj.parts] == [ASKED, REST, FORBIDDEN]
    assert share(obj, middles(obj)[:, 2] > 0.05) > 0.9
    assert obj.part_areas_m2[FORBIDDEN] == 0
    solid = obj.mesh.manifold()
    assert solid is not None and solid.volume() == pytest.approx(mesh.volume_m3)
    ends = obj.mesh.vertices[obj.mesh.faces]
    assert np.linalg.norm(ends - np.roll(ends, 1, axis=1), axis=-1).max() <= 0.008
    points = np.random.default_rng(0).normal(0, 0.08, (200, 3))
    np.testing.assert_allclose(
        obj.mesh.distance.query(points).distance, mesh.distance.query(points).distance, atol=1e-12
    )


def test_small_faces_stay_as_they_are():
    shape = trimesh.creation.icosphere(subdivisions=3, radius=0.04)
    mesh = ObjectMesh.from_arrays(shape.vertices, shape.faces)
    assert parted_by(told(mesh, lambda p, _: p[:, 0] > 0), mesh).mesh is mesh


def test_a_part_of_a_household_object_is_found_again_on_the_bare_mesh():
    mug = make("mug")
    bare = ObjectMesh.from_arrays(mug.mesh.vertices, mug.mesh.faces, name="mug")
    handle = np.isin(np.arange(len(mug.mesh.faces)), mug.part_faces("handle"))
    found = parted_by(told(mug.mesh, lambda _, face: handle[face]), bare)
    true = handle[mug.mesh.distance.query(middles(found)).face]
    assert share(found, true) > 0.9
    inside = mug.part_faces("inside")
    hollow = np.isin(mug.mesh.distance.query(middles(found)).face, inside) & (middles(found)[:, 2] < 0.05)
    assert (found.face_parts[hollow] == 2).mean() > 0.9


def test_the_cut_is_at_half_the_maximum_and_specks_go():
    mesh = box()

    def where(p, _):
        return np.where(p[:, 2] > 0.05, 0.4, np.where(p[:, 2] > 0.03, 0.15, 0.0)) + 0.35 * (
            np.linalg.norm(p - [0.03, 0, -0.08], axis=1) < 0.006
        )

    obj = parted_by(told(mesh, where), mesh)
    heights = middles(obj)[obj.face_parts == 0][:, 2]
    assert heights.min() > 0.04 and share(obj, middles(obj)[:, 2] > 0.05) > 0.9


def test_two_patches_of_like_size_both_stay():
    mesh = box()
    obj = parted_by(told(mesh, lambda p, _: np.abs(p[:, 0]) > 0.0299), mesh)
    sides = middles(obj)[obj.face_parts == 0][:, 0]
    assert sides.min() < -0.029 and sides.max() > 0.029


def test_a_point_is_grown_to_what_a_finger_finds():
    mesh = box()
    spot = np.array([0.03, 0.0, 0.0])
    obj = parted_by(told(mesh, lambda p, _: np.linalg.norm(p - spot, axis=1) < 0.003), mesh)
    least = max(1e-4, 0.01 * sum(obj.part_areas_m2.values()))
    assert least <= obj.part_areas_m2[ASKED] < 10 * least
    assert np.linalg.norm(middles(obj)[obj.face_parts == 0] - spot, axis=1).max() < 0.03


def test_a_wall_is_asked_for_on_the_side_that_is_touched():
    mesh = box((0.1, 0.1, 0.004))
    obj = parted_by(told(mesh, lambda p, _: p[:, 2] > 0.0019), mesh)
    below = middles(obj)[:, 2] < -0.0019
    assert (obj.face_parts[below] == 0).mean() < 0.02
    assert (obj.face_parts[middles(obj)[:, 2] > 0.0019] == 0).mean() > 0.9


def test_no_fingers_stay_no_fingers():
    knife = make("knife")
    handle = np.isin(np.arange(len(knife.mesh.faces)), knife.part_faces("handle"))
    obj = parted_by(told(knife.mesh, lambda p, _: np.ones(len(p))), knife)
    kept = handle[knife.mesh.distance.query(middles(obj)).face]
    assert share(obj, kept) > 0.98
    assert [part.hold for part in obj.parts] == [True, True, False]
    with pytest.raises(InputError, match="no finger belongs"):
        parted_by(told(knife.mesh, lambda _, face: ~handle[face]), knife)


def test_what_is_absent_or_nowhere_is_refused():
    mesh = box()
    with pytest.raises(InputError, match=r"box: the object seems.*no such part.*by its ear.*--part"):
        parted_by(told(mesh, lambda p, _: p[:, 2] > 0, absent=True, words="by its ear"), mesh)
    with pytest.raises(InputError, match="where the sentence points"):
        parted_by(told(mesh, lambda p, _: 0 * p[:, 2]), mesh)


def test_turning_the_object_changes_nothing():
    mesh = box()
    turn = trimesh.transformations.random_rotation_matrix(np.array([0.1, 0.5, 0.3]))[:3, :3]
    turned = ObjectMesh(mesh.vertices @ turn.T + 0.1, mesh.faces, mesh.name, mesh.report)
    here = told(mesh, lambda p, _: p[:, 2] > 0.03)
    rotation = torch.from_numpy(turn).float()
    there = ToldContact(
        "", here.points @ rotation.T + 0.1, here.normals @ rotation.T, here.object, here.hand, False, 0.0
    )
    areas = [parted_by(t, m).part_areas_m2[ASKED] for t, m in ((here, mesh), (there, turned))]
    assert areas[0] == pytest.approx(areas[1], rel=0.01)


def test_loose_triangles_are_one_patch_where_they_meet():
    mesh = box()
    loose = ObjectMesh(
        mesh.vertices[mesh.faces].reshape(-1, 3), np.arange(36).reshape(-1, 3), "loose", mesh.report
    )
    weights = told(mesh, lambda p, _: p[:, 2] > 0.05)
    areas = [parted_by(weights, m).part_areas_m2[ASKED] for m in (mesh, loose)]
    assert areas[0] == pytest.approx(areas[1])


# Ranking by fingers.


def found(mesh, *, lift: float, energy: float) -> Found:
    params = make_grasp(HAND, side_angle=0.0)
    params = params.map(lambda t: t.clone())
    params.transl[2] += lift
    return Found(Grasp(HAND, params, mesh, torch.eye(4)), "power", Ask(part=ASKED), energy, 0.9, 0.1, 5)


def test_which_fingers_a_sentence_names():
    mesh = box()
    assert fingers_named(told(mesh, lambda p, _: p[:, 2], hand=(0, 1))).tolist() == [True, True, *[False] * 3]
    assert not fingers_named(told(mesh, lambda p, _: p[:, 2])).any()


def test_what_is_handed_back():
    can = trimesh.creation.cylinder(0.041, 0.095)
    mesh = ObjectMesh.from_arrays(can.vertices + np.array([0, 0, 0.0475]), can.faces, name="can")
    grasps = [found(mesh, lift=lift, energy=k) for k, lift in enumerate((1.0, 0.0, 0.0))]
    touching = fingers_of(grasps[1])
    assert not fingers_of(grasps[0]).any() and touching.sum() >= 2
    sentence = told(mesh, lambda p, _: p[:, 2], hand=np.flatnonzero(touching), words="take the can")
    made = instructed(Synthesis(tuple(grasps), {"touch": 1}, {"draw": 1.0}), sentence, mesh)
    assert [one.energy for one in made.found] == [1, 2, 0]  # those that agree first, else as they came
    assert [one.grasp.name for one in made.found] == ["can_000", "can_001", "can_002"]
    assert all(one.grasp.object is mesh and one.grasp.instruction == "take the can" for one in made.found)
    assert made.rejected == {"touch": 1} and made.seconds == {"draw": 1.0}
    silent = instructed(made, told(mesh, lambda p, _: p[:, 2]), mesh)
    assert [one.energy for one in silent.found] == [1, 2, 0]
