"""MANO files that cannot be right are refused with a word that names file and key."""

from __future__ import annotations

import os

import numpy as np
import pytest
from mano_files import as_published, mano_values, mirrored, pickled, write_mano

from handhold.errors import InputError
from handhold.geometry.mesh import boundary_loops
from handhold.hand.mano import load_mano


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mano")
    write_mano(folder / "MANO_RIGHT.pkl")
    write_mano(folder / "MANO_RIGHT.npz")
    return folder


def _changed(**changes) -> dict:
    values = mano_values()
    for key, change in changes.items():
        values[key] = change(values[key].copy())
    return values


def _set(index, value):
    def change(array):
        array[index] = value
        return array

    return change


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"v_template": lambda a: a[:, :2]},
            r"'v_template' is wrong; expected shape \(778, 3\); got \(778, 2\)",
        ),
        ({"v_template": lambda a: a * 1000}, "Are these millimetres"),
        ({"v_template": lambda a: a * 100}, "Are these centimetres"),
        ({"v_template": lambda a: a * 0}, "hand of about 0.2 m"),
        ({"v_template": _set((5, 1), np.nan)}, "'v_template' is wrong; expected finite numbers; got 1 that"),
        ({"shapedirs": lambda a: a[..., :9]}, "at least 10 shape coefficients; got 9"),
        ({"shapedirs": lambda a: a[:700]}, r"expected shape \(778, 3, S\)"),
        ({"posedirs": lambda a: a.reshape(-1, 135)}, "'posedirs' is wrong"),
        ({"posedirs": _set((0, 0, 0), np.inf)}, "'posedirs' is wrong"),
        ({"J_regressor": lambda a: a.T}, "'J_regressor' is wrong"),
        ({"J_regressor": lambda a: a * 2}, "'J_regressor' is wrong; expected rows that sum to 1; got 2"),
        ({"weights": lambda a: a * 0.5}, "'weights' is wrong; expected rows that sum to 1; got 0.5"),
        ({"weights": lambda a: np.roll(a, 1, 1) * 2 - a}, "no negative weight"),
        ({"weights": lambda a: a[:, :15]}, "'weights' is wrong"),
        ({"weights": lambda a: a.astype(str)}, "'weights' is wrong; expected a numeric array"),
        ({"f": _set((3, 0), 778)}, "vertex indices from 0 to 777"),
        ({"f": lambda a: a.astype(np.int64) - 1}, "vertex indices from 0 to 777; got -1"),
        ({"f": lambda a: a + 0.5}, "vertex indices"),
        ({"f": lambda a: np.where(np.arange(3) == 1, a[:, :1], a)}, "a face that uses one twice"),
        ({"f": lambda a: np.delete(a, 700, 0)}, "open at the wrist only"),
        ({"f": _set(700, (1, 2, 3))}, "'f' is wrong"),
        ({"kintree_table": lambda a: np.roll(a, 1, 1)}, "'kintree_table' is wrong; expected MANO's parents"),
        ({"hands_mean": lambda a: a[:44]}, "'hands_mean' is wrong"),
        ({"hands_components": _set((0, 0), np.nan)}, "'hands_components' is wrong"),
    ],
)
@pytest.mark.parametrize("extension", ["npz", "pkl"])
def test_bad_values_are_refused_by_key(tmp_path, changes, message, extension):
    path = tmp_path / f"MANO_RIGHT.{extension}"
    values = _changed(**changes)
    if extension == "npz":
        write_mano(path, values)
    else:
        path.write_bytes(pickled(values))
    with pytest.raises(InputError, match=message) as caught:
        load_mano(path)
    assert str(path) in str(caught.value)


def test_missing_keys_are_named(tmp_path):
    values = mano_values()
    del values["weights"], values["posedirs"]
    with pytest.raises(InputError, match=r"keys are missing.*Missing: posedirs, weights"):
        load_mano(write_mano(tmp_path / "r.npz", values))
    with pytest.raises(InputError, match="keys are missing"):
        load_mano(write_mano(tmp_path / "empty.npz", {}))


