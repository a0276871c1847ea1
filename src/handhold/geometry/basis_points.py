"""Basis points: fixed places at which a shape is seen by how far away it is.

After Prokudin, Lassner, Romero, Efficient Learning on Point Clouds with Basis Point Sets (ICCV 2019).
"""

from __future__ import annotations

import torch
from torch import Tensor

from handhold.errors import InputError


def ball_points(count: int, *, radius: float, crowding: float = 1.0) -> Tensor:
    """Points that fill a ball about the origin, always the same ones.

    A Sobol sequence, so that no place is left out.

    Args:
        count: how many.
        radius: of the ball [m].
        crowding: 1 fills it evenly; at 2 a point lies within half the radius as often as an even one within
            0.7 of it, and so on: nearer to the centre.

    Returns:
        (count, 3) float32 [m].

    Raises:
        InputError: no points, or a radius or crowding that is not positive.
    """
    if count < 1 or not radius > 0 or not crowding > 0:
        raise InputError(
            "cannot fill such a ball",
            expected="a count of 1 or more, radius and crowding above 0",
            got=f"{count}, {radius} m, {crowding}",
        )
    draws = torch.quasirandom.SobolEngine(3, scramble=True, seed=0).draw(count)
    distance = radius * draws[:, 0] ** (crowding / 3)
    height, turn = 2 * draws[:, 1] - 1, 2 * torch.pi * draws[:, 2]
    flat = (1 - height.square()).sqrt()
    return distance[:, None] * torch.stack((flat * turn.cos(), flat * turn.sin(), height), -1)
