from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from view_examples import make_panel

from handhold.view.panel import Panel
from handhold.view.studio import Studio


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
