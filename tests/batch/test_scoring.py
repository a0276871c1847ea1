"""Many grasps: in order, and the same figures from one process and from two."""

import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
import trimesh

from handhold.batch import scoring
from handhold.batch.scoring import Task, score_all
from handhold.errors import InputError
from handhold.evaluate import select
from handhold.hand import Hand
from handhold.interaction.grasp import Grasp
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


def test_the_callers_arrays_stay_where_they_are():
    """torch moves a tensor that it sends to a process, and numpy views of it would be left on freed memory."""
    hand = Hand.open(dtype=torch.float64)
    params, obj = hand.zeros(), tasks(1)[0].pair.object
    pairs = [
        HandObject.of_grasp(Grasp(hand, params, obj, torch.eye(4).double(), name=f"g{k}")) for k in range(6)
    ]
    before = [hand.faces.data_ptr(), hand.template.data_ptr(), params.transl.data_ptr()]
    scores = list(score_all([Task(pair) for pair in pairs], select(["exact", "refinement"]), workers=2))
    assert [hand.faces.data_ptr(), hand.template.data_ptr(), params.transl.data_ptr()] == before
    assert scores == list(
        score_all([Task(pair) for pair in pairs], select(["exact", "refinement"]), workers=1)
    )


def test_a_killed_process_is_told(monkeypatch):
    monkeypatch.setattr(scoring, "_begin", partial(os._exit, 9))
    with pytest.raises(InputError, match="killed"):
        list(score_all(tasks(5), select(["vertices"]), workers=2))


PARENT = """
import multiprocessing, time
from handhold.batch.scoring import _begin

def wait(pipe):
    _begin()
    pipe.send(None)
    time.sleep(60)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=wait, args=(there,))
    child.start()
    here.recv()
    print(child.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="asks for processes by signal 0")
def test_no_process_outlives_the_one_that_called_it(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT, encoding="utf-8")
    with subprocess.Popen([sys.executable, tmp_path / "parent.py"], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)  # it is there
        parent.kill()
        assert parent.stdout.read() == b""  # ends when the last process that could write has ended
