"""Every defect is made on purpose, mended, and held against the analytic volume."""

import math

import numpy as np
import pytest
import torch
import trimesh

from handhold.geometry.distance import ExactDistance
from handhold.objects import ObjectMesh
from handhold.objects.doctor import mend
from handhold.objects.household import make

SIZE = np.array([0.06, 0.10, 0.16])
VOLUME = float(SIZE.prod())
RNG = np.random.default_rng(5)


def box(*, subdivisions: int = 2) -> tuple[np.ndarray, np.ndarray]:
    mesh = trimesh.creation.box(SIZE)
    for _ in range(subdivisions):
        mesh = mesh.subdivide()
    return np.array(mesh.vertices), np.array(mesh.faces)


def sphere(radius: float, *, at=(0, 0, 0), inward: bool = False) -> tuple[np.ndarray, np.ndarray]:
    mesh = trimesh.creation.icosphere(4, radius=radius)
    return np.array(mesh.vertices) + at, np.array(mesh.faces)[:, :: -1 if inward else 1]


def together(*meshes) -> tuple[np.ndarray, np.ndarray]:
    starts = np.cumsum([0, *(len(v) for v, _ in meshes)])[:-1]
    return np.concatenate([v for v, _ in meshes]), np.concatenate(
        [f + s for (_, f), s in zip(meshes, starts)]
    )


def soup():
    vertices, faces = box()
    return vertices[faces].reshape(-1, 3), np.arange(faces.size).reshape(-1, 3)


def loose_soup():
    vertices, faces = soup()
    return vertices + RNG.uniform(-3e-8, 3e-8, vertices.shape), faces


def duplicated():
    vertices, faces = box()
    return vertices, np.concatenate((faces, faces[:7], np.roll(faces[20:25], 1, axis=1)))


def partly_double_sided():
    vertices, faces = box()
    return vertices, np.concatenate((faces, faces[:40, ::-1]))


def with_flap():
    """A face that is there with both sides, sticking out of a face's edge."""
    vertices, faces = box()
    a, b = faces[0, :2]
    flap = np.array([[a, b, len(vertices)], [b, a, len(vertices)]])
    return np.concatenate((vertices, [[0.2, 0.2, 0.2]])), np.concatenate((faces, flap))


def degenerate():
    vertices, faces = box()
    a, b = faces[0, :2]
    middle = len(vertices)
    extra = [[a, a, b], [b, b, b], [a, b, middle]]
    return np.concatenate((vertices, vertices[[a, b]].mean(0)[None])), np.concatenate((faces, extra))


def unreferenced():
    vertices, faces = box()
    return np.concatenate(([[9, 9, 9]], vertices)), faces + 1


def mixed_winding():
    vertices, faces = box()
    turned = RNG.random(len(faces)) < 0.3
    return vertices, np.where(turned[:, None], faces[:, ::-1], faces)


def inside_out():
    vertices, faces = box()
    return vertices, faces[:, ::-1]


def all_mixed_and_inside_out():
    vertices, faces = mixed_winding()
    return vertices, faces[:, ::-1]


def debris():
    specks = [sphere(2e-4, at=(0.1, 0.01 * k, 0)) for k in range(3)]
    return together(box(), *specks)


def missing_faces():
    vertices, faces = box(subdivisions=5)
    return vertices, np.delete(faces, [5, 100, 101, 2000], axis=0)


def missing_triangle_of_twelve():
    vertices, faces = box(subdivisions=0)
    return vertices, faces[1:]


DEFECTS = {
    "seams": (soup, loose_soup),
    "duplicate faces": (duplicated, with_flap, partly_double_sided),
    "degenerate faces": (degenerate,),
    "unused vertices": (unreferenced,),
    "winding": (mixed_winding, all_mixed_and_inside_out),
    "inside out": (inside_out, all_mixed_and_inside_out),
    "debris": (debris,),
    "holes": (missing_faces, missing_triangle_of_twelve),
}


