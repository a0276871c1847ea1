"""The gravity field attracts, does not depend on sampling density, and its table is right to 1 %."""

import math

import pytest
import torch

from handhold.errors import InputError
from handhold.interaction.gravity_field import FLOOR, GravityField, direct_sum

SCALES = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sphere(count: int, *, radius: float = 0.04, seed: int = 0) -> torch.Tensor:
    directions = torch.randn(count, 3, generator=generator(seed), dtype=torch.float64)
    return radius * directions / directions.norm(dim=1, keepdim=True)


def even_sphere(count: int, *, radius: float = 0.04) -> torch.Tensor:
    """Fibonacci's spiral."""
    k = torch.arange(count, dtype=torch.float64)
    z, turn = 1 - (2 * k + 1) / count, k * math.pi * (3 - math.sqrt(5))
    ring = (1 - z * z).sqrt()
    return radius * torch.stack((ring * turn.cos(), ring * turn.sin(), z), 1)


def torus(count: int, *, seed: int = 0) -> torch.Tensor:
    u, v = 2 * math.pi * torch.rand(2, count, generator=generator(seed), dtype=torch.float64)
    ring = 0.05 + 0.02 * v.cos()
    return torch.stack((ring * u.cos(), ring * u.sin(), 0.02 * v.sin()), 1)


def around(points: torch.Tensor, *, spread: float, count: int = 400) -> torch.Tensor:
    chosen = points[torch.randperm(len(points), generator=generator(1))[:count]]
    return chosen + spread * torch.randn(chosen.shape, generator=generator(2), dtype=points.dtype)


def relative_rms(found: torch.Tensor, truth: torch.Tensor) -> float:
    return float((found - truth).norm() / truth.norm())


def test_one_point_is_equation_two_with_the_sign_mended():
    sigma, strength = 0.03, 2.0
    points, x = torch.zeros(1, 3, dtype=torch.float64), torch.tensor([[0.02, 0.0, 0.0]], dtype=torch.float64)
    field = GravityField.build(points, sigmas=(sigma,), strengths=(strength,), normalize="raw", fast=False)
    bump = strength * math.exp(-((0.02 / sigma) ** 2))
    assert field.potential(x).item() == pytest.approx(-bump)
    expected = torch.tensor([[-2 * bump * 0.02 / sigma**2, 0, 0]], dtype=torch.float64)
    torch.testing.assert_close(field.force(x), expected)


@pytest.mark.parametrize("normalize", ["raw", "weights", "mean_shift"])
def test_the_surface_attracts_from_both_sides(normalize):
    field = GravityField.build(sphere(4000), sigmas=(0.01,), normalize=normalize)
    directions = sphere(50, radius=1.0, seed=3)
    outside, inside = field.force(0.048 * directions), field.force(0.034 * directions)
    assert ((outside * directions).sum(1) < 0).all()
    assert ((inside * directions).sum(1) > 0).all()


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("normalize", ["raw", "weights", "mean_shift"])
def test_the_force_is_minus_the_gradient_of_the_potential(normalize, fast):
    points = torus(300)
    field = GravityField.build(points, sigmas=(0.03, 0.012), normalize=normalize, fast=fast)
    x = around(points, spread=0.008, count=40)
    force, h = field.force(x), 1e-6
    for axis in range(3):
        step = torch.zeros(3, dtype=x.dtype)
        step[axis] = h
        slope = (field.potential(x + step) - field.potential(x - step)) / (2 * h)
        torch.testing.assert_close(-slope, force[:, axis], rtol=1e-4, atol=1e-5 * float(force.abs().max()))


@pytest.mark.parametrize("sigma", SCALES)
def test_the_table_is_right_to_one_percent(sigma):
    points = torus(4000)
    x = around(points, spread=min(0.008, sigma / 2))
    fast = GravityField.build(points, sigmas=(sigma,))
    assert fast.tables[0] is not None
    truth = GravityField.build(points, sigmas=(sigma,), fast=False)
    assert relative_rms(fast.force(x), truth.force(x)) < 0.01
    assert relative_rms(fast.potential(x), truth.potential(x)) < 0.01


def test_weights_and_mean_shift_do_not_depend_on_sampling_density():
    few, many = even_sphere(500), even_sphere(8192)
    x = sphere(60, radius=0.055, seed=6)
    for normalize in ("weights", "mean_shift"):
        one, other = (
            GravityField.build(p, sigmas=(0.02,), normalize=normalize).force(x) for p in (few, many)
        )
        assert relative_rms(one, other) < 0.02
    raw_few, raw_many = (GravityField.build(p, sigmas=(0.02,), normalize="raw").force(x) for p in (few, many))
    assert float(raw_many.norm() / raw_few.norm()) == pytest.approx(8192 / 500, rel=0.02)


