"""Many scenes through a refiner, chunk by chunk, so that memory does not grow with their number."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from handhold.batch.fitting import hand_of, make_grasps
from handhold.errors import HandholdError
from handhold.interaction.grasp import Grasp
from handhold.interaction.measures import Measures, measure, measure_frames
from handhold.io.scene import Scene, Units, load_scene
from handhold.objects import ObjectMesh

CHUNK_ROWS = 32
"""Hands refined together: enough to fill the cores, few enough that progress is seen to move."""

Refine = Callable[[list[Grasp]], list[Grasp]]

DEEP_MM, DEEP_CM3 = 10.0, 20.0
"""A hand that lies so deep in the object after refining was beyond mending."""


@dataclass(frozen=True)
class Failure:
    """A scene that could not be done.

    Attributes:
        name: the scene's name.
        path: its file.
        error: why, in words.
        bug: the exception, where it is handhold that is wrong and not the scene.
    """

    name: str
    path: Path
    error: str
    bug: Exception | None = None


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


@dataclass(frozen=True, eq=False)
class _Loaded:
    scene: Scene
    obj: ObjectMesh

    @property
    def rows(self) -> int:
        return len(self.scene.T_world_object) if self.scene.is_motion else 1


def refine_scenes(
    paths: Sequence[Path],
    refine: Refine,
    *,
    units: Units | None = None,
    mano: Path | None = None,
    device: str = "cpu",
) -> Iterator[Outcome | Failure]:
    """Load, fit, refine and measure scenes; one that cannot be done becomes a `Failure`, the others go on.

    Args:
        paths: scene files.
        refine: takes grasps that share one hand model and gives as many back.
        units: overrides the files' units.
        mano: the user's MANO file.
        device: where to refine.

    Yields:
        An outcome or failure for every path, in order within a chunk of some 32 hands.
    """
    with ThreadPoolExecutor(max_workers=1) as loader:
        chunks = _chunks(paths, units, mano)
        pending = loader.submit(next, chunks, None)
        while (chunk := pending.result()) is not None:
            pending = loader.submit(
                next, chunks, None
            )  # the next files are read while these hands are refined
            yield from _refine_chunk(chunk, refine, device)


def _chunks(
    paths: Sequence[Path], units: Units | None, mano: Path | None
) -> Iterator[list[_Loaded | Failure]]:
    chunk: list[_Loaded | Failure] = []
    rows = 0
    load_object = lru_cache(maxsize=16)(ObjectMesh.load)  # many scenes share few objects
    for path in paths:
        try:
            scene = load_scene(path, units=units, mano=mano)
            item = _Loaded(scene, load_object(scene.mesh, units=scene.object_units))
            rows += item.rows
        except Exception as error:  # one bad scene must not cost the others
            item = _failure(path, error)
        chunk.append(item)
        if rows >= CHUNK_ROWS or len(chunk) >= 2 * CHUNK_ROWS:
            yield chunk
            chunk, rows = [], 0
    if chunk:
        yield chunk


def _refine_chunk(chunk: list[_Loaded | Failure], refine: Refine, device: str) -> list[Outcome | Failure]:
    done: dict[int, Outcome | Failure] = {
        k: item for k, item in enumerate(chunk) if isinstance(item, Failure)
    }
    groups: dict[tuple, list[int]] = {}
    for k, item in enumerate(chunk):
        if isinstance(item, _Loaded):
            groups.setdefault((item.scene.model, item.scene.model_path, item.scene.side), []).append(k)
    for members in groups.values():
        results = _refine_group([chunk[k] for k in members], refine, device)  # pyright: ignore[reportArgumentType]
        done.update(zip(members, results, strict=True))
    return [done[k] for k in range(len(chunk))]


def _refine_group(items: list[_Loaded], refine: Refine, device: str) -> list[Outcome | Failure]:
    """Scenes of one hand model; if they fail together, each alone, so that the bad one is found."""
    try:
        hand = hand_of(items[0].scene, device=device)
        made = make_grasps([i.scene for i in items], [i.obj for i in items], hand)
        start = time.perf_counter()
        refined = refine([grasp for grasp, _ in made])
        seconds = time.perf_counter() - start
    except Exception as error:
        if len(items) == 1:
            return [_failure(items[0].scene.path, error)]
        return [result for item in items for result in _refine_group([item], refine, device)]
    share = seconds / sum(item.rows for item in items)
    return [
        _outcome(item, before, after, share * item.rows, warnings)
        for item, (before, warnings), after in zip(items, made, refined, strict=True)
    ]


def _outcome(
    item: _Loaded, before: Grasp, after: Grasp, seconds: float, warnings: list[str]
) -> Outcome | Failure:
    scene = item.scene
    before, after = (_on_cpu(grasp, scene) for grasp in (before, after))
    surface = after.surface()
    if not (surface.vertices.isfinite().all() and surface.joints.isfinite().all()):
        return Failure(scene.name, scene.path, f"{scene.path}: the method gave no finite hand.")
    try:
        first, last = (measure_frames(g) if g.is_motion else [measure(g)] for g in (before, after))
    except Exception as error:
        return _failure(scene.path, error)
    return Outcome(scene, before, after, first, last, seconds, (*scene.warnings, *warnings, *_words(last)))


def _words(after: list[Measures]) -> list[str]:
    """What the user should be told of a result."""
    if any(m.pd_mm > DEEP_MM or m.iv_cm3 > DEEP_CM3 for m in after):
        return [
            "the hand is still inside the object: it was too deep in it to be taken out; is the pose right?"
        ]
    if all(m.fingers_in_contact == 0 for m in after):
        return ["no finger touches the object: the hand is too far from it to be drawn to it"]
    if any(math.isnan(m.iv_cm3) for m in after):
        return ["the intersection volume could not be had"]
    return []


def _on_cpu(grasp: Grasp, scene: Scene) -> Grasp:
    if grasp.hand.device.type == "cpu":
        return grasp

    def cpu(value: torch.Tensor | None):
        return None if value is None else value.cpu()

    return grasp.with_(
        hand=hand_of(scene),
        params=grasp.params.map(lambda t: t.cpu()),
        T_world_object=grasp.T_world_object.cpu(),
        offsets=cpu(grasp.offsets),
        keypoints=cpu(grasp.keypoints),
    )


def _failure(path: Path, error: Exception) -> Failure:
    """A scene's failure; what is neither the user's nor the machine's fault is told as such."""
    if isinstance(error, HandholdError):
        text = str(error)
        return Failure(path.stem, path, text if str(path) in text else f"{path}: {text}")
    if isinstance(error, OSError | MemoryError):
        return Failure(path.stem, path, f"{path}: {getattr(error, 'strerror', None) or 'not enough memory'}.")
    return Failure(path.stem, path, f"{path}: internal error ({type(error).__name__}: {error}).", bug=error)
