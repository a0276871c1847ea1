"""Blocks and rods against their equations; points on several of them against areas of caps."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import trimesh

from handhold.data.things.shapes import Block, Rod, points_on

TURNED = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
TURNED *= np.sign(np.linalg.det(TURNED))  # a rotation


def ball(x: float, radius: float) -> Block:
    return Block(np.array([x, 0.0, 0.0]), np.full(3, radius))


def drawn(*solids, count: int = 4000, seed: int = 0):
    return points_on(solids, count, torch.Generator().manual_seed(seed))


def some_blocks(count: int = 30) -> list[Block]:
    """Closed blocks of all sorts."""
    draw = np.random.default_rng(1)
    return [
        Block(
            draw.normal(size=3),
            draw.uniform(0.1, 1, 3),
            TURNED,
            square=(draw.uniform(2, 10), draw.uniform(2, 10)),
            taper=draw.uniform(-0.6, 0.6),
        )
        for _ in range(count)
    ]


# Blocks.


def test_a_round_block_is_an_ellipsoid():
    block = Block(np.array([0.3, -0.1, 0.2]), np.array([0.5, 0.2, 0.3]), TURNED)
    corners, faces = block.mesh()
    own = (corners - block.centre) @ TURNED / block.half
    np.testing.assert_allclose((own**2).sum(1), 1, atol=1e-9)
    volume = trimesh.Trimesh(corners, faces, process=False).volume  # negative if it were inside out
    assert volume == pytest.approx(4 / 3 * np.pi * block.half.prod(), rel=0.03)
    points, normals, on = drawn(block)
    own = (points - block.centre) @ TURNED / block.half
    np.testing.assert_allclose((own**2).sum(1), 1, atol=0.04)
    gradient = (own / block.half) @ TURNED.T
    agreement = (gradient * normals).sum(1) / np.linalg.norm(gradient, axis=1)
    assert agreement.min() > 0.97 and agreement.mean() > 0.995
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    assert (on == 0).all()


def test_the_inside_of_an_ellipsoid_and_of_almost_a_box():
    probes = np.random.default_rng(0).uniform(-1.2, 1.2, (5000, 3)) * [0.5, 0.2, 0.3]
    half = np.array([0.5, 0.2, 0.3])
    inside = Block(np.zeros(3), half).inside(probes)
    np.testing.assert_array_equal(inside, ((probes / half) ** 2).sum(1) <= 1)
    inside = Block(np.zeros(3), half, square=(60.0, 60.0)).inside(probes)
    most = abs(probes / half).max(1)
    np.testing.assert_array_equal(inside[abs(most - 1) > 0.03], (most < 1)[abs(most - 1) > 0.03])


def test_a_taper_makes_one_end_wider():
    block = Block(np.zeros(3), np.ones(3), square=(2.0, 40.0), taper=0.5)
    reach = lambda z: max(x for x in np.linspace(0, 2, 401) if block.inside(np.array([[x, 0.0, z]]))[0])
    assert reach(-0.8) == pytest.approx(0.6, abs=0.01)
    assert reach(0.0) == pytest.approx(1.0, abs=0.01)
    assert reach(0.8) == pytest.approx(1.4, abs=0.01)


@pytest.mark.parametrize("block", some_blocks())
def test_a_mesh_lies_where_the_inside_ends(block):
    from_centre = block.mesh()[0] - block.centre
    assert block.inside(block.centre + 0.99 * from_centre).all()
    assert not block.inside(block.centre + 1.01 * from_centre).any()
    assert trimesh.Trimesh(*block.mesh(), process=False).volume > 0


def test_the_hollow_of_a_vessel_is_outside():
    vessel = Block(np.zeros(3), np.ones(3), square=(2.0, 8.0), open=True)
    axis = np.linspace(-0.75, 0.9, 50)[:, None] * [0, 0, 1]
    assert not vessel.inside(axis).any()
    wall, floor = np.array([[0.97, 0.0, 0.0]]), np.array([[0.0, 0.0, -0.9]])
    assert vessel.inside(wall).all() and vessel.inside(floor).all()
    assert not vessel.inside(wall * 0.7).any() and not vessel.inside(floor * 1.2).any()
    points, normals, _ = drawn(vessel)
    radius = np.linalg.norm(points[:, :2], axis=1)
    side = abs(points[:, 2]) < 0.5
    outward = (points[:, :2] * normals[:, :2]).sum(1) / radius
    outer, inner = side & (radius > 0.95), side & (radius < 0.95)
    assert outward[outer].min() > 0.9 and outward[inner].max() < -0.9
    assert inner.sum() / outer.sum() == pytest.approx(0.9, abs=0.05)
    # what stands in the hollow is seen
    _, _, on = drawn(vessel, Block(np.zeros(3), np.full(3, 0.3)))
    assert (on == 1).sum() > 0


# Rods.


def test_the_inside_of_a_rod_is_what_is_near_its_line():
    line = np.array([[0.0, 0, 0], [0.4, 0, 0.1], [0.5, 0.3, 0.2], [0.5, 0.6, 0.0]])
    rod = Rod(line, np.full(4, 0.1))
    probes = np.random.default_rng(0).uniform(line.min(0) - 0.15, line.max(0) + 0.15, (3000, 3))
    dense = np.concatenate([np.linspace(a, b, 400) for a, b in pairwise(line)])
    distance = np.linalg.norm(probes[:, None] - dense, axis=-1).min(1)
    sure = abs(distance - 0.1) > 1e-3
    assert 0.05 < rod.inside(probes).mean() < 0.6
    np.testing.assert_array_equal(rod.inside(probes)[sure], (distance < 0.1)[sure])


def test_a_rod_may_be_flat_and_grow_thinner():
    line = np.array([[0.0, 0, 0], [1.0, 0, 0]])
    flat = Rod(line, np.full(2, 0.2), 0.5, np.array([0.0, 0.0, 1.0]))
    y, z = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 2000))
    probes = np.stack([np.full(2000, 0.5), y, z], -1)
    np.testing.assert_array_equal(flat.inside(probes), (y / 0.2) ** 2 + (z / 0.1) ** 2 <= 1)
    middle = flat.mesh()[0]
    assert np.ptp(middle[:, 1]) == pytest.approx(0.4, rel=0.05)
    assert np.ptp(middle[:, 2]) == pytest.approx(0.2, rel=0.05)
    thin = Rod(line, np.array([0.2, 0.1]))
    at = lambda x, r: bool(thin.inside(np.array([[x, r, 0.0]]))[0])
    assert at(0.5, 0.149) and not at(0.5, 0.151) and at(0.0, 0.199) and not at(1.0, 0.101)


def far_from_line(line: np.ndarray, across: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Of points on a rod, 0.1 thick: how far they are from its line, and how much their normals point away from it."""
    points, normals, _ = drawn(Rod(line, np.full(len(line), 0.1), 1.0, np.array(across)))
    dense = np.concatenate([np.linspace(a, b, 1 + 600 // len(line)) for a, b in pairwise(line)])
    away = points - dense[np.linalg.norm(points[:, None] - dense, axis=-1).argmin(1)]
    distance = np.linalg.norm(away, axis=1)
    return distance, (away * normals).sum(1) / distance


@pytest.mark.parametrize("across", [[0.0, 1, 0], [0, 0.8, 0.6]])
def test_points_on_a_bent_rod_are_as_far_from_its_line_as_it_is_thick(across):
    turn = np.linspace(0, np.pi / 2, 12)
    line = np.stack([np.sin(turn), np.zeros(12), 1 - np.cos(turn)], -1)
    distance, agreement = far_from_line(line, across)
    assert distance.max() < 0.102 and distance.min() > 0.08  # its ends are round but for a few corners
    assert agreement.min() > 0.7 and agreement.mean() > 0.95


@pytest.mark.parametrize("way", [[0.0, 0, 1], [1.0, 0, 0], [0, 0.1, 0.99]])
def test_a_rod_may_go_the_way_it_is_flat_across(way):
    distance, agreement = far_from_line(np.linspace(0, 1, 5)[:, None] * way, [0.0, 0, 1])
    assert distance.max() < 0.102 and distance.min() > 0.08 and agreement.min() > 0.7


# Points on several.


def test_points_on_a_ball_are_even_by_area():
    """As many between any two heights as these are apart (Archimedes)."""
    points, _, _ = drawn(ball(0, 1), count=20_000)
    np.testing.assert_allclose(
        np.histogram(points[:, 2], np.linspace(-1, 1, 9))[0] / 20_000, 1 / 8, atol=0.01
    )
    turn = np.arctan2(points[:, 1], points[:, 0])
    np.testing.assert_allclose(np.histogram(turn, 8, (-np.pi, np.pi))[0] / 20_000, 1 / 8, atol=0.01)


def test_solids_apart_have_points_as_they_have_area():
    _, _, on = drawn(ball(0, 1), ball(4, 2), count=10_000)
    assert (on == 1).mean() == pytest.approx(0.8, abs=0.015)


def test_no_point_is_inside_another_solid_and_caps_are_gone():
    one, other, apart = 1.0, 0.7, 1.1
    first, second = ball(0, one), ball(apart, other)
    points, _, on = drawn(first, second, count=20_000)
    assert not second.inside(points[on == 0]).any() and not first.inside(points[on == 1]).any()
    plane = (apart**2 + one**2 - other**2) / (2 * apart)  # of the circle where they meet
    areas = np.array([one * (one + plane), other * (other + apart - plane)])
    assert (on == 0).mean() == pytest.approx(areas[0] / areas.sum(), abs=0.02)


def test_what_is_hidden_has_no_points():
    points, _, on = drawn(ball(0, 1), ball(0.1, 0.5))
    assert len(points) == 4000 and (on == 0).all()


def test_the_generator_decides():
    solids = (ball(0, 1), ball(1, 0.7), Rod(np.array([[0.0, 0, 0], [0, 0, 3]]), np.full(2, 0.1)))
    once, again, other = drawn(*solids), drawn(*solids), drawn(*solids, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert not np.array_equal(once[0], other[0])
    assert set(once[2].tolist()) == {0, 1, 2}
