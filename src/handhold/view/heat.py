"""Where sentences have hand and object touch, as a figure: a row each, object from two sides, hand beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handhold.errors import InputError
from handhold.geometry.painted import PaintedMesh
from handhold.view.camera import Camera, fit_camera
from handhold.view.colours import heat_colours
from handhold.view.figures import write_png
from handhold.view.heat_views import front_and_back
from handhold.view.text import EDGE, FAINT, GAP, blank, paste, write

if TYPE_CHECKING:
    from PIL import Image

    from handhold.view.heat_studio import HeatStudio

THING, HAND = (440, 400), (300, 400)
"""Width and height of a view of the object, and of the hand [pixels]."""
ROW = 2 * (THING[0] + GAP) + HAND[0]
HEAD, FOOT = 74, 34
"""Above a row's pictures, where the sentence stands, and below them [pixels]."""
ONE_COLUMN = 4
"""Up to so many sentences stand below each other."""
MOST = 24
TROUBLE = (176, 60, 24)
SCALE = (240, 16)
"""Width and height of the scale of colours [pixels]."""


@dataclass(frozen=True, eq=False)
class HeatPanel:
    """One sentence and what it says.

    Attributes:
        sentence: the sentence.
        object: the object in its colours, in the world frame.
        hand: the hand at rest in its colours, in the world frame, fingers up, the palm towards `palm`.
        points, normals: (P, 3) spread evenly by area over the object, in the world frame [m].
        marked: (P,) bool, points that views should show; none where nothing stands out.
        palm: (3,) direction from the palm to who looks at it.
        note: in plain words, what is to be said above all; empty for nothing.
        facts: what stands under the sentence.
    """

    sentence: str
    object: PaintedMesh
    hand: PaintedMesh
    points: np.ndarray
    normals: np.ndarray
    marked: np.ndarray
    palm: np.ndarray
    note: str = ""
    facts: str = ""


def heat_figure(
    panels: Sequence[HeatPanel],
    path: str | Path,
    *,
    title: str,
    up: tuple[float, float, float] = (0.0, 0.0, 1.0),
    count: int | None = None,
) -> None:
    """Draw the sentences on one page and write it as a PNG; arguments as `heat_image`.

    Raises:
        InputError: no panels, or the file cannot be written.
        HandholdError: this machine has no OpenGL.
    """
    write_png(heat_image(panels, title=title, up=up, count=count), path)


def heat_image(
    panels: Sequence[HeatPanel],
    *,
    title: str,
    up: tuple[float, float, float] = (0.0, 0.0, 1.0),
    count: int | None = None,
) -> Image.Image:
    """Draw the sentences on one page, in their order; the views of the object are the same for all.

    Args:
        panels: sentences about one object; the first `MOST` are drawn.
        title: headline.
        up: which way is up in the world.
        count: how many sentences there are in all; the page says so where it shows fewer.

    Raises:
        InputError: no panels.
        HandholdError: this machine has no OpenGL.
    """
    if not panels:
        raise InputError("no sentences to draw", expected="at least one")
    shown, count = panels[:MOST], count or len(panels)
    columns = 1 if len(shown) <= ONE_COLUMN else 2
    rows, tall = -(-len(shown) // columns), HEAD + THING[1] + FOOT
    note = f"{len(shown)} of {count} sentences are shown" if len(shown) < count else ""
    width = 2 * EDGE + columns * ROW + (columns - 1) * EDGE
    page = blank(width, 96 + rows * tall + (44 if note else 12))
    write(page, title, (EDGE, 32), size=36, width=width - 3 * EDGE - SCALE[0] - 130)
    _scale(page, (width - EDGE - SCALE[0], 34))
    from handhold.view.heat_studio import HeatStudio

    first = shown[0]
    cameras = front_and_back(
        first.points,
        first.normals,
        [panel.marked for panel in shown],
        frame=first.object.vertices,
        up=np.asarray(up, float),
        aspect=THING[0] / THING[1],
    )
    with HeatStudio() as studio:
        for k, panel in enumerate(shown):
            place = (EDGE + k % columns * (ROW + EDGE), 96 + k // columns * tall)
            _row(
                page,
                panel,
                place,
                studio=studio,
                cameras=cameras,
                up=np.asarray(up, float),
                shade=columns == 1,
            )
    if note:
        write(page, note, (EDGE, page.height - 40), size=20, colour=FAINT)
    return page


def _row(
    page: Image.Image,
    panel: HeatPanel,
    place: tuple[int, int],
    *,
    studio: HeatStudio,
    cameras: tuple[Camera, Camera],
    up: np.ndarray,
    shade: bool,
) -> None:
    x, y = place
    write(page, f"“{panel.sentence}”", (x, y), size=27, width=ROW)
    told = write(page, panel.note, (x, y + 37), size=21, colour=TROUBLE, width=ROW) if panel.note else 0
    write(
        page, panel.facts, (x + told + 18 * bool(told), y + 37), size=21, colour=FAINT, width=ROW - told - 18
    )
    y += HEAD
    for camera, words in zip(cameras, ("", "from the other side"), strict=True):
        paste(page, studio.paint(panel.object, size=THING, camera=camera, shade=shade), (x, y))
        write(page, words, (x + 4, y + THING[1] + 4), size=17, colour=FAINT)
        x += THING[0] + GAP
    at_hand = fit_camera(panel.hand.vertices, panel.palm, up=up, aspect=HAND[0] / HAND[1])
    paste(page, studio.paint(panel.hand, size=HAND, camera=at_hand, shade=shade), (x, y))
    write(
        page,
        f"{panel.hand.name.replace('_', ' ')}, palm side",
        (x + 4, y + HAND[1] + 4),
        size=17,
        colour=FAINT,
    )


def _scale(page: Image.Image, place: tuple[int, int]) -> None:
    """The colours from no contact to contact for certain."""
    values = np.linspace(0.0, 1.0, SCALE[0])
    bar = np.tile(np.round(255 * heat_colours(values)).astype(np.uint8), (SCALE[1], 1, 1))
    paste(page, bar, place, radius=3)
    write(page, "contact", (place[0] - 78, place[1] - 3), size=20, colour=FAINT)
    for share, words in ((0.0, "0"), (0.5, "0.5"), (1.0, "1")):
        x = place[0] + round(share * SCALE[0]) - 5 * len(words) * (share > 0)
        write(page, words, (x, place[1] + SCALE[1] + 4), size=17, colour=FAINT)
