"""Protocols over surfaces: analytic cases, invariance, and failures that are never scores."""

import math
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from evaluate_examples import RADIUS, ball_in_block, block, moved

from handhold.evaluate import METRICS, PROTOCOLS, score_pair, score_set, select
from handhold.evaluate.per_frame import has_inside
from handhold.evaluate.scores import means, partly_known
from handhold.evaluate.suite import OF_THE_INSIDE
from handhold.interaction.hand_object import HandObject
from handhold.objects import ObjectMesh

STILL = tuple(p for p in PROTOCOLS if p.scope == "frame" and not p.physics and not p.reference)


def joints(*, seed: int = 0) -> np.ndarray:
    """21 points around the ball, none in one plane."""
    return np.random.default_rng(seed).normal(scale=0.05, size=(21, 3)) + np.array([0, 0, 0.13])


@pytest.mark.parametrize("depth", [0.005, 0.02])
def test_a_cap_has_its_volume_and_depth(depth):
    values = score_pair(ball_in_block(depth), select(["penetration"])).values
    cap = math.pi * depth**2 * (3 * RADIUS - depth) / 3 * 1e6
    assert values["iv_cm3"] == values["siv_cm3@fgs"] == pytest.approx(cap, rel=0.01)
    assert values["iv_cm3@halo-1mm"] == pytest.approx(cap, rel=0.25)  # so coarse is 1 mm
    assert (
        values["pd_mm"]
        == values["pd_mm@halo"]
        == values["mpd_mm@fgs"]
        == pytest.approx(depth * 1e3, abs=0.05)
    )
    assert 0 < values["pd_mm@geneoh"] < values["pd_mm"] < values["pd_mm@oakink"]


def test_contact_in_its_published_forms():
    near, deep, far = (
        score_pair(ball_in_block(d), select(["contact"])).values for d in (-0.004, 0.01, -0.02)
    )
    assert [v["contact_ratio@grasptta"] for v in (near, deep, far)] == [1, 1, 0]
    assert [v["contact_ratio@halo"] for v in (near, deep, far)] == [0, 1, 0]
    assert [v["contact_ratio@fastgrasp"] for v in (near, deep, far)] == [0, 1, 0]


def test_a_rigid_motion_changes_nothing_but_what_says_so():
    matrix = trimesh.transformations.rotation_matrix(0.8, (1, 2, -1))
    matrix[:3, 3] = (0.4, -0.1, 0.7)
    pair = ball_in_block(0.012, joints=joints(), keypoints=joints(seed=1))
    truth = ball_in_block(0.008, joints=joints(seed=1))
    protocols = tuple(p for p in PROTOCOLS if p.scope == "frame" and not p.physics)
    first = score_pair(pair, protocols, reference=truth).values
    other = score_pair(moved(pair, matrix), protocols, reference=moved(truth, matrix)).values
    free = {m.name for p in PROTOCOLS if p.frame_dependent for m in p.metrics}
    compared = [k for k, v in first.items() if v is not None and k not in free]
    assert len(compared) > 20
    for name in compared:
        assert other[name] == pytest.approx(first[name], rel=1e-4, abs=1e-9), name
    assert other["iv_cm3@obman-surface-5mm"] != first["iv_cm3@obman-surface-5mm"]


def test_a_motion_is_the_mean_of_its_frames():
    one, two = ball_in_block(0.005), ball_in_block(0.015)
    both = replace(one, hand_vertices=np.stack((one.hand_vertices, two.hand_vertices)))
    score = score_pair(both, select(["exact"]))
    assert score.frames == 2 and score.values["pd_mm"] == pytest.approx(10.0, abs=0.05)


def test_a_still_has_no_figures_of_motion_and_a_motion_has():
    still = ball_in_block(0.005, joints=joints())
    assert not score_pair(still, select(["motion"])).values
    shift = np.linspace(0, 0.01, 6)[:, None, None] * [1.0, 0, 0]
    moving = replace(still, hand_vertices=still.hand_vertices + shift, joints=still.joints + shift, fps=30.0)
    values = score_pair(moving, select(["motion"])).values
    assert values["smoothness_mm2@geneoh"] == pytest.approx(4.0)  # 2 mm a frame
    assert values["contact_slip_mm"] == pytest.approx(2.0)
    assert values["acceleration_m_s2"] == pytest.approx(0.0, abs=1e-6)


def test_motion_without_a_rate_fails_where_seconds_are_needed():
    still = ball_in_block(0.005, joints=joints())
    moving = replace(
        still, hand_vertices=np.stack([still.hand_vertices] * 5), joints=np.stack([joints()] * 5)
    )
    score = score_pair(moving, select(["motion"]))
    assert score.values["jerk_m_s3"] is None and "fps" in score.causes["jerk_m_s3"]
    assert score.values["homc_mm2@geneoh"] == 0


