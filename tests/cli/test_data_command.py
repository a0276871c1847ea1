"""`handhold data perturb`: scenes in, disturbed scenes out, nothing of the user's touched."""

import json

import numpy as np
import pytest
import torch
from cli_examples import arrays, hand_keypoints, refine, scene_document, write_scene

import handhold.cli.perturb
from handhold.cli.main import main
from handhold.hand import Hand
from handhold.interaction.noise import PROTOCOLS, noise_generator
from handhold.interaction.noise import perturb as add_noise
from handhold.io import find_scenes, load_scene
from handhold.io.kinds import find_grasps


def perturb(source, out, *more: str, protocol: str = "contactopt") -> int:
    return main(["data", "perturb", str(source), "--protocol", protocol, "--out", str(out), "--quiet", *more])


def record(out) -> dict:
    def refuse(value):
        raise AssertionError(f"{value} is no standard JSON")

    return json.loads((out / "perturb.json").read_text(encoding="utf-8"), parse_constant=refuse)


def contents(folder) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


@pytest.fixture
def scenes(tmp_path):
    """A folder of three scenes of slightly different hands."""
    for k in range(3):
        document = scene_document(keypoints=hand_keypoints(seed=k).tolist())
        write_scene(tmp_path / "in", document, name=f"grasp{k}.json")
    return tmp_path / "in"


@pytest.fixture
def clean(tmp_path) -> tuple:
    """A scene whose parameters are known, and they."""
    hand = Hand.open()
    params = hand.zeros()
    values = {key: getattr(params, key).tolist() for key in ("global_orient", "hand_pose", "betas", "transl")}
    document = scene_document(keypoints=None, joint_order=None, params=values)
    return write_scene(tmp_path / "in", document), hand


def test_the_scene_has_the_noise_of_its_seed_and_name(clean, tmp_path):
    path, hand = clean
    assert perturb(path, tmp_path / "out", "--seed", "5", protocol="toch-grab") == 0
    scene = load_scene(tmp_path / "out" / "scene.json")
    expected = add_noise(hand.zeros(), hand, protocol="toch-grab", generator=noise_generator(5, "scene"))
    torch.testing.assert_close(scene.params.hand_pose, expected.hand_pose, atol=1e-6, rtol=0)
    torch.testing.assert_close(scene.params.transl, expected.transl, atol=1e-6, rtol=0)
    moved = (hand(expected).joints - hand(hand.zeros()).joints).norm(dim=-1).mean() * 1e3
    (entry,) = record(tmp_path / "out")["scenes"]
    assert entry["joints_moved_mm"] == pytest.approx(float(moved), rel=1e-4)


def test_the_mesh_is_the_sources(scenes, tmp_path):
    assert perturb(scenes, tmp_path / "out") == 0
    scene = load_scene(tmp_path / "out" / "grasp0.json")
    assert scene.mesh.resolve() == (scenes / "can.obj").resolve()
    assert json.loads((tmp_path / "out" / "grasp0.json").read_text())["object"]["mesh"] == "../in/can.obj"
    assert {p.name for p in (tmp_path / "out").iterdir()} == {f"grasp{k}.json" for k in range(3)} | {
        "perturb.json"
    }


@pytest.mark.parametrize("protocol", [*PROTOCOLS, "contactopt-open"])
def test_the_record_says_what_was_done(scenes, tmp_path, protocol):
    assert perturb(scenes, tmp_path / "out", "--seed", "7", protocol=protocol) == 0
    told = record(tmp_path / "out")
    name, figures = protocol.removesuffix("-open"), told["protocol"]
    assert figures["name"] == told["provenance"]["protocol"] == f"{name}-open"
    assert (
        figures["pose_rad"] == PROTOCOLS[name].pose_rad
        and figures["components"] == PROTOCOLS[name].components
    )
    assert figures["translation_m"] == PROTOCOLS[name].translation_m
    assert {"handhold", "hand_models", "seed", "source", "pose_space"} <= set(told["provenance"])
    assert told["provenance"]["seed"] == 7 and told["failures"] == []
    moved = [s["joints_moved_mm"] for s in told["scenes"]]
    assert told["mean"]["joints_moved_mm"] == pytest.approx(np.mean(moved)) and min(moved) > 1


def test_the_same_seed_gives_a_grasp_the_same_noise_alone_or_among_others(scenes, tmp_path):
    assert perturb(scenes, tmp_path / "all") == 0 == perturb(scenes / "grasp1.json", tmp_path / "one")
    together, alone = (load_scene(tmp_path / d / "grasp1.json").params for d in ("all", "one"))
    torch.testing.assert_close(together.transl, alone.transl, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        together.hand_pose, alone.hand_pose, atol=1e-3, rtol=0
    )  # fitted in another batch
    assert perturb(scenes / "grasp1.json", tmp_path / "two", "--seed", "1") == 0
    assert not torch.allclose(
        load_scene(tmp_path / "two" / "grasp1.json").params.transl, alone.transl, atol=1e-3
    )


