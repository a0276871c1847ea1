"""The open hand that ships with handhold (CC0; assets/OPEN_HAND.md has its provenance)."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import safe_open

from handhold.errors import InputError
from handhold.hand.anatomy import Anatomy
from handhold.hand.anchors import Anchors
from handhold.hand.model import Hand
from handhold.hand.skeleton import Side

ASSET = Path(__file__).parent / "assets" / "open_hand.safetensors"


@lru_cache
def load_open_hand(side: Side) -> Hand:
    """Load the shipped hand, float32 on the CPU; the left hand is the right one mirrored in x.

    Raises:
        InputError: the side is neither "right" nor "left".
    """
    if side not in ("right", "left"):
        raise InputError("unknown side", where="Hand.open", expected="right or left", got=repr(side))
    with safe_open(ASSET, framework="pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    hand = Hand(
        name="open",
        version=metadata["version"],
        side="right",
        pose_directions=None,
        anatomy=Anatomy(tensors["frames"], *tensors["limits"]),
        anchors=Anchors(tensors["anchor_vertices"].long(), tensors["anchor_joints"].long()),
        palmar=tensors["palmar"].bool(),
        shape_names=tuple(json.loads(metadata["shape_names"])),
        **{k: tensors[k].long() for k in ("faces", "tip_vertices", "finger_labels")},
        **{
            k: tensors[k]
            for k in ("template", "shape_directions", "joint_template", "joint_directions", "skin_weights")
        },
    )
    return hand if side == "right" else mirrored(hand)


def mirrored(hand: Hand) -> Hand:
    """The other side's hand: mirrored in x, faces turned outward again."""
    mirror = torch.tensor([-1.0, 1.0, 1.0], dtype=hand.dtype)
    return replace(
        hand,
        side="left" if hand.side == "right" else "right",
        template=hand.template * mirror,
        shape_directions=hand.shape_directions * mirror[:, None],
        joint_template=hand.joint_template * mirror,
        joint_directions=hand.joint_directions * mirror[:, None],
        faces=hand.faces.flip(-1),
        anatomy=hand.anatomy.mirrored(),
    )
