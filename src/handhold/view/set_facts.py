"""What is said of a grasp of a set, beside its picture."""

from __future__ import annotations

from dataclasses import fields

from handhold.data.grasp_set_schema import GraspRow, ObjectRow
from handhold.objects.household import CATEGORIES

ANYWHERE = "anywhere"
"""The part of a grasp that was not asked to touch one."""


def caption(row: GraspRow) -> str:
    """Category, type and part: "mug · power · handle"."""
    return " · ".join((row.category, row.type.replace("_", " "), row.part or ANYWHERE))


def short_facts(row: GraspRow) -> tuple[tuple[str, str], ...]:
    """(label, value) of what fits on a line: purpose, hand, physics, and the grasp's number."""
    told = [("purpose", row.purpose), ("hand", row.side), ("held", "held still" if row.still_held else None)]
    told.append(("grasp", row.grasp_id.removeprefix(row.category.replace(" ", "_") + "-")))
    return tuple((label, value) for label, value in told if value)


def facts(row: GraspRow, obj: ObjectRow) -> tuple[tuple[str, str], ...]:
    """(label, value) of all that is known of a grasp but its sentences: words, scores, the object's dimensions."""
    told = (
        ("grasp", row.grasp_id),
        ("type", row.type.replace("_", " ")),
        ("part", row.part or ANYWHERE),
        ("purpose", row.purpose),
        ("hand", row.side),
        ("taken", "as it stands" if row.table else "free in the air"),
        ("split", row.split),
        ("volume inside", f"{row.iv_cm3:.2f} cm³"),
        ("fingers touching", f"{row.fingers} of 5"),
        ("touches the part", None if row.on_part is None else f"{row.on_part:.0%}"),
        ("held by squeezing", _yes(row.squeezed_held)),
        ("squeezed", row.squeeze),
        ("moves", _moved(row.squeezed_mean_cm, row.squeezed_max_cm)),
        ("moves as fingers close", _cm(row.squeezed_drift_cm)),
        ("held by a still hand", _yes(row.still_held)),
        ("moves there", _moved(row.still_mean_cm, row.still_max_cm)),
        ("energy", f"{row.energy:.3g}"),
        *((f"object's {name}", value) for name, value in dimensions(obj)),
    )
    return tuple((label, value) for label, value in told if value)


def dimensions(obj: ObjectRow) -> tuple[tuple[str, str], ...]:
    """(name, value) of an object's dimensions, lengths in millimetres."""
    kind = CATEGORIES.get(obj.category)
    lengths = {f.name for f in fields(kind.dimensions) if f.metadata.get("unit") == "m"} if kind else set()

    def shown(name: str, value: float | str) -> str:
        if isinstance(value, str):
            return value
        return f"{value * 1e3:.1f} mm" if name in lengths else f"{value:.3g}"

    return tuple((name.replace("_", " "), shown(name, value)) for name, value in obj.dimensions.items())


def _moved(mean: float | None, most: float | None) -> str | None:
    return None if mean is None else f"mean {_cm(mean)}, worst {_cm(most)}"


def _cm(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f} cm"


def _yes(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"
