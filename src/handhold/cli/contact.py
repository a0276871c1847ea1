"""Ask where a sentence has a hand touch an object: "pour me some tea".

Takes a mesh, a household object by name (household:mug), or a scene, whose hand is then seen. Writes contact.npz and
contact.glb (of several sentences contact_0.npz, contact_0.glb, contact_1.npz and so on), contact.png and report.json.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from handhold.cli.contact_files import PICTURE, results_of, write_all
from handhold.cli.contact_report import make_report, print_report
from handhold.cli.contact_subject import Subject, find_subject
from handhold.cli.instruction import check_image_options, checked, seen_sentence
from handhold.cli.output import check_json, check_ours, output_folder
from handhold.errors import InputError
from handhold.io import write_json

if TYPE_CHECKING:
    from handhold.models.contact import Teller, ToldContact


@dataclass(frozen=True)
class Options:
    """Options of `handhold contact`.

    Attributes:
        object: a mesh, a scene, or household:NAME.
        out: folder for the results; made if it is not there.
        instruction: the sentence; again for more. By default a scene's own.
        image: a picture of a hand and its object; a vision-language model makes the sentence of it.
        vlm_endpoint: address of an OpenAI-compatible server, to which the picture is sent.
        vlm_model: the server's name of the model; without a server, a transformers model that runs here.
        model: a network of your own, DIR/model of `handhold train`.
        mano: your MANO file, for scenes on its hand; the network does not see that.
        up: the mesh's upward axis (z if not given), for picture and GLB.
        units: of the mesh, or overrides the scene's (m or mm).
        seed: of the points on the object.
        json: also write the report here.
        no_picture: draw no picture.
        quiet: print nothing but errors.
    """

    object: Annotated[str, tyro.conf.Positional]
    out: Path
    instruction: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    image: Path | None = None
    vlm_endpoint: str | None = None
    vlm_model: str | None = None
    model: Path | None = None
    mano: Path | None = None
    up: Literal["z", "y"] | None = None
    units: Literal["m", "mm", "cm", "in"] | None = None
    seed: int = 0
    json: Path | None = None
    no_picture: bool = False
    quiet: bool = False


def run(options: Options) -> int:
    """Ask, write, print. Returns the exit code."""
    start = time.perf_counter()
    _check_sources(options)
    check_json(options.json, results=results_of(options.out, max(len(options.instruction), 1)))
    with output_folder(options.out) as folder:
        for path in (*results_of(folder, max(len(options.instruction), 1)), folder / "report.json"):
            check_ours(path)
        subject = find_subject(options, model="open")
        sentences = _sentences(options, subject)
        teller = _teller(options)
        loaded = time.perf_counter()
        told = _tell(teller, subject, sentences, options)
        asked = time.perf_counter()
        done, trouble = write_all(told, subject, folder, picture=not options.no_picture)
        end = time.perf_counter()
        report = make_report(
            done,
            name=subject.obj.name,
            path=subject.path,
            hand=subject.hand,
            hand_seen=subject.grasp is not None,
            settings=_settings(options, teller),
            seed=options.seed,
            seconds={
                "loading": loaded - start, "telling": asked - loaded, "writing": end - asked, "total": end - start
            },
            picture=None if options.no_picture or trouble else PICTURE,
            warnings=[*subject.warnings, *_sizes(options, subject), *filter(None, [trouble])],
        )  # fmt: skip
        for path in filter(None, (folder / "report.json", options.json)):
            write_json(report, path)
        if not options.quiet:
            print_report(report, done, folder)
    return 0


def _check_sources(options: Options) -> None:
    """Refuse what would be passed over in silence, and sentences that are none.

    Raises:
        InputError: no usable sentence, or options that do not go together.
    """
    if options.instruction:
        checked(options.instruction)
    check_image_options(options, given=bool(options.instruction))


def _sentences(options: Options, subject: Subject) -> list[str]:
    """What is asked: the user's sentences, that of a picture, or the scene's own.

    Raises:
        InputError: there is none.
        MissingExtra: a package is needed to read the picture.
    """
    if options.instruction:
        return checked(options.instruction)
    if options.image is not None:
        return [seen_sentence(options)]
    if subject.instruction is not None:
        return checked((subject.instruction,), where=f"{subject.path}: instruction")
    raise InputError(
        "no sentence", where="--instruction", expected='words, such as "hold the mug by its handle"'
    )


def _teller(options: Options) -> Teller:
    """Network and text encoder.

    Raises:
        InputError: the network cannot be read.
        MissingExtra: the text encoder's package is not installed.
    """
    from handhold.models.contact.load import open_teller

    return open_teller() if options.model is None else open_teller(options.model)


def _tell(teller: Teller, subject: Subject, sentences: Sequence[str], options: Options) -> list[ToldContact]:
    """All sentences at once; VTK is imported meanwhile."""
    if not options.no_picture:
        threading.Thread(target=_load_renderer, daemon=True).start()
    if subject.grasp is None:
        return teller.tell(subject.obj, sentences, seed=options.seed)
    return teller.tell_hands([subject.grasp] * len(sentences), sentences, seed=options.seed)


def _settings(options: Options, teller: Teller) -> dict[str, Any]:
    return {
        "model": "shipped" if options.model is None else str(options.model),
        "text": teller.encoder.name,
        "points": teller.model.config.points,
        "image": options.image,
        "vlm_model": options.vlm_model,
    }


def _sizes(options: Options, subject: Subject) -> list[str]:
    """What is to be said of an object smaller or larger than all that the network was trained on."""
    from handhold.models.contact.load import SHIPPED
    from handhold.models.pretrained import trained_sizes

    sizes, side = trained_sizes(options.model or SHIPPED), float(subject.obj.extents.max())
    if sizes is None or sizes[0] <= side <= sizes[1]:
        return []
    least, most = (f"{size * 100:.1f}" for size in sizes)
    return [
        f"its longest side is {side * 100:.1f} cm, and the network was trained on {least} to {most} cm "
        "(are the units right?)"
    ]


def _load_renderer() -> None:
    try:
        import handhold.view.heat_studio  # noqa: F401
    except Exception:  # told when it is needed
        return
