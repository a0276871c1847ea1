"""A split of a grasp set as tensors to train on, kept in the training's folder for the next run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from handhold.cli.progress import progress
from handhold.data import GraspSet
from handhold.data.grasp_rows import prepare_rows, read_rows, save_rows
from handhold.models.grasp_rows import GraspRows


@dataclass(frozen=True)
class Split:
    """A split of a set, and where what is made of it is kept.

    Attributes:
        name: "train" or "val".
        grasps: its grasps.
        folder: of the training.
        of: tells it from other splits and sets.
        quiet: show no progress.
    """

    name: str
    grasps: GraspSet
    folder: Path
    of: str
    quiet: bool

    @property
    def objects(self) -> int:
        """How many objects it has grasps of."""
        return len(set(self.grasps.table["object_id"].to_pylist()))


def grasp_rows(split: Split) -> GraspRows:
    """Its grasps, from the folder's own copy if it is of the same set."""
    path = split.folder / f"rows-{split.name}.safetensors"
    found = read_rows(path, of=split.of)
    if found is None:
        with progress(f"objects ({split.name})", split.objects, quiet=split.quiet) as step:
            found = prepare_rows(split.grasps, progress=lambda done, _: step(to=done))
        save_rows(found, path, of=split.of)
    return found.rows
