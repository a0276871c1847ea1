"""What is trained, stage by stage: autoencoder, then object encoder and denoiser, then the adaptation module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import cast

import torch
from torch import Tensor, nn

from handhold.hand.kinematics import HandState
from handhold.hand.regions import REGIONS, region_masks
from handhold.hand.skeleton import FINGERS
from handhold.models.fastgrasp import losses
from handhold.models.fastgrasp.look import look
from handhold.models.fastgrasp.losses import LossWeights
from handhold.models.fastgrasp.model import FastGrasp
from handhold.models.grasp_rows import GraspRows, Placed, place_at, place_grasps

BATCH = 512
"""Rows at a time where all are looked at."""


class AutoencoderTask:
    """Stage one: hands to latents and back, under physical losses (equation 7).

    Args:
        model: the model; its autoencoder is trained.
        rows: training grasps.
        weights: of the losses.
        noise: added to latents, so that near ones decode to near hands.
    """

    def __init__(
        self, model: FastGrasp, rows: GraspRows, *, weights: LossWeights | None = None, noise: float = 0.02
    ) -> None:
        self.model, self.rows, self.noise = model, rows, noise
        self.weights = weights or LossWeights()
        self.module: nn.Module = model.autoencoder

    def __len__(self) -> int:
        return len(self.rows)

    def losses(self, rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of some grasps (B,)."""
        net = self.model.autoencoder
        placed, state = place_grasps(self.rows, rows, generator)
        true = self.model.autoencoder.code.points(state)
        latent = net.encode(state, true)
        noise = self.noise * torch.randn(latent.shape, generator=generator).to(latent)
        made, code = net.decode(latent + noise, state.betas)
        return reconstruction(self.model, placed, state, made, code, self.weights, true=true, latent=latent)


def reconstruction(
    model: FastGrasp,
    placed: Placed,
    state: HandState,
    made: HandState,
    code: Tensor,
    weights: LossWeights,
    *,
    true: Tensor,
    latent: Tensor | None = None,
) -> dict[str, Tensor]:
    """Equation 7 for hands that were made in place of true ones.

    Args:
        model: for the code and the points of a hand.
        placed: what is held.
        state: true hands in the places' frames.
        made: hands that were made.
        code: (B, SIZE) theirs, before limits were kept.
        weights: of the losses.
        true: (B, n, 3) points of the true hands.
        latent: (B, latent).
    """
    coder = model.autoencoder.code
    points = coder.points(made)
    near, true_near = placed.distances(points), placed.distances(true)
    terms = {
        "parameters": (code - coder.encode(state)).square().mean(),
        "vertices": losses.vertex_loss(points, true),
        "contact": losses.contact_loss(near, true_near),
        "penetration": losses.penetration_loss(near, true_near.clamp_max(0)),
        "consistency": losses.consistency_loss(near, true_near),
    }
    if weights.chamfer:
        terms["chamfer"] = losses.chamfer_loss(points, true)
    if latent is not None:
        terms["latent"] = latent.square().mean()
    wanted = asdict(weights)
    return {"loss": sum((wanted[name] * term for name, term in terms.items()), torch.zeros(())), **terms}


@torch.no_grad()
def fit_latents(model: FastGrasp, rows: GraspRows, *, seed: int) -> None:
    """Set the mean and deviation by which latents are normalized, from all training grasps."""
    generator = torch.Generator().manual_seed(seed)
    every = []
    for chosen in torch.arange(len(rows)).split(BATCH):
        _, state = place_grasps(rows, chosen, generator)
        every.append(model.autoencoder.encode(state))
    latents = torch.cat(every)
    model.latent_mean.copy_(latents.mean(0))
    model.latent_scale.copy_(latents.std(0).clamp_min(1e-3))


@dataclass(frozen=True)
class DropRates:
    """How often a training grasp forgets what is asked for.

    Attributes:
        wishes: part and type, each for itself.
        all: the object too: the null condition of guidance.
    """

    wishes: float = 0.6
    all: float = 0.1