@pytest.mark.parametrize(("kind", "defect"), [(k, d) for k, ds in DEFECTS.items() for d in ds])
def test_defect_is_mended(kind, defect):
    vertices, faces = defect()
    mended = ObjectMesh.from_arrays(vertices, faces)
    finding = mended.report.finding(kind)
    assert finding is not None and finding.action == "mended" and finding.count > 0
    assert str(finding.count) in finding.message
    assert mended.is_watertight and mended.report.solid, mended.watertight_or_reason
    assert mended.volume_m3 == pytest.approx(VOLUME, rel=1e-5)
    assert mended.manifold().volume() == pytest.approx(VOLUME, rel=1e-5)
    inside = mended.distance.query(np.zeros((1, 3))).distance
    assert inside[0] == pytest.approx(-SIZE.min() / 2, abs=1e-7)
    again, more, found = mend(mended.vertices, mended.faces)
    assert not found and (again == mended.vertices).all() and (more == mended.faces).all()


def test_a_sound_mesh_is_left_alone():
    vertices, faces = box()
    mended = ObjectMesh.from_arrays(vertices, faces)
    assert mended.report.findings == ()
    assert (mended.vertices == vertices).all() and (mended.faces == faces).all()
    assert mended.report.volume_cm3 == pytest.approx(VOLUME * 1e6)
    assert mended.report.extents_m == pytest.approx(SIZE)


def test_not_mending_keeps_the_file_as_it_is():
    vertices, faces = inside_out()
    kept = ObjectMesh.from_arrays(vertices, faces, mend=False)
    assert (kept.faces == faces).all() and not kept.report.solid


@pytest.mark.parametrize("flip", [False, True], ids=["outward", "inside out"])
def test_cavity_stays_a_cavity(flip):
    vertices, faces = together(sphere(0.05), sphere(0.03, inward=True))
    shell = ObjectMesh.from_arrays(vertices, faces[:, ::-1] if flip else faces)
    solid = sphere(0.05), sphere(0.03)
    volume = trimesh.Trimesh(*solid[0]).volume - trimesh.Trimesh(*solid[1]).volume
    assert shell.volume_m3 == pytest.approx(volume, rel=1e-6)
    distance = shell.distance.query(np.array([[0, 0, 0], [0.04, 0, 0], [0.06, 0, 0]])).distance
    np.testing.assert_array_equal(np.sign(distance), [1, -1, 1])
    assert (shell.report.finding("inside out") is not None) == flip


def test_one_of_several_pieces_inside_out():
    vertices, faces = together(sphere(0.02), sphere(0.02, at=(0.1, 0, 0), inward=True))
    pair = ObjectMesh.from_arrays(vertices, faces)
    assert pair.volume_m3 == pytest.approx(2 * trimesh.Trimesh(*sphere(0.02)).volume, rel=1e-6)
    assert pair.report.finding("inside out").count == 1
    assert pair.report.components == pair.report.finding("pieces").count == 2


def test_overlapping_pieces_count_once():
    one, two = box(subdivisions=0), box(subdivisions=0)
    vertices, faces = together(one, (two[0] + [0, 0, SIZE[2] / 2], two[1]))
    pair = ObjectMesh.from_arrays(vertices, faces)
    assert pair.volume_m3 == pytest.approx(1.5 * VOLUME, rel=1e-9)
    assert pair.report.finding("folds") is not None
    assert pair.distance.sign_rule == "winding"


def test_pieces_that_touch_are_not_glued():
    one = box()
    vertices, faces = together(one, (one[0] + [SIZE[0], 0, 0], one[1]))
    pair = ObjectMesh.from_arrays(vertices, faces)
    assert len(pair.vertices) == 2 * len(one[0]) and pair.report.components == 2
    assert pair.volume_m3 == pytest.approx(2 * VOLUME, rel=1e-6)


def test_walls_thinner_than_a_hair_stay_apart():
    wall = 2e-8  # under the tolerance at which open seams are merged
    cup = trimesh.creation.revolve([(0, 0), (4, 0), (4, 10), (3, 10), (3, 1), (0, 1)], sections=64)
    vertices, faces = np.array(cup.vertices), np.array(cup.faces)
    inner = np.isclose(np.hypot(vertices[:, 0], vertices[:, 1]), 3)
    vertices[inner, :2] *= (4 - wall * 100) / 3
    vertices *= 0.01
    kept = ObjectMesh.from_arrays(vertices, faces)
    assert len(kept.vertices) == len(vertices) and kept.is_watertight


def test_large_opening_stays_open_with_a_warning():
    tube = trimesh.creation.icosphere(4, radius=0.05)
    bowl = tube.faces[tube.triangles_center[:, 2] < 0.02]
    opened = ObjectMesh.from_arrays(tube.vertices, bowl)
    finding = opened.report.finding("openings")
    assert finding.action == "kept" and finding.count == 1 and "winding number" in finding.message
    assert not opened.is_watertight and opened.manifold() is None and opened.volume_m3 is None
    assert "open" in opened.watertight_or_reason
    sign = np.sign(opened.distance.query(np.array([[0, 0, -0.03], [0, 0, -0.06]])).distance)
    np.testing.assert_array_equal(sign, [-1, 1])


