"""Contact maps: written, read again, and refused where they are wrong."""

from dataclasses import fields

import numpy as np
import pytest
from io_examples import BOX_CORNERS, BOX_FACES

from handhold.errors import InputError
from handhold.io.contact_file import FORMAT, ContactMap, load_contact, save_contact
from handhold.io.grasp_arrays import write_arrays
from handhold.io.kinds import result_format


def make_map(**changes) -> ContactMap:
    random = np.random.default_rng(0)
    values = {
        "instruction": "hold it by the lid – please",
        "absent": True,
        "absent_probability": 0.9,
        "object_points": random.normal(size=(20, 3)).astype(np.float32),
        "object_normals": random.normal(size=(20, 3)).astype(np.float32),
        "object_contact": random.random(20).astype(np.float32),
        "object_vertices": BOX_CORNERS,
        "object_faces": BOX_FACES,
        "object_name": "box",
        "object_vertex_contact": random.random(8).astype(np.float32),
        "hand_contact": random.random(5).astype(np.float32),
        "hand": "open",
        "hand_version": "open-1",
        "side": "left",
        "hand_vertices": random.normal(size=(5, 3)).astype(np.float32),
        "hand_faces": np.array([[0, 1, 2], [2, 3, 4]]),
        "T_world_object": np.eye(4),
    }
    return ContactMap(**values | changes)


def test_what_is_written_is_read(tmp_path):
    told = make_map()
    save_contact(told, tmp_path / "a.npz")
    again = load_contact(tmp_path / "a.npz")
    for field in fields(ContactMap):
        wanted, got = getattr(told, field.name), getattr(again, field.name)
        np.testing.assert_array_equal(got, wanted, err_msg=field.name)
    assert again.absent is True


def test_plain_numpy_reads_it(tmp_path):
    save_contact(make_map(), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as archive:
        assert str(archive["format"]) == FORMAT and not archive["absent"].shape
        assert archive["object_points"].dtype == archive["object_contact"].dtype == np.float32
    assert result_format(tmp_path / "a.npz") == FORMAT


BAD = {
    "object_contact": np.full(20, 1.2),
    "hand_contact": np.array([0, 0, np.nan, 0, 0]),
    "object_points": np.zeros((19, 3)),
    "object_vertex_contact": np.zeros(9),
    "object_faces": np.array([[0, 1, 8]]),
    "hand_faces": np.zeros((0, 3), int),
    "absent": np.array(2.0),
    "absent_probability": np.array(1.5),
    "side": np.array("upper"),
    "instruction": np.array(3.0),
    "format": np.array("handhold-contact/2"),
    "T_world_object": 2 * np.eye(4),
}


@pytest.mark.parametrize("key", BAD)
def test_wrong_arrays(tmp_path, key):
    told = make_map()
    arrays = {"format": FORMAT, **{f.name: getattr(told, f.name) for f in fields(told)}, key: BAD[key]}
    write_arrays(arrays, tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"a\.npz"):
        load_contact(tmp_path / "a.npz")


def test_a_missing_array(tmp_path):
    write_arrays({"format": FORMAT, "instruction": "hold it"}, tmp_path / "a.npz")
    with pytest.raises(InputError, match="missing"):
        load_contact(tmp_path / "a.npz")
