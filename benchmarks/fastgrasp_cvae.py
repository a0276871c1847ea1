"""The rival of FastGrasp: a conditional variational autoencoder of grasps, in its size and with its losses.

As FastGrasp's baseline (table 1) and GraspTTA's GraspCVAE (Jiang et al., ICCV 2021, section 3.1): the encoder sees hand
and object, the decoder a latent and the object, and there is neither diffusion nor adaptation. Object, hand, code and
losses are FastGrasp's own, so that only the generative model differs.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from handhold.hand.kinematics import HandState
from handhold.methods.synthesize.judge import Judge, Near
from handhold.models.blocks import Stack
from handhold.models.fastgrasp import FastGrasp, FastGraspConfig, Seen
from handhold.models.fastgrasp.hand_code import SIZE
from handhold.models.fastgrasp.look import look
from handhold.models.fastgrasp.losses import LossWeights
from handhold.models.fastgrasp.tasks import DropRates, reconstruction
from handhold.models.grasp_rows import GraspRows, place_grasps

STEP = 8
"""Widths that are tried are multiples of this."""
LEAST_LOG, MOST_LOG = -12.0, 6.0
"""Of the latent's log-variance, so that no exponential runs away."""


class Cvae(FastGrasp):
    """A CVAE that draws and decodes where a `FastGrasp` would: its "latent" is its own, and the object's feature.

    The decoder sees the feature as the denoiser does, and is as wide as it takes to have the parameters of
    FastGrasp's autoencoder and denoiser together. These two and the adapter lie unused in it.

    Args:
        config: FastGrasp's sizes.
    """

    def __init__(self, config: FastGraspConfig) -> None:
        super().__init__(config)
        self.encoder = Stack(
            3 * config.hand_points + config.shapes + config.condition,
            2 * config.latent,
            width=config.decoder_width,
            depth=config.decoder_depth,
        )
        wanted = parameters(self.autoencoder) + parameters(self.denoiser) - parameters(self.encoder)
        self.decoder = _decoder(config, wanted)

    @property
    def trained(self) -> nn.Module:
        """What is trained of it."""
        return nn.ModuleDict({"object": self.object, "encoder": self.encoder, "decoder": self.decoder})

    def encode(self, points: Tensor, betas: Tensor, feature: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, latent) of hands whose points are (B, n, 3) [m], on objects of a feature."""
        inputs = torch.cat((10 * points.flatten(1), betas, feature), -1)
        mean, log = self.encoder(inputs).chunk(2, -1)
        return mean, log.clamp(LEAST_LOG, MOST_LOG)

    @torch.no_grad()
    def draw(
        self, seen: Seen, *, steps: int, guidance: float, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Latents from the prior with the feature behind them (B, latent + condition), and the feature.

        There are no steps and no guidance.
        """
        feature = self.object(seen)
        noise = torch.randn(len(seen), self.config.latent, generator=generator).to(feature)
        return torch.cat((noise, feature), -1), feature

    def decode(self, latent: Tensor, betas: Tensor) -> tuple[HandState, Tensor]:
        """Hands of what `draw` gives (B, latent + condition), and their codes (B, SIZE)."""
        own, feature = latent.split([self.config.latent, self.config.condition], -1)
        code = self.decoder(torch.cat((own, betas), -1), nn.functional.silu(feature))
        return self.autoencoder.code.decode(code, betas), code


@dataclass(frozen=True)
class KlWeights:
    """Weights of the divergence from the prior.

    Attributes:
        weight: of a nat.
        free: nats that each number of the latent may have for nothing (Kingma et al., NeurIPS 2016, free bits), in
            place of a warm-up: a training that goes on from a checkpoint need not know how far it was.
    """

    weight: float
    free: float = 0.05


class CvaeTask:
    """Hands and objects to latents near the prior, and back, under the autoencoder's losses (FastGrasp, equation 7).

    Args:
        model: what is trained.
        rows: training grasps.
        kl: how latents are held to the prior.
        weights: of the other losses.
        drop: how often parts and types are left out, as in `DiffusionTask`; the object never is.
    """

    def __init__(
        self,
        model: Cvae,
        rows: GraspRows,
        *,
        kl: KlWeights,
        weights: LossWeights | None = None,
        drop: DropRates | None = None,
    ) -> None:
        self.model, self.rows, self.kl = model, rows, kl
        self.weights, self.drop = weights or LossWeights(), drop or DropRates()
        self.module: nn.Module = model.trained

    def __len__(self) -> int:
        return len(self.rows)

    def losses(self, rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of some grasps (B,); "nats" is the divergence, all of it."""
        model, rows = self.model, rows.to(self.rows.object.device)
        placed, state = place_grasps(self.rows, rows, generator)
        true = model.autoencoder.code.points(state)
        left_out = lambda: (torch.rand(len(rows), generator=generator) < self.drop.wishes).to(rows.device)
        kinds = torch.where(left_out(), -1, self.rows.type[rows])
        parts = torch.where(left_out(), -1, self.rows.part[rows])
        seen = look(placed, model.basis, model.config, betas=state.betas, type=kinds, part=parts)
        feature = model.object(seen)
        mean, log = model.encode(true, state.betas, feature)
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        latent = mean + noise * (log / 2).exp()
        made, code = model.decode(torch.cat((latent, feature), -1), state.betas)
        terms = reconstruction(model, placed, state, made, code, self.weights, true=true)
        nats = (mean.square() + log.exp() - 1 - log).mean(0) / 2
        held = self.kl.weight * nats.clamp_min(self.kl.free).sum()
        return {**terms, "loss": terms["loss"] + held, "nats": nats.sum()}


def parameters(module: nn.Module) -> int:
    """How many numbers it learns."""
    return sum(one.numel() for one in module.parameters())


def _decoder(config: FastGraspConfig, wanted: int) -> Stack:
    """The widest decoder, in steps, of no more parameters than are wanted."""

    def made(width: int, device: str) -> Stack:
        with torch.device(device):
            inputs = config.latent + config.shapes
            return Stack(inputs, SIZE, width=width, depth=config.depth, condition=config.condition)

    width = STEP
    while parameters(made(width + STEP, "meta")) <= wanted:
        width += STEP
    return made(width, "cpu")


@torch.no_grad()
def drawn_cost(model: FastGrasp, rows: GraspRows, *, seed: int) -> float:
    """Mean of `Judge.cost` of hands drawn where the validation grasps are."""
    generator = torch.Generator().manual_seed(seed)
    placed, true = place_grasps(rows, torch.arange(len(rows)), generator)
    seen = look(placed, model.basis, model.config, betas=true.betas)
    latent, _ = model.draw(seen, steps=16, guidance=1.0, generator=generator)
    coder = model.autoencoder.code
    points = placed.to_object(coder.points(model.decode(latent, true.betas)[0]))
    near = Near(points, *placed.objects.grid.query(points, placed.object))
    centre = placed.objects.points[placed.object].mean(1)
    return float(Judge(coder.hand, coder.seen).cost(near, centre=centre, table=None).mean())
