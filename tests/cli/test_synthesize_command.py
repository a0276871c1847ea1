import json
import math

import numpy as np
import pytest
import torch
import trimesh
from cli_examples import HEIGHT, RADIUS, arrays, can, report, write_scene
from PIL import Image

import handhold.cli.synthesize
import handhold.cli.synthesize_methods
import handhold.methods.synthesize.optimize
import handhold.view.viewer
from handhold.cli.demo_scene import make_grasp
from handhold.cli.main import main
from handhold.errors import HandholdError, InputError
from handhold.interaction.grasp import Grasp
from handhold.io import load_grasps
from handhold.methods.synthesize.optimize import Ask, Found, Synthesis
from handhold.objects import ObjectMesh
from handhold.physics import SixWayTrial

TRIAL = SixWayTrial((0.1,) * 6, (1.0,) * 6, True, 0.05, 1.0, 0.2)
DROPPED = SixWayTrial((10.0,) * 6, (180.0,) * 6, False, 0.0, 0.0, 0.2)


class Fake:
    """Stands for the optimizer: hands around a can, where the generator puts them."""

    def __init__(self) -> None:
        self.calls: list[dict] = []
        self.missing = 0
        self.error: BaseException | None = None

    def __call__(self, obj, hand, *, count, asks, config, generator, progress):
        mesh = obj if isinstance(obj, ObjectMesh) else obj.mesh
        self.calls.append({"obj": obj, "hand": hand, "asks": asks, "config": config, "mesh": mesh})
        if self.error is not None:
            raise self.error
        found = []
        for k in range(count - self.missing):
            angle = 2 * math.pi * float(torch.rand((), generator=generator))
            params = make_grasp(hand, side_angle=angle)
            grasp = Grasp(hand, params, mesh, torch.eye(4), name=f"{mesh.name}_{k:03d}")
            ask = (asks or (Ask(),))[k % len(asks or (1,))]
            found.append(
                Found(
                    grasp,
                    type=ask.types[0],
                    ask=ask,
                    energy=float(k),
                    on_part=0.9 if ask.part else None,
                    iv_cm3=0.1,
                    fingers=5,
                    six_way=TRIAL if config.physics else None,
                    still=DROPPED if config.physics else None,
                )
            )
            progress(k + 1, count)
        return Synthesis(tuple(found), {"volume": 7, "no_thumb": 2, "limits": 0}, {"optimize": 0.5})


@pytest.fixture
def fake(monkeypatch):
    fake = Fake()
    monkeypatch.setattr(handhold.methods.synthesize.optimize, "optimize_grasps", fake)
    return fake


@pytest.fixture
def mesh(tmp_path):
    (tmp_path / "in").mkdir()
    can().export(tmp_path / "in" / "can.obj")
    return tmp_path / "in" / "can.obj"


def synthesize(thing, out, *more, count: int = 3, picture: bool = False) -> int:
    quick = () if picture else ("--no-picture",)
    method = () if "--method" in more else ("--method", "optimize")
    return main(["synthesize", str(thing), "--out", str(out), "--count", str(count), *quick, *method, *more])


def names(folder) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_what_comes_out(fake, mesh, tmp_path, capsys):
    out = tmp_path / "out"
    assert synthesize(mesh, out, "--json", str(tmp_path / "copy.json"), picture=True) == 0
    assert names(out) == {"grasps.npz", "best.glb", "contact_sheet.png", "report.json"}
    made = load_grasps(out / "grasps.npz")
    assert len(made) == 3 and made.facts[1].energy == 1.0 and made.facts[0].held is True
    assert made.facts[0].still_held is False and made.facts[2].type == "power"
    np.testing.assert_array_equal(made.T_world_object, np.eye(4))
    assert len(trimesh.load(out / "best.glb").geometry) == 2
    assert np.asarray(Image.open(out / "contact_sheet.png")).std() > 5
    told = report(out)
    assert told == json.loads((tmp_path / "copy.json").read_text())
    assert (told["command"], told["asked"], told["accepted"]) == ("synthesize", 3, 3)
    (entry,) = told["objects"]
    assert entry["rejected"]["volume"] == 7 and entry["seconds"] > 0 and entry["files"]["best"] == "best.glb"
    (first, *_) = entry["grasps"]
    assert first["six_way"]["held"] is True and first["part"] is None and first["on_part"] is None
    assert {"method", "seed", "settings", "hand_models"} <= set(told["provenance"])
    text = capsys.readouterr().out
    assert "3 of 3" in text and "0 of 3" in text and "7 volume, 2 no thumb" in text and "limits" not in text
    assert "\x1b" not in text


