"""Results: one grasp or motion as an `.npz` that stands alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from handhold.errors import InputError
from handhold.hand.model import Hand, HandParams
from handhold.hand.skeleton import MANO_FROM_OPENPOSE, Side, reorder_joints
from handhold.interaction.grasp import Contact, Grasp
from handhold.interaction.hand_object import HandObject
from handhold.io import grasp_arrays
from handhold.io.grasp_arrays import (
    PARAMS,
    check_arrays,
    check_rows,
    check_word,
    leading,
    object_of,
    read_format,
    write_arrays,
)
from handhold.io.values import pose, positive
from handhold.objects import ObjectMesh

FORMAT = "handhold-grasp/1"
REQUIRED = ("name", *grasp_arrays.REQUIRED)
MASKS = ("contact_hand", "contact_object", "contact_points", "contact_at_points")
OPTIONAL = ("offsets", "keypoints", "fps", "instruction", *MASKS)


@dataclass(frozen=True, eq=False)
class Result:
    """What a result file holds, checked; world frame and metres unless said. A motion has a leading T.

    Attributes:
        name: what reports call it.
        side: "right" or "left".
        model: hand model, "open" or "mano".
        model_version: version of the hand's asset that the parameters belong to.
        hand_vertices: (T?, V, 3) with soft tissue.
        hand_faces: (F, 3) int64.
        fitted_vertices: (T?, V, 3) before soft tissue.
        joints: (T?, 21, 3) OpenPose order; the tips are points of the final surface.
        global_orient, hand_pose, betas, transl: parameters with smplx's names (T?, ...).
        object_vertices: (N, 3) the object's own frame.
        object_faces: (M, 3) int64.
        object_name: the object's name.
        T_world_object: (T?, 4, 4).
        offsets: (T?, V, 3) soft tissue, or None.
        keypoints: (T?, 21, 3) observed, OpenPose order, NaN where missing, or None.
        fps: frames a second of a motion, or None.
        instruction: what the grasp is for, or None.
        contact_hand: (V,) intended contact, or None.
        contact_object: (N,) intended contact, or None.
        contact_points: (P, 3) points on the object in its own frame that intended contact was told at, or None.
        contact_at_points: (P,) intended contact there, or None.
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
    offsets: np.ndarray | None = None
    keypoints: np.ndarray | None = None
    fps: float | None = None
    instruction: str | None = None
    contact_hand: np.ndarray | None = None
    contact_object: np.ndarray | None = None
    contact_points: np.ndarray | None = None
    contact_at_points: np.ndarray | None = None

    @property
    def is_motion(self) -> bool:
        """Whether there is a time axis."""
        return self.transl.ndim == 2

    def object(self) -> ObjectMesh:
        """The object as it was saved: mended before, and not again."""
        return object_of(self)

    def surfaces(
        self, hand: Hand | None = None, *, no_model: str = "", obj: ObjectMesh | None = None
    ) -> HandObject:
        """What metrics read.

        Args:
            hand: the hand model that it was made with, if it is to be had.
            no_model: else why not.
            obj: the object, if it was made before: many grasps share one.

        Raises:
            InputError: another model, version or side.
        """
        if hand is not None:
            return HandObject.of_grasp(self.grasp(hand, obj=obj))
        joints, keypoints = (
            None if points is None else points[..., MANO_FROM_OPENPOSE, :]
            for points in (self.joints, self.keypoints)
        )
        return HandObject(
            name=self.name,
            hand_vertices=self.hand_vertices,
            hand_faces=self.hand_faces,
            object=obj or self.object(),
            T_world_object=self.T_world_object,
            joints=joints,
            fitted_vertices=self.fitted_vertices,
            keypoints=keypoints,
            no_model=no_model,
            side=self.side,
            fps=self.fps,
        )

    def grasp(self, hand: Hand, *, obj: ObjectMesh | None = None) -> Grasp:
        """The grasp again, on the hand model that it was made with.

        Args:
            hand: the hand.
            obj: the object, if it was made before: many grasps share one.

        Raises:
            InputError: another model, version or side: the parameters would mean another surface.
        """
        made = (self.model, self.model_version, self.side)
        if made != (hand.name, hand.version, hand.side):
            raise InputError(
                "the parameters belong to another hand",
                where=self.name,
                expected=f"hand {made[0]}, version {made[1]}, {made[2]}",
                got=f"hand {hand.name}, version {hand.version}, {hand.side}",
                remedy="Use the vertices and joints, which need no model, or make the result again.",
            )

        def tensor(values: np.ndarray | None) -> Any:
            return None if values is None else torch.as_tensor(values, dtype=hand.dtype, device=hand.device)

        keypoints = tensor(self.keypoints)
        on_object = self.contact_object if self.contact_points is None else self.contact_at_points
        contact = Contact(tensor(self.contact_hand), tensor(on_object), tensor(self.contact_points))
        return Grasp(
            hand=hand,
            params=HandParams(**{key: tensor(getattr(self, key)) for key in PARAMS}),
            object=obj or self.object(),
            T_world_object=tensor(self.T_world_object),
            offsets=tensor(self.offsets),
            keypoints=None
            if keypoints is None
            else reorder_joints(keypoints, source="openpose", target="mano"),
            contact=None if contact.hand is None and contact.object is None else contact,
            instruction=self.instruction,
            fps=self.fps,
            name=self.name,
        )


