"""Sets: many grasps of one object by one hand as an `.npz` that stands alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from handhold.errors import InputError
from handhold.hand.model import Hand, HandParams
from handhold.hand.skeleton import Side
from handhold.interaction.grasp import Grasp
from handhold.interaction.hand_object import HandObject
from handhold.io import grasp_arrays
from handhold.io.document import describe
from handhold.io.grasp_arrays import (
    PARAMS,
    check_arrays,
    check_rows,
    leading,
    object_of,
    read_format,
    write_arrays,
)
from handhold.io.results import Result
from handhold.io.values import pose
from handhold.objects import ObjectMesh

FORMAT = "handhold-grasps/1"
AXIS = "number of grasps"
ROWS = ("hand_vertices", "fitted_vertices", "joints", *PARAMS, "offsets")


@dataclass(frozen=True)
class GraspFacts:
    """What is known of one grasp of a set; its fields are keys of the file, N of each.

    Attributes:
        type: its grasp type; empty if unknown.
        part: the part that was to be touched; empty for none.
        purpose: what for; empty if unknown.
        instruction: what the grasp is for, as a sentence; empty for none.
        energy: what an optimizer left of its sum of energies.
        on_part: share of the hand's touching vertices that touch the part.
        iv_cm3: exact intersection volume [cm³].
        fingers: how many touch, the thumb among them.
        drift_cm: how far the object moved while the fingers closed, before gravity set in [cm].
        displacement_cm: (6,) how far it moved under gravity from six sides, the fingers squeezing [cm].
        rotation_deg: (6,) how far it turned.
        held: whether it was held in all six; None if that was not tried.
        squeeze: how the fingers squeezed: "each" joint for itself, or all "in concert"; "" if that was not tried.
        still_displacement_cm: (6,) the same with a hand that stands still.
        still_rotation_deg: (6,) the same.
        still_held: the same.
    """

    type: str = ""
    part: str = ""
    purpose: str = ""
    instruction: str = ""
    energy: float | None = None
    on_part: float | None = None
    iv_cm3: float | None = None
    fingers: int | None = None
    drift_cm: float | None = None
    displacement_cm: tuple[float, ...] | None = field(default=None, metadata={"shape": (6,)})
    rotation_deg: tuple[float, ...] | None = field(default=None, metadata={"shape": (6,)})
    held: bool | None = None
    squeeze: str = ""
    still_displacement_cm: tuple[float, ...] | None = field(default=None, metadata={"shape": (6,)})
    still_rotation_deg: tuple[float, ...] | None = field(default=None, metadata={"shape": (6,)})
    still_held: bool | None = None


WORDS = ("type", "part", "purpose", "instruction", "squeeze")
NUMBERS = {f.name: f.metadata.get("shape", ()) for f in fields(GraspFacts) if f.name not in WORDS}
"""Shape of each figure; a boolean is stored as 1 or 0, and what is not known as NaN."""
KINDS = {"held": bool, "still_held": bool, "fingers": int}
"""Figures that are no plain floats."""


@dataclass(frozen=True, eq=False)
class GraspSet:
    """What a set holds, checked; N grasps in one frame, metres.

    Attributes:
        name: what reports call it: the object's name.
        side: "right" or "left".
        model: hand model, "open" or "mano".
        model_version: version of the hand's asset that the parameters belong to.
        hand_vertices: (N, V, 3) with soft tissue.
        hand_faces: (F, 3) int64.
        fitted_vertices: (N, V, 3) before soft tissue.
        joints: (N, 21, 3) OpenPose order; the tips are points of the final surface.
        global_orient, hand_pose, betas, transl: parameters with smplx's names (N, ...).
        object_vertices: (M, 3) the object's own frame.
        object_faces: (K, 3) int64.
        object_name: the object's name.
        T_world_object: (4, 4); the identity if the grasps are in the object's own frame.
        facts: what is known of each grasp.
        offsets: (N, V, 3) soft tissue, or None.
    """

    name: str
    side: Side
    model: str
    model_version: str
    hand_vertices: np.ndarray
    hand_faces: np.ndarray
    fitted_vertices: np.ndarray
    joints: np.ndarray
    global_orient: np.ndarray
    hand_pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    object_vertices: np.ndarray
    object_faces: np.ndarray
    object_name: str
    T_world_object: np.ndarray
    facts: tuple[GraspFacts, ...]
    offsets: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.transl)

    def object(self) -> ObjectMesh:
        """The object as it was saved: mended before, and not again; one for all grasps."""
        return self._object

    @cached_property
    def _object(self) -> ObjectMesh:
        return object_of(self)

    def result(self, index: int) -> Result:
        """One grasp as if it had been saved alone; its name has its number.

        Raises:
            InputError: there is none of that number.
        """
        if not 0 <= index < len(self):
            expected = f"0 to {len(self) - 1}"
            raise InputError("no such grasp", where=self.name, expected=expected, got=index)
        rows = {k: None if getattr(self, k) is None else getattr(self, k)[index] for k in ROWS}
        shared = ("side", "model", "model_version", "hand_faces", "object_vertices", "object_faces")
        shared = {k: getattr(self, k) for k in (*shared, "object_name", "T_world_object")}
        instruction = self.facts[index].instruction or None
        return Result(**rows, **shared, name=f"{self.name}_{index:03d}", instruction=instruction)  # pyright: ignore[reportArgumentType]

    def grasp(self, index: int, hand: Hand) -> Grasp:
        """One grasp, on the hand model that it was made with.

        Raises:
            InputError: no such grasp; or another model, version or side.
        """
        return self.result(index).grasp(hand, obj=self._object)

    def surfaces(self, index: int, hand: Hand | None = None, *, no_model: str = "") -> HandObject:
        """What metrics read of one grasp; arguments as `Result.surfaces`.

        Raises:
            InputError: no such grasp; or another model, version or side.
        """
        return self.result(index).surfaces(hand, no_model=no_model, obj=self._object)


@torch.no_grad()
def save_grasps(
    grasps: Sequence[Grasp], path: str | Path, *, facts: Sequence[GraspFacts] | None = None
) -> None:
    """Write grasps of one object by one hand as one `.npz` that `load_grasps` and plain numpy read.

    The keys and shapes are those of `GraspSet` and of `GraspFacts`; a fact that no grasp has is left out.

    Args:
        grasps: at least one, no motions; the same hand model, object and object pose.
        path: the `.npz` to write.
        facts: what is known of each; the grasps' own instructions are taken where these have none.

    Raises:
        InputError: not such grasps, or the file cannot be written.
    """
    facts = [GraspFacts()] * len(grasps) if facts is None else facts
    _check_alike(grasps, facts)
    first = grasps[0]
    params = {key: torch.stack([getattr(g.params, key) for g in grasps]) for key in PARAMS}
    offsets = None
    if any(g.offsets is not None for g in grasps):
        none = torch.zeros_like(first.hand.template)
        offsets = torch.stack([none if g.offsets is None else g.offsets for g in grasps])
    whole = first.with_(params=HandParams(**params), offsets=offsets)
    surface = whole.surface()
    values = {
        "format": FORMAT,
        "side": first.hand.side,
        "model": first.hand.name,
        "model_version": first.hand.version,
        "hand_vertices": surface.vertices.float(),
        "hand_faces": first.hand.faces,
        "fitted_vertices": whole.fitted().vertices.float(),
        "joints": surface.keypoints(order="openpose").float(),
        **params,
        "object_vertices": first.object.vertices,
        "object_faces": first.object.faces,
        "object_name": first.object.name,
        "T_world_object": first.T_world_object,
        "offsets": offsets,
        **_columns(grasps, facts),
    }
    write_arrays(values, path)


def load_grasps(path: str | Path) -> GraspSet:
    """Read and check a set of `save_grasps`.

    Raises:
        InputError: damaged, of another format, or with arrays that do not fit each other.
    """
    path = Path(path)
    optional = ("offsets", *WORDS, *NUMBERS)
    arrays = read_format(path, FORMAT, required=grasp_arrays.REQUIRED, optional=optional)
    count = leading(arrays["transl"])
    if count is None:
        got = arrays["transl"].shape
        raise InputError("has the wrong shape", where=f"{path}: transl", expected="Nx3", got=got)
    values = check_arrays(arrays, path, count=count, axis=AXIS)
    where = f"{path}: T_world_object"
    still = check_rows(arrays["T_world_object"], (4, 4), where=where, count=None, axis="number of poses")
    values["T_world_object"] = pose(still, scale=1.0, where=where)
    return GraspSet(**values, name=values["object_name"], facts=_read_facts(arrays, path, count))


def _check_alike(grasps: Sequence[Grasp], facts: Sequence[GraspFacts]) -> None:
    if not grasps:
        raise InputError("no grasps to save", expected="at least one")
    if len(facts) != len(grasps):
        raise InputError("not as many facts as grasps", expected=len(grasps), got=len(facts))
    first = grasps[0]
    for grasp in grasps:
        hand, other = ((g.hand.name, g.hand.version, g.hand.side) for g in (first, grasp))
        mesh = first.object is grasp.object or first.object.content_hash == grasp.object.content_hash
        same = {
            "hand": hand == other,
            "object": mesh,
            "object pose": torch.equal(first.T_world_object, grasp.T_world_object),
        }
        differs = [what for what, holds in same.items() if not holds]
        if grasp.is_motion or differs:
            what = "is a motion" if grasp.is_motion else f"has another {differs[0]} than {first.name}"
            raise InputError(what, where=grasp.name, expected="single grasps of one object by one hand")


def _columns(grasps: Sequence[Grasp], facts: Sequence[GraspFacts]) -> dict[str, np.ndarray]:
    """The facts as arrays (N, ...), those that any grasp has."""
    columns: dict[str, np.ndarray] = {}
    for key in WORDS:
        words = [getattr(fact, key) for fact in facts]
        if key == "instruction":
            words = [word or grasp.instruction or "" for word, grasp in zip(words, grasps, strict=True)]
        if any(words):
            columns[key] = np.array(words, np.str_)
    for key, shape in NUMBERS.items():
        values = [getattr(fact, key) for fact in facts]
        if any(value is not None for value in values):
            filled = [np.full(shape, np.nan) if value is None else value for value in values]
            columns[key] = np.array(filled, np.float32)
    return columns


def _read_facts(arrays: dict[str, np.ndarray], path: Path, count: int) -> tuple[GraspFacts, ...]:
    columns: dict[str, list[Any]] = {}
    for key in WORDS:
        if key in arrays:
            columns[key] = _words(arrays[key], count, where=f"{path}: {key}")
    for key, shape in NUMBERS.items():
        if key in arrays:
            where = f"{path}: {key}"
            rows = check_rows(arrays[key], shape, where=where, count=count, axis=AXIS, missing=True)
            columns[key] = [_fact(row, kind=KINDS.get(key, float)) for row in rows]
    return tuple(GraspFacts(**{key: column[k] for key, column in columns.items()}) for k in range(count))


def _words(values: np.ndarray, count: int, *, where: str) -> list[str]:
    if values.dtype.kind != "U" or values.shape != (count,):
        raise InputError(
            "is no list of words", where=where, expected=f"{count} strings", got=describe(values)
        )
    return values.tolist()


def _fact(row: np.ndarray, *, kind: type) -> Any:
    """A figure, or a tuple of them; None where it is not known."""
    if np.isnan(row).any():
        return None
    return tuple(row.tolist()) if row.ndim else kind(row)
