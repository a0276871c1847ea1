"""The GLB, read by an independent reader of glTF written from the specification."""

import json
import struct

import numpy as np
import pytest
import torch
from io_examples import make_grasp, make_motion

from handhold.errors import InputError
from handhold.hand.skeleton import JOINT_NAMES, TIP_NAMES
from handhold.io.glb import MORPH_FRAMES, save_glb

DTYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Glb:
    """glTF's node hierarchy, animation, morphing and skinning (specification 3.5 to 3.8, 3.11)."""

    def __init__(self, path):
        data = path.read_bytes()
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON" and size % 4 == 0
        self.doc = json.loads(data[20 : 20 + size])
        length, kind = struct.unpack_from("<I4s", data, 20 + size)
        assert kind == b"BIN\0" and length % 4 == 0
        self.bin = data[28 + size : 28 + size + length]

    def raw(self, view, dtype, count):
        start = self.doc["bufferViews"][view].get("byteOffset", 0)
        assert start % np.dtype(dtype).itemsize == 0
        return np.frombuffer(self.bin, dtype, count, start)

    def array(self, index):
        a = self.doc["accessors"][index]
        width, dtype = WIDTHS[a["type"]], DTYPES[a["componentType"]]
        values = np.zeros((a["count"], width), dtype)
        if "bufferView" in a:
            values[:] = self.raw(a["bufferView"], dtype, a["count"] * width).reshape(-1, width)
        if sparse := a.get("sparse"):
            rows = self.raw(
                sparse["indices"]["bufferView"], DTYPES[sparse["indices"]["componentType"]], sparse["count"]
            )
            assert (np.diff(rows.astype(int)) > 0).all()
            values[rows] = self.raw(sparse["values"]["bufferView"], dtype, sparse["count"] * width).reshape(
                -1, width
            )
        if "min" in a:
            np.testing.assert_allclose(values.min(0), a["min"])
            np.testing.assert_allclose(values.max(0), a["max"])
        return values[:, 0] if width == 1 else values

    def nodes_at(self, frame=None):
        """The nodes' properties, from the animation's keyframe if one is asked for."""
        nodes = [dict(n) for n in self.doc["nodes"]]
        if frame is None:
            return nodes
        animation = self.doc["animations"][0]
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            times, values = self.array(sampler["input"]), self.array(sampler["output"])
            values = values.reshape(len(times), -1)
            nodes[channel["target"]["node"]][channel["target"]["path"]] = values[frame].tolist()
        return nodes

    def matrices(self, nodes):
        """Global transform of every node."""
        world = [None] * len(nodes)

        def visit(index, parent):
            assert world[index] is None, "a node with two parents"
            world[index] = parent @ local(nodes[index])
            for child in nodes[index].get("children", []):
                visit(child, world[index])

        for index in self.doc["scenes"][0]["nodes"]:
            visit(index, np.eye(4))
        return world

    def node(self, name):
        return next(i for i, n in enumerate(self.doc["nodes"]) if n["name"] == name)

    def mesh_vertices(self, name, *, frame=None, morph=True):
        """Vertices of a node's mesh in glTF's world."""
        nodes = self.nodes_at(frame)
        world = self.matrices(nodes)
        index = self.node(name)
        mesh = self.doc["meshes"][nodes[index]["mesh"]]
        (primitive,) = mesh["primitives"]
        positions = self.array(primitive["attributes"]["POSITION"]).astype(float)
        weights = nodes[index].get("weights", mesh.get("weights", []))
        for weight, target in zip(weights, primitive.get("targets", []), strict=True):
            positions = positions + morph * weight * self.array(target["POSITION"])
        points = np.concatenate((positions, np.ones((len(positions), 1))), 1)
        if "skin" not in nodes[index]:
            return (points @ world[index].T)[:, :3]
        skin = self.doc["skins"][nodes[index]["skin"]]
        inverse = self.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        joint = np.stack([world[j] for j in skin["joints"]]) @ inverse
        blended = np.zeros((len(points), 4, 4))
        total = np.zeros(len(points))
        for k in range(4):
            if f"JOINTS_{k}" not in primitive["attributes"]:
                break
            j = self.array(primitive["attributes"][f"JOINTS_{k}"])
            w = self.array(primitive["attributes"][f"WEIGHTS_{k}"]).astype(float)
            blended += np.einsum("vk,vkab->vab", w, joint[j])
            total += w.sum(1)
        np.testing.assert_allclose(total, 1, atol=1e-5)
        return np.einsum("vab,vb->va", blended, points)[:, :3]


