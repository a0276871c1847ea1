"""A grasp set to train on, made in seconds; trainings that are stopped, and what they leave."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from handhold.batch.making_tasks import Recipe
from handhold.cli import data_make
from handhold.cli.main import main
from handhold.data.grasp_set_skin import yielding
from handhold.hand import HandParams
from handhold.hand.regions import region_vertices
from handhold.interaction.grasp import Grasp
from handhold.methods.synthesize.result import Ask, Found, Synthesis
from handhold.physics import SixWayTrial

TRIAL = SixWayTrial((0.1,) * 6, (1.0,) * 6, held=True, drift_cm=0.1, drift_deg=1.0, overlap_mm=0.1)


def find(obj, hand, *, count, betas, generator):
    """Hands anywhere, moved until the thumb touches the object."""
    draw = lambda *size: torch.randn(*size, generator=generator)
    bare = []
    for _ in range(count):
        params = HandParams(draw(3), 0.2 * draw(15, 3), betas, torch.zeros(3))
        thumb = hand(params).vertices[region_vertices(hand, "thumb_distal")[0]]
        spot = obj.mesh.sample(1, generator).points[0].float()
        touching = HandParams(params.global_orient, params.hand_pose, betas, spot - thumb)
        bare.append(Grasp(hand, touching, obj.mesh, torch.eye(4)))
    grasps = yielding(bare)
    found = (Found(g, "pinch", Ask(), 1.0, None, 0.1, 3, TRIAL, "each", TRIAL) for g in grasps)
    return Synthesis(tuple(found), {}, {})


def make_set(folder: Path) -> None:
    """Twelve cubes with three hands each."""
    with pytest.MonkeyPatch.context() as patch:
        recipe = Recipe(find, lambda category, **asked: (f"take the {category}",))
        patch.setattr(data_make, "optimizer_recipe", lambda: recipe)

        def alone(work, next_task):
            while (index := next_task()) is not None:
                yield index, work(index)

        patch.setattr(data_make, "local_pool", lambda workers: alone)
        few = ("--per-object", "3", "--hands", "2", "--categories", "cube", "--quiet")
        assert main(["data", "make", "--count", "36", "--out", str(folder), *few]) == 0


def weights(out: Path) -> bytes:
    """The trained weights in a folder."""
    return (out / "model" / "model.safetensors").read_bytes()


@contextmanager
def stopped_in(task: type, *, step: int) -> Iterator[list]:
    """Have a user press Ctrl-C in a step of a task's training; gives the rows of all steps that were begun."""
    losses, steps = task.losses, []

    def interrupted(self, rows, generator):
        steps.append(rows)
        if len(steps) == step:
            signal.raise_signal(signal.SIGINT)
        return losses(self, rows, generator)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task, "losses", interrupted)
        yield steps
