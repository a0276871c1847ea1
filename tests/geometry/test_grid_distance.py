"""The grid against the exact distance it was built from."""

import numpy as np
import pytest
import torch
import trimesh

from handhold.errors import InputError
from handhold.geometry.distance import ExactDistance
from handhold.geometry.grid_distance import GridDistance


def exact(mesh) -> ExactDistance:
    return ExactDistance(np.asarray(mesh.vertices), np.asarray(mesh.faces))


@pytest.fixture(scope="module")
def fields() -> list[ExactDistance]:
    box = trimesh.creation.box((0.04, 0.06, 0.12))
    box.apply_translation((0.3, -0.2, 0.1))
    return [exact(trimesh.creation.icosphere(4, radius=0.04)), exact(box)]


@pytest.fixture(scope="module")
def grids(fields) -> list[GridDistance]:
    return [GridDistance.build(field, resolution=48) for field in fields]


def near(field: ExactDistance, count: int = 3000) -> torch.Tensor:
    rng = np.random.default_rng(3)
    chosen = rng.integers(len(field.vertices), size=count)
    return torch.from_numpy(field.vertices[chosen] + rng.uniform(-0.005, 0.005, (count, 3)))[None]


def test_error_is_what_it_says(fields, grids):
    for field, grid in zip(fields, grids, strict=True):
        points = near(field)
        found = grid.query(points.float())[0][0].double()
        apart = (found - torch.from_numpy(field.query(points[0].numpy()).distance)).abs()
        assert apart.max() < 1.5 * grid.error_m[0]
        assert 0 < grid.rms_m[0] < grid.error_m[0] < 2 * grid.spacing[0]


def test_error_falls_with_the_square_of_the_spacing_on_a_smooth_surface(fields):
    coarse, fine = (GridDistance.build(fields[0], spacing=h, margin=0.02) for h in (0.006, 0.003))
    assert 3 < coarse.rms_m[0] / fine.rms_m[0] < 5


def test_far_field_stays_close(fields, grids):
    points = torch.from_numpy(
        fields[1].vertices.mean(0) + np.random.default_rng(0).uniform(-0.05, 0.05, (3000, 3))
    )
    found = grids[1].query(points[None].float())[0][0].double()
    apart = (found - torch.from_numpy(fields[1].query(points.numpy()).distance)).abs()
    assert apart.max() < 0.006 and apart.mean() < 5e-4


def test_gradients(fields, grids):
    grid = GridDistance.stack(grids).to(dtype=torch.float64)
    inside = torch.cat((near(fields[0], 20), near(fields[1], 20)))
    beyond = inside + torch.tensor([0.2, 0.0, -0.3])
    for points in (inside, beyond):
        points = points.clone().requires_grad_()
        assert torch.autograd.gradcheck(lambda p: grid.query(p)[0], points, eps=1e-9, atol=1e-4)
        distance, gradient = grid.query(points)
        (found,) = torch.autograd.grad(distance.sum(), points)
        torch.testing.assert_close(found, gradient)
        length = gradient.norm(dim=-1)
        assert not gradient.requires_grad and length.max() < 1.8 and (length - 1).abs().median() < 0.1


def test_continuous_at_the_box_and_growing_beyond(grids):
    grid = grids[0].to(dtype=torch.float64)
    high = grid.origin[0] + grid.spacing[0] * (grid.shape[0] - 1)
    steps = torch.tensor([-1e-6, 1e-6, 0.05], dtype=torch.float64)
    points = torch.stack([torch.stack((high[0] + s, *grid.origin[0, 1:] * 0)) for s in steps])
    distance = grid.query(points[None])[0][0]
    assert distance[1] - distance[0] < 3e-6
    torch.testing.assert_close(distance[2] - distance[1], steps[2] - steps[1])


def test_stack_equals_separate_and_batch_equals_single(fields, grids):
    stacked = GridDistance.stack([grids[1], grids[0], grids[1]])
    assert len(stacked) == 3
    points = torch.cat((near(fields[0], 50), near(fields[1], 50), near(fields[1], 50) * 1.1)).float()
    index = torch.tensor([1, 0, 2])
    distance, gradient = stacked.query(points, index)
    for row, single in enumerate((grids[0], grids[1], grids[1])):
        one, slope = single.query(points[row : row + 1])
        torch.testing.assert_close(distance[row], one[0])
        torch.testing.assert_close(gradient[row], slope[0])
        torch.testing.assert_close(single.query(points[row : row + 1, 7:8])[0][0, 0], one[0, 7])


def test_nan_stays_nan_and_flat_boxes_work(grids):
    points = torch.tensor([[[float("nan"), 0, 0], [0, 0, 0]]])
    distance, _ = grids[0].query(points)
    assert distance[0, 0].isnan() and distance[0, 1].isfinite()
    square = ExactDistance(np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0.0]]), np.array([[0, 1, 2]]))
    flat = GridDistance.build(square, resolution=9, margin=0.0)
    assert flat.query(torch.tensor([[[0.02, 0.02, 0.05]]]))[0].item() == pytest.approx(0.05, abs=1e-3)


def test_shape_mistakes(fields, grids):
    with pytest.raises(InputError, match="stack"):
        GridDistance.stack([])
    with pytest.raises(InputError, match="which object"):
        GridDistance.stack(grids).query(torch.zeros(3, 5, 3))
    with pytest.raises(InputError, match="wrong shape"):
        grids[0].query(torch.zeros(5, 3))
    with pytest.raises(InputError, match="too large"):
        GridDistance.build(fields[0], spacing=1e-5)
    with pytest.raises(InputError, match="resolution"):
        GridDistance.build(fields[0], resolution=2)
