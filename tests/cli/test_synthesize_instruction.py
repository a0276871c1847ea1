"""`handhold synthesize --instruction`: the sentence becomes a part; network and method are stand-ins."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from cli_examples import HEIGHT, can, report

import handhold.language
import handhold.methods.synthesize.optimize
import handhold.models.contact
from handhold.batch.instructed import ASKED
from handhold.cli.demo_scene import make_grasp
from handhold.cli.main import main
from handhold.hand import Hand
from handhold.interaction.grasp import Grasp
from handhold.io import load_grasps
from handhold.methods.synthesize.optimize import Found, Synthesis
from handhold.models.contact import ToldContact
from handhold.objects import ObjectMesh
from handhold.objects.household import PartedObject

QUICK = ("--no-picture", "--no-physics", "--method", "optimize", "--count", "3")
SENTENCE = "Hold it by its upper half."


class Teller:
    """Says the upper half of everything, and the thumb; objects named "plain" lack what is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.opened: list[object] = []
        self.fingers: list[int] = [1]

    def open(self, *folder):
        self.opened.append(folder)
        return self

    def tell(self, obj: ObjectMesh, instructions, *, seed=0):
        (sentence,) = instructions
        self.asked.append((obj.name, sentence))
        drawn = obj.sample(2048, torch.Generator().manual_seed(seed))
        height = drawn.points[:, 2] - drawn.points[:, 2].mean()
        skin = torch.isin(Hand.open().finger_labels, torch.tensor(self.fingers)).float()
        lacking = obj.name == "plain"
        upper = (height > 0).float() * (0.1 if lacking else 1.0)
        return [ToldContact(sentence, drawn.points.float(), drawn.normals.float(), upper, skin, lacking, 0.9)]


