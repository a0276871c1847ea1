"""What `handhold data perturb` says of its work: the record and the table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from handhold.batch import Failure
from handhold.cli.output import REPORT_FORMAT
from handhold.interaction.noise import check_protocol

RECORD = "perturb.json"
FEW = 12
"""Up to so many grasps have a row each in the table."""


def make_record(
    entries: list[dict[str, Any]],
    failures: list[Failure],
    files: list[str],
    *,
    hands: Iterable[tuple[str, str]],
    protocol: str,
    seed: int,
    source: Path,
    count: int,
) -> dict[str, Any]:
    """The record's JSON.

    Args:
        entries: of the disturbed grasps, at least one.
        failures: the files that could not be done.
        files: names of those written beside the record.
        hands: name and version of the hand models.
        protocol: as it was asked for; the record has the name of what was used.
        seed: of the noise.
        source: what was disturbed.
        count: draws for each grasp.
    """
    from handhold.evaluate import provenance

    used = ", ".join(sorted({e["protocol"] for e in entries}))
    return {
        "format": REPORT_FORMAT,
        "command": "data perturb",
        "protocol": asdict(check_protocol(protocol)) | {"name": used},
        "mean": {"joints_moved_mm": sum(e["joints_moved_mm"] for e in entries) / len(entries)},
        "scenes": entries,
        "failures": [{"name": f.name, "path": f.path, "error": f.error} for f in failures],
        "files": files,
        "provenance": provenance(
            hands=hands,
            seed=seed,
            protocol=used,
            pose_space=", ".join(sorted({e["pose_space"] for e in entries})),
            source=source,
            count=count,
        ),
    }


def print_record(record: dict[str, Any], folder: Path) -> None:
    """The table, the warnings, and where the scenes are."""
    from rich.markup import escape

    from handhold.cli.tables import console, plain_table

    out, scenes, told = console(), record["scenes"], record["protocol"]
    out.print(f"{told['name']} · seed {record['provenance']['seed']} · {len(scenes)} scenes\n", markup=False)
    kind = "s.d." if told["distribution"] == "gaussian" else "Beta(8, 2) times"
    rows = [
        ("translation", f"s.d. {told['translation_m'] * 1e3:g} mm a coordinate"),
        ("wrist", f"{kind} {told['rotation_rad']:g} rad an entry of the axis-angle"),
        ("pose", f"{kind} {told['pose_rad']:g} rad on {told['components']} components"),
        ("joints moved", f"{record['mean']['joints_moved_mm']:.1f} mm in the mean"),
    ]
    out.print(plain_table(rows, heads=("", "")))
    if 1 < len(scenes) <= FEW:
        out.print()
        rows = [(s["name"], f"{s['joints_moved_mm']:.1f}") for s in scenes]
        out.print(plain_table(rows, heads=("scene", "joints moved, mm")))
    notes = [f"{s['name']}: {warning}" for s in scenes for warning in s["warnings"]]
    for text in notes[:FEW]:
        out.print(f"[yellow]note:[/] {escape(text)}")
    if len(notes) > FEW:
        out.print(f"[yellow]note:[/] {len(notes) - FEW} more in {RECORD}")
    out.print(f"\nscenes: {escape(str(folder))}", soft_wrap=True)
