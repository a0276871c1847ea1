"""Toothbrush, pen, book and box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from handhold.objects.household.category import Category, metres, ratio, style
from handhold.objects.household.curves import by_height, divided, fillet, rectangle
from handhold.objects.household.parts import Part
from handhold.objects.household.shapes import loft, lying, repart, revolved, tube
from handhold.objects.household.slabs import box, slab


@dataclass(frozen=True)
class Toothbrush:
    """Lying along x, bristles up, head toward +x."""

    length: float = metres(0.188, 0.165, 0.205)
    handle_width: float = metres(0.0130, 0.0110, 0.0160)
    neck: float = metres(0.0052, 0.0044, 0.0064)
    head_width: float = metres(0.0115, 0.0100, 0.0140)
    bristles: float = metres(0.0105, 0.0090, 0.0125)
    shape: str = style("waved", "straight", "grip")


BRUSH_HANDLE, BRUSH_HEAD, BRISTLES = range(3)


def build_toothbrush(d: Toothbrush) -> Manifold:
    """A bar that thins to the neck, a flat head, a block of bristles."""
    head = 0.028
    share = np.linspace(0, 1, 44)
    x = 0.005 + share * (d.length - 0.010)
    lift = {
        "waved": 0.004 * np.sin(2.6 * np.pi * share) * (1 - share),
        "straight": 0 * share,
        "grip": 0.003 * np.sin(np.pi * share),
    }[d.shape]
    way = np.stack((x, 0 * x, lift), 1)
    grip = {
        "waved": [0.85, 1.0, 0.82, 1.05],
        "straight": [0.8, 0.9, 0.95, 0.9],
        "grip": [0.9, 1.1, 0.9, 1.15],
    }[d.shape]
    neck, wide = d.neck / d.handle_width, d.head_width / d.handle_width
    end = 1 - head / d.length
    width = d.handle_width * np.interp(
        share,
        [0, 0.2, 0.38, 0.52, 0.70, end - 0.02, end + 0.03, 0.97, 1],
        [*grip, neck, neck, wide, wide, 0.8 * wide],
    )
    thick = np.interp(share, [0, 0.25, 0.55, 0.72, end, 1], [0.0085, 0.0105, 0.0105, d.neck, 0.0048, 0.0042])
    bar = tube(way, width, thick, part=BRUSH_HANDLE, power=2.5, around=20, ends=(0.6, 0.8))
    bar = repart(bar, lambda p: p[:, 0] - (d.length - head - 0.004), BRUSH_HEAD)
    tuft = slab(
        rectangle(head - 0.006, 0.72 * d.head_width, radius=0.3 * d.head_width),
        0,
        d.bristles + 0.002,
        rounding=0.0012,
        part=BRISTLES,
        step=0.004,
    )
    return bar + tuft.translate((d.length - head / 2 - 0.004, 0, 0.0003))


TOOTHBRUSH = Category(
    "toothbrush",
    Toothbrush,
    (Part("handle", ("brush", "carry", "hand over")), Part("head", hold=False), Part("bristles", hold=False)),
    build_toothbrush,
    (0.16, 0.21),
)


@dataclass(frozen=True)
class Pen:
    """Lying along x, its point toward +x."""

    length: float = metres(0.140, 0.120, 0.160)
    radius: float = metres(0.0052, 0.0038, 0.0075)
    grip: float = ratio(0.30, 0.26, 0.34)
    shape: str = style("ballpoint", "marker", "pencil", "fountain")


BARREL, PEN_GRIP, POINT, CLIP = range(4)


def build_pen(d: Pen) -> Manifold:
    """A turned barrel whose last third is gripped; a pencil is hexagonal, a marker thick."""
    r = d.radius * (1.5 if d.shape == "marker" else 0.85 if d.shape == "pencil" else 1.0)
    long, start = d.length, (1 - d.grip) * d.length
    tip = {"ballpoint": 0.012, "marker": 0.012, "pencil": 0.020, "fountain": 0.020}[d.shape]
    sides = {
        "ballpoint": [
            (0.45 * r, 0),
            (0.45 * r, 0.006),
            (0.95 * r, 0.0065),
            (r, 0.4 * long),
            (r, start),
            (0.92 * r, long - tip - 0.004),
            (0.55 * r, long - 0.004),
            (0.0008, long),
        ],
        "marker": [
            (0.96 * r, 0),
            (r, 0.5 * long),
            (r, start),
            (0.82 * r, start + 0.003),
            (0.74 * r, long - tip),
            (0.36 * r, long - tip + 0.003),
            (0.30 * r, long - 0.002),
            (0.0012, long),
        ],
        "pencil": [(r, 0), (r, start), (r, long - tip), (0.25 * r, long - 0.004), (0.0006, long)],
        "fountain": [
            (0.7 * r, 0),
            (r, 0.02),
            (1.05 * r, 0.5 * long),
            (1.05 * r, start - 0.004),
            (0.86 * r, start),
            (0.72 * r, long - tip - 0.002),
            (0.45 * r, long - tip),
            (0.0010, long),
        ],
    }
    side = sides[d.shape]
    profile = divided(fillet([(0, 0), *side, (0, long)], [0, *[0.0012] * len(side), 0]), 0.005)
    bands = by_height(profile, [start, long - tip + 1e-6], [BARREL, PEN_GRIP, POINT])
    if d.shape != "pencil":
        pen = revolved(profile, bands, around=24)
        if d.shape == "marker":
            return lying(pen)
        clip = box((0.040, 0.0035, 0.0016), rounding=0.0005, part=CLIP, step=0.004)
        foot = box((0.006, 0.0035, 0.0045), rounding=0.0005, part=CLIP, step=0.003)
        return lying(pen) + clip.translate((0.036, 0, r + 0.0012)) + foot.translate((0.018, 0, r - 0.0022))
    angle = np.radians(np.arange(6) * 60)
    hexagon = divided(
        fillet(1.08 * r * np.stack((np.cos(angle), np.sin(angle)), 1), 0.0010, closed=True),
        0.003,
        closed=True,
    )
    wide = np.minimum(np.linalg.norm(hexagon, axis=1), 9)
    way = hexagon / wide[:, None]
    rings = []
    for radius, z in profile:
        # The cone of the sharpened end cuts the hexagon: the nearer of the two is the surface.
        reach = np.minimum(wide, 1.16 * radius) if z > long - tip else wide * min(radius / r, 1.0)
        rings.append(np.column_stack((way * reach[:, None], np.full(len(way), z))))
    return lying(loft(rings, bands))


PEN = Category(
    "pen",
    Pen,
    (
        Part("barrel", ("carry", "hand over")),
        Part("grip", ("write",)),
        Part("point", hold=False),
        Part("clip", ()),
    ),
    build_pen,
    (0.11, 0.17),
)


@dataclass(frozen=True)
class Book:
    """Lying closed, its spine toward -x."""

    height: float = metres(0.210, 0.150, 0.240)
    width: float = metres(0.140, 0.105, 0.170)
    thickness: float = metres(0.026, 0.012, 0.042)
    cover: str = style("hard", "soft")


COVER, PAGES, SPINE = range(3)


def build_book(d: Book) -> Manifold:
    """Two boards and a rounded spine around the pages, which stand back from a hard cover's edge."""
    hard = d.cover == "hard"
    board, inset = (0.0028, 0.004) if hard else (0.0010, 0.0)
    step = 0.014
    edges = box((d.width, d.height, d.thickness), rounding=0.45 * board, corner=0.002, part=COVER, step=step)
    if not hard:
        page = repart(edges, lambda p: p[:, 2] - board, PAGES)
        page = repart(page, lambda p: p[:, 2] - (d.thickness - board), COVER)
        return repart(page, lambda p: -d.width / 2 + 0.003 - p[:, 0], SPINE)
    gap = slab(
        rectangle(d.width, d.height + 0.05, radius=0.004),
        board,
        d.thickness - board,
        rounding=0,
        part=COVER,
        step=0.03,
    )
    cover = edges - gap.translate((0.006, 0, 0))
    pages = box(
        (d.width - inset - 0.002, d.height - 2 * inset, d.thickness - board),
        rounding=0.0006,
        part=PAGES,
        step=step,
    )
    back = tube(
        [(-d.width / 2 + 0.004, y, d.thickness / 2) for y in np.linspace(-0.5, 0.5, 14) * (d.height - 0.003)],
        0.014,
        0.985 * d.thickness,
        part=SPINE,
        power=3.0,
        around=28,
        ends=(0.1, 0.1),
    )
    return cover + pages.translate((-inset / 2 - 0.0007, 0, 0.5 * board)) + back


BOOK = Category(
    "book",
    Book,
    (
        Part("cover", ("read", "carry", "move", "hand over")),
        Part("pages", ("open",)),
        Part("spine", ("carry", "read")),
    ),
    build_book,
    (0.14, 0.25),
)


@dataclass(frozen=True)
class Box:
    """Standing."""

    width: float = metres(0.075, 0.045, 0.120)
    depth: float = metres(0.045, 0.025, 0.080)
    height: float = metres(0.120, 0.050, 0.210)
    edge: float = metres(0.0018, 0.0012, 0.0030)


SIDES, TOP, BOTTOM = range(3)


def build_box(d: Box) -> Manifold:
    """A carton."""
    return box((d.width, d.depth, d.height), rounding=d.edge, part=SIDES, top=TOP, bottom=BOTTOM, step=0.009)


BOX = Category(
    "box",
    Box,
    (
        Part("sides", ("carry", "move", "hand over")),
        Part("top", ("open", "move")),
        Part("bottom", ("carry",)),
    ),
    build_box,
    (0.045, 0.215),
)
