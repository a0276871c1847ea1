"""Results survive the trip to the file and back, and stand alone in plain numpy."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from io_examples import make_grasp, to_openpose

from handhold.errors import InputError
from handhold.hand.model import Hand
from handhold.interaction.grasp import Contact
from handhold.io.results import PARAMS, REQUIRED, Result, load_result, save_grasp


def saved(grasp, path):
    save_grasp(grasp, path)
    return load_result(path)


@pytest.fixture
def full(grasp):
    """A grasp with every optional part."""
    keypoints = grasp.fitted().joints + 0.002
    keypoints[4] = torch.nan
    contact = Contact(torch.rand(len(grasp.hand.template)), torch.rand(len(grasp.object.vertices)))
    return grasp.with_(keypoints=keypoints, contact=contact)


def test_plain_numpy_reads_what_the_design_promises(full, tmp_path):
    save_grasp(full, tmp_path / "r.npz")
    with np.load(tmp_path / "r.npz", allow_pickle=False) as file:
        assert str(file["format"]) == "handhold-grasp/1" and str(file["side"]) == full.hand.side
        assert (str(file["model"]), str(file["model_version"])) == (full.hand.name, full.hand.version)
        np.testing.assert_array_equal(file["hand_vertices"], full.surface().vertices)
        np.testing.assert_array_equal(file["fitted_vertices"], full.fitted().vertices)
        np.testing.assert_array_equal(file["hand_faces"], full.hand.faces)
        np.testing.assert_array_equal(file["joints"], to_openpose(full.surface().joints))
        np.testing.assert_array_equal(file["keypoints"], to_openpose(full.keypoints))
        np.testing.assert_array_equal(file["object_vertices"], full.object.vertices)
        np.testing.assert_array_equal(file["T_world_object"], full.T_world_object)
        for key in PARAMS:
            np.testing.assert_array_equal(file[key], getattr(full.params, key))
        assert set(file.files) >= set(REQUIRED)


def test_grasp_round_trip(full, tmp_path):
    result = saved(full, tmp_path / "r.npz")
    again = result.grasp(full.hand)
    torch.testing.assert_close(again.surface().vertices, full.surface().vertices)
    torch.testing.assert_close(again.T_world_object, full.T_world_object)
    torch.testing.assert_close(again.keypoints, full.keypoints, equal_nan=True)
    torch.testing.assert_close(again.contact.hand, full.contact.hand)
    torch.testing.assert_close(again.contact.object, full.contact.object)
    assert again.object.content_hash == full.object.content_hash
    assert (again.name, again.instruction, again.fps) == (full.name, full.instruction, None)
    assert not result.is_motion and not again.is_motion


def test_motion_round_trip(motion, tmp_path):
    result = saved(motion, tmp_path / "m.npz")
    assert result.is_motion and result.fps == 30
    assert result.hand_vertices.shape[0] == result.T_world_object.shape[0] == 5
    torch.testing.assert_close(result.grasp(motion.hand).surface().vertices, motion.surface().vertices)


def test_nothing_optional(tmp_path):
    grasp = make_grasp(soft=False).with_(instruction=None)
    result = saved(grasp, tmp_path / "r.npz")
    assert result.offsets is result.keypoints is result.contact_hand is result.instruction is None
    np.testing.assert_array_equal(result.hand_vertices, result.fitted_vertices)
    again = result.grasp(grasp.hand)
    assert again.contact is None and again.offsets is None


def test_same_grasp_same_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        save_grasp(make_grasp(), tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("change", [{"version": "open-0"}, {"name": "mano"}, {"side": "left"}])
def test_parameters_refuse_another_hand(tmp_path, change):
    grasp = make_grasp()
    result = saved(grasp, tmp_path / "r.npz")
    with pytest.raises(InputError, match=next(iter(change.values()))):
        result.grasp(replace(grasp.hand, **change))
    assert len(result.hand_vertices) == len(grasp.hand.template)  # the surface needs no model


def spoiled(path, **changes):
    """The file with some arrays replaced, or left out where None."""
    with np.load(path) as file:
        arrays = dict(file) | changes
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})


@pytest.mark.parametrize("key", REQUIRED)
def test_missing_arrays(tmp_path, key):
    save_grasp(make_grasp(), tmp_path / "r.npz")
    spoiled(tmp_path / "r.npz", **{key: None})
    with pytest.raises(InputError, match=key):
        load_result(tmp_path / "r.npz")


def test_masks_on_points_are_kept_and_become_masks_of_vertices(full, tmp_path):
    vertices = torch.from_numpy(full.object.vertices)
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(vertices), generator=generator)
    weights = torch.rand(len(vertices), generator=generator)
    contact = Contact(full.contact.hand, weights[order], vertices[order].float())
    save_grasp(full.with_(contact=contact), tmp_path / "a.npz")
    result = load_result(tmp_path / "a.npz")
    np.testing.assert_allclose(result.contact_object, weights, rtol=1e-6)
    again = result.grasp(full.hand).contact
    torch.testing.assert_close(again.object, contact.object)
    torch.testing.assert_close(again.points, contact.points)
    torch.testing.assert_close(again.hand, full.contact.hand)
    hand_alone = full.with_(contact=replace(contact, object=None))
    save_grasp(hand_alone, tmp_path / "hand.npz")
    assert load_result(tmp_path / "hand.npz").grasp(full.hand).contact.points is None
    for changes, told in (
        ({"contact_points": None}, "no contact_points"),
        ({"contact_at_points": None}, "no contact_at_points"),
        ({"contact_at_points": np.zeros(3)}, "contact_at_points"),
        ({"contact_points": np.zeros((2, 2))}, "contact_points"),
        ({"contact_points": np.array(1.0)}, "contact_points"),
    ):
        save_grasp(full.with_(contact=contact), tmp_path / "b.npz")
        spoiled(tmp_path / "b.npz", **changes)
        with pytest.raises(InputError, match=told):
            load_result(tmp_path / "b.npz")


ARRAYS = [f.name for f in fields(Result) if "ndarray" in str(f.type) and not f.name.startswith("contact")]


@pytest.mark.parametrize("key", [k for k in ARRAYS if k != "keypoints"])
@pytest.mark.parametrize("spoil", ["short", "NaN", "text", "time", "scalar"])
def test_arrays_that_do_not_fit(tmp_path, key, spoil):
    save_grasp(make_grasp(), tmp_path / "r.npz")
    with np.load(tmp_path / "r.npz") as file:
        value = file[key]
    bad = {
        "short": value[..., :-1],
        "NaN": np.full(value.shape, np.nan),
        "text": np.full(value.shape, "x"),
        "time": np.stack([value, value]),
        "scalar": np.array(1.0),
    }[spoil]
    if key == "betas" and spoil == "short":  # nine coefficients may be another model's
        bad = value[:0]
    spoiled(tmp_path / "r.npz", **{key: bad})
    with pytest.raises(InputError, match="time axis" if key == "transl" and spoil == "time" else key):
        load_result(tmp_path / "r.npz")


def test_faces_beyond_the_vertices_and_poses_that_are_none(tmp_path):
    for key, bad in (
        ("hand_faces", np.array([[0, 1, 99999]])),
        ("object_faces", np.array([[0, 1, -1]])),
        ("T_world_object", np.diag([2.0, 2, 2, 1])),
        ("side", "both"),
        ("format", "handhold-scene/1"),
        ("surprise", np.zeros(3)),
        ("fps", np.array(-1.0)),
    ):
        save_grasp(make_grasp(), tmp_path / "r.npz")
        spoiled(tmp_path / "r.npz", **{key: bad})
        with pytest.raises(InputError, match=key):
            load_result(tmp_path / "r.npz")


def test_files_that_are_none(tmp_path):
    for name, data in (
        ("absent.npz", None),
        ("empty.npz", b""),
        ("text.npz", b"hello"),
        ("cut.npz", b"PK\x03\x04"),
    ):
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=name):
            load_result(tmp_path / name)


def test_nothing_is_left_of_a_failed_save(tmp_path):
    grasp = make_grasp()
    grasp = grasp.with_(offsets=torch.zeros(7, 3))  # does not fit the hand
    with pytest.raises(RuntimeError):
        save_grasp(grasp, tmp_path / "r.npz")
    assert list(tmp_path.iterdir()) == []


def test_hand_of_another_precision(tmp_path):
    result = saved(make_grasp(), tmp_path / "r.npz")
    hand = Hand.open("right", dtype=torch.float64)
    assert result.grasp(hand).surface().vertices.dtype == torch.float64
