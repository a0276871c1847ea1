"""Real meshes with parts, and sentences about them: what `language_contact.py` asks of language on real objects.

    python benchmarks/language_real.py --check MESHES

MESHES is a folder with `household/` (pybullet-URDF-models, MIT; its YCB part CC BY 4.0) and `contactdb/` (object_sim,
Apache-2.0), not part of this repository. `REAL` has an entry a mesh: rules that say which of its points are on which
part, and the sentences of `language_real.toml`. Both were written by hand, the rules while looking at renders of the
meshes, the sentences without looking at the wordings that training draws from. A rule leaves out what lies near a
border and could be argued about, so rules do not cover a mesh; those of one mesh never overlap. The base of a vessel
is its underside, told from the floor inside by a plane or cone between the two. Some files of these folders are copies
of each other (three cups, two watches, door knob and stamp): one of each is used.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from handhold.objects import ObjectMesh

Rule = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Which points are on a part, (n,) bool, of their coordinates x, y, z, each (n,), in the mesh's own frame [mm]."""
SENTENCES = Path(__file__).with_suffix(".toml")
LEAST_SHARE = 0.01
SAMPLES = 40_000


@dataclass(frozen=True)
class RealObject:
    """A mesh, its parts, and what is said of it.

    Attributes:
        file: the mesh, relative to the folder of meshes.
        kind: whether it is a thing of the household as it is, or a toy or a figure in such a shape.
        parts: a rule for each part; empty where no two parts can be held distinctly.
        sentences: three for each part: one names it plainly, one otherwise, the last says a purpose where that fixes
            the part, else it names the part a third way.
        absent: sentences that name a part which the object lacks.
        present: as many that name a part which it has.
    """

    file: str
    kind: Literal["everyday", "toy"]
    parts: Mapping[str, Rule]
    sentences: Mapping[str, tuple[str, ...]]
    absent: tuple[str, ...]
    present: tuple[str, ...]


def part_mask(obj: RealObject, name: str, points: np.ndarray) -> np.ndarray:
    """Which points lie on a part, (n,) bool; points (n, 3) in the mesh's own frame [m].

    Raises:
        KeyError: the object has no rule for a part of that name.
    """
    x, y, z = 1e3 * np.asarray(points, dtype=float).T
    return obj.parts[name](x, y, z)