def test_the_seed_makes_the_result_and_each_object_starts_from_it(fake, mesh, tmp_path):
    can().export(mesh.parent / "another.obj")
    for out, thing, seed in (("a", mesh, 4), ("b", mesh, 4), ("c", mesh, 5), ("all", mesh.parent, 4)):
        assert synthesize(thing, tmp_path / out, "--seed", str(seed)) == 0
    files = {out: tmp_path / out / "grasps.npz" for out in "abc"}
    assert files["a"].read_bytes() == files["b"].read_bytes() != files["c"].read_bytes()
    alone, together = arrays(files["a"]), arrays(tmp_path / "all" / "can_grasps.npz")
    np.testing.assert_array_equal(alone["transl"], together["transl"])


def test_a_folder(fake, mesh, tmp_path, capfd):
    can(sections=20).export(mesh.parent / "other.ply")
    (mesh.parent / "broken.stl").write_bytes(b"garbage")
    (mesh.parent / "notes.txt").write_text("no mesh")
    out = tmp_path / "out"
    assert synthesize(mesh.parent, out) == 2
    kinds = ("grasps.npz", "best.glb")
    assert names(out) == {"report.json", *(f"{name}_{kind}" for name in ("can", "other") for kind in kinds)}
    told = report(out)
    assert [o["name"] for o in told["objects"]] == ["can", "other"]
    assert [f["name"] for f in told["failures"]] == ["broken"]
    captured = capfd.readouterr()
    assert "broken.stl" in captured.err and "1 of 3 objects" in captured.err and "other" in captured.out


def test_the_meshes_folder_may_be_the_output(fake, mesh):
    for _ in range(2):  # the models that the first run wrote are no meshes to be held
        assert synthesize(mesh.parent, mesh.parent) == 0
    assert [o["name"] for o in report(mesh.parent)["objects"]] == ["can"]


def test_fewer_than_asked_are_said_so(fake, mesh, tmp_path, capsys):
    fake.missing = 2
    assert synthesize(mesh, tmp_path / "out") == 0
    assert "1 of 3 grasps were found; refused: 7 volume, 2 no thumb" in capsys.readouterr().out
    assert report(tmp_path / "out")["objects"][0]["warnings"]


def test_none_at_all_is_a_failure(fake, mesh, tmp_path, complaint):
    fake.missing = 3
    assert synthesize(mesh, tmp_path / "out") == 2
    text = complaint()
    assert "no grasp was accepted" in text and "7 volume, 2 no thumb" in text and "can.obj" in text
    assert not (tmp_path / "out").exists()


# What is asked of the optimizer.


def asks_of(fake):
    return fake.calls[-1]["asks"]


def test_a_mesh_alone_is_left_to_the_optimizer(fake, mesh, tmp_path):
    assert synthesize(mesh, tmp_path / "out", "--no-physics", "--quiet") == 0
    assert asks_of(fake) is None and fake.calls[-1]["hand"].side == "right"


def test_types_purpose_table_and_side(fake, mesh, tmp_path):
    more = ("--type", "power", "sphere", "--type", "tripod,pinch", "--side", "left")
    assert synthesize(mesh, tmp_path / "out", *more, "--table", "--up", "y") == 0
    (ask,) = asks_of(fake)
    assert ask.types == ("power", "sphere", "tripod", "pinch")
    assert ask.table.up == (0, 1, 0) and ask.table.height == pytest.approx(-RADIUS, abs=1e-3)
    assert load_grasps(tmp_path / "out" / "grasps.npz").side == "left"


@pytest.mark.parametrize(
    ("asked", "more", "words"),
    [
        ("household:mug", ("--part", "handle", "--purpose", "wear"), "does not serve"),
        ("household:mug", ("--purpose", "wear"), "serves this purpose"),
        (None, ("--purpose", "pour"), "has no parts"),
        (None, ("--part", "handle"), "has no parts"),
    ],
)
def test_purposes_that_nothing_serves_are_refused(fake, mesh, tmp_path, capsys, asked, more, words):
    assert synthesize(asked or mesh, tmp_path / "out", *more) == 2
    assert words in capsys.readouterr().err and not fake.calls


