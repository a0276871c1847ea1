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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fastgrasp_cvae import Cvae, CvaeTask, KlWeights, drawn_cost, parameters
from safetensors.torch import load_file, save_file
from torch import nn

import handhold
from handhold.cli.train_fastgrasp import digest_of
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
from handhold.methods.synthesize.fastgrasp.places import draw_places, see
from handhold.methods.synthesize.optimize import OptimizeConfig
from handhold.models.fastgrasp import FastGrasp, FastGraspConfig
from handhold.models.fastgrasp.adapt_task import AdaptTask
from handhold.models.fastgrasp.look import look
from handhold.models.fastgrasp.losses import LossWeights
from handhold.models.fastgrasp.tasks import AutoencoderTask, DiffusionTask, fit_latents
from handhold.models.grasp_rows import GraspRows
from handhold.models.training import Task, TrainConfig, train
from handhold.objects.household import CATEGORIES, HouseholdObject
from handhold.physics import SimulationError, SqueezeConfig, drop_grasp, grasp_verdict

SEED = 7_000_000
"""No shipped set has objects of these seeds."""
OF_CATEGORY, HANDS, TIMED, VALIDATED = 2, 24, 128, 8
"""Objects of each held-out category, hands on each; hands in the batch that is timed; hands on a validation object."""
KL_WEIGHTS, TRIAL = (0.02, 0.06, 0.2, 0.6), 10
"""The CVAE's are tried in trainings of one part in so many of its steps; the best by validation is taken."""
DRAWS, STEPS, SAY = 1, 16, 200
"""Latents that the adaptation is trained on, a grasp; steps of DDIM; steps between two lines of the log."""


@dataclass(frozen=True)
class Arm:
    """A rival: its row's name, the stages it is trained in, and what differs in the sizes."""

    what: str
    stages: tuple[str, ...]
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def adapts(self) -> bool:
        """Whether it has an adaptation module."""
        return self.stages[-1].startswith("adapt")


ARMS = {
    "whole": Arm("whole pipeline", ("ae", "diffusion", "adapt")),
    "diffusion": Arm("diffusion alone", ("ae", "diffusion")),
    "cvae": Arm("CVAE", ("cvae",)),
    "physical": Arm("diffusion with physical losses", ("ae", "diffusion-physical")),
    "published-adapter": Arm(
        "whole, published adaptation",
        ("ae", "diffusion", "adapt-published"),
        {"adapt_sees_hand": False, "adapt_rounds": 1},
    ),
    "parameters": Arm(
        "whole, hands seen as parameters",
        ("ae-parameters", "diffusion-parameters", "adapt-parameters"),
        {"hand_input": "parameters"},
    ),
    "points": Arm(
        "whole, objects seen as points",
        ("ae", "diffusion-points", "adapt-points"),
        {"sight": "points", "seen_points": 256},
    ),
    "set": Arm(
        "whole, hands seen as sets of vertices",
        ("ae-set", "diffusion-set", "adapt-set"),
        {"hand_input": "set"},
    ),
}
USUAL = tuple(name for name in ARMS if name != "set")


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
    config = FastGraspSampling(steps=STEPS, guidance=1.0, adapt=adapt, oversample=1.0, least=count)
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


def page(known: dict) -> str:
    """The tables as Markdown."""
    arms = [(ARMS[name].what, known["arms"][name]) for name in ARMS if name in known["arms"]]
    head = f"# FastGrasp and its rivals\n\n{known['machine']}\n\n{same(known['settings'])}"
    parts = [head, held_out_page(arms), validation_page(arms), training_page(known, arms)]
    return "\n".join([*parts, *([kl_page(known)] if "kl" in known else [])])


def same(settings: dict) -> str:
    """What is the same for all arms, and what is not."""
    steps, points = settings["steps"], ARMS["points"].changes["seen_points"]
    return (
        f"The same for all: {settings['grasps']['train']} grasps of {settings['objects']['train']} objects (digest "
        f"{settings['data'][:8]}), batch {settings['batch']}, AdamW with a highest rate of "
        f"{settings['learning_rate']:g} that falls along a cosine, averaged weights, seed {settings['seed']}, widths "
        f"(but where the name of an arm says otherwise), thumbs' places, no guidance, {STEPS} steps of DDIM. "
        f"{steps['ae']} steps of the autoencoder, {steps['diffusion']} of the diffusion, {steps['adapt']} of the "
        f"adaptation ({DRAWS} latent drawn a grasp); the CVAE has {steps['cvae']}, as many as autoencoder and "
        "diffusion together, and no more parameters than these two.\n\n"
        "Not the same: the whole pipeline has steps and parameters of the adaptation besides, as in the paper. The "
        f"CVAE's weight of the divergence was chosen among {len(KL_WEIGHTS)} in trainings of {steps['cvae-trial']} "
        "steps, which are not counted below; nothing was chosen for the others here. Physical losses have the weights "
        f"that the autoencoder has. Points are the {points} nearest with normals, in place of "
        f"{FastGraspConfig().basis} distances. The shipped model was trained for longer than any arm.\n"
    )


