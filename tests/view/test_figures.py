from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from handhold.errors import InputError
from handhold.view import before_after, contact_sheet, portrait, render, sheet, strip
from handhold.view import figures as module


def read(path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def red(image: np.ndarray) -> int:
    return int(((image[..., 0] > 110) & (image[..., 1] < 0.55 * image[..., 0]) & (image[..., 2] < 90)).sum())


def test_before_and_after_share_their_cameras(tmp_path, cutting):
    path = tmp_path / "größe 手" / "vorher nachher.png"
    path.parent.mkdir()
    before_after(cutting, replace(cutting, name="tasse ☕ → 手 é"), path)
    image = read(path)
    assert image.shape[1] >= 1600 and image.shape[0] >= 800
    step = module.MAIN[0] + module.EDGE
    left, right = image[140:, module.EDGE : step], image[140:, module.EDGE + step : 2 * step]
    assert np.array_equal(left, right)
    assert red(left) > 100
    assert os.listdir(path.parent) == [path.name]


def test_after_without_a_cut_has_no_red(tmp_path, cutting, touching):
    before_after(cutting, touching, tmp_path / "pair.png", title="")
    image = read(tmp_path / "pair.png")
    half = image.shape[1] // 2
    assert red(image[:, :half]) > 100 and red(image[:, half:]) == 0


def test_sheet_is_bounded_and_says_what_it_leaves_out(tmp_path, cutting, touching, monkeypatch):
    written = []
    monkeypatch.setattr(sheet, "write", lambda page, text, *a, **k: written.append(text))
    scenes = [(cutting, replace(touching, name=f"scene {i}")) for i in range(300)]
    contact_sheet(scenes, tmp_path / "sheet.png", max_panels=10, columns=2, title="worst")
    image = read(tmp_path / "sheet.png")
    assert image.shape[0] < 1400 and image.shape[1] < 1700
    assert "5 of 300 scenes are shown" in written
    assert "scene 4" in written and "scene 5" not in written
    cells = image[92:, module.EDGE :]  # five pairs on three rows of two: the sixth place is empty
    assert (np.ptp(cells[-300:, cells.shape[1] // 2 + 40 :], axis=(0, 1)) == 0).all()


def test_sheet_of_single_grasps_and_pictures_of_one(tmp_path, touching):
    contact_sheet([touching] * 3, tmp_path / "set.png")
    portrait(touching, tmp_path / "one.png")
    assert read(tmp_path / "set.png").std() > 5 and read(tmp_path / "one.png").shape[1] < 1000
    assert render(touching, size=(80, 60)).shape == (60, 80, 3)


def test_strip_shows_the_motion(tmp_path, motion, touching):
    strip(motion, tmp_path / "strip.png", frames=4, before=motion)
    image = read(tmp_path / "strip.png")
    size, first = 300, 92
    upper = image[first : first + size, module.EDGE :]
    lower = image[first + size + module.GAP : first + 2 * size + module.GAP, module.EDGE :]
    assert np.array_equal(upper, lower)
    step = size + module.GAP
    assert not np.array_equal(upper[:, :size], upper[:, step : step + size])
    with pytest.raises(InputError, match="long"):
        strip(motion, tmp_path / "bad.png", before=touching)


def test_nothing_is_left_of_a_picture_that_could_not_be_written(tmp_path, touching, monkeypatch):
    with pytest.raises(InputError, match="no such folder"):
        module.write_png(Image.new("RGB", (4, 4)), tmp_path / "no such folder" / "x.png")

    def half(self, path, **_):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", half)
    (tmp_path / "x.png").write_bytes(b"old")
    with pytest.raises(InputError, match="No space left"):
        module.write_png(Image.new("RGB", (4, 4)), tmp_path / "x.png")
    assert os.listdir(tmp_path) == ["x.png"] and (tmp_path / "x.png").read_bytes() == b"old"


def test_no_scenes_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no scenes"):
        contact_sheet([], tmp_path / "x.png")
