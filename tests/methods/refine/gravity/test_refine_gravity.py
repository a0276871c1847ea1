"""The gravity refiner mends real faults, moves with the scene, and each of its terms earns its place."""

from dataclasses import replace

import pytest
import roma
import torch
import trimesh

from handhold.cli.demo_scene import make_grasp, make_mug
from handhold.errors import InputError
from handhold.hand import Hand, HandParams
from handhold.hand.keypoints import fit_hand
from handhold.interaction.grasp import Contact, Grasp
from handhold.interaction.measures import measure, measure_frames
from handhold.interaction.rows import Rows
from handhold.methods.refine.gravity import GravityConfig, refine_gravity
from handhold.methods.refine.gravity.choose import bones_cut
from handhold.methods.refine.gravity.coupled import aim_at, solve_coupled
from handhold.objects import ObjectMesh

MUG = make_mug()
MIRROR = torch.tensor([-1.0, 1.0, 1.0])


def noisy(seed: int = 0, *, sd: float = 0.006, side: str = "right") -> Grasp:
    """A hand around a mug, its keypoints noised; the left one is the right one's mirror image."""
    right = Hand.open("right")
    joints = right(make_grasp(right)).joints
    joints = joints + sd * torch.randn(joints.shape, generator=torch.Generator().manual_seed(seed))
    hand, obj = Hand.open(side), MUG
    if side == "left":
        joints = joints * MIRROR
        obj = ObjectMesh.from_arrays(MUG.vertices * MIRROR.numpy(), MUG.faces[:, ::-1], name="mug")
    return Grasp(hand, fit_hand(hand, joints).params, obj, torch.eye(4), keypoints=joints)


@pytest.mark.parametrize("seed", range(3))
def test_a_noisy_grasp_is_mended(seed):
    before = noisy(seed)
    (after,) = refine_gravity([before])
    was, now = measure(before), measure(after)
    assert was.iv_cm3 > 0.3 or was.fingers_in_contact < 5
    assert now.iv_cm3 < 0.2 and now.pd_mm < 0.5 and now.bones_through == 0
    assert now.fingers_in_contact >= was.fingers_in_contact
    assert now.limit_violation_deg < 1e-3 and now.flipped_faces == 0 and now.tissue_max_mm <= 6
    assert now.moved_mm < was.moved_mm + 6


def test_the_left_hand_is_mended_as_the_right_one():
    right, left = (refine_gravity([noisy(side=side)])[0].surface().vertices for side in ("right", "left"))
    assert (right - left * MIRROR).norm(dim=-1).mean() < 5e-4


def test_the_scene_may_stand_anywhere():
    here = noisy()
    rotation, shift = roma.rotvec_to_rotmat(torch.tensor([0.4, -1.0, 0.7])), torch.tensor([0.5, -0.2, 0.9])
    pose = torch.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, shift
    moved = here.keypoints @ rotation.T + shift
    there = replace(here, params=fit_hand(here.hand, moved).params, keypoints=moved, T_world_object=pose)
    a, b = (refine_gravity([g])[0].surface().vertices for g in (here, there))
    assert (a @ rotation.T + shift - b).norm(dim=-1).mean() < 5e-4


def test_a_batch_gives_what_each_grasp_alone_gives():
    grasps = [noisy(0), noisy(1)]
    together = refine_gravity(grasps)
    for one, both in zip(grasps, together, strict=True):
        (alone,) = refine_gravity([one])
        assert (alone.surface().vertices - both.surface().vertices).norm(dim=-1).max() < 1e-4


def test_a_motion_is_refined_frame_by_frame():
    frames = [noisy(k) for k in range(2)]
    params = HandParams.stack([g.params for g in frames])
    motion = replace(
        frames[0],
        params=params,
        keypoints=torch.stack([g.keypoints for g in frames]),
        T_world_object=torch.eye(4).expand(2, 4, 4),
        fps=30.0,
    )
    (after,) = refine_gravity([motion])
    assert after.is_motion and after.offsets.shape[0] == 2
    assert max(m.iv_cm3 for m in measure_frames(after)) < 0.2


@pytest.mark.parametrize(
    ("term", "worse"), [("gravity", "fingers_in_contact"), ("keep", "moved_mm"), ("penetration", "iv_cm3")]
)
def test_each_term_does_its_work(term, worse):
    grasps = [noisy(k, sd=0.008) for k in range(4)]
    bare = {"soft": None, "reopen": ()}
    with_it = [measure(g) for g in refine_gravity(grasps, config=GravityConfig(**bare))]
    bare |= {term: 0.0} if term != "penetration" else {"penetration": 0.0, "bones": 0.0}
    without = [measure(g) for g in refine_gravity(grasps, config=GravityConfig(**bare))]
    gain = sum(getattr(b, worse) - getattr(a, worse) for a, b in zip(with_it, without, strict=True))
    assert (gain < 0) if worse == "fingers_in_contact" else (gain > 0)