class Method:
    """Hands around a can, the first far from it."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def __call__(self, obj, hand, *, count, asks, config, generator, progress):
        self.calls.append((obj, asks))
        found = []
        for k in range(count):
            params = make_grasp(hand).map(lambda t: t.clone())
            params.transl[0] += 0.5 * (k == 0)
            grasp = Grasp(hand, params, obj.mesh, torch.eye(4), name=f"{obj.mesh.name}_{k:03d}")
            found.append(Found(grasp, asks[0].types[0], asks[0], float(k), 0.8, 0.1, 5))
        return Synthesis(tuple(found), {"off_part": 3}, {"optimize": 0.5})


@pytest.fixture
def teller(monkeypatch):
    fake = Teller()
    monkeypatch.setattr(handhold.models.contact, "open_teller", fake.open)
    return fake


@pytest.fixture
def method(monkeypatch):
    fake = Method()
    monkeypatch.setattr(handhold.methods.synthesize.optimize, "optimize_grasps", fake)
    return fake


@pytest.fixture
def mesh(tmp_path):
    (tmp_path / "in").mkdir()
    can().export(tmp_path / "in" / "can.obj")
    return tmp_path / "in" / "can.obj"


def synthesize(thing, out, *more, sentence: str = SENTENCE) -> int:
    return make(thing, out, "--instruction", sentence, *more)


def test_the_sentence_becomes_a_part(teller, method, mesh, tmp_path):
    assert synthesize(mesh, tmp_path / "out", "--type", "power") == 0
    ((obj, (ask,)),) = method.calls
    assert isinstance(obj, PartedObject) and (ask.part, ask.types, ask.table) == (ASKED, ("power",), None)
    middles = obj.mesh.vertices[obj.mesh.faces].mean(1)
    asked = obj.face_parts == 0
    assert middles[asked][:, 2].min() > 0.4 * HEIGHT and asked[middles[:, 2] > 0.6 * HEIGHT].all()
    assert teller.asked == [("can", SENTENCE)]


def test_what_is_written(teller, method, mesh, tmp_path, capsys):
    out = tmp_path / "out"
    assert synthesize(mesh, out) == 0
    made = load_grasps(out / "grasps.npz")
    assert [fact.instruction for fact in made.facts] == [SENTENCE] * 3
    own = ObjectMesh.load(mesh)
    np.testing.assert_array_equal(made.object_vertices, own.vertices)  # not the finer one
    np.testing.assert_array_equal(made.object_faces, own.faces)
    told = report(out)
    (entry,) = told["objects"]
    assert [g["instruction"] for g in entry["grasps"]] == [SENTENCE] * 3
    assert [g["name"] for g in entry["grasps"]] == ["can_000", "can_001", "can_002"]
    assert entry["seconds_by_stage"]["sentence"] > 0
    settings = told["provenance"]["settings"]
    assert (settings["instruction"], settings["contact_model"]) == (SENTENCE, "shipped")
    best = trimesh.load(out / "best.glb")
    assert SENTENCE in (out / "best.glb").read_bytes().decode("latin1") and len(best.geometry) == 2
    scores = tmp_path / "scores.json"
    assert (
        main(["evaluate", str(out / "grasps.npz"), "--protocol", "fingers_in_contact", "--json", str(scores)])
        == 0
    )
    assert json.loads(scores.read_text())["aggregate"]["fingers_in_contact"]["n"] == 3
    assert main(["view", str(out / "grasps.npz"), "--save", str(tmp_path / "one.glb"), "--index", "1"]) == 0


def test_hands_whose_fingers_are_named_come_first(teller, method, mesh, tmp_path):
    for fingers, first in (([1, 2, 3, 4, 5], 1.0), ([], 0.0)):
        teller.fingers = fingers
        out = tmp_path / f"{len(fingers)}"
        assert synthesize(mesh, out) == 0
        made = load_grasps(out / "grasps.npz")
        assert made.facts[0].energy == first


def test_a_folder_opens_the_network_once_and_names_what_lacks_the_part(teller, method, mesh, tmp_path, capfd):
    can(sections=20).export(mesh.parent / "other.ply")
    can().export(mesh.parent / "plain.ply")
    out = tmp_path / "out"
    assert synthesize(mesh.parent, out) == 2
    assert len(teller.opened) == 1 and [name for name, _ in teller.asked] == ["can", "other", "plain"]
    assert [o["name"] for o in report(out)["objects"]] == ["can", "other"]
    assert "no such part" in capfd.readouterr().err and not list(out.glob("plain*"))


def test_no_grasp_is_made_of_a_part_that_is_not_there(teller, method, mesh, tmp_path, complaint):
    mesh.rename(mesh.with_name("plain.obj"))
    assert synthesize(mesh.with_name("plain.obj"), tmp_path / "out") == 2
    text = complaint()
    assert "no such part" in text and SENTENCE in text and "--part" in text
    assert text.count("plain") == 1 and str(mesh.with_name("plain.obj")) in text
    assert not method.calls and not (tmp_path / "out").exists()


def test_household_objects_stand_and_keep_what_no_finger_may_touch(teller, method, tmp_path):
    assert synthesize("household:mug", tmp_path / "mug") == 0
    ((obj, (ask,)),) = method.calls
    assert ask.table is not None and ask.part == ASKED
    assert [part.hold for part in obj.parts] == [True, True, False] and (obj.face_parts == 2).any()
    assert synthesize("household:mug", tmp_path / "knife", "--table", "--type", "pinch") == 0
    assert method.calls[-1][1][0].types == ("pinch",)


def test_a_network_of_ones_own(teller, method, mesh, tmp_path):
    assert synthesize(mesh, tmp_path / "out", "--contact-model", tmp_path / "mine") == 0
    assert teller.opened == [(tmp_path / "mine",)]
    assert report(tmp_path / "out")["provenance"]["settings"]["contact_model"] == str(tmp_path / "mine")


def make(thing, out, *more) -> int:
    """Without a sentence."""
    return main(["synthesize", str(thing), "--out", str(out), *QUICK, *map(str, more)])


def test_a_picture_gives_the_sentence(teller, method, mesh, tmp_path, monkeypatch):
    looked = []

    def look(image, **options):
        looked.append((image, options))
        return " hold the can "

    monkeypatch.setattr(handhold.language, "instruction_from_image", look)
    eyes = ("--image", "a.png", "--vlm-endpoint", "http://localhost:1/v1", "--vlm-model", "eyes")
    can(sections=20).export(mesh.parent / "other.ply")
    assert make(mesh.parent, tmp_path / "out", *eyes) == 0
    assert looked == [(Path("a.png"), {"endpoint": "http://localhost:1/v1", "model": "eyes"})]  # once for all
    assert teller.asked == [("can", "hold the can"), ("other", "hold the can")]
    told = report(tmp_path / "out")["provenance"]["settings"]
    assert (told["instruction"], told["image"], told["vlm_model"]) == ("hold the can", "a.png", "eyes")
    assert told["contact_model"] == "shipped"
    assert load_grasps(tmp_path / "out" / "can_grasps.npz").facts[0].instruction == "hold the can"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            ("--instruction", SENTENCE, "--instruction", "lift it"),
            "more than once; expected one sentence; got 2",
        ),
        (("--instruction", SENTENCE, "--image", "a.png"), "in place of --instruction"),
        (("--image", "a.png", "--part", "handle"), "cannot be given with --image"),
        (("--image", "a.png", "--purpose", "drink"), "cannot be given with --image"),
        (("--image", "a.png", "--polish"), "--polish"),
        (("--image", "a.png", "--json", "."), "--json"),
        (("--vlm-endpoint", "http://localhost"), "--image"),
        (("--vlm-model", "eyes"), "--image"),
        (("--contact-model", "."), "--instruction"),
    ],
)
def test_options_of_sentences(more, words, teller, method, tmp_path, monkeypatch, complaint):
    monkeypatch.setattr(handhold.language, "instruction_from_image", lambda *a, **_: pytest.fail("looked"))
    assert make("household:mug", tmp_path / "out", *more) == 2
    assert words in complaint()
    assert not teller.opened and not method.calls and not (tmp_path / "out").exists()


def test_a_picture_that_is_not_there(teller, method, tmp_path, complaint):
    assert make("household:mug", tmp_path / "out", "--image", tmp_path / "none.png") == 2
    assert "none.png" in complaint() and not teller.opened and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "sentence", "word"),
    [
        (("--part", "handle"), SENTENCE, "--part"),
        (("--purpose", "drink"), SENTENCE, "--purpose"),
        ((), "  ", "--instruction"),
        ((), "hold it " * 2000, "too long"),
    ],
)
def test_bad_requests(more, sentence, word, teller, method, tmp_path, complaint):
    assert synthesize("household:mug", tmp_path / "out", *more, sentence=sentence) == 2
    assert word in complaint()
    assert not teller.opened and not method.calls and not (tmp_path / "out").exists()


def test_a_network_that_is_not_there(method, mesh, tmp_path, complaint):
    assert synthesize(mesh, tmp_path / "out", "--contact-model", tmp_path / "none") == 2
    assert "none" in complaint() and not method.calls
