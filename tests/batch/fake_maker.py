"""A grasp finder that takes no time: hands near the object, all accepted but some."""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from handhold.batch.making_tasks import MakeSettings, Recipe
from handhold.data.grasp_set_skin import yielding
from handhold.errors import InputError, MissingExtra
from handhold.hand import HandParams
from handhold.interaction.grasp import Grasp
from handhold.interaction.table import Table
from handhold.methods.synthesize.result import Ask, Found, Synthesis
from handhold.physics import SixWayTrial

SETTINGS = MakeSettings(seed=3, per_object=3, hands=2, categories=("cube", "ball", "box"))


def find(obj, hand, *, count, betas, generator):
    """`count` hands or one less, reaching into the object from any side."""
    some = count - int(torch.randint(2, (), generator=generator))
    draw = lambda *size: torch.randn(*size, generator=generator)
    bare = [
        Grasp(
            hand,
            HandParams(draw(3), 0.2 * draw(15, 3), betas, 0.05 * draw(3)),
            obj.mesh,
            torch.eye(4),
        )
        for _ in range(some)
    ]
    trial = SixWayTrial(
        (0.1,) * 5 + (0.4,), (1.0,) * 6, held=True, drift_cm=0.2, drift_deg=1.0, overlap_mm=0.1
    )
    lost = replace(
        trial, displacement_cm=(0.1, 10.0) + (float("nan"),) * 4, held=False
    )  # not looked at further
    asks = [Ask(("power",), obj.parts[0].name, "move", Table.under(obj.mesh)), Ask(("pinch", "tripod"))]
    found = tuple(
        Found(
            grasp,
            ask.types[-1],
            ask,
            float(draw(())),
            0.8 if ask.part else None,
            0.1,
            4,
            six_way=trial,
            squeeze="each",
            still=[lost, trial, None][k % 3],
        )
        for k, (grasp, ask) in enumerate(zip(yielding(bare) if bare else [], asks * count))
    )
    return Synthesis(found, {"volume": count - some}, {})


def words(category, *, part, purpose, grasp_type, side, generator):
    """Two sentences."""
    way = "firmly" if torch.rand((), generator=generator) < 0.5 else "gently"
    return (f"take the {category} {way} with the {side} hand", f"{purpose}: {grasp_type} on {part}")


def choosy(obj, hand, **asked):
    """No balls, boxes raise, and every second hand shape fails by a bug."""
    if obj.category == "ball":
        return Synthesis((), {"no_thumb": asked["count"]}, {})
    if obj.category == "box":
        raise InputError("too large for a hand", where=obj.category)
    return find(obj, hand, **asked)


def nothing(obj, hand, **asked):
    """Never a grasp."""
    return Synthesis((), {"physics": asked["count"]}, {})


def lacking(obj, hand, **asked):
    """As where a package is not installed."""
    raise MissingExtra("nothing of the sort")


def deadly(obj, hand, **asked):
    """The first process that gets a ball is killed; every one that gets a box."""
    note = Path(os.environ["FAKE_NOTE"])
    if obj.category == "box" or (obj.category == "ball" and not note.exists()):
        note.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return find(obj, hand, **asked)


def slow(obj, hand, **asked):
    """Long enough to be killed meanwhile."""
    time.sleep(0.05)
    return find(obj, hand, **asked)


RECIPE = Recipe(find, words, {"steps": 1})


def alone(work, next_task):
    """A pool: the calling process."""
    while (index := next_task()) is not None:
        yield index, work(index)


if __name__ == "__main__":
    from handhold.batch.making import make_set
    from handhold.batch.making_pools import local_pool

    folder, count, recipe = Path(sys.argv[1]), int(sys.argv[2]), Recipe(slow, words, {"steps": 1})
    make_set(folder, count=count, settings=SETTINGS, recipe=recipe, pool=local_pool(1))
