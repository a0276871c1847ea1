"""Named noise: hand parameters disturbed as published protocols disturb them, exact in size and unit.

Each protocol adds independent noise to the translation [m], to the wrist's axis-angle vector [rad], and to the
first principal coefficients of the pose [rad]. Noise e on coefficients is e @ components[:n] on the 45 axis-angle
values: nothing of the pose is projected away. MANO's hands take the components of the user's own MANO file; the
open hand takes its own (`hand.pose_space`), and the protocol is then called by another name, `contactopt-open`
for `contactopt`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.hand.model import Hand, HandParams
from handhold.hand.pose_space import PoseSpace

OPEN_SUFFIX = "-open"
BETA = (8, 2)
"""Shape of GeneOH's Beta noise; its mean is 0.8."""


@dataclass(frozen=True)
class NoiseProtocol:
    """How much noise, of which kind, on what.

    Attributes:
        name: the name it is asked for by, and that files record (with "-open" on the open hand).
        translation_m: standard deviation on each of the three coordinates, always Gaussian [m].
        rotation_rad: scale of what is added to each entry of the wrist's axis-angle vector [rad].
        pose_rad: scale of what is added to each principal coefficient of the pose [rad].
        components: how many coefficients, the first ones.
        distribution: of rotation and pose: "gaussian", the scale is the standard deviation; or "beta",
            Beta(8, 2) times the scale, never negative.
        source: where the figures were read.
    """

    name: str
    translation_m: float
    rotation_rad: float
    pose_rad: float
    components: int
    distribution: Literal["gaussian", "beta"] = "gaussian"
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("translation_m", "rotation_rad", "pose_rad"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InputError(
                    "must be 0 or a positive number", where=f"NoiseProtocol.{name}", got=getattr(self, name)
                )
        if self.distribution not in ("gaussian", "beta"):
            raise InputError(
                "unknown distribution",
                where="NoiseProtocol.distribution",
                expected="gaussian or beta",
                got=self.distribution,
            )


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        NoiseProtocol(
            "contactopt",
            0.05,
            0.1,
            0.5,
            15,
            source="ContactOpt, create_dataset_contactpose.py, main (Perturbed ContactPose); not its defaults",
        ),
        NoiseProtocol(
            "choir-level2",
            0.05,
            0.15,
            0.5,
            15,
            source="CHOIR's code, perturbation level 2; the paper's text (0.05 PCA, 15) matches no code",
        ),
        NoiseProtocol("toch-grab", 0.01, 0.05, 0.3, 24, source="TOCH on GRAB, independent for every frame"),
        NoiseProtocol(
            "geneoh-beta",
            0.01,
            0.05,
            0.3,
            24,
            distribution="beta",
            source="GeneOH's Beta noise on GRAB: never negative; the translation stays Gaussian",
        ),
        NoiseProtocol(
            "gravitydb",
            0.0,
            0.0,
            0.5,
            24,
            source="ours: GravityDB prints its input's error, not its noise. MPJPE 25.3 mm, IV 5.9 cm3, PD 11.1 mm "
            "on 82 captured grasps with fitted hands (25.2, 5.5, 10.7 on all 326; 3.4, 4.2, 6.8 before noise); the "
            "paper's Table 1, SHOWMe/GRAB/HO3D: 25.4/23.2/27.9 mm, 5.1/4.5/5.9 cm3, 6.0/5.3/6.9 mm",
        ),
    )
}
"""The protocols there are, by name."""


def check_protocol(name: str) -> NoiseProtocol:
    """The protocol of a name, with or without "-open".

    Raises:
        InputError: there is no such protocol.
    """
    protocol = PROTOCOLS.get(name.removesuffix(OPEN_SUFFIX))
    if protocol is None:
        raise InputError("no such noise protocol", expected=", ".join(PROTOCOLS), got=name)
    return protocol


