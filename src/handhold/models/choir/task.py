"""What JointDiffusion learns: grasps of a set, disturbed by named noises. A model and its rows are on one device."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from handhold.geometry.mesh import vertex_normals
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place, surface_points
from handhold.hand.pose_space import PoseSpace
from handhold.interaction.choir.basis import ANCHORS, anchor_distances, assigned_anchors
from handhold.interaction.choir.contacts import anchor_of_vertices, contact_gaussians, contact_weights
from handhold.interaction.choir.encode import Surfaces, place_basis
from handhold.interaction.noise import PROTOCOLS
from handhold.models.choir.config import JointDiffusionConfig
from handhold.models.choir.joint_diffusion import CONTACT, Drawn, JointDiffusion
from handhold.models.choir.seen import Seen, View, keypoints_of, look, view_of
from handhold.models.grasp_rows import GraspRows, mirror_rows

NOISES = ("choir-level2", "contactopt")
BATCH = 256
GRID_SLACK = 0.002
"""How far off an object's distance grid may be when it sorts out skin that can touch nothing [m]."""
LOWER = torch.tril_indices(3, 3)


@dataclass(frozen=True)
class Aim:
    """How far a view is from the hand that is drawn where no noisy hand is known, as standard deviations.

    Attributes:
        shift: of its middle, along each axis [m].
        turn: of its axes, about each [rad].
    """

    shift: float = 0.04
    turn: float = 0.4


@dataclass(frozen=True)
class Draws:
    """What training draws.

    Attributes:
        alone: how often the object alone is known, of a model that may know either.
        weak: how often the noise is weaker than its protocol's, by a random share.
        aim: views where the object alone is known.
        contact: weight of the contacts' loss.
    """

    alone: float = 0.35
    weak: float = 0.2
    aim: Aim = Aim()
    contact: float = 0.3


