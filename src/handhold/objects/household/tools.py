"""Hammer, screwdriver and scissors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from handhold.objects.household.category import Category, metres, ratio, style
from handhold.objects.household.curves import divided, fillet, oval, spline
from handhold.objects.household.parts import Part
from handhold.objects.household.shapes import loft, lying, revolved, tube
from handhold.objects.household.slabs import box, slab


@dataclass(frozen=True)
class Hammer:
    """Lying on its side along x, head at +x, its face toward +y."""

    length: float = metres(0.310, 0.240, 0.360)
    handle_width: float = metres(0.033, 0.028, 0.038)
    handle_thickness: float = metres(0.024, 0.020, 0.028)
    head_length: float = metres(0.112, 0.090, 0.130)
    face: float = metres(0.027, 0.023, 0.032)
    shape: str = style("claw", "engineer", "ball", "mallet")


HANDLE, HEAD = range(2)


def build_hammer(d: Hammer) -> Manifold:
    """A swelling handle through the eye of a forged head."""
    x, face, half = d.length - 0.5 * d.face, d.face / 2, d.head_length / 2
    share = np.linspace(0, 1, 30)
    way = np.stack((0.008 + share * (d.length - 0.012), 0 * share, 0 * share), 1)
    swell = np.interp(share, [0, 0.06, 0.2, 0.4, 0.6, 0.85, 1], [1.0, 1.08, 0.94, 1.0, 0.74, 0.68, 0.72])
    handle = tube(
        way,
        d.handle_width * swell,
        d.handle_thickness * np.interp(share, [0, 0.4, 0.7, 1], [1, 1, 0.8, 0.8]),
        part=HANDLE,
        power=2.3,
        around=20,
        ends=(0.5, 0.1),
    )
    if d.shape == "mallet":
        block = box((1.9 * d.face, d.head_length, 2.1 * d.face), rounding=0.004, part=HEAD, step=0.01)
        return handle + block.translate((x - 0.4 * face, 0, -1.05 * d.face))
    front = fillet(
        [
            (0, 0),
            (0.72 * face, 0),
            (0.7 * face, 0.3 * half),
            (face, 0.42 * half),
            (face, half - 0.001),
            (0, half),
        ],
        [0, 0, 0.006, 0.006, 0.0025, 0],
    )
    head = revolved(divided(front, 0.007), HEAD, around=32).rotate((-90, 0, 0))
    eye = box(
        (1.9 * face, 1.9 * face, 2.0 * face), rounding=0.003, corner=0.005, part=HEAD, step=0.007
    ).translate((0, 0, -face))
    tail = _tail(d, face, half)
    return handle + (head + eye + tail).translate((x, 0, 0))


def _tail(d: Hammer, face: float, half: float) -> Manifold:
    """The side of the head away from the face: claw, ball or wedge, toward -y."""
    if d.shape == "claw":
        arch = spline(
            [
                (0, 0.006, 0),
                (0, -0.35 * half, 0),
                (-0.10 * half, -0.7 * half, 0),
                (-0.38 * half, -1.12 * half, 0),
            ],
            step=0.006,
        )
        t = np.linspace(0, 1, len(arch))
        claw = tube(
            arch,
            np.interp(t, [0, 0.4, 1], [0.9 * d.face, 0.6 * d.face, 0.004]),
            np.interp(t, [0, 0.5, 1], [0.8, 1.0, 0.95]) * d.face,
            part=HEAD,
            power=3.4,
            around=24,
            ends=(0.3, 0.5),
        )
        notch = slab(
            fillet(
                [(-0.0045, 1.3 * half), (-0.0008, 0.5 * half), (0.0008, 0.5 * half), (0.0045, 1.3 * half)],
                [0, 0.0006, 0.0006, 0],
                closed=True,
            ),
            -0.08,
            0.08,
            rounding=0,
            part=HEAD,
            step=0.01,
        )
        return claw - notch.rotate((0, 90, 0)).rotate((180, 0, 0))
    elif d.shape == "ball":
        knob = fillet(
            [
                (0, 0),
                (0.6 * face, 0),
                (0.56 * face, 0.4 * half),
                (0.82 * face, 0.62 * half),
                (0.8 * face, 0.86 * half),
                (0.35 * face, half),
                (0, 1.02 * half),
            ],
            [0, 0, 0.006, 0.01, 0.01, 0.012, 0],
        )
        return revolved(divided(knob, 0.006), HEAD, around=32).rotate((90, 0, 0))
    else:
        steps = np.linspace(0, 1, 12)
        peen = np.stack((0 * steps, -steps * 0.97 * half, 0 * steps), 1)
        return tube(
            peen,
            d.face * np.interp(steps, [0, 0.35, 1], [0.92, 0.8, 0.16]),
            d.face * 0.86,
            part=HEAD,
            power=4,
            around=24,
            ends=(0.1, 0.4),
        )


HAMMER = Category(
    "hammer",
    Hammer,
    (Part("handle", ("hit", "carry")), Part("head", ("hand over", "move"))),
    build_hammer,
    (0.23, 0.38),
)


@dataclass(frozen=True)
class Screwdriver:
    """Lying along x, tip toward +x."""

    handle: float = metres(0.100, 0.080, 0.120)
    handle_radius: float = metres(0.0150, 0.0115, 0.0185)
    shaft: float = metres(0.110, 0.070, 0.160)
    shaft_radius: float = metres(0.0032, 0.0026, 0.0042)
    flutes: float = ratio(0.10, 0.05, 0.14)
    shape: str = style("fluted", "triangular", "hexagonal")
    tip: str = style("slotted", "cross")


GRIP, SHAFT, TIP = range(3)


def build_screwdriver(d: Screwdriver) -> Manifold:
    """A grooved grip, a round shaft and a ground tip."""
    lobes = {"fluted": 8, "triangular": 3, "hexagonal": 6}[d.shape]
    r, long = d.handle_radius, d.handle
    profile = spline(
        [
            (0.55 * r, 0),
            (0.9 * r, 0.03 * long),
            (r, 0.16 * long),
            (0.98 * r, 0.55 * long),
            (0.68 * r, 0.74 * long),
            (0.82 * r, 0.9 * long),
            (0.6 * r, long),
        ],
        step=0.004,
    )
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    depth = d.flutes * (0.6 if d.shape == "triangular" else 1.0)
    rings = []
    for radius, z in profile:
        fade = np.clip(np.minimum(z / (0.08 * long), (0.66 * long - z) / (0.1 * long)), 0, 1)
        around = radius * (1 - depth * fade * (0.5 + 0.5 * np.cos(lobes * angle)))
        rings.append(np.column_stack((around * np.cos(angle), around * np.sin(angle), np.full(48, z))))
    grip = loft([np.repeat([[0, 0, 0.0]], 48, 0), *rings, np.repeat([[0, 0, long]], 48, 0)], GRIP)
    end = long + d.shaft
    rod = revolved(
        divided(
            [
                (0, long - 0.01),
                (d.shaft_radius, long - 0.01),
                (d.shaft_radius, end - 0.012),
                (0, end - 0.012),
            ],
            0.006,
        ),
        SHAFT,
        around=20,
    )
    s = d.shaft_radius
    if d.tip == "slotted":
        t = np.linspace(0, 1, 6)[:, None]
        shape = oval(1, 1, power=2.6, count=20)
        wide = np.interp(t, [0, 0.5, 1], [0.96, 1.25, 1.15]) * 2 * s
        thin = np.interp(t, [0, 1], [0.9, 0.28]) * 2 * s
        tip = loft(
            [
                np.column_stack((shape * [w, h], np.full(20, end - 0.0125 + 0.0125 * u)))
                for w, h, u in zip(wide[:, 0], thin[:, 0], t[:, 0], strict=True)
            ],
            TIP,
        )
    else:
        cone = revolved(
            divided(
                [
                    (0, end - 0.0125),
                    (0.98 * s, end - 0.0125),
                    (0.98 * s, end - 0.005),
                    (0.3 * s, end),
                    (0, end),
                ],
                0.004,
            ),
            TIP,
            around=20,
        )
        wedge = [
            slab(oval(0.8 * s, 0.8 * s, count=12), -0.006, 0.006, rounding=0, part=TIP).translate(
                (1.05 * s * np.cos(a), 1.05 * s * np.sin(a), end)
            )
            for a in np.radians([45, 135, 225, 315])
        ]
        tip = cone
        for cut in wedge:
            tip = tip - cut
    return lying(grip + rod + tip)


SCREWDRIVER = Category(
    "screwdriver",
    Screwdriver,
    (Part("handle", ("turn", "carry")), Part("shaft", ("hand over", "move")), Part("tip", hold=False)),
    build_screwdriver,
    (0.14, 0.29),
)


@dataclass(frozen=True)
class Scissors:
    """Lying flat along x, blades toward +x, the rivet over the origin; the halves are fused there."""

    blade: float = metres(0.085, 0.060, 0.115)
    blade_width: float = metres(0.015, 0.012, 0.019)
    shank: float = metres(0.045, 0.036, 0.055)
    bow_length: float = metres(0.046, 0.040, 0.056)
    bow_width: float = metres(0.030, 0.027, 0.036)
    bow_thickness: float = metres(0.0085, 0.0070, 0.0100)
    opening: float = ratio(0.16, 0.08, 0.40)
    shape: str = style("even", "long bow")


BOWS, BLADES, RIVET = range(3)


def build_scissors(d: Scissors) -> Manifold:
    """Two mirrored halves, one over the other, opened about the rivet by `opening` [rad] each."""
    thin = 0.0022
    halves = []
    for sign in (1, -1):
        w = d.blade_width
        outline = fillet(
            [
                (-0.012, -0.4 * w),
                (0.010, -0.5 * w),
                (d.blade, -0.03 * w),
                (d.blade, 0.03 * w),
                (0.55 * d.blade, 0.42 * w),
                (0.012, 0.5 * w),
                (-0.012, 0.4 * w),
            ],
            [0.003, 0.02, 0.0004, 0.0004, 0.05, 0.02, 0.003],
            closed=True,
        )
        low = -thin if sign > 0 else -0.0002
        blade = slab(outline, low, low + thin, rounding=0.0003, part=BLADES, step=0.005)
        stretch = 1.35 if d.shape == "long bow" and sign < 0 else 1.0
        half_long, half_wide = stretch * d.bow_length / 2, d.bow_width / 2
        centre = np.array([-d.shank - half_long, -half_wide * 0.98 - 0.002])
        ring = oval(2 * half_long, 2 * half_wide, power=2.3, count=40) + centre
        bow = _ring(ring, d.bow_thickness)
        meet = np.add(centre, [0.86 * half_long, 0.30 * half_wide])
        way = spline(
            [(0.004, 0, 0), (-0.014, -0.001, 0), (0.5 * (meet[0] - 0.012), 0.35 * meet[1], 0), (*meet, 0)],
            step=0.005,
        )
        t = np.linspace(0, 1, len(way))
        shank = tube(
            way,
            np.interp(t, [0, 0.3, 1], [0.010, 0.011, 0.012]),
            np.interp(t, [0, 0.25, 0.6, 1], [0.002, 0.004, 0.008, 0.9 * d.bow_thickness]),
            part=BOWS,
            power=2.5,
        )
        half = blade + shank.translate((0, 0, 0.0004 * sign)) + bow
        if sign < 0:
            half = half.mirror((0, 1, 0))
        halves.append(half.rotate((0, 0, sign * np.degrees(d.opening))))
    pin = fillet(
        [(0, -0.0036), (0.0036, -0.0036), (0.0042, -0.0026), (0.0042, 0.0026), (0.0036, 0.0036), (0, 0.0036)],
        [0, 0.0006, 0.0004, 0.0004, 0.0006, 0],
    )
    return halves[0] + halves[1] + revolved(pin, RIVET, around=24)


def _ring(centres: np.ndarray, thick: float) -> Manifold:
    """A closed loop of round section in the plane."""
    along = np.roll(centres, -1, 0) - np.roll(centres, 1, 0)
    normal = np.stack((along[:, 1], -along[:, 0]), 1) / np.linalg.norm(along, axis=1, keepdims=True)
    section = oval(0.78 * thick, thick, power=2.3, count=14)
    return loft(
        [
            np.column_stack((c + section[:, :1] * n, section[:, 1]))
            for c, n in zip(centres, normal, strict=True)
        ],
        BOWS,
        loop=True,
    )


SCISSORS = Category(
    "scissors",
    Scissors,
    (Part("bows", ("cut", "carry")), Part("blades", hold=False), Part("rivet", ("move",))),
    build_scissors,
    (0.13, 0.27),
)
