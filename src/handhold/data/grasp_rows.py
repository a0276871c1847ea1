"""A grasp set as tensors for training: hands, places, and objects seen from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from handhold.data.grasp_set import GraspSet
from handhold.data.kept_tensors import read_tensors, save_tensors
from handhold.errors import InputError
from handhold.geometry.grid_distance import GridDistance
from handhold.hand import Hand, HandParams
from handhold.hand.kinematics import HandState, forward, place, surface_points
from handhold.hand.regions import region_vertices
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.models.grasp_rows import PART_POINTS, POINTS, RESOLUTION, GraspRows, ObjectRows, mirror_hands
from handhold.objects.household import HouseholdObject

ROWS = 1
"""Raised where what is prepared changes, so that kept rows are made again."""
BATCH = 1024
PLACES = 6
"""Points near a thumb's touch that may stand for it."""
NEAR, BEHIND, AWAY = 0.012, 0.003, 0.02
"""Grasps whose thumb is further from the object are left out [m]. Points that a thumb is behind by more than the
second count as further off by the third: they lie on the other side of something thin [m]."""


@dataclass(frozen=True)
class Prepared:
    """Grasps of a set, ready for training.

    Attributes:
        rows: the grasps.
        index: (N,) long, the row in the set of each.
        left_out: grasps whose thumb touches nothing.
    """

    rows: GraspRows
    index: Tensor
    left_out: int


def prepare_rows(grasps: GraspSet, *, progress: Callable[[int, int], None] | None = None) -> Prepared:
    """Make the objects of a set again, see what they are, and bring all hands into one form.

    Args:
        grasps: the set, or some of it.
        progress: is called with how many objects are done, and how many there are.

    Raises:
        InputError: there are no grasps, or they are of another hand than this handhold's.
    """
    check_hands(grasps)
    table = {name: grasps.table[name].to_pylist() for name in ("object_id", "side", "type", "part")}
    names = list(dict.fromkeys(table["object_id"]))
    wanted = dict.fromkeys(
        (name, part) for name, part in zip(table["object_id"], table["part"], strict=True) if part is not None
    )
    parts = {key: number for number, key in enumerate(wanted)}
    objects = _objects(grasps, names, parts, progress)
    number = {name: k for k, name in enumerate(names)}
    own = torch.tensor([number[name] for name in table["object_id"]])
    left = torch.tensor([side == "left" for side in table["side"]])
    state, thumbs = _hands(grasps.params, left)
    places, near = _places(thumbs, objects, own)
    part = [parts.get(key, -1) for key in zip(table["object_id"], table["part"], strict=True)]
    kinds = list(GRASP_TYPES)
    rows = GraspRows(
        hands=state,
        mirrored=left,
        object=own,
        type=torch.tensor([kinds.index(name) for name in table["type"]]),
        part=torch.tensor(part),
        places=places,
        objects=objects,
    )
    kept = torch.nonzero(near).squeeze(-1)
    return Prepared(rows.select(kept), kept, len(near) - len(kept))


def save_rows(prepared: Prepared, path: str | Path, *, of: str) -> None:
    """Keep what was prepared, for the next training; whole or not at all.

    Args:
        prepared: the grasps.
        path: a safetensors file; its folder is there.
        of: what it was prepared from, told to `read_rows`.
    """
    rows, objects = prepared.rows, prepared.rows.objects
    tensors = {"index": prepared.index}
    for part, value in (("hands", rows.hands), ("rows", rows), ("objects", objects), ("grid", objects.grid)):
        own = {f.name: getattr(value, f.name) for f in fields(value)}
        tensors |= {f"{part}.{name}": t for name, t in own.items() if isinstance(t, Tensor)}
    told = {"names": json.dumps(objects.names), "left_out": str(prepared.left_out)}
    save_tensors(tensors, path, of=f"{ROWS} {of}", told=told)


