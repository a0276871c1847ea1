"""Whatever holds grasps, as the surfaces that metrics read: results, scenes, other tools' sets and meshes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from handhold.batch.fitting import load_hand
from handhold.batch.loading import Failure, fitted_scenes
from handhold.errors import InputError
from handhold.hand import Hand
from handhold.interaction.hand_object import HandObject
from handhold.io.grasp_sets import GraspSet, load_grasps
from handhold.io.kinds import kind_of
from handhold.io.peers import read_grasp_set
from handhold.io.results import Result, load_result
from handhold.io.scene import Units


def read_pairs(
    paths: Sequence[Path], *, units: Units | None = None, mano: Path | None = None, truth: bool = False
) -> Iterator[tuple[Path, list[HandObject] | Failure]]:
    """Read files in order; one that cannot be read becomes a `Failure`.

    Args:
        paths: results, grasp sets, scenes and other tools' sets.
        units: overrides the scenes' units.
        mano: the user's MANO file.
        truth: the files are what others are compared with: joints of scenes are the observed keypoints.

    Yields:
        Each path with its grasps: one of a result or a scene, any number of a set.
    """
    kinds = [_kind(path) for path in paths]
    scenes = fitted_scenes(
        [p for p, kind in zip(paths, kinds, strict=True) if kind == "scene"],
        units=units,
        mano=mano,
        dtype=torch.float64,
    )
    for path, kind in zip(paths, kinds, strict=True):
        if isinstance(kind, Failure):
            yield path, kind
        elif kind == "scene":
            fitted = next(scenes)
            if isinstance(fitted, Failure):
                yield path, fitted
            else:
                pair = replace(HandObject.of_grasp(fitted.grasp), notes=fitted.warnings)
                yield path, [pair.observed() if truth else pair]
        else:
            yield path, _read(path, kind, units, mano)


def hand_of_result(
    result: Result | GraspSet, mano: Path | None, *, dtype: torch.dtype = torch.float32
) -> tuple[Hand | None, str]:
    """The hand model that a result or a grasp set was made with, or None and why it is not to be had."""
    if result.model != "open" and mano is None:
        return None, f"made with a {result.model} hand, whose file was not given (--mano)"
    path = mano if result.model != "open" else None
    hand = load_hand(result.model, path, result.side, dtype=dtype)
    if hand.version != result.model_version:
        return None, f"made with the {result.model} hand {result.model_version}, and this is {hand.version}"
    return hand, ""


def _kind(path: Path) -> str | Failure:
    try:
        kind = kind_of(path)
        if kind == "mesh":
            raise InputError("a mesh alone is no grasp", where=path, expected="a result, a set or a scene")
    except InputError as error:
        return Failure.of(path, error)
    return kind


def _read(path: Path, kind: str, units: Units | None, mano: Path | None) -> list[HandObject] | Failure:
    try:
        if kind == "set":
            return read_grasp_set(path, mano=mano, units=units)
        if kind == "grasps":
            found = load_grasps(path)
            hand, why = hand_of_result(found, mano, dtype=torch.float64)
            return [found.surfaces(k, hand, no_model=why) for k in range(len(found))]
        result = load_result(path)
        hand, why = hand_of_result(result, mano, dtype=torch.float64)
        return [result.surfaces(hand, no_model=why)]
    except Exception as error:  # one bad file must not cost the others
        return Failure.of(path, error)


def match(pairs: Sequence[HandObject], references: Sequence[HandObject]) -> list[HandObject | None]:
    """The reference of each grasp: of the same name, or of its name without a trailing number (`mug_3` has
    `mug`); one grasp has the one reference, and two sets of other names are matched in order.

    Raises:
        InputError: sets of other names and unequal size, or a name that stands for several references.
    """
    if len(pairs) == len(references) == 1:
        return [*references]
    by_name: dict[str, HandObject] = {}
    for reference in references:
        if reference.name in by_name:
            raise InputError("two references have one name", where="--reference", got=reference.name)
        by_name[reference.name] = reference
    found = [by_name.get(p.name) or by_name.get(re.sub(r"_\d+$", "", p.name)) for p in pairs]
    if any(reference is not None for reference in found):
        return found
    if len(pairs) != len(references):
        raise InputError(
            "no names in common, and not equally many",
            where="--reference",
            expected=f"{len(pairs)} references, or such with the names of the grasps ({pairs[0].name}, ...)",
            got=f"{len(references)} ({references[0].name}, ...)",
        )
    return [*references]