def test_what_stands_is_taken_so_for_other_types_too(fake, tmp_path):
    assert synthesize("household:mug", tmp_path / "out", "--part", "body", "--type", "lateral") == 0
    assert all(ask.table is not None for ask in asks_of(fake))


def test_the_report_does_not_replace_a_result(fake, mesh, tmp_path, capsys):
    out = tmp_path / "out"
    assert synthesize(mesh, out, "--json", str(out / "grasps.npz")) == 2
    assert "own file" in capsys.readouterr().err and not fake.calls


def test_a_result_with_a_hand_is_no_object(fake, mesh, tmp_path, capsys):
    assert synthesize(mesh, tmp_path / "out") == 0
    (tmp_path / "out" / "best.glb").rename(tmp_path / "best.GLB")
    assert synthesize(tmp_path / "best.GLB", tmp_path / "again") == 2
    assert "with a hand in it" in capsys.readouterr().err


def test_household_objects_by_name_and_dimensions(fake, tmp_path):
    assert synthesize("household:mug,radius=0.044,handle=ear", tmp_path / "out", "--purpose", "drink") == 0
    obj = fake.calls[-1]["obj"]
    assert (obj.category, obj.dimensions["radius"], obj.dimensions["handle"]) == ("mug", 0.044, "ear")
    assert {ask.part for ask in asks_of(fake)} == {"body", "handle"}
    assert {ask.purpose for ask in asks_of(fake)} == {"drink"}
    assert all(ask.table is not None for ask in asks_of(fake))  # it stands
    assert synthesize("household:wine_glass?wall=0.0025", tmp_path / "out", "--part", "stem") == 0
    assert fake.calls[-1]["obj"].category == "wine glass"
    assert {ask.part for ask in asks_of(fake)} == {"stem"}


def test_types_that_nobody_thought_of_are_tried(fake, tmp_path):
    assert synthesize("household:mug", tmp_path / "out", "--part", "handle", "--type", "writing") == 0
    (ask,) = asks_of(fake)
    assert (ask.part, ask.types) == ("handle", ("writing",))


def part_file(path, labels, **changes):
    parts = [{"name": "low", "purposes": ["carry"]}, {"name": "high", "hold": False}, {"name": "rest"}]
    document = {"format": "handhold-parts/1", "parts": parts, "face_parts": labels, **changes}
    path.write_text(json.dumps(document))
    return path


def test_parts_of_a_mesh_from_a_file(fake, tmp_path):
    shape = can()
    height = shape.triangles_center[:, 2]
    labels = np.where(height < 0.4 * HEIGHT, 0, np.where(height > 0.9 * HEIGHT, 1, 2))
    apart = np.arange(3 * len(shape.faces)).reshape(-1, 3)
    broken = trimesh.Trimesh(shape.vertices[shape.faces].reshape(-1, 3), apart, process=False)
    broken.invert()  # the doctor joins its vertices and turns its faces
    broken.export(tmp_path / "can.ply")
    file = part_file(tmp_path / "parts.json", labels.tolist())
    more = ("--parts", str(file), "--purpose", "carry")
    assert synthesize(tmp_path / "can.ply", tmp_path / "out", *more) == 0
    obj = fake.calls[-1]["obj"]
    assert obj.mesh.is_watertight
    middle = obj.mesh.vertices[obj.mesh.faces].mean(1)[:, 2]
    wanted = np.where(middle < 0.4 * HEIGHT, 0, np.where(middle > 0.9 * HEIGHT, 1, 2))
    np.testing.assert_array_equal(obj.face_parts, wanted)
    (ask,) = asks_of(fake)
    assert (ask.part, ask.purpose) == ("low", "carry")


def test_physics_is_on_where_it_can_be(fake, mesh, tmp_path, monkeypatch, capsys):
    pytest.importorskip("mujoco")
    assert synthesize(mesh, tmp_path / "out") == 0
    assert fake.calls[-1]["config"].physics
    assert synthesize(mesh, tmp_path / "out", "--no-physics") == 0
    assert not fake.calls[-1]["config"].physics
    assert report(tmp_path / "out")["objects"][0]["grasps"][0]["six_way"] is None
    monkeypatch.setattr(handhold.cli.synthesize_methods, "find_spec", lambda name: None)
    assert synthesize(mesh, tmp_path / "out") == 0
    assert not fake.calls[-1]["config"].physics and "mujoco is not installed" in capsys.readouterr().out


