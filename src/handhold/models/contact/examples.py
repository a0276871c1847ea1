"""Batches for the contact network: objects, sentences asked of them, hands near them or not, and the answers."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place, surface_points
from handhold.models.contact.augment import SCALE, SHIFT, bent, roughened, turns
from handhold.models.contact.clouds import gather_all
from handhold.models.contact.config import ContactNetConfig
from handhold.models.contact.model import SeenHands, SeenObjects
from handhold.models.contact.rows import ContactRows, unpacked
from handhold.models.grasp_rows import mirror_rows

ASKED = 6
"""Sentences a batch asks of each of its objects."""
POINTS, VERTICES = 512, 256
"""Points of each object, and vertices of the hand, that the losses look at."""
WITH_HANDS = 0.6
"""Share of objects that are seen with noisy hands."""
NEAR, FAR = 0.6, 0.2
"""With hands: share of sentences with a hand near the grasp that is meant, and with one that is somewhere else."""
NOISE = (0.2, 0.012, 0.15)
"""Standard deviation of a near hand's turn [rad], place [m], and joint angles [rad]."""
AWAY = (0.04, 0.12)
"""How far a hand that is somewhere else is moved [m]."""
OFTEN = 2.0
"""Sentences that name what is not there are asked so many times as often as others."""
REPEATED = 4
"""Objects with grasps come so many times as often as those without."""


@dataclass(frozen=True)
class Example:
    """What a batch shows the network, and what it should say: n points of O objects, v vertices, B sentences.

    Attributes:
        asks: (B,) long, rows of `AskRows`.
        objects: O of them.
        hands: B of them.
        of: (B,) long, the object of each sentence.
        points: (O, n) long.
        vertices: (v,) long.
        touch: (B, n) 1 where a hand touches, else 0.
        skin: (B, v) share of hands that touch there.
        part: (B, n) 1 on the part that is named, else 0.
        absent: (B,) bool.
        touch_known, skin_known, part_known: (B,) bool, whether that answer is known.
    """

    asks: Tensor
    objects: SeenObjects
    hands: SeenHands
    of: Tensor
    points: Tensor
    vertices: Tensor
    touch: Tensor
    skin: Tensor
    part: Tensor
    absent: Tensor
    touch_known: Tensor
    skin_known: Tensor
    part_known: Tensor

    def to(self, device: torch.device | str) -> Example:
        """The same on another device."""
        return Example(*(getattr(self, f.name).to(device) for f in fields(self)))


