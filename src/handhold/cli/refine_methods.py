"""The methods of `handhold refine`, behind one signature."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from handhold.batch import Refine
from handhold.cli.instruction import checked, given_sentence, is_asked, sentence_of, told_of
from handhold.errors import InputError
from handhold.interaction.grasp import Grasp
from handhold.methods.refine.energy import refine_energy
from handhold.methods.refine.gravity import refine_gravity

if TYPE_CHECKING:
    from handhold.batch.instructing import Instruct
    from handhold.cli.refine import Options
    from handhold.models.choir import JointDiffusion

MANY = 64
"""From so many scenes on, a GPU pays."""
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


def device_of(options: Options, count: int) -> str:
    """Where so many scenes are refined."""
    if options.device != "auto":
        return options.device
    return "cuda" if count >= MANY and has_gpu() else "cpu"


def refiner(options: Options) -> Refine:
    """The method of the options as a function of grasps; each call draws its noise from the seed anew.

    Raises:
        InputError: the model cannot be read, or was trained for fewer steps than are asked for.
    """
    renderer = threading.Thread(target=_load_renderer, daemon=True)
    model = _model_of(options)

    def refine(grasps: list[Grasp]) -> list[Grasp]:
        """The options' method; VTK is imported while it works."""
        if not options.no_picture and renderer.ident is None:
            renderer.start()
        return _refined(grasps, options, model)

    return refine


def _refined(grasps: list[Grasp], options: Options, model: JointDiffusion | None) -> list[Grasp]:
    import torch

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


def instruct_of(options: Options) -> Instruct | None:
    """What the options have the hands do, if they say anything of it.

    Raises:
        InputError: the sentence has no words, options do not go together, or the network that reads it cannot be had.
        MissingExtra: a package is not installed.
    """
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
    own |= told_of(options, instruct and instruct.instruction)
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


def unfollowed(options: Options, own: Mapping[str, str | None]) -> str | None:
    """What is to be said of scenes' own sentences where the user gives none and the method could follow one.

    Args:
        options: the command's.
        own: each scene's sentence, if it has one, by the name of its file.
    """
    if is_asked(options) or not _follows(options):
        return None
    usable = {name: " ".join(words.split()) for name, words in own.items() if words and _is_sentence(words)}
    if not usable:
        return None
    name, first = next(iter(usable.items()))
    words = json.dumps(first, ensure_ascii=False)  # quoted, as a command line has it
    if len(set(usable.values())) > 1:
        return (
            f"{len(usable)} scenes have sentences of their own ({name}: {words}), which their hands do not follow; "
            "refine --instruction with a scene's own, one scene at a time, would have them do so"
        )
    who, hands = (f"{name} says", "hand") if len(usable) == 1 else (f"{len(usable)} scenes say", "hands")
    return f"{who} {words}; refine --instruction {words} would have the {hands} follow it"


def _is_sentence(words: str) -> bool:
    try:
        return bool(checked([words]))
    except InputError:
        return False


def _follows(options: Options) -> bool:
    """Whether what is run can follow a sentence."""
    return "gravity" in (options.method, options.then)


def _check_methods(options: Options) -> None:
    """Refuse what would be passed over in silence."""
    given_sentence(options)
    given = {
        "--solver": options.solver is not None and options.method != "gravity" and options.then != "gravity",
        "--samples": options.samples is not None and options.method not in SAMPLED,
        "--model": options.model is not None and options.method != "choir",
        "--then": options.then is not None and options.method != "choir",
        "--instruction" if options.image is None else "--image": is_asked(options) and not _follows(options),
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

    model = shipped() if options.model is None else load_model(options.model)
    most, steps = model.config.diffusion_steps, options.choir.sampling.steps
    if steps > most:
        raise InputError("too many", where="--choir.sampling.steps", expected=f"1 to {most}", got=steps)
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
