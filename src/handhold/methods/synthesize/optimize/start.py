"""Where hands start: placed around the object in a preshape, and closed until they touch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import roma
import torch
from torch import Tensor

from handhold.errors import InputError
from handhold.geometry.grid_distance import GridDistance
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, place
from handhold.hand.skeleton import FINGERS, MANO_FINGERS
from handhold.methods.synthesize.optimize.config import Kind, OptimizeConfig
from handhold.methods.synthesize.optimize.energy import Aim
from handhold.methods.synthesize.optimize.watched import Watched
from handhold.objects import ObjectMesh

# Flexions of knuckle, middle and last joint, then the thumb's (flexion, abduction, twist) of its metacarpal
# and flexion of its two other joints [rad]. A hand that is open for a big or a small thing; nothing is measured.
OPEN = {"power": (0.25, 0.30, 0.15), "pinch": (0.35, 0.45, 0.20)}
CLOSED = {"power": (0.70, 0.80, 0.40), "pinch": (1.00, 0.70, 0.35)}
THUMB = {"power": ((-0.25, 0.45, -0.20), 0.0, 0.0), "pinch": ((0.0, 0.40, -0.25), 0.15, 0.15)}
LEAST, MOST = 0.012, 0.12
"""Nothing smaller can be held by three fingers, nothing thicker spanned by one hand [m]."""
PINCH_WIDTH = 0.075
GAP = 0.0015
"""How far from the object the nearest skin starts [m]."""
TOUCHING = 0.0005
WITHIN = {"power": 0.035, "pinch": 0.020}
"""Fingers nearer than this after closing are to touch, and in a power grasp the palm [m]."""
PALM = 0.5
"""How much the palm's touch counts against a finger's."""
ALIKE = (0.05, 0.8)
"""Hands whose wrists differ by less than this, or whose rotations do, are alike [m, rad]."""
LAST_RATE = 0.5
"""The last joints, and the thumb's metacarpal, close so much slower."""


def check_size(obj: ObjectMesh) -> None:
    """Refuse what no hand can hold.

    Raises:
        InputError: the object is too small for three fingers, or nowhere thin enough for a hand.
    """
    remedy = "Check the units: objects are in metres (`ObjectMesh.load(path, units='mm')`)."
    size = float(obj.extents.max())
    if size < LEAST:
        raise InputError(
            "the object is too small to hold",
            where=obj.name,
            expected=f"at least {LEAST * 1e3:.0f} mm along its longest side",
            got=f"{size * 1e3:.1f} mm",
            remedy=remedy,
        )
    thickness = _thickness(obj, *_surface(obj, 512, torch.Generator().manual_seed(0)))[0]
    thinnest = float(np.quantile(thickness, 0.02))
    if thinnest > MOST:
        raise InputError(
            "the object is too large for a hand",
            where=obj.name,
            expected=f"a place at most {MOST * 1e2:.0f} cm thick",
            got=f"{thinnest * 1e2:.0f} cm at the thinnest",
            remedy=remedy,
        )


def place_hands(
    obj: ObjectMesh,
    hand: Hand,
    watched: Watched,
    *,
    kind: Kind,
    betas: Tensor,
    count: int,
    generator: torch.Generator,
) -> HandState:
    """Open hands by the object, at most `count`: fewer where it has no two faces to pinch.

    Args:
        obj: the object.
        hand: the hand.
        watched: its points.
        kind: how they come.
        betas: (S,).
        count: how many.
        generator: source of randomness.
    """
    points, normals = _surface(obj, count, generator)
    if kind == "pinch":
        return _astride(obj, hand, watched, points, normals, betas=betas, generator=generator)
    closed = torch.rand(count, generator=generator)
    state = _at_origin(hand, preshape(hand, "power", closed), betas)
    palm = watched.points.rest[0, watched.patches][watched.finger < 0].mean(0) - state.wrist[0]
    facing = _unit(watched.normals[watched.finger < 0].mean(0))
    tilt = 0.25 * torch.randn(count, 3, generator=generator)
    roll = 2 * torch.pi * torch.rand(count, generator=generator)
    turn = roma.rotvec_to_rotmat(tilt) @ roma.rotvec_to_rotmat(roll[:, None] * normals)
    rotation = turn @ _turn_onto(facing.expand(count, 3), -normals)
    wrist = points - (rotation @ palm)
    return _slid_out(obj.grid(), hand, watched, replace(state, rotation=rotation, wrist=wrist), normals)


