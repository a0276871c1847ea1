"""Stage two: the adaptation module, everything else frozen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from handhold.hand.regions import REGIONS, region_masks
from handhold.hand.skeleton import FINGERS
from handhold.models.fastgrasp import losses
from handhold.models.fastgrasp.look import look
from handhold.models.fastgrasp.model import FastGrasp
from handhold.models.fastgrasp.tasks import BATCH
from handhold.models.grasp_rows import GraspRows, place_at


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
class DrawnLatents:
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
        rows = rows.to(drawn.row.device)
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
        nothing = near.new_zeros(())
        terms = dict.fromkeys(("penetration", "contact", "stay", "latent"), nothing)
        for _ in range(model.config.adapt_rounds):
            latent = latent + self.module(latent, feature, betas, near)
            points = coder.points(model.decode(latent, betas)[0])
            near = placed.distances(points)
            reach = torch.stack([near[:, pad].amin(-1) for pad in self.pads], -1)
            terms["penetration"] = terms["penetration"] + losses.penetration_loss(near, -want.give)
            terms["contact"] = terms["contact"] + (reach.abs() * meant).mean() / losses.UNIT
            terms["stay"] = terms["stay"] + losses.vertex_loss(points, before)
            terms["latent"] = terms["latent"] + (latent - first).square().mean()
        loss = sum((getattr(want, name) * term for name, term in terms.items()), nothing)
        return {"loss": loss, **terms}


@torch.no_grad()
def _draw_all(
    model: FastGrasp, rows: GraspRows, *, draws: int, steps: int, guidance: float, seed: int, progress
) -> DrawnLatents:
    generator, device = torch.Generator().manual_seed(seed), rows.object.device
    every = torch.arange(len(rows), device=device).repeat(draws)
    parts = []
    for chosen in every.split(BATCH):
        pick = torch.randint(rows.places.shape[1], (len(chosen),), generator=generator).to(device)
        point = rows.places[chosen, pick]
        turn = 2 * torch.pi * torch.rand(len(chosen), generator=generator).to(device)
        placed = place_at(rows.objects, rows.object[chosen], point, rows.mirrored[chosen], turn)
        seen = look(placed, model.basis, model.config, betas=rows.hands.betas[chosen])
        latent, feature = model.draw(seen, steps=steps, guidance=guidance, generator=generator)
        parts.append((latent, feature, chosen, point, turn))
        if progress:
            progress(sum(len(part[2]) for part in parts))
    return DrawnLatents(*(torch.cat(part) for part in zip(*parts, strict=True)))
