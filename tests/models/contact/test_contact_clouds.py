"""What a PointNet++ gathers: the right neighbours, and features that come back up."""

from dataclasses import fields

import pytest
import torch
from contact_examples import SMALL, cloud

from handhold.models.contact.clouds import GATHERED, gather, gather_all, interpolate, nearest, take


def test_neighbours_are_the_nearest_by_brute_force():
    points = cloud(count=300)[0]
    found = gather(points, SMALL)
    a = points[found.first[0]]
    assert found.first.shape == (1, 48) and found.around_first.shape == (1, 48, 8)
    assert len(set(found.first[0].tolist())) == 48
    for centre, around in zip(found.first[0].tolist(), found.around_first[0], strict=True):
        gaps = [float((points[k] - points[centre]).norm()) for k in range(300)]
        wanted = sorted(gaps)[:8]
        torch.testing.assert_close(
            (points[around] - points[centre]).norm(dim=-1), torch.tensor(wanted), atol=1e-4, rtol=0
        )
        assert around[0] == centre
    assert (found.second < 48).all() and (found.around_second < 48).all()
    b = a[found.second[0]]
    gaps = (points[:, None] - a).norm(dim=-1).sort(-1).values[:, :3]
    torch.testing.assert_close((points[:, None] - a[found.up[0]]).norm(dim=-1), gaps, atol=1e-4, rtol=0)
    gaps = (a[:, None] - b).norm(dim=-1).sort(-1).values[:, :3]
    torch.testing.assert_close((a[:, None] - b[found.up_first[0]]).norm(dim=-1), gaps, atol=1e-4, rtol=0)


def test_centres_are_spread():
    points = cloud("ball")[0]
    a = points[gather(points, SMALL).first[0]]
    gaps = torch.cdist(a, a) + torch.eye(48)
    assert gaps.min() > 0.25 * gaps.min(1).values.max()
    assert torch.cdist(points, a).min(1).values.max() < 0.02  # of a ball of 4 cm


def test_a_large_cloud_is_thinned_for_neighbours():
    points = cloud(count=3 * GATHERED)[0]
    one, other = gather(points, SMALL, start=0), gather(points, SMALL, start=1)
    assert (one.around_first % 3 == 0).all() and (other.around_first % 3 == 1).all()
    assert one.up.shape == (1, 3 * GATHERED, 3)


def test_a_gathering_comes_back_from_16_bits():
    clouds = torch.stack([cloud(kind)[0] for kind in ("box", "ball")])
    some = gather_all(clouds, SMALL).select(torch.tensor([1]))
    assert some.up.dtype == torch.int16
    again, found = some.long().to("cpu"), gather(clouds[1], SMALL, start=1)
    assert all(torch.equal(getattr(again, f.name), getattr(found, f.name)) for f in fields(found))


def test_interpolation_keeps_constants_and_gives_centres_their_own():
    points = cloud()[0]
    found = gather(points, SMALL)
    a = points[found.first[0]]
    even = interpolate(torch.full((1, 48, 2), 3.0), a[None], points[None], found.up)
    torch.testing.assert_close(even, torch.full((1, 600, 2), 3.0))
    values = torch.randn(1, 48, 5, generator=torch.Generator().manual_seed(0))
    back = interpolate(values, a[None], points[None], found.up)[0, found.first[0]]
    torch.testing.assert_close(back, values[0], atol=0.05, rtol=0)


def test_interpolation_of_a_linear_function_is_near_it():
    points = cloud()[0] / 0.06
    found = gather(points, SMALL)
    a = points[found.first[0]]
    slope = torch.tensor([[0.3], [-0.5], [1.0]])
    smooth = interpolate((a @ slope)[None], a[None], points[None], found.up)[0]
    off = (smooth - points @ slope).abs()
    assert off.mean() < 0.12 and off.max() < 0.5  # of a function that spans 2.4
    assert torch.corrcoef(torch.stack((smooth[:, 0], (points @ slope)[:, 0])))[0, 1] > 0.97


@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 3)])
def test_take_is_indexing_of_each_batch(shape):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(2, 7, 4, generator=generator)
    index = torch.randint(7, shape, generator=generator)
    found = take(values, index)
    assert found.shape == (*shape, 4)
    for k in range(2):
        assert torch.equal(found[k], values[k][index[k]])


def test_nearest_is_at_most_all_there_are():
    assert nearest(torch.zeros(2, 3), torch.rand(4, 3), 9).shape == (2, 4)
