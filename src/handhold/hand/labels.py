"""Labels of a hand's surface, derived from its skinning and shape, for any hand mesh."""

from __future__ import annotations

import torch
from torch import Tensor

from handhold.geometry.mesh import vertex_normals
from handhold.hand.anatomy import Anatomy
from handhold.hand.skeleton import FINGER_JOINTS, FINGERS, Side


def finger_labels(skin_weights: Tensor) -> Tensor:
    """Which finger each vertex belongs to.

    Args:
        skin_weights: (V, 16).

    Returns:
        (V,) long: 0 palm and back of the hand, 1 to 5 thumb to pinky.
    """
    share = [skin_weights[:, 0], *(skin_weights[:, list(FINGER_JOINTS[f])].sum(-1) for f in FINGERS)]
    return torch.stack(share, -1).argmax(-1)


def find_tip_vertices(template: Tensor, joints: Tensor, skin_weights: Tensor) -> Tensor:
    """The most distal vertex of each finger of a flat hand, (5,) long, thumb to pinky."""
    tips = []
    for finger in FINGERS:
        joint = FINGER_JOINTS[finger][2]
        own = torch.nonzero(skin_weights[:, joint] > 0.9).squeeze(-1)
        bone = template[own].mean(0) - joints[joint]
        tips.append(own[((template[own] - joints[joint]) @ bone).argmax()])
    return torch.stack(tips)


def palmar_mask(
    template: Tensor, faces: Tensor, skin_weights: Tensor, anatomy: Anatomy, *, side: Side
) -> Tensor:
    """The side of the hand that touches things: palm, finger pads, inner flanks and tips.

    Args:
        template: (V, 3) flat hand [m].
        faces: (F, 3) outward.
        skin_weights: (V, 16).
        anatomy: joint frames.
        side: "right" or "left"; a left hand is read in the mirror.

    Returns:
        (V,) bool.
    """
    normals = vertex_normals(template, faces)
    if side == "left":
        normals, anatomy = normals * normals.new_tensor([-1.0, 1.0, 1.0]), anatomy.mirrored()
    owner = skin_weights.argmax(-1)
    middle = anatomy.frames[FINGER_JOINTS["middle"][0] - 1]
    frames = torch.where((owner > 0)[:, None, None], anatomy.frames[(owner - 1).clamp_min(0)], middle)
    _, back, tip = (normals[:, None, :] @ frames).squeeze(1).unbind(-1)  # normals in each bone's own axes
    last = torch.isin(owner, torch.tensor([FINGER_JOINTS[f][2] for f in FINGERS], device=owner.device))
    return (back < 0.0) | (last & (tip > 0.6) & (back < 0.5))
