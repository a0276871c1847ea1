"""Phone, remote, camera and computer mouse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from handhold.objects.household.category import Category, metres, ratio, style
from handhold.objects.household.curves import arc, divided, fillet, oval, rectangle
from handhold.objects.household.parts import Part
from handhold.objects.household.shapes import bent, revolved
from handhold.objects.household.slabs import box, slab


@dataclass(frozen=True)
class Phone:
    """Lying on its back, screen up, the long side along x; the lens is toward +x."""

    length: float = metres(0.150, 0.135, 0.168)
    width: float = metres(0.072, 0.064, 0.079)
    thickness: float = metres(0.0085, 0.0072, 0.0105)
    corner: float = metres(0.011, 0.007, 0.014)
    lens: str = style("square", "bar", "single")


PHONE_BODY, SCREEN, LENS, BUTTON = range(4)


def build_phone(d: Phone) -> Manifold:
    """A slab with a glass front a little proud of its frame, side buttons, and a lens plate on its back."""
    bump, glass = 0.0014, 0.0006
    outline = rectangle(d.length, d.width, radius=d.corner)
    body = slab(outline, bump, bump + d.thickness, rounding=0.0026, part=PHONE_BODY, step=0.008)
    front = rectangle(d.length - 0.0062, d.width - 0.0062, radius=d.corner - 0.003)
    top = bump + d.thickness
    screen = slab(front, top - 0.001, top + glass, rounding=0.0005, part=SCREEN, step=0.008)
    x, y = d.length / 2, d.width / 2
    plate = {
        "square": (0.030, 0.030, 0.007),
        "bar": (0.016, 0.7 * d.width, 0.0075),
        "single": (0.014, 0.014, 0.0068),
    }[d.lens]
    place = (x - 0.006 - plate[0] / 2, 0.0 if d.lens == "bar" else y - 0.006 - plate[1] / 2, 0)
    lens = slab(
        rectangle(plate[0], plate[1], radius=plate[2]),
        0,
        bump + 0.001,
        rounding=0.0006,
        part=LENS,
        step=0.006,
    )
    button = box((0.011, 0.003, 0.0026), rounding=0.0006, part=BUTTON, step=0.004).translate(
        (0, 0, bump + d.thickness / 2 - 0.0013)
    )
    return (
        body
        + screen
        + lens.translate(place)
        + button.translate((0.2 * d.length, -y + 0.0009, 0))
        + button.translate((0.2 * d.length - 0.016, -y + 0.0009, 0))
    )


PHONE = Category(
    "phone",
    Phone,
    (
        Part("body", ("call", "photograph", "move", "hand over")),
        Part("screen", ("type",), hold=False),
        Part("lens", hold=False),
        Part("buttons", ("press",)),
    ),
    build_phone,
    (0.13, 0.17),
)


@dataclass(frozen=True)
class Remote:
    """Lying on its back along x, its sender toward +x."""

    length: float = metres(0.170, 0.120, 0.215)
    width: float = metres(0.044, 0.036, 0.052)
    thickness: float = metres(0.020, 0.015, 0.025)
    taper: float = ratio(0.88, 0.78, 1.0)
    keys: str = style("many", "ring", "few")


REMOTE_BODY, KEYS = range(2)


def build_remote(d: Remote) -> Manifold:
    """A rounded bar, slightly narrower at its end, with rubber keys."""
    outline = rectangle(d.length, d.width, radius=0.3 * d.width)
    outline = outline * np.column_stack(
        (np.ones(len(outline)), d.taper + (1 - d.taper) * (0.5 + outline[:, 0] / d.length))
    )
    body = slab(outline, 0, d.thickness, rounding=0.28 * d.thickness, part=REMOTE_BODY, step=0.009)
    top, pitch = d.thickness - 0.001, 0.23 * d.width
    key = slab(
        oval(0.62 * pitch, 0.62 * pitch, power=3, count=16), 0, 0.0026, rounding=0.0007, part=KEYS, step=0.005
    )
    middle = 0.24 * d.length
    rows = {"many": 6, "ring": 3, "few": 2}[d.keys]
    places = [(middle - 0.03 - 1.1 * pitch * i, pitch * j) for i in range(rows) for j in (-1, 0, 1)]
    places += [(0.42 * d.length, -pitch)]
    solid = body
    for x, y in places:
        if x > -0.44 * d.length:
            solid = solid + key.translate((x, 0.95 * y, top))
    pad = slab(
        oval(0.56 * d.width, 0.56 * d.width, count=32),
        top,
        top + 0.0024,
        rounding=0.0008,
        part=KEYS,
        step=0.005,
    )
    return solid + pad.translate((middle, 0, 0))


REMOTE = Category(
    "remote",
    Remote,
    (Part("body", ("press", "move", "hand over")), Part("keys", ("press",))),
    build_remote,
    (0.11, 0.22),
)


@dataclass(frozen=True)
class Camera:
    """Standing, its lens toward +y, the grip at -x (the right hand's side, from behind)."""

    width: float = metres(0.118, 0.100, 0.138)
    height: float = metres(0.074, 0.062, 0.090)
    depth: float = metres(0.036, 0.028, 0.044)
    lens_radius: float = metres(0.030, 0.025, 0.034)
    lens_length: float = metres(0.050, 0.024, 0.080)
    grip_depth: float = metres(0.020, 0.014, 0.028)
    shape: str = style("reflex", "rangefinder", "compact")


CAMERA_BODY, GRIP, BARREL, GLASS, SHUTTER = range(5)


def build_camera(d: Camera) -> Manifold:
    """A body with a hand grip, a lens barrel with rings, the hump of a finder, and the release."""
    small = d.shape == "compact"
    radius = min((0.8 if small else 1.0) * d.lens_radius, 0.44 * d.height)
    long = (0.5 if small else 1.0) * d.lens_length
    body = box((d.width, d.depth, d.height), rounding=0.004, corner=0.009, part=CAMERA_BODY, step=0.009)
    grip = box(
        (0.030, d.depth + d.grip_depth, 0.93 * d.height), rounding=0.006, corner=0.0135, part=GRIP, step=0.008
    )
    grip = grip.translate((-d.width / 2 + 0.0158, 0.4 * d.grip_depth + 0.0006, 0.0004))
    z = 0.47 * d.height
    rings = [
        (0, 0),
        (radius, 0),
        (radius, 0.2 * long),
        (0.92 * radius, 0.24 * long),
        (0.92 * radius, 0.4 * long),
        (radius, 0.44 * long),
        (radius, 0.8 * long),
        (0.95 * radius, 0.84 * long),
        (0.95 * radius, long),
        (0.86 * radius, long),
        (0.72 * radius, 0.86 * long),
    ]
    dome = [*rings, *arc((0, 0.86 * long), (0.70 * radius, 0.07 * long), 8, 82, count=5), (0, 0.93 * long)]
    profile = divided(fillet(dome, [0, 0, *[0.0012] * 8, 0, *[0] * 6]), 0.009)
    past = np.arange(len(profile) - 1) >= np.flatnonzero(profile[:, 1] >= long - 1e-9)[-1]
    barrel = (
        revolved(profile, np.where(past, GLASS, BARREL), around=40)
        .rotate((-90, 0, 0))
        .translate((0.10 * d.width, d.depth / 2 - 0.003, z))
    )
    knob = revolved(
        divided(
            fillet([(0, -0.003), (0.006, -0.003), (0.006, 0.003), (0, 0.0036)], [0, 0, 0.0012, 0]), 0.004
        ),
        SHUTTER,
        around=24,
    )
    camera = body + grip + barrel + knob.translate((-d.width / 2 + 0.020, 0.0, d.height))
    if d.shape == "reflex":
        hump = fillet([(-0.026, 0), (0.026, 0), (0.017, 0.020), (-0.017, 0.020)], 0.005, closed=True)
        finder = slab(
            hump, -0.45 * d.depth, 0.48 * d.depth, rounding=0.003, part=CAMERA_BODY, step=0.008
        ).rotate((90, 0, 0))
        camera = camera + finder.translate((0.10 * d.width, 0, d.height - 0.004))
    elif d.shape == "rangefinder":
        camera = camera + box((0.02, 0.8 * d.depth, 0.009), rounding=0.002, part=CAMERA_BODY).translate(
            (0.34 * d.width, 0, d.height - 0.003)
        )
    return camera


CAMERA = Category(
    "camera",
    Camera,
    (
        Part("body", ("photograph", "move", "hand over")),
        Part("grip", ("photograph", "carry")),
        Part("lens", ("photograph",)),
        Part("glass", hold=False),
        Part("release", ("press",)),
    ),
    build_camera,
    (0.09, 0.16),
)


@dataclass(frozen=True)
class ComputerMouse:
    """Lying on the table along x, its keys toward +x."""

    length: float = metres(0.112, 0.096, 0.126)
    width: float = metres(0.062, 0.055, 0.070)
    height: float = metres(0.036, 0.030, 0.042)
    waist: float = ratio(0.90, 0.82, 1.0)


MOUSE_BODY, WHEEL, UNDERSIDE = range(3)


def build_computer_mouse(d: ComputerMouse) -> Manifold:
    """A humped shell with a scroll wheel."""
    outline = oval(d.length, d.width, power=2.7, count=72)
    outline[:, 1] *= 1 - (1 - d.waist) * np.exp(-((outline[:, 0] / (0.22 * d.length)) ** 2))
    block = slab(
        outline, 0, d.height, rounding=0.30 * d.height, part=MOUSE_BODY, bottom=UNDERSIDE, step=0.006
    )

    def hump(p: np.ndarray) -> np.ndarray:
        u, v = 2 * p[:, 0] / d.length, 2 * p[:, 1] / d.width
        return p[:, 2] * -(0.02 + 0.40 * (u + 0.2) ** 2 + 0.16 * v**2)

    shell = bent(block, hump)
    wheel = revolved(
        fillet([(0, -0.0035), (0.010, -0.0035), (0.010, 0.0035), (0, 0.0035)], [0, 0.0015, 0.0015, 0]),
        WHEEL,
        around=28,
    )
    u = 0.27 * 2
    height = d.height * (0.98 - 0.40 * (u + 0.2) ** 2)
    return shell + wheel.rotate((90, 0, 0)).translate((0.27 * d.length, 0, height - 0.0065))


COMPUTER_MOUSE = Category(
    "computer mouse",
    ComputerMouse,
    (Part("body", ("press", "move", "hand over")), Part("wheel", ("press",)), Part("underside", hold=False)),
    build_computer_mouse,
    (0.09, 0.13),
)