@pytest.mark.parametrize(("joints", "body"), [(24, "SMPL"), (52, r"SMPL\+H"), (55, "SMPL-X"), (5, "FLAME")])
def test_bodies_are_told_apart(tmp_path, joints, body):
    values = mano_values() | {
        "weights": np.ones((6890, joints)) / joints,
        "kintree_table": np.zeros((2, joints)),
    }
    with pytest.raises(InputError, match=f"is not a hand; expected MANO, 16 joints; got a {body} model"):
        load_mano(write_mano(tmp_path / "model.npz", values))


@pytest.mark.parametrize("extension", ["pkl", "npz"])
@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 100, b"<html>not here</html>", b"PK\x03\x04 and no more", "cut"]
)
def test_broken_files_are_refused(tmp_path, folder, extension, content):
    path = tmp_path / f"MANO_RIGHT.{extension}"
    if content == "cut":
        whole = (folder / path.name).read_bytes()
        content = whole[: len(whole) // 2]
    path.write_bytes(content)
    with pytest.raises(InputError, match="MANO_RIGHT"):
        load_mano(path)


def test_a_damaged_archive_is_refused(tmp_path, folder):
    data = bytearray((folder / "MANO_RIGHT.npz").read_bytes())
    data[len(data) // 2] ^= 0xFF
    path = tmp_path / "MANO_RIGHT.npz"
    path.write_bytes(data)
    with pytest.raises(InputError, match="cannot be read"):
        load_mano(path)


def test_paths_that_are_no_files(tmp_path):
    (tmp_path / "MANO_RIGHT.pkl").mkdir()
    for name, message in (
        ("none.pkl", "no such file"),
        ("MANO_RIGHT.pkl", "is not a file"),
        ("MANO_RIGHT.ply", "expected .pkl or .npz; got .ply"),
        ("MANO_RIGHT", "no extension"),
    ):
        with pytest.raises(InputError, match=message):
            load_mano(tmp_path / name)


def test_extensions_swapped(tmp_path, folder):
    for one, other in (("pkl", "npz"), ("npz", "pkl")):
        path = tmp_path / f"MANO_RIGHT.{other}"
        path.write_bytes((folder / f"MANO_RIGHT.{one}").read_bytes())
        with pytest.raises(InputError):
            load_mano(path)


def test_pickled_objects_in_an_npz_are_not_opened(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "marker"),)

    for content in (as_published(mano_values())["J_regressor"], Attack()):
        held = np.empty((), dtype=object)
        held[()] = content
        path = tmp_path / "MANO_RIGHT.npz"
        write_mano(path, mano_values() | {"J_regressor": held})
        with pytest.raises(
            InputError, match=r"'J_regressor' cannot be read.*pickled Python objects.*toarray"
        ):
            load_mano(path)
    assert not (tmp_path / "marker").exists()


def test_an_attack_within_a_valid_file(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "marker"),)

    path = tmp_path / "MANO_RIGHT.pkl"
    path.write_bytes(pickled(as_published(mano_values()) | {"extra": Attack()}))
    with pytest.raises(InputError, match=r"refused.*mkdir"):
        load_mano(path)
    assert not (tmp_path / "marker").exists()


def test_a_heap_of_triangles_is_not_a_hand(tmp_path):
    values = mano_values()
    values["v_template"] = np.random.default_rng(0).permutation(values["v_template"])
    values["weights"] = np.ones((778, 16)) / 16
    with pytest.raises(InputError):
        load_mano(write_mano(tmp_path / "r.npz", values), side="right")


def test_made_files_are_in_manos_layout():
    for values in (mano_values(), mano_values("left"), mirrored(mano_values())):
        assert values["v_template"].shape == (778, 3) and values["f"].shape == (1538, 3)
        assert np.allclose(values["J_regressor"] @ values["v_template"], values["J"], atol=1e-9)
        assert [len(loop) for loop in boundary_loops(values["f"].astype(np.int64))] == [16]
