"""Grasps of a whole hand: what closes holds, left as right, wherever the scene lies; what is no grasp says so."""

from dataclasses import replace

import numpy as np
import pytest
import roma
import torch
import trimesh
from physics_examples import cylinder_grasp, mirrored, moved, slab, solid

from handhold.errors import InputError
from handhold.hand.hulls import bones_of_joints, bones_of_model, hand_pieces
from handhold.interaction.hand_object import HandObject
from handhold.objects import ObjectMesh
from handhold.physics import (
    FREE_FALL_CM,
    SimulationError,
    SixWayConfig,
    SqueezeConfig,
    drop_grasp,
    free_object,
    grasps,
    six_way_grasp,
    six_way_pieces,
)

pytest.importorskip("mujoco")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("HANDHOLD_CACHE", str(tmp_path / "cache"))
    free_object.cache_clear()


@pytest.fixture(scope="module")
def grasp():
    return cylinder_grasp()


def away(grasp, distance=5.0):
    return grasp.with_(params=replace(grasp.params, transl=grasp.params.transl + distance))


@pytest.mark.parametrize("side", ["right", "left"])
def test_fingers_around_a_can_hold_it(grasp, side):
    grasp = grasp if side == "right" else mirrored(grasp)
    trial = six_way_grasp(grasp, squeeze=True)
    assert trial.held and trial.max_cm < 1.0
    assert 0 < trial.drift_cm < 1.0
    drop = drop_grasp(grasp, squeeze=True)
    assert drop.displacement_cm < 2.0 and drop.drift_cm > 0


def test_a_mirrored_scene_gives_mirrored_figures(grasp):
    other = mirrored(grasp)
    swap = [1, 0, 2, 3, 4, 5]  # +x and -x change places
    for squeeze in (False, True):
        ours, theirs = (six_way_grasp(g, squeeze=squeeze) for g in (grasp, other))
        np.testing.assert_allclose(ours.displacement_cm, np.array(theirs.displacement_cm)[swap], atol=0.1)
        assert ours.held == theirs.held
        assert ours.drift_cm == pytest.approx(theirs.drift_cm, abs=0.05)


