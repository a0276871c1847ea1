"""What the model learns: the truth seen from a noisy hand; and that it does learn it."""

from dataclasses import replace

import pytest
import roma
import torch
from choir_examples import HAND, SMALL, mirror_image, near, sight

from handhold.hand.kinematics import forward, place, surface_points
from handhold.interaction.choir.encode import Choir, choir_objects_from_points, encode
from handhold.interaction.choir.field import find_anchors, read_field
from handhold.models.choir import JointDiffusion
from handhold.models.choir.seen import keypoints_of
from handhold.models.choir.task import (
    LOWER,
    Aim,
    Draws,
    JointDiffusionTask,
    factors,
    fit_scales,
    touching_skin,
)
from handhold.models.grasp_rows import GraspRows

STILL = Aim(shift=0.0, turn=0.0)
EVERY = torch.arange(5)
BARE, POINTS = replace(SMALL, contacts=False), replace(SMALL, form="keypoints")


@pytest.fixture(scope="module")
def grasps(rows) -> GraspRows:
    """The rows, each with a finger at the object."""
    return near(rows)


def numbers(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def task_of(config, rows, **draws) -> JointDiffusionTask:
    torch.manual_seed(0)
    return JointDiffusionTask(JointDiffusion(config), rows, draws=Draws(**draws))


# Examples.


@pytest.mark.parametrize("frame", ["hand", "object"])
def test_without_noise_the_noisy_hand_is_the_true_one(grasps, frame):
    config = replace(SMALL, frame=frame, known="object")
    seen, truth = task_of(config, grasps, aim=STILL).examples(EVERY, numbers())
    expected = sight(config, grasps, known=False)
    for name in ("object", "hand", "keypoints", "known", "betas"):
        torch.testing.assert_close(getattr(seen, name), getattr(expected, name), atol=2e-5, rtol=0)
    torch.testing.assert_close(truth.distance, seen.hand, atol=2e-5, rtol=0)


def test_the_truth_is_the_true_hand_wherever_it_is_seen_from(grasps):
    """From the field drawn, its 32 anchors; from the keypoints drawn, all 53."""
    true = keypoints_of(HAND, grasps.hands)
    seen, truth = task_of(SMALL, grasps).examples(EVERY, numbers())
    assert (seen.view.centre - true[:, 21:].mean(1)).norm(dim=-1).min() > 0.005
    view = seen.view
    choir = Choir(seen.object, truth.distance, None, view.centre, view.reach, view.axes)
    found = find_anchors(read_field(choir, SMALL.choir))
    torch.testing.assert_close(found, true[:, 21:], atol=1e-4, rtol=0)
    seen, truth = task_of(POINTS, grasps).examples(EVERY, numbers())
    torch.testing.assert_close(seen.view.out(truth.keypoints), true, atol=1e-5, rtol=0)
    assert truth.distance is None and truth.contacts is None


def test_views_are_those_of_the_noisy_hands(grasps):
    seen, _ = task_of(SMALL, grasps).examples(EVERY, numbers())
    assert seen.keypoints[:, 21:].mean(1).abs().max() < 1e-5
    # in which no hand is turned: its wrist and knuckles, which are rigid, lie as its own skeleton says
    rest = keypoints_of(HAND, replace(grasps.hands, rotation=torch.eye(3).expand(5, 3, 3)))
    palm = [0, 1, 4, 7, 10]
    torch.testing.assert_close(
        seen.keypoints[:, palm] - seen.keypoints[:, :1], rest[:, palm] - rest[:, :1], atol=1e-4, rtol=0
    )


def test_noise_is_as_large_as_it_is_said(grasps):
    """Wrists of 1500 hands: 5 cm along each axis by both protocols, 4 cm of those whose view alone matters."""
    many = torch.zeros(1500, dtype=torch.long)
    joints = keypoints_of(HAND, grasps.hands.select(many[:1]))[:, 0]
    for known, spread in (("pair", 0.05), ("object", 0.04)):
        task = task_of(replace(POINTS, known=known), grasps, weak=0.0)
        seen, _ = task.examples(many, numbers())
        apart = seen.view.out(seen.keypoints)[:, 0] - joints
        torch.testing.assert_close(apart.std(0), torch.full((3,), spread), atol=0, rtol=0.08)
        assert apart.mean(0).abs().max() < 0.006
        angles = roma.rotmat_geodesic_distance(seen.view.axes, grasps.hands.rotation[:1])
        assert (0.1 < angles.square().mean().sqrt() / 3**0.5 < 0.15) == (known == "pair")
    weaker, _ = task_of(replace(POINTS, known="pair"), grasps, weak=1.0).examples(many, numbers())
    apart = weaker.view.out(weaker.keypoints)[:, 0] - joints
    assert 0.02 < apart.std() < 0.04  # a share s of 0 to 1: the root of the mean of s squared


@pytest.mark.parametrize(("known", "share"), [("pair", 1.0), ("object", 0.0), ("both", 0.7)])
def test_how_often_a_hand_is_known(grasps, known, share):
    task = task_of(replace(BARE, known=known), grasps, alone=0.3)
    seen, _ = task.examples(torch.zeros(1000, dtype=torch.long), numbers())
    assert seen.known.float().mean() == pytest.approx(share, abs=0.05 if known == "both" else 0)


def test_examples_follow_their_generator(grasps):
    task = task_of(SMALL, grasps)
    (one, first), (again, second), (other, _) = (task.examples(EVERY, numbers(k)) for k in (0, 0, 1))
    assert torch.equal(one.hand, again.hand) and torch.equal(first.contacts, second.contacts)
    assert not torch.equal(one.hand, other.hand)
    assert [len(task), len(one)] == [5, 5]


def test_noisy_hands_keep_to_the_limits_of_joints(grasps, monkeypatch):
    found = []
    look = keypoints_of
    monkeypatch.setattr(
        "handhold.models.choir.task.keypoints_of",
        lambda hand, state: found.append(state) or look(hand, state),
    )
    task = task_of(BARE, grasps)
    task.examples(EVERY.repeat(20), numbers())
    state = found[-1]
    lower, upper = HAND.anatomy.lower, HAND.anatomy.upper
    assert ((state.angles >= lower - 1e-5) & (state.angles <= upper + 1e-5)).all()
    assert (state.angles - grasps.hands.angles[EVERY.repeat(20)]).abs().max() > 0.3


def test_a_left_hand_is_learnt_as_the_right_hand_at_the_mirror_image(grasps):
    every = torch.ones(5, dtype=torch.bool)
    left = replace(grasps, mirrored=every)
    right = replace(grasps, mirrored=~every, objects=mirror_image(grasps.objects))
    (seen, truth), (other, expected) = (
        task_of(SMALL, rows).examples(EVERY, numbers()) for rows in (left, right)
    )
    for name in ("object", "hand", "keypoints"):
        torch.testing.assert_close(getattr(seen, name), getattr(other, name), atol=1e-5, rtol=0)
    torch.testing.assert_close(truth.contacts, expected.contacts, atol=1e-5, rtol=0)


# Contacts.


def test_touching_skin_is_the_choirs(grasps):
    config = SMALL.choir
    skin = place(forward(HAND, grasps.hands), surface_points(HAND, grasps.hands.betas))
    objects = choir_objects_from_points(grasps.objects.points, grasps.objects.grid, config=config)
    choir = encode(HAND, skin, objects, grasps.object, mirrored=grasps.mirrored, config=config)
    found = touching_skin(HAND, grasps, setback=SMALL.setback)
    assert (choir.contacts.weight > 0).sum() > 5
    anchors = HAND.anchors.positions(skin)
    torch.testing.assert_close(anchors + found.mean, choir.contacts.mean, atol=1e-6, rtol=0)
    expected = choir.contacts.cholesky @ choir.contacts.cholesky.mT
    torch.testing.assert_close(found.covariance, expected, atol=1e-10, rtol=1e-4)
    torch.testing.assert_close(found.keypoints, keypoints_of(HAND, grasps.hands))
    some = found.select(torch.tensor([2]))
    assert torch.equal(some.mean, found.mean[2:3]) and len(some.keypoints) == 1


@pytest.mark.parametrize("setback", [0.0, 0.002, 0.01])
def test_touching_skin_lies_within_reach_of_the_cones(grasps, setback):
    """No vertex that a longer reach would find is sorted out beforehand."""
    config = replace(SMALL, setback=setback).choir
    skin = place(forward(HAND, grasps.hands), surface_points(HAND, grasps.hands.betas))
    objects = choir_objects_from_points(grasps.objects.points, grasps.objects.grid, config=config)
    choir = encode(HAND, skin, objects, grasps.object, mirrored=grasps.mirrored, config=config)
    found = touching_skin(HAND, grasps, setback=setback)
    touches = choir.contacts.weight > 0
    assert touches.any()
    assert torch.equal(found.covariance.diagonal(dim1=-2, dim2=-1).amin(-1) > 0, touches)
    offset = choir.contacts.mean - HAND.anchors.positions(skin)
    torch.testing.assert_close(found.mean, offset, atol=1e-6, rtol=0)


def test_factors_are_those_of_the_covariance():
    generator = numbers()
    lower = 0.003 * torch.randn(2, 32, 3, 3, generator=generator).tril()
    lower.diagonal(dim1=-2, dim2=-1).abs_().add_(0.001)
    covariance = lower @ lower.mT
    covariance[0, 5] = 0
    found = factors(covariance)
    assert found.shape == (2, 32, 6) and (found[0, 5] == 0).all()
    expected = lower[..., [0, 1, 1, 2, 2, 2], [0, 0, 1, 0, 1, 2]]  # row by row
    expected[0, 5] = 0
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-3)
    assert LOWER.tolist() == [[0, 1, 1, 2, 2, 2], [0, 0, 1, 0, 1, 2]]


