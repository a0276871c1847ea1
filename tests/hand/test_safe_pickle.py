"""A pickle is read as data: what is not an array is refused, and nothing runs."""

from __future__ import annotations

import collections
import os
import pickle
import struct
import sys
import time
import tracemalloc

import numpy as np
import pytest
from mano_files import as_published, chumpy, mano_values, pickled
from scipy.sparse import csc_matrix, csr_matrix

from handhold.errors import InputError
from handhold.hand.pickled_arrays import read_pickled_arrays

KEYS = ("a", "b", "v_template", "shapedirs", "J_regressor")


def read(data: bytes, keys=KEYS):
    return read_pickled_arrays(data, keys, where="file.pkl")


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *args) -> None:
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


def test_what_the_attack_would_do_elsewhere(tmp_path):
    """The attack below is a real one: the usual loader runs it."""
    marker = tmp_path / "marker"
    pickle.loads(pickle.dumps({"a": Call(open, str(marker), "w")}))
    assert marker.exists()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("nested", [False, True])
def test_calls_are_refused_by_name_and_not_made(tmp_path, protocol, nested):
    marker = tmp_path / "marker"
    attacks = {
        "system": Call(os.system, f"touch {marker}"),
        "eval": Call(eval, f"open({str(marker)!r}, 'w')"),
        "exec": Call(exec, f"open({str(marker)!r}, 'w')"),
        "open": Call(open, str(marker), "w"),
        "getattr": Call(getattr, "x", "upper"),
        "tofile": Call(np.save, str(marker) + ".npy", np.zeros(3)),
        "load": Call(np.load, str(marker)),
        "import_module": Call(__import__, "antigravity"),
    }
    for attack in attacks.values():
        values = as_published(mano_values()) | {"b": [("deep", {"c": attack})]} if nested else {"a": attack}
        with pytest.raises(InputError, match=f"file.pkl: refused.*{attack.function.__name__}"):
            read(pickled(values, protocol=protocol, python2=False))
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("__builtin__", "getattr"),
        ("numpy.core.multiarray", "_reconstruct.__globals__"),
        ("numpy", "ndarray.tofile"),
        ("numpy", "load"),
        ("numpy", "memmap"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy.testing._private.utils", "runstring"),
        ("scipy.sparse.csc", "sys.modules"),
        ("scipy.sparse", "load_npz"),
        ("chumpy.ch", "Ch.__init__"),
        ("chumpy.ch_ops", "add"),
        ("copyreg", "add_extension"),
        ("handhold.hand.safe_pickle", "ADMITTED"),
        ("functools", "partial"),
        ("torch", "load"),
    ],
)
@pytest.mark.parametrize("stacked", [False, True])
def test_only_admitted_globals(module, name, stacked):
    def text(word: str) -> bytes:
        return b"X" + struct.pack("<I", len(word)) + word.encode()

    named = text(module) + text(name) + b"\x93" if stacked else f"c{module}\n{name}\n".encode()
    with pytest.raises(InputError, match="refused") as caught:
        read(b"\x80\x04}X\x01\x00\x00\x00a" + named + b"s.")
    assert caught.value.got == f"{module}.{name}"


