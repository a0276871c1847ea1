"""The classical refiner mends what it should, where it should, by the terms that say so."""

import math
from dataclasses import replace

import numpy as np
import pytest
import roma
import torch
import trimesh

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.interaction.grasp import Grasp
from handhold.interaction.measures import measure
from handhold.interaction.rows import Rows
from handhold.methods.refine.energy import EnergyConfig, minimize, refine_energy
from handhold.objects import ObjectMesh

FEW = EnergyConfig(steps=40)


@pytest.fixture(autouse=True)
def _one_thread():
    """A single hand is too small to share between threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def wrapped(side="right", *, gap: float = 0.0, bend: float = 0.5, pose: torch.Tensor | None = None) -> Grasp:
    """A hand bent around a cylinder that lies across it and comes to within `gap` of the nearest skin [m]."""
    hand = Hand.open(side)
    angles = torch.zeros(15, 3)
    angles[:12, 0] = bend
    angles[12, 1] = 0.4
    params = replace(hand.zeros(), hand_pose=roma.rotmat_to_rotvec(hand.anatomy.rotations(angles)))
    surface = hand(params)
    back = 0.01 if side == "right" else -0.01
    centre = surface.joints[[1, 4, 7, 10]].mean(0) + torch.tensor([back, -0.042, 0.0])
    radius = float((surface.vertices - centre)[:, :2].norm(dim=-1).min()) - gap
    mesh = trimesh.creation.cylinder(radius=radius, height=0.2, sections=64)
    T = torch.eye(4)
    T[:3, 3] = centre
    pose = torch.eye(4) if pose is None else pose
    root = hand.joint_template[0]
    moved = replace(
        params,
        global_orient=roma.rotmat_to_rotvec(pose[:3, :3]),
        transl=pose[:3, :3] @ root + pose[:3, 3] - root,
    )
    cylinder = ObjectMesh.from_arrays(np.array(mesh.vertices), np.array(mesh.faces), name="cylinder")
    return Grasp(hand, moved, cylinder, pose @ T, keypoints=hand(moved).joints)


@pytest.fixture(scope="module")
def pressed() -> tuple[Grasp, Grasp]:
    grasp = wrapped(gap=-0.006)
    return grasp, refine_energy([grasp])[0]


def test_a_hand_pressed_in_comes_out_and_holds_on(pressed):
    before, after = (measure(g) for g in pressed)
    assert before.iv_cm3 > 2 and before.pd_mm > 5
    assert after.iv_cm3 < 0.1 and after.pd_mm < 0.5
    assert after.fingers_in_contact >= before.fingers_in_contact >= 3
    assert after.limit_violation_deg < 0.01 and after.bones_through == 0 and after.flipped_faces == 0
    assert after.moved_mm < 8


def test_hovering_fingers_are_pulled_on():
    grasp = wrapped(gap=0.005)
    pulled, left = (
        measure(refine_energy([grasp], config=EnergyConfig(attraction=weight, reach=0.03))[0])
        for weight in (EnergyConfig().attraction, 0.0)
    )
    assert pulled.fingers_in_contact >= 4 > left.fingers_in_contact


def test_fingers_out_of_reach_are_left_where_they_are():
    grasp = wrapped()
    far = grasp.T_world_object.clone()
    far[:3, 3] += 0.5
    after = refine_energy([grasp.with_(T_world_object=far)])[0]
    assert measure(after).moved_mm < 0.1
    assert after.offsets is not None and after.offsets.abs().max() == 0


def test_each_weight_weighs():
    """Without its term, what the term is for gets worse."""
    grasp = wrapped(gap=-0.006)
    rows = Rows.from_grasps([grasp])

    def solved(**changes) -> Grasp:
        state, _ = minimize(rows, replace(FEW, **changes))
        return rows.to_grasps([grasp], state, None)[0]

    whole = measure(solved())
    assert measure(solved(penetration=0.0, bones=0.0)).iv_cm3 > 2 * whole.iv_cm3 + 0.5
    assert measure(solved(keep=0.0)).moved_mm > whole.moved_mm
    bends = [solved(pose=weight).params.hand_pose - grasp.params.hand_pose for weight in (0.0, 100.0)]
    assert bends[0].norm() > 1.5 * bends[1].norm()


def test_bones_keep_clear_of_a_thin_plate():
    """Skin that a thin plate cuts comes out on both of its sides; the bones say which is the finger's."""
    hand = Hand.open()
    plate = trimesh.creation.box((0.02, 0.006, 0.08))
    obj = ObjectMesh.from_arrays(np.array(plate.vertices), np.array(plate.faces))
    T = torch.eye(4)
    T[:3, 3] = hand.joint_template[[5, 6]].mean(0) + torch.tensor([0.0, -0.006, 0.0])
    grasp = Grasp(hand, hand.zeros(), obj, T, keypoints=hand(hand.zeros()).joints)
    cut = []
    for weight in (EnergyConfig().bones, 0.0):
        after = refine_energy([grasp], config=EnergyConfig(bones=weight, soft=None))[0]
        cut.append(measure(after).iv_cm3)
    assert measure(grasp).iv_cm3 > 3
    assert cut[0] < 0.3 and cut[0] < 0.5 * cut[1]


