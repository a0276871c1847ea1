"""What `handhold contact` says of its work: the report and the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handhold.cli.output import REPORT_FORMAT
from handhold.evaluate import provenance
from handhold.hand import FINGERS, Hand
from handhold.models.contact.tell import ToldContact

TOUCHES = 0.5
"""From this weight on, surface counts as touched."""
TAKES_PART = 0.05
"""A finger takes part if this share of its palmar skin is touched."""
NO_PART = "absent: the object has no such part"
MISSING = "–"


@dataclass(frozen=True)
class SentenceDone:
    """The figures of one sentence, and its files.

    Attributes:
        instruction: the sentence.
        absent: whether it names a part that the object has not.
        absent_probability: of that.
        unsure: whether that may be, though the masks were made as if it were not.
        object_share: share of the object's surface over `TOUCHES`.
        object_highest: largest weight on the object.
        hand_share: share of the hand's palmar vertices over `TOUCHES`.
        fingers: those that take part, thumb to pinky.
        palm: whether the palm takes part.
        files: names of what was written, by kind.
    """

    instruction: str
    absent: bool
    absent_probability: float
    unsure: bool
    object_share: float
    object_highest: float
    hand_share: float
    fingers: tuple[str, ...]
    palm: bool
    files: dict[str, str]

    @staticmethod
    def of(told: ToldContact, hand: Hand, files: Mapping[str, Path]) -> SentenceDone:
        """The figures of what was told of a hand."""
        touched = told.hand > TOUCHES
        shares = [
            float(touched[hand.palmar & (hand.finger_labels == label)].double().mean()) for label in range(6)
        ]
        return SentenceDone(
            instruction=told.instruction,
            absent=told.absent,
            absent_probability=told.doubt,
            unsure=told.unsure,
            object_share=float((told.object > TOUCHES).double().mean()),
            object_highest=float(told.object.max()),
            hand_share=float(touched[hand.palmar].double().mean()),
            fingers=tuple(f for f, share in zip(FINGERS, shares[1:], strict=True) if share >= TAKES_PART),
            palm=shares[0] >= TAKES_PART,
            files={kind: path.name for kind, path in files.items()},
        )

    @property
    def touching(self) -> str:
        """Fingers and palm that take part, in words."""
        return ", ".join((*self.fingers, *(("palm",) if self.palm else ())))

    @property
    def facts(self) -> str:
        """What a picture says of it."""
        share = f"{self.object_share * 100:.0f} % of the surface over 0.5"
        return f"{share} · {self.touching}" if self.touching else share

    @property
    def entry(self) -> dict[str, Any]:
        """As the report has it."""
        return {
            "instruction": self.instruction,
            "absent": self.absent,
            "absent_probability": self.absent_probability,
            "object_share": self.object_share,
            "object_highest": self.object_highest,
            "hand_share": self.hand_share,
            "fingers": list(self.fingers),
            "palm": self.palm,
            "files": self.files,
        }


def notes_of(done: Sequence[SentenceDone]) -> list[str]:
    """What is to be said of sentences that have no good answer, or may have none."""
    notes = []
    for one in done:
        if one.absent:
            notes.append(f"the object seems to have no such part: “{one.instruction}”")
        elif one.object_highest <= TOUCHES:
            highest = f"the highest weight is {one.object_highest:.2f}"
            notes.append(f"nothing on the object stands out: “{one.instruction}” ({highest})")
        elif one.unsure:
            may = f"probability {one.absent_probability:.2f}: look at the picture"
            notes.append(f"the object may have no such part: “{one.instruction}” ({may})")
    return notes


def make_report(
    done: Sequence[SentenceDone],
    *,
    name: str,
    path: Path,
    hand: Hand,
    hand_seen: bool,
    settings: Mapping[str, Any],
    seed: int,
    seconds: Mapping[str, float],
    picture: str | None,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """The report's JSON.

    Args:
        done: at least one sentence.
        name, path: of the object, and of what was asked for.
        hand: whose vertices the masks are for.
        hand_seen: whether the network saw the scene's hand.
        settings: which network.
        seed: of the points.
        seconds: wall-clock time by stage, and `total`.
        picture: the picture's file, if there is one.
        warnings: what concerns the whole run.
    """
    return {
        "format": REPORT_FORMAT,
        "command": "contact",
        "object": name,
        "path": path,
        "hand_seen": hand_seen,
        "absent": sum(one.absent for one in done),
        "seconds": seconds["total"],
        "seconds_by_stage": dict(seconds),
        "seconds_per_sentence": seconds["telling"] / len(done),
        "sentences": [one.entry for one in done],
        "picture": picture,
        "failures": [],
        "warnings": list(warnings),
        "provenance": provenance(
            hands=[(hand.name, hand.version)], seed=seed, method="contact", settings=dict(settings)
        ),
    }


def print_report(report: Mapping[str, Any], done: Sequence[SentenceDone], folder: Path) -> None:
    """The table, the notes, and where the files are."""
    from handhold.cli.tables import console, plain_table

    out = console()
    about = "with its hand · " if report["hand_seen"] else ""
    pace = f"{report['seconds_per_sentence']:.2f} s a sentence, {report['seconds']:.1f} s in all"
    out.print(f"{report['object']} · {about}{pace}\n", markup=False)
    heads = ("sentence", "absent", "surface", "hand", "files")
    out.print(plain_table([_row(one) for one in done], heads=heads))
    notes = [*notes_of(done), *report["warnings"]]
    if notes:
        out.print()
    for note in notes:
        out.print(f"note: {note}", markup=False, soft_wrap=True)
    files = [*filter(None, [report["picture"]]), "report.json"]
    out.print(f"\nresults: {folder}   ({', '.join(files)})", markup=False, soft_wrap=True)


def _row(one: SentenceDone) -> tuple[str, ...]:
    return (
        one.instruction,
        f"yes ({one.absent_probability:.2f})" if one.absent else "no",
        f"{one.object_share * 100:.0f} %",
        one.touching or MISSING,
        ", ".join(one.files.values()),
    )