class JointDiffusionTask:
    """Diffusion over grasps (section 3.2).

    Args:
        model: the model.
        rows: training grasps.
        draws: what is drawn.
    """

    def __init__(self, model: JointDiffusion, rows: GraspRows, *, draws: Draws | None = None) -> None:
        self.model, self.rows, self.draws = model, rows, draws or Draws()
        self.module: nn.Module = model
        self.hand = Hand.open("right").to(rows.object.device)
        self.schedule = model.schedule()
        self.things = Surfaces(rows.objects.points, rows.objects.grid)
        self.truth = touching_skin(self.hand, rows, setback=model.config.setback)

    def __len__(self) -> int:
        return len(self.rows)

    def losses(self, rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of some grasps (B,)."""
        seen, truth = self.examples(rows, generator)
        clean = self.model.config.scale * self.model.pack(truth)
        noise = torch.randn(clean.shape, generator=generator).to(clean)
        steps = torch.randint(len(self.schedule), (len(rows),), generator=generator).to(clean.device)
        guess = self.module(self.schedule.add_noise(clean, noise, steps), steps, seen)
        apart = (guess - self.schedule.target(clean, noise, steps)).square()
        if self.model.config.prediction == "sample":
            apart = apart / self.model.config.scale**2
        if truth.contacts is None:
            return {"loss": apart.mean()}
        field, contact = apart.split((apart.shape[1] - ANCHORS * CONTACT, ANCHORS * CONTACT), 1)
        return {
            "loss": field.mean() + self.draws.contact * contact.mean(),
            "field": field.mean(),
            "contact": contact.mean(),
        }

    @torch.no_grad()
    def examples(self, rows: Tensor, generator: torch.Generator) -> tuple[Seen, Drawn]:
        """Noisy grasps as they are seen, and what they should become."""
        config, every = self.model.config, self.rows
        rows = rows.to(every.object.device)
        true, object, mirrored = every.hands.select(rows), every.object[rows], every.mirrored[rows]
        alone = torch.rand(len(rows), generator=generator).to(true.wrist) < self.draws.alone
        known = torch.full_like(alone, config.known == "pair") if config.known != "both" else ~alone
        noisy = self._disturb(true, known, generator)
        keypoints = keypoints_of(self.hand, noisy)
        view = view_of(config, self.things, object, mirrored, keypoints, noisy.rotation)
        seen = look(
            config,
            self.things,
            object,
            mirrored,
            view,
            keypoints=keypoints,
            known=known,
            betas=true.betas,
        )
        return seen, self._truth(rows, view)

    def _disturb(self, true: HandState, known: Tensor, generator: torch.Generator) -> HandState:
        """Hands with noise where a noisy hand is known; else hands from which views are taken."""
        count, like = len(known), true.wrist
        normal = lambda *size: torch.randn(count, *size, generator=generator).to(like)
        kind = torch.randint(len(NOISES), (count,), generator=generator).tolist()
        protocol = [PROTOCOLS[NOISES[k]] for k in kind]
        scales = torch.tensor([[p.translation_m, p.rotation_rad, p.pose_rad] for p in protocol]).to(like)
        share, weak = torch.rand(2, count, generator=generator).to(like)
        scales = scales * torch.where(weak < self.draws.weak, share, 1.0)[:, None]
        aim = like.new_tensor([self.draws.aim.shift, self.draws.aim.turn, 0.0])
        scales = torch.where(known[:, None], scales, aim)
        params = true.params(self.hand)
        orient = params.global_orient + scales[:, 1:2] * normal(3)
        directions = PoseSpace.open("right").directions(protocol[0].components).to(like)
        bend = scales[:, 2:] * normal(protocol[0].components) @ directions
        shift = scales[:, :1] * normal(3)
        noisy = HandState.from_params(
            self.hand,
            replace(
                params,
                global_orient=orient,
                hand_pose=params.hand_pose + bend.unflatten(-1, (15, 3)),
                transl=params.transl + shift,
            ),
        )
        return replace(noisy, angles=self.hand.anatomy.clamp(noisy.angles))

    def _truth(self, rows: Tensor, view: View) -> Drawn:
        config, own = self.model.config, self.truth.select(rows)
        keypoints = own.keypoints
        if config.form == "keypoints":
            return Drawn(None, view.into(keypoints), None)
        basis = place_basis(view.centre, view.reach, view.axes, config=config.choir)
        assigned = assigned_anchors(config.choir).to(basis.device)
        distance = anchor_distances(basis, keypoints[:, 21:], assigned)
        if not config.contacts:
            return Drawn(distance, None, None)
        axes = view.axes[:, None]
        mean = (own.mean[:, :, None] @ axes).squeeze(2)
        covariance = axes.mT @ own.covariance @ axes
        return Drawn(distance, None, torch.cat((mean, factors(covariance)), -1))


@dataclass(frozen=True)
class TouchingSkin:
    """True grasps in the (mirrored) frames of their objects.

    Attributes:
        keypoints: (N, 53, 3) joints and anchors [m].
        mean: (N, 32, 3) of contact from the anchor [m]; zero without contact.
        covariance: (N, 32, 3, 3) [m2]; zero without contact.
    """

    keypoints: Tensor
    mean: Tensor
    covariance: Tensor

    def select(self, rows: Tensor) -> TouchingSkin:
        """Some of the rows."""
        return TouchingSkin(self.keypoints[rows], self.mean[rows], self.covariance[rows])


@torch.no_grad()
def touching_skin(hand: Hand, rows: GraspRows, *, setback: float) -> TouchingSkin:
    """Keypoints and contact Gaussians of all grasps."""
    config = JointDiffusionConfig(setback=setback).choir
    reach = config.cone_length + config.setback + GRID_SLACK
    owner, found = anchor_of_vertices(hand), []
    for chosen in torch.arange(len(rows), device=rows.object.device).split(BATCH):
        state, object, mirrored = rows.hands.select(chosen), rows.object[chosen], rows.mirrored[chosen]
        vertices = place(forward(hand, state), surface_points(hand, state.betas))
        near = rows.objects.grid.query(mirror_rows(vertices, mirrored), object)[0].abs() < reach
        points = mirror_rows(rows.objects.points[object], mirrored)
        normals = vertex_normals(vertices, hand.faces)
        weights = contact_weights(vertices, normals, points, config=config, near=near)
        anchors = hand.anchors.positions(vertices)
        gaussians = contact_gaussians(vertices, weights, anchors, owner, spread=config.spread)
        factor = gaussians.cholesky
        found.append((keypoints_of(hand, state), gaussians.mean - anchors, factor @ factor.mT))
    return TouchingSkin(*(torch.cat(part) for part in zip(*found, strict=True)))


def factors(covariance: Tensor) -> Tensor:
    """The six numbers of the lower factors of covariances (B, 32, 3, 3), row by row, (B, 32, 6) [m]."""
    touches = covariance.diagonal(dim1=-2, dim2=-1).amin(-1) > 0
    eye = torch.eye(3).to(covariance)
    scaled = torch.where(touches[..., None, None], covariance, eye) * 1e6
    lower = torch.linalg.cholesky_ex(scaled)[0] * 1e-3
    row, column = LOWER.to(covariance.device)
    return torch.where(touches[..., None], lower[..., row, column], 0.0)


@torch.no_grad()
def fit_scales(task: JointDiffusionTask, *, seed: int, count: int = 2048) -> None:
    """Set the mean and deviation by which the model normalizes: each number's mean, and one deviation for distances,
    one for each number of contacts."""
    generator = torch.Generator().manual_seed(seed)
    model, packed = task.model, []
    model.mean.zero_()
    model.deviation.fill_(1.0)
    for rows in torch.randint(len(task), (count,), generator=generator).split(BATCH):
        packed.append(model.pack(task.examples(rows, generator)[1]))
    values = torch.cat(packed)
    model.mean.copy_(values.mean(0))
    main = values.shape[1] if task.model.net.contacts is None else values.shape[1] - ANCHORS * CONTACT
    apart = (values - model.mean).std(0)
    apart[:main] = apart[:main].square().mean().sqrt()
    model.deviation.copy_(apart.clamp_min(1e-4))