def test_against_itself_nothing_is_off():
    pair = ball_in_block(0.01, joints=joints())
    values = score_pair(
        pair, select(["pose", "proximity", "contactopt", "choir-contact"]), reference=pair
    ).values
    for name, value in values.items():
        best = {"pck_auc": 1.0}.get(name, 100.0 if name.endswith("choir-2mm") else 0.0)
        assert value == pytest.approx(best, abs=1e-5), name


def test_a_shift_is_told_in_millimetres():
    pair = ball_in_block(0.01, joints=joints())
    truth = replace(
        pair,
        joints=pair.joints + np.array([0.003, 0, 0]),
        hand_vertices=pair.hand_vertices + np.array([0, 0.004, 0]),
    )
    values = score_pair(pair, select(["pose"]), reference=truth).values
    assert values["mpjpe_mm"] == pytest.approx(3) and values["mpjpe_mm@root"] == pytest.approx(0, abs=1e-9)
    assert values["mpvpe_mm"] == pytest.approx(4) and values["mpvpe_mm@pa"] == pytest.approx(0, abs=1e-5)


def test_what_is_missing_has_a_cause_and_no_value():
    score = score_pair(ball_in_block(0.01, no_model="because"), (*STILL, *select(["pose"])))
    assert {k for k, v in score.values.items() if v is None} == set(score.causes)
    assert score.causes["limit_violation_deg"] == "because" and score.causes["bones_through"] == "no joints"
    assert "no reference" in score.causes["mpjpe_mm"]


def test_a_hand_that_is_not_closed_has_no_volume_and_says_why():
    pair = ball_in_block(0.01)
    score = score_pair(replace(pair, hand_faces=pair.hand_faces[:-9]), STILL)
    for name in ("iv_cm3", "iv_cm3@obman-surface-5mm", "iv_cm3@halo-1mm", "iv_cm3@choir-2mm", "siv_cm3@fgs"):
        assert score.values[name] is None and "open" in score.causes[name], name
    assert score.values["pd_mm"] is not None


def test_an_open_object_is_counted_and_the_score_says_so():
    pair = ball_in_block(0.01)
    whole = block()
    holed = type(whole).from_arrays(whole.vertices, whole.faces[:-1], mend=False)
    score = score_pair(replace(pair, object=holed), STILL)
    assert score.values["iv_cm3"] == pytest.approx(score_pair(pair, STILL).values["iv_cm3"], rel=0.1)
    assert any("no solid" in note for note in score.notes)
    assert score.values["iv_cm3@choir-2mm"] is None and "object" in score.causes["iv_cm3@choir-2mm"]


def test_a_reference_of_another_length_or_mesh_is_told():
    pair = ball_in_block(0.01, joints=joints())
    long = replace(pair, hand_vertices=np.stack([pair.hand_vertices] * 2), joints=np.stack([pair.joints] * 2))
    assert "length" in score_pair(pair, select(["pose"]), reference=long).causes["mpjpe_mm"]
    other = replace(pair, hand_vertices=pair.hand_vertices[:-5])
    score = score_pair(pair, select(["pose"]), reference=other)
    assert "another mesh" in score.causes["mpvpe_mm"] and score.values["mpjpe_mm"] == pytest.approx(0)


def hands(count: int) -> list[HandObject]:
    return [ball_in_block(0.01, joints=joints(seed=k)) for k in range(count)]


def test_sets_are_scored_together():
    protocols = select(["diversity"])
    table = score_set(hands(25), protocols, seed=3)
    assert table["entropy@halo"]["n"] == 25 and 1 < table["entropy@halo"]["mean"] <= math.log(20)
    assert table == score_set(hands(25), protocols, seed=3)


def test_too_few_for_clusters_is_a_failure():
    entry = score_set(hands(5), select(["halo-diversity"]))["entropy@halo"]
    assert entry["mean"] is None and entry["failed"] == 5 and "20" in next(iter(entry["causes"]))


def test_frames_of_a_motion_are_no_grasps_of_a_set():
    """Two equal motions are not diverse, however much happens in them."""
    frames = [ball_in_block(0.01, joints=joints(seed=k)) for k in range(20)]
    together = {k: np.stack([getattr(f, k) for f in frames]) for k in ("hand_vertices", "joints")}
    twice = [replace(frames[0], name=name, fps=30.0, **together) for name in "ab"]
    table = score_set(twice, select(["diversity"]))
    assert table["sample_diversity_m@diffh2o"]["mean"] == table["overall_diversity_m@diffh2o"]["mean"] == 0
    entry = table["entropy@halo"]
    assert entry["mean"] is None and entry["failed"] == 2 and "2 motions" in next(iter(entry["causes"]))
    shifted = replace(twice[1], joints=twice[1].joints + np.array([0.3, 0, 0]))
    table = score_set([twice[0], shifted], select(["diffh2o-diversity"]))
    assert table["overall_diversity_m@diffh2o"]["mean"] == pytest.approx(0.3 / math.sqrt(15))
    assert table["sample_diversity_m@diffh2o"]["mean"] == pytest.approx(0.3 * math.sqrt(16 / 15))
    mixed = score_set([twice[0], frames[0]], select(["diffh2o-diversity"]))
    assert mixed["overall_diversity_m@diffh2o"]["mean"] is None


