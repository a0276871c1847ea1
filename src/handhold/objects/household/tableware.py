"""Bowl, plate, knife, fork and spoon. Cutlery lies flat along x, handle toward -x."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import CrossSection, Manifold

from handhold.objects.household.category import Category, metres, ratio, style
from handhold.objects.household.curves import fillet, oval, spline, vessel
from handhold.objects.household.parts import Part
from handhold.objects.household.shapes import bent, loft, repart, revolved, tube
from handhold.objects.household.slabs import slab

OUTSIDE, RIM, INSIDE = range(3)
HANDLE, HEAD = range(2)


@dataclass(frozen=True)
class Bowl:
    """Standing on its foot, axis z."""

    radius: float = metres(0.072, 0.055, 0.098)
    height: float = metres(0.060, 0.045, 0.080)
    wall: float = metres(0.004, 0.0034, 0.0050)
    foot: float = ratio(0.5, 0.42, 0.58)
    shape: str = style("round", "deep", "flared", "straight")


def build_bowl(d: Bowl) -> Manifold:
    """A thrown bowl on a foot ring."""
    shapes = {
        "round": [(0.68, 0.14), (0.88, 0.42), (0.98, 0.74), (1.0, 1.0)],
        "deep": [(0.62, 0.16), (0.78, 0.48), (0.84, 0.85), (0.85, 1.15)],
        "flared": [(0.6, 0.14), (0.74, 0.42), (0.86, 0.74), (1.04, 1.0)],
        "straight": [(0.72, 0.08), (0.86, 0.16), (0.94, 0.4), (1.0, 1.0)],
    }
    side = spline([(d.foot, 0.08), *shapes[d.shape]], step=0.10) * [d.radius, d.height - d.wall / 2]
    low, foot = side[0, 1], d.foot * d.radius
    ring = [(0, 0.6 * low), (0.86 * foot, 0.6 * low), (0.88 * foot, 0), (foot, 0)]
    outer = fillet([*ring, *side], [0, 0, 0.0015, 0.0015, 0.002, *[0] * (len(side) - 1)])
    profile, bands = vessel(outer, wall=d.wall, floor=0.6 * low + d.wall, step=0.010)
    return revolved(profile, bands, around=44)


def build_plate(d: Plate) -> Manifold:
    """A well, and a rim that rises outward."""
    r, h = d.radius, d.height
    shapes = {
        "dinner": [(0.62, 0.02), (0.72, 0.42), (0.86, 0.72), (1.0, 1.0)],
        "coupe": [(0.6, 0.02), (0.8, 0.22), (0.94, 0.66), (1.0, 1.0)],
        "soup": [(0.5, 0.04), (0.66, 0.9), (0.76, 1.4), (1.0, 1.62)],
    }
    side = spline(shapes[d.shape], step=0.06) * [r, h - d.wall / 2]
    ring = [(0, 0.0016), (0.52 * side[0, 0], 0.0016), (0.9 * side[0, 0], 0)]
    outer = fillet([*ring, *side], [0, 0, 0.002, 0.002, *[0] * (len(side) - 1)])
    profile, bands = vessel(outer, wall=d.wall, floor=0.0016 + d.wall, step=0.015, rim=0.004)
    return revolved(profile, bands, around=52)


@dataclass(frozen=True)
class Plate:
    """Lying, axis z."""

    radius: float = metres(0.122, 0.085, 0.142)
    height: float = metres(0.022, 0.018, 0.027)
    wall: float = metres(0.0045, 0.0040, 0.0055)
    shape: str = style("dinner", "coupe", "soup")


BOWL = Category(
    "bowl",
    Bowl,
    (
        Part("outside", ("carry", "eat", "move", "hand over")),
        Part("rim", ("carry", "move")),
        Part("inside", hold=False),
    ),
    build_bowl,
    (0.09, 0.21),
)
PLATE = Category(
    "plate",
    Plate,
    (Part("underside", ("carry",)), Part("rim", ("carry", "move", "hand over")), Part("inside", hold=False)),
    build_plate,
    (0.16, 0.29),
)


@dataclass(frozen=True)
class Knife:
    """Lying on its side along x, edge toward -y, blade toward +x; the handle ends at x = 0."""

    blade: float = metres(0.150, 0.085, 0.210)
    blade_width: float = metres(0.036, 0.020, 0.046)
    spine: float = metres(0.0022, 0.0018, 0.0028)
    handle: float = metres(0.118, 0.102, 0.135)
    handle_width: float = metres(0.025, 0.021, 0.029)
    handle_thickness: float = metres(0.017, 0.014, 0.020)
    shape: str = style("chef", "paring", "bread", "santoku", "table")


def build_knife(d: Knife) -> Manifold:
    """A blade ground from the spine to a thin edge, let into the handle."""
    scale = {
        "chef": (1, 1),
        "paring": (0.55, 0.62),
        "bread": (1.15, 0.78),
        "santoku": (0.95, 1.12),
        "table": (0.75, 0.55),
    }
    long, wide = np.array(scale[d.shape]) * [d.blade, d.blade_width]
    share = np.linspace(0, 1, 28)
    spine = {
        "chef": 0.10 - 0.42 * share**3,
        "paring": 0.05 - 0.30 * share**2,
        "bread": 0.06 - 0.05 * share,
        "santoku": 0.12 - 0.62 * np.clip((share - 0.72) / 0.28, 0, 1) ** 2,
        "table": 0.08 - 0.30 * np.clip((share - 0.8) / 0.2, 0, 1) ** 2,
    }[d.shape]
    edge = {
        "chef": -0.90 + 0.56 * share**2.6,
        "paring": -0.80 + 0.52 * share**2,
        "bread": -0.80 + 0.55 * np.clip((share - 0.8) / 0.2, 0, 1) ** 2,
        "santoku": -0.88 + 0.36 * share**3,
        "table": -0.72 + 0.42 * np.clip((share - 0.75) / 0.25, 0, 1) ** 2,
    }[d.shape]
    rings = []
    for s, high, low in zip(share, spine, edge, strict=True):
        across = np.linspace(high, low, 6) * wide
        thick = np.linspace(d.spine, 0.0005, 6) / 2 * (1 - 0.45 * s)
        rings.append(
            np.column_stack(
                (np.full(12, s * long), np.append(across, across[::-1]), np.append(thick, -thick[::-1]))
            )
        )
    shank = [
        np.column_stack(
            (
                np.full(12, -0.02),
                np.clip(rings[0][:, 1], -0.3 * d.handle_width, 0.1 * d.handle_width),
                rings[0][:, 2],
            )
        )
    ]
    heel = np.column_stack((np.full(12, -0.001), shank[0][:, 1], rings[0][:, 2]))
    blade = loft([*shank, heel, *rings], HEAD)
    way = spline(
        [
            (-0.006, -0.10 * wide, 0),
            (-0.35 * d.handle, -0.10 * wide, 0),
            (-0.7 * d.handle, -0.08 * wide, 0),
            (-d.handle + 0.006, -0.2 * wide, 0),
        ],
        step=0.007,
    )
    t = np.linspace(0, 1, len(way))
    width = d.handle_width * np.interp(t, [0, 0.12, 0.4, 0.65, 0.9, 1], [0.80, 0.86, 1.0, 0.9, 1.02, 0.86])
    thick = d.handle_thickness * np.interp(t, [0, 0.1, 0.5, 1], [0.78, 0.94, 1.0, 0.94])
    flat = 0.6 if d.shape == "table" else 1.0
    return (
        tube(
            way,
            width * (0.82 if d.shape == "table" else 1),
            thick * flat,
            part=HANDLE,
            power=2.7,
            around=20,
            ends=(0.25, 0.6),
        )
        + blade
    )


KNIFE = Category(
    "knife",
    Knife,
    (Part("handle", ("cut", "spread", "carry")), Part("blade", hold=False)),
    build_knife,
    (0.14, 0.39),
)


@dataclass(frozen=True)
class Cutlery:
    """Lying along x, its head toward +x, arched as it rests on a table."""

    length: float = metres(0.190, 0.140, 0.215)
    handle_width: float = metres(0.018, 0.014, 0.022)
    neck_width: float = metres(0.0065, 0.0055, 0.0080)
    head_width: float = ratio(0.135, 0.120, 0.150)
    head_length: float = ratio(0.33, 0.29, 0.36)
    thickness: float = metres(0.0028, 0.0024, 0.0034)
    handle: str = style("spatula", "straight", "pointed")


def _handle_side(d: Cutlery, neck: float) -> list[tuple[float, float]]:
    """Half the handle's outline from its end to the neck, as (x, half width)."""
    half = d.handle_width / 2
    ways = {
        "spatula": [(0, 0.55), (0.02, 0.92), (0.12, 1.0), (0.45, 0.62), (0.8, 0.40)],
        "straight": [(0, 0.62), (0.015, 0.8), (0.12, 0.8), (0.5, 0.66), (0.85, 0.42)],
        "pointed": [(0, 0.25), (0.03, 0.6), (0.16, 0.95), (0.5, 0.58), (0.82, 0.38)],
    }
    return [(x * neck, y * half) for x, y in ways[d.handle]] + [(neck, d.neck_width / 2)]


