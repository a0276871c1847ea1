"""`handhold data view`: grasps of a set in the browser, or as a contact sheet or a page; and what there is of them."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from handhold import optional
from handhold.cli.output import REPORT_FORMAT, check_json, check_writable
from handhold.cli.progress import progress
from handhold.cli.tables import console, plain_table
from handhold.errors import HandholdError, InputError
from handhold.io import write_json

if TYPE_CHECKING:
    from handhold.data import GraspSet
    from handhold.view.panel import Panel

SAVED = (".png", ".html")
COUNT, MOST = 24, 200
"""Grasps on a sheet, and at most."""
CELL = (400, 320)
"""Width and height of a picture on the sheet [pixels]."""
COLUMNS = 6
DRAWN = ("grasp_id", "category", "type", "part", "purpose", "side", "still_held")
"""What the report says of each grasp that was drawn."""


@dataclass(frozen=True)
class View:
    """Look at a set of grasps that `handhold data make` made or is making; docs/grasp_set.md.

    Without --save, in the browser: filters, a search in the sentences, 25 grasps at a time. With --save FILE.png a
    contact sheet of a varied draw, with .html a page with each grasp's sentences and scores. A filter takes one value
    or several, and they must all hold.

    Attributes:
        folder: the set.
        category: only these kinds of objects.
        part: only grasps that hold one of these parts.
        type: only these grasp types.
        purpose: only what is held for one of these.
        split: only these splits: train, val, test_instance, test_category.
        side: only right or left hands.
        still_held: only those that hold with a hand that stands still.
        count: grasps on the sheet or page; 24, or with --one-each all.
        one_each: draw one grasp of every category or type.
        seed: of the draw.
        save: write a contact sheet (.png) or a page (.html) instead.
        json: also write the counts, and which grasps were drawn, here.
        port: where the viewer is served.
        host: 0.0.0.0 lets other machines see it.
        browser: open the page here.
    """

    folder: Annotated[Path, tyro.conf.Positional]
    category: tuple[str, ...] = ()
    part: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    purpose: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    side: tuple[str, ...] = ()
    still_held: bool = False
    count: int | None = None
    one_each: Literal["category", "type"] | None = None
    seed: int = 0
    save: Path | None = None
    json: Path | None = None
    port: int = 8080
    host: str = "127.0.0.1"
    browser: bool = False


def run_view(options: View) -> int:
    """Find, print, and show or save. Returns the exit code."""
    _check(options)
    optional.require("pyarrow", extra="data")
    if options.save is None:
        optional.require("viser", extra="view")
    from handhold.data.grasp_set_pick import matching
    from handhold.data.grasp_set_unfinished import is_finished, open_as_far

    grasps = open_as_far(options.folder)
    if not is_finished(grasps):
        made = f"{len(grasps)} grasps of {len(grasps.objects)} objects so far"
        print(f"note: the set is still being made, or was stopped: {made}", file=sys.stderr)
    found = matching(grasps, still_held=options.still_held, **_words(options))
    told = _counts(found)
    chosen = [] if options.save is None else _draw(found, options)
    failed = 0 if options.save is None else _save(found, chosen, options.save, options)
    if options.json is not None:
        drawn = [{key: found.table[key][k].as_py() for key in DRAWN} for k in chosen]
        write_json({"format": REPORT_FORMAT, "command": "data view", **told, "drawn": drawn}, options.json)
    _print(told, whole=len(grasps))
    if options.save is not None:
        console().print(f"\n{options.save}", markup=False, soft_wrap=True)
        return 2 if failed else 0
    from handhold.view.set_viewer import serve_set

    serve_set(found, seed=options.seed, port=options.port, host=options.host, open_browser=options.browser)
    return 0


def _check(options: View) -> None:
    if options.save is not None and options.save.suffix.lower() not in SAVED:
        raise InputError(
            "not a kind of file to save", where=f"--save {options.save}", expected=" or ".join(SAVED)
        )
    if options.count is not None and not 1 <= options.count <= MOST:
        raise InputError("out of range", where="--count", expected=f"1 to {MOST}", got=options.count)
    check_writable(options.save, "--save")
    check_json(options.json)


def _words(options: View) -> dict[str, tuple[str, ...]]:
    """The filters by words; a type may be written as it is shown."""
    names = ("category", "part", "purpose", "split", "side")
    types = tuple(name.replace(" ", "_") for name in options.type)
    return {name: getattr(options, name) for name in names} | {"type": types}


def _draw(grasps: GraspSet, options: View) -> list[int]:
    """Indices of the grasps to be shown, in the order of category, type and number."""
    import torch

    from handhold.data.grasp_set_pick import one_each, varied

    generator = torch.Generator().manual_seed(options.seed)
    if options.one_each is not None:
        return one_each(grasps, options.one_each, generator=generator)[: options.count or MOST]
    drawn = varied(grasps, generator=generator)[: options.count or COUNT]
    words = [grasps.table[name].to_pylist() for name in ("category", "type", "grasp_id")]
    return sorted(drawn, key=lambda k: tuple(column[k] for column in words))


def _save(grasps: GraspSet, chosen: list[int], path: Path, options: View) -> int:
    """Write the sheet or page; returns how many grasps could not be shown."""
    from handhold.io.files import writing
    from handhold.view.figures import write_png
    from handhold.view.set_page import set_page
    from handhold.view.sheet import sheet_image

    panels = _panels(grasps, chosen)
    shown = list(panels.values())
    title = _title(options, shown=len(shown), match=len(grasps))
    if path.suffix.lower() == ".png":
        page = sheet_image(shown, columns=COLUMNS, max_panels=MOST, title=title, size=CELL)
        write_png(page, path)
    else:
        rows = {k: grasps.row(k) for k in panels}
        text = set_page(
            [(panels[k], row, grasps.objects[row.object_id]) for k, row in rows.items()], title=title
        )
        with writing(path) as draft:
            draft.write_text(text, encoding="utf-8")
    return len(chosen) - len(shown)


def _panels(grasps: GraspSet, chosen: list[int]) -> dict[int, Panel]:
    """Grasps as pictures take them, by index; those that cannot be made are named.

    Raises:
        HandholdError: none can.
    """
    from handhold.view.set_panels import set_panel

    panels: dict[int, Panel] = {}
    errors: list[HandholdError] = []
    with progress("grasps", len(chosen)) as step:
        for k in chosen:
            try:
                panels[k] = set_panel(grasps, k)
            except HandholdError as error:
                errors.append(error)
            step()
    if not panels:
        raise errors[0]
    for error in errors:
        print("handhold: " + " ".join(str(error).split()), file=sys.stderr)
    return panels


def _title(options: View, *, shown: int, match: int) -> str:
    asked = [", ".join(words) for words in _words(options).values() if words]
    asked += ["held by a still hand"] if options.still_held else []
    whole = f"{match:,} grasps" + (f" of {'; '.join(asked)}" if asked else "")
    return f"{whole}, of which {shown} are drawn (seed {options.seed})" if shown < match else whole


def _counts(grasps: GraspSet) -> dict[str, Any]:
    """How many there are, by category and type, by split, and how many a still hand holds."""
    names = ("category", "type", "split", "still_held", "object_id")
    rows = list(zip(*(grasps.table[name].to_pylist() for name in names), strict=True))
    categories: dict[str, dict[str, Any]] = {}
    for name in sorted({row[0] for row in rows}):
        own = [row for row in rows if row[0] == name]
        categories[name] = {
            "objects": len({row[4] for row in own}),
            "grasps": len(own),
            "still_held": sum(bool(row[3]) for row in own),
            "types": dict(Counter(row[1] for row in own).most_common()),
        }
    return {
        "grasps": len(rows),
        "splits": dict(sorted(Counter(row[2] for row in rows).items())),
        "categories": categories,
    }


def _print(told: dict[str, Any], *, whole: int) -> None:
    out = console()
    rows = [_line(name, entry) for name, entry in told["categories"].items()]
    if len(rows) > 1:
        entries = told["categories"].values()
        types: Counter[str] = Counter()
        for entry in entries:
            types.update(entry["types"])
        added = {key: sum(entry[key] for entry in entries) for key in ("objects", "grasps", "still_held")}
        rows.append(_line("all", {**added, "types": dict(types.most_common())}))
    heads = ("category", "objects", "grasps", "held by a still hand", "types")
    out.print(plain_table(rows, heads=heads))
    splits = ", ".join(f"{name} {number}" for name, number in told["splits"].items())
    out.print(f"\n{told['grasps']} of {whole} grasps match · splits: {splits}", markup=False, soft_wrap=True)


def _line(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    types = ", ".join(f"{kind.replace('_', ' ')} {number}" for kind, number in entry["types"].items())
    held = f"{entry['still_held'] / entry['grasps']:.0%}"
    return name, str(entry["objects"]), str(entry["grasps"]), held, types
