"""A small grasp set, written row by row: hands beside objects, so that nothing has to be optimized."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from handhold.data.grasp_set_schema import FORMAT, GraspRow, ObjectRow, make_table, packed
from handhold.hand import Hand
from handhold.objects.household import make

OBJECTS = (
    ("cube-000000", "cube", "train", {}),
    ("cube-000001", "cube", "val", {"side": 0.07}),
    ("mug-000002", "mug", "train", {}),
    ("pen-000003", "pen", "test_category", {}),
    ("ball-000004", "ball", "train", {}),
)
WAYS = {
    "cube": [("power", None, "move"), ("pinch", "body", "hand over")],
    "mug": [("power", "handle", "drink"), ("sphere", "rim", "move"), ("hook", "handle", "carry")],
    "pen": [("writing", "grip", "write"), ("tripod", "barrel", "hand over")],
    "ball": [],
}
SIZE = {"cube": 6, "mug": 6, "pen": 4, "ball": 0}
"""Grasps of an object; 22 in all."""


def write_set(folder: Path, *, joined: bool = True) -> Path:
    """A set of 22 grasps; if not `joined`, as it lies while it is being made, with a part that is damaged."""
    tables, objects = [], []
    for index, (name, category, split, dimensions) in enumerate(OBJECTS):
        row = _object(index, name, category, split, dimensions)
        objects.append(row)
        tables.append([_grasp(row, k) for k in range(SIZE[category])])
    folder.mkdir(parents=True, exist_ok=True)
    files = ["grasps-00000.parquet"] if joined else []
    rows = [row for table in tables for row in table]
    manifest = {"format": FORMAT, "settings": {}, "grasps": len(rows) if joined else 0, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    if joined:
        (folder / files[0]).write_bytes(packed(make_table(rows, GraspRow)))
        (folder / "objects.parquet").write_bytes(packed(make_table(objects, ObjectRow)))
        return folder
    (folder / "parts").mkdir()
    for row, own in zip(objects, tables, strict=True):
        part = make_table(own, GraspRow, object=asdict(row))
        (folder / "parts" / f"part-{row.index:06d}.parquet").write_bytes(packed(part))
    (folder / "parts" / "part-000009.parquet").write_bytes(b"PAR1")
    return folder


def _object(index: int, name: str, category: str, split: str, dimensions: dict) -> ObjectRow:
    made = make(category, **dimensions)
    volume = made.mesh.volume_m3
    return ObjectRow(
        object_id=name,
        index=index,
        category=category,
        split=split,
        dimensions=made.dimensions,
        household="1",
        mesh_hash=made.mesh.content_hash,
        vertices=len(made.mesh.vertices),
        faces=len(made.mesh.faces),
        volume_cm3=None if volume is None else volume * 1e6,
        accepted=SIZE[category],
        grasps=SIZE[category],
        rejected={},
        cause=None if SIZE[category] else "no_grasps",
        error=None,
        seconds=1.0,
    )


def _grasp(row: ObjectRow, k: int) -> GraspRow:
    """Of no pen does a still hand hold; of the others, every third was not tried."""
    kind, part, purpose = WAYS[row.category][k % len(WAYS[row.category])]
    side = ("right", "left")[k // 2 % 2]
    hand = Hand.open(side)
    draw = lambda *size: torch.randn(*size, generator=torch.Generator().manual_seed(k)).numpy()
    held = False if row.category == "pen" else (True, False, None)[k % 3]
    return GraspRow(
        grasp_id=f"{row.object_id}-{k:03d}",
        object_id=row.object_id,
        category=row.category,
        split=row.split,
        side=side,
        hand=hand.name,
        hand_version=hand.version,
        betas=draw(10),
        global_orient=draw(3),
        hand_pose=0.2 * draw(45),
        transl=np.array([0.25, 0.0, 0.05], np.float32),
        T_world_object=np.eye(4, dtype=np.float32).reshape(16),
        type=kind,
        part=part,
        purpose=purpose,
        table=False,
        table_up=None,
        table_height=None,
        instructions=(f"take the {row.category} with the {side} hand", f"{purpose}: a <{kind}> | grasp"),
        energy=0.5,
        iv_cm3=0.25,
        fingers=4,
        on_part=None if part is None else 0.8,
        squeeze="in concert",
        squeezed_mean_cm=0.1,
        squeezed_max_cm=0.4,
        squeezed_drift_cm=0.2,
        squeezed_held=True,
        still_mean_cm=0.3 if held else None,
        still_max_cm=0.9 if held else None,
        still_held=held,
    )
