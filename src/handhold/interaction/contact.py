"""Where a hand and an object are meant to touch, told from geometry or given with the grasp.

Two published ways, which GravityDB compares (its table 4): nearest points ("Gene", after GeneOH) and rays
along the hand's normals ("Ray", after TOCH). Regions are made once from the input: made again while the
hand moves, they follow its errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.geometry.mesh import vertex_normals
from handhold.hand.kinematics import forward, place, surface_points
from handhold.interaction.grasp import Contact, Grasp, nearest_of
from handhold.interaction.rows import Rows

ContactSource = Literal["nearest", "ray", "all"]
BEHIND = 0.010
"""Rays start so far behind the skin [m], so that skin inside the object finds the surface too."""
SPREAD = 0.005
"""A ray's hit speaks for surface within this distance [m]."""


@dataclass(frozen=True)
class ContactRegions:
    """Contact regions of B rows, each in its object's frame.

    Attributes:
        points: (B, N, 3) points spread evenly over each row's object [m].
        normals: (B, N, 3) outward unit normals there.
        object: (B, N) weight of each point, in [0, 1].
        hand: (B, V) weight of each hand vertex, in [0, 1].
    """

    points: Tensor
    normals: Tensor
    object: Tensor
    hand: Tensor

    def select(self, rows: Tensor) -> ContactRegions:
        """Some of the rows."""
        return ContactRegions(self.points[rows], self.normals[rows], self.object[rows], self.hand[rows])


def contact_regions(
    rows: Rows,
    *,
    source: ContactSource = "nearest",
    given: Sequence[Contact | None] | None = None,
    count: int = 2048,
    reach: float = 0.010,
    generator: torch.Generator | None = None,
) -> ContactRegions:
    """Contact regions of all rows; masks given with a grasp take precedence over geometry.

    Args:
        rows: hands and objects.
        source: how geometry tells: `nearest_contact`, `ray_contact`, or "all", everything with weight one.
        given: known masks, one for each row (`given_contacts` lists those of grasps); a mask that is None
            is told from geometry.
        count: points on each object.
        reach: hand and object further apart than this do not touch [m].
        generator: source of randomness of the points, on the CPU; for each object seeded with 0 by default.

    Raises:
        InputError: an unknown source, a mask of the wrong length, or points that are none.
    """
    if source not in get_args(ContactSource):
        raise InputError("unknown contact source", expected=" or ".join(get_args(ContactSource)), got=source)
    if given is not None and len(given) != len(rows):
        raise InputError("not one mask a row", where="given", expected=len(rows), got=len(given))
    samples = [obj.sample(count, generator or torch.Generator().manual_seed(0)) for obj in rows.objects]
    like = rows.observed
    points = torch.stack([s.points for s in samples]).to(like)[rows.index]
    normals = torch.stack([s.normals for s in samples]).to(like)[rows.index]
    if source == "all":
        hand_weight = like.new_ones(len(rows), len(rows.hand.template))
        regions = ContactRegions(points, normals, like.new_ones(points.shape[:2]), hand_weight)
    else:
        find = nearest_contact if source == "nearest" else ray_contact
        on_object, on_hand = find(rows, points, reach=reach)
        regions = ContactRegions(points, normals, on_object, on_hand)
    return regions if given is None else _with_given(rows, regions, samples, given)


def given_contacts(grasps: Sequence[Grasp]) -> list[Contact | None]:
    """The masks of grasps, one for each row that `Rows.from_grasps` makes of them; None for a grasp without any."""
    masks = [g.contact for g in grasps for _ in range(g.params.transl.reshape(-1, 3).shape[0])]
    return [m if m is not None and (m.hand is not None or m.object is not None) else None for m in masks]


def nearest_contact(rows: Rows, points: Tensor, *, reach: float = 0.010) -> tuple[Tensor, Tensor]:
    """Contact where hand and object are near each other at input.

    Weights are 1 - (d/reach)² of the distance d to the other surface: one in contact, zero from `reach` on.

    Args:
        rows: hands and objects.
        points: (B, N, 3) on the objects [m].
        reach: [m].

    Returns:
        Weights of the points (B, N) and of the hand's vertices (B, V).
    """
    skin = _skin(rows)
    away = _nearest(points, skin)
    return _soft(away, reach), _soft(rows.distance(skin)[0], reach)


