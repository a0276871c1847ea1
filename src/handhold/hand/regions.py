"""Named regions of the palmar skin, as masks of any hand model's vertices: pads, palm, web."""

from __future__ import annotations

import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.geometry.mesh import vertex_normals
from handhold.hand.model import Hand
from handhold.hand.skeleton import FINGER_JOINTS, FINGERS

LONG_FINGERS = FINGERS[1:]
PARTS = {
    "thumb": ("metacarpal", "proximal", "distal"),
    **dict.fromkeys(LONG_FINGERS, ("proximal", "middle", "distal")),
}
REGIONS = (
    *FINGERS,  # all of a finger that touches things: pads, flanks and tip
    "palm",
    *(f"{f}_{part}" for f in FINGERS for part in PARTS[f] if part != "metacarpal"),  # pads
    "thenar",
    "hypothenar",
    "knuckles",  # the pad under the knuckles, where fingers meet the palm
    "index_side",  # thumb's side of the index from mid-proximal bone to tip: what the key lies on
    "middle_side",  # the same of the middle finger: what the pen lies on
    "web",  # between thumb and index, where the pen's shaft leans
)
"""Names of the regions of a hand that grasp types speak of; they overlap."""
FACING = 0.35
"""Cosine to a bone's palmar (or thumb-side) direction above which skin counts as its pad (or side)."""
WRIST_MARGIN, UNDER_KNUCKLES = 0.15, 0.65
"""Parts of the way from the wrist to the middle knuckle: below, no palm; beyond, the pad under the knuckles."""
WEB_RADIUS = 0.2
"""Thickness of the web between thumb and index, in lengths of the palm."""


def region_vertices(hand: Hand, name: str) -> Tensor:
    """Vertices of a region of the mean hand's skin, from skinning, normals and anatomical axes: for any hand mesh.

    Args:
        hand: the hand.
        name: one of `REGIONS`.

    Returns:
        (n,) long.

    Raises:
        InputError: an unknown name.
    """
    if name not in REGIONS:
        raise InputError("unknown region of the hand", expected=", ".join(REGIONS), got=repr(name))
    return torch.nonzero(region_masks(hand)[REGIONS.index(name)]).squeeze(-1)


def region_masks(hand: Hand) -> Tensor:
    """All regions at once, (len(REGIONS), V) bool in the order of `REGIONS`; a left hand is read in the mirror."""
    template, joints, anatomy = hand.template, hand.joint_template, hand.anatomy
    normals = vertex_normals(template, hand.faces)
    if hand.side == "left":
        mirror = template.new_tensor([-1.0, 1.0, 1.0])
        template, joints, normals = template * mirror, joints * mirror, normals * mirror
        anatomy = anatomy.mirrored()
    owner = hand.skin_weights.argmax(-1)
    palm_frame = anatomy.frames[FINGER_JOINTS["middle"][0] - 1]
    frames = torch.where((owner > 0)[:, None, None], anatomy.frames[(owner - 1).clamp_min(0)], palm_frame)
    side, back, _ = (normals[:, None, :] @ frames).squeeze(1).unbind(-1)  # normals in each bone's own axes
    pad = hand.palmar & (back < -FACING)
    masks = {f: hand.palmar & _owned(owner, *FINGER_JOINTS[f][f == "thumb" :]) for f in FINGERS}
    for finger in FINGERS:
        for part, joint in zip(PARTS[finger], FINGER_JOINTS[finger], strict=True):
            masks[f"{finger}_{part}"] = (owner == joint) & (hand.palmar if part == "distal" else pad)
    facing = (normals @ palm_frame).unbind(-1)
    masks |= _palm_masks(hand, template - joints[0], joints - joints[0], facing, owner)
    for finger in ("index", "middle"):
        first, second, third = FINGER_JOINTS[finger]
        along = (template - joints[first]) @ anatomy.frames[first - 1, :, 2]
        beyond = along > 0.5 * (joints[second] - joints[first]).norm()
        masks[f"{finger}_side"] = (
            _owned(owner, first, second, third) & beyond & (side > FACING) & (back < 0.7)
        )
    return torch.stack([masks[name] for name in REGIONS])


def _palm_masks(
    hand: Hand, points: Tensor, joints: Tensor, facing: tuple[Tensor, ...], owner: Tensor
) -> dict:
    """Masks of the palm's parts and the web; points and joints (16, 3) from the wrist, normals in the palm's axes."""
    index, middle, thumb = (FINGER_JOINTS[f][0] for f in ("index", "middle", "thumb"))
    forward = joints[middle] / joints[middle].square().sum()
    along = points @ forward  # 0 at the wrist, 1 at the middle knuckle
    across = joints[index] - joints[FINGER_JOINTS["pinky"][0]]
    radial = (points - along[:, None] * joints[middle]) @ across
    to_side, to_back, to_front = facing
    palmar = hand.palmar & (to_back < -FACING / 2) & (along > WRIST_MARGIN)
    metacarpal, own = owner == thumb, owner == 0
    far = along > UNDER_KNUCKLES
    thenar = palmar & (metacarpal | (own & ~far & (radial > 0)))
    base, tip = joints[index], joints[thumb + 1]  # knuckles of index and thumb
    share = ((points - tip) @ (base - tip) / (base - tip).square().sum()).clamp(0.35, 1)
    near = (points - tip - share[:, None] * (base - tip)).norm(dim=-1) < WEB_RADIUS * joints[middle].norm()
    web = near & (to_front + to_side > FACING) & _owned(owner, 0, index, thumb, thumb + 1)
    return {
        "palm": palmar & (own | metacarpal),
        "thenar": thenar,
        "hypothenar": palmar & own & ~far & (radial <= 0),
        "knuckles": palmar & own & far,
        "web": web,
    }


def _owned(owner: Tensor, *joints: int) -> Tensor:
    return torch.isin(owner, owner.new_tensor(joints))
