"""The points of a hand that the optimizer watches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import torch
from torch import Tensor
from torch.nn.functional import normalize

from handhold.geometry.distance import ExactDistance
from handhold.geometry.mesh import vertex_normals
from handhold.geometry.sampling import farthest_points
from handhold.hand import BONES, Hand
from handhold.hand.kinematics import SkinnedPoints, bone_points, surface_points
from handhold.hand.regions import REGIONS, region_masks, region_vertices
from handhold.hand.skeleton import FINGER_JOINTS, FINGERS

SKIN = 450
"""Vertices watched."""
BALLS = 220
SMALLEST_BALL, LARGEST_BALL = 0.0040, 0.0120
"""Radii of the balls that fill the hand [m]."""
PER_BONE = 4
SIDES = {"index_side": 4, "middle_side": 3, "web": 2}
"""Patches beside the anchors, which lie on the palmar side only: what keys and pens lie on."""
FOREARM = (0.03, 0.05, 0.07, 0.09, 0.11)
"""Places of the forearm's points behind the wrist [m]."""


@dataclass(frozen=True)
class Watched:
    """Points of one hand shape, as one set of skinned points, and what is known of them.

    Attributes:
        points: the points, one batch row.
        skin, patches, balls, bones, forearm: ranges of the five parts.
        normals: (P, 3) outward normals of the patches in the flat hand; they turn with `joints`.
        joints: (P,) long, the joint that carries each patch.
        regions: (len(REGIONS), P) bool, which patches lie in which region of the hand.
        radii: (BALLS,) [m].
        pairs: (n, 2) long, bone points of different fingers.
        palm: (V,) bool, skin points of the palm and the thumb's ball.
        palm_facing: (3,) unit, where the palm faces in the flat hand.
        feels: (V,) bool, skin points on the palmar side of fingers: what stops a finger that closes.
        links: (5, 3, V) bool, thumb to pinky, knuckle to tip: which skin points each bone carries.
    """

    points: SkinnedPoints
    skin: slice
    patches: slice
    balls: slice
    bones: slice
    forearm: slice
    normals: Tensor
    joints: Tensor
    regions: Tensor
    radii: Tensor
    pairs: Tensor
    palm: Tensor
    palm_facing: Tensor
    feels: Tensor
    links: Tensor

    def of(self, rows: int) -> SkinnedPoints:
        """The points for a batch of so many."""
        return SkinnedPoints(self.points.rest.expand(rows, -1, -1), self.points.weights)


def watch(hand: Hand, betas: Tensor) -> Watched:
    """What to watch of a hand with shape betas (S,)."""
    betas = betas[None]
    surface = surface_points(hand, betas)
    chosen = _spread_skin(hand)
    fractions = (torch.arange(PER_BONE) + 0.5) / PER_BONE
    centres, radii = fill_with_balls(surface, hand.faces)
    bones = bone_points(hand, betas, BONES, fractions)
    patches = _patches(hand)
    parts = [surface[chosen], surface[patches], centres, bones, _forearm(hand, betas)]
    ends = torch.tensor([0] + [p.rest.shape[1] for p in parts]).cumsum(0).tolist()
    ranges = [slice(a, b) for a, b in pairwise(ends)]
    owner = hand.skin_weights.argmax(-1)
    normals = vertex_normals(surface.rest[0], hand.faces)
    palm = region_masks(hand)[REGIONS.index("palm")]
    return Watched(
        SkinnedPoints.join(parts),
        *ranges,
        normals=normals[patches],
        joints=owner[patches].index_copy(0, torch.arange(len(hand.anchors.joints)), hand.anchors.joints),
        regions=region_masks(hand)[:, patches],
        radii=radii,
        pairs=_finger_pairs(),
        palm=palm[chosen],
        palm_facing=normalize(normals[palm].mean(0), dim=0),
        feels=hand.palmar[chosen] & (owner[chosen] > 0),
        links=torch.stack([torch.stack([owner[chosen] == j for j in FINGER_JOINTS[f]]) for f in FINGERS]),
    )


def _patches(hand: Hand) -> Tensor:
    """Vertices of the contact patches: the anchors, and some on the sides of fingers and in the web."""
    chosen = [hand.anchors.vertices]
    for name, count in SIDES.items():
        region = region_vertices(hand, name)
        chosen.append(region[farthest_points(hand.template[region], count=min(count, len(region)))])
    return torch.cat(chosen)


def fill_with_balls(surface: SkinnedPoints, faces: Tensor) -> tuple[SkinnedPoints, Tensor]:
    """Balls inside a flat hand, each touching its skin: centres and radii (BALLS,) [m].

    From every vertex a ball grows inwards along the normal for as long as it fits; of those that grew enough,
    some are chosen that lie far from each other. A ball is carried as the skin around it is.
    """
    vertices = surface.rest[0].double()
    exact = ExactDistance(vertices.numpy(), faces.numpy())
    inward = -vertex_normals(vertices, faces)
    radii = torch.linspace(0.002, LARGEST_BALL, 21, dtype=torch.float64)
    centres = vertices[:, None] + radii[:, None] * inward[:, None]
    depth = -torch.from_numpy(exact.query(centres.reshape(-1, 3).numpy()).distance).view(len(vertices), -1)
    fits = (depth > 0.92 * radii - 0.0002).cumprod(-1).sum(-1) - 1
    grown = torch.nonzero((fits >= 0) & (radii[fits.clamp_min(0)] >= SMALLEST_BALL)).squeeze(-1)
    centre, radius = centres[grown, fits[grown]], depth[grown, fits[grown]]
    chosen = farthest_points(centre, count=min(BALLS, len(grown)))
    centre, radius = centre[chosen].to(surface.rest), radius[chosen].to(surface.rest)
    near = torch.cdist(centre, surface.rest[0]).topk(12, largest=False).indices
    return SkinnedPoints(centre[None], surface.weights[near].mean(1)), radius


def _spread_skin(hand: Hand) -> Tensor:
    """Vertices evenly over the skin: two of three of the palmar side, one of three of the back."""
    palmar = torch.nonzero(hand.palmar).squeeze(-1)
    back = torch.nonzero(~hand.palmar).squeeze(-1)
    front = min(2 * SKIN // 3, len(palmar))
    every = lambda side, count: side[torch.linspace(0, len(side) - 1, min(count, len(side))).long()]
    return torch.cat((every(palmar, front), every(back, SKIN - front)))


def _forearm(hand: Hand, betas: Tensor) -> SkinnedPoints:
    joints = hand.rest(betas)[1][0]
    back = joints[0] - joints[FINGER_JOINTS["middle"][0]]
    behind = torch.tensor(FOREARM).to(back)[:, None] * back / back.norm()
    weights = torch.zeros(len(FOREARM), 16).to(back)
    weights[:, 0] = 1
    return SkinnedPoints((joints[0] + behind)[None], weights)


def _finger_pairs() -> Tensor:
    """Pairs (n, 2) of bone points on different fingers; metacarpals have no part in it."""
    points = [(k // 4, k * PER_BONE + i) for k in range(len(BONES)) if k % 4 for i in range(PER_BONE)]
    return torch.tensor([(i, j) for (one, i), (other, j) in combinations(points, 2) if one != other])
