"""Frying pan, pot, kettle and teapot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from handhold.objects.household.category import Category, metres, ratio, style
from handhold.objects.household.curves import arc, divided, fillet, spline, vessel
from handhold.objects.household.parts import Part
from handhold.objects.household.shapes import revolved, tube

STEP = 0.015
UPRIGHT = (0.0, 1.0, 0.0)


@dataclass(frozen=True)
class FryingPan:
    """Standing, axis of the pan z, handle toward +x."""

    radius: float = metres(0.125, 0.095, 0.150)
    height: float = metres(0.046, 0.038, 0.058)
    wall: float = metres(0.003, 0.0026, 0.0040)
    handle: float = metres(0.185, 0.150, 0.210)
    handle_width: float = metres(0.026, 0.021, 0.031)
    flare: float = ratio(0.8, 0.7, 0.9)
    grip: str = style("contoured", "straight", "flat")


PAN_BODY, PAN_RIM, PAN_INSIDE, PAN_HANDLE = range(4)


def build_frying_pan(d: FryingPan) -> Manifold:
    """A pressed pan and a handle that rises from its wall."""
    side = spline(
        [(d.flare * d.radius, 0.0), (0.95 * d.radius, 0.4 * d.height), (d.radius, d.height)], step=STEP
    )
    outer = fillet([(0, 0), *side], [0, 0.012, *[0] * (len(side) - 1)])
    profile, bands = vessel(outer, wall=d.wall, floor=0.004, step=STEP)
    pan = revolved(profile, bands, around=48)
    start, end = 0.965 * d.radius, d.radius + d.handle
    share = np.linspace(0, 1, 18)
    way = np.stack(
        (start + share * (end - start), 0 * share, 0.62 * d.height + 0.055 * share**0.8 * (d.handle / 0.19)),
        1,
    )
    wide = {
        "contoured": np.interp(share, [0, 0.18, 0.4, 0.7, 0.92, 1], [0.95, 0.62, 0.8, 1.0, 0.95, 0.75]),
        "straight": np.interp(share, [0, 0.15, 0.25, 1], [0.9, 0.7, 0.85, 0.85]),
        "flat": np.interp(share, [0, 0.2, 0.6, 1], [0.9, 0.6, 0.9, 1.05]),
    }[d.grip]
    thick = {"contoured": 0.018, "straight": 0.016, "flat": 0.010}[d.grip] * np.interp(
        share, [0, 0.2, 0.35, 1], [0.4, 0.45, 0.95, 1]
    )
    handle = tube(way, wide * d.handle_width, thick, part=PAN_HANDLE, power=2.6, around=20, ends=(0.4, 0.7))
    solid = revolved(np.concatenate((outer * [0.99, 1], [[0, d.height]])), around=48)
    return pan + (handle - solid)


FRYING_PAN = Category(
    "frying pan",
    FryingPan,
    (
        Part("body", ("move",)),
        Part("rim", ("move",)),
        Part("inside", hold=False),
        Part("handle", ("cook", "pour", "carry", "hand over")),
    ),
    build_frying_pan,
    (0.30, 0.52),
)


@dataclass(frozen=True)
class Pot:
    """Standing, axis z; its handles toward +x and -x."""

    radius: float = metres(0.100, 0.080, 0.125)
    height: float = metres(0.115, 0.085, 0.160)
    wall: float = metres(0.003, 0.0026, 0.0040)
    handle_reach: float = metres(0.040, 0.034, 0.048)
    handle_width: float = metres(0.080, 0.070, 0.095)
    handle: str = style("loops", "long")
    lid: str = style("none", "lid")


POT_BODY, POT_RIM, POT_INSIDE, POT_HANDLE, POT_LID, POT_KNOB = range(6)


def build_pot(d: Pot) -> Manifold:
    """A straight pot with two loops or one long handle, open or under its lid."""
    outer = fillet([(0, 0), (0.96 * d.radius, 0), (d.radius, d.height - d.wall)], [0, 0.012, 0])
    profile, bands = vessel(outer, wall=d.wall, floor=0.005, step=STEP)
    full = divided(np.concatenate((outer, [[0, d.height - d.wall]])), STEP)
    pot = revolved(profile, bands, around=48) if d.lid == "none" else revolved(full, POT_BODY, around=48)
    core = revolved(np.concatenate((outer - [0.5 * d.wall, 0], [[0, d.height]])).clip(0), around=48)
    z, inside = 0.78 * d.height, 0.965 * d.radius
    if d.handle == "loops":
        half, reach = d.handle_width / 2, d.radius + d.handle_reach
        corner = [
            (inside - 0.008, -half, z),
            (reach - 0.012, -0.88 * half, z + 0.003),
            (reach, -0.4 * half, z + 0.006),
            (reach, 0.4 * half, z + 0.006),
            (reach - 0.012, 0.88 * half, z + 0.003),
            (inside - 0.008, half, z),
        ]
        loop = tube(spline(corner, step=0.008), 0.011, 0.013, part=POT_HANDLE, power=2.3)
        handles = loop + loop.rotate((0, 0, 180))
    else:
        share = np.linspace(0, 1, 16)
        way = np.stack((inside + share * (0.035 + 1.8 * d.handle_width), 0 * share, z + 0.02 * share), 1)
        wide = 0.024 * np.interp(share, [0, 0.2, 0.5, 1], [0.9, 0.7, 1.0, 0.95])
        handles = tube(way, wide, 0.6 * wide, part=POT_HANDLE, power=2.6, around=20, ends=(0.4, 0.7))
    pot = pot + (handles - core)
    if d.lid == "none":
        return pot
    top = d.height - d.wall
    dome = fillet(
        [
            (0, top - 0.002),
            (d.radius + 0.003, top - 0.002),
            (d.radius + 0.003, top + 0.003),
            (0.8 * d.radius, top + 0.012),
            (0.3 * d.radius, top + 0.020),
            (0, top + 0.021),
        ],
        [0, 0.001, 0.001, 0.03, 0.03, 0],
    )
    knob = fillet(
        [
            (0, top + 0.015),
            (0.009, top + 0.015),
            (0.007, top + 0.026),
            (0.019, top + 0.032),
            (0.018, top + 0.042),
            (0, top + 0.044),
        ],
        [0, 0, 0.004, 0.004, 0.006, 0],
    )
    return (
        pot
        + revolved(divided(dome, STEP), POT_LID, around=48)
        + revolved(divided(knob, STEP), POT_KNOB, around=32)
    )


POT = Category(
    "pot",
    Pot,
    (
        Part("body", ("move",)),
        Part("rim", ("move",)),
        Part("inside", hold=False),
        Part("handle", ("cook", "pour", "carry")),
        Part("lid", ("move",)),
        Part("knob", ("open",)),
    ),
    build_pot,
    (0.20, 0.46),
)


@dataclass(frozen=True)
class Kettle:
    """Standing, axis z, spout toward +x; closed, hence solid."""

    radius: float = metres(0.080, 0.068, 0.095)
    height: float = metres(0.150, 0.130, 0.175)
    handle_rise: float = metres(0.085, 0.075, 0.100)
    handle_width: float = metres(0.022, 0.018, 0.027)
    shape: str = style("stove", "electric")


POUR_BODY, POUR_HANDLE, POUR_SPOUT, POUR_LID = range(4)


def build_kettle(d: Kettle) -> Manifold:
    """A stove kettle under an arched handle, or a tall electric one with the handle at its back."""
    r, h = d.radius, d.height
    if d.shape == "stove":
        side = [(0.92 * r, 0), (r, 0.2 * h), (0.86 * r, 0.62 * h), (0.5 * r, 0.84 * h), (0.4 * r, 0.86 * h)]
        h, lid = 0.86 * h, 0.4 * r
        arch = [
            (-0.78 * r, 0, 0.62 * h),
            (-0.86 * r, 0, h + 0.3 * d.handle_rise),
            (-0.45 * r, 0, h + 0.95 * d.handle_rise),
            (0.1 * r, 0, h + d.handle_rise),
            (0.55 * r, 0, h + 0.85 * d.handle_rise),
            (0.76 * r, 0, h + 0.3 * d.handle_rise),
            (0.66 * r, 0, 0.75 * h),
        ]
        spout = spline(
            [(0.55 * r, 0, 0.42 * h), (1.05 * r, 0, 0.68 * h), (1.32 * r, 0, 0.96 * h)], step=0.008
        )
        bore = np.linspace(0.046, 0.024, len(spout))
    else:
        r *= 0.9
        h *= 1.3
        side = [(r, 0), (1.0 * r, 0.16 * h), (0.9 * r, 0.6 * h), (0.78 * r, h)]
        lid = 0.76 * r
        arch = [
            (-0.7 * r, 0, 0.92 * h),
            (-1.3 * r, 0, 0.98 * h),
            (-1.3 * r - 0.022, 0, 0.84 * h),
            (-1.3 * r - 0.016, 0, 0.5 * h),
            (-1.25 * r, 0, 0.24 * h),
            (-0.9 * r, 0, 0.18 * h),
        ]
        spout = spline(
            [(0.45 * r, 0, 0.76 * h), (0.85 * r, 0, 0.88 * h), (1.06 * r, 0, 0.96 * h)], step=0.008
        )
        bore = np.linspace(0.060, 0.022, len(spout))
    outer = divided(fillet([(0, 0), *side, (0, h)], [0, 0.012, *[0.03] * (len(side) - 1), 0]), STEP)
    body = revolved(outer, POUR_BODY, around=48)
    dome = fillet(
        [(0, h - 0.006), (lid, h - 0.006), (lid, h + 0.003), (0.5 * lid, h + 0.009), (0, h + 0.010)],
        [0, 0, 0.003, 0.02, 0],
    )
    knob = fillet(
        [
            (0, h + 0.004),
            (0.006, h + 0.004),
            (0.006, h + 0.016),
            (0.014, h + 0.020),
            (0.013, h + 0.029),
            (0, h + 0.030),
        ],
        [0, 0, 0.003, 0.003, 0.004, 0],
    )
    handle = tube(spline(arch, step=0.009), 0.015, d.handle_width, part=POUR_HANDLE, up=UPRIGHT, power=2.5)
    return (
        body
        + tube(spout, bore, 1.0 * bore, part=POUR_SPOUT, up=UPRIGHT, around=24, ends=(0.5, 0.15))
        + revolved(divided(dome, STEP), POUR_LID, around=40)
        + revolved(divided(knob, STEP), POUR_LID, around=24)
        + handle
    )


POURING_PARTS = (
    Part("body", ("move",)),
    Part("handle", ("pour", "carry")),
    Part("spout", hold=False),
    Part("lid", ("open",)),
)
KETTLE = Category("kettle", Kettle, POURING_PARTS, build_kettle, (0.17, 0.30))


@dataclass(frozen=True)
class Teapot:
    """Standing, axis z, spout toward +x, handle toward -x; closed, hence solid."""

    radius: float = metres(0.066, 0.055, 0.080)
    height: float = metres(0.105, 0.088, 0.125)
    handle_reach: float = metres(0.046, 0.040, 0.054)
    handle_width: float = metres(0.013, 0.011, 0.017)
    foot: float = ratio(0.62, 0.52, 0.72)
    shape: str = style("round", "squat", "tall")


def build_teapot(d: Teapot) -> Manifold:
    """A round body with a swan-neck spout, an ear handle and a domed lid."""
    wide, high = {"round": (1.0, 1.0), "squat": (1.1, 0.8), "tall": (0.86, 1.22)}[d.shape]
    r, h = wide * d.radius, high * d.height
    side = spline(
        [(d.foot * r, 0.004), (0.95 * r, 0.28 * h), (r, 0.5 * h), (0.84 * r, 0.8 * h), (0.5 * r, h)],
        step=STEP,
    )
    outer = fillet([(0, 0), (d.foot * r, 0), *side, (0, h)], [0, 0.002, *[0] * len(side), 0])
    body = revolved(divided(outer, STEP), POUR_BODY, around=48)
    spout = spline(
        [(0.6 * r, 0, 0.3 * h), (1.12 * r, 0, 0.42 * h), (1.32 * r, 0, 0.72 * h), (1.58 * r, 0, 0.97 * h)],
        step=0.007,
    )
    bore = np.interp(np.linspace(0, 1, len(spout)), [0, 0.4, 1], [0.046, 0.027, 0.016])
    reach = r + d.handle_reach
    ear = [
        (-0.78 * r, 0, 0.8 * h),
        (-reach + 0.012, 0, 0.92 * h),
        (-reach, 0, 0.66 * h),
        (-reach + 0.012, 0, 0.36 * h),
        (-0.9 * r, 0, 0.22 * h),
    ]
    handle = tube(spline(ear, step=0.007), 0.0105, d.handle_width, part=POUR_HANDLE, up=UPRIGHT, power=2.3)
    dome = [
        (0, h - 0.006),
        (0.5 * r, h - 0.006),
        (0.5 * r, h + 0.001),
        *arc((0, h + 0.001), (0.46 * r, 0.16 * r), 20, 80, count=5),
        (0, h + 0.001 + 0.16 * r),
    ]
    crown = h + 0.14 * r
    knob = fillet(
        [
            (0, crown - 0.004),
            (0.005, crown - 0.004),
            (0.0045, crown + 0.006),
            (0.010, crown + 0.010),
            (0.009, crown + 0.018),
            (0, crown + 0.020),
        ],
        [0, 0, 0.002, 0.003, 0.004, 0],
    )
    return (
        body
        + tube(spout, bore, bore, part=POUR_SPOUT, up=UPRIGHT, around=20, ends=(0.5, 0.2))
        + handle
        + revolved(divided(dome, STEP), POUR_LID, around=40)
        + revolved(divided(knob, STEP), POUR_LID, around=24)
    )


TEAPOT = Category("teapot", Teapot, POURING_PARTS, build_teapot, (0.14, 0.30))
