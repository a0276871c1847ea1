"""Power drill and flashlight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from handhold.objects.household.category import Category, metres, ratio, style
from handhold.objects.household.curves import by_height, divided, fillet, oval, spline
from handhold.objects.household.parts import Part
from handhold.objects.household.shapes import lying, revolved, tube
from handhold.objects.household.slabs import box, slab


@dataclass(frozen=True)
class PowerDrill:
    """Standing on its battery, chuck toward +x."""

    body: float = metres(0.160, 0.140, 0.185)
    body_width: float = metres(0.062, 0.055, 0.070)
    handle: float = metres(0.108, 0.098, 0.122)
    handle_width: float = metres(0.046, 0.041, 0.052)
    handle_thickness: float = metres(0.036, 0.032, 0.041)
    battery: float = metres(0.050, 0.040, 0.062)
    shape: str = style("compact", "long")
    bit: str = style("none", "bit")


DRILL_HANDLE, TRIGGER, MOTOR, CHUCK, BATTERY, BIT = range(6)


def build_power_drill(d: PowerDrill) -> Manifold:
    """Motor housing, pistol grip with trigger, battery shoe, chuck."""
    width, base = d.body_width, d.battery
    centre = base + d.handle + 0.42 * width
    long = d.body * (1.0 if d.shape == "compact" else 1.18)
    start, front = -0.52 * long, 0.28 * long
    share = np.linspace(0, 1, 18)
    way = np.stack((start + share * (front - start), 0 * share, np.full(18, centre)), 1)
    swell = np.interp(share, [0, 0.12, 0.5, 0.85, 1], [0.82, 0.98, 1.0, 0.94, 0.74])
    motor = tube(way, width * swell, 1.06 * width * swell, part=MOTOR, power=2.8, around=28, ends=(0.25, 0.1))
    chuck = revolved(
        divided(
            fillet(
                [
                    (0, 0),
                    (0.36 * width, 0),
                    (0.36 * width, 0.3 * width),
                    (0.30 * width, 0.36 * width),
                    (0.30 * width, 0.62 * width),
                    (0.12 * width, 0.86 * width),
                    (0, 0.86 * width),
                ],
                [0, 0.002, 0.003, 0.002, 0.006, 0.002, 0],
            ),
            0.008,
        ),
        CHUCK,
        around=32,
    )
    chuck = lying(chuck).translate((front - 0.004, 0, centre))
    lean = -0.030
    grip = spline(
        [
            (lean, 0, base - 0.008),
            (lean + 0.004, 0, base + 0.3 * d.handle),
            (lean + 0.016, 0, base + 0.7 * d.handle),
            (lean + 0.026, 0, base + d.handle + 0.020),
        ],
        step=0.009,
    )
    t = np.linspace(0, 1, len(grip))
    handle = tube(
        grip,
        d.handle_thickness * np.interp(t, [0, 0.3, 0.7, 1], [1.0, 0.96, 1.0, 1.1]),
        d.handle_width * np.interp(t, [0, 0.2, 0.5, 0.8, 1], [1.12, 0.98, 1.02, 0.92, 1.05]),
        part=DRILL_HANDLE,
        up=(1, 0, 0),
        power=2.5,
        around=24,
        ends=(0.1, 0.1),
    )
    top = base + 0.80 * d.handle
    press = spline(
        [
            (lean + 0.030, 0, top + 0.017),
            (lean + 0.044, 0, top + 0.008),
            (lean + 0.041, 0, top - 0.006),
            (lean + 0.036, 0, top - 0.018),
        ],
        step=0.006,
    )
    trigger = tube(press, 0.0165, 0.016, part=TRIGGER, up=(1, 0, 0.001), power=3)
    shoe = box((0.115, 0.074, base), rounding=0.006, corner=0.012, part=BATTERY, step=0.011).translate(
        (lean + 0.014, 0, 0)
    )
    drill = motor + handle + trigger + shoe + chuck
    if d.bit == "none":
        return drill
    rod = divided(
        fillet([(0, 0), (0.003, 0), (0.003, 0.052), (0.0004, 0.056), (0, 0.056)], [0, 0, 0, 0, 0]), 0.006
    )
    return drill + lying(revolved(rod, BIT, around=16)).translate((front - 0.004 + 0.8 * width, 0, centre))


POWER_DRILL = Category(
    "power drill",
    PowerDrill,
    (
        Part("handle", ("drill", "carry")),
        Part("trigger", ("drill",)),
        Part("body", ("hand over", "move")),
        Part("chuck", hold=False),
        Part("battery", ("move",)),
        Part("bit", hold=False),
    ),
    build_power_drill,
    (0.17, 0.33),
)


@dataclass(frozen=True)
class Flashlight:
    """Lying along x, its light toward +x."""

    length: float = metres(0.150, 0.100, 0.230)
    radius: float = metres(0.0150, 0.0125, 0.0190)
    head_radius: float = metres(0.023, 0.019, 0.030)
    head_share: float = ratio(0.28, 0.22, 0.34)
    shape: str = style("ribbed", "smooth", "waisted")


FLASH_BARREL, FLASH_HEAD, FLASH_GLASS, SWITCH = range(4)


def build_flashlight(d: Flashlight) -> Manifold:
    """Barrel, flared head with its glass let in, a push switch."""
    r, head, long = d.radius, d.head_radius, d.length
    neck = (1 - d.head_share) * long
    ribs = []
    if d.shape == "ribbed":
        for z in np.arange(0.16, 0.82, 0.66 / 6):
            ribs += [
                (r, z * neck),
                (r - 0.0011, z * neck + 0.0016),
                (r - 0.0011, z * neck + 0.0036),
                (r, z * neck + 0.0052),
            ]
    elif d.shape == "waisted":
        ribs = [(0.93 * r, 0.25 * neck), (0.9 * r, 0.5 * neck), (0.95 * r, 0.75 * neck)]
    body = [
        (0, 0),
        (0.9 * r, 0),
        (r, 0.004),
        *ribs,
        (r, neck),
        (head, neck + 0.35 * (long - neck)),
        (head, long),
        (head - 0.0025, long),
        (head - 0.0035, long - 0.004),
        (0, long - 0.004),
    ]
    radii = [
        0,
        0.002,
        0.002,
        *[0.0006 if d.shape == "ribbed" else 0.05] * len(ribs),
        0.008,
        0.008,
        0.001,
        0.0008,
        0.0004,
        0,
    ]
    profile = divided(fillet(body, radii), 0.008)
    bands = by_height(profile, [neck + 1e-6], [FLASH_BARREL, FLASH_HEAD])
    past = np.arange(len(profile) - 1) >= np.flatnonzero(profile[:, 1] >= long - 1e-9)[-1]
    torch = lying(revolved(profile, np.where(past, FLASH_GLASS, bands), around=32))
    push = slab(
        oval(0.014, 0.009, power=2.4, count=28),
        r - 0.004,
        r + 0.0016,
        rounding=0.0012,
        part=SWITCH,
        step=0.004,
    )
    return torch + push.translate((0.90 * neck, 0, 0))


FLASHLIGHT = Category(
    "flashlight",
    Flashlight,
    (
        Part("barrel", ("light", "carry")),
        Part("head", ("hand over", "move")),
        Part("glass", hold=False),
        Part("switch", ("press",)),
    ),
    build_flashlight,
    (0.09, 0.24),
)