def find_protocol(name: str, *, hand: Hand) -> tuple[NoiseProtocol, str]:
    """A protocol, and the name to record when it is used on a hand.

    Args:
        name: `contactopt` or, for the open hand, `contactopt-open`; both give the open hand the second.
        hand: the hand that the noise is for.

    Raises:
        InputError: no such protocol, or the open hand's name for another hand.
    """
    protocol = check_protocol(name)
    base = protocol.name
    if hand.name != "open" and base != name:
        raise InputError(
            "is noise in the open hand's pose space",
            where=name,
            got=f"a {hand.name} hand",
            remedy=f"Use {base}.",
        )
    return protocol, recorded_name(protocol, hand)


def recorded_name(protocol: NoiseProtocol, hand: Hand) -> str:
    """What files call a protocol that was used on a hand."""
    return protocol.name + (OPEN_SUFFIX if hand.name == "open" else "")


def perturb(
    params: HandParams,
    hand: Hand,
    *,
    protocol: str | NoiseProtocol,
    generator: torch.Generator,
    pose_space: PoseSpace | None = None,
) -> HandParams:
    """Hand parameters with noise; every row of the leading axes, a motion's frames among them, by itself.

    Args:
        params: parameters (*, ...) with any leading axes.
        hand: the hand that they are of.
        protocol: a name in `PROTOCOLS`, as such or with "-open" for the open hand; or a protocol of one's own.
        generator: where the noise comes from; `noise_generator` gives one that belongs to a grasp. The noise is
            the same for float32 and float64 parameters.
        pose_space: the hand's; None takes the open hand's. A MANO hand needs `PoseSpace.mano(path, side=...)`.

    Returns:
        Parameters of the same shape, device and dtype; the shape coefficients stay.

    Raises:
        InputError: no such protocol, values that are not finite, or a pose space of another hand.
    """
    if isinstance(protocol, str):
        protocol, _ = find_protocol(protocol, hand=hand)
    for name in ("global_orient", "hand_pose", "transl"):
        if not getattr(params, name).isfinite().all():
            raise InputError("is not finite", where=name, expected="finite numbers")
    directions = _pose_space(pose_space, hand).directions(protocol.components)
    batch = params.batch_shape
    shift = protocol.translation_m * _normal(*batch, 3, generator=generator)
    scaled = _normal if protocol.distribution == "gaussian" else _beta
    turn = protocol.rotation_rad * scaled(*batch, 3, generator=generator)
    bend = protocol.pose_rad * scaled(*batch, protocol.components, generator=generator)
    bend = (bend @ directions.to(bend)).unflatten(-1, (15, 3))
    return HandParams(
        global_orient=params.global_orient + turn.to(params.global_orient),
        hand_pose=params.hand_pose + bend.to(params.hand_pose),
        betas=params.betas,
        transl=params.transl + shift.to(params.transl),
    )


def noise_generator(seed: int, name: str, *, draw: int = 0) -> torch.Generator:
    """A generator on the CPU for one draw of one grasp's noise.

    Its seed is the first eight bytes of the SHA-256 of seed, draw and name, so that a grasp gets the same noise
    whatever else is disturbed with it, in whichever order.

    Args:
        seed: the run's.
        name: the grasp's.
        draw: which of several draws.
    """
    digest = hashlib.sha256(f"{seed}/{draw}/{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))


def _pose_space(space: PoseSpace | None, hand: Hand) -> PoseSpace:
    if space is None and hand.name == "open":
        return PoseSpace.open(hand.side)
    if space is None:
        raise InputError(
            "needs the pose components of its file",
            where=f"a {hand.name} hand",
            remedy="Pass pose_space=PoseSpace.mano(path, side=...).",
        )
    if (space.model, space.side) != (hand.name, hand.side):
        raise InputError(
            "belongs to another hand",
            where="pose_space",
            expected=f"the {hand.side} {hand.name} hand's",
            got=f"the {space.side} {space.model} hand's",
        )
    return space


def _normal(*size: int, generator: torch.Generator) -> Tensor:
    return torch.randn(*size, generator=generator, device=generator.device, dtype=torch.float64)


def _beta(*size: int, generator: torch.Generator) -> Tensor:
    """Beta(8, 2): of ten exponential waits, the share of the first eight (torch's own takes no generator)."""
    waits = torch.empty(*size, sum(BETA), device=generator.device, dtype=torch.float64)
    waits = waits.exponential_(generator=generator)
    return waits[..., : BETA[0]].sum(-1) / waits.sum(-1)
