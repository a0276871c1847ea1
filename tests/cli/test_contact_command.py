"""`handhold contact`, with a small untrained network, and with answers that are painted by hand."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from cli_examples import arrays, can, report, scene_document, write_scene
from PIL import Image

import handhold.cli.contact as command
import handhold.language
import handhold.models.contact.load as loading
from handhold.cli.main import main
from handhold.errors import HandholdError, MissingExtra
from handhold.hand import Hand
from handhold.io.contact_file import load_contact
from handhold.language.features import TextFeatures
from handhold.models.contact.config import ContactNetConfig
from handhold.models.contact.model import ContactNet
from handhold.models.contact.tell import Teller, ToldContact
from handhold.view import heat
from handhold.view.figures import write_png

SMALL = ContactNetConfig(
    points=512, centres=(32, 8), neighbours=8, hand_centres=8, hand_neighbours=4, local=8, width=16, layers=1,
    heads=2, head=8, text_width=8, dropout=0.0,
)  # fmt: skip
ONE = {"contact.npz", "contact.glb", "contact.png", "report.json"}


class FakeEncoder:
    """Says of a sentence what its letters are."""

    name, width = "fake", 8

    def encode(self, sentences: Sequence[str]) -> TextFeatures:
        rows = [torch.tensor([ord(s[k % len(s)]) / 128 for k in range(8)]) for s in sentences]
        sentence = torch.stack(rows)
        return TextFeatures(sentence, sentence[:, None], torch.ones(len(rows), 1, dtype=torch.bool))


class FakeTeller:
    """Paints the upper half of the object, and the thumb's and the index's skin; "lid" is absent, "seam" may be."""

    encoder = FakeEncoder()

    class model:
        config = SMALL

    def __init__(self) -> None:
        self.asked: list[int] = []

    def tell(self, obj, instructions, *, seed=0, hand: Hand | None = None) -> list[ToldContact]:
        hand = hand or Hand.open()
        self.asked.append(len(instructions))
        drawn = obj.sample(SMALL.points, torch.Generator().manual_seed(seed))
        points, told = drawn.points.float(), []
        high = (points[:, 2] > points[:, 2].mean()).float()
        skin = ((hand.finger_labels == 1) | (hand.finger_labels == 2)).float()
        for sentence in instructions:
            trust = 0.05 if "lid" in sentence else 0.9
            doubt = 0.4 if "seam" in sentence else 1 - trust
            told.append(
                ToldContact(
                    sentence, points, drawn.normals.float(), trust * high, trust * skin, trust < 0.5, doubt
                )
            )
        return told

    def tell_hands(self, grasps, instructions, *, seed=0) -> list[ToldContact]:
        assert len(grasps) == len(instructions)
        self.grasps = grasps
        return self.tell(grasps[0].object, instructions, seed=seed, hand=grasps[0].hand)


@pytest.fixture
def painted(monkeypatch) -> FakeTeller:
    teller = FakeTeller()
    monkeypatch.setattr(command, "_teller", lambda options: teller)
    return teller


@pytest.fixture
def sketched(monkeypatch) -> None:
    """Pictures are not drawn, but there."""
    page = Image.new("RGB", (8, 8))
    monkeypatch.setattr(heat, "heat_figure", lambda panels, path, **more: write_png(page, path))


@pytest.fixture(scope="module")
def untrained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    ContactNet(SMALL).save_pretrained(folder)
    return folder


@pytest.fixture
def network(untrained, monkeypatch) -> Path:
    """A real network that reads sentences by a fake encoder."""
    monkeypatch.setattr(loading, "open_encoder", lambda name: FakeEncoder())
    loading.open_teller.cache_clear()
    yield untrained
    loading.open_teller.cache_clear()


@pytest.fixture
def mesh(tmp_path) -> Path:
    path = tmp_path / "in" / "tin.obj"
    path.parent.mkdir()
    can().export(path)
    return path


def ask(thing, out: Path, *sentences: str, more: Sequence[object] = (), picture: bool = False) -> int:
    given = [word for sentence in sentences for word in ("--instruction", sentence)]
    quick = () if picture else ("--no-picture",)
    return main(["contact", str(thing), "--out", str(out), *given, *quick, *map(str, more)])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# What comes out.


def test_one_sentence(painted, mesh, tmp_path, capsys):
    out = tmp_path / "out"
    assert ask(mesh, out, "hold it at the top", picture=True, more=("--json", tmp_path / "copy.json")) == 0
    assert names(out) == ONE
    told = arrays(out / "contact.npz")
    points, weights = told["object_points"], told["object_contact"]
    assert points.shape == told["object_normals"].shape == (SMALL.points, 3) and points.dtype == np.float32
    box = trimesh.load(mesh).bounds
    assert (points >= box[0] - 1e-6).all() and (points <= box[1] + 1e-6).all()
    assert weights[points[:, 2] > 0.06].min() > 0.8 and weights[points[:, 2] < 0.03].max() < 0.1
    corners, on_corners = told["object_vertices"], told["object_vertex_contact"]
    assert on_corners[corners[:, 2] > 0.09].min() > 0.8 and on_corners[corners[:, 2] < 0.01].max() < 0.1
    assert told["hand_contact"].shape == (len(Hand.open().template),) == told["hand_vertices"].shape[:1]
    assert str(told["instruction"]) == "hold it at the top" and not told["absent"]
    assert (str(told["hand"]), str(told["hand_version"])) == ("open", Hand.open().version)
    assert np.asarray(Image.open(out / "contact.png")).std() > 5
    (entry,) = report(out)["sentences"]
    assert entry["fingers"] == ["thumb", "index"] and not entry["palm"] and not entry["absent"]
    assert entry["object_share"] == pytest.approx(0.5, abs=0.06)
    assert report(out) == json.loads((tmp_path / "copy.json").read_text())
    printed = capsys.readouterr().out
    assert "hold it at the top" in printed and "thumb, index" in printed and "contact.npz" in printed


def test_several_sentences_in_their_order(painted, mesh, tmp_path):
    out = tmp_path / "out"
    wanted = ["take the lid off", "hold it", "carry it", "hold it"]
    assert ask(mesh, out, *wanted) == 0
    files = {f"contact_{k}.{kind}" for k in range(4) for kind in ("npz", "glb")}
    assert names(out) == files | {"report.json"}
    assert [load_contact(out / f"contact_{k}.npz").instruction for k in range(4)] == wanted
    assert [entry["instruction"] for entry in report(out)["sentences"]] == wanted
    assert painted.asked == [4]  # all at once


def test_absent_parts_are_admitted(painted, mesh, tmp_path, capsys):
    assert ask(mesh, tmp_path / "out", "take the lid off", "hold it") == 0
    printed = capsys.readouterr().out
    assert "the object seems to have no such part: “take the lid off”" in printed
    first, second = report(tmp_path / "out")["sentences"]
    assert first["absent"] and first["fingers"] == [] and first["absent_probability"] == pytest.approx(0.95)
    assert not second["absent"] and report(tmp_path / "out")["absent"] == 1
    told = load_contact(tmp_path / "out" / "contact_0.npz")
    assert told.absent and told.object_contact.max() < 0.1


def test_a_part_that_may_not_be_there_is_told(painted, mesh, tmp_path, capsys):
    assert ask(mesh, tmp_path / "out", "hold it by the seam", "hold it") == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note:")]
    assert len(notes) == 1 and "may have no such part: “hold it by the seam” (probability 0.40" in notes[0]


def test_quiet(painted, mesh, tmp_path, capfd):
    assert ask(mesh, tmp_path / "out", "take the lid off", more=("--quiet",)) == 0
    assert capfd.readouterr() == ("", "")


def test_the_model_shows_heat_and_hand(painted, mesh, tmp_path):
    assert ask(mesh, tmp_path / "out", "hold it") == 0
    scene = trimesh.load(tmp_path / "out" / "contact.glb")
    assert set(scene.graph.nodes_geometry) == {"tin", "right_hand"}
    thing, hand = (_in_world(scene, name) for name in ("tin", "right_hand"))
    np.testing.assert_allclose(np.ptp(thing, 0), trimesh.load(mesh).extents[[0, 2, 1]], atol=1e-6)  # y is up
    assert hand[:, 0].min() > thing[:, 0].max()  # beside it
    wrist, tip = hand[_near_wrist()], hand[int(Hand.open().tip_vertices[2])]
    assert (tip - wrist)[1] > 0.12  # fingers up


def _in_world(scene: trimesh.Scene, name: str) -> np.ndarray:
    pose, geometry = scene.graph[name]
    return trimesh.transform_points(scene.geometry[geometry].vertices, pose)


def _near_wrist() -> int:
    hand = Hand.open()
    return int((hand.template - hand.joint_template[0]).norm(dim=-1).argmin())


@pytest.mark.parametrize("up", ["z", "y"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_the_palm_faces_who_looks_from_the_front(up, side):
    from handhold.cli.contact_drawing import FRONT, Canvas
    from handhold.cli.panels import UP
    from handhold.objects import ObjectMesh

    box = trimesh.creation.box((0.1, 0.1, 0.1))
    obj, hand = ObjectMesh.from_arrays(box.vertices, box.faces), Hand.open(side)
    drawn = obj.sample(64, torch.Generator().manual_seed(0))
    canvas = Canvas(obj, np.eye(4), up, hand, drawn.points.numpy(), drawn.normals.numpy())
    told = ToldContact(
        "", drawn.points, drawn.normals, torch.zeros(64), torch.zeros(len(hand.template)), False, 0.0
    )
    drawing = canvas.resting(told).in_world()
    assert drawing.normals[hand.palmar.numpy()].mean(0) @ FRONT[up] > 0.5
    fingers = drawing.vertices[hand.tip_vertices[1:].numpy()].mean(0) - drawing.vertices[_near_wrist()]
    assert fingers @ UP[up] > 0.1
    thumb = drawing.vertices[int(hand.tip_vertices[0])] - drawing.vertices.mean(0)
    assert (thumb[0] > 0) == (side == "right")  # a right hand's thumb points right when its palm faces us
    assert np.linalg.det(canvas.resting(told).T_world_mesh[:3, :3]) == pytest.approx(1)


def test_a_household_object(painted, tmp_path):
    assert ask("household:mug,radius=0.042", tmp_path / "out", "hold it") == 0
    assert report(tmp_path / "out")["object"] == "mug"


def test_units(painted, mesh, tmp_path):
    big = trimesh.load(mesh)
    big.apply_scale(1000)
    big.export(mesh.parent / "mm.obj")
    assert ask(mesh.parent / "mm.obj", tmp_path / "out", "hold it", more=("--units", "mm")) == 0
    assert np.ptp(load_contact(tmp_path / "out" / "contact.npz").object_points, 0).max() < 0.1


# With a network.


def test_a_network_tells_the_same_again(network, mesh, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        more = ("--model", network, "--seed", seed)
        assert ask(mesh, tmp_path / name, "hold it", "pour me some tea", more=more) == 0
    a, b, c = (arrays(tmp_path / name / "contact_0.npz") for name in "abc")
    np.testing.assert_array_equal(a["object_points"], b["object_points"])
    np.testing.assert_allclose(a["object_contact"], b["object_contact"], atol=1e-6)
    assert np.abs(a["object_points"] - c["object_points"]).max() > 0.001
    assert not report(tmp_path / "a")["hand_seen"]


def test_a_network_sees_a_scenes_hand(network, tmp_path):
    scene = write_scene(tmp_path / "in")
    assert ask(scene, tmp_path / "out", "hold it", more=("--model", network)) == 0
    assert ask(scene.parent / "can.obj", tmp_path / "alone", "hold it", more=("--model", network)) == 0
    assert report(tmp_path / "out")["hand_seen"]
    seen, alone = (load_contact(tmp_path / name / "contact.npz") for name in ("out", "alone"))
    np.testing.assert_array_equal(seen.object_points, alone.object_points)
    assert np.abs(seen.object_contact - alone.object_contact).max() > 1e-5


# Scenes.


def test_a_scene_stands_as_it_says(painted, tmp_path):
    document = scene_document(side="left")
    pose = np.eye(4)
    pose[:3, 3] = 0.5
    document["object"]["pose"] = pose.tolist()
    document["instruction"] = "hold the can"
    keypoints = np.array(document["hand"]["keypoints"]) * (-1, 1, 1) + 0.5
    document["hand"]["keypoints"] = keypoints.tolist()
    scene = write_scene(tmp_path / "in", document)
    assert ask(scene, tmp_path / "out") == 0  # the scene's own sentence
    told = load_contact(tmp_path / "out" / "contact.npz")
    assert (told.instruction, told.side) == ("hold the can", "left")
    np.testing.assert_allclose(told.T_world_object, pose, atol=1e-6)
    assert np.abs(told.object_points).max() < 0.1  # the object's own frame
    model = trimesh.load(tmp_path / "out" / "contact.glb")
    assert "left_hand" in model.graph.nodes_geometry
    np.testing.assert_allclose(_in_world(model, "can").mean(0), (0.5, 0.5475, -0.5), atol=0.01)


def test_of_a_motion_the_first_frame_is_seen(painted, tmp_path, capsys):
    document = scene_document()
    first = np.array(document["hand"]["keypoints"])
    document["hand"]["keypoints"] = [first.tolist(), (first + 0.01).tolist(), (first + 0.02).tolist()]
    document |= {"fps": 30}
    assert ask(write_scene(tmp_path / "in", document), tmp_path / "out", "hold it") == 0
    assert "of 3 frames the first" in capsys.readouterr().out
    (grasp,) = painted.grasps
    assert not grasp.is_motion and (grasp.surface().joints[0] - torch.tensor(first[0])).norm() < 0.015


def test_another_hand_is_not_seen(painted, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "MANO_RIGHT.pkl").write_bytes(b"never read")
    document = scene_document(model="mano", model_path="MANO_RIGHT.pkl")
    assert ask(write_scene(tmp_path / "in", document), tmp_path / "out", "hold it") == 0
    assert "the object alone was asked" in capsys.readouterr().out
    assert not report(tmp_path / "out")["hand_seen"] and not hasattr(painted, "grasps")
    assert load_contact(tmp_path / "out" / "contact.npz").hand == "open"


# Pictures as sentences.


def test_a_picture_gives_the_sentence(painted, mesh, tmp_path, monkeypatch):
    given = {}

    def look(image, **options):
        given.update(options, image=image)
        return "hold the tin"

    monkeypatch.setattr(handhold.language, "instruction_from_image", look)
    more = ("--image", "a.png", "--vlm-endpoint", "http://localhost:1/v1", "--vlm-model", "eyes")
    assert ask(mesh, tmp_path / "out", more=more) == 0
    assert given == {"image": Path("a.png"), "endpoint": "http://localhost:1/v1", "model": "eyes"}
    assert load_contact(tmp_path / "out" / "contact.npz").instruction == "hold the tin"


# Earlier runs, and what is not ours.


def test_files_of_another_run_do_not_pass_for_this_ones(painted, sketched, mesh, tmp_path):
    out = tmp_path / "out"
    assert ask(mesh, out, "one", "two", "three", picture=True) == 0
    (out / "contact_9.txt").write_text("mine")
    assert ask(mesh, out, "one", "two") == 0
    assert names(out) == {f"contact_{k}.{kind}" for k in (0, 1) for kind in ("npz", "glb")} | {
        "report.json",
        "contact_9.txt",
    }
    assert ask(mesh, out, "one", picture=True) == 0
    assert names(out) == ONE | {"contact_9.txt"}


def test_strangers_files_stay(painted, mesh, tmp_path, complaint):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("contact_1.npz", "contact_1.glb", "contact_a.npz"):
        (out / name).write_text("mine")
    assert ask(mesh, out, "hold it", more=("--quiet",)) == 0
    assert names(out) == {"contact.npz", "contact.glb", "report.json"} | {
        "contact_1.npz",
        "contact_1.glb",
        "contact_a.npz",
    }
    assert ask(mesh, out, "one", "two") == 2
    assert "contact_1.npz" in complaint() and (out / "contact_1.glb").read_text() == "mine"
    assert "contact_0.npz" not in names(out)


def test_no_opengl_is_told_and_costs_no_results(painted, sketched, mesh, tmp_path, monkeypatch, capsys):
    def none(*args, **options):
        raise HandholdError("pictures need OpenGL")

    assert ask(mesh, tmp_path / "out", "hold it", picture=True) == 0
    monkeypatch.setattr(heat, "heat_figure", none)
    assert ask(mesh, tmp_path / "out", "hold it", picture=True) == 0
    assert names(tmp_path / "out") == ONE - {"contact.png"}  # the old one shows another answer
    assert "no picture: pictures need OpenGL" in capsys.readouterr().out
    assert report(tmp_path / "out")["picture"] is None


def test_a_file_that_cannot_be_written_leaves_none(painted, mesh, tmp_path, monkeypatch, complaint):
    from handhold.cli import contact_files
    from handhold.errors import InputError

    def full(*args, **options):
        raise InputError("cannot write the file", where="contact_1.glb")

    real = contact_files.save_painted_glb
    calls = []
    monkeypatch.setattr(
        contact_files,
        "save_painted_glb",
        lambda meshes, path, **more: full() if calls else calls.append(real(meshes, path, **more)),
    )
    assert ask(mesh, tmp_path / "out", "one", "two") == 2
    complaint()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_killed_while_writing_it_leaves_nothing(painted, mesh, tmp_path, monkeypatch, complaint, number):
    from handhold.cli import contact_files
    from handhold.io.files import writing

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    before = signal.getsignal(signal.SIGTERM)

    def slow(meshes, path, **more):
        with writing(path) as draft:
            draft.write_bytes(b"half")
            if "contact_1" in path.name:
                os.kill(os.getpid(), number)
            draft.write_bytes(b"whole")

    monkeypatch.setattr(contact_files, "save_painted_glb", slow)
    assert ask(mesh, tmp_path / "new", "one", "two") == 130
    assert "interrupted" in complaint() and not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "mine.txt").write_text("mine")
    assert ask(mesh, tmp_path / "old", "one", "two") == 130
    assert names(tmp_path / "old") == {"mine.txt"} and signal.getsignal(signal.SIGTERM) == before


# Bad input.


@pytest.mark.parametrize(
    ("sentences", "more", "words"),
    [
        ((), (), "--instruction"),
        (("",), (), "--instruction"),
        (("hold it", "  "), (), "number 1"),
        (("🙂 …",), (), "no words"),
        (("hold it " * 2000,), (), "15999 characters"),
        (("hold it",), ("--image", "a.png"), "in place of"),
        (("hold it",), ("--vlm-endpoint", "http://localhost"), "--image"),
        (("hold it",), ("--vlm-model", "eyes"), "--image"),
        ((), ("--image", "none.png"), "none.png"),
        (("hold it",), ("--mano", "MANO.pkl"), "--mano"),
        (("hold it",), ("--seed", "-1"), "--seed"),
        (("hold it",), ("--model", "nowhere"), "nowhere"),
    ],
)
def test_bad_options(mesh, tmp_path, complaint, sentences, more, words):
    assert ask(mesh, tmp_path / "out", *sentences, more=more) == 2
    assert words in complaint()
    assert not (tmp_path / "out").exists()


def test_a_scenes_own_sentence_is_read_like_the_users(tmp_path, complaint):
    scene = write_scene(tmp_path / "in", scene_document() | {"instruction": "?!"})
    assert ask(scene, tmp_path / "out") == 2
    assert "scene.json: instruction: has no words" in complaint()


def test_bad_objects(tmp_path, mesh, capfd):
    (tmp_path / "broken.obj").write_text("v 1 2")
    (tmp_path / "notes.txt").write_text("")
    np.savez(tmp_path / "result.npz", format="handhold-grasp/1")
    bad = [tmp_path / name for name in ("none.obj", "broken.obj", "notes.txt", "result.npz", "")]
    for thing in (*bad, "household:sword"):
        assert ask(thing, tmp_path / "out", "hold it") == 2
        said = capfd.readouterr().err.strip().splitlines()
        assert len(said) == 1 and said[0].startswith("handhold: "), said
        assert "broken" in said[0] or str(thing).rstrip("/") in said[0]
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("thing", "more"),
    [
        ("household:mug", ("--up", "y")),
        ("household:mug", ("--units", "mm")),
        ("scene", ("--up", "y")),
        ("scene", ("--units", "in")),
    ],
)
def test_options_of_another_kind_of_object(painted, tmp_path, complaint, thing, more):
    thing = write_scene(tmp_path / "in") if thing == "scene" else thing
    assert ask(thing, tmp_path / "out", "hold it", more=more) == 2
    assert more[0] in complaint()


def test_the_report_does_not_replace_a_result(painted, mesh, tmp_path, complaint):
    assert ask(mesh, tmp_path / "out", "hold it", more=("--json", tmp_path / "out" / "contact.npz")) == 2
    assert "--json" in complaint()


def test_a_missing_package_names_its_extra(mesh, tmp_path, untrained, monkeypatch, complaint):
    def missing(name):
        raise MissingExtra("Install it with: pip install 'handhold[text]'")

    monkeypatch.setattr(loading, "open_encoder", missing)
    loading.open_teller.cache_clear()
    assert ask(mesh, tmp_path / "out", "hold it", more=("--model", untrained)) == 2
    assert "handhold[text]" in complaint() and not (tmp_path / "out").exists()


def test_a_network_of_another_encoder(untrained):
    with pytest.raises(HandholdError, match="another text encoder"):
        encoder = FakeEncoder()
        encoder.width = 9
        Teller(loading.load_model(untrained), encoder)
