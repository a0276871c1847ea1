"""Grasps that a model in training makes for held-out objects, measured as `evaluate` measures."""

from __future__ import annotations

import torch

from handhold.evaluate.metrics.diversity import CLUSTERS, fastgrasp_diversity
from handhold.hand.kinematics import forward, keypoint_points, place
from handhold.models.fastgrasp import FastGrasp
from handhold.models.fastgrasp.look import look
from handhold.models.grasp_rows import GraspRows, Placed, place_at

TOUCH = 0.005
"""GraspTTA's contact: some skin inside or nearer than this [m]."""
FINGER = 0.003


@torch.no_grad()
def measures_of_grasps(
    model: FastGrasp, rows: GraspRows, *, objects: int, each: int, adapt: bool, seed: int
) -> dict[str, float]:
    """Means over grasps of the first objects, at places where thumbs are in the set.

    Distances are the objects' grids': quick, right to a millimetre. Volumes and physics are left to the benchmark.

    Args:
        model: the model.
        rows: held-out grasps.
        objects: at most how many objects.
        each: grasps of each.
        adapt: with the adaptation module.
        seed: of places and noise.

    Returns:
        depth_mm: the deepest skin. inside_percent: share of skin deeper than 2 mm. contact_percent: grasps with some
        skin inside or within 5 mm. fingers: that touch within 3 mm. entropy: FastGrasp's, of 20 clusters of joints,
        where there are as many grasps.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.cat(
        [
            own[torch.randint(len(own), (each,), generator=generator)]
            for k in range(min(objects, len(rows.objects)))
            if len(own := torch.nonzero(rows.object == k).squeeze(-1))
        ]
    )
    pick = torch.randint(rows.places.shape[1], (len(chosen),), generator=generator)
    turn = 2 * torch.pi * torch.rand(len(chosen), generator=generator)
    placed = place_at(
        rows.objects, rows.object[chosen], rows.places[chosen, pick], rows.mirrored[chosen], turn
    )
    points, state = _made(model, placed, rows.hands.betas[chosen], adapt=adapt, generator=generator)
    near = placed.distances(points)
    labels = model.autoencoder.code.hand.finger_labels
    touching = torch.stack([near[:, labels == k].amin(-1) < FINGER for k in range(1, 6)], -1)
    back = placed.hands_back(state)
    hand = model.autoencoder.code.hand
    joints = place(forward(hand, back), keypoint_points(hand, back.betas)).double().numpy()
    figures = {
        "depth_mm": float((-near).amax(-1).clamp_min(0).mean() * 1e3),
        "inside_percent": float((near < -0.002).float().mean() * 100),
        "contact_percent": float((near < TOUCH).any(-1).float().mean() * 100),
        "fingers": float(touching.float().sum(-1).mean()),
    }
    if len(joints) >= CLUSTERS:
        figures["entropy"] = float(fastgrasp_diversity(joints, canonical=False, seed=seed).entropy)
    return figures


def _made(model: FastGrasp, placed: Placed, betas: torch.Tensor, *, adapt: bool, generator: torch.Generator):
    seen = look(placed, model.basis, model.config, betas=betas)
    latent, feature = model.draw(seen, steps=16, guidance=1.0, generator=generator)
    state = (
        model.adapt(latent, feature, betas, placed.distances)[1] if adapt else model.decode(latent, betas)[0]
    )
    return model.autoencoder.code.points(state, all=True), state