def test_a_pose_in_single_precision_will_do():
    pair = ball_in_block(0.01)
    single = replace(pair, T_world_object=pair.T_world_object.astype(np.float32))
    assert (
        score_pair(single, select(["iv_cm3@halo-1mm"])).values
        == score_pair(pair, select(["halo-1mm"])).values
    )


def test_every_figure_is_in_the_registry():
    assert set(score_pair(ball_in_block(0.01), STILL).values) <= set(METRICS)


def test_the_other_hand_another_object_and_another_mesh_are_no_reference():
    protocols = select(["pose", "contactopt", "choir-contact", "proximity"])
    pair = ball_in_block(0.01, joints=joints(), side="right")
    assert not score_pair(pair, protocols, reference=pair).causes
    left = score_pair(pair, protocols, reference=replace(pair, side="left"))
    assert set(left.values.values()) == {None} and "the other hand" in left.causes["mpjpe_mm"]
    other = score_pair(pair, protocols, reference=replace(pair, object=block(size=0.21)))
    assert {m for m, cause in other.causes.items() if "another object" in cause} == {
        m.name for p in select(["contactopt", "choir-contact", "proximity"]) for m in p.metrics
    }
    assert other.values["mpjpe_mm"] == 0
    shuffled = np.random.default_rng(0).permutation(len(pair.hand_vertices))[pair.hand_faces]
    mesh = score_pair(pair, protocols, reference=replace(pair, hand_faces=shuffled))
    assert mesh.values["mpvpe_mm"] is None and "another mesh" in mesh.causes["mpvpe_mm"]
    turned = replace(pair, hand_faces=np.roll(pair.hand_faces[::-1], 1, axis=1))
    assert score_pair(pair, select(["vertices"]), reference=turned).values["mpvpe_mm"] == 0


@pytest.mark.parametrize("closed", [False, True])
def test_a_hand_through_a_sheet_is_no_perfect_grasp(closed):
    corners = np.array([[-0.1, -0.1, 0.1], [0.1, -0.1, 0.1], [0.1, 0.1, 0.1], [-0.1, 0.1, 0.1]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    sheet = ObjectMesh.from_arrays(corners, np.concatenate([faces, faces[:, ::-1]]) if closed else faces)
    pair = ball_in_block(0.02)
    twice = replace(pair, object=sheet, hand_vertices=np.stack([pair.hand_vertices] * 2))
    score = score_pair(twice, select(["penetration", "contact"]))
    for name in OF_THE_INSIDE:
        assert score.values[name] is None and "no inside" in score.causes[name], name
    assert score.values["contact_ratio@grasptta"] == 1


def test_a_can_without_a_lid_has_an_inside():
    box = block()
    lid = np.isclose(box.vertices[box.faces][:, :, 2], 0.1).all(1)
    can = ObjectMesh.from_arrays(box.vertices, box.faces[~lid], mend=False)
    assert has_inside(can) and has_inside(box)


def test_the_jump_between_two_stages_is_a_speed():
    still = ball_in_block(0.005, joints=joints())
    jump = np.where(np.arange(6) < 3, 0.0, 0.004)[:, None, None] * [1.0, 0, 0]
    moving = replace(
        still,
        hand_vertices=still.hand_vertices + jump,
        joints=still.joints + jump,
        fps=30.0,
        transition_frame=3,
    )
    values = score_pair(moving, select(["diffh2o-transition"])).values
    assert values["transition_velocity_m_s@diffh2o"] == pytest.approx(0.12)


def test_a_figure_that_some_frames_lack_says_so():
    frames = [
        {"pd_mm": 1.0, "iv_cm3": 1.0},
        {"pd_mm": float("nan"), "iv_cm3": 2.0},
        {"pd_mm": 2.0, "iv_cm3": 3.0},
    ]
    assert means(frames, ("pd_mm", "iv_cm3"))[0] == {"pd_mm": 1.5, "iv_cm3": 2.0}
    (note,) = partly_known(frames, ("pd_mm", "iv_cm3"))
    assert note == "pd_mm is the mean of the 2 of 3 frames that have it"


def test_like_causes_are_counted_together():
    pytest.importorskip("mujoco")
    causes = {
        score_pair(ball_in_block(0.001, name=name), select(["six-way-squeeze"])).causes[
            "drift_cm@six-way-squeeze"
        ]
        for name in ("one", "two")
    }
    assert len(causes) == 1 and "cannot close" in causes.pop()
