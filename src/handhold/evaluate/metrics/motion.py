"""How a hand and an object move: together or not, smoothly or not. Time is the first axis.

Where published code works in units of a frame, the figure depends on the frame rate: compare motions of one rate.
Figures of handhold's own are in seconds.
"""

from __future__ import annotations

import numpy as np

from handhold.errors import InputError
from handhold.evaluate.metrics.arguments import mask, numbers, rate, require_frames

HOMC_FALLOFF = 100.0
"""GeneOH's k = exp(-100 d), d in metres."""


def homc_mm2(hand_points: np.ndarray, object_points: np.ndarray, *, T_world_object: np.ndarray) -> float:
    """Hand-object motion consistency: does the nearest point of the hand go where the object goes [mm2].

    Lower is better. GeneOH's `calculate_moving_consistency`, which GravityDB reports too: in each frame but the last,
    the one hand point nearest to the object and the object point nearest to it, d apart, move by dh and do to the
    next frame, in the world; with k = exp(-100 d), the figure is the mean of |k dh - do|^2. The weight is on the
    hand's motion alone: a hand that moves rigidly with the object at a distance d has (1 - k)^2 |do|^2, not 0, and a
    hand far from an object at rest has 0 however it moves. As printed, nothing is mended here.

    GeneOH takes the 21 keypoints as hand points and, as object points, a subset of samples near the hand; d is to
    samples, so dense ones (or vertices, where dense) come closest to the surface.

    Args:
        hand_points: (T, P, 3) world frame [m].
        object_points: (M, 3) object's frame [m].
        T_world_object: (T, 4, 4), or (4, 4) for an object at rest.

    Raises:
        InputError: fewer than two frames, wrong shapes, or numbers that are not finite.
    """
    from scipy.spatial import KDTree

    hand = numbers(hand_points, (None, None, 3), where="hand_points", exact=True)
    points = numbers(object_points, (None, 3), where="object_points", exact=True)
    require_frames(len(hand), needed=2, where="hand_points")
    pose = _poses(T_world_object, len(hand))
    frames = np.arange(len(hand) - 1)
    distance, nearest = map(np.asarray, KDTree(points).query(_to_object_frame(hand[:-1], pose[:-1])))
    chosen = distance.argmin(-1)
    on_object = points[nearest[frames, chosen]]
    moved_hand = hand[frames + 1, chosen] - hand[frames, chosen]
    moved_object = _place(on_object, pose[1:]) - _place(on_object, pose[:-1])
    weight = np.exp(-HOMC_FALLOFF * distance[frames, chosen])
    return 1e6 * float(np.square(weight[:, None] * moved_hand - moved_object).sum(-1).mean())


def smoothness_mm2(points: np.ndarray) -> float:
    """Mean squared displacement of points from frame to frame [mm2]; lower is better.

    GeneOH's smoothness. It measures speed, not roughness: a slow tremor scores better than a fast smooth reach.
    GeneOH hands it the keypoints in the object's frame.

    Args:
        points: (T, ..., 3) [m].

    Raises:
        InputError: fewer than two frames, a wrong shape, or numbers that are not finite.
    """
    points = _track(points, needed=2, where="points")
    return 1e6 * float(np.square(np.diff(points, axis=0)).sum(-1).mean())


def jerk_m_s3(points: np.ndarray, *, fps: float) -> float:
    """Mean length of the third derivative of positions [m/s3]; lower is better.

    Third differences of four successive frames, exact for motions of third degree.

    Args:
        points: (T, ..., 3) [m], T of 4 or more.
        fps: frames a second.

    Raises:
        InputError: too few frames, a wrong shape, numbers that are not finite, or no frame rate.
    """
    points = _track(points, needed=4, where="points")
    return rate(fps) ** 3 * float(np.linalg.norm(np.diff(points, 3, axis=0), axis=-1).mean())


def diffh2o_jerk_mm(positions: np.ndarray) -> float:
    """DiffH2O's jerk of the object [mm a frame cubed]; lower is better.

    `compute_jerk`: three times `numpy.gradient` over frames, mean length. Its one-sided differences at either end
    take acceleration for jerk in the first and last three frames: even a steady acceleration has some, and a short
    motion more. The code uses it on rotation vectors too (`jerk_ang`, radians), which jump where a turn passes pi;
    those are not read here.

    Args:
        positions: (T, 3) of the object [m], T of 4 or more.

    Raises:
        InputError: too few frames, a wrong shape, or numbers that are not finite.
    """
    positions = numbers(positions, (None, 3), where="positions", exact=True)
    require_frames(len(positions), needed=4, where="positions")
    for _ in range(3):
        positions = np.gradient(positions, axis=0)
    return 1e3 * float(np.linalg.norm(positions, axis=-1).mean())


