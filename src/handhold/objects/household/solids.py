"""Plain solids: cube, cylinder, cone, pyramid, torus, capsule, ball."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from handhold.objects.household.category import Category, metres, ratio
from handhold.objects.household.curves import arc, divided, fillet
from handhold.objects.household.parts import Part
from handhold.objects.household.shapes import as_part, lying, revolved
from handhold.objects.household.slabs import box

WHOLE = (Part("body", ("move", "hand over", "carry")),)
EDGE = 0.002


@dataclass(frozen=True)
class Cube:
    """Standing on a face."""

    side: float = metres(0.050, 0.025, 0.080)


def build_cube(d: Cube) -> Manifold:
    return box((d.side, d.side, d.side), rounding=EDGE, step=d.side / 10)


@dataclass(frozen=True)
class Cylinder:
    """Standing, axis z."""

    radius: float = metres(0.026, 0.010, 0.042)
    height: float = metres(0.110, 0.050, 0.200)


def build_cylinder(d: Cylinder) -> Manifold:
    edge = fillet([(0, 0), (d.radius, 0), (d.radius, d.height), (0, d.height)], [0, EDGE, EDGE, 0])
    return revolved(divided(edge, 0.010))


@dataclass(frozen=True)
class Cone:
    """Standing, axis z, the tip cut off round."""

    radius: float = metres(0.038, 0.025, 0.050)
    height: float = metres(0.110, 0.070, 0.160)
    top: float = ratio(0.2, 0.1, 0.6)


def build_cone(d: Cone) -> Manifold:
    points = [(0, 0), (d.radius, 0), (d.top * d.radius, d.height), (0, d.height)]
    return revolved(divided(fillet(points, [0, EDGE, 0.003, 0]), 0.009))


@dataclass(frozen=True)
class Pyramid:
    """Standing on its square base."""

    side: float = metres(0.070, 0.045, 0.095)
    height: float = metres(0.075, 0.050, 0.120)
    top: float = ratio(0.12, 0.08, 0.5)


def build_pyramid(d: Pyramid) -> Manifold:
    block = box((d.side, d.side, d.height), rounding=0.0025, step=d.side / 12)
    return block.warp_batch(
        lambda p: p * np.column_stack([1 + (d.top - 1) * p[:, 2] / d.height] * 2 + [np.ones(len(p))])
    )


@dataclass(frozen=True)
class Torus:
    """Lying, axis z."""

    radius: float = metres(0.042, 0.030, 0.065)
    thickness: float = metres(0.020, 0.012, 0.030)


def build_torus(d: Torus) -> Manifold:
    section = arc((d.radius, 0), d.thickness / 2, 0, 360, count=25)[:-1]
    return revolved(section, around=64)


@dataclass(frozen=True)
class Capsule:
    """Lying along x."""

    radius: float = metres(0.022, 0.012, 0.036)
    length: float = metres(0.110, 0.080, 0.180)


def build_capsule(d: Capsule) -> Manifold:
    half = d.length / 2 - d.radius
    low = arc((0, -half), d.radius, -90, 0, count=9)
    high = arc((0, half), d.radius, 0, 90, count=9)
    low[0, 0] = high[-1, 0] = 0.0
    return lying(revolved(divided(np.concatenate((low, high)), 0.009), around=40))


@dataclass(frozen=True)
class Ball:
    """Resting, centre over the origin."""

    radius: float = metres(0.033, 0.020, 0.060)


def build_ball(d: Ball) -> Manifold:
    # An icosphere-like subdivision keeps all triangles alike, which a revolved circle does not.
    return as_part(Manifold.sphere(d.radius, 64), 0)


CUBE = Category("cube", Cube, WHOLE, build_cube, (0.02, 0.09))
CYLINDER = Category("cylinder", Cylinder, WHOLE, build_cylinder, (0.04, 0.21))
CONE = Category("cone", Cone, WHOLE, build_cone, (0.04, 0.17))
PYRAMID = Category("pyramid", Pyramid, WHOLE, build_pyramid, (0.04, 0.13))
TORUS = Category("torus", Torus, WHOLE, build_torus, (0.06, 0.17))
CAPSULE = Category("capsule", Capsule, WHOLE, build_capsule, (0.07, 0.19))
BALL = Category("ball", Ball, (Part("body", ("throw", "move", "hand over")),), build_ball, (0.035, 0.125))
