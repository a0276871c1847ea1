"""Apple, pear, banana and lemon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from handhold.objects.household.category import Category, metres, ratio
from handhold.objects.household.curves import spline
from handhold.objects.household.parts import Part
from handhold.objects.household.shapes import loft, lying, revolved, tube

BODY, STALK = range(2)
PARTS = (Part("body", ("eat", "move", "hand over")), Part("stalk", ("move",)))


@dataclass(frozen=True)
class Apple:
    """Standing, stalk up."""

    radius: float = metres(0.038, 0.032, 0.044)
    height: float = metres(0.070, 0.058, 0.080)
    taper: float = ratio(0.80, 0.70, 0.92)
    lobes: float = ratio(0.025, 0.0, 0.05)


def build_apple(d: Apple) -> Manifold:
    """A turned body, dimpled at both ends, with five soft lobes toward its base."""
    r, h = d.radius, d.height
    side = spline(
        [
            (0, 0.10),
            (0.24 * d.taper, 0.035),
            (0.48 * d.taper, 0.0),
            (0.85 * d.taper, 0.16),
            (0.98, 0.5),
            (0.98, 0.68),
            (0.76, 0.93),
            (0.46, 0.99),
            (0.2, 0.92),
            (0.07, 0.82),
            (0, 0.79),
        ],
        step=0.09,
    ) * [r, h]
    side[:, 0] = side[:, 0].clip(0)
    stalk = tube(
        spline([(0, 0, 0.76 * h), (0.0006, 0, 0.92 * h), (0.005, 0, 1.12 * h)], step=0.004),
        0.0024,
        part=STALK,
        up=(0, 1, 0),
        around=10,
    )
    return _lobed(side, d.lobes, h) + stalk


def _lobed(side: np.ndarray, depth: float, height: float) -> Manifold:
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    rings = []
    for radius, z in side:
        wave = 1 + depth * np.cos(5 * angle) * (1 - z / height)
        rings.append(
            np.column_stack((radius * wave * np.cos(angle), radius * wave * np.sin(angle), np.full(48, z)))
        )
    return loft(rings, BODY)


@dataclass(frozen=True)
class Pear:
    """Standing, stalk up."""

    radius: float = metres(0.034, 0.029, 0.040)
    height: float = metres(0.090, 0.078, 0.108)
    neck: float = ratio(0.46, 0.38, 0.58)
    lean: float = metres(0.003, 0.0, 0.006)


def build_pear(d: Pear) -> Manifold:
    """A turned body that narrows to a neck, leaning a little."""
    side = spline(
        [
            (0, 0.05),
            (0.2, 0.02),
            (0.42, 0.0),
            (0.88, 0.14),
            (1.0, 0.33),
            (0.84, 0.54),
            (d.neck + 0.06, 0.72),
            (d.neck, 0.86),
            (0.72 * d.neck, 0.97),
            (0.25 * d.neck, 0.99),
            (0, 0.96),
        ],
        step=0.09,
    ) * [d.radius, d.height]
    side[:, 0] = side[:, 0].clip(0)
    top = 0.95 * d.height
    stalk = tube(
        spline([(0, 0, top - 0.003), (0.001, 0, top + 0.008), (0.005, 0, top + 0.020)], step=0.004),
        0.0028,
        part=STALK,
        up=(0, 1, 0),
        around=10,
    )
    return (_lobed(side, 0.015, d.height) + stalk).warp_batch(
        lambda p: p + np.outer(d.lean * (p[:, 2] / d.height) ** 2, [1.0, 0, 0])
    )


@dataclass(frozen=True)
class Banana:
    """Lying on its side in an arc, the stalk toward +x."""

    length: float = metres(0.185, 0.155, 0.215)
    radius: float = metres(0.0175, 0.0150, 0.0205)
    bend: float = ratio(1.25, 0.9, 1.6)


def build_banana(d: Banana) -> Manifold:
    """A five-sided section along an arc of `bend` radians, with a stalk and a blossom end."""
    count = 40
    share = np.linspace(0, 1, count)
    angle = d.bend * (share - 0.45)
    radius = d.length / d.bend
    centre = np.stack((radius * np.sin(angle), radius * (1 - np.cos(angle)), 0 * share), 1)
    thick = d.radius * np.interp(
        share,
        [0, 0.015, 0.06, 0.2, 0.5, 0.75, 0.86, 0.92, 1],
        [0.25, 0.32, 0.6, 0.93, 1.0, 0.86, 0.50, 0.34, 0.36],
    )
    turn = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    section = 1 + 0.035 * np.cos(5 * turn)
    rings = []
    for c, a, t in zip(centre, angle, thick, strict=True):
        side = np.array([-np.sin(a), np.cos(a), 0])
        rings.append(
            c + t * section[:, None] * (np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * [0, 0, 1.0])
        )
    return loft(rings, np.where(share[1:] > 0.885, STALK, BODY))


@dataclass(frozen=True)
class Lemon:
    """Lying along x."""

    radius: float = metres(0.028, 0.024, 0.033)
    length: float = metres(0.082, 0.070, 0.098)
    nipple: float = ratio(0.24, 0.16, 0.32)


def build_lemon(d: Lemon) -> Manifold:
    """A turned spindle with a nipple at one end."""
    n = d.nipple
    side = spline(
        [
            (0, 0),
            (0.12, 0.006),
            (0.30, 0.05),
            (0.72, 0.17),
            (1.0, 0.47),
            (0.80, 0.76),
            (1.3 * n, 0.91),
            (0.75 * n, 0.98),
            (0, 1.0),
        ],
        step=0.09,
    ) * [d.radius, d.length]
    side[:, 0] = side[:, 0].clip(0)
    return lying(revolved(side, BODY, around=40))


APPLE = Category("apple", Apple, PARTS, build_apple, (0.055, 0.10))
PEAR = Category("pear", Pear, PARTS, build_pear, (0.08, 0.14))
BANANA = Category("banana", Banana, PARTS, build_banana, (0.13, 0.23))
LEMON = Category("lemon", Lemon, PARTS[:1], build_lemon, (0.06, 0.10))
