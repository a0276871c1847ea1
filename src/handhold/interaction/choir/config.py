"""Settings of fitting a hand to a CHOIR."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

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


@dataclass(frozen=True)
class ContactFitConfig:
    """Settings of `fit_contacts`. Standard deviations weigh the terms: what is off by one of them costs 1.

    Attributes:
        contact_sd: of the mean distance of an anchor's touching patch of skin [m].
        nearest_sd: of the nearest touching skin of a finger that touches, or of the palm, where it hovers [m].
        press: how deep that is drawn to [m].
        doubt: what is farther off than this is drawn no harder for it [m]: contacts may be wrong.
        depth_sd: of a square centimetre of skin that lies deeper than `allowed_depth` [m].
        allowed_depth: that flesh yields [m].
        bone_sd: of a point of a bone that comes nearer to the object than its flesh lets it [m].
        bone_tissue: how much of the flesh between bone and skin may yield [m].
        anchor_sd: how far an anchor is expected from where the start has it [m].
        angle_sd: how far joints are expected from the start [rad].
        steps: damped Gauss-Newton steps.
        damping: added to the normal equations at first.
        largest_turn: of a joint in one step [rad].
        palm_stride, back_stride: every so-manieth vertex of the hand's two sides is watched.
    """

    contact_sd: float = 0.002
    nearest_sd: float = 0.001
    press: float = 0.0
    doubt: float = 0.002
    depth_sd: float = 0.0003
    allowed_depth: float = 0.001
    bone_sd: float = 0.0005
    bone_tissue: float = 0.001
    anchor_sd: float = 0.010
    angle_sd: float = 0.25
    steps: int = 15
    damping: float = 1.0
    largest_turn: float = 0.3
    palm_stride: int = 1
    back_stride: int = 6

    def __post_init__(self) -> None:
        for name in ("steps", "palm_stride", "back_stride"):
            value = getattr(self, name)
            demand(self, name, "1 to 50", value, holds=isinstance(value, int) and 1 <= value <= 50)
        sds = ("contact_sd", "nearest_sd", "depth_sd", "bone_sd", "anchor_sd", "angle_sd")
        for name in (*sds, "doubt", "damping", "largest_turn"):
            demand(self, name, "above 0", getattr(self, name), holds=0 < getattr(self, name) < inf)
        for name in ("press", "allowed_depth", "bone_tissue"):
            demand(self, name, "0 to 0.02", getattr(self, name), holds=0 <= getattr(self, name) <= 0.02)


@dataclass(frozen=True)
class ChoirSampling:
    """Settings of hands that a model draws as CHOIRs.

    Attributes:
        steps: of DDIM. From temperature 0 few are best: more settle on one of several likely hands.
        temperature: of the noise it starts from: 1 draws as the model has learnt, 0 gives about the middle of that.
        distance_sd: how far anchors are trusted that the model drew [m].
        touch: whether the second stage brings skin to where contact was drawn, and out of the object; a model that
            draws no contacts has none.
        most: hands that are drawn in one batch.
    """

    steps: int = 3
    temperature: float = 0.0
    distance_sd: float = 0.005
    touch: bool = True
    most: int = 128

    def __post_init__(self) -> None:
        for name in ("steps", "most"):
            value = getattr(self, name)
            demand(self, name, "1 or more", value, holds=isinstance(value, int) and value >= 1)
        demand(self, "temperature", "0 to 2", self.temperature, holds=0 <= self.temperature <= 2)
        demand(self, "distance_sd", "above 0", self.distance_sd, holds=0 < self.distance_sd < 1)
