"""Surface points are even by area and on the surface."""

import pytest
import torch

from handhold.errors import InputError
from handhold.geometry.sampling import farthest_points, sample_surface

# Two triangles, one with three times the other's area.
VERTICES = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0], [-3.0, 0, 0]], dtype=torch.float64)
FACES = torch.tensor([[0, 1, 2], [0, 2, 3]])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_even_by_area_and_on_the_surface():
    found = sample_surface(VERTICES, FACES, count=4000, generator=generator())
    share = (found.face == 1).double().mean().item()
    assert share == pytest.approx(0.75, abs=1 / 4000)
    assert found.points[:, 2].abs().max() == 0
    torch.testing.assert_close(
        found.normals, torch.tensor([[0.0, 0, 1]], dtype=torch.float64).expand(4000, 3)
    )
    torch.testing.assert_close(found.barycentric.sum(1), torch.ones(4000, dtype=torch.float64))
    torch.testing.assert_close(
        (VERTICES[FACES[found.face]] * found.barycentric[..., None]).sum(1), found.points
    )
    # Within a triangle, the mean of even points is the centroid.
    small = found.points[found.face == 0].mean(0)
    torch.testing.assert_close(small, torch.tensor([1 / 3, 1 / 3, 0], dtype=torch.float64), atol=0.03, rtol=0)


def test_same_seed_same_points_and_none():
    one, two, other = (
        sample_surface(VERTICES, FACES, count=9, generator=generator(s)).points for s in (1, 1, 2)
    )
    assert (one == two).all() and (one != other).any()
    assert sample_surface(VERTICES, FACES, count=0).points.shape == (0, 3)
    with pytest.raises(InputError, match="sample"):
        sample_surface(VERTICES * 0, FACES, count=3)


def test_farthest_points_spread():
    line = torch.linspace(0, 1, 101)[:, None] * torch.ones(1, 3)
    assert farthest_points(line, count=3).tolist() == [0, 100, 50]
    assert len(set(farthest_points(line, count=101).tolist())) == 101
    with pytest.raises(InputError, match="points"):
        farthest_points(line, count=102)
