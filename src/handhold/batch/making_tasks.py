"""One task of making a grasp set: an object, some hands, and the grasps that are found; all from a number."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from handhold.batch.making_rows import grasp_row, pack_part, with_mesh
from handhold.data.grasp_set_schema import HOUSEHOLD, GraspRow, ObjectRow
from handhold.data.grasp_set_skin import yielding
from handhold.data.grasp_set_split import split_of
from handhold.errors import HandholdError, InputError, MissingExtra
from handhold.hand import Hand
from handhold.hand.skeleton import Side
from handhold.methods.synthesize.result import Found, Synthesis
from handhold.objects.household import CATEGORIES, HouseholdObject

SIDES: tuple[Side, Side] = ("right", "left")
MOST_BETA = 2.0
"""Hand shapes are drawn up to so many standard deviations."""
SAME_M = 1e-5
"""Skin that is made again from the stored numbers must come out so near to that of the grasp [m]."""
CAUSES = {
    "no_grasps": "no grasp was accepted",
    "input_error": "the object is none for a hand",
    "failed": "an error of handhold's own",
    "worker_died": "its process was killed, three times",
}
"""Why an object has no grasps."""


@dataclass(frozen=True)
class MakeSettings:
    """What a set depends on, besides code.

    Attributes:
        seed: of everything that is drawn.
        per_object: grasps asked for of each object.
        hands: hands (side and shape) that share an object's grasps.
        categories: kinds of objects, taken in turns.

    Raises:
        InputError: a number out of range, or an unknown category.
    """

    seed: int = 0
    per_object: int = 48
    hands: int = 3
    categories: tuple[str, ...] = tuple(CATEGORIES)

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("per_object", 1), ("hands", 1)):
            value = getattr(self, name)
            if value < least:
                raise InputError(
                    "is too small", where=f"--{name.replace('_', '-')}", expected=f">= {least}", got=value
                )
        if self.hands > self.per_object:
            raise InputError(
                "more hands than grasps",
                where="--hands",
                expected=f"<= {self.per_object}",
                got=self.hands,
            )
        unknown = [name for name in self.categories if name not in CATEGORIES]
        if unknown or not self.categories or len(set(self.categories)) < len(self.categories):
            raise InputError(
                "no such category" if unknown else "none is named, or one twice",
                where="--categories",
                expected="some of " + ", ".join(CATEGORIES),
                got=", ".join(unknown or self.categories) or "none",
            )


@dataclass(frozen=True)
class Recipe:
    """The functions that make grasps; workers import them by name.

    Attributes:
        find: (object, hand, count=, betas=, generator=) to a `Synthesis`.
        words: (category, part=, purpose=, grasp_type=, side=, generator=) to instructions.
        settings: of `find`, plain values; a set is made with one kind of them.
    """

    find: Callable[..., Synthesis]
    words: Callable[..., tuple[str, ...]]
    settings: dict[str, Any] = field(default_factory=dict)


def optimizer_recipe() -> Recipe:
    """The grasp optimizer, with physics, asked for every purpose of an object."""
    from handhold.data.instructions import instructions

    return Recipe(_optimized, instructions, asdict(_optimizer_config()))


def make_part(settings: MakeSettings, recipe: Recipe, index: int) -> bytes:
    """Do a task: the part file of an object, with its row of `objects.parquet` in the metadata.

    Whatever goes wrong with one object is in that row; only a missing package stops the job.

    Raises:
        MissingExtra: a package that every task needs is not installed.
    """
    start = time.perf_counter()
    row, rows, rejected, errors = _blank_row(settings, index), [], Counter(), []
    obj = None
    with _noting(errors):
        obj = CATEGORIES[row.category].make(**row.dimensions)
        row = with_mesh(row, obj)
    for turn in range(settings.hands if obj is not None else 0):
        with _noting(errors):
            found, refused = _one_hand(settings, recipe, obj, row, turn, len(rows))
            rows += found
            rejected.update(refused)
    cause = None if rows else (_cause(errors[0]) if errors else "no_grasps")
    told = _one_line(errors[0]) if errors else None
    row = replace(row, accepted=len(rows), rejected=dict(sorted(rejected.items())), cause=cause, error=told)
    return pack_part(replace(row, seconds=time.perf_counter() - start), rows)


def failed_part(settings: MakeSettings, index: int, cause: str) -> bytes:
    """The part of a task that could not be done; `cause` is one of `CAUSES`."""
    return pack_part(replace(_blank_row(settings, index), cause=cause, error=CAUSES[cause]), [])


def generator_of(*numbers: int) -> torch.Generator:
    """A source of randomness that belongs to these numbers alone."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]) >> 1)


