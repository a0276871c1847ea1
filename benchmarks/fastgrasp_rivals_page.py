"""The page of fastgrasp_rivals.py: its figures as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fastgrasp_arms import ARMS, DRAWS, KL_WEIGHTS, STEPS, TIMED, VALIDATED
from fastgrasp_cvae import KlWeights

from handhold.data.grasp_set_split import HELD_OUT
from handhold.models.fastgrasp import FastGraspConfig


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
