"""Features that are made once: the same, whoever asks, and whatever befalls the files."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from handhold.errors import InputError
from handhold.language import CachedEncoder, TextEncoder, TextFeatures
from handhold.language.features import checked_sentences, padded

SENTENCES = ["hold the mug by its handle", "pour tea", "a", "pour tea", "carry the pot with both hands"]


class Letters:
    """An encoder of letters that remembers what it was asked."""

    def __init__(self, name: str = "letters", *, width: int = 6, scale: float = 1.0) -> None:
        self.name, self.width, self.scale, self.asked = name, width, scale, []

    def encode(self, sentences: Sequence[str]) -> TextFeatures:
        self.asked += [checked_sentences(sentences)]
        rows = [
            torch.rand(len(s), self.width, generator=torch.Generator().manual_seed(sum(map(ord, s))))
            for s in sentences
        ]
        rows = [self.scale * (row - 0.5) for row in rows]
        return TextFeatures(torch.stack([row.sum(0) for row in rows]), *padded(rows))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def same(one: TextFeatures, other: TextFeatures) -> bool:
    return all(torch.equal(getattr(one, n), getattr(other, n)) for n in ("sentence", "tokens", "mask"))


@pytest.mark.parametrize("on_disk", [False, True])
def test_features_are_close_and_made_once(tmp_path, on_disk):
    encoder = Letters()
    cached = CachedEncoder(encoder, tmp_path if on_disk else None)
    assert isinstance(cached, TextEncoder) and (cached.name, cached.width) == ("letters", 6)
    got, wanted = cached.encode(SENTENCES), encoder.encode(SENTENCES)
    assert torch.equal(got.sentence, wanted.sentence) and torch.equal(got.mask, wanted.mask)
    torch.testing.assert_close(got.tokens, wanted.tokens, rtol=5e-4, atol=1e-7)
    assert got.tokens.dtype == torch.float32
    assert [len(batch) for batch in encoder.asked] == [4, 5]
    assert encoder.asked[0] == sorted(set(SENTENCES), key=len)
    assert same(got, cached.encode(SENTENCES)) and same(got.select([3]), got.select([1]))
    assert len(encoder.asked) == 2
    cached.encode(["new", "pour tea"])
    assert encoder.asked[2] == ["new"]


def test_another_process_finds_them(tmp_path):
    first = CachedEncoder(Letters(), tmp_path)
    late = CachedEncoder(Letters(), tmp_path)
    made = first.encode(SENTENCES)
    for cached in (late, CachedEncoder(Letters(), tmp_path)):
        assert same(cached.encode(SENTENCES), made)
        assert cached.encoder.asked == []


def test_encoders_share_a_folder_and_no_features(tmp_path):
    one, other = CachedEncoder(Letters(), tmp_path), CachedEncoder(Letters("other", width=3), tmp_path)
    assert one.encode(SENTENCES).width == 6 and other.encode(SENTENCES).width == 3
    assert len(other.encoder.asked) == 1


def test_a_name_that_changes_makes_them_anew():
    cached = CachedEncoder(Letters())
    before = cached.encode(["hold it"])
    cached.encoder.name, cached.encoder.scale = "trained", 2.0
    torch.testing.assert_close(cached.encode(["hold it"]).sentence, 2 * before.sentence)
    cached.encoder.name = "letters"
    assert same(cached.encode(["hold it"]), before)


def test_values_beyond_half_precision_are_kept(tmp_path):
    encoder = Letters(scale=1e6)
    made = CachedEncoder(encoder, tmp_path).encode(SENTENCES)
    assert torch.equal(made.tokens, encoder.encode(SENTENCES).tokens)
    assert same(CachedEncoder(Letters(), tmp_path).encode(SENTENCES), made)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "header", "value", "key", "folder"])
def test_a_damaged_file_is_made_again(tmp_path, damage):
    made = CachedEncoder(Letters(), tmp_path).encode(SENTENCES)
    (path,) = files(tmp_path)
    raw = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(raw[:-50])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_bytes(b"no features at all")
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        at = {"header": 20, "value": len(raw) - 100, "key": raw.index(b"}}") + 40}[damage]
        raw[at] ^= 0x55
        path.write_bytes(raw)
    cached = CachedEncoder(Letters(), tmp_path)
    assert same(cached.encode(SENTENCES), made)
    assert cached.encoder.asked
    assert same(cached.encode(SENTENCES), made)
    again = CachedEncoder(Letters(), tmp_path)
    assert same(again.encode(SENTENCES), made) and not again.encoder.asked


@pytest.mark.parametrize("at", range(0, 1400, 53))
def test_no_flipped_byte_gives_other_features(tmp_path, at):
    made = CachedEncoder(Letters(), tmp_path).encode(SENTENCES)
    (path,) = files(tmp_path)
    raw = bytearray(path.read_bytes())
    raw[at % len(raw)] ^= 0xFF
    path.write_bytes(raw)
    assert same(CachedEncoder(Letters(), tmp_path).encode(SENTENCES), made)


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cached = CachedEncoder(Letters(), tmp_path / "file")
    assert same(cached.encode(SENTENCES), CachedEncoder(Letters()).encode(SENTENCES))
    cached.encode(SENTENCES)
    assert len(cached.encoder.asked) == 1


def test_one_by_one_makes_few_files_and_loses_nothing(tmp_path):
    cached = CachedEncoder(Letters(), tmp_path)
    sentences = [f"sentence {n}" for n in range(200)]
    for sentence in sentences:
        cached.encode([sentence])
    assert len(files(tmp_path)) < 40 and not [p for p in files(tmp_path) if p.name.startswith(".")]
    again = CachedEncoder(Letters(), tmp_path)
    assert (
        same(again.encode(sentences), CachedEncoder(Letters()).encode(sentences)) and not again.encoder.asked
    )
    assert same(cached.encode(sentences), again.encode(sentences)) and len(cached.encoder.asked) == 200


def test_a_merge_elsewhere_loses_nothing(tmp_path):
    here, there = CachedEncoder(Letters(), tmp_path), CachedEncoder(Letters(), tmp_path)
    first = here.encode(["first"])
    there.encode(["first"])
    for n in range(60):
        there.encode([f"sentence {n}"])
    assert same(here.encode(["first"]), first)
    here.encode([f"sentence {n}" for n in range(60)])
    assert len(here.encoder.asked) == 1


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from test_cached_encoder import Letters
from handhold.language import CachedEncoder
cached = CachedEncoder(Letters(), sys.argv[1])
for n in range(100):
    cached.encode([f"sentence {n * 7 % 100}"])
"""


