"""Files appear whole or not at all."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from handhold.errors import InputError
from handhold.io.files import plain, prepare_output, write_json, writing, writing_folder


def test_writing_moves_the_file_into_place(tmp_path):
    with writing(tmp_path / "a.npz") as draft:
        assert draft.parent == tmp_path and draft.suffix == ".npz" and draft.name.startswith(".")
        draft.write_text("new")
        assert not (tmp_path / "a.npz").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_on_error_the_old_file_stays_and_nothing_else(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(error), writing(tmp_path / "a.txt") as draft:
        draft.write_text("half")
        raise error
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_unwritable_places_are_input_errors(tmp_path):
    with pytest.raises(InputError, match="cannot write"), writing(tmp_path / "absent" / "a.txt") as draft:
        draft.write_text("x")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write"), writing(tmp_path / "file" / "a.txt") as draft:
        draft.write_text("x")
    (tmp_path / "file").unlink()
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder"), writing(tmp_path / "folder") as draft:
        draft.write_text("x")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_folder_is_swapped_whole(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    with writing_folder(tmp_path / "out") as draft:
        (draft / "new").touch()
        assert (tmp_path / "out" / "old").exists()
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["new"]
    with pytest.raises(ValueError, match="stop"), writing_folder(tmp_path / "out") as draft:
        (draft / "newer").touch()
        raise ValueError("stop")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_file_is_not_swapped_for_a_folder(tmp_path):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(InputError, match="not a folder"), writing_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out").read_text() == "precious"


def test_prepare_output(tmp_path):
    assert prepare_output(tmp_path / "a" / "b").is_dir()
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="not a folder"):
        prepare_output(tmp_path / "file")
    with pytest.raises(InputError, match="cannot write"):
        prepare_output(tmp_path / "file" / "below")


def test_prepare_output_where_even_root_cannot_write():
    if not Path("/proc/self").exists():
        pytest.skip("no /proc on this system")
    with pytest.raises(InputError, match="cannot write"):
        prepare_output("/proc/self/handhold")


def test_json_is_standard(tmp_path):
    value = {
        "nan": float("nan"),
        "inf": [float("inf"), -float("inf"), 1.5],
        "array": np.array([1.0, np.nan]),
        "tensor": torch.tensor([[1, 2]]),
        "scalar": np.float32(0.5),
        "flag": np.bool_(True),
        "count": np.int64(3),
        "path": Path("a") / "b",
        "tuple": (1, None, "ü"),
        7: True,
    }
    write_json(value, tmp_path / "r.json")

    def refuse(constant):
        raise AssertionError(constant)

    read = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert read["nan"] is None and read["inf"] == [None, None, 1.5] and read["array"] == [1.0, None]
    assert (
        read["tensor"] == [[1, 2]] and read["scalar"] == 0.5 and read["flag"] is True and read["count"] == 3
    )
    assert read["tuple"] == [1, None, "ü"] and read["7"] is True


def test_json_of_unknown_things_is_a_programming_error(tmp_path):
    with pytest.raises(TypeError, match="object"):
        plain({"x": object()})
