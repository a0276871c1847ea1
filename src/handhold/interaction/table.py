"""What an object stands on: nothing of the hand may be under it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from handhold.errors import InputError
from handhold.objects import ObjectMesh


@dataclass(frozen=True)
class Table:
    """A plane in the object's frame; a wall is one, too.

    Attributes:
        up: unit normal of the free side.
        height: of the plane along it [m].

    Raises:
        InputError: `up` is no direction.
    """

    up: tuple[float, float, float]
    height: float

    def __post_init__(self) -> None:
        length = math.sqrt(sum(x * x for x in self.up))
        if not (len(self.up) == 3 and 0 < length < math.inf and math.isfinite(self.height)):
            raise InputError("is no plane", where="Table", expected="three numbers, not all 0", got=self.up)
        object.__setattr__(self, "up", tuple(x / length for x in self.up))

    @staticmethod
    def under(obj: ObjectMesh, up: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> Table:
        """The plane on which an object stands as its frame has it: at its lowest point along `up`."""
        flat = Table(up, 0.0)
        return Table(flat.up, float((obj.vertices @ np.asarray(flat.up)).min()))

    def above(self, points: Tensor) -> Tensor:
        """How far points (*, 3) are above the plane, (*,) [m]; negative under it."""
        return points @ points.new_tensor(self.up) - self.height
