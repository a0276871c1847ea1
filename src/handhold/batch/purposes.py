"""What to ask of the grasp optimizer for an object whose parts and category are known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import torch

from handhold.data.purposes import PURPOSES
from handhold.geometry.distance import ExactDistance
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.interaction.table import Table
from handhold.methods.synthesize.result import Ask
from handhold.objects.household import HouseholdObject

SAMPLES = 600
LEAST_SHARE = 0.015
"""A type fits a part if so much of the part's surface has a face opposite at a width that suits the type."""
OPPOSITE = -0.6
"""Two faces oppose each other if their normals' cosine is below this: 53 degrees from parallel leave 27 to each
finger, less than the friction cone of dry skin."""
OVER = 1.1
"""Hands that wrap need not reach the widest place: `power` and `sphere` go over what is so much too wide."""
CLEARANCE = {"pad": 0.004, "side": 0.008, "palm": 0.010}
"""How high over the table both sides must be for a finger's pad, its side, or a whole finger [m]."""
FROM_SIDE = frozenset({"drink", "pour", "spray"})
"""Purposes for which no forearm comes from above: the thing is to be tilted towards the mouth, a cup, a wall."""
LENGTH = {"power": 0.040, "hook": 0.045, "index_extension": 0.060}
"""Where fingers lie side by side, the part must be so long [m]."""


@dataclass(frozen=True)
class Widths:
    """How wide a part is where it can be taken from two sides.

    Attributes:
        width: (n, 2) from a point inward to the first face behind it, and to the last [m]; NaN where that may not be
            held, or does not face away.
        height: (n, 2) of the lower of the two points over the lowest of the object [m].
        length: longest side of the part's box [m].
    """

    width: np.ndarray
    height: np.ndarray
    length: float

    def suit(self, name: str, *, standing: bool) -> bool:
        """Whether the part can be held by a grasp type, as far as its widths tell."""
        kind = GRASP_TYPES[name]
        low, high = kind.sizes
        there = (self.width >= low) & (self.width <= high * (OVER if name in ("power", "sphere") else 1))
        if standing:
            there &= self.height >= CLEARANCE[kind.opposition]
        return self.length >= LENGTH.get(name, 0.0) and float(there.any(1).mean()) >= LEAST_SHARE


def asks_for(obj: HouseholdObject) -> tuple[Ask, ...]:
    """Every sensible way to hold an object: parts, purposes, types, and the table where it stands.

    Of the written table (`handhold.data.purposes.PURPOSES`), those lines whose part this object has, with those types
    whose widths suit it. Neighbours in the order touch different parts where there are several, so that a few, or
    turns taken, are varied.

    Args:
        obj: the object.

    Returns:
        The asks; none if the object's category is not in the table or all of it is too large or small.
    """
    table = Table.under(obj.mesh)
    forbidden = untouchable(obj)
    widths = {p.name: part_widths(obj, p.name, forbidden=forbidden) for p in obj.parts if p.hold}
    by_part: dict[str, list[Ask]] = {}
    for use in PURPOSES.get(obj.category, ()):
        if use.part not in widths:
            continue
        types = tuple(t for t in use.types if widths[use.part].suit(t, standing=use.standing))
        if types:
            upright = use.standing and use.purpose in FROM_SIDE
            ask = Ask(types, use.part, use.purpose, table if use.standing else None, from_side=upright)
            by_part.setdefault(use.part, []).append(ask)
    turns = zip_longest(*by_part.values())
    return tuple(ask for turn in turns for ask in turn if ask is not None)


def untouchable(obj: HouseholdObject) -> ExactDistance | None:
    """The open surface of all parts that may not be held; None if every part may."""
    faces = ~np.array([part.hold for part in obj.parts])[obj.face_parts]
    return ExactDistance(obj.mesh.vertices, obj.mesh.faces[faces]) if faces.any() else None


def part_widths(obj: HouseholdObject, part: str, *, forbidden: ExactDistance | None = None) -> Widths:
    """Cast rays inward from points spread over a part: to the first face behind, and to the last.

    The first is the thickness of a handle or a wall, the last the outer width of a hollow thing.

    Args:
        obj: the object.
        part: name of one of its parts.
        forbidden: the surface of its parts that may not be held (`untouchable`); None: there is none.

    Returns:
        Widths at `SAMPLES` points.

    Raises:
        InputError: there is no such part.
    """
    surface = obj.part_points(part, SAMPLES, torch.Generator().manual_seed(0))
    points, inward = surface.points.numpy(), -surface.normals.numpy()
    near = points + 2e-4 * inward
    far = near + (float(np.linalg.norm(obj.mesh.extents)) + 0.01) * inward
    widths = []
    for start, end in ((near, far), (far, near)):
        hit = obj.mesh.distance.first_hit(start, end)
        held = (hit.normal * -inward).sum(-1) < OPPOSITE
        if forbidden is not None:
            held &= forbidden.first_hit(start, end).fraction > hit.fraction + 1e-6
        width = np.where(held, np.linalg.norm(hit.point - points, axis=-1), np.nan)
        lower = np.minimum(points[:, 2], hit.point[:, 2]) - obj.mesh.vertices[:, 2].min()
        widths.append((width, lower))
    corners = obj.mesh.vertices[obj.mesh.faces[obj.part_faces(part)]].reshape(-1, 3)
    width, height = (np.stack(rows, 1) for rows in zip(*widths, strict=True))
    return Widths(width, height, float(np.ptp(corners, axis=0).max()))
