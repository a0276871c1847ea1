"""Building blocks against what is known of them: volumes, areas, exact labels through booleans."""

import numpy as np
import pytest
from manifold3d import Manifold

from handhold.objects.household.curves import divided, fillet, oval, rectangle, spline, vessel
from handhold.objects.household.shapes import as_part, mesh_of, repart, revolved, tube
from handhold.objects.household.short_edges import without_short_edges
from handhold.objects.household.slabs import box, slab
from handhold.objects.repair import triangle_areas


def areas(solid, count):
    vertices, faces, parts = mesh_of(solid)
    return np.bincount(parts, triangle_areas(vertices, faces), count)


def test_labels_go_exactly_through_booleans():
    block = as_part(Manifold.cube((0.1, 0.1, 0.1), True), 0)
    drill = as_part(Manifold.cylinder(0.2, 0.02, 0.02, 64, True), 1)
    side = (
        2 * 32 * 0.02 * np.sin(np.pi / 64) * 2 * 0.1
    )  # of a cylinder with 64 sides, over the block's height
    hole = areas(block - drill, 2)
    assert hole[1] == pytest.approx(side, rel=1e-9)
    disc = 0.5 * 64 * 0.02**2 * np.sin(2 * np.pi / 64)
    assert hole[0] == pytest.approx(6 * 0.01 - 2 * disc, rel=1e-9)
    moved = (block - drill).rotate((10, 20, 30)).translate((1, 2, 3)).refine_to_length(0.01)
    assert areas(moved, 2) == pytest.approx(hole)


def test_repart_cuts_faces_along_the_plane():
    cube = as_part(Manifold.cube((1, 1, 1)), 0)
    cut = repart(cube, lambda p: p[:, 2] - 0.3, 1)
    assert cut.status().name == "NoError" and cut.volume() == pytest.approx(1)
    assert areas(cut, 2) == pytest.approx([1 + 4 * 0.3, 1 + 4 * 0.7])
    corner = repart(cube, lambda p: p[:, 0] - p[:, 1], 1)  # through corners of the cube
    assert corner.status().name == "NoError" and areas(corner, 2) == pytest.approx([3, 3])
    assert areas(repart(cut, lambda p: 0.3 - p[:, 2], 2), 3) == pytest.approx([0, 3.8, 2.2])


def test_revolved_cylinder_and_ring():
    solid = revolved([(0, 0), (1, 0), (1, 2), (0, 2)], [0, 1, 2], around=256)
    assert solid.volume() == pytest.approx(2 * np.pi, rel=1e-3)
    assert areas(solid, 3) == pytest.approx([np.pi, 4 * np.pi, np.pi], rel=1e-3)
    ring = revolved([(2, -0.5), (3, -0.5), (3, 0.5), (2, 0.5)], around=256)
    assert ring.volume() == pytest.approx(5 * np.pi, rel=1e-3) and ring.genus() == 1


def test_tube_is_a_capsule():
    path = np.stack((np.linspace(0, 1, 5), np.zeros(5), np.zeros(5)), 1)
    solid = tube(path, 0.2, around=128)
    assert solid.volume() == pytest.approx(np.pi * 0.01 * (1 + 4 / 3 * 0.1), rel=0.02)
    flat = tube(path, 0.2, 0.1, around=128, ends=(0, 0))
    assert flat.volume() == pytest.approx(np.pi * 0.1 * 0.05, rel=2e-3)
    low, high = np.reshape(flat.bounding_box(), (2, 3))
    assert high - low == pytest.approx([1, 0.2, 0.1], rel=1e-6)


def test_box_is_a_rounded_box_without_slivers():
    solid = box((0.1, 0.06, 0.04), rounding=0.004, top=1, bottom=2)
    low, high = np.reshape(solid.bounding_box(), (2, 3))
    assert high - low == pytest.approx([0.1, 0.06, 0.04])
    assert solid.volume() == pytest.approx(0.1 * 0.06 * 0.04, rel=0.02)
    by_part = areas(solid, 3)
    assert by_part[1] == pytest.approx(by_part[2]) == pytest.approx(0.092 * 0.052, rel=0.01)
    vertices, faces, _ = mesh_of(solid)
    edges = np.linalg.norm(vertices[faces] - vertices[np.roll(faces, 1, 1)], axis=2)
    assert (edges.max(1) ** 2 / (2 * triangle_areas(vertices, faces))).max() < 20


@pytest.mark.parametrize("outline", [oval(0.05, 0.001, count=40), rectangle(0.08, 0.0008, radius=0.0003)])
def test_outlines_thinner_than_a_step_are_filled_all_the_same(outline):
    solid = slab(outline, 0, 0.01, rounding=0.0)
    ahead = np.roll(outline, -1, 0)
    area = 0.5 * (outline[:, 0] * ahead[:, 1] - outline[:, 1] * ahead[:, 0]).sum()
    assert solid.volume() == pytest.approx(area * 0.01)


def test_vessel_has_an_even_wall():
    outer = fillet([(0, 0), (0.03, 0), (0.04, 0.1)], [0, 0.005, 0])
    profile, kinds = vessel(outer, wall=0.003, floor=0.006, step=0.004)
    assert set(kinds) == {0, 1, 2} and profile[0, 0] == profile[-1, 0] == 0
    inside = profile[:-1][kinds == 2]
    wall = inside[(inside[:, 1] > 0.02) & (inside[:, 1] < 0.095)]
    to_side = np.abs((wall - [0.03, 0]) @ np.array([0.1, -0.01]) / np.hypot(0.1, 0.01))
    assert to_side == pytest.approx(0.003, abs=2e-4)
    assert inside[:, 1].min() == pytest.approx(0.006)


def test_curves():
    corner = fillet([(0, 0), (1, 0), (1, 1)], [0, 0.2, 0])
    apart = np.linalg.norm(corner[1:-1] - [0.8, 0.2], axis=1)
    assert apart == pytest.approx(0.2)
    loop = spline(oval(2, 2, count=12), step=0.1, closed=True)
    assert np.linalg.norm(loop, axis=1) == pytest.approx(1, abs=0.005)
    line = divided([(0, 0), (1, 0)], 0.3)
    assert len(line) == 5 and np.diff(line[:, 0]) == pytest.approx(0.25)


def test_short_edges_go_and_the_solid_stays():
    cut = as_part(Manifold.sphere(0.05, 64), 0) - as_part(
        Manifold.sphere(0.05, 64).translate((0.02, 0.011, 0.003)), 1
    )
    vertices, faces, parts = mesh_of(cut)
    fewer, triangles, kept = without_short_edges(vertices, faces, parts, shortest=5e-4)
    assert len(triangles) < len(faces) and len(kept) == len(triangles)
    from handhold.objects.household.shapes import solid_of

    solid = solid_of(fewer, triangles, kept)
    assert solid.status().name == "NoError" and solid.volume() == pytest.approx(cut.volume(), rel=2e-3)
    same = without_short_edges(vertices, faces, parts, shortest=0.0)
    assert np.array_equal(same[0], vertices) and np.array_equal(same[1], faces)
