"""Grasps of a set as one HTML file that needs nothing else: a picture, the sentences and the scores of each."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from handhold.data.grasp_set_schema import GraspRow, ObjectRow
from handhold.view.figures import new_studio
from handhold.view.panel import Panel
from handhold.view.set_facts import facts

if TYPE_CHECKING:
    from handhold.view.studio import Studio

SIZE = (480, 380)
"""Width and height of a picture [pixels]."""
STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 2rem; max-width: 90rem; font: 15px/1.45 system-ui, sans-serif; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); gap: 1.2rem; }
article { border: 1px solid #8884; border-radius: 8px; overflow: hidden; }
img { display: block; width: 100%; }
h2, ul, details { margin: 0.7rem 1rem; }
h2 { font-size: 1rem; }
ul { padding-left: 1.1rem; }
th { padding-right: 1rem; font-weight: 400; text-align: left; opacity: 0.7; }
"""


def set_page(shown: Sequence[tuple[Panel, GraspRow, ObjectRow]], *, title: str) -> str:
    """The page's text; what the set says is escaped, and no script is on it.

    Args:
        shown: a picture, its grasp and that grasp's object, in order.
        title: headline.

    Raises:
        HandholdError: this machine has no OpenGL.
    """
    with new_studio() as studio:
        articles = [_article(_png(panel, studio), panel.name, row, obj) for panel, row, obj in shown]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"{head}</head>\n<body><h1>{escape(title)}</h1>\n<main>\n"
        + "\n".join(articles)
        + "\n</main></body></html>\n"
    )


def _article(png: bytes, name: str, row: GraspRow, obj: ObjectRow) -> str:
    sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in row.instructions)
    lines = "".join(
        f"<tr><th>{escape(label)}</th><td>{escape(value)}</td></tr>" for label, value in facts(row, obj)
    )
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<article id="{escape(row.grasp_id)}"><img alt="{escape(name)}" src="data:image/png;base64,{data}">'
        f"<h2>{escape(name)}</h2><ul>{sentences}</ul>"
        f"<details><summary>scores and dimensions</summary><table>{lines}</table></details></article>"
    )


def _png(panel: Panel, studio: Studio) -> bytes:
    from PIL import Image

    still = panel.measured()
    camera = studio.cameras([still], aspect=SIZE[0] / SIZE[1], count=1)[0]
    memory = BytesIO()
    Image.fromarray(studio.render(still, size=SIZE, camera=camera)).save(memory, format="PNG")
    return memory.getvalue()
