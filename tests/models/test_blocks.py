import torch

from handhold.models.blocks import PointNet, Residual, Stack, time_features


def test_pointnet_does_not_see_the_order_of_points():
    net, points = PointNet(3, (8, 16)), torch.randn(4, 30, 3)
    torch.testing.assert_close(net(points), net(points[:, torch.randperm(30)]))
    assert net(points).shape == (4, 16)


def test_a_new_residual_block_changes_nothing_and_learns_what_a_condition_says():
    block, values = Residual(8, condition=3), torch.randn(5, 8)
    assert torch.equal(block(values, torch.randn(5, 3)), values)
    torch.nn.init.normal_(block.layers[-1].weight)
    one, other = (block(values, torch.full((5, 3), x)) for x in (0.0, 1.0))
    assert (one - other).abs().max() > 1e-3


def test_a_silent_stack_says_nothing_before_it_has_learnt():
    net = Stack(6, 4, width=16, depth=2, silent=True)
    assert torch.equal(net(torch.randn(3, 6)), torch.zeros(3, 4))
    assert Stack(6, 4, width=16, depth=2)(torch.randn(3, 6)).abs().max() > 0


def test_time_features_tell_all_steps_apart():
    features = time_features(torch.arange(1000), 64)
    assert features.shape == (1000, 64)
    apart = torch.cdist(features, features) + 10 * torch.eye(1000)
    assert apart.min() > 1e-3
