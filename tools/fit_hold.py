"""Fit `HOLD` of methods/synthesize/judge.py: what makes one of the model's hands hold an object.

    python tools/fit_hold.py [--model DIR] [--rounds 2]

One instance a round of each household category that is trained on; of each, eight at random of 24 hands that are not
ranked by this, tried in six-way physics as they are and refined. Prints the constants and what they are worth: how
often a hand that holds is ranked before one that does not (AUC), and how many of the best three of eight hold, on
objects that were not fitted.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from handhold.data.grasp_set_split import HELD_OUT
from handhold.errors import HandholdError
from handhold.hand import Hand
from handhold.interaction.grasp import Grasp
from handhold.methods.refine.gravity import refine_gravity
from handhold.methods.synthesize.fastgrasp import FastGraspSampling, fastgrasp
from handhold.methods.synthesize.holdable import centre_of_mass, mesh_of
from handhold.methods.synthesize.judge import Judge, Near
from handhold.models.fastgrasp import FastGrasp, load_model, shipped
from handhold.models.grasp_rows import RESOLUTION
from handhold.objects.household import CATEGORIES
from handhold.physics import SqueezeConfig, grasp_verdict

SEED, DRAWN, EACH, FOLDS = 9_000_000, 24, 8, 5
DRIFT = 0.02
"""Most that an object may move while fingers close [m], as in `handhold evaluate`."""


def main() -> None:
    """Draw, try, fit, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = shipped() if options.model is None else load_model(options.model)
    seen, held, thing = [], [], []
    for turn in range(options.rounds):
        for place, category in enumerate(CATEGORIES):
            if category in HELD_OUT:
                continue
            try:
                grips, outcomes = tried(model, category, seed=SEED + 1000 * turn + place)
            except HandholdError as error:
                print(f"{category}: left out: {error}")
                continue
            seen += grips
            held += outcomes
            thing += [len(seen)] * len(grips)
            print(f"{turn} {category}: {np.mean(outcomes):.2f} held", flush=True)
    features, outcome = np.array(seen), np.array(held)
    print(f"{len(outcome)} hands, {outcome.mean():.3f} held; HOLD = {logistic(features, outcome).round(2)}")
    validate(features, outcome, np.unique(thing, return_inverse=True)[1])


def tried(model: FastGrasp, category: str, *, seed: int) -> tuple[list, list]:
    """Grip of each of some hands on a new instance, as (1, lever, opposed), and the share of two trials it held in."""
    generator = torch.Generator().manual_seed(seed)
    obj = CATEGORIES[category].sample(generator)
    hand, config = Hand.open("right"), FastGraspSampling(oversample=1, least=DRAWN)
    drawn = fastgrasp(obj, hand, model, count=DRAWN, config=config, generator=generator)
    pick = torch.randperm(len(drawn.grasps), generator=generator)[:EACH].tolist()
    grasps = [drawn.grasps[k] for k in pick]
    refined = refine_gravity(grasps, generator=torch.Generator().manual_seed(0))
    outcomes = [(held(raw) + held(own)) / 2 for raw, own in zip(grasps, refined, strict=True)]
    return grips(model, grasps), outcomes


def grips(model: FastGrasp, grasps: list[Grasp]) -> list[tuple[float, float, float]]:
    """What the judge looks at."""
    coder, mesh = model.autoencoder.code, mesh_of(grasps[0].object)
    points = torch.stack([grasp.surface().vertices[coder.seen] for grasp in grasps])
    grid = mesh.grid(resolution=RESOLUTION)
    near = Near(points, *grid.query(points, torch.zeros(len(points), dtype=torch.long)))
    centre = torch.from_numpy(centre_of_mass(mesh)).float()
    lever, opposed = Judge(coder.hand, coder.seen).grip(near, centre=centre)
    return [(1.0, *pair) for pair in zip(lever.tolist(), opposed.tolist(), strict=True)]


def held(grasp: Grasp) -> bool:
    """Whether squeezing fingers hold; a trial that fails does not."""
    try:
        return bool(grasp_verdict(grasp, drift=DRIFT, closing=SqueezeConfig()).held)
    except HandholdError:
        return False


def logistic(features: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Coefficients by Newton's method, hardly regularized."""
    weights = np.zeros(features.shape[1])
    for _ in range(60):
        chance = 1 / (1 + np.exp(-features @ weights))
        slope = features.T @ (chance - outcome) + 1e-3 * weights
        bend = (features * (chance * (1 - chance))[:, None]).T @ features + 1e-3 * np.eye(len(weights))
        weights = weights - np.linalg.solve(bend, slope)
    return weights


def validate(features: np.ndarray, outcome: np.ndarray, thing: np.ndarray) -> None:
    """What the fit is worth on objects that it has not seen."""
    score = np.zeros(len(outcome))
    for fold in range(FOLDS):
        out = thing % FOLDS == fold
        score[out] = features[out] @ logistic(features[~out], outcome[~out])
    yes, no = score[outcome == 1], score[outcome == 0]
    best = [
        outcome[own][np.argsort(-score[own])[:3]].mean() for own in (thing == k for k in np.unique(thing))
    ]
    print(f"AUC {np.mean(yes[:, None] > no):.3f}; of the best three of {EACH}, {np.mean(best):.3f} held")


if __name__ == "__main__":
    main()
