"""CHOIR: a grasp as distances from fixed points to the object and to the hand, and as Gaussians of touching skin.

Source: Morales, Taheri, Lacey, A Versatile and Differentiable Hand-Object Interaction Representation,
section 3.1. Everything is in the object's own frame, so a grasp that moves as a whole keeps its CHOIR. Distances
are plain [m], as in the authors' code; the text's equations square them. The 32 anchors are handhold's own
(`hand.anchors`), for any hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.geometry.grid_distance import GridDistance
from handhold.geometry.mesh import vertex_normals
from handhold.hand import Hand
from handhold.interaction.choir.basis import (
    DEFAULT,
    LARGEST_OBJECT,
    SCALED_REACH,
    ChoirConfig,
    anchor_distances,
    assigned_anchors,
    unit_basis,
)
from handhold.interaction.choir.contacts import (
    ContactGaussians,
    anchor_of_vertices,
    contact_gaussians,
    contact_weights,
)
from handhold.objects import ObjectMesh

GRID_SLACK = 0.0015
"""How far off an object's distance grid may be when it sorts out skin that can touch nothing [m]."""


@dataclass(frozen=True)
class Surfaces:
    """Objects, each in its own frame.

    Attributes:
        points: (O, P, 3) of their surfaces, evenly by area [m].
        grid: their signed distances.
    """

    points: Tensor
    grid: GridDistance

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True)
class ChoirObjects(Surfaces):
    """Objects made ready, each in its own frame.

    Attributes:
        points, grid: as of `Surfaces`.
        centre: (O, 3) middles of their boxes [m].
        reach: (O,) of the basis points about each [m].
        distance: (O, 2, M) distances at the basis points about the centre [m]; second, in the mirror (x negative).
    """

    centre: Tensor
    reach: Tensor
    distance: Tensor

    def to(self, device: torch.device | str) -> ChoirObjects:
        """The same on another device."""
        return ChoirObjects(*(getattr(self, f.name).to(device) for f in fields(self)))


@dataclass(frozen=True)
class Choir:
    """B grasps.

    Attributes:
        object_distance: (B, M) of basis points to the object [m].
        anchor_distance: (B, M) of basis points to their anchors [m].
        contacts: Gaussians of touching skin; None where they are not known.
        centre: (B, 3) of the basis points in the object's frame [m].
        reach: (B,) of the basis points [m].
        axes: (B, 3, 3) of the basis points, as columns in the object's frame; None: the object's own.
    """

    object_distance: Tensor
    anchor_distance: Tensor
    contacts: ContactGaussians | None
    centre: Tensor
    reach: Tensor
    axes: Tensor | None = None

    def __len__(self) -> int:
        return len(self.centre)

    def basis(self, config: ChoirConfig) -> Tensor:
        """The basis points in the object's frame, (B, M, 3) [m]."""
        return place_basis(self.centre, self.reach, self.axes, config=config)

    def to(self, device: torch.device | str) -> Choir:
        """The same on another device."""
        return self._map(lambda value: value.to(device))

    def select(self, rows) -> Choir:
        """Some of the grasps: a slice, or an index (N,)."""
        contacts = None if self.contacts is None else self.contacts.select(rows)
        return replace(self._map(lambda value: value[rows]), contacts=contacts)

    def _map(self, function) -> Choir:
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "contacts"}
        known = {name: value for name, value in own.items() if value is not None}
        contacts = self.contacts
        if contacts is not None:
            contacts = ContactGaussians(*(function(getattr(contacts, f.name)) for f in fields(contacts)))
        return Choir(contacts=contacts, **{name: function(value) for name, value in known.items()})


def place_basis(centre: Tensor, reach: Tensor, axes: Tensor | None = None, *, config: ChoirConfig) -> Tensor:
    """Basis points (B, M, 3) [m] about centres (B, 3) with reaches (B,) [m] and, as columns, axes (B, 3, 3)."""
    unit = unit_basis(config).to(centre)
    return centre[:, None] + reach[:, None, None] * (unit if axes is None else unit @ axes.mT)


