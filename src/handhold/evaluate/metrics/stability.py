"""The stability protocols over surfaces: how well a hand holds an object, by simulation."""

from __future__ import annotations

from handhold.interaction.hand_object import Frame
from handhold.physics import drop_grasp, six_way_grasp

Figures = dict[str, float]


def obman_drop(frame: Frame, truth: Frame | None, seed: int) -> Figures:
    """`obman-drop`: the hand stands still, as published."""
    return {"stability_cm@obman-drop": drop_grasp(frame.pair).displacement_cm}


def obman_drop_squeeze(frame: Frame, truth: Frame | None, seed: int) -> Figures:
    """`obman-drop-squeeze`: the fingers close."""
    return {"stability_cm@obman-drop-squeeze": drop_grasp(frame.pair, squeeze=True).displacement_cm}


def six_way(frame: Frame, truth: Frame | None, seed: int) -> Figures:
    """`six-way`: the hand stands still."""
    trial = six_way_grasp(frame.pair)
    return {
        "stability_cm@six-way": trial.mean_cm,
        "stability_deg@six-way": trial.mean_deg,
        "stability_success@six-way": float(trial.held),
    }


def six_way_squeeze(frame: Frame, truth: Frame | None, seed: int) -> Figures:
    """`six-way-squeeze`: the fingers close with bounded torque."""
    trial = six_way_grasp(frame.pair, squeeze=True)
    return {
        "stability_cm@six-way-squeeze": trial.mean_cm,
        "stability_deg@six-way-squeeze": trial.mean_deg,
        "stability_success@six-way-squeeze": float(trial.held),
        "drift_cm@six-way-squeeze": trial.drift_cm,
    }
