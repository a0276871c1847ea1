"""Protocols that read a whole motion: a function for each, by the protocol's name, of the motion and a seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handhold.errors import InputError
from handhold.evaluate.metrics import contact, motion
from handhold.evaluate.per_frame import Figures, has_inside, joints_of, surface_points, world_joints
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import CONTACT_MM


def _diffh2o_contact(pair: HandObject, seed: int) -> Figures:
    if not has_inside(pair.object):  # no frame penetrates it
        return {"contact_ratio@diffh2o": np.nan}
    signed = np.stack([frame.signed for frame in pair.frames()])
    return {"contact_ratio@diffh2o": float(contact.diffh2o_contact_ratio(signed))}


def _geneoh_motion(pair: HandObject, seed: int) -> Figures:
    joints = world_joints(pair)
    seen = np.stack([joints_of(frame) for frame in pair.frames()])
    points, _ = surface_points(pair.object, seed)
    return {
        "homc_mm2@geneoh": motion.homc_mm2(joints, points, T_world_object=pair.poses),
        "smoothness_mm2@geneoh": motion.smoothness_mm2(seen),
    }


def _diffh2o_motion(pair: HandObject, seed: int) -> Figures:
    return {"jerk_mm@diffh2o": motion.diffh2o_jerk_mm(pair.poses[:, :3, 3])}


def _transition(pair: HandObject, seed: int) -> Figures:
    if pair.transition_frame is None:
        raise InputError("the second stage's first frame is not known", remedy="Give transition_frame.")
    wrist = world_joints(pair)[:, 0]
    speed = motion.transition_velocity_m_s(wrist, frame=pair.transition_frame, fps=_rate(pair))
    return {"transition_velocity_m_s@diffh2o": speed}


def _own_motion(pair: HandObject, seed: int) -> Figures:
    joints, rate = world_joints(pair), _rate(pair)
    return {
        "acceleration_m_s2": motion.acceleration_m_s2(joints, fps=rate),
        "jerk_m_s3": motion.jerk_m_s3(joints, fps=rate),
    }


def _rate(pair: HandObject) -> float:
    if pair.fps is None:
        raise InputError("no frame rate", remedy="Give fps in the file.")
    return pair.fps


def _contact_slip(pair: HandObject, seed: int) -> Figures:
    touching = np.stack([np.abs(frame.signed) <= CONTACT_MM / 1e3 for frame in pair.frames()])
    slip = motion.contact_slip_mm(pair.hand_vertices, touching, T_world_object=pair.poses)
    return {"contact_slip_mm": slip}


MOTION: dict[str, Callable[[HandObject, int], Figures]] = {
    "diffh2o-contact": _diffh2o_contact,
    "geneoh-motion": _geneoh_motion,
    "diffh2o-motion": _diffh2o_motion,
    "diffh2o-transition": _transition,
    "joint-motion": _own_motion,
    "contact-slip": _contact_slip,
}
