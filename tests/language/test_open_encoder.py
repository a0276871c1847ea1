"""An encoder by its name."""

import pytest

from handhold.errors import InputError
from handhold.language import (
    VICUNA_7B,
    CachedEncoder,
    CausalConfig,
    CausalEncoder,
    SentenceEncoder,
    open_encoder,
)


@pytest.fixture
def opened(monkeypatch):
    """What is opened, without opening it."""
    seen = []
    for kind in (SentenceEncoder, CausalEncoder):
        record = lambda model=None, *, device, kind=kind: seen.append((kind, model, device)) or seen[-1]
        monkeypatch.setattr(kind, "open", record)
    return seen


@pytest.mark.parametrize(
    "spec, kind, model",
    [
        (None, SentenceEncoder, None),
        ("minilm", SentenceEncoder, None),
        ("all-mpnet-base-v2", SentenceEncoder, "all-mpnet-base-v2"),
        ("/a/folder", SentenceEncoder, "/a/folder"),
        ("vicuna-7b", CausalEncoder, VICUNA_7B),
        ("causal:someone/llama", CausalEncoder, CausalConfig("someone/llama")),
    ],
)
def test_a_name_says_which(opened, spec, kind, model):
    assert open_encoder(spec, device="cuda") == (kind, model, "cuda")


def test_a_cache_lies_around_it(opened, tmp_path):
    encoder = open_encoder(cache=tmp_path)
    assert isinstance(encoder, CachedEncoder) and encoder.folder == tmp_path and encoder.device == "cpu"


@pytest.mark.parametrize("spec", ["", " ", "causal:", "causal: "])
def test_no_name_is_refused(spec):
    with pytest.raises(InputError):
        open_encoder(spec)


def test_the_default_works_and_keeps(tmp_path):
    encoder = open_encoder(cache=tmp_path)
    features = encoder.encode(["hold the mug by its handle"])
    assert features.sentence.shape == (1, 384) and encoder.name.startswith("sentence:")
    assert len(list(tmp_path.rglob("*.safetensors"))) == 1
