"""What is asked of the optimizer, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from handhold.errors import InputError
from handhold.interaction.grasp import Grasp
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.interaction.table import Table

if TYPE_CHECKING:
    from handhold.objects import ObjectMesh
    from handhold.physics import SixWayTrial

HEAVY_CM3, HEAVIEST = 250.0, 6.0
"""What is larger is not held by two or three finger tips, unless that is asked for; and what is so many times as large
counts as no heavier still."""
ANY_TYPES = ("power", "sphere", "precision", "pinch", "tripod", "lateral", "extension")
"""Types that are tried where nobody says what the object is for."""
LIGHT_ONLY = ("pinch", "tripod", "lateral")


def heaviness(mesh: ObjectMesh) -> float:
    """How many times as heavy as what two finger tips hold, from 1 to `HEAVIEST`: so much more it counts how far from
    its middle an object is held, and so much harder it is squeezed."""
    volume = mesh.volume_m3
    if volume is None:  # no solid: what its grid calls inside
        grid = mesh.grid()
        volume = float((grid.values < 0).sum() * grid.spacing**3)
    return min(max(1.0, 1e6 * volume / HEAVY_CM3), HEAVIEST)


def any_types(mesh: ObjectMesh) -> tuple[str, ...]:
    """The types that suit an object of which nothing is known but its shape."""
    return tuple(name for name in ANY_TYPES if not (heaviness(mesh) > 1 and name in LIGHT_ONLY))


@dataclass(frozen=True)
class Ask:
    """One way in which a grasp is wanted.

    Attributes:
        types: names of `GRASP_TYPES`; starts are shared among them.
        part: name of the part to be touched; None for anywhere that may be held.
        purpose: what for; only carried along.
        table: what the object stands on; None if it is free in the air.
        from_side: the forearm comes from the side of what stands, as for drinking or pouring, not from above.

    Raises:
        InputError: no type, or an unknown one.
    """

    types: tuple[str, ...] = ANY_TYPES
    part: str | None = None
    purpose: str | None = None
    table: Table | None = None
    from_side: bool = False

    def __post_init__(self) -> None:
        unknown = [name for name in self.types if name not in GRASP_TYPES]
        if unknown or not self.types:
            raise InputError(
                "no such grasp type", where="Ask.types", expected=", ".join(GRASP_TYPES), got=self.types
            )


@dataclass(frozen=True, eq=False)
class Found:
    """One accepted grasp.

    Attributes:
        grasp: in the object's own frame.
        type: its grasp type, a name of `GRASP_TYPES`.
        ask: what it answers.
        energy: what is left of the sum of energies; comparable within one object only.
        on_part: share of the hand's touching vertices that touch the part asked for; None without one.
        iv_cm3: exact intersection volume [cm³].
        fingers: how many fingers touch, the thumb among them.
        six_way: the trial with squeezing fingers; None if physics was not asked for.
        squeeze: how they squeezed: "each" joint flexed for itself, or all "in concert".
        still: the same trial with a hand that stands still, a harder test; None if not asked for. Where it is not
            held, directions after the first that is lost were not looked at: NaN.
    """

    grasp: Grasp
    type: str
    ask: Ask
    energy: float
    on_part: float | None
    iv_cm3: float
    fingers: int
    six_way: SixWayTrial | None = None
    squeeze: Literal["each", "in concert"] | None = None
    still: SixWayTrial | None = None


@dataclass(frozen=True)
class Synthesis:
    """What came out.

    Attributes:
        found: accepted grasps, the best first.
        rejected: how many were refused, by cause (`CAUSES`).
        seconds: wall-clock time by stage.
    """

    found: tuple[Found, ...]
    rejected: dict[str, int]
    seconds: dict[str, float]

    @property
    def grasps(self) -> list[Grasp]:
        """The grasps alone, in the same order."""
        return [found.grasp for found in self.found]
