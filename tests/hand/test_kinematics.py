"""Anatomical coordinates lead to the same hand, and their exact Jacobians agree with finite differences."""

from dataclasses import replace

import pytest
import torch

from handhold.hand import BONES, Hand
from handhold.hand.kinematics import (
    DOFS,
    HandState,
    SkinnedPoints,
    bone_points,
    damped_step,
    directional_jacobian,
    forward,
    keypoint_points,
    keypoint_shape_jacobian,
    place,
    surface_points,
)


def all_points(hand: Hand, betas) -> SkinnedPoints:
    some = torch.arange(0, len(hand.template), 23)
    bones = bone_points(hand, betas, BONES, torch.tensor([0.25, 0.75]))
    return SkinnedPoints.join([surface_points(hand, betas)[some], bones, keypoint_points(hand, betas)])


def test_a_state_places_the_hands_own_surface(hand64, random_states):
    state = random_states(hand64, 3)
    surface = hand64(state.params(hand64))
    pose = forward(hand64, state)
    torch.testing.assert_close(
        place(pose, surface_points(hand64, state.betas)), surface.vertices, atol=1e-6, rtol=0
    )
    torch.testing.assert_close(
        place(pose, keypoint_points(hand64, state.betas)), surface.joints, atol=1e-6, rtol=0
    )
    torch.testing.assert_close(pose.position[:, 0], state.wrist)


def test_params_and_states_round_trip(hand64, random_states):
    state = random_states(hand64, 5)
    again = HandState.from_params(hand64, state.params(hand64))
    for name in ("rotation", "wrist", "angles", "betas"):
        torch.testing.assert_close(getattr(again, name), getattr(state, name), atol=1e-6, rtol=0)


def test_bone_points_lie_on_the_bones(hand64, random_states):
    state = random_states(hand64, 2)
    pose = forward(hand64, state)
    fractions = torch.tensor([0.0, 0.5])
    points = place(pose, bone_points(hand64, state.betas, BONES, fractions)).unflatten(1, (20, 2))
    keypoints = place(pose, keypoint_points(hand64, state.betas))
    start, end = (torch.tensor(side) for side in zip(*BONES, strict=True))
    torch.testing.assert_close(points[:, :, 0], keypoints[:, start], atol=1e-9, rtol=0)
    middle = (keypoints[:, start] + keypoints[:, end]) / 2
    rigid = end < 16  # tips are skin, and bend a little with the bones before their own
    torch.testing.assert_close(points[:, rigid, 1], middle[:, rigid], atol=1e-9, rtol=0)
    assert (points[:, ~rigid, 1] - middle[:, ~rigid]).norm(dim=-1).max() < 0.001


def test_directional_jacobian_is_the_slope(hand64, random_states):
    state = random_states(hand64, 2, within=0.8)
    points = all_points(hand64, state.betas)
    directions = torch.randn(2, points.rest.shape[1], 3, generator=torch.Generator().manual_seed(1)).double()
    exact = directional_jacobian(hand64, forward(hand64, state), points, directions)
    assert exact.shape == (2, points.rest.shape[1], DOFS)
    step = 1e-6
    for k in range(DOFS):
        move = torch.zeros(2, DOFS, dtype=torch.float64)
        move[:, k] = step
        ahead, behind = (place(forward(hand64, state.moved(hand64, m)), points) for m in (move, -move))
        slope = ((ahead - behind) / (2 * step) * directions).sum(-1)
        torch.testing.assert_close(exact[..., k], slope, atol=2e-7, rtol=1e-6, msg=f"unknown {k}")


def test_shape_jacobian_is_the_slope(hand64, random_states):
    state = random_states(hand64, 2)
    exact = keypoint_shape_jacobian(hand64, forward(hand64, state))
    for k in range(hand64.shapes):
        step = torch.zeros(hand64.shapes, dtype=torch.float64)
        step[k] = 1e-4  # the keypoints are linear in the shape
        ends = [replace(state, betas=state.betas + s) for s in (step, -step)]
        ahead, behind = (place(forward(hand64, s), keypoint_points(hand64, s.betas)) for s in ends)
        torch.testing.assert_close(exact[..., k], (ahead - behind) / 2e-4, atol=1e-8, rtol=0)


