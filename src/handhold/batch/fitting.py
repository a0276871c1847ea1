"""Scenes to grasps: the hand model that a scene names, fitted to what the scene gives of the hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch

from handhold.errors import InputError
from handhold.hand import Hand, HandParams
from handhold.hand.keypoints import fit_hand
from handhold.hand.vertices import fit_vertices
from handhold.interaction.grasp import Grasp
from handhold.io.scene import Scene, Units, load_scene
from handhold.objects import ObjectMesh

FAR_FIT = 0.015
"""[m] Keypoints that no hand comes nearer to than this in the mean earn a warning."""


@lru_cache(maxsize=8)
def load_hand(
    model: str, path: Path | None, side: str, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> Hand:
    """A hand model, loaded once.

    Raises:
        InputError: the MANO file cannot be used, or is the other side's.
    """
    if model == "open":
        return Hand.open(side, device=device, dtype=dtype)  # pyright: ignore[reportArgumentType]
    if path is None:
        raise InputError("a MANO hand needs its file", where="hand.model_path", remedy="Use --mano PATH.")
    return Hand.mano(path, side=side, device=device, dtype=dtype)  # pyright: ignore[reportArgumentType]


def hand_of(scene: Scene, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Hand:
    """The hand model of a scene."""
    return load_hand(scene.model, scene.model_path, scene.side, device, dtype)


def make_grasps(
    scenes: Sequence[Scene], objects: Sequence[ObjectMesh], hand: Hand
) -> list[tuple[Grasp, list[str]]]:
    """Grasps of scenes that share a hand model, with warnings; single keypoint scenes are one batch.

    Raises:
        InputError: a scene's vertices or parameters are not the model's.
    """
    stills = [s.keypoints for s in scenes if s.keypoints is not None and not s.is_motion]
    fitted = iter(())
    if stills:
        fit = fit_hand(hand, torch.stack(stills).to(hand.template))
        fitted = zip((fit.params[k] for k in range(len(stills))), fit.error, strict=True)
    grasps = []
    for scene, obj in zip(scenes, objects, strict=True):
        if scene.keypoints is not None and not scene.is_motion:
            params, error = next(fitted)
        else:
            params, error = _fit_alone(scene, hand)
        grasps.append((_grasp(scene, obj, hand, params), _fit_warnings(error, scene)))
    return grasps


def load_grasp(
    path: Path, *, units: Units | None = None, mano: Path | None = None
) -> tuple[Grasp, list[str]]:
    """One scene as a grasp or motion on the CPU, with all its warnings.

    Raises:
        InputError: anything wrong with the scene, its mesh or its hand.
    """
    scene = load_scene(path, units=units, mano=mano)
    ((grasp, warnings),) = make_grasps([scene], [scene.load_object()], hand_of(scene))
    return grasp, [*scene.warnings, *warnings]


def _fit_alone(scene: Scene, hand: Hand) -> tuple[HandParams, torch.Tensor]:
    if scene.keypoints is not None:
        fit = fit_hand(hand, scene.keypoints.to(hand.template), sequence=True)
    elif scene.vertices is not None:
        try:
            fit = fit_vertices(hand, scene.vertices.to(hand.template), sequence=scene.is_motion)
        except InputError as error:
            where = f"{scene.path}: hand.vertices"
            raise InputError(
                error.what, where=where, expected=error.expected, got=error.got, remedy=error.remedy
            ) from error
    else:
        assert scene.params is not None  # a scene has one of the three
        params = scene.params.map(lambda t: t.to(hand.template))
        if params.betas.shape[-1] != hand.shapes:
            raise InputError(
                "wrong number of shape coefficients",
                where=f"{scene.path}: hand.params.betas",
                expected=hand.shapes,
                got=params.betas.shape[-1],
            )
        return params, torch.zeros(params.batch_shape)
    return fit.params, fit.error


def _grasp(scene: Scene, obj: ObjectMesh, hand: Hand, params: HandParams) -> Grasp:
    """What is given as parameters or vertices is its own observation: moving is measured from it."""
    observed = scene.keypoints
    if observed is None:
        observed = hand(params).joints
    return Grasp(
        hand=hand,
        params=params,
        object=obj,
        T_world_object=scene.T_world_object.to(hand.template),
        keypoints=observed.to(hand.template),
        instruction=scene.instruction,
        fps=scene.fps,
        name=scene.name,
    )


def _fit_warnings(error: torch.Tensor, scene: Scene) -> list[str]:
    worst = float(error.max())
    if worst <= FAR_FIT:
        return []
    what = "vertices" if scene.vertices is not None else "keypoints"
    return [
        f"the hand comes only within {worst * 1e3:.0f} mm of its {what} in the mean: "
        "are side, joint order and units right?"
    ]
