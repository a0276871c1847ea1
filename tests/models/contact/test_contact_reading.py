"""A language model's LoRA weights train with the network, on a tiny random Llama."""

from dataclasses import replace

import pytest
import torch
from contact_examples import SENTENCES, SMALL, make_rows, mesh_of, parameters_without_gradient

from handhold.errors import InputError
from handhold.language import VICUNA_7B, CausalConfig, CausalEncoder
from handhold.models.contact import ContactNet, ReadingContactNet, load_reading_model, open_teller
from handhold.models.contact.reading import ReadingContactTask, causal_config, trains_with_language

pytest.importorskip("transformers", reason="language models need handhold[llm]")
pytest.importorskip("peft", reason="LoRA needs handhold[llm]")


@pytest.fixture(scope="module")
def llama(tmp_path_factory) -> str:
    """A folder with one layer of random Llama and a tokenizer of words."""
    from tiny_llama import make_llama

    words = sorted({word for sentence in SENTENCES for word in sentence.split()})
    return make_llama(tmp_path_factory.mktemp("llama"), words=words, width=24)


def reading(llama: str) -> ReadingContactNet:
    torch.manual_seed(0)
    config = replace(SMALL, text=f"causal:{llama}")
    language = causal_config(config.text)
    assert language is not None
    return ReadingContactNet(ContactNet(config), CausalEncoder.open(replace(language, lora_dropout=0.0)))


def steps(task: ReadingContactTask, count: int) -> list[float]:
    optimizer = torch.optim.AdamW(task.module.parameters(), 5e-3)
    told = []
    for step in range(count):
        losses = task.losses(torch.tensor([0, 3]), torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        told.append(float(losses["loss"].detach()))
    return told


def test_both_are_trained_and_the_language_models_own_weights_are_not(llama):
    model = reading(llama)
    names = dict(model.named_parameters())
    assert any(name.startswith("net.") for name in names) and len(names) == len(
        list(model.net.parameters())
    ) + len(model.lora)
    assert not any("base" in name or "embed" in name for name in model.state_dict())
    before = {name: p.detach().clone() for name, p in model.encoder.named_parameters()}
    words = model.encoder.encode(["hold it by the top"]).tokens
    task = ReadingContactTask(model, make_rows(), augment=False)
    told = steps(task, 8)
    assert told[-1] < told[0]
    # fresh LoRA weights B are zero, so A has no gradient in the first step alone
    missing = parameters_without_gradient(model)
    assert not [name for name in missing if name.startswith("lora")], missing
    changed = {name for name, p in model.encoder.named_parameters() if not torch.equal(p, before[name])}
    assert changed == {name for name in before if "lora_" in name}
    assert not torch.equal(model.encoder.encode(["hold it by the top"]).tokens, words)


def test_the_mode_follows_and_frozen_is_frozen(llama):
    model = reading(llama)
    assert model.train().encoder.training and not model.eval().encoder.training
    model.requires_grad_(False).requires_grad_(True)
    trained = [name for name, p in model.encoder.named_parameters() if p.requires_grad]
    assert trained and all("lora_" in name for name in trained)
    model.double()
    assert all(p.dtype == torch.float64 for p in model.encoder.parameters())


def test_both_are_saved_and_loaded(llama, tmp_path):
    model = reading(llama)
    steps(ReadingContactTask(model, make_rows(), augment=False), 2)
    model.eval().save_pretrained(tmp_path / "model")
    assert (tmp_path / "model" / "adapter" / "adapter_model.safetensors").is_file()
    again = load_reading_model(tmp_path)
    one, other = (m.encoder.encode(SENTENCES).tokens for m in (model, again))
    assert torch.equal(one, other)
    assert all(torch.equal(a, b) for a, b in zip(model.net.parameters(), again.net.parameters(), strict=True))
    (told,) = open_teller(tmp_path).tell(mesh_of(), ["hold it by the top"])
    assert told.object.isfinite().all()


def test_which_encoders_train():
    assert causal_config("vicuna-7b") == VICUNA_7B and causal_config("minilm") is None
    found = causal_config("causal:/a/folder")
    assert found == CausalConfig("/a/folder", lora_rank=8)
    assert trains_with_language(replace(SMALL, text="vicuna-7b"))
    assert not trains_with_language(replace(SMALL, text="vicuna-7b", sentence=False))
    assert not trains_with_language(SMALL)


def test_another_width_is_refused(llama):
    with pytest.raises(InputError, match="another text encoder"):
        net = ContactNet(replace(SMALL, text_width=16))
        ReadingContactNet(net, CausalEncoder.open(CausalConfig(llama, lora_rank=2)))
