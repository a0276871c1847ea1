"""Text and layout of pictures, with PIL."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

INK = (38, 44, 52)
FAINT = (112, 120, 130)
PAPER = (250, 250, 249)
GAP, EDGE = 12, 40
"""Between two pictures, and around the page [pixels]."""

_RAISED = {"²": "2", "³": "3"}
_PLAIN = str.maketrans({"→": "->", "–": "-", "—": "-", "×": "x", "µ": "u", "−": "-"})


def blank(width: int, height: int) -> Image.Image:
    """Empty paper."""
    return Image.new("RGB", (width, height), PAPER)


def write(
    page: Image.Image,
    text: str,
    place: tuple[int, int],
    *,
    size: int,
    colour: tuple[int, int, int] = INK,
    width=None,
) -> int:
    """Write one line.

    Args:
        page: what to write on.
        text: any text; what no font at hand has is replaced, never an error.
        place: left and top of the line in pixels.
        size: height of the font in pixels.
        colour: red, green, blue.
        width: longer lines are cut to this many pixels, with an ellipsis.

    Returns:
        Pixels from `place` to the end of the line.
    """
    font, text = _font_for(" ".join(text.split()), size)
    if width is not None and _length(text, font) > width:
        while text and _length(text + "…", font) > width:
            text = text[:-1]
        text += "…"
    draw, x = ImageDraw.Draw(page), float(place[0])
    for raised, run in _runs(text):
        face = _built_in(round(0.62 * size)) if raised else font
        draw.text((x, place[1] - (0.06 * size if raised else 0)), run, fill=colour, font=face)
        x += face.getlength(run)
    return round(x - place[0])


def paste(page: Image.Image, picture: np.ndarray, place: tuple[int, int], *, radius: int = 10) -> None:
    """Put a picture (H, W, 3) on the page with rounded corners."""
    mask = Image.new("L", (2 * picture.shape[1], 2 * picture.shape[0]), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), 2 * radius, fill=255)
    page.paste(Image.fromarray(picture), place, mask.reduce(2))


def _length(text: str, font) -> float:
    return sum(
        (_built_in(round(0.62 * font.size)) if raised else font).getlength(run) for raised, run in _runs(text)
    )


def _runs(text: str) -> list[tuple[bool, str]]:
    """The text in pieces, with superscripts taken out: the built-in font has none."""
    runs: list[tuple[bool, str]] = []
    for letter in text:
        raised = letter in _RAISED
        letter = _RAISED.get(letter, letter)
        if runs and runs[-1][0] == raised:
            runs[-1] = (raised, runs[-1][1] + letter)
        else:
            runs.append((raised, letter))
    return runs


def _font_for(text: str, size: int):
    """PIL's built-in font where it has all the letters, else DejaVu (matplotlib brings it), else the
    built-in font with the nearest plain letters."""
    if all(letter in _RAISED or letter in _letters() for letter in text):
        return _built_in(size), text
    broad = _broad_font()
    if broad is not None:
        return ImageFont.truetype(broad, round(0.92 * size)), text
    plain = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return _built_in(size), "".join(c if c in _letters() else "?" for c in plain)


@lru_cache(maxsize=32)
def _built_in(size: int):
    return ImageFont.load_default(size=size)


@lru_cache(maxsize=1)
def _letters() -> frozenset[str]:
    """The letters of the built-in font: those that do not look like its sign for a missing one."""
    font = _built_in(20)

    def shape(letter: str) -> bytes:
        tile = Image.new("L", (40, 40))
        ImageDraw.Draw(tile).text((4, 4), letter, fill=255, font=font)
        return tile.tobytes()

    missing = shape("\u4e2d")
    return frozenset(c for c in map(chr, (*range(32, 256), *range(0x2010, 0x2040))) if shape(c) != missing)


@lru_cache(maxsize=1)
def _broad_font() -> str | None:
    spec = find_spec("matplotlib")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations)), "mpl-data", "fonts", "ttf", "DejaVuSans.ttf")
    return str(path) if path.is_file() else None