def test_physics_that_is_asked_for_and_not_there(fake, mesh, tmp_path, monkeypatch, complaint):
    monkeypatch.setitem(__import__("sys").modules, "mujoco", None)
    assert synthesize(mesh, tmp_path / "out", "--physics") == 2
    assert "handhold[physics]" in complaint() and not fake.calls


def test_settings_of_the_method_are_options(fake, mesh, tmp_path):
    assert synthesize(mesh, tmp_path / "out", "--optimize.starts", "77") == 0
    assert report(tmp_path / "out")["provenance"]["settings"]["starts"] == 77


# Its results are inputs.


def test_evaluate_and_view_read_the_set(fake, mesh, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert synthesize(mesh, out) == 0
    for path in (out, out / "grasps.npz"):
        scores = tmp_path / "scores.json"
        assert main(["evaluate", str(path), "--protocol", "iv_cm3", "--json", str(scores)]) == 0
        told = json.loads(scores.read_text())
        assert [g["name"] for g in told["grasps"]] == ["can_000", "can_001", "can_002"]
        assert told["aggregate"]["iv_cm3"]["n"] == 3
    assert main(["check", str(out / "grasps.npz")]) == 0
    for save in ("all.png", "one.glb"):
        assert main(["view", str(out / "grasps.npz"), "--save", str(tmp_path / save)]) == 0
    assert len(trimesh.load(tmp_path / "one.glb").geometry) == 2
    assert main(["view", str(out / "grasps.npz"), "--save", str(tmp_path / "x.glb"), "--index", "3"]) == 2
    served = []
    monkeypatch.setattr(handhold.view.viewer, "serve", lambda panels, **_: served.extend(panels))
    assert main(["view", str(out / "grasps.npz")]) == 0
    assert [p.name for p in served] == ["can_000", "can_001", "can_002"]
    assert dict(served[0].figures)["type"] == "power" and dict(served[0].figures)["held in physics"] == "yes"
    assert main(["view", str(out), "--index", "2"]) == 0
    assert served[-1].name == "can_002"


def test_the_best_is_the_model_and_the_index_names_another(fake, mesh, tmp_path):
    out = tmp_path / "out"
    assert synthesize(mesh, out) == 0
    for index, name in (("0", "zero"), ("2", "two")):
        save = str(tmp_path / f"{name}.glb")
        assert main(["view", str(out / "grasps.npz"), "--save", save, "--index", index]) == 0
    assert (tmp_path / "zero.glb").stat().st_size > 1000
    assert (tmp_path / "zero.glb").read_bytes() != (tmp_path / "two.glb").read_bytes()


def test_surfaces_without_a_model_can_be_seen_and_not_saved_as_glb(fake, mesh, tmp_path, complaint):
    assert synthesize(mesh, tmp_path / "out", "--quiet") == 0
    given = arrays(tmp_path / "out" / "grasps.npz")
    np.savez(tmp_path / "old.npz", **{**given, "model_version": "open-0"})
    assert main(["view", str(tmp_path / "old.npz"), "--save", str(tmp_path / "a.png")]) == 0
    assert main(["evaluate", str(tmp_path / "old.npz"), "--protocol", "pd_mm"]) == 0
    assert main(["view", str(tmp_path / "old.npz"), "--save", str(tmp_path / "a.glb")]) == 2
    assert "model" in complaint()


def test_a_damaged_set_among_others(fake, mesh, tmp_path, capfd):
    assert synthesize(mesh, tmp_path / "out", "--quiet") == 0
    given = arrays(tmp_path / "out" / "grasps.npz")
    np.savez(tmp_path / "out" / "bad.npz", **{**given, "transl": given["transl"][:2]})
    assert main(["evaluate", str(tmp_path / "out"), "--protocol", "pd_mm"]) == 2
    captured = capfd.readouterr()
    assert "bad.npz" in captured.err and "3 grasps" in captured.out


# What goes wrong.


@pytest.mark.parametrize(
    ("thing", "more", "word"),
    [
        ("household:mgu", (), "mug"),
        ("household:", (), "mug"),
        ("household:mug,radius=4", (), "0.035"),
        ("household:mug,colour=red", (), "colour"),
        ("household:mug,radius", (), "radius"),
        ("household:mug,radius=0.04,radius=0.041", (), "radius"),
        ("household:mug,radius=nan", (), "radius"),
        ("household:mug", ("--units", "mm"), "--units"),
        ("household:mug", ("--up", "y"), "--up"),
        ("household:mug", ("--part", "blade"), "handle"),
        ("household:mug", ("--part", "inside"), "no finger"),
        ("household:mug", ("--purpose", "cut"), "drink"),
        ("{mesh}", ("--part", "handle"), "--parts"),
        ("{mesh}", ("--type", "fist"), "power"),
        ("{mesh}", ("--count", "0"), "--count"),
        ("{mesh}", ("--parts", "{in}/none.json"), "none.json"),
        ("{mesh}", ("--seed", "-1"), "--seed"),
        ("{mesh}", ("--physics", "--no-physics"), "--physics"),
        ("{mesh}", ("--json", "{mesh}"), "--json"),
        ("{in}", ("--parts", "{mesh}"), "--parts"),
        ("{in}/none.obj", (), "none.obj"),
        ("{in}/none", (), "none"),
        ("{in}/scene.json", (), "scene"),
        ("{in}/empty", (), "empty"),
        ("{in}/twins", (), "same"),
    ],
)
def test_bad_requests(thing, more, word, fake, mesh, tmp_path, complaint):
    folder = mesh.parent
    write_scene(folder)
    (folder / "empty").mkdir()
    (folder / "twins").mkdir()
    for suffix in (".obj", ".ply"):
        can().export(folder / "twins" / f"same{suffix}")
    fill = lambda text: text.format_map({"mesh": mesh, "in": folder})
    assert synthesize(fill(thing), tmp_path / "out", *map(fill, more)) == 2
    assert word in complaint()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["grasps.npz", "best.glb", "contact_sheet.png", "report.json"])
