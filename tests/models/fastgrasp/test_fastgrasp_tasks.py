"""Every stage of training: its losses fall, and it changes nothing but its own part of the model."""

from dataclasses import replace

import pytest
import torch

from handhold.models.fastgrasp import FastGrasp, FastGraspConfig, losses
from handhold.models.fastgrasp.adapt_task import AdaptTask
from handhold.models.fastgrasp.losses import LossWeights
from handhold.models.fastgrasp.tasks import AutoencoderTask, DiffusionTask, fit_latents
from handhold.models.grasp_rows import place_grasps

SMALL = FastGraspConfig(
    hand_points=96,
    hand_widths=(16, 32),
    latent=16,
    decoder_width=64,
    decoder_depth=1,
    basis=64,
    condition=32,
    object_width=32,
    object_depth=1,
    width=64,
    depth=1,
    adapt_width=64,
    adapt_depth=1,
)


def learn(task, *, steps: int, rate: float = 3e-3) -> list[dict[str, float]]:
    """A plain loop over all rows."""
    optimizer = torch.optim.Adam(task.module.parameters(), lr=rate)
    told = []
    for step in range(steps):
        generator = torch.Generator().manual_seed(step % 4)
        found = task.losses(torch.arange(len(task)).repeat(8), generator)
        optimizer.zero_grad()
        found["loss"].backward()
        optimizer.step()
        told.append({name: float(value.detach()) for name, value in found.items()})
    return told


@pytest.fixture(scope="module")
def near_rows(rows):
    """The hands of `rows`, brought to the object: the wrist 12 cm off its middle, the hand turned towards it."""
    return replace(rows, hands=replace(rows.hands, wrist=torch.tensor([[0.02, 0.01, 0.12]]).repeat(5, 1)))


def frozen(model, *, but) -> dict[str, torch.Tensor]:
    own = {id(p) for p in but.parameters()}
    return {name: p.detach().clone() for name, p in model.named_parameters() if id(p) not in own}


@pytest.mark.parametrize("hand_input", ["vertices", "set", "parameters"])
def test_the_autoencoder_learns_hands(near_rows, hand_input):
    torch.manual_seed(0)
    model = FastGrasp(replace(SMALL, hand_input=hand_input))
    told = learn(AutoencoderTask(model, near_rows), steps=60)
    assert told[-1]["vertices"] < 0.6 * told[0]["vertices"]
    assert told[-1]["loss"] < 0.6 * told[0]["loss"]


@pytest.mark.parametrize("sight", ["basis", "points", "both"])
def test_the_diffusion_learns_and_leaves_the_autoencoder(near_rows, sight):
    torch.manual_seed(0)
    model = FastGrasp(replace(SMALL, sight=sight))
    fit_latents(model, near_rows, seed=0)
    model.requires_grad_(False)
    task = DiffusionTask(model, near_rows)
    task.module.requires_grad_(True)
    kept = frozen(model, but=task.module)
    told = learn(task, steps=60)
    assert sum(t["loss"] for t in told[-8:]) < 0.9 * sum(t["loss"] for t in told[:8])
    assert all(torch.equal(value, dict(model.named_parameters())[name]) for name, value in kept.items())


def test_latents_are_normalized_over_all_grasps(near_rows):
    model = FastGrasp(SMALL)
    fit_latents(model, near_rows, seed=0)
    _, state = place_grasps(near_rows, torch.arange(5), torch.Generator().manual_seed(0))
    latents = model.normalize(model.autoencoder.encode(state))
    torch.testing.assert_close(latents.mean(0), torch.zeros(16), atol=1e-4, rtol=0)
    torch.testing.assert_close(latents.std(0), torch.ones(16), atol=1e-3, rtol=0)


def test_the_rival_with_physical_losses_reports_them(near_rows):
    model = FastGrasp(SMALL)
    fit_latents(model, near_rows, seed=0)
    found = DiffusionTask(model, near_rows, physical=LossWeights()).losses(
        torch.arange(5), torch.Generator().manual_seed(0)
    )
    assert {"fit", "penetration", "contact"} <= set(found)
    assert found["loss"].item() > found["fit"].item()


def test_the_adaptation_brings_pads_to_the_surface(near_rows):
    torch.manual_seed(0)
    model = FastGrasp(SMALL)
    learn(AutoencoderTask(model, near_rows), steps=20)
    fit_latents(model, near_rows, seed=0)
    model.requires_grad_(False)
    task = AdaptTask(model, near_rows, draws=4, steps=2)
    assert len(task) == 20
    task.module.requires_grad_(True)
    kept = frozen(model, but=task.module)
    told = learn(task, steps=60)
    assert told[-1]["loss"] < 0.9 * told[0]["loss"]
    assert told[-1]["contact"] < 0.9 * told[0]["contact"]
    assert told[0]["stay"] < 0.05 < told[-1]["stay"]
    assert all(torch.equal(value, dict(model.named_parameters())[name]) for name, value in kept.items())


def test_losses_of_the_true_hand_are_none():
    near = 0.02 * torch.randn(3, 50)
    assert losses.contact_loss(near * 0, near * 0) == 0
    assert losses.penetration_loss(near, near.clamp_max(0)) == 0
    assert losses.consistency_loss(near, near) == 0
    points = torch.randn(3, 50, 3)
    assert losses.vertex_loss(points, points) < 0.01
    assert losses.chamfer_loss(points, points[:, torch.randperm(50)]) < 0.2


def test_losses_count_in_centimetres():
    near = torch.full((2, 10), -0.01)
    assert losses.penetration_loss(near, torch.zeros(2, 10)) == pytest.approx(1.0)
    assert losses.contact_loss(near, torch.zeros(2, 10)) == pytest.approx(1.0)
    points = torch.zeros(2, 10, 3)
    assert losses.vertex_loss(points + torch.tensor([0.0, 0.02, 0.0]), points) == pytest.approx(2.0, rel=1e-3)
