"""Euler-Maruyama has its orders, noise is one path whatever the steps, and no step is longer than its
bound."""

import math
from itertools import pairwise

import pytest
import torch

from handhold.diffusion.bridge import (
    NOISE_QUANTILE,
    BrownianPath,
    annealed,
    bounded_increment,
    euler_maruyama_step,
    integrate,
    limited_dt,
)
from handhold.errors import InputError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grid(steps: int, end: float = 1.0) -> list[float]:
    return [end * k / steps for k in range(steps + 1)]


def order_of(errors: list[float], steps: list[int]) -> float:
    """Slope of log error over log step size."""
    x = torch.tensor([-math.log(s) for s in steps])
    y = torch.tensor([math.log(e) for e in errors])
    return float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


def test_strong_order_one_half_on_geometric_brownian_motion():
    drift, noise, samples = 1.0, 0.8, 4000
    path = BrownianPath((samples,), generator=generator(), dtype=torch.float64)
    exact = torch.exp(drift - noise**2 / 2 + noise * path.increment(0, 1))
    errors, steps = [], [8, 16, 32, 64, 128, 256]
    for count in steps:  # all step sizes see the same path
        end = integrate(
            torch.ones(samples, dtype=torch.float64),
            drift=lambda x: drift * x,
            noise_scale=lambda x: noise * x,
            times=grid(count),
            path=path,
        )
        errors.append(float((end - exact).abs().mean()))
    assert order_of(errors, steps) == pytest.approx(0.5, abs=0.12)


def test_weak_order_one_of_the_mean_of_geometric_brownian_motion():
    # The scheme's mean is (1 + h)^n, which goes to the process's mean e with the first order of h.
    samples, count = 200_000, 8
    path = BrownianPath((samples,), generator=generator(1), dtype=torch.float64)
    end = integrate(
        torch.ones(samples, dtype=torch.float64),
        drift=lambda x: x,
        noise_scale=lambda x: 0.3 * x,
        times=grid(count),
        path=path,
    )
    assert end.mean().item() == pytest.approx(
        (1 + 1 / count) ** count, abs=4 * float(end.std()) / samples**0.5
    )


def test_strong_order_one_with_additive_noise_and_the_moments_of_ornstein_uhlenbeck():
    rate, noise, samples = 2.0, 0.5, 4000
    path = BrownianPath((samples,), generator=generator(2), dtype=torch.float64)
    fine = grid(4096)

    def solve(times):
        return integrate(
            torch.ones(samples, dtype=torch.float64),
            drift=lambda x: -rate * x,
            noise_scale=lambda x: noise,
            times=times,
            path=path,
        )

    truth = solve(fine)
    assert truth.mean().item() == pytest.approx(math.exp(-rate), abs=0.015)
    assert truth.var().item() == pytest.approx(noise**2 / (2 * rate) * (1 - math.exp(-2 * rate)), rel=0.08)
    steps = [8, 16, 32, 64]
    errors = [float((solve(grid(k)) - truth).abs().mean()) for k in steps]
    assert order_of(errors, steps) == pytest.approx(1.0, abs=0.15)


def test_a_path_adds_up_and_has_the_law_of_brownian_motion():
    path = BrownianPath((50_000,), generator=generator(3), dtype=torch.float64)
    whole = path.increment(0.0, 1.0)
    parts = path.increment(0.0, 0.3) + path.increment(0.3, 0.35) + path.increment(0.35, 1.0)
    torch.testing.assert_close(parts, whole)
    first, second = path.increment(0.0, 0.3), path.increment(0.3, 1.0)
    assert first.var().item() == pytest.approx(0.3, rel=0.03)
    assert second.var().item() == pytest.approx(0.7, rel=0.03)
    assert abs((first * second).mean().item()) < 0.01  # independent
    with pytest.raises(InputError):
        path.increment(0.5, 0.2)


def test_the_same_generator_gives_the_same_step():
    x, drift = torch.randn(4, 7, 3, generator=generator()), torch.randn(4, 7, 3, generator=generator(1))

    def step(seed: int) -> torch.Tensor:
        return euler_maruyama_step(x, drift, noise_scale=0.1, dt=0.5, generator=generator(seed))

    torch.testing.assert_close(step(5), step(5), rtol=0, atol=0)
    assert not torch.equal(step(5), step(6))


def test_without_noise_a_step_is_eulers():
    x, drift = torch.ones(2, 3), torch.full((2, 3), 4.0)
    torch.testing.assert_close(euler_maruyama_step(x, drift, noise_scale=0, dt=0.25), torch.full((2, 3), 2.0))
    with pytest.raises(InputError):
        euler_maruyama_step(x, drift, noise_scale=1.0, dt=0.25)


@pytest.mark.parametrize("noise", [0.0, 1e-3, 0.1])
def test_the_controller_keeps_the_displacement_bound(noise):
    bound, g = 2e-3, generator(4)
    scales = torch.tensor([1e-4, 1.0, 1e4])
    drift = torch.randn(3, 500, 3, generator=g) * scales[:, None, None]
    dt = limited_dt(drift, noise_scale=noise, bound=bound, largest=1.0)
    x = torch.zeros_like(drift)
    for _ in range(20):
        increment = bounded_increment(x, dt, generator=g)
        moved = euler_maruyama_step(x, drift, noise_scale=noise, dt=dt[:, None, None], increment=increment)
        assert (moved - x).norm(dim=-1).max() <= bound * (1 + 1e-4)
    assert dt[2] < dt[1]
    if noise == 0:
        assert dt[0] == 1.0  # nothing moves far: the largest step
        assert (drift[2] * dt[2]).norm(dim=-1).max() == pytest.approx(bound, rel=1e-4)  # as far as it may


def test_cutting_increments_hardly_changes_their_variance():
    dt = torch.tensor([0.25])
    noise = bounded_increment(torch.zeros(1, 100_000, 3), dt, generator=generator(6))
    assert noise.var().item() == pytest.approx(0.25, rel=0.01)
    assert noise.norm(dim=-1).max() <= NOISE_QUANTILE * 0.5 + 1e-6


@pytest.mark.parametrize("kind", ["linear", "cosine", "geometric"])
def test_schedules_go_from_start_to_end_without_turning(kind):
    values = [annealed(0.2, 0.05, progress=k / 20, kind=kind) for k in range(21)]
    assert values[0] == pytest.approx(0.2)
    assert values[-1] == pytest.approx(0.05)
    assert all(a > b for a, b in pairwise(values))
    if kind == "geometric":
        assert values[10] == pytest.approx(0.1)
    with pytest.raises(InputError):
        annealed(1.0, 0.5, progress=1.5, kind=kind)
    with pytest.raises(InputError):
        annealed(1.0, 0.0, progress=0.5, kind="geometric")
