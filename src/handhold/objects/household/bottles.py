"""Closed containers: bottle, spray bottle, jar and can. They are solid: what is shut cannot be reached."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from handhold.objects.household.category import Category, metres, ratio, style
from handhold.objects.household.curves import by_height, divided, fillet, oval, spline
from handhold.objects.household.parts import Part
from handhold.objects.household.shapes import as_part, loft, revolved, tube
from handhold.objects.household.slabs import slab

STEP = 0.012


@dataclass(frozen=True)
class Bottle:
    """Standing, axis z."""

    radius: float = metres(0.036, 0.030, 0.043)
    height: float = metres(0.240, 0.180, 0.320)
    neck_radius: float = metres(0.0135, 0.0120, 0.0160)
    cap_height: float = metres(0.018, 0.014, 0.024)
    shape: str = style("water", "wine", "beer", "sport", "shampoo", "square")


BODY, NECK, CAP = range(3)


def build_bottle(d: Bottle) -> Manifold:
    """Body and neck, and the cap over it."""
    r, h, n = d.radius, d.height, d.neck_radius
    top = h - d.cap_height
    sections = {
        "water": (
            [(r, 0), (r, 0.28 * h), (0.9 * r, 0.4 * h), (r, 0.52 * h), (r, 0.68 * h), (n, top - 0.004)],
            0.74,
        ),
        "wine": ([(r, 0), (r, 0.6 * h), (1.15 * n, 0.74 * h), (n, top - 0.004)], 0.72),
        "beer": ([(0.9 * r, 0), (0.9 * r, 0.52 * h), (1.3 * n, 0.74 * h), (n, top - 0.004)], 0.68),
        "sport": (
            [(0.95 * r, 0), (r, 0.3 * h), (0.88 * r, 0.62 * h), (r, 0.76 * h), (1.6 * n, top - 0.002)],
            0.84,
        ),
        "shampoo": ([(0.98 * r, 0), (1.04 * r, 0.45 * h), (0.9 * r, top - 0.02), (n, top - 0.01)], 0.97),
        "square": ([(r, 0), (r, 0.66 * h), (n, 0.78 * h)], 0.76),
    }
    side, shoulder = sections[d.shape]
    shoulder = min(shoulder * h, top - 0.006)
    curve = fillet(
        [(0, 0), *side, (side[-1][0], top + 0.002), (0, top + 0.002)],
        [0, 0.006, *[0.03] * (len(side) - 1), 0, 0],
    )
    profile = divided(curve, STEP)
    power = {"square": 5.0, "shampoo": 2.6}.get(d.shape, 2.0)
    flat = 0.68 if d.shape == "shampoo" else 1.0
    body = _oval_turned(
        profile, by_height(profile, [shoulder], [BODY, NECK]), flat=flat, power=power, round_from=n
    )
    wide = (1.6 * n if d.shape == "sport" else n) + 0.0022
    taper = 0.86 if d.shape in ("sport", "shampoo") else 1.0
    rim = fillet([(0, top - 0.001), (wide, top - 0.001), (wide * taper, h), (0, h)], [0, 0.0012, 0.002, 0])
    cap = revolved(divided(rim, STEP), CAP)
    return body + cap


def _oval_turned(
    profile: np.ndarray, bands: np.ndarray, *, flat: float, power: float, round_from: float
) -> Manifold:
    """A turned body pressed oval or square where it is wider than its neck."""
    rings = []
    for r, z in profile:
        share = np.clip((r - round_from) / round_from, 0, 1)
        section = oval(2 * r, 2 * r * (1 - share * (1 - flat)), power=2 + share * (power - 2), count=40)
        rings.append(np.column_stack((section, np.full(len(section), z))))
    return loft(rings, bands)


BOTTLE = Category(
    "bottle",
    Bottle,
    (
        Part("body", ("drink", "pour", "carry", "move", "hand over")),
        Part("neck", ("pour", "carry")),
        Part("cap", ("open",)),
    ),
    build_bottle,
    (0.17, 0.33),
)


@dataclass(frozen=True)
class SprayBottle:
    """Standing, axis z, nozzle toward +x."""

    radius: float = metres(0.038, 0.033, 0.045)
    height: float = metres(0.175, 0.150, 0.200)
    neck_radius: float = metres(0.0145, 0.0130, 0.0165)
    head: float = metres(0.070, 0.062, 0.080)
    trigger: float = metres(0.055, 0.048, 0.062)
    flat: float = ratio(0.78, 0.66, 1.0)
    shape: str = style("tapered", "waisted", "straight")


SPRAY_BODY, SPRAY_NECK, SPRAY_HEAD, TRIGGER, NOZZLE = range(5)


def build_spray_bottle(d: SprayBottle) -> Manifold:
    """Bottle, collar, and the pump's head with its trigger."""
    r, h, n = d.radius, d.height, d.neck_radius
    sides = {
        "tapered": [(r, 0), (r, 0.5 * h), (0.72 * r, 0.8 * h), (n, h)],
        "waisted": [(r, 0), (1.02 * r, 0.3 * h), (0.74 * r, 0.62 * h), (0.84 * r, 0.8 * h), (n, h)],
        "straight": [(r, 0), (r, 0.76 * h), (n, 0.9 * h), (n, h)],
    }
    curve = fillet(
        [(0, 0), *sides[d.shape], (n, h + 0.01), (0, h + 0.01)],
        [0, 0.008, *[0.03] * (len(sides[d.shape]) - 1), 0, 0],
    )
    profile = divided(curve, STEP)
    body = _oval_turned(
        profile,
        by_height(profile, [0.86 * h], [SPRAY_BODY, SPRAY_NECK]),
        flat=d.flat,
        power=2.5,
        round_from=n,
    )
    collar = revolved(
        divided(
            fillet(
                [(0, h - 0.004), (n + 0.003, h - 0.004), (n + 0.002, h + 0.014), (0, h + 0.014)],
                [0, 0.001, 0.002, 0],
            ),
            STEP,
        ),
        SPRAY_NECK,
    )
    back, front, base = -0.45 * d.head, 0.55 * d.head, h + 0.010
    outline = fillet(
        [
            (-0.72 * n, base - 0.002),
            (0.72 * n, base - 0.002),
            (0.018, base + 0.018),
            (front, base + 0.020),
            (front, base + 0.036),
            (0.2 * front, base + 0.042),
            (back, base + 0.034),
            (back, base + 0.024),
        ],
        [0.002, 0.002, 0.004, 0.003, 0.004, 0.02, 0.006, 0.006],
        closed=True,
    )
    head = _upright(slab(outline, -0.72 * n, 0.72 * n, rounding=0.0028, part=SPRAY_HEAD, step=0.007))
    way = spline(
        [
            (0.020, 0, base + 0.024),
            (0.027, 0, base + 0.006),
            (0.030, 0, base + 0.020 - 0.62 * d.trigger),
            (0.040, 0, base + 0.022 - d.trigger),
        ],
        step=0.006,
    )
    trigger = tube(
        way,
        np.linspace(0.007, 0.0055, len(way)),
        np.linspace(0.011, 0.014, len(way)),
        part=TRIGGER,
        up=(0.0, 1.0, 0.0),
        power=3,
    )
    tip = revolved(
        divided(fillet([(0, 0), (0.0075, 0), (0.0065, 0.012), (0, 0.012)], [0, 0.001, 0.0015, 0]), STEP),
        NOZZLE,
        around=32,
    )
    nozzle = tip.rotate((0, 90, 0)).translate((front - 0.002, 0, base + 0.028))
    return body + collar + head + trigger + nozzle


