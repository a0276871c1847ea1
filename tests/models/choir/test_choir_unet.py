"""The U-Net's parts: shapes, what they start as, who sees whom, and gradients on small grids in bfloat16."""

import pytest
import torch
from choir_examples import SMALL, stir
from torch.nn import functional

from handhold.models.choir.unet import Attention, Conv3d, Down, ResidualConv, Up

SIZES = {name: getattr(SMALL, name) for name in ("patch", "widths", "blocks", "heads", "condition")}


def soil_memory() -> None:
    """Leave NaN in the memory that is handed out next."""
    junk = [torch.full((1 << size,), torch.nan) for size in range(10, 21) for _ in range(3)]
    del junk


def made(net, *, seed: int = 0):
    torch.manual_seed(seed)
    stir(net, seed=seed)
    return net.eval()


def nets():
    """A context's encoder, the way down and the way up."""
    found = (Down(3, side=8, context=False, **SIZES), Down(1, side=8, context=True, **SIZES), Up(1, **SIZES))
    return tuple(made(net, seed=k) for k, net in enumerate(found))


def draw(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


# Convolutions in bfloat16.


@pytest.mark.parametrize("inputs", [8, 96])
@pytest.mark.parametrize("side", [1, 2, 3, 4, 8])
def test_gradients_in_bfloat16_are_those_of_full_precision(side, inputs):
    torch.manual_seed(0)
    layer = Conv3d(inputs, 96, 3, padding=1)
    values, slope = draw(4, inputs, side, side, side), draw(4, 96, side, side, side, seed=1)
    (layer(values) * slope).sum().backward()
    exact = [parameter.grad.clone() for parameter in layer.parameters()]
    for _ in range(3):
        layer.zero_grad()
        soil_memory()
        with torch.autocast("cpu", torch.bfloat16):
            found = layer(values)
        (found.float() * slope).sum().backward()
        for parameter, true in zip(layer.parameters(), exact, strict=True):
            assert (parameter.grad - true).norm() < 0.01 * true.norm()


def test_large_grids_stay_in_bfloat16():
    layer = Conv3d(8, 8, 3, padding=1)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(draw(1, 8, 4, 4, 4)).dtype == torch.bfloat16
        assert layer(draw(1, 8, 2, 2, 2).bfloat16()).dtype == torch.float32


def test_the_whole_net_has_finite_gradients_in_bfloat16():
    sizes = {**SIZES, "widths": (96, 96)}
    torch.manual_seed(0)
    down, up = Down(1, side=8, context=False, **sizes), Up(1, **sizes)
    stir(down, size=0.01)
    stir(up, size=0.01)
    for _ in range(3):
        soil_memory()
        with torch.autocast("cpu", torch.bfloat16):
            found, _ = up(down(draw(2, 1, 8, 8, 8), draw(2, 32)), draw(2, 32))
        found.float().square().mean().backward()
    for net in (down, up):
        assert all(parameter.grad.isfinite().all() for parameter in net.parameters())


# Shapes, and what is there before anything is learnt.


@pytest.mark.parametrize(
    ("side", "patch", "widths"), [(8, 1, (8, 16, 24)), (8, 2, (16, 24)), (16, 4, (24,)), (24, 3, (8, 8, 8))]
)
def test_each_resolution_is_half_the_one_before_and_all_come_back(side, patch, widths):
    sizes = {**SIZES, "patch": patch, "widths": widths, "blocks": (1,) * len(widths), "heads": 4}
    context = Down(3, side=side, context=False, **sizes)
    down, up = Down(1, side=side, context=True, **sizes), Up(1, **sizes)
    condition = draw(2, 32)
    seen = context(draw(2, 3, side, side, side), condition)
    found = down(draw(2, 1, side, side, side), condition, seen)
    out, bottleneck = up(found, condition)
    finest = side // patch
    expected = [(2, width, *[finest >> k] * 3) for k, width in enumerate(widths)]
    assert [tuple(level.shape) for level in found] == [tuple(level.shape) for level in seen] == expected
    assert out.shape == (2, 1, side, side, side) and bottleneck.shape == expected[-1]


def test_a_new_net_says_nothing():
    torch.manual_seed(0)
    block, attention, up = ResidualConv(16, 16, condition=32), Attention(16, heads=2), Up(1, **SIZES)
    values = draw(2, 16, 4, 4, 4)
    assert torch.equal(block(values, draw(2, 32)), values)
    assert torch.equal(attention(values), values)
    assert (up([values, draw(2, 24, 2, 2, 2)], draw(2, 32))[0] == 0).all()


def test_gradients_reach_every_weight():
    context, down, up = nets()
    condition = draw(2, 32)
    found, bottleneck = up(
        down(draw(2, 1, 8, 8, 8), condition, context(draw(2, 3, 8, 8, 8, seed=1), condition)), condition
    )
    (found.square().mean() + bottleneck.square().mean()).backward()
    for net in (context, down, up):
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None and parameter.grad.norm() > 0, name


# Who sees whom.


def test_attention_is_torchs():
    layer = made(Attention(16, heads=4))
    values, context = draw(2, 16, 4, 4, 4), draw(2, 16, 2, 2, 2, seed=1)
    tokens = layer.norm(values).flatten(2).mT
    asked = layer.norm_context(context).flatten(2).mT
    heads = lambda t: t.unflatten(-1, (4, 4)).transpose(1, 2)
    key, value = layer.answer(asked).split(16, -1)
    found = functional.scaled_dot_product_attention(heads(layer.ask(tokens)), heads(key), heads(value))
    expected = values.flatten(2).mT + layer.last(found.transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(values, context).flatten(2).mT, expected)


def test_attention_asks_places_in_no_order():
    layer = made(Attention(16, heads=2))
    values, context = draw(2, 16, 4, 4, 4), draw(2, 16, 4, 4, 4, seed=1)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(2))
    shuffle = lambda grid: grid.flatten(2)[..., order].view_as(grid)
    torch.testing.assert_close(layer(values, shuffle(context)), layer(values, context))
    torch.testing.assert_close(layer(shuffle(values)), shuffle(layer(values)))


