"""Headphones and eyeglasses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from handhold.objects.household.category import Category, metres, style
from handhold.objects.household.curves import divided, fillet, oval, spline
from handhold.objects.household.parts import Part
from handhold.objects.household.shapes import loft, revolved, tube
from handhold.objects.household.slabs import slab


@dataclass(frozen=True)
class Headphones:
    """Standing on its cups, the band over them in the xz plane."""

    cup_radius: float = metres(0.038, 0.032, 0.043)
    cup_thickness: float = metres(0.026, 0.021, 0.032)
    gap: float = metres(0.130, 0.115, 0.145)
    rise: float = metres(0.110, 0.098, 0.125)
    band_width: float = metres(0.026, 0.018, 0.036)
    band_thickness: float = metres(0.0080, 0.0060, 0.0110)
    cup: str = style("round", "oval")


BAND, CUPS, PADS = range(3)


def build_headphones(d: Headphones) -> Manifold:
    """Two cups with soft pads inside, hung from an arched band."""
    r, t = d.cup_radius, d.cup_thickness
    shell = divided(
        fillet(
            [(0, -0.06 * t), (r, -0.06 * t), (0.94 * r, 0.45 * t), (0.6 * r, 0.5 * t), (0, 0.5 * t)],
            [0, 0.001, 0.006, 0.006, 0],
        ),
        0.011,
    )
    pad = divided(
        fillet(
            [
                (0, 0),
                (0.96 * r, 0),
                (0.96 * r, -0.5 * t),
                (0.62 * r, -0.5 * t),
                (0.58 * r, -0.1 * t),
                (0, -0.1 * t),
            ],
            [0, 0.003, 0.007, 0.006, 0.003, 0],
        ),
        0.011,
    )
    cup = revolved(shell, CUPS, around=32) + revolved(pad, PADS, around=32)
    stretch = 1.22 if d.cup == "oval" else 1.0
    high = stretch * r
    right = (
        cup.rotate((0, 90, 0))
        .scale((1, 0.92 if d.cup == "oval" else 1.0, stretch))
        .translate((d.gap / 2, 0, high))
    )
    half = d.gap / 2 + 0.18 * t
    top = high + d.rise
    arch = [
        (half, 0, high + 0.5 * r),
        (half + 0.004, 0, high + 0.45 * d.rise),
        (0.78 * half, 0, high + 0.84 * d.rise),
        (0, 0, top),
    ]
    way = spline([*arch, *[(-x, y, z) for x, y, z in arch[-2::-1]]], step=0.011)
    share = np.abs(np.linspace(-1, 1, len(way)))
    band = tube(
        way,
        d.band_thickness * np.interp(share, [0, 0.6, 1], [1.15, 0.9, 0.8]),
        d.band_width * np.interp(share, [0, 0.6, 1], [1.0, 0.9, 0.6]),
        part=BAND,
        up=(0, 1, 0),
        power=2.6,
        around=20,
    )
    return right + right.mirror((1, 0, 0)) + band


HEADPHONES = Category(
    "headphones",
    Headphones,
    (Part("band", ("carry", "wear", "hand over")), Part("cups", ("wear", "move")), Part("pads", hold=False)),
    build_headphones,
    (0.13, 0.24),
)


@dataclass(frozen=True)
class Eyeglasses:
    """Lying open, lenses toward +y, the ear pieces toward -y."""

    lens_width: float = metres(0.050, 0.045, 0.056)
    lens_height: float = metres(0.038, 0.030, 0.046)
    bridge: float = metres(0.019, 0.016, 0.022)
    temple: float = metres(0.138, 0.125, 0.148)
    rim: float = metres(0.0040, 0.0030, 0.0055)
    shape: str = style("square", "round", "oval")


RIMS, LENSES, TEMPLES = range(3)


def build_eyeglasses(d: Eyeglasses) -> Manifold:
    """Two rims and a bridge, lenses, and two hooked ear pieces; open as they are worn."""
    power = {"square": 3.6, "round": 2.0, "oval": 2.3}[d.shape]
    width, height = (d.lens_width, d.lens_height)
    if d.shape == "round":
        width = height = 0.5 * (d.lens_width + d.lens_height)
    middle, z = d.bridge / 2 + width / 2, height / 2
    loop = oval(width, height, power=power, count=44)
    section = oval(d.rim, 1.15 * d.rim, power=2.4, count=10)
    along = np.roll(loop, -1, 0) - np.roll(loop, 1, 0)
    normal = np.stack((along[:, 1], -along[:, 0]), 1) / np.linalg.norm(along, axis=1, keepdims=True)
    rings = [
        np.column_stack((c + section[:, :1] * n, section[:, 1])) for c, n in zip(loop, normal, strict=True)
    ]
    lens = slab(loop, -0.0009, 0.0009, rounding=0.0003, part=LENSES, step=0.006)
    side = (loft(rings, RIMS, loop=True) + lens).rotate((90, 0, 0)).translate((middle, 0, z))
    over = 0.62 * height
    span = d.bridge / 2 + 0.001
    arch = spline(
        [
            (-span, 0, over),
            (-0.4 * span, 0.001, over + 0.0035),
            (0.4 * span, 0.001, over + 0.0035),
            (span, 0, over),
        ],
        step=0.004,
    )
    bridge = tube(arch, 1.0 * d.rim, 1.1 * d.rim, part=RIMS, around=12)
    outer = middle + width / 2 + 0.0025
    level = 0.72 * height
    drop = level - 0.004
    way = spline(
        [
            (outer - 0.003, -0.0006, level),
            (outer + 0.003, -0.006, level),
            (outer + 0.004, -0.5 * d.temple, level),
            (outer + 0.001, -0.72 * d.temple, level - 0.002),
            (outer - 0.004, -0.9 * d.temple, level - 0.5 * drop),
            (outer - 0.006, -d.temple, level - drop),
        ],
        step=0.006,
    )
    t = np.linspace(0, 1, len(way))
    temple = tube(
        way,
        np.interp(t, [0, 0.1, 1], [1.1 * d.rim, 0.8 * d.rim, 0.0035]),
        np.interp(t, [0, 0.1, 0.6, 1], [1.4 * d.rim, 1.3 * d.rim, 0.0045, 0.0060]),
        part=TEMPLES,
        power=2.6,
        around=12,
    )
    right = side + temple
    return right + right.mirror((1, 0, 0)) + bridge


EYEGLASSES = Category(
    "eyeglasses",
    Eyeglasses,
    (
        Part("rims", ("wear", "carry", "hand over")),
        Part("lenses", hold=False),
        Part("temples", ("wear", "carry", "hand over")),
    ),
    build_eyeglasses,
    (0.12, 0.165),
)
