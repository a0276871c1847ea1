"""Where a hand touches, as CHOIR has it: one Gaussian of touching skin for each of the 32 anchors.

Source: Morales et al., section 3.1.b, equations 3 to 7. A vertex of the hand weighs as many points of
the object as lie in a cone that rises from it along its normal; the vertices of an anchor, so weighted, give a mean
and a covariance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from handhold.hand import Hand
from handhold.interaction.choir.basis import ANCHORS, ChoirConfig


@dataclass(frozen=True)
class ContactGaussians:
    """Touching skin of B hands.

    Attributes:
        mean: (B, 32, 3) in the object's frame [m]; of an anchor without contact, the anchor.
        cholesky: (B, 32, 3, 3) lower factor of the covariance [m]; zero without contact.
        weight: (B, 32) sum of the weights (counted points); 0 without contact.
    """

    mean: Tensor
    cholesky: Tensor
    weight: Tensor

    def to(self, device: torch.device | str) -> ContactGaussians:
        """The same on another device."""
        return ContactGaussians(*(getattr(self, f.name).to(device) for f in fields(self)))

    def select(self, rows) -> ContactGaussians:
        """Some of the rows."""
        return ContactGaussians(*(getattr(self, f.name)[rows] for f in fields(self)))


def anchor_of_vertices(hand: Hand) -> Tensor:
    """The nearest anchor of each vertex on the flat, mean hand, (V,) long: skin stays with its anchor in any pose."""
    return torch.cdist(hand.template, hand.anchors.positions(hand.template)).argmin(-1)


@torch.no_grad()
def contact_weights(
    vertices: Tensor, normals: Tensor, points: Tensor, *, config: ChoirConfig, near: Tensor | None = None
) -> Tensor:
    """How many points of the object lie in each vertex's cone; counts, without gradient.

    Args:
        vertices: (B, V, 3) of the hand [m].
        normals: (B, V, 3) outward unit normals.
        points: (B, P, 3) of the object's surface [m].
        config: the cone.
        near: (B, V) bool, vertices that may touch; None for all. The others weigh 0 and cost nothing.

    Returns:
        (B, V).
    """
    near = torch.ones_like(vertices[..., 0], dtype=torch.bool) if near is None else near
    row, vertex = torch.nonzero(near, as_tuple=True)
    weights = torch.zeros_like(vertices[..., 0])
    if not len(row):
        return weights
    normal = normals[row, vertex]
    apex = vertices[row, vertex] - config.setback * normal
    length = config.cone_length + config.setback
    which, point = _neighbours(apex, row, points, length)
    offset = points.flatten(0, 1)[point] - apex[which]
    reach = torch.linalg.vector_norm(offset, dim=-1)
    inside = reach <= length
    if config.cone == "corrected":
        inside &= (offset * normal[which]).sum(-1) >= math.cos(config.cone_angle) * reach
    counted = torch.zeros_like(apex[:, 0]).index_add_(0, which, inside.to(apex))
    return weights.index_put_((row, vertex), counted)


def _neighbours(apex: Tensor, row: Tensor, points: Tensor, length: float) -> tuple[Tensor, Tensor]:
    """Pairs that may be as near as a length: number of an apex (M, 3) of a row (M,), and of a point in (B * P).

    Points are sorted into cubes of that length, so only an apex's own and the 26 around are looked into; the three
    along the last axis follow each other in the sorted order.
    """
    low = points.amin((0, 1))
    cell = ((points - low) / length).long() + 2
    size = cell.amax((0, 1)) + 3
    own = torch.minimum(((apex - low) / length).floor().long() + 2, size - 2).clamp_min(1)

    def number(row: Tensor, cell: Tensor) -> Tensor:
        return ((row * size[0] + cell[..., 0]) * size[1] + cell[..., 1]) * size[2] + cell[..., 2]

    rows = torch.arange(len(points), device=points.device)
    keys, order = number(rows[:, None], cell).flatten().sort()
    step = torch.arange(-1, 2, device=points.device)
    beside = torch.cartesian_prod(step, step)
    middle = own[:, None] + torch.nn.functional.pad(beside, (0, 1))
    first = number(row[:, None], middle).flatten()
    start = torch.searchsorted(keys, first - 1)
    count = torch.searchsorted(keys, first + 1, right=True) - start
    run = torch.repeat_interleave(count)
    place = torch.arange(len(run), device=points.device) - (count.cumsum(0) - count)[run]
    return run // len(beside), order[start[run] + place]


def contact_gaussians(
    vertices: Tensor, weights: Tensor, anchors: Tensor, owner: Tensor, *, spread: float
) -> ContactGaussians:
    """The most likely Gaussian of each anchor's weighted vertices, differentiable in both.

    Args:
        vertices: (B, V, 3) of the hand [m].
        weights: (B, V), none negative.
        anchors: (B, 32, 3) [m].
        owner: (V,) from `anchor_of_vertices`.
        spread: standard deviation that is added to all covariances [m].
    """
    offset = vertices - anchors[:, owner]  # moments about the anchor keep their digits
    products = (offset[..., :, None] * offset[..., None, :]).flatten(-2)
    moments = weights[..., None] * torch.cat((torch.ones_like(offset[..., :1]), offset, products), -1)
    member = torch.nn.functional.one_hot(owner, ANCHORS).to(vertices)
    total, first, second = (member.mT @ moments).split((1, 3, 9), -1)
    touches = total > 0
    share = total.clamp_min(torch.finfo(total.dtype).tiny)
    mean = torch.where(touches, first / share, 0)
    covariance = (second / share).unflatten(-1, (3, 3)) - mean[..., :, None] * mean[..., None, :]
    eye = torch.eye(3, dtype=vertices.dtype, device=vertices.device)
    covariance = torch.where(touches[..., None], covariance, 0) + spread**2 * eye
    # Scaled to about one: the factor's own square roots then keep float32's digits.
    factor = torch.linalg.cholesky_ex(covariance / spread**2)[0] * spread
    return ContactGaussians(anchors + mean, torch.where(touches[..., None], factor, 0), total.squeeze(-1))


def contact_map(contacts: ContactGaussians, vertices: Tensor, owner: Tensor) -> Tensor:
    """The dense map that the Gaussians stand for, differentiable.

    Each vertex asks its own anchor's Gaussian, scaled to 1 at its mean: published densities have the unit 1/m3 and
    their size says how small a patch is, not how surely it touches.

    Args:
        contacts: B hands' Gaussians.
        vertices: (B, V, 3) in the same frame [m].
        owner: (V,) from `anchor_of_vertices`.

    Returns:
        (B, V) in [0, 1]; 0 where the anchor has no contact.
    """
    touches = contacts.cholesky.diagonal(dim1=-2, dim2=-1).amin(-1) > 0
    eye = torch.eye(3, dtype=vertices.dtype, device=vertices.device)
    factor = torch.where(touches[..., None, None], contacts.cholesky, eye)
    inverse = torch.linalg.solve_triangular(factor, eye.expand_as(factor), upper=False)
    offset = vertices - contacts.mean[:, owner]
    scaled = torch.einsum("bvij,bvj->bvi", inverse[:, owner], offset)
    density = torch.exp(-0.5 * scaled.square().sum(-1))
    return density * touches[:, owner]