def test_processes_share_a_folder(tmp_path):
    arguments = [sys.executable, "-c", WRITER, str(tmp_path), str(Path(__file__).parent)]
    running = [subprocess.Popen(arguments, stderr=subprocess.PIPE) for _ in range(2)]
    for process in running:
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told.decode()
    again = CachedEncoder(Letters(), tmp_path)
    sentences = [f"sentence {n}" for n in range(100)]
    assert (
        same(again.encode(sentences), CachedEncoder(Letters()).encode(sentences)) and not again.encoder.asked
    )
    assert len(files(tmp_path)) < 90


def test_thirty_thousand_sentences(tmp_path):
    sentences = [f"hold it at {n}" for n in range(30_000)]
    encoder = Letters(width=2)
    encoder.encode = lambda batch, real=encoder.encode: real(["x"]).select(
        [0] * len(batch)
    )  # costs nothing itself
    start = time.perf_counter()
    CachedEncoder(encoder, tmp_path).prepare(sentences)
    again = CachedEncoder(Letters(width=2), tmp_path)
    again.prepare(sentences)
    assert not again.encoder.asked and len(files(tmp_path)) <= 16
    rows = again.encode(sentences[:64])
    assert len(rows) == 64 and time.perf_counter() - start < 10  # about one second


@pytest.mark.parametrize("bad", [[""], [" "], [None], [], "hold it"])
def test_what_is_no_sentence_is_refused(bad):
    for call in (CachedEncoder(Letters()).encode, CachedEncoder(Letters()).prepare):
        with pytest.raises(InputError, match=r"^instruction"):
            call(bad)
