"""See what handhold does: makes a mug and a noisy hand around it, refines the grasp, and writes it all.

Needs no network and no other file. The scene and the mug are written too, so that `handhold refine` can be
tried on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from handhold.cli import refine
from handhold.cli.demo_scene import make_scene
from handhold.cli.output import check_json, output_folder

NAME = "mug_scene"


@dataclass(frozen=True)
class Options:
    """Options of `handhold demo`.

    Attributes:
        out: folder for everything; made if it is not there.
        method: how to refine.
        seed: of the keypoints' noise, and of everything else that is random.
        device: where to refine.
        json: also write the report here.
        mjcf: also write the grasp as a MuJoCo scene.
        no_picture: draw no picture.
        quiet: print nothing but errors.
    """

    out: Path = Path("handhold-demo")
    method: Literal["gravity", "energy"] = "gravity"
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    json: Path | None = None
    mjcf: bool = False
    no_picture: bool = False
    quiet: bool = False


def run(options: Options) -> int:
    """Make the scene, refine it, say where to look. Returns the exit code."""
    check_json(options.json)
    with output_folder(options.out) as folder:
        scene = write_scene(folder, seed=options.seed)
        code = refine.run(
            refine.Options(
                scene=scene,
                out=folder,
                method=options.method,
                seed=options.seed,
                device=options.device,
                json=options.json,
                mjcf=options.mjcf,
                no_picture=options.no_picture,
                quiet=options.quiet,
            )
        )
        if code == 0 and not options.quiet:
            _say_next(folder, scene, picture=not options.no_picture)
    return code


def write_scene(folder: Path, *, seed: int = 0) -> Path:
    """Write the demo's scene and its mug to a folder; returns the scene's path.

    Raises:
        InputError: the files cannot be written.
    """
    from handhold.cli.check import save_mesh
    from handhold.io import write_json

    document, mug = make_scene(seed=seed)
    save_mesh(mug, folder / document["object"]["mesh"])
    scene = folder / f"{NAME}.json"
    write_json(document, scene)
    return scene


def _say_next(folder: Path, scene: Path, *, picture: bool) -> None:
    lines = []
    if picture and (folder / f"{NAME}_before_after.png").exists():
        lines.append(f"look at        {folder / f'{NAME}_before_after.png'}")
    lines += [
        f"in 3D          {folder / f'{NAME}.glb'}   (Blender, or any GLB viewer)",
        f"in the browser handhold view {folder}",
        f"try it on      handhold refine {scene} --out DIR",
        "your own       write a scene like that one: 21 keypoints and a mesh",
    ]
    print("\n".join(lines))
