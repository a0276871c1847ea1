"""Door knob."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from handhold.objects.household.category import Category, metres, style
from handhold.objects.household.curves import divided, fillet, spline
from handhold.objects.household.parts import Part
from handhold.objects.household.shapes import revolved, tube


@dataclass(frozen=True)
class DoorKnob:
    """Its plate flat on z = 0 as on a door, the spindle along z."""

    radius: float = metres(0.027, 0.023, 0.031)
    reach: float = metres(0.058, 0.048, 0.070)
    plate_radius: float = metres(0.030, 0.026, 0.036)
    lever: float = metres(0.115, 0.100, 0.130)
    shape: str = style("round", "egg", "flat", "lever")


KNOB, NECK, PLATE = range(3)


def build_door_knob(d: DoorKnob) -> Manifold:
    """A rose, a neck, and what is turned."""
    plate = fillet(
        [(0, 0), (d.plate_radius, 0), (d.plate_radius, 0.006), (0.5 * d.plate_radius, 0.009), (0, 0.009)],
        [0, 0.001, 0.003, 0.003, 0],
    )
    rose = revolved(divided(plate, 0.008), PLATE, around=48)
    r, z = d.radius, d.reach
    neck = revolved(
        divided(
            fillet(
                [(0, 0.006), (0.011, 0.006), (0.0085, 0.018), (0.0095, z - 0.8 * r), (0, z - 0.8 * r)],
                [0, 0, 0.006, 0.006, 0],
            ),
            0.006,
        ),
        NECK,
        around=32,
    )
    if d.shape == "lever":
        neck = revolved(
            divided([(0, 0.006), (0.010, 0.006), (0.009, z - 0.006), (0, z - 0.006)], 0.006), NECK, around=32
        )
        way = spline(
            [
                (-0.002, 0, z - 0.006),
                (0.02, 0, z - 0.004),
                (0.5 * d.lever, 0, z + 0.001),
                (d.lever, 0, z - 0.006),
            ],
            step=0.007,
        )
        t = np.linspace(0, 1, len(way))
        return (
            rose
            + neck
            + tube(
                way,
                np.interp(t, [0, 0.2, 1], [0.022, 0.019, 0.022]),
                np.interp(t, [0, 0.25, 1], [0.018, 0.013, 0.012]),
                part=KNOB,
                power=2.6,
                around=20,
            )
        )
    shapes = {
        "round": [(0.4, -0.95), (0.8, -0.62), (1.0, -0.05), (0.86, 0.55), (0.5, 0.86), (0.0, 0.95)],
        "egg": [(0.36, -1.0), (0.62, -0.7), (0.92, -0.1), (0.92, 0.4), (0.55, 0.95), (0.0, 1.12)],
        "flat": [(0.4, -0.9), (0.72, -0.6), (1.04, -0.1), (1.04, 0.16), (0.9, 0.34), (0.0, 0.46)],
    }
    head = spline(np.array(shapes[d.shape]) * r + [0, z], step=0.004)
    return rose + neck + revolved(np.concatenate(([[0, head[0, 1]]], head)), KNOB, around=48)


DOOR_KNOB = Category(
    "door knob",
    DoorKnob,
    (Part("knob", ("open",)), Part("neck", ()), Part("plate", hold=False)),
    build_door_knob,
    (0.05, 0.18),
)
