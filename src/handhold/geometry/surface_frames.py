"""Frames that stand on a surface."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def frames_on(normals: Tensor, turn: Tensor) -> Tensor:
    """Right-handed frames whose third axis is a normal.

    Args:
        normals: (B, 3) unit.
        turn: (B,) how far the first axis is turned about the normal from an arbitrary, fixed start [rad].

    Returns:
        (B, 3, 3), columns are the axes.
    """
    aside = torch.eye(3).to(normals)[normals.abs().argmin(-1)]
    first = normalize(torch.linalg.cross(aside, normals), dim=-1)
    second = torch.linalg.cross(normals, first)
    cos, sin = turn.cos()[:, None], turn.sin()[:, None]
    return torch.stack((cos * first + sin * second, cos * second - sin * first, normals), -1)
