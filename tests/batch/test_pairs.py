"""References are found by name, or in order where names say nothing."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from handhold.batch.pairs import match
from handhold.errors import InputError
from handhold.interaction.hand_object import HandObject
from handhold.objects import ObjectMesh


def named(*names: str) -> list[HandObject]:
    ball = trimesh.creation.icosphere(1, 0.03)
    vertices, faces = np.asarray(ball.vertices), np.asarray(ball.faces)
    pair = HandObject("", vertices, faces, ObjectMesh.from_arrays(vertices, faces), np.eye(4))
    return [replace(pair, name=name) for name in names]


def names(pairs, references) -> list[str | None]:
    return [found and found.name for found in match(named(*pairs), named(*references))]


def test_by_name_whatever_the_order():
    assert names(("b", "a"), ("a", "b", "c")) == ["b", "a"]


def test_draws_have_the_reference_of_what_they_were_drawn_from():
    assert names(("mug_0", "mug_1", "jar_0"), ("mug", "jar")) == ["mug", "mug", "jar"]


def test_one_has_the_one():
    assert names(("noisy",), ("clean",)) == ["clean"]


def test_a_missing_reference_is_none():
    assert names(("a", "b"), ("a", "c")) == ["a", None]


def test_sets_of_other_names_are_matched_in_order():
    assert names(("p_0000", "p_0001"), ("r_0000", "r_0001")) == ["r_0000", "r_0001"]


def test_sets_of_unequal_size_are_refused():
    with pytest.raises(InputError, match="equally many"):
        match(named("p_0000", "p_0001"), named("r_0000", "r_0001", "r_0002"))


def test_two_references_of_one_name_are_refused():
    with pytest.raises(InputError, match="one name"):
        match(named("a", "b"), named("a", "a"))
