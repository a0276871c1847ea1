"""What is asked of a synthesizer, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from handhold.errors import InputError
from handhold.interaction.grasp import Grasp
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.interaction.table import Table
from handhold.methods.synthesize.holdable import ANY_TYPES

if TYPE_CHECKING:
    from handhold.physics import SixWayTrial


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
        type: its grasp type, a name of `GRASP_TYPES`; empty where none was asked for.
        ask: what it answers.
        energy: what is left of the optimizer's sum of energies, or the cost that a quick look gave a model's hand;
            comparable within one object and method only.
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
        rejected: how many were refused, by cause.
        seconds: wall-clock time by stage.
    """

    found: tuple[Found, ...]
    rejected: dict[str, int]
    seconds: dict[str, float]

    @property
    def grasps(self) -> list[Grasp]:
        """The grasps alone, in the same order."""
        return [found.grasp for found in self.found]
