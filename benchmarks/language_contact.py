"""Contact from language: masks, what follows the sentence, parts that are not there, refining. Writes
language_contact.md and language_contact.json.

    python benchmarks/language_contact.py [MESHES] [--baseline DIR] [--only masks,follow,...] [--out benchmarks]

MESHES is the folder of real meshes that language_real.py describes. --baseline is a model folder of the same network
trained without the sentence (`handhold train contact --contact.no-sentence`). Truth for a sentence of the set is the
mean contact over all grasps of that instance, part and purpose, cut at half its maximum; `pad` is the same seen through
a window as wide as a finger's pad (`data.contact_maps`). How well truth agrees with itself, told from other grasps of
the same kind, stands beside it: no network can be expected to do better. A section is written as soon as it is done;
sections that were not run again keep their figures from the file.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from language_contact_page import page
from language_real import REAL, part_mask
from language_refine import refine_rows
from section_file import SectionFile, machine, options_of

from handhold.data import GraspSet
from handhold.data.asks import absent_asks, names_part, part_asks, words_of
from handhold.data.contact_maps import Touched, cut, touched, widened
from handhold.models.contact import Teller, ToldContact, load_model, open_teller
from handhold.objects import ObjectMesh
from handhold.objects.household import CATEGORIES

SECTIONS = ("masks", "follow", "absent", "real", "refine", "times")
SPLITS = {"test_instance": "held-out instances", "test_category": "held-out categories"}
WIDTHS = {"as defined": 0.0, "pad": 0.010}
"""Windows through which contact is seen [m]."""
NAMED = UNNAMED = 3
"""Sentences of the set for each instance, part and purpose: naming the part, and not."""
ASKED = 4
"""Sentences for each part of an object, and sentences for parts that it has not."""
THREADS = 2


@dataclass(frozen=True)
class Item:
    """An object of the set, what its grasps touch, and its sentences: (sentence, part, purpose, names the part)."""

    name: str
    category: str
    mesh: ObjectMesh
    touched: Touched
    grasps: dict[tuple[str, str], list[int]]
    sentences: list[tuple[str, str, str, bool]]


def items(grasps: GraspSet, split: str) -> Iterator[Item]:
    """The objects of a split."""
    some = grasps.where(split=split)
    own = defaultdict(list)
    for k, name in enumerate(some.table["object_id"].to_pylist()):
        own[name].append(k)
    for name, rows in own.items():
        told = [some.row(k) for k in rows]
        groups, seen = defaultdict(list), defaultdict(list)
        for k, row in enumerate(told):
            groups[row.part, row.purpose].append(k)
            for sentence in row.instructions:
                named = names_part(sentence, row.category, row.part, row.purpose)
                seen[row.part, row.purpose, named].append((sentence, row.part, row.purpose, named))
        chosen = [one for (_, _, named), all_ in seen.items() for one in all_[: NAMED if named else UNNAMED]]
        yield Item(name, told[0].category, some.object(name).mesh, touched(some, rows), dict(groups), chosen)


def mask_rows(tellers: dict[str, Teller], objects: Sequence[Item]) -> dict[str, Any]:
    """IoU of object masks, for each network, window and kind of sentence."""
    found, generator = defaultdict(list), np.random.default_rng(0)
    for item in objects:
        told = {
            name: teller.tell(item.mesh, [s[0] for s in item.sentences]) for name, teller in tellers.items()
        }
        contact = item.touched.object.astype(float)
        for width, size in WIDTHS.items():
            seen = widened(item.touched.points, contact, width=size)
            for key, rows in item.grasps.items():
                if len(rows) > 1:
                    found[width, "truth, half of the grasps each"].append(_halves(seen[rows], generator))
                truth = cut(seen[rows].mean(0))
                drawn = generator.choice(rows, len(rows))
                found[width, "truth, as many grasps drawn again"].append(iou(truth, cut(seen[drawn].mean(0))))
                for k, (_, part, purpose, named) in enumerate(item.sentences):
                    if (part, purpose) == key:
                        for name in tellers:
                            weight = told[name][k].object.numpy()
                            for rule, mask in (
                                ("over 0.5", weight >= 0.5),
                                ("over half its greatest", cut(weight)),
                            ):
                                found[width, f"{name}, {rule}"].append(iou(mask, truth))
                                kind = "part named" if named else "purpose only"
                                found[width, f"{name}, {rule}, {kind}"].append(iou(mask, truth))
    return {f"{width}: {name}": {"iou": float(np.mean(v)), "n": len(v)} for (width, name), v in found.items()}


def _halves(seen: np.ndarray, generator: np.random.Generator) -> float:
    order = generator.permutation(len(seen))
    half = len(order) // 2
    return iou(cut(seen[order[:half]].mean(0)), cut(seen[order[half:]].mean(0)))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union; 1 where both are empty."""
    union = (a | b).sum()
    return float((a & b).sum() / union) if union else 1.0


