"""`handhold train contact`: from a set to a network that tells, stopped and gone on with, and what is refused."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from tiny_llama import make_llama
from train_examples import stopped_in, weights
from word_encoder import WordEncoder

from handhold.cli import train_contact, train_run
from handhold.cli.main import main
from handhold.data.contact_maps import points_of
from handhold.data.prepare_contacts import prepare_contacts
from handhold.errors import InputError
from handhold.models.contact import Teller, load_model, load_reading_model
from handhold.models.contact.task import ContactTask
from handhold.models.pretrained import trained_sizes
from handhold.objects.household import make

SMALL = [
    word
    for name, value in {
        "text-width": 24, "points": 512, "neighbours": 4, "hand-centres": 8, "hand-neighbours": 4, "local": 12,
        "width": 12, "layers": 1, "heads": 2, "head": 12,
    }.items()
    for word in (f"--contact.{name}", str(value))
] + ["--contact.centres", "24", "8"]  # fmt: skip


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    """Words for a language, few points, and contact by a rule that costs nothing."""
    set_cheap(monkeypatch)


def set_cheap(patch) -> None:
    def touch(grasps, rows, count):
        found = points_of(grasps.object(grasps.row(rows[0]).object_id), count)
        on_object = np.zeros((len(rows), count), bool)
        on_object[:, ::3] = True
        skin = np.zeros((len(rows), found.skin.shape[1]), bool)
        skin[:, :50] = True
        return replace(found, object=on_object, skin=skin)

    patch.setattr(train_contact, "prepare_contacts", partial(prepare_contacts, points=512, touch=touch))
    patch.setattr(train_contact, "open_encoder", lambda text, device: WordEncoder())


def run(grasps, out, *more) -> int:
    given = ["--data", str(grasps), "--out", str(out), "--batch", "2", "--more", "1", "--things", "2", *SMALL]
    return main(["train", "contact", "--contact-steps", "3", *given, *map(str, more)])


@pytest.fixture(scope="module")
def trained(grasps, tmp_path_factory):
    """A folder in which a model was trained, and the report."""
    folder = tmp_path_factory.mktemp("contact")
    with pytest.MonkeyPatch.context() as patch:
        set_cheap(patch)
        report = folder / "report.json"
        assert run(grasps, folder / "out", "--quiet", "--json", report, "--validate-every", 2) == 0
    return folder / "out", json.loads(report.read_text())


def test_a_set_makes_a_network_that_tells(trained):
    out, state = trained
    assert state["command"] == "train" and state["method"] == "contact"
    assert list(state["stages"]) == ["contact"] and state["stages"]["contact"]["steps"] == 3
    assert state["model"]["width"] == 12 and state["model"]["centres"] == [24, 8]
    for figures in ("losses", "validation"):
        assert set(state["stages"]["contact"][figures]) == {"loss", "object", "part", "skin", "absent"}
    assert trained_sizes(out) == tuple(state["longest_side_m"])
    (told,) = Teller(load_model(out), WordEncoder()).tell(make("mug").mesh, ["hold it by the handle"])
    assert told.object.shape == (512,) and told.object.isfinite().all()
    assert (out / "contact" / "curves.png").exists()


def test_sizes_are_those_of_the_sets_own_objects(trained, grasps):
    out, _ = trained
    from handhold.data import GraspSet

    own = GraspSet.open(grasps).where(split="train")
    sides = []
    for name in set(own.table["object_id"].to_pylist()):
        vertices = own.object(name).mesh.vertices
        sides.append((vertices.max(0) - vertices.min(0)).max())
    assert trained_sizes(out) == pytest.approx((min(sides), max(sides)), abs=0.004)


def test_what_is_done_is_not_done_again(grasps, trained, capsys, monkeypatch):
    out, before = trained[0], weights(trained[0])

    def never(*given, **more):
        raise AssertionError("it was kept")

    for name in ("prepare_contacts", "encode_sentences", "open_encoder"):
        monkeypatch.setattr(train_contact, name, never)
    assert run(grasps, out) == 0
    told = capsys.readouterr().out
    assert "contact" in told and "held-out" in told and str(out / "model") in told.replace("\n", "")
    assert weights(out) == before


def test_a_stopped_training_goes_on_to_the_same_weights(grasps, trained, tmp_path, capfd):
    out = tmp_path / "out"
    with stopped_in(ContactTask, step=1) as steps:
        assert run(grasps, out, "--quiet", "--validate-every", 2) == 130
    assert len(steps) == 1 and "goes on from" in capfd.readouterr().err
    assert not (out / "model").exists()
    assert run(grasps, out, "--quiet", "--validate-every", 2) == 0
    assert weights(out) == weights(trained[0])


def test_a_training_starts_from_weights_that_are_there(grasps, trained, tmp_path, complaint, monkeypatch):
    monkeypatch.setattr(train_contact, "SHIPPED", trained[0])
    seen, task_of = [], train_contact.task_of

    def noted(model, data, **more):
        seen.append(flat(model))
        return task_of(model, data, **more)

    monkeypatch.setattr(train_contact, "task_of", noted)
    before = flat(load_model(trained[0]))
    for name, init in (("folder", trained[0] / "model"), ("again", "shipped")):
        assert run(grasps, tmp_path / name, "--quiet", "--init", init) == 0
        assert torch.equal(seen[-1], before) and not torch.equal(flat(load_model(tmp_path / name)), before)
        told = json.loads((tmp_path / name / "model/training.json").read_text())
        assert len(told["data"]["init"]) == 32
    assert run(grasps, tmp_path / "folder", "--quiet") == 2
    assert "begun otherwise" in complaint()
    assert run(grasps, tmp_path / "wide", "--quiet", "--init", trained[0], "--contact.width", 24) == 2
    told = complaint()
    assert "--init (width)" in told and "24" in told and "--contact.width" in told
    assert run(grasps, tmp_path / "none", "--quiet", "--init", tmp_path / "nowhere") == 2
    assert "no trained model there" in complaint()


def flat(model) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_the_baseline_reads_no_sentence(grasps, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(train_run, "has_bf16", lambda device: False)
    assert run(grasps, tmp_path, "--contact.no-sentence", "--precision", "bf16") == 0
    assert "does not compute in bf16" in capfd.readouterr().err
    model = load_model(tmp_path)
    assert not model.config.sentence and all(p.isfinite().all() for p in model.parameters())


def test_a_language_model_trains_with_the_network(grasps, tmp_path):
    pytest.importorskip("peft", reason="LoRA needs handhold[llm]")
    llama = make_llama(tmp_path / "llama", words=("hold", "the", "cube"), width=24)
    out = tmp_path / "out"
    for _ in range(2):
        assert run(grasps, out, "--quiet", "--contact.text", f"causal:{llama}") == 0
    model = load_reading_model(out)
    assert model.encoder.name.count(":") == 5  # its LoRA weights are no longer what changes nothing
    assert not list(out.glob("text-*"))


def test_an_encoder_of_another_width_is_told_before_the_long_work(grasps, tmp_path, complaint, monkeypatch):
    def never(*given, **more):
        raise AssertionError("too late")

    monkeypatch.setattr(train_contact, "prepare_contacts", never)
    monkeypatch.setattr(train_contact, "open_encoder", lambda text, device: WordEncoder(width=16))
    assert run(grasps, tmp_path / "out", "--quiet") == 2
    assert "--contact.text-width 16" in complaint()

    def none(text, device):
        raise InputError("could not be opened", where=f"language model '{text}'")

    monkeypatch.setattr(train_contact, "open_encoder", none)
    assert run(grasps, tmp_path / "out", "--quiet", "--contact.text", "nothing") == 2
    assert "nothing" in complaint()


def test_a_folder_of_another_model_is_refused(grasps, trained, complaint):
    out, before = trained[0], weights(trained[0])
    assert run(grasps, out, "--quiet", "--contact.head", 13) == 2
    assert "begun otherwise" in complaint()
    assert main(["train", "choir", "--data", str(grasps), "--out", str(out), "--quiet"]) == 2
    assert "(method)" in complaint()
    assert weights(out) == before


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--stage", "ae"), "--stage"),
        (("--diffusion-steps", 4), "--diffusion-steps"),
        (("--ae-steps", 4), "--ae-steps"),
        (("--fastgrasp.latent", 12), "--fastgrasp"),
        (("--choir.scale", 0.5), "--choir"),
        (("--contact-steps", 0), "--contact-steps"),
        (("--more", -1), "--more"),
        (("--things", -1), "--things"),
        (("--contact.width", 13), "width"),
    ],
)
def test_options_of_other_methods_and_bad_ones(grasps, tmp_path, capfd, more, said):
    assert run(grasps, tmp_path / "out", *more) == 2
    assert said in capfd.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["fastgrasp", "choir"])
@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--contact.width", "24"), "--contact"),
        (("--contact-steps", "2"), "--contact-steps"),
        (("--more", "2"), "--more"),
        (("--things", "2"), "--things"),
        (("--stage", "contact"), "--stage"),
    ],
)
def test_options_of_contact_are_not_for_others(grasps, tmp_path, complaint, method, more, said):
    assert main(["train", method, "--data", str(grasps), "--out", str(tmp_path / "out"), *more]) == 2
    assert said in complaint() and not (tmp_path / "out").exists()
