from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from handhold.view.panel import Panel
from handhold.view.studio import Studio


def blob(
    *, radius: float = 0.04, at=(0.0, 0.0, 0.0), stretch=(1.0, 1.0, 1.0)
) -> tuple[np.ndarray, np.ndarray]:
    """A round closed mesh, (V, 3) [m] and (F, 3)."""
    ball = trimesh.creation.icosphere(subdivisions=3, radius=radius)
    return np.asarray(ball.vertices) * stretch + np.asarray(at), np.asarray(ball.faces)


def make_panel(gap: float, *, name: str = "ball") -> Panel:
    """An egg of a hand beside a ball of 4 cm radius, apart by `gap` [m] along x."""
    hand, hand_faces = blob(at=(0.08 + gap, 0.0, 0.0), stretch=(1.0, 0.7, 1.4))
    ball, ball_faces = blob()
    return Panel(
        name, hand, hand_faces, ball, ball_faces, figures=(("volume", "1.0 cm³"), ("deepest", "2 mm"))
    )


@pytest.fixture
def touching() -> Panel:
    return make_panel(0.0)


@pytest.fixture
def cutting() -> Panel:
    return make_panel(-0.012)


@pytest.fixture
def motion(touching: Panel) -> Panel:
    away = np.linspace(0.06, 0.0, 6)[:, None, None] * np.array([1.0, 0.0, 0.0])
    joints = np.tile(touching.hand_vertices[:21], (6, 1, 1)) + away
    return replace(
        touching,
        name="reach",
        hand_vertices=touching.hand_vertices + away,
        joints=joints,
        figures=(),
        fps=30.0,
    )


@pytest.fixture(scope="module")
def studio():
    with Studio() as studio:
        yield studio
