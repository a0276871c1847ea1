"""`handhold refine --instruction`: a sentence becomes contact masks, by a small untrained network or a stand-in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_examples import arrays, refine, report, scene_document, write_scene
from word_encoder import WordEncoder

import handhold.cli.refine_methods
import handhold.language
import handhold.models.contact
import handhold.models.contact.load as loading
from handhold.cli.main import main
from handhold.cli.refine import Options
from handhold.cli.refine_methods import unfollowed
from handhold.hand import Hand
from handhold.models.contact import ContactNet, ContactNetConfig, ToldContact

SENTENCE = "Hold it by its upper half."
SMALL = ContactNetConfig(
    points=512, centres=(32, 8), neighbours=8, hand_centres=8, hand_neighbours=4, local=8, width=16, layers=1,
    heads=2, head=8, text_width=24, dropout=0.0,
)  # fmt: skip


class Teller:
    """Says the upper half of everything and all finger pads; what is named "lid" is not there."""

    model = ContactNet(SMALL)

    def __init__(self) -> None:
        self.opened: list[tuple] = []

    def open(self, *folder):
        self.opened.append(folder)
        return self

    def tell(self, obj, instructions, *, seed=0):
        return [self._tell(obj, sentence, seed) for sentence in instructions]

    def tell_hands(self, grasps, instructions, *, seed=0):
        return [self._tell(g.object, s, seed) for g, s in zip(grasps, instructions, strict=True)]

    def _tell(self, obj, sentence: str, seed: int) -> ToldContact:
        drawn = obj.sample(2048, torch.Generator().manual_seed(seed))
        upper = (drawn.points[:, 2] > drawn.points[:, 2].mean()).float()
        hand = Hand.open()
        skin = ((hand.finger_labels > 0) & hand.palmar).float()
        return ToldContact(
            sentence, drawn.points.float(), drawn.normals.float(), upper, skin, "lid" in sentence, 0.9
        )


@pytest.fixture
def teller(monkeypatch):
    fake = Teller()
    monkeypatch.setattr(handhold.models.contact, "open_teller", fake.open)
    return fake


@pytest.fixture
def gravity(monkeypatch):
    """The grasps that come to the gravity method, which does nothing."""
    came = []

    def method(grasps, *, config, generator):
        came.extend(grasps)
        return grasps

    monkeypatch.setattr(handhold.cli.refine_methods, "refine_gravity", method)
    return came


@pytest.fixture
def network(tmp_path, monkeypatch) -> Path:
    torch.manual_seed(0)
    ContactNet(SMALL).save_pretrained(tmp_path / "network")
    monkeypatch.setattr(loading, "open_encoder", lambda name: WordEncoder())
    loading.open_teller.cache_clear()
    yield tmp_path / "network"
    loading.open_teller.cache_clear()


def ask(scene, out, *more, sentence: str = SENTENCE) -> int:
    return refine(scene, out, "--instruction", sentence, *map(str, more))


def settings(out: Path) -> dict:
    return report(out)["provenance"]["settings"]


def notes(out: Path) -> list[str]:
    return report(out)["scenes"][0]["warnings"]


def test_with_a_network_of_ones_own(network, scene, tmp_path):
    for name in ("a", "b"):
        assert ask(scene, tmp_path / name, "--contact-model", network, "--gravity.no-bring") == 0
    assert settings(tmp_path / "a")["instruction"] == SENTENCE
    assert settings(tmp_path / "a")["contact_model"] == str(network)
    a, b = (arrays(tmp_path / name / "scene.npz") for name in "ab")
    assert str(a["instruction"]) == SENTENCE
    assert np.abs(a["hand_vertices"] - b["hand_vertices"]).max() < 1e-4


def test_masks_come_to_the_method_and_into_the_result(teller, gravity, scene, tmp_path):
    assert ask(scene, tmp_path / "out") == 0
    (grasp,) = gravity
    assert grasp.instruction == SENTENCE and grasp.contact.points is not None
    result = arrays(tmp_path / "out" / "scene.npz")
    high = result["object_vertices"][:, 2] > 0.08
    assert (result["contact_object"][high] == 1).all() and (result["contact_object"][~high] == 0).all()
    assert result["contact_hand"].shape == (len(Hand.open().template),)
    assert settings(tmp_path / "out")["contact_model"] == "shipped" and teller.opened == [()]


def test_the_models_are_opened_once_for_a_folder(teller, gravity, scene, tmp_path):
    write_scene(scene.parent, name="other.json")
    assert ask(scene.parent, tmp_path / "out") == 0
    assert len(teller.opened) == 1 and len(gravity) == 2


def test_a_sentence_draws_the_fingers_there(teller, scene, tmp_path):
    assert refine(scene, tmp_path / "plain") == 0
    assert ask(scene, tmp_path / "asked") == 0
    plain, asked = (arrays(tmp_path / name / "scene.npz")["joints"] for name in ("plain", "asked"))
    assert asked[[8, 12, 16, 20], 2].mean() > plain[[8, 12, 16, 20], 2].mean() + 0.003  # tips, upward
    assert "instruction" not in settings(tmp_path / "plain")


def test_masks_survive_choir(teller, gravity, scene, tmp_path):
    more = ("--method", "choir", "--then", "gravity", "--choir.sampling.steps", "2")
    assert ask(scene, tmp_path / "out", *more) == 0
    (grasp,) = gravity
    assert grasp.keypoints is None and grasp.contact is not None and grasp.contact.points is not None
    assert settings(tmp_path / "out")["instruction"] == SENTENCE
    assert "contact_hand" in arrays(tmp_path / "out" / "scene.npz")


def test_a_part_that_is_not_there_is_said_and_costs_nothing(teller, scene, tmp_path, capsys):
    assert refine(scene, tmp_path / "plain") == 0
    assert ask(scene, tmp_path / "asked", sentence="Take it by the lid.") == 0
    (note,) = [n for n in notes(tmp_path / "asked") if "no such part" in n]
    assert "can" in note and "Take it by the lid." in note
    plain, asked = (arrays(tmp_path / name / "scene.npz") for name in ("plain", "asked"))
    np.testing.assert_array_equal(plain["hand_vertices"], asked["hand_vertices"])
    assert "contact_hand" not in asked and str(asked["instruction"]) == "Take it by the lid."


def test_a_hand_that_does_not_get_there_is_told_of(teller, gravity, tmp_path):
    document = scene_document()
    document["object"]["pose"][2][3] = -0.3
    assert ask(write_scene(tmp_path / "in", document), tmp_path / "out") == 0
    assert any("could not be taken" in note for note in notes(tmp_path / "out"))


def test_a_motion(teller, gravity, tmp_path):
    document = scene_document()
    document["hand"]["keypoints"] = [document["hand"]["keypoints"]] * 3
    document["fps"] = 30
    assert ask(write_scene(tmp_path / "in", document), tmp_path / "out") == 0
    assert gravity[0].is_motion and gravity[0].contact.hand.ndim == 1


def test_a_picture_gives_the_sentence(teller, gravity, scene, tmp_path, monkeypatch):
    monkeypatch.setattr(
        handhold.language, "instruction_from_image", lambda image, **options: " hold the can "
    )
    more = ("--image", "a.png", "--vlm-endpoint", "http://localhost:1/v1", "--vlm-model", "eyes")
    assert refine(scene, tmp_path / "out", *more) == 0
    told = settings(tmp_path / "out")
    assert (told["instruction"], told["image"], told["vlm_model"]) == ("hold the can", "a.png", "eyes")
    assert gravity[0].instruction == "hold the can"


def test_a_scenes_own_sentence_is_told_of(teller, gravity, tmp_path, capsys):
    scene = write_scene(tmp_path / "in", scene_document() | {"instruction": ' hold the\n"can" '})
    assert refine(scene, tmp_path / "plain") == 0
    (note,) = report(tmp_path / "plain")["warnings"]
    words = json.dumps('hold the "can"')
    assert note == f"scene.json says {words}; refine --instruction {words} would have the hand follow it"
    assert not teller.opened and gravity[0].contact is None and gravity[0].instruction is not None
    main(["refine", str(scene), "--out", str(tmp_path / "told"), "--no-picture"])
    assert "scene.json says" in capsys.readouterr().out
    assert ask(scene, tmp_path / "asked") == 0
    assert report(tmp_path / "asked")["warnings"] == []


@pytest.mark.parametrize(
    ("method", "then", "follows"),
    [("gravity", None, True), ("choir", "gravity", True), ("choir", None, False), ("energy", None, False)],
)
def test_of_sentences_that_a_method_cannot_follow_nothing_is_said(method, then, follows, tmp_path):
    options = Options(tmp_path, tmp_path, method=method, then=then)
    assert (unfollowed(options, {"a.json": "hold it"}) is not None) == follows
    assert unfollowed(replace(options, image=tmp_path), {"a.json": "hold it"}) is None


@pytest.mark.parametrize(
    ("sentences", "words"),
    [
        (("hold it", "hold it", None), '2 scenes say "hold it"; refine --instruction "hold it" would'),
        (("lift it", "hold it", "hold it"), '3 scenes have sentences of their own (0.json: "lift it")'),
        (("?!", None, "hold it"), '2.json says "hold it"'),
        ((None, "?!", "hold it " * 500), None),
    ],
)
def test_of_many_scenes_own_sentences_there_is_one_note(sentences, words, gravity, tmp_path):
    for k, sentence in enumerate(sentences):
        write_scene(tmp_path / "in", scene_document() | {"instruction": sentence}, name=f"{k}.json")
    assert refine(tmp_path / "in", tmp_path / "out") == 0
    told = report(tmp_path / "out")["warnings"]
    assert len(told) == (words is not None) and all(words in note for note in told)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            ("--instruction", SENTENCE, "--instruction", "lift it"),
            "more than once; expected one sentence; got 2",
        ),
        (("--instruction", SENTENCE, "--image", "a.png"), "in place of --instruction"),
        (("--instruction", "  "), "--instruction"),
        (("--instruction", SENTENCE, "--method", "energy"), "choir --then gravity"),
        (("--instruction", SENTENCE, "--method", "choir"), "choir --then gravity"),
        (("--image", "a.png", "--method", "energy"), "--image"),
        (("--contact-model", "."), "--instruction"),
        (("--vlm-endpoint", "http://localhost"), "--image"),
        (("--vlm-model", "eyes"), "--image"),
    ],
)
def test_bad_requests(more, words, teller, gravity, scene, tmp_path, complaint):
    assert refine(scene, tmp_path / "out", *more, cheap=False) == 2
    assert words in complaint()
    assert not teller.opened and not gravity and not (tmp_path / "out").exists()


def test_a_network_that_is_not_there(gravity, scene, tmp_path, complaint):
    assert ask(scene, tmp_path / "out", "--contact-model", tmp_path / "none") == 2
    assert "none" in complaint() and not gravity and not (tmp_path / "out").exists()
