"""Good files of every format give the same object; bad ones give one clear message."""

import os
import time

import numpy as np
import pytest
import trimesh

from handhold.errors import InputError
from handhold.objects import ObjectMesh

BALL = trimesh.creation.icosphere(2, radius=0.05)
ENDINGS = ("obj", "ply", "stl", "glb", "gltf", "off")


def content(ending: str) -> bytes:
    if ending == "gltf":
        mesh = trimesh.Scene(BALL).export(file_type="gltf", embed_buffers=True)
        return mesh["model.gltf"]
    data = BALL.export(file_type=ending)
    return data if isinstance(data, bytes) else data.encode()


def write(folder, name: str, data: bytes | str):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ["ball", "Ein Ball, größer 球", "BALL"])
def test_every_format_gives_the_same_ball(tmp_path, ending, name):
    ending = ending.upper() if name == "BALL" else ending
    loaded = ObjectMesh.load(write(tmp_path, f"{name}.{ending}", content(ending.lower())))
    assert loaded.name == name
    assert len(loaded.vertices) == len(BALL.vertices) and len(loaded.faces) == len(BALL.faces)
    assert loaded.volume_m3 == pytest.approx(BALL.volume, rel=1e-4)


def test_ascii_stl_and_ply(tmp_path):
    stl = write(tmp_path, "a.stl", BALL.export(file_type="stl_ascii"))
    ply = write(tmp_path, "a.ply", BALL.export(file_type="ply", encoding="ascii"))
    for path in (stl, ply):
        assert ObjectMesh.load(path).volume_m3 == pytest.approx(BALL.volume, rel=1e-4)


@pytest.mark.skipif(os.name == "nt", reason="folder permissions")
def test_nothing_is_written_beside_the_file(tmp_path):
    path = write(tmp_path, "ball.obj", b"mtllib missing.mtl\nusemtl gone\n" + content("obj"))
    tmp_path.chmod(0o555)
    try:
        ObjectMesh.load(path).grid(resolution=8)
    finally:
        tmp_path.chmod(0o755)
    assert os.listdir(tmp_path) == ["ball.obj"]


def test_scene_graph_is_applied(tmp_path):
    scene = trimesh.Scene()
    shift = np.eye(4)
    shift[:3, 3] = [0.2, 0, 0]
    scene.add_geometry(BALL, node_name="one")
    scene.add_geometry(BALL, node_name="two", transform=shift)
    pair = ObjectMesh.load(write(tmp_path, "two.glb", scene.export(file_type="glb")))
    assert pair.report.components == 2
    np.testing.assert_allclose(pair.extents, [0.3, 0.1, 0.1], atol=1e-4)


CUBE = """
v 0 0 0 0.5 0.5 0.5
v .1 0 0\nv .1 .1 0\nv 0 .1 0\nv 0 0 .1\nv .1 0 .1\nv .1 .1 .1\nv 0 .1 .1
vt 0 0\nvt 1 0\nvt 1 1\nvn 0 0 1
g sides
"""


