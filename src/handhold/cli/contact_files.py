"""The files of `handhold contact`: maps, models that show them, and one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from handhold.cli.contact_drawing import FRONT, Canvas
from handhold.cli.contact_report import NO_PART, TOUCHES, SentenceDone
from handhold.cli.contact_subject import Subject
from handhold.cli.output import all_or_none, is_ours
from handhold.cli.panels import UP
from handhold.errors import HandholdError, InputError
from handhold.hand import Hand
from handhold.io.contact_file import FORMAT, ContactMap, save_contact
from handhold.io.kinds import result_format
from handhold.io.painted_glb import save_painted_glb
from handhold.models.contact.tell import ToldContact

PICTURE = "contact.png"


def results_of(folder: Path, count: int) -> list[Path]:
    """All files of so many sentences, but the report."""
    paths = [path for files in files_of(folder, count) for path in files.values()]
    return [*paths, folder / PICTURE]


def files_of(folder: Path, count: int) -> list[dict[str, Path]]:
    """The files of each sentence, by kind."""
    stems = ["contact"] if count == 1 else [f"contact_{k}" for k in range(count)]
    return [{kind: folder / f"{stem}.{kind}" for kind in ("npz", "glb")} for stem in stems]


def write_all(
    told: Sequence[ToldContact], subject: Subject, folder: Path, *, picture: bool = True
) -> tuple[list[SentenceDone], str | None]:
    """Write the files of all sentences, all or none, and the picture.

    Args:
        told: at least one.
        subject: of whose object and hand.
        folder: where to; nothing of the user's is at these files' names.
        picture: whether one is wanted.

    Returns:
        The figures, and why there is no picture where one was wanted.

    Raises:
        InputError: a file cannot be written.
    """
    hand, files = subject.hand, files_of(folder, len(told))
    canvas = Canvas(
        subject.obj, subject.T_world_object, subject.up, hand, told[0].points.numpy(), told[0].normals.numpy()
    )
    done = [SentenceDone.of(one, hand, paths) for one, paths in zip(told, files, strict=True)]
    with all_or_none() as note:
        for one, paths in zip(told, files, strict=True):
            save_contact(map_of(one, canvas), note(paths["npz"]))
            save_painted_glb(
                [canvas.thing(one), canvas.resting(one)],
                note(paths["glb"]),
                name=subject.obj.name,
                up=subject.up,
                extras=_extras(one, hand),
            )
        trouble = _draw(told, done, canvas, note(folder / PICTURE)) if picture else None
        if not picture or trouble:
            (folder / PICTURE).unlink(missing_ok=True)  # an earlier one shows other sentences
    _sweep(folder, {path for paths in files for path in paths.values()})
    return done, trouble


def map_of(told: ToldContact, canvas: Canvas) -> ContactMap:
    """What was told, as its file has it."""
    obj, hand = canvas.obj, canvas.hand
    return ContactMap(
        instruction=told.instruction,
        absent=told.absent,
        absent_probability=told.doubt,
        object_points=told.points.numpy().astype(np.float32),
        object_normals=told.normals.numpy().astype(np.float32),
        object_contact=told.object.numpy().astype(np.float32),
        object_vertices=obj.vertices,
        object_faces=obj.faces,
        object_name=obj.name,
        object_vertex_contact=canvas.on_vertices(told).astype(np.float32),
        hand_contact=told.hand.numpy().astype(np.float32),
        hand=hand.name,
        hand_version=hand.version,
        side=hand.side,
        hand_vertices=hand.template.numpy(),
        hand_faces=hand.faces.numpy(),
        T_world_object=canvas.T_world_object,
    )


def _extras(told: ToldContact, hand: Hand) -> dict[str, Any]:
    return {
        "instruction": told.instruction,
        "absent": told.absent,
        "hand_model": hand.name,
        "hand_model_version": hand.version,
        "side": hand.side,
        "licence": "hand mesh: CC0 1.0",
    }


def _draw(
    told: Sequence[ToldContact], done: Sequence[SentenceDone], canvas: Canvas, path: Path
) -> str | None:
    """The picture, if this machine can: results do not wait for OpenGL."""
    from handhold.view.heat import MOST, HeatPanel, heat_figure

    points, normals = canvas.points_world
    panels = [
        HeatPanel(
            sentence=one.instruction,
            object=canvas.thing(one).in_world(),
            hand=canvas.resting(one).in_world(),
            points=points,
            normals=normals,
            marked=(one.object > TOUCHES).numpy(),
            palm=np.asarray(FRONT[canvas.up]),
            note=NO_PART if one.absent else "",
            facts=figures.facts,
        )
        for one, figures in list(zip(told, done, strict=True))[:MOST]
    ]
    try:
        heat_figure(panels, path, title=canvas.obj.name, up=UP[canvas.up], count=len(told))
    except InputError:
        raise
    except (HandholdError, ImportError) as error:
        return f"no picture: {error}"
    return None


def _sweep(folder: Path, keep: set[Path]) -> None:
    """Take away the contact files of an earlier run with other sentences, which would pass for this one's."""
    for path in folder.glob("contact*.npz"):
        number = path.stem.removeprefix("contact").removeprefix("_")
        if path in keep or not (number.isdigit() or path.stem == "contact"):
            continue
        if result_format(path) == FORMAT:
            path.unlink()
            model = path.with_suffix(".glb")
            if model.exists() and is_ours(model):
                model.unlink()
