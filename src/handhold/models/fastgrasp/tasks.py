"""Stage one: autoencoder, then object encoder and denoiser. A model and its rows are on one device."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from handhold.hand.kinematics import HandState
from handhold.models.fastgrasp import losses
from handhold.models.fastgrasp.look import look
from handhold.models.fastgrasp.losses import LossWeights
from handhold.models.fastgrasp.model import FastGrasp
from handhold.models.grasp_rows import GraspRows, Placed, place_grasps

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
    return {"loss": sum((wanted[name] * term for name, term in terms.items()), near.new_zeros(())), **terms}


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
        model, count, rows = self.model, len(rows), rows.to(self.rows.object.device)
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
        steps = torch.randint(len(self.schedule), (count,), generator=generator).to(rows.device)
        noised = self.schedule.add_noise(latent, noise, steps)
        guess = model.denoiser(noised, steps, feature)
        fit = (guess - self.schedule.target(latent, noise, steps)).square().mean()
        if self.physical is None:
            return {"loss": fit}
        clean = self.schedule.clean(noised, guess, steps)
        made, code = model.decode(clean, state.betas)
        terms = reconstruction(model, placed, state, made, code, self.physical, true=true)
        return {**terms, "loss": fit + terms["loss"], "fit": fit}