def _outline(side: list[tuple[float, float]]) -> np.ndarray:
    """A closed smooth outline from its left half."""
    points = np.array([*side, *[(x, -y) for x, y in side[::-1] if y > 1e-9]])[::-1]
    return spline(points, step=0.003, closed=True)


def _arched(d: Cutlery, neck: float, flat: Manifold) -> Manifold:
    """The handle's arch over the table: it rests on its end and on the head."""
    return bent(flat, lambda p: 0.016 * np.sin(np.pi * np.clip(p[:, 0] / (1.18 * neck), 0, 1)) ** 1.5)


def build_spoon(d: Cutlery) -> Manifold:
    """Stamped from sheet: an outline, and a bowl pressed into its head."""
    neck, half = (1 - d.head_length) * d.length, 0.92 * d.head_width * d.length * 0.5 + 0.004
    span = d.length - neck
    head = [(0.14, 0.5), (0.35, 0.92), (0.58, 1.0), (0.82, 0.78), (0.96, 0.36), (1.0, 0.0)]
    side = _handle_side(d, neck) + [(neck + x * span, y * half) for x, y in head]
    flat = slab(_outline(side), 0, d.thickness, rounding=0.001, part=HANDLE, step=0.004)
    flat = repart(flat, lambda p: p[:, 0] - (neck + 0.06 * span), HEAD)
    middle = np.array([neck + 0.56 * span, 0])

    def pressed(p: np.ndarray) -> np.ndarray:
        away = ((p[:, :2] - middle) / [0.46 * span, half]) ** 2
        return -0.26 * half * 2 * np.clip(1 - away.sum(1), 0, 1)

    return _arched(d, neck, bent(flat, pressed))