def test_a_finger_through_a_thin_plate_comes_back():
    """A slanting plate of 1 mm cuts the fingers before their tips, which are outside again on its far side."""
    hand = Hand.open("right")
    flat = hand(hand.zeros())
    plate = trimesh.creation.box((0.06, 0.001, 0.10))
    plate.apply_transform(trimesh.transformations.rotation_matrix(0.35, [0, 0, 1]))
    plate.apply_translation(flat.joints[6].numpy())
    obj = ObjectMesh.from_arrays(plate.vertices, plate.faces, name="plate")
    grasp = Grasp(hand, hand.zeros(), obj, torch.eye(4), keypoints=flat.joints)
    assert measure(grasp).bones_through >= 1
    (after,) = refine_gravity([grasp])
    assert measure(after).bones_through == 0 and measure(after).iv_cm3 < measure(grasp).iv_cm3


def test_contact_masks_say_which_finger_acts():
    grasp = noisy()
    only_index = (grasp.hand.finger_labels == 2).float()
    rows = Rows.from_grasps([grasp])
    aim = aim_at(rows, GravityConfig(), given=[Contact(hand=only_index)])
    assert aim.fingers.tolist() == [[False, True, False, False, False]]


def test_contact_regions_draw_skin_to_the_part_that_is_meant():
    """A hand hovers over a long bar; with the mask on one half of it, it is drawn there."""
    bar = trimesh.creation.box((0.03, 0.03, 0.3)).subdivide().subdivide().subdivide().subdivide().subdivide()
    obj = ObjectMesh.from_arrays(bar.vertices, bar.faces, name="bar")
    hand = Hand.open("right")
    surface = hand(hand.zeros())
    middle = surface.joints[18]
    pose = torch.eye(4)
    pose[:3, 3] = middle + torch.tensor([0.0, -0.03, 0.0])
    grasp = Grasp(hand, hand.zeros(), obj, pose, keypoints=surface.joints)
    skin = torch.isin(hand.finger_labels, torch.tensor([3])).float()
    config = GravityConfig(keep=0.02, sigma_coarse=0.04, sigma_fine=0.04, steps=20, soft=None)
    height = torch.from_numpy(obj.vertices[:, 2])
    halves = [(height > 0.02).float(), (height < -0.02).float()]
    masked = [replace(grasp, contact=Contact(hand=skin, object=half)) for half in halves]
    upper, lower = (float(g.surface().joints[18, 2]) for g in refine_gravity(masked, config=config))
    assert upper - lower > 0.005


def test_more_starts_never_cost_more():
    rows = Rows.from_grasps([noisy(k, sd=0.01) for k in range(3)])
    from handhold.methods.refine.gravity.choose import best_of_starts, cost

    config = GravityConfig(steps=6, reopen=())
    aim = aim_at(rows, config)
    one = cost(rows, best_of_starts(rows, config, aim=aim))
    four = cost(
        rows,
        best_of_starts(rows, replace(config, samples=4), aim=aim, generator=torch.Generator().manual_seed(0)),
    )
    assert (four <= one + 1e-4).all()


def test_the_input_is_left_as_it_was():
    before = noisy()
    pose = before.params.hand_pose.clone()
    refine_gravity([before])
    assert torch.equal(pose, before.params.hand_pose)


def test_bones_cut_sees_a_bone_and_forgives_a_tip():
    grasp = noisy(sd=0.0)
    rows = Rows.from_grasps([grasp])
    solved = solve_coupled(rows, GravityConfig(), aim=aim_at(rows, GravityConfig()))
    assert not bones_cut(rows, solved).any()


def test_a_hand_far_away_is_left_alone():
    grasp = noisy()
    far = grasp.T_world_object.clone()
    far[0, 3] = 1.0
    (after,) = refine_gravity([replace(grasp, T_world_object=far)])
    assert (after.surface().vertices - grasp.surface().vertices).norm(dim=-1).max() < 0.004
    assert torch.isfinite(after.surface().vertices).all()


def test_a_hand_inside_stays_finite():
    grasp = noisy()
    deep = grasp.T_world_object.clone()
    deep[:3, 3] = grasp.keypoints[4] - torch.tensor([0.0, 0.0, 0.04])
    (after,) = refine_gravity([replace(grasp, T_world_object=deep)])
    assert torch.isfinite(after.surface().vertices).all()


def test_the_grid_gives_about_the_same_as_the_exact_field():
    exact, grid = (
        refine_gravity([noisy()], config=GravityConfig(field=kind))[0] for kind in ("exact", "grid")
    )
    assert (exact.surface().joints - grid.surface().joints).norm(dim=-1).mean() < 0.002


@pytest.mark.parametrize(
    "bad",
    [
        {"steps": 0},
        {"samples": 0},
        {"reach": -1.0},
        {"damping": 0.0},
        {"keep": -1.0},
        {"solver": "x"},
        {"contact": "x"},
        {"gravity": float("nan")},
        {"vertex_stride": 999},
        {"reopen": (float("nan"),)},
    ],
)
def test_bad_settings_are_refused(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        GravityConfig(**bad)


def test_nothing_to_do_is_said():
    with pytest.raises(InputError):
        refine_gravity([])
