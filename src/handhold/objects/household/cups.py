"""Mug, drinking glass and wine glass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from handhold.objects.household.category import Category, metres, ratio, style
from handhold.objects.household.curves import fillet, spline, vessel
from handhold.objects.household.parts import Part
from handhold.objects.household.shapes import revolved, tube

STEP = 0.010
BODY, RIM, INSIDE, HANDLE = range(4)


@dataclass(frozen=True)
class Mug:
    """Standing, axis z, handle toward +x."""

    radius: float = metres(0.041, 0.035, 0.048)
    height: float = metres(0.095, 0.080, 0.120)
    wall: float = metres(0.004, 0.0035, 0.005)
    handle_reach: float = metres(0.032, 0.028, 0.038)
    handle_width: float = metres(0.013, 0.010, 0.018)
    handle_share: float = ratio(0.66, 0.58, 0.76)
    body: str = style("straight", "tapered", "round", "waisted")
    handle: str = style("ring", "ear", "square")


def build_mug(d: Mug) -> Manifold:
    """A thrown body, its handle let into the wall."""
    shapes = {
        "straight": [(0.96, 0.0), (1.0, 0.06), (1.0, 1.0)],
        "tapered": [(0.72, 0.0), (0.78, 0.05), (1.0, 1.0)],
        "round": [(0.72, 0.0), (0.92, 0.16), (1.04, 0.48), (0.98, 0.8), (0.93, 1.0)],
        "waisted": [(0.92, 0.0), (0.96, 0.08), (0.86, 0.5), (1.0, 1.0)],
    }
    side = np.array(shapes[d.body]) * [d.radius, d.height - d.wall / 2]
    curve = spline(side, step=STEP) if len(side) > 3 else side
    outer = fillet([(0.0, 0.0), *curve], [0.0, 0.003] + [0.004] * (len(curve) - 2) + [0.0])
    profile, bands = vessel(outer, wall=d.wall, floor=1.4 * d.wall, step=STEP)
    half, thick = d.handle_share * d.height / 2, 0.0095
    middle = 0.52 * d.height
    top, low = (np.interp(middle + s * half * 0.8, curve[:, 1], curve[:, 0]) - 0.6 * d.wall for s in (1, -1))
    reach = d.radius + d.handle_reach
    ways = {
        "ring": [
            (top, 0.78),
            (reach - 0.012, 0.86),
            (reach - 0.002, 0.3),
            (reach - 0.002, -0.3),
            (reach - 0.012, -0.84),
            (low, -0.78),
        ],
        "ear": [
            (top, 0.8),
            (reach - 0.012, 0.98),
            (reach, 0.62),
            (reach - 0.006, 0.05),
            (reach - 0.018, -0.5),
            (low, -0.86),
        ],
        "square": [
            (top, 0.84),
            (reach - 0.011, 0.88),
            (reach - 0.003, 0.72),
            (reach - 0.003, -0.72),
            (reach - 0.011, -0.88),
            (low, -0.84),
        ],
    }
    way = spline([(x, 0.0, middle + half * z) for x, z in ways[d.handle]], step=0.005)
    handle = _across(way, d.handle_width, thick)
    core = revolved(_shrunk(outer, 0.6 * d.wall, d.height), around=40)
    return revolved(profile, bands) + (handle - core)


def _across(way: np.ndarray, width: float, thick: float) -> Manifold:
    """A handle in the xz plane, its width along y."""
    flare = 1 + 0.25 * np.linspace(-1, 1, len(way)) ** 4
    return tube(way, thick * flare, width * flare, part=HANDLE, up=(0.0, 1.0, 0.0), power=2.4)


def _shrunk(outer: np.ndarray, by: float, height: float) -> np.ndarray:
    """The section of a body somewhat inside its outside, closed at the top."""
    inner = np.maximum(outer - [by, 0.0], [0.0, by])
    return np.concatenate((inner, [[inner[-1, 0], height + 0.02], [0.0, height + 0.02]]))


MUG = Category(
    "mug",
    Mug,
    (
        Part("body", ("drink", "move", "hand over")),
        Part("rim", ("move",)),
        Part("inside", hold=False),
        Part("handle", ("drink", "pour", "carry")),
    ),
    build_mug,
    (0.08, 0.14),
)


@dataclass(frozen=True)
class Glass:
    """Standing, axis z."""

    radius: float = metres(0.036, 0.030, 0.043)
    height: float = metres(0.120, 0.085, 0.155)
    wall: float = metres(0.0026, 0.0022, 0.0032)
    base: float = metres(0.008, 0.005, 0.012)
    shape: str = style("tumbler", "highball", "conical", "tulip", "faceted")


def build_glass(d: Glass) -> Manifold:
    """A pressed glass with a thick base."""
    shapes = {
        "tumbler": [(0.86, 0.0), (0.9, 0.04), (1.0, 1.0)],
        "highball": [(0.97, 0.0), (1.0, 0.05), (1.0, 1.0)],
        "conical": [(0.68, 0.0), (0.71, 0.04), (1.0, 1.0)],
        "tulip": [(0.66, 0.0), (0.7, 0.12), (0.78, 0.38), (0.98, 0.7), (0.98, 0.86), (0.94, 1.0)],
        "faceted": [(0.8, 0.0), (0.84, 0.04), (1.0, 0.72), (1.0, 1.0)],
    }
    side = np.array(shapes[d.shape]) * [d.radius, d.height - d.wall / 2]
    curve = spline(side, step=STEP) if d.shape == "tulip" else side
    outer = fillet([(0.0, 0.0), *curve], [0.0, 0.003] + [0.006] * (len(curve) - 2) + [0.0])
    profile, bands = vessel(outer, wall=d.wall, floor=d.base, step=STEP, rim=0.004)
    return revolved(profile, bands, around=10 if d.shape == "faceted" else 40)


GLASS = Category(
    "glass",
    Glass,
    (
        Part("body", ("drink", "pour", "move", "hand over")),
        Part("rim", ("move",)),
        Part("inside", hold=False),
    ),
    build_glass,
    (0.08, 0.16),
)


@dataclass(frozen=True)
class WineGlass:
    """Standing, axis z."""

    bowl_radius: float = metres(0.040, 0.033, 0.050)
    bowl_height: float = metres(0.090, 0.075, 0.115)
    stem: float = metres(0.085, 0.065, 0.105)
    stem_radius: float = metres(0.0042, 0.0036, 0.0055)
    foot_radius: float = metres(0.036, 0.031, 0.041)
    wall: float = metres(0.0022, 0.0020, 0.0028)
    bowl: str = style("red", "white", "flute", "coupe")


WINE_BOWL, WINE_RIM, WINE_INSIDE, WINE_STEM, WINE_FOOT = range(5)


def build_wine_glass(d: WineGlass) -> Manifold:
    """Foot, stem and bowl turned in one."""
    shapes = {
        "red": [(0.3, 0.06), (0.72, 0.2), (1.0, 0.48), (0.93, 0.78), (0.78, 1.0)],
        "white": [(0.24, 0.08), (0.62, 0.24), (0.86, 0.5), (0.82, 0.78), (0.72, 1.0)],
        "flute": [(0.2, 0.08), (0.42, 0.24), (0.58, 0.6), (0.6, 1.0), (0.58, 1.5)],
        "coupe": [(0.4, 0.06), (0.85, 0.2), (1.12, 0.42), (1.18, 0.6), (1.18, 0.72)],
    }
    floor = 0.004
    base = floor + d.stem
    side = np.array(shapes[d.bowl]) * [d.bowl_radius, d.bowl_height] + [0, base]
    foot = [(0.0, 0.0), (d.foot_radius, 0.0), (d.foot_radius, 0.0026), (0.4 * d.foot_radius, floor + 0.001)]
    lower = fillet(
        [*foot, (d.stem_radius, floor + 0.012), (d.stem_radius, base - 0.012)],
        [0, 0.001, 0.0012, 0.02, 0.02, 0],
    )
    upper = spline([(d.stem_radius, base - 0.012), (1.5 * d.stem_radius, base), *side], step=STEP)
    outer = np.concatenate((lower[:-1], upper))
    profile, bands = vessel(outer, wall=d.wall, floor=base + 0.006, step=STEP, rim=0.004)
    heights = (profile[1:] + profile[:-1])[:, 1] / 2
    bands = np.where((bands == 0) & (heights < base), WINE_STEM, bands)
    bands = np.where((bands == WINE_STEM) & (heights < floor + 0.006), WINE_FOOT, bands)
    return revolved(profile, bands, around=40)


WINE_GLASS = Category(
    "wine glass",
    WineGlass,
    (
        Part("bowl", ("move", "hand over")),
        Part("rim", hold=False),
        Part("inside", hold=False),
        Part("stem", ("drink", "carry", "pour")),
        Part("foot", ("move",)),
    ),
    build_wine_glass,
    (0.12, 0.27),
)