def ray_contact(rows: Rows, points: Tensor, *, reach: float = 0.010) -> tuple[Tensor, Tensor]:
    """Contact where rays from hand vertices along their normals meet the object.

    A vertex weighs 1 - (gap/reach)² of the way along its normal, counted from the skin in either direction; a
    point of the object has the weight of the best ray that hits near it, fading over `SPREAD`.

    Args:
        rows: hands and objects.
        points: (B, N, 3) on the objects [m].
        reach: how far in front of the skin a ray looks [m].

    Returns:
        Weights of the points (B, N) and of the hand's vertices (B, V).
    """
    skin = _skin(rows)
    outward = vertex_normals(skin, rows.hand.faces)
    fraction, hit, facing = rows.crossings(skin - BEHIND * outward, skin + reach * outward)
    # Only a surface that faces the skin: a ray that leaves the object through its far side is no contact.
    met = fraction.isfinite() & ((facing * outward).sum(-1) < 0)
    gap = torch.where(met, fraction * (BEHIND + reach) - BEHIND, torch.inf)
    on_hand = _soft(gap, reach)
    on_object = torch.zeros_like(points[..., 0])
    for b in range(len(rows)):
        if met[b].any():
            away = torch.cdist(points[b], hit[b, met[b]])
            on_object[b] = (_soft(away, SPREAD) * on_hand[b, met[b]]).amax(-1)
    return on_object, on_hand


def _with_given(
    rows: Rows, regions: ContactRegions, samples, given: Sequence[Contact | None]
) -> ContactRegions:
    on_object, on_hand = regions.object.clone(), regions.hand.clone()
    for b, contact in enumerate(given):
        which = int(rows.index[b])
        if contact is not None and contact.object is not None:
            sample = samples[which]
            if contact.points is not None:
                points = _points(contact.points)
                mask = _mask(contact.object, len(points), name="contact.object")
                on_object[b] = mask[nearest_of(sample.points, points)].to(on_object)
            else:
                mask = _mask(contact.object, len(rows.objects[which].vertices), name="contact.object")
                corners = torch.from_numpy(rows.objects[which].faces)[sample.face]
                on_object[b] = (mask[corners] * sample.barycentric).sum(-1).to(on_object)
        if contact is not None and contact.hand is not None:
            on_hand[b] = _mask(contact.hand, on_hand.shape[1], name="contact.hand").to(on_hand)
    return replace(regions, object=on_object, hand=on_hand)


def _points(points: Tensor) -> Tensor:
    if not (points.ndim == 2 and points.shape[1] == 3 and len(points) and points.isfinite().all()):
        raise InputError(
            "no points",
            where="contact.points",
            expected="finite, of shape (P, 3), at least one",
            got=tuple(points.shape),
        )
    return points.detach().cpu().double()


def _mask(mask: Tensor, count: int, *, name: str) -> Tensor:
    if mask.shape != (count,):
        raise InputError("wrong shape", where=name, expected=(count,), got=tuple(mask.shape))
    mask = mask.detach().cpu().double()
    if not (mask.amin() >= 0 and mask.amax() <= 1):
        raise InputError("weights out of range", where=name, expected="0 to 1")
    return mask


def _skin(rows: Rows) -> Tensor:
    return place(forward(rows.hand, rows.state), surface_points(rows.hand, rows.state.betas))


def _nearest(points: Tensor, others: Tensor) -> Tensor:
    """Distance (B, N) of each point (B, N, 3) to the nearest of others (B, M, 3)."""
    from scipy.spatial import KDTree

    found = [KDTree(b.cpu().numpy()).query(a.cpu().numpy())[0] for a, b in zip(points, others)]
    return torch.from_numpy(np.stack(found)).to(points)


def _soft(distance: Tensor, reach: float) -> Tensor:
    return (1 - (distance / reach).square()).clamp_min(0)
