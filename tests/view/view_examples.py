"""Things to draw."""

from __future__ import annotations

import numpy as np
import trimesh

from handhold.view.panel import Panel


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