@pytest.mark.parametrize(
    "faces",
    [
        "f 4 3 2 1\nf 5 6 7 8\nf 1 2 6 5\nf 3 4 8 7\nf 2 3 7 6\nf 4 1 5 8\n",
        "f -5 -6 -7 -8\nf -4 -3 -2 -1\nf -8 -7 -3 -4\nf -6 -5 -1 -2\nf -7 -6 -2 -3\nf -5 -8 -4 -1\n",
        "f 4/1/1 3/2/1 2/3/1 1/1/1\nf 5//1 6//1 7//1 8//1\nf 1/1 2/2 \\\n6/3 5/2 # comment\nf 3 4 8 7\n"
        "f 2 3 7\nf 2 7 6\nf 4 1 5 8\n",
    ],
    ids=["quads", "relative indices", "textures, normals, comments"],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_obj_dialects(tmp_path, faces, newline):
    text = (CUBE + faces).replace("\n", newline)
    cube = ObjectMesh.load(write(tmp_path, "cube.obj", text))
    assert cube.report.findings == () and cube.volume_m3 == pytest.approx(1e-3)
    np.testing.assert_array_equal(cube.vertices[6], [0.1, 0.1, 0.1])  # the file's order


def test_polygons_of_other_formats(tmp_path):
    corners = "0 0 0\n.1 0 0\n.1 .1 0\n0 .1 0\n0 0 .1\n.1 0 .1\n.1 .1 .1\n0 .1 .1\n"
    faces = "4 3 2 1 0\n4 4 5 6 7\n4 0 1 5 4\n4 2 3 7 6\n4 1 2 6 5\n3 3 0 4\n3 3 4 7\n"
    header = (
        "ply\nformat ascii 1.0\nelement vertex 8\nproperty float x\nproperty float y\nproperty float z\n"
        "element face 7\nproperty list uchar int vertex_indices\nend_header\n"
    )
    for name, text in (("a.off", "OFF\n8 7 0\n" + corners + faces), ("a.ply", header + corners + faces)):
        assert ObjectMesh.load(write(tmp_path, name, text)).volume_m3 == pytest.approx(1e-3, rel=1e-5)


NOISE = np.random.default_rng(0).integers(0, 256, 3000, dtype=np.uint8).tobytes()


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("damage", ["empty", "noise", "text", "zeros", "head", "half", "pointer"])
def test_damaged_files(tmp_path, ending, damage):
    data = content(ending)
    bad = {
        "empty": b"",
        "noise": NOISE,
        "text": b"<html>404 not found</html>\n",
        "zeros": bytes(500),
        "head": data[:25],
        "half": data[: len(data) // 2],
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 100\n",
    }[damage]
    if ending == "obj" and damage == "half":
        bad = b"\n".join(data.splitlines()[:100]) + b"\nv 0.1 0."
    path = write(tmp_path, f"bad file.{ending}", bad)
    with pytest.raises(InputError) as caught:
        ObjectMesh.load(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message and len(message) < 500
    if damage == "pointer":
        assert "git lfs pull" in message
    if damage == "empty":
        assert "empty" in message


@pytest.mark.parametrize("ending", ["ply", "stl", "glb", "off"])
def test_files_that_lack_their_end(tmp_path, ending):
    with pytest.raises(InputError):
        ObjectMesh.load(write(tmp_path, f"short.{ending}", content(ending)[:-40]))


TRIANGLE = "v 0 0 0\nv .1 0 0\nv 0 .1 0\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TRIANGLE, "no triangles"),
        (TRIANGLE + "f 1 2 9\n", "not there"),
        (TRIANGLE + "f 1 2 -9\n", "not there"),
        (TRIANGLE + "f 0 1 2\n", "vertex 0"),
        (TRIANGLE + "f 1 2\n", "line 4"),
        ("v 0 0\n" + TRIANGLE + "f 1 2 3\n", "line 1"),
        ("v 0 0 nan\n" + TRIANGLE + "f 1 2 3\n", "not finite"),
        ("v 0 0 inf\n" + TRIANGLE + "f 1 2 3\n", "not finite"),
        ("v 0 0 zero\n" + TRIANGLE + "f 1 2 3\n", "zero"),
        (TRIANGLE + "f 1 1 2\nf 3 3 3\n", "degenerate"),
        (TRIANGLE + "f a b c\n", "cannot be read as OBJ"),
    ],
)
def test_wrong_obj(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        ObjectMesh.load(write(tmp_path, "wrong.obj", text))


def test_wrong_indices_of_other_formats(tmp_path):
    off = write(tmp_path, "wrong.off", "OFF\n3 1 0\n0 0 0\n.1 0 0\n0 .1 0\n3 0 1 7\n")
    with pytest.raises(InputError):
        ObjectMesh.load(off)
    points = write(tmp_path, "cloud.ply", trimesh.PointCloud(BALL.vertices).export(file_type="ply"))
    with pytest.raises(InputError, match="no triangles"):
        ObjectMesh.load(points)


def test_paths_that_are_no_mesh(tmp_path):
    write(tmp_path, "mug.obj", content("obj"))
    with pytest.raises(InputError, match=r"no such file.*mug\.obj"):
        ObjectMesh.load(tmp_path / "mugg.obj")
    with pytest.raises(InputError, match="folder"):
        ObjectMesh.load(tmp_path)
    with pytest.raises(InputError, match=r"\.obj, \.ply, \.stl"):
        ObjectMesh.load(write(tmp_path, "mug.step", b"x"))
    with pytest.raises(InputError, match="unknown unit"):
        ObjectMesh.load(tmp_path / "mug.obj", units="feet")


def test_large_meshes_load_in_seconds(tmp_path):
    big = trimesh.creation.icosphere(6, radius=0.05)  # 81,920 faces
    path = write(tmp_path, "big.obj", big.export(file_type="obj", include_normals=False))
    start = time.perf_counter()
    big_object = ObjectMesh.load(path)
    assert time.perf_counter() - start < 8
    assert len(big_object.faces) == len(big.faces) and big_object.report.findings == ()