def choir_objects(objects: Sequence[ObjectMesh], *, config: ChoirConfig = DEFAULT) -> ChoirObjects:
    """Objects ready to be held: points, distance grids, and exact distances at their basis points.

    Args:
        objects: O of them.
        config: settings.

    Raises:
        InputError: no objects, or one that is too large.
    """
    if not objects:
        raise InputError("no objects", where="objects", expected="one or more")
    draw = [torch.Generator().manual_seed(0) for _ in objects]
    points = torch.stack(
        [o.sample(config.object_points, g).points.float() for o, g in zip(objects, draw, strict=True)]
    )
    low, high = (
        torch.from_numpy(np.stack([f(o.vertices, axis=0) for o in objects])).float() for f in (np.min, np.max)
    )
    names = [o.name for o in objects]
    centre, reach = frame_objects(low, high, names=names, config=config)
    basis = _both_sides(place_basis(centre, reach, config=config), centre)
    exact = [
        o.distance.query(b.double().flatten(0, 1).numpy()).distance
        if config.signed
        else o.distance.unsigned(b.double().flatten(0, 1).numpy())
        for o, b in zip(objects, basis, strict=True)
    ]
    distance = torch.from_numpy(np.stack(exact)).float().view(len(objects), 2, config.points)
    return ChoirObjects(points, GridDistance.stack([o.grid() for o in objects]), centre, reach, distance)


def choir_objects_from_points(
    points: Tensor, grid: GridDistance, *, names: Sequence[str] = (), config: ChoirConfig = DEFAULT
) -> ChoirObjects:
    """As `choir_objects` of what training holds: boxes are those of the points, distances those of the grids.

    Args:
        points: (O, P, 3) of the objects' surfaces [m].
        grid: their signed distances.
        names: what messages call them.
        config: settings.

    Raises:
        InputError: an object that is too large.
    """
    low, high = points.amin(1), points.amax(1)
    centre, reach = frame_objects(low, high, names=names, config=config)
    basis = _both_sides(place_basis(centre, reach, config=config), centre)
    distance = grid.query(basis.flatten(1, 2))[0].unflatten(1, (2, -1))
    # Beyond its box a grid says too much, and so do single points, far away by little: the lesser is nearer the truth.
    nearest = torch.stack(
        [torch.cdist(b.flatten(0, 1), p).amin(-1) for b, p in zip(basis, points, strict=True)]
    )
    distance = distance.minimum(nearest.view_as(distance))
    return ChoirObjects(points, grid, centre, reach, distance if config.signed else distance.abs())


def frame_objects(
    low: Tensor, high: Tensor, *, names: Sequence[str], config: ChoirConfig
) -> tuple[Tensor, Tensor]:
    """Centres (O, 3) and reaches (O,) [m] of basis points for boxes from low (O, 3) to high (O, 3) [m].

    Raises:
        InputError: a box over 0.6 m.
    """
    extent = high - low
    for k in torch.nonzero(extent.amax(-1) > LARGEST_OBJECT).flatten().tolist():
        name = names[int(k)] if k < len(names) else f"object {k}"
        check_length(float(extent[k].amax()), name=name, remedy="or cut out the part that is held")
    fixed = torch.full_like(extent[:, 0], config.reach)
    scaled = (SCALED_REACH * extent.norm(dim=-1)).clamp_min(config.reach)
    within = extent.amax(-1) <= 2 * config.reach
    if config.scale == "fixed" or (config.scale == "auto" and config.centre == "hand"):
        reach = fixed
    else:
        reach = scaled if config.scale == "object" else torch.where(within, fixed, scaled)
    return (low + high) / 2, reach


def check_length(length: float, *, name: str, remedy: str) -> None:
    """Refuse what is longer than CHOIR describes.

    Args:
        length: the longest side [m].
        name: what messages call the object.
        remedy: what else can be done than to check its units.

    Raises:
        InputError: it is over 0.6 m.
    """
    if length > LARGEST_OBJECT:
        raise InputError(
            "too large for CHOIR",
            where=name,
            expected=f"a longest side of at most {LARGEST_OBJECT} m",
            got=f"{length:.3g} m",
            remedy=f"Check its units (--units), {remedy}.",
        )


