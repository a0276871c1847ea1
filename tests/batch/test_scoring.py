"""Many grasps: in order, and the same figures from one process and from two."""

import numpy as np
import trimesh

from handhold.batch.scoring import Task, score_all
from handhold.evaluate import select
from handhold.interaction.hand_object import HandObject
from handhold.objects import ObjectMesh


def tasks(count: int) -> list[Task]:
    ball, block = trimesh.creation.icosphere(3, 0.03), trimesh.creation.box((0.2, 0.2, 0.2))
    obj = ObjectMesh.from_arrays(np.asarray(block.vertices), np.asarray(block.faces))
    faces = np.asarray(ball.faces)
    pairs = [
        HandObject(f"g{k}", ball.vertices + np.array([0, 0, 0.1 + 0.002 * k]), faces, obj, np.eye(4))
        for k in range(count)
    ]
    return [Task(pair, pairs[0]) for pair in pairs]


def test_one_and_two_processes_give_identical_scores():
    protocols = select(["penetration", "contact", "vertices"])
    alone = list(score_all(tasks(9), protocols, workers=1))
    shared = list(score_all(tasks(9), protocols, workers=2))
    assert [s.name for s in shared] == [f"g{k}" for k in range(9)]
    assert alone == shared
