"""What a category of objects is: its dimensions with ranges, its parts, and how one is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from handhold.errors import InputError
from handhold.objects.household.parts import HouseholdObject, Part
from handhold.objects.household.short_edges import without_short_edges
from handhold.objects.object import ObjectMesh

if TYPE_CHECKING:
    import manifold3d

ALIKE = 0.5
"""Share of a drawn length that all lengths of one object have in common: large things are large all over."""
LONGEST_EDGE = 0.014
LONGEST_SHARE = 1 / 16
"""Edges longer than this [m], and than this share of the object, are split: no triangle's box is large."""
SHORTEST_EDGES = (4e-5, 1.2e-4, 3e-4)
"""Edges shorter than the first are drawn together [m]; than the next ones, where the doctor still objects."""


def metres(default: float, low: float, high: float) -> Any:
    """A dimension in metres."""
    return field(default=default, metadata={"low": low, "high": high, "unit": "m"})


def ratio(default: float, low: float, high: float) -> Any:
    """A dimension without a unit."""
    return field(default=default, metadata={"low": low, "high": high, "unit": ""})


def style(*names: str) -> Any:
    """One of several shapes; the first is the default."""
    return field(default=names[0], metadata={"names": names})


@dataclass(frozen=True)
class Category:
    """A kind of object.

    Attributes:
        name: its key.
        dimensions: a frozen dataclass of `metres`, `ratio` and `style` fields; every value in range is valid.
        parts: all parts that an object of the kind may have; part numbers of `build` count in them.
        build: from the dimensions to a solid whose faces have part numbers [m].
        size: least and greatest length of the longest side [m].
    """

    name: str
    dimensions: type
    parts: tuple[Part, ...]
    build: Callable[[Any], manifold3d.Manifold]
    size: tuple[float, float]

    def make(self, **dimensions: float | str) -> HouseholdObject:
        """One object; dimensions that are not given have their defaults.

        Raises:
            InputError: an unknown dimension or style, or a value out of range.
        """
        from handhold.objects.household.shapes import mesh_of

        chosen = self.dimensions(**self._checked(dimensions))
        solid = self.build(chosen)
        low, high = np.reshape(solid.bounding_box(), (2, 3))
        solid = solid.refine_to_length(max(LONGEST_EDGE, LONGEST_SHARE * float((high - low).max())))
        for shortest in SHORTEST_EDGES:
            vertices, faces, numbers = without_short_edges(*mesh_of(solid), shortest=shortest)
            vertices = vertices - [0, 0, vertices[:, 2].min()]
            mesh = ObjectMesh.from_arrays(vertices, faces, name=self.name, mend=False)
            if not mesh.report.findings:
                break
        there, face_parts = np.unique(numbers, return_inverse=True)
        parts = tuple(self.parts[i] for i in there)
        return HouseholdObject(
            mesh, parts, face_parts.astype(np.int64), category=self.name, dimensions=asdict(chosen)
        )

    def sample(self, generator: torch.Generator) -> HouseholdObject:
        """One object with dimensions drawn within their ranges.

        Lengths of one object go together (`ALIKE`); ratios and styles are free.
        """
        return self.make(**self.draw(generator))

    def draw(self, generator: torch.Generator) -> dict[str, float | str]:
        """The dimensions of `sample`, to a hundredth of a millimetre."""
        drawn: dict[str, float | str] = {}
        common = float(torch.rand((), generator=generator, dtype=torch.float64))
        for entry in fields(self.dimensions):
            own = float(torch.rand((), generator=generator, dtype=torch.float64))
            data = entry.metadata
            if "names" in data:
                drawn[entry.name] = data["names"][int(own * len(data["names"]))]
                continue
            share = ALIKE * common + (1 - ALIKE) * own if data["unit"] == "m" else own
            value = round(data["low"] + share * (data["high"] - data["low"]), 5)
            drawn[entry.name] = min(max(value, data["low"]), data["high"])
        return drawn

    def _checked(self, given: dict[str, float | str]) -> dict[str, float | str]:
        known = {entry.name: entry.metadata for entry in fields(self.dimensions)}
        checked: dict[str, float | str] = {}
        for name, value in given.items():
            where = f"{self.name}.{name}"
            if name not in known:
                raise InputError("no such dimension", where=where, expected=", ".join(known), got=repr(name))
            data = known[name]
            if "names" in data:
                if value not in data["names"]:
                    raise InputError(
                        "no such style", where=where, expected=" or ".join(data["names"]), got=repr(value)
                    )
                checked[name] = value
                continue
            number = float(value) if isinstance(value, int | float | np.number) else float("nan")
            if not data["low"] <= number <= data["high"]:
                unit = f" {data['unit']}".rstrip()
                raise InputError(
                    "dimension out of range",
                    where=where,
                    expected=f"{data['low']:g} to {data['high']:g}{unit}",
                    got=repr(value),
                )
            checked[name] = number
        return checked
