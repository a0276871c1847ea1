"""The contact network: where hand and object touch, told from their shapes and a sentence."""

# no "from __future__ import annotations": the mixin reads the type of `config`

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from handhold.geometry.sampling import farthest_points, sample_surface
from handhold.hand import Hand
from handhold.models.contact.clouds import Gathering, interpolate, nearest, take
from handhold.models.contact.config import ContactNetConfig
from handhold.models.contact.network import (
    Fusion,
    HandEncoder,
    ObjectEncoder,
    PointHead,
    TextReader,
    felt,
    layers,
    where_given,
)
from handhold.models.pretrained import Pretrained, hand_of_weights

SIZE = 0.1
"""Sizes of objects are told in multiples of this [m]."""
SPARSE = 4
"""Every so-manieth vertex of the hand, and point of the object, is what the other surface feels."""
NAME = 32
"""Numbers that tell a vertex of the hand from others."""


@dataclass(frozen=True)
class SeenObjects:
    """O objects.

    Attributes:
        points: (O, P, 3) in their own frames [m].
        normals: (O, P, 3).
        index: what the encoder gathers.
    """

    points: Tensor
    normals: Tensor
    index: Gathering

    def to(self, device: torch.device | str) -> "SeenObjects":
        """The same on another device."""
        return SeenObjects(self.points.to(device), self.normals.to(device), self.index.to(device))


@dataclass(frozen=True)
class SeenHands:
    """B hands.

    Attributes:
        skin: (B, V, 3) vertices in their objects' frames, or anywhere where no hand is given [m].
        own: (B, V, 3) the same in the frames of their wrists.
        given: (B,) bool, whether there is a hand; else it is one at rest, of which no place is known.
    """

    skin: Tensor
    own: Tensor
    given: Tensor

    def to(self, device: torch.device | str) -> "SeenHands":
        """The same on another device."""
        return SeenHands(self.skin.to(device), self.own.to(device), self.given.to(device))


@dataclass(frozen=True)
class Text:
    """B sentences: (B, E), their words (B, T, E), and where there are words (B, T)."""

    sentence: Tensor
    words: Tensor
    mask: Tensor

    def to(self, device: torch.device | str) -> "Text":
        """The same on another device."""
        return Text(self.sentence.to(device), self.words.to(device), self.mask.to(device))


@dataclass(frozen=True)
class Logits:
    """What the network says of B sentences.

    Attributes:
        object: (B, n) of the object's points.
        part: (B, n) whether a point belongs to the part that is named.
        skin: (B, v) of the hand's vertices.
        absent: (B,) whether a part is named that the object has not.
    """

    object: Tensor
    part: Tensor
    skin: Tensor
    absent: Tensor


