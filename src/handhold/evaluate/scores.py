"""The figures of one grasp or motion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from handhold.interaction.measures import Measures


@dataclass(frozen=True)
class Score:
    """Figures of one grasp; of a motion, their means over its frames.

    Attributes:
        name: the grasp's name.
        frames: number of frames; 1 for a single grasp.
        values: by metric; None where it could not be had. What does not apply has no key.
        causes: why not, by metric.
        notes: what was done to the surfaces, or stands in for what is usual.
    """

    name: str
    frames: int
    values: dict[str, float | None]
    causes: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON: name, frames, a key for each metric, and causes and notes where there are any."""
        plain: dict[str, Any] = {"name": self.name, "frames": self.frames, **self.values}
        if self.causes:
            plain["causes"] = self.causes
        return plain | {"notes": list(self.notes)} if self.notes else plain


def score_measures(name: str, frames: Sequence[Measures]) -> Score:
    """Means over frames; NaN is left out, and nothing but NaN is None."""
    values, causes = means([asdict(frame) for frame in frames], Measures.names())
    if "moved_mm" in causes:
        causes["moved_mm"] = "no observed keypoints"
    return Score(name, len(frames), values, causes)


def means(
    frames: Sequence[dict[str, float]], names: Iterable[str]
) -> tuple[dict[str, float | None], dict[str, str]]:
    """Means over frames of each figure, and a cause for those that no frame has; NaN and infinity are none."""
    values: dict[str, float | None] = {}
    causes = {}
    for name in names:
        numbers = np.array([frame.get(name, np.nan) for frame in frames], float)
        known = numbers[np.isfinite(numbers)]
        values[name] = float(known.mean()) if len(known) else None
        if not len(known):
            causes[name] = "could not be measured"
    return values, causes


def partly_known(frames: Sequence[dict[str, float]], names: Iterable[str]) -> list[str]:
    """A note for each figure that some frames have and others have not."""
    counts = {name: sum(bool(np.isfinite(f.get(name, np.nan))) for f in frames) for name in names}
    return [
        f"{name} is the mean of the {count} of {len(frames)} frames that have it"
        for name, count in counts.items()
        if 0 < count < len(frames)
    ]
