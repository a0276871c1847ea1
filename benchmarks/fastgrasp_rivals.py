"""FastGrasp against its paper's rivals and ablations, all trained alike. Writes fastgrasp_rivals.md and .json.

    python benchmarks/fastgrasp_rivals.py SET --work DIR [--only whole,cvae,...] [--ae-steps N] [--out benchmarks]

SET is a grasp set; ours is sets/household. Arms that share a stage share its weights. All that is trained lies in DIR:
the same command goes on where it was killed, and an arm that is in the JSON is not made again. One thread.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fastgrasp_arms import (
    ARMS,
    DRAWS,
    HANDS,
    KL_WEIGHTS,
    OF_CATEGORY,
    SAY,
    SEED,
    STEPS,
    TIMED,
    TRIAL,
    USUAL,
    VALIDATED,
    Arm,
)
from fastgrasp_cvae import Cvae, CvaeTask, KlWeights, drawn_cost, parameters
from fastgrasp_rivals_page import page
from safetensors.torch import load_file, save_file
from torch import nn

import handhold
from handhold.cli.train_run import digest_of
from handhold.cli.train_validation import measures_of_grasps
from handhold.data import GraspSet
from handhold.data.grasp_rows import prepare_rows, read_rows, save_rows
from handhold.data.grasp_set_split import HELD_OUT
from handhold.errors import InputError
from handhold.evaluate.metrics.contact import grasptta_contact
from handhold.evaluate.metrics.diversity import fastgrasp_diversity
from handhold.hand import Hand
from handhold.interaction.grasp import Grasp
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import measure_frame
from handhold.io import write_json
from handhold.methods.synthesize.fastgrasp import FastGraspSampling, fastgrasp
from handhold.methods.synthesize.optimize import OptimizeConfig
from handhold.methods.synthesize.places import draw_places, see
from handhold.models.fastgrasp import FastGrasp, FastGraspConfig
from handhold.models.fastgrasp.adapt_task import AdaptTask
from handhold.models.fastgrasp.look import look
from handhold.models.fastgrasp.losses import LossWeights
from handhold.models.fastgrasp.tasks import AutoencoderTask, DiffusionTask, fit_latents
from handhold.models.grasp_rows import GraspRows
from handhold.models.training import Task, TrainConfig, train
from handhold.objects.household import CATEGORIES, HouseholdObject
from handhold.physics import SimulationError, SqueezeConfig, drop_grasp, grasp_verdict


@dataclass(frozen=True)
class Run:
    """What all arms share."""

    work: Path
    rows: dict[str, GraspRows]
    settings: dict[str, Any]

    def steps(self, kind: str) -> int:
        """Of a stage."""
        return self.settings["steps"][kind]


class Clock:
    """The processor's seconds since it was made: the other processes of a busy machine do not count."""

    def __init__(self) -> None:
        self.start = time.process_time()

    @property
    def seconds(self) -> float:
        """[s]."""
        return time.process_time() - self.start


def main() -> None:
    """Train and measure what is asked for and write all that is known."""
    options = _options()
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    options.out.mkdir(parents=True, exist_ok=True)
    run = begin(options)
    file = options.out / "fastgrasp_rivals.json"
    known = json.loads(file.read_text()) if file.exists() else {"settings": run.settings, "arms": {}}
    if known["settings"] != run.settings:
        raise InputError("was made with other settings", where=file, remedy="Use another --out.")
    known |= {"machine": machine(), "stages": known.get("stages", {})}
    objects = [drawn(category, turn) for category in HELD_OUT for turn in range(OF_CATEGORY)]
    for name in options.only:
        if name not in known["arms"]:
            known["arms"][name] = arm_row(run, ARMS[name], objects, known)
            say(f"{name}: {known['arms'][name]['held_out']}")
        write_json(known, file)
        (options.out / "fastgrasp_rivals.md").write_text(page(known))
    print(page(known))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="folder of what is trained")
    parser.add_argument("--only", default=",".join(USUAL), help="of " + ", ".join(ARMS))
    parser.add_argument("--ae-steps", type=int, default=2000)
    parser.add_argument("--diffusion-steps", type=int, default=2000)
    parser.add_argument("--adapt-steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hands", type=int, default=HANDS, help="on each held-out object")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(ARMS):
        parser.error(f"--only: there is no {', '.join(sorted(unknown))}; there are {', '.join(ARMS)}")
    return options


