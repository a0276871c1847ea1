"""The SDE solver: its terms, its stopping conditions, and what its result keeps to."""

from dataclasses import replace

import pytest
import torch
import trimesh

from handhold.errors import InputError
from handhold.geometry.mesh import vertex_normals
from handhold.hand import Hand
from handhold.hand.kinematics import forward, place, surface_points
from handhold.interaction.grasp import Grasp
from handhold.interaction.rows import Rows
from handhold.methods.refine.gravity.sde import SdeResult, normal_alignment_gradient, solve_sde
from handhold.methods.refine.gravity.sde_config import SdeConfig
from handhold.objects import ObjectMesh

RADIUS = 0.03
QUICK = SdeConfig.metres(max_steps=24, contact_points=500, use_normal=False)


def ball_before_palm(gap: float) -> Grasp:
    hand = Hand.open()
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=RADIUS)
    ball = ObjectMesh.from_arrays(mesh.vertices, mesh.faces, name="ball")
    vertices = hand(hand.zeros()).vertices
    palm = torch.nonzero(hand.palmar & (hand.finger_labels == 0)).squeeze(-1)
    vertex = palm[(vertices[palm] - vertices[palm].mean(0)).norm(dim=-1).argmin()]
    normal = vertex_normals(vertices, hand.faces)[vertex]
    pose = torch.eye(4)
    pose[:3, 3] = vertices[vertex] + (RADIUS + gap) * normal
    return Grasp(hand, hand.zeros(), ball, pose)


def solve(rows: Rows, config: SdeConfig, seed: int = 0) -> SdeResult:
    return solve_sde(rows, config, generator=torch.Generator().manual_seed(seed))


def skin(rows: Rows, result: SdeResult) -> torch.Tensor:
    model = place(forward(rows.hand, result.state), surface_points(rows.hand, result.state.betas))
    return model + result.offsets


@pytest.fixture(scope="module")
def hovering() -> Rows:
    return Rows.from_grasps([ball_before_palm(0.005)])


def gap(rows: Rows, result: SdeResult) -> float:
    return float(rows.distance(skin(rows, result))[0].amin())


def test_gravity_closes_a_gap_from_outside_and_from_inside(hovering):
    before = float(rows_distance(hovering).amin())
    after = gap(hovering, solve(hovering, QUICK))
    assert before > 0.003 and abs(after) < 0.6 * before
    sunk = Rows.from_grasps([ball_before_palm(-0.004)])
    assert gap(sunk, solve(sunk, QUICK)) > float(rows_distance(sunk).amin())


def rows_distance(rows: Rows) -> torch.Tensor:
    model = place(forward(rows.hand, rows.state), surface_points(rows.hand, rows.state.betas))
    return rows.distance(model)[0]


def test_without_gravity_and_noise_nothing_moves(hovering):
    result = solve(hovering, replace(QUICK, use_gravity=False, epsilon=0.0))
    assert result.offsets.abs().max() < 1e-5
    torch.testing.assert_close(result.state.wrist, hovering.state.wrist, atol=2e-5, rtol=0)
    assert result.stops[0].reason == "steps" and result.stops[0].step == QUICK.max_steps


def test_without_the_prior_skin_leaves_the_hand(hovering):
    config = replace(QUICK, use_refit=False, tissue_cap=0.05)
    held, loose = solve(hovering, config), solve(hovering, replace(config, use_prior=False))
    assert loose.offsets.norm(dim=-1).amax() > 1.2 * held.offsets.norm(dim=-1).amax()


def test_without_refit_the_model_stays(hovering):
    result = solve(hovering, replace(QUICK, use_refit=False))
    torch.testing.assert_close(result.state.wrist, hovering.state.wrist)
    torch.testing.assert_close(result.state.angles, hovering.state.angles)
    refitted = solve(hovering, QUICK)
    assert (refitted.state.angles - hovering.state.angles).abs().max() > 1e-3


def test_noise_comes_from_the_generator(hovering):
    config = replace(QUICK, use_noise=True, noise=2e-3)
    one, same, other = solve(hovering, config, 3), solve(hovering, config, 3), solve(hovering, config, 4)
    torch.testing.assert_close(one.offsets, same.offsets, rtol=0, atol=0)
    assert not torch.equal(one.offsets, other.offsets)


