"""Motions whose derivatives are known, and hands that hold or slip."""

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from handhold.errors import InputError
from handhold.evaluate.metrics import motion

RNG = np.random.default_rng(0)
FPS = 20.0
TIME = np.arange(30) / FPS
OBJECT = RNG.uniform(-0.05, 0.05, size=(200, 3))


def poses(frames: int, *, turn=(0.0, 0.0, 0.0), step=(0.0, 0.0, 0.0)) -> np.ndarray:
    matrix = np.tile(np.eye(4), (frames, 1, 1))
    k = np.arange(frames)[:, None]
    matrix[:, :3, :3] = Rotation.from_rotvec(k * np.array(turn)).as_matrix()
    matrix[:, :3, 3] = k * np.array(step)
    return matrix


def carried(points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    return np.einsum("tij,pj->tpi", pose[:, :3, :3], points) + pose[:, None, :3, 3]


def brute_homc(hand: np.ndarray, points: np.ndarray, pose: np.ndarray) -> float:
    world, total = carried(points, pose), 0.0
    for t in range(len(hand) - 1):
        distance = np.linalg.norm(hand[t][:, None] - world[t][None], axis=-1)
        h, o = np.unravel_index(distance.argmin(), distance.shape)
        k = math.exp(-100 * distance[h, o])
        total += np.square(k * (hand[t + 1, h] - hand[t, h]) - (world[t + 1, o] - world[t, o])).sum()
    return 1e6 * total / (len(hand) - 1)


def test_homc_of_a_rigid_grip_has_its_closed_form():
    pose = poses(10, step=(0.003, 0.004, 0.0))
    on_surface = carried(OBJECT[:5], pose)
    assert motion.homc_mm2(on_surface, OBJECT, T_world_object=pose) == pytest.approx(0, abs=1e-12)
    tip = OBJECT[[OBJECT[:, 2].argmax()]] + [0, 0, 0.01]
    k = math.exp(-1)
    found = motion.homc_mm2(carried(tip, pose), OBJECT, T_world_object=pose)
    assert found == pytest.approx((1 - k) ** 2 * 25)


def test_homc_of_a_hand_that_stays_behind_is_the_objects_step():
    pose = poses(2, step=(0.0, 0.005, 0.0))
    hand = np.tile(OBJECT[:3], (2, 1, 1))
    assert motion.homc_mm2(hand, OBJECT, T_world_object=pose) == pytest.approx(25)
    far = np.stack((OBJECT[:3] + 1.0, OBJECT[:3] + 1.1))
    assert motion.homc_mm2(far, OBJECT, T_world_object=np.eye(4)) == pytest.approx(0, abs=1e-9)


def test_homc_is_that_of_brute_force():
    pose = poses(8, turn=(0.05, -0.1, 0.02), step=(0.002, 0, -0.004))
    hand = RNG.uniform(-0.07, 0.07, size=(8, 21, 3))
    found = motion.homc_mm2(hand, OBJECT, T_world_object=pose)
    assert found == pytest.approx(brute_homc(hand, OBJECT, pose))
    turn = Rotation.from_rotvec([1, 0.3, -2]).as_matrix()
    scene = np.eye(4)
    scene[:3, :3], scene[:3, 3] = turn, [1, -2, 0.5]
    moved = motion.homc_mm2(hand @ turn.T + scene[:3, 3], OBJECT, T_world_object=scene @ pose)
    assert moved == pytest.approx(found, rel=1e-9)


def test_steady_motion_has_neither_acceleration_nor_jerk():
    track = TIME[:, None, None] * RNG.normal(size=(5, 3)) + RNG.normal(size=(5, 3))
    assert motion.acceleration_m_s2(track, fps=FPS) == pytest.approx(0, abs=1e-9)
    assert motion.diffh2o_acceleration_m_s2(track, fps=FPS) == pytest.approx(0, abs=1e-9)
    assert motion.jerk_m_s3(track, fps=FPS) == pytest.approx(0, abs=1e-6)
    assert motion.diffh2o_jerk_mm(track[:, 0]) == pytest.approx(0, abs=1e-9)


def test_a_cube_of_time_has_a_jerk_of_six_and_a_square_an_acceleration_of_two():
    axis = np.array([2.0, -1.0, 2.0]) / 3
    cube, square = (TIME[:, None] ** p * axis for p in (3, 2))
    assert motion.jerk_m_s3(cube, fps=FPS) == pytest.approx(6)
    assert motion.acceleration_m_s2(square, fps=FPS) == pytest.approx(2)
    assert motion.jerk_m_s3(square, fps=FPS) == pytest.approx(0, abs=1e-9)
    assert motion.diffh2o_jerk_mm(square) > 0.1  # its ends take acceleration for jerk


def test_diffh2os_figures_are_those_of_repeated_gradients():
    track = RNG.normal(size=(20, 3))
    jerk = track
    for _ in range(3):
        inner = (jerk[2:] - jerk[:-2]) / 2
        jerk = np.concatenate(([jerk[1] - jerk[0]], inner, [jerk[-1] - jerk[-2]]))
    assert motion.diffh2o_jerk_mm(track) == pytest.approx(1e3 * np.linalg.norm(jerk, axis=-1).mean())
    joints = RNG.normal(size=(20, 4, 3))
    twice = np.gradient(np.gradient(joints, axis=0), axis=0)
    assert motion.diffh2o_acceleration_m_s2(joints, fps=1) == pytest.approx(np.abs(twice).mean())
    assert motion.diffh2o_acceleration_m_s2(joints, fps=20) == pytest.approx(400 * np.abs(twice).mean())


def test_seconds_do_not_depend_on_the_frame_rate():
    fine = np.arange(301) / 200
    curve = lambda t: np.stack((np.sin(t), np.cos(2 * t), t**2), -1)
    for figure in (motion.acceleration_m_s2, motion.jerk_m_s3):
        assert figure(curve(fine[::2]), fps=100) == pytest.approx(figure(curve(fine), fps=200), rel=0.01)


def test_transitions_and_smoothness():
    track = np.zeros((60, 6))
    track[:49, :3] = [0.5, 0.0, 0.0]
    track[50:, :3] = [0.003, 0.0, 0.0]
    track[50:, 3:] = [0.0, 0.004, 0.0]
    assert motion.transition_velocity_m_s(track, frame=50, fps=20) == pytest.approx(0.1)
    assert motion.transition_velocity_m_s(track, frame=48, fps=20) == 0
    for frame in (0, 60):
        with pytest.raises(InputError, match="no transition"):
            motion.transition_velocity_m_s(track, frame=frame, fps=20)
    steps = np.cumsum(np.array([0, 1, 3])[:, None, None] * [[[0.001, 0, 0], [0, 0.001, 0]]], axis=0)
    assert motion.smoothness_mm2(steps) == pytest.approx((1 + 9) / 2)


def test_a_hand_that_is_carried_does_not_slip_and_one_that_slides_does():
    pose = poses(6, turn=(0.1, 0.2, -0.1), step=(0.01, 0, 0.02))
    touching = np.zeros((6, 5), bool)
    touching[:, :3] = True
    assert motion.contact_slip_mm(carried(OBJECT[:5], pose), touching, T_world_object=pose) == pytest.approx(
        0, abs=1e-9
    )
    sliding = np.einsum(
        "tij,tpj->tpi", pose[:, :3, :3], OBJECT[:5] + np.arange(6)[:, None, None] * [0, 0.002, 0]
    )
    sliding += pose[:, None, :3, 3]
    assert motion.contact_slip_mm(sliding, touching, T_world_object=pose) == pytest.approx(2)


@pytest.mark.filterwarnings("error")
def test_slip_counts_only_what_touches_twice_in_a_row():
    hand = np.zeros((3, 2, 3))
    hand[1:, 0, 0] = 0.005  # the first vertex moves 5 mm between frames 0 and 1
    touching = np.array([[1, 1], [0, 1], [1, 1]], bool)
    assert motion.contact_slip_mm(hand, touching, T_world_object=np.eye(4)) == 0
    touching[1, 0] = True
    assert motion.contact_slip_mm(hand, touching, T_world_object=np.eye(4)) == pytest.approx(5 / 4)
    never = np.array([[1, 0], [0, 1], [1, 0]], bool)
    assert np.isnan(motion.contact_slip_mm(hand, never, T_world_object=np.eye(4)))


def test_short_motions_and_bad_input_are_told():
    short = np.zeros((3, 2, 3))
    eye = np.eye(4)
    with pytest.raises(InputError, match="at least 4"):
        motion.jerk_m_s3(short, fps=20)
    with pytest.raises(InputError, match="at least 4"):
        motion.diffh2o_jerk_mm(short[:, 0])
    with pytest.raises(InputError, match="at least 3"):
        motion.acceleration_m_s2(short[:2], fps=20)
    with pytest.raises(InputError, match="at least 3"):
        motion.diffh2o_acceleration_m_s2(short[:2], fps=20)
    with pytest.raises(InputError, match="at least 2"):
        motion.smoothness_mm2(short[:1])
    with pytest.raises(InputError, match="at least 2"):
        motion.homc_mm2(short[:1], OBJECT, T_world_object=eye)
    with pytest.raises(InputError, match="at least 2"):
        motion.contact_slip_mm(short[:1], np.ones((1, 2), bool), T_world_object=eye)
    with pytest.raises(InputError, match="one pose a frame"):
        motion.homc_mm2(short, OBJECT, T_world_object=poses(2))
    with pytest.raises(InputError, match="touching"):
        motion.contact_slip_mm(short, np.ones((2, 2), bool), T_world_object=eye)
    with pytest.raises(InputError, match="not finite"):
        motion.smoothness_mm2(np.full((5, 2, 3), np.nan))
    for fps in (0, -1.0, np.nan, np.inf, None, True):
        with pytest.raises(InputError, match="frame rate"):
            motion.acceleration_m_s2(np.zeros((5, 3)), fps=fps)
