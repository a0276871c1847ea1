"""32 anchors on the palmar surface of any hand mesh, from its skinning (after CPF's idea; own derivation).

Three on each finger's last bone, one on each other bone, seven on the palm.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from handhold.hand.skeleton import FINGER_JOINTS, FINGERS

PER_TIP, ON_PALM = 3, 7
WRIST_MARGIN = 0.15
"""Part of the way from the wrist to the middle knuckle that carries no anchor."""


@dataclass(frozen=True)
class Anchors:
    """Points that ride on the hand's surface.

    Attributes:
        vertices: (32,) long, the vertex that carries each anchor.
        joints: (32,) long, the joint whose bone it lies on (0: the palm).
    """

    vertices: Tensor
    joints: Tensor

    def to(self, device=None, dtype=None) -> Anchors:
        """The same on another device; indices keep their dtype."""
        return Anchors(self.vertices.to(device), self.joints.to(device))

    def positions(self, hand_vertices: Tensor) -> Tensor:
        """Anchor positions (*, 32, 3) on hand vertices (*, V, 3)."""
        return hand_vertices[..., self.vertices, :]


def derive_anchors(
    template: Tensor, faces: Tensor, joints: Tensor, skin_weights: Tensor, palmar: Tensor
) -> Anchors:
    """Spread anchors over the palmar side, away from its rim and from the wrist's end.

    Args:
        template: (V, 3) flat hand [m].
        faces: (F, 3).
        joints: (16, 3) joints, MANO's order [m].
        skin_weights: (V, 16).
        palmar: (V,) bool.
    """
    counts = {joint: (PER_TIP if k == 2 else 1) for f in FINGERS for k, joint in enumerate(FINGER_JOINTS[f])}
    counts = {0: ON_PALM, **counts}
    forward = joints[FINGER_JOINTS["middle"][0]] - joints[0]
    along = (template - joints[0]) @ forward / forward.square().sum()
    whole = palmar & (along > WRIST_MARGIN)
    rim = faces[~whole[faces].all(-1)].unique()
    inner = whole.index_fill(0, rim, False)
    owner = skin_weights.argmax(-1)
    vertices, carriers = [], []
    for joint in sorted(counts):
        own = torch.nonzero(inner & (owner == joint)).squeeze(-1)
        if len(own) < counts[joint]:  # a coarse finger is all rim
            own = torch.nonzero(whole & (owner == joint)).squeeze(-1)
        vertices.append(own[_spread(template[own], counts[joint])])
        carriers += [joint] * counts[joint]
    return Anchors(torch.cat(vertices), torch.tensor(carriers))


def _spread(points: Tensor, count: int) -> Tensor:
    """Farthest point sampling from the point nearest the centroid; for a single one, that point."""
    chosen = [int((points - points.mean(0)).norm(dim=-1).argmin())]
    distance = (points - points[chosen[0]]).norm(dim=-1)
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (points - points[chosen[-1]]).norm(dim=-1))
    return torch.tensor(chosen)
