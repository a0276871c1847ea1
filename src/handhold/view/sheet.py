"""Contact sheets: many grasps on one page, each from where the contact is seen best."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handhold.errors import InputError
from handhold.view.figures import new_studio, write_png
from handhold.view.panel import Panel
from handhold.view.text import EDGE, FAINT, GAP, blank, paste, write

if TYPE_CHECKING:
    from PIL import Image

    from handhold.view.studio import Studio

CELL = (360, 290)
"""Width and height of a picture on the sheet [pixels]."""
MOST = 48
HALF_THROUGH = 0.5
"""Opacity of the object in pairs, so that cuts are seen."""

Scenes = Sequence[Panel | tuple[Panel, Panel]]


def contact_sheet(
    scenes: Scenes,
    path: str | Path,
    *,
    columns: int | None = None,
    max_panels: int = MOST,
    title: str | None = None,
) -> None:
    """Draw many scenes on one page and write it as a PNG; arguments as `sheet_image`.

    Raises:
        InputError: no scenes, or the file cannot be written.
        HandholdError: this machine has no OpenGL.
    """
    write_png(sheet_image(scenes, columns=columns, max_panels=max_panels, title=title), path)


def sheet_image(
    scenes: Scenes,
    *,
    columns: int | None = None,
    max_panels: int = MOST,
    title: str | None = None,
    size: tuple[int, int] = CELL,
) -> Image.Image:
    """Draw many scenes on one page, each with its name and figures; the first ones, if they are too many.

    Args:
        scenes: grasps, or pairs (before, after) that are drawn side by side from one camera.
        columns: scenes a row; None chooses.
        max_panels: at most so many pictures (a pair is two); the page says how many scenes it leaves out.
        title: headline.
        size: width and height of a picture in pixels.

    Raises:
        InputError: no scenes.
        HandholdError: this machine has no OpenGL.
    """
    groups = [scene if isinstance(scene, tuple) else (scene,) for scene in scenes]
    if not groups:
        raise InputError("no scenes to draw", expected="at least one")
    wide = max(len(group) for group in groups)
    shown = groups[: max(1, max_panels // wide)]
    columns = min(len(shown), columns or (3 if wide == 2 else 4))
    cell = (wide * size[0] + (wide - 1) * GAP // 2, size[1] + 66)
    head = 92 if title else EDGE
    note = f"{len(shown)} of {len(groups)} scenes are shown" if len(shown) < len(groups) else ""
    rows = -(-len(shown) // columns)
    width = 2 * EDGE + columns * cell[0] + (columns - 1) * 2 * GAP
    page = blank(width, head + rows * (cell[1] + GAP) + (50 if note else 20))
    if title:
        write(page, title, (EDGE, 32), size=36, width=width - 2 * EDGE)
    with new_studio() as studio:
        for i, group in enumerate(shown):
            place = (EDGE + i % columns * (cell[0] + 2 * GAP), head + i // columns * (cell[1] + GAP))
            _cell(page, group, place, studio=studio, size=size, width=cell[0])
    if note:
        write(page, note, (EDGE, page.height - 44), size=20, colour=FAINT)
    return page


def _cell(
    page: Image.Image, group: tuple[Panel, ...], place: tuple[int, int], *, studio: Studio, size, width
) -> None:
    """One scene of a sheet: its pictures, name and figures; pairs let the cuts be seen through the object."""
    from handhold.view.studio import Look

    stills = [panel.frame(panel.frames // 2).measured() for panel in group]
    camera = studio.cameras(stills, aspect=size[0] / size[1], count=1)[0]
    look = Look(object_opacity=HALF_THROUGH, shade=False) if len(group) == 2 else Look()
    below = place[1] + size[1]
    write(page, group[-1].name, (place[0] + 4, below + 5), size=20, width=width - 8)
    for k, still in enumerate(stills):
        x = place[0] + k * (size[0] + GAP // 2)
        paste(page, studio.render(still, size=size, camera=camera, look=look), (x, place[1]))
        line = " · ".join(value for _, value in still.figures)
        if len(group) == 2:
            line = f"{('before', 'after')[k]}: {line}".rstrip(": ")
        write(page, line, (x + 4, below + 31), size=18, colour=FAINT, width=size[0] - 8)
