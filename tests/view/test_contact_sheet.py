"""Sheets of many grasps, and the choice of where each is seen from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from PIL import Image
from view_examples import blob, make_panel

from handhold.errors import InputError
from handhold.view import Panel, contact_sheet, sheet, sheet_image
from handhold.view.camera import ANGLE, shaft_near
from handhold.view.studio import Studio
from handhold.view.text import EDGE, GAP

UP = np.array([0.0, 0.0, 1.0])


def held(obj: trimesh.Trimesh, *, at=(0.0, 0.0, 0.0), joints=None) -> Panel:
    """A hand's egg that touches an object from +y."""
    hand, faces = blob(at=np.add(at, (0.0, 0.05, 0.0)), stretch=(1.0, 0.7, 1.4))
    return Panel("thing", hand, faces, np.asarray(obj.vertices), np.asarray(obj.faces), joints=joints)


def rod(*, length: float = 0.3, radius: float = 0.012, axis=(1, 0, 0)) -> trimesh.Trimesh:
    mesh = trimesh.creation.cylinder(radius=radius, height=length, sections=24)
    for _ in range(3):
        mesh = mesh.subdivide()
    mesh.apply_transform(trimesh.geometry.align_vectors([0, 0, 1], axis))
    return mesh


def direction(camera) -> np.ndarray:
    back = camera.position - camera.target
    return back / np.linalg.norm(back)


def chosen(studio: Studio, panel: Panel, *, aspect: float = 1.24):
    return studio.cameras([panel.measured()], aspect=aspect, count=1)[0]


def on_screen(camera, points, aspect: float) -> np.ndarray:
    """Places in the picture, both from -1 to 1 within it."""
    back = direction(camera)
    side = np.cross(camera.up, back)
    seen = points - camera.position
    depth = -seen @ back
    slope = np.tan(ANGLE / 2)
    return np.stack((seen @ side / (depth * slope * aspect), seen @ camera.up / (depth * slope)), 1)


def test_a_sheet_has_a_cell_for_each_in_rows(monkeypatch):
    written = []
    monkeypatch.setattr(sheet, "write", lambda page, text, *a, **k: written.append(text))
    panels = [
        replace(make_panel(0.0), name=f"can_{k}", figures=(("type", "power"), ("part", "lid")))
        for k in range(5)
    ]
    page = sheet_image(panels, columns=3, size=(90, 60))
    assert page.size == (2 * EDGE + 3 * 90 + 2 * 2 * GAP, EDGE + 2 * (60 + 66 + GAP) + 20)
    pixels = np.asarray(page).astype(int)
    spreads = []
    for k in range(6):
        x, y = EDGE + k % 3 * (90 + 2 * GAP), EDGE + k // 3 * (60 + 66 + GAP)
        spreads.append(np.ptp(pixels[y : y + 60, x : x + 90], axis=(0, 1)).max())
    assert min(spreads[:5]) > 50 and spreads[5] == 0
    assert written.count("power · lid") == 5 and {f"can_{k}" for k in range(5)} <= set(written)


def test_the_same_grasps_give_the_same_sheet():
    first, second = (np.asarray(sheet_image([make_panel(0.0)] * 2, size=(90, 60))) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_picture_says_who_made_it(tmp_path):
    contact_sheet([make_panel(0.0)], tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.info["Software"].startswith("handhold ")
    assert b"handhold " in (tmp_path / "a.png").read_bytes()[:4096]


def test_no_grasps():
    with pytest.raises(InputError, match="no scenes"):
        sheet_image([])


@pytest.mark.parametrize("radius", [0.006, 0.015, 0.05])
def test_tiny_and_large_things_are_seen_whole(studio, radius):
    long = rod(length=0.35, radius=radius)
    for obj in (trimesh.creation.icosphere(subdivisions=2, radius=radius), long):
        panel = held(obj)
        camera = chosen(studio, panel)
        places = on_screen(camera, np.concatenate((panel.hand_vertices, panel.object_vertices)), 1.24)
        assert np.abs(places).max() < 1.0
        assert np.abs(places).max(0).max() > 0.8  # and fill the picture


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 0, 1), (1, 1, 0)])
def test_a_handle_is_not_seen_from_its_end(studio, axis):
    camera = chosen(studio, held(rod(axis=axis)))
    assert abs(direction(camera) @ axis) / np.linalg.norm(axis) < 0.7


def test_the_wrist_does_not_hide_the_fingers(studio):
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.03)
    plain = direction(chosen(studio, held(ball)))
    joints = np.zeros((21, 3))
    joints[0] = 0.1 * plain  # the elbow is where one would have looked from
    assert direction(chosen(studio, held(ball, joints=joints))) @ plain < 0.7


def test_missing_joints_do_no_harm(studio):
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.03)
    plain, unknown = (
        chosen(studio, held(ball, joints=joints)) for joints in (None, np.full((21, 3), np.nan))
    )
    np.testing.assert_array_equal(plain.position, unknown.position)


def test_things_are_seen_from_above_rather_than_below(studio):
    camera = chosen(studio, held(trimesh.creation.icosphere(subdivisions=3, radius=0.05)))
    assert direction(camera) @ UP > 0


def test_the_shaft_of_what_is_held():
    middle = np.zeros((1, 3))
    points = np.asarray(rod(axis=(0, 1, 0)).vertices)
    shaft = shaft_near(points, middle, within=0.1)
    assert abs(shaft[1]) > 0.6 and np.abs(shaft[[0, 2]]).max() < 0.05
    ball = np.asarray(trimesh.creation.icosphere(subdivisions=3, radius=0.03).vertices)
    assert np.linalg.norm(shaft_near(ball, middle, within=0.1)) < 0.05
    assert shaft_near(points, np.zeros((0, 3)), within=0.1) is None
    assert shaft_near(points + 1.0, middle, within=0.1) is None
