"""The methods of `handhold synthesize`, behind one signature."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from functools import partial
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from handhold.cli.instruction import given_sentence, is_asked, told_of
from handhold.errors import InputError
from handhold.hand import Hand
from handhold.methods.synthesize.result import Ask, Synthesis
from handhold.objects import ObjectMesh
from handhold.optional import require

if TYPE_CHECKING:
    from handhold.cli.synthesize import Options
    from handhold.methods.synthesize.drafts import Draft, DraftConfig
    from handhold.objects.household import PartedObject

Step = Callable[[int, int], None]
Synthesize = Callable[["ObjectMesh | PartedObject", "Sequence[Ask] | None", Step], Synthesis]
"""Grasps of an object that answer the asks; the last is called with how many there are, and how many are wanted."""
LEARNED = ("fastgrasp", "choir")
"""Methods that draw from a trained model."""
NEEDED = ("mujoco", "coacd")
"""What physics needs."""


def method_of(options: Options, hand: Hand, *, physics: bool, sentence: str | None = None) -> Synthesize:
    """The method of the options; each object starts from the seed anew.

    Args:
        options: the command's.
        hand: the hand.
        physics: whether grasps must hold.
        sentence: says what is to be touched.

    Raises:
        InputError: the model cannot be read or is for another hand, or the network for the sentence cannot be read.
        MissingExtra: the sentence needs a package that is not installed.
    """
    import torch

    if sentence is not None:
        return _instructed(options, sentence, method_of(options, hand, physics=physics))
    seeded = lambda: torch.Generator().manual_seed(options.seed)
    if options.method == "optimize":
        from handhold.methods.synthesize.optimize import optimize_grasps

        return lambda obj, asks, step: optimize_grasps(
            obj,
            hand,
            count=options.count,
            asks=asks,
            config=options.optimize,
            generator=seeded(),
            progress=step,
        )
    from handhold.batch.drawn_grasps import POLISHED, RAW, draw_grasps

    draft, config = _draft_of(options, hand)
    bounds = replace(POLISHED if options.polish else RAW, physics=physics)
    return lambda obj, asks, step: draw_grasps(
        obj,
        hand,
        draft=draft,
        config=config,
        count=options.count,
        asks=asks,
        polish=options.polish,
        bounds=bounds,
        generator=seeded(),
        progress=step,
    )


def _instructed(options: Options, sentence: str, synthesize: Synthesize) -> Synthesize:
    """The method, of what a sentence asks to be touched; the network that tells where is loaded once.

    Raises:
        InputError: the network cannot be read.
        MissingExtra: it needs a package that is not installed.
    """
    from handhold.batch.instructed import instructed, parted_by
    from handhold.models import contact

    model = options.contact_model
    teller = contact.open_teller() if model is None else contact.open_teller(model)

    def of_sentence(obj: ObjectMesh | PartedObject, asks: Sequence[Ask] | None, step: Step) -> Synthesis:
        start = time.perf_counter()
        mesh = obj if isinstance(obj, ObjectMesh) else obj.mesh
        (told,) = teller.tell(mesh, [sentence], seed=options.seed)
        parted = parted_by(told, obj)
        seconds = {"sentence": time.perf_counter() - start}
        made = instructed(synthesize(parted, asks, step), told, mesh)
        return replace(made, seconds={**seconds, **made.seconds})

    return of_sentence


def check_instruction(options: Options) -> None:
    """Refuse a sentence that says nothing, or together with what it is there to say; a picture is not looked at.

    Raises:
        InputError: as said, there are several, or options of sentence and picture do not go together.
    """
    given_sentence(options)
    if not is_asked(options):
        return
    own = "--instruction" if options.image is None else "--image"
    for name, value in (("--part", options.part), ("--purpose", options.purpose)):
        if value is not None:
            raise InputError(
                f"cannot be given with {own}",
                where=name,
                got=value,
                remedy=f"Leave out {name}, or {own}.",
            )


def _draft_of(options: Options, hand: Hand) -> tuple[Draft[Any], DraftConfig]:
    """A learnt method with its model, and its settings.

    Raises:
        InputError: the model cannot be read, or is for another hand or another task.
    """
    models = _models_of(options)
    model = models.shipped() if options.model is None else models.load_model(options.model)
    if options.method == "choir":
        from handhold.methods.synthesize.choir import check_hand, draw_choir

        check_hand(hand, model)
        return partial(draw_choir, model=model), options.choir
    from handhold.methods.synthesize.fastgrasp import check_hand, fastgrasp

    check_hand(hand, model)
    return partial(fastgrasp, model=model), options.fastgrasp


def check_options(options: Options) -> None:
    """Refuse what would be passed over in silence.

    Raises:
        InputError: an option belongs to another method.
    """
    own, belongs = options.method, dict[str, str]()
    for method in (*LEARNED, "optimize"):
        settings = getattr(options, method)
        plain = type(settings)()
        changed = [f.name for f in fields(plain) if getattr(settings, f.name) != getattr(plain, f.name)]
        names = [f"--{method}.{name.replace('_', '-')}" for name in changed if name != "physics"]
        if method != own:  # --physics is for all
            belongs |= dict.fromkeys(names, method)
    if own not in LEARNED:
        given = ["--polish"] * options.polish + ["--model"] * (options.model is not None)
        belongs |= dict.fromkeys(given, " or ".join(LEARNED))
    for name, method in belongs.items():
        raise InputError(
            f"belongs to --method {method}",
            where=name,
            got=f"--method {own}",
            remedy=f"Leave it out, or choose --method {method}.",
        )


def settings_of(options: Options, sentence: str | None) -> dict[str, Any]:
    """The method's settings, for the report; whether grasps must hold is settled in `optimize.physics` for all."""
    told = told_of(options, sentence)
    if options.method == "optimize":
        return {**asdict(options.optimize), **told}
    model = "shipped" if options.model is None else str(options.model)
    own = {"polish": options.polish, "model": model, "physics": options.optimize.physics}
    return {**asdict(getattr(options, options.method)), **own, **told}


