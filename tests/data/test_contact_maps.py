"""Where hands touch an object, and which grasps do what a sentence says."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from handhold.data import GraspSet
from handhold.data.asks import Ask
from handhold.data.contact_maps import CONTACT_MM, Touched, cut, maps_of, matching, touched, widened
from handhold.hand import Hand

SHIPPED = Path(__file__).parents[2] / "sets" / "household"
VERTICES = len(Hand.open("right").template)


# Masks.


def sphere(count: int = 4000) -> np.ndarray:
    k = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * k / count), np.pi * (1 + 5**0.5) * k
    return 0.05 * np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], -1)


def test_cut_is_at_half_of_the_most():
    assert cut(np.array([0.0, 0.2, 0.3, 0.6])).tolist() == [False, False, True, True]
    assert not cut(np.zeros((2, 3))).any()


def test_widening_keeps_what_is_even_and_how_much_there_is():
    points = sphere()[np.random.default_rng(0).permutation(4000)]
    np.testing.assert_allclose(widened(points, np.full((2, 4000), 0.3)), 0.3, atol=1e-9)
    spot = (points[:, 2] > 0.04).astype(float)[None]
    wide = widened(points, spot)
    assert wide.mean() == pytest.approx(spot.mean(), rel=0.05)
    assert wide.max() <= 1 and (wide >= 0).all()
    # a smear of a centimetre: full in the middle of the spot, gone far away, half at its edge
    assert wide[0, points[:, 2].argmax()] > 0.85 and wide[0, points[:, 2] < 0].max() == 0
    edge = np.abs(points[:, 2] - 0.04) < 0.001
    assert 0.35 < wide[0, edge].mean() < 0.6
    np.testing.assert_array_equal(widened(points, spot, width=0), spot)


def test_contact_is_within_three_millimetres_of_the_other_surface():
    grasps = GraspSet.open(SHIPPED)
    name = grasps.table["object_id"][0].as_py()
    found = touched(grasps, [0, 1], 300)
    assert found.object.shape == (2, 300) and found.skin.shape == (2, VERTICES)
    assert found.object.any() and found.skin.any()
    obj = grasps.object(name)
    mesh = trimesh.Trimesh(obj.mesh.vertices, obj.mesh.faces, process=False)
    for k in range(2):
        skin = grasps.grasp(k).surface().vertices.numpy()
        hand = trimesh.Trimesh(skin, grasps.grasp(k).hand.faces.numpy(), process=False)
        for mask, surface, points in (
            (found.object[k], hand, found.points),
            (found.skin[k][::4], mesh, skin[::4]),
        ):
            gap = trimesh.proximity.closest_point(surface, points)[1] * 1e3
            sure = np.abs(gap - CONTACT_MM) > 1e-3
            np.testing.assert_array_equal(mask[sure], (gap <= CONTACT_MM)[sure])


# What sentences mean.


def test_grasps_that_do_what_is_said():
    part = np.repeat([0, 1], 4)
    touch = np.zeros((3, 8), bool)
    touch[0, :4] = touch[1, 4:] = touch[2, 2:6] = True
    found = Touched(
        np.zeros((8, 3)), np.zeros((8, 3)), part, ("body", "handle"), touch, np.zeros((3, 2), bool)
    )
    facts = {"part": ["body", "handle", "body"], "purpose": ["move", "drink", "drink"]}
    of = lambda **said: matching(Ask("words", **said), found, **facts)
    assert of() == (0, 1, 2)
    assert of(part="body") == (0, 2) and of(part="handle") == (1,)
    assert of(purpose="drink") == (1, 2) and of(part="body", purpose="drink") == (2,)
    assert of(part="handle", purpose="move") == (1,)  # none for that purpose: the part is what counts
    assert of(free="handle") == (0,) and of(free="body", purpose="drink") == (1,)
    assert of(absent=True) == () and of(part="rim") == ()
    assert matching(Ask("words"), found, part=[], purpose=[]) == ()
    # nothing touches what is to be left free; and where no grasp is known, a part is touched all over
    points, part = np.random.default_rng(0).random((32, 3)) * 0.01, part.repeat(4)
    found = Touched(points, points, part, ("body", "handle"), touch.repeat(4, 1), np.zeros((3, 2), bool))
    kept_off, on_part = maps_of(found, [((2,), None, "handle"), ((), "handle", None)])
    assert (kept_off[16:] == 0).all() and kept_off[:16].min() > 0 and kept_off.max() == 255
    assert on_part.tolist() == [0] * 16 + [255] * 16
