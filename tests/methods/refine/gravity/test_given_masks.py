"""Masks that come with a grasp say where it touches: with the true ones a disturbed grasp touches there again."""

from dataclasses import replace

import pytest
import torch

from handhold.cli.demo_scene import make_grasp, make_mug
from handhold.hand import Hand
from handhold.hand.keypoints import fit_hand
from handhold.interaction.contact import given_contacts
from handhold.interaction.grasp import Contact, Grasp
from handhold.interaction.hand_object import HandObject
from handhold.interaction.measures import CONTACT_MM
from handhold.interaction.rows import Rows
from handhold.methods.refine.gravity import GravityConfig, SdeConfig, refine_gravity
from handhold.methods.refine.gravity import coupled as solver
from handhold.methods.refine.gravity.coupled import aim_at, solve_coupled

MUG, HAND = make_mug(), Hand.open()
QUICK = GravityConfig(reopen=(), soft=None)


def seen(joints: torch.Tensor, *, sd: float, seed: int) -> Grasp:
    joints = joints + sd * torch.randn(joints.shape, generator=torch.Generator().manual_seed(seed))
    return Grasp(HAND, fit_hand(HAND, joints).params, MUG, torch.eye(4), keypoints=joints)


def touch(grasp: Grasp) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Which skin touches, points of the object, and which of them are touched."""
    (frame,) = HandObject.of_grasp(grasp).frames()
    points = MUG.sample(2048, torch.Generator().manual_seed(1)).points
    on_object = frame.hand_distance.unsigned(points.numpy()) * 1e3 <= CONTACT_MM
    on_hand = abs(frame.signed) * 1e3 <= CONTACT_MM
    return torch.from_numpy(on_hand), points.float(), torch.from_numpy(on_object)


def f1(found: torch.Tensor, true: torch.Tensor) -> float:
    return float(2 * (found & true).sum() / (found.sum() + true.sum()))


@pytest.fixture(scope="module")
def scenes() -> tuple[list[Grasp], list[Grasp]]:
    """Grasps, and the same disturbed, with the masks of the former."""
    clean = refine_gravity(
        [seen(HAND(make_grasp(HAND)).joints, sd=0.006, seed=k) for k in range(3)], config=QUICK
    )
    disturbed = []
    for k, grasp in enumerate(clean):
        on_hand, points, on_object = touch(grasp)
        noisy = seen(grasp.surface().joints, sd=0.012, seed=10 + k)
        disturbed.append(replace(noisy, contact=Contact(on_hand.float(), on_object.float(), points)))
    return clean, disturbed


def test_true_masks_bring_contact_back(scenes):
    clean, disturbed = scenes
    blind = refine_gravity([g.with_(contact=None) for g in disturbed], config=QUICK)
    told = refine_gravity(disturbed, config=QUICK)
    for which in (0, 2):  # skin, object
        without, with_them = (
            sum(f1(touch(a)[which], touch(c)[which]) for a, c in zip(found, clean, strict=True)) / len(clean)
            for found in (blind, told)
        )
        assert with_them > without + 0.05


def test_the_reference_solver_reads_them_too(scenes):
    _, (grasp, *_) = scenes
    config = GravityConfig(solver="sde", sde=replace(SdeConfig.metres(), max_steps=3))
    other = grasp.with_(contact=replace(grasp.contact, object=grasp.contact.object.flip(0)))
    one, two = (
        refine_gravity([g], config=config, generator=torch.Generator().manual_seed(0))[0]
        for g in (grasp, other)
    )
    assert (one.surface().vertices - two.surface().vertices).abs().max() > 1e-5


def test_a_finger_acts_where_its_skin_has_weight():
    rows = Rows.from_grasps([seen(HAND(make_grasp(HAND)).joints, sd=0.0, seed=0)])
    skin = 0.2 * (HAND.finger_labels == 1).float() + 0.4 * (HAND.finger_labels == 3).float()
    aim = aim_at(rows, QUICK, given=[Contact(skin, torch.ones(len(MUG.vertices)))])
    assert aim.given and aim.fingers.tolist() == [[False, False, True, False, False]]


def test_many_rows_are_solved_as_few_are(scenes, monkeypatch):
    _, disturbed = scenes
    rows = Rows.from_grasps(disturbed)
    config = replace(QUICK, steps=2)
    aim = aim_at(rows, config, given=given_contacts(disturbed))
    at_once = solve_coupled(rows, config, aim=aim)
    monkeypatch.setattr(solver, "TOGETHER", 2)
    in_parts = solve_coupled(rows, config, aim=aim)
    torch.testing.assert_close(at_once.wrist, in_parts.wrist, atol=1e-5, rtol=0)
    torch.testing.assert_close(at_once.angles, in_parts.angles, atol=1e-4, rtol=0)
