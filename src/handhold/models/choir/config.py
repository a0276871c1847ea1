"""Sizes of JointDiffusion's networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from handhold.diffusion.noise import Prediction, Schedule
from handhold.errors import demand
from handhold.interaction.choir.basis import Assignment, ChoirConfig
from handhold.models.grasp_rows import POINTS

Frame = Literal["hand", "object"]
Known = Literal["pair", "object", "both"]
Form = Literal["field", "keypoints"]
CHOICES = {
    "frame": Frame,
    "known": Known,
    "form": Form,
    "assignment": Assignment,
    "schedule": Schedule,
    "prediction": Prediction,
}


@dataclass(frozen=True)
class JointDiffusionConfig:
    """Sizes, chosen for two cores; `published` has the paper's, as far as it tells them.

    Attributes:
        hand, hand_version: the hand model that the weights are for.
        form: what is drawn: "field", the distances of a CHOIR; "keypoints", 21 joints and 32 anchors as points, by
            residual layers in place of the U-Net: the paper's baseline.
        frame: where the basis points are: "hand", about the noisy hand and turned with it, so that a grasp looks the
            same however object and hand are turned; "object", about the object's box, as published.
        known: what a grasp is drawn from: "pair", a noisy hand and its object; "object" alone; "both", either.
        contacts: whether contact Gaussians are drawn with the distances.
        side: basis points along each edge of the grid.
        reach: half the grid's side [m].
        assignment: of anchors to basis points.
        signed: whether the object's distances are negative inside it.
        setback: of the cones of contact [m] (`ChoirConfig`).
        patch: basis points along each edge of what the U-Net takes as one place.
        widths: channels at each resolution of the U-Net and the context's encoder, finest first; each halves the one
            before.
        blocks: residual blocks at each resolution.
        heads: of attention.
        condition: size of the feature of time, hand shape and context.
        contact_width, contact_depth: of the contact decoder; of the keypoint baseline's layers too.
        points: points of the object that the keypoint baseline sees.
        shapes: hand shape coefficients.
        scale: standard deviation that distances are brought to; less lets noise drown them sooner, which suits
            fields that say everything a hundred times over.
        diffusion_steps: of the forward process.
        schedule: of its noise.
        prediction: what the denoiser predicts.
    """

    hand: str = "open"
    hand_version: str = "open-1"
    form: Form = "field"
    frame: Frame = "hand"
    known: Known = "both"
    contacts: bool = True
    side: int = 16
    reach: float = 0.12
    assignment: Assignment = "tiled"
    signed: bool = True
    setback: float = 0.002
    patch: int = 4
    widths: tuple[int, ...] = (96, 144)
    blocks: tuple[int, ...] = (2, 1)
    heads: int = 4
    condition: int = 256
    contact_width: int = 256
    contact_depth: int = 3
    points: int = 2048
    shapes: int = 10
    scale: float = 0.3
    diffusion_steps: int = 1000
    schedule: Schedule = "squaredcos_cap_v2"
    prediction: Prediction = "sample"

    def __post_init__(self) -> None:
        for name in ("widths", "blocks"):  # JSON has no tuples
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, known in CHOICES.items():
            value = getattr(self, name)
            demand(self, name, " or ".join(get_args(known)), repr(value), holds=value in get_args(known))
        whole = ("patch", "heads", "contact_width", "contact_depth", "points", "condition")
        for name, least in (*((name, 1) for name in whole), ("diffusion_steps", 2)):
            value = getattr(self, name)
            demand(self, name, f"{least} or more", value, holds=isinstance(value, int) and value >= least)
        for name in ("widths", "blocks"):
            value = getattr(self, name)
            holds = len(value) > 0 and all(isinstance(one, int) and one >= 1 for one in value)
            demand(self, name, "numbers of at least 1", value, holds=holds)
        demand(self, "blocks", "as many as widths", self.blocks, holds=len(self.blocks) == len(self.widths))
        even = all(width % self.heads == 0 and width % 8 == 0 for width in self.widths)
        demand(self, "widths", "multiples of 8 and of heads", self.widths, holds=even)
        finest, coarsest = self.side // self.patch, 2 ** (len(self.widths) - 1)
        fits = self.side % self.patch == 0 and finest % coarsest == 0
        expected = f"patches that fill it, and {coarsest} of them or a multiple"
        demand(self, "side", expected, self.side, holds=fits)
        demand(self, "scale", "above 0, at most 10", self.scale, holds=0 < self.scale <= 10)
        there = self.form == "field" or self.points <= POINTS
        demand(
            self, "points", f"at most {POINTS}, as many as rows have of an object", self.points, holds=there
        )
        demand(self, "shapes", "10", self.shapes, holds=self.shapes == 10)
        self.choir  # noqa: B018 - refuses what it cannot have

    @property
    def choir(self) -> ChoirConfig:
        """How grasps are seen."""
        return ChoirConfig(
            side=self.side,
            reach=self.reach,
            centre=self.frame,
            assignment=self.assignment,
            signed=self.signed,
            setback=self.setback,
        )

    @staticmethod
    def published() -> JointDiffusionConfig:
        """The paper's representation, and sizes in its spirit (it prints none); it has never been trained."""
        return JointDiffusionConfig(
            frame="object",
            known="pair",
            reach=0.1,
            assignment="ordered",
            signed=False,
            setback=0.0,
            patch=1,
            widths=(64, 128, 256, 512),
            blocks=(2, 2, 2, 2),
            condition=512,
            contact_width=1024,
            contact_depth=4,
            points=4096,
            scale=1.0,
            schedule="linear",
            prediction="epsilon",
        )