@pytest.mark.parametrize(
    ("data", "opcode"),
    [
        (b"}S'a'\nPsome id\ns.", "PERSID"),
        (b"\x80\x02}K\x01Qs.", "BINPERSID"),
        (b"\x80\x02}\x82\x01.", "EXT1"),
        (b"\x80\x02}\x83\x01\x00.", "EXT2"),
        (b"\x80\x02}\x84\x01\x00\x00\x00.", "EXT4"),
        (b"(ios\nsystem\n.", "INST"),
        (b"(cnumpy\nndarray\no.", "OBJ"),
        (b"\x80\x04cnumpy\nndarray\n)}\x92.", "NEWOBJ_EX"),
        (b"\x80\x05\x97.", "NEXT_BUFFER"),
        (b"\x80\x04(\x91.", "FROZENSET"),
    ],
)
def test_opcodes_without_use_are_refused(data, opcode):
    with pytest.raises(InputError, match=opcode):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        b"cnumpy\nndarray\n}S'x'\nI1\nsb.",  # state for a class
        b"cchumpy.ch\nCh\n}S'__init__'\nI1\nsb.",
        b"}(I1\nI2\nI3\nu.",  # a key without a value
        b"}((I1\nttI2\ns.",  # a tuple for a key
        b"(lp0\n(g0\nI1\nd.",  # a list for a key
        b"}}b.",  # state for a dictionary
        b"I1\n(tR.",  # a call of a number
        b"cnumpy\nndarray\n(tR.",  # a class that is never called
        b"c__builtin__\nbytes\n(I99999999999\ntR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cchumpy.ch\nCh\n(I0\ntS'b'\ntR.",
        b"g7\n.",
        b"s.",
        b"t.",
        b".",
        b"}a.",
        b"\x80\x09}.",
        b"I" + b"9" * 10_000 + b"\n.",
        b"\x8b\xff\xff\xff\xff.",  # a negative length
        b"\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # eight exabytes of bytes
        b"\x80\x05\x96\xff\xff\xff\xff\x0f\x00\x00\x00.",
        b"S'no end\n.",
        b"S'\\x'\n.",
        b"X\x02\x00\x00\x00\xff\xff.",
        b"<!DOCTYPE html>",
        b"version https://git-lfs.github.com/spec/v1\n",
        b"\x00" * 64,
        b"\xff",
        b"I5\n.",
        b"]" * 60_000 + b".",
    ],
)
def test_nonsense_is_refused(data):
    with pytest.raises(InputError, match="is not a pickle of arrays"):
        read(data)


def test_every_cut_is_noticed():
    data = pickled({"a": np.arange(3.0), "b": chumpy("ch", "Ch", x=np.eye(2))})
    for end in range(len(data)):
        with pytest.raises(InputError):
            read(data[:end])


def test_random_damage_gives_an_error_or_arrays():
    data = pickled({"a": np.arange(3.0), "b": csc_matrix(np.eye(3))})
    rng = np.random.default_rng(0)
    for _ in range(3000):
        damaged = bytearray(data)
        for at in rng.integers(0, len(data), rng.integers(1, 4)):
            damaged[at] = rng.integers(0, 256)
        try:
            values = read(bytes(damaged))
        except InputError:
            continue
        assert all(isinstance(v, np.ndarray | str | int | float | None) for v in values.values())


def test_bombs_cost_neither_time_nor_memory():
    doubled = b"".join(b"q%ch%c\x86" % (k, k) for k in range(60))
    laughs = b"\x80\x02}X\x01\x00\x00\x00aK\x01" + doubled + b"s."  # a tuple of 2^60 leaves
    as_key = b"\x80\x02}K\x01" + doubled + b"K\x01s."
    memo = b"\x80\x02}r\xff\xff\xff\xff."
    claim = pickled({"a": np.zeros(4)}).replace(b"K\x04\x85", b"\x8a\x06\xff\xff\xff\xff\xff\x00\x85")
    assert claim != pickled({"a": np.zeros(4)})
    tracemalloc.start()
    start = time.perf_counter()
    assert read(laughs) == {"a": None}
    assert read(memo) == {}
    for data in (as_key, claim):
        with pytest.raises(InputError):
            read(data)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()
    assert time.perf_counter() - start < 1


def test_a_cycle_ends():
    with pytest.raises(InputError, match="'a' cannot be read"):
        read(b"\x80\x02}X\x01\x00\x00\x00acchumpy.ch\nCh\n)\x81q\x01}X\x01\x00\x00\x00xh\x01sbs.")
    deep = b"(" * 40_000 + b"t" * 40_000 + b"."
    with pytest.raises(InputError):
        read(deep)