def test_the_record_is_no_scene(scenes, tmp_path):
    out = tmp_path / "out"
    assert perturb(scenes, out) == 0
    names = [f"grasp{k}" for k in range(3)]
    assert [p.stem for p in find_scenes(out)] == names == [p.stem for p in find_grasps(out)[0]]


def test_the_folder_goes_into_refine_and_evaluate(scenes, tmp_path):
    assert perturb(scenes, tmp_path / "out", protocol="toch-grab") == 0
    assert refine(tmp_path / "out", tmp_path / "refined") == 0
    assert {f"grasp{k}.npz" for k in range(3)} <= {p.name for p in (tmp_path / "refined").iterdir()}
    assert main(["evaluate", str(tmp_path / "out"), "--quiet", "--json", str(tmp_path / "e.json")]) == 0
    told = json.loads((tmp_path / "e.json").read_text())
    assert [g["name"] for g in told["grasps"]] == [f"grasp{k}" for k in range(3)]


def test_several_draws(clean, tmp_path):
    path, _ = clean
    assert perturb(path, tmp_path / "three", "--count", "3") == 0 == perturb(path, tmp_path / "one")
    drawn = [load_scene(p).params.transl for p in find_scenes(tmp_path / "three")]
    assert len(drawn) == 3 and not torch.allclose(drawn[0], drawn[1])
    assert torch.equal(drawn[0], load_scene(tmp_path / "one" / "scene.json").params.transl)


def test_a_result_of_refine(refined, tmp_path):
    out = tmp_path / "out"
    assert perturb(refined, out, protocol="toch-grab") == 0
    scene, result = load_scene(out / "scene.json"), arrays(refined / "scene.npz")
    assert scene.mesh.parent == out and scene.mesh.name.startswith("object-")
    np.testing.assert_allclose(scene.load_object().vertices, result["object_vertices"], atol=1e-8)
    assert np.abs(scene.params.transl.numpy() - result["transl"]).max() < 0.06
    assert perturb(refined, out, protocol="toch-grab") == 0  # and again


def test_a_motion_has_other_noise_in_every_frame(tmp_path):
    frames = np.repeat(hand_keypoints()[None], 6, axis=0)
    document = scene_document(keypoints=frames.tolist()) | {"fps": 30}
    path = write_scene(tmp_path / "in", document)
    assert perturb(path, tmp_path / "out", protocol="toch-grab") == 0
    scene = load_scene(tmp_path / "out" / "scene.json")
    assert scene.fps == 30 and scene.params.transl.shape == (6, 3)
    assert (
        len(torch.unique(scene.params.transl, dim=0)) == 6
        and record(tmp_path / "out")["scenes"][0]["frames"] == 6
    )


def test_a_left_hand(tmp_path):
    keypoints = hand_keypoints() * [-1, 1, 1]
    path = write_scene(tmp_path / "in", scene_document(keypoints=keypoints.tolist(), side="left"))
    assert perturb(path, tmp_path / "out") == 0
    assert load_scene(tmp_path / "out" / "scene.json").side == "left"


def test_units_of_the_scenes(tmp_path):
    document = scene_document(keypoints=(hand_keypoints() * 1000).tolist()) | {"units": "mm"}
    document["object"]["units"] = "m"
    path = write_scene(tmp_path / "in", document)
    assert perturb(path, tmp_path / "out", protocol="toch-grab") == 0
    scene = load_scene(tmp_path / "out" / "scene.json")
    assert scene.units == "m" and np.ptp(scene.load_object().vertices[:, 2]) == pytest.approx(0.095)


def test_table_and_json(scenes, tmp_path, capsys):
    command = ["data", "perturb", str(scenes), "--protocol", "geneoh-beta", "--out", str(tmp_path / "out")]
    assert main([*command, "--json", str(tmp_path / "copy.json")]) == 0
    text = capsys.readouterr().out
    for words in (
        "geneoh-beta-open",
        "Beta(8, 2) times 0.3 rad on 24",
        "s.d. 10 mm",
        "grasp2",
        str(tmp_path / "out"),
    ):
        assert words in text
    assert json.loads((tmp_path / "copy.json").read_text()) == record(tmp_path / "out")


def test_the_same_folder_again(scenes, tmp_path):
    out = tmp_path / "out"
    assert perturb(scenes, out) == 0
    first = contents(out)
    assert perturb(scenes, out) == 0 and contents(out) == first
    assert perturb(scenes, out, "--seed", "1") == 0 and contents(out)["grasp0.json"] != first["grasp0.json"]
    assert not [p for p in out.iterdir() if p.name.startswith(".")]


def test_a_folder_of_other_disturbed_scenes_is_not_mixed_up(scenes, tmp_path, complaint):
    out = tmp_path / "out"
    assert perturb(scenes, out, "--count", "2") == 0
    before = contents(out)
    assert perturb(scenes, out) == 2
    assert "grasp0_0.json" in complaint() and contents(out) == before


