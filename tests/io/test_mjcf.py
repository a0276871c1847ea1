"""MuJoCo itself loads what is written, and finds everything where the grasp has it."""

import numpy as np
import pytest
from io_examples import box, make_grasp, make_motion

from handhold.errors import InputError
from handhold.hand.hulls import PIECE_NAMES, bones_of_model
from handhold.interaction.grasp import Grasp
from handhold.io.mjcf import save_mjcf
from handhold.objects import ObjectMesh
from handhold.objects.inertia import true_inertia

mujoco = pytest.importorskip("mujoco")


def loaded(grasp: Grasp, folder, *, name="g", **options):
    save_mjcf(grasp, folder / f"{name}.xml", **options)
    model = mujoco.MjModel.from_xml_path(str(folder / f"{name}.xml"))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def world_vertices(model, data, geom):
    """Vertices of a mesh geom in the world frame, and its faces."""
    index = model.geom(geom).id
    mesh = model.geom_dataid[index]
    start, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
    first, faces = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
    points = (
        model.mesh_vert[start : start + count] @ data.geom_xmat[index].reshape(3, 3).T + data.geom_xpos[index]
    )
    return points, model.mesh_face[first : first + faces]


def apart(a, b):
    """Hausdorff distance of two small point sets."""
    gaps = np.linalg.norm(np.asarray(a)[:, None] - np.asarray(b)[None], axis=-1)
    return max(gaps.min(0).max(), gaps.min(1).max())


def test_bodies_stand_where_the_grasp_has_them(grasp, tmp_path):
    model, data = loaded(grasp, tmp_path)
    pose = grasp.T_world_object.numpy()
    np.testing.assert_allclose(data.body("object").xpos, pose[:3, 3], atol=1e-6)
    np.testing.assert_allclose(data.body("object").xmat.reshape(3, 3), pose[:3, :3], atol=1e-6)
    wrist = grasp.surface().T_world_joint[0].numpy()
    np.testing.assert_allclose(data.body("hand").xpos, wrist[:3, 3], atol=1e-6)
    np.testing.assert_allclose(data.body("hand").xmat.reshape(3, 3), wrist[:3, :3], atol=1e-6)
    assert model.body("hand").mocapid[0] == 0
    assert apart(world_vertices(model, data, "visual_hand")[0], grasp.surface().vertices) < 1e-5
    assert apart(world_vertices(model, data, "visual_object")[0], grasp.object_vertices()) < 1e-5
    assert apart(world_vertices(model, data, "object_0")[0], grasp.object_vertices()) < 1e-5


def test_every_bone_hull_contains_its_vertices(grasp, tmp_path):
    from scipy.spatial import ConvexHull

    model, data = loaded(grasp, tmp_path)
    vertices, bones = grasp.surface().vertices.double().numpy(), bones_of_model(grasp.hand)
    for joint, name in enumerate(PIECE_NAMES):
        hull, faces = world_vertices(model, data, f"hand_{name}")
        planes = ConvexHull(hull).equations
        outside = (vertices[bones == joint] @ planes[:, :3].T + planes[:, 3]).max()
        assert outside < 1e-5, name
        a, b, c = hull[faces].transpose(1, 0, 2)
        volume = (np.cross(a, b) * c).sum() / 6
        assert volume == pytest.approx(ConvexHull(hull).volume, rel=1e-3)  # closed, and outward


def test_it_runs(tmp_path):
    model, data = loaded(make_grasp(), tmp_path, ground=0.0)
    for _ in range(10):
        mujoco.mj_step(model, data)
    assert np.isfinite(data.qpos).all() and np.isfinite(data.qvel).all()
    assert data.warning[mujoco.mjtWarning.mjWARN_BADQACC].number == 0


@pytest.mark.parametrize(("up", "axis"), [("z", 2), ("y", 1)])
def test_a_box_far_from_the_hand_falls_freely(tmp_path, up, axis):
    grasp = make_grasp()
    pose = grasp.T_world_object.clone()
    pose[:3, 3] += 5
    model, data = loaded(grasp.with_(T_world_object=pose), tmp_path, up=up)
    steps, start = 50, data.qpos[axis].copy()
    for _ in range(steps):
        mujoco.mj_step(model, data)
    time = steps * model.opt.timestep
    assert start - data.qpos[axis] == pytest.approx(0.5 * 9.81 * time**2, rel=0.05)


