"""Damaged and hostile files, and folders of scenes."""

import json
import pickle

import numpy as np
import pytest
from scene_examples import refused

from handhold.errors import InputError
from handhold.io.scene import find_scenes


def test_files_that_are_not_scenes(tmp_path):
    for name, content in {
        "empty.json": b"",
        "blank.json": b" \n ",
        "bom.json": b"\xef\xbb\xbf",
        "garbage.json": b"\x00\x01\x02 not json",
        "binary.json": bytes(range(256)),
        "text.json": b"hello",
        "list.json": b"[1, 2]",
        "number.json": b"3",
        "null.json": b"null",
        "string.json": b'"scene"',
        "cut.json": b'{"format": "handhold-scene/1", "units": ',
        "comma.json": b'{"format": "handhold-scene/1",}',
        "two.json": b"{} {}",
        "latin.json": '{"format": "é"}'.encode("latin-1"),
        "utf16.json": '{"format": "x"}'.encode("utf-16"),
        "deep.json": b"[" * 100_000,
        "digits.json": b'{"format": ' + b"1" * 5000 + b"}",
        "empty.npz": b"",
        "garbage.npz": b"not a zip",
        "cut.npz": b"PK\x03\x04 cut off",
        "pickle.npz": pickle.dumps([1, 2, 3]),
    }.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name)


def test_no_file_wrong_kind_folder(tmp_path):
    refused(tmp_path / "absent.json")
    refused(tmp_path / "absent.npz")
    (tmp_path / "scene.yaml").write_text("a: 1")
    refused(tmp_path / "scene.yaml", ".json", ".npz")
    (tmp_path / "folder.json").mkdir()
    refused(tmp_path / "folder.json", "folder")


def test_duplicate_key(scene, tmp_path):
    text = json.dumps(scene).replace('"side": "right"', '"side": "right", "side": "left"')
    (tmp_path / "twice.json").write_text(text)
    refused(tmp_path / "twice.json", "side", "twice")


class Mischief:
    """Writes a file when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_pickled_objects_in_npz_are_refused_and_never_run(tmp_path):
    mark = tmp_path / "ran"
    np.savez(
        tmp_path / "bad.npz", **{"format": "handhold-scene/1", "hand.keypoints": np.array([Mischief(mark)])}
    )
    refused(tmp_path / "bad.npz", "hand.keypoints")
    assert not mark.exists()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_truncated_files(scene, write_scene, tmp_path, share):
    path = write_scene(scene)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    refused(path, "truncated")
    np.savez(tmp_path / "s.npz", **{"format": "handhold-scene/1", "hand.keypoints": np.zeros((21, 3))})
    data = (tmp_path / "s.npz").read_bytes()
    (tmp_path / "s.npz").write_bytes(data[: int(share * len(data))])
    refused(tmp_path / "s.npz")


def test_damaged_npz_member(tmp_path):
    np.savez_compressed(tmp_path / "s.npz", **{"hand.keypoints": np.random.default_rng(0).random((21, 3))})
    data = bytearray((tmp_path / "s.npz").read_bytes())
    data[150:200] = bytes(50)
    (tmp_path / "s.npz").write_bytes(data)
    refused(tmp_path / "s.npz", "hand.keypoints")


@pytest.mark.parametrize(
    "value", [np.array(["1"] * 63).reshape(21, 3), np.ones((21, 3), bool), np.ones((21, 3), complex)]
)
def test_npz_arrays_that_are_not_numbers(scene, tmp_path, value):
    arrays = {"format": scene["format"], "units": "m", "object.mesh": "box.obj", "object.pose": np.eye(4)}
    hand = {"hand.side": "right", "hand.model": "open", "hand.joint_order": "mano", "hand.keypoints": value}
    np.savez(tmp_path / "s.npz", **arrays, **hand)
    refused(tmp_path / "s.npz", "hand.keypoints", "number")


def test_npz_key_that_is_value_and_folder(tmp_path):
    np.savez(tmp_path / "s.npz", **{"hand": 1, "hand.side": "right"})
    refused(tmp_path / "s.npz", "hand.side")


# Folders


def test_find_scenes(scene, write_scene, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for name in ("b.json", "a.json", ".hidden.json", "report.json", "notes.txt"):
        (folder / name).write_text(json.dumps(scene))
    (folder / "broken.json").write_text("{")
    (folder / "figures.json").write_text('{"format": "handhold-report/1"}')
    np.savez(folder / "result.npz", format="handhold-grasp/1")
    np.savez(folder / "set.npz", format="handhold-contact/1")
    np.savez(folder / "c.npz", format="handhold-scene/1")
    (folder / "cut.npz").write_bytes(b"PK")
    (folder / "sub.json").mkdir()
    names = ["a.json", "b.json", "broken.json", "c.npz", "cut.npz"]
    assert [p.name for p in find_scenes(folder)] == names
    assert find_scenes(folder / "a.json") == [folder / "a.json"]


def test_folders_without_scenes(scene, tmp_path):
    with pytest.raises(InputError, match="absent"):
        find_scenes(tmp_path / "absent")
    empty = tmp_path / "empty"
    (empty / "below").mkdir(parents=True)
    with pytest.raises(InputError, match="no scenes"):
        find_scenes(empty)
    (empty / "below" / "s.json").write_text(json.dumps(scene))
    with pytest.raises(InputError, match="below"):
        find_scenes(empty)


def test_two_scenes_of_one_name(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    np.savez(tmp_path / "a.npz", x=1)
    with pytest.raises(InputError, match="one name"):
        find_scenes(tmp_path)
