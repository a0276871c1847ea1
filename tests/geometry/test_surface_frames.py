import math

import torch

from handhold.geometry.surface_frames import frames_on


def test_frames_are_rotations_that_stand_on_the_surface():
    normals = torch.nn.functional.normalize(torch.randn(200, 3, dtype=torch.float64), dim=-1)
    normals[:3] = torch.eye(3, dtype=torch.float64)
    turn = torch.linspace(-7, 7, 200, dtype=torch.float64)
    frames = frames_on(normals, turn)
    eye = torch.eye(3, dtype=torch.float64).expand(200, 3, 3)
    torch.testing.assert_close(frames.mT @ frames, eye)
    torch.testing.assert_close(torch.linalg.det(frames), torch.ones(200, dtype=torch.float64))
    torch.testing.assert_close(frames[..., 2], normals)


def test_the_turn_is_about_the_normal():
    normals = torch.nn.functional.normalize(torch.randn(50, 3, dtype=torch.float64), dim=-1)
    start = frames_on(normals, torch.zeros(50, dtype=torch.float64))
    quarter = frames_on(normals, torch.full((50,), math.pi / 2, dtype=torch.float64))
    torch.testing.assert_close(quarter[..., 0], start[..., 1])
    torch.testing.assert_close(quarter[..., 1], -start[..., 0])