def follow_rows(teller: Teller, objects: Sequence[Item]) -> dict[str, Any]:
    """How often the mask moves towards the part that is asked for, of two sentences on one object."""
    found = defaultdict(list)
    generator = torch.Generator().manual_seed(1)
    for item in objects:
        parts = [
            part for part in item.touched.parts if (item.touched.part == item.touched.parts.index(part)).any()
        ]
        asks = {p: part_asks(words_of(item.category), [p], count=ASKED, generator=generator) for p in parts}
        said = {p: [ask.sentence for ask in own] for p, own in asks.items() if own}
        masks = {p: item.touched.part == item.touched.parts.index(p) for p in said}
        named, bare = (
            {
                part: [s for s, p, _, named in item.sentences if p == part and named == kind][:ASKED]
                for part in said
            }
            for kind in (True, False)
        )
        told = tell_all(teller, item.mesh, *said.values(), *named.values(), *bare.values())
        found["any two parts"] += moves(told, said, masks)
        found["sentences of the set that name the part"] += moves(told, named, masks)
        found["sentences of the set for a purpose"] += moves(told, bare, masks)
    return {name: _share(values) for name, values in found.items() if values}


def _share(values: Sequence[float]) -> dict[str, float]:
    return {"share": float(np.mean(values)), "n": len(values)}


def moves(
    told: Mapping[str, ToldContact], said: Mapping[str, Sequence[str]], masks: Mapping[str, np.ndarray]
) -> list[float]:
    """For each pair of sentences that ask for two parts: 1 if the first has more of its mass on its own part than the
    second has there, 0.5 if as much, else 0."""
    every = [(part, sentence) for part, own in said.items() for sentence in own]
    mass = [told[s].object.numpy() / max(float(told[s].object.sum()), 1e-9) for _, s in every]
    found = []
    for (k, (part, _)), (j, (other, _)) in permutations(enumerate(every), 2):
        if part != other:
            here, there = (float(mass[i][masks[part]].sum()) for i in (k, j))
            found.append(0.5 if abs(here - there) < 1e-6 else float(here > there))
    return found


def tell_all(teller: Teller, mesh: ObjectMesh, *sentences: Iterable[str]) -> dict[str, ToldContact]:
    """What each of all sentences says, asked at once."""
    every = list(dict.fromkeys(sentence for some in sentences for sentence in some))
    return dict(zip(every, teller.tell(mesh, every), strict=True)) if every else {}


def absent_rows(teller: Teller, objects: Sequence[Item]) -> dict[str, Any]:
    """How often a part that is not there is admitted, and one that is there is denied."""
    admitted, alarms, told_alarms = [], [], []
    generator = torch.Generator().manual_seed(2)
    for item in objects:
        lacking = absent_asks(words_of(item.category), count=ASKED, generator=generator)
        there = part_asks(words_of(item.category), item.touched.parts, count=ASKED, generator=generator)
        for asks, kept in ((lacking, admitted), (there, alarms)):
            if asks:
                kept += [one.absent for one in teller.tell(item.mesh, [ask.sentence for ask in asks])]
        told_alarms += [one.absent for one in teller.tell(item.mesh, [s[0] for s in item.sentences])]
    return {
        "admitted": _share(admitted),
        "false alarms": _share(alarms),
        "false alarms, sentences of the set": _share(told_alarms),
    }


