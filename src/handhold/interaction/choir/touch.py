"""The second stage: skin that the contacts say touches comes to lie on the object, and none deep inside it.

The paper (Morales et al., section 3.3.b, `published.py`) draws touching skin to its nearest points of the object with
Adam. Here it is damped Gauss-Newton on signed distances, so skin may slide along the surface. What touches is a patch
of skin around each anchor, and as patches are rounder than objects its mean distance is brought to what true
grasps have, not to nothing. Bones must keep the thickness of their flesh from the object: skin that has passed a thin
wall is outside again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.geometry.mesh import vertex_areas
from handhold.hand import Hand
from handhold.hand.kinematics import (
    HandState,
    Pose,
    SkinnedPoints,
    damped_step,
    directional_jacobian,
    forward,
    place,
    surface_points,
)
from handhold.interaction.choir.basis import ANCHORS
from handhold.interaction.choir.config import ContactFitConfig
from handhold.interaction.choir.contacts import ContactGaussians, anchor_of_vertices, contact_map
from handhold.interaction.choir.encode import Choir, Surfaces
from handhold.interaction.flesh import CLEARANCE, flesh_points, flesh_thickness

DEFAULT_TOUCH = ContactFitConfig()
CM2 = 1e4
"""Square centimetres in a square metre."""
HOVER, NARROW, FLATTENS = 0.0036, 0.001, 0.0027
"""A patch that is NARROW, one vertex, hovers at HOVER on average, and e times lower for each FLATTENS that it is wider
[m]: measured on 3000 anchors of the household set, with cones 4 mm long from 2 mm beneath the skin."""
STUCK, RETREAT, REOPEN = 0.001, 0.015, 0.5
"""Hands with a bone so much nearer to the object than its flesh lets it [m] come near once more, from so far back [m],
with their fingers' joints opened by so much [rad]."""
CORE = 0.1
"""Skin that counts less than this share of what the middle of its patch does is left out."""
SLACK = 0.002
"""A Gaussian whose middle is no farther from its anchor's skin than this is taken to lie on it [m]."""


@dataclass(frozen=True)
class _Watched:
    """What the solver watches: skin, points in bones, and each anchor three times, as one set of skinned points.

    Attributes:
        points: n + m + 96 of them, anchors last, all for x, then for y, then for z.
        chosen: (n,) long, the vertices watched.
        area: (n,) of the skin that each stands for [cm2].
        clearance: (m,) how far bones must stay from the object [m].
    """

    points: SkinnedPoints
    chosen: Tensor
    area: Tensor
    clearance: Tensor


@dataclass(frozen=True)
class _Task:
    """What stays the same in all steps.

    Attributes:
        watched: the points.
        objects, index, sign: what is held, the object of each row, the sign (B, 1, 3) of its x.
        patch: (B, 32, n) the share of each watched vertex in the touching skin of each anchor; sums to 1 or 0.
        touches: (B, 32) 1 for anchors that touch, else 0.
        fingers: (B, 6, n) bool, skin in touching patches of the palm and of each finger.
        hover: (B, 32) how far the touching skin of an anchor is expected from the object, on average [m].
        home: (B, 96) coordinates of the anchors at the start [m], all x first.
        start: the hands at the start.
    """

    watched: _Watched
    objects: Surfaces
    index: Tensor
    sign: Tensor
    patch: Tensor
    touches: Tensor
    fingers: Tensor
    hover: Tensor
    home: Tensor
    start: HandState

    def select(self, rows: Tensor) -> _Task:
        """Some of the rows."""
        names = ("index", "sign", "patch", "touches", "fingers", "hover", "home")
        own = {name: getattr(self, name)[rows] for name in names}
        watched = replace(self.watched, points=self.watched.points.select(rows))
        return replace(self, watched=watched, start=self.start.select(rows), **own)


@dataclass(frozen=True)
class _Judged:
    """A state and what is amiss with it.

    Attributes:
        pose: the state's.
        residual: (B, 32 + n + m + 96) of contact, depth, bones, anchors [m].
        gradient: (B, n + m, 3) of the signed distance at skin and bones.
        weight: of the residuals' squares [1/m2].
        cost: (B,) all together.
    """

    pose: Pose
    residual: Tensor
    gradient: Tensor
    weight: Tensor
    cost: Tensor