def held_out_page(arms: list[tuple[str, dict]]) -> str:
    """Exact figures."""
    some = arms[0][1]["held_out"]
    pm = lambda own, name, digits: (
        f"{shown(own[name], digits)} ± {shown(own['standard_error'][name], digits)}"
    )
    rows = []
    for what, arm in arms:
        own = arm["held_out"]
        digits = {"depth_mm": 1, "through_percent": 0, "contact_percent": 0, "fingers": 2}
        rows.append(
            [what, pm(own, "iv_cm3", 2)]
            + [shown(own[name], places) for name, places in digits.items()]
            + [pm(own, "drop_cm", 2), pm(own, "held_percent", 0)]
            + [shown(own[name], 2) for name in ("entropy", "cluster_size", "ms_a_hand")]
            + [" ".join(map(str, own["unmeasured"].values()))]
        )
    heads = ("volume cm³", "depth mm", "bone through %", "contact %", "fingers", "drop cm", "six-way held %")
    return (
        "## Held-out categories\n\n"
        f"{len(some['objects'])} objects of categories that training never saw ({', '.join(HELD_OUT)}), "
        f"{some['n'] // len(some['objects'])} hands on each, every hand as it was drawn. Exact volume; hands with a "
        "bone through the surface; GraspTTA's contact (5 mm); fingers within 3 mm; obman-drop with a still hand; "
        "six-way with squeezing fingers; FastGrasp's entropy (at most 3.00) and cluster size, of all hands together. "
        f"±: standard error over objects. ms: the processor's, of one hand in a batch of {TIMED}, one thread. Failed: "
        "hands whose volume, drop or six-way could not be had, the last counted as not held.\n\n"
        + table(("", *heads, "entropy", "cluster size", "ms", "failed"), rows)
    )


def validation_page(arms: list[tuple[str, dict]]) -> str:
    """Figures by the objects' grids."""
    digits = {"depth_mm": 1, "inside_percent": 1, "contact_percent": 0, "fingers": 2, "entropy": 2}
    rows = [
        [what + when, *(shown(own.get(name), places) for name, places in digits.items())]
        for what, arm in arms
        for when, own in (("", arm["validation"]), (", before adaptation", arm["before_adaptation"]))
        if own is not None
    ]
    return (
        "## New objects of known categories\n\n"
        f"The validation split, {VALIDATED} hands on each object, at places where thumbs are in the set; by the "
        "objects' grids. Inside: share of the skin deeper than 2 mm.\n\n"
        + table(("", "depth mm", "inside %", "contact %", "fingers", "entropy"), rows)
    )


def training_page(known: dict, arms: list[tuple[str, dict]]) -> str:
    """What each arm cost, and how well autoencoders give back hands."""
    rows = [
        [
            what,
            ", ".join(arm["stages"]),
            f"{arm['parameters']:,}",
            str(arm["steps"]),
            shown(arm["seconds"], 0),
        ]
        for what, arm in arms
    ]
    found = {name: row["rebuilt"] for name, row in known["stages"].items() if "rebuilt" in row}
    own = [[name, *(shown(value, 2) for value in row.values())] for name, row in found.items()]
    return (
        "## Training\n\n"
        "Stages that arms share were trained once and are counted in each. Seconds of the processor, one thread; those "
        "of an adaptation hold the drawing of its latents.\n\n"
        + table(("", "stages", "parameters trained", "steps", "seconds"), rows)
        + "\nHands on validation objects that an autoencoder gives back: mean distance of vertices; of skin that "
        "truly touches, from the surface; mean depth of all skin beyond the true hand's.\n\n"
        + table(("", "vertices mm", "contact mm", "depth mm"), own)
    )


def kl_page(known: dict) -> str:
    """The trials of the CVAE."""
    digits = {"weight": 4, "nats": 1, "cost": 2, "depth_mm": 1, "fingers": 2, "entropy": 2}
    rows = [[shown(row.get(name), places) for name, places in digits.items()] for row in known["kl"]]
    return (
        "## The CVAE's divergence\n\n"
        f"After {known['settings']['steps']['cvae-trial']} steps, on validation objects. The weight of the least cost "
        "(`Judge.cost`: depth, and distance of thumb and two fingers) was taken. Trials are short, and short ones "
        f"favour large weights. {KlWeights(0).free:g} nats of each of the latent's {FastGraspConfig().latent} numbers "
        "are free.\n\n" + table(("weight of a nat", "nats", "cost", "depth mm", "fingers", "entropy"), rows)
    )


def table(heads: Sequence[str], rows: list[list[str]]) -> str:
    """As Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def shown(value: float | None, digits: int) -> str:
    """A number, or nothing."""
    return "" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def machine() -> str:
    """Where and with what the figures were made."""
    return (
        f"handhold {handhold.__version__}, torch {torch.__version__}, Python {platform.python_version()}, "
        f"{platform.machine()}, one thread."
    )


if __name__ == "__main__":
    main()
