"""The written table of grasp types: preshape, closing, regions that touch, and each type's own rule.

Names and numbers are those of two published taxonomies:

- Feix: Feix, Romero, Schmiedmayer, Dollar, Kragic, The GRASP Taxonomy of Human Grasp Types, IEEE THMS 46 (2016).
- Cutkosky: On Grasp Choice, Grasp Models, and the Design of Hands for Manufacturing Tasks, IEEE TRA 5 (1989).

Postures are written by hand from what the taxonomies' drawings show, within the published ranges of motion
(`handhold.hand.anatomy`), and judged by eye on the open hand; none is read off a captured grasp. Knuckle and middle
joint close about alike, as they flex alike in daily tasks (61 and 60 degrees: Hume, Gellman, McKellop, Brumfield,
J Hand Surg 15A, 1990); the last joint follows the middle one by `DIP_SHARE` unless the row says otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from handhold.hand import Hand
from handhold.hand.regions import LONG_FINGERS, REGIONS, region_masks, region_vertices
from handhold.hand.skeleton import FINGER_JOINTS, FINGERS

DIP_SHARE = 0.5
"""Turn of the last finger joint for one of the middle joint while a finger closes on something. Free fingers are
published at 2/3 (Rijpkema, Girard 1991) to 0.76 (Hahn et al., J Hand Surg 20B, 1995); a pad that is pressed on is
straightened by what it presses, so less is taken. The half is our choice, no measurement."""


Opposition = Literal["palm", "pad", "side"]
Approach = Literal["palm", "antipodal", "side", "hook"]


@dataclass(frozen=True)
class AtLeast:
    """Part of a rule of acceptance: so many of these regions (names of `REGIONS`) touch."""

    count: int
    regions: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class GraspType:
    """One way of holding.

    Attributes:
        name: key in `GRASP_TYPES`.
        source: taxonomies' numbers and names.
        use: what people hold so.
        angles: (15, 3) the open start: flexion, abduction, twist of each joint, MANO's order [rad].
        shut: (15, 3) the same where fingers begin to meet with nothing between; what is thinner is met by closing on.
        opposition: what presses against what: palm, pads, or the thumb against a finger's side (Iberall's three).
        between: regions of the two opposed sides, the thumb's or palm's first: the opposition axis runs from the
            mean of the first to the mean of the second (`opposition_axis`).
        shaft: regions that a long object's axis passes, butt end first; None where its direction is free.
        touches: regions that should touch, for attraction.
        minimum: rule of acceptance: all of these hold.
        sizes: smallest and largest width of the held part, across the opposition [m].
        approach: how the start is placed: "palm" onto the surface, sides around an "antipodal" pair of points,
            thumb and index "side" around an antipodal pair, or fingers that "hook" over the part.
        flat: straight fingers lie flat on their side: the opposition axis is square to them.
    """

    name: str
    source: str
    use: str
    angles: Tensor
    shut: Tensor
    opposition: Opposition
    between: tuple[tuple[str, ...], tuple[str, ...]]
    shaft: tuple[tuple[str, ...], tuple[str, ...]] | None
    touches: tuple[str, ...]
    minimum: tuple[AtLeast, ...]
    sizes: tuple[float, float]
    approach: Approach
    flat: bool = False

    @property
    def travel(self) -> float:
        """Turn of the joint that turns most, from open to shut [rad]."""
        return float((self.shut - self.angles).abs().max())

    @property
    def closing(self) -> Tensor:
        """(15, 3) turn of each angle for one radian of closing: the synergy; the fastest is 1 or -1."""
        return (self.shut - self.angles) / self.travel

    def posture(self, hand: Hand, turn: float | Tensor = 0.0) -> Tensor:
        """Anatomical angles after closing by `turn` (*) [rad], kept within the hand's limits, (*, 15, 3)."""
        turn = torch.as_tensor(turn, dtype=hand.dtype, device=hand.device)[..., None, None]
        return hand.anatomy.clamp(self.angles.to(hand.template) + turn * self.closing.to(hand.template))

    def accepts(self, touched: Tensor) -> Tensor:
        """Whether the rule of acceptance is met.

        Args:
            touched: (*, len(REGIONS)) bool, which regions touch (`touched_regions`).

        Returns:
            (*,) bool.
        """
        met = torch.ones_like(touched[..., 0])
        for need in self.minimum:
            columns = [REGIONS.index(name) for name in need.regions]
            met = met & (touched[..., columns].sum(-1) >= need.count)
        return met


