"""`handhold data perturb`: disturb grasps with named noise, and write them as scenes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from handhold.batch import Failure, fitted_scenes, load_hand
from handhold.cli.output import all_or_none, check_json, check_ours, output_folder, tell_failures
from handhold.cli.perturb_report import RECORD, make_record, print_record
from handhold.cli.progress import progress
from handhold.errors import HandholdError, InputError
from handhold.hand.pose_space import PoseSpace
from handhold.hand.skeleton import Side
from handhold.interaction.grasp import Grasp
from handhold.interaction.noise import check_protocol, find_protocol, noise_generator, perturb
from handhold.io import load_result, write_json
from handhold.io.document import read_document
from handhold.io.kinds import find_grasps, kind_of
from handhold.io.scene import Up
from handhold.io.scene_write import object_file_name, save_object, save_scene

NOT_SCENES = (RECORD, "report.json")
"""Names that no scene may have: `find_scenes` passes these files over."""


@dataclass(frozen=True)
class Perturb:
    """Disturb grasps with named noise, and write them as scenes that refine and evaluate take.

    Takes a scene or result, or a folder of either. Hands are fitted, disturbed, and written to DIR as NAME.json
    (NAME_k.json with --count), with the objects' meshes where they lie; DIR/perturb.json says what was done.

    Attributes:
        src: a scene, a result of refine, or a folder of either.
        protocol: contactopt, choir-level2, toch-grab, geneoh-beta or gravitydb.
        out: folder for the disturbed scenes; made if it is not there.
        count: disturbed scenes for each grasp.
        units: overrides the scenes' unit.
        mano: your MANO file; the hands are then MANO's, and so are the noise's components.
        seed: of the noise; a grasp's noise depends on it and the grasp's name only.
        json: also write the record here.
        quiet: print nothing but errors.
    """

    src: Annotated[Path, tyro.conf.Positional]
    protocol: str
    out: Path
    count: int = 1
    units: Literal["m", "mm"] | None = None
    mano: Path | None = None
    seed: int = 0
    json: Path | None = None
    quiet: bool = False


@dataclass(frozen=True, eq=False)
class _Source:
    """A grasp to disturb, and what its scene file says besides."""

    path: Path
    grasp: Grasp
    mesh: Path | None
    object_units: str
    model_path: Path | None
    up: Up
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Noisy:
    """A disturbed grasp and its row in the record."""

    source: _Source
    grasp: Grasp
    entry: dict[str, Any]


def run_perturb(options: Perturb) -> int:
    """Disturb, write, print. Returns the exit code."""
    check_protocol(options.protocol)
    if options.count < 1:
        raise InputError(
            "must be positive", where="--count", expected="1 or a larger whole number", got=options.count
        )
    paths, _ = find_grasps(options.src)
    check_json(options.json)
    with output_folder(options.out) as folder:
        before = _check_folder(folder, paths, options)
        noisy, failures = _perturb_all(paths, options)
        if noisy:
            record = _write(noisy, failures, folder, options, before=before)
            if not options.quiet:
                print_record(record, folder)
    return tell_failures(failures, len(paths), what="files")


def _names(path: Path, count: int) -> list[str]:
    return [path.stem] if count == 1 else [f"{path.stem}_{draw}" for draw in range(count)]


def _check_folder(folder: Path, paths: Sequence[Path], options: Perturb) -> set[str]:
    """The scenes in the folder that an earlier run wrote, all of which this run may write anew.

    Raises:
        InputError: a file of the user's is in the way, or the folder holds scenes that this run would not write.
    """
    record = check_ours(folder / RECORD)
    files = read_document(record).get("files", []) if record.exists() else []
    files = files if isinstance(files, list) else []
    written = {f for f in files if isinstance(f, str) and f.endswith(".json") and (folder / f).exists()}
    planned = {f"{name}.json" for path in paths for name in _names(path, options.count)}
    for name in NOT_SCENES:
        if name in planned:
            raise InputError(
                "no scene may have this name", where=folder / name, remedy="Rename the scene it is made of."
            )
    if options.json is not None and options.json.resolve() in {(folder / n).resolve() for n in planned}:
        raise InputError("is a scene that will be written", where=f"--json {options.json}")
    inputs = {path.resolve() for path in paths}
    for name in sorted(planned):
        if (folder / name).resolve() in inputs:
            raise InputError("is an input", where=folder / name, remedy="Choose another --out.")
        if name not in written and (folder / name).exists():
            raise InputError(
                "is there and was not written by handhold",
                where=folder / name,
                remedy="Choose another --out, or move it.",
            )
    others = sorted(written - planned)
    if others:
        raise InputError(
            "holds disturbed scenes of other grasps",
            where=folder,
            got=", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else ""),
            remedy="Choose another --out.",
        )
    return written


def _perturb_all(paths: Sequence[Path], options: Perturb) -> tuple[list[_Noisy], list[Failure]]:
    noisy, failures = [], []
    with progress("disturbing", len(paths), quiet=options.quiet) as step:
        for source in _sources(paths, options):
            if isinstance(source, _Source):
                try:
                    noisy += _disturbed(source, options)
                except HandholdError as error:
                    source = Failure.of(source.path, error)
            if isinstance(source, Failure):
                failures.append(source)
            step()
    return noisy, failures


def _sources(paths: Sequence[Path], options: Perturb) -> Iterator[_Source | Failure]:
    """Grasps of scenes, whose hands are fitted in batches, and of other files, one by one."""
    scenes = [path for path in paths if _is_scene(path)]
    for item in fitted_scenes(scenes, units=options.units, mano=options.mano):
        if isinstance(item, Failure):
            yield item
            continue
        scene = item.scene
        yield _Source(
            scene.path, item.grasp, scene.mesh, scene.object_units, scene.model_path, scene.up, item.warnings
        )
    for path in paths:
        if path not in scenes:
            try:
                yield _of_result(path, options.mano)
            except HandholdError as error:
                yield Failure.of(path, error)


def _is_scene(path: Path) -> bool:
    try:
        return kind_of(path) == "scene"
    except InputError:  # told when it is read
        return False


def _of_result(path: Path, mano: Path | None) -> _Source:
    kind = kind_of(path)
    if kind != "result":
        raise InputError("cannot be disturbed", where=path, expected="a scene or a result", got=f"a {kind}")
    result = load_result(path)
    model_path = mano if result.model == "mano" else None
    hand = load_hand(result.model, model_path, result.side, "cpu")
    return _Source(path, result.grasp(hand).with_(offsets=None), None, "m", model_path, "z")


def _disturbed(source: _Source, options: Perturb) -> list[_Noisy]:
    grasp, hand, path = source.grasp, source.grasp.hand, source.path
    _, used = find_protocol(options.protocol, hand=hand)
    space = PoseSpace.open(hand.side) if hand.name == "open" else _mano_space(source.model_path, hand.side)
    joints = hand(grasp.params).joints
    noisy = []
    for draw, name in enumerate(_names(path, options.count)):
        generator = noise_generator(options.seed, path.stem, draw=draw)
        params = perturb(grasp.params, hand, protocol=options.protocol, generator=generator, pose_space=space)
        moved = (hand(params).joints - joints).norm(dim=-1)
        entry = {
            "name": name,
            "source": path,
            "protocol": used,
            "frames": len(moved) if grasp.is_motion else 1,
            "joints_moved_mm": float(moved.mean()) * 1e3,
            "pose_space": space.version,
            "warnings": list(source.warnings),
        }
        noisy.append(_Noisy(source, grasp.with_(params=params, name=name), entry))
    return noisy


@lru_cache(maxsize=2)
def _mano_space(path: Path, side: Side) -> PoseSpace:
    return PoseSpace.mano(path, side=side)


def _write(
    noisy: list[_Noisy], failures: list[Failure], folder: Path, options: Perturb, *, before: set[str]
) -> dict[str, Any]:
    """The scenes and the record, all or none; what an earlier run wrote and this one could not goes."""
    files = []
    with all_or_none() as note:
        for item in noisy:
            source, mesh = item.source, item.source.mesh
            if mesh is None:
                mesh = folder / object_file_name(source.grasp.object)
                if not mesh.exists():  # else it is the same: its name is made of its content
                    save_object(source.grasp.object, note(mesh))
                files.append(mesh.name)
            path = note(folder / f"{item.grasp.name}.json")
            save_scene(
                item.grasp,
                path,
                mesh=mesh,
                object_units=source.object_units,
                model_path=source.model_path,
                up=source.up,
            )
            files.append(path.name)
        record = make_record(
            [item.entry for item in noisy],
            failures,
            sorted(set(files)),
            hands={(item.grasp.hand.name, item.grasp.hand.version) for item in noisy},
            protocol=options.protocol,
            seed=options.seed,
            source=options.src,
            count=options.count,
        )
        for path in filter(None, (note(folder / RECORD), options.json)):
            write_json(record, path)
    for name in before - set(files):
        (folder / name).unlink(missing_ok=True)
    return record