@torch.no_grad()
def fit_contacts(
    hand: Hand,
    start: HandState,
    choir: Choir,
    objects: Surfaces,
    index: Tensor,
    *,
    mirrored: Tensor | None = None,
    config: ContactFitConfig = DEFAULT_TOUCH,
) -> HandState:
    """Let hands touch their objects as the contacts of CHOIRs say, shapes and joint limits kept.

    Args:
        hand: the hand model that the CHOIRs are of.
        start: B hands in the frames of their objects, such as `fit_choir` finds.
        choir: B of them, with contacts; distances are not used.
        objects: what is held.
        index: (B,) long, the object of each row.
        mirrored: (B,) bool, rows whose object is meant in the mirror (x negative); None: none.
        config: settings.

    Raises:
        InputError: no contacts, wrong shapes, numbers that are not finite, or an object that is not there.
    """
    contacts = _checked(start, choir, objects, index, mirrored)
    task = _task(hand, start, contacts, objects, index, mirrored, config)
    judged = _solve(hand, task, start, config)
    state = judged.pose.state
    stuck = torch.nonzero(_stuck(task, judged)).flatten()
    if not len(stuck):
        return state
    again = _solve(hand, task.select(stuck), _retreated(hand, start.select(stuck)), config)
    best = again.pose.state.where(again.cost < judged.cost[stuck], state.select(stuck))
    return state.put(stuck, best)


def _solve(hand: Hand, task: _Task, start: HandState, config: ContactFitConfig) -> _Judged:
    """Levenberg-Marquardt: a step that does not make it better is undone, and the next is damped more."""
    state, damping = start, start.wrist.new_full((len(start.wrist), 1), config.damping)
    judged = _judge(hand, task, state, config)
    for _ in range(config.steps):
        hessian, gradient = _normal_equations(hand, task, judged, config)
        move = damped_step(hand, state, hessian, gradient, damping=damping, limit=config.largest_turn)
        trial = _judge(hand, task, state.moved(hand, move), config)
        better = trial.cost < judged.cost
        state = trial.pose.state.where(better, state)
        judged = _choose(better, trial, judged, state)
        damping = torch.where(better[:, None], damping * 0.3, damping * 5).clamp(1e-3, 1e8)
    return judged


def _stuck(task: _Task, judged: _Judged) -> Tensor:
    """Rows (B,) with a bone in the object or close to it: it has most often passed a wall, and cannot go back."""
    bones = slice(ANCHORS + len(task.watched.chosen), -3 * ANCHORS)
    return judged.residual[:, bones].amin(-1) < -STUCK


def _retreated(hand: Hand, state: HandState) -> HandState:
    """Hands with their fingers opened, moved off with the back of the hand ahead, to come near once more."""
    opened = state.angles.new_tensor([REOPEN, 0.0, 0.0])
    palm = hand.finger_labels == 0
    away = hand.template[palm & ~hand.palmar].mean(0) - hand.template[palm & hand.palmar].mean(0)
    shift = RETREAT * state.rotation @ (away / away.norm())
    return replace(state, wrist=state.wrist + shift, angles=hand.anatomy.clamp(state.angles - opened))


def _checked(
    start: HandState, choir: Choir, objects: Surfaces, index: Tensor, mirrored: Tensor | None
) -> ContactGaussians:
    count = len(start.wrist)
    if choir.contacts is None:
        raise InputError(
            "contacts are missing",
            where="fit_contacts",
            expected="a CHOIR with contacts",
            remedy="Encode it with contacts=True, or be content with fit_choir.",
        )
    mean, factor = choir.contacts.mean, choir.contacts.cholesky
    sizes = {
        "contacts.mean": (mean, (count, ANCHORS, 3)),
        "contacts.cholesky": (factor, (count, ANCHORS, 3, 3)),
        "index": (index, (count,)),
        "mirrored": (index if mirrored is None else mirrored, (count,)),
    }
    for name, (value, size) in sizes.items():
        if value.shape != size:
            raise InputError("wrong shape", where=name, expected=f"{size}", got=tuple(value.shape))
    if count and (int(index.min()) < 0 or int(index.max()) >= len(objects)):
        raise InputError("no such object", where="index", expected=f"0 to {len(objects) - 1}")
    for name, parts in (
        ("start", (start.rotation, start.wrist, start.angles, start.betas)),
        ("contacts", (mean, factor)),
    ):
        if not all(part.isfinite().all() for part in parts):
            raise InputError("not finite", where=name, expected="numbers")
    return choir.contacts


