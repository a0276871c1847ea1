"""The methods of `handhold refine`, behind one signature."""

from __future__ import annotations

import threading
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from handhold.batch import Refine
from handhold.errors import InputError
from handhold.interaction.grasp import Grasp
from handhold.methods.refine.energy import refine_energy
from handhold.methods.refine.gravity import refine_gravity

if TYPE_CHECKING:
    from handhold.batch.instructing import Instruct
    from handhold.cli.refine import Options
    from handhold.models.choir import JointDiffusion

SAMPLED = ("gravity", "choir")
"""Methods that can try several times."""


def settled(options: Options) -> Options:
    """The options with the short forms of a method's settings put in, and the device looked for.

    Raises:
        InputError: an option belongs to another method, or there is no GPU.
    """
    _check_methods(options)
    if options.samples is not None and options.samples < 1:
        raise InputError("must be positive", where="--samples", expected="1 or more", got=options.samples)
    if options.device == "cuda" and not has_gpu():
        raise InputError("no GPU that torch can use", where="--device cuda", remedy="Use --device cpu.")
    if options.solver is not None:
        options = replace(options, gravity=replace(options.gravity, solver=options.solver))
    if options.samples is not None and options.method == "choir":
        return replace(options, choir=replace(options.choir, samples=options.samples))
    if options.samples is not None:
        return replace(options, gravity=replace(options.gravity, samples=options.samples))
    return options


def has_gpu() -> bool:
    """Whether torch sees one."""
    import torch

    return torch.cuda.is_available()


def refiner(options: Options) -> Refine:
    """The method of the options as a function of grasps; each call draws its noise from the seed anew.

    Raises:
        InputError: the model cannot be read.
    """
    import torch

    renderer = threading.Thread(target=_load_renderer, daemon=True)
    model = _model_of(options)
    most, steps = 0 if model is None else model.config.diffusion_steps, options.choir.sampling.steps
    if model is not None and steps > most:
        raise InputError("too many", where="--choir.sampling.steps", expected=f"1 to {most}", got=steps)

    def refine(grasps: list[Grasp]) -> list[Grasp]:
        if not options.no_picture and renderer.ident is None:
            renderer.start()  # VTK is imported while the hands are refined
        if options.method == "energy":
            return refine_energy(grasps, config=options.energy)
        generator = torch.Generator(device=grasps[0].hand.device).manual_seed(options.seed)
        if options.method == "gravity":
            return refine_gravity(grasps, config=options.gravity, generator=generator)
        from handhold.methods.refine.choir.refine import refine_choir

        seeded = torch.Generator().manual_seed(options.seed)
        found = refine_choir(grasps, model=model, config=options.choir, generator=seeded)
        if options.then is None:
            return found
        found = refine_gravity(
            [g.with_(keypoints=None) for g in found], config=options.gravity, generator=generator
        )
        return [new.with_(keypoints=old.keypoints) for new, old in zip(found, grasps, strict=True)]

    return refine


def instruct_of(options: Options) -> Instruct | None:
    """What the options have the hands do, if they say anything of it.

    Raises:
        InputError: the sentence has no words, options do not go together, or the network that reads it cannot be had.
        MissingExtra: a package is not installed.
    """
    from handhold.cli.instruction import sentence_of

    sentence = sentence_of(options)
    if sentence is None:
        return None
    from handhold.batch.instructing import Instruct
    from handhold.models.contact import open_teller

    teller = open_teller() if options.contact_model is None else open_teller(options.contact_model)
    return Instruct(teller, sentence, seed=options.seed)


def name_of(options: Options) -> str:
    """What tables and reports call the method."""
    return options.method if options.then is None else f"{options.method}, then {options.then}"


def settings_of(options: Options, instruct: Instruct | None) -> dict[str, Any]:
    """The settings of what was run."""
    own = asdict(getattr(options, options.method))
    if instruct is not None:
        own["instruction"] = instruct.instruction
        own["contact_model"] = "shipped" if options.contact_model is None else str(options.contact_model)
    if options.image is not None:
        own |= {"image": options.image, "vlm_endpoint": options.vlm_endpoint, "vlm_model": options.vlm_model}
    if options.method == "choir":
        own["model"] = "shipped" if options.model is None else str(options.model)
    return own if options.then is None else {**own, "then": {options.then: asdict(options.gravity)}}


def notes_of(options: Options) -> list[str]:
    """What is to be said of how results were chosen."""
    if options.method != "choir" or options.choir.samples == 1:
        return []
    return [
        f"of {options.choir.samples} hands drawn for each grasp the best by measure was kept: volume in the object, "
        "bones through its surface, fingers on it"
    ]


def _check_methods(options: Options) -> None:
    """Refuse what would be passed over in silence."""
    asked = options.instruction is not None or options.image is not None
    if options.contact_model is not None and not asked:
        raise InputError(
            "reads a sentence, and there is none",
            where="--contact-model",
            expected="--instruction or --image beside it",
        )
    given = {
        "--solver": options.solver is not None and options.method != "gravity" and options.then != "gravity",
        "--samples": options.samples is not None and options.method not in SAMPLED,
        "--model": options.model is not None and options.method != "choir",
        "--then": options.then is not None and options.method != "choir",
        "--instruction" if options.image is None else "--image": asked
        and "gravity" not in (options.method, options.then),
    }
    runs = {options.method, options.then}
    for name in ("gravity", "choir", "energy"):
        settings = getattr(options, name)
        given[f"--{name}.*"] = name not in runs and settings != type(settings)()
    homes = {
        "--gravity.*": "gravity",
        "--energy.*": "energy",
        "--solver": "gravity",
        "--instruction": "gravity, or choir --then gravity",
        "--image": "gravity, or choir --then gravity",
        "--samples": " or ".join(SAMPLED),
    }
    for name, wrong in given.items():
        if wrong:
            home = homes.get(name, "choir")
            raise InputError(f"belongs to --method {home}", where=name, got=f"--method {options.method}")


def _model_of(options: Options) -> JointDiffusion | None:
    """The model that is asked for, read before anything is done; None for what needs none."""
    if options.method != "choir":
        return None
    from handhold.models.choir import load_model, shipped

    if options.model is None:
        return shipped()
    model = load_model(options.model)
    if model.config.known == "object":
        raise InputError(
            "the model knows objects alone, and no noisy hands",
            where=options.model,
            expected="one that was trained with --choir.known both or pair",
        )
    return model


def _load_renderer() -> None:
    try:
        import handhold.view.figures
        import handhold.view.studio  # noqa: F401
    except Exception:  # told when it is needed
        return
