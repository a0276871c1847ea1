"""Protocols run over grasps: from surfaces to figures by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handhold.errors import HandholdError, InputError
from handhold.evaluate.per_frame import FRAME, has_inside
from handhold.evaluate.per_motion import MOTION
from handhold.evaluate.per_set import SET, object_joints
from handhold.evaluate.registry import Protocol
from handhold.evaluate.scores import Score, means, partly_known
from handhold.interaction.hand_object import Frame, HandObject
from handhold.objects.solid import to_manifold
from handhold.physics import free_object

OF_THE_INSIDE = (
    *("iv_cm3", "pd_mm", "pd_mm@halo", "pd_mm@oakink", "mpd_mm@fgs", "siv_cm3@fgs", "contact_ratio@halo"),
    "contact_ratio@diffh2o",
)
"""What a sheet, which has no inside, cannot have: else a hand through it would score a perfect 0."""


def score_pair(
    pair: HandObject, protocols: Sequence[Protocol], *, reference: HandObject | None = None, seed: int = 0
) -> Score:
    """Run protocols over one grasp or motion; one that cannot be run leaves its metrics without a value.

    Args:
        pair: the grasp.
        protocols: which; those of scope "set" are passed over, and those of scope "motion" for a still.
        reference: the grasp as it should be, for protocols that compare.
        seed: of what is sampled.
    """
    frames = list(pair.frames())
    truths = [None] * len(frames) if reference is None else list(reference.frames())
    values: dict[str, float | None] = {}
    causes: dict[str, str] = {}
    notes = [*pair.notes]
    for protocol in protocols:
        if protocol.scope == "set" or (protocol.scope == "motion" and not pair.is_motion):
            continue
        names = [m.name for m in protocol.metrics]
        try:
            if protocol.scope == "motion":
                figures = [MOTION[protocol.name](pair, seed)]
            else:
                if protocol.reference:
                    _check_reference(frames, truths, pair, reference)
                pairs = zip(frames, truths if protocol.reference else [None] * len(frames), strict=True)
                figures = [FRAME[protocol.name](frame, truth, seed) for frame, truth in pairs]
        except Exception as error:
            values |= dict.fromkeys(names)
            causes |= dict.fromkeys(names, _told(error, pair.name))
            continue
        found, without = means(figures, names)
        notes += partly_known(figures, names)
        values |= found
        causes |= {name: _why(name, pair) or cause for name, cause in without.items()}
    return Score(pair.name, len(frames), values, causes, (*notes, *_notes(pair, values)))


def score_set(pairs: Sequence[HandObject], protocols: Sequence[Protocol], *, seed: int = 0) -> dict[str, Any]:
    """Run the protocols that read all grasps together.

    Returns:
        By metric an entry as `aggregate` makes them; there is no interval, for such figures are no means.
    """
    table: dict[str, Any] = {}
    for protocol in protocols:
        if protocol.scope != "set":
            continue
        entry: dict[str, Any] = {"mean": None, "ci": [None, None], "n": 0, "failed": len(pairs)}
        try:
            figures = SET[protocol.name]([object_joints(pair) for pair in pairs], seed)
        except Exception as error:
            cause = {"causes": {_told(error): len(pairs)}}
            table |= {m.name: entry | cause for m in protocol.metrics}
            continue
        done = {"n": len(pairs), "failed": 0}
        table |= {m.name: entry | done | {"mean": figures[m.name]} for m in protocol.metrics}
    return table


def _told(error: Exception, name: str = "") -> str:
    """Why, without the grasp's name, so that like causes are counted together."""
    if isinstance(error, HandholdError):
        return str(error).removeprefix(f"{name}: ")
    return f"internal error ({type(error).__name__}: {error})"


def _why(name: str, pair: HandObject) -> str | None:
    """The cause that stands behind a figure that every frame lacks, where it is known."""
    if name in OF_THE_INSIDE and not has_inside(pair.object):
        return f"the object has no inside: {pair.object.watertight_or_reason}"
    if name == "limit_violation_deg" or (name == "fingers_in_contact" and pair.hand is None):
        return pair.no_model or "no hand parameters"
    if name == "bones_through":
        return "no joints"
    if name == "moved_mm":
        return "no joints" if pair.joints is None else "no observed keypoints"
    if name in ("tissue_p99_mm", "tissue_max_mm", "flipped_faces"):
        return "no surface before soft tissue"
    if name.startswith("contact_") and name.endswith("@choir-2mm"):
        return "neither the hand nor its reference touches the object"
    if name in ("iv_cm3", "siv_cm3@fgs"):
        first = pair.hand_vertices if pair.hand_vertices.ndim == 2 else pair.hand_vertices[0]
        return f"the hand's surface is no solid: {to_manifold(first, pair.hand_faces)[1]}"
    return None


def _notes(pair: HandObject, values: dict[str, float | None]) -> list[str]:
    """What stands in for what is usual where the object is no solid."""
    why = pair.object.watertight_or_reason
    if not why:
        return []
    notes = []
    if values.get("iv_cm3") is not None:
        notes.append(f"iv_cm3 is counted on a 1 mm grid by winding number: the object is no solid ({why})")
    if any(v is not None for k, v in values.items() if k.startswith("stability")):
        notes += [f"stability: {note}" for note in free_object(pair.object).notes]
    return notes


def _check_reference(
    frames: Sequence[Frame], truths: Sequence[Frame | None], pair: HandObject, reference: HandObject | None
) -> None:
    if reference is None:
        raise InputError("there is no reference for it")
    if pair.side and reference.side and pair.side != reference.side:
        raise InputError(
            "the reference is the other hand",
            expected=pair.side,
            got=reference.side,
            remedy="A set whose file names no `side` is taken for right hands.",
        )
    if len(frames) != len(truths):
        raise InputError("the reference has another length", expected=len(frames), got=len(truths))