def _task(
    hand: Hand,
    start: HandState,
    contacts: ContactGaussians,
    objects: Surfaces,
    index: Tensor,
    mirrored: Tensor | None,
    config: ContactFitConfig,
) -> _Task:
    """The patches that touch are found once, at the start: else the hand could flee from them.

    An anchor is expected where its patch lies under its Gaussian, which is news of where the hand is.
    """
    skin = place(forward(hand, start), surface_points(hand, start.betas))
    sign = torch.ones_like(skin[:, :1])
    if mirrored is not None:
        sign[:, 0, 0] = torch.where(mirrored, -1.0, 1.0).to(sign)
    watched = _watch(hand, start.betas, config)
    owner = anchor_of_vertices(hand)[watched.chosen]
    patch, shift = _patches(contacts, skin[:, watched.chosen], owner, watched.area)
    touches = patch.sum(-1)
    home = hand.anchors.positions(skin) - shift * touches[..., None]
    label = torch.nn.functional.one_hot(hand.finger_labels[hand.anchors.vertices], 6).to(patch)
    fingers = label.mT @ patch > 0
    hover, home = _hover(contacts), home.mT.flatten(1)
    return _Task(watched, objects, index, sign, patch, touches, fingers, hover, home, start)


def _watch(hand: Hand, betas: Tensor, config: ContactFitConfig) -> _Watched:
    palm, back = (torch.nonzero(side).flatten() for side in (hand.palmar, ~hand.palmar))
    chosen = torch.cat((palm[:: config.palm_stride], back[:: config.back_stride]))
    nearest = torch.cdist(hand.template, hand.template[chosen]).argmin(-1)
    areas = vertex_areas(hand.template, hand.faces) * CM2
    skin, bones = surface_points(hand, betas), flesh_points(hand, betas)
    return _Watched(
        SkinnedPoints.join([skin[chosen], bones] + 3 * [skin[hand.anchors.vertices]]),
        chosen,
        areas.new_zeros(len(chosen)).index_add(0, nearest, areas),
        (flesh_thickness(hand) - config.bone_tissue).clamp(*CLEARANCE),
    )