def test_contacts_turn_with_the_view(grasps):
    task = task_of(SMALL, grasps)
    seen, truth = task.examples(EVERY, numbers())
    mean, six = truth.contacts.split((3, 6), -1)
    lower = torch.zeros(5, 32, 3, 3)
    lower[..., LOWER[0], LOWER[1]] = six
    axes = seen.view.axes[:, None]
    true = touching_skin(HAND, grasps, setback=SMALL.setback)
    torch.testing.assert_close((axes @ mean[..., None]).squeeze(-1), true.mean, atol=1e-6, rtol=0)
    torch.testing.assert_close(axes @ lower @ lower.mT @ axes.mT, true.covariance, atol=2e-9, rtol=1e-3)
    assert (true.covariance > 0).any()


# Scales and losses.


@pytest.mark.parametrize("config", [SMALL, BARE, POINTS], ids=["contacts", "field", "keypoints"])
def test_scales_make_numbers_normal(grasps, config):
    task = task_of(config, grasps)
    fit_scales(task, seed=0, count=512)
    assert (task.model.deviation > 0).all()
    many = EVERY.repeat(100)
    packed = task.model.pack(task.examples(many, numbers(9))[1])
    main = packed[:, :159] if config is POINTS else packed[:, :512]
    assert main.mean().abs() < 0.1 and main.std() == pytest.approx(1, abs=0.1)
    assert len(task.model.deviation[: main.shape[1]].unique()) == 1
    if config is SMALL:
        touch = packed[:, 512:]
        lives = touch.std(0) > 0.5  # most anchors touch nothing here
        assert lives.sum() > 20 and (touch.std(0)[lives] < 1.5).all() and touch.isfinite().all()
    before = task.model.mean.clone(), task.model.deviation.clone()
    fit_scales(task, seed=0, count=512)  # what was there before does not matter
    assert torch.equal(task.model.mean, before[0]) and torch.equal(task.model.deviation, before[1])