@pytest.mark.parametrize("value", [np.array([{}, 1], dtype=object), np.zeros(2, "M8[s]"), np.zeros(2, "c16")])
def test_arrays_of_other_things_are_refused(value):
    with pytest.raises(InputError, match=r"'a' cannot be read|refused"):
        read(pickled({"a": value}))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"(I0\nI3\nt", b"(I0\nI9999999999999999999\nt"),  # no entries, of a size beyond all bounds
        (b"(I0\nI3\nt", b"(I01\nI3\nt"),  # truth for a size
        (b"(I0\nI3\nt", b"(I0\nI-3\nt"),
        (b"S''", b"V\\u0101"),  # a letter that is no byte
        (b"S'f8'", b"S'O8'"),
        (b"S'f8'", b"S'f8,f8'"),
        (b"S'<'", b"S'x'"),
    ],
)
def test_claims_that_do_not_fit(old, new):
    data = pickled({"a": np.zeros((0, 3))}, protocol=0)
    assert old in data
    with pytest.raises(InputError):
        read(data.replace(old, new))


def test_structured_arrays_are_refused():
    with pytest.raises(InputError):
        read(pickled({"a": np.zeros(2, [("x", "f8")])}))


@pytest.mark.parametrize(
    ("protocol", "python2"), [(p, True) for p in range(3)] + [(p, False) for p in range(6)]
)
def test_what_is_admitted_arrives_whole(protocol, python2):
    rng = np.random.default_rng(protocol)
    matrix = rng.normal(size=(5, 7)) * (rng.random((5, 7)) < 0.3)
    content = {
        "f8": rng.normal(size=(3, 4, 2)),
        "fortran": np.asfortranarray(rng.normal(size=(3, 4))),
        "big": rng.normal(size=6).astype(">f4"),
        "u4": np.arange(6, dtype=np.uint32).reshape(2, 3),
        "empty": np.zeros((0, 3)),
        "truth": np.array([True, False]),
        "scalar": np.float64(2.5),
        "word": np.array("lrotmin"),
        "csc": csc_matrix(matrix),
        "csr": csr_matrix(matrix),
        "ch": chumpy("ch", "Ch", x=rng.normal(size=(2, 2))),
        "text": "lbs",
        "number": 3,
        "real": -0.5,
    }
    values = read(pickled(collections.OrderedDict(content), protocol=protocol, python2=python2), content)
    for key in ("f8", "fortran", "big", "u4", "empty", "truth", "scalar", "word"):
        assert np.array_equal(values[key], content[key]), key
        assert np.shape(values[key]) == np.shape(content[key])
    assert np.array_equal(values["csc"], matrix) and np.array_equal(values["csr"], matrix)
    assert np.array_equal(values["ch"], content["ch"].x)
    assert (values["text"], values["number"], values["real"]) == ("lbs", 3, -0.5)


@pytest.mark.parametrize("protocol", range(3))
def test_select_is_what_chumpy_computes(protocol):
    x = np.arange(12.0).reshape(2, 6)
    select = chumpy("reordering", "Select", a=chumpy("ch", "Ch", x=x), idxs=np.array([7, 0, 5, 11]))
    select.preferred_shape = (2, 2)
    assert read(pickled({"a": select}, protocol=protocol))["a"].tolist() == [[7, 0], [5, 11]]
    select.idxs = np.array([7, 0, 5, 12])
    with pytest.raises(InputError, match="beyond its array"):
        read(pickled({"a": select}, protocol=protocol))


@pytest.mark.parametrize("change", [{"indices": [0, 9]}, {"indptr": [0, 2, 1, 2]}, {"_shape": (3, 10**9)}])
def test_sparse_parts_must_fit(change):
    matrix = csc_matrix(([1.0, 2.0], ([0, 1], [0, 2])), shape=(3, 3))
    for name, value in change.items():
        setattr(matrix, name, tuple(value) if name == "_shape" else np.array(value, dtype=np.int32))
    with pytest.raises(InputError, match="sparse matrix"):
        read(pickled({"a": matrix}))


def test_no_module_is_imported():
    before = set(sys.modules)
    with pytest.raises(InputError):
        read(b"cantigravity\nfly_hash\n.")
    read(pickled(as_published(mano_values())), mano_values())
    assert not {name for name in set(sys.modules) - before if name.startswith(("antigravity", "chumpy"))}
