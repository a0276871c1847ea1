"""Making a grasp set: the same set however it is made, nothing lost or doubled by what may happen meanwhile."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import fake_maker
import pytest
import torch
from fake_maker import RECIPE, SETTINGS, alone

from handhold.batch import making_folder, making_pools, making_tasks
from handhold.batch.making import make_set
from handhold.batch.making_pools import local_pool, ray_pool
from handhold.batch.making_tasks import MakeSettings, category_of, draw_hand, make_part, optimizer_recipe
from handhold.data import GraspSet
from handhold.data.grasp_set_schema import GraspRow, read_table
from handhold.errors import InputError, MissingExtra
from handhold.interaction.grasp_types import GRASP_TYPES
from handhold.interaction.measures import measure
from handhold.methods.synthesize.optimize import OptimizeConfig
from handhold.objects.household import CATEGORIES


def make(folder, count, *, pool=alone, settings=SETTINGS, find=None, tell=lambda p: None):
    recipe = RECIPE if find is None else replace(RECIPE, find=find)
    return make_set(folder, count=count, settings=settings, recipe=recipe, pool=pool, tell=tell)


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


@pytest.fixture(scope="module")
def ten(tmp_path_factory) -> Path:
    """A set of ten grasps."""
    folder = tmp_path_factory.mktemp("ten")
    make(folder, 10)
    return folder


def grasp_bytes(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("grasps-*.parquet"))]


def same_objects(one: Path, other: Path) -> bool:
    """Whether the objects are the same, the time that they took left out."""
    first, second = (GraspSet.open(folder).objects for folder in (one, other))
    return [replace(o, seconds=0) for o in first.values()] == [replace(o, seconds=0) for o in second.values()]


def test_the_set_is_the_shortest_row_of_tasks_cut_to_the_count(ten):
    grasps = GraspSet.open(ten)
    assert len(grasps) == 10
    objects = list(grasps.objects.values())
    assert [o.index for o in objects] == list(range(len(objects)))
    assert sum(o.accepted for o in objects[:-1]) < 10 <= sum(o.accepted for o in objects)
    assert [o.grasps for o in objects[:-1]] == [o.accepted for o in objects[:-1]]
    ids = grasps.table["grasp_id"].to_pylist()
    assert len(set(ids)) == 10
    for k, name in enumerate(ids):  # in the order of the tasks, and each as its task made it
        row = grasps.row(k)
        assert name.startswith(row.object_id) and grasps.objects[row.object_id].category == row.category


def test_trials_that_did_not_look_at_all_directions_have_no_mean(ten):
    still = {(r["still_held"], r["still_mean_cm"] is None, r["still_max_cm"] is None) for r in rows_of(ten)}
    assert still <= {(False, True, True), (True, False, False), (None, True, True)} and len(still) >= 2
    assert all(r["squeezed_mean_cm"] == pytest.approx(0.15) and r["squeezed_held"] for r in rows_of(ten))
    assert all(r["squeezed_max_cm"] == pytest.approx(0.4) for r in rows_of(ten))


def rows_of(folder: Path) -> list[dict]:
    return GraspSet.open(folder).table.to_pylist()


def test_a_task_depends_on_its_number_alone(ten, tmp_path):
    grasps = GraspSet.open(ten)
    last = list(grasps.objects.values())[1]
    (tmp_path / "p").write_bytes(make_part(SETTINGS, RECIPE, last.index))
    table, told = read_table(tmp_path / "p", GraspRow)
    of_set = grasps.where(object_id=last.object_id).table
    assert table.replace_schema_metadata(None).equals(of_set.combine_chunks().replace_schema_metadata(None))
    assert told["object"]["mesh_hash"] == last.mesh_hash


def test_every_round_has_each_category_once_and_rounds_differ():
    settings = MakeSettings(seed=1)
    count = len(settings.categories)
    rounds = [[category_of(settings, r * count + k) for k in range(count)] for r in range(3)]
    for r, drawn in enumerate(rounds):
        assert sorted(name for name, _ in drawn) == sorted(CATEGORIES) and {turn for _, turn in drawn} == {r}
    assert rounds[0] != rounds[1]


def test_hands_of_a_task_are_of_both_sides_and_of_adults_shapes():
    drawn = [draw_hand(SETTINGS, index, turn) for index in range(200) for turn in range(2)]
    assert all({side for side, _ in drawn[k : k + 2]} == {"right", "left"} for k in range(0, 400, 2))
    betas = torch.stack([shape for _, shape in drawn])
    assert len(betas.unique(dim=0)) == 400 and betas.abs().max() <= 2
    assert betas.mean().abs() < 0.05 and abs(betas.std() - 0.959) < 0.03  # a normal clipped at two deviations


def test_the_same_set_from_two_processes(ten, folder):
    make(folder, 10, pool=local_pool(2))
    assert grasp_bytes(folder) == grasp_bytes(ten) and same_objects(folder, ten)


def test_tasks_that_come_back_in_another_order(ten, folder):
    def backwards(work, next_task):
        while True:
            indices = [i for i in (next_task() for _ in range(4)) if i is not None]
            if not indices:
                return
            yield from [(i, work(i)) for i in reversed(indices)]

    make(folder, 10, pool=backwards)
    assert grasp_bytes(folder) == grasp_bytes(ten) and same_objects(folder, ten)


def test_a_larger_count_goes_on_and_a_smaller_one_cuts(ten, folder):
    done = []

    def counting(work, next_task):
        while (index := next_task()) is not None:
            done.append(index)
            yield index, work(index)

    for count in (4, 10, 10, 6):
        make(folder, count, pool=counting)
        assert len(GraspSet.open(folder)) == count
        if count == 10:
            assert grasp_bytes(folder) == grasp_bytes(ten)
    assert sorted(done) == list(range(len(GraspSet.open(ten).objects)))  # none twice


def test_a_set_without_its_parts_goes_on(ten, folder):
    make(folder, 5)
    for path in (folder / "parts").iterdir():
        path.unlink()
    (folder / "parts").rmdir()
    make(folder, 10)
    assert grasp_bytes(folder) == grasp_bytes(ten)


def test_full_files_stay_as_they_are(ten, folder, monkeypatch):
    monkeypatch.setattr(making_folder, "SHARD_ROWS", 4)
    make(folder, 9)
    before = grasp_bytes(folder)
    assert len(before) == 3 and len(GraspSet.open(folder)) == 9
    make(folder, 10)
    assert grasp_bytes(folder)[:2] == before[:2]
    assert GraspSet.open(folder).table.equals(GraspSet.open(ten).table)
    make(folder, 8)
    assert len(GraspSet.open(folder)) == 8 and len(grasp_bytes(folder)) == 2


def test_resumed_after_kill_9(ten, folder):
    command = [sys.executable, fake_maker.__file__, str(folder), "1000"]
    process = subprocess.Popen(command)
    while len(list((folder / "parts").glob("part-*"))) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {p.name: p.stat().st_mtime_ns for p in (folder / "parts").glob("part-*")}
    make(folder, 10)
    after = {p.name: p.stat().st_mtime_ns for p in (folder / "parts").glob("part-*")}
    assert before.items() <= after.items()  # what was finished was not done again
    assert grasp_bytes(folder) == grasp_bytes(ten) and same_objects(folder, ten)


def test_a_damaged_part_is_made_again(ten, folder):
    make(folder, 10)
    for name, data in (("part-000000.parquet", b"PAR1"), ("part-000001.parquet", b"")):
        (folder / "parts" / name).write_bytes(data)
    make(folder, 10)
    assert grasp_bytes(folder) == grasp_bytes(ten)


def test_a_killed_worker(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_NOTE", str(tmp_path / "note"))
    monkeypatch.setattr(making_pools, "TRIES", 2)
    settings = replace(SETTINGS, seed=0, categories=("ball", "box"))
    told = make(folder, 1, pool=local_pool(1), find=fake_maker.deadly, settings=settings)
    box, ball = GraspSet.open(folder).objects.values()
    assert (box.category, box.cause) == ("box", "worker_died") and told["objects_without_grasps"] == {
        "worker_died": 1
    }
    assert (ball.category, ball.cause) == ("ball", None)  # its first process was killed; it was done again
    assert (folder / "parts" / "part-000001.parquet").exists() and (tmp_path / "note").exists()
    (tmp_path / "clean").write_bytes(make_part(settings, RECIPE, ball.index))
    clean = read_table(tmp_path / "clean", GraspRow)[0]
    assert clean.slice(0, 1).to_pylist() == GraspSet.open(folder).table.to_pylist()


def test_objects_without_grasps_are_counted_by_cause(folder):
    told = make(folder, 8, find=fake_maker.choosy)
    causes = {o.category: o.cause for o in GraspSet.open(folder).objects.values()}
    assert causes == {"ball": "no_grasps", "box": "input_error", "cube": None}
    assert told["rejected"]["no_thumb"] > 0
    assert "too large" in next(o.error for o in GraspSet.open(folder).objects.values() if o.category == "box")


def test_a_bug_does_not_end_the_job(folder):
    def buggy(obj, hand, **asked):
        if obj.category == "ball":
            raise ZeroDivisionError("by nought")
        return fake_maker.find(obj, hand, **asked)

    make(folder, 5, find=buggy)
    (told,) = {(o.cause, o.error) for o in GraspSet.open(folder).objects.values() if o.category == "ball"}
    assert told == ("failed", "ZeroDivisionError: by nought")


def test_a_missing_package_ends_it(folder):
    def lacking(obj, hand, **asked):
        raise MissingExtra("no mujoco")

    with pytest.raises(MissingExtra, match="mujoco"):
        make(folder, 5, find=lacking)
    assert not list((folder / "parts").iterdir())


def test_missing_packages_come_through_processes(folder, monkeypatch):
    with pytest.raises(MissingExtra, match="nothing of the sort"):
        make(folder, 5, find=fake_maker.lacking, pool=local_pool(1))


def test_nothing_ever_found_ends_it(folder):
    with pytest.raises(InputError, match="24 objects in a row"):
        make(folder, 5, find=fake_maker.nothing)


def test_other_settings_are_refused(ten, folder):
    make(folder, 4)
    before = grasp_bytes(folder)
    for changed in (replace(SETTINGS, seed=4), replace(SETTINGS, per_object=7)):
        with pytest.raises(InputError, match=r"other settings.*(seed 3|per_object 3)"):
            make(folder, 6, settings=changed)
    with pytest.raises(InputError, match="optimizer steps=1"):
        make_set(
            folder, count=6, settings=SETTINGS, recipe=replace(RECIPE, settings={"steps": 2}), pool=alone
        )
    assert grasp_bytes(folder) == before


def test_a_foreign_folder_is_refused(folder):
    (folder / "holiday.jpg").touch()
    with pytest.raises(InputError, match=r"holiday\.jpg"):
        make(folder, 4)
    assert [p.name for p in folder.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize("joining", [False, True])
def test_a_full_disk_keeps_what_is_finished(ten, folder, monkeypatch, joining):
    objects = len(GraspSet.open(ten).objects)
    room, really = (
        [2 + 2 * objects if joining else 3],
        os.fsync,
    )  # a file and its folder, of each and of the manifest

    def full(handle):
        if room[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] -= 1
        really(handle)

    monkeypatch.setattr(making_folder.os, "fsync", full)
    with pytest.raises(InputError, match=r"No space left.*make room"):
        make(folder, 10)
    monkeypatch.undo()
    left = list((folder / "parts").iterdir())
    assert len(left) == (objects if joining else 1) and all(path.name[0] != "." for path in left)  # no drafts
    make(folder, 10)
    assert grasp_bytes(folder) == grasp_bytes(ten)


def test_interrupted_what_is_there_is_a_set(ten, folder):
    def impatient(progress):
        if progress.objects == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(folder, 10, tell=impatient)
    some = GraspSet.open(folder)
    assert 0 < len(some) < 10 and len(some.objects) == 2
    make(folder, 10)
    assert grasp_bytes(folder) == grasp_bytes(ten)


def test_progress(folder):
    seen = []
    make(folder, 5, tell=seen.append)
    assert [p.objects for p in seen] == list(range(len(seen)))
    assert seen[0].rate == 0 and seen[-1].accepted >= 5 and seen[-1].rate > 0
    seen.clear()
    make(folder, 8, tell=seen.append)
    assert seen[0].accepted >= 5 and seen[0].made == 0
    assert seen[-1].made == seen[-1].accepted - seen[0].accepted


def test_the_manifest(ten):
    told = json.loads((ten / "manifest.json").read_text("utf-8"))
    assert told["grasps"] == 10 == sum(c["grasps"] for c in told["categories"].values())
    assert told["settings"]["seed"] == 3 and told["settings"]["optimizer"] == {"steps": 1}
    assert told["worker_seconds"] > 0 and told["provenance"]["torch"]


BAD = (
    {"seed": -1},
    {"per_object": 0},
    {"hands": 0},
    {"hands": 49},
    {"categories": ("elephant",)},
    {"categories": ()},
)


def test_grasps_of_the_optimizer_come_back_as_they_were_judged(folder, monkeypatch):
    """The real finder, asks and sentences, in little."""
    few = OptimizeConfig(starts=96, steps=60, candidates=2)
    monkeypatch.setattr(making_tasks, "_optimizer_config", lambda: few)
    settings = MakeSettings(seed=1, per_object=4, hands=1, categories=("ball",))
    make_set(folder, count=2, settings=settings, recipe=optimizer_recipe(), pool=alone)
    grasps = GraspSet.open(folder)
    for k in range(2):
        row, grasp = grasps.row(k), grasps.grasp(k)
        assert row.type in GRASP_TYPES and row.part == "body" and row.on_part >= few.on_part
        assert row.purpose in grasps.object(row.object_id).part("body").purposes
        assert (
            len(set(row.instructions)) == len(row.instructions) >= 2 and grasp.instruction in row.instructions
        )
        found = measure(grasp)
        assert found.iv_cm3 == pytest.approx(row.iv_cm3, abs=1e-3) and found.fingers_in_contact == row.fingers
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["settings"]["optimizer"]["starts"] == 96


@pytest.mark.parametrize("bad", BAD)
def test_bad_settings(bad):
    with pytest.raises(InputError):
        MakeSettings(**bad)


def test_the_same_set_from_ray(ten, folder):
    with pytest.raises(InputError, match="ray start"):
        ray_pool("localhost:1")
    ray = pytest.importorskip("ray")
    here = str(Path(fake_maker.__file__).parent)
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": here}},
    )
    try:
        make(folder, 10, pool=ray_pool("local"))
    finally:
        ray.shutdown()
    assert grasp_bytes(folder) == grasp_bytes(ten) and same_objects(folder, ten)
