"""Where the hands of a grasp set touch its objects: for a part, a purpose, a sentence.

The truth for a part and a purpose is the mean contact over all grasps of an object for it, cut at half its maximum.
Contact is within 3 mm. A set has some ten grasps for each, and the mean over ten footprints is a patchwork: made
again from other grasps of the same kind it agrees with itself to an IoU of 0.2. What training learns is the mean
seen through a window about as wide as the pad of a finger (`PAD`), which agrees with itself to 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from handhold.data.asks import Ask
from handhold.data.grasp_set import GraspSet
from handhold.hand import Hand
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import CONTACT_MM
from handhold.models.contact.rows import POINTS
from handhold.objects.household import HouseholdObject

PAD = 0.010
"""Standard deviation of the window through which contact is seen [m]: half the width of a finger's pad."""
UPRIGHT, LONG = 1.2, 2.5
"""An object is upright, or long, if it is so many times as high as wide, or as long as thick."""
KEPT_OFF = 0.05
"""A grasp with less than this share of what it touches on a part leaves that part free."""


@dataclass(frozen=True)
class Touched:
    """An object and what its grasps touch.

    Attributes:
        points, normals: (P, 3) float32, evenly by area.
        part: (P,) int64, number in `parts`.
        parts: names.
        object: (n, P) bool, points within 3 mm of each hand.
        skin: (n, V) bool, vertices of each hand within 3 mm of the object.
    """

    points: np.ndarray
    normals: np.ndarray
    part: np.ndarray
    parts: tuple[str, ...]
    object: np.ndarray
    skin: np.ndarray


def points_of(found: HouseholdObject, count: int = POINTS) -> Touched:
    """An object without grasps."""
    drawn = found.mesh.sample(count, torch.Generator().manual_seed(0))
    return untouched(
        drawn.points.numpy().astype(np.float32),
        drawn.normals.numpy().astype(np.float32),
        found.face_parts[drawn.face.numpy()],
        tuple(part.name for part in found.parts),
    )


def untouched(points: np.ndarray, normals: np.ndarray, part: np.ndarray, parts: tuple[str, ...]) -> Touched:
    """Points (P, 3) that no grasp touches."""
    vertices = len(Hand.open("right").template)
    return Touched(
        points, normals, part, parts, np.zeros((0, len(points)), bool), np.zeros((0, vertices), bool)
    )


@torch.no_grad()
def touched(grasps: GraspSet, rows: Sequence[int], count: int = POINTS) -> Touched:
    """What grasps touch that are all of one object."""
    obj = grasps.object(grasps.row(rows[0]).object_id)
    bare = points_of(obj, count)
    on_object, skin = np.zeros((len(rows), count), bool), []
    for k, grasp in enumerate(grasps.grasps(rows)):
        (frame,) = HandObject.of_grasp(grasp).frames()
        skin.append(np.abs(frame.signed) * 1e3 <= CONTACT_MM)
        reach = CONTACT_MM * 1e-3
        low, high = frame.vertices.min(0) - reach, frame.vertices.max(0) + reach
        near = np.flatnonzero(((bare.points >= low) & (bare.points <= high)).all(1))
        if len(near):
            on_object[k, near] = frame.hand_distance.unsigned(bare.points[near].astype(float)) <= reach
    return Touched(bare.points, bare.normals, bare.part, bare.parts, on_object, np.stack(skin))


def widened(points: np.ndarray, values: np.ndarray, *, width: float = PAD) -> np.ndarray:
    """Values (n, P) at points (P, 3) seen through a Gaussian window of this standard deviation [m]."""
    from scipy.spatial import KDTree

    if width == 0:
        return values
    few = points[::4]
    tree = KDTree(few)
    weights = tree.sparse_distance_matrix(tree, 3 * width, output_type="coo_matrix").tocsr()
    weights.data = np.exp(-0.5 * (weights.data / width) ** 2)
    weights.setdiag(1.0)
    seen = (weights @ values[:, ::4].T) / weights.sum(1).reshape(-1, 1)
    distance, nearest = tree.query(points, k=3)
    share = 1 / np.maximum(distance, 1e-6)
    share /= share.sum(1, keepdims=True)
    return (np.asarray(seen)[nearest] * share[..., None]).sum(1).T


