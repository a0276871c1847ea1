"""MANO parameters: every convention leads to smplx's hand."""

from __future__ import annotations

import numpy as np
import pytest
from peer_examples import (
    as_axis_angle,
    as_columns,
    as_matrices,
    as_mean_relative,
    as_packed,
    as_packed_wrist_from_mean_in_mm,
    as_pca_from_flat,
    as_pca_from_mean,
    as_rows,
    as_triples,
    as_wrist,
    box,
    mano_values,
    params,
    smplx_forward,
    truth,
    write_mano,
)

from handhold.hand import HandParams
from handhold.interaction.measures import measure_frame
from handhold.io.peers import read_grasp_set

CONVENTIONS = [
    *(as_axis_angle, as_triples, as_mean_relative, as_pca_from_flat, as_pca_from_mean, as_matrices, as_rows),
    *(as_columns, as_wrist, as_packed, as_packed_wrist_from_mean_in_mm),
]


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_gives_smplx_hands(convention, side, mano, write):
    expected, joints = smplx_forward(side, truth(side))
    values = convention(dict(truth(side)), side) | box(side=side)
    grasps = read_grasp_set(write(values), mano=mano[side])
    assert [g.name for g in grasps] == ["peer_0000", "peer_0001", "peer_0002"]
    for grasp, vertices, own in zip(grasps, expected, joints, strict=True):
        assert np.abs(grasp.hand_vertices[:778] - vertices).max() < 2e-6
        assert np.abs(grasp.joints[:16] - own).max() < 2e-6
        assert grasp.side == side and grasp.hand.side == side and grasp.object is grasps[0].object
        assert np.isfinite(list(vars(measure_frame(next(grasp.frames()))).values())[:4]).all()


def test_the_flags_matter(mano, write):
    """A wrong flag gives another hand: the test above would notice."""
    given = truth("right") | box(side="right")
    right = read_grasp_set(write(given | {"flat_hand_mean": True}), mano=mano["right"])
    for flags in (
        {"flat_hand_mean": False},
        {"flat_hand_mean": True, "transl_is_wrist": True},
        {"flat_hand_mean": True, "units": "mm", "object_units": "m"},
    ):
        wrong = read_grasp_set(write(given | flags), mano=mano["right"])
        assert np.abs(wrong[0].hand_vertices - right[0].hand_vertices).max() > 0.01


def test_few_principal_components(mano, write):
    given = truth("right") | {"hand_pca": truth("right")["hand_pose"][:, :15], "flat_hand_mean": True}
    given.pop("hand_pose")
    grasps = read_grasp_set(write(given | box(side="right")), mano=mano["right"])
    pose = given["hand_pca"] @ mano_values()["hands_components"][:15]
    expected, _ = smplx_forward("right", given | {"hand_pose": pose})
    assert np.abs(grasps[1].hand_vertices[:778] - expected[1]).max() < 2e-6


def test_betas_fitted_to_the_faulty_left_hand(mano, write, tmp_path):
    values = mano_values("left")
    values["shapedirs"] = values["shapedirs"] * np.array([-1.0, 1.0, 1.0])[:, None]  # as published
    faulty = write_mano(tmp_path / "MANO_LEFT.pkl", values)
    given = as_axis_angle(truth("left"), "left") | box(side="left")
    mended = read_grasp_set(write(given), mano=faulty)[0].hand_vertices
    kept = read_grasp_set(write(given | {"fix_left_shapedirs": False}), mano=faulty)[0].hand_vertices
    expected, _ = smplx_forward("left", truth("left"))
    assert np.abs(mended[:778] - expected[0]).max() < 2e-6 < 1e-3 < np.abs(kept - mended).max()


def test_parameters_are_those_of_the_grasp(mano, write):
    """What is read poses the model again to the same surface."""
    (grasp, *_) = read_grasp_set(write(params()), mano=mano["right"])
    assert isinstance(grasp.params, HandParams) and grasp.no_model == ""
    assert np.allclose(grasp.hand(grasp.params).vertices.numpy(), grasp.hand_vertices, atol=1e-6)
