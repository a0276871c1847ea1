"""Free fall, a vice, a cage, a lever: what a world of convex pieces must do."""

import numpy as np
import pytest
import roma
import torch
import trimesh
from physics_examples import clamp, slab, solid

from handhold.errors import HandholdError, InputError
from handhold.objects.inertia import Inertia
from handhold.physics import (
    FREE_FALL_CM,
    SimulationError,
    SixWayConfig,
    drop_pieces,
    free_object,
    obman_drop,
    six_way,
    six_way_pieces,
)

pytest.importorskip("mujoco")

FAR = [slab([0.01, 0.01, 0.01], [3, 3, 3])]
BOX = solid(trimesh.creation.box([0.06, 0.05, 0.04]))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, and a folder that no log may be written to."""
    monkeypatch.setenv("HANDHOLD_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_what_nothing_touches_drops_as_published():
    trial = drop_pieces(FAR, BOX)
    steps, dt = 35, 1 / 240
    assert trial.displacement_cm == pytest.approx(100 * 9.8 * dt**2 * steps * (steps + 1) / 2, abs=1e-6)
    assert trial.displacement_cm == pytest.approx(FREE_FALL_CM, abs=5e-3)
    assert trial.drift_cm == trial.overlap_mm == 0


def test_what_nothing_touches_falls_by_semi_implicit_euler_and_does_not_turn():
    config = SixWayConfig(seconds=0.1, lost=1.0)
    wedge = solid(trimesh.creation.cone(0.03, 0.09))  # its centre of mass is not its vertices' mean
    trial = six_way_pieces(FAR, wedge, config=config)
    fall = 100 * config.gravity * config.timestep**2 * 50 * 51 / 2
    np.testing.assert_allclose(trial.displacement_cm, fall, rtol=1e-9)
    np.testing.assert_allclose(trial.rotation_deg, 0, atol=1e-6)
    assert not trial.held


def test_what_is_lost_counts_as_lost_and_no_further():
    trial = six_way_pieces(FAR, BOX)
    assert trial.displacement_cm == (10.0,) * 6 and trial.mean_cm == trial.max_cm == 10.0
    assert trial.notes == ()


def test_a_vice_holds_by_friction_and_slips_without():
    vice = clamp(gap=0.039)
    trial = six_way_pieces(vice, BOX)
    assert trial.held and trial.max_cm < 0.2 and trial.mean_deg < 2
    assert trial.overlap_mm == pytest.approx(0.5, abs=0.05)
    slips = six_way_pieces(vice, BOX, config=SixWayConfig(friction=0.02))
    sideways, along = slips.displacement_cm[:4], slips.displacement_cm[4:]
    assert min(sideways) == 10.0 and max(along) < 0.2 and not slips.held


def test_a_cage_holds_without_friction():
    walls = [
        slab(np.full(3, 0.02) + 0.08 * (1 - axis), side * 0.051 * axis)
        for axis in np.eye(3)
        for side in (-1, 1)
    ]
    ball = solid(trimesh.creation.icosphere(subdivisions=3, radius=0.04))
    trial = six_way_pieces(walls, ball, config=SixWayConfig(friction=0.0))
    assert trial.max_cm < 0.2  # a millimetre of play, and the softness of the contact


def test_a_deep_overlap_is_pushed_apart_gently():
    """A box that overlaps one slab by 2 mm leaves it, slower than 5 cm/s; nothing is thrown."""
    floor = [slab([0.2, 0.2, 0.04], [0, 0, -0.02 - 0.02 + 0.002])]
    config = SixWayConfig(gravity=0.0, seconds=0.3)
    trial = six_way_pieces(floor, BOX, config=config)
    assert trial.overlap_mm == pytest.approx(2, abs=0.01)
    assert 0.1 < trial.max_cm < 0.2 + 5 * 0.3


def test_the_true_centre_of_mass_tips_where_the_mean_of_vertices_does_not():
    """A rod, finely meshed at one end, on a shelf below that end: the published drop is deceived."""
    rod = trimesh.creation.box([0.12, 0.02, 0.02])
    fine = rod
    for _ in range(5):
        near = fine.triangles_center[:, 0] > 0.03
        fine = fine.subdivide(np.flatnonzero(near)) if near.any() else fine.subdivide()
    rod = solid(trimesh.Trimesh(fine.vertices, fine.faces))
    assert rod.vertices[:, 0].mean() > 0.03
    shelf = [slab([0.05, 0.02, 0.04], [0.045, 0.02, 0])]  # under x from 0.02 on; gravity is +y
    assert drop_pieces(shelf, rod).displacement_cm < 0.2
    true = six_way_pieces(shelf, rod)
    assert true.displacement_cm[2] > 2 and true.rotation_deg[2] > 20


def test_a_rigid_motion_of_the_scene_changes_nothing_six_way():
    bent = solid(trimesh.creation.annulus(0.02, 0.035, 0.04))
    hand = [*clamp(gap=0.039), slab([0.02, 0.02, 0.02], [0.02, 0.03, 0.021])]
    generator = np.random.default_rng(0)
    turn = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn, generator.normal(size=3)
    there = [(v @ turn.T + pose[:3, 3], f) for v, f in hand]
    config = SixWayConfig(friction=0.15)  # on the brink
    here = six_way_pieces(hand, bent, config=config)
    assert six_way_pieces(there, bent, T_world_object=pose, config=config) == here
    assert six_way_pieces(hand, bent, config=config) == here


def test_gravity_of_the_drop_is_the_frames_own():
    shelf = [slab([0.2, 0.02, 0.2], [0, 0.035, 0])]  # touches the box's lower side, +y being down
    assert drop_pieces(shelf, BOX).displacement_cm < 0.2
    over = np.diag([1.0, -1.0, -1.0, 1.0])
    flipped = [(v @ over[:3, :3].T, f) for v, f in shelf]
    assert drop_pieces(flipped, BOX, T_world_object=over).displacement_cm == pytest.approx(
        FREE_FALL_CM, abs=5e-3
    )


def test_friction_of_the_drop_is_chosen():
    inclined = roma.rotvec_to_rotmat(
        torch.tensor([0.0, 0.0, 0.95], dtype=torch.float64)
    ).numpy()  # 54 degrees
    pose = np.eye(4)
    pose[:3, :3] = inclined
    vertices, faces = slab([0.4, 0.02, 0.2], [0, 0.035, 0])
    ramp = [(vertices @ inclined.T, faces)]
    assert drop_pieces(ramp, BOX, T_world_object=pose).displacement_cm < 0.8
    assert drop_pieces(ramp, BOX, T_world_object=pose, friction=0.5).displacement_cm > 4


def test_no_pieces_are_a_failure_and_no_fall():
    inertia = Inertia(0.4, np.zeros(3), np.eye(3) * 1e-4)
    (piece,) = free_object(BOX).pieces
    with pytest.raises(SimulationError, match="object has no convex pieces"):
        six_way(FAR, [], inertia)
    with pytest.raises(SimulationError, match="hand has no convex pieces"):
        obman_drop([], BOX.vertices, [piece])
    flat = [(np.array(v) * [1, 1, 0], f) for v, f in FAR]
    with pytest.raises(SimulationError, match="hand has no convex pieces"):
        six_way(flat, [piece], inertia)
    assert issubclass(SimulationError, HandholdError)


def test_numbers_that_are_not_finite_are_refused():
    inertia = Inertia(0.4, np.zeros(3), np.eye(3) * 1e-4)
    (piece,) = free_object(BOX).pieces
    with pytest.raises(InputError, match="not finite"):
        six_way([(FAR[0][0] * np.nan, FAR[0][1])], [piece], inertia)
    for bad in (Inertia(np.nan, np.zeros(3), np.eye(3)), Inertia(1.0, np.full(3, np.inf), np.eye(3))):
        with pytest.raises(InputError, match="mass"):
            six_way(FAR, [piece], bad)
    with pytest.raises(InputError, match="T_world_object"):
        six_way_pieces(FAR, BOX, T_world_object=np.full((4, 4), np.nan))


def test_settings_that_mean_nothing_are_refused():
    for bad in ({"seconds": 0.0}, {"density": -1.0}, {"friction": np.nan}, {"timestep": np.inf}):
        with pytest.raises(InputError, match=next(iter(bad))):
            SixWayConfig(**bad)
    with pytest.raises(InputError, match="friction"):
        drop_pieces(FAR, BOX, friction=-1.0)


def test_a_simulation_that_breaks_down_is_a_failure(tmp_path):
    (piece,) = free_object(BOX).pieces
    impossible = Inertia(1e-12, np.zeros(3), np.eye(3) * 1e-18)
    with pytest.raises(SimulationError):
        six_way(clamp(gap=0.02), [piece], impossible, config=SixWayConfig(gravity=1e12, lost=1e9))
    assert not (tmp_path / "MUJOCO_LOG.TXT").exists()
