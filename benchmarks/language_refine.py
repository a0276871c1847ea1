"""GravityDB's table 4 in form: the same solver, told where contact is by nearest points, rays, a sentence, or truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from handhold.batch.instructing import Instruct
from handhold.batch.refine_bench import disturbed
from handhold.batch.scoring import Task, score_all
from handhold.data import GraspSet
from handhold.data.asks import names_part
from handhold.evaluate import aggregate, select
from handhold.interaction.contact import ContactSource, contact_regions
from handhold.interaction.grasp import Contact, Grasp
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import CONTACT_MM
from handhold.interaction.rows import Rows
from handhold.methods.refine.gravity import refine_gravity
from handhold.models.contact import Teller

NOISE = "gravitydb"
BATCH, POINTS = 32, 8192
MEASURED = select(("exact", "pose", "vertices", "proximity", "choir-contact"))
FIGURES = {
    "mpvpe": "mpvpe_mm",
    "iv_cm3": "iv_cm3",
    "pe": "proximity_error_mm",
    "f1": "contact_f1_pct@choir-2mm",
    "fingers": "fingers_in_contact",
    "bones_through": "bones_through",
}


def refine_rows(teller: Teller, grasps: GraspSet, split: str, count: int) -> list[dict[str, Any]]:
    """Right hands' grasps of a split, disturbed and refined; each is asked for by a sentence of its own."""
    some = grasps.where(split=split, side="right")
    chosen = np.linspace(0, len(some) - 1, count).astype(int).tolist()
    clean, sentences = some.grasps(chosen), [_sentence(some.row(k)) for k in chosen]
    noisy = [disturbed(grasp, NOISE, seed=0) for grasp in clean]
    told = [
        Instruct(teller, sentence)([grasp])[0][0].contact
        for grasp, sentence in zip(noisy, sentences, strict=True)
    ]
    sources: dict[str, Sequence[Contact | None] | None] = {
        "input": None,
        "no masks (default)": [None] * len(noisy),
        "nearest points (Gene)": [geometric(grasp, "nearest") for grasp in noisy],
        "rays (TOCH)": [geometric(grasp, "ray") for grasp in noisy],
        "language (ours)": told,
        "truth": [true(grasp) for grasp in clean],
    }
    references = [HandObject.of_grasp(grasp).observed() for grasp in clean]
    rows = []
    for name, masks in sources.items():
        found = noisy if masks is None else refined(noisy, masks)
        tasks = [Task(HandObject.of_grasp(g), r) for g, r in zip(found, references, strict=True)]
        figures = aggregate(list(score_all(tasks, MEASURED, workers=1)), seed=0)
        rows.append({"name": name, "n": len(found), **{k: figures[m]["mean"] for k, m in FIGURES.items()}})
    return rows


def refined(noisy: Sequence[Grasp], masks: Sequence[Contact | None]) -> list[Grasp]:
    """Grasps with masks, through the refiner; those without apart from the others."""
    given = [grasp.with_(contact=mask) for grasp, mask in zip(noisy, masks, strict=True)]
    found: dict[int, Grasp] = {}
    for known in (False, True):
        own = [k for k, grasp in enumerate(given) if (grasp.contact is not None) == known]
        for start in range(0, len(own), BATCH):
            few = own[start : start + BATCH]
            generator = torch.Generator().manual_seed(0)
            found |= zip(few, refine_gravity([given[k] for k in few], generator=generator), strict=True)
    return [found[k] for k in range(len(given))]


def _sentence(row: Any) -> str:
    """Of a grasp's sentences one that names the part, if there is one."""
    named = [s for s in row.instructions if names_part(s, row.category, row.part, row.purpose)]
    return (named or list(row.instructions))[0]


def geometric(grasp: Grasp, source: ContactSource) -> Contact:
    """What geometry tells of a noisy grasp, as masks."""
    found = contact_regions(Rows.from_grasps([grasp]), source=source, count=POINTS)
    return Contact(found.hand[0], found.object[0], found.points[0])


def true(grasp: Grasp) -> Contact:
    """Where a grasp touches, as masks."""
    (frame,) = HandObject.of_grasp(grasp).frames()
    points = grasp.object.sample(POINTS, torch.Generator().manual_seed(0)).points
    on_object = frame.hand_distance.unsigned(points.numpy()) * 1e3 <= CONTACT_MM
    on_hand = np.abs(frame.signed) * 1e3 <= CONTACT_MM
    return Contact(torch.from_numpy(on_hand).float(), torch.from_numpy(on_object).float(), points.float())
