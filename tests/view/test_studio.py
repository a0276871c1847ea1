from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from handhold.errors import HandholdError
from handhold.view import window
from handhold.view.camera import ANGLE, fit_camera, framed_points
from handhold.view.studio import Look

SIZE = (120, 90)
UP = np.array([0.0, 0.0, 1.0])
FROM_THE_SIDE = np.array([0.0, -1.0, 0.2])


def picture(studio, panel, look=None):
    camera = fit_camera(framed_points([panel]), FROM_THE_SIDE, up=UP, aspect=SIZE[0] / SIZE[1])
    return studio.render(panel, size=SIZE, camera=camera, look=look).astype(int)


def red(image: np.ndarray) -> int:
    return int(((image[..., 0] > 110) & (image[..., 1] < 0.55 * image[..., 0]) & (image[..., 2] < 90)).sum())


def test_hand_is_warm_object_is_cool_background_is_plain(studio, touching):
    image = picture(studio, touching)
    assert image.shape == (SIZE[1], SIZE[0], 3)
    warm, cool = image[..., 0] - image[..., 2] > 25, image[..., 2] - image[..., 0] > 15
    assert warm.sum() > 500 and cool.sum() > 500
    # The camera looks along +y with z up, so +x, where the hand is, lies to the right.
    assert np.nonzero(warm)[1].mean() > np.nonzero(cool)[1].mean() + 20
    assert np.ptp(image[[0, 0, -1, -1], [0, -1, 0, -1]]) <= 10


def test_red_only_where_the_hand_cuts_in(studio, touching, cutting):
    through = Look(object_opacity=0.3)
    assert red(picture(studio, cutting, through)) > 50
    assert red(picture(studio, touching, through)) == 0
    assert red(picture(studio, cutting, Look(object_opacity=0.3, colouring="none"))) == 0
    assert red(picture(studio, cutting)) < 20  # a solid object hides it


def test_given_distances_are_believed(studio, touching):
    everywhere = replace(touching, hand_distance=np.full(len(touching.hand_vertices), -0.004))
    assert red(picture(studio, everywhere)) > 500


def test_soft_tissue_has_its_own_colour(studio, touching):
    soft = replace(touching, soft_tissue=np.full(len(touching.hand_vertices), 0.005))
    plain, coloured = (picture(studio, soft, Look(colouring=c)) for c in ("none", "soft tissue"))
    greenish = lambda image: int((image[..., 1] - image[..., 0] > 30).sum())
    assert greenish(coloured) > 500 > 10 > greenish(plain)


def test_joints_show_and_missing_ones_are_left_out(studio, touching):
    joints = np.array(touching.hand_vertices[:21])
    partly = joints.copy()
    partly[3] = np.nan
    with_all, with_some, without = (
        picture(studio, replace(touching, joints=j), Look(joints=True)) for j in (joints, partly, None)
    )
    assert (with_all != without).any() and (with_all != with_some).any()
    nowhere = replace(touching, joints=np.full((21, 3), np.nan))
    assert picture(studio, nowhere, Look(joints=True)).shape == without.shape


def test_a_picture_does_not_depend_on_what_was_drawn_before(studio, touching, cutting):
    first = picture(studio, touching)
    picture(studio, cutting, Look(object_opacity=0.3, shade=False))
    studio.cameras([cutting], aspect=1.0)
    assert np.abs(picture(studio, touching) - first).max() <= 1


@pytest.mark.parametrize("direction", [(1, 0, 0), (0.3, -1, 0.5), (0, 0, 1), (-1, 2, -0.4)])
@pytest.mark.parametrize("aspect", [0.6, 1.0, 1.7])
def test_camera_sees_every_point_and_is_as_near_as_can_be(direction, aspect):
    points = np.random.default_rng(0).normal(size=(300, 3)) * (0.05, 0.1, 0.02) + (0.4, -1.0, 2.0)
    camera = fit_camera(points, np.array(direction, float), up=UP, aspect=aspect, margin=1.0)
    back = camera.position - camera.target
    back = back / np.linalg.norm(back)
    side = np.cross(camera.up, back)
    assert np.dot(back, direction) / np.linalg.norm(direction) == pytest.approx(1.0)
    offset = points - camera.position
    depth = -offset @ back
    slope = np.tan(ANGLE / 2)
    across, along = (offset @ side) / (depth * slope * aspect), (offset @ camera.up) / (depth * slope)
    tight, loose = sorted((across, along), key=lambda part: -np.abs(part).max())
    assert (tight.min(), tight.max()) == pytest.approx((-1.0, 1.0))
    assert np.abs(loose).max() <= 1.0 and loose.min() < 0 < loose.max()


def test_a_huge_object_is_cut_off_not_shown_as_a_speck_of_a_hand(touching):
    table = replace(touching, object_vertices=touching.object_vertices * 50)
    seen = framed_points([table])
    assert np.linalg.norm(np.ptp(seen, axis=0)) < 6 * np.linalg.norm(np.ptp(touching.hand_vertices, axis=0))


def test_chosen_cameras_see_the_contact_and_lie_apart(studio, touching):
    one, two = studio.cameras([touching], aspect=1.0)
    directions = [(c.position - c.target) / np.linalg.norm(c.position - c.target) for c in (one, two)]
    assert np.dot(*directions) < np.cos(np.deg2rad(60))
    for (
        direction
    ) in directions:  # the contact lies between hand and ball: not seen along the axis through both
        assert abs(direction[0]) < 0.8
    again = studio.cameras([touching], aspect=1.0)
    assert np.array_equal(one.position, again[0].position)


def test_cut_is_looked_at_from_its_side(studio, cutting):
    camera = studio.cut_camera([cutting], aspect=1.0)
    towards = camera.position - camera.target
    assert towards[0] < 0  # the hand lies at +x and is cut on its -x side


def test_without_opengl_a_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(window, "_kinds_of_window", list)
    with pytest.raises(HandholdError, match="libegl1"):
        window.off_screen_window()
