"""Grasps of other tools: sets, motions and surfaces."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from io_examples import BOX_FACES, TURN, to_openpose
from peer_examples import (
    BOX,
    N,
    as_axis_angle,
    as_matrices,
    box,
    params,
    surfaces,
    truth,
    without,
)

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.interaction.measures import measure_frame
from handhold.io.peers import looks_like_grasp_set, read_grasp_set


def test_one_alone_is_as_in_a_set(mano, write):
    values = as_axis_angle(truth("right"), "right")
    pose = np.tile(np.eye(4), (N, 1, 1))
    pose[:, :3, 3] = [[0.1, 0, 0], [0, 0.2, 0], [0, 0, 0.3]]
    together = read_grasp_set(
        write(values | box(side="right", T_world_object=pose, names=np.array(["a", "b", "c"]))),
        mano=mano["right"],
    )
    assert [g.name for g in together] == ["a", "b", "c"]
    one = {k: v[1] if isinstance(v, np.ndarray) else v for k, v in values.items()}
    (alone,) = read_grasp_set(write(one | box(side="right", T_world_object=pose[1])), mano=mano["right"])
    assert alone.name == "peer" and not alone.is_motion
    assert np.allclose(alone.hand_vertices, together[1].hand_vertices, atol=1e-6)
    assert np.allclose(alone.T_world_object, together[1].T_world_object)
    assert torch.allclose(alone.params.hand_pose, together[1].params.hand_pose)


def test_what_has_no_leading_axis_goes_for_all(mano, write):
    values = as_axis_angle(truth("right"), "right")
    values["betas"] = values["betas"][0]
    grasps = read_grasp_set(write(values | box(side="right")), mano=mano["right"])
    assert all(torch.equal(g.params.betas, grasps[0].params.betas) for g in grasps)
    assert grasps[0].T_world_object.tolist() == np.eye(4).tolist()


def test_fps_makes_a_motion(mano, write):
    values = as_axis_angle(truth("right"), "right") | box(side="right", fps=25, names="wave")
    (motion,) = read_grasp_set(write(values), mano=mano["right"])
    assert motion.is_motion and motion.fps == 25 and motion.name == "wave"
    assert motion.hand_vertices.shape == (N, 779, 3) and len(list(motion.frames())) == N
    del values["fps"]
    frames = read_grasp_set(write(values | {"names": np.array(list("abc"))}), mano=mano["right"])
    assert np.allclose(motion.hand_vertices[2], frames[2].hand_vertices)


@pytest.mark.parametrize("side", ["right", "left"])
def test_surfaces_are_closed_at_the_wrist(side, write):
    given = surfaces(side) | {"side": side}
    grasps = read_grasp_set(write(given))
    assert len(grasps) == N and all(g.object is grasps[0].object for g in grasps)
    for k, grasp in enumerate(grasps):
        assert np.allclose(grasp.hand_vertices[:778], given["hand_vertices"][k], atol=1e-12)
        assert grasp.hand_vertices.shape == (779, 3) and grasp.hand_faces.shape == (1554, 3)
        assert grasp.notes == ("the wrist was closed by a fan of 16 faces",)
        assert np.allclose(to_openpose(grasp.joints), given["joints"][k])
        assert grasp.hand is None and grasp.params is None and grasp.no_model
        figures = measure_frame(next(grasp.frames()))
        assert np.isfinite([figures.iv_cm3, figures.pd_mm, figures.bones_through]).all()


def test_npz_and_json_are_read_alike(mano, write):
    for given in (surfaces(), as_matrices(truth("right"), "right") | box(side="right")):
        by_npz = read_grasp_set(write(given, "peer.npz"), mano=mano["right"])
        by_json = read_grasp_set(write(given, "peer.json"), mano=mano["right"])
        for one, other in zip(by_npz, by_json, strict=True):
            assert one.name == other.name and one.notes == other.notes
            assert np.array_equal(one.hand_vertices, other.hand_vertices)
            assert np.array_equal(one.object.vertices, other.object.vertices)


def test_millimetres(write):
    metres, millimetres = surfaces(), surfaces(units="mm")
    pose = np.eye(4)
    pose[:3, 3] = [0.1, 0.2, 0.3]
    metres["T_world_object"] = pose
    millimetres["T_world_object"] = np.where(np.arange(4) == 3, pose * [[1e3], [1e3], [1e3], [1]], pose)
    for key in ("hand_vertices", "joints", "object_vertices"):
        millimetres[key] = millimetres[key] * 1e3
    for one, other in zip(read_grasp_set(write(metres)), read_grasp_set(write(millimetres))):
        assert np.allclose(one.hand_vertices, other.hand_vertices)
        assert np.allclose(one.joints, other.joints)
        assert np.allclose(one.object.vertices, other.object.vertices)
        assert np.allclose(one.T_world_object, other.T_world_object)
    del millimetres["units"]
    again = read_grasp_set(write(millimetres), units="mm")
    assert np.allclose(again[0].hand_vertices, other.hand_vertices, atol=1)


def test_manos_own_vertices_need_no_faces_but_the_file(mano, write):
    given = surfaces()
    faces = given.pop("hand_faces")
    with pytest.raises(InputError, match=r"hand_faces.*missing.*778.*--mano"):
        read_grasp_set(write(given))
    with_file = read_grasp_set(write(given), mano=mano["right"])
    own = read_grasp_set(write(given | {"hand_faces": faces}))
    assert with_file[0].hand_vertices.shape == own[0].hand_vertices.shape
    assert sorted(map(sorted, with_file[0].hand_faces.tolist())) == sorted(
        map(sorted, own[0].hand_faces.tolist())
    )
    figures = measure_frame(next(with_file[0].frames()))
    assert with_file[0].hand is not None and np.isfinite(figures.fingers_in_contact)  # MANO's labels fit
    assert np.isnan(figures.limit_violation_deg)  # but there are no parameters


def test_another_sides_mano_file_does_no_harm_to_surfaces(mano, write):
    given = surfaces("left") | {"side": "left"}
    (grasp, *_) = read_grasp_set(write(given), mano=mano["right"])
    assert grasp.hand is None and "right hand" in grasp.no_model
    with pytest.raises(InputError, match="right hand"):
        read_grasp_set(write(without(given, "hand_faces")), mano=mano["right"])


def test_a_hand_with_a_hole_stays_open(write):
    given = surfaces()
    tip = 320
    given["hand_faces"] = given["hand_faces"][~(given["hand_faces"] == tip).any(1)]
    (grasp, *_) = read_grasp_set(write(given))
    assert grasp.notes == () and grasp.hand_vertices.shape == (778, 3)
    closed = Hand.open()
    only_tip = closed.faces.numpy()
    only_tip = only_tip[~(only_tip == int(closed.tip_vertices[1])).any(1)]
    vertices = closed.template.double().numpy()
    (grasp,) = read_grasp_set(write(box(hand_vertices=vertices, hand_faces=only_tip)))
    assert grasp.notes == () and len(grasp.hand_vertices) == len(vertices)


def test_a_hand_that_is_inside_out_is_turned(write):
    given = surfaces()
    mirrored = given | {"hand_vertices": given["hand_vertices"] * [-1, 1, 1], "side": "left"}
    del mirrored["joints"]
    (grasp, *_) = read_grasp_set(write(mirrored))
    assert grasp.notes[1:] == ("the hand's faces looked inward and were turned",)
    del given["joints"]
    (sound, *_) = read_grasp_set(write(given))
    a, b, c = np.moveaxis(grasp.hand_vertices[grasp.hand_faces], 1, 0)
    p, q, r = np.moveaxis(sound.hand_vertices[sound.hand_faces], 1, 0)
    assert np.isclose((np.cross(a, b) * c).sum(), (np.cross(p, q) * r).sum())


def in_world(pair) -> np.ndarray:
    T = pair.T_world_object
    return pair.object.vertices @ T[:3, :3].T + T[:3, 3]


def test_the_objects_pose_in_grabs_convention(write):
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = TURN.numpy(), [0.1, 0.2, 0.3]
    grab = surfaces(T_world_object=pose, object_rotation_transposed=True)
    (grasp, *_) = read_grasp_set(write(grab))
    placed = in_world(grasp)
    assert np.allclose(placed, BOX @ pose[:3, :3] + pose[:3, 3])
    (plain, *_) = read_grasp_set(write(surfaces(T_world_object=pose)))
    placed = in_world(plain)
    assert np.allclose(placed, BOX @ pose[:3, :3].T + pose[:3, 3])


def test_an_object_from_a_mesh_file_and_what_was_mended(write, tmp_path):
    lines = [f"v {x} {y} {z}" for x, y, z in BOX * 100] + [
        f"f {a + 1} {b + 1} {c + 1}" for a, b, c in BOX_FACES[:, ::-1]
    ]
    (tmp_path / "thing.obj").write_text("\n".join(lines))
    given = surfaces(object_mesh="thing.obj", object_units="cm")
    del given["object_vertices"], given["object_faces"]
    (grasp, *_) = read_grasp_set(write(given))
    assert grasp.object.name == "thing" and np.allclose(grasp.object.vertices, BOX)
    assert any(note.startswith("object: ") and "inside out" in note for note in grasp.notes)


def test_keypoints_and_soft_tissue(mano, write):
    given = surfaces()
    given["keypoints"] = given["joints"] + 0.004
    given["keypoints"][:, 5] = np.nan
    given["fitted_vertices"] = given["hand_vertices"] - [0, 0, 0.001]
    (grasp, *_) = read_grasp_set(write(given))
    figures = measure_frame(next(grasp.frames()))
    assert np.isclose(figures.moved_mm, 4 * 3**0.5) and np.isclose(figures.tissue_max_mm, 1.0)
    params = as_axis_angle(truth("right"), "right") | box(side="right", keypoints=given["keypoints"])
    (grasp, *_) = read_grasp_set(write(params), mano=mano["right"])
    assert np.isclose(measure_frame(next(grasp.frames())).moved_mm, 4 * 3**0.5, rtol=1e-3)


def test_mano_joint_order(write):
    given = surfaces(joint_order="mano")
    given["joints"] = given["joints"][:, np.argsort(to_openpose(np.arange(21)[:, None])[:, 0])]
    (grasp, *_) = read_grasp_set(write(given))
    assert np.allclose(grasp.joints, given["joints"][0])


def test_a_set_looks_like_one(write, scene, write_scene, tmp_path):
    for name in ("peer.npz", "peer.json"):
        assert looks_like_grasp_set(write(surfaces(), name))
        assert looks_like_grasp_set(write(params(), name))
        assert not looks_like_grasp_set(write(box(), name))
        assert not looks_like_grasp_set(write(surfaces() | {"format": "handhold-grasp/1"}, name))
    scene["hand"]["params"] = {"global_orient": [0, 0, 0]}
    assert not looks_like_grasp_set(write_scene(scene))
    del scene["format"]
    assert not looks_like_grasp_set(write_scene(scene))
    (tmp_path / "empty.json").write_bytes(b"")
    (tmp_path / "cut.npz").write_bytes(b"PK\3\4 and no more")
    for name in ("empty.json", "cut.npz", "none.npz", "."):
        assert not looks_like_grasp_set(tmp_path / name)


def test_a_hand_far_from_the_object_is_read(write):
    pose = np.eye(4)
    pose[0, 3] = 3.0
    assert len(read_grasp_set(write(surfaces(T_world_object=pose)))) == N
