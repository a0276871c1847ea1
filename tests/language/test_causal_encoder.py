"""A causal language model from text to trained LoRA weights, on a tiny random Llama."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from handhold.errors import InputError, MissingExtra
from handhold.language import VICUNA_7B, CausalConfig, CausalEncoder, TextEncoder

SENTENCES = ["hold the mug by its handle", "pour tea", "hold the mug by its handle and drink the tea"]
WORDS = ["<unk>", "<s>", "</s>", *sorted({word for sentence in SENTENCES for word in sentence.split()})]


def make_llama(folder, *, seed: int = 0) -> str:
    """A folder with two layers of random Llama and a tokenizer of words; like Llama's, it has no padding."""
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        LlamaForCausalLM(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return make_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture
def config(llama):
    return CausalConfig(llama, lora_rank=4, lora_dropout=0.0)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    import socket

    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def trained(encoder: CausalEncoder, *, steps: int = 5) -> list[float]:
    """Losses of a few steps that pull two sentences apart."""
    optimizer = torch.optim.AdamW([p for p in encoder.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    encoder.train()
    for _ in range(steps):
        one, other = encoder(SENTENCES[:2]).sentence
        loss = torch.cosine_similarity(one, other, dim=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    encoder.eval()
    return losses


@pytest.mark.parametrize("layer", [-1, 0, 1, -2])
def test_features_are_the_models_hidden_states(llama, layer):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(llama), AutoTokenizer.from_pretrained(llama)
    encoder = CausalEncoder.open(CausalConfig(llama, layer=layer))
    features = encoder.encode(SENTENCES)
    assert isinstance(encoder, TextEncoder) and encoder.width == features.width == 32
    for at, sentence in enumerate(SENTENCES):
        with torch.no_grad():
            states = model(**tokenizer(sentence, return_tensors="pt"), output_hidden_states=True)
        wanted = states.hidden_states[layer][0]
        assert features.mask[at].sum() == len(wanted) == len(sentence.split()) + 1
        torch.testing.assert_close(features.tokens[at, : len(wanted)], wanted, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(features.sentence[at], wanted.mean(0), atol=1e-5, rtol=1e-4)
        assert not features.tokens[at, len(wanted) :].any()


def test_padding_does_not_change_a_sentence(config):
    encoder = CausalEncoder.open(config)
    trained(encoder, steps=2)
    together = encoder.encode(SENTENCES)
    for at, sentence in enumerate(SENTENCES):
        alone = encoder.encode([sentence])
        length = int(alone.mask.sum())
        torch.testing.assert_close(together.sentence[at], alone.sentence[0], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(together.tokens[at, :length], alone.tokens[0], atol=1e-5, rtol=1e-5)


def test_training_changes_lora_weights_only_and_lowers_the_loss(config):
    encoder = CausalEncoder.open(config)
    before = {name: p.detach().clone() for name, p in encoder.named_parameters()}
    features = encoder.encode(SENTENCES)
    assert not features.sentence.requires_grad and not encoder.training
    losses = trained(encoder)
    assert losses[-1] < losses[0] - 0.05 and all(b < a for a, b in pairwise(losses))
    after = dict(encoder.named_parameters())
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    lora = {name for name in before if "lora_" in name}
    assert changed == lora == {name for name, p in after.items() if p.requires_grad}
    assert len(lora) == 2 * 2 * 2  # A and B, of query and value, of two layers


def test_fresh_lora_weights_change_nothing_and_are_drawn_from_the_seed(llama, config):
    frozen, fresh = CausalEncoder.open(CausalConfig(llama)), CausalEncoder.open(config)
    state = torch.get_rng_state()
    other = CausalEncoder.open(config, seed=1)
    assert torch.equal(state, torch.get_rng_state())
    torch.testing.assert_close(frozen.encode(SENTENCES).tokens, fresh.encode(SENTENCES).tokens)
    assert frozen.name == fresh.name == other.name
    weights = [
        torch.cat([p.flatten() for n, p in e.named_parameters() if "lora_A" in n]) for e in (fresh, other)
    ]
    assert not torch.equal(*weights)
    assert not any(p.requires_grad for p in frozen.parameters())


def test_saved_weights_give_the_same_features(config, tmp_path):
    encoder = CausalEncoder.open(config)
    trained(encoder)
    encoder.save_adapter(tmp_path / "adapter")
    encoder.save_adapter(tmp_path / "adapter")  # over what is there
    assert sorted(p.name for p in tmp_path.iterdir()) == ["adapter"]
    size = sum(p.stat().st_size for p in (tmp_path / "adapter").iterdir())
    assert size < 40_000  # the model itself has 90 kB
    wanted = encoder.encode(SENTENCES)
    frozen = CausalEncoder.open(CausalConfig(config.model))
    loaded = [
        CausalEncoder.open(config, adapter=tmp_path / "adapter"),
        CausalEncoder.open(CausalConfig(config.model), adapter=tmp_path / "adapter"),
        frozen,
    ]
    assert not torch.allclose(frozen.encode(SENTENCES).tokens, wanted.tokens, atol=1e-3)
    frozen.load_adapter(tmp_path / "adapter")
    for other in loaded:
        assert torch.equal(other.encode(SENTENCES).tokens, wanted.tokens)
        assert other.name == encoder.name != CausalEncoder.open(config).name
        assert all(p.requires_grad == ("lora_" in name) for name, p in other.named_parameters())
        assert not other.training
    losses = trained(frozen)
    assert losses[-1] < losses[0] < trained(CausalEncoder.open(config))[0]  # it goes on from there


def test_loading_replaces_what_was_trained(config, tmp_path):
    encoder = CausalEncoder.open(config)
    trained(encoder, steps=2)
    wanted = encoder.encode(SENTENCES)
    encoder.save_adapter(tmp_path)
    trained(encoder, steps=3)
    assert not torch.allclose(encoder.encode(SENTENCES).tokens, wanted.tokens, atol=1e-4)
    encoder.load_adapter(tmp_path)
    assert torch.equal(encoder.encode(SENTENCES).tokens, wanted.tokens)
    assert sum("lora_A" in name for name, _ in encoder.named_parameters()) == 4


def test_dropout_is_off_in_encode_and_the_mode_comes_back(llama):
    encoder = CausalEncoder.open(CausalConfig(llama, lora_rank=4, lora_dropout=0.5))
    trained(encoder, steps=2)
    encoder.train()
    assert torch.equal(encoder.encode(SENTENCES).tokens, encoder.encode(SENTENCES).tokens)
    assert encoder.training
    assert not torch.equal(encoder(SENTENCES).tokens, encoder(SENTENCES).tokens)


def test_long_sentences_are_cut(llama):
    encoder = CausalEncoder.open(CausalConfig(llama, max_tokens=4))
    features = encoder.encode(SENTENCES)
    assert features.mask.sum(1).tolist() == [4, 3, 4]
    assert encoder.name != CausalEncoder.open(CausalConfig(llama)).name


def test_half_precision_gives_close_features_in_float32(llama):
    whole = CausalEncoder.open(CausalConfig(llama)).encode(SENTENCES)
    encoder = CausalEncoder.open(CausalConfig(llama, dtype="bfloat16", lora_rank=2))
    half = encoder.encode(SENTENCES)
    assert half.sentence.dtype == torch.float32
    assert torch.cosine_similarity(whole.sentence, half.sentence).min() > 0.99
    assert {p.dtype for n, p in encoder.named_parameters() if "lora_" in n} == {torch.float32}
    assert trained(encoder)[-1] < 1


def test_the_papers_model_is_named():
    assert VICUNA_7B.model == "lmsys/vicuna-7b-v1.5" and VICUNA_7B.lora_rank > 0


@pytest.mark.parametrize(
    "setting",
    [
        {"layer": 3},
        {"layer": -4},
        {"max_tokens": 1},
        {"dtype": "int8"},
        {"lora_rank": -1},
        {"lora_alpha": float("nan")},
        {"lora_dropout": 1.0},
        {"lora_targets": ()},
        {"lora_targets": ("no_proj",), "lora_rank": 2},
    ],
)
def test_settings_out_of_range_are_refused(llama, setting):
    with pytest.raises(InputError, match=rf"CausalConfig\.{next(iter(setting))}"):
        CausalEncoder.open(CausalConfig(llama, **setting))


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"without config\.json"):
        CausalEncoder.open(CausalConfig(str(tmp_path)))
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(InputError, match="could not be opened"):
        CausalEncoder.open(CausalConfig(str(tmp_path)))


def test_an_id_that_is_not_here_is_refused_offline(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="someone/no-such-llama"):
        CausalEncoder.open(CausalConfig("someone/no-such-llama"))


def test_weights_that_are_not_this_models_are_refused(config, tmp_path):
    encoder = CausalEncoder.open(config)
    with pytest.raises(InputError, match="no LoRA weights"):
        encoder.load_adapter(tmp_path / "none")
    trained(encoder, steps=1)
    encoder.save_adapter(tmp_path / "adapter")
    other = CausalEncoder.open(CausalConfig(make_llama(tmp_path / "other", seed=1)))
    with pytest.raises(InputError, match="trained on"):
        other.load_adapter(tmp_path / "adapter")
    (tmp_path / "adapter" / "handhold_base.json").unlink()
    weights = tmp_path / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    before = encoder.encode(SENTENCES)
    with pytest.raises(InputError, match="no LoRA weights"):
        encoder.load_adapter(tmp_path / "adapter")
    assert torch.equal(encoder.encode(SENTENCES).tokens, before.tokens)
    weights.unlink()
    with pytest.raises(InputError, match=r"adapter_model\.safetensors"):
        encoder.load_adapter(tmp_path / "adapter")
    settings = tmp_path / "adapter" / "adapter_config.json"
    settings.write_text(json.dumps({"peft_type": "IA3"}))
    save_file({}, weights)
    with pytest.raises(InputError, match="IA3"):
        encoder.load_adapter(tmp_path / "adapter")


def test_an_adapter_that_lacks_weights_is_refused(config, tmp_path):
    encoder = CausalEncoder.open(config)
    fresh = encoder.encode(SENTENCES)
    encoder.save_adapter(tmp_path)
    held = load_file(tmp_path / "adapter_model.safetensors")
    held.pop(sorted(held)[0])
    save_file(held, tmp_path / "adapter_model.safetensors")
    with pytest.raises(InputError, match="missing adapter keys"):
        encoder.load_adapter(tmp_path)
    assert not any("lora_" in name for name, _ in encoder.named_parameters())
    torch.testing.assert_close(encoder.encode(SENTENCES).tokens, fresh.tokens)


def test_a_frozen_encoder_has_nothing_to_save(llama, tmp_path):
    with pytest.raises(InputError, match="no LoRA weights to save"):
        CausalEncoder.open(CausalConfig(llama)).save_adapter(tmp_path)


def test_a_missing_package_names_the_extra(config, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtra, match=r"handhold\[llm\]"):
        CausalEncoder.open(config)


def test_a_tokenizer_of_another_package_names_the_extra(tmp_path, monkeypatch):
    folder = Path(make_llama(tmp_path))
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "LlamaTokenizer"}')
    (folder / "tokenizer.model").write_bytes(b"\x0a\x0e\x0a\x05<unk>\x15\x00\x00\x00\x00\x18\x02")
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(MissingExtra, match=r"sentencepiece.*handhold\[llm\]"):
        CausalEncoder.open(CausalConfig(str(folder)))


@pytest.mark.parametrize("bad", [[""], [" "], [None], [], "hold it"])
def test_what_is_no_sentence_is_refused(llama, bad):
    encoder = CausalEncoder.open(CausalConfig(llama))
    for call in (encoder, encoder.encode):
        with pytest.raises(InputError, match=r"^instruction"):
            call(bad)
