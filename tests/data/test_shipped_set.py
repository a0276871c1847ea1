"""The set that comes with the repository is what it says, by measures taken anew."""

from pathlib import Path

import numpy as np
import pytest
import torch

from handhold.data import GraspSet
from handhold.interaction.grasp_types import GRASP_TYPES, touched_regions
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import CONTACT_MM, bones_through, fingers_touching, limit_violation_deg
from handhold.objects.household import CATEGORIES

FOLDER = Path(__file__).parents[2] / "sets" / "household"
DRAWN = 12


@pytest.fixture(scope="module")
def shipped():
    if not FOLDER.exists():
        pytest.skip("the set is not part of this copy of the repository")
    return GraspSet.open(FOLDER)


def test_it_has_many_categories_and_no_large_file(shipped):
    held = [row for row in shipped.objects.values() if row.grasps]
    assert len(shipped) >= 20_000 and len(held) >= 400 and len({row.category for row in held}) >= 24
    assert set(shipped.values("category")) <= set(CATEGORIES)
    assert len(shipped) == shipped.manifest["grasps"] == sum(row.grasps for row in shipped.objects.values())
    assert all(path.stat().st_size < 20e6 for path in FOLDER.iterdir())


def test_splits_do_not_share_objects(shipped):
    by_object = {}
    for name, split in zip(shipped.table["object_id"].to_pylist(), shipped.table["split"].to_pylist()):
        assert by_object.setdefault(name, split) == split
    held_out = {row.category for row in shipped.objects.values() if row.split == "test_category"}
    assert all(row.split == "test_category" for row in shipped.objects.values() if row.category in held_out)


def test_grasps_drawn_from_it_keep_their_promises(shipped):
    draw = np.random.default_rng(0)
    for index in draw.choice(len(shipped), DRAWN, replace=False):
        row, grasp = shipped.row(int(index)), shipped.grasp(int(index))
        pair = HandObject.of_grasp(grasp)
        (frame,) = pair.frames()
        near = frame.object.distance.query(frame.vertices)
        touched = np.abs(near.distance) * 1e3 <= CONTACT_MM
        assert frame.volume_cm3 <= 0.5 and frame.volume_cm3 == pytest.approx(row.iv_cm3, abs=1e-3)
        assert not bones_through(frame.joints, frame.object).any()
        assert limit_violation_deg(pair) < 0.2
        assert GRASP_TYPES[row.type].accepts(touched_regions(grasp.hand, torch.from_numpy(near.distance)))
        assert fingers_touching(near.distance * 1e3, grasp.hand.finger_labels.numpy()).sum() == row.fingers
        if row.part is not None:
            thing = shipped.object(row.object_id)
            on = thing.face_parts[near.face[touched]] == [p.name for p in thing.parts].index(row.part)
            assert on.mean() >= 0.7 and on.mean() == pytest.approx(row.on_part, abs=0.02)
        if row.table:
            lowest = (frame.vertices @ row.table_up.astype(float)).min()
            assert lowest >= row.table_height - 0.0015
        assert row.squeezed_held and row.squeeze in ("each", "in concert")
        assert len(row.instructions) >= 2 and len(set(row.instructions)) == len(row.instructions)