def preshape(hand: Hand, kind: Kind, closed: Tensor) -> Tensor:
    """Angles (B, 15, 3) of open hands, by how far (B,) they are closed from the start, 0 to 1 [rad]."""
    angles = torch.zeros(len(closed), 15, 3)
    flexion = torch.lerp(torch.tensor(OPEN[kind]), torch.tensor(CLOSED[kind]), closed[:, None])
    for k in range(4):
        angles[:, 3 * k : 3 * k + 3, 0] = flexion
    base, second, third = THUMB[kind]
    angles[:, 12] = torch.tensor(base)
    angles[:, 13, 0], angles[:, 14, 0] = second, third
    return hand.anatomy.clamp(angles.to(hand.template))


@torch.no_grad()
def close(
    grid: GridDistance, hand: Hand, watched: Watched, state: HandState, config: OptimizeConfig
) -> HandState:
    """Bend all fingers by small steps; a bone that touches stops its own joint and those before it."""
    order = [MANO_FINGERS.index(f) for f in FINGERS]
    rate = config.close_rate * torch.tensor([1.0, 1.0, LAST_RATE]).expand(5, 3).clone()
    rate[0] = config.close_rate * torch.tensor([LAST_RATE, LAST_RATE, LAST_RATE])
    free = torch.ones(len(state.wrist), 5, 3, dtype=torch.bool)
    skin, links = watched.of(len(state.wrist))[watched.skin], watched.links.flatten(0, 1)
    for _ in range(config.close_steps):
        distance = grid.query(place(forward(hand, state), skin))[0]
        near = torch.where(links[:, None], distance, torch.inf).amin(-1).T.unflatten(1, (5, 3))
        touching = (near < TOUCHING).flip(-1).cumsum(-1).flip(-1) > 0
        free &= ~touching
        step = torch.zeros_like(state.angles)
        step.view(len(step), 5, 3, 3)[:, order, :, 0] = rate * free
        state = replace(state, angles=hand.anatomy.clamp(state.angles + step))
    return state


@torch.no_grad()
def most_varied(state: HandState, cost: Tensor, *, keep: int) -> Tensor:
    """Indices (keep,) of cheap hands that differ: in order of cost, passing over those too like one before.

    Args:
        state: B hands.
        cost: (B,), inf for those that are useless.
        keep: at most how many; fewer come if fewer are of use.
    """
    order = cost.argsort(stable=True)[: int(cost.isfinite().sum())]
    cosine = torch.einsum("aij,bij->ab", state.rotation[order], state.rotation[order]) / 2 - 0.5
    apart = torch.cdist(state.wrist[order], state.wrist[order]) / ALIKE[0]
    apart = (apart + torch.acos(cosine.clamp(-1, 1)) / ALIKE[1]).numpy()
    chosen: list[int] = []
    for least in (1.0, 0.5, 0.25, 0.0):
        for k in range(len(order)):
            if len(chosen) < keep and k not in chosen and (apart[k, chosen] >= least).all():
                chosen.append(k)
    return order[chosen]


@torch.no_grad()
def aim_at(grid: GridDistance, hand: Hand, watched: Watched, state: HandState, kind: Kind) -> Aim:
    """Thumb, index and middle, and what other fingers are near, by their nearest patch; in a pinch, of the tip."""
    pose = forward(hand, state)
    world = place(pose, watched.of(len(state.wrist))[watched.patches])
    distance, gradient = grid.query(world)
    outward = (pose.rotation[:, watched.joints] @ watched.normals[..., None]).squeeze(-1)
    cost = distance.abs() + 0.01 * (1 + (outward * gradient).sum(-1))
    required = torch.zeros_like(distance)
    for k in range(5):
        own = torch.nonzero((watched.finger == k) & (watched.tip | (kind == "power"))).squeeze(-1)
        if k == 0:
            own = torch.nonzero((watched.finger == 0) & watched.tip).squeeze(-1)
        nearest = cost[:, own].min(-1)
        wanted = (nearest.values < WITHIN[kind]) | (k < 3)
        required.scatter_(1, own[nearest.indices][:, None], wanted.to(required)[:, None])
    if kind == "power":
        own = torch.nonzero(watched.finger < 0).squeeze(-1)
        nearest = cost[:, own].min(-1)
        wanted = PALM * (nearest.values < WITHIN[kind])
        required.scatter_(1, own[nearest.indices][:, None], wanted.to(required)[:, None])
    return Aim(required)


