"""Rows of a grasp set from what the optimizer gives."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np

from handhold.data.grasp_set_schema import GraspRow, ObjectRow, make_table, packed
from handhold.methods.synthesize.result import Found
from handhold.objects.household import HouseholdObject
from handhold.physics import SixWayTrial


def with_mesh(row: ObjectRow, obj: HouseholdObject) -> ObjectRow:
    """The row of an object whose mesh is made: what tells whether it is the same mesh, made again."""
    mesh = obj.mesh
    volume = None if mesh.volume_m3 is None else mesh.volume_m3 * 1e6
    return replace(
        row,
        mesh_hash=mesh.content_hash,
        vertices=len(mesh.vertices),
        faces=len(mesh.faces),
        volume_cm3=volume,
    )


def grasp_row(grasp_id: str, row: ObjectRow, found: Found, told: tuple[str, ...]) -> GraspRow:
    """An accepted grasp of an object, with what is said of it."""
    grasp, ask, squeezed = found.grasp, found.ask, found.six_way
    squeezed_mean, squeezed_max = _moved(squeezed)
    still_mean, still_max = _moved(found.still)
    params = grasp.params.map(lambda t: t.detach().float())
    return GraspRow(
        grasp_id=grasp_id,
        object_id=row.object_id,
        category=row.category,
        split=row.split,
        side=grasp.hand.side,
        hand=grasp.hand.name,
        hand_version=grasp.hand.version,
        betas=params.betas.numpy(),
        global_orient=params.global_orient.numpy(),
        hand_pose=params.hand_pose.numpy().reshape(45),
        transl=params.transl.numpy(),
        T_world_object=grasp.T_world_object.numpy().reshape(16),
        type=found.type,
        part=ask.part,
        purpose=ask.purpose,
        table=ask.table is not None,
        table_up=None if ask.table is None else np.array(ask.table.up, np.float32),
        table_height=None if ask.table is None else ask.table.height,
        instructions=tuple(told),
        energy=found.energy,
        iv_cm3=found.iv_cm3,
        fingers=found.fingers,
        on_part=found.on_part,
        squeeze=found.squeeze,
        squeezed_mean_cm=squeezed_mean,
        squeezed_max_cm=squeezed_max,
        squeezed_drift_cm=None if squeezed is None else squeezed.drift_cm,
        squeezed_held=None if squeezed is None else squeezed.held,
        still_mean_cm=still_mean,
        still_max_cm=still_max,
        still_held=None if found.still is None else found.still.held,
    )


def _moved(trial: SixWayTrial | None) -> tuple[float | None, float | None]:
    """Mean and largest displacement [cm]; none of a trial that did not look at all directions."""
    if trial is None or not np.isfinite(trial.displacement_cm).all():
        return None, None
    return trial.mean_cm, trial.max_cm


def pack_part(row: ObjectRow, rows: list[GraspRow]) -> bytes:
    """A part file's bytes; its metadata holds the object's row."""
    return packed(make_table(rows, GraspRow, object=asdict(row)))