def _upright(flat: Manifold) -> Manifold:
    """From an outline drawn in (x, y) to one that stands in the xz plane."""
    return flat.rotate((90, 0, 0))


SPRAY_BOTTLE = Category(
    "spray bottle",
    SprayBottle,
    (
        Part("body", ("carry", "move", "hand over")),
        Part("neck", ("spray", "carry")),
        Part("head", ("move",)),
        Part("trigger", ("spray",)),
        Part("nozzle", hold=False),
    ),
    build_spray_bottle,
    (0.18, 0.27),
)


@dataclass(frozen=True)
class Jar:
    """Standing, axis z, closed by its lid."""

    radius: float = metres(0.040, 0.032, 0.048)
    height: float = metres(0.115, 0.075, 0.160)
    lid_height: float = metres(0.016, 0.012, 0.022)
    mouth: float = ratio(0.84, 0.74, 0.95)
    shape: str = style("straight", "round", "hexagonal", "tapered")


JAR_BODY, LID = range(2)


def build_jar(d: Jar) -> Manifold:
    """Body, shoulder and a screw lid with a grooved edge."""
    r, top, mouth = d.radius, d.height - d.lid_height, d.mouth * d.radius
    sides = {
        "straight": [(r, 0), (r, 0.86 * top), (mouth - 0.002, top - 0.003)],
        "round": [(0.8 * r, 0), (1.02 * r, 0.3 * top), (1.02 * r, 0.62 * top), (mouth - 0.002, top - 0.004)],
        "hexagonal": [(r, 0), (r, 0.84 * top), (mouth - 0.004, top - 0.004)],
        "tapered": [(0.82 * r, 0), (r, 0.84 * top), (mouth - 0.002, top - 0.003)],
    }
    points = [(0, 0), *sides[d.shape], (mouth - 0.003, top + 0.002), (0, top + 0.002)]
    curve = divided(fillet(points, [0, 0.006, *[0.02] * (len(points) - 4), 0, 0]), STEP)
    body = revolved(curve, JAR_BODY)
    if d.shape == "hexagonal":
        angles = np.radians(np.arange(6) * 60)
        hexagon = fillet(1.08 * r * np.stack((np.cos(angles), np.sin(angles)), 1), 0.005, closed=True)
        body = as_part(body ^ slab(hexagon, -0.01, d.height, rounding=0.0, step=0.02), JAR_BODY)
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    ridge = 1 - 0.006 * (np.cos(24 * angle) > 0)
    lid_profile = divided(
        fillet([(0, top), (mouth, top), (mouth, d.height), (0, d.height)], [0, 0.0012, 0.0025, 0]), STEP
    )
    rings = [
        np.column_stack((x * ridge * np.cos(angle), x * ridge * np.sin(angle), np.full(96, z)))
        for x, z in lid_profile
    ]
    return body + loft(rings, LID)