def test_open_surface_inside_out_is_turned():
    ball = trimesh.creation.icosphere(3, radius=0.05)
    bowl = ball.faces[ball.triangles_center[:, 2] < 0.02]
    turned = ObjectMesh.from_arrays(ball.vertices, bowl[:, ::-1])
    assert turned.report.finding("inside out").count == 1
    assert turned.distance.query(np.array([[0, 0, -0.03]])).distance[0] < 0


def test_double_sided_sheet_keeps_one_side():
    ball = trimesh.creation.icosphere(3, radius=0.05)
    bowl = ball.faces[ball.triangles_center[:, 2] < 0.02]
    sheet = ObjectMesh.from_arrays(ball.vertices, np.concatenate((bowl, bowl[:, ::-1])))
    assert len(sheet.faces) == len(bowl)
    assert sheet.report.finding("duplicate faces").count == len(bowl)


def test_a_soup_that_cannot_be_sewn_is_kept():
    vertices, faces = soup()
    rng = np.random.default_rng(0)
    apart = vertices.reshape(-1, 3, 3) + rng.normal(size=(len(faces), 1, 3)) * 0.002
    kept = ObjectMesh.from_arrays(apart.reshape(-1, 3), faces)
    assert len(kept.faces) == len(faces)
    assert not kept.report.solid and "open" in kept.watertight_or_reason


@pytest.mark.parametrize("count", [1, 2])
def test_a_sheet_without_inside(count):
    square = np.array([[0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0]])
    sheet = ObjectMesh.from_arrays(square, np.array([[0, 1, 2], [0, 2, 3]])[:count])
    assert len(sheet.faces) == count and sheet.manifold() is None
    assert sheet.distance.query(np.array([[0.05, 0.04, 0.02]])).distance[0] == pytest.approx(0.02)
    assert torch.isfinite(sheet.grid(resolution=12).values).all()


def test_needle_that_closes_a_crack_is_kept():
    vertices, faces = box(subdivisions=0)
    a, b, c = faces[0]
    middle = len(vertices)
    # Split face 0 at the middle of ab; its neighbour is not split, and a flat face joins the two.
    split = [[a, middle, c], [middle, b, c], [a, b, middle]]
    cracked = ObjectMesh.from_arrays(
        np.concatenate((vertices, vertices[[a, b]].mean(0)[None])), np.concatenate((split, faces[1:]))
    )
    assert cracked.is_watertight and cracked.volume_m3 == pytest.approx(VOLUME, rel=1e-9)


def test_one_sided_surface_is_reported():
    turns = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    rim = [
        [(0.05 + w * np.cos(t / 2)) * np.cos(t), (0.05 + w * np.cos(t / 2)) * np.sin(t), w * np.sin(t / 2)]
        for t in turns
        for w in (-0.01, 0.01)
    ]
    faces = []
    for k in range(40):
        a, b, c, d = 2 * k, 2 * k + 1, 2 * k + 2, 2 * k + 3
        if k == 39:
            c, d = 1, 0
        faces += [[a, c, b], [b, c, d]]
    moebius = ObjectMesh.from_arrays(np.array(rim), np.array(faces))
    assert moebius.report.finding("one-sided") is not None and not moebius.report.solid


@pytest.mark.parametrize("name", ["mug", "headphones", "teapot", "ball"])
def test_the_report_knows_how_inside_is_told(name):
    mesh = make(name).mesh
    assert mesh.report.sign_rule == ExactDistance(mesh.vertices, mesh.faces).sign_rule
    assert mesh.distance.sign_rule == mesh.report.sign_rule


def test_overlapping_pieces_are_told_by_the_winding_number():
    one = trimesh.creation.box((0.05, 0.05, 0.05))
    other = one.copy()
    other.apply_translation((0.02, 0.01, 0.015))
    both = trimesh.util.concatenate([one, other])
    mesh = ObjectMesh.from_arrays(both.vertices, both.faces)
    assert mesh.report.sign_rule == "winding"
    assert ExactDistance(mesh.vertices, mesh.faces).sign_rule == "winding"