def category_of(settings: MakeSettings, index: int) -> tuple[str, int]:
    """The category of a task, and which instance of it the task is: every round has each category once."""
    names = settings.categories
    turn, at = divmod(index, len(names))
    order = torch.randperm(len(names), generator=generator_of(settings.seed, 1, turn))
    return names[int(order[at])], turn


def draw_hand(settings: MakeSettings, index: int, turn: int) -> tuple[Side, Tensor]:
    """The side and the shape (10,) of one of a task's hands; sides alternate."""
    first = int(torch.randint(2, (), generator=generator_of(settings.seed, 2, index)))
    betas = torch.randn(10, generator=generator_of(settings.seed, 3, index, turn))
    return SIDES[(first + turn) % 2], betas.clamp(-MOST_BETA, MOST_BETA)


def _blank_row(settings: MakeSettings, index: int) -> ObjectRow:
    category, turn = category_of(settings, index)
    return ObjectRow(
        object_id=f"{category.replace(' ', '_')}-{index:06d}",
        index=index,
        category=category,
        split=split_of(category, place=settings.categories.index(category), turn=turn),
        dimensions=CATEGORIES[category].draw(generator_of(settings.seed, 0, index)),
        household=HOUSEHOLD,
        mesh_hash=None,
        vertices=None,
        faces=None,
        volume_cm3=None,
        accepted=0,
        grasps=0,
        rejected={},
        cause=None,
        error=None,
        seconds=0.0,
    )


def _one_hand(
    settings: MakeSettings, recipe: Recipe, obj: HouseholdObject, row: ObjectRow, turn: int, before: int
) -> tuple[list[GraspRow], Counter[str]]:
    """Grasps of the object by one of its hands, and how many were refused by cause."""
    side, betas = draw_hand(settings, row.index, turn)
    share = settings.per_object // settings.hands + (turn < settings.per_object % settings.hands)
    generator = generator_of(settings.seed, 4, row.index, turn)
    found = recipe.find(obj, Hand.open(side), count=share, betas=betas, generator=generator)
    refused = Counter(found.rejected)
    speaker = generator_of(settings.seed, 5, row.index, turn)
    rows = []
    for one in found.found:
        if not _comes_back(one):
            refused["skin_differs"] += 1
            continue
        told = recipe.words(
            row.category,
            part=one.ask.part,
            purpose=one.ask.purpose,
            grasp_type=one.type,
            side=side,
            generator=speaker,
        )
        rows.append(grasp_row(f"{row.object_id}-{before + len(rows):03d}", row, one, told))
    return rows, refused


def _comes_back(found: Found) -> bool:
    """Whether the skin, made again from the stored numbers alone, is that of the grasp."""
    grasp = found.grasp
    (again,) = yielding([grasp.with_(offsets=None, params=grasp.params.map(lambda t: t.detach().float()))])
    apart = (again.surface().vertices - grasp.surface().vertices).norm(dim=-1).amax()
    return bool(apart < SAME_M) and math.isfinite(found.energy) and math.isfinite(found.iv_cm3)


def _optimizer_config():
    from handhold.methods.synthesize.optimize import OptimizeConfig

    return OptimizeConfig(physics=True, rounds=1)


def _optimized(
    obj: HouseholdObject, hand: Hand, *, count: int, betas: Tensor, generator: torch.Generator
) -> Synthesis:
    from handhold.batch.purposes import asks_for
    from handhold.methods.synthesize.optimize import optimize_grasps

    asks = asks_for(obj)
    if not asks:
        raise InputError("no use of it fits a hand", where=obj.category, got=obj.dimensions)
    return optimize_grasps(
        obj,
        hand,
        count=count,
        asks=asks,
        config=_optimizer_config(),
        generator=generator,
        betas=betas,
    )


@contextmanager
def _noting(errors: list[Exception]) -> Iterator[None]:
    """Note what goes wrong, and go on."""
    try:
        yield
    except MissingExtra:
        raise
    except Exception as error:
        errors.append(error)


def _cause(error: Exception) -> str:
    return "input_error" if isinstance(error, InputError) else "failed"


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, HandholdError) else f"{type(error).__name__}: {text}"
