"""What is drawn: one hand and one object as plain arrays in the world frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from handhold.errors import InputError


@dataclass(frozen=True)
class Panel:
    """A hand with an object; with a leading time axis on the hand's vertices, a motion.

    Attributes:
        name: what the picture calls it.
        hand_vertices: (V, 3), or (T, V, 3) for a motion [m].
        hand_faces: (F, 3).
        object_vertices: (N, 3); in a motion (T, N, 3), or (N, 3) for an object at rest [m].
        object_faces: (M, 3).
        joints: (21, 3) or (T, 21, 3), MANO's order [m]; NaN where missing; None for none.
        hand_distance: (V,) or (T, V) signed distance to the object, negative inside [m]; None: it is measured
            where it is needed.
        soft_tissue: (V,) or (T, V) how far the flesh gave way [m]; None for none.
        figures: what is written under the picture, as (label, value) with the unit: ("deepest", "11.0 mm").
        up: which way is up in the world; None: +z.
        fps: frames a second of a motion.

    Raises:
        InputError: wrong shapes, numbers that are not finite, or faces that name missing vertices.
    """

    name: str
    hand_vertices: np.ndarray
    hand_faces: np.ndarray
    object_vertices: np.ndarray
    object_faces: np.ndarray
    joints: np.ndarray | None = None
    hand_distance: np.ndarray | None = None
    soft_tissue: np.ndarray | None = None
    figures: tuple[tuple[str, str], ...] = ()
    up: tuple[float, float, float] | None = None
    fps: float | None = None

    def __post_init__(self) -> None:
        name = self.name
        _check_mesh(f"hand of '{name}'", self.hand_vertices, self.hand_faces)
        _check_mesh(f"object of '{name}'", self.object_vertices, self.object_faces)
        time, points = np.shape(self.hand_vertices)[:-2], np.shape(self.hand_vertices)[-2]
        if np.shape(self.object_vertices)[:-2] not in ((), time):
            self._refuse("object_vertices", f"{(*time, 'N', 3)}", np.shape(self.object_vertices))
        wanted = {"joints": (*time, 21, 3), "hand_distance": (*time, points), "soft_tissue": (*time, points)}
        for field, shape in wanted.items():
            value = getattr(self, field)
            if value is not None and np.shape(value) != shape:
                self._refuse(field, shape, np.shape(value))

    def _refuse(self, field: str, expected: object, got: object) -> None:
        raise InputError("wrong shape", where=f"{field} of '{self.name}'", expected=expected, got=got)

    @property
    def frames(self) -> int:
        """Number of frames; 1 for a single grasp."""
        return len(self.hand_vertices) if np.ndim(self.hand_vertices) == 3 else 1

    def frame(self, index: int) -> Panel:
        """One frame as a still; a still is its own only frame."""
        if np.ndim(self.hand_vertices) == 2:
            return self
        moving = {"hand_vertices": 3, "object_vertices": 3, "joints": 3, "hand_distance": 2, "soft_tissue": 2}
        taken = {
            field: getattr(self, field)[index]
            for field, axes in moving.items()
            if getattr(self, field) is not None and np.ndim(getattr(self, field)) == axes
        }
        return replace(self, fps=None, **taken)

    def distances(self) -> np.ndarray:
        """Signed distance of a still's hand to the object, (V,) [m]; measured now if it was not given."""
        if self.hand_distance is not None:
            return np.asarray(self.hand_distance)
        from handhold.geometry.distance import ExactDistance

        field = ExactDistance(self.object_vertices, self.object_faces)
        return field.query(np.asarray(self.hand_vertices)).distance

    def measured(self) -> Panel:
        """A still with its `hand_distance`."""
        return self if self.hand_distance is not None else replace(self, hand_distance=self.distances())


def _check_mesh(where: str, vertices: np.ndarray, faces: np.ndarray) -> None:
    shape = np.shape(vertices)
    if len(shape) not in (2, 3) or shape[-1] != 3 or 0 in shape:
        raise InputError(
            "wrong shape of vertices", where=where, expected="(V, 3) or (T, V, 3)", got=np.shape(vertices)
        )
    if np.ndim(faces) != 2 or np.shape(faces)[-1] != 3 or not len(faces):
        raise InputError("wrong shape of faces", where=where, expected="(F, 3), F > 0", got=np.shape(faces))
    if not np.isfinite(vertices).all():
        raise InputError("vertices that are not finite", where=where)
    if np.min(faces) < 0 or np.max(faces) >= np.shape(vertices)[-2]:
        raise InputError(
            "faces name vertices that are not there",
            where=where,
            expected=f"0 to {np.shape(vertices)[-2] - 1}",
            got=f"{np.min(faces)} to {np.max(faces)}",
        )
