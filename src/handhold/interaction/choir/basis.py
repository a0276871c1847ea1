"""Settings of CHOIR, and where and by which anchor it looks at a grasp.

Source: Morales, Taheri, Lacey, A Versatile and Differentiable Hand-Object Interaction Representation,
sections 3.1.a and B.1. The grid, its size and the shuffle's seed are those of the authors' code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import torch
from torch import Tensor

from handhold.errors import demand
from handhold.geometry.basis_points import ball_points

ANCHORS = 32
SHUFFLE_SEED = 1995
SCALED_REACH = 0.6
"""Half side of the scaled grid, in diagonals of the object's box."""
LARGEST_OBJECT = 0.6
"""Longest side of an object that can be described [m]."""

Layout = Literal["grid", "ball"]
Centre = Literal["object", "hand"]
Scale = Literal["auto", "fixed", "object"]
Assignment = Literal["shuffled", "ordered", "tiled"]
Cone = Literal["corrected", "published"]


@dataclass(frozen=True)
class ChoirConfig:
    """How a grasp is seen.

    Attributes:
        layout: "grid", a regular cube of basis points; "ball", spread evenly in a ball.
        side: basis points along each edge of the grid; a ball has as many in all, side**3.
        reach: half the grid's side, or the ball's radius [m] (published: 0.1, and 0.2 for the ball).
        centre: "object", the middle of its box; "hand", the mean of its anchors: a crop of what it holds.
        scale: "fixed", `reach` as it is; "object", 0.6 diagonals of the object's box, never less than `reach`;
            "auto", fixed for objects that lie within the grid and where the centre is the hand, else "object".
        signed: whether distances to the object are negative inside it (published: unsigned).
        assignment: "shuffled" over the basis points, or "ordered", i mod 32. With a grid of side 16 and "ordered" an
            anchor's basis points lie in one plane, so that distances alone leave it open on which side of it it is.
            "tiled": each block of 4 x 4 x 2 points of the grid has every anchor once, in the same place, so that
            a convolution in steps of 4 sees the same anchors everywhere.
        object_points: points of the object's surface that contact is counted on.
        cone: "corrected", or "published": the authors' test compares degrees to radians and rejects nothing.
        cone_length: the farthest that a touched point may be [m] (lambda).
        cone_angle: the cone's half angle [rad] (kappa; the text's 4/3 pi would let everything pass).
        setback: how far beneath the skin the cones begin [m]; 0 as published: skin that lies on the object or in it
            then counts for little or nothing, since points beside it are out of the cone.
        spread: standard deviation [m] added to the Gaussians, so that few points have a covariance too.
    """

    layout: Layout = "grid"
    side: int = 16
    reach: float = 0.1
    centre: Centre = "object"
    scale: Scale = "auto"
    signed: bool = False
    assignment: Assignment = "shuffled"
    object_points: int = 4096
    cone: Cone = "corrected"
    cone_length: float = 0.004
    cone_angle: float = math.pi / 3
    setback: float = 0.0
    spread: float = 0.001

    def __post_init__(self) -> None:
        words = {
            "layout": Layout,
            "centre": Centre,
            "scale": Scale,
            "assignment": Assignment,
            "cone": Cone,
        }
        for name, known in words.items():
            value = getattr(self, name)
            demand(self, name, " or ".join(get_args(known)), repr(value), holds=value in get_args(known))
        for name, least in (("side", 4), ("object_points", 16)):
            value = getattr(self, name)
            holds = isinstance(value, int) and value >= least
            demand(self, name, f"a whole number of at least {least}", value, holds=holds)
        for name, low, high in (
            ("reach", 0.02, 1.0),
            ("cone_length", 1e-4, 0.05),
            ("cone_angle", 0.01, math.pi),
            ("setback", 0.0, 0.02),
            ("spread", 1e-5, 0.02),
        ):
            value = getattr(self, name)
            demand(self, name, f"{low} to {high:.3g}", value, holds=low <= value <= high)
        tiles = self.assignment != "tiled" or (self.layout == "grid" and self.side % 4 == 0)
        expected = "shuffled or ordered for a ball or a side that is no multiple of 4"
        demand(self, "assignment", expected, self.assignment, holds=tiles)

    @property
    def points(self) -> int:
        """Number of basis points, M."""
        return self.side**3


DEFAULT = ChoirConfig()


@lru_cache(maxsize=8)
def unit_basis(config: ChoirConfig) -> Tensor:
    """Basis points for a reach of one about the origin, (M, 3) float32; a grid's last axis runs fastest."""
    if config.layout == "ball":
        return ball_points(config.points, radius=1.0)
    line = torch.linspace(-1, 1, config.side)
    return torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1).flatten(0, 2)


@lru_cache(maxsize=8)
def assigned_anchors(config: ChoirConfig) -> Tensor:
    """The anchor that each basis point measures, (M,) long; each of the 32 has as many points, to one."""
    if config.assignment == "tiled":
        line = torch.arange(config.side)
        across, along, up = (line % 4)[:, None, None], (line % 4)[:, None], line % 2
        return (8 * across + 2 * along + up).flatten()
    ordered = torch.arange(config.points) % ANCHORS
    if config.assignment == "ordered":
        return ordered
    return ordered[torch.randperm(config.points, generator=torch.Generator().manual_seed(SHUFFLE_SEED))]


def anchor_distances(basis: Tensor, anchors: Tensor, assigned: Tensor) -> Tensor:
    """Distances of basis points to their anchors, differentiable (equation 2, without its square).

    Args:
        basis: (B, M, 3) [m].
        anchors: (B, 32, 3) [m].
        assigned: (M,) from `assigned_anchors`.

    Returns:
        (B, M) [m].
    """
    return torch.linalg.vector_norm(basis - anchors[:, assigned], dim=-1)