def save_grasp(grasp: Grasp, path: str | Path) -> None:
    """Write a grasp or motion as one `.npz` that `load_result` and plain numpy read.

    The keys and shapes are those of `Result`; what is None is left out. Vertices, joints and the pose are in
    the world frame [m], `object_vertices` in the object's own.

    Raises:
        InputError: the file cannot be written.
    """
    with torch.no_grad():
        fitted, surface = grasp.fitted(), grasp.surface()
    contact = grasp.contact or Contact()
    values = {
        "format": FORMAT,
        "name": grasp.name,
        "side": grasp.hand.side,
        "model": grasp.hand.name,
        "model_version": grasp.hand.version,
        "hand_vertices": surface.vertices,
        "hand_faces": grasp.hand.faces,
        "fitted_vertices": fitted.vertices,
        "joints": surface.keypoints(order="openpose"),
        **{key: getattr(grasp.params, key) for key in PARAMS},
        "object_vertices": grasp.object.vertices,
        "object_faces": grasp.object.faces,
        "object_name": grasp.object.name,
        "T_world_object": grasp.T_world_object,
        "offsets": grasp.offsets,
        "fps": grasp.fps,
        "instruction": grasp.instruction,
        "contact_hand": contact.hand,
        "contact_object": contact.on_vertices(torch.from_numpy(grasp.object.vertices)),
        "contact_points": None if contact.object is None else contact.points,
        "contact_at_points": None if contact.points is None else contact.object,
    }
    if grasp.keypoints is not None:
        values["keypoints"] = reorder_joints(grasp.keypoints, source="mano", target="openpose")
    write_arrays(values, path)


def load_result(path: str | Path) -> Result:
    """Read and check one result of `save_grasp`.

    Raises:
        InputError: damaged, of another format, or with arrays that do not fit each other.
    """
    path = Path(path)
    arrays = read_format(path, FORMAT, required=REQUIRED, optional=OPTIONAL)
    frames = leading(arrays["transl"])
    values = check_arrays(arrays, path, count=frames, axis="time axis")
    for key in ("name", "instruction"):
        if key in arrays:
            values[key] = check_word(arrays[key], where=f"{path}: {key}")

    def checked(
        key: str, shape: tuple[int | None, ...], count: int | None, *, missing: bool = False
    ) -> np.ndarray:
        where = f"{path}: {key}"
        return check_rows(arrays[key], shape, where=where, count=count, axis="time axis", missing=missing)

    poses = checked("T_world_object", (4, 4), frames)
    values["T_world_object"] = pose(poses, scale=1.0, where=f"{path}: T_world_object")
    if "keypoints" in arrays:
        values["keypoints"] = checked("keypoints", (21, 3), frames, missing=True)
    for key, surface in (("contact_hand", "hand_vertices"), ("contact_object", "object_vertices")):
        if key in arrays:
            values[key] = checked(key, (values[surface].shape[-2],), None)
    if "contact_points" in arrays or "contact_at_points" in arrays:
        points, weights = MASKS[2:]
        for key, other in ((points, weights), (weights, points)):
            if key not in arrays:
                raise InputError(f"has {other} but no {key}", where=path)
        values[points] = checked(points, (None, 3), None)
        values[weights] = checked(weights, (len(values[points]),), None)
    if "fps" in arrays:
        values["fps"] = positive(
            arrays["fps"].item() if arrays["fps"].size == 1 else None, where=f"{path}: fps"
        )
    return Result(**values)