def _patches(contacts: ContactGaussians, skin: Tensor, owner: Tensor, area: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of skin in the touching patch of each anchor (B, 32, n), and how far off its Gaussian it is (B, 32, 3).

    A Gaussian that floats beside its anchor's skin, by what the network erred, is first brought to it: the patch of
    skin nearest to it is what should touch. None is narrower than vertices are apart.
    """
    member = torch.nn.functional.one_hot(owner, ANCHORS).to(skin)
    offset = skin - contacts.mean[:, owner]
    reach = torch.where(member.bool(), torch.linalg.vector_norm(offset, dim=-1)[..., None], torch.inf)
    gap, nearest = reach.min(1)
    shift = offset.gather(1, nearest[..., None].expand(-1, -1, 3))
    shift = shift * (1 - SLACK / gap.clamp_min(SLACK))[..., None]
    factor = contacts.cholesky
    touches = factor.diagonal(dim1=-2, dim2=-1).amin(-1) > 0
    eye = torch.eye(3).to(factor)
    wider = torch.linalg.cholesky(factor @ factor.mT / NARROW**2 + eye) * NARROW
    wider = torch.where(touches[..., None, None], wider, 0.0)
    density = contact_map(replace(contacts, mean=contacts.mean + shift, cholesky=wider), skin, owner)
    patch = (density * area)[:, None] * member.mT
    patch = patch * (patch > CORE * patch.amax(-1, keepdim=True))
    return patch / patch.sum(-1, keepdim=True).clamp_min(1e-12), shift


def _hover(contacts: ContactGaussians) -> Tensor:
    """How far an anchor's touching skin lies from the object on average (B, 32) [m], by how wide it is [m]."""
    variance = torch.linalg.eigvalsh(contacts.cholesky @ contacts.cholesky.mT).clamp_min(0)
    size = variance[..., 1:].prod(-1) ** 0.25
    return HOVER * torch.exp((NARROW - size) / FLATTENS)


def _judge(hand: Hand, task: _Task, state: HandState, config: ContactFitConfig) -> _Judged:
    pose = forward(hand, state)
    world = place(pose, task.watched.points)
    skins, bones = len(task.watched.chosen), len(task.watched.clearance)
    felt = world[:, : skins + bones]
    distance, gradient = task.objects.grid.query(felt * task.sign, task.index)
    skin, inner = distance.split((skins, bones), -1)
    gap = (task.patch @ skin[..., None]).squeeze(-1) - task.hover
    pulled = _nearest(task, skin)
    pull = (skin + config.press).clamp_min(0) * pulled
    deep = (skin + config.allowed_depth).clamp_max(0)
    short = (inner - task.watched.clearance).clamp_max(0)
    away = _diagonal(world[:, skins + bones :]) - task.home
    residual = torch.cat((gap, pull + deep, short, away), -1)
    drawn = torch.cat((task.touches / config.contact_sd**2, pulled / config.nearest_sd**2), -1)
    # Huber's: beyond doubt the square goes on as a straight line.
    slack = config.doubt / torch.cat((gap.abs(), pull), -1).clamp_min(config.doubt)
    beyond = (drawn * slack * (1 - slack) * residual[:, : ANCHORS + skins].square()).sum(-1)
    weight = drawn * slack
    weight[:, ANCHORS:] = torch.where(deep < 0, task.watched.area / config.depth_sd**2, weight[:, ANCHORS:])
    ones = torch.ones_like(residual[:, :1])
    held = (ones.expand(-1, bones) / config.bone_sd**2, ones.expand(-1, 3 * ANCHORS) / config.anchor_sd**2)
    weight = torch.cat((weight, *held), -1)
    bend = ((state.angles - task.start.angles) / config.angle_sd).square().sum((-1, -2))
    cost = (weight * residual.square()).sum(-1) + beyond + bend
    return _Judged(pose, residual, gradient * task.sign, weight, cost)


def _nearest(task: _Task, skin: Tensor) -> Tensor:
    """1 for the skin of each finger's touching patches, and of the palm's, that is nearest to the object, (B, n)."""
    least, vertex = torch.where(task.fingers, skin[:, None], torch.inf).min(-1)
    return torch.zeros_like(skin).scatter_add(1, vertex, least.isfinite().to(skin)).clamp_max(1)


def _diagonal(anchors: Tensor) -> Tensor:
    """Of anchors (B, 96, 3), all thrice, x of the first 32, y of the next, z of the last, (B, 96)."""
    return anchors.unflatten(1, (3, ANCHORS)).diagonal(dim1=1, dim2=3).mT.flatten(1)


def _normal_equations(
    hand: Hand, task: _Task, judged: _Judged, config: ContactFitConfig
) -> tuple[Tensor, Tensor]:
    """J^T W J (B, 51, 51) and J^T W r (B, 51); points that nothing pulls at in any row are left out."""
    skins = len(task.watched.chosen)
    weight, force = judged.weight * (judged.residual != 0), judged.weight * judged.residual
    used = weight[:, ANCHORS:] > 0
    used[:, :skins] |= (task.patch > 0).any(1)
    used = torch.nonzero(used.any(0)).flatten()
    axes = torch.eye(3).to(force).repeat_interleave(ANCHORS, 0).expand(len(force), -1, -1)
    direction = torch.cat((judged.gradient, axes), 1)[:, used]
    jacobian = directional_jacobian(hand, judged.pose, task.watched.points[used], direction)
    skin = used[used < skins]
    touch = task.patch[:, :, skin] @ jacobian[:, : len(skin)]
    jacobian = torch.cat((touch, jacobian), 1)
    rows = torch.cat((torch.arange(ANCHORS, device=used.device), ANCHORS + used))
    hessian = (jacobian * weight[:, rows, None]).mT @ jacobian
    slope = (jacobian.mT @ force[:, rows, None]).squeeze(-1)
    prior = torch.zeros_like(slope)
    prior[:, 6:] = config.angle_sd**-2
    slope[:, 6:] += ((judged.pose.state.angles - task.start.angles) / config.angle_sd**2).flatten(1)
    return hessian + torch.diag_embed(prior), slope


def _choose(better: Tensor, one: _Judged, other: _Judged, state: HandState) -> _Judged:
    def pick(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(better.view(-1, *[1] * (a.ndim - 1)), a, b)

    kept = ("rotation", "position", "affine")
    pose = Pose(state, *(pick(getattr(one.pose, k), getattr(other.pose, k)) for k in kept))
    kept = ("residual", "gradient", "weight", "cost")
    return _Judged(pose, *(pick(getattr(one, k), getattr(other, k)) for k in kept))
