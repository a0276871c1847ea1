from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from handhold.errors import InputError


def test_frames_of_a_motion_are_stills(motion):
    assert motion.frames == 6
    still = motion.frame(2)
    assert still.frames == 1 and still.frame(0) is still
    assert np.array_equal(still.hand_vertices, motion.hand_vertices[2])
    assert np.array_equal(still.joints, motion.joints[2])
    assert still.object_vertices is motion.object_vertices  # at rest


def test_distances_are_the_exact_ones(cutting):
    to_ball = np.linalg.norm(cutting.hand_vertices, axis=1) - 0.04
    assert cutting.distances() == pytest.approx(to_ball, abs=4e-4)  # the ball has facets
    assert cutting.measured().hand_distance.min() == pytest.approx(-0.012, abs=4e-4)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hand_vertices", np.zeros((4, 2))),
        ("hand_vertices", np.full((642, 3), np.nan)),
        ("object_vertices", np.zeros((0, 3))),
        ("object_vertices", np.zeros((2, 642, 3))),
        ("hand_faces", np.zeros((0, 3), int)),
        ("object_faces", np.array([[0, 1, 99999]])),
        ("joints", np.zeros((20, 3))),
        ("hand_distance", np.zeros(3)),
        ("soft_tissue", np.zeros(3)),
    ],
)
def test_what_cannot_be_drawn_is_refused(touching, field, value):
    with pytest.raises(InputError, match=field.split("_")[0]):
        replace(touching, **{field: value})
