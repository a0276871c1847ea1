"""Scenes read and their hands fitted, chunk by chunk, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import torch

from handhold.batch.fitting import hand_of, make_grasps
from handhold.errors import HandholdError
from handhold.interaction.grasp import Grasp
from handhold.io.scene import Scene, Units, load_scene
from handhold.objects import ObjectMesh

CHUNK_ROWS = 32
"""Hands worked on together: enough to fill the cores, few enough that progress is seen to move."""

Done = TypeVar("Done")


@dataclass(frozen=True)
class Failure:
    """A file that could not be done.

    Attributes:
        name: the scene's name.
        path: its file.
        error: why, in words.
        bug: the exception, where it is handhold that is wrong and not the file.
    """

    name: str
    path: Path
    error: str
    bug: Exception | None = None

    @staticmethod
    def of(path: Path, error: Exception) -> Failure:
        """What is neither the user's nor the machine's fault is told as such."""
        if isinstance(error, HandholdError):
            text = str(error)
            return Failure(path.stem, path, text if str(path) in text else f"{path}: {text}")
        if isinstance(error, OSError | MemoryError):
            why = getattr(error, "strerror", None) or "not enough memory"
            return Failure(path.stem, path, f"{path}: {why}.")
        return Failure(
            path.stem, path, f"{path}: internal error ({type(error).__name__}: {error}).", bug=error
        )


@dataclass(frozen=True, eq=False)
class LoadedScene:
    """A scene and its object."""

    scene: Scene
    obj: ObjectMesh

    @property
    def rows(self) -> int:
        """Hands in it: one, or as many as there are frames."""
        return len(self.scene.T_world_object) if self.scene.is_motion else 1


@dataclass(frozen=True, eq=False)
class FittedScene:
    """A scene whose hand is fitted.

    Attributes:
        scene: the scene.
        grasp: the grasp or motion.
        warnings: what looks wrong but need not be.
    """

    scene: Scene
    grasp: Grasp
    warnings: tuple[str, ...]


def fitted_scenes(
    paths: Sequence[Path],
    *,
    units: Units | None = None,
    mano: Path | None = None,
    dtype: torch.dtype = torch.float32,
) -> Iterator[FittedScene | Failure]:
    """Scenes as grasps on the CPU, in order; one that cannot be read becomes a `Failure`.

    Args:
        paths: scene files.
        units: overrides the files' units.
        mano: the user's MANO file.
        dtype: of the hands; in double precision, moving a scene as a whole changes nothing that is measured.
    """

    def work(items: list[LoadedScene]) -> list[FittedScene]:
        return _fit(items, dtype)

    for chunk in chunks(paths, units=units, mano=mano, dtype=dtype):
        yield from by_hand(chunk, work)


def chunks(
    paths: Sequence[Path], *, units: Units | None, mano: Path | None, dtype: torch.dtype = torch.float32
) -> Iterator[list[LoadedScene | Failure]]:
    """Scenes and their objects, some 32 hands at a time; the next are read while these are worked on."""
    reading = _read(paths, units, mano, dtype)
    with ThreadPoolExecutor(max_workers=1) as loader:
        pending = loader.submit(next, reading, None)
        while (chunk := pending.result()) is not None:
            pending = loader.submit(next, reading, None)
            yield chunk


def by_hand(
    chunk: Sequence[LoadedScene | Failure], work: Callable[[list[LoadedScene]], list[Done]]
) -> list[Done | Failure]:
    """Do scenes that share a hand model together; if they fail together, each alone, to find the bad one.

    Args:
        chunk: scenes; failures stay what they are.
        work: gives as many results as it gets scenes.
    """
    done: dict[int, Done | Failure] = {k: item for k, item in enumerate(chunk) if isinstance(item, Failure)}
    groups: dict[tuple, list[int]] = {}
    for k, item in enumerate(chunk):
        if isinstance(item, LoadedScene):
            groups.setdefault((item.scene.model, item.scene.model_path, item.scene.side), []).append(k)
    for members in groups.values():
        results = _together([chunk[k] for k in members], work)  # pyright: ignore[reportArgumentType]
        done.update(zip(members, results, strict=True))
    return [done[k] for k in range(len(chunk))]


def _together(
    items: list[LoadedScene], work: Callable[[list[LoadedScene]], list[Done]]
) -> list[Done | Failure]:
    try:
        return [*work(items)]
    except Exception as error:
        if len(items) == 1:
            return [Failure.of(items[0].scene.path, error)]
        return [result for item in items for result in _together([item], work)]


def _fit(items: list[LoadedScene], dtype: torch.dtype) -> list[FittedScene]:
    hand = hand_of(items[0].scene, dtype=dtype)
    made = make_grasps([i.scene for i in items], [i.obj for i in items], hand)
    return [
        FittedScene(item.scene, grasp, (*item.scene.warnings, *warnings))
        for item, (grasp, warnings) in zip(items, made, strict=True)
    ]


def _read(
    paths: Sequence[Path], units: Units | None, mano: Path | None, dtype: torch.dtype
) -> Iterator[list[LoadedScene | Failure]]:
    chunk: list[LoadedScene | Failure] = []
    rows = 0
    load_object = lru_cache(maxsize=16)(ObjectMesh.load)  # many scenes share few objects
    for path in paths:
        try:
            scene = load_scene(path, units=units, mano=mano, dtype=dtype)
            item = LoadedScene(scene, load_object(scene.mesh, units=scene.object_units))
            rows += item.rows
        except Exception as error:  # one bad scene must not cost the others
            item = Failure.of(path, error)
        chunk.append(item)
        if rows >= CHUNK_ROWS or len(chunk) >= 2 * CHUNK_ROWS:
            yield chunk
            chunk, rows = [], 0
    if chunk:
        yield chunk
