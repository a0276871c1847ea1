"""A grasp set: what was written comes back, meshes and skin are made again as they were, bad files are told."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from handhold.data import GraspSet
from handhold.data.grasp_set_schema import (
    FORMAT,
    HOUSEHOLD,
    GraspRow,
    ObjectRow,
    make_table,
    packed,
    read_rows,
    read_table,
    schema_of,
)
from handhold.data.grasp_set_skin import yielding
from handhold.data.grasp_set_split import HELD_OUT, ROUNDS, SPLITS, split_of
from handhold.errors import InputError
from handhold.hand import Hand, HandParams
from handhold.interaction.grasp import Grasp
from handhold.objects.household import CATEGORIES, make, sample


def object_row(object_id="ball-000000", category="ball", count=6, **changed) -> ObjectRow:
    obj = sample(category, torch.Generator().manual_seed(2))
    row = ObjectRow(
        object_id=object_id,
        index=0,
        category=category,
        split="train",
        dimensions=obj.dimensions,
        household=HOUSEHOLD,
        mesh_hash=obj.mesh.content_hash,
        vertices=len(obj.mesh.vertices),
        faces=len(obj.mesh.faces),
        volume_cm3=obj.mesh.volume_m3 * 1e6,
        accepted=count,
        grasps=count,
        rejected={"volume": 2},
        cause=None,
        error=None,
        seconds=1.5,
    )
    return replace(row, **changed)


def made_grasps(row: ObjectRow, side: str, count: int) -> list[Grasp]:
    """Hands that reach somewhat into the object, soft tissue and all, as a maker has them."""
    hand, obj = Hand.open(side), make(row.category, **row.dimensions)
    generator = torch.Generator().manual_seed(5)
    draw = lambda *size: torch.randn(*size, generator=generator)
    centre = torch.from_numpy(obj.mesh.vertices.mean(0)).float()
    params = [
        HandParams(3 * draw(3), 0.3 * draw(15, 3), draw(10).clamp(-2, 2), centre + 0.06 * draw(3))
        for _ in range(count)
    ]
    return yielding([Grasp(hand, p, obj.mesh, torch.eye(4)) for p in params])


def grasp_row(grasp: Grasp, row: ObjectRow, name: str, **changed) -> GraspRow:
    values = {entry.name: None for entry in fields(GraspRow)}
    values |= {key: getattr(grasp.params, key).numpy().reshape(-1) for key in ("betas", "global_orient")}
    values |= {key: getattr(grasp.params, key).numpy().reshape(-1) for key in ("hand_pose", "transl")}
    values |= {"grasp_id": name, "object_id": row.object_id, "category": row.category, "split": row.split}
    values |= {"side": grasp.hand.side, "hand": grasp.hand.name, "hand_version": grasp.hand.version}
    values |= {"T_world_object": np.eye(4, dtype=np.float32).reshape(16), "type": "power", "table": False}
    values |= {"instructions": ("hold it", "take the ball"), "energy": 1.25, "iv_cm3": 0.1, "fingers": 4}
    return GraspRow(**(values | changed))


def write(folder, objects, rows):
    folder.mkdir(exist_ok=True)
    (folder / "grasps-00000.parquet").write_bytes(packed(make_table(rows, GraspRow)))
    (folder / "objects.parquet").write_bytes(packed(make_table(objects, ObjectRow)))
    manifest = {"format": FORMAT, "grasps": len(rows), "files": ["grasps-00000.parquet"]}
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


@pytest.fixture(scope="module")
def made():
    """Three right hands on a ball and three left ones."""
    row = object_row()
    return row, [*made_grasps(row, "right", 3), *made_grasps(row, "left", 3)]


@pytest.fixture
def folder(made, tmp_path):
    row, grasps = made
    told = [
        {"part": "body", "table": True, "table_up": np.array([0, 0, 1.0]), "table_height": 0.0},
        {"type": "pinch", "purpose": "move", "on_part": 0.5, "squeezed_held": True, "still_held": False},
        {},
    ]
    rows = [grasp_row(g, row, f"g{k}", **told[k % 3]) for k, g in enumerate(grasps)]
    write(tmp_path / "set", [row, object_row("can-000001", "can", 0, cause="no_grasps")], rows)
    return tmp_path / "set"


def test_skin_that_is_made_again_is_the_skin_that_was_made(folder, made):
    _, grasps = made
    again = GraspSet.open(folder)
    moved = []
    for k, grasp in enumerate(grasps):
        was, now = grasp.surface(), again.grasp(k).surface()
        assert (was.vertices - now.vertices).norm(dim=-1).max() < 1e-5
        assert (was.joints - now.joints).norm(dim=-1).max() < 1e-5
        moved.append(float((now.vertices - again.grasp(k).fitted().vertices).norm(dim=-1).max()))
    assert max(moved) > 1e-3  # there was soft tissue to be made


def test_several_at_once_are_the_same_as_one_by_one(folder):
    grasps = GraspSet.open(folder)
    order = [4, 0, 5, 1]
    for k, together in zip(order, grasps.grasps(order), strict=True):
        alone = grasps.grasp(k)
        assert together.name == alone.name == f"g{k}" and together.hand.side == grasps.row(k).side
        assert (together.surface().vertices - alone.surface().vertices).abs().max() < 1e-6


def test_half_precision_would_not_do(made):
    """Why parameters are stored in single precision."""
    _, grasps = made
    worst = 0.0
    for grasp in grasps:
        coarse = grasp.with_(params=grasp.params.map(lambda t: t.half().float()))
        worst = max(worst, float((coarse.fitted().vertices - grasp.fitted().vertices).norm(dim=-1).max()))
    assert worst > 1e-4


def test_rows_come_back(folder, made):
    row, grasps = made
    some = GraspSet.open(folder)
    first, second = some.row(0), some.row(1)
    assert (first.part, first.table, first.table_height) == ("body", True, 0.0)
    np.testing.assert_array_equal(first.table_up, [0, 0, 1])
    assert (second.type, second.purpose, second.on_part) == ("pinch", "move", 0.5)
    assert (second.squeezed_held, second.still_held, second.squeezed_max_cm) == (True, False, None)
    assert second.instructions == ("hold it", "take the ball") and second.energy == 1.25
    assert some.objects[row.object_id] == row and some.objects["can-000001"].cause == "no_grasps"
    params = some.params
    for k, grasp in enumerate(grasps):
        for name in ("global_orient", "hand_pose", "betas", "transl"):
            assert torch.equal(getattr(params, name)[k], getattr(grasp.params, name))
    assert some.where(side="left").params.transl.equal(params.transl[3:])


def test_objects_are_made_again_and_kept(folder, made):
    row, grasps = made
    some = GraspSet.open(folder)
    found = some.object(row.object_id)
    assert found.mesh.content_hash == grasps[0].object.content_hash and found.part("body")
    assert some.where(side="left").grasp(0).object is found.mesh


def test_filters(folder):
    some = GraspSet.open(folder)
    assert [len(some.where(side=s)) for s in ("right", "left", ["left", "right"])] == [3, 3, 6]
    assert len(some.where(type="pinch")) == 2 and len(some.where(part="body", side="left")) == 1
    assert len(some.where(purpose="move").where(split="train", category="ball")) == 2
    assert some.values("part") == ["body"] and some.values("type") == ["pinch", "power"]
    with pytest.raises(InputError, match=r"no grasp has this type.*pinch, power.*hook"):
        some.where(type="hook")
    assert some.where(type="pinch").row(-1).grasp_id == "g4"
    for index in (6, -7):
        with pytest.raises(InputError, match="0 to 5"):
            some.row(index)


def test_contact_masks_against_distances_measured_here(folder, made):
    some, radius = GraspSet.open(folder), made[0].dimensions["radius"]
    touching = 0
    for k in range(len(some)):
        grasp, contact = some.grasp(k), some.contact(k)
        skin = grasp.surface().vertices.double().numpy()
        away = np.abs(np.linalg.norm(skin - [0, 0, radius], axis=-1) - radius)  # a ball on the table
        clear = np.abs(away - 0.003) > 2e-4  # its mesh lies a little inside the ball
        np.testing.assert_array_equal(contact.hand.numpy()[clear], (away <= 0.003)[clear])
        nearest = np.linalg.norm(grasp.object.vertices[:, None] - skin[None], axis=-1).min(1)
        touched = contact.object.numpy() == 1
        assert touched[nearest <= 0.003].all() and not touched[nearest > 0.01].any()
        touching += 0 < touched.sum() < len(touched)
    assert touching


def test_every_column_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "grasp_set.md").read_text("utf-8")
    for kind in (ObjectRow, GraspRow):
        for entry in fields(kind):
            assert f"`{entry.name}`" in text, entry.name
    assert FORMAT in text and all(name in text for name in (*HELD_OUT, *SPLITS))


def test_splits_do_not_depend_on_how_many_there_are():
    for place, category in enumerate(CATEGORIES):
        drawn = [split_of(category, place=place, turn=turn) for turn in range(ROUNDS)]
        if category in HELD_OUT:
            assert set(drawn) == {"test_category"}
        else:
            assert (drawn.count("val"), drawn.count("test_instance"), drawn.count("train")) == (1, 1, 8)
    assert len(HELD_OUT) == 6 and set(HELD_OUT) <= set(CATEGORIES)


def test_a_set_without_grasps(tmp_path):
    write(tmp_path / "set", [object_row(count=0)], [])
    some = GraspSet.open(tmp_path / "set")
    assert len(some) == 0 and some.params.hand_pose.shape == (0, 15, 3) and some.values("side") == []


def test_a_mesh_that_is_another_one_today(made, tmp_path):
    row, grasps = made
    bare = grasp_row(grasps[0], row, "g0")
    write(tmp_path / "same", [replace(row, grasps=1, mesh_hash="0" * 32)], [bare])
    assert GraspSet.open(tmp_path / "same").grasp(0).object.name == "ball"  # other digits, the same shape
    changed = replace(row, grasps=1, mesh_hash="0" * 32, volume_cm3=row.volume_cm3 * 1.01)
    write(tmp_path / "other", [changed], [bare])
    with pytest.raises(InputError, match="another one today"):
        GraspSet.open(tmp_path / "other").grasp(0)
    never = replace(row, grasps=1, mesh_hash=None, error="too large")
    write(tmp_path / "never", [never], [bare])
    with pytest.raises(InputError, match="too large"):
        GraspSet.open(tmp_path / "never").object(row.object_id)


def test_another_hand_is_refused(made, tmp_path):
    row, grasps = made
    for changed in ({"hand": "mano"}, {"hand_version": "open-0"}):
        write(tmp_path / "set", [replace(row, grasps=1)], [grasp_row(grasps[0], row, "g0", **changed)])
        with pytest.raises(InputError, match="another hand"):
            GraspSet.open(tmp_path / "set").grasp(0)


def test_bad_folders(folder, tmp_path):
    with pytest.raises(InputError, match="no finished grasp set"):
        GraspSet.open(tmp_path / "nowhere")
    whole = {path: path.read_bytes() for path in folder.iterdir()}
    shard, objects, manifest = (
        folder / n for n in ("grasps-00000.parquet", "objects.parquet", "manifest.json")
    )
    other = pa.table({"grasp_id": ["a"]})
    for path, data, said in (
        (shard, b"", "cannot be read"),
        (shard, whole[shard][:2000], "cannot be read"),
        (shard, whole[objects], "column grasp_id"),
        (objects, b"PAR1PAR1", "cannot be read"),
        (manifest, b"{", "cannot be read"),
        (manifest, b"[]", "no manifest"),
        (manifest, b'{"format": "handhold-grasp-set/9"}', "handhold-grasp-set/9"),
        (manifest, b'{"format": "handhold-grasp-set/1", "files": ["a"], "grasps": 1}', "not whole"),
    ):
        path.write_bytes(data)
        with pytest.raises(InputError, match=said):
            GraspSet.open(folder)
        path.write_bytes(whole[path])
    pq.write_table(other, shard)
    with pytest.raises(InputError, match="no format"):
        GraspSet.open(folder)
    (folder / "grasps-00000.parquet").write_bytes(whole[shard])
    (folder / "grasps-00001.parquet").write_bytes(whole[shard])
    with pytest.raises(InputError, match="not whole"):
        GraspSet.open(folder)


def test_columns_of_another_type_and_more_columns(folder):
    shard = folder / "grasps-00000.parquet"
    table = pq.read_table(shard)
    pq.write_table(table.append_column("mine", pa.array([1] * 6)), shard)
    assert len(GraspSet.open(folder)) == 6  # a later minor version may add columns
    at = table.schema.get_field_index("energy")
    pq.write_table(table.set_column(at, "energy", pa.array(["a"] * 6)), shard)
    with pytest.raises(InputError, match="column energy"):
        GraspSet.open(folder)


def test_tables_and_rows_are_the_same_thing(made, tmp_path):
    row, grasps = made
    path = tmp_path / "t.parquet"
    path.write_bytes(packed(make_table([grasp_row(g, row, "a") for g in grasps], GraspRow, note="x")))
    table, told = read_table(path, GraspRow)
    assert told["note"] == "x" and table.schema.equals(schema_of(GraspRow))
    again = make_table(read_rows(table, GraspRow), GraspRow, note="x")
    assert packed(again) == path.read_bytes()