def test_limits_are_kept_even_if_their_term_is_off():
    grasp = wrapped(gap=-0.006)
    bent = grasp.params.hand_pose * 2.2  # beyond the limits to begin with
    grasp = grasp.with_(params=replace(grasp.params, hand_pose=bent))
    assert measure(grasp).limit_violation_deg > 5
    assert measure(refine_energy([grasp], config=replace(FEW, limits=0.0))[0]).limit_violation_deg < 0.01


def test_batch_equals_single():
    grasps = [wrapped(gap=gap) for gap in (-0.004, 0.004, -0.008)]
    together = refine_energy(grasps, config=FEW)
    alone = refine_energy(grasps[1:2], config=FEW)[0]
    apart = (together[1].surface().vertices - alone.surface().vertices).norm(dim=-1)
    assert apart.max() < 2e-4


def test_the_frame_does_not_matter():
    pose = torch.eye(4)
    pose[:3, :3] = roma.rotvec_to_rotmat(torch.tensor([0.5, -1.0, 0.3]))
    pose[:3, 3] = torch.tensor([0.4, -0.2, 0.9])
    here, there = (refine_energy([wrapped(gap=-0.006, pose=p)])[0] for p in (None, pose))
    moved = here.surface().vertices @ pose[:3, :3].T + pose[:3, 3]
    assert (moved - there.surface().vertices).norm(dim=-1).mean() < 5e-4  # Adam amplifies rounding


def test_left_is_right_in_the_mirror():
    right, left = (refine_energy([wrapped(side, gap=-0.006)], config=FEW)[0] for side in ("right", "left"))
    mirrored = right.surface().vertices * torch.tensor([-1.0, 1.0, 1.0])
    assert (mirrored - left.surface().vertices).norm(dim=-1).mean() < 3e-4


def test_a_motion_is_its_frames():
    still = wrapped(gap=-0.004)
    shift = torch.zeros(4, 4)
    shift[1, 3] = -0.003
    frames = [still, still.with_(T_world_object=still.T_world_object + shift)]
    params = type(frames[0].params).stack([f.params for f in frames])
    motion = frames[0].with_(
        params=params,
        T_world_object=torch.stack([f.T_world_object for f in frames]),
        keypoints=torch.stack([f.keypoints for f in frames]),
        fps=30.0,
    )
    (result,) = refine_energy([motion], config=FEW)
    assert result.is_motion and result.params.hand_pose.shape == (2, 15, 3) and result.fps == 30.0
    for k, frame in enumerate(refine_energy(frames, config=FEW)):
        torch.testing.assert_close(result.params[k].hand_pose, frame.params.hand_pose, atol=2e-3, rtol=0)


def test_missing_keypoints_do_no_harm():
    grasp = wrapped(gap=-0.006)
    holes = grasp.keypoints.clone()
    holes[[4, 17]] = math.nan
    after = refine_energy([grasp.with_(keypoints=holes)], config=FEW)[0]
    assert after.surface().vertices.isfinite().all() and measure(after).iv_cm3 < 0.5


def test_exact_distance_does_as_well():
    after = measure(refine_energy([wrapped(gap=-0.006)], config=replace(FEW, field="exact"))[0])
    assert after.iv_cm3 < 0.3 and after.bones_through == 0


def test_more_samples_never_cost_more_energy_and_follow_the_seed():
    grasp = wrapped(gap=-0.006)
    rows = Rows.from_grasps([grasp])
    config = replace(FEW, samples=3, soft=None)
    several = [
        refine_energy([grasp], config=config, generator=torch.Generator().manual_seed(seed))[0]
        for seed in (0, 0)
    ]
    torch.testing.assert_close(several[0].params.hand_pose, several[1].params.hand_pose)
    _, one = minimize(rows, FEW)
    kept = Rows.from_grasps([several[0]]).state
    _, none = minimize(rows, replace(FEW, steps=1, learning_rate=1e-9, wrist_rate=1e-9), start=kept)
    assert none <= one + 1e-3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("steps", 0),
            ("steps", 1.5),
            ("learning_rate", 0.0),
            ("wrist_rate", math.inf),
            ("attraction", -1.0),
        ),
        *(
            ("penetration", math.nan),
            ("last_rate", 1.5),
            ("contacts", 0),
            ("vertex_stride", 0),
            ("reach", -0.1),
        ),
        *(("samples", 0), ("field", "sphere"), ("keep", math.inf)),
    ],
)
def test_bad_settings_are_refused(name, value):
    with pytest.raises(InputError, match=f"EnergyConfig.{name}"):
        EnergyConfig(**{name: value})


def test_no_grasps_and_mixed_hands_are_refused():
    with pytest.raises(InputError, match="at least one"):
        refine_energy([])
    with pytest.raises(InputError, match="one model and side"):
        refine_energy([wrapped("right"), wrapped("left")])
