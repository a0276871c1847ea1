"""What `handhold synthesize` says of its work: the report and the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handhold.batch import Failure
from handhold.cli.output import REPORT_FORMAT
from handhold.evaluate import provenance
from handhold.io import GraspFacts

if TYPE_CHECKING:
    from handhold.methods.synthesize.optimize import Found

FEW = 12
"""So many notes are printed at most."""
MISSING = "–"


@dataclass(frozen=True, eq=False)
class ObjectDone:
    """What is kept of an object when its arrays are gone.

    Attributes:
        name: the object's.
        path: its file, or `household:...`.
        asked: how many grasps were wanted.
        grasps: the entries of those that were found.
        rejected: how many were refused, by cause.
        seconds: by stage.
        total: wall-clock seconds, loading and writing included.
        files: what was written, by kind.
        warnings: what a reader should know.
        hand: name and version of the hand model.
    """

    name: str
    path: Path
    asked: int
    grasps: tuple[dict[str, Any], ...]
    rejected: dict[str, int]
    seconds: dict[str, float]
    total: float
    files: dict[str, str]
    warnings: tuple[str, ...]
    hand: tuple[str, str]


def grasp_entry(found: Found) -> dict[str, Any]:
    """One grasp in the report; what was not tried or asked for is null."""
    return {
        "name": found.grasp.name,
        "type": found.type,
        "part": found.ask.part,
        "purpose": found.ask.purpose,
        "instruction": found.grasp.instruction,
        "energy": found.energy,
        "on_part": found.on_part,
        "iv_cm3": found.iv_cm3,
        "fingers": found.fingers,
        "squeeze": found.squeeze,
        "six_way": None if found.six_way is None else asdict(found.six_way),
        "still": None if found.still is None else asdict(found.still),
    }


def facts_of(found: Found) -> GraspFacts:
    """What the file says of a grasp."""
    squeezed, still = found.six_way, found.still
    return GraspFacts(
        type=found.type,
        part=found.ask.part or "",
        purpose=found.ask.purpose or "",
        energy=found.energy,
        on_part=found.on_part,
        iv_cm3=found.iv_cm3,
        fingers=found.fingers,
        drift_cm=squeezed and squeezed.drift_cm,
        displacement_cm=squeezed and squeezed.displacement_cm,
        rotation_deg=squeezed and squeezed.rotation_deg,
        held=squeezed and squeezed.held,
        squeeze=found.squeeze or "",
        still_displacement_cm=still and still.displacement_cm,
        still_rotation_deg=still and still.rotation_deg,
        still_held=still and still.held,
    )


def refused(rejected: Mapping[str, int]) -> str:
    """The causes of rejection in words, the most frequent first: "30 volume, 8 touch"."""
    ranked = sorted(rejected.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {cause.replace('_', ' ')}" for cause, count in ranked if count)


def make_report(
    done: Sequence[ObjectDone],
    failures: Sequence[Failure],
    *,
    method: str,
    settings: Mapping[str, Any],
    seed: int,
    seconds: float,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """The report's JSON.

    Args:
        done: at least one object.
        failures: the others.
        method: the method's name.
        settings: its settings.
        seed: the seed.
        seconds: wall-clock time of the whole run.
        warnings: what concerns all of it.
    """
    rejected = Counter[str]()
    for one in done:
        rejected.update(one.rejected)
    return {
        "format": REPORT_FORMAT,
        "command": "synthesize",
        "asked": sum(one.asked for one in done),
        "accepted": sum(len(one.grasps) for one in done),
        "rejected": dict(rejected),
        "seconds": seconds,
        "objects": [_object_entry(one) for one in done],
        "failures": [{"name": f.name, "path": f.path, "error": f.error} for f in failures],
        "warnings": list(warnings),
        "provenance": provenance(
            hands={one.hand for one in done}, seed=seed, method=method, settings=dict(settings)
        ),
    }


def _object_entry(done: ObjectDone) -> dict[str, Any]:
    return {
        "name": done.name,
        "path": done.path,
        "asked": done.asked,
        "accepted": len(done.grasps),
        "rejected": done.rejected,
        "seconds": done.total,
        "seconds_by_stage": done.seconds,
        "files": done.files,
        "warnings": list(done.warnings),
        "grasps": list(done.grasps),
    }


def print_report(report: Mapping[str, Any], folder: Path) -> None:
    """The table, the notes, and where the files are."""
    from handhold.cli.tables import console, plain_table

    out, objects = console(), report["objects"]
    what = objects[0]["name"] if len(objects) == 1 else f"{len(objects)} objects"
    out.print(f"{what} · {report['provenance']['method']} · {report['seconds']:.1f} s\n", markup=False)
    heads = ("object", "accepted", "held", "held still", "seconds", "refused")
    out.print(plain_table([_row(entry) for entry in objects], heads=heads))
    if len(objects) == 1:
        out.print()
        out.print(plain_table(_kinds(objects[0]["grasps"]), heads=("type", "part", "grasps")))
    notes = [*report["warnings"], *(f"{o['name']}: {w}" for o in objects for w in o["warnings"])]
    for note in notes[:FEW]:
        out.print(f"note: {note}", markup=False)
    if len(notes) > FEW:
        out.print(f"note: {len(notes) - FEW} more in report.json")
    files = list(objects[0]["files"].values()) if len(objects) == 1 else ["NAME_grasps.npz, ..."]
    out.print(f"\nresults: {folder}   ({', '.join([*files, 'report.json'])})", markup=False, soft_wrap=True)


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        entry["name"],
        f"{entry['accepted']} of {entry['asked']}",
        _held(entry["grasps"], "six_way"),
        _held(entry["grasps"], "still"),
        f"{entry['seconds']:.1f}",
        refused(entry["rejected"]) or MISSING,
    )


def _held(grasps: Sequence[Mapping[str, Any]], trial: str) -> str:
    """How many of those that were tried were held."""
    tried = [grasp[trial]["held"] for grasp in grasps if grasp[trial] is not None]
    return f"{sum(tried)} of {len(tried)}" if tried else MISSING


def _kinds(grasps: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """How many grasps of each type on each part."""
    counts = Counter((grasp["type"] or MISSING, grasp["part"] or MISSING) for grasp in grasps)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(kind, part, str(count)) for (kind, part), count in ranked]