def local(node):
    matrix = np.eye(4)
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    assert abs(x * x + y * y + z * z + w * w - 1) < 1e-5
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def y_up(points):
    """The z-up world's points as glTF has them: x, z, -y."""
    return np.stack((points[..., 0], points[..., 2], -points[..., 1]), -1)


def furthest(a, b):
    return np.linalg.norm(a - np.asarray(b), axis=-1).max()


def nearest(points, cloud):
    return np.linalg.norm(points[:, None] - cloud[None], axis=-1).min(1).max()


def test_skinned_and_morphed_hand_is_the_grasps_surface(grasp, tmp_path):
    save_glb(grasp, tmp_path / "g.glb")
    glb = Glb(tmp_path / "g.glb")
    name = f"{grasp.hand.side}_hand"
    assert furthest(glb.mesh_vertices(name), y_up(grasp.surface().vertices.numpy())) < 1e-4
    fitted = y_up(grasp.fitted().vertices.numpy())
    assert furthest(glb.mesh_vertices(name, morph=False), fitted) < 1e-4
    assert furthest(glb.mesh_vertices(name), fitted) > 1e-3  # the soft tissue is there at all


def test_up_y_leaves_the_world_as_it_is(tmp_path):
    grasp = make_grasp()
    save_glb(grasp, tmp_path / "g.glb", up="y")
    hand = Glb(tmp_path / "g.glb").mesh_vertices("right_hand")
    assert furthest(hand, grasp.surface().vertices.numpy()) < 1e-4


def test_object_stands_where_the_grasp_has_it(grasp, tmp_path):
    save_glb(grasp, tmp_path / "g.glb")
    corners = Glb(tmp_path / "g.glb").mesh_vertices("box")
    expected = y_up(grasp.object_vertices().numpy())
    assert nearest(corners, expected) < 1e-6 and nearest(expected, corners) < 1e-6


def test_box_has_sharp_edges_and_outward_normals(tmp_path):
    save_glb(make_grasp(), tmp_path / "g.glb")
    glb = Glb(tmp_path / "g.glb")
    (primitive,) = glb.doc["meshes"][0]["primitives"]
    positions, normals = (glb.array(primitive["attributes"][k]) for k in ("POSITION", "NORMAL"))
    assert len(positions) == 24  # three normals at each of eight corners
    np.testing.assert_allclose(np.abs(normals).max(1), 1, atol=1e-6)
    assert ((positions * normals).sum(1) > 0).all()


def test_joint_and_tip_nodes_stand_at_the_grasps_joints(grasp, tmp_path):
    save_glb(grasp.with_(offsets=None), tmp_path / "g.glb")
    glb = Glb(tmp_path / "g.glb")
    world = glb.matrices(glb.nodes_at())
    joints = y_up(grasp.fitted().joints.numpy())
    for name, joint in zip((*JOINT_NAMES, *TIP_NAMES), joints, strict=True):
        tolerance = 1e-4 if name in JOINT_NAMES else 5e-4  # a tip is a skinned vertex: nearly rigid
        assert np.linalg.norm(world[glb.node(name)][:3, 3] - joint) < tolerance, name


def test_motion_plays_as_the_grasp_moves(motion, tmp_path):
    save_glb(motion, tmp_path / "m.glb")
    glb = Glb(tmp_path / "m.glb")
    hands, boxes = y_up(motion.surface().vertices.numpy()), y_up(motion.object_vertices().numpy())
    for frame in range(len(hands)):
        assert furthest(glb.mesh_vertices("right_hand", frame=frame), hands[frame]) < 1e-4
        assert nearest(boxes[frame], glb.mesh_vertices("box", frame=frame)) < 1e-5
    assert furthest(glb.mesh_vertices("right_hand"), hands[0]) < 1e-4  # not played, it shows the first frame
    animation = glb.doc["animations"][0]
    times = glb.array(animation["samplers"][0]["input"])
    np.testing.assert_allclose(times, np.arange(5) / 30, atol=1e-6)


def test_quaternions_take_the_short_way(tmp_path):
    save_glb(make_motion(frames=40, soft=False), tmp_path / "m.glb")
    glb = Glb(tmp_path / "m.glb")
    animation = glb.doc["animations"][0]
    for channel in animation["channels"]:
        if channel["target"]["path"] == "rotation":
            values = glb.array(animation["samplers"][channel["sampler"]]["output"])
            assert ((values[1:] * values[:-1]).sum(1) > 0).all()


