"""Tiny contact networks, what they see, and rows to train on."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch
import trimesh
from torch import Tensor, nn
from word_encoder import WordEncoder

from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place, surface_points
from handhold.models.contact import ContactNet, ContactNetConfig
from handhold.models.contact.bank import TextBank, encode_sentences
from handhold.models.contact.clouds import Gathering, gather
from handhold.models.contact.model import SeenHands, SeenObjects, Text, at_rest
from handhold.models.contact.rows import AskRows, ContactRows, TouchRows
from handhold.objects import ObjectMesh

SMALL = ContactNetConfig(
    text_width=24, points=600, centres=(48, 12), neighbours=8, hand_centres=8, hand_neighbours=4, local=24,
    width=24, layers=1, heads=2, head=16, dropout=0.0,
)  # fmt: skip
HAND = Hand.open("right")
SENTENCES = ("hold it by the top", "hold it by the bottom", "take it by the lid", "put your hand on the top")


def stirred(config: ContactNetConfig = SMALL, *, seed: int = 0, size: float = 0.1) -> ContactNet:
    """A model with weights at random, for use."""
    torch.manual_seed(seed)
    model = ContactNet(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += size * torch.randn(parameter.shape)
    return model.eval()


def mesh_of(kind: str = "box") -> ObjectMesh:
    """A long box that its mirror image does not cover, or a ball."""
    solid = (
        trimesh.creation.box((0.04, 0.05, 0.12)) if kind == "box" else trimesh.creation.icosphere(radius=0.04)
    )
    solid.apply_translation((0.02, 0.01, 0.0))
    return ObjectMesh.from_arrays(solid.vertices, solid.faces, name=kind)


def cloud(kind: str = "box", *, count: int = 600, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Points and normals, each (count, 3)."""
    drawn = mesh_of(kind).sample(count, torch.Generator().manual_seed(seed))
    return drawn.points.float(), drawn.normals.float()


def objects(*kinds: str, config: ContactNetConfig = SMALL) -> SeenObjects:
    """Objects as the network sees them."""
    clouds = [cloud(kind, count=config.points) for kind in kinds]
    parts = [gather(points, config) for points, _ in clouds]
    index = Gathering(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Gathering)))
    return SeenObjects(torch.stack([p for p, _ in clouds]), torch.stack([n for _, n in clouds]), index)


def hands(count: int, *, seed: int = 0) -> SeenHands:
    """Hands at their objects, all given."""
    draw = torch.Generator().manual_seed(seed)
    turns = torch.linalg.qr(torch.randn(count, 3, 3, generator=draw))[0]
    turns = turns * torch.linalg.det(turns)[:, None, None]
    state = HandState(
        turns,
        0.08 * torch.randn(count, 3, generator=draw),
        torch.zeros(count, 15, 3),
        torch.zeros(count, HAND.shapes),
    )
    return seen_hands(state)


def seen_hands(state: HandState) -> SeenHands:
    """States as the network sees them."""
    skin = place(forward(HAND, state), surface_points(HAND, state.betas))
    own = (skin - state.wrist[:, None]) @ state.rotation
    return SeenHands(skin, own, torch.ones(len(skin), dtype=torch.bool))


def text(*sentences: str) -> Text:
    """Features of sentences."""
    found = WordEncoder().encode(sentences)
    return Text(found.sentence, found.tokens, found.mask)


def ask(model: ContactNet, things: SeenObjects, held: SeenHands | None, said: Text, of=None, points=None):
    """Answers about all points, or some, and all vertices."""
    count = len(said.sentence)
    of = torch.zeros(count, dtype=torch.long) if of is None else torch.as_tensor(of)
    every = torch.arange(things.points.shape[1]).expand(len(things.points), -1)
    with torch.no_grad():
        return model(
            things,
            at_rest(model.rest, count) if held is None else held,
            said,
            of=of,
            points=every if points is None else points,
            vertices=torch.arange(len(model.rest)),
        )


def make_rows() -> ContactRows:
    """A box and a ball whose upper half is held by two hands each, and a box without grasps."""
    clouds = [cloud(kind) for kind in ("box", "ball", "box")]
    points = torch.stack([p for p, _ in clouds])
    top = points[..., 2] > 0
    skin = torch.zeros(4, len(HAND.template), dtype=torch.bool)
    skin[:, 400:600] = True
    draw = torch.Generator().manual_seed(1)
    state = HandState(
        torch.eye(3).expand(4, 3, 3),
        torch.tensor([0.0, 0.0, 0.1]) + 0.01 * torch.randn(4, 3, generator=draw),
        torch.zeros(4, 15, 3),
        torch.zeros(4, HAND.shapes),
    )
    packed = lambda mask: torch.from_numpy(np.packbits(mask.numpy(), axis=-1))
    asks = []  # sentence, object, target, skin, part, absent
    for k in range(3):
        held = k < 2
        up = (k, k, 1, False) if held else (-1, -1, 1, False)
        asks += [(0, k, *up), (3, k, *up), (1, k, 2 + k, -1, 0, False), (2, k, -1, -1, -1, True)]
    columns = [torch.tensor(column) for column in zip(*asks, strict=True)]
    return ContactRows(
        points=points,
        normals=torch.stack([n for _, n in clouds]),
        parts=top.short(),
        maps=torch.cat((top[:2], ~top)).byte() * 255,
        skin_maps=skin[::2].byte() * 255,
        groups=(torch.tensor([0, 1]), torch.tensor([2, 3]), *[torch.zeros(0, dtype=torch.long)] * 3),
        asks=AskRows(*columns),
        touches=TouchRows(
            state, torch.tensor([False, True, False, True]), packed(top[[0, 0, 1, 1]]), packed(skin)
        ),
        sentences=SENTENCES,
        names=("box", "ball", "box 0"),
    )


def make_bank() -> TextBank:
    """Features of the rows' sentences."""
    return encode_sentences(WordEncoder(), SENTENCES)


def parameters_without_gradient(module: nn.Module) -> list[str]:
    """Names of parameters that no loss reached."""
    return [name for name, p in module.named_parameters() if p.grad is None or not p.grad.any()]
