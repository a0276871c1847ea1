"""Look at a mesh, a scene, a result, a set of grasps, or a folder of scenes, results or sets, in the browser.

With --save FILE.png, .glb or .html nothing is opened and the file is written: of a set, a contact sheet, or the
model or page of its first grasp (--index names another). A mesh alone has a flat hand beside it, for scale.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from handhold.batch import load_grasp
from handhold.batch.pairs import hand_of_result
from handhold.cli.output import check_writable
from handhold.cli.panels import figures_of_facts, panel_of, panel_of_pair
from handhold.errors import HandholdError, InputError
from handhold.hand import Hand
from handhold.interaction.grasp import Grasp
from handhold.interaction.measures import measure
from handhold.io import GraspSet, load_grasps, load_result, load_scene, save_glb
from handhold.io.kinds import find_grasps, kind_of
from handhold.io.peers import read_grasp_set
from handhold.io.scene import Up
from handhold.objects import ObjectMesh
from handhold.view.panel import Panel

SAVED = (".png", ".glb", ".html")
MOST_SHOWN = 200
"""Grasps of a folder that are loaded: a browser holds no more."""
BESIDE = 0.04
"""Gap between a mesh and the hand beside it [m]."""


@dataclass(frozen=True)
class Options:
    """Options of `handhold view`.

    Attributes:
        path: a mesh, a scene, a result, a set of grasps, or a folder of scenes, results or sets.
        save: write a picture (.png), a model (.glb) or a page (.html) instead.
        index: only this grasp of a set, from 0 on.
        port: where the viewer is served.
        host: 0.0.0.0 lets other machines see it.
        units: unit of a mesh, or overrides the scenes' (m or mm).
        mano: your MANO file, for scenes and results on its hand.
        up: the world's upward axis, where the file does not say.
        browser: open the page here.
    """

    path: Annotated[Path, tyro.conf.Positional]
    save: Path | None = None
    index: int | None = None
    port: int = 8080
    host: str = "127.0.0.1"
    units: Literal["m", "mm", "cm", "in"] | None = None
    mano: Path | None = None
    up: Literal["z", "y"] = "z"
    browser: bool = False


@dataclass(frozen=True, eq=False)
class _Shown:
    panel: Panel
    grasp: Grasp | None
    """None where only surfaces are known."""
    up: Up


def run(options: Options) -> int:
    """Show or save. Returns the exit code."""
    suffix = None if options.save is None else options.save.suffix.lower()
    if suffix is not None and suffix not in SAVED:
        raise InputError(
            "not a kind of file to save", where=f"--save {options.save}", expected=" or ".join(SAVED)
        )
    check_writable(options.save, "--save")
    paths = find_grasps(options.path)[0] if options.path.is_dir() else [options.path]
    shown, failed = [], 0
    for path in paths[:MOST_SHOWN]:
        try:
            shown += _load(path, options)
        except HandholdError as error:
            if len(paths) == 1:
                raise
            failed += 1
            print(f"handhold: {error}", file=sys.stderr)
    if not shown:
        return 2
    if len(paths) > MOST_SHOWN:
        print(f"the first {MOST_SHOWN} of {len(paths)}")
    if options.index is not None:
        shown = [_chosen(shown, options.index)]
    if options.save is None:
        _serve(shown, options)
    else:
        _save(shown if len(paths) > 1 or suffix == ".png" else shown[:1], options.save)
        print(options.save)
    return 2 if failed else 0


def _chosen(shown: list[_Shown], index: int) -> _Shown:
    if not 0 <= index < len(shown):
        raise InputError("no such grasp", where="--index", expected=f"0 to {len(shown) - 1}", got=index)
    return shown[index]


def _load(path: Path, options: Options) -> list[_Shown]:
    kind = kind_of(path)
    if kind == "mesh":
        return [_of_grasp(beside(ObjectMesh.load(path, units=options.units)), options.up, figures=False)]
    if kind == "grasps":
        return _of_set(load_grasps(path), options)
    if kind == "set":
        pairs = read_grasp_set(path, mano=options.mano)
        return [_Shown(panel_of_pair(pair, up=options.up), None, options.up) for pair in pairs[:MOST_SHOWN]]
    if kind == "result":
        result = load_result(path)
        hand, _ = hand_of_result(result, options.mano)
        if hand is None:
            return [_Shown(panel_of_pair(result.surfaces(), up=options.up), None, options.up)]
        return [_of_grasp(result.grasp(hand), options.up)]
    units = options.units
    if units == "cm" or units == "in":
        raise InputError("unknown unit of a scene", where="--units", expected="m or mm", got=units)
    grasp, warnings = load_grasp(path, units=units, mano=options.mano)
    for warning in warnings:
        print(f"note: {path.stem}: {warning}", file=sys.stderr)
    return [_of_grasp(grasp, load_scene(path, units=units, mano=options.mano).up)]


def _of_set(grasps: GraspSet, options: Options) -> list[_Shown]:
    """A set of ours; on a contact sheet there is room for words only."""
    hand, _ = hand_of_result(grasps, options.mano)
    brief, shown = options.save is not None and options.index is None, []
    for k, facts in enumerate(grasps.facts[:MOST_SHOWN]):
        grasp = None if hand is None else grasps.grasp(k, hand)
        panel = panel_of_pair(grasps.surfaces(k), up=options.up, figures=figures_of_facts(facts, brief=brief))
        shown.append(_Shown(panel, grasp, options.up))
    return shown


def _of_grasp(grasp: Grasp, up: Up, *, figures: bool = True) -> _Shown:
    values = asdict(measure(grasp)) if figures and not grasp.is_motion else None
    return _Shown(panel_of(grasp, up=up, figures=values), grasp, up)


def beside(obj: ObjectMesh) -> Grasp:
    """The object with a flat, mean hand beside it."""
    import torch

    hand = Hand.open()
    params = hand.zeros()
    vertices = hand(params).vertices
    low = torch.as_tensor(obj.vertices.min(0), dtype=hand.dtype)
    high = torch.as_tensor(obj.vertices.max(0), dtype=hand.dtype)
    shift = (low + high) / 2 - (vertices.amin(0) + vertices.amax(0)) / 2
    shift[0] = high[0] + BESIDE - vertices[:, 0].min()
    params = type(params)(params.global_orient, params.hand_pose, params.betas, shift)
    return Grasp(hand, params, obj, torch.eye(4), name=obj.name)


def _serve(shown: list[_Shown], options: Options) -> None:
    from handhold.view.viewer import serve

    serve([s.panel for s in shown], port=options.port, host=options.host, open_browser=options.browser)


def _save(shown: list[_Shown], path: Path) -> None:
    from handhold.view import contact_sheet, portrait, strip
    from handhold.view.viewer import save_html

    suffix, first = path.suffix.lower(), shown[0]
    if suffix != ".png" and len(shown) > 1:
        raise InputError(
            "one grasp a file",
            where=f"--save {path}",
            got=f"a folder of {len(shown)}",
            remedy="Name one, or save a .png.",
        )
    if suffix == ".html":
        save_html(first.panel, path)
    elif suffix == ".glb":
        if first.grasp is None:
            raise InputError(
                "the hand model is not known", where=f"--save {path}", remedy="Use --mano, or save a .png."
            )
        save_glb(first.grasp, path, up=first.up)
    elif len(shown) > 1:
        contact_sheet([s.panel for s in shown], path)
    elif first.panel.frames > 1:
        strip(first.panel, path)
    else:
        portrait(first.panel, path)