@pytest.mark.parametrize("squeeze", [False, True])
def test_a_rigid_motion_of_the_scene_changes_nothing(grasp, squeeze):
    turn = roma.rotvec_to_rotmat(torch.tensor([0.7, -1.9, 0.4], dtype=torch.float64))
    there = moved(grasp, turn, torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    config = SixWayConfig(seconds=0.2)
    here = six_way_grasp(grasp, squeeze=squeeze, config=config)
    assert six_way_grasp(there, squeeze=squeeze, config=config) == here
    assert six_way_grasp(grasp, squeeze=squeeze, config=config) == here


@pytest.mark.parametrize("squeeze", [False, True])
def test_a_hand_elsewhere_holds_nothing(grasp, squeeze):
    assert drop_grasp(away(grasp), squeeze=squeeze).displacement_cm == pytest.approx(FREE_FALL_CM, abs=5e-3)
    trial = six_way_grasp(away(grasp), squeeze=squeeze)
    assert trial.displacement_cm == (10.0,) * 6 and not trial.held and trial.drift_cm == 0
    assert trial.rotation_deg == pytest.approx(
        (180.0,) * 6
    )  # what is lost never turns less than what is held


def test_a_weak_hand_drops_what_a_strong_one_holds(grasp):
    heavy = SixWayConfig(density=4000.0, seconds=0.3)
    strong = SqueezeConfig(stiffness=40.0, closing=0.04, torques=(6.0, 4.0, 2.0), spring=100.0, damping=0.1)
    weak = replace(strong, torques=(0.02, 0.02, 0.02), spring=0.1)
    held, dropped = (six_way_grasp(grasp, squeeze=True, config=heavy, closing=c) for c in (strong, weak))
    assert held.mean_cm < dropped.mean_cm / 2


def test_hinges_turn_bones_as_the_models_anatomy_does(grasp):
    """The axis of each hinge, against the turn of its bone as the anatomical angle grows a little."""
    params, hand = grasp.params, grasp.hand
    closing = grasps._hand(HandObject.of_grasp(grasp), np.eye(4), SqueezeConfig())
    here = hand(params)
    angles = hand.anatomy.angles(roma.rotvec_to_rotmat(params.hand_pose))
    np.testing.assert_allclose(closing.joints, here.joints[:16], atol=1e-6)
    order = [
        (hinge.joint, sum(h.joint == hinge.joint for h in closing.hinges[:k]))
        for k, hinge in enumerate(closing.hinges)
    ]
    assert len(order) == 4 * 4 + 3 + 2 + 1
    for (joint, angle), hinge in zip(order, closing.hinges, strict=True):
        step = torch.zeros(15, 3, dtype=torch.float64)
        step[joint - 1, angle] = 1e-3
        pose = roma.rotmat_to_rotvec(hand.anatomy.rotations(angles + step))
        there = hand(replace(params, hand_pose=pose)).T_world_joint[joint, :3, :3]
        turn = roma.rotmat_to_rotvec(there @ here.T_world_joint[joint, :3, :3].mT) / 1e-3
        np.testing.assert_allclose(hinge.axis, turn, atol=1e-3)
        assert hinge.lower <= 0 <= hinge.upper and (hinge.torque > 0) == (angle == 0)


def test_pieces_of_any_hand(grasp):
    surface = grasp.surface()
    vertices, joints = surface.vertices.numpy(), surface.joints.numpy()
    by_model = hand_pieces(vertices, bones_of_model(grasp.hand))
    config = SixWayConfig(seconds=0.2)
    assert six_way_pieces(by_model, grasp.object, config=config) == six_way_grasp(grasp, config=config)
    by_joints = hand_pieces(vertices, bones_of_joints(vertices, joints))
    assert six_way_pieces(by_joints, grasp.object, config=config).mean_cm < 5


def test_a_hand_without_a_model_stands_still_only(grasp):
    pair, config = HandObject.of_grasp(grasp), SixWayConfig(seconds=0.2)
    jointed = replace(pair, hand=None, params=None)
    bare = replace(jointed, joints=None)
    by_model = six_way_grasp(pair, config=config).mean_cm
    for other in (jointed, bare):
        assert six_way_grasp(other, config=config).mean_cm == pytest.approx(by_model, abs=1.0)
        with pytest.raises(InputError, match="cannot close"):
            six_way_grasp(other, squeeze=True, config=config)
    with pytest.raises(InputError, match="no solid"):
        six_way_grasp(replace(bare, hand_faces=bare.hand_faces[:-9]), config=config)


def test_a_motion_is_refused(grasp):
    params = grasp.params.map(lambda t: t[None].repeat_interleave(2, 0))
    with pytest.raises(InputError, match="motion"):
        six_way_grasp(grasp.with_(params=params))


def test_pieces_that_do_not_stand_for_the_object_are_refused(monkeypatch):
    whole = trimesh.creation.annulus(0.03, 0.035, 0.08)
    ring = solid(whole, name="ring")
    hull = whole.convex_hull
    for pieces in (
        [],
        [slab([0.01, 0.01, 0.01], [0, 0, 0])],
        [(np.array(hull.vertices), np.array(hull.faces))],
    ):
        monkeypatch.setattr(grasps, "convex_pieces", lambda *_, pieces=pieces, **__: pieces)
        free_object.cache_clear()
        with pytest.raises(SimulationError, match="ring: its convex pieces"):
            free_object(ring)


def test_an_open_object_has_the_mass_of_its_pieces_and_says_so(monkeypatch):
    box = trimesh.creation.box([0.06, 0.05, 0.04])
    opened = ObjectMesh.from_arrays(np.array(box.vertices), np.array(box.faces[:-1]), mend=False)
    monkeypatch.setattr(
        grasps, "convex_pieces", lambda *_, **__: [(np.array(box.vertices), np.array(box.faces))]
    )
    trial = six_way_pieces([slab([0.01, 0.01, 0.01], [3, 3, 3])], opened)
    (note,) = trial.notes
    assert "mass is that of its convex pieces" in note and "open" in note
    assert free_object(opened).inertia(density=400.0).mass == pytest.approx(400 * box.volume)
