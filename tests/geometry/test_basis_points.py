import pytest
import torch

from handhold.errors import InputError
from handhold.geometry.basis_points import ball_points


@pytest.mark.parametrize("crowding", [1.0, 2.0])
def test_points_fill_the_ball_as_crowding_says(crowding):
    points = ball_points(4096, radius=0.16, crowding=crowding)
    distance = points.norm(dim=-1)
    assert distance.max() <= 0.16 + 1e-6
    for share in (0.25, 0.5, 0.75):
        inside = (distance < 0.16 * share ** (crowding / 3)).float().mean()
        assert inside == pytest.approx(share, abs=0.02)
    torch.testing.assert_close(points.mean(0), torch.zeros(3), atol=2e-3, rtol=0)


def test_they_are_always_the_same():
    torch.manual_seed(3)
    first = ball_points(64, radius=1.0)
    torch.rand(5)
    assert torch.equal(first, ball_points(64, radius=1.0))


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"radius": 0.0}, {"radius": float("nan")}, {"crowding": -1.0}]
)
def test_a_ball_that_cannot_be(wrong):
    given = {"count": 8, "radius": 0.1, "crowding": 1.0} | wrong
    with pytest.raises(InputError, match="such a ball"):
        ball_points(given.pop("count"), **given)
