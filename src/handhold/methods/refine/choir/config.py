"""Settings of fitting a hand to a CHOIR."""

from __future__ import annotations

from dataclasses import dataclass

from handhold.errors import demand


@dataclass(frozen=True)
class ChoirFitConfig:
    """Settings of `fit_choir`.

    Attributes:
        distance_sd: how far the place of an anchor that the field tells is trusted [m]: 0.0002 suits a true field,
            more one that a network drew.
        angle_sd: how far joints are expected from the start [rad]; decides only what distances leave open.
        shape: whether to fit the shape; otherwise the start's is kept (the mean hand's where there is none).
        steps: damped Gauss-Newton steps.
        damping: added to the normal equations at first.
        largest_turn: of a joint in one step [rad].
        rest_flexion: flexion of the joints of a start that nobody gave [rad].
    """

    distance_sd: float = 0.0002
    angle_sd: float = 1.0
    shape: bool = True
    steps: int = 12
    damping: float = 1.0
    largest_turn: float = 0.6
    rest_flexion: float = 0.3

    def __post_init__(self) -> None:
        for name in ("distance_sd", "angle_sd", "damping", "largest_turn"):
            demand(self, name, "above 0", getattr(self, name), holds=getattr(self, name) > 0)
        demand(self, "steps", "1 or more", self.steps, holds=isinstance(self.steps, int) and self.steps >= 1)
        demand(self, "rest_flexion", "0 to 1.5", self.rest_flexion, holds=0 <= self.rest_flexion <= 1.5)


@dataclass(frozen=True)
class PublishedFitConfig:
    """Settings of `fit_published`; weights are the paper's, equations 9 to 12.

    The paper names neither the learning rate nor what its penetration term counts: those are ours.

    Attributes:
        field_steps, contact_steps: of Adam in the two stages; none of the second: without contacts.
        field_rate, contact_rate: Adam's learning rates in the two stages [rad, shape's units, and tenths of a metre].
        field: lambda 1, of the mean squared difference of distances [1/m2].
        shape: lambda 2, of the shape's norm.
        pose: lambda 3, of the turn of joints from the start [1/rad].
        contact: lambda 4, of weighted squared distances to the nearest points of the object [1/m2].
        penetration: lambda 5, of the mean depth of vertices beyond `allowed_depth` [1/m].
        placement: lambda 6, of equation 11.
        turn, shift: eta 1 and eta 2, of the hand's rotation and place [1, 1/m].
        nearest: K, the points of the object that a vertex is drawn to.
        allowed_depth: that flesh yields [m].
    """

    field_steps: int = 150
    contact_steps: int = 100
    field_rate: float = 0.1
    contact_rate: float = 0.005
    field: float = 1000.0
    shape: float = 1e-4
    pose: float = 1e-8
    contact: float = 10.0
    penetration: float = 1000.0
    placement: float = 0.5
    turn: float = 1e-2
    shift: float = 1e-1
    nearest: int = 5
    allowed_depth: float = 0.002

    def __post_init__(self) -> None:
        for name, least in (("field_steps", 0), ("contact_steps", 0), ("nearest", 1)):
            value = getattr(self, name)
            holds = isinstance(value, int) and value >= least
            demand(self, name, f"a whole number of at least {least}", value, holds=holds)
        for name in ("field_rate", "contact_rate"):
            demand(self, name, "above 0", getattr(self, name), holds=getattr(self, name) > 0)
        names = (
            "field",
            "shape",
            "pose",
            "contact",
            "penetration",
            "placement",
            "turn",
            "shift",
            "allowed_depth",
        )
        for name in names:
            demand(self, name, "0 or more", getattr(self, name), holds=getattr(self, name) >= 0)
