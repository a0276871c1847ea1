"""Refiners on disturbed grasps whose truth is known: protocol by method by ablation, as GravityDB's tables are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from handhold.batch.scoring import Task, score_all
from handhold.evaluate import Score, aggregate, select
from handhold.hand.pose_space import PoseSpace
from handhold.interaction.grasp import Contact, Grasp
from handhold.interaction.hand_object import HandObject
from handhold.interaction.noise import NoiseProtocol, find_protocol, noise_generator, perturb
from handhold.methods.refine.energy import EnergyConfig, refine_energy
from handhold.methods.refine.gravity import GravityConfig, refine_gravity
from handhold.methods.refine.gravity.sde_config import SdeConfig

BATCH = 32
"""Grasps refined together."""
TRUE_CONTACT = 0.005
"""Skin and surface nearer than this in the reference are its contact, in the row that knows it [m]."""
MEASURED = select(("exact", "pose", "vertices", "proximity"))

Method = Callable[..., list[Grasp]]


@dataclass(frozen=True)
class Entry:
    """One method to run.

    Attributes:
        name: what tables call it.
        method: takes grasps and a `generator`, gives as many; None leaves them as they are.
        knows_contact: give it the reference's contact masks.
    """

    name: str
    method: Method | None
    knows_contact: bool = False


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        table: which table.
        noise: the protocol that disturbed the input, as files record it.
        name: the method.
        n: grasps.
        figures: by metric, as `aggregate` gives them.
        seconds: of the method, a grasp; None for the input.
    """

    table: str
    noise: str
    name: str
    n: int
    figures: dict[str, Any]
    seconds: float | None


INPUT = Entry("input", None)
GRAVITY = GravityConfig()
METRES = SdeConfig.metres()


def methods() -> list[Entry]:
    """Table 1: every refiner."""
    return [
        INPUT,
        Entry("energy (penalties, Adam)", partial(refine_energy, config=EnergyConfig())),
        Entry("gravity, the paper's SDE", _sde()),
        Entry("gravity", partial(refine_gravity, config=GRAVITY)),
    ]


def ablations() -> list[Entry]:
    """Table 3: terms taken away, of the paper's equation and of the default solver."""
    return [
        INPUT,
        Entry("SDE w/o gravity", _sde(use_gravity=False)),
        Entry("SDE w/o hand prior", _sde(use_prior=False)),
        Entry("SDE w/o normals", _sde(use_normal=False)),
        Entry("SDE", _sde()),
        Entry("gravity w/o gravity", _gravity(gravity=0.0)),
        Entry("gravity w/o pose prior", _gravity(pose=0.0)),
        Entry("gravity w/o bones", _gravity(bones=0.0)),
        Entry("gravity w/o soft tissue", _gravity(soft=None)),
        Entry("gravity", _gravity()),
    ]


def contacts() -> list[Entry]:
    """Table 4: where contact is meant to be, told in different ways."""
    return [
        INPUT,
        Entry("nearest points (Gene)", _gravity(contact="nearest")),
        Entry("rays (TOCH)", _gravity(contact="ray")),
        Entry("whole fingers in reach (default)", _gravity()),
        Entry("the reference's contact", _gravity(), knows_contact=True),
    ]


TABLES: dict[str, Callable[[], list[Entry]]] = {"1": methods, "3": ablations, "4": contacts}
"""GravityDB's tables that can be made without images."""


def run_bench(
    clean: Sequence[Grasp],
    *,
    noises: Sequence[str],
    tables: Sequence[str],
    seed: int = 0,
    pose_space: PoseSpace | None = None,
) -> Iterator[Row]:
    """Disturb grasps, refine them by every entry of the tables, and score the results against the clean ones.

    Table 1 is made for every noise, the others for the first. The references' joints are the observed keypoints
    where they are known, their vertices the fitted hand's.

    Args:
        clean: grasps with their true hands.
        noises: names of protocols.
        tables: keys of `TABLES`.
        seed: of the noise and of the methods.
        pose_space: of the noise; a MANO hand needs that of its file.
    """
    references = [HandObject.of_grasp(grasp).observed() for grasp in clean]
    for k, noise in enumerate(noises):
        noisy = [disturbed(grasp, noise, seed=seed, pose_space=pose_space) for grasp in clean]
        recorded = find_protocol(noise, hand=clean[0].hand)[1]
        done: dict[str, Row] = {}
        for table in tables if k == 0 else [t for t in tables if t == "1"]:
            for entry in TABLES[table]():
                if entry.name not in done:  # the input and the default stand in every table
                    done[entry.name] = _row(entry, noisy, clean, references, noise=recorded, seed=seed)
                yield replace(done[entry.name], table=table)


def disturbed(
    grasp: Grasp, noise: str | NoiseProtocol, *, seed: int, pose_space: PoseSpace | None = None
) -> Grasp:
    """The grasp with noise, and with the noisy hand's keypoints as all that is seen of it."""
    generator = noise_generator(seed, grasp.name)
    params = perturb(grasp.params, grasp.hand, protocol=noise, generator=generator, pose_space=pose_space)
    return grasp.with_(params=params, keypoints=grasp.hand(params).joints)


def true_contact(grasp: Grasp) -> Contact:
    """Where a clean grasp touches, skin and surface, as masks."""
    (frame,) = HandObject.of_grasp(grasp).frames()
    on_object = frame.hand_distance.unsigned(frame.object.vertices) < TRUE_CONTACT
    on_hand = frame.signed < TRUE_CONTACT
    return Contact(*(torch.as_tensor(mask, dtype=grasp.hand.dtype) for mask in (on_hand, on_object)))


def _row(
    entry: Entry,
    noisy: Sequence[Grasp],
    clean: Sequence[Grasp],
    references: Sequence[HandObject],
    *,
    noise: str,
    seed: int,
) -> Row:
    given = list(noisy)
    if entry.knows_contact:
        given = [g.with_(contact=true_contact(c)) for g, c in zip(given, clean, strict=True)]
    refined, seconds = given, None
    if entry.method is not None:
        start, generator = time.perf_counter(), torch.Generator().manual_seed(seed)
        refined = [
            grasp
            for k in range(0, len(given), BATCH)
            for grasp in entry.method(given[k : k + BATCH], generator=generator)
        ]
        seconds = (time.perf_counter() - start) / len(given)
    tasks = [Task(HandObject.of_grasp(g), r) for g, r in zip(refined, references, strict=True)]
    scores: list[Score] = list(score_all(tasks, MEASURED, workers=1))
    return Row("", noise, entry.name, len(scores), aggregate(scores, seed=seed), seconds)


def _gravity(**changes) -> Method:
    return partial(refine_gravity, config=replace(GRAVITY, **changes))


def _sde(**changes) -> Method:
    return _gravity(solver="sde", sde=replace(METRES, **changes))
