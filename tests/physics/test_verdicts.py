"""The verdict alone says what the whole trial says, sooner; fingers in concert push an object nowhere."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh
from physics_examples import clamp, cylinder_grasp, mirrored, slab, solid

from handhold.errors import InputError
from handhold.hand.hulls import bones_of_model, hand_pieces
from handhold.interaction.hand_object import HandObject
from handhold.objects.inertia import Inertia
from handhold.physics import (
    Balance,
    SimulationError,
    SixWayConfig,
    SqueezeConfig,
    closing_hand,
    free_object,
    grasp_verdict,
    six_way,
    six_way_grasp,
    six_way_verdict,
)
from handhold.physics.grip import balanced_torques, squeeze_in_concert, touching
from handhold.physics.world import Contacts, World

mujoco = pytest.importorskip("mujoco")

FAR = [slab([0.01, 0.01, 0.01], [3, 3, 3])]
BOX = solid(trimesh.creation.box([0.06, 0.05, 0.04]))
CONTACTS = Contacts(friction=1.0, timestep=0.002)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("HANDHOLD_CACHE", str(tmp_path / "cache"))
    free_object.cache_clear()


@pytest.fixture(scope="module")
def grasp():
    return cylinder_grasp()


def world_of(grasp, config: SqueezeConfig) -> World:
    """The grasp's world before anything closes; the object's frame is the world's."""
    pair, item = HandObject.of_grasp(grasp), free_object(grasp.object)
    hand = closing_hand(
        grasp.hand,
        grasp.params,
        pieces=hand_pieces(pair.hand_vertices, bones_of_model(grasp.hand)),
        rotation=np.eye(3),
        translation=np.zeros(3),
        config=config,
    )
    return World(hand, item.pieces, inertia=item.inertia(density=400.0), contacts=CONTACTS)


@pytest.mark.parametrize("friction", [1.0, 0.3, 0.02])
@pytest.mark.parametrize("gap", [0.039, 0.0395, 0.0401])
def test_the_verdict_is_that_of_the_whole_trial(gap, friction):
    item, config = free_object(BOX), SixWayConfig(friction=friction)
    inertia = item.inertia(density=config.density)
    whole = six_way(clamp(gap=gap), item.pieces, inertia, config=config)
    assert six_way_verdict(clamp(gap=gap), item.pieces, inertia, config=config).held == whole.held


@pytest.mark.parametrize(("gravity", "held"), [(0.005, True), (0.036, True), (0.045, False), (0.5, False)])
def test_what_falls_slowly_is_not_taken_for_what_rests(gravity, held):
    """Free fall for a second ends at g / 2, which is held below 2 cm."""
    item, config = free_object(BOX), SixWayConfig(gravity=gravity)
    inertia = item.inertia(density=config.density)
    assert six_way(FAR, item.pieces, inertia, config=config).held == held
    assert six_way_verdict(FAR, item.pieces, inertia, config=config).held == held


def test_it_comes_sooner(monkeypatch):
    steps = []
    run = World.run
    monkeypatch.setattr(World, "run", lambda self, **k: (steps.append(k["steps"]), run(self, **k))[1])
    item = free_object(BOX)
    inertia = item.inertia(density=400.0)
    assert six_way_verdict(clamp(gap=0.039), item.pieces, inertia).held
    held = sum(steps)
    assert held < 0.4 * 6 * 500
    assert not six_way_verdict(FAR, item.pieces, inertia).held
    assert sum(steps) - held < 0.02 * 6 * 500 + 20


@pytest.mark.parametrize("side", ["right", "left"])
def test_fingers_around_a_can_hold_it(grasp, side):
    grasp = grasp if side == "right" else mirrored(grasp)
    assert grasp_verdict(grasp).held and grasp_verdict(grasp, closing=SqueezeConfig(balance=Balance())).held
    away = grasp.with_(params=replace(grasp.params, transl=grasp.params.transl + 5))
    assert not grasp_verdict(away).held and not grasp_verdict(away, squeeze=False).held
    assert not grasp_verdict(grasp, config=SixWayConfig(density=1e5)).held


def test_the_drift_is_bounded(grasp):
    drift = six_way_grasp(grasp, squeeze=True, closing=SqueezeConfig(balance=Balance())).drift_cm / 100
    config, closing = SixWayConfig(), SqueezeConfig(balance=Balance())
    assert drift > 0
    assert grasp_verdict(grasp, config=config, closing=closing, drift=1.01 * drift).held
    assert not grasp_verdict(grasp, config=config, closing=closing, drift=0.99 * drift).held
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="drift"):
            grasp_verdict(grasp, drift=bad)


def test_forces_in_concert_cancel(grasp):
    """What the contacts do to the object after the squeeze, as MuJoCo finds it, against how hard they press."""
    config = SqueezeConfig(balance=Balance())
    world = world_of(grasp, config)
    world.damp(moving=config.drag, turning=config.turning_drag)
    squeeze_in_concert(world, config, CONTACTS)
    world.run(gravity=(0, 0, 0), steps=50)
    net, pressed, force = np.zeros(3), 0.0, np.zeros(6)
    for k, contact in enumerate(world.data.contact):
        mujoco.mj_contactForce(world.model, world.data, k, force)
        of_object = world.model.geom_bodyid[contact.geom[1]] == world.object
        net += (1 if of_object else -1) * contact.frame.reshape(3, 3).T @ force[:3]
        pressed += force[0]
    assert pressed > 5.0 and np.linalg.norm(net) < 0.05 * pressed


def test_torques_follow_the_effort_and_need_something_to_touch(grasp):
    config = SqueezeConfig(balance=Balance())
    world = world_of(grasp, config)
    before = world.remember()
    touch = touching(world, reach=0.003)
    assert len(touch.bodies) > len(touching(world, reach=0.0).bodies)
    np.testing.assert_array_equal(world.remember(), before)
    outward = touch.points - world.place
    sideways = np.abs(touch.frames[:, 0, 2]) < 0.5
    assert (np.sum(touch.frames[:, 0] * outward, 1)[sideways] < 0).all()  # normals point into the can
    half, whole = (balanced_torques(world, touch, effort=e, friction=0.7) for e in (0.35, 0.7))
    np.testing.assert_allclose(2 * half, whole, atol=1e-6)
    flexing = world.model.jnt_dofadr[world.model.actuator_trnid[:, 0]] - 6
    assert whole[flexing].sum() > 0.5
    none = balanced_torques(world, replace(touch, bodies=touch.bodies[:0]), effort=0.7, friction=0.7)
    assert not none.any()


def test_failures_are_failures():
    with pytest.raises(SimulationError, match="object has no convex pieces"):
        six_way_verdict(FAR, [], Inertia(0.4, np.zeros(3), np.eye(3) * 1e-4))


def test_no_rigid_motion_changes_the_verdicts_figures(grasp):
    from physics_examples import moved

    turn = torch.linalg.qr(
        torch.randn(3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    )[0]
    there = moved(grasp, turn * torch.linalg.det(turn), torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64))
    closing = SqueezeConfig(balance=Balance())
    here, other = (six_way_grasp(g, squeeze=True, closing=closing) for g in (grasp, there))
    np.testing.assert_allclose(other.displacement_cm, here.displacement_cm, atol=0.05)
    assert other.drift_cm == pytest.approx(here.drift_cm, abs=0.05)