def test_mean_shift_goes_to_the_mean_of_the_near_points_and_fades_far_away():
    points = torch.tensor([[0.0, 0, 0], [0.3, 0, 0]], dtype=torch.float64)
    field = GravityField.build(points, sigmas=(0.02,), normalize="mean_shift", fast=False)
    x = torch.tensor([[0.0, 0.015, 0.0], [0.0, 0.1, 0.0]], dtype=torch.float64)
    near, far = field.force(x)
    kernel = math.exp(-((0.015 / 0.02) ** 2))
    assert near[1].item() == pytest.approx(-0.015 * kernel / (kernel + FLOOR))
    assert far.norm() < 1e-8


def test_points_without_weight_do_not_count_and_scales_have_their_own():
    points = torus(600)
    mask = (points[:, 0] > 0).double()
    weights = torch.stack((torch.ones_like(mask), mask))
    both = GravityField.build(points, weights, sigmas=(0.04, 0.01))
    x = around(points, spread=0.005, count=50)
    coarse = GravityField.build(points, sigmas=(0.04,)).force(x)
    fine = GravityField.build(points[mask > 0], sigmas=(0.01,)).force(x)
    torch.testing.assert_close(
        both.force(x), coarse + fine, rtol=2e-2, atol=0.02 * float(coarse.norm(dim=1).max())
    )


@pytest.mark.parametrize("normalize", ["raw", "weights", "mean_shift"])
def test_a_stack_is_its_fields_one_by_one(normalize):
    regions = [torus(500), sphere(300), torus(200, seed=9) + 0.3, torus(500)[:0]]
    fields = [GravityField.build(p, sigmas=(0.05, 0.01), normalize=normalize) for p in regions]
    x = torch.stack([around(torus(500), spread=0.01, count=30)] * 4)
    together = GravityField.stack(fields).sample(x)
    for k, field in enumerate(fields):
        torch.testing.assert_close(together.force[k], field.force(x[k]))
        torch.testing.assert_close(together.potential[k], field.potential(x[k]))
    assert together.force[3].abs().max() == 0  # no contact region, no pull


def test_rigid_motion_moves_the_force_along():
    points = torus(800)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator(7), dtype=torch.float64))[0]
    turn = turn * torch.linalg.det(turn)
    shift = torch.tensor([0.5, -2.0, 1.0], dtype=torch.float64)
    x = around(points, spread=0.01)
    there = GravityField.build(points @ turn.T + shift, sigmas=(0.02,)).force(x @ turn.T + shift)
    here = GravityField.build(points, sigmas=(0.02,)).force(x)
    assert relative_rms(there, here @ turn.T) < 0.005


def test_far_away_there_is_no_force_and_numbers_stay_finite():
    field = GravityField.build(torus(500), sigmas=(0.02,), normalize="mean_shift")
    x = torch.tensor([[5.0, 0, 0], [-1e6, 0, 0]], dtype=torch.float64)
    assert field.force(x).abs().max() == 0
    assert field.potential(x).abs().max() == 0


def test_closeness_is_one_on_the_region_and_zero_far_off():
    points = sphere(3000)
    field = GravityField.build(points, sigmas=(0.1, 0.01))
    assert field.sample(points).closeness.mean() > 0.7
    assert field.sample(points * 3).closeness.max() < 1e-4


def test_the_direct_sum_is_the_plain_formula():
    points, x = torus(200) + 1.0, around(torus(200) + 1.0, spread=0.01, count=30)
    weights = torch.rand(200, generator=generator(4), dtype=torch.float64)
    value, slope = direct_sum(x, points, weights, sigma=0.02)
    away = x[:, None] - points
    kernel = weights * torch.exp(-away.square().sum(-1) / 0.02**2)
    torch.testing.assert_close(value, kernel.sum(1))
    torch.testing.assert_close(slope, (-2 / 0.02**2 * kernel[..., None] * away).sum(1))


@pytest.mark.parametrize(
    "arguments",
    [
        {"points": torch.zeros(5, 2), "sigmas": (0.1,)},
        {"points": torch.zeros(5, 3), "sigmas": ()},
        {"points": torch.zeros(5, 3), "sigmas": (0.0,)},
        {"points": torch.zeros(5, 3), "sigmas": (0.1,), "strengths": (1.0, 2.0)},
        {"points": torch.zeros(5, 3), "sigmas": (0.1,), "weights": torch.ones(4)},
        {"points": torch.zeros(5, 3), "sigmas": (0.1,), "weights": 2 * torch.ones(5)},
        {"points": torch.zeros(5, 3), "sigmas": (0.1,), "normalize": "sum"},
    ],
)
def test_bad_input_is_named(arguments):
    points, weights = arguments.pop("points"), arguments.pop("weights", None)
    with pytest.raises(InputError):
        GravityField.build(points, weights, **arguments)


def test_a_stack_wants_its_own_points():
    field = GravityField.stack([GravityField.build(torus(50), sigmas=(0.1,))] * 2)
    with pytest.raises(InputError):
        field.force(torch.zeros(3, 7, 3))
