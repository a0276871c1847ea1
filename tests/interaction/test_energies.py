"""Each energy has its analytic value, its slope, and one number a hand."""

import pytest
import torch

from handhold.interaction import energies

PAIRS = torch.tensor([[0, 1], [0, 2], [1, 2]])
LOWER, UPPER = torch.full((15, 3), -0.2).double(), torch.full((15, 3), 0.3).double()


def normal(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


CASES = {
    "attraction": (lambda x: energies.attraction(x, torch.tensor([True, False, True, True])), (4,)),
    "penetration": (energies.penetration, (4,)),
    "clearance": (lambda x: energies.clearance(x, torch.tensor([0.1, 0.2, 0.0, 0.5]).double()), (4,)),
    "self_penetration": (lambda x: energies.self_penetration(x, pairs=PAIRS, gap=2.0), (3, 3)),
    "beyond_limits": (lambda x: energies.beyond_limits(x, LOWER, UPPER), (15, 3)),
    "pose_prior": (lambda x: energies.pose_prior(x, torch.full((15, 3), 0.1).double()), (15, 3)),
    "kept_keypoints": (lambda x: energies.kept_keypoints(x, torch.full((21, 3), 0.2).double()), (21, 3)),
}


@pytest.mark.parametrize("name", CASES)
def test_one_number_a_hand_with_a_true_slope(name):
    function, size = CASES[name]
    values = normal(5, *size).requires_grad_()
    energy = function(values)
    assert energy.shape == (5,) and (energy >= 0).all() and energy.max() > 0
    for k in range(5):
        torch.testing.assert_close(function(values[k : k + 1])[0], energy[k])
    assert torch.autograd.gradcheck(function, values)


def test_values_by_hand():
    distance = torch.tensor([[0.01, -0.02, 0.03]])
    assert energies.attraction(distance, torch.tensor([[True, True, False]])).item() == pytest.approx(0.03)
    assert energies.penetration(distance).item() == pytest.approx(0.02)
    assert energies.clearance(distance, 0.02).item() == pytest.approx(0.01 + 0.04)
    points = torch.tensor([[[0.0, 0, 0], [0.01, 0, 0], [0.0, 0.05, 0]]])
    # DexGraspNet, utils/energy.py: max(0, 0.02 - distance), there over ordered pairs.
    assert energies.self_penetration(points, pairs=PAIRS, gap=0.02).item() == pytest.approx(0.01)
    angles = torch.zeros(1, 15, 3)
    angles[0, 0, 0], angles[0, 3, 1], angles[0, 4, 2] = 0.5, -0.3, 0.1
    assert energies.beyond_limits(angles, LOWER, UPPER).item() == pytest.approx(0.2 + 0.1)
    assert energies.pose_prior(angles, torch.zeros(1, 15, 3)).item() == pytest.approx(0.25 + 0.09 + 0.01)


def test_missing_keypoints_neither_count_nor_pull():
    observed = torch.zeros(2, 21, 3)
    observed[0, 4], observed[1, 7, 1] = torch.nan, torch.nan
    points = torch.full((2, 21, 3), 0.1, requires_grad=True)
    energy = energies.kept_keypoints(points, observed)
    torch.testing.assert_close(energy, torch.full((2,), 20 * 3 * 0.01))
    energy.sum().backward()
    assert (
        (points.grad[0, 4] == 0).all() and (points.grad[1, 7] == 0).all() and (points.grad[0, 5] != 0).all()
    )


def test_points_in_one_place_have_a_slope():
    points = torch.zeros(1, 3, 3, requires_grad=True)
    energies.self_penetration(points, pairs=PAIRS, gap=0.02).sum().backward()
    assert points.grad.isfinite().all()