def test_a_place_is_known_by_itself():
    """The same patch everywhere: places differ by what is learnt of them, and by the rim."""
    down = made(Down(1, side=8, context=False, **{**SIZES, "widths": (16,), "blocks": (1,)}))
    found = down(torch.zeros(1, 1, 8, 8, 8), draw(1, 32))[0][0].flatten(1)
    apart = torch.pdist(found.T)
    assert apart.min() > 1e-3


def test_rows_do_not_see_each_other():
    context, down, up = nets()
    grid, seen, condition = draw(3, 1, 8, 8, 8), draw(3, 3, 8, 8, 8, seed=1), draw(3, 32, seed=2)
    run = lambda rows: up(
        down(grid[rows], condition[rows], context(seen[rows], condition[rows])), condition[rows]
    )[0]
    whole = run(torch.arange(3))
    for row in range(3):
        torch.testing.assert_close(run(torch.tensor([row])), whole[row, None], atol=1e-5, rtol=1e-4)
    assert (whole[0] - whole[1]).abs().max() > 0.01


def test_context_and_condition_are_heard():
    down = made(Down(1, side=8, context=True, **SIZES))
    context = made(Down(3, side=8, context=False, **SIZES), seed=1)
    grid, condition = draw(1, 1, 8, 8, 8), draw(1, 32)
    first, other = (context(draw(1, 3, 8, 8, 8, seed=k), condition) for k in (0, 1))
    told = down(grid, condition, first)
    for changed in (down(grid, condition, other), down(grid, -condition, first)):
        assert all((a - b).abs().max() > 0.01 for a, b in zip(told, changed, strict=True))
