"""Grasps for objects alone, by JointDiffusion and by FastGrasp, for benchmarks/choir.py."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from fastgrasp import FIGURES, PROTOCOLS, Thing, polish

from handhold.data.grasp_set_split import HELD_OUT
from handhold.evaluate import score_pair
from handhold.hand import Hand
from handhold.interaction.grasp import Grasp
from handhold.interaction.hand_object import HandObject
from handhold.methods.synthesize.choir import draw_choir
from handhold.methods.synthesize.fastgrasp import fastgrasp
from handhold.models import fastgrasp as fastgrasp_model
from handhold.models.choir import JointDiffusion
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

EACH, INSTANCES = 12, 2
"""Hands of an object, and objects of a category."""
KEPT = ("iv_cm3", "drop_cm", "contact", "fingers", "bones_through")
Draw = Callable[[ObjectMesh | PartedObject], Iterable[Grasp]]


def synthesis_rows(model: JointDiffusion) -> list[dict[str, Any]]:
    """A row for each method, as drawn and polished; means over objects."""
    hand = Hand.open("right")
    draws: dict[str, Draw] = {
        "choir": lambda obj: draw_choir(obj, hand, model, count=EACH).grasps,
        "fastgrasp": lambda obj: fastgrasp(obj, hand, fastgrasp_model.shipped(), count=EACH).grasps,
    }
    things = [Thing("held_out", name, turn) for name in HELD_OUT for turn in range(INSTANCES)]
    return [row for name, draw in draws.items() for row in method_rows(name, draw, things)]


def method_rows(name: str, draw: Draw, things: list[Thing]) -> list[dict[str, Any]]:
    """As drawn, and polished."""
    raw, polished, seconds, count = [], [], 0.0, 0
    for thing in things:
        obj, start = thing.load(), time.perf_counter()
        grasps = list(draw(obj))
        seconds, count = seconds + time.perf_counter() - start, count + len(grasps)
        raw.append(figures(grasps))
        polished.append(figures(polish(grasps)))
        print(thing.name, name, {key: raw[-1][key] for key in KEPT}, flush=True)
    rows = []
    for words, found in ((name, raw), (f"{name}, then gravity", polished)):
        means = {key: float(np.nanmean([f[key] for f in found])) for key in KEPT}
        rows.append({"name": words, "n": count, "seconds": seconds / count, **means})
    return rows


def figures(grasps: list[Grasp]) -> dict[str, float]:
    """Means over the grasps of an object; what could not be had is left out."""
    scores = [score_pair(HandObject.of_grasp(grasp), PROTOCOLS).values for grasp in grasps]
    each = {key: [score[FIGURES[key]] for score in scores] for key in KEPT}
    return {
        key: float(np.mean([v for v in values if v is not None]))
        if any(v is not None for v in values)
        else np.nan
        for key, values in each.items()
    }