def strange_size(options: Options, mesh: ObjectMesh) -> str | None:
    """What is to be said of an object smaller or larger than all that the model was trained on."""
    if options.method not in LEARNED:
        return None
    trained_sizes = _models_of(options).trained_sizes
    sizes = trained_sizes() if options.model is None else trained_sizes(options.model)
    side = float(mesh.extents.max())
    if sizes is None or sizes[0] <= side <= sizes[1]:
        return None
    least, most = (f"{size * 100:.1f}" for size in sizes)
    return (
        f"its longest side is {side * 100:.1f} cm, and the model was trained on {least} to {most} cm: look at the "
        "grasps (are the units right?), or take --method optimize"
    )


def _models_of(options: Options) -> ModuleType:
    """Where the method's models are loaded: `shipped`, `load_model` and `trained_sizes`."""
    if options.method == "choir":
        from handhold.models import choir

        return choir
    from handhold.models import fastgrasp

    return fastgrasp


def settle_physics(options: Options) -> tuple[bool, list[str]]:
    """Whether grasps are tried in physics, and what is to be said of it: if that is asked for; of the optimizer's
    also where it is installed and not refused.

    Raises:
        InputError: it is both asked for and refused.
        MissingExtra: it is asked for and not installed.
    """
    wanted = options.physics or options.optimize.physics
    if wanted and options.no_physics:
        raise InputError("is asked for and refused", where="--physics", remedy="Leave out --no-physics.")
    if options.no_physics or not (wanted or options.method == "optimize"):
        return False, []
    for package in NEEDED:
        if wanted:
            require(package, extra="physics")
        elif find_spec(package) is None:
            note = f"whether the grasps hold was not tried: {package} is not installed"
            return False, [f"{note} (pip install 'handhold[physics]')"]
    return True, []
