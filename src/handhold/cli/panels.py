"""Grasps as the pictures and the viewer take them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from handhold.cli.tables import number
from handhold.interaction.grasp import Grasp
from handhold.interaction.hand_object import HandObject
from handhold.io.grasp_sets import GraspFacts
from handhold.io.scene import Up
from handhold.view.panel import Panel

UP = {"z": (0.0, 0.0, 1.0), "y": (0.0, 1.0, 0.0)}
SHOWN = (
    ("iv_cm3", "volume inside", " cm³"),
    ("pd_mm", "deepest", " mm"),
    ("fingers_in_contact", "fingers touching", " of 5"),
)


def panel_of(grasp: Grasp, *, up: Up = "z", figures: dict[str, Any] | None = None) -> Panel:
    """A grasp or motion in its world frame, with its figures under it."""
    surface = grasp.surface()
    return Panel(
        name=grasp.name,
        hand_vertices=surface.vertices.numpy(),
        hand_faces=grasp.hand.faces.numpy(),
        object_vertices=grasp.object_vertices().numpy(),
        object_faces=grasp.object.faces,
        joints=surface.joints.numpy(),
        hand_distance=_distance(HandObject.of_grasp(grasp)),
        soft_tissue=None if grasp.offsets is None else grasp.offsets.norm(dim=-1).numpy(),
        figures=figures_of(figures or {}),
        up=UP[up],
        fps=grasp.fps,
    )


def panel_of_pair(pair: HandObject, *, up: Up = "z", figures: tuple[tuple[str, str], ...] = ()) -> Panel:
    """Bare surfaces in their world frame."""
    pose, tissue = pair.T_world_object, None
    if pair.fitted_vertices is not None:
        tissue = np.linalg.norm(pair.hand_vertices - pair.fitted_vertices, axis=-1)
    return Panel(
        name=pair.name,
        hand_vertices=pair.hand_vertices,
        hand_faces=pair.hand_faces,
        object_vertices=pair.object.vertices @ np.swapaxes(pose[..., :3, :3], -1, -2)
        + pose[..., None, :3, 3],
        object_faces=pair.object.faces,
        joints=pair.joints,
        hand_distance=_distance(pair),
        soft_tissue=tissue,
        figures=figures,
        up=UP[up],
        fps=pair.fps,
    )


def _distance(pair: HandObject) -> np.ndarray | None:
    """Signed distances of a still's hand, by the object's own tree, which many grasps share; of a motion only few
    frames are drawn, which are measured then."""
    return None if pair.is_motion else next(pair.frames()).signed


def figures_of(values: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The figures that go under a picture, those that are known."""
    return tuple(
        (label, number(values[metric], metric) + unit)
        for metric, label, unit in SHOWN
        if values.get(metric) is not None
    )


def figures_of_facts(facts: GraspFacts, *, brief: bool = False) -> tuple[tuple[str, str], ...]:
    """What goes under a picture of one grasp of a set: type, part and purpose, and its figures; if `brief`, these only
    where there is nothing else."""
    words = (("type", facts.type), ("part", facts.part), ("purpose", facts.purpose))
    told = tuple((label, word.replace("_", " ")) for label, word in words if word)
    if brief and told:
        return told
    fingers = None if facts.fingers is None else float(facts.fingers)
    told += figures_of({"iv_cm3": facts.iv_cm3, "fingers_in_contact": fingers})
    return told if facts.held is None else (*told, ("held in physics", "yes" if facts.held else "no"))


def draw_pairs(pairs: Sequence[tuple[Panel, Panel]], folder: Path, *, count: int) -> Path:
    """Before and after as one PNG in the folder: a grasp, a motion, or a sheet of many.

    Args:
        pairs: at least one.
        folder: where to.
        count: how many there are in all, of which the pairs are the first.

    Raises:
        HandholdError: this machine has no OpenGL.
    """
    from handhold.view.figures import before_after, strip
    from handhold.view.sheet import contact_sheet

    if len(pairs) > 1:
        path = folder / "before_after.png"
        contact_sheet(
            pairs,
            path,
            title=f"{count} scenes" if count == len(pairs) else f"the first {len(pairs)} of {count} scenes",
        )
        return path
    before, after = pairs[0]
    path = folder / f"{after.name}_before_after.png"
    if after.frames > 1:
        strip(after, path, before=before)
    else:
        before_after(before, after, path)
    return path
