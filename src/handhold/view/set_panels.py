"""Grasps of a set as pictures take them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from handhold.data import GraspSet
from handhold.view.panel import Panel
from handhold.view.set_facts import caption, short_facts

UP = (0.0, 0.0, 1.0)
"""Up in every object's frame, and so in all pictures of a set."""


def set_panel(grasps: GraspSet, index: int) -> Panel:
    """One grasp in the object's frame: its name is category, type and part, its figures those that fit on a line.

    Raises:
        InputError: of a hand or an object that this handhold does not have.
    """
    row, grasp = grasps.row(index), grasps.grasp(index)
    surface = grasp.surface()
    return Panel(
        name=caption(row),
        hand_vertices=surface.vertices.numpy(),
        hand_faces=grasp.hand.faces.numpy(),
        object_vertices=grasp.object_vertices().numpy(),
        object_faces=grasp.object.faces,
        figures=short_facts(row),
        up=UP,
    )


def footprint(panel: Panel) -> np.ndarray:
    """Extents along x and y of all that a still shows, (2,) [m]."""
    points = np.concatenate((panel.hand_vertices, panel.object_vertices))
    return np.ptp(points, axis=0)[:2]


def stood_at(panel: Panel, place: np.ndarray) -> Panel:
    """The same with its middle over a place (2,) on the ground, its lowest point on it."""
    points = np.concatenate((panel.hand_vertices, panel.object_vertices))
    low, high = points.min(0), points.max(0)
    shift = np.append(place - (low + high)[:2] / 2, -low[2])
    moved = {name: getattr(panel, name) + shift for name in ("hand_vertices", "object_vertices")}
    return replace(panel, **moved)
