"""Sentences put to grasps: where each is meant to touch, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from handhold.hand import Hand
from handhold.hand.skeleton import FINGERS
from handhold.interaction.grasp import Contact, Grasp
from handhold.interaction.hand_object import Frame, HandObject
from handhold.interaction.measures import CONTACT_MM

if TYPE_CHECKING:
    from handhold.models.contact import Teller, ToldContact

MOVED_M = 0.030
"""A wrist that went further than this was taken somewhere else [m]."""
ASKED_MM = 10.0
"""What touches within this of the asked place touches it [mm]: the mask is as coarse as a finger's pad."""
LEAST = 0.3
"""A grasp that has less of its touch where it was asked did not get there."""
NEAR_M = 0.020
"""A hand whose palmar skin comes this near to the asked place is seen by the network; one that is somewhere else would
only draw the mask to it [m]."""
FRAMES = 4
"""Frames of a motion that a sentence is put to."""


@dataclass(frozen=True, eq=False)
class Instruct:
    """A sentence for all grasps of a run.

    Attributes:
        teller: knows where sentences touch.
        instruction: the sentence.
        seed: of the objects' points.
    """

    teller: Teller
    instruction: str
    seed: int = 0

    def __call__(self, grasps: Sequence[Grasp]) -> tuple[list[Grasp], list[list[str]]]:
        """Grasps with the contact that the sentence asks for, and what is to be said of each.

        Where the object has no such part the grasp stays as it was.

        Args:
            grasps: single grasps and motions; of a motion a few frames are asked and their answers' mean is taken. Of
                a hand that the network does not know the object alone is asked, and the fingers' weights are passed on.
        """
        given, notes = [], []
        for grasp in grasps:
            told = self._ask(grasp)
            if told.absent:
                given.append(grasp.with_(instruction=self.instruction))
                notes.append([absent_words(grasp.object.name, self.instruction)])
            else:
                contact = Contact(told.hand, told.object, told.points)
                given.append(grasp.with_(instruction=self.instruction, contact=contact))
                notes.append([unsure_words(told, grasp.object.name)] if told.unsure else [])
        return given, notes

    def _ask(self, grasp: Grasp) -> ToldContact:
        """What the sentence says of one grasp, its weights on the device and for the hand of the grasp."""
        config, hand = self.teller.model.config, grasp.hand
        known = (hand.name, hand.version) == (config.hand, config.hand_version)
        told = self.teller.tell(grasp.object, [self.instruction], seed=self.seed)
        frames = on_cpu(grasp) if known else []
        if frames and any(away_from(told[0], frame) < NEAR_M for frame in frames):
            told = self.teller.tell_hands(frames, [self.instruction] * len(frames), seed=self.seed)
        mean = lambda name: torch.stack([getattr(one, name) for one in told]).mean(0)
        skin = mean("hand") if known else of_fingers(mean("hand"), Hand.open(hand.side), hand)
        like = grasp.params.transl.detach()
        return replace(
            told[0],
            points=told[0].points.to(like),
            normals=told[0].normals.to(like),
            object=mean("object").to(like),
            hand=skin.to(like),
            absent=sum(one.absent for one in told) * 2 > len(told),
            doubt=sum(one.doubt for one in told) / len(told),
        )


def away_from(told: ToldContact, grasp: Grasp) -> float:
    """How far a single grasp's skin is from where a sentence has it touch, at the nearest [m]."""
    from scipy.spatial import KDTree

    pose = grasp.T_world_object
    skin = (grasp.fitted().vertices - pose[:3, 3]) @ pose[:3, :3]
    core = told.points[told.object >= 0.5 * told.object.max()]
    return float(KDTree(core.numpy()).query(skin[grasp.hand.palmar].numpy())[0].min())


def absent_words(name: str, instruction: str) -> str:
    """What is said where a sentence names a part that the object has not."""
    return f"{name} seems to have no such part as is asked for: '{instruction}'; the sentence was left out"


def unsure_words(told: ToldContact, name: str) -> str:
    """What is said where it is not sure that an object has the part that a sentence names."""
    return f"{name} may have no such part as is asked for (probability {told.doubt:.2f}): look at the picture"


def on_cpu(grasp: Grasp) -> list[Grasp]:
    """A grasp, or some frames of a motion, as single grasps by the open hand on the CPU."""
    hand = Hand.open(grasp.hand.side)
    cpu = grasp.with_(
        hand=hand,
        params=grasp.params.map(lambda t: t.float().cpu()),
        T_world_object=grasp.T_world_object.float().cpu(),
        offsets=None,
        keypoints=None,
        contact=None,
        fps=None,
    )
    if not grasp.is_motion:
        return [cpu]
    count = len(cpu.params.transl)
    chosen = np.unique(np.linspace(0, count - 1, FRAMES).astype(int)).tolist()
    pose = cpu.T_world_object.expand(count, 4, 4)
    return [cpu.with_(params=cpu.params[k], T_world_object=pose[k]) for k in chosen]


def of_fingers(weights: Tensor, known: Hand, hand: Hand) -> Tensor:
    """A mask of one hand's vertices (V,) on another's: its greatest weight on each finger, on palmar skin."""
    most = torch.stack([weights[known.finger_labels == k + 1].amax() for k in range(len(FINGERS))])
    table = torch.cat((most.new_zeros(1), most)).to(hand.template)
    return table[hand.finger_labels] * hand.palmar


def asked_words(before: Grasp, after: Grasp) -> list[str]:
    """Whether a grasp that was asked for a place came to it: said where its hand was taken there, or is not there."""
    contact = after.contact
    if after.instruction is None or contact is None or contact.points is None or contact.object is None:
        return []
    moved = float((after.params.transl - before.params.transl).norm(dim=-1).max())
    share = asked_share(after)
    if share < LEAST:
        told = f"only {share:.0%} of what the hand touches" if share > 0 else "nothing that the hand touches"
        return [f"the hand could not be taken to where the sentence has it: {told} is there"]
    if moved > MOVED_M:
        return [
            f"the hand was taken {moved * 100:.0f} cm to where the sentence has it ({share:.0%} of its touch)"
        ]
    return []


def asked_share(grasp: Grasp) -> float:
    """Share of the object's touched points that are where the grasp's contact mask asks for touch.

    A point of `Contact.points` is touched within 3 mm of the hand, and where it was asked within 10 mm of a point of at
    least half of the greatest weight. Of a motion all frames count. 0 where nothing touches or nothing was asked; NaN
    without a mask that has points of its own.
    """
    contact = grasp.contact
    if contact is None or contact.points is None or contact.object is None:
        return float("nan")
    from scipy.spatial import KDTree

    points = contact.points.double().cpu().numpy()
    weight = contact.object.cpu().numpy()
    asked = points[(weight >= 0.5 * weight.max()) & (weight > 0)]
    touched = np.concatenate([_touched(frame, points) for frame in HandObject.of_grasp(grasp).frames()])
    if not len(touched) or not len(asked):
        return 0.0
    return float((KDTree(asked).query(touched)[0] * 1e3 <= ASKED_MM).mean())


def _touched(frame: Frame, points: np.ndarray) -> np.ndarray:
    """Those of an object's points (P, 3) that a hand touches."""
    low, high = frame.vertices.min(0) - CONTACT_MM * 1e-3, frame.vertices.max(0) + CONTACT_MM * 1e-3
    near = points[((points >= low) & (points <= high)).all(1)]
    return near[frame.hand_distance.unsigned(near) * 1e3 <= CONTACT_MM] if len(near) else near