def test_moving_keeps_the_limits(hand, random_states):
    state = random_states(hand, 4)
    step = torch.randn(4, DOFS, generator=torch.Generator().manual_seed(0)) * 3
    moved = state.moved(hand, step)
    assert hand.anatomy.violation(moved.angles).max() == 0
    torch.testing.assert_close(moved.wrist, state.wrist + step[:, 3:6])
    eye = torch.eye(3).expand(4, 3, 3)
    torch.testing.assert_close(moved.rotation @ moved.rotation.mT, eye, atol=1e-5, rtol=0)


def problem(hand: Hand, state: HandState, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(len(state.wrist), 80, DOFS, generator=generator).to(hand.template)
    residual = torch.randn(len(state.wrist), 80, 1, generator=generator).to(hand.template)
    return root.mT @ root, (root.mT @ residual).squeeze(-1)


def test_a_step_solves_the_normal_equations(hand64, random_states):
    state = random_states(hand64, 3)
    hessian, gradient = problem(hand64, state)
    step = damped_step(hand64, state, hessian, gradient, damping=0.5, limit=100.0)
    damped = hessian + 0.5 * torch.eye(DOFS, dtype=torch.float64)
    torch.testing.assert_close((damped @ step[..., None]).squeeze(-1), -gradient)


def test_no_joint_turns_further_than_allowed(hand64, random_states):
    state = random_states(hand64, 3)
    hessian, gradient = problem(hand64, state)
    free = damped_step(hand64, state, hessian, gradient * 10, damping=0.5, limit=100.0)
    held = damped_step(hand64, state, hessian, gradient * 10, damping=0.5, limit=0.1)
    turns = torch.cat((held[:, :3], held[:, 6:]), -1).abs().amax(-1)
    torch.testing.assert_close(turns, torch.full((3,), 0.1, dtype=torch.float64))
    torch.testing.assert_close(held / held.norm(dim=-1, keepdim=True), free / free.norm(dim=-1, keepdim=True))


def test_angles_at_a_limit_that_would_be_pushed_on_are_held(hand64, random_states):
    state = random_states(hand64, 1)
    state = replace(state, angles=hand64.anatomy.upper[None].clone())
    hessian, gradient = problem(hand64, state)
    step = damped_step(hand64, state, hessian, gradient, damping=0.1, limit=100.0)
    pushed = gradient[:, 6:] < 0
    assert pushed.any() and (step[:, 6:][pushed] == 0).all() and (step[:, 6:][~pushed] != 0).all()
    # The others' step is the one of the problem without the held ones.
    free = torch.cat((torch.ones(1, 6, dtype=torch.bool), ~pushed), -1)[0]
    small = hessian[0][free][:, free] + 0.1 * torch.eye(int(free.sum()), dtype=torch.float64)
    torch.testing.assert_close(step[0, free], -torch.linalg.solve(small, gradient[0, free]))


@pytest.mark.parametrize("bad", ["hessian", "gradient", "indefinite"])
def test_a_step_that_cannot_be_had_is_none(hand64, random_states, bad):
    state = random_states(hand64, 2)
    hessian, gradient = problem(hand64, state)
    if bad == "indefinite":
        hessian[0] = -hessian[0]
    else:
        (hessian if bad == "hessian" else gradient)[0] = torch.nan
    step = damped_step(hand64, state, hessian, gradient, damping=0.1, limit=1.0)
    assert (step[0] == 0).all() and (step[1] != 0).any() and step.isfinite().all()


def test_select_and_where(hand, random_states):
    state, other = random_states(hand, 3), random_states(hand, 3, seed=1)
    mixed = state.where(torch.tensor([True, False, True]), other)
    torch.testing.assert_close(mixed.angles[1], other.angles[1])
    torch.testing.assert_close(mixed.select(torch.tensor([0, 2])).wrist, state.wrist[[0, 2]])
