"""A hand is found again from its CHOIR, quickly, on either side, and noise does it measured harm."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.hand.kinematics import HandState, forward, keypoint_points, place, surface_points
from handhold.interaction.choir import (
    ChoirFitConfig,
    PublishedFitConfig,
    fit_choir,
    fit_published,
)
from handhold.interaction.choir.basis import ChoirConfig
from handhold.interaction.choir.encode import Choir, choir_objects, encode
from handhold.interaction.choir.field import find_anchors, read_field
from handhold.interaction.choir.fit import anchor_hand
from handhold.objects import ObjectMesh

COUNT = 8


def ball() -> ObjectMesh:
    mesh = trimesh.creation.icosphere(3, radius=0.035)
    return ObjectMesh.from_arrays(np.array(mesh.vertices), np.array(mesh.faces))


def skin(hand: Hand, state: HandState) -> torch.Tensor:
    return place(forward(hand, state), surface_points(hand, state.betas))


def off_mm(hand: Hand, one: HandState, other: HandState) -> torch.Tensor:
    """Mean distance of the keypoints, (B,) [mm]."""
    a, b = (place(forward(hand, s), keypoint_points(hand, s.betas)) for s in (one, other))
    return (a - b).norm(dim=-1).mean(-1) * 1e3


def example(
    hand: Hand, random_states, config: ChoirConfig, *, within=0.6, count=COUNT
) -> tuple[HandState, Choir]:
    """Hands in random postures about the origin, and their CHOIRs."""
    state = random_states(hand, count, within=within)
    state = replace(state, wrist=state.wrist * 0)
    state = replace(state, wrist=-hand.anchors.positions(skin(hand, state)).mean(1))
    objects = choir_objects([ball()], config=config)
    choir = encode(hand, skin(hand, state), objects, torch.zeros(count).long(), contacts=False, config=config)
    return state, choir


@pytest.mark.parametrize("config", [ChoirConfig(), ChoirConfig(side=10), ChoirConfig(side=8, layout="ball")])
def test_anchors_follow_from_their_distances(hand, random_states, config):
    state, choir = example(hand, random_states, config)
    found = find_anchors(read_field(choir, config))
    assert torch.allclose(found, hand.anchors.positions(skin(hand, state)), atol=2e-5)


def test_anchors_of_planes_are_right_up_to_the_plane(hand, random_states):
    config = ChoirConfig(assignment="ordered")
    state, choir = example(hand, random_states, config)
    field = read_field(choir, config)
    found = find_anchors(field)
    assert field.basis[..., 2].std(-1).max() < 1e-6
    assert field.residual(found).max() < 1e-5
    true = hand.anchors.positions(skin(hand, state))
    height = (found - field.basis[:, :, 0])[..., 2].abs()
    assert torch.allclose(height, (true - field.basis[:, :, 0])[..., 2].abs(), atol=2e-3)
    assert torch.allclose(found[..., :2], true[..., :2], atol=2e-5)


def test_an_anchor_hand_is_the_hands_anchors(hand, random_states):
    state = random_states(hand, 3)
    assert torch.allclose(
        skin(anchor_hand(hand), state), hand.anchors.positions(skin(hand, state)), atol=1e-6
    )


def test_curvature_and_slope_are_those_of_the_squares(hand64, random_states):
    config = ChoirConfig(side=8)
    field = read_field(_double(example(hand64, random_states, config)[1]), config)
    anchors = find_anchors(field)
    moved = (anchors + 0.004).requires_grad_()
    (slope,) = torch.autograd.grad(0.5 * field.squares(moved).sum(), moved)
    found, curvature = field.pulls(moved.detach())
    assert torch.allclose(found, slope, atol=1e-9)
    step = 1e-6 * torch.ones_like(anchors)  # where nothing is left over, Gauss-Newton's curvature is exact
    change = field.pulls(anchors + step)[0] - field.pulls(anchors)[0]
    assert torch.allclose(
        change, (field.pulls(anchors)[1] @ step[..., None]).squeeze(-1), rtol=1e-2, atol=1e-8
    )
    assert curvature.shape == (COUNT, 32, 3, 3)


def _double(choir: Choir) -> Choir:
    return Choir(
        choir.object_distance.double(),
        choir.anchor_distance.double(),
        None,
        choir.centre.double(),
        choir.reach.double(),
    )


def test_a_true_choir_gives_its_hand_back(hand, random_states):
    config = ChoirConfig()
    state, choir = example(hand, random_states, config)
    fit = fit_choir(hand, choir, choir_config=config)
    assert off_mm(hand, fit.state, state).max() < 0.5
    assert fit.residual.max() < 2e-4


def test_so_does_an_ordered_one_most_times_and_always_from_near(hand, random_states):
    config = ChoirConfig(assignment="ordered")
    state, choir = example(hand, random_states, config)
    alone = off_mm(hand, fit_choir(hand, choir, choir_config=config).state, state)
    assert (alone < 0.5).float().mean() > 0.6  # of some anchors the wrong side of their plane is taken
    start = replace(state, angles=hand.anatomy.clamp(state.angles + 0.1), wrist=state.wrist + 0.01)
    fit = fit_choir(hand, choir, choir_config=config, start=start)
    assert off_mm(hand, fit.state, state).max() < 0.5


def test_rows_do_not_act_on_each_other(hand, random_states):
    config = ChoirConfig(side=8)
    _, choir = example(hand, random_states, config, count=3)
    whole = fit_choir(hand, choir, choir_config=config)
    one = fit_choir(hand, choir.select(slice(1, 2)), choir_config=config)
    assert off_mm(hand, whole.state.select(slice(1, 2)), one.state).max() < 0.1


def test_noise_of_2_mm_moves_the_hand_by_less(hand, random_states):
    config = ChoirConfig()
    state, choir = example(hand, random_states, config)
    noise = 0.002 * torch.randn(choir.anchor_distance.shape, generator=torch.Generator().manual_seed(0))
    fit = fit_choir(hand, replace(choir, anchor_distance=choir.anchor_distance + noise), choir_config=config)
    assert 0.05 < off_mm(hand, fit.state, state).mean() < 1.5
    assert abs(fit.residual.mean() - 0.002) < 1e-4


def test_the_shape_can_be_given(hand, random_states):
    config = ChoirConfig(side=8)
    state, choir = example(hand, random_states, config, count=4)
    start = replace(state, angles=hand.anatomy.clamp(state.angles + 0.2), wrist=state.wrist + 0.02)
    fit = fit_choir(hand, choir, choir_config=config, start=start, config=ChoirFitConfig(shape=False))
    assert torch.equal(fit.state.betas, state.betas)
    assert off_mm(hand, fit.state, state).mean() < 0.5


def test_adam_comes_near_from_a_noisy_hand(random_states):
    hand, config = Hand.open("left"), ChoirConfig(side=8)
    state, choir = example(hand, random_states, config, count=4)
    start = replace(state, angles=hand.anatomy.clamp(state.angles + 0.15), wrist=state.wrist + 0.015)
    settings = PublishedFitConfig(field_steps=60, contact_steps=0)
    fit = fit_published(hand, choir, choir_config=config, start=start, config=settings)
    before = off_mm(hand, start, state)
    assert (off_mm(hand, fit.state, state) < 0.25 * before).all()
    assert fit.residual.max() < 3e-3


@pytest.mark.parametrize(("gap_mm", "contact"), [(-6.0, 10.0), (2.0, 1000.0)])
def test_the_second_stage_brings_skin_to_the_object_and_out_of_it(hand, gap_mm, contact):
    config = ChoirConfig(side=8, centre="hand", setback=0.002)
    objects, index = choir_objects([ball()], config=config), torch.tensor([0])
    flat = HandState.from_params(hand, hand.zeros(1))
    state = replace(flat, wrist=flat.wrist - skin(hand, flat)[:, hand.anchors.vertices[3]])

    def nearest(state: HandState) -> float:
        return float(objects.grid.query(skin(hand, state), index)[0].min())

    def lifted(state: HandState, gap: float) -> HandState:
        """The palm moved along its normal until its skin is so far from the ball [m]."""
        for _ in range(12):
            state = replace(state, wrist=state.wrist + (gap - nearest(state)) * _back(hand))
        return state

    touching = lifted(state, 0.0)
    choir = encode(hand, skin(hand, touching), objects, index, config=config)
    assert choir.contacts is not None and (choir.contacts.weight > 0).any()
    start = lifted(touching, gap_mm * 1e-3)
    assert abs(nearest(start) - gap_mm * 1e-3) < 5e-4
    settings = PublishedFitConfig(field_steps=0, contact_steps=40, contact=contact)
    fit = fit_published(hand, choir, objects, index, choir_config=config, start=start, config=settings)
    assert abs(nearest(fit.state)) < 0.7 * abs(nearest(start))


def _back(hand: Hand) -> torch.Tensor:
    """Unit direction from the palm's skin to the back of the hand."""
    palm = hand.finger_labels == 0
    away = hand.template[palm & ~hand.palmar].mean(0) - hand.template[palm & hand.palmar].mean(0)
    return away / away.norm()


def test_bad_input_is_refused(hand, random_states):
    config = ChoirConfig(side=8)
    state, choir = example(hand, random_states, config, count=1)
    with pytest.raises(InputError, match="these settings"):
        fit_choir(hand, choir, choir_config=ChoirConfig())
    with pytest.raises(InputError, match="finite"):
        fit_choir(
            hand, replace(choir, anchor_distance=choir.anchor_distance * torch.nan), choir_config=config
        )
    with pytest.raises(InputError, match="contacts are missing"):
        fit_published(hand, choir, choir_config=config, start=state, config=PublishedFitConfig(field_steps=1))
    for wrong in ({"steps": 0}, {"distance_sd": 0.0}, {"rest_flexion": float("nan")}):
        with pytest.raises(InputError):
            ChoirFitConfig(**wrong)
    with pytest.raises(InputError):
        PublishedFitConfig(field_rate=-1.0)