def test_files_of_others_are_never_overwritten(name, fake, mesh, tmp_path, complaint):
    out = tmp_path / "out"
    out.mkdir()
    if name.endswith(".png"):
        Image.new("RGB", (8, 8)).save(out / name)
    else:
        (out / name).write_bytes(b"mine")
    kept = (out / name).read_bytes()
    assert synthesize(mesh, out, picture=True) == 2
    assert name in complaint() and (out / name).read_bytes() == kept
    assert names(out) == {name} and not fake.calls


def test_files_of_ours_are(fake, mesh, tmp_path):
    for seed in ("0", "1"):
        assert synthesize(mesh, tmp_path / "out", "--seed", seed, picture=True) == 0
    assert not [p for p in (tmp_path / "out").iterdir() if p.name.startswith(".")]


def test_a_sheet_of_other_grasps_does_not_stay(fake, mesh, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert synthesize(mesh, out, picture=True) == 0

    def no_opengl(*args, **kwargs):
        raise HandholdError("pictures need OpenGL")

    monkeypatch.setattr("handhold.view.contact_sheet", no_opengl)
    assert synthesize(mesh, out, picture=True) == 0
    assert "OpenGL" in capsys.readouterr().out and not (out / "contact_sheet.png").exists()
    assert set(report(out)["objects"][0]["files"]) == {"grasps", "best"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), InputError("the object is too large for a hand")])
def test_nothing_is_left_of_what_was_not_done(error, fake, mesh, tmp_path, complaint):
    fake.error = error
    assert synthesize(mesh, tmp_path / "out") == (130 if isinstance(error, KeyboardInterrupt) else 2)
    complaint()
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing_of_the_object(fake, mesh, tmp_path, monkeypatch, complaint):
    def full(grasp, path, **options):
        raise InputError("cannot write the file", where=path, got="No space left on device")

    monkeypatch.setattr(handhold.cli.synthesize, "save_glb", full)
    assert synthesize(mesh, tmp_path / "out") == 2
    assert "No space" in complaint() and not (tmp_path / "out").exists()


def test_the_optimizer_itself(mesh, tmp_path, capsys):
    quick = ("--no-physics", "--optimize.starts", "24", "--optimize.steps", "80", "--type", "power")
    assert synthesize(mesh, tmp_path / "out", *quick, count=1) == 0
    (fact,) = load_grasps(tmp_path / "out" / "grasps.npz").facts
    assert fact.iv_cm3 <= 0.5 and fact.fingers >= 3 and fact.type == "power"