def test_what_is_the_users_stays(scenes, tmp_path, complaint):
    out = tmp_path / "out"
    out.mkdir()
    (out / "grasp1.json").write_text("mine")
    assert perturb(scenes, out) == 2
    assert "grasp1.json" in complaint() and contents(out) == {"grasp1.json": b"mine"}


def test_a_record_that_is_not_ours_stays(scenes, tmp_path, complaint):
    out = tmp_path / "out"
    out.mkdir()
    (out / "perturb.json").write_text('{"mine": true}')
    assert perturb(scenes, out) == 2
    assert "perturb.json" in complaint() and contents(out) == {"perturb.json": b'{"mine": true}'}


def test_the_input_is_never_the_output(scenes, tmp_path, complaint):
    before = contents(scenes)
    assert perturb(scenes, scenes) == 2
    assert "input" in complaint() and contents(scenes) == before
    assert perturb(scenes, tmp_path / "out") == 0
    noisy = contents(tmp_path / "out")
    assert perturb(tmp_path / "out", tmp_path / "out") == 2  # nor is noise added to noise in place
    assert "input" in complaint() and contents(tmp_path / "out") == noisy


def test_a_bad_scene_is_named_and_the_others_are_done(scenes, tmp_path, capfd):
    (scenes / "grasp1.json").write_text('{"format": "handhold-scene/1"')
    assert perturb(scenes, tmp_path / "out") == 2
    assert "grasp1.json" in capfd.readouterr().err
    assert {p.stem for p in find_scenes(tmp_path / "out")} == {"grasp0", "grasp2"}
    assert [f["name"] for f in record(tmp_path / "out")["failures"]] == ["grasp1"]


def test_a_scene_that_went_bad_leaves_no_old_noise(scenes, tmp_path, capfd):
    assert perturb(scenes, tmp_path / "out") == 0
    (scenes / "grasp1.json").write_text("{}")
    assert perturb(scenes, tmp_path / "out") == 2
    assert {p.stem for p in find_scenes(tmp_path / "out")} == {"grasp0", "grasp2"}


def test_only_bad_scenes_leave_no_folder(scene, tmp_path, complaint):
    scene.write_text("{}")
    assert perturb(scene, tmp_path / "out") == 2
    assert "scene.json" in complaint() and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["perturb", "report"])
def test_names_that_no_scene_may_have(name, tmp_path, complaint):
    path = write_scene(tmp_path / "in", name=f"{name}.json")
    assert perturb(path, tmp_path / "out") == 2
    assert "Rename" in complaint() and not (tmp_path / "out").exists()
    assert perturb(path, tmp_path / "out", "--count", "2") == 0


def test_an_unknown_protocol(scene, tmp_path, complaint):
    assert perturb(scene, tmp_path / "out", protocol="contact") == 2
    text = complaint()
    assert all(name in text for name in PROTOCOLS) and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "word"),
    [(("--count", "0"), "--count"), (("--seed", "-1"), "--seed"), (("--json", "/nowhere/x"), "/nowhere")],
)
def test_bad_options(scene, tmp_path, complaint, more, word):
    assert perturb(scene, tmp_path / "out", *more) == 2
    assert word in complaint() and not (tmp_path / "out").exists()


def test_a_source_that_is_not_there(tmp_path, complaint):
    assert perturb(tmp_path / "nothing", tmp_path / "out") == 2
    assert "nothing" in complaint()


def test_a_mesh_is_no_grasp(scene, tmp_path, complaint):
    assert perturb(scene.parent / "can.obj", tmp_path / "out") == 2
    assert "can.obj" in complaint() and not (tmp_path / "out").exists()


def test_interrupted_while_writing_leaves_nothing(scenes, tmp_path, monkeypatch):
    real, calls = handhold.cli.perturb.save_scene, []

    def save(*args, **kwargs):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(*args, **kwargs)

    monkeypatch.setattr(handhold.cli.perturb, "save_scene", save)
    assert perturb(scenes, tmp_path / "out") == 130
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [(), ("mak", "x"), ("pertub", "x")])
def test_only_the_subcommands_there_are(arguments, capfd):
    assert main(["data", *arguments]) == 2
    said = capfd.readouterr().err
    assert "perturb" in said and "Traceback" not in said and "convert" not in said


def test_help_names_the_protocols(capsys):
    assert main(["data", "perturb", "--help"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in PROTOCOLS)


def test_the_record_replaces_no_scene(scenes, tmp_path, complaint):
    before = contents(scenes)
    given = sorted(scenes.glob("*.json"))[0]
    assert perturb(scenes, tmp_path / "out", "--json", str(given)) == 2
    assert "--json" in complaint() and contents(scenes) == before
    (tmp_path / "out").mkdir()
    written = tmp_path / "out" / given.name
    assert perturb(scenes, tmp_path / "out", "--json", str(written)) == 2
    assert "--json" in complaint() and not written.exists()
