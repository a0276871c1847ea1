"""Which rows a step sees, and its seeds."""

import pytest
import torch

from handhold.errors import InputError
from handhold.models.training.order import RowOrder, derive_seed, seeded, share_of


@pytest.mark.parametrize(("count", "batch"), [(10, 5), (10, 4), (7, 3), (3, 8), (5, 5), (1, 2)])
def test_every_row_comes_once_an_epoch(count, batch):
    order = RowOrder(count, batch, seed=3)
    steps = 3 * count  # of 3 * batch epochs
    stream = torch.cat([order.rows(step) for step in range(1, steps + 1)])
    assert all(len(order.rows(step)) == batch for step in (1, 2, steps))
    for epoch in stream.reshape(3 * batch, count):
        assert epoch.sort().values.tolist() == list(range(count))


def test_the_order_follows_from_seed_and_step_alone():
    walked = RowOrder(100, 32, seed=1)
    rows = [walked.rows(step) for step in range(1, 9)]
    assert torch.equal(RowOrder(100, 32, seed=1).rows(8), rows[-1])
    assert torch.equal(walked.rows(2), rows[1])
    assert not torch.equal(RowOrder(100, 32, seed=2).rows(8), rows[-1])
    assert not torch.equal(RowOrder(100, 100, seed=1).rows(1), RowOrder(100, 100, seed=1).rows(2))


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_share_a_batch_without_overlap(processes):
    rows = RowOrder(50, 12, seed=0).rows(2)
    shares = [share_of(rows, process=p, processes=processes) for p in range(processes)]
    assert {len(share) for share in shares} == {12 // processes}
    assert torch.cat(shares).sort().values.tolist() == rows.sort().values.tolist()


def test_a_batch_that_cannot_be_shared_evenly():
    with pytest.raises(InputError, match="multiple of the 5 processes"):
        share_of(torch.arange(12), process=0, processes=5)


def test_seeds_differ_wherever_their_parts_do():
    seeds = {derive_seed(a, "step", b, c) for a in range(5) for b in range(50) for c in range(4)}
    assert len(seeds) == 1000
    assert derive_seed(1, "step", 23) != derive_seed(12, "step", 3)


def test_seeded_gives_torch_its_state_back():
    before = torch.get_rng_state()
    with seeded(7, device=torch.device("cpu")) as generator:
        drawn, own = torch.rand(3), torch.rand(3, generator=generator)
    assert torch.equal(torch.get_rng_state(), before)
    with seeded(7, device=torch.device("cpu")) as generator:
        assert torch.equal(torch.rand(3), drawn)
        assert torch.equal(torch.rand(3, generator=generator), own)
    assert not torch.equal(drawn, own)