class DiffusionTask:
    """Latent diffusion conditioned on the object (equation 8); the autoencoder is frozen.

    Args:
        model: the model; its object encoder and denoiser are trained.
        rows: training grasps.
        drop: how often conditions are left out.
        physical: weights of physical losses on what the denoiser's guess decodes to: the paper's rival, no good idea.
    """

    def __init__(
        self,
        model: FastGrasp,
        rows: GraspRows,
        *,
        drop: DropRates | None = None,
        physical: LossWeights | None = None,
    ) -> None:
        self.model, self.rows, self.physical = model, rows, physical
        self.drop = drop or DropRates()
        self.module: nn.Module = nn.ModuleDict({"object": model.object, "denoiser": model.denoiser})
        self.schedule = model.schedule()

    def __len__(self) -> int:
        return len(self.rows)

    def losses(self, rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of some grasps (B,)."""
        model, count = self.model, len(rows)
        placed, state = place_grasps(self.rows, rows, generator)
        with torch.no_grad():
            true = model.autoencoder.code.points(state)
            latent = model.normalize(model.autoencoder.encode(state, true))
        draw = lambda: torch.rand(count, generator=generator).to(latent.device)
        kinds = torch.where(draw() < self.drop.wishes, -1, self.rows.type[rows])
        parts = torch.where(draw() < self.drop.wishes, -1, self.rows.part[rows])
        seen = look(placed, model.basis, model.config, betas=state.betas, type=kinds, part=parts)
        feature = model.object.forget(model.object(seen), draw() < self.drop.all)
        noise = torch.randn(latent.shape, generator=generator).to(latent)
        steps = torch.randint(len(self.schedule.alphas_cumprod), (count,), generator=generator).to(
            rows.device
        )
        noised = self.schedule.add_noise(latent, noise, cast(torch.IntTensor, steps))
        guess = model.denoiser(noised, steps, feature)
        velocity = self.model.config.prediction == "v_prediction"
        target = (
            self.schedule.get_velocity(latent, noise, cast(torch.IntTensor, steps)) if velocity else noise
        )
        fit = (guess - target).square().mean()
        if self.physical is None:
            return {"loss": fit}
        clean = clean_latent(self.schedule, noised, guess, steps, velocity=velocity)
        made, code = model.decode(clean, state.betas)
        terms = reconstruction(model, placed, state, made, code, self.physical, true=true)
        return {**terms, "loss": fit + terms["loss"], "fit": fit}


def clean_latent(schedule, noised: Tensor, guess: Tensor, steps: Tensor, *, velocity: bool) -> Tensor:
    """What the denoiser thinks the latent was, (B, latent)."""
    kept = schedule.alphas_cumprod.to(noised)[steps][:, None]
    if velocity:
        return kept.sqrt() * noised - (1 - kept).sqrt() * guess
    return (noised - (1 - kept).sqrt() * guess) / kept.sqrt().clamp_min(1e-3)


@dataclass(frozen=True)
class AdaptWeights:
    """Weights of the adaptation's losses.

    Attributes:
        penetration: depth of skin beyond `give`.
        contact: distance to the surface of the pads of those fingers that came near it.
        stay: how far the hand moved.
        latent: mean square of the correction.
        give: depth that soft tissue takes up [m].
        near: fingers whose pads come nearer than this are to touch [m]; the thumb always is.
    """

    penetration: float = 20.0
    contact: float = 2.0
    stay: float = 0.2
    latent: float = 0.01
    give: float = 0.001
    near: float = 0.02


@dataclass(frozen=True)
class Drawn:
    """Latents that the diffusion made for training objects, with the places they are for."""

    latent: Tensor
    feature: Tensor
    row: Tensor
    point: Tensor
    turn: Tensor


class AdaptTask:
    """Stage two: correct latents that the frozen diffusion draws, by what their hands do to the object (equation 9).

    Latents are drawn once, `draws` for every training grasp, each at a place of its own.

    Args:
        model: the model; its adaptation module is trained.
        rows: training grasps: their objects, places and hand shapes are used.
        weights: of the losses.
        draws: latents a grasp.
        steps: of DDIM.
        seed: of the draws.
        progress: is called with how many rows are drawn.
    """

    def __init__(
        self,
        model: FastGrasp,
        rows: GraspRows,
        *,
        weights: AdaptWeights | None = None,
        draws: int = 2,
        steps: int = 16,
        guidance: float = 1.0,
        seed: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.model, self.rows = model, rows
        self.weights = weights or AdaptWeights()
        self.module: nn.Module = model.adapter
        coder = model.autoencoder.code
        masks = region_masks(coder.hand)[:, coder.seen]
        self.pads = torch.stack([masks[REGIONS.index(f"{finger}_distal")] for finger in FINGERS])
        self.drawn = _draw_all(
            model, rows, draws=draws, steps=steps, guidance=guidance, seed=seed, progress=progress
        )

    def __len__(self) -> int:
        return len(self.drawn.row)

    def losses(self, rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of some drawn latents (B,)."""
        model, drawn, want = self.model, self.drawn, self.weights
        grasp = drawn.row[rows]
        betas = self.rows.hands.betas[grasp]
        placed = place_at(
            self.rows.objects,
            self.rows.object[grasp],
            drawn.point[rows],
            self.rows.mirrored[grasp],
            drawn.turn[rows],
        )
        first = drawn.latent[rows]
        latent, feature, coder = first, drawn.feature[rows], model.autoencoder.code
        before = points = coder.points(model.decode(first, betas)[0])
        near = placed.distances(before)
        meant = torch.stack([near[:, pad].amin(-1) for pad in self.pads], -1) < want.near  # (B, 5)
        meant[:, 0] = True
        terms = {name: torch.zeros(()) for name in ("penetration", "contact", "stay", "latent")}
        for _ in range(model.config.adapt_rounds):
            latent = latent + self.module(latent, feature, betas, near)
            points = coder.points(model.decode(latent, betas)[0])
            near = placed.distances(points)
            reach = torch.stack([near[:, pad].amin(-1) for pad in self.pads], -1)
            terms["penetration"] = terms["penetration"] + losses.penetration_loss(near, -want.give)
            terms["contact"] = terms["contact"] + (reach.abs() * meant).mean() / losses.UNIT
            terms["stay"] = terms["stay"] + losses.vertex_loss(points, before)
            terms["latent"] = terms["latent"] + (latent - first).square().mean()
        loss = sum((getattr(want, name) * term for name, term in terms.items()), torch.zeros(()))
        return {"loss": loss, **terms}


@torch.no_grad()
def _draw_all(
    model: FastGrasp, rows: GraspRows, *, draws: int, steps: int, guidance: float, seed: int, progress
) -> Drawn:
    generator = torch.Generator().manual_seed(seed)
    every = torch.arange(len(rows)).repeat(draws)
    parts = []
    for chosen in every.split(BATCH):
        pick = torch.randint(rows.places.shape[1], (len(chosen),), generator=generator)
        point = rows.places[chosen, pick]
        turn = 2 * torch.pi * torch.rand(len(chosen), generator=generator)
        placed = place_at(rows.objects, rows.object[chosen], point, rows.mirrored[chosen], turn)
        seen = look(placed, model.basis, model.config, betas=rows.hands.betas[chosen])
        latent, feature = model.draw(seen, steps=steps, guidance=guidance, generator=generator)
        parts.append((latent, feature, chosen, point, turn))
        if progress:
            progress(sum(len(part[2]) for part in parts))
    return Drawn(*(torch.cat(part) for part in zip(*parts, strict=True)))
