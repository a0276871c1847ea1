"""GravityDB's figure 4 in form: where sentences touch twelve real meshes. Writes one PNG.

    python benchmarks/language_figure.py MESHES [--model DIR] [--out contact_real.png]

Meshes and sentences are those of language_real.py (pybullet-URDF-models, MIT, its YCB part CC BY 4.0; object_sim,
Apache-2.0).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from language_real import REAL
from PIL import Image

from handhold.cli.contact_drawing import FRONT, Canvas
from handhold.cli.panels import UP
from handhold.hand import Hand
from handhold.models.contact import ToldContact, open_teller
from handhold.objects import ObjectMesh
from handhold.view.heat import HeatPanel, heat_image

SHOWN = {
    "household/pitcher.ply": "handle",
    "household/blue_cup.ply": "handle",
    "household/bleach_cleanser.ply": "cap",
    "household/bowl.ply": "rim",
    "household/flat_screwdriver.ply": "handle",
    "household/plate.ply": "rim",
    "household/potato_chip_1.ply": "lid",
    "contactdb/headphones.ply": "band",
    "contactdb/eyeglasses.ply": "arms",
    "contactdb/camera.ply": "lens",
    "contactdb/doorknob.ply": "knob",
    "contactdb/apple.ply": "stem",
}
"""Twelve meshes and the part that is asked for; the plain sentence of each."""
COLUMNS = 3


def main() -> None:
    """Ask and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("meshes", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--out", type=Path, default=Path("contact_real.png"))
    options = parser.parse_args()
    teller = open_teller() if options.model is None else open_teller(options.model)
    objects, images = {obj.file: obj for obj in REAL}, []
    for file, part in SHOWN.items():
        mesh = ObjectMesh.load(options.meshes / file)
        (told,) = teller.tell(mesh, [objects[file].sentences[part][0]])
        images.append(image_of(mesh, told))
    width, height = (max(image.size[k] for image in images) for k in (0, 1))
    page = Image.new("RGB", (COLUMNS * width, -(-len(images) // COLUMNS) * height), "white")
    for k, image in enumerate(images):
        page.paste(image, (k % COLUMNS * width, k // COLUMNS * height))
    page.resize((page.width // 2, page.height // 2), Image.Resampling.LANCZOS).save(options.out)


def image_of(mesh: ObjectMesh, told: ToldContact) -> Image.Image:
    """One mesh and one sentence."""
    canvas = Canvas(mesh, np.eye(4), "z", Hand.open(), told.points.numpy(), told.normals.numpy())
    points, normals = canvas.points_world
    panel = HeatPanel(
        sentence=told.instruction,
        object=canvas.thing(told).in_world(),
        hand=canvas.resting(told).in_world(),
        points=points,
        normals=normals,
        marked=(told.object > 0.5).numpy(),
        palm=np.asarray(FRONT["z"]),
        note="no such part" if told.absent else "",
    )
    return heat_image([panel], title=mesh.name, up=UP["z"])


if __name__ == "__main__":
    main()