def acceleration_m_s2(points: np.ndarray, *, fps: float) -> float:
    """Mean length of the second derivative of positions [m/s2]; lower is better.

    Second differences of three successive frames, exact for motions of second degree.

    Args:
        points: (T, ..., 3) [m], T of 3 or more: wrist, joints, or vertices.
        fps: frames a second.

    Raises:
        InputError: too few frames, a wrong shape, numbers that are not finite, or no frame rate.
    """
    points = _track(points, needed=3, where="points")
    return rate(fps) ** 2 * float(np.linalg.norm(np.diff(points, 2, axis=0), axis=-1).mean())


def diffh2o_acceleration_m_s2(points: np.ndarray, *, fps: float) -> float:
    """DiffH2O's acceleration: mean absolute coordinate of the second derivative [m/s2]; lower is better.

    `evaluate_accelerations`: twice the central gradient over frames, the mean of |.| over frames, points and the
    three coordinates, so that it depends on the frame's axes (up to a factor of 1.73). DiffH2O gives it for the
    wrists (global) and for the other joints minus their wrist (local), in units of a frame: that is fps=1.

    Args:
        points: (T, ..., 3) [m], T of 3 or more.
        fps: frames a second.

    Raises:
        InputError: too few frames, a wrong shape, numbers that are not finite, or no frame rate.
    """
    points = _track(points, needed=3, where="points")
    return rate(fps) ** 2 * float(np.abs(np.gradient(np.gradient(points, axis=0), axis=0)).mean())


def transition_velocity_m_s(track: np.ndarray, *, frame: int, fps: float) -> float:
    """Speed of the jump from one stage of a motion to the next [m/s]; lower is better.

    DiffH2O's transition velocity, between the last frame of the grasp and the first of the interaction (49 to 50):
    the length of the difference, over both wrists together as one vector of six where both are given.

    Args:
        track: (T, ...) positions of the wrist, or of both [m].
        frame: the first frame of the second stage, 1 or more.
        fps: frames a second.

    Raises:
        InputError: no such transition, numbers that are not finite, or no frame rate.
    """
    track = numbers(track, (), where="track")
    if track.ndim < 2 or not 1 <= frame < len(track):
        raise InputError(
            "there is no transition",
            where="track, frame",
            expected="(T, ...) and a frame from 1 to T - 1",
            got=f"{track.shape} and {frame}",
        )
    return rate(fps) * float(np.linalg.norm(track[frame] - track[frame - 1]))


def contact_slip_mm(hand_vertices: np.ndarray, touching: np.ndarray, *, T_world_object: np.ndarray) -> float:
    """Contact consistency: how far skin that touches slides over the object, from frame to frame [mm].

    Lower is better. Every vertex that touches in two successive frames is taken, and its displacement in the
    object's frame; the figure is the mean over all of them. This is ARCTIC's motion deviation (Fan et al. 2023: how
    far hand and object vertices in contact move apart from frame to frame) with the contacts of the motion itself in
    place of the ground truth's. A slow slide at a high frame rate is a small slip: compare motions of one rate.

    Args:
        hand_vertices: (T, V, 3) world frame [m].
        touching: (T, V) bool, which vertices touch; such as those within 3 mm of the surface.
        T_world_object: (T, 4, 4), or (4, 4) for an object at rest.

    Returns:
        NaN where nothing touches in two successive frames: no contact is no good contact.

    Raises:
        InputError: fewer than two frames, wrong shapes, or numbers that are not finite.
    """
    vertices = numbers(hand_vertices, (None, None, 3), where="hand_vertices", exact=True)
    touching = mask(touching, vertices.shape[:2], where="touching", exact=True)
    require_frames(len(vertices), needed=2, where="hand_vertices")
    slid = np.diff(_to_object_frame(vertices, _poses(T_world_object, len(vertices))), axis=0)
    held = touching[1:] & touching[:-1]
    return 1e3 * float(np.linalg.norm(slid[held], axis=-1).mean()) if held.any() else float("nan")


def _track(points: np.ndarray, *, needed: int, where: str) -> np.ndarray:
    """Positions (T, ..., 3) of enough frames."""
    points = numbers(points, (None, 3) if np.ndim(points) == 2 else (None, None, 3), where=where)
    if 0 in points.shape:
        raise InputError("is empty", where=where, expected="(T, ..., 3)", got=points.shape)
    require_frames(len(points), needed=needed, where=where)
    return points


def _poses(T_world_object: np.ndarray, frames: int) -> np.ndarray:
    """Poses of every frame, (T, 4, 4)."""
    pose = numbers(T_world_object, (4, 4), where="T_world_object")
    if pose.shape[:-2] not in ((), (frames,)):
        raise InputError(
            "is not one pose a frame", where="T_world_object", expected=(frames, 4, 4), got=pose.shape
        )
    return np.broadcast_to(pose, (frames, 4, 4))


def _to_object_frame(points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """World points (T, P, 3) in the object's frame."""
    return (points - pose[:, None, :3, 3]) @ pose[:, :3, :3]


def _place(points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """One object point a frame (T, 3) in the world."""
    return np.einsum("tij,tj->ti", pose[:, :3, :3], points) + pose[:, :3, 3]
