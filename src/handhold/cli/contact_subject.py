"""What `handhold contact` is asked about: a mesh, a household object, or a scene with its hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handhold.batch import hand_of, make_grasps
from handhold.cli.synthesize_objects import HOUSEHOLD, find_objects
from handhold.errors import InputError
from handhold.hand import Hand
from handhold.interaction.grasp import Grasp
from handhold.io.kinds import kind_of
from handhold.io.scene import Scene, Up, load_scene
from handhold.objects import ObjectMesh

if TYPE_CHECKING:
    from handhold.cli.contact import Options

OF_USE = ("size",)
"""Findings that are told besides what was mended; the others concern volume."""


@dataclass(frozen=True, eq=False)
class Subject:
    """An object, and where it is known the hand about it.

    Attributes:
        obj: the object.
        path: what was asked for.
        up: the world's upward axis.
        T_world_object: (4, 4).
        grasp: the scene's hand, fitted, a single frame; None where there is none that the network knows.
        instruction: the scene's own sentence, or None.
        warnings: what a reader should know.
    """

    obj: ObjectMesh
    path: Path
    up: Up = "z"
    T_world_object: np.ndarray = field(default_factory=lambda: np.eye(4))
    grasp: Grasp | None = None
    instruction: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def hand(self) -> Hand:
        """Whose vertices masks are for: the scene's hand, or a right one."""
        return Hand.open() if self.grasp is None else self.grasp.hand


def find_subject(options: Options, *, model: str) -> Subject:
    """The object, loaded, and the scene's hand, fitted.

    Args:
        options: of the command.
        model: name of the hand that the network was trained for; the hands of other scenes are not read.

    Raises:
        InputError: it is not there, a folder, of another kind, or cannot be used.
    """
    asked = options.object
    if asked.startswith(HOUSEHOLD):
        _only("--up", "meshes", options.up, asked)
        _only("--mano", "scenes", options.mano, asked)
        obj = find_objects(asked, units=options.units)[0].load()
        return Subject(obj if isinstance(obj, ObjectMesh) else obj.mesh, Path(asked))
    path = Path(asked)
    if path.is_dir():
        raise InputError(
            "is a folder", where=path, expected="a mesh, a scene, or household:NAME", remedy="Name one file."
        )
    if not path.exists():
        raise InputError("does not exist", where=path, expected="a mesh, a scene, or household:NAME")
    kind = kind_of(path)
    if kind == "scene":
        return _of_scene(path, options, model)
    if kind != "mesh":
        raise InputError(
            "is neither a mesh nor a scene", where=path, got=f"a file of kind '{kind}'",
            remedy="Give the object's mesh, or the scene that it was made from.",
        )  # fmt: skip
    _only("--mano", "scenes", options.mano, asked)
    obj = find_objects(asked, units=options.units)[0].load()
    assert isinstance(obj, ObjectMesh)  # no part file was given
    told = [f.message for f in obj.report.findings if f.action == "mended" or f.kind in OF_USE]
    return Subject(obj, path, options.up or "z", warnings=tuple(f"the mesh: {words}" for words in told))


def _only(option: str, home: str, value: object, asked: str) -> None:
    if value is not None:
        raise InputError(f"is for {home}", where=option, got=asked)


def _of_scene(path: Path, options: Options, model: str) -> Subject:
    _only("--up", "meshes", options.up, str(path))
    units = options.units
    if units == "cm" or units == "in":
        raise InputError("unknown unit of a scene", where="--units", expected="m or mm", got=units)
    scene = load_scene(path, units=units, mano=options.mano)
    obj = scene.load_object()
    warnings = list(scene.warnings)
    grasp = None
    if scene.is_motion:
        warnings.append(f"of {len(scene.T_world_object)} frames the first is looked at")
        scene = _first(scene)
    if scene.model != model:
        warnings.append(
            f"the network was trained for the hand '{model}' and does not see the scene's, '{scene.model}': "
            "the object alone was asked"
        )
    else:
        ((grasp, more),) = make_grasps([scene], [obj], hand_of(scene))
        warnings += more
    return Subject(
        obj=obj,
        path=path,
        up=scene.up,
        T_world_object=scene.T_world_object.double().numpy(),
        grasp=grasp,
        instruction=scene.instruction,
        warnings=tuple(warnings),
    )


def _first(scene: Scene) -> Scene:
    """The first frame of a motion."""
    first = {
        name: None if getattr(scene, name) is None else getattr(scene, name)[0]
        for name in ("keypoints", "vertices", "T_world_object")
    }
    params = None if scene.params is None else scene.params.map(lambda values: values[0])
    return replace(scene, **first, params=params, fps=None)