class Examples:
    """Draws batches; rows are objects, of which some come several times.

    Args:
        rows: objects, maps and sentences.
        config: how many neighbours the network gathers.
        rest: (V, 3) the network's hand where none is given.
        augment: bend, roughen and turn the objects, and move the hands with them.

    Attributes:
        order: (N,) long, the object of each row.
    """

    def __init__(
        self, rows: ContactRows, config: ContactNetConfig, *, rest: Tensor, augment: bool = True
    ) -> None:
        self.rows, self.augment, self.rest = rows, augment, rest.cpu()
        self.hand = Hand.open("right")
        self.index = gather_all(rows.points, config)
        asks, every = rows.asks, range(len(rows))
        has_grasps = torch.tensor([len(group) > 0 for group in rows.groups])
        mapped = asks.target >= 0
        own = asks.object[mapped][has_grasps[asks.target[mapped]]]
        grasped = torch.bincount(own, minlength=len(rows)) > 0
        self.order = torch.repeat_interleave(torch.arange(len(rows)), torch.where(grasped, REPEATED, 1))
        self.asks_of = [torch.nonzero(asks.object == k).squeeze(-1) for k in every]
        self.weight = torch.where(asks.absent, OFTEN, 1.0)
        left = rows.touches.mirrored
        self.members = {
            side: [group[left[group.long()] == side].long() for group in rows.groups]
            for side in (False, True)
        }

    def __len__(self) -> int:
        return len(self.order)

    def draw(self, rows: Tensor, generator: torch.Generator) -> Example:
        """Some of the rows (O,), with `ASKED` sentences each."""
        objects = self.order[rows]
        asks = torch.cat([self._ask(k, generator) for k in objects.tolist()])
        of = torch.arange(len(objects)).repeat_interleave(ASKED)
        return self._see(objects, asks, of, generator)

    def _ask(self, obj: int, generator: torch.Generator) -> Tensor:
        own = self.asks_of[obj]
        again = len(own) < ASKED
        return own[torch.multinomial(self.weight[own], ASKED, replacement=again, generator=generator)]

    def _see(self, objects: Tensor, asks: Tensor, of: Tensor, generator: torch.Generator) -> Example:
        rows, data, count = self.rows.asks, self.rows, len(objects)
        side = torch.rand(count, generator=generator) < 0.5
        handed = torch.rand(count, generator=generator) < WITH_HANDS
        hands, grasp, near = self._hands(asks, side[of], handed[of], generator)
        points, normals = mirror_rows(data.points[objects], side), mirror_rows(data.normals[objects], side)
        if self.augment:
            points, normals, hands = _moved(points, normals, hands, of, generator)
        draw = lambda most, count: torch.randperm(most, generator=generator)[:count]
        chosen = torch.stack([draw(points.shape[1], POINTS) for _ in range(count)])
        vertices = draw(len(self.hand.template), VERTICES)
        target, skin, part, absent = rows.target[asks], rows.skin[asks], rows.part[asks], rows.absent[asks]
        touch = self._maps(data.maps, target).gather(1, chosen[of]) >= 128
        told = self._maps(data.skin_maps, skin)[:, vertices].float() / 255
        if near.any():  # a hand that is nearly there is told where it itself would touch
            bits = data.touches.object[grasp[near]], data.touches.skin[grasp[near]]
            touch[near] = unpacked(bits[0], points.shape[1]).gather(1, chosen[of[near]])
            told[near] = unpacked(bits[1], len(self.hand.template))[:, vertices].float()
        on_part = (data.parts[objects[of]].gather(1, chosen[of]) == part[:, None]) & (part >= 0)[:, None]
        return Example(
            asks=asks,
            objects=SeenObjects(points, normals, self.index.select(objects).long()),
            hands=hands,
            of=of,
            points=chosen,
            vertices=vertices,
            touch=touch.float(),
            skin=told,
            part=on_part.float(),
            absent=absent,
            touch_known=(target >= 0) | absent,
            skin_known=(skin >= 0) | near,
            part_known=(part >= 0) | absent,
        )

    @staticmethod
    def _maps(maps: Tensor, rows: Tensor) -> Tensor:
        """Maps (B, P) of rows, zero where there is none."""
        found = torch.zeros(len(rows), maps.shape[1], dtype=maps.dtype)
        found[rows >= 0] = maps[rows[rows >= 0]]
        return found

    def _hands(
        self, asks: Tensor, side: Tensor, handed: Tensor, generator: torch.Generator
    ) -> tuple[SeenHands, Tensor, Tensor]:
        """Hands (B,) in the objects' (mirrored) frames, the grasps they are of, and whether they are near them."""
        count = len(asks)
        draw = torch.rand(count, generator=generator)
        near, far = handed & (draw < NEAR), handed & (draw >= NEAR) & (draw < NEAR + FAR)
        grasp = torch.zeros(count, dtype=torch.long)
        lot = torch.rand(count, generator=generator)
        for k in torch.nonzero(near | far).squeeze(-1).tolist():
            own = self._members(int(asks[k]), bool(side[k]), anything=bool(far[k]), generator=generator)
            if not len(own):
                near[k] = far[k] = False
            else:
                grasp[k] = own[int(lot[k] * len(own))]
        given, rest = near | far, self.rest.expand(count, -1, -1)
        if not given.any():
            return SeenHands(rest, rest, given), grasp, near
        state = self._noised(self.rows.touches.hands.select(grasp), far, generator)
        skin = place(forward(self.hand, state), surface_points(self.hand, state.betas))
        own = (skin - state.wrist[:, None]) @ state.rotation
        put = lambda hands: torch.where(given[:, None, None], hands, rest)
        return SeenHands(put(skin), put(own), given), grasp, near

    def _members(self, ask: int, side: bool, *, anything: bool, generator: torch.Generator) -> Tensor:
        """Grasps for a sentence by hands of one side; with `anything`, for another sentence about the same object."""
        if anything:
            others = self.asks_of[int(self.rows.asks.object[ask])]
            ask = int(others[int(torch.randint(len(others), (), generator=generator))])
        group = int(self.rows.asks.target[ask])
        return self.members[side][group] if group >= 0 else torch.zeros(0, dtype=torch.long)

    def _noised(self, state: HandState, far: Tensor, generator: torch.Generator) -> HandState:
        """Hands turned, moved and opened a little, those of `far` moved away."""
        count = len(far)
        scale = torch.tensor([NOISE[0]] * 3 + [NOISE[1]] * 3 + [NOISE[2]] * 45)
        scale = scale * torch.rand(count, 1, generator=generator) * 1.5
        step = torch.randn(count, 51, generator=generator) * scale
        way = functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)
        reach = AWAY[0] + (AWAY[1] - AWAY[0]) * torch.rand(count, 1, generator=generator)
        step[:, 3:6] += way * reach * far[:, None]
        return state.moved(self.hand, step)


def _moved(
    points: Tensor, normals: Tensor, hands: SeenHands, of: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, SeenHands]:
    """Objects (O, P, 3) bent where no hand would show it, all turned, scaled and shifted, their hands with them."""
    count, given = len(points), hands.given[:, None, None]
    held = (torch.bincount(of[hands.given], minlength=count) > 0)[:, None, None]
    shapes, leans = bent(points, normals, generator)
    points, normals = torch.where(held, points, shapes), torch.where(held, normals, leans)
    points, normals = roughened(points, normals, generator)
    turn = turns(count, generator)
    scale = torch.exp(SCALE * torch.randn(count, 1, 1, generator=generator))
    shift = SHIFT * torch.randn(count, 1, 3, generator=generator)
    put = lambda x, rows: x @ turn[rows].mT * scale[rows] + shift[rows]
    skin = torch.where(given, put(hands.skin, of), hands.skin)
    own = torch.where(given, hands.own * scale[of], hands.own)
    return put(points, torch.arange(count)), normals @ turn.mT, SeenHands(skin, own, hands.given)
