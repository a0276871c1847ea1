"""The sentence of a command: the user's, or that which a vision-language model says of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Protocol

import tyro

from handhold.errors import InputError
from handhold.language.features import checked_sentences

OneSentence = tyro.conf.UseAppendAction[
    Annotated[tuple[str, ...], tyro.conf.arg(help_behavior_hint="(optional)")]
]
"""Of a command that takes one sentence: gathered, so that a second can be refused; tyro would take the last unsaid."""
LONGEST = 1000
"""Characters of a sentence; text encoders read about so many and pass over the rest."""


class Looking(Protocol):
    """Options that bring a sentence by a picture."""

    @property
    def image(self) -> Path | None: ...
    @property
    def vlm_endpoint(self) -> str | None: ...
    @property
    def vlm_model(self) -> str | None: ...


class Asking(Looking, Protocol):
    """Options that bring one sentence, and the network that reads it."""

    @property
    def instruction(self) -> tuple[str, ...]: ...
    @property
    def contact_model(self) -> Path | None: ...


def check_image_options(options: Looking, *, given: bool) -> None:
    """Refuse options of the picture that do not go together.

    Args:
        options: the command's.
        given: whether the user gives a sentence.

    Raises:
        InputError: a sentence and a picture, or a model without a picture.
    """
    if given and options.image is not None:
        raise InputError("stands in place of --instruction", where="--image", got="both")
    for option, value in (("--vlm-endpoint", options.vlm_endpoint), ("--vlm-model", options.vlm_model)):
        if value is not None and options.image is None:
            raise InputError("belongs to --image", where=option, got="no --image")


def checked(sentences: list[str] | tuple[str, ...], *, where: str = "--instruction") -> list[str]:
    """The user's sentences, stripped.

    Args:
        sentences: in any language.
        where: whence they come.

    Raises:
        InputError: one has no words, or is so long that its end would not be read.
    """
    try:
        stripped = checked_sentences(sentences)
    except InputError as error:
        raise InputError(error.what, where=where, expected=error.expected, got=error.got) from error
    for sentence in stripped:
        if not any(c.isalnum() for c in sentence):  # the encoder knows no emoji, and would answer all alike
            raise InputError(
                "has no words",
                where=where,
                expected='such as "hold the mug by its handle"',
                got=repr(sentence)[:80],
            )
        if len(sentence) > LONGEST:
            got = f"{len(sentence)} characters"
            raise InputError("too long", where=where, expected=f"at most {LONGEST} characters", got=got)
    return stripped


def is_asked(options: Asking) -> bool:
    """Whether options bring a sentence: the user's, or that of a picture."""
    return bool(options.instruction) or options.image is not None


def given_sentence(options: Asking) -> str | None:
    """The user's own sentence, if any; the picture is not looked at yet.

    Raises:
        InputError: there are several, it has no words, or options do not go together.
    """
    check_image_options(options, given=bool(options.instruction))
    if options.contact_model is not None and not is_asked(options):
        raise InputError(
            "reads a sentence, and there is none",
            where="--contact-model",
            expected="--instruction or --image beside it",
        )
    if len(options.instruction) > 1:
        raise InputError(
            "is given more than once",
            where="--instruction",
            expected="one sentence",
            got=len(options.instruction),
            remedy="Run once for each, or say it all in one sentence.",
        )
    return checked(options.instruction)[0] if options.instruction else None


def sentence_of(options: Asking) -> str | None:
    """The sentence that options bring, if any.

    Raises:
        InputError: there are several, it has no words, or options do not go together.
        MissingExtra: a package is needed to read the picture.
    """
    given = given_sentence(options)
    return given if given is not None or options.image is None else seen_sentence(options)


def told_of(options: Asking, sentence: str | None) -> dict[str, Any]:
    """What a report's settings say of the sentence, and whence it came; nothing where there is none."""
    if sentence is None:
        return {}
    network = "shipped" if options.contact_model is None else str(options.contact_model)
    told: dict[str, Any] = {"instruction": sentence, "contact_model": network}
    if options.image is not None:
        told |= {"image": options.image, "vlm_endpoint": options.vlm_endpoint, "vlm_model": options.vlm_model}
    return told


def seen_sentence(options: Looking) -> str:
    """What the vision-language model says of the picture.

    Raises:
        InputError: there is no picture, no model, or no answer.
        MissingExtra: a package is needed to read the picture.
    """
    assert options.image is not None
    from handhold.language import instruction_from_image

    told = instruction_from_image(options.image, endpoint=options.vlm_endpoint, model=options.vlm_model)
    return checked([told])[0]
