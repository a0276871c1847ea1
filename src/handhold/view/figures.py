"""Pictures of grasps as PNG files: before and after, one grasp, a motion."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handhold.io.files import writing
from handhold.version import __version__
from handhold.view.panel import Panel
from handhold.view.text import EDGE, FAINT, GAP, blank, paste, write

if TYPE_CHECKING:
    from PIL import Image

    from handhold.view.camera import Camera
    from handhold.view.studio import Look, Studio

MAIN, INSET = (860, 600), (424, 300)
THROUGH = 0.28
"""Opacity of the object where the fingers are to be seen through it."""


def render(
    panel: Panel,
    *,
    size: tuple[int, int] = (800, 600),
    camera: Camera | None = None,
    look: Look | None = None,
):
    """Draw one still.

    Args:
        panel: what to draw; of a motion, the first frame.
        size: width and height in pixels.
        camera: where from; None chooses a view of the contact.
        look: how.

    Returns:
        (height, width, 3) uint8.

    Raises:
        HandholdError: this machine has no OpenGL.
    """
    with new_studio() as studio:
        still = panel.frame(0)
        camera = camera or studio.cameras([still], aspect=size[0] / size[1], count=1)[0]
        return studio.render(still, size=size, camera=camera, look=look)


def before_after(before: Panel, after: Panel, path: str | Path, *, title: str | None = None) -> None:
    """Draw a grasp before and after side by side, from the same cameras: a main view, the other side, and
    through the object with red where the hand cuts in. Each panel's `figures` stand under it.

    Args:
        before: of a motion, the middle frame is drawn.
        after: the same.
        path: the PNG to write.
        title: headline; None: the name of `after`.

    Raises:
        InputError: the file cannot be written.
        HandholdError: this machine has no OpenGL.
    """
    stills = [panel.frame(panel.frames // 2).measured() for panel in (before, after)]
    write_png(_blocks(stills, ("Before", "After"), title=after.name if title is None else title), path)


def portrait(panel: Panel, path: str | Path, *, title: str | None = None) -> None:
    """Draw one grasp: a main view, the other side, and through the object; arguments as `before_after`."""
    write_png(_portrait(panel, title), path)


def portrait_png(panel: Panel, *, title: str | None = None) -> bytes:
    """The same as the bytes of a PNG, for pages."""
    memory = BytesIO()
    _portrait(panel, title).save(memory, format="PNG")
    return memory.getvalue()


def strip(
    panel: Panel, path: str | Path, *, before: Panel | None = None, frames: int = 8, title: str | None = None
) -> None:
    """Draw frames of a motion from one camera; with `before`, each above the frame it became.

    Args:
        panel: a motion.
        path: the PNG to write.
        before: the motion it was made from, with as many frames.
        frames: how many, evenly over the time.
        title: headline; None: the panel's name.

    Raises:
        InputError: `before` has another number of frames, or the file cannot be written.
        HandholdError: this machine has no OpenGL.
    """
    from handhold.errors import InputError

    motions = [panel] if before is None else [before, panel]
    if motions[0].frames != panel.frames:
        raise InputError(
            "not as long as the motion", where="before", expected=panel.frames, got=motions[0].frames
        )
    chosen = np.unique(np.linspace(0, panel.frames - 1, min(frames, panel.frames)).round().astype(int))
    size, columns = (300, 300), min(4 if before is None else 8, len(chosen))
    lines = -(-len(chosen) // columns)
    line_height = len(motions) * (size[1] + GAP) + 34
    page = blank(2 * EDGE + columns * (size[0] + GAP) - GAP, 92 + lines * line_height + 20)
    write(page, panel.name if title is None else title, (EDGE, 32), size=34, width=page.width - 2 * EDGE)
    with new_studio() as studio:
        camera = studio.cameras(motions, aspect=1.0, count=1)[0]
        for i, frame in enumerate(chosen):
            x, y = EDGE + i % columns * (size[0] + GAP), 92 + i // columns * line_height
            for motion in motions:
                paste(page, studio.render(motion.frame(frame), size=size, camera=camera), (x, y))
                y += size[1] + GAP
            moment = f"{frame / panel.fps:.2f} s" if panel.fps else f"frame {frame}"
            write(page, moment, (x + 4, y - 4), size=18, colour=FAINT)
    write_png(page, path)


def _portrait(panel: Panel, title: str | None) -> Image.Image:
    still = panel.frame(panel.frames // 2).measured()
    return _blocks([still], ("",), title=panel.name if title is None else title)


def _blocks(stills: list[Panel], labels: Sequence[str], *, title: str) -> Image.Image:
    """Stills of one scene side by side, from the same three cameras."""
    rows = max(len(still.figures) for still in stills)
    top = 140 if any(labels) else 96
    page = blank(
        2 * EDGE + len(stills) * (MAIN[0] + EDGE) - EDGE,
        top + MAIN[1] + GAP + INSET[1] + 52 + 84 * (rows > 0),
    )
    write(page, title, (EDGE, 30), size=40, width=page.width - 2 * EDGE)
    from handhold.view.studio import Look

    with new_studio() as studio:
        main, other = studio.cameras(stills, aspect=MAIN[0] / MAIN[1])
        through = studio.cut_camera(stills, aspect=INSET[0] / INSET[1])
        for i, (still, label) in enumerate(zip(stills, labels, strict=True)):
            x, y = EDGE + i * (MAIN[0] + EDGE), top
            if label:
                write(page, label, (x, top - 40), size=26, colour=FAINT)
            paste(page, studio.render(still, size=MAIN, camera=main), (x, y))
            y += MAIN[1] + GAP
            paste(page, studio.render(still, size=INSET, camera=other), (x, y))
            seen = studio.render(
                still, size=INSET, camera=through, look=Look(object_opacity=THROUGH, shade=False)
            )
            paste(page, seen, (x + INSET[0] + GAP, y))
            y += INSET[1] + 6
            write(page, "from the other side", (x + 4, y), size=17, colour=FAINT)
            write(
                page,
                "through the object; red: the hand cuts in",
                (x + INSET[0] + GAP + 4, y),
                size=17,
                colour=FAINT,
            )
            _figures(page, still, (x, y + 34))
    return page


def _figures(page: Image.Image, still: Panel, place: tuple[int, int]) -> None:
    """Label over value, side by side."""
    step = MAIN[0] // max(3, len(still.figures))
    for i, (label, value) in enumerate(still.figures):
        x = place[0] + i * step
        write(page, label, (x + 4, place[1]), size=17, colour=FAINT, width=step - 12)
        write(page, value, (x + 4, place[1] + 22), size=30, width=step - 12)


def new_studio() -> Studio:
    """A studio; VTK is imported now.

    Raises:
        HandholdError: this machine has no OpenGL.
    """
    from handhold.view.studio import Studio

    return Studio()


def write_png(page: Image.Image, path: str | Path) -> None:
    """Write a page as a PNG that says who made it.

    Raises:
        InputError: the file cannot be written.
    """
    from PIL.PngImagePlugin import PngInfo

    maker = PngInfo()
    maker.add_text("Software", f"handhold {__version__}")
    with writing(path) as draft:
        page.save(draft, format="PNG", compress_level=4, pnginfo=maker)
