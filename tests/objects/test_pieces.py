"""Convex pieces: what is convex stays whole, what is not is covered, and the cache is only a cache."""

import sys

import numpy as np
import pytest
import trimesh

from handhold.errors import MissingExtra
from handhold.objects import ObjectMesh, pieces
from handhold.objects.pieces import cache_folder, convex_pieces, is_convex


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("HANDHOLD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pieces"


def solid(mesh: trimesh.Trimesh) -> ObjectMesh:
    return ObjectMesh.from_arrays(np.array(mesh.vertices), np.array(mesh.faces))


def ell() -> ObjectMesh:
    """An L of two bars of 2 x 2 x 8 cm: 7/12 of its convex hull is air at the most."""
    upright = trimesh.creation.box([0.02, 0.02, 0.08])
    foot = trimesh.creation.box([0.06, 0.02, 0.02])
    foot.apply_translation([0.04, 0, -0.03])
    return solid(trimesh.boolean.union([upright, foot], engine="manifold"))


def never(*_args, **_options):
    raise AssertionError("cut although it need not be")


@pytest.mark.parametrize(
    "mesh",
    [
        trimesh.creation.box([0.1, 0.05, 0.03]),
        trimesh.creation.icosphere(radius=0.05),
        trimesh.creation.cylinder(0.03, 0.1),
    ],
)
def test_convex_objects_are_one_piece_as_they_are(mesh, monkeypatch):
    monkeypatch.setattr(pieces, "_cut", never)
    item = solid(mesh)
    ((vertices, faces),) = convex_pieces(item)
    assert vertices is item.vertices and faces is item.faces


def test_hollow_dented_and_open_objects_are_not_convex():
    assert not is_convex(ell())
    assert not is_convex(solid(trimesh.creation.annulus(0.02, 0.03, 0.05)))
    box = trimesh.creation.box([0.1, 0.05, 0.03])
    opened = ObjectMesh.from_arrays(np.array(box.vertices), np.array(box.faces[:-1]), mend=False)
    assert not is_convex(opened)


def test_pieces_are_convex_outward_and_cover_the_object(capfd):
    pytest.importorskip("coacd")
    item = ell()
    parts = [trimesh.Trimesh(v, f, process=False) for v, f in convex_pieces(item)]
    assert len(parts) >= 2
    for part in parts:
        assert part.is_watertight and part.volume > 0
        assert part.volume == pytest.approx(part.convex_hull.volume, rel=1e-3)
    assert sum(p.volume for p in parts) == pytest.approx(item.volume_m3, rel=0.05)
    inside = item.sample(300).points.numpy() * 0.98
    reached = np.min([_outside(part, inside) for part in parts], axis=0)
    assert reached.max() < 0.002
    assert capfd.readouterr() == ("", "")


def _outside(part: trimesh.Trimesh, points: np.ndarray) -> np.ndarray:
    """How far points lie outside a convex mesh [m], at least."""
    offsets = (part.face_normals * part.triangles[:, 0]).sum(1)
    return (points @ part.face_normals.T - offsets).max(1)


def test_the_cache_is_used_and_a_damaged_one_is_not(cache, monkeypatch):
    calls = []
    made = [(np.eye(4, 3), np.array([[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]))] * 2
    monkeypatch.setattr(pieces, "_cut", lambda *a: calls.append(a) or made)
    item = ell()
    convex_pieces(item)
    again = convex_pieces(item)
    assert len(calls) == 1 and len(again) == 2
    np.testing.assert_array_equal(again[0][0], made[0][0])
    (file,) = cache.iterdir()
    for damage in (b"", b"garbage", file.read_bytes()[:100]):
        file.write_bytes(damage)
        assert len(convex_pieces(item)) == 2
    np.savez(file, vertices_0=np.zeros((2, 3)), faces_0=np.array([[0, 1, 7]]))
    convex_pieces(item)
    assert len(calls) == 5
    convex_pieces(item, threshold=0.2)
    convex_pieces(item, seed=1)
    convex_pieces(item, faces=500)
    convex_pieces(item, cache=False)
    assert len(calls) == 9 and len(list(cache.iterdir())) == 4


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HANDHOLD_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(pieces, "_cut", lambda *a: [(np.eye(3), np.array([[0, 1, 2]]))])
    assert len(convex_pieces(ell())) == 1


def test_the_object_is_simplified_first(monkeypatch):
    seen = []
    monkeypatch.setattr(
        pieces, "_cut", lambda item, *a: seen.append(len(item.faces)) or [(np.eye(3), np.eye(3, dtype=int))]
    )
    ring = solid(trimesh.creation.torus(0.04, 0.01, major_sections=64, minor_sections=32))
    convex_pieces(ring, faces=1000)
    assert len(ring.faces) > 3000 and 800 <= seen[0] <= 1000


def test_cache_folder_is_the_users(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("HANDHOLD_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "handhold"


def test_without_coacd_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "coacd", None)
    with pytest.raises(MissingExtra, match=r"handhold\[physics\]"):
        convex_pieces(ell())
