"""The weights that come with handhold: small, and they listen."""

import json

import pytest
import torch

from handhold.models.contact import SHIPPED, open_teller
from handhold.models.pretrained import STATE, trained_sizes
from handhold.objects.household import make

pytest.importorskip("tokenizers", reason="the text extra is not installed")


@pytest.fixture(scope="module")
def teller():
    return open_teller()


def share_on(obj, told, part):
    """Share of a mask's mass on a part."""
    drawn = obj.mesh.sample(len(told.points), torch.Generator().manual_seed(0))
    on = obj.face_parts[drawn.face.numpy()] == [p.name for p in obj.parts].index(part)
    return float(told.object[on].sum() / told.object.sum())


def test_they_are_small_and_say_how_they_were_made():
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*.safetensors")) < 20e6
    told = json.loads((SHIPPED / STATE).read_text())
    assert told["method"] == "contact" and told["stages"]["contact"]["steps"] > 0
    assert (SHIPPED / "curves.csv").exists() and (SHIPPED / "README.md").exists()
    assert trained_sizes(SHIPPED) is not None


@pytest.mark.parametrize(
    "category, first, second",
    [("mug", "handle", "rim"), ("hammer", "handle", "head"), ("jar", "lid", "body")],
)
def test_the_sentence_moves_the_mask(teller, category, first, second):
    obj = make(category)
    here, there = teller.tell(obj.mesh, [f"hold it by the {first}", f"hold it by the {second}"])
    assert share_on(obj, here, first) > share_on(obj, there, first) + 0.2
    assert share_on(obj, there, second) > share_on(obj, here, second) + 0.2


def test_what_is_not_there_is_admitted(teller):
    lacking, there = teller.tell(make("ball").mesh, ["hold the ball by its handle", "throw the ball"])
    assert lacking.absent and float(lacking.object.max()) < 0.3
    assert not there.absent
