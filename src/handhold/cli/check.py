"""Say what is wrong with a mesh or a scene, in words.

Exit code 0 if handhold can use it, 2 if not. --save writes the mended mesh, in metres.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from handhold.cli.output import REPORT_FORMAT, check_json, check_writable
from handhold.errors import InputError
from handhold.io.files import write_json, writing
from handhold.io.kinds import kind_of
from handhold.objects import ObjectMesh

SAVED = (".obj", ".ply", ".stl", ".glb")


@dataclass(frozen=True)
class Options:
    """Options of `handhold check`.

    Attributes:
        path: a mesh, a scene or a result.
        units: unit of the mesh, or overrides the scene's (m or mm).
        save: write the mended mesh here (.obj, .ply, .stl or .glb), in metres.
        json: also write what was found here.
        mano: your MANO file, for scenes with its hand.
        quiet: print nothing but errors.
    """

    path: Annotated[Path, tyro.conf.Positional]
    units: Literal["m", "mm", "cm", "in"] | None = None
    save: Path | None = None
    json: Path | None = None
    mano: Path | None = None
    quiet: bool = False


def run(options: Options) -> int:
    """Examine, write, print. Returns the exit code."""
    check_json(options.json)
    if options.save is not None:
        if options.save.suffix.lower() not in SAVED:
            raise InputError(
                "not a kind of mesh", where=f"--save {options.save}", expected=" or ".join(SAVED)
            )
        if options.save.resolve() == options.path.resolve():
            raise InputError("is the input", where=f"--save {options.save}", remedy="Choose another name.")
        check_writable(options.save, "--save")
    obj, hand = _examine(options)
    report = {"format": REPORT_FORMAT, "command": "check", "path": options.path, "mesh": _mesh_entry(obj)}
    if hand:
        report["hand"] = hand
    if options.save is not None:
        save_mesh(obj, options.save)
    if options.json is not None:
        write_json(report, options.json)
    if not options.quiet:
        _print(obj, hand, options.save)
    return 0


def save_mesh(obj: ObjectMesh, path: Path) -> None:
    """Write an object's mesh [m], whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    import trimesh

    mesh = trimesh.Trimesh(obj.vertices, obj.faces, process=False)
    with writing(path) as draft:
        mesh.export(draft)


def _examine(options: Options) -> tuple[ObjectMesh, dict[str, Any]]:
    """The object, and what is to be said of a scene's hand."""
    kind = kind_of(options.path)
    if kind == "mesh":
        return ObjectMesh.load(options.path, units=options.units), {}
    if kind in ("result", "grasps"):
        from handhold.io import load_grasps, load_result

        result = load_result(options.path) if kind == "result" else load_grasps(options.path)
        model = f"{result.model} {result.model_version}"
        return result.object(), {"side": result.side, "model": model, "warnings": []}
    if kind == "set":
        raise InputError(
            "is neither a scene nor a mesh", where=options.path, remedy="handhold evaluate scores it."
        )
    if options.units not in (None, "m", "mm"):
        raise InputError("unknown unit of a scene", where="--units", expected="m or mm", got=options.units)
    return _examine_scene(options)


def _examine_scene(options: Options) -> tuple[ObjectMesh, dict[str, Any]]:
    from handhold.batch import hand_of, make_grasps
    from handhold.io.scene import load_scene

    units: Any = options.units
    scene = load_scene(options.path, units=units, mano=options.mano)
    obj = scene.load_object()
    hand = hand_of(scene)
    ((grasp, warnings),) = make_grasps([scene], [obj], hand)
    entry: dict[str, Any] = {"side": scene.side, "model": f"{hand.name} {hand.version}"}
    entry["frames"] = len(scene.T_world_object) if scene.is_motion else 1
    if scene.keypoints is not None:
        entry["keypoints_missing"] = int(scene.keypoints.isnan().any(-1).sum())
        distance = (grasp.fitted().joints - scene.keypoints).norm(dim=-1)
        entry["fit_error_mm"] = float(distance.nanmean() * 1e3)
    entry["warnings"] = [*scene.warnings, *warnings]
    return obj, entry


def _mesh_entry(obj: ObjectMesh) -> dict[str, Any]:
    report = obj.report
    return {
        "vertices": len(obj.vertices),
        "faces": len(obj.faces),
        "size_cm": [round(100 * x, 4) for x in report.extents_m],
        "volume_cm3": report.volume_cm3,
        "watertight": report.watertight,
        "solid": report.solid,
        "pieces": report.components,
        "likely_unit": report.likely_unit,
        "findings": [asdict(finding) for finding in report.findings],
    }


def _print(obj: ObjectMesh, hand: dict[str, Any], saved: Path | None) -> None:
    from handhold.cli.tables import console, plain_table

    out, report = console(), obj.report
    size = " x ".join(f"{100 * x:.3g}" for x in report.extents_m)
    volume = "none (no solid)" if report.volume_cm3 is None else f"{report.volume_cm3:.4g} cm³"
    rows = [
        ("size", f"{size} cm"),
        ("volume", volume),
        ("watertight", "yes" if report.watertight else "no"),
        ("mesh", f"{len(obj.vertices)} vertices, {len(obj.faces)} faces, {report.components} piece(s)"),
    ]
    if report.likely_unit:
        rows.append(("unit", f"the file is probably in {report.likely_unit}: --units {report.likely_unit}"))
    if hand:
        rows.append(("hand", ", ".join(_hand_words(hand))))
    out.print(f"{obj.name}\n", markup=False)
    out.print(plain_table(rows, heads=("", "")))
    out.print()
    if report.findings:
        found = [(f.kind, str(f.count), f.action, f.message) for f in report.findings]
        out.print(plain_table(found, heads=("found", "count", "", "what it means")))
    else:
        out.print("Nothing is wrong with the mesh.")
    for warning in hand.get("warnings", ()):
        out.print(f"note: {warning}", markup=False)
    if saved is not None:
        out.print(f"\nmended mesh: {saved}", markup=False, soft_wrap=True)


def _hand_words(hand: dict[str, Any]) -> list[str]:
    words = [f"{hand['side']}, {hand['model']}"]
    if hand.get("frames", 1) > 1:
        words.append(f"{hand['frames']} frames")
    if "fit_error_mm" in hand:
        words.append(f"fits its keypoints to {hand['fit_error_mm']:.1f} mm")
    if hand.get("keypoints_missing"):
        words.append(f"{hand['keypoints_missing']} keypoints missing")
    return words
