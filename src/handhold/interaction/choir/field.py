"""What a CHOIR's distances say of the hand: where its 32 anchors are, and how it should move."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.interaction.choir.basis import ANCHORS, ChoirConfig, assigned_anchors
from handhold.interaction.choir.encode import Choir

FLAT = 1e-4
"""Points whose variance along an axis is a smaller share of the largest lie in a plane."""


@dataclass(frozen=True)
class Field:
    """Distances by anchor; those with fewer basis points than others are filled up, with weight 0.

    Attributes:
        basis: (B, 32, n, 3) the basis points of each anchor [m].
        target: (B, 32, n) the anchor's distances to them [m].
        weight: (32, n) 1, or 0 for what fills up.
    """

    basis: Tensor
    target: Tensor
    weight: Tensor

    def apart(self, anchors: Tensor) -> Tensor:
        """How much farther (B, 32, n) [m] anchors (B, 32, 3) are from their basis points than they should be."""
        reach = torch.linalg.vector_norm(anchors[:, :, None] - self.basis, dim=-1)
        return (reach - self.target) * self.weight

    def squares(self, anchors: Tensor) -> Tensor:
        """Sum of squared differences (B,) [m2]."""
        return self.apart(anchors).square().sum((-1, -2))

    def residual(self, anchors: Tensor) -> Tensor:
        """Root mean square difference (B,) [m]."""
        return (self.squares(anchors) / self.weight.sum()).sqrt()

    def pulls(self, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Slope (B, 32, 3) and Gauss-Newton's curvature (B, 32, 3, 3) of half the sum of squares, by anchor."""
        offset = anchors[:, :, None] - self.basis
        reach = torch.linalg.vector_norm(offset, dim=-1).clamp_min(1e-6)
        unit = offset * (self.weight / reach)[..., None]
        slope = (reach - self.target)[..., None, :] @ unit
        return slope.squeeze(-2), unit.mT @ unit


def read_field(choir: Choir, config: ChoirConfig) -> Field:
    """The field of a CHOIR that was made with a config.

    Raises:
        InputError: another number of basis points, or distances that are not finite.
    """
    target = choir.anchor_distance
    if target.ndim != 2 or target.shape[1] != config.points:
        expected = f"(B, {config.points}) for these settings"
        raise InputError("wrong shape", where="anchor_distance", expected=expected, got=tuple(target.shape))
    if not target.isfinite().all():
        raise InputError("not finite", where="anchor_distance", expected="numbers")
    assigned = assigned_anchors(config)
    count = torch.bincount(assigned, minlength=ANCHORS)
    most = torch.arange(int(count.max()))
    place = (count.cumsum(0) - count)[:, None] + torch.minimum(most, count[:, None] - 1)
    index = assigned.argsort(stable=True)[place].to(target.device)
    return Field(choir.basis(config)[:, index], target[:, index], (most < count[:, None]).to(target))


def find_anchors(field: Field) -> Tensor:
    """The 32 points that distances tell of, (B, 32, 3) [m], in closed form.

    |p - a|^2 = d^2 is linear in a and |a|^2; the least squares of an anchor's own basis points give a. Where those
    lie in a plane ("ordered" assignment on a grid of side 16) they say how far from it the anchor is, not on which
    side: then the sides that bring all anchors closest together are taken.
    """
    share = (field.weight / field.weight.sum(-1, keepdim=True))[None, :, None]  # (1, 32, 1, n)
    origin = share @ field.basis
    local = field.basis - origin
    level = (local.square().sum(-1) - field.target.square())[..., None]  # 2 a.p - |a|^2
    mean = share @ level
    spread = (local * share.mT).mT @ local
    right = (share * (level - mean).mT) @ local
    values, axes = torch.linalg.eigh(spread)
    known = values > FLAT * values[..., -1:]
    along = (right @ axes).squeeze(-2) / (2 * values.clamp_min(1e-12)) * known
    found = (axes @ along[..., None]).squeeze(-1)
    beyond = (-mean[..., 0] - found.square().sum(-1, keepdim=True)).clamp_min(0).sqrt()
    centre, off = origin.squeeze(-2) + found, beyond * axes[..., 0]
    sides = torch.stack((centre + off, centre - off), 2)
    return torch.where(known[..., :1], centre, _together(sides))


def _together(sides: Tensor) -> Tensor:
    """Of two places for each anchor (B, 32, 2, 3), those that lie closest around one of them, (B, 32, 3)."""
    apart = (sides.flatten(1, 2)[:, :, None, None] - sides[:, None]).norm(dim=-1)  # (B, 64, 32, 2)
    middle = apart.amin(-1).sum(-1).argmin(-1)
    chosen = apart[torch.arange(len(sides), device=sides.device), middle].argmin(-1)
    return sides.gather(2, chosen[..., None, None].expand(-1, -1, 1, 3)).squeeze(2)
