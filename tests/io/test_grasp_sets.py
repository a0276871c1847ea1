"""Sets survive the trip to the file and back, stand alone in plain numpy, and refuse what does not fit."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from io_examples import box, make_grasp, make_motion, to_openpose

from handhold.errors import InputError
from handhold.io.grasp_arrays import PARAMS, REQUIRED
from handhold.io.grasp_sets import KINDS, NUMBERS, WORDS, GraspFacts, GraspSet, load_grasps, save_grasps
from handhold.io.kinds import find_grasps, kind_of
from handhold.io.results import load_result, save_grasp
from handhold.io.scene import find_scenes

SIX = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
FULL = GraspFacts(
    type="power",
    part="handle",
    purpose="drink",
    instruction="hold it by the handle",
    energy=-1.25,
    on_part=0.75,
    iv_cm3=0.125,
    fingers=4,
    drift_cm=0.25,
    displacement_cm=tuple(np.float32(SIX).tolist()),
    rotation_deg=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
    held=True,
    still_displacement_cm=(10.0, 0.0, 0.5, 10.0, 10.0, 10.0),
    still_rotation_deg=(180.0, 0.0, 0.0, 180.0, 180.0, 180.0),
    still_held=False,
    squeeze="each",
)


def some(side="right", *, count: int = 3, soft: bool = True):
    """Grasps of one box, each with a hand of its own pose and shape."""
    first = make_grasp(side, soft=soft)
    others = [make_grasp(side, seed=k, soft=soft) for k in range(1, count)]
    return [first, *(g.with_(object=first.object) for g in others)]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sets") / "grasps.npz"
    save_grasps(some(), path, facts=[FULL, GraspFacts(), replace(FULL, held=False, type="pinch")])
    return path


@pytest.fixture(scope="module")
def arrays(file):
    with np.load(file, allow_pickle=False) as archive:
        return dict(archive)


def test_plain_numpy_reads_what_is_documented(arrays):
    grasps = some()
    assert str(arrays["format"]) == "handhold-grasps/1" and set(arrays) >= set(REQUIRED)
    assert (str(arrays["side"]), str(arrays["model"])) == ("right", "open")
    for k, grasp in enumerate(grasps):
        surface = grasp.surface()
        np.testing.assert_allclose(arrays["hand_vertices"][k], surface.vertices, atol=1e-6)
        np.testing.assert_allclose(arrays["fitted_vertices"][k], grasp.fitted().vertices, atol=1e-6)
        np.testing.assert_allclose(arrays["joints"][k], to_openpose(surface.joints), atol=1e-6)
        np.testing.assert_array_equal(arrays["offsets"][k], grasp.offsets)
        for key in PARAMS:
            np.testing.assert_array_equal(arrays[key][k], getattr(grasp.params, key))
    assert arrays["hand_vertices"].dtype == np.float32
    np.testing.assert_array_equal(arrays["hand_faces"], grasps[0].hand.faces)
    np.testing.assert_array_equal(arrays["object_vertices"], grasps[0].object.vertices)
    np.testing.assert_array_equal(arrays["T_world_object"], grasps[0].T_world_object)
    assert arrays["type"].tolist() == ["power", "", "pinch"]
    assert arrays["displacement_cm"].shape == (3, 6) and np.isnan(arrays["energy"][1])


@pytest.mark.parametrize("side", ["right", "left"])
def test_round_trip(side, tmp_path):
    grasps = some(side)
    save_grasps(grasps, tmp_path / "g.npz")
    loaded = load_grasps(tmp_path / "g.npz")
    assert len(loaded) == 3 and loaded.side == side
    for k, grasp in enumerate(grasps):
        again = loaded.grasp(k, grasp.hand)
        torch.testing.assert_close(again.surface().vertices, grasp.surface().vertices)
        assert again.name == f"box_{k:03d}" and again.instruction == grasp.instruction
        assert again.object is loaded.object() and again.object.content_hash == grasp.object.content_hash


def test_facts_round_trip(file):
    facts = load_grasps(file).facts
    assert facts[0] == FULL
    own = some()[1].instruction
    assert facts[1] == GraspFacts(instruction=own)
    assert facts[2].held is False and facts[2].type == "pinch"


def test_each_grasp_is_what_it_would_be_alone(file, tmp_path):
    loaded = load_grasps(file)
    for k, grasp in enumerate(some()):
        save_grasp(grasp, tmp_path / "alone.npz")
        alone, member = load_result(tmp_path / "alone.npz"), loaded.result(k)
        for key in (*PARAMS, "hand_vertices", "fitted_vertices", "joints", "offsets", "T_world_object"):
            np.testing.assert_allclose(getattr(member, key), getattr(alone, key), atol=1e-6, err_msg=key)
        np.testing.assert_array_equal(member.hand_faces, alone.hand_faces)


def test_surfaces_with_and_without_the_model(file):
    loaded, hand = load_grasps(file), make_grasp().hand
    bare, full = loaded.surfaces(1, no_model="no file"), loaded.surfaces(1, hand)
    np.testing.assert_allclose(bare.hand_vertices, full.hand_vertices, atol=1e-6)
    np.testing.assert_allclose(bare.joints, full.joints, atol=1e-6)
    assert bare.params is None and full.params is not None and bare.object is full.object
    assert (bare.name, bare.no_model) == ("box_001", "no file")


def test_nothing_optional(tmp_path):
    grasps = [g.with_(instruction=None) for g in some(soft=False)]
    save_grasps(grasps, tmp_path / "g.npz")
    with np.load(tmp_path / "g.npz") as archive:
        assert set(archive) == set(REQUIRED)
    loaded = load_grasps(tmp_path / "g.npz")
    assert loaded.offsets is None and set(loaded.facts) == {GraspFacts()}


def test_soft_tissue_of_some(tmp_path):
    grasps = some(count=2)
    grasps[1] = grasps[1].with_(offsets=None)
    save_grasps(grasps, tmp_path / "g.npz")
    loaded = load_grasps(tmp_path / "g.npz")
    for k, grasp in enumerate(grasps):
        np.testing.assert_allclose(loaded.hand_vertices[k], grasp.surface().vertices, atol=1e-6)


def test_same_grasps_same_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        save_grasps(some(count=1), tmp_path / name, facts=[FULL])
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_every_fact_is_a_key_of_the_file_and_documented_fields_are_all_there(arrays):
    names = [f.name for f in fields(GraspFacts)]
    assert sorted(names) == sorted((*WORDS, *NUMBERS)) and set(KINDS) <= set(NUMBERS)
    assert set(names) <= set(arrays)


def test_it_is_told_from_results_and_scenes(file, tmp_path):
    assert kind_of(file) == "grasps"
    save_grasp(make_grasp(), tmp_path / "one.npz")
    (tmp_path / "many.npz").write_bytes(file.read_bytes())
    assert kind_of(tmp_path / "one.npz") == "result"
    assert [p.name for p in find_grasps(tmp_path)[0]] == ["many.npz", "one.npz"]
    with pytest.raises(InputError, match="no scenes"):
        find_scenes(tmp_path)
    with pytest.raises(InputError, match="format"):
        load_grasps(tmp_path / "one.npz")
    with pytest.raises(InputError, match="format"):
        load_result(tmp_path / "many.npz")


# What cannot be saved.


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda g: [], "no grasps"),
        (lambda g: [make_motion()], "motion"),
        (lambda g: [*g, make_grasp("left").with_(object=g[0].object)], "hand"),
        (lambda g: [*g, g[0].with_(hand=replace(g[0].hand, version="open-0"))], "hand"),
        (lambda g: [*g, g[0].with_(object=box(half=(0.02, 0.02, 0.02)))], "object"),
        (lambda g: [*g, g[0].with_(T_world_object=torch.eye(4))], "pose"),
    ],
)
def test_what_is_no_set(spoil, word, tmp_path):
    with pytest.raises(InputError, match=word):
        save_grasps(spoil(some(count=2)), tmp_path / "g.npz")
    assert list(tmp_path.iterdir()) == []


def test_facts_of_other_grasps(tmp_path):
    with pytest.raises(InputError, match="facts"):
        save_grasps(some(count=2), tmp_path / "g.npz", facts=[FULL])


@pytest.mark.parametrize("change", [{"version": "open-0"}, {"name": "mano"}, {"side": "left"}])
def test_parameters_refuse_another_hand(file, change):
    hand = replace(make_grasp().hand, **change)
    with pytest.raises(InputError, match=next(iter(change.values()))):
        load_grasps(file).grasp(0, hand)


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_such_grasp(file, index):
    with pytest.raises(InputError, match="0 to 2"):
        load_grasps(file).result(index)


# Bad files.


def spoiled(arrays, path, **changes):
    """The file with some arrays replaced, or left out where None."""
    np.savez(path, **{k: v for k, v in {**arrays, **changes}.items() if v is not None})
    return path


@pytest.mark.parametrize("key", REQUIRED)
def test_missing_arrays(arrays, tmp_path, key):
    with pytest.raises(InputError, match=key):
        load_grasps(spoiled(arrays, tmp_path / "g.npz", **{key: None}))


ROWS = [f.name for f in fields(GraspSet) if "ndarray" in str(f.type)]


@pytest.mark.parametrize("key", [*ROWS, *WORDS, *NUMBERS])
@pytest.mark.parametrize("spoil", ["short", "fewer", "more axes", "infinite", "kind", "scalar", "empty"])
def test_arrays_that_do_not_fit(arrays, tmp_path, key, spoil):
    value = arrays[key]
    words = value.dtype.kind == "U"
    if spoil == "infinite" and words:
        return
    bad = {
        "short": lambda: value[..., :-1],
        "fewer": lambda: value[:-1],
        "more axes": lambda: np.stack([value, value]),
        "infinite": lambda: np.full(value.shape, np.inf),
        "kind": lambda: np.ones(value.shape) if words else np.full(value.shape, "x"),
        "scalar": lambda: np.array("x") if words else np.array(1.0),
        "empty": lambda: value[:0],
    }[spoil]()
    if key == "betas" and spoil == "short":  # nine coefficients may be another model's
        return
    match = "transl|number of grasps" if key == "transl" else key
    if spoil == "fewer" and key in ("object_vertices", "object_faces", "hand_faces"):
        match = "faces" if key == "object_vertices" else None  # a mesh may have fewer faces
    path = spoiled(arrays, tmp_path / "g.npz", **{key: bad})
    if match is None:
        assert len(load_grasps(path)) == 3
        return
    with pytest.raises(InputError, match=match):
        load_grasps(path)


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        ("hand_faces", np.array([[0, 1, 99999]])),
        ("object_faces", np.array([[0, 1, -1]])),
        ("T_world_object", np.diag([2.0, 2, 2, 1])),
        ("side", "both"),
        ("model", np.array(["open", "open"])),
        ("format", "handhold-grasps/2"),
        ("surprise", np.zeros(3)),
        ("keypoints", np.zeros((3, 21, 3))),
    ],
)
def test_values_that_cannot_be(arrays, tmp_path, key, bad):
    with pytest.raises(InputError, match=key):
        load_grasps(spoiled(arrays, tmp_path / "g.npz", **{key: bad}))


def test_python_objects_are_never_loaded(arrays, tmp_path):
    np.savez(tmp_path / "g.npz", **{**arrays, "type": np.array([{}, {}, {}], dtype=object)})
    with pytest.raises(InputError, match="type"):
        load_grasps(tmp_path / "g.npz")


@pytest.mark.parametrize("data", [None, b"", b"hello", b"PK\x03\x04"])
def test_files_that_are_none(data, tmp_path):
    if data is not None:
        (tmp_path / "g.npz").write_bytes(data)
    with pytest.raises(InputError, match=r"g\.npz"):
        load_grasps(tmp_path / "g.npz")


def test_nothing_is_left_of_a_failed_save(tmp_path, monkeypatch):
    def full(file, **_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(InputError, match="No space"):
        save_grasps(some(count=1), tmp_path / "g.npz")
    assert list(tmp_path.iterdir()) == []