class ContactNet(
    Pretrained,
    library_name="handhold",
    tags=["hand-object-interaction", "affordance", "contact"],
):
    """PointNet++ encoders, attention to the text, heads for object and hand.

    Args:
        config: sizes, and the hand that the weights are for.

    Raises:
        InputError: this handhold has no such hand.
    """

    rest: Tensor
    corners: Tensor
    shares: Tensor
    up: Tensor
    centre_corners: Tensor
    centre_shares: Tensor

    def __init__(self, config: ContactNetConfig) -> None:
        super().__init__()
        hand = hand_of_weights(config.hand, config.hand_version, where="ContactNet", train="contact")
        self.config = config
        width, local = config.width, config.local
        self.object, self.hand, self.text = ObjectEncoder(config), HandEncoder(config), TextReader(config)
        self.kinds = nn.Parameter(torch.randn(2, width) * 0.02)
        self.fusion = nn.ModuleList(Fusion(config) for _ in range(config.layers))
        self.down = layers(width + local, config.head, config.head)
        self.point = PointHead(config.head + 7 + 4, 2, config)
        self.vertex = PointHead(width + NAME + 4, 1, config)
        self.names = nn.Parameter(torch.randn(len(hand.template), NAME) * 0.1)
        self.lack = layers(3 * width, width, 1)
        self._put_cloud(hand)

    def _put_cloud(self, hand: Hand) -> None:
        """Points of the hand's surface, always the same ones: they follow the skin."""
        drawn = sample_surface(
            hand.template, hand.faces, count=self.config.points, generator=torch.Generator().manual_seed(0)
        )
        centres = farthest_points(drawn.points, count=self.config.hand_centres)
        around = nearest(drawn.points[centres], drawn.points, self.config.hand_neighbours * SPARSE)
        around = around[:, ::SPARSE]  # every so-manieth: further out for as many
        put = lambda name, value: self.register_buffer(name, value, persistent=False)
        put("corners", hand.faces[drawn.face[around]])
        put("shares", drawn.barycentric[around])
        put("up", nearest(hand.template, drawn.points[centres], 3))
        put("centre_corners", hand.faces[drawn.face[centres]])
        put("centre_shares", drawn.barycentric[centres])
        put("rest", hand.template - hand.joint_template[0])

    def forward(
        self,
        objects: SeenObjects,
        hands: SeenHands,
        text: Text,
        *,
        of: Tensor,
        points: Tensor,
        vertices: Tensor,
    ) -> Logits:
        """What B sentences, each asked of one of O objects, say.

        Args:
            objects: each once, however many sentences it is asked.
            hands: one for each sentence.
            text: sentences.
            of: (B,) long, the object of each.
            points: (O, n) long, points that are told of.
            vertices: (v,) long, vertices of the hand that are told of.
        """
        low, high = objects.points.amin(1), objects.points.amax(1)
        middle, scale = (low + high) / 2, (high - low).norm(dim=-1) / 2
        unit = (objects.points - middle[:, None]) / scale[:, None, None]
        size = torch.log(scale / SIZE)
        a, local, b, wide = self.object(unit, objects.normals, size, objects.index)
        tokens = torch.cat((wide[of] + self.kinds[0], self._hand(hands, middle[of], scale[of])), 1)
        read, mask = self._read(text)
        for layer in self.fusion:
            tokens = layer(tokens, read, mask)
        on_object, on_hand = tokens[:, : b.shape[1]], tokens[:, b.shape[1] :]
        sentence = read[:, 0]
        # down to the first centres, then to the points
        fine = interpolate(on_object, b[of], a[of], objects.index.up_first[of])
        fine = self.down(torch.cat((fine, local[of]), -1))
        place, normal = take(unit, points), take(objects.normals, points)
        values = interpolate(fine, a[of], place[of], take(objects.index.up, points)[of])
        own = torch.cat((place, normal, size[:, None, None].expand(*place.shape[:2], 1)), -1)
        near = self._near_hands(objects, hands, points, of)
        logits = self.point(torch.cat((values, own[of], near), -1), sentence).float()
        skin = self.vertex(self._vertices(objects, hands, on_hand, vertices, of), sentence).float()
        lacking = self.lack(torch.cat((on_object.mean(1), on_object.amax(1), sentence), -1)).float()
        return Logits(logits[..., 0], logits[..., 1], skin[..., 0], lacking[:, 0])

    def _read(self, text: Text) -> tuple[Tensor, Tensor]:
        if self.config.sentence:
            return self.text(text.sentence, text.words, text.mask)
        nothing = torch.zeros_like(text.mask[:, :1])
        return self.text(torch.zeros_like(text.sentence), torch.zeros_like(text.words[:, :1]), nothing)

    def _hand(self, hands: SeenHands, middle: Tensor, scale: Tensor) -> Tensor:
        """Tokens of hands (B, C, width), for objects of these middles (B, 3) and sizes (B,)."""
        corners = hands.own[:, self.corners]  # (B, C, K, 3, 3)
        around = (corners * self.shares[..., None]).sum(-2)
        edge = corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]
        normals = nn.functional.normalize(torch.linalg.cross(*edge), dim=-1)
        where = (self._centres(hands.skin) - middle[:, None]) / scale[:, None, None]
        return self.hand(around, normals, self._centres(hands.own), where, hands.given) + self.kinds[1]

    def _centres(self, skin: Tensor) -> Tensor:
        """Centres (B, C, 3) of the hand's set abstraction, from vertices (B, V, 3)."""
        return (skin[:, self.centre_corners] * self.centre_shares[..., None]).sum(-2)

    def _near_hands(self, objects: SeenObjects, hands: SeenHands, points: Tensor, of: Tensor) -> Tensor:
        """What points of the objects feel of the hands, (B, n, 4)."""
        given = hands.given
        place, normal = take(objects.points, points), take(objects.normals, points)
        found = felt(place[of[given]], normal[of[given]], hands.skin[given, ::SPARSE])
        return where_given(given, found, len(of))

    def _vertices(
        self, objects: SeenObjects, hands: SeenHands, on_hand: Tensor, vertices: Tensor, of: Tensor
    ) -> Tensor:
        """What is known of vertices of the hands, (B, v, width + NAME + 4)."""
        count, given = len(of), hands.given
        rest = self.rest.expand(count, -1, -1)
        up = self.up[vertices].expand(count, -1, -1)
        values = interpolate(on_hand, self._centres(rest), rest[:, vertices], up)
        skin, surface = hands.skin[given][:, vertices], objects.points[of[given], :: 2 * SPARSE]
        near = where_given(given, felt(skin, skin[..., :0], surface), count)
        return torch.cat((values, self.names[vertices].expand(count, -1, -1), near), -1)


def at_rest(rest: Tensor, count: int) -> SeenHands:
    """Hands of which nothing is known, in a network's hand at rest (V, 3)."""
    rest = rest.expand(count, -1, -1)
    return SeenHands(rest, rest, torch.zeros(count, dtype=torch.bool, device=rest.device))
