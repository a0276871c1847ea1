from __future__ import annotations

import numpy as np
import pytest

from handhold.view import text


def ink(page) -> int:
    return int((np.asarray(page) < 128).any(-1).sum())


@pytest.mark.parametrize("line", ["cup", "4.20 cm³", "größe é", "手 ☕", "a\nb\tc", "", "\x00\u202e"])
@pytest.mark.parametrize("broad", [True, False])
def test_any_text_can_be_written(line, broad, monkeypatch):
    if not broad:
        monkeypatch.setattr(text, "_broad_font", lambda: None)
    page = text.blank(400, 40)
    length = text.write(page, line, (4, 4), size=24)
    assert (length > 0 and ink(page) > 0) or not line.strip("\x00\u202e")


def test_superscript_is_higher_and_smaller():
    page, plain = text.blank(80, 40), text.blank(80, 40)
    assert text.write(page, "³", (4, 4), size=24) < text.write(plain, "3", (4, 4), size=24)
    rows, plain_rows = (np.nonzero((np.asarray(p) < 128).any((1, 2)))[0] for p in (page, plain))
    assert rows.max() < plain_rows.max() and len(rows) < len(plain_rows)


def test_long_lines_are_cut():
    page = text.blank(400, 40)
    assert text.write(page, "a long name " * 40, (0, 4), size=20, width=200) <= 200
    assert ink(page.crop((201, 0, 400, 40))) == 0


def test_letters_of_the_built_in_font_are_known():
    assert set("Aa0.%/()") <= text._letters()
    assert not set("é→") & text._letters()