def cut(mean: np.ndarray) -> np.ndarray:
    """A mean contact (..., P) at half its maximum, bool; nowhere where there is none."""
    most = mean.max(-1, keepdims=True)
    return (mean >= 0.5 * most) & (most > 0)


def matching(
    ask: Ask, found: Touched, *, part: Sequence[str | None], purpose: Sequence[str]
) -> tuple[int, ...]:
    """Numbers of the grasps of an object that do what a sentence says; its purpose counts only where some do.

    Args:
        ask: the sentence.
        found: what the grasps touch.
        part, purpose: of each grasp.
    """
    if ask.absent or ask.region is not None or not len(part):
        return ()
    right = np.ones(len(part), bool)
    if ask.part is not None:
        right &= np.array([one == ask.part for one in part])
    if ask.free is not None:
        on_part = found.part == found.parts.index(ask.free)
        right &= found.object[:, on_part].sum(1) < KEPT_OFF * np.maximum(found.object.sum(1), 1)
    for_it = right & np.array([one == ask.purpose for one in purpose])
    wanted = for_it if ask.purpose is not None and for_it.any() else right
    return tuple(np.flatnonzero(wanted).tolist())


Wanted = tuple[tuple[int, ...], str | None, str | None]
"""Of a map: the grasps that tell it; a part or a place of `REGIONS` that does where there are none; a part where
nothing touches."""


def maps_of(found: Touched, wanted: Sequence[Wanted]) -> np.ndarray:
    """Where hands touch, relative to where they do most: (M, P) uint8.

    Args:
        found: the object.
        wanted: M maps.
    """
    seen = (
        widened(found.points, found.object.astype(float)) if any(at for at, _, _ in wanted) else found.object
    )
    maps = np.zeros((len(wanted), len(found.points)), np.uint8)
    for k, (at, part, free) in enumerate(wanted):
        if at:
            mean = seen[list(at)].mean(0)
        elif part in found.parts:
            mean = (found.part == found.parts.index(part)).astype(float)
        else:
            mean = region_of(found, part or "").astype(float)
        if free is not None:
            mean = mean * (found.part != found.parts.index(free))
        maps[k] = 255 * mean / max(mean.max(), 1e-9)
    return maps


def regions_of(found: Touched, category: str) -> tuple[str, ...]:
    """The places of `REGIONS` that an object has: top and bottom if it is upright, middle and ends if it is long."""
    size = np.ptp(found.points, axis=0)
    regions = ("top", "bottom", "middle") if size[2] > UPRIGHT * size[:2].max() else ()
    _, spread, _ = np.linalg.svd(found.points - found.points.mean(0), full_matrices=False)
    if spread[0] > LONG * spread[1]:
        regions = (*regions, "middle", "end")
    return (*dict.fromkeys(regions), *(("cap",) if category == "pen" else ()))


def region_of(found: Touched, region: str) -> np.ndarray:
    """The points of a place on an object, (P,) bool: a part of its length from above, from the middle, or from the
    ends; of a pen's cap, from the end that does not write."""
    points = found.points - found.points.mean(0)
    axis = np.linalg.svd(points, full_matrices=False)[2][0]
    upright = region in ("top", "bottom") or np.ptp(found.points, axis=0).argmax() == 2
    along = points[:, 2] if upright else points @ axis
    if region == "cap":
        tip = found.part == found.parts.index("point")
        along = points @ axis * np.sign((points @ axis)[tip].mean()) * -1
    share = (along - along.min()) / max(np.ptp(along), 1e-9)
    return {
        "top": share > 0.65,
        "bottom": share < 0.35,
        "middle": abs(share - 0.5) < 0.17,
        "end": abs(share - 0.5) > 0.3,
        "cap": share > 0.6,
    }[region]
