"""Asking: which hands, which objects, and what is said of parts that are not there."""

from dataclasses import replace

import pytest
import torch
from contact_examples import SMALL, mesh_of, stirred
from word_encoder import WordEncoder

from handhold.errors import InputError
from handhold.hand import Hand, HandParams
from handhold.interaction.grasp import Grasp
from handhold.models.contact import Teller
from handhold.objects import ObjectMesh


@pytest.fixture(scope="module")
def teller() -> Teller:
    return Teller(stirred(), WordEncoder())


def grasp(side: str = "right", *, obj: ObjectMesh | None = None, pose=None, seed: int = 0) -> Grasp:
    """A hand beside the box; the left one is the right one in the mirror, and so is its box."""
    draw = torch.Generator().manual_seed(seed)
    params = HandParams(
        torch.randn(3, generator=draw),
        0.2 * torch.randn(15, 3, generator=draw),
        torch.zeros(10),
        0.05 * torch.randn(3, generator=draw),
    )
    if side == "left":
        flip = torch.tensor(
            [1.0, -1.0, -1.0]
        )  # of axis-angle where x is taken negative; places: the other way round
        params = HandParams(
            params.global_orient * flip, params.hand_pose * flip, params.betas, params.transl * -flip
        )
    return Grasp(Hand.open(side), params, obj or mesh_of(), torch.eye(4) if pose is None else pose)


def mirrored_box(monkeypatch) -> ObjectMesh:
    """The box in the mirror, whose points are drawn where those of the box are."""
    mesh, draw = mesh_of(), ObjectMesh.sample
    mirror = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)

    def sample(self, count, generator):
        if self.name != "mirror":
            return draw(self, count, generator)
        found = draw(mesh, count, generator)
        return replace(found, points=found.points * mirror, normals=found.normals * mirror)

    monkeypatch.setattr(ObjectMesh, "sample", sample)
    return ObjectMesh.from_arrays(mesh.vertices * [-1.0, 1.0, 1.0], mesh.faces[:, ::-1].copy(), name="mirror")


def test_what_is_told(teller):
    said = ["hold it by the top", "pour"]
    told = teller.tell(mesh_of(), said)
    assert [t.instruction for t in told] == said
    for one in told:
        assert one.points.shape == one.normals.shape == (600, 3) and one.object.shape == (600,)
        assert one.hand.shape == (len(Hand.open("right").template),)
        assert ((one.object >= 0) & (one.object <= 1)).all() and ((one.hand >= 0) & (one.hand <= 1)).all()
        assert one.contact.object is one.object and one.contact.points is one.points
        assert one.absent == (one.doubt >= 0.5)
    assert not torch.equal(told[0].object, told[1].object)
    again, other = teller.tell(mesh_of(), said), teller.tell(mesh_of(), said, seed=1)
    assert torch.equal(told[0].object, again[0].object) and not torch.equal(told[0].points, other[0].points)
    alone = teller.tell(mesh_of(), said[1:])
    torch.testing.assert_close(alone[0].object, told[1].object, atol=1e-5, rtol=1e-4)


def test_a_left_hand_is_answered_as_the_right_one_in_the_mirror(teller, monkeypatch):
    right = grasp()
    left = grasp("left", obj=mirrored_box(monkeypatch))
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(left.surface().vertices, right.surface().vertices * mirror, atol=1e-5, rtol=0)
    (one,), (other,) = (teller.tell_hands([g], ["hold it by the top"]) for g in (right, left))
    torch.testing.assert_close(other.points, one.points * mirror, atol=1e-6, rtol=0)
    torch.testing.assert_close(other.normals, one.normals * mirror, atol=1e-5, rtol=0)
    for name in ("object", "hand"):
        torch.testing.assert_close(getattr(other, name), getattr(one, name), atol=1e-4, rtol=1e-3)
    assert other.doubt == pytest.approx(one.doubt, abs=1e-4)


def test_the_frame_of_the_world_does_not_matter(teller):
    import roma

    turn = roma.rotvec_to_rotmat(torch.tensor([0.3, -1.0, 0.5]))
    pose = torch.eye(4)
    pose[:3, :3], pose[:3, 3] = turn, torch.tensor([0.5, 0.1, -0.3])
    one = grasp()
    params = one.params
    root = one.hand.rest(params.betas[None])[1][0, 0]
    moved = HandParams(
        roma.rotmat_to_rotvec(turn @ roma.rotvec_to_rotmat(params.global_orient)),
        params.hand_pose,
        params.betas,
        turn @ (params.transl + root) + pose[:3, 3] - root,
    )
    other = Grasp(one.hand, moved, one.object, pose)
    (here,), (there,) = (teller.tell_hands([g], ["pour"]) for g in (one, other))
    torch.testing.assert_close(here.object, there.object, atol=1e-3, rtol=1e-2)
    torch.testing.assert_close(here.hand, there.hand, atol=1e-3, rtol=1e-2)


def test_hands_change_the_answer_and_are_told_one_by_one(teller):
    both = [grasp(seed=1), grasp(seed=2)]
    found = teller.tell_hands(both, ["pour", "pour"])
    assert (found[0].object - found[1].object).abs().max() > 1e-4
    alone = teller.tell_hands(both[1:], ["pour"])
    torch.testing.assert_close(alone[0].object, found[1].object, atol=1e-5, rtol=1e-3)


def test_what_is_absent_has_low_masks():
    model = stirred()
    low, high = (replace(Teller(model, WordEncoder()), model=with_doubt(bias)) for bias in (-8.0, 8.0))
    (sure,), (lacking,) = (t.tell(mesh_of(), ["hold it by the lid"]) for t in (low, high))
    assert not sure.absent and lacking.absent and lacking.doubt > 0.9 > 0.1 > sure.doubt
    assert lacking.object.max() < 0.1 and lacking.hand.max() < 0.1
    assert sure.object.max() > 0.2


def with_doubt(bias: float):
    model = stirred()
    with torch.no_grad():
        model.lack[-1].weight.zero_()
        model.lack[-1].bias.fill_(bias)
    return model


def test_what_cannot_be_told(teller):
    with pytest.raises(InputError, match="not a sentence"):
        teller.tell(mesh_of(), [" "])
    for hands, said in (([], []), ([grasp()], ["a", "b"]), ([grasp(), grasp("left")], ["a", "b"])):
        with pytest.raises(InputError, match="cannot be told of together"):
            teller.tell_hands(hands, said)
    two = [grasp(), grasp(obj=mesh_of("ball"))]
    with pytest.raises(InputError, match="cannot be told of together"):
        teller.tell_hands(two, ["a", "b"])


def test_another_hand_is_refused(teller):
    one = grasp()
    other = Grasp(replace(one.hand, name="mano"), one.params, one.object, one.T_world_object)
    with pytest.raises(InputError, match="trained for another hand"):
        teller.tell_hands([other], ["pour"])


def test_another_encoder_is_refused():
    with pytest.raises(InputError, match="another text encoder"):
        Teller(stirred(), WordEncoder(width=16))
    assert SMALL.text_width == 24