def real_rows(teller: Teller, meshes: Path) -> dict[str, Any]:
    """Real meshes with sentences and rules of language_real.py."""
    follow, kinds, over = [], defaultdict(list), []
    objects, admitted, alarms = {}, [], []
    for obj in REAL:
        mesh = ObjectMesh.load(meshes / obj.file)
        told = tell_all(teller, mesh, *obj.sentences.values(), obj.absent, obj.present)
        points = next(iter(told.values())).points.numpy()
        masks = {part: part_mask(obj, part, points) for part in obj.parts}
        own = moves(told, obj.sentences, masks)
        follow += own
        kinds[obj.kind] += own
        for number, kind in enumerate(("plain name", "other words", "purpose")):
            kinds[kind] += moves(told, {part: [obj.sentences[part][number]] for part in obj.parts}, masks)
        over += [
            iou(told[s].object.numpy() >= 0.5, masks[part]) for part in obj.parts for s in obj.sentences[part]
        ]
        admitted += [told[s].absent for s in obj.absent]
        alarms += [told[s].absent for s in obj.present]
        objects[obj.file] = _share(own) if own else None
    return {
        "follow": _share(follow),
        "by kind": {kind: _share(values) for kind, values in kinds.items() if values},
        "iou with the whole part": float(np.mean(over)),
        "admitted": _share(admitted),
        "false alarms": _share(alarms),
        "objects": {name: value for name, value in objects.items() if value},
    }


def time_rows(teller: Teller) -> dict[str, Any]:
    """Seconds for one sentence and one object, once all is loaded."""
    torch.set_num_threads(THREADS)
    rows = {}
    for category in ("mug", "hammer", "headphones"):
        mesh = CATEGORIES[category].make().mesh
        taken = []
        for k in range(12):
            start = time.perf_counter()
            teller.tell(mesh, [f"hold it by the handle, {k}"])
            taken.append(time.perf_counter() - start)
        rows[category] = {"median_s": float(np.median(taken[2:])), "worst_s": max(taken[2:])}
    return rows


def main() -> None:
    """Run what is asked for and write all that is known."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("meshes", type=Path, nargs="?")
    parser.add_argument(
        "--model", type=Path, help="folder of weights; by default those that come with handhold"
    )
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--set", type=Path, default=Path(__file__).parents[1] / "sets/household")
    parser.add_argument("--each", type=int, default=80, help="grasps of a split that are refined")
    options = options_of(parser, SECTIONS)
    sections, file = options.only, SectionFile(options.out, "language_contact", page)
    teller = open_teller() if options.model is None else open_teller(options.model)
    grasps = GraspSet.open(options.set)

    def done(section: str, rows: Any) -> None:
        file.write(section, {"machine": machine(THREADS), "rows": rows})

    objects = {}
    if {"masks", "follow", "absent"} & set(sections):
        objects = {split: list(items(grasps, split)) for split in SPLITS}
    if "follow" in sections:
        done("follow", {split: follow_rows(teller, own) for split, own in objects.items()})
    if "absent" in sections:
        done("absent", {split: absent_rows(teller, own) for split, own in objects.items()})
    if "masks" in sections:
        tellers = {"language": teller}
        if options.baseline is not None:
            tellers["no sentence"] = replace(teller, model=load_model(options.baseline))
        done("masks", {split: mask_rows(tellers, own) for split, own in objects.items()})
    if "real" in sections and options.meshes is not None:
        done("real", real_rows(teller, options.meshes))
    if "refine" in sections:
        done("refine", {split: refine_rows(teller, grasps, split, options.each) for split in SPLITS})
    if "times" in sections:
        done("times", time_rows(teller))
    file.print()


if __name__ == "__main__":
    main()