def test_mass_and_inertia_are_the_boxs(tmp_path):
    model, _ = loaded(make_grasp(), tmp_path, density=500.0)
    sides = np.array([0.06, 0.04, 0.1])
    mass = 500 * sides.prod()
    assert model.body("object").mass[0] == pytest.approx(mass, rel=1e-6)
    expected = mass / 12 * (np.square(sides).sum() - np.square(sides))
    np.testing.assert_allclose(np.sort(model.body("object").inertia), np.sort(expected), rtol=1e-5)


def test_inertia_about_the_centre_of_mass_of_a_shifted_box():
    moved = ObjectMesh.from_arrays(box().vertices + np.array([1.0, 2.0, 3.0]), box().faces)
    inertia = true_inertia(moved, density=500.0)
    np.testing.assert_allclose(inertia.centre, [1, 2, 3], atol=1e-9)
    np.testing.assert_allclose(inertia.tensor, true_inertia(box(), density=500.0).tensor, atol=1e-9)


def test_an_open_object_gets_the_mass_of_its_pieces(tmp_path, monkeypatch):
    whole = box()
    opened = ObjectMesh.from_arrays(whole.vertices, whole.faces[:-2], name="open", mend=False)
    assert opened.volume_m3 is None and true_inertia(opened, density=500.0) is None
    monkeypatch.setattr("handhold.io.mjcf.convex_pieces", lambda item: [(whole.vertices, whole.faces)])
    model, _ = loaded(make_grasp().with_(object=opened), tmp_path, density=500.0)
    assert model.body("object").mass[0] == pytest.approx(500 * 0.06 * 0.04 * 0.1, rel=1e-4)


def test_true_shapes_are_seen_and_not_felt(tmp_path):
    model, _ = loaded(make_grasp(), tmp_path)
    for name in ("visual_hand", "visual_object"):
        geom = model.geom(name)
        assert geom.group[0] == 2 and geom.contype[0] == 0 and geom.conaffinity[0] == 0
    assert model.geom("hand_index0").contype[0] == 1


def test_frame_of_a_motion(tmp_path):
    motion = make_motion()
    for frame, options in ((0, {}), (3, {"frame": 3}), (4, {"frame": -1})):
        model, data = loaded(motion, tmp_path, name=f"frame{frame}", **options)
        np.testing.assert_allclose(data.body("object").xpos, motion.T_world_object[frame, :3, 3], atol=1e-6)
        vertices = motion.surface().vertices[frame]
        assert apart(world_vertices(model, data, "visual_hand")[0], vertices) < 1e-5
    with pytest.raises(InputError, match="0 to 4"):
        save_mjcf(motion, tmp_path / "g.xml", frame=5)
    with pytest.raises(InputError, match="0 to 0"):
        save_mjcf(make_grasp(), tmp_path / "g.xml", frame=1)


def test_written_twice_replaced_whole(tmp_path):
    save_mjcf(make_grasp(), tmp_path / "g.xml")
    (tmp_path / "g_assets" / "stale.obj").touch()
    save_mjcf(make_grasp("left"), tmp_path / "g.xml")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g.xml", "g_assets"]
    assert not (tmp_path / "g_assets" / "stale.obj").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "g_assets").mkdir()
    (tmp_path / "g_assets" / "thesis.docx").touch()
    with pytest.raises(InputError, match="g_assets"):
        save_mjcf(make_grasp(), tmp_path / "g.xml")
    assert (tmp_path / "g_assets" / "thesis.docx").exists() and not (tmp_path / "g.xml").exists()


def test_nothing_is_left_of_a_failed_write(tmp_path, monkeypatch):
    monkeypatch.setattr("handhold.io.mjcf.ET.ElementTree.write", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_mjcf(make_grasp(), tmp_path / "g.xml")
    assert list(tmp_path.iterdir()) == []


def test_names_that_xml_must_escape(tmp_path):
    loaded(make_grasp().with_(name='a "b" <c> & d'), tmp_path)
