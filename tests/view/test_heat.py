"""The figure of heat maps, its colours, and where things are seen from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from PIL import Image
from view_examples import blob

from handhold.errors import InputError
from handhold.geometry.painted import PaintedMesh
from handhold.view import heat
from handhold.view.camera import fit_camera
from handhold.view.colours import HEAT, heat_colours
from handhold.view.heat import HeatPanel, heat_figure, heat_image
from handhold.view.heat_studio import HeatStudio
from handhold.view.heat_views import front_and_back, seen_area

UP = np.array([0.0, 0.0, 1.0])


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small views: these are quick."""
    monkeypatch.setattr(heat, "THING", (110, 100))
    monkeypatch.setattr(heat, "HAND", (75, 100))


def painted(weights, *, name: str = "ball") -> PaintedMesh:
    vertices, faces = blob()
    return PaintedMesh(name, vertices, vertices / 0.04, faces, heat_colours(weights(vertices)))


def panel(sentence: str = "hold it", *, towards=(1.0, 0.0, 0.0), **more) -> HeatPanel:
    """A ball that is hot on one side."""
    hot = lambda points: (points @ towards > 0.02).astype(float)
    points = fibonacci(2000) * 0.04
    return HeatPanel(
        sentence=sentence,
        object=painted(hot),
        hand=painted(lambda points: np.zeros(len(points)), name="right_hand"),
        points=points,
        normals=points / 0.04,
        marked=hot(points) > 0.5,
        palm=np.array([0.0, -1.0, 0.0]),
        **more,
    )


def fibonacci(count: int) -> np.ndarray:
    """Unit vectors spread evenly."""
    z = 1 - (2 * np.arange(count) + 1) / count
    turn = np.pi * (3 - np.sqrt(5)) * np.arange(count)
    flat = np.sqrt(1 - z**2)
    return np.stack((flat * np.cos(turn), flat * np.sin(turn), z), 1)


def direction(camera) -> np.ndarray:
    back = camera.position - camera.target
    return back / np.linalg.norm(back)


def test_heat_grows_darker_step_by_step():
    colours = heat_colours(np.linspace(0, 1, 50))
    light = colours @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(light) < 0).all() and colours.min() >= 0 and colours.max() <= 1
    np.testing.assert_allclose(heat_colours(np.array([0.0, 1.0])), [HEAT[0], HEAT[-1]])


@pytest.mark.parametrize("towards", [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)])
def test_the_hot_side_is_in_front(towards):
    one = panel(towards=np.array(towards, float))
    front, back = front_and_back(
        one.points, one.normals, [one.marked], frame=one.object.vertices, up=UP, aspect=1.1
    )
    assert direction(front) @ towards > 0.7
    assert direction(back) @ towards < -0.7
    assert direction(back) @ UP == pytest.approx(direction(front) @ UP, abs=0.1)


def test_what_nobody_marks_is_seen_from_anywhere():
    one = panel()
    none = np.zeros(len(one.points), bool)
    for marks in ([], [none], [none, one.marked]):
        cameras = front_and_back(one.points, one.normals, marks, frame=one.object.vertices, up=UP, aspect=1.1)
        assert all(np.isfinite(camera.position).all() for camera in cameras)
    assert direction(cameras[0])[0] > 0.7


def test_half_of_a_ball_is_seen():
    points = fibonacci(4000)
    seen = seen_area(points, points, np.array([0.6, 0.0, 0.8]), cell=0.06)
    assert seen.sum() * 4 * np.pi / 4000 == pytest.approx(np.pi, rel=0.05)  # its disc
    assert (seen[points @ (0.6, 0.0, 0.8) < 0] == 0).all()


def test_what_is_behind_is_hidden():
    near, far = (fibonacci(4000) * 0.05 + (0, y, 0) for y in (-0.2, 0.2))
    normals = np.tile(fibonacci(4000), (2, 1))
    seen = seen_area(np.concatenate((near, far)), normals, np.array([0.0, -1.0, 0.0]), cell=0.004)
    assert seen[4000:].sum() < 0.05 * seen[:4000].sum()


def test_light_lets_colours_be_read():
    with HeatStudio() as studio:
        for weight in (0.0, 0.5, 1.0):
            ball = painted(lambda points, w=weight: np.full(len(points), w))
            camera = fit_camera(ball.vertices, np.array([0.3, -1.0, 0.4]), up=UP, aspect=1.0)
            picture = studio.paint(ball, size=(80, 80), camera=camera)
            middle = picture[30:50, 30:50].reshape(-1, 3).mean(0) / 255
            np.testing.assert_allclose(middle, heat_colours(np.array([weight]))[0], atol=0.17)


def rows_of(page: Image.Image, count: int) -> list[np.ndarray]:
    """The left views of a figure in one column."""
    pixels = np.asarray(page).astype(int)
    tall, top = heat.HEAD + heat.THING[1] + heat.FOOT, 96 + heat.HEAD
    return [
        pixels[top + k * tall :][: heat.THING[1], heat.EDGE : heat.EDGE + heat.THING[0]] for k in range(count)
    ]


def hot_pixels(picture: np.ndarray) -> int:
    return int(((picture[..., 0] - picture[..., 2]) > 60).sum() + (picture.sum(-1) < 150).sum())


def test_a_figure_has_a_row_for_each_sentence(monkeypatch):
    written = []
    monkeypatch.setattr(heat, "write", lambda page, text, *a, **k: written.append(text) or 10)
    panels = [panel("by the handle"), panel("by the lid", note="absent", facts="0 % of the surface")]
    cold = painted(lambda points: np.zeros(len(points)))
    panels[1] = replace(panels[1], object=cold, marked=np.zeros(len(panels[1].points), bool))
    page = heat_image(panels, title="mug")
    assert {"mug", "“by the handle”", "“by the lid”", "absent", "0 % of the surface"} <= set(written)
    hot, absent = rows_of(page, 2)
    assert hot_pixels(hot) > 500 and hot_pixels(absent) == 0 and absent.std() > 5


def test_many_sentences_stand_in_two_columns_and_the_rest_is_told(monkeypatch):
    monkeypatch.setattr(heat, "MOST", 5)
    written = []
    monkeypatch.setattr(heat, "write", lambda page, text, *a, **k: written.append(text) or 10)
    page = heat_image([panel()] * 6, title="mug", count=9)
    assert page.width > 2 * heat.ROW and "5 of 9 sentences are shown" in written


def test_the_same_heat_gives_the_same_picture(tmp_path):
    heat_figure([panel()], tmp_path / "a.png", title="a")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.info["Software"].startswith("handhold ")
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(heat_image([panel()], title="a")))


def test_no_sentences():
    with pytest.raises(InputError, match="no sentences"):
        heat_image([], title="a")


def test_a_thin_plate_and_a_needle_are_drawn():
    for extents in ((0.2, 0.2, 0.001), (0.3, 0.002, 0.002)):
        box = trimesh.creation.box(extents)
        points, face = trimesh.sample.sample_surface(box, 500, seed=0)
        cameras = front_and_back(
            points,
            box.face_normals[face],
            [points[:, 0] > 0],
            frame=np.asarray(box.vertices),
            up=UP,
            aspect=1.1,
        )
        assert all(np.isfinite(camera.position).all() for camera in cameras)