def test_soft_tissue_everywhere_is_stored_densely(tmp_path):
    save_glb(make_grasp(), tmp_path / "g.glb")
    glb = Glb(tmp_path / "g.glb")
    (target,) = glb.doc["meshes"][1]["primitives"][0]["targets"]
    assert "sparse" not in glb.doc["accessors"][target["POSITION"]]


def test_no_soft_tissue_no_morph_target(tmp_path):
    save_glb(make_grasp(soft=False), tmp_path / "g.glb")
    mesh = Glb(tmp_path / "g.glb").doc["meshes"][1]
    assert "targets" not in mesh["primitives"][0] and "weights" not in mesh


def test_only_moved_vertices_are_stored(tmp_path):
    grasp = make_grasp()
    offsets = torch.zeros_like(grasp.offsets)
    offsets[:7] = 0.002
    save_glb(grasp.with_(offsets=offsets), tmp_path / "g.glb")
    glb = Glb(tmp_path / "g.glb")
    (target,) = glb.doc["meshes"][1]["primitives"][0]["targets"]
    assert glb.doc["accessors"][target["POSITION"]]["sparse"]["count"] == 7
    assert glb.doc["meshes"][1]["extras"]["targetNames"] == ["soft_tissue"]


def test_long_motion_leaves_soft_tissue_out_and_says_so(tmp_path):
    motion = make_motion(frames=MORPH_FRAMES + 1, soft=False)
    offsets = torch.full((MORPH_FRAMES + 1, len(motion.hand.template), 3), 0.002)
    save_glb(motion.with_(offsets=offsets), tmp_path / "m.glb")
    glb = Glb(tmp_path / "m.glb")
    assert "left out" in glb.doc["asset"]["extras"]["soft_tissue"]
    fitted = y_up(motion.fitted().vertices.numpy())
    assert furthest(glb.mesh_vertices("right_hand", frame=100), fitted[100]) < 1e-4


def test_pose_correctives_go_into_the_morph_target(tmp_path):
    grasp = make_grasp(soft=False)
    generator = torch.Generator().manual_seed(1)
    size = (len(grasp.hand.template), 3, 135)
    from dataclasses import replace

    hand = replace(grasp.hand, pose_directions=2e-4 * torch.randn(size, generator=generator))
    grasp = grasp.with_(hand=hand)
    save_glb(grasp, tmp_path / "g.glb")
    assert (
        furthest(Glb(tmp_path / "g.glb").mesh_vertices("right_hand"), y_up(grasp.surface().vertices.numpy()))
        < 1e-4
    )


def test_four_weights_suffice_where_no_vertex_has_more(tmp_path):
    from dataclasses import replace

    grasp = make_grasp()
    weights = torch.nn.functional.one_hot(grasp.hand.skin_weights.argmax(-1), 16).float()
    save_glb(grasp.with_(hand=replace(grasp.hand, skin_weights=weights)), tmp_path / "g.glb")
    attributes = Glb(tmp_path / "g.glb").doc["meshes"][1]["primitives"][0]["attributes"]
    assert "JOINTS_0" in attributes and "JOINTS_1" not in attributes


def test_folded_skin_stays_finite(tmp_path):
    """A joint turned by half a turn folds its skin flat: no inverse exists there."""
    grasp = make_grasp(soft=True)
    grasp.params.hand_pose[4] = torch.tensor([torch.pi, 0.0, 0.0])
    save_glb(grasp, tmp_path / "g.glb")
    hand = Glb(tmp_path / "g.glb").mesh_vertices("right_hand")
    assert np.isfinite(hand).all() and furthest(hand, y_up(grasp.surface().vertices.numpy())) < 0.01


def test_asset_says_whose_hand_it_is(tmp_path):
    save_glb(make_grasp(), tmp_path / "g.glb")
    asset = Glb(tmp_path / "g.glb").doc["asset"]
    assert asset["version"] == "2.0" and asset["generator"].startswith("handhold ")
    assert asset["extras"]["hand_model_version"] == make_grasp().hand.version
    assert "CC0" in asset["extras"]["licence"]


def test_trimesh_reads_it(grasp, tmp_path):
    import trimesh

    save_glb(grasp, tmp_path / "g.glb")
    loaded = trimesh.load_scene(tmp_path / "g.glb")
    assert len(loaded.geometry) == 2
    counts = {len(m.faces) for m in loaded.geometry.values()}
    assert counts == {12, len(grasp.hand.faces)}


def test_unwritable_place_is_an_input_error_and_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match=r"g\.glb"):
        save_glb(make_grasp(), tmp_path / "absent" / "g.glb")
    assert list(tmp_path.iterdir()) == []