def opposition_axis(hand: Hand, kind: GraspType, vertices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where the two opposed sides of a posed hand face each other.

    Args:
        hand: the hand.
        kind: the grasp type.
        vertices: (*, V, 3) of the posed hand [m].

    Returns:
        Middle (*, 3) [m], unit direction from the first side to the second (*, 3), distance along it (*,) [m], all in
        the frame of `vertices`.
    """
    first, second = (_middle(hand, side, vertices) for side in kind.between)
    apart = second - first
    axis = _square_to_fingers(hand, vertices, towards=apart) if kind.flat else normalize(apart, dim=-1)
    return (first + second) / 2, axis, (apart * axis).sum(-1)


def _square_to_fingers(hand: Hand, vertices: Tensor, *, towards: Tensor) -> Tensor:
    """Unit normal (*, 3) of the plane in which the four fingers lie, on the side of directions (*, 3)."""
    along = _middle(hand, TIPS, vertices) - _middle(hand, BASES, vertices)
    across = _middle(hand, TIPS[:1], vertices) - _middle(hand, TIPS[-1:], vertices)
    normal = normalize(torch.linalg.cross(along, across), dim=-1)
    return torch.where((normal * towards).sum(-1, keepdim=True) < 0, -normal, normal)


def shaft_axis(hand: Hand, kind: GraspType, vertices: Tensor) -> tuple[Tensor, Tensor] | None:
    """How a long object lies in a posed hand (arguments as `opposition_axis`): a point near its axis (*, 3) [m] and
    the direction from its butt to its working end (*, 3); None where the type leaves it free."""
    if kind.shaft is None:
        return None
    butt, head = (_middle(hand, side, vertices) for side in kind.shaft)
    return (butt + head) / 2, normalize(head - butt, dim=-1)


def _middle(hand: Hand, side: tuple[str, ...], vertices: Tensor) -> Tensor:
    """Mean of the middles of some regions, each counted alike."""
    return torch.stack([vertices[..., region_vertices(hand, name), :].mean(-2) for name in side]).mean(0)


def touched_regions(hand: Hand, distances: Tensor, *, within: float = 0.003) -> Tensor:
    """Which regions touch: hold a vertex nearer to the object than `within`.

    Args:
        hand: the hand.
        distances: (*, V) signed distance of each vertex to the object, negative inside [m].
        within: what counts as touching [m]; 3 mm stands for the skin's give.

    Returns:
        (*, len(REGIONS)) bool.
    """
    return ((distances < within)[..., None, :] & region_masks(hand)).any(-1)


def _posture(row: str) -> Tensor:
    """(15, 3) [rad] from a row of the table in degrees: thumb | index | middle | ring | pinky, each knuckle to tip,
    each joint flexion/abduction/twist; a last joint left out follows the middle one."""
    table = torch.zeros(15, 3, dtype=torch.float64)
    for finger, text in zip(FINGERS, row.split("|"), strict=True):
        values = [[float(x) for x in joint.split("/")] for joint in text.split()]
        if len(values) == 2:
            values.append([DIP_SHARE * values[1][0]])
        for joint, value in zip(FINGER_JOINTS[finger], values, strict=True):
            table[joint - 1, : len(value)] = torch.tensor(value, dtype=torch.float64)
    return table * (math.pi / 180)


TIPS = tuple(f"{f}_distal" for f in LONG_FINGERS)
BASES = tuple(f"{f}_proximal" for f in LONG_FINGERS)
THUMB = AtLeast(1, ("thumb",))
PADS = (AtLeast(1, ("thumb_distal",)), AtLeast(1, ("index_distal",)))

# fmt: off
GRASP_TYPES = {kind.name: kind for kind in (
    GraspType(
        name="power", source="Feix 3 medium wrap (1 to 2 by width); Cutkosky 3",
        use="handles, bottles, cans, glasses: fingers around, palm against it",
        angles=_posture("14/36/-10 6 12 | 26/2 22 | 28/1 25 | 27/-1 25 | 24/-4 20"),
        shut=_posture("24/20/-10 12 25 | 66/2 76 | 68/1 80 | 68/-2 82 | 66/-6 80"),
        opposition="palm", between=(("knuckles", "thenar"), ("middle_distal", "ring_distal")),
        shaft=(("hypothenar", "pinky_proximal"), ("index_proximal",)),
        touches=("palm", *LONG_FINGERS, "thumb"),
        minimum=(THUMB, AtLeast(2, LONG_FINGERS), AtLeast(1, ("palm", *BASES))),
        sizes=(0.01, 0.085), approach="palm",
    ),
    GraspType(
        name="sphere", source="Feix 11 power sphere; Cutkosky 11",
        use="balls, fruit, knobs, lids: fingers spread around, palm against it",
        angles=_posture("2/26/-10 2 15 | 28/9 20 | 30/2 22 | 32/-6 20 | 36/-15 16"),
        shut=_posture("24/18/-10 14 20 | 54/6 46 | 58/1 50 | 60/-4 48 | 64/-11 42"),
        opposition="palm", between=(("thumb_distal", "thenar"), ("middle_distal", "ring_distal")),
        shaft=None,
        touches=("palm", *TIPS, "thumb_distal"),
        minimum=(THUMB, AtLeast(3, LONG_FINGERS)),
        sizes=(0.045, 0.09), approach="palm",
    ),
    GraspType(
        name="index_extension", source="Feix 17 index finger extension",
        use="knives, cutlery, brushes: handle in the palm, index and thumb along it",
        angles=_posture("20/8/-10 8 5 | 18 12 5 | 42 45 | 46/-2 48 | 48/-4 48"),
        shut=_posture("34/-2/-10 16 10 | 40 22 8 | 66 88 | 70/-2 90 | 72/-4 86"),
        opposition="palm", between=(("thumb_distal", "hypothenar"), ("middle_middle", "ring_middle")),
        shaft=(("hypothenar",), ("index_distal",)),
        touches=("palm", "index_distal", "middle", "ring", "pinky", "thumb_distal"),
        minimum=(THUMB, AtLeast(1, ("index",)), AtLeast(2, ("middle", "ring", "pinky"))),
        sizes=(0.008, 0.035), approach="palm",
    ),
    GraspType(
        name="precision", source="Feix 6 prismatic 4 finger; Cutkosky 6",
        use="boxes, cans and tools lifted by the pads, thumb against four fingers",
        angles=_posture("12/20/-12 4 0 | 28/2 18 | 30 20 | 30/-3 20 | 32/-6 16"),
        shut=_posture("32/18/-12 10 8 | 66/2 34 | 66 40 | 68/-2 38 | 70/-5 30"),
        opposition="pad", between=(("thumb_distal",), TIPS),
        shaft=(("pinky_distal",), ("index_distal",)),
        touches=("thumb_distal", *TIPS),
        minimum=(THUMB, AtLeast(2, LONG_FINGERS)),
        sizes=(0.01, 0.06), approach="antipodal",
    ),
    GraspType(
        name="pinch", source="Feix 9 palmar pinch; Cutkosky 9",
        use="small and thin things between the pads of thumb and index",
        angles=_posture("10/15/-14 6 4 | 30 22 | 42/-1 48 | 46/-2 50 | 48/-4 50"),
        shut=_posture("25/9/-14 12 12 | 58 33 | 42/-1 48 | 46/-2 50 | 48/-4 50"),
        opposition="pad", between=(("thumb_distal",), ("index_distal",)),
        shaft=None,
        touches=("thumb_distal", "index_distal"),
        minimum=PADS,
        sizes=(0.002, 0.05), approach="antipodal",
    ),
    GraspType(
        name="tripod", source="Feix 14 tripod; Cutkosky 14",
        use="small balls, lids, keys, plugs: thumb against index and middle",
        angles=_posture("14/17/-12 8 4 | 32/-2 24 | 38/3 25 | 52/-2 56 | 54/-4 56"),
        shut=_posture("31/10/-12 12 8 | 62/-2 29 | 65/3 33 | 52/-2 56 | 54/-4 56"),
        opposition="pad", between=(("thumb_distal",), ("index_distal", "middle_distal")),
        shaft=None,
        touches=("thumb_distal", "index_distal", "middle_distal"),
        minimum=(THUMB, AtLeast(1, ("index",)), AtLeast(1, ("middle",))),
        sizes=(0.008, 0.05), approach="antipodal",
    ),
    GraspType(
        name="lateral", source="Feix 16 lateral; Cutkosky 16",
        use="keys, cards, plates and spoons held flat: thumb against the side of the index",
        angles=_posture("-16 0 0 | 52 62 | 56 70 | 58/-1 72 | 60/-2 72"),
        shut=_posture("8/-10 14 24 | 52 62 | 56 70 | 58/-1 72 | 60/-2 72"),
        opposition="side", between=(("thumb_distal",), ("index_side",)),
        shaft=None,
        touches=("thumb_distal", "index_side"),
        minimum=(AtLeast(1, ("thumb_distal",)), AtLeast(1, ("index_side",))),
        sizes=(0.001, 0.022), approach="side",
    ),
    GraspType(
        name="writing", source="Feix 20 writing tripod",
        use="pens, brushes, scalpels: pads of thumb and index, side of the middle, shaft on the web",
        angles=_posture("10/4/-14 10 20 | 42/-2 24 10 | 58/4 32 | 60/-2 62 | 60/-4 65"),
        shut=_posture("22/0/-14 14 30 | 56/-3 30 10 | 66/5 40 | 60/-2 62 | 60/-4 65"),
        opposition="side", between=(("thumb_distal",), ("index_distal", "middle_side")),
        shaft=(("web",), ("thumb_distal", "index_distal", "middle_side")),
        touches=("thumb_distal", "index_distal", "middle_side", "web"),
        minimum=(*PADS, AtLeast(1, ("middle", "middle_side")), AtLeast(1, ("web",))),
        sizes=(0.006, 0.018), approach="antipodal",
    ),
    GraspType(
        name="hook", source="Feix 15 fixed hook; Cutkosky 15 (hook)",
        use="bag and bucket handles, pulls: fingers hooked, thumb idle",
        angles=_posture("-8 0 5 | 5 50 | 5 52 | 5/-1 52 | 5/-3 50"),
        shut=_posture("-8 0 5 | 25 95 | 25 96 | 25/-1 96 | 25/-3 94"),
        opposition="palm", between=(("knuckles",), ("middle_distal", "ring_distal")),
        shaft=(("pinky_middle",), ("index_middle",)),
        touches=tuple(f"{f}_{part}" for f in LONG_FINGERS for part in ("middle", "distal")),
        minimum=(AtLeast(3, LONG_FINGERS),),
        sizes=(0.006, 0.04), approach="hook",
    ),
    GraspType(
        name="extension", source="Feix 22 parallel extension",
        use="plates, books, phones, trays: straight fingers against the thumb",
        angles=_posture("10/18/-8 0 0 | 36/3 4 0 | 38 4 0 | 38/-2 4 0 | 38/-5 4 0"),
        shut=_posture("38/17/-10 13 15 | 82/2 8 0 | 83 8 0 | 83/-1 8 0 | 83/-3 8 0"),
        opposition="pad", between=(("thumb_distal",), ("index_distal", "middle_distal", "ring_distal")),
        shaft=None,
        touches=("thumb_distal", *TIPS),
        minimum=(THUMB, AtLeast(3, LONG_FINGERS)),
        sizes=(0.004, 0.05), approach="antipodal", flat=True,
    ),
    GraspType(
        name="palm", source="Cutkosky 15 (platform, push); outside Feix",
        use="carrying on the flat hand, pushing, stopping",
        angles=_posture("-18/-12 0 0 | 0/4 4 | 0 4 | 0/-4 4 | 0/-9 4"),
        shut=_posture("-8 5 5 | 14/4 14 | 14 14 | 14/-4 14 | 16/-9 14"),
        opposition="palm", between=(("palm",), ("middle_distal", "ring_distal")),
        shaft=None,
        touches=("palm", *LONG_FINGERS),
        minimum=(AtLeast(1, ("palm",)), AtLeast(2, LONG_FINGERS)),
        sizes=(0.05, 0.5), approach="palm",
    ),
)}
# fmt: on
"""The table, by name."""
