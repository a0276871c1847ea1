"""Halved pieces: convex, covering, and no further out than asked."""

import numpy as np
import pytest
import trimesh
from scipy.spatial import ConvexHull

from handhold.errors import InputError
from handhold.geometry.convex import convex_hull, piece_volume
from handhold.objects import ObjectMesh, pieces
from handhold.objects.pieces import convex_pieces


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("HANDHOLD_CACHE", str(tmp_path / "cache"))


def cup() -> ObjectMesh:
    mesh = trimesh.creation.annulus(0.035, 0.038, 0.08, sections=64)
    return ObjectMesh.from_arrays(np.array(mesh.vertices), np.array(mesh.faces), name="cup")


@pytest.mark.parametrize("tolerance", [0.0005, 0.003])
def test_hulls_cover_a_cup_and_stick_out_no_further_than_asked(tolerance):
    item = cup()
    parts = convex_pieces(item, method="halves", tolerance=tolerance, least=0.001)
    for part in parts:
        assert piece_volume(part) == pytest.approx(ConvexHull(part[0]).volume, rel=1e-6)
    planes = [ConvexHull(vertices).equations for vertices, _ in parts]
    surface = item.sample(500).points.numpy()
    uncovered = np.min([(surface @ p[:, :3].T + p[:, 3]).max(1) for p in planes], 0)
    assert uncovered.max() < 1e-6
    outer = np.concatenate([trimesh.Trimesh(*part, process=False).sample(200, seed=0) for part in parts])
    assert (
        item.distance.query(outer).distance.max() < 1.3 * tolerance
    )  # the check itself looks at a few points
    assert item.volume_m3 < sum(map(piece_volume, parts)) < item.volume_m3 * (1 + tolerance / 0.003)


def test_finer_asks_for_more_pieces_and_small_ones_are_left():
    item = cup()
    fine, coarse = (len(convex_pieces(item, method="halves", tolerance=t)) for t in (0.0005, 0.003))
    assert fine > coarse > 4
    assert len(convex_pieces(item, method="halves", tolerance=0.0001, least=0.06)) < coarse


def test_halves_are_cached_apart_from_coacds(monkeypatch):
    item = cup()
    first = convex_pieces(item, method="halves")
    monkeypatch.setattr(pieces, "halved_pieces", lambda *a, **k: 1 / 0)
    again = convex_pieces(item, method="halves")
    assert len(first) == len(again)
    np.testing.assert_array_equal(first[0][0], again[0][0])
    with pytest.raises(ZeroDivisionError):
        convex_pieces(item, method="halves", tolerance=0.001)
    monkeypatch.setattr(pieces, "_cut", lambda *a: [])
    with pytest.raises(InputError, match="no convex pieces"):
        convex_pieces(item)


def test_what_is_no_solid_or_no_method_is_refused():
    whole = cup()
    opened = ObjectMesh.from_arrays(whole.vertices, whole.faces[:-1], name="open", mend=False)
    with pytest.raises(InputError, match=r"open: is no solid.*coacd"):
        convex_pieces(opened, method="halves")
    with pytest.raises(InputError, match="coacd or halves"):
        convex_pieces(whole, method="cells")


def test_flat_or_few_points_have_no_hull():
    assert convex_hull(np.eye(3)) is None
    assert convex_hull(np.random.default_rng(0).normal(size=(20, 3)) * [1, 1, 0]) is None
    assert piece_volume(
        convex_hull(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]]))
    ) == pytest.approx(1 / 6)