def begin(options: argparse.Namespace) -> Run:
    """The set's rows, prepared or from the last time, and the settings."""
    grasps = GraspSet.open(options.set)
    digest, rows = digest_of(grasps), {}
    for split in ("train", "val"):
        path, of = options.work / f"rows-{split}.safetensors", f"{digest} {split}"
        found = read_rows(path, of=of)
        if found is None:
            found = prepare_rows(grasps.where(split=split))
            save_rows(found, path, of=of)
        rows[split] = found.rows
    steps = {"ae": options.ae_steps, "diffusion": options.diffusion_steps, "adapt": options.adapt_steps}
    cvae = steps["ae"] + steps["diffusion"]
    settings = {
        "data": digest,
        "grasps": {split: len(own) for split, own in rows.items()},
        "objects": {split: len(own.objects) for split, own in rows.items()},
        "steps": {**steps, "cvae": cvae, "cvae-trial": max(1, cvae // TRIAL)},
        **{name: getattr(options, name) for name in ("batch", "learning_rate", "seed", "hands")},
    }
    return Run(options.work, rows, settings)


def arm_row(run: Run, arm: Arm, objects: list[HouseholdObject], known: dict) -> dict:
    """Train an arm, and all its figures."""
    model, seed = fresh(arm, run.settings["seed"]), run.settings["seed"]
    kl = None
    if isinstance(model, Cvae):
        known["kl"] = kl_rows(run)
        kl = min(known["kl"], key=lambda row: row["cost"])["weight"]
    for name in arm.stages:
        known["stages"][name] = stage(run, name, model, kl=kl)
    own = [known["stages"][name] for name in arm.stages]
    val = run.rows["val"]
    valid = lambda adapt: measures_of_grasps(
        model, val, objects=len(val.objects), each=VALIDATED, adapt=adapt, seed=seed
    )
    return {
        "stages": arm.stages,
        **{name: sum(one[name] for one in own) for name in ("parameters", "steps", "seconds")},
        "validation": valid(arm.adapts),
        "before_adaptation": valid(False) if arm.adapts else None,
        "held_out": held_out(model, objects, run, adapt=arm.adapts),
    }


def fresh(arm: Arm, seed: int) -> FastGrasp:
    """An arm's networks before training; those that arms share start alike."""
    torch.manual_seed(seed)
    config = FastGraspConfig(**arm.changes)
    return Cvae(config) if arm.stages == ("cvae",) else FastGrasp(config)


def stage(run: Run, name: str, model: FastGrasp, *, kl: float | None = None, steps: int = 0) -> dict:
    """Train a stage of a model, or fetch what was trained, and tell of it."""
    kind, folder = name.split("-")[0], run.work / name
    steps, seed = steps or run.steps(kind), run.settings["seed"]
    shared = {key: run.settings[key] for key in ("data", "steps", "batch", "learning_rate", "seed")}
    identity = {**shared, "stage": name, "kl": kl, "own_steps": steps}
    module, told = module_of(model, kind), folder / "trained.json"
    model.requires_grad_(False)
    found = json.loads(told.read_text()) if told.exists() else None
    if found is not None and found.pop("identity") == identity:
        module.load_state_dict(load_file(folder / "trained.safetensors"))
    else:
        clock, done = Clock(), list[int]()
        task = task_of(name, model, run.rows["train"], seed=seed, kl=kl)
        before = clock.seconds  # AdaptTask draws its latents
        module.requires_grad_(True)
        rates = {key: run.settings[key] for key in ("batch", "learning_rate", "seed")}
        config = TrainConfig(steps=steps, precision="no", validate_every=steps, **rates)
        trained = train(
            task, config, folder=folder, device="cpu", progress=told_steps(name, done), identity=identity
        )
        if trained.stopped:
            raise SystemExit(f"{name} was stopped; the same command goes on")
        found = {
            "parameters": parameters(module),
            "steps": steps,
            "seconds": before + steps * (clock.seconds - before) / max(len(done), 1),
            "losses": trained.losses,
        }
        save_file(module.state_dict(), folder / "trained.safetensors")
        write_json({**found, "identity": identity}, told)
    model.requires_grad_(False).eval()
    if kind == "ae":
        fit_latents(model, run.rows["train"], seed=seed)
        found["rebuilt"] = rebuilt(model, run.rows["val"], seed=seed)
    return found


def module_of(model: FastGrasp, kind: str) -> nn.Module:
    """What a stage trains, as its task has it."""
    if isinstance(model, Cvae):
        return model.trained
    if kind == "diffusion":
        return nn.ModuleDict({"object": model.object, "denoiser": model.denoiser})
    return model.autoencoder if kind == "ae" else model.adapter


def task_of(name: str, model: FastGrasp, rows: GraspRows, *, seed: int, kl: float | None) -> Task:
    """What a stage trains, and how."""
    kind, _, variant = name.partition("-")
    if isinstance(model, Cvae):
        assert kl is not None
        return CvaeTask(model, rows, kl=KlWeights(kl))
    if kind == "ae":
        return AutoencoderTask(model, rows)
    if kind == "diffusion":
        return DiffusionTask(model, rows, physical=LossWeights() if variant == "physical" else None)
    return AdaptTask(model, rows, draws=DRAWS, seed=seed)


@torch.no_grad()
def rebuilt(model: FastGrasp, rows: GraspRows, *, seed: int) -> dict[str, float]:
    """How the autoencoder gives back hands on validation objects; depth is beyond the true hand's."""
    generator = torch.Generator().manual_seed(seed)
    task = AutoencoderTask(model, rows, noise=0.0)
    terms = task.losses(torch.arange(len(rows)), generator)
    names = {"vertices": "vertices_mm", "contact": "contact_mm", "penetration": "mean_depth_mm"}
    return {told: 10 * float(terms[name]) for name, told in names.items()}  # losses are in units of 10 mm


def kl_rows(run: Run) -> list[dict]:
    """Short trainings of the CVAE, and what comes of them on validation objects."""
    rows, val, seed = [], run.rows["val"], run.settings["seed"]
    for weight in KL_WEIGHTS:
        model = fresh(ARMS["cvae"], seed)
        found = stage(run, f"cvae-trial-{weight:g}", model, kl=weight, steps=run.steps("cvae-trial"))
        figures = measures_of_grasps(
            model, val, objects=len(val.objects), each=VALIDATED, adapt=False, seed=seed
        )
        cost = drawn_cost(model, val, seed=seed)
        rows.append({"weight": weight, "cost": cost, "nats": found["losses"]["nats"], **figures})
        say(f"KL {rows[-1]}")
    return rows


def drawn(category: str, turn: int) -> HouseholdObject:
    """A household object of a category."""
    number = SEED + 1000 * turn + list(CATEGORIES).index(category)
    return CATEGORIES[category].sample(torch.Generator().manual_seed(number))


def held_out(model: FastGrasp, objects: list[HouseholdObject], run: Run, *, adapt: bool) -> dict:
    """Exact figures of all hands that a model makes: none is chosen, none mended."""
    count, rows, joints, by_object = run.settings["hands"], [], [], []
    for obj in objects:
        made = sampled(model, obj, count=count, adapt=adapt)
        own = [hand_row(grasp) for grasp in made]
        joints += [grasp.surface().joints.double().numpy() for grasp in made]
        by_object.append({"name": obj.mesh.name, **means(own)})
        rows += own
    spread = {
        name: float(
            np.nanstd(np.array([one[name] for one in by_object], float), ddof=1) / math.sqrt(len(objects))
        )
        for name in ("iv_cm3", "drop_cm", "held_percent")
    }
    diversity = fastgrasp_diversity(np.stack(joints), canonical=False)
    return {
        "n": len(rows),
        **means(rows),
        "entropy": float(diversity.entropy),
        "cluster_size": float(diversity.cluster_size),
        "ms_a_hand": min(ms_a_hand(model, objects[0], adapt=adapt) for _ in range(3)),
        "standard_error": spread,
        "unmeasured": {
            name: sum(row[name] is None for row in rows) for name in ("iv_cm3", "drop_cm", "held_percent")
        },
        "objects": by_object,
    }


def sampled(model: FastGrasp, obj: HouseholdObject, *, count: int, adapt: bool) -> tuple[Grasp, ...]:
    """So many hands as they come: as many are drawn as are kept, at the same places by every arm."""
    config = FastGraspSampling(steps=STEPS, guidance=1.0, adapt=adapt, oversample=1.0, least=count, rounds=1)
    return fastgrasp(obj, Hand.open("right"), model, count=count, config=config).grasps


@torch.no_grad()
def ms_a_hand(model: FastGrasp, obj: HouseholdObject, *, adapt: bool) -> float:
    """Processor's time for one hand of a batch on an object that is prepared: look, draw, adapt, decode."""
    generator = torch.Generator().manual_seed(0)
    scene = see(obj, part=None, count=TIMED, generator=generator)
    placed = draw_places(scene, count=TIMED, mirrored=False, generator=generator)
    betas, clock = torch.zeros(TIMED, model.config.shapes), Clock()
    seen = look(placed, model.basis, model.config, betas=betas)
    latent, feature = model.draw(seen, steps=STEPS, guidance=1.0, generator=generator)
    if adapt:
        model.adapt(latent, feature, betas, placed.distances)
    else:
        model.decode(latent, betas)
    return 1e3 * clock.seconds / TIMED


def hand_row(grasp: Grasp) -> dict[str, float | None]:
    """All figures of one hand; None for what could not be had."""
    (frame,) = HandObject.of_grasp(grasp).frames()
    found = measure_frame(frame)
    row: dict[str, float | None] = {
        "iv_cm3": found.iv_cm3 if math.isfinite(found.iv_cm3) else None,
        "depth_mm": found.pd_mm,
        "through_percent": 100.0 * (found.bones_through > 0),
        "contact_percent": 100.0 * bool(grasptta_contact(frame.signed)),
        "fingers": found.fingers_in_contact,
    }
    drift = OptimizeConfig().drift_cm / 100
    trials: dict[str, Callable[[], float]] = {
        "drop_cm": lambda: drop_grasp(frame.pair).displacement_cm,
        "held_percent": lambda: 100.0 * grasp_verdict(frame.pair, drift=drift, closing=SqueezeConfig()).held,
    }
    for name, trial in trials.items():
        try:
            row[name] = float(trial())
        except SimulationError:
            row[name] = None
    return row


def means(rows: list[dict[str, float | None]]) -> dict[str, float | None]:
    """Of what could be had; a grasp whose trial failed is not held."""
    told: dict[str, float | None] = {}
    for name in rows[0]:
        own = [0.0 if row[name] is None and name == "held_percent" else row[name] for row in rows]
        there = [value for value in own if value is not None]
        told[name] = float(np.mean(there)) if there else None
    return told


def told_steps(name: str, done: list[int]) -> Callable[[int, dict[str, float]], None]:
    """Notes the steps of a training, and tells of it now and then."""

    def tell(number: int, losses: dict[str, float]) -> None:
        done.append(number)
        if number % SAY == 0:
            say(f"{name} {number} {losses['loss']:.4f}")

    return tell


def say(line: str) -> None:
    """With the time of day."""
    print(time.strftime("%H:%M:%S"), line, flush=True)


def machine() -> str:
    """Where and with what the figures were made."""
    return (
        f"handhold {handhold.__version__}, torch {torch.__version__}, Python {platform.python_version()}, "
        f"{platform.machine()}, one thread."
    )


if __name__ == "__main__":
    main()