def encode(
    hand: Hand,
    vertices: Tensor,
    objects: ChoirObjects,
    index: Tensor,
    *,
    mirrored: Tensor | None = None,
    contacts: bool = True,
    centre: Tensor | None = None,
    axes: Tensor | None = None,
    config: ChoirConfig = DEFAULT,
) -> Choir:
    """CHOIRs of grasps, differentiable with respect to the hand's vertices.

    The counted contact weights, and centres that follow the hand, carry no gradient.

    Args:
        hand: the hand model.
        vertices: (B, V, 3) of the hands' surfaces in the frames of their objects [m].
        objects: what is held.
        index: (B,) long, the object of each row.
        mirrored: (B,) bool, rows whose object is meant in the mirror (x negative), as training reads left hands;
            vertices are in that frame already. None: none.
        contacts: whether to find the Gaussians.
        centre: (B, 3) of the basis points [m], to see a second hand from where the first was seen; None: by config.
        axes: (B, 3, 3) of the basis points, as columns; None: the object's own.
        config: the settings that the objects were made ready with.

    Raises:
        InputError: wrong shapes, numbers that are not finite, or objects made ready with other settings.
    """
    _check(hand, vertices, objects, index, config)
    sign = torch.ones_like(vertices[:, 0])
    if mirrored is not None:
        sign = torch.cat((torch.where(mirrored, -1.0, 1.0).to(sign)[:, None], sign[:, 1:]), -1)
    anchors = hand.anchors.positions(vertices)
    if centre is not None:
        middle = centre
    elif config.centre == "hand":
        middle = anchors.detach().mean(1)
    else:
        middle = objects.centre[index] * sign
    basis = place_basis(middle, objects.reach[index], axes, config=config)
    if config.centre == "object" and centre is None and axes is None:
        side = torch.zeros_like(index) if mirrored is None else mirrored.long()
        seen = objects.distance[index, side]
    else:
        seen = objects.grid.query(basis * sign[:, None], index)[0]
        seen = seen if config.signed else seen.abs()
    found = _contacts(hand, vertices, anchors, objects, index, sign, config) if contacts else None
    away = anchor_distances(basis, anchors, assigned_anchors(config).to(vertices.device))
    return Choir(seen, away, found, middle, objects.reach[index], axes)


def _contacts(
    hand: Hand,
    vertices: Tensor,
    anchors: Tensor,
    objects: ChoirObjects,
    index: Tensor,
    sign: Tensor,
    config: ChoirConfig,
) -> ContactGaussians:
    with torch.no_grad():
        distance = objects.grid.query(vertices.detach() * sign[:, None], index)[0]
        near = distance.abs() < config.cone_length + config.setback + GRID_SLACK
        normals = vertex_normals(vertices.detach(), hand.faces)
        points = objects.points[index] * sign[:, None]
        weights = contact_weights(vertices.detach(), normals, points, config=config, near=near)
    owner = anchor_of_vertices(hand)
    return contact_gaussians(vertices, weights, anchors, owner, spread=config.spread)


def _both_sides(basis: Tensor, centre: Tensor) -> Tensor:
    """Where basis points (O, M, 3) lie on the object and on its mirror image, in its own frame, (O, 2, M, 3)."""
    flip = basis.new_tensor([-1.0, 1.0, 1.0])
    return torch.stack((basis, centre[:, None] + (basis - centre[:, None]) * flip), 1)


def _check(hand: Hand, vertices: Tensor, objects: ChoirObjects, index: Tensor, config: ChoirConfig) -> None:
    if vertices.ndim != 3 or vertices.shape[1:] != hand.template.shape:
        expected = f"(B, {len(hand.template)}, 3) of the {hand.name} hand"
        raise InputError("wrong shape", where="vertices", expected=expected, got=tuple(vertices.shape))
    if index.shape != vertices.shape[:1]:
        raise InputError("wrong shape", where="index", expected=f"({len(vertices)},)", got=tuple(index.shape))
    if len(index) and (int(index.min()) < 0 or int(index.max()) >= len(objects)):
        raise InputError("no such object", where="index", expected=f"0 to {len(objects) - 1}")
    if not vertices.isfinite().all():
        raise InputError("not finite", where="vertices", expected="numbers")
    if objects.distance.shape[-1] != config.points:
        raise InputError(
            "made ready with other settings",
            where="objects",
            expected=f"{config.points} basis points",
            got=objects.distance.shape[-1],
        )
