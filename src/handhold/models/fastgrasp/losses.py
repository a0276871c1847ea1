"""FastGrasp's losses: reconstruction (equations 1 to 3) and physical ones (4 to 6).

The published weights are for sums over MANO's vertices; here every loss is a mean, of lengths in units of 10 mm, so
that weights of about one mean alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

UNIT = 0.01
"""[m]"""
TOUCH = 0.005
"""Skin nearer than this touches [m]."""
SPREAD = 0.01
"""Of the contact map, exp(-d²/2s²) [m]."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the autoencoder's losses; zero takes one away.

    Attributes:
        parameters: mean square of the hand's code (equation 2).
        vertices: mean distance of vertices from where they belong. The paper takes the Chamfer distance, which forgets
            which vertex is which; see `chamfer`.
        chamfer: mean distance to the nearest vertex, both ways (equation 3).
        contact: distance to the surface of skin that touches it in the true grasp (equation 5).
        penetration: depth of skin beyond what the true grasp has (equation 6).
        consistency: difference of the contact maps (equation 4).
        latent: mean square of the latent, so that it stays near zero.
    """

    parameters: float = 1.0
    vertices: float = 2.0
    chamfer: float = 0.0
    contact: float = 2.0
    penetration: float = 4.0
    consistency: float = 1.0
    latent: float = 1e-3


def vertex_loss(made: Tensor, true: Tensor) -> Tensor:
    """Mean distance of vertices (B, n, 3) from their own places, in units of 10 mm."""
    return (made - true).square().sum(-1).add(1e-10).sqrt().mean() / UNIT


def chamfer_loss(made: Tensor, true: Tensor) -> Tensor:
    """Mean distance to the nearest of the others (B, n, 3), both ways, in units of 10 mm."""
    apart = torch.cdist(made, true)
    return (apart.amin(1).mean() + apart.amin(2).mean()) / 2 / UNIT


def contact_loss(made: Tensor, true: Tensor) -> Tensor:
    """Mean distance from the surface, in units of 10 mm, of skin that truly touches; of signed distances (B, n)."""
    touching = (true.abs() < TOUCH).to(made)
    return (made.abs() * touching).sum() / touching.sum().clamp_min(1) / UNIT


def penetration_loss(made: Tensor, allowed: Tensor | float) -> Tensor:
    """Mean depth beyond what is allowed (negative distances) of signed distances (B, n), in units of 10 mm."""
    return (allowed - made).clamp_min(0).mean() / UNIT


def consistency_loss(made: Tensor, true: Tensor) -> Tensor:
    """Mean square difference of the contact maps of signed distances (B, n)."""
    return (contact_map(made) - contact_map(true)).square().mean()


def contact_map(distances: Tensor) -> Tensor:
    """From 1 on the surface to 0 far from it."""
    return torch.exp(-distances.square() / (2 * SPREAD**2))
