"""CHOIR says what geometry says, does not care where a grasp is, and has the derivatives it should."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import roma
import torch
import trimesh

from handhold.errors import InputError
from handhold.hand import Hand
from handhold.interaction.choir.basis import (
    ChoirConfig,
    anchor_distances,
    assigned_anchors,
    unit_basis,
)
from handhold.interaction.choir.contacts import (
    anchor_of_vertices,
    contact_gaussians,
    contact_map,
    contact_weights,
)
from handhold.interaction.choir.encode import (
    choir_objects,
    choir_objects_from_points,
    encode,
    frame_objects,
)
from handhold.objects import ObjectMesh

sys.path.insert(0, str(Path(__file__).parents[2] / "hand"))
from mano_files import write_mano

SMALL = ChoirConfig(side=8, object_points=2048)
RADIUS = 0.04


def ball(*, radius=RADIUS, shift=(0.0, 0.0, 0.0), stretch=(1.0, 1.0, 1.0)) -> ObjectMesh:
    mesh = trimesh.creation.icosphere(3, radius=radius)
    return ObjectMesh.from_arrays(np.array(mesh.vertices) * stretch + np.array(shift), np.array(mesh.faces))


def table() -> ObjectMesh:
    mesh = trimesh.creation.box((0.3, 0.3, 0.05))
    return ObjectMesh.from_arrays(np.array(mesh.vertices) - [0, 0, 0.025], np.array(mesh.faces), name="table")


def bent(hand: Hand, count: int, *, seed=0, shift=(0.0, 0.0, 0.0)) -> torch.Tensor:
    """Surfaces (B, V, 3) of hands in different poses whose palms lie about the origin."""
    draw = torch.Generator().manual_seed(seed)
    params = hand.zeros(count)
    params = params.map(lambda t: t + 0.1 * torch.randn(t.shape, generator=draw).to(t))
    vertices = hand(params).vertices
    return vertices - vertices.mean(1, keepdim=True) + torch.tensor([RADIUS, 0.02, 0.0]) + torch.tensor(shift)


def test_a_sphere_is_seen_from_the_basis_points_as_far_away_as_it_is(hand):
    for signed in (False, True):
        config = ChoirConfig(side=8, signed=signed)
        objects = choir_objects([ball()], config=config)
        choir = encode(hand, bent(hand, 1), objects, torch.tensor([0]), contacts=False, config=config)
        true = choir.basis(config).norm(dim=-1) - RADIUS
        assert torch.allclose(choir.object_distance, true if signed else true.abs(), atol=4e-4)  # facets
    assert choir.contacts is None


def test_anchor_distances_are_those_to_the_assigned_anchors(hand):
    vertices = bent(hand, 3)
    for assignment in ("ordered", "shuffled"):
        config = ChoirConfig(side=8, assignment=assignment)
        choir = encode(
            hand, vertices, choir_objects([ball()], config=config), torch.zeros(3).long(), config=config
        )
        anchors, basis, assigned = (
            hand.anchors.positions(vertices),
            choir.basis(config),
            assigned_anchors(config),
        )
        for m in (0, 1, 77, 511):
            expected = (basis[:, m] - anchors[:, assigned[m]]).norm(dim=-1)
            assert torch.allclose(choir.anchor_distance[:, m], expected, atol=1e-6)


@pytest.mark.parametrize("side", [16, 10])
def test_assignments_give_each_anchor_as_many_basis_points(side):
    ordered = assigned_anchors(ChoirConfig(side=side, assignment="ordered"))
    shuffled = assigned_anchors(ChoirConfig(side=side))
    assert torch.equal(ordered, torch.arange(side**3) % 32)
    assert torch.equal(ordered.sort().values, shuffled.sort().values) and not torch.equal(ordered, shuffled)
    count = torch.bincount(shuffled)
    assert len(count) == 32 and count.max() - count.min() <= 1
    assert torch.equal(shuffled, assigned_anchors(ChoirConfig(side=side, reach=0.2)))


@pytest.mark.parametrize("side", [4, 16])
def test_tiles_have_every_anchor_once_wherever_they_begin(side):
    assigned = assigned_anchors(ChoirConfig(side=side, assignment="tiled")).view(side, side, side)
    blocks = assigned.unfold(0, 4, 1).unfold(1, 4, 1).unfold(2, 2, 1).reshape(-1, 32)
    assert (blocks.sort(-1).values == torch.arange(32)).all()
    steps = assigned.unfold(0, 4, 4).unfold(1, 4, 4).unfold(2, 4, 4).reshape(-1, 64)
    assert (steps == steps[0]).all()  # what a convolution in steps of 4 takes as one place
    assert torch.bincount(assigned.flatten()).tolist() == [side**3 // 32] * 32


@pytest.mark.parametrize("assignment", ["tiled", "shuffled"])
def test_tiled_distances_say_where_anchors_are(hand, assignment):
    from handhold.interaction.choir.field import find_anchors, read_field

    config = ChoirConfig(assignment=assignment)
    vertices = bent(hand, 3)
    objects = choir_objects([ball()], config=config)
    choir = encode(hand, vertices, objects, torch.zeros(3).long(), contacts=False, config=config)
    found = find_anchors(read_field(choir, config))
    assert torch.allclose(found, hand.anchors.positions(vertices), atol=2e-6)


def test_basis_points_fill_their_cube_or_ball():
    grid = unit_basis(ChoirConfig())
    assert grid.shape == (4096, 3) and (grid.amin(0) == -1).all() and (grid.amax(0) == 1).all()
    assert len(grid.unique(dim=0)) == 4096
    assert torch.allclose(grid[1] - grid[0], torch.tensor([0, 0, 2 / 15]))
    inside = unit_basis(ChoirConfig(layout="ball"))
    assert inside.shape == (4096, 3) and inside.norm(dim=-1).max() <= 1
    assert abs((inside.norm(dim=-1) < 0.5).float().mean() - 0.125) < 0.02


@pytest.mark.parametrize("centre", ["object", "hand"])
def test_moving_hand_and_object_together_changes_nothing(hand, centre):
    config = ChoirConfig(side=8, centre=centre, object_points=2048)
    shift = torch.tensor([0.3, -0.2, 0.1])
    vertices = bent(hand, 4)
    index = torch.zeros(4).long()
    here = encode(hand, vertices, choir_objects([ball()], config=config), index, config=config)
    moved = choir_objects([ball(shift=shift.numpy())], config=config)
    there = encode(hand, vertices + shift, moved, index, config=config)
    assert torch.allclose(here.anchor_distance, there.anchor_distance, atol=1e-6)
    assert torch.allclose(here.object_distance, there.object_distance, atol=2e-5)
    assert torch.allclose(here.centre + shift, there.centre, atol=1e-6)
    assert torch.allclose(here.contacts.mean + shift, there.contacts.mean, atol=1e-4)


@pytest.mark.parametrize("centre", ["object", "hand"])
def test_axes_turn_what_is_seen(hand, centre):
    """Seen with turned axes about a point, a grasp looks as if it were turned the other way about it."""
    config = ChoirConfig(side=8, centre=centre, object_points=2048, signed=True)
    axes = roma.rotvec_to_rotmat(torch.tensor([[0.3, -0.5, 0.8]])).expand(2, 3, 3)
    about = torch.tensor([0.01, 0.02, -0.01])
    back = lambda points: (points - about) @ axes[0] + about
    obj = ball(stretch=(1.0, 0.6, 1.4), shift=(0.01, 0.0, 0.0))
    turned = ObjectMesh.from_arrays(back(torch.from_numpy(obj.vertices).float()).numpy(), obj.faces)
    vertices, index = bent(hand, 2), torch.zeros(2).long()
    middle = about.expand(2, 3)
    objects, others = (choir_objects([o], config=config) for o in (obj, turned))
    seen = encode(hand, vertices, objects, index, centre=middle, axes=axes, config=config)
    other = encode(hand, back(vertices), others, index, centre=middle, config=config)
    assert torch.allclose(seen.anchor_distance, other.anchor_distance, atol=1e-6)
    assert torch.allclose(back(seen.basis(config)), other.basis(config), atol=1e-6)
    near = seen.object_distance.abs() < 0.03  # both by their grids
    assert torch.allclose(seen.object_distance[near], other.object_distance[near], atol=3e-3)
    assert near.sum() > 50 and torch.equal(seen.axes, axes) and other.axes is None
    # skin stays in the object's frame, however it is seen
    plain = encode(hand, vertices, objects, index, config=config)
    assert (plain.contacts.weight > 0).any()
    assert torch.equal(plain.contacts.mean, seen.contacts.mean)


def test_axes_of_the_object_are_none_at_all(hand):
    objects = choir_objects([ball()], config=SMALL)
    vertices, index = bent(hand, 3), torch.zeros(3).long()
    plain = encode(hand, vertices, objects, index, config=SMALL)
    given = encode(hand, vertices, objects, index, axes=torch.eye(3).expand(3, 3, 3), config=SMALL)
    assert torch.allclose(given.anchor_distance, plain.anchor_distance, atol=1e-6)
    near = plain.object_distance < 0.02  # exact, and by the grid
    assert torch.allclose(given.object_distance[near], plain.object_distance[near], atol=1e-3)
    some = given.select(torch.tensor([2, 0]))
    assert some.axes.shape == (2, 3, 3) and torch.equal(some.basis(SMALL), given.basis(SMALL)[[2, 0]])
    assert given.to("cpu").axes is not None and plain.select(torch.tensor([1])).axes is None


def test_a_batch_is_its_rows_one_by_one(hand):
    objects = choir_objects([ball(), ball(radius=0.03), table()], config=SMALL)
    vertices, index = bent(hand, 5), torch.tensor([0, 1, 2, 1, 0])
    whole = encode(hand, vertices, objects, index, config=SMALL)
    assert (whole.contacts.weight > 0).any()
    for row in range(5):
        one = encode(hand, vertices[row, None], objects, index[row, None], config=SMALL)
        picked = whole.select(torch.tensor([row]))
        for name in ("object_distance", "anchor_distance", "centre", "reach"):
            assert torch.allclose(getattr(one, name), getattr(picked, name), atol=1e-6)
        assert torch.equal(one.contacts.weight, picked.contacts.weight)
        assert torch.allclose(one.contacts.mean, picked.contacts.mean, atol=1e-6)
        assert torch.allclose(one.contacts.cholesky, picked.contacts.cholesky, atol=1e-5)


def test_a_mirrored_row_is_the_mirror_image_of_the_other_hand(hand):
    other = Hand.open("left" if hand.side == "right" else "right")
    flip = torch.tensor([-1.0, 1.0, 1.0])
    obj = ball(shift=(0.01, 0, 0), stretch=(1, 0.8, 1.2))
    objects = choir_objects([obj], config=SMALL)
    vertices, index = bent(hand, 2), torch.zeros(2).long()
    true = encode(other, vertices * flip, objects, index, config=SMALL)
    read = encode(hand, vertices, objects, index, mirrored=torch.tensor([True, True]), config=SMALL)
    assert torch.allclose(true.centre, read.centre * flip)
    grid = (2, 8, 8, 8)
    expected = true.object_distance.view(grid).flip(1)
    assert torch.allclose(read.object_distance.view(grid), expected, atol=1e-6)
    assert torch.equal(hand.anchors.vertices, other.anchors.vertices)
    assert (read.contacts.weight > 0).any()
    assert torch.equal(read.contacts.weight, true.contacts.weight)
    assert torch.allclose(read.contacts.mean * flip, true.contacts.mean, atol=1e-5)


def test_gradients_are_those_of_finite_differences():
    hand = Hand.open(dtype=torch.float64)
    owner = anchor_of_vertices(hand)
    config = ChoirConfig(side=4)
    basis = 0.1 * unit_basis(config).double()[None]
    draw = torch.Generator().manual_seed(0)
    weights = torch.randint(0, 4, (1, len(owner)), generator=draw).double()
    chosen = torch.cat((hand.anchors.vertices[:3], torch.arange(0, 1600, 500)))

    def seen(part: torch.Tensor):
        vertices = hand.template.index_copy(0, chosen, part)[None]
        anchors = hand.anchors.positions(vertices)
        found = contact_gaussians(vertices, weights, anchors, owner, spread=0.001)
        dense = contact_map(found, vertices, owner)[:, chosen]
        distances = anchor_distances(basis, anchors, assigned_anchors(config))
        return distances, found.mean, found.cholesky, dense

    part = hand.template[chosen].clone().requires_grad_()
    assert torch.autograd.gradcheck(seen, (part,), eps=1e-7, atol=1e-4)


def test_encode_passes_gradients_to_the_hand(hand):
    vertices = bent(hand, 2).requires_grad_()
    choir = encode(hand, vertices, choir_objects([ball()], config=SMALL), torch.zeros(2).long(), config=SMALL)
    loss = choir.anchor_distance.sum() + choir.contacts.mean.sum() + choir.contacts.cholesky.sum()
    (slope,) = torch.autograd.grad(loss, vertices)
    assert slope.isfinite().all() and (slope.flatten(1).norm(dim=-1) > 0).all()


def counted(point, *, config=SMALL) -> float:
    """Weight of one vertex at the origin whose normal is z, of one object point."""
    vertices = torch.zeros(1, 1, 3)
    normals = torch.tensor([[[0.0, 0.0, 1.0]]])
    return float(contact_weights(vertices, normals, torch.tensor([[point]]), config=config))


def test_the_cone_takes_what_is_above_and_near():
    def at(angle_deg, reach):
        return [reach * math.sin(math.radians(angle_deg)), 0.0, reach * math.cos(math.radians(angle_deg))]

    for angle, reach, takes in (
        (0, 0.0039, 1),
        (0, 0.0041, 0),
        (59, 0.003, 1),
        (61, 0.003, 0),
        (180, 0.001, 0),
    ):
        assert counted(at(angle, reach)) == takes
    published = ChoirConfig(side=8, cone="published")
    for angle, reach, takes in ((180, 0.0039, 1), (90, 0.001, 1), (0, 0.0041, 0)):
        assert counted(at(angle, reach), config=published) == takes
    assert counted(at(180, 0.001), config=ChoirConfig(setback=0.002)) == 1


def test_weights_are_what_all_pairs_give():
    draw = torch.Generator().manual_seed(1)
    vertices = 0.03 * torch.rand(3, 200, 3, generator=draw)
    points = 0.03 * torch.rand(3, 900, 3, generator=draw)
    normals = torch.nn.functional.normalize(torch.randn(3, 200, 3, generator=draw), dim=-1)
    offset = points[:, None] - vertices[:, :, None]
    reach = offset.norm(dim=-1)
    cosine = (offset * normals[:, :, None]).sum(-1) / reach
    expected = ((reach <= 0.004) & (cosine >= 0.5)).sum(-1)
    assert expected.sum() > 300
    assert torch.equal(contact_weights(vertices, normals, points, config=SMALL).long(), expected)
    near = torch.rand(3, 200, generator=draw) < 0.5
    some = contact_weights(vertices, normals, points, config=SMALL, near=near).long()
    assert torch.equal(some, expected * near)


def test_gaussians_are_mean_and_covariance_of_the_multiset(hand):
    vertices, owner = bent(hand, 2), anchor_of_vertices(hand)
    anchors = hand.anchors.positions(vertices)
    weights = torch.randint(0, 5, (2, len(owner)), generator=torch.Generator().manual_seed(0))
    weights[:, owner == 7] = 0
    found = contact_gaussians(vertices, weights.float(), anchors, owner, spread=0.001)
    for row in range(2):
        for k in (0, 3, 19, 31):
            own = owner == k
            points = np.repeat(vertices[row, own].double().numpy(), weights[row, own].numpy(), axis=0)
            covariance = np.cov(points.T, bias=True) + 1e-6 * np.eye(3)
            factor = found.cholesky[row, k].double().numpy()
            assert np.allclose(found.mean[row, k], points.mean(0), atol=1e-6)
            assert np.allclose(factor @ factor.T, covariance, atol=2e-9)
            assert np.allclose(factor, np.linalg.cholesky(covariance), atol=2e-6)
    assert torch.equal(found.mean[:, 7], anchors[:, 7])
    assert (found.cholesky[:, 7] == 0).all() and (found.weight[:, 7] == 0).all()
    assert (contact_map(found, vertices, owner)[:, owner == 7] == 0).all()


@pytest.mark.parametrize("gap_mm", [1.5, 30.0])
def test_a_hand_over_a_table_touches_with_its_lowest_skin(hand, gap_mm):
    config = ChoirConfig(object_points=16384)
    # palm down: the palmar side of the flat hand looks to -z of the table
    normal = hand.template[hand.palmar].mean(0) - hand.template[~hand.palmar].mean(0)
    axis = normal.abs().argmax()
    turn = torch.zeros(3, 3)
    order = [i for i in range(3) if i != axis] + [int(axis)]
    for row, column in enumerate(order):
        turn[row, column] = 1.0
    turn[2] *= -torch.sign(normal[axis])
    if torch.det(turn) < 0:
        turn[0] *= -1
    lying = hand.template @ turn.T
    lying = lying - lying.mean(0)
    lying[:, 2] += gap_mm * 1e-3 - lying[:, 2].min()
    objects = choir_objects([table()], config=config)
    choir = encode(hand, lying[None], objects, torch.tensor([0]), config=config)
    owner = anchor_of_vertices(hand)
    dense = contact_map(choir.contacts, lying[None], owner)[0]
    if gap_mm > 10:
        assert (dense == 0).all() and (choir.contacts.weight == 0).all()
        return
    height = lying[:, 2]
    assert dense.max() > 0.3
    assert (height[dense > 0.3] < 0.012).all()
    assert dense[height > 0.02].max() < 0.05
    assert dense[height < 0.003].mean() > 10 * dense.mean()
    assert (dense >= 0).all() and (dense <= 1).all()


def test_large_objects_scale_the_grid_or_are_seen_about_the_hand(hand):
    obj = ball(radius=0.15)
    scaled = choir_objects([obj, ball()], config=SMALL)
    assert abs(float(scaled.reach[0]) - 0.6 * 0.3 * math.sqrt(3)) < 1e-3 and scaled.reach[1] == 0.1
    crop = ChoirConfig(side=8, centre="hand")
    vertices = bent(hand, 1) + torch.tensor([0.12, 0.0, 0.0])
    objects = choir_objects([obj], config=crop)
    choir = encode(hand, vertices, objects, torch.tensor([0]), config=crop)
    assert choir.reach == crop.reach
    assert torch.allclose(choir.centre, hand.anchors.positions(vertices).mean(1))
    true = (choir.basis(crop).norm(dim=-1) - 0.15).abs()
    error = choir.object_distance - true
    near = true < 0.025
    assert error[near].abs().max() < 2e-3
    # beyond its box a grid says a little more than the truth
    assert error.min() > -5e-3 and error.max() < 0.02
    again = encode(hand, vertices + 0.01, objects, torch.tensor([0]), centre=choir.centre, config=crop)
    assert torch.equal(again.object_distance, choir.object_distance)


def test_objects_from_points_are_the_same_to_the_grids_error(hand):
    exact = choir_objects([ball(), ball(radius=0.03, shift=(0.05, 0, 0))], config=SMALL)
    read = choir_objects_from_points(exact.points, exact.grid, config=SMALL)
    assert torch.allclose(exact.centre, read.centre, atol=1e-3)
    assert (exact.distance - read.distance).abs().max() < 2e-3


def test_a_users_mano_has_its_choir_too(tmp_path):
    hand = Hand.mano(write_mano(tmp_path / "MANO_RIGHT.npz"))
    config = ChoirConfig(side=8)
    choir = encode(
        hand, bent(hand, 2), choir_objects([ball()], config=config), torch.zeros(2).long(), config=config
    )
    assert choir.anchor_distance.shape == (2, 512) and choir.contacts.mean.shape == (2, 32, 3)
    assert choir.anchor_distance.isfinite().all() and choir.contacts.cholesky.isfinite().all()


def test_bad_input_is_refused(hand):
    with pytest.raises(InputError, match=r"(?s)big.*0\.6 m.*units"):
        frame_objects(torch.zeros(1, 3), torch.tensor([[0.1, 0.7, 0.1]]), names=["big"], config=SMALL)
    with pytest.raises(InputError, match="no objects"):
        choir_objects([], config=SMALL)
    for wrong in (
        {"side": 2},
        {"layout": "cube"},
        {"reach": float("nan")},
        {"cone_angle": 4.0},
        {"spread": 0.0},
        {"layout": "ball", "assignment": "tiled"},
    ):
        with pytest.raises(InputError):
            ChoirConfig(**wrong)
    objects = choir_objects([ball()], config=SMALL)
    vertices, index = bent(hand, 1), torch.tensor([0])
    with pytest.raises(InputError, match="settings"):
        encode(hand, vertices, objects, index, config=ChoirConfig())
    with pytest.raises(InputError, match="shape"):
        encode(hand, vertices[:, :-1], objects, index, config=SMALL)
    with pytest.raises(InputError, match="no such object"):
        encode(hand, vertices, objects, index + 1, config=SMALL)
    with pytest.raises(InputError, match="finite"):
        encode(hand, vertices * torch.nan, objects, index, config=SMALL)
