"""What `handhold refine` says of its work: the report and the table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handhold.batch import Failure, Outcome
from handhold.cli.output import REPORT_FORMAT
from handhold.evaluate import Score, aggregate, provenance, score_measures

FEW = 12
"""Up to so many scenes have a row each in the table."""


@dataclass(frozen=True, eq=False)
class SceneDone:
    """What is kept of a scene when its arrays are gone."""

    name: str
    path: Path
    frames: int
    seconds: float
    warnings: tuple[str, ...]
    before: Score
    after: Score
    hand: tuple[str, str]

    @staticmethod
    def of(outcome: Outcome) -> SceneDone:
        """The figures of an outcome."""
        name = outcome.scene.name
        return SceneDone(
            name=name,
            path=outcome.scene.path,
            frames=outcome.frames,
            seconds=outcome.seconds,
            warnings=outcome.warnings,
            before=score_measures(name, outcome.measures_before),
            after=score_measures(name, outcome.measures_after),
            hand=(outcome.after.hand.name, outcome.after.hand.version),
        )


def make_report(
    done: list[SceneDone],
    failures: list[Failure],
    *,
    method: str,
    settings: dict[str, Any],
    seed: int,
    warnings: list[str],
) -> dict[str, Any]:
    """The report's JSON.

    Args:
        done: at least one scene.
        failures: the others.
        method: the method's name.
        settings: its settings.
        seed: the seed.
        warnings: what concerns the whole run.
    """
    before, after = ([getattr(d, when) for d in done] for when in ("before", "after"))
    frames = sum(d.frames for d in done)
    return {
        "format": REPORT_FORMAT,
        "command": "refine",
        "mean": {
            when: {metric: entry["mean"] for metric, entry in aggregate(scores, seed=seed).items()}
            for when, scores in (("before", before), ("after", after))
        },
        "aggregate": aggregate(after, seed=seed),
        "seconds_per_grasp": sum(d.seconds for d in done) / frames,
        "scenes": [_scene_entry(d) for d in done],
        "failures": [{"name": f.name, "path": f.path, "error": f.error} for f in failures],
        "warnings": warnings,
        "provenance": provenance(hands=[d.hand for d in done], seed=seed, method=method, settings=settings),
    }


def _scene_entry(done: SceneDone) -> dict[str, Any]:
    return {
        "name": done.name,
        "path": done.path,
        "frames": done.frames,
        "before": done.before.values,
        "after": done.after.values,
        "seconds": done.seconds,
        "warnings": list(done.warnings),
    }


def print_report(report: dict[str, Any], folder: Path, *, picture: Path | None) -> None:
    """The table, the warnings, and where the files are."""
    from rich.markup import escape

    from handhold.cli.tables import before_after_table, console, scenes_table

    out, scenes = console(), report["scenes"]
    method = report["provenance"]["method"]
    what = scenes[0]["name"] if len(scenes) == 1 else f"mean of {len(scenes)} scenes"
    pace = f"{report['seconds_per_grasp']:.2g} s a grasp"
    out.print(f"{what} · {method} · {pace}\n", markup=False)
    out.print(before_after_table(report["mean"]["before"], report["mean"]["after"]))
    if 1 < len(scenes) <= FEW:
        out.print()
        out.print(scenes_table([(s["name"], s["before"], s["after"]) for s in scenes]))
    for warning in report["warnings"]:
        out.print(f"[yellow]note:[/] {escape(warning)}")
    told = [(s["name"], warning) for s in scenes for warning in s["warnings"]]
    for name, warning in told[:FEW]:
        out.print(f"[yellow]note:[/] {escape(f'{name}: {warning}')}")
    if len(told) > FEW:
        out.print(f"[yellow]note:[/] {len(told) - FEW} more in report.json")
    out.print(
        f"\nresults: {escape(str(folder))}" + (f"   picture: {escape(picture.name)}" if picture else ""),
        soft_wrap=True,
    )