def test_a_loss_is_its_parts(grasps):
    task = task_of(SMALL, grasps, contact=0.5)
    fit_scales(task, seed=0, count=256)
    found = task.losses(EVERY.repeat(20), numbers())
    assert found["loss"].item() == pytest.approx((found["field"] + 0.5 * found["contact"]).item())
    assert found["field"].item() == pytest.approx(1, abs=0.25)  # a new net says nothing: the mean
    again = task.losses(EVERY.repeat(20), numbers())
    assert all(torch.equal(again[name], value) for name, value in found.items())
    assert set(task_of(BARE, grasps).losses(EVERY, numbers())) == {"loss"}


@pytest.mark.parametrize(
    "changes",
    [{}, {"prediction": "epsilon", "scale": 1.0}, {"prediction": "v_prediction"}, {"form": "keypoints"}],
    ids=["sample", "epsilon", "velocity", "keypoints"],
)
def test_it_learns(grasps, changes):
    task = task_of(replace(SMALL, **changes), grasps)
    fit_scales(task, seed=0, count=128)
    optimizer = torch.optim.Adam(task.module.parameters(), lr=3e-3)
    told = []
    for step in range(24):
        loss = task.losses(EVERY.repeat(3), numbers(step % 4))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        told.append(loss.item())
    assert sum(told[-4:]) < 0.85 * sum(told[:4])


def test_what_is_learnt_by_heart_is_drawn(grasps, monkeypatch):
    """Five examples, always the same; drawn from noise they are there again."""
    task = task_of(SMALL, grasps, alone=0.4)
    fit_scales(task, seed=0, count=128)
    seen, truth = task.examples(EVERY, numbers(5))
    assert seen.known.any() and not seen.known.all()
    monkeypatch.setattr(task, "examples", lambda rows, generator: (seen, truth))
    optimizer = torch.optim.Adam(task.module.parameters(), lr=5e-3)
    for step in range(120):
        loss = task.losses(EVERY, numbers(step))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for heat in (0.0, 1.0):
        drawn = task.model.draw(seen, steps=10, temperature=heat, generator=numbers(7))
        away, mixed = (
            (drawn.distance - true).abs().mean() for true in (truth.distance, truth.distance.roll(1, 0))
        )
        assert away < 0.006 and mixed > 0.03
        lost = torch.linalg.vector_norm(drawn.contacts - truth.contacts)
        assert lost < 0.3 * torch.linalg.vector_norm(truth.contacts)