def read_rows(path: str | Path, *, of: str) -> Prepared | None:
    """What `save_rows` kept; None if there is none, it cannot be read, or it was prepared from something else."""
    found = read_tensors(path, of=f"{ROWS} {of}")
    if found is None:
        return None
    tensors, told = found
    own = lambda part: {n.split(".")[1]: t for n, t in tensors.items() if n.startswith(f"{part}.")}
    try:
        objects = ObjectRows(
            **own("objects"), grid=GridDistance(**own("grid")), names=tuple(json.loads(told["names"]))
        )
        rows = GraspRows(**own("rows"), hands=HandState(**own("hands")), objects=objects)
        return Prepared(rows, tensors["index"], int(told["left_out"]))
    except (KeyError, TypeError, ValueError):
        return None  # it is made again


def check_hands(grasps: GraspSet) -> None:
    """Refuse grasps that nothing can be learnt from.

    Raises:
        InputError: there are none, or they are of another hand than this handhold's.
    """
    if not len(grasps):
        raise InputError("there are no grasps to learn from", where=grasps.folder)
    hand = Hand.open("right")
    told = set(zip(grasps.table["hand"].to_pylist(), grasps.table["hand_version"].to_pylist(), strict=True))
    if told != {(hand.name, hand.version)}:
        raise InputError(
            "grasps of another hand", where=grasps.folder, expected=f"{hand.name} {hand.version}", got=told
        )


@torch.no_grad()
def _hands(params: HandParams, left: Tensor) -> tuple[HandState, Tensor]:
    """All hands as right hands, and the thumb's touching skin (N, T, 3) where it really is."""
    states: list[HandState] = []
    hands = [Hand.open("right"), Hand.open("left")]
    pads = [region_vertices(hand, "thumb_distal") for hand in hands]
    skin = torch.zeros(len(left), len(pads[0]), 3)
    order = []
    batches = [
        (hand, pad, chosen)
        for hand, pad, rows in zip(hands, pads, (~left, left), strict=True)
        for chosen in torch.nonzero(rows).squeeze(-1).split(BATCH)
    ]
    for hand, pad, chosen in batches:
        state = HandState.from_params(hand, params[chosen])
        points = surface_points(hand, state.betas)
        whole = place(forward(hand, state), points[pad])
        skin[chosen] = whole
        states.append(mirror_hands(state, left[chosen]))
        order.append(chosen)
    return HandState.cat(states).select(torch.cat(order).argsort()), skin


def _objects(
    grasps: GraspSet,
    names: list[str],
    parts: dict[tuple[str, str], int],
    progress: Callable[[int, int], None] | None,
) -> ObjectRows:
    points, normals, grids = [], [], []
    part_points = torch.zeros(len(parts), PART_POINTS, 3)
    for done, name in enumerate(names):
        found: HouseholdObject = grasps.object(name)
        generator = torch.Generator().manual_seed(0)
        sample = found.mesh.sample(POINTS, generator)
        points.append(sample.points.float())
        normals.append(sample.normals.float())
        grids.append(found.mesh.grid(resolution=RESOLUTION))
        for (owner, part), row in parts.items():
            if owner == name:
                part_points[row] = found.part_points(part, PART_POINTS, generator).points.float()
        if progress:
            progress(done + 1, len(names))
    grid = GridDistance.stack(grids)
    return ObjectRows(torch.stack(points), torch.stack(normals), grid, part_points, tuple(names))


def _places(thumbs: Tensor, objects: ObjectRows, own: Tensor) -> tuple[Tensor, Tensor]:
    """Points (N, PLACES) of the objects where thumbs touch, and whether they do (N,)."""
    places = torch.zeros(len(own), PLACES, dtype=torch.long)
    near = torch.zeros(len(own), dtype=torch.bool)
    for rows in torch.arange(len(own)).split(BATCH):
        distance = objects.grid.query(thumbs[rows], own[rows])[0].abs()
        nearest = distance.argmin(-1)
        touch = thumbs[rows, nearest]
        away = touch[:, None] - objects.points[own[rows]]
        behind = (away * objects.normals[own[rows]]).sum(-1) < -BEHIND
        apart = away.norm(dim=-1) + AWAY * behind
        places[rows] = apart.topk(PLACES, largest=False).indices
        near[rows] = distance.gather(1, nearest[:, None]).squeeze(1) < NEAR
    return places, near
