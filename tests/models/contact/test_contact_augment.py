"""Objects bent and turned: still surfaces, with their own normals."""

import pytest
import torch
import trimesh

from handhold.models.contact import augment
from handhold.models.contact.augment import UPRIGHT, bent, roughened, turns


def ball() -> trimesh.Trimesh:
    solid = trimesh.creation.icosphere(subdivisions=4, radius=0.05)
    solid.apply_translation((0.1, -0.2, 0.3))
    return solid


@pytest.mark.parametrize("seed", range(4))
def test_normals_of_a_bent_ball_stand_upon_its_surface(seed, monkeypatch):
    """Against the normals of the bent mesh itself, for bends that are three times as strong."""
    monkeypatch.setattr(augment, "BEND", 0.3 if seed % 2 else 0.1)
    solid = ball()
    points = torch.tensor(solid.vertices, dtype=torch.float64)[None]
    normals = torch.nn.functional.normalize(points - points.mean(1, keepdim=True), dim=-1)
    moved, leans = bent(points, normals, torch.Generator().manual_seed(seed))
    assert (moved - points).norm(dim=-1).max() > 0.002
    torch.testing.assert_close(leans.norm(dim=-1), torch.ones(1, points.shape[1], dtype=torch.float64))
    corners = moved[0][torch.tensor(solid.faces)]
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    face = leans[0][torch.tensor(solid.faces)].mean(1)
    # edges of small faces lie in the surface
    for edge in (one, other):
        along = (torch.nn.functional.normalize(edge, dim=-1) * face).sum(-1).abs()
        assert along.max() < 0.04
    if not seed % 2:  # a weak bend does not fold the surface: its normals stay outside
        assert ((torch.linalg.cross(one, other) * face).sum(-1) > 0).all()


def test_bends_are_of_each_object_and_follow_the_generator():
    points = torch.tensor(ball().vertices).float()[None].repeat(3, 1, 1)
    normals = torch.nn.functional.normalize(points - points.mean(1, keepdim=True), dim=-1)
    one, again, other = (bent(points, normals, torch.Generator().manual_seed(k))[0] for k in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert (one[0] - one[1]).abs().max() > 1e-3
    # two sizes are bent alike
    large = bent(points * 2, normals, torch.Generator().manual_seed(0))[0]
    torch.testing.assert_close(large, one * 2, atol=1e-5, rtol=0)


def test_turns_are_proper_and_half_of_them_upright():
    found = turns(2000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found @ found.mT, torch.eye(3).expand(2000, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(found), torch.ones(2000))
    up = found[:, 2, 2]
    assert (up > 0.75).float().mean() == pytest.approx(UPRIGHT + (1 - UPRIGHT) / 8, abs=0.03)
    assert found.mean(0)[:2].abs().max() < 0.06  # about the vertical, and freely, every way alike


def test_a_third_is_roughened_by_less_than_a_millimetre():
    points = torch.rand(900, 5, 3, generator=torch.Generator().manual_seed(0))
    normals = torch.nn.functional.normalize(points - 0.5, dim=-1)
    moved, leans = roughened(points, normals, torch.Generator().manual_seed(1))
    rough = (moved != points).any(-1).any(-1)
    assert rough.float().mean() == pytest.approx(1 / 3, abs=0.05)
    torch.testing.assert_close(leans[~rough], normals[~rough])
    assert (moved[rough] - points[rough]).std() == pytest.approx(augment.NOISE, rel=0.1)
    torch.testing.assert_close(leans.norm(dim=-1), torch.ones(900, 5))
