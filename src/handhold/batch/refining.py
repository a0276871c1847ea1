"""Many scenes through a refiner."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from handhold.batch.fitting import hand_of, make_grasps
from handhold.batch.instructing import asked_words
from handhold.batch.loading import Failure, LoadedScene, by_hand, chunks
from handhold.interaction.grasp import Contact, Grasp
from handhold.interaction.measures import Measures, measure, measure_frames
from handhold.io.scene import Scene, Units

Refine = Callable[[list[Grasp]], list[Grasp]]
Instructed = Callable[[Sequence[Grasp]], tuple[list[Grasp], list[list[str]]]]
"""Grasps with contact masks, and what is to be said of each (`handhold.batch.instructing.Instruct`)."""

DEEP_MM, DEEP_CM3 = 10.0, 20.0
"""A hand that lies so deep in the object after refining was beyond mending."""
FAR_MM = 160.0
"""A hand that was moved so far was farther off than any noise that methods are made for."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """A scene that was refined.

    Attributes:
        scene: the scene.
        before: the fitted input, on the CPU.
        after: the refined grasp or motion, on the CPU.
        measures_before: one for each frame.
        measures_after: one for each frame.
        seconds: share of the refiner's time, loading and measuring left out [s].
        warnings: what looks wrong but need not be.
    """

    scene: Scene
    before: Grasp
    after: Grasp
    measures_before: list[Measures]
    measures_after: list[Measures]
    seconds: float
    warnings: tuple[str, ...]

    @property
    def frames(self) -> int:
        """Number of frames; 1 for a single grasp."""
        return len(self.measures_after)


def refine_scenes(
    paths: Sequence[Path],
    refine: Refine,
    *,
    units: Units | None = None,
    mano: Path | None = None,
    device: str = "cpu",
    instruct: Instructed | None = None,
) -> Iterator[Outcome | Failure]:
    """Load, fit, refine and measure scenes; one that cannot be done becomes a `Failure`, the others go on.

    Args:
        paths: scene files.
        refine: takes grasps that share one hand model and gives as many back.
        units: overrides the files' units.
        mano: the user's MANO file.
        device: where to refine.
        instruct: says where the hands are meant to touch, before they are refined.

    Yields:
        An outcome or failure for every path, in order within a chunk of some 32 hands.
    """

    def work(items: list[LoadedScene]) -> list[Outcome | Failure]:
        return _refine_together(items, refine, device, instruct)

    for chunk in chunks(paths, units=units, mano=mano):
        yield from by_hand(chunk, work)


def _refine_together(
    items: list[LoadedScene], refine: Refine, device: str, instruct: Instructed | None
) -> list[Outcome | Failure]:
    hand = hand_of(items[0].scene, device=device)
    made = make_grasps([i.scene for i in items], [i.obj for i in items], hand)
    start = time.perf_counter()
    given, told = [grasp for grasp, _ in made], [[] for _ in made]
    if instruct is not None:
        given, told = instruct(given)
    refined = refine(given)
    share = (time.perf_counter() - start) / sum(item.rows for item in items)
    return [
        _outcome(item, before, after, share * item.rows, [*warnings, *notes])
        for item, (before, warnings), after, notes in zip(items, made, refined, told, strict=True)
    ]


def _outcome(
    item: LoadedScene, before: Grasp, after: Grasp, seconds: float, warnings: list[str]
) -> Outcome | Failure:
    scene = item.scene
    before, after = (_on_cpu(grasp, scene) for grasp in (before, after))
    surface = after.surface()
    if not (surface.vertices.isfinite().all() and surface.joints.isfinite().all()):
        return Failure(scene.name, scene.path, f"{scene.path}: the method gave no finite hand.")
    try:
        first, last = (measure_frames(g) if g.is_motion else [measure(g)] for g in (before, after))
    except Exception as error:
        return Failure.of(scene.path, error)
    words = _words(last, asked=asked_words(before, after))
    return Outcome(scene, before, after, first, last, seconds, (*scene.warnings, *warnings, *words))


def _words(after: list[Measures], *, asked: list[str]) -> list[str]:
    """What the user should be told of a result, and of what was asked of it."""
    if any(m.pd_mm > DEEP_MM or m.iv_cm3 > DEEP_CM3 for m in after):
        return [
            "the hand is still inside the object: it was too deep in it to be taken out; is the pose right?",
            *asked,
        ]
    if asked:  # says of touch and of the way what is to be said
        return asked
    if all(m.fingers_in_contact == 0 for m in after):
        return ["no finger touches the object: the hand is too far from it to be drawn to it"]
    if any(m.moved_mm > FAR_MM for m in after):
        far = max(m.moved_mm for m in after) / 10
        return [f"the hand was moved by {far:.0f} cm: is it far off, or meant to hold something else?"]
    if any(math.isnan(m.iv_cm3) for m in after):
        return ["the intersection volume could not be had"]
    return []


def _on_cpu(grasp: Grasp, scene: Scene) -> Grasp:
    if grasp.hand.device.type == "cpu":
        return grasp

    def cpu(value: torch.Tensor | None):
        return None if value is None else value.cpu()

    contact = grasp.contact
    return grasp.with_(
        hand=hand_of(scene),
        params=grasp.params.map(lambda t: t.cpu()),
        T_world_object=grasp.T_world_object.cpu(),
        offsets=cpu(grasp.offsets),
        keypoints=cpu(grasp.keypoints),
        contact=contact and Contact(cpu(contact.hand), cpu(contact.object), cpu(contact.points)),
    )