def test_each_row_stops_by_itself_and_says_why():
    grasps = [ball_before_palm(0.2), ball_before_palm(0.005)]
    rows = Rows.from_grasps(grasps)
    far, near = solve(rows, QUICK).stops
    assert (far.reason, far.step) == ("force", 0)  # nothing within reach attracts it
    assert near.reason != "force" or near.step > 0


def test_valid_contact_stops_a_row():
    # The ball rests on the fingers: they touch, nothing penetrates.
    hand = Hand.open()
    tip = hand(hand.zeros()).vertices[hand.tip_vertices[2]]
    grasp = ball_before_palm(0.0)
    pose = torch.eye(4)
    outward = vertex_normals(hand(hand.zeros()).vertices, hand.faces)[hand.tip_vertices[2]]
    pose[:3, 3] = tip + (RADIUS + 0.001) * outward
    rows = Rows.from_grasps([grasp.with_(T_world_object=pose)])
    labels = rows.hand.finger_labels
    assert rows_distance(rows)[0, labels == 3].abs().amin() < 0.003
    stop = solve(rows, replace(QUICK, contact_reach=0.002)).stops[0]
    assert (stop.reason, stop.step) == ("contact", 0)


def test_a_diverging_row_is_called_so_and_stays_finite():
    rows = Rows.from_grasps([ball_before_palm(0.005)])
    result = solve(rows, SdeConfig.as_printed(max_steps=30, alpha=1.0))
    assert result.stops[0].reason == "diverged"
    assert result.offsets.isfinite().all() and result.state.wrist.isfinite().all()


def test_a_batch_is_its_rows():
    grasps = [ball_before_palm(0.005), ball_before_palm(0.002)]
    together = solve(Rows.from_grasps(grasps), QUICK)
    for k, grasp in enumerate(grasps):
        alone = solve(Rows.from_grasps([grasp]), QUICK)
        torch.testing.assert_close(together.state.angles[k], alone.state.angles[0], atol=1e-3, rtol=0)
        assert together.stops[k] == alone.stops[0]


@pytest.mark.parametrize(
    "config", [SdeConfig(max_steps=20, contact_points=500), QUICK, replace(QUICK, tissue="yield")]
)
def test_soft_tissue_is_capped_and_angles_keep_their_limits(hovering, config):
    result = solve(hovering, config)
    assert result.offsets.norm(dim=-1).max() <= config.tissue_cap + 1e-6
    anatomy = hovering.hand.anatomy
    assert anatomy.violation(result.state.angles).max() < 1e-4


def test_no_tissue_if_asked(hovering):
    assert solve(hovering, replace(QUICK, tissue="none")).offsets.abs().max() == 0


def test_normal_alignment_is_the_gradient_of_its_loss_and_safe_at_contact():
    generator = torch.Generator().manual_seed(0)
    away = 0.01 * torch.randn(50, 3, generator=generator, dtype=torch.float64)
    away[0] = 0  # at contact
    normal = torch.nn.functional.normalize(
        torch.randn(50, 3, generator=generator, dtype=torch.float64), dim=1
    )
    away.requires_grad_(True)
    length = (away.square().sum(-1) + 1e-3**2).sqrt()
    loss = (1 - (normal * away).sum(-1) / length).square().sum()
    (expected,) = torch.autograd.grad(loss, away)
    found = normal_alignment_gradient(away.detach(), normal, safe_length=1e-3)
    torch.testing.assert_close(found, expected)
    assert found.norm(dim=-1).max() <= 4 / 1e-3 * 1.01


def test_normal_alignment_takes_skin_out_of_the_object():
    sunk = Rows.from_grasps([ball_before_palm(-0.004)])
    config = replace(QUICK, use_gravity=False, epsilon=0.0)
    assert gap(sunk, solve(sunk, replace(config, use_normal=True))) > gap(sunk, solve(sunk, config)) + 5e-4


def test_bad_settings_are_named():
    for changes in ({"sigma_fine": 0.0}, {"stages": 0}, {"normalize": "sum"}, {"tissue": "skin"}):
        with pytest.raises(InputError, match="SdeConfig"):
            SdeConfig(**changes)