def off_axis(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance from an axis, of the two coordinates across it."""
    return np.hypot(a, b)


PARTS: dict[str, dict[str, Rule]] = {
    # bottles, tubes, jars and cans
    "household/bleach_cleanser.ply": {
        "cap": lambda x, y, z: z > 104,
        "body": lambda x, y, z: z < 80,
    },
    "household/blue_moon.ply": {
        "cap": lambda x, y, z: z > 86,
        "body": lambda x, y, z: z < 78,
    },
    "household/conditioner.ply": {
        "cap": lambda x, y, z: z > 48,
        "body": lambda x, y, z: z < 43,
    },
    "household/repellent.ply": {
        "cap": lambda x, y, z: z > 63,
        "body": lambda x, y, z: z < 56,
    },
    "household/glue_2.ply": {
        "cap": lambda x, y, z: 0.777 * z - 0.63 * x > 46,
        "body": lambda x, y, z: 0.777 * z - 0.63 * x < 38,
    },
    "household/correction_fluid.ply": {
        "cap": lambda x, y, z: y < -21,
        "barrel": lambda x, y, z: y > -14,
    },
    "household/black_marker.ply": {
        "cap": lambda x, y, z: x > 42,
        "barrel": lambda x, y, z: x < 20,
    },
    "household/small_marker.ply": {
        "cap": lambda x, y, z: x < -24,
        "barrel": lambda x, y, z: x > -18,
    },
    "household/suger_1.ply": {
        "lid": lambda x, y, z: z > 19,
        "jar": lambda x, y, z: z < 12,
    },
    "household/potato_chip_1.ply": {
        "lid": lambda x, y, z: z > 95.8,
        "can": lambda x, y, z: z < 88,
    },
    "contactdb/waterbottle.ply": {
        "cap": lambda x, y, z: z > 56.5,
        "body": lambda x, y, z: z < 44,
    },
    "contactdb/toothpaste.ply": {
        "cap": lambda x, y, z: z > 88,
        "tube": lambda x, y, z: z < 72,
    },
    # vessels and plates
    "household/pitcher.ply": {
        "handle": lambda x, y, z: x < -58,
        "body": lambda x, y, z: (z < 75) & (off_axis(x - 11, y) < 61.5 + 0.045 * z),
        "lid": lambda x, y, z: (z > 90) & (off_axis(x - 11, y) < 52),
    },
    "household/blue_cup.ply": {
        "handle": lambda x, y, z: x > 43,
        "body": lambda x, y, z: (z < 20) & (x < 40) & ((off_axis(x + 0.7, y) > 37 + 0.04 * z) | (z < -25.2)),
        "rim": lambda x, y, z: (z > 28) & (x < 41),
    },
    "contactdb/cup.ply": {
        "rim": lambda x, y, z: z > 38,
        "base": lambda x, y, z: (z < -47.2) | ((z < -30) & (off_axis(x, y) > 29.5)),
    },
    "household/bowl.ply": {
        "rim": lambda x, y, z: z > 15,
        "base": lambda x, y, z: z < -25.06 - 0.0038 * x - 0.0385 * off_axis(x, y),
    },
    "household/yellow_bowl.ply": {
        "rim": lambda x, y, z: z > 13,
        "base": lambda x, y, z: z < -20.7 + 0.0085 * y - 0.0384 * off_axis(x, y),
    },
    "household/soap_dish.ply": {
        "rim": lambda x, y, z: (z > 6) & (off_axis(x, y) > 56),
        "base": lambda x, y, z: z < -16.9 + 0.0068 * x - 0.0224 * off_axis(x, y),
    },
    "household/plate.ply": {
        "rim": lambda x, y, z: off_axis(x + 12, y) > 102,
        "base": lambda x, y, z: (
            (off_axis(x + 12, y) < 78) & (z < 0.6 + 0.0039 * x - 0.0344 * off_axis(x + 12, y))
        ),
    },
    # tools and things of the desk
    "household/flat_screwdriver.ply": {
        "handle": lambda x, y, z: x < 3,
        "shaft": lambda x, y, z: x > 12,
    },
    "household/large_clamp.ply": {
        "handles": lambda x, y, z: x < -14,
        "jaws": lambda x, y, z: x > 25,
    },
    "household/small_clamp.ply": {
        "handles": lambda x, y, z: x < -8,
        "jaws": lambda x, y, z: x > 12,
    },
    "contactdb/stapler.ply": {
        "arm": lambda x, y, z: z > -7,
        "base": lambda x, y, z: z < -11,
    },
    "household/stapler_2.ply": {
        "arm": lambda x, y, z: z > -1.5,
        "base": lambda x, y, z: z < -3.6,
    },
    "household/book_1.ply": {
        "spine": lambda x, y, z: z > 78,
        "fore-edge": lambda x, y, z: z < -70,
    },
    # things that are worn, or used with a current
    "contactdb/camera.ply": {
        "lens": lambda x, y, z: (y < -10) & (off_axis(x - 19, z + 1) < 27),
        "body": lambda x, y, z: y > -6,
    },
    "contactdb/eyeglasses.ply": {
        "arms": lambda x, y, z: y < 46,
        "frame": lambda x, y, z: y > 57,
    },
    "contactdb/headphones.ply": {
        "band": lambda x, y, z: y > 12,
        "ear cups": lambda x, y, z: y < -20,
    },
    "contactdb/lightbulb.ply": {
        "glass": lambda x, y, z: x > -18,
        "base": lambda x, y, z: x < -31,
    },
    "contactdb/watch.ply": {
        "strap": lambda x, y, z: 0.88 * x + 0.48 * z < 8,
        "face": lambda x, y, z: (0.88 * x + 0.48 * z > 14) & (np.abs(0.48 * x - 0.88 * z + 1) < 26),
    },
    "contactdb/phone.ply": {
        "antenna": lambda x, y, z: (x > 59) & (z < -10),
        "body": lambda x, y, z: x < 52,
    },
    "contactdb/alarmclock.ply": {
        "bells": lambda x, y, z: (off_axis(x, z + 8) > 51) & (z > 5) & (np.abs(x) > 22),
        "case": lambda x, y, z: off_axis(x, z + 8) < 46,
    },
    "contactdb/gamecontroller.ply": {
        "grips": lambda x, y, z: (y < -16) & (np.abs(x) > 40) & (z < 10),
        "sticks": lambda x, y, z: (z > 15) & (y < 5),
    },
    "contactdb/doorknob.ply": {
        "knob": lambda x, y, z: z > -4,
        "plate": lambda x, y, z: z < -24,
    },
    "contactdb/flute.ply": {
        "mouthpiece": lambda x, y, z: x < -62,
        "body": lambda x, y, z: x > -52,
    },
    # fruit, and toys
    "contactdb/apple.ply": {
        "stem": lambda x, y, z: (z > 31) & (off_axis(x + 7, y) < 10),
        "body": lambda x, y, z: z < 28,
    },
    "household/plastic_pear.ply": {
        "neck": lambda x, y, z: y > 42,
        "bottom": lambda x, y, z: y < 15,
    },
    "contactdb/rubberduck.ply": {
        "head": lambda x, y, z: (z > 14) & (x > -20),
        "body": lambda x, y, z: z < 0,
    },
    "contactdb/stanfordbunny.ply": {
        "ears": lambda x, y, z: z > 40,
        "body": lambda x, y, z: (x > -18) & (z < 19),
    },
    "contactdb/elephant.ply": {
        "trunk": lambda x, y, z: (x < -36) & (z < -4),
        "legs": lambda x, y, z: (x > -30) & (z < -22),
        "back": lambda x, y, z: (x > -5) & (z > 0),
    },
    "contactdb/piggybank.ply": {
        "ears": lambda x, y, z: (x > 40) & (z > 44) & (np.abs(y) > 17),
        "legs": lambda x, y, z: (z < -50) & (np.abs(x + 2) > 40),
        "back": lambda x, y, z: (x < 20) & (z > 0),
    },
    "contactdb/airplane.ply": {
        "wings": lambda x, y, z: (np.abs(x) > 22) & (y > -35),
        "fuselage": lambda x, y, z: (np.abs(x) < 18) & (y > -35),
        "tail": lambda x, y, z: y < -42,
    },
    "contactdb/train.ply": {
        "chimney": lambda x, y, z: (z > 29) & (x < 3),
        "cab": lambda x, y, z: (z > 2) & (x > 22),
        "wheels": lambda x, y, z: (z < -8) & (np.abs(y) > 23),
    },
}


def read_objects() -> tuple[RealObject, ...]:
    """Rules and sentences together, in the order of the file of sentences.

    Rules are lambdas, which do not travel to other processes: send a file's name and look it up there.
    """
    return tuple(
        RealObject(
            file,
            kind=said["kind"],
            parts=PARTS.get(file, {}),
            sentences={part: tuple(said[part]) for part in PARTS.get(file, {})},
            absent=tuple(said["absent"]),
            present=tuple(said["present"]),
        )
        for file, said in tomllib.loads(SENTENCES.read_text()).items()
    )


REAL: tuple[RealObject, ...] = read_objects()


def check(folder: Path) -> int:
    """Print a table of all parts, and return how many faults there are in rules and sentences."""
    faults = written_faults()
    for obj in REAL:
        faults += [f"{obj.file}: {fault}" for fault in mesh_faults(obj, folder)]
    parted = [obj for obj in REAL if obj.parts]
    print(
        f"{len(REAL)} meshes, {len(parted)} with parts ({sum(obj.kind == 'everyday' for obj in parted)} everyday), "
        f"{sum(len(obj.parts) for obj in parted)} parts, "
        f"{sum(len(said) for obj in REAL for said in obj.sentences.values())} sentences for parts, "
        f"{sum(len(obj.absent) for obj in REAL)} for absent parts, {sum(len(obj.present) for obj in REAL)} for present"
    )
    print("\n".join(faults) or "no fault")
    return len(faults)


def written_faults() -> list[str]:
    """What is wrong with the tables themselves."""
    said = tomllib.loads(SENTENCES.read_text())
    faults = [f"{file}: rules without sentences" for file in PARTS.keys() - said.keys()]
    for file, row in said.items():
        extra = row.keys() - {"kind", "absent", "present"} - PARTS.get(file, {}).keys()
        faults += [f"{file}: sentences without a rule: {part}" for part in extra]
    for obj in REAL:
        if len(obj.absent) != len(obj.present) or not obj.absent:
            faults.append(f"{obj.file}: {len(obj.absent)} absent, {len(obj.present)} present")
        faults += [
            f"{obj.file}: {part} has {len(s)} sentences" for part, s in obj.sentences.items() if len(s) != 3
        ]
        lines = [*obj.absent, *obj.present, *(one for some in obj.sentences.values() for one in some)]
        faults += [f"{obj.file}: twice: {one}" for one in {s for s in lines if lines.count(s) > 1}]
    return faults


def mesh_faults(obj: RealObject, folder: Path) -> list[str]:
    """What is wrong with the rules on the mesh: parts too small, parts that overlap."""
    mesh = ObjectMesh.load(folder / obj.file)
    if not obj.parts:
        return []
    points = mesh.sample(SAMPLES, torch.Generator().manual_seed(0)).points.numpy()
    masks = {part: part_mask(obj, part, points) for part in obj.parts}
    shares = {part: float(mask.mean()) for part, mask in masks.items()}
    print(f"{obj.file:34}{obj.kind:10}" + ", ".join(f"{part} {share:.1%}" for part, share in shares.items()))
    faults = [
        f"{part} is {share:.2%} of the surface" for part, share in shares.items() if share < LEAST_SHARE
    ]
    return faults + (["parts overlap"] if np.sum(list(masks.values()), axis=0).max() > 1 else [])


def main() -> None:
    """Check the tables; the exit code is 1 if there is a fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", type=Path, metavar="MESHES", required=True)
    raise SystemExit(check(parser.parse_args().check) > 0)


if __name__ == "__main__":
    main()
