"""Asking the contact network: where a sentence has hand and object touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place, surface_points
from handhold.interaction.grasp import Contact, Grasp
from handhold.language import TextEncoder
from handhold.models.contact.clouds import gather
from handhold.models.contact.committee import Committee
from handhold.models.contact.model import ContactNet, SeenHands, SeenObjects, Text, at_rest
from handhold.models.contact.reading import check_width
from handhold.models.grasp_rows import mirror_hands
from handhold.models.pretrained import check_trained_for
from handhold.objects import ObjectMesh

LACKING = 0.5
"""From this probability on a part counts as not there."""
UNSURE = 0.25
"""From this probability on it is told that the part may not be there."""


@dataclass(frozen=True)
class ToldContact:
    """Where one sentence has hand and object touch.

    Attributes:
        instruction: the sentence.
        points: (P, 3) float32, spread evenly by area over the object, in its own frame [m].
        normals: (P, 3) float32, outward.
        object: (P,) in [0, 1].
        hand: (V,) in [0, 1].
        absent: whether the sentence names a part that the object has not; then all weights are low.
        doubt: the probability of that.
    """

    instruction: str
    points: Tensor
    normals: Tensor
    object: Tensor
    hand: Tensor
    absent: bool
    doubt: float

    @property
    def unsure(self) -> bool:
        """Whether the part may not be there, though the masks were made as if it were."""
        return not self.absent and self.doubt >= UNSURE

    @property
    def contact(self) -> Contact:
        """The masks as a grasp carries them."""
        return Contact(hand=self.hand, object=self.object, points=self.points)


@dataclass(frozen=True, eq=False)
class Teller:
    """A contact network and the text encoder that it was trained with.

    Attributes:
        model: the network or networks, in eval mode.
        encoder: reads the sentences.
        name: what messages call the model.
    """

    model: ContactNet | Committee
    encoder: TextEncoder
    name: str = "the contact network"

    def __post_init__(self) -> None:
        check_width(self.model.config, self.encoder, where=self.name)

    def tell(self, obj: ObjectMesh, instructions: Sequence[str], *, seed: int = 0) -> list[ToldContact]:
        """Where sentences have a hand touch an object, wherever the hand may come from.

        Args:
            obj: the object.
            instructions: sentences.
            seed: of the points.

        Raises:
            InputError: a sentence without words.
        """
        return self._tell(
            obj, instructions, at_rest(self.model.rest, len(instructions)), seed=seed, mirrored=False
        )

    def tell_hands(
        self, grasps: Sequence[Grasp], instructions: Sequence[str], *, seed: int = 0
    ) -> list[ToldContact]:
        """Where sentences have noisy hands touch an object, one sentence for each grasp.

        Args:
            grasps: single grasps, all of one object and by one hand model; the hand must be the one that the network
                was trained for.
            instructions: as many sentences.
            seed: of the points.

        Raises:
            InputError: another hand, several of them or several objects, not one sentence for each grasp, or a
                sentence without words.
        """
        _check_alike(grasps, instructions)
        hand, config = grasps[0].hand, self.model.config
        check_trained_for(
            hand, config.hand, config.hand_version, remedy="Use the open hand, or train for this one."
        )
        hands = [hand_in_object(grasp) for grasp in grasps]
        left = hand.side == "left"
        state = mirror_hands(HandState.cat(hands), torch.full((len(hands),), left))
        right = Hand.open("right")
        skin = place(forward(right, state), surface_points(right, state.betas))
        own = (skin - state.wrist[:, None]) @ state.rotation
        seen = SeenHands(skin, own, torch.ones(len(hands), dtype=torch.bool))
        return self._tell(grasps[0].object, instructions, seen, seed=seed, mirrored=left)

    @torch.no_grad()
    def _tell(
        self, obj: ObjectMesh, instructions: Sequence[str], hands: SeenHands, *, seed: int, mirrored: bool
    ) -> list[ToldContact]:
        model = self.model
        features = self.encoder.encode(list(instructions))
        drawn = obj.sample(model.config.points, torch.Generator().manual_seed(seed))
        points, normals = drawn.points.float(), drawn.normals.float()
        flip = points.new_tensor([-1.0 if mirrored else 1.0, 1.0, 1.0])
        every = torch.arange(len(points))[None]
        found = model(
            SeenObjects((points * flip)[None], (normals * flip)[None], gather(points * flip, model.config)),
            hands,
            Text(features.sentence.float(), features.tokens.float(), features.mask),
            of=torch.zeros(len(instructions), dtype=torch.long),
            points=every,
            vertices=torch.arange(len(model.rest)),
        )
        return [
            _told(sentence, points, normals, touch, skin, float(doubt))
            for sentence, touch, skin, doubt in zip(
                instructions,
                found.object.sigmoid(),
                found.skin.sigmoid(),
                found.absent.sigmoid(),
                strict=True,
            )
        ]


def _told(
    sentence: str, points: Tensor, normals: Tensor, touch: Tensor, skin: Tensor, doubt: float
) -> ToldContact:
    """Masks are lowered where the part is more likely lacking than not: no confident guess at what is not there."""
    absent = doubt >= LACKING
    trust = 1 - doubt if absent else 1.0
    return ToldContact(sentence, points, normals, touch * trust, skin * trust, absent, doubt)


def _check_alike(grasps: Sequence[Grasp], instructions: Sequence[str]) -> None:
    """Refuse grasps that cannot be told of together."""
    alike = {(g.hand.name, g.hand.version, g.hand.side, g.object.content_hash) for g in grasps}
    if len(alike) != 1 or len(grasps) != len(instructions):
        raise InputError(
            "cannot be told of together",
            where="Teller.tell_hands",
            expected="grasps of one object by one hand, and a sentence for each",
            got=f"{len(grasps)} grasps of {len(alike)} kinds, {len(instructions)} sentences",
        )


def hand_in_object(grasp: Grasp) -> HandState:
    """The hand of a single grasp in the object's frame, a batch of one."""
    hand = grasp.hand
    state = HandState.from_params(hand, grasp.params.map(lambda t: t[None]))
    pose = grasp.T_world_object.to(state.wrist)
    turn = pose[:3, :3].mT
    return HandState(turn @ state.rotation, (state.wrist - pose[:3, 3]) @ turn.mT, state.angles, state.betas)