def _astride(
    obj: ObjectMesh,
    hand: Hand,
    watched: Watched,
    points: Tensor,
    normals: Tensor,
    *,
    betas: Tensor,
    generator: torch.Generator,
) -> HandState:
    """Hands whose thumb and fingers stand on either side of a thin place."""
    thickness, opposite = _thickness(obj, points, normals)
    thin = torch.from_numpy((thickness < PINCH_WIDTH) & (opposite < -0.8))
    points, normals, width = points[thin], normals[thin], torch.from_numpy(thickness[thin.numpy()]).float()
    levels = torch.linspace(0, 1, 9)
    bent = _at_origin(hand, preshape(hand, "pinch", levels), betas)
    patches = place(forward(hand, bent), watched.of(len(levels))[watched.patches])
    thumb = patches[:, (watched.finger == 0) & watched.tip].mean(1)
    fingers = patches[:, ((watched.finger == 1) | (watched.finger == 2)) & watched.tip].mean(1)
    opening = (fingers - thumb).norm(dim=-1)
    level = (opening - width[:, None] - 0.02).abs().argmin(-1)
    axis, middle = _unit(fingers - thumb)[level], ((fingers + thumb) / 2)[level]
    roll = 2 * torch.pi * torch.rand(len(points), generator=generator)
    rotation = roma.rotvec_to_rotmat(roll[:, None] * normals) @ _turn_onto(axis, -normals)
    centre = points - normals * width[:, None] / 2
    wrist = centre + (rotation @ (bent.wrist[level] - middle)[..., None]).squeeze(-1)
    return HandState(rotation, wrist, bent.angles[level], bent.betas[level])


def _slid_out(grid: GridDistance, hand: Hand, watched: Watched, state: HandState, along: Tensor) -> HandState:
    """Hands moved along directions (B, 3) until their nearest skin is just off the surface."""
    skin = watched.of(len(state.wrist))[watched.skin]
    for _ in range(8):
        nearest = grid.query(place(forward(hand, state), skin))[0].amin(-1)
        state = replace(state, wrist=state.wrist + (GAP - nearest).clamp(-0.02, 0.02)[:, None] * along)
    return state


def _at_origin(hand: Hand, angles: Tensor, betas: Tensor) -> HandState:
    count = len(angles)
    root = hand.rest(betas)[1][0]
    eye = torch.eye(3).to(angles).expand(count, 3, 3)
    return HandState(eye, root.expand(count, 3), angles, betas.expand(count, -1))


def _surface(obj: ObjectMesh, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    found = obj.sample(count, generator)
    return found.points.float(), found.normals.float()


def _thickness(obj: ObjectMesh, points: Tensor, normals: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """How far it is through the object (n,) [m], inf if far, and the cosine of the two faces' normals (n,)."""
    inward = -normals.double().numpy()
    start = points.double().numpy() + 2e-4 * inward
    reach = float(np.linalg.norm(obj.extents)) + 0.01
    hit = obj.distance.first_hit(start, start + reach * inward)
    facing = np.nan_to_num((-inward * hit.normal).sum(-1), nan=1.0)
    return hit.fraction * reach, facing


def _turn_onto(a: Tensor, b: Tensor) -> Tensor:
    """Smallest rotations (n, 3, 3) that turn unit vectors a (n, 3) onto b (n, 3)."""
    axis, cosine = torch.linalg.cross(a, b), (a * b).sum(-1, keepdim=True)
    sideways = torch.linalg.cross(a, torch.eye(3)[a.abs().argmin(-1)].to(a))
    axis = torch.where(axis.norm(dim=-1, keepdim=True) > 1e-5, axis, sideways)
    return roma.rotvec_to_rotmat(_unit(axis) * torch.acos(cosine.clamp(-1, 1)))


def _unit(vector: Tensor) -> Tensor:
    return vector / vector.norm(dim=-1, keepdim=True)
