import pytest
import roma
import torch

from handhold.errors import InputError
from handhold.hand import Hand, HandParams
from handhold.hand.vertices import fit_vertices


def posed(hand: Hand, *batch: int) -> HandParams:
    generator = torch.Generator().manual_seed(1)

    def random(*size):
        return torch.rand(*batch, *size, generator=generator)

    low, high = hand.anatomy.lower, hand.anatomy.upper
    angles = low + (0.3 + 0.4 * random(15, 3)) * (high - low)
    pose = roma.rotmat_to_rotvec(hand.anatomy.rotations(angles))
    return HandParams(3 * random(3) - 1, pose, 2 * random(hand.shapes) - 1, random(3))


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_model_s_own_surface_is_found_again(side):
    hand = Hand.open(side)
    vertices = hand(posed(hand, 3)).vertices
    fit = fit_vertices(hand, vertices)
    assert fit.error.max() < 2e-4
    assert torch.allclose(hand(fit.params).vertices, vertices, atol=1e-3)


def test_the_vertex_that_closes_the_wrist_may_be_left_out():
    hand = Hand.open()
    vertices = hand(posed(hand)).vertices[:-1]
    fit = fit_vertices(hand, vertices)
    assert fit.error.shape == () and fit.error < 2e-4


def test_a_sequence_has_one_shape():
    hand = Hand.open()
    params = posed(hand, 3)
    params = HandParams(params.global_orient, params.hand_pose, params.betas[:1].expand(3, -1), params.transl)
    fit = fit_vertices(hand, hand(params).vertices, sequence=True)
    assert fit.params.betas.std(0).max() < 1e-6 and fit.error.max() < 3e-4


def test_another_mesh_is_refused_with_the_count_that_was_expected():
    hand = Hand.open()
    with pytest.raises(InputError, match=str(len(hand.template))):
        fit_vertices(hand, torch.zeros(778, 3))


def test_values_that_are_not_finite_are_refused():
    hand = Hand.open()
    with pytest.raises(InputError, match="finite"):
        fit_vertices(hand, hand.template * float("nan"))