def build_fork(d: Cutlery) -> Manifold:
    """Stamped from sheet: an outline with three slots, its tines bent up."""
    neck, half = (1 - d.head_length) * d.length, 0.5 * d.head_width * d.length
    span = d.length - neck
    head = [(0.12, 0.5), (0.28, 0.95), (0.5, 1.0), (0.8, 0.95), (0.97, 0.9), (1.0, 0.8), (1.0, 0.0)]
    side = _handle_side(d, neck) + [(neck + x * span, y * half) for x, y in head]
    pitch = 2 * half / 4
    slot = CrossSection([oval(1.24 * span, 0.42 * pitch, power=8, count=40)])
    whole = CrossSection([_outline(side)])
    for k in (-1, 0, 1):
        whole = whole - slot.translate((neck + 1.06 * span, k * pitch))
    blunt = 0.0011  # rounds the tines' corners by more than the edges of the sheet
    whole = whole.offset(-blunt, circular_segments=24).offset(blunt, circular_segments=24)
    outline = whole.simplify(2e-5).to_polygons()[0]
    flat = slab(outline, 0, d.thickness, rounding=0.0008, part=HANDLE, step=0.0028)
    flat = repart(flat, lambda p: p[:, 0] - (neck + 0.06 * span), HEAD)

    def curved(p: np.ndarray) -> np.ndarray:
        share = np.clip((p[:, 0] - neck) / span, 0, 1)
        return 0.05 * span * (4 * share * (share - 0.62)) * 2

    return _arched(d, neck, bent(flat, curved))


HEAD_PARTS = (Part("handle", ("eat", "stir", "carry", "hand over")), Part("head", hold=False))
FORK = Category("fork", Cutlery, HEAD_PARTS, build_fork, (0.13, 0.22))
SPOON = Category("spoon", Cutlery, HEAD_PARTS, build_spoon, (0.13, 0.22))