JAR = Category(
    "jar",
    Jar,
    (Part("body", ("open", "carry", "move", "hand over")), Part("lid", ("open", "move"))),
    build_jar,
    (0.06, 0.17),
)


@dataclass(frozen=True)
class Can:
    """Standing, axis z, closed."""

    radius: float = metres(0.033, 0.030, 0.036)
    height: float = metres(0.115, 0.098, 0.125)
    shape: str = style("beverage", "food", "slim", "flat")


SIDE, TOP = range(2)


def build_can(d: Can) -> Manifold:
    """A drinks can with its neck, or a food can with beads; the lid is let in under the seam."""
    scale = {"beverage": (1.0, 1.0), "food": (1.12, 0.97), "slim": (0.86, 1.3), "flat": (1.27, 0.34)}[d.shape]
    r, h = d.radius * scale[0], d.height * scale[1]
    if d.shape in ("beverage", "slim"):
        lip = 0.82 * r
        side = [(0.72 * r, 0.0), (0.8 * r, 0.0), (r, 0.010), (r, 0.9 * h), (lip, h - 0.004), (lip + 0.001, h)]
        radii = [0, 0.002, 0.008, 0.01, 0.004, 0.0008]
        hollow = [(0, 0.006), (0.5 * r, 0.004)]
    else:
        lip = r
        beads = (
            [(r - (0.0 if i % 2 else 0.0009), z) for i, z in enumerate(np.linspace(0.3 * h, 0.7 * h, 9))]
            if h > 0.06
            else []
        )
        side = [
            (r + 0.001, 0.0),
            (r + 0.001, 0.0022),
            (r - 0.0005, 0.003),
            *beads,
            (r - 0.0005, h - 0.003),
            (r + 0.001, h - 0.0022),
            (r + 0.001, h),
        ]
        radii = [0.0006] * len(side)
        hollow = [(0, 0.0025), (0.85 * r, 0.0025), (0.9 * r, 0.0)]
    lid = [(lip - 0.0025, h), (lip - 0.0035, h - 0.0045), (0, h - 0.0045)]
    points = [*hollow, *side, *lid]
    curve = divided(fillet(points, [0] * len(hollow) + radii + [0.0006, 0.001, 0]), STEP)
    past = np.arange(len(curve) - 1) >= np.argmax(curve[:, 1] > h - 1e-6)
    can = revolved(curve, np.where(past, TOP, SIDE))
    if d.shape in ("food", "flat"):
        return can
    tab = slab(
        oval(0.018, 0.013, power=2.5, count=32), h - 0.0050, h - 0.0028, rounding=0.0007, part=TOP, step=0.003
    )
    return can + tab.translate((0.3 * r, 0, 0))


CAN = Category(
    "can",
    Can,
    (Part("side", ("drink", "pour", "carry", "move", "hand over")), Part("top", ("open",))),
    build_can,
    (0.05, 0.17),
)
